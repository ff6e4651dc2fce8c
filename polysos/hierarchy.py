"""Climb the orders of the hierarchy until something is proven.

At every order three things happen. The relaxation is solved (the paper's (3.4)). Its moments
suggest points, which are improved by local search: they give upper bounds. Its multipliers give a
certificate, which is checked in exact arithmetic: that gives the lower bound. Where the two meet,
the minimum is proven. On unbounded sets the multipliers of (3.4) rarely survive exact arithmetic;
three variants are made for it (Gram matrices with slack, denominators, a sublevel set).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from functools import partial
from math import comb

import numpy as np

from .candidates import LocalSearch
from .certificates import Proof, empty_box_proof, smaller_box, sos_certificate, verify_certificate
from .descent import DescentCurve, find_descent_curve
from .extraction import extract_minimizers
from .flatness import flat_truncation
from .polynomials import Polynomial
from .problem import PolynomialProblem, bounding_box, scale_problem
from .relaxation import (
    Relaxation,
    Status,
    check_order,
    check_solver,
    constant_multipliers,
    solve_scaled,
)

_LARGEST = 1000  # moments of the largest relaxation that is tried without a time limit
_QUICK = 3.0  # seconds that an optional step may take, by estimate
_ROUNDS = 6


class Outcome(StrEnum):
    """What `minimize` has proven; nothing looser is ever reported."""

    CERTIFIED = "certified"
    BOUND = "bound"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Solution:
    """Result of `minimize`.

    Attributes
    ----------
    status : Outcome
        "certified": a feasible point whose value meets the verified bound. "bound": a verified
        bound and no such point. "infeasible", "unbounded": proven. "unresolved": none of these.
    value : float
        Smallest f found at a feasible point; NaN where none was found, -inf where f is unbounded.
    lower_bound : float
        The proven bound rounded down; NaN where there is none.
    minimizers : array, shape (k, n)
        Points whose values meet the bound; empty unless certified.
    proof : Proof, DescentCurve or None
        Exact and checkable on its own: `proof.verify()`.
    history : tuple of Relaxation
        The paper's relaxation at every order tried.
    message : str
        What is known and, where something is missing, what to try.
    seconds : float
    """

    status: Outcome
    value: float
    lower_bound: float
    minimizers: np.ndarray
    proof: Proof | DescentCurve | None = field(repr=False)
    history: tuple[Relaxation, ...] = field(repr=False)
    message: str
    seconds: float

    @property
    def gap(self) -> float:
        """value - lower_bound."""
        return self.value - self.lower_bound

    def _repr_html_(self):
        rows = {
            "status": self.status,
            "value": f"{self.value:.9g}",
            "proven lower bound": f"{self.lower_bound:.9g}",
            "minimizers": "<br>".join(
                "(" + ", ".join(f"{v:.6g}" for v in row) + ")" for row in self.minimizers
            ),
            "orders": ", ".join(f"{r.order}: {r.status}" for r in self.history),
            "seconds": f"{self.seconds:.2f}",
            "message": self.message,
        }
        cells = "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in rows.items())
        return f"<table>{cells}</table>"


def minimize(
    problem: PolynomialProblem,
    max_order: int | None = None,
    solver: str = "CLARABEL",
    tolerance: float = 1e-6,
    feasibility: float = 1e-6,
    time_limit: float | None = None,
    verbose: bool = False,
) -> Solution:
    """Minimise a polynomial subject to polynomial constraints, with proof.

    Parameters
    ----------
    problem : PolynomialProblem
        To maximise f, minimise -f.
    max_order : int, optional
        Highest relaxation order k, at least k0; by default 4, or k0 where that is larger.
        Orders with more than 1000 moments are tried only under a time limit.
    solver : str
        A semidefinite solver that cvxpy finds: "CLARABEL", "SCS", ...
    tolerance : float
        "certified" means value - lower_bound <= tolerance * max(1, |value|).
    feasibility : float
        Largest violation of a constraint (scaled to unit size) at a feasible point.
    time_limit : float, optional
        Seconds, after which no new step is begun; solvers that know a limit are told.
    verbose : bool
        Print a line for every step.

    Returns
    -------
    Solution
        A solver that fails or is inaccurate never raises and never counts as success.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range; the message says what is required.

    Examples
    --------
    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    >>> s = minimize(PolynomialProblem(motzkin, [3 - x**2 - y**2]))
    >>> print(s.status, abs(s.lower_bound) < 1e-6, len(s.minimizers))
    certified True 4
    """
    start = time.perf_counter()
    if not isinstance(problem, PolynomialProblem):
        raise TypeError(f"problem must be a PolynomialProblem, got {problem!r}")
    max_order = max(4, problem.minimum_order) if max_order is None else max_order
    check_order(problem, max_order, "max_order")
    check_solver(solver)
    _check_positive("tolerance", tolerance)
    _check_positive("feasibility", feasibility)
    if time_limit is not None:
        _check_positive("time_limit", time_limit)
    search = _Search(problem, solver, tolerance, feasibility, start, time_limit, verbose)
    search.run(max_order)
    return search.solution()


class _Search:
    """The state of one call of `minimize`: the best point, the best proof, and how they came."""

    def __init__(self, problem, solver, tolerance, feasibility, start, time_limit, verbose):
        self.problem, self.solver, self.verbose = problem, solver, verbose
        self.tolerance, self.feasibility = tolerance, feasibility
        self.start, self.time_limit = start, time_limit
        self.box = bounding_box(problem)
        self.bounded = _is_bounded(self.box)
        self.scaled = scale_problem(problem, self.box)
        self.local = LocalSearch(self.scaled, self.box)
        self.points = np.empty((0, problem.n_variables))
        self.best, self.drifting = np.inf, False
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
            self.improve(z)
        for order in range(self.first_order, max_order + 1):
            if self.finished() or not self.affordable(order):
                break
            self.climb(order)
            if self.proof is None and self.other_proof is None and order == self.first_order:
                self.other_proof = find_descent_curve(self.problem, self.local)
            for step in self.variants(self.history[-1]):
                if self.finished():
                    break
                step()
        self.list_minimizers(max_order)

    @property
    def first_order(self) -> int:
        return self.problem.minimum_order

    def climb(self, order: int) -> None:
        """Solve the paper's relaxation and take from it what it offers."""
        relaxation = self.solve(self.scaled, order)
        self.history.append(relaxation)
        self.learn(relaxation)
        if relaxation.status is Status.SOLVED:
            self.atoms = flat_truncation(relaxation).rank
        if not self.is_certified():
            self.prove(relaxation, f"order {order}")

    def variants(self, relaxation: Relaxation):
        """Steps that may prove more at this order, cheapest first."""
        order, n = relaxation.order, self.problem.n_variables
        if not len(self.points):
            yield lambda: self.refute(order)
        if self.bounded:
            slacks, powers = (0.0,), (0,)
        else:
            slacks, powers = (1e-8, 1e-9, 1e-7), range(order - self.first_order + 1)
        levels = [(self.scaled, None)]
        if len(self.points):
            u = self.sublevel()
            levels.append(
                (scale_problem(self.problem.with_inequality(u - self.exact_objective)), u)
            )
        for scaled, u in levels:
            for r in powers:
                known = (u, r) == (None, 0) and relaxation.status is Status.UNBOUNDED
                if self.bounded or known:
                    continue
                for slack in slacks:
                    yield partial(self.prove_variant, scaled, order, u, denominator=r, slack=slack)
            if len(scaled.inequalities) > 1:
                yield partial(self.prove_variant, scaled, order, u, products=True, slack=slacks[0])

        if len(self.points) and 2 * n * relaxation.seconds < _QUICK:
            yield lambda: self.tighten(order)

    def list_minimizers(self, max_order: int) -> None:
        """Once certified, look for more minimizers while that is cheap.

        A flat moment matrix counts them; where the next order costs much, random starts must do.
        """
        if not self.is_certified() or self.atoms is not None:
            return
        order = self.history[-1].order + 1 if self.history else self.first_order
        while order <= max_order and self.atoms is None and self.is_quick(order):
            self.climb(order)
            order += 1
        for z in self.local.random_starts(24, seed=2):
            if self.atoms is None and not self.late():
                self.improve(z)

    def is_quick(self, order: int) -> bool:
        """Whether the next order takes seconds, by the time that the last one took."""
        if not self.history:
            return True
        n, last = self.problem.n_variables, self.history[-1]
        growth = comb(n + 2 * order, n) / comb(n + 2 * last.order, n)
        return growth**3 * last.seconds <= _QUICK and not self.late()

    # The steps

    def solve(self, scaled, order: int, **variant) -> Relaxation:
        left = None
        if self.time_limit is not None:
            left = self.time_limit - (time.perf_counter() - self.start)
        return solve_scaled(scaled, order, self.solver, time_limit=left, **variant)

    def learn(self, relaxation: Relaxation) -> None:
        """Improve the points that the moments suggest: the atoms if flat, the first moments."""
        if relaxation.scaled_moments is None:
            return
        n, flat = self.problem.n_variables, flat_truncation(relaxation)
        if flat.is_flat:
            for x in extract_minimizers(relaxation, flat).points:
                self.improve(self.scaled.from_user(x))
        y = relaxation.moments.values
        with np.errstate(all="ignore"):
            self.improve(self.scaled.from_user(y[1 : n + 1] / y[0]))

    def improve(self, z: np.ndarray) -> None:
        if not np.isfinite(z).all():
            return
        z = self.local.descend(z)
        if z is None or self.violation(z) > self.feasibility:
            return
        x = self.scaled.to_user(z)
        self.best = min(self.best, self.problem.objective(x))
        if self.local.falls_further_out(z, self.tolerance):
            self.drifting = True
        else:
            self.points = np.vstack([self.points, x])

    def violation(self, z: np.ndarray) -> float:
        return self.scaled.violation(self.scaled.from_user(self.scaled.to_user(z)))

    def prove(self, relaxation: Relaxation, label: str, lemmas: tuple[Proof, ...] = ()) -> None:
        if relaxation.multipliers is not None:
            self.keep(verify_certificate(sos_certificate(relaxation), lemmas), label)

    def prove_variant(self, scaled, order: int, u: Fraction | None, **variant) -> None:
        reduced = not _is_bounded(bounding_box(scaled.problem))
        relaxation = self.solve(scaled, order, reduced=reduced, **variant)
        words = [f"{name} {value:g}" for name, value in variant.items() if value]
        label = ", ".join([f"order {order}", *words, *(["sublevel set"] if u else [])])
        self.prove(replace(relaxation, sublevel=u), label)
        if not self.is_certified():
            self.learn(relaxation)

    def tighten(self, order: int) -> None:
        """Prove that the points at least as good as ours lie in ever smaller boxes.

        On a small box the polynomials hardly vary: relaxations get tight and numbers accurate.
        """
        scaled = self.scaled
        for _ in range(_ROUNDS):
            u = self.sublevel(scaled)
            problem = self.problem.with_inequality(u - self.exact_objective)
            before = self.lemma_box(problem)
            for x in self.exact_variables():
                for side in (x, -x):
                    if self.late():
                        return
                    self.add_lemma(replace(problem, objective=side), order)
            after = self.lemma_box(problem)
            scaled = scale_problem(problem, after)
            relaxation = self.solve(scaled, order, slack=0.0 if _is_bounded(after) else 1e-8)
            self.prove(replace(relaxation, sublevel=u), f"order {order}, smaller box", self.lemmas)
            if self.is_certified() or not _is_bounded(after):
                return
            if (np.diff(after, axis=1) > 0.7 * np.diff(before, axis=1)).all():
                return

    def add_lemma(self, problem: PolynomialProblem, order: int) -> None:
        box = self.lemma_box(problem)
        bounded = _is_bounded(box)
        relaxation = self.solve(
            scale_problem(problem, box), order, reduced=not bounded, slack=0.0 if bounded else 1e-7
        )
        if relaxation.multipliers is None:
            return
        proof = verify_certificate(sos_certificate(relaxation), self.lemmas)
        if proof.holds and (smaller_box(box, proof) != box).any():
            self.lemmas += (replace(proof, lemmas=()),)

    def lemma_box(self, problem: PolynomialProblem) -> np.ndarray:
        box = bounding_box(problem)
        for lemma in self.lemmas:
            box = smaller_box(box, lemma)
        return box

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
        for slack in (0.0, 1e-8):
            relaxation = self.solve(scaled, order, slack=slack, refute=True)
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

    def keep(self, proof: Proof, label: str) -> None:
        better = proof.holds and (self.proof is None or proof.bound > self.proof.bound)
        if better:
            self.proof = proof
        if self.verbose:
            bound = f"{proof.lower_bound:.9g}" if proof.holds else "nothing proven"
            spent = time.perf_counter() - self.start
            print(f"{spent:7.2f} s  {label}: {bound}; best value {self.value():.9g}")

    # Where we stand

    def value(self) -> float:
        """Smallest value at a feasible point; points that drift off count as well."""
        return self.best if self.best < np.inf else np.nan

    def values(self) -> np.ndarray:
        return np.atleast_1d(self.problem.objective(self.points))

    def is_certified(self) -> bool:
        if self.proof is None or not len(self.points):
            return False
        value = float(self.values().min())
        return value - self.proof.lower_bound <= self.tolerance * max(1.0, abs(value))

    def finished(self) -> bool:
        return self.is_certified() or self.other_proof is not None or self.late()

    def late(self) -> bool:
        if self.time_limit is None or time.perf_counter() - self.start <= self.time_limit:
            return False
        note = f"stopped by the time limit of {self.time_limit:g} s"
        if note not in self.notes:
            self.notes.append(note)
        return True

    def affordable(self, order: int) -> bool:
        n = self.problem.n_variables
        size = comb(n + 2 * order, n)
        if self.time_limit is None and size > _LARGEST and order > self.first_order:
            self.notes.append(
                f"order {order} has {size} moments and was not tried; give a time_limit to try it"
            )
            return False
        return True

    def solution(self) -> Solution:
        status, proof = self.conclusion()
        value = -np.inf if status is Outcome.UNBOUNDED else self.value()
        minimizers = self.points[:0]
        if status is Outcome.CERTIFIED:
            # The tolerance may be coarse for a small objective; minimizers are as good as the best.
            slip = self.tolerance * min(max(1.0, abs(value)), self.scaled.objective_factor)
            minimizers = self.distinct(self.points[self.values() <= value + slip])
        if status in (Outcome.INFEASIBLE, Outcome.UNBOUNDED):
            lower_bound = np.nan
        else:
            lower_bound = np.nan if proof is None else proof.lower_bound
        return Solution(
            status=status,
            value=value,
            lower_bound=lower_bound,
            minimizers=minimizers,
            proof=proof,
            history=tuple(self.history),
            message=self.message(status, proof, len(minimizers)),
            seconds=time.perf_counter() - self.start,
        )

    def conclusion(self):
        if isinstance(self.other_proof, DescentCurve):
            return Outcome.UNBOUNDED, self.other_proof
        if self.other_proof is not None:
            return Outcome.INFEASIBLE, self.other_proof
        if self.is_certified():
            return Outcome.CERTIFIED, self.proof
        return (Outcome.UNRESOLVED, None) if self.proof is None else (Outcome.BOUND, self.proof)

    def distinct(self, points: np.ndarray) -> np.ndarray:
        """One point of each cluster, the best first, then in lexicographic order."""
        order = np.argsort(np.atleast_1d(self.problem.objective(points)), kind="stable")
        kept: list[np.ndarray] = []
        for x in points[order]:
            z = self.scaled.from_user(x)
            if all(np.abs(z - self.scaled.from_user(k)).max() > 1e-3 for k in kept):
                kept.append(x)
        kept.sort(key=lambda x: tuple(np.round(x, 6)))
        return np.array(kept)

    def message(self, status: Outcome, proof, found: int) -> str:
        text = {
            Outcome.CERTIFIED: "the value at the minimizers meets the verified lower bound",
            Outcome.BOUND: "the lower bound is verified, but no feasible point is known to meet it",
            Outcome.INFEASIBLE: "a verified certificate shows that no point is feasible",
            Outcome.UNBOUNDED: f"f falls without end along {proof}, t -> infinity",
            Outcome.UNRESOLVED: "nothing could be verified: add bounds on the variables, scale "
            "the problem, raise max_order or try another solver",
        }[status]
        if status is Outcome.CERTIFIED:
            if self.atoms == found:
                text += (
                    f"; the moment matrix is flat of rank {found}, so the list of minimizers is "
                    "complete as far as the numerical rank can tell"
                )
            else:
                text += "; there may be more minimizers than the ones listed"
        if status is Outcome.BOUND:
            if self.drifting:
                text += "; the smallest values lie further and further out: the infimum may not "
                text += "be attained"
            else:
                text += ": raise max_order, tighten bounds on the variables or try another solver"
        return "; ".join([text, *self.notes])


def _is_bounded(box: np.ndarray) -> bool:
    return bool(np.isfinite(box).all())


def _check_positive(name: str, value) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive number, got {value!r}")
