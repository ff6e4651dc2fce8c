"""Looking for a proof that a problem is unbounded: a simple curve, out of descents further out."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import lcm

import numpy as np

from ..algebra.problem import PolynomialProblem
from ..proofs.descent_curve import DescentCurve
from .local_search import LocalSearch

_RADII = (1e1, 1e2, 1e3, 1e4)


def find_descent_curve(
    problem: PolynomialProblem, search: LocalSearch, attempts: int = 8
) -> DescentCurve | None:
    """Look for a curve by local descents in larger and larger balls.

    The growth of each coordinate from one ball to the next gives its power; powers and
    coefficients are rounded to simple rationals, and only the exact check counts.
    """
    if not search.free.any():
        return None
    for start in search.random_starts(attempts, seed=1):
        path = [start]
        for radius in _RADII:
            further = _lowest_in_ball(search, path[-1], radius)
            if further is not None:
                path.append(further)
        if len(path) < 3:
            continue
        near, far = (search.scaled.to_user(z) for z in path[-2:])
        for curve in _rounded_curves(problem, near, far):
            if curve.verify():
                return curve
    return None


def _lowest_in_ball(search: LocalSearch, z: np.ndarray, radius: float) -> np.ndarray | None:
    """The better of two local descents in a ball: from where we are, and from its surface."""
    found = []
    for start in (z, z * (radius / max(float(np.linalg.norm(z)), 1e-12))):
        end = search.descend(start, at_most=radius)
        if end is not None and search.scaled.violation(end) <= 1e-6 * radius:
            found.append(end)
    return min(found, key=search.scaled.objective, default=None)


def _rounded_curves(problem: PolynomialProblem, near: np.ndarray, far: np.ndarray):
    """Curves with simple powers and coefficients through two points, one ten times further out."""
    with np.errstate(all="ignore"):
        growth = np.log10(np.abs(far) / np.abs(near))
        length = np.log10(np.linalg.norm(far))
    for smallest, parts in product((1e-2, 1e-9), (1, 2, 3)):
        zero = (np.abs(far) < smallest) | ~np.isfinite(growth)
        fractions = [Fraction(round(parts * g), parts) for g in np.where(zero, 0.0, growth)]
        scale = lcm(*(p.denominator for p in fractions))
        powers = tuple(int(p * scale) for p in fractions)
        with np.errstate(all="ignore"):
            leading = far / 10.0 ** (length * np.array(fractions, dtype=float))
        leading = np.where(zero | ~np.isfinite(leading), 0.0, leading)
        for denominator in (1, 2, 4, 10, 100):
            b = tuple(Fraction(v).limit_denominator(denominator) for v in leading.tolist())
            yield DescentCurve(problem, b, powers)
        yield DescentCurve(problem, tuple(Fraction(int(v)) for v in np.sign(leading)), powers)
