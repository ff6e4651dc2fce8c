"""What values a network can take on a box of inputs: interval arithmetic, in balls of flint.

An affine map takes a box to a box: each of its values is a sum of terms with separate variables. A
polynomial of degree d on an interval lies between the smallest and the largest of its d + 1
Bernstein coefficients there. What is lost is that the units of a layer see the same inputs.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, nextafter

import numpy as np
from flint import arb
from numpy.typing import ArrayLike

from ..checks import check_array, check_type
from ..proofs.exact import to_fmpq
from .networks import PolynomialNetwork


def value_ranges(
    net: PolynomialNetwork, coefficients: ArrayLike, lower: ArrayLike, upper: ArrayLike
) -> list[np.ndarray]:
    """Proven ranges of all values in a network, for all inputs in a box.

    Parameters
    ----------
    net : PolynomialNetwork
    coefficients : array, shape (n_coefficients,)
        In floats or Fractions, like the weights: neither is rounded.
    lower, upper : array, shape (m_0,)
        The box. On data, take the smallest and the largest value of each input.

    Returns
    -------
    list of array
        v_1, h_1, v_2, h_2, ..., v_(D+1), before and after each activation; the last are the
        outputs. (m_l, 2) each, rounded outwards: lower ends, and upper ends.

    Raises
    ------
    ValueError, TypeError
        If the arguments do not fit, or the box is empty.

    Examples
    --------
    x^2 of an input between -1 and 2, plus 1:

    >>> net = PolynomialNetwork([[[1.0]], [[1.0]]], degrees=(2,), biases=[None, [1.0]])
    >>> [r.round(3).tolist() for r in value_ranges(net, [0.0, 0.0, 1.0], [-1.0], [2.0])]
    [[[-1.0, 2.0]], [[-2.0, 4.0]], [[-1.0, 5.0]]]
    """
    check_type("net", net, PolynomialNetwork)
    ends = [check_array(name, v, ndim=1) for name, v in (("lower", lower), ("upper", upper))]
    for name, v in zip(("lower", "upper"), ends, strict=True):
        if len(v) != net.n_inputs:
            raise ValueError(f"{name} must be {net.n_inputs} numbers, one an input, got {len(v)}")
    if not (ends[0] <= ends[1]).all():
        i = int(np.argmin(ends[0] <= ends[1]))
        raise ValueError(f"lower must be at most upper, got {ends[0][i]} and {ends[1][i]} at {i}")
    activations = net.activations(coefficients)
    box, ranges = np.column_stack(ends), []
    for k, (W, bias) in enumerate(net.layers):
        box = _affine(W, np.zeros(len(W)) if bias is None else bias[0], box)
        ranges.append(box)
        if k < len(activations):
            box = np.array([_of_polynomial(activations[k].tolist(), *v) for v in box.tolist()])
            ranges.append(box)
    return ranges


def _affine(W: np.ndarray, bias: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Each row of W x + b for x in a box: the ends are where the signs of W say."""
    lower = np.where(W > 0, box[:, 0], box[:, 1])
    upper = np.where(W > 0, box[:, 1], box[:, 0])
    ends = []
    rows = zip(W.tolist(), bias.tolist(), lower.tolist(), upper.tolist(), strict=True)
    for row, b, *corners in rows:
        sums = [sum(map(_product, row, corner), _ball(b)) for corner in corners]
        ends.append((_down(sums[0]), _up(sums[1])))
    return np.array(ends)


def _product(a, b) -> arb:
    return _ball(a) * _ball(b)


def _ball(number: float | Fraction) -> arb:
    return arb(number if isinstance(number, float) else to_fmpq(number))


def _of_polynomial(p: list, lower: float, upper: float) -> tuple[float, float]:
    """Between the Bernstein coefficients of p on [lower, upper]."""
    d, width = len(p) - 1, arb(upper) - arb(lower)
    taylor = [
        sum((comb(k, j) * _ball(p[k]) * arb(lower) ** (k - j) for k in range(j, d + 1)), arb(0))
        for j in range(d + 1)
    ]
    bernstein = [
        sum((taylor[j] * width**j * comb(i, j) / comb(d, j) for j in range(i + 1)), arb(0))
        for i in range(d + 1)
    ]
    return min(map(_down, bernstein)), max(map(_up, bernstein))


def _down(ball: arb) -> float:
    """A float below a ball."""
    return nextafter(float(ball.lower()), -np.inf)


def _up(ball: arb) -> float:
    return -_down(-ball)
