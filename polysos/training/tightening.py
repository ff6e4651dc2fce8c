"""The plan for the largest residual, and for squares in bounds: boxes that shrink.

A box that provably holds every better point than the candidate comes from linear programs, and
shrinks by more of them until the proven bound meets the loss of the candidate. Where this stalls,
the box is split and parts of it are excluded.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np

from ..progress import Progress
from .box_bounds import BoxProgram, tighten_box
from .candidates import relative_gap
from .chain import Chain
from .dense import cheapest_orders, climb
from .first_box import LinearSet, find_first_box, is_determined
from .recovery import linear_start, read_off
from .residuals import Residuals
from .splitting import exclude_all
from .standing import BoxStep, Standing
from .weighted_squares import WeightedSquares

_NOTHING = 1e-9  # of the largest coefficient: less is 0, which a search meets nearly
_SMALL = 1e-9  # of the size of the outputs: losses below count as perfect fits
_RESTARTS = 8  # of the plan, at better candidates
_FIRST_STARTS = 6  # at random, where linear least squares do not tell the coefficients
_RANDOM_STARTS = 24
_ROUNDS = 60  # of sweeps over a box
_WIDE = 1.0  # of a box: there the linear set itself may tell as much
_SHRINKS = 0.8  # of its width, at most: a side for which another sweep is worth it
_FAST = 0.3  # of its width: where even the widest side shrinks so, plain programs do as well
_NEAR = 0.1  # relative gap: from here on bounds are proven
_BETTER = 0.999  # of the level of a chain: a loss at which a new one is worth it


def tighten(standing: Standing, progress: Progress) -> None:
    """Prove that the best coefficients are the best of all, or find better ones, or give up."""
    Tightening(standing, progress).run()


def negligible(r: Residuals) -> float:
    """A loss that is nothing beside the outputs: residuals 1e-9 times their size."""
    return r.scale * (_SMALL**2 if r.squares else _SMALL)


class Tightening:
    """The steps of this plan; what they find goes into the standing."""

    def __init__(self, standing: Standing, progress: Progress):
        self.standing, self.candidates, self.progress = standing, standing.candidates, progress
        self.r, self.rng = standing.candidates.r, np.random.default_rng(0)

    def run(self) -> None:
        standing = self.standing
        self.candidates.improve(linear_start(self.r))
        if not is_determined(self.r):
            self.look_around(_FIRST_STARTS)
        if not standing.rows.are_all:
            standing.rows = standing.rows.spanning().with_largest_at(self.candidates.best)
        for _ in range(_RESTARTS):
            before, rows = self.candidates.loss, standing.rows
            self.prove()
            if self.is_over() or not (self.candidates.loss < before or standing.rows is not rows):
                break
        self.report("done")

    def prove(self) -> None:
        """Bounds, smaller boxes and better bounds, for the candidate at hand."""
        standing, rows = self.standing, self.standing.rows
        if not standing.is_certified():
            self.candidates.sharpen(standing.tolerance)
        chain, known = self.first_box()
        wide = isinstance(known, WeightedSquares) or np.diff(chain.box).max() > _WIDE
        if known is not None and wide and not standing.is_certified():
            self.use_optimum(chain, known)
            if standing.is_better_than(chain):
                chain, _ = self.first_box()
        if not chain.is_bounded:
            self.without_a_box(chain.box)
        if standing.is_certified() or not chain.is_bounded:
            standing.keep_box(chain)
            return
        chain = self.shrink(chain)
        if self.is_over() or standing.rows is not rows or standing.is_better_than(chain):
            return  # perhaps to prove anew, at the better level
        self.split()
        if not standing.is_certified() and not standing.is_better_than(chain):
            self.look_around()

    def first_box(self) -> tuple[Chain, LinearSet | WeightedSquares | None]:
        chain = self.chain(self.first_level())
        chain, known = find_first_box(chain, self.candidates.best, lambda: self.progress.left)
        self.standing.history.append(BoxStep(chain.box, self.standing.proof.lower_bound))
        self.report(f"first box, largest width {np.diff(chain.box).max():.3g}")
        return chain, known

    def use_optimum(self, chain: Chain, known: LinearSet | WeightedSquares) -> None:
        """Monomials that need not belong to coefficients: a bound, and perhaps a better start."""
        proof, best = known.loss_proof(chain), known.best_monomials()
        if proof is not None:
            self.standing.keep(proof)
        if best is not None:
            self.candidates.improve(read_off(self.r, best))

    def first_level(self) -> float:
        """Of the set that the first box is to hold: a little more than our own loss."""
        loss, tolerance = self.candidates.loss, self.standing.tolerance
        if self.standing.is_certified():  # a perfect fit: where are all that are nearly as good?
            return max(loss, negligible(self.r)) or 1.0
        # where squares are smallest, those that are as good may be a single point
        return loss * (1 + 0.1 * tolerance) if self.r.squares else loss

    def shrink(self, chain: Chain) -> Chain:
        """Shrink the box until the bound meets the loss, or that stalls.

        Ends also as soon as much better coefficients turn up, or other residuals that matter: a
        chain at their level is worth it.
        """
        standing, rows = self.standing, self.standing.rows
        estimate, thorough = inf, False
        for _ in range(_ROUNDS):
            last, (estimate, point) = estimate, self.bound(chain, thorough)
            if standing.is_certified():
                break
            before = np.diff(chain.box, axis=1)
            chain = tighten_box(chain, thorough, self.progress.is_late)
            after = np.diff(chain.box, axis=1)
            standing.history.append(BoxStep(chain.box, standing.proof.lower_bound))
            self.report(f"smaller box, largest width {after.max():.3g}; gap about {estimate:.2g}")
            stalls = not (after < _SHRINKS * before).any() and not estimate < 0.5 * last
            if stalls and point is not None:
                self.candidates.improve(point)
                standing.rows = rows.with_largest_at(point)
                if standing.rows is not rows:
                    break
            better = self.candidates.loss < _BETTER * float(chain.level)
            better = better or (stalls and standing.is_better_than(chain))
            if self.progress.is_late() or better or (stalls and thorough):
                break
            thorough = stalls or (thorough and after.max() > _FAST * before.max())
        return chain

    def bound(self, chain: Chain, thorough: bool):
        """Bound the loss on the box, keep the proof if it is good: (rough gap, where it is)."""
        program = BoxProgram(chain, thorough)
        found = program.smallest_loss()
        if found is None:
            return inf, None
        point = program.coefficients(found.point)
        if self.r.loss(point) < self.candidates.loss:
            self.candidates.improve(point)
        gap = relative_gap(self.candidates.loss, found.value)
        if gap < _NEAR:
            self.standing.keep(chain.loss_bound(found))
        return gap, point

    def split(self) -> None:
        """Show that no loss lies below one that is a little smaller than ours."""
        level = self.candidates.loss * (1 - 0.5 * self.standing.tolerance)
        if not level > 0:
            return
        chain = self.chain(level)
        chain, _ = find_first_box(chain, self.candidates.best, lambda: self.progress.left)

        def try_point(c: np.ndarray) -> bool:
            self.candidates.improve(c)
            return not self.progress.is_late() and not self.candidates.loss < level

        proof = exclude_all(chain, try_point, self.report)
        if proof is not None:
            self.standing.keep(proof)

    def without_a_box(self, box: np.ndarray) -> None:
        """The residuals do not bound the coefficients: only small problems can be proven."""
        names = [self.r.names[i] for i in np.flatnonzero(np.isinf(box).any(axis=1))]
        self.progress.note(self.why_no_box(", ".join(names)))
        if not self.standing.is_certified():
            self.look_around()
        order = cheapest_orders(self.standing.dense_problem)
        if not self.standing.is_certified() and order is not None:
            climb(self.standing, self.progress, order)

    def why_no_box(self, names: str) -> str:
        if self.determines_all():
            squares = (
                "or more outputs"
                if self.r.squares
                else ("more outputs, or the loss sample-squares, which needs no box")
            )
            return (
                f"no box around the better coefficients could be derived for {names}: residuals "
                f"see sums of monomials only, not each of them; give bounds, {squares}"
            )
        return (
            f"the data do not determine {names}: no box around the better coefficients could "
            "be derived; give bounds, or more outputs. (A layer whose true constant is 0 lies "
            "outside the normalisation, and one that is dead in front of it leaves no trace: "
            "then coefficients drift or do not matter)"
        )

    def determines_all(self) -> bool:
        """Whether the residuals change with every change of the coefficients near the best."""
        c = self.candidates.best
        J = self.r.jacobian(np.where(np.abs(c) > _NOTHING * np.abs(c).max(), c, 0.0))
        size = np.linalg.norm(J, axis=0)
        return bool(size.all()) and np.linalg.matrix_rank(J / size, tol=1e-6) == J.shape[1]

    def look_around(self, starts: int = _RANDOM_STARTS) -> None:
        """Random starts: for a better candidate, and for other minimizers."""
        if self.r.squares and len(self.candidates.found) > _RANDOM_STARTS:
            return  # variable projection has looked already, and better
        for _ in range(starts):
            if self.progress.is_late():
                return
            bounds = self.candidates.bounds
            self.candidates.improve(bounds.random_start(self.rng, self.r.n_coefficients))

    def chain(self, level: float) -> Chain:
        rows = self.standing.rows
        return Chain.begin(rows.part, rows.problem, Fraction(level), self.candidates.best)

    def report(self, what: str) -> None:
        self.progress.report(f"{what}; {self.standing}")

    def is_over(self) -> bool:
        return self.standing.is_settled() or self.progress.is_late()
