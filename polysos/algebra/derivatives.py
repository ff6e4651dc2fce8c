"""Monomials and their derivatives in floats: what every local search evaluates."""

from __future__ import annotations

from functools import cached_property

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
        # Most monomials hold few variables: these come first, and the others are left out.
        most = int((exponents > 0).sum(axis=1).max(initial=1))
        self._places = np.argsort(exponents == 0, axis=1, kind="stable")[:, :most]
        self._powers = np.take_along_axis(exponents, self._places, axis=1)
        self._slopes_of_powers = _lowered(self._powers)
        self._columns = np.arange(len(exponents))

    @cached_property
    def _lowered(self) -> np.ndarray:
        return _lowered(self.exponents)

    def values(self, z: np.ndarray) -> np.ndarray:
        """phi(z), shape (p,)."""
        return np.prod(z[self._places] ** self._powers, axis=1)

    def slopes(self, z: np.ndarray) -> np.ndarray:
        """The derivative of each by each variable, shape (n, p)."""
        slopes = np.zeros(self.exponents.T.shape)
        slopes[self._places.T, self._columns] = self._powers.T * np.prod(
            z[self._places] ** self._slopes_of_powers, axis=2
        )
        return slopes

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
