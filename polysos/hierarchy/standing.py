"""Where a search stands: the best points, the best proof, and whether the two meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.descent_curve import DescentCurve
from ..proofs.proof import Proof
from ..proofs.region import Region
from ..relaxations.relaxation import Relaxation
from .points import Candidate, Points


@dataclass(eq=False)
class Standing:
    """What is known of a problem so far.

    Attributes
    ----------
    problem : PolynomialProblem
    points : Points
        Upper bounds.
    proof : Proof or None
        The best lower bound.
    verdict : Proof, DescentCurve or None
        That there is no feasible point, or that f falls without end.
    lemmas : tuple of Proof
        Bounds of single variables, at points at least as good as the best.
    history : list of Relaxation
        The paper's, one an order.
    atoms : int or None
        How many minimizers a flat moment matrix counts.
    alone : bool
        Whether the proof shows that there is one minimizer only.
    """

    problem: PolynomialProblem
    points: Points
    proof: Proof | None = None
    verdict: Proof | DescentCurve | None = None
    lemmas: tuple[Proof, ...] = ()
    history: list[Relaxation] = field(default_factory=list)
    atoms: int | None = None
    alone: bool = False

    def keep(self, proof: Proof) -> None:
        """Take a proof if it holds and proves more than the one at hand."""
        if proof.holds and (self.proof is None or proof.bound > self.proof.bound):
            self.proof = proof

    @property
    def bound(self) -> Fraction | None:
        return None if self.proof is None else self.proof.bound

    @property
    def value(self) -> float:
        """The smallest value, of a proven point where there is one; NaN where there is no point."""
        best = self.points.best(self.bound)
        return np.nan if best is None else best.value

    @property
    def has_value(self) -> bool:
        return not np.isnan(self.value)

    @property
    def is_certified(self) -> bool:
        return bool(self.points.meeting(self.bound))

    @property
    def is_settled(self) -> bool:
        """Whether nothing better can be said."""
        return self.is_certified or self.verdict is not None

    def minimizers(self, proven: bool = True) -> list[Candidate]:
        """The points that meet the bound, one of each cluster, in lexicographic order."""
        return self.points.different(self.points.meeting(self.bound, proven))

    # Points at least as good as the best

    def sublevel(self, unit: float) -> Fraction:
        """A level above the best value: by the gap, within what the solver's digits can tell.

        `unit` is the size of the objective where the solver sees it as 1.
        """
        value = self.value
        gap = value - self.proof.lower_bound if self.proof is not None else np.inf
        return Fraction(value + min(max(gap, 1e-5 * unit), 0.01 * unit))

    def below(self, u: Fraction) -> PolynomialProblem | None:
        """The problem with u - f >= 0; None where its numbers are too large or too small."""
        try:
            return self.problem.with_inequality(u - self.problem.objective.exact())
        except ValueError:
            return None

    def region(self, problem: PolynomialProblem) -> Region:
        """What the lemmas leave of the feasible set of a problem from `below`."""
        region = Region.of(problem)
        for lemma in self.lemmas:
            region = region.after(lemma)
        return region

    def variables(self) -> list[Polynomial]:
        """x_1, ..., x_n, in rationals."""
        f = self.problem.objective
        unit = np.eye(f.n_variables, dtype=int).tolist()
        return [Polynomial({tuple(e): Fraction(1)}, f.n_variables, f.names).exact() for e in unit]
