"""Stationary points with short coordinates: where a minimizer is rational, its value is a bound."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..algebra.problem import PolynomialProblem

_DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 60, 100, 1000, 10**6)
_NEAR = 1e-3  # units: where f is flat, a local search stops that far away


def stationary_point(
    problem: PolynomialProblem, x: np.ndarray, scale: np.ndarray
) -> tuple[Fraction, ...] | None:
    """A rational point near x where the gradient of the objective is 0, exactly; None if not found.

    Parameters
    ----------
    problem : PolynomialProblem
        Its constraints do not matter.
    x, scale : array, shape (n,)
        A point in floats, and the units in which to measure what is near.

    Examples
    --------
    >>> from polysos import variables
    >>> (t,) = variables(1)
    >>> p = PolynomialProblem((3 * t - 1) ** 4 + 2)
    >>> stationary_point(p, np.array([0.33334]), np.ones(1))
    (Fraction(1, 3),)
    """
    gradient = problem.objective.exact().gradient()
    tried = set()
    for d in _DENOMINATORS:
        z = tuple(Fraction(v).limit_denominator(d) for v in x.tolist())
        far = max(abs(float(a) - b) / s for a, b, s in zip(z, x.tolist(), scale, strict=True))
        if z not in tried and far <= _NEAR and all(g(z) == 0 for g in gradient):
            return z
        tried.add(z)
    return None
