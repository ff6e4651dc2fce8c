"""What `minimize` says in words: what is known, and where something is missing, what to try."""

from __future__ import annotations

import numpy as np

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..relaxations.program import Status
from .standing import Standing

_MANY = 10  # different minimizers, found by local searches: perhaps there is a continuum


def certified(standing: Standing, found: int) -> str:
    text = "the minimizers are proven feasible, and their value meets the verified lower bound; "
    if standing.alone:
        return text + "the proof shows that there are no other minimizers"
    if standing.atoms == found:
        return text + (
            f"the moment matrix is flat of rank {found}, by its numerical rank: evidence, and no "
            "proof, that there are no other minimizers"
        )
    if found >= _MANY:
        return text + (
            f"local searches ended at {found} different ones: there may be infinitely many"
        )
    return text + "there may be more minimizers than the ones listed"


def approximate(standing: Standing) -> str:
    text = (
        "the lower bound is verified, the value is not: the points listed are feasible only to "
        f"{standing.points.feasibility:g}, and no feasible point could be proven to lie near them. "
        "Nearly feasible points can lie far below the minimum. Give exact data (fractions.Fraction "
        "instead of floats), bounds on the variables, a smaller feasibility or a higher max_order"
    )
    if standing.points.proven:
        text += f"; the best point that is proven has the value {standing.value:.9g}"
    return text


def bound(standing: Standing) -> str:
    best = standing.points.best(standing.bound)
    text = "the lower bound is verified, but no "
    if best is None:
        return text + (
            "feasible point was found; perhaps there is none: minimizing the largest violation of "
            "the constraints tells"
        )
    text += "feasible point is known to meet it"
    if best.proven is None:
        text += " (the value is that of a nearly feasible point)"
    if not best.steady:
        return text + (
            "; the smallest values lie further and further out: the infimum may not be attained"
        )
    return "; ".join(
        [
            text + ": raise max_order, tighten bounds on the variables or try another solver",
            *_solvers_word(standing),
        ]
    )


def unresolved(standing: Standing) -> str:
    parts = [
        "nothing could be verified: add bounds on the variables, scale the problem, raise "
        "max_order or try another solver"
    ]
    if _is_on_a_cone(standing.problem):
        parts.append(
            "objective and constraints are homogeneous, so that the infimum is 0 or -infinity: add "
            "a normalisation, say x1^2 + ... + xn^2 - 1 among the equalities; where the minimum is "
            "then at least 0, it is 0 without it"
        )
    return "; ".join([*parts, *_solvers_word(standing)])


def _solvers_word(standing: Standing) -> list[str]:
    """The value of the highest relaxation that was solved, if it promises more than is proven."""
    solved = [r for r in standing.history if r.status is Status.SOLVED and np.isfinite(r.value)]
    if not solved:
        return []
    last = solved[-1]
    proven = -np.inf if standing.bound is None else float(standing.bound)
    if last.value - proven <= standing.points.slip(last.value):
        return []
    return [
        f"the relaxation of order {last.order} has the value {last.value:.9g}, by the solver's word"
    ]


def _is_on_a_cone(problem: PolynomialProblem) -> bool:
    """Whether f has terms of one degree only, and every constraint, too."""
    polynomials = (problem.objective, *problem.inequalities, *problem.equalities)
    return problem.objective.degree > 0 and all(map(_is_homogeneous, polynomials))


def _is_homogeneous(p: Polynomial) -> bool:
    return len(set(p.exponents.sum(axis=1).tolist())) <= 1
