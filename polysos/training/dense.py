"""The paper's own way: dense moment relaxations of the training problem, order by order."""

from __future__ import annotations

from math import comb

from ..algebra.problem import PolynomialProblem
from ..hierarchy.minimize import minimize
from ..progress import Progress
from ..proofs.proof import Proof
from .recovery import linear_start
from .standing import Standing

_FEW = 130  # moments: a dense relaxation of this size takes a second


def climb(standing: Standing, progress: Progress, max_order: int | None = None) -> None:
    """Take what `minimize` finds and proves about the training problem."""
    candidates = standing.candidates
    left = None if progress.left is None else max(progress.left, 1e-3)
    if not candidates.found:
        candidates.improve(linear_start(candidates.r))
    found = minimize(
        standing.dense_problem, max_order, time_limit=left, verbose=progress.is_verbose
    )
    for x in found.minimizers:
        candidates.improve(x[: candidates.r.n_coefficients])
    if isinstance(found.proof, Proof) and found.proof.holds:
        standing.keep(found.proof)
    orders = ", ".join(f"{h.order} ({h.status})" for h in found.history)
    solved = f"dense relaxations of order {orders}" if orders else "no dense relaxation solved"
    progress.note(f"{solved}: {found.status}")


def cheapest_orders(problem: PolynomialProblem) -> int | None:
    """The last order of the dense hierarchy with few moments, if there is one."""
    n, k = problem.n_variables, problem.minimum_order
    if comb(n + 2 * k, n) > _FEW:
        return None
    while comb(n + 2 * (k + 1), n) <= _FEW:
        k += 1
    return min(k, problem.minimum_order + 1)
