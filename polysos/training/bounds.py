"""Bounds that are given for the coefficients: a box, or a ball around 0."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite
from numbers import Real

import numpy as np

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..checks import check_pairs, check_positive

_ROUNDING = 4e-15  # of a norm, and more: what is inside by this much is inside exactly
_SMALLEST, _LARGEST = 1e-40, 1e40  # of an end that is not 0: its square is in a problem


@dataclass(frozen=True, eq=False)
class Bounds:
    """A box for the coefficients, or a ball around 0 with the box around it, or neither.

    Attributes
    ----------
    box : array, shape (n, 2), or None
        Lower and upper ends, which may be infinite.
    radius : float or None
    """

    box: np.ndarray | None = None
    radius: float | None = None

    def applied_to(self, problem: PolynomialProblem, n: int) -> PolynomialProblem:
        """The problem with these bounds of its first n variables as inequalities."""
        if self.box is None:
            return problem
        names = problem.objective.names
        x = [
            Polynomial({tuple(int(i == k) for k in range(len(names))): 1.0}, len(names), names)
            for i in range(n)
        ]
        low, high = self.box.T.tolist()
        added = [v - end for v, end in zip(x, low, strict=True) if isfinite(end)]
        added += [end - v for v, end in zip(x, high, strict=True) if isfinite(end)]
        if self.radius is not None:
            added.append(Fraction(self.radius) ** 2 - sum((v * v for v in x), 0 * x[0]))
        inequalities = (*problem.inequalities, *added)
        return PolynomialProblem(problem.objective, inequalities, problem.equalities)

    def inside(self, c: np.ndarray) -> np.ndarray:
        """c, moved into the bounds where it has left them."""
        if self.box is not None:
            c = np.clip(c, self.box[:, 0], self.box[:, 1])
        if self.radius is not None:
            largest, size = self.radius * (1 - _ROUNDING), np.linalg.norm(c)
            c = c if size <= largest else c * (largest / size)
        return c

    def around(self, c: np.ndarray) -> Bounds:
        """The box for the distance from c."""
        return Bounds(None if self.box is None else self.box - c[:, None])

    def random_start(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """From the normal law, or from the box where that is bounded."""
        start = rng.standard_normal(n)
        if self.box is not None:
            known = np.isfinite(self.box).all(axis=1)
            start[known] = rng.uniform(self.box[known, 0], self.box[known, 1])
        return start


def read_bounds(bounds, names) -> Bounds:
    """From the argument `bounds` of `fit`."""
    n = len(names)
    if bounds is None:
        return Bounds()
    if isinstance(bounds, Real):
        check_positive("bounds", bounds)
        _check_size("bounds", bounds)
        return Bounds(np.tile([-float(bounds), float(bounds)], (n, 1)), float(bounds))
    box = np.tile([-inf, inf], (n, 1))
    for i, ends in enumerate(check_pairs("bounds", bounds, names)):
        if ends is not None:
            for end in ends:
                _check_size(f"bounds[{i}]", end)
            box[i] = ends
    return Bounds(box)


def _check_size(name: str, end) -> None:
    if end != 0 and isfinite(end) and not _SMALLEST < abs(float(end)) < _LARGEST:
        raise ValueError(
            f"{name} must have ends of size {_SMALLEST:g} to {_LARGEST:g}, 0 or infinite, got {end}"
        )
