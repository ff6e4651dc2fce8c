"""Which residuals a proof is about: all where there are few, else the largest.

The largest of some residuals is no larger than that of all, so a bound of it is one of the loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..algebra.problem import PolynomialProblem
from ..hierarchy.rounding import independent_rows
from ..proofs.proof import Proof
from .bounds import Bounds
from .chain import trivial_proof
from .residuals import Residuals

_FEW = 100  # residuals: with more of them a proof is about the largest only
_MATTERS = 20  # of the largest residuals at a point: where all of them take part, it is enough
_PER_MONOMIAL = 5  # residuals, that are added at a time


@dataclass(frozen=True, eq=False)
class ChosenRows:
    """Some of the residuals, with the problem that a proof about them states.

    Attributes
    ----------
    whole : Residuals
        All of them.
    bounds : Bounds
    rows : array of int
        Which are chosen.
    """

    whole: Residuals
    bounds: Bounds
    rows: np.ndarray

    @classmethod
    def first(cls, r: Residuals, bounds: Bounds) -> ChosenRows:
        few = r.squares or len(r.targets) <= _FEW
        return cls(r, bounds, np.arange(len(r.targets) if few else _FEW))

    @property
    def are_all(self) -> bool:
        return len(self.rows) == len(self.whole.targets)

    @cached_property
    def part(self) -> Residuals:
        return self.whole if self.are_all else self.whole.restricted(self.rows)

    @cached_property
    def problem(self) -> PolynomialProblem:
        return self.bounds.applied_to(self.part.problem(), self.whole.n_coefficients)

    def trivial_proof(self) -> Proof:
        """That the loss is nonnegative."""
        return trivial_proof(self.part, self.problem)

    def spanning(self) -> ChosenRows:
        """Rows that span what all rows span, well conditioned."""
        size = np.linalg.norm(self.whole.matrix, axis=0)
        rows = independent_rows(self.whole.matrix / np.where(size > 0, size, 1.0))
        return ChosenRows(self.whole, self.bounds, np.unique(rows))

    def with_largest_at(self, c: np.ndarray) -> ChosenRows:
        """With the residuals that are largest at c; the same where all that matter are there."""
        many = max(_FEW, _PER_MONOMIAL * len(self.whole.exponents))
        largest = np.argsort(-np.abs(self.whole(c)))[:many]
        if self.are_all or np.isin(largest[:_MATTERS], self.rows).all():
            return self
        return ChosenRows(self.whole, self.bounds, np.union1d(self.rows, largest))
