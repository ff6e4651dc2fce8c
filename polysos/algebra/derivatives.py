"""Monomials and their derivatives in floats: what every local search evaluates."""

from __future__ import annotations

import numpy as np


class MonomialFunctions:
    """The monomials phi(z) with given exponents, evaluated together.

    Parameters
    ----------
    exponents : array of int, shape (p, n)

    Examples
    --------
    >>> phi = MonomialFunctions(np.array([[2, 0], [1, 1]]))  # x^2, x y
    >>> z = np.array([3.0, 5.0])
    >>> phi.values(z).tolist(), phi.slopes(z).tolist()
    ([9.0, 15.0], [[6.0, 5.0], [0.0, 3.0]])
    >>> phi.curvature(z, np.array([1.0, 10.0])).tolist()  # of x^2 + 10 x y
    [[2.0, 10.0], [10.0, 0.0]]
    """

    def __init__(self, exponents: np.ndarray):
        self.exponents = exponents
        self._lowered = _lowered(exponents)

    def values(self, z: np.ndarray) -> np.ndarray:
        """phi(z), shape (p,)."""
        return np.prod(z**self.exponents, axis=1)

    def slopes(self, z: np.ndarray) -> np.ndarray:
        """The derivative of each by each variable, shape (n, p)."""
        return self.exponents.T * np.prod(z**self._lowered, axis=2)

    def curvature(self, z: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Second derivatives of weights . phi, shape (n, n)."""
        rows = []
        for own, first in zip(self.exponents.T, self._lowered, strict=True):
            second = first.T * np.prod(z ** _lowered(first), axis=2)
            rows.append(second @ (weights * own))
        return np.array(rows)


def _lowered(exponents: np.ndarray) -> np.ndarray:
    """With one power less of each variable in turn, not below 0: shape (n, p, n)."""
    return np.maximum(exponents - np.eye(exponents.shape[1], dtype=int)[:, None, :], 0)
