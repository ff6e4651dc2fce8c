"""Bounds that are given for the coefficients: a box, or a ball around 0."""

from __future__ import annotations

from fractions import Fraction
from math import inf, isfinite
from numbers import Real

import numpy as np

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..checks import check_positive, check_sequence

_SMALLEST, _LARGEST = 1e-40, 1e40  # of an end that is not 0: its square is in a problem


def read_bounds(bounds, names):
    """(box (n, 2) or None, radius or None) from the argument `bounds` of `fit`."""
    n = len(names)
    if bounds is None:
        return None, None
    if isinstance(bounds, Real):
        check_positive("bounds", bounds)
        _check_size("bounds", bounds)
        return np.tile([-float(bounds), float(bounds)], (n, 1)), float(bounds)
    pairs = check_sequence("bounds", bounds)
    if len(pairs) == 2 and all(isinstance(end, Real) for end in pairs):
        pairs = [tuple(pairs)] * n
    if len(pairs) != n:
        raise ValueError(
            f"bounds must be a pair, a radius or {n} pairs, one for each of "
            f"{names}, got {len(pairs)}"
        )
    box = np.tile([-inf, inf], (n, 1))
    for i, pair in enumerate(pairs):
        if pair is None:
            continue
        ends = check_sequence(f"bounds[{i}]", pair)
        if len(ends) != 2 or not all(isinstance(v, Real) for v in ends) or not ends[0] < ends[1]:
            raise ValueError(
                f"bounds[{i}] must be a pair (lower, upper), lower < upper, got {pair}"
            )
        for end in ends:
            _check_size(f"bounds[{i}]", end)
        box[i] = ends
    return box, None


def _check_size(name: str, end) -> None:
    if end != 0 and isfinite(end) and not _SMALLEST < abs(float(end)) < _LARGEST:
        raise ValueError(
            f"{name} must have ends of size {_SMALLEST:g} to {_LARGEST:g}, 0 or infinite, got {end}"
        )


def with_bounds(problem: PolynomialProblem, box, radius, n: int) -> PolynomialProblem:
    """The problem with bounds of its first n variables as inequalities."""
    if box is None:
        return problem
    names = problem.objective.names
    x = [
        Polynomial({tuple(int(i == k) for k in range(len(names))): 1.0}, len(names), names)
        for i in range(n)
    ]
    added = [v - low for v, low in zip(x, box[:, 0].tolist(), strict=True) if isfinite(low)]
    added += [high - v for v, high in zip(x, box[:, 1].tolist(), strict=True) if isfinite(high)]
    if radius is not None:
        added.append(Fraction(radius) ** 2 - sum((v * v for v in x), 0 * x[0]))
    return PolynomialProblem(problem.objective, (*problem.inequalities, *added), problem.equalities)
