"""Where a fit stands: the best coefficients, the best proof, and whether the two meet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..algebra.problem import PolynomialProblem
from ..proofs.proof import Proof
from .candidates import Candidates, relative_gap
from .chain import Chain
from .chosen_rows import ChosenRows


@dataclass(frozen=True, eq=False)
class BoxStep:
    """A box that provably holds every coefficient vector at least as good as the best then known.

    Attributes
    ----------
    box : array, shape (n_coefficients, 2)
    lower_bound : float
        Of the loss, proven by then.
    """

    box: np.ndarray
    lower_bound: float


@dataclass(eq=False)
class Standing:
    """What is known of a fit so far.

    Attributes
    ----------
    candidates : Candidates
    rows : ChosenRows
        The residuals that proofs are about.
    tolerance : float
        The relative gap at which candidates and proof meet.
    proof : Proof
        The best; at first that the loss is nonnegative.
    history : list of BoxStep
    """

    candidates: Candidates
    rows: ChosenRows
    tolerance: float
    proof: Proof = field(init=False)
    history: list[BoxStep] = field(default_factory=list)
    _is_verified: bool = field(init=False, default=False)

    def __post_init__(self):
        self.proof = self.rows.trivial_proof()

    @cached_property
    def dense_problem(self) -> PolynomialProblem:
        """What `fitting_problem` gives; for squares the loss as a polynomial in c alone."""
        r = self.candidates.r
        return self.candidates.bounds.applied_to(r.dense_problem(), r.n_coefficients)

    def keep(self, proof: Proof, verified: bool = False) -> None:
        """Take a proof if it proves more than the one at hand."""
        if proof.bound > self.proof.bound:
            self.proof, self._is_verified = proof, verified

    def keep_box(self, chain: Chain) -> None:
        """The proof may as well be given the lemmas that say where all better coefficients are."""
        if _size(chain.box) < _size(self.proof.ends[: chain.n]):
            proof = chain.give_lemmas(self.proof)
            if proof.verify():
                self.proof, self._is_verified = proof, True

    def verify(self) -> None:
        """Drop a proof that does not hold: nothing unverified is to leave this room."""
        if not self._is_verified and not self.proof.verify():  # never seen
            self.proof = self.rows.trivial_proof()

    def is_certified(self) -> bool:
        gap = relative_gap(self.candidates.loss, self.proof.lower_bound)
        return gap <= self.tolerance or self.candidates.is_exact()

    def is_at_floor(self) -> bool:
        """Whether only the rounding of the coefficients to floats separates loss and bound."""
        return self.proof.lower_bound >= self.candidates.floor * (1 - self.tolerance) > 0

    def is_settled(self) -> bool:
        return self.is_certified() or self.is_at_floor()

    def is_better_than(self, chain: Chain) -> bool:
        """Whether better coefficients have turned up than those a chain was begun with."""
        return self.candidates.loss < (1 - self.tolerance) * float(chain.level)

    def box(self) -> np.ndarray:
        """Where all coefficients at least as good are, according to the proof."""
        proof = self.proof
        if proof.sublevel is not None and proof.sublevel < self.candidates.loss:
            proof = replace(proof, lemmas=())  # they speak of better coefficients only
        return proof.ends[: self.candidates.r.n_coefficients]

    def minimizers(self) -> np.ndarray:
        """The different coefficients found whose loss meets the bound."""
        return self.candidates.meeting(self.proof.lower_bound, self.tolerance)

    def __str__(self):
        return f"loss {self.candidates.loss:.9g}, proven bound {self.proof.lower_bound:.9g}"


def _size(box: np.ndarray) -> tuple[int, float]:
    """How many sides are unknown, and the sum of the other widths: less is more."""
    widths = np.diff(box, axis=1)
    return int(np.isinf(box).sum()), float(widths[np.isfinite(widths)].sum())
