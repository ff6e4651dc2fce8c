"""The steps of a search: each solves a relaxation, and takes from it points and a proof."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..progress import Progress
from ..proofs.box import bounding_box, is_bounded
from ..proofs.proof import Proof
from ..relaxations.cliques import has_cliques
from ..relaxations.cost import check_exact_check
from ..relaxations.extraction import extract_minimizers
from ..relaxations.flatness import flat_truncation
from ..relaxations.relaxation import Relaxation, Status, solve_scaled
from ..relaxations.scaling import ScaledProblem, scale_problem, scaled_or_none
from ..relaxations.variant import PAPER, Sparsity, Variant
from .certificates import sos_certificate, verify_certificate
from .forms import is_form, nonnegative_form
from .local_search import LocalSearch
from .one_variable import nonnegative_everywhere, stationary_points
from .rational_points import stationary_point
from .standing import Standing

_GRACE = 5.0  # seconds at least after the time limit, for the exact check of what is solved by then
_FACE_SLACKS = (1e-8, 1e-10, 1e-11)
_SLACK = 1e-8  # of Gram matrices that vanish at minimizers: they are larger by themselves
_ROOM = 0.1  # of what counts as meeting the bound, given up where minimizers are not rational
_DENOMINATORS = (1, 100, 10_000)  # of values that may be meant exactly
_TILT = 1e-3  # of the scaled objective
_ROUNDS = 6  # of box reductions at one order
_SHRINKS = 0.7  # of its width: a side of a box that is worth another round


class Steps:
    """The steps on one problem; what they find goes into its `Standing`."""

    def __init__(
        self,
        standing: Standing,
        scaled: ScaledProblem,
        local: LocalSearch,
        box: np.ndarray,
        solver: str,
        progress: Progress,
    ):
        self.standing, self.scaled, self.local, self.box = standing, scaled, local, box
        self.solver, self.progress = solver, progress
        self.vanished: tuple[int, float] | None = None  # with how many points, of what value

    def fits(self, step) -> bool:
        """Take a step; False, with a note, if it does not fit into memory or time."""
        try:
            step()
        except (MemoryError, TimeoutError) as error:
            self.progress.note(str(error))
            return False
        return True

    @property
    def is_constrained(self) -> bool:
        return bool(self.standing.problem.inequalities or self.standing.problem.equalities)

    def is_over(self) -> bool:
        return self.standing.is_settled or self.progress.is_late()

    # What steps are made of

    def solve(self, scaled: ScaledProblem, order: int, variant: Variant = PAPER) -> Relaxation:
        left = self.progress.left
        return solve_scaled(scaled, order, variant, self.solver, time_limit=left, step_limit=left)

    def improve(self, z: np.ndarray) -> None:
        """Take in the local minimizer that a point in scaled variables leads to."""
        z = self.local.descend(z) if np.isfinite(z).all() else None
        if z is not None:
            self.standing.points.add(self.local.polished(z))

    def learn(self, relaxation: Relaxation) -> None:
        """Improve the points that the moments suggest: the atoms if flat, the first moments."""
        if relaxation.scaled_moments is not None:
            flat = flat_truncation(relaxation)
            if flat.is_flat:
                try:
                    atoms = extract_minimizers(relaxation, flat).points
                except ValueError:
                    atoms = ()  # flat to look at, but no measure: the solver broke down
                for x in atoms:
                    self.improve(self.scaled.from_user(x))
        if relaxation.scaled_mean is not None:
            self.improve(self.scaled.from_user(relaxation.scaled.to_user(relaxation.scaled_mean)))

    def prove(self, relaxation: Relaxation, label: str, lemmas: tuple[Proof, ...] = ()) -> None:
        """Turn the multipliers of a relaxation into a proof, and keep it if it is the best."""
        if relaxation.multipliers is None:
            return
        limit = self.progress.time_limit
        if limit is not None:
            left = self.progress.left + max(_GRACE, limit / 4)
            matrices = [Q.values for Q in relaxation.multipliers.gram.values()]
            if not self.fits(partial(check_exact_check, matrices, left)):
                return
        proof = verify_certificate(sos_certificate(relaxation), lemmas)
        self.standing.keep(proof)
        bound = f"{proof.lower_bound:.9g}" if proof.holds else "nothing proven"
        self.progress.report(f"{label}: {bound}; best value {self.standing.value:.9g}")

    # The steps

    def climb(self, order: int) -> None:
        """Solve the paper's relaxation and take from it what it offers."""
        relaxation = self.solve(self.scaled, order)
        self.standing.history.append(relaxation)
        self.learn(relaxation)
        if relaxation.status is Status.SOLVED:
            self.standing.atoms = flat_truncation(relaxation).rank
        if not self.standing.is_certified:
            self.prove(relaxation, f"order {order}")

    def vary(self, scaled: ScaledProblem, order: int, u: Fraction | None, variant: Variant) -> None:
        """Solve a variant, on the sublevel set f <= u where `scaled` is about that."""
        if not is_bounded(bounding_box(scaled.problem)):
            variant = replace(variant, reduced=True)
        relaxation = self.solve(scaled, order, variant)
        where = "sublevel set" if u is not None else ""
        label = ", ".join(word for word in (f"order {order}", str(variant), where) if word)
        self.prove(replace(relaxation, sublevel=u), label)
        if not self.standing.is_certified:
            self.learn(relaxation)

    def vary_by(self, sparsity: Sparsity, order: int) -> None:
        """Small blocks (see `sparsity`)."""
        slack = 0.0 if is_bounded(self.box) else _SLACK
        self.vary(self.scaled, order, None, Variant(sparsity=sparsity, slack=slack))

    def look_on_cliques(self, number: int) -> None:
        """Other minimizers, at the lowest order: a small slope of f singles one of them out.

        Slopes come in pairs, one the opposite of the other.
        """
        scaled, rng = self.scaled, np.random.default_rng(number // 2)
        n, names = scaled.problem.n_variables, scaled.objective.names
        slope = (-1) ** number * _TILT * rng.standard_normal(n)
        line = Polynomial.from_arrays(np.eye(n, dtype=np.int64), slope, names)
        tilted = replace(scaled, objective=scaled.objective + line)
        slack = 0.0 if is_bounded(self.box) else _SLACK
        variant = Variant(sparsity=Sparsity.VARIABLES, slack=slack)
        self.learn(self.solve(tilted, scaled.problem.minimum_order, variant))

    def vanish(self) -> None:
        """Without constraints: blocks that vanish at the best points, at the lowest order.

        If these are all minimizers, and f - f* is a sum of squares, that settles it.
        """
        standing, scaled = self.standing, self.scaled
        best = standing.points.best(None)
        if self.is_constrained or best is None:
            return
        minimizers = self._meeting(best)
        now = len(minimizers), best.value
        if self.vanished is not None and now[0] == self.vanished[0] and now[1] >= self.vanished[1]:
            return  # nothing new
        self.vanished = now
        exact = self._exact_minimizers(best)
        zeros, room = tuple(z for z in exact if z is not None), 0.0
        if len(zeros) < len(exact):
            zeros = tuple(tuple(map(Fraction, p.x.tolist())) for p in minimizers)
            room = self._room(best) / scaled.objective_factor
        sparsity = Sparsity.VARIABLES if has_cliques(scaled) else Sparsity.NONE
        variant = Variant(slack=_SLACK, sparsity=sparsity, zeros=zeros, room=room)
        for facial in (False, True):
            order = standing.problem.minimum_order
            self.vary(scaled, order, None, replace(variant, facial=facial))
            if self.is_over():
                return

    def _meeting(self, best) -> list:
        points = self.standing.points
        return points.different(points.meeting(best.exact_value))

    def _exact_minimizers(self, best) -> list:
        """For each of the best points the rational one that it stands for, or None."""
        problem, scale = self.standing.problem, self.scaled.scale
        return [stationary_point(problem, p.x, scale) for p in self._meeting(best)]

    def _room(self, best) -> float:
        """What the bound may be lower by where minimizers are not rational."""
        return _ROOM * self.standing.points.slip(best.value)

    @property
    def is_on_a_line(self) -> bool:
        return self.standing.problem.n_variables == 1 and not self.is_constrained

    def look_at_roots(self) -> None:
        """In one variable: the stationary points, all of them."""
        for x in stationary_points(self.standing.problem.objective).tolist():
            self.improve(self.scaled.from_user(np.array([x])))

    def prove_by_roots(self) -> None:
        """In one variable: two squares from the roots of f minus our best value, or nearly so."""
        standing, problem = self.standing, self.standing.problem
        best = standing.points.best(None)
        if best is None:
            return
        value, room = best.exact_value, Fraction(self._room(best))
        guesses = [value.limit_denominator(d) for d in _DENOMINATORS]
        zeros = self._exact_minimizers(best)
        if None not in zeros:
            f = problem.objective.exact()
            guesses.insert(0, min(f(np.array(z, dtype=object)) for z in zeros))
        bounds = [v for v in guesses if value - room <= v <= value]
        for bound in (*bounds, value - room):
            proof = nonnegative_everywhere(problem, bound, Fraction(float(self.scaled.scale[0])))
            if proof is not None:
                standing.keep(proof)
                label = f"roots: {proof.lower_bound:.9g}"
                self.progress.report(f"{label}; best value {standing.value:.9g}")
                return

    def prove_form(self) -> None:
        """A form on the whole space: its value at the origin is the least, or there is none."""
        standing, f = self.standing, self.standing.problem.objective
        if self.is_constrained or not is_form(f):
            return
        self.improve(self.scaled.from_user(np.zeros(f.n_variables)))
        proof = nonnegative_form(f, self.solver)
        if proof is not None:
            standing.keep(proof)
            self.progress.report(f"form: {proof.lower_bound:.9g}; best value {standing.value:.9g}")

    def vary_on_face(self, scaled: ScaledProblem, order: int, u, denominator: int) -> None:
        """Facial reduction, with less and less slack while that helps."""
        for slack in _FACE_SLACKS:
            before = self.standing.proof
            self.vary(scaled, order, u, Variant(denominator=denominator, slack=slack, facial=True))
            if self.standing.proof is before or self.is_over():
                return

    def refute(self, order: int) -> None:
        """Try to prove that there is no feasible point: 0 >= 1 on the feasible set."""
        problem = self.standing.problem
        empty = replace(problem, objective=problem.objective * 0)
        scaled = scale_problem(empty, self.box)
        for products, slack in product((False, True), (0.0, 1e-8)):
            variant = Variant(products=products, slack=slack, reduced=slack > 0, refutation=True)
            relaxation = self.solve(scaled, order, variant)
            if relaxation.multipliers is None:
                continue
            proof = verify_certificate(sos_certificate(relaxation))
            if proof.proves_infeasibility:
                self.standing.verdict = proof
                return

    def shrink_box(self, order: int) -> None:
        """Prove that the points at least as good as ours lie in ever smaller boxes.

        On a small box the polynomials hardly vary: relaxations get tight and numbers accurate.
        """
        standing, scaled = self.standing, self.scaled
        for _ in range(_ROUNDS):
            if not standing.has_value:
                return  # the bound has shown that our points are not quite feasible
            u = standing.sublevel(scaled.objective_factor)
            problem = standing.below(u)
            if problem is None:
                return
            before = standing.region(problem).box
            for x in standing.variables():
                for side in (x, -x):
                    if self.progress.is_late():
                        return
                    self._add_lemma(replace(problem, objective=side), order)
            after = standing.region(problem).box
            scaled = scaled_or_none(problem, after)
            if scaled is None:
                return
            bounded = is_bounded(after)
            relaxation = self.solve(scaled, order, Variant(slack=0.0 if bounded else 1e-8))
            label = f"order {order}, smaller box"
            self.prove(replace(relaxation, sublevel=u), label, standing.lemmas)
            if standing.is_certified or not bounded:
                return
            if (np.diff(after, axis=1) > _SHRINKS * np.diff(before, axis=1)).all():
                return

    def _add_lemma(self, problem: PolynomialProblem, order: int) -> None:
        """Bound one variable from one side over a sublevel set; a coarse bound is welcome."""
        standing = self.standing
        region = standing.region(problem)
        scaled = scaled_or_none(problem, region.box)
        if scaled is None:
            return
        variants = [PAPER]
        if not region.is_bounded:
            careful = Variant(reduced=True, slack=1e-7)
            variants = [careful, replace(careful, facial=True)]
        for variant in variants:
            relaxation = self.solve(scaled, order, variant)
            if relaxation.multipliers is None:
                continue
            proof = verify_certificate(sos_certificate(relaxation), standing.lemmas)
            if proof.holds and (region.after(proof).box != region.box).any():
                standing.lemmas += (replace(proof, lemmas=()),)
                return
