"""The search behind `minimize`: points from above, proofs from below, until the two meet.

At every order the relaxation is solved (the paper's (3.4)). Its moments suggest points, which are
improved by local search: they give upper bounds. Its multipliers give a certificate, which is
checked in exact arithmetic: that gives the lower bound. On unbounded sets the multipliers of (3.4)
rarely survive exact arithmetic; variants are made for it: Gram matrices with slack, denominators,
the sublevel set of the best point, products of inequalities, boxes that are proven to hold every
better point.
"""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product
from math import comb

import numpy as np

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.box import bounding_box
from ..proofs.descent_curve import DescentCurve
from ..proofs.proof import Proof, empty_box_proof
from ..proofs.region import Region
from ..relaxations.blocks import weighted_generators
from ..relaxations.cost import check_building, check_exact_check, check_step
from ..relaxations.extraction import extract_minimizers
from ..relaxations.flatness import flat_truncation
from ..relaxations.relaxation import Relaxation, Status, constant_multipliers, solve_scaled
from ..relaxations.scaling import ScaledProblem, scale_problem
from .certificates import sos_certificate, verify_certificate
from .descent import find_descent_curve
from .local_search import LocalSearch
from .points import Candidate, Points

_LARGEST = 1000  # moments of the largest relaxation that is tried without a time limit
_QUICK = 1e8  # operations of a step that is optional, by estimate: seconds
_GRACE = 5.0  # seconds at least after the time limit, for the exact check of what is solved by then
_ROUNDS = 6  # of box reductions at one order


class Search:
    """The state of one call of `minimize`: the best point, the best proof, and how they came."""

    def __init__(self, problem, solver, tolerance, feasibility, start, time_limit, verbose):
        self.problem, self.solver, self.verbose = problem, solver, verbose
        self.n = problem.n_variables
        self.start, self.time_limit = start, time_limit
        self.box = bounding_box(problem)
        self.bounded = _is_bounded(self.box)
        self.scaled = scale_problem(problem, self.box)
        self.deadline = np.inf if time_limit is None else start + time_limit
        self.local = LocalSearch(self.scaled, self.box, self.deadline)
        self.points = Points(self.local, tolerance, feasibility)
        self.exact_objective = problem.objective.exact()
        self.lemmas: tuple[Proof, ...] = ()
        self.proof: Proof | None = None
        self.other_proof: Proof | DescentCurve | None = None
        self.history: list[Relaxation] = []
        self.atoms: int | None = None
        self.notes: list[str] = []

    # The plan

    def run(self, max_order: int) -> None:
        if (self.box[:, 0] > self.box[:, 1]).any():
            self.other_proof = empty_box_proof(self.problem)
            return
        self.prove(constant_multipliers(self.scaled), "constant multipliers")
        for z in self.local.random_starts(8):
            if self.late():
                return
            self.improve(z)
        for order in range(self.first_order, max_order + 1):
            if self.finished() or not self.affordable(order):
                break
            solved = self.fits(partial(self.climb, order))
            if self.proof is None and self.other_proof is None and order == self.first_order:
                self.other_proof = find_descent_curve(self.problem, self.local)
            if not solved:
                break
            for step in self.variants(self.history[-1]):
                if self.finished():
                    break
                self.fits(step)
        self.list_minimizers(max_order)

    @property
    def first_order(self) -> int:
        return self.problem.minimum_order

    def climb(self, order: int) -> None:
        """Solve the paper's relaxation and take from it what it offers."""
        if self.time_limit is not None:
            check_step(self.scaled, order, self.solver, self.deadline - time.perf_counter())
        relaxation = self.solve(self.scaled, order)
        self.history.append(relaxation)
        self.learn(relaxation)
        if relaxation.status is Status.SOLVED:
            self.atoms = flat_truncation(relaxation).rank
        if not self.is_certified():
            self.prove(relaxation, f"order {order}")

    def variants(self, relaxation: Relaxation):
        """Steps that may prove more at this order, cheapest first."""
        order = relaxation.order
        if not self.points.proven:
            yield lambda: self.refute(order)
        if self.bounded:
            slacks, powers = (0.0,), (0,)
        else:
            slacks, powers = (1e-8, 1e-9, 1e-7), range(order - self.first_order + 1)
        levels = [(self.scaled, None)]
        if self.has_value():
            u = self.sublevel()
            levels.append((self.scaled_below(u), u))
        for scaled, u in levels:
            if scaled is None:
                continue
            for r in powers:
                known = (u, r) == (None, 0) and relaxation.status is Status.UNBOUNDED
                if self.bounded or known:
                    continue
                for slack in slacks:
                    yield partial(self.prove_variant, scaled, order, u, denominator=r, slack=slack)
                yield partial(self.prove_on_face, scaled, order, u, r)
            if len(scaled.inequalities) > 1:
                yield partial(self.prove_variant, scaled, order, u, products=True, slack=slacks[0])
        if self.has_value() and self.work(order) <= _QUICK:
            yield lambda: self.tighten(order)

    def list_minimizers(self, max_order: int) -> None:
        """Once certified, look for more minimizers while that is cheap.

        A flat moment matrix counts them; where the next order costs much, random starts must do.
        """
        if not self.is_certified() or self.atoms is not None:
            return
        order = self.history[-1].order + 1 if self.history else self.first_order
        while order <= max_order and self.atoms is None and self.is_cheap(order):
            self.fits(partial(self.climb, order))
            order += 1
        for z in self.local.random_starts(24, seed=2):
            if self.atoms is None and not self.late():
                self.improve(z)

    def fits(self, step) -> bool:
        """Take a step; False, with a note, if it does not fit into memory or time."""
        try:
            step()
        except (MemoryError, TimeoutError) as error:
            self.note(str(error))
            return False
        return True

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def is_cheap(self, order: int) -> bool:
        """Whether an order is worth a look only to see whether its moment matrix is flat."""
        if self.late():
            return False
        try:
            check_building(self.scaled, order)
        except MemoryError:
            return False
        return not self.history or self.work(order) <= _QUICK

    def work(self, order: int) -> float:
        """Operations of one step of an interior-point method at this order, about.

        A count, not a clock: what is tried must not depend on how busy the machine is.
        """
        blocks = weighted_generators(self.scaled, order, products=False)
        return comb(self.n + 2 * order, self.n) ** 2 * sum(
            g.size * (g.size + 1) / 2 for g in blocks
        )

    # The steps

    def solve(self, scaled, order: int, **variant) -> Relaxation:
        left = None if self.time_limit is None else self.deadline - time.perf_counter()
        return solve_scaled(scaled, order, self.solver, time_limit=left, **variant)

    def learn(self, relaxation: Relaxation) -> None:
        """Improve the points that the moments suggest: the atoms if flat, the first moments."""
        if relaxation.scaled_moments is None:
            return
        flat = flat_truncation(relaxation)
        if flat.is_flat:
            try:
                atoms = extract_minimizers(relaxation, flat).points
            except ValueError:
                atoms = ()  # flat to look at, but no measure: the solver broke down
            for x in atoms:
                self.improve(self.scaled.from_user(x))
        y = relaxation.moments.values
        with np.errstate(all="ignore"):
            self.improve(self.scaled.from_user(y[1 : self.n + 1] / y[0]))

    def improve(self, z: np.ndarray) -> None:
        z = self.local.descend(z) if np.isfinite(z).all() else None
        if z is not None:
            self.points.add(self.local.polished(z))

    def prove(self, relaxation: Relaxation, label: str, lemmas: tuple[Proof, ...] = ()) -> None:
        if relaxation.multipliers is None:
            return
        if self.time_limit is not None:
            left = max(self.deadline - time.perf_counter(), 0) + max(_GRACE, self.time_limit / 4)
            sizes = [len(Q.basis) for Q in relaxation.multipliers.gram.values()]
            if not self.fits(partial(check_exact_check, sizes, left)):
                return
        self.keep(verify_certificate(sos_certificate(relaxation), lemmas), label)

    def prove_variant(self, scaled, order: int, u: Fraction | None, **variant) -> None:
        reduced = not _is_bounded(bounding_box(scaled.problem))
        relaxation = self.solve(scaled, order, reduced=reduced, **variant)
        words = [
            name if value is True else f"{name} {value:g}"
            for name, value in (variant | {"sublevel": u is not None}).items()
            if value
        ]
        label = ", ".join([f"order {order}", *words])
        self.prove(replace(relaxation, sublevel=u), label)
        if not self.is_certified():
            self.learn(relaxation)

    def prove_on_face(self, scaled, order: int, u: Fraction | None, r: int) -> None:
        """Facial reduction, with less and less slack while that helps."""
        for slack in (1e-8, 1e-10, 1e-11):
            before = self.proof
            self.prove_variant(scaled, order, u, denominator=r, slack=slack, facial=True)
            if self.proof is before or self.finished():
                return

    def tighten(self, order: int) -> None:
        """Prove that the points at least as good as ours lie in ever smaller boxes.

        On a small box the polynomials hardly vary: relaxations get tight and numbers accurate.
        """
        scaled = self.scaled
        for _ in range(_ROUNDS):
            if not self.has_value():
                return  # the bound has shown that our points are not quite feasible
            u = self.sublevel(scaled)
            problem = self.below(u)
            if problem is None:
                return
            before = self.region(problem).box
            for x in self.exact_variables():
                for side in (x, -x):
                    if self.late():
                        return
                    self.add_lemma(replace(problem, objective=side), order)
            after = self.region(problem).box
            scaled = _in_units(problem, after)
            if scaled is None:
                return
            relaxation = self.solve(scaled, order, slack=0.0 if _is_bounded(after) else 1e-8)
            self.prove(replace(relaxation, sublevel=u), f"order {order}, smaller box", self.lemmas)
            if self.is_certified() or not _is_bounded(after):
                return
            if (np.diff(after, axis=1) > 0.7 * np.diff(before, axis=1)).all():
                return

    def add_lemma(self, problem: PolynomialProblem, order: int) -> None:
        """Bound one variable from one side over a sublevel set; a coarse bound is welcome."""
        region = self.region(problem)
        scaled = _in_units(problem, region.box)
        if scaled is None:
            return
        variants = [{}]
        if not region.is_bounded:
            variants = [{"reduced": True, "slack": 1e-7, "facial": facial} for facial in (0, 1)]
        for variant in variants:
            relaxation = self.solve(scaled, order, **variant)
            if relaxation.multipliers is None:
                continue
            proof = verify_certificate(sos_certificate(relaxation), self.lemmas)
            if proof.holds and (region.after(proof).box != region.box).any():
                self.lemmas += (replace(proof, lemmas=()),)
                return

    def region(self, problem: PolynomialProblem) -> Region:
        region = Region.of(problem)
        for lemma in self.lemmas:
            region = region.after(lemma)
        return region

    def exact_variables(self):
        f = self.exact_objective
        unit = np.eye(f.n_variables, dtype=int).tolist()
        return [Polynomial({tuple(e): Fraction(1)}, f.n_variables, f.names).exact() for e in unit]

    def refute(self, order: int) -> None:
        """Try to prove that there is no feasible point: 0 >= 1 on the feasible set."""
        empty = PolynomialProblem(
            self.problem.objective * 0, self.problem.inequalities, self.problem.equalities
        )
        scaled = scale_problem(empty, self.box)
        for products, slack in product((False, True), (0.0, 1e-8)):
            relaxation = self.solve(
                scaled, order, products=products, slack=slack, reduced=slack > 0, refute=True
            )
            if relaxation.multipliers is None:
                continue
            proof = verify_certificate(sos_certificate(relaxation))
            if proof.proves_infeasibility:
                self.other_proof = proof
                return

    def sublevel(self, scaled=None) -> Fraction:
        """A level above the best value: by the gap, within what the solver's digits can tell."""
        unit, value = (scaled or self.scaled).objective_factor, self.value()
        gap = value - self.proof.lower_bound if self.proof is not None else np.inf
        return Fraction(value + min(max(gap, 1e-5 * unit), 0.01 * unit))

    def below(self, u: Fraction) -> PolynomialProblem | None:
        """The problem with u - f >= 0; None where its numbers are too large or too small."""
        try:
            return self.problem.with_inequality(u - self.exact_objective)
        except ValueError:
            return None

    def scaled_below(self, u: Fraction) -> ScaledProblem | None:
        problem = self.below(u)
        return None if problem is None else _in_units(problem, bounding_box(problem))

    def keep(self, proof: Proof, label: str) -> None:
        better = proof.holds and (self.proof is None or proof.bound > self.proof.bound)
        if better:
            self.proof = proof
        if self.verbose:
            bound = f"{proof.lower_bound:.9g}" if proof.holds else "nothing proven"
            spent = time.perf_counter() - self.start
            print(f"{spent:7.2f} s  {label}: {bound}; best value {self.value():.9g}")

    # Where we stand

    @property
    def bound(self) -> Fraction | None:
        return None if self.proof is None else self.proof.bound

    def value(self) -> float:
        """The smallest value, of a proven point where there is one; NaN where there is no point."""
        best = self.points.best(self.bound)
        return np.nan if best is None else best.value

    def has_value(self) -> bool:
        return not np.isnan(self.value())

    def is_certified(self) -> bool:
        return bool(self.points.meeting(self.bound))

    def finished(self) -> bool:
        return self.is_certified() or self.other_proof is not None or self.late()

    def late(self) -> bool:
        if time.perf_counter() <= self.deadline:
            return False
        self.note(f"stopped by the time limit of {self.time_limit:g} s")
        return True

    def affordable(self, order: int) -> bool:
        size = comb(self.n + 2 * order, self.n)
        if self.time_limit is None and size > _LARGEST and order > self.first_order:
            self.notes.append(
                f"order {order} has {size} moments and was not tried; give a time_limit to try it"
            )
            return False
        return True

    def minimizers(self, proven: bool = True) -> list[Candidate]:
        """The points that meet the bound, one of each cluster, in lexicographic order."""
        return self.points.different(self.points.meeting(self.bound, proven))


def _in_units(problem: PolynomialProblem, box: np.ndarray) -> ScaledProblem | None:
    try:
        return scale_problem(problem, box)
    except ValueError:
        return None


def _is_bounded(box: np.ndarray) -> bool:
    return bool(np.isfinite(box).all())
