"""The search behind `minimize`: what to try next, until points and proofs meet.

At every order the relaxation is solved (the paper's (3.4)). Its moments suggest points, which are
improved by local search: they give upper bounds. Its multipliers give a certificate, which is
checked in exact arithmetic: that gives the lower bound. On unbounded sets the multipliers of (3.4)
rarely survive exact arithmetic; variants are made for it: Gram matrices with slack, denominators,
the sublevel set of the best point, products of inequalities, boxes that are proven to hold every
better point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import comb

from ..algebra.problem import PolynomialProblem
from ..progress import Progress
from ..proofs.box import bounding_box, is_bounded
from ..proofs.only_minimizer import is_only_minimizer
from ..proofs.proof import empty_box_proof
from ..relaxations.blocks import weighted_generators
from ..relaxations.cliques import has_cliques
from ..relaxations.cost import check_building, has_few_monomials, is_long
from ..relaxations.relaxation import Relaxation, Status, constant_multipliers
from ..relaxations.scaling import scale_problem, scaled_or_none
from ..relaxations.variant import Sparsity, Variant
from .descent import find_descent_curve
from .local_search import LocalSearch
from .points import Points
from .standing import Standing
from .steps import Steps

_LARGEST = 1000  # moments of the largest relaxation that is tried without a time limit
_QUICK = 1e8  # operations of a step that is optional, by estimate: seconds
_STARTS = 8  # of local searches, before the first relaxation
_MORE_STARTS = 24  # once certified: for other minimizers
_TILTS = 4  # slopes of the objective, to tell minimizers apart
_SLACKS = (1e-8, 1e-9, 1e-7)  # of Gram matrices that are to survive rounding, best chances first


def begin(
    problem: PolynomialProblem,
    solver: str,
    tolerance: float,
    feasibility: float,
    progress: Progress,
) -> Steps:
    """The steps on a problem, with nothing known yet."""
    box = bounding_box(problem)
    scaled = scale_problem(problem, box)
    local = LocalSearch(scaled, box, progress.is_late)
    standing = Standing(problem, Points(local, tolerance, feasibility))
    return Steps(standing, scaled, local, box, solver, progress)


def search(steps: Steps, max_order: int) -> None:
    """Climb the orders until something is proven, the orders end, or time does."""
    standing, local, first = steps.standing, steps.local, steps.standing.problem.minimum_order
    if (steps.box[:, 0] > steps.box[:, 1]).any():
        standing.verdict = empty_box_proof(standing.problem)
        return
    steps.prove(constant_multipliers(steps.scaled), "constant multipliers")
    for z in local.random_starts(_STARTS):
        if steps.progress.is_late():
            return
        steps.improve(z)
    if steps.is_on_a_line:
        steps.look_at_roots()
        steps.prove_by_roots()
    steps.prove_form()
    if not steps.is_over():
        _begin_at_minimizers(steps)
    for order in range(first, max_order + 1):
        if steps.is_over():
            break
        ways = _splits(steps, order)
        for way in ways:
            _climb_by(steps, way, order)
        if steps.is_over() or not _is_affordable(steps, order):
            break
        solved = steps.fits(partial(steps.climb, order))
        if standing.proof is None and standing.verdict is None and order == first:
            standing.verdict = find_descent_curve(standing.problem, local)
        if not solved and not ways:
            break
        if solved:
            _vary(steps)
    _list_minimizers(steps, max_order)


def _splits(steps: Steps, order: int) -> list[Sparsity]:
    """The ways to split blocks that are worth a try before the whole ones at this order.

    Equalities are better taken whole, and terms joined, while that is quick.
    """
    by_cliques, long = has_cliques(steps.scaled), is_long(steps.scaled, order)
    ways = [Sparsity.VARIABLES] if by_cliques and (long or not steps.scaled.equalities) else []
    by_terms = long and has_few_monomials(steps.scaled, order)
    return [*ways, Sparsity.TERMS] if by_terms else ways


def _climb_by(steps: Steps, way: Sparsity, order: int) -> None:
    """The relaxation with small blocks; without constraints, then from the minimizers it shows."""
    if steps.is_over():
        return
    steps.fits(partial(steps.vary_by, way, order))
    first = order == steps.standing.problem.minimum_order
    if steps.is_constrained or not first or way is not Sparsity.VARIABLES:
        return
    steps.fits(steps.vanish)
    for seed in range(_TILTS):
        if steps.is_over():
            return
        steps.fits(partial(steps.look_on_cliques, seed))
        steps.fits(steps.vanish)


def _vary(steps: Steps) -> None:
    """What else may prove something at the order that was climbed last."""
    steps.fits(steps.vanish)
    for step in _variants(steps, steps.standing.history[-1]):
        if steps.is_over():
            return
        steps.fits(step)


def _begin_at_minimizers(steps: Steps) -> None:
    """Without constraints: a certificate that vanishes at the best points, if these are all."""
    if steps.is_constrained:
        return
    steps.fits(steps.vanish)
    for z in steps.local.random_starts(_MORE_STARTS, seed=2):
        if steps.is_over():
            return
        steps.improve(z)
    steps.fits(steps.vanish)


def _variants(steps: Steps, relaxation: Relaxation) -> Iterator[Callable[[], None]]:
    """Steps that may prove more at this order, cheapest first."""
    standing, order = steps.standing, relaxation.order
    if not standing.points.proven:
        yield partial(steps.refute, order)
    bounded = is_bounded(steps.box)
    sets = [(steps.scaled, None)]
    if standing.has_value:
        sets.append(_sublevel_set(steps))
    for scaled, u in sets:
        if scaled is None:
            continue
        for r in () if bounded else range(order - standing.problem.minimum_order + 1):
            if (u, r) == (None, 0) and relaxation.status is Status.UNBOUNDED:
                continue  # known already
            for slack in _SLACKS:
                yield partial(steps.vary, scaled, order, u, Variant(denominator=r, slack=slack))
            yield partial(steps.vary_on_face, scaled, order, u, r)
        if len(scaled.inequalities) > 1:
            slack = 0.0 if bounded else _SLACKS[0]
            yield partial(steps.vary, scaled, order, u, Variant(products=True, slack=slack))
    if standing.has_value and _work(steps, order) <= _QUICK:
        yield partial(steps.shrink_box, order)


def _sublevel_set(steps: Steps):
    """Where points are at least as good as the best, in its own units; and its level."""
    u = steps.standing.sublevel(steps.scaled.objective_factor)
    problem = steps.standing.below(u)
    return None if problem is None else scaled_or_none(problem, bounding_box(problem)), u


def _list_minimizers(steps: Steps, max_order: int) -> None:
    """Once certified, look for more minimizers while that is cheap.

    A flat moment matrix counts them; where the next order costs much, random starts must do.
    """
    standing = steps.standing
    if not standing.is_certified or standing.atoms is not None:
        return
    standing.alone = _is_alone(standing)
    if standing.alone:
        return
    history = standing.history
    order = history[-1].order + 1 if history else standing.problem.minimum_order
    while order <= max_order and standing.atoms is None and _is_cheap(steps, order):
        steps.fits(partial(steps.climb, order))
        order += 1
    for z in steps.local.random_starts(_MORE_STARTS, seed=2):
        if standing.atoms is None and not steps.progress.is_late():
            steps.improve(z)


def _is_alone(standing: Standing) -> bool:
    """Whether the proof shows that the minimizer found is the only one."""
    found = standing.minimizers()
    if len(found) != 1 or not found[0].proven.is_rational:
        return False
    return is_only_minimizer(standing.proof, found[0].proven.center)


def _is_cheap(steps: Steps, order: int) -> bool:
    """Whether an order is worth a look only to see whether its moment matrix is flat."""
    if steps.progress.is_late():
        return False
    try:
        check_building(steps.scaled, order)
    except MemoryError:
        return False
    return _work(steps, order) <= _QUICK


def _is_affordable(steps: Steps, order: int) -> bool:
    problem = steps.standing.problem
    size = comb(problem.n_variables + 2 * order, problem.n_variables)
    if steps.progress.time_limit is not None or size <= _LARGEST or order == problem.minimum_order:
        return True
    steps.progress.note(
        f"order {order} has {size} moments and was not tried; give a time_limit to try it"
    )
    return False


def _work(steps: Steps, order: int) -> float:
    """Operations of one step of an interior-point method at this order, about.

    A count, not a clock: what is tried must not depend on how busy the machine is.
    """
    blocks = weighted_generators(steps.scaled, order, products=False)
    n = steps.standing.problem.n_variables
    return comb(n + 2 * order, n) ** 2 * sum(g.size * (g.size + 1) / 2 for g in blocks)
