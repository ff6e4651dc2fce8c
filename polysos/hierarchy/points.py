"""The points that a search has found: they bound the minimum from above.

A point counts once it is proven feasible. One that is feasible to a tolerance only is kept apart:
near the feasible set there may be values far below the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..proofs.exact import round_up, to_fmpq, to_fraction
from ..proofs.feasible_points import FeasiblePoint
from .local_search import LocalSearch
from .near_points import NearPoints

_SAME = 1e-3  # units: minimizers closer than this are listed once
_AS_GOOD = 1e-3  # of the slip: how much the values of listed minimizers may differ
_BETWEEN = 8  # parts of the way between two points


@dataclass(frozen=True, eq=False)
class Candidate:
    """A point, its value rounded up, and what is known of it.

    Attributes
    ----------
    x : array, shape (n,)
    value : float
    steady : bool
        Whether points further out have larger values; else the infimum may not be attained.
    proven : FeasiblePoint or None
    """

    x: np.ndarray
    value: float
    steady: bool
    proven: FeasiblePoint | None

    @property
    def exact_value(self) -> Fraction:
        return Fraction(self.value) if self.proven is None else self.proven.value


class Points:
    """Points of one problem, best first; each proven feasible where that succeeds."""

    def __init__(self, local: LocalSearch, tolerance: float, feasibility: float):
        self.local, self.scaled = local, local.scaled
        self.near = NearPoints(local)
        self.tolerance, self.feasibility = tolerance, feasibility
        self.all: list[Candidate] = []

    def slip(self, value: float) -> float:
        """What `value` may exceed a bound by, where the two are said to meet."""
        return self.tolerance * min(max(1.0, abs(value)), self.scaled.objective_factor)

    def add(self, z: np.ndarray) -> None:
        """Take in a point given in scaled variables, if it is feasible to `feasibility`."""
        x = self.scaled.to_user(z)
        if not np.isfinite(x).all() or self._violation(x) > self.feasibility:
            return
        # Without rounding: floats may cancel, and a value below the truth would certify too much.
        value = round_up(to_fraction(self.near.exact.objective(*map(to_fmpq, x.tolist()))))
        if not np.isfinite(value):
            return
        proven = self.near.prove(x, 0.01 * self.slip(value))
        if proven is not None:
            x, value = proven.coordinates, round_up(proven.value)
        drifts = self.local.falls_further_out(self.scaled.from_user(x), self.tolerance)
        self.all.append(Candidate(x, value, not drifts, proven))
        self.all.sort(key=lambda point: point.value)

    def _violation(self, x: np.ndarray) -> float:
        rough = self.scaled.violation(self.scaled.from_user(x))
        return rough if rough > self.feasibility else self.scaled.exact_violation(x)

    # Which of them count

    @property
    def proven(self) -> list[Candidate]:
        return [point for point in self.all if point.proven is not None]

    def unproven(self, bound: Fraction | None) -> list[Candidate]:
        """Points that are nearly feasible, but for those that the bound shows to be infeasible."""
        return [
            point
            for point in self.all
            if point.proven is None
            and (bound is None or bound - point.exact_value <= Fraction(self.slip(point.value)))
        ]

    def best(self, bound: Fraction | None) -> Candidate | None:
        """The best proven point; where there is none, the best one that is nearly feasible."""
        return next(iter([*self.proven, *self.unproven(bound)]), None)

    def meeting(self, bound: Fraction | None, proven: bool = True) -> list[Candidate]:
        """Points whose values meet a bound.

        Those that drift off do not count, unless the value is the bound: then it is attained.
        """
        if bound is None:
            return []
        return [
            point
            for point in (self.proven if proven else self.unproven(bound))
            if point.exact_value - bound <= Fraction(self.slip(point.value))
            and (point.steady or (proven and point.proven.value <= bound))
        ]

    def recheck(self, bound: Fraction | None) -> None:
        """Verify the points that count once more, from scratch; one that fails is dropped."""
        counting = {id(point) for point in [*self.meeting(bound), *self.proven[:1]]}
        problem = self.scaled.problem
        self.all = [p for p in self.all if id(p) not in counting or p.proven.verify(problem)]

    def different(self, points: list[Candidate]) -> list[Candidate]:
        """One of each cluster of equally good points, in lexicographic order."""
        kept: list[Candidate] = []
        for point in points:  # best first
            room = _AS_GOOD * self.slip(points[0].value)
            if point.value <= points[0].value + room and not any(
                self._is_close(point, other) or self._is_above(point, other) for other in kept
            ):
                kept.append(point)
        return sorted(kept, key=lambda point: tuple(np.round(point.x, 6)))

    def _is_close(self, point: Candidate, other: Candidate) -> bool:
        return bool(np.abs((point.x - other.x) / self.scaled.scale).max() <= _SAME)

    def _is_above(self, point: Candidate, other: Candidate) -> bool:
        """Whether the way to a better point leads down a valley: then this one is no minimizer."""
        if not point.value > other.value:
            return False
        way = np.linspace(point.x, other.x, _BETWEEN + 1)[1:-1]
        return all(
            self._violation(x) <= self.feasibility
            and self.near.exact.objective(*map(to_fmpq, x.tolist())) <= to_fmpq(point.value)
            for x in way
        )
