"""Polynomials in place of activations, one layer at a time: what is done today, for comparison.

Each activation s_l is approximated where its arguments v_l lie on some inputs. That is optimal for
s_l, and not for the network: it does not see what the next layers make of the errors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import ArrayLike

from ..checks import check_integer, check_sequence, check_type, check_word
from .trained import TrainedNetwork

WAYS = ("least-squares", "chebyshev")


def approximate_activations(
    trained: TrainedNetwork,
    inputs: ArrayLike,
    degrees: Sequence[int],
    way: str = "least-squares",
) -> np.ndarray:
    """Coefficients of polynomials close to the activations of a trained network.

    Parameters
    ----------
    trained : TrainedNetwork
    inputs : array, shape (N, m_0)
    degrees : sequence of int
        One a hidden layer.
    way : str
        "least-squares": on the arguments that all units of a layer have for these inputs.
        "chebyshev": interpolation in the Chebyshev points of their range, nearly the best uniform
        approximation there.

    Returns
    -------
    array
        c_(1,0), ..., c_(1,d_1), c_(2,0), ...: the coefficients of
        `PolynomialNetwork.from_trained(trained, degrees)` where that is not normalised.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Examples
    --------
    >>> relu = TrainedNetwork([[[1.0]], [[1.0]]])
    >>> X = np.linspace(-1, 1, 201)[:, None]
    >>> approximate_activations(relu, X, [2]).round(2).tolist()
    [0.09, 0.5, 0.47]
    """
    check_type("trained", trained, TrainedNetwork)
    check_word("way", way, WAYS)
    degrees = check_sequence("degrees", degrees)
    arguments = trained.pre_activations(inputs)
    if len(degrees) != len(arguments):
        raise ValueError(
            f"degrees must be one for each of the {len(arguments)} hidden layers, "
            f"got {len(degrees)}"
        )
    found = []
    for layer, (v, degree) in enumerate(zip(arguments, degrees, strict=True), start=1):
        check_integer(f"degrees[{layer - 1}]", degree, at_least=1)
        s, v = trained.function(layer), v.ravel()
        if way == "least-squares":
            p = Polynomial.fit(v, s(v), degree)
        else:
            p = Chebyshev.interpolate(s, degree, [v.min(), v.max()])
        p = p.convert(kind=Polynomial, domain=[-1, 1])
        found.append(np.pad(p.coef, (0, degree + 1 - len(p.coef))))
    return np.concatenate(found)
