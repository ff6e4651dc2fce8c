"""What double precision itself does to a loss: a fit that is as good as that is exact.

Data are numbers of 53 bits, and so are coefficients and whatever a network computes with them. A
loss that is no larger than what this rounding makes of a perfect fit says nothing against the fit.
"""

from __future__ import annotations

import numpy as np

from ..proofs.exact_arrays import ExactArray
from .networks import PolynomialNetwork
from .residuals import Residuals

_MOST_PRODUCTS = 3e5  # of integers, where the network's own rounding is measured


def data_rounding(net: PolynomialNetwork, inputs, outputs, loss: str, r: Residuals, c) -> float:
    """How much of the loss at the coefficients c rounding explains, in units of the loss.

    What counts are the rounding of the outputs, half a unit in the last place, that of the
    coefficients, the same, and that of the network: the difference between its outputs in floats
    and those without any rounding, measured (on some of the samples, where there are very many).
    Each sample counts with its size, as if all erred in the same direction.

    Parameters
    ----------
    r : Residuals
        Of these data and this loss.
    c : array, shape (n_coefficients,)
    """
    step = 1 + int(len(inputs) * sum(W.size for W in net.weights) // _MOST_PRODUCTS)
    e = np.abs(_forward_errors(net, inputs[::step], c)) + _half_a_unit(outputs[::step])
    moves = np.abs(r.around(c).residuals(r).jacobian(0 * c)) * _half_a_unit(c)
    if loss == "sample-sup":
        return float(e.max() + moves.sum(axis=1).max())
    if loss == "mean-sup":
        return float(e.mean(axis=0).max() + moves.sum(axis=1).max())
    of_outputs = (
        (e**2).sum(axis=1).mean() if loss == "sample-squares" else (e.mean(axis=0) ** 2).sum()
    )
    norm = np.sqrt(of_outputs) + np.linalg.norm(moves, axis=0).sum()
    return float(2 * np.sqrt(r.loss(c)) * norm + norm**2)


def _half_a_unit(values: np.ndarray) -> np.ndarray:
    return np.spacing(np.abs(values.astype(float))) / 2


def _forward_errors(net: PolynomialNetwork, inputs, c) -> np.ndarray:
    """The outputs in floats less those without rounding, (N, m_out)."""
    computed = net.map(lambda values: values.astype(float))(c, inputs.astype(float))
    h, layers = ExactArray.of(inputs), [layer.map(ExactArray.of) for layer in net.layers]
    for layer, p in zip(layers, net.activations(c), strict=False):
        v, (*lower, top) = layer(h), p.tolist()
        h = v.filled(top)
        for coefficient in reversed(lower):
            h = h * v + v.filled(coefficient)
    return (ExactArray.of(computed) + -layers[-1](h)).floats()
