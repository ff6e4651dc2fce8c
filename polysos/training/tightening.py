"""The plan of a certified fit: a candidate from above, a bound from below, until the two meet.

A candidate comes from local methods. A box that provably holds every better point comes from linear
programs, and shrinks by more of them until the proven bound meets the loss of the candidate. Where
this stalls, the box is split and parts of it are excluded.
"""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from math import comb, inf, isfinite

import numpy as np

from ..algebra.problem import PolynomialProblem
from ..hierarchy.minimize import minimize
from ..hierarchy.rounding import independent_rows
from ..proofs.exact import round_up
from ..proofs.proof import Proof
from .bounds import with_bounds
from .box_bounds import BoxProgram, tighten_box
from .first_box import LinearSet, find_first_box, is_determined
from .lemmas import Chain, trivial_proof
from .nearest_floats import best_floats
from .recovery import linear_start, polish, read_off
from .residuals import Residuals
from .splitting import exclude_all

_SMALL = 1e-9  # of the size of the outputs: losses below count as perfect fits
_ROUNDS = 60
_WIDE = 1.0  # of a box: there the linear set itself may tell as much
_FAST = 0.3
_RESTARTS = 8
_RANDOM_STARTS = 24
_FEW = 100  # residuals: with more of them a proof is about the largest only
_MATTERS = 20
_DENSE = 130  # moments: a dense relaxation of this size takes a second
_SHARPER = 4  # times that a candidate is refined in the distance from it
_FAR_ABOVE = 1e6  # times what floats can tell: a loss that no rounding explains


def relative_gap(loss: float, bound: float) -> float:
    """(loss - bound) / loss; 0 where the loss is 0."""
    return (loss - bound) / loss if loss > 0 else 0.0


def negligible(r: Residuals) -> float:
    """A loss that is nothing beside the outputs: residuals 1e-9 times their size."""
    return r.scale * (_SMALL**2 if r.squares else _SMALL)


def _size(box: np.ndarray) -> tuple[int, float]:
    """How many sides are unknown, and the sum of the other widths: less is more."""
    widths = np.diff(box, axis=1)
    return int(np.isinf(box).sum()), float(widths[np.isfinite(widths)].sum())


class Tightening:
    """The state of one fit: the best coefficients, the best proof, and what is known of them."""

    def __init__(self, r: Residuals, rounding, given, tolerance, start, time_limit, verbose):
        self.r, self.tolerance = r, tolerance
        self.rounding_at, self._rounding = rounding, (None, inf)
        self.start, self.time_limit, self.verbose = start, time_limit, verbose
        self.own_box, self.radius = given
        self.c, self.loss = np.zeros(r.n_coefficients), inf
        self.floor = -inf  # a local minimum that floats do not reach: see `sharpen`
        self.others: list[np.ndarray] = []
        self.choose(np.arange(len(r.targets)) if r.squares else np.arange(_FEW))
        self.proof = trivial_proof(self.part, self.problem)
        self.notes: list[str] = []

    def choose(self, rows: np.ndarray) -> None:
        """The residuals that the proof is about: all where there are few, else the largest.

        The largest of some residuals is no larger than that of all, so a bound of it is one.
        """
        few = len(self.r.targets) <= _FEW or self.r.squares
        self.rows = np.arange(len(self.r.targets)) if few else np.unique(rows)
        self.part = self.r if few else self.r.restricted(self.rows)
        self.problem = self.bounded(self.part.problem())

    @cached_property
    def dense_problem(self) -> PolynomialProblem:
        """What `fitting_problem` gives; for squares the loss as a polynomial in c alone."""
        return self.bounded(self.r.dense_problem())

    def bounded(self, problem: PolynomialProblem) -> PolynomialProblem:
        return with_bounds(problem, self.own_box, self.radius, self.r.n_coefficients)

    def spanning_rows(self) -> np.ndarray:
        """Rows that span what all rows span, well conditioned."""
        size = np.linalg.norm(self.r.matrix, axis=0)
        return independent_rows(self.r.matrix / np.where(size > 0, size, 1.0))

    def add_rows(self, c: np.ndarray) -> bool:
        """Add the residuals that are largest at c; False if the proof has all that matter."""
        largest = np.argsort(-np.abs(self.r(c)))[: max(_FEW, 5 * len(self.r.exponents))]
        if np.isin(largest[:_MATTERS], self.rows).all():
            return False
        self.choose(np.union1d(self.rows, largest))
        return True

    # The plan

    def run(self) -> None:
        self.improve(linear_start(self.r))
        if not is_determined(self.r):
            self.look_around()
        if len(self.rows) < len(self.r.targets):
            self.choose(self.spanning_rows())
            self.add_rows(self.c)
        for _ in range(_RESTARTS):
            before, rows = self.loss, len(self.rows)
            self.prove()
            if self.finished() or not (self.loss < before or len(self.rows) > rows):
                break
        self.report("done")

    def prove(self) -> None:
        """Bounds, smaller boxes and better bounds, for the candidate at hand."""
        rows = len(self.rows)
        self.sharpen()
        chain, linear = self.first_box()
        if linear is not None and not self.is_certified() and np.diff(chain.box).max() > _WIDE:
            self.use_linear_optimum(chain, linear)
            if self.is_better_than(chain):
                chain, _ = self.first_box()
        if not np.isfinite(chain.box).all():
            self.without_a_box(chain.box)
        if self.is_certified() or not np.isfinite(chain.box).all():
            self.keep_box(chain)
            return
        if self.tighten(chain) or self.finished() or len(self.rows) > rows:
            return
        if self.is_better_than(chain) or self.is_certified():
            return  # perhaps to prove anew, at the better level
        self.split()
        if not self.is_certified() and not self.is_better_than(chain):
            self.look_around()

    def first_box(self) -> tuple[Chain, LinearSet | None]:
        chain = self.chain(self.first_level())
        linear = find_first_box(chain, self.c)
        self.report(f"first box, largest width {np.diff(chain.box).max():.3g}")
        return chain, linear

    def use_linear_optimum(self, chain: Chain, linear: LinearSet) -> None:
        """Monomials that need not belong to coefficients: a bound, and perhaps a better start."""
        found, best = linear.smallest_loss(), linear.best_monomials()
        if found is not None:
            self.keep(chain.loss_bound(found))
        if best is not None:
            self.improve(read_off(self.r, best))

    def first_level(self) -> float:
        """Of the set that the first box is to hold: a little more than our own loss."""
        if self.is_certified():  # a perfect fit: where are all that are nearly as good?
            return max(self.loss, negligible(self.r)) or 1.0
        # where squares are smallest, those that are as good may be a single point
        return self.loss * (1 + 0.1 * self.tolerance) if self.r.squares else self.loss

    def tighten(self, chain: Chain) -> bool:
        """Shrink the box until the bound meets the loss; False where that stalls.

        Also False as soon as much better coefficients turn up: a chain at their level is worth it.
        """
        estimate, thorough = inf, False
        for _ in range(_ROUNDS):
            last, (estimate, point) = estimate, self.bound(chain, thorough)
            if self.is_certified():
                return True
            before = np.diff(chain.box, axis=1)
            tighten_box(chain, thorough, self.late)
            after = np.diff(chain.box, axis=1)
            self.report(f"smaller box, largest width {after.max():.3g}; gap about {estimate:.2g}")
            stalls = not (after < 0.8 * before).any() and not estimate < 0.5 * last
            if stalls and point is not None:
                self.improve(point)
                if self.add_rows(point):
                    return False
            better = self.loss < 0.999 * float(chain.level)
            better = better or (stalls and self.is_better_than(chain))
            if self.late() or better or (stalls and thorough):
                return False
            # Where even the widest side shrinks fast, plain programs do as well again.
            thorough = stalls or (thorough and after.max() > _FAST * before.max())
        return False

    def bound(self, chain: Chain, thorough: bool):
        """Bound the loss on the box, keep the proof if it is good: (rough gap, where it is)."""
        program = BoxProgram(chain, thorough)
        found = program.smallest_loss()
        if found is None:
            return inf, None
        point = program.coefficients(found.point)
        if self.r.loss(point) < self.loss:
            self.improve(point)
        gap = relative_gap(self.loss, found.value)
        if gap < 0.1:
            self.keep(chain.loss_bound(found))
        return gap, point

    def split(self) -> None:
        """Show that no loss lies below one that is a little smaller than ours."""
        level = self.loss * (1 - 0.5 * self.tolerance)
        if not level > 0:
            return
        chain = self.chain(level)
        find_first_box(chain, self.c)
        if not chain.region.is_empty and not np.isfinite(chain.box).all():
            return

        def try_point(c: np.ndarray) -> bool:
            self.improve(c)
            return not self.late() and not self.loss < level

        proof = exclude_all(chain, try_point, self.report)
        if proof is not None:
            self.keep(proof)

    def without_a_box(self, box: np.ndarray) -> None:
        """The residuals do not bound the coefficients: only small problems can be proven."""
        unbounded = [
            name for name, ends in zip(self.r.names, box, strict=True) if np.isinf(ends).any()
        ]
        names = ", ".join(unbounded)
        if self.determines_all():
            self.note(
                f"no box around the better coefficients could be derived for {names}: residuals "
                "see sums of monomials only, not each of them; give bounds, more outputs, or the "
                "loss sample-squares, which needs no box"
            )
        else:
            self.note(
                f"the data do not determine {names}: no box around the better coefficients could "
                "be derived; give bounds, or more outputs. (A layer whose true constant is 0 lies "
                "outside the normalisation, and one that is dead in front of it leaves no trace: "
                "then coefficients drift or do not matter)"
            )
        if not self.is_certified():
            self.look_around()
        order = self.cheapest_orders()
        if not self.is_certified() and order is not None:
            self.climb(order)

    def climb(self, max_order: int | None = None) -> None:
        """The paper's dense hierarchy."""
        left = self.left()
        left = None if left is None else max(left, 1e-3)
        if not self.others:
            self.improve(linear_start(self.r))
        found = minimize(self.dense_problem, max_order, time_limit=left, verbose=self.verbose)
        for x in found.minimizers:
            self.improve(x[: self.r.n_coefficients])
        if isinstance(found.proof, Proof) and found.proof.holds:
            self.keep(found.proof)
        orders = ", ".join(f"{h.order} ({h.status})" for h in found.history)
        solved = f"dense relaxations of order {orders}" if orders else "no dense relaxation solved"
        self.note(f"{solved}: {found.status}")

    # Steps

    def chain(self, level: float) -> Chain:
        return Chain(self.part, self.problem, Fraction(level), self.c)

    def improve(self, start: np.ndarray) -> None:
        """Polish a start and keep it if it is better, or as good and elsewhere."""
        c = polish(self.r, start, self.own_box, self.radius)
        if not np.isfinite(c).all() or not isfinite(self.r.loss(c)):
            return
        self.others.append(c)
        # perhaps the coefficients are short decimals, and their loss is zero
        for candidate in (c, *(self.inside(np.round(c, digits)) for digits in (9, 6))):
            self.consider(candidate)

    def consider(self, c: np.ndarray) -> bool:
        """Keep coefficients if they are better, without rounding."""
        if self.r.loss(c) - self.r.resolution(c) > self.loss:
            return False
        loss = round_up(self.r.exact_loss(c))
        if loss < self.loss:
            self.c, self.loss = c, loss
            return True
        return False

    def sharpen(self) -> None:
        """Go on with the search where floats can no longer tell which coefficients are better.

        Near the candidate, in the distance from it, they can. What is found there must be rounded
        to floats again: all coefficients together, for each alone would lose too much.
        """
        if self.radius is not None or self.is_certified():
            return
        for _ in range(_SHARPER):
            if self.r.resolution(self.c) <= 0.01 * self.tolerance * self.loss:
                return
            c, local = self.c, self.r.around(self.c).residuals(self.r)
            box = None if self.own_box is None else self.own_box - c[:, None]
            d = polish(local, np.zeros_like(c), box)
            self.floor = local.loss(d)
            if not self.consider(self.inside(best_floats(local, c, d))):
                return

    def inside(self, c: np.ndarray) -> np.ndarray:
        """c, moved into the bounds if it left them by rounding."""
        if self.own_box is not None:
            c = np.clip(c, self.own_box[:, 0], self.own_box[:, 1])
        if self.radius is not None and np.linalg.norm(c) > self.radius:
            c = c * (self.radius * (1 - 1e-15) / np.linalg.norm(c))
        return c

    def look_around(self) -> None:
        """Random starts: for a better candidate, and for other minimizers."""
        rng, box = np.random.default_rng(len(self.others)), self.own_box
        for _ in range(_RANDOM_STARTS):
            if self.late():
                return
            start = rng.standard_normal(self.r.n_coefficients)
            if box is not None:
                known = np.isfinite(box).all(axis=1)
                start[known] = rng.uniform(box[known, 0], box[known, 1])
            self.improve(start)

    def keep(self, proof: Proof) -> None:
        if proof.bound > self.proof.bound:
            self.proof = proof

    def keep_box(self, chain: Chain) -> None:
        """The proof may as well be given the lemmas that say where all better coefficients are."""
        known = self.proof.ends[: self.r.n_coefficients]
        if _size(chain.box) < _size(known):
            proof = chain.with_lemmas(self.proof)
            self.proof = proof if proof.verify() else self.proof

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def report(self, what: str) -> None:
        if self.verbose:
            spent, bound = time.perf_counter() - self.start, self.proof.lower_bound
            print(f"{spent:7.2f} s  {what}; loss {self.loss:.9g}, proven bound {bound:.9g}")

    # Where we stand

    def determines_all(self) -> bool:
        """Whether the residuals change with every change of the coefficients near the best."""
        J = self.r.jacobian(self.c)
        size = np.linalg.norm(J, axis=0)
        return bool(size.all()) and np.linalg.matrix_rank(J / size, tol=1e-6) == len(self.c)

    def cheapest_orders(self) -> int | None:
        """The last order of the dense hierarchy with few moments, if there is one."""
        problem = self.dense_problem
        n, k = problem.n_variables, problem.minimum_order
        if comb(n + 2 * k, n) > _DENSE:
            return None
        while comb(n + 2 * (k + 1), n) <= _DENSE:
            k += 1
        return min(k, problem.minimum_order + 1)

    def is_certified(self) -> bool:
        gap = relative_gap(self.loss, self.proof.lower_bound)
        return gap <= self.tolerance or self.is_exact()

    def is_exact(self) -> bool:
        """Whether the loss is no larger than what rounding of the data can make."""
        if self.loss > _FAR_ABOVE * self.r.resolution(self.c):
            return False
        return self.loss <= self.rounding()

    def rounding(self) -> float:
        """Of the data, at the candidate; remembered."""
        if self._rounding[0] is not self.c:
            self._rounding = self.c, self.rounding_at(self.c)
        return self._rounding[1]

    def is_better_than(self, chain: Chain) -> bool:
        """Whether better coefficients have turned up than those the chain was begun with."""
        return self.loss < (1 - self.tolerance) * float(chain.level)

    def left(self) -> float | None:
        """Seconds until the time limit; None where there is none."""
        if self.time_limit is None:
            return None
        return max(self.time_limit - (time.perf_counter() - self.start), 0.0)

    def late(self) -> bool:
        return self.left() == 0

    def finished(self) -> bool:
        return self.is_certified() or self.is_at_floor() or self.late()

    def is_at_floor(self) -> bool:
        """Whether only the rounding of the coefficients to floats separates loss and bound."""
        return self.proof.lower_bound >= self.floor * (1 - self.tolerance) > 0

    def verify(self) -> None:
        """Nothing unverified leaves this file."""
        if not self.proof.verify():  # never seen
            self.proof = trivial_proof(self.part, self.problem)

    def box(self) -> np.ndarray:
        """Where all coefficients at least as good are, according to the proof."""
        proof = self.proof
        if proof.sublevel is not None and proof.sublevel < self.loss:
            proof = replace(proof, lemmas=())  # they speak of better coefficients only
        return proof.ends[: self.r.n_coefficients]

    def minimizers(self) -> np.ndarray:
        """The different coefficients found whose loss meets the bound."""
        kept = [self.c]
        for c in self.others:
            if any(np.abs(c - k).max() <= 1e-4 * (1 + np.abs(k).max()) for k in kept):
                continue
            loss = round_up(self.r.exact_loss(c))
            if relative_gap(loss, self.proof.lower_bound) <= self.tolerance or (
                self.is_exact() and loss <= self.rounding_at(c)
            ):
                kept.append(c)
        return np.array(kept)
