"""What a relaxation costs, estimated before anything of it is built.

A relaxation of order k in n variables has about n^(2k) moments, and an interior-point method keeps
a dense matrix over all pairs of entries of a moment matrix: n^(4k) numbers. A process that asks
for more than there is gets killed, with everything that it has found.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from math import comb, inf

import numpy as np

from .scaling import ScaledProblem

SHARE = 0.5  # of the available memory that a relaxation may take

# Bytes for each pair of entries of a semidefinite block, as measured: the block of the KKT matrix,
# its copies, its factor. SCS is a first-order method and keeps only what is not zero.
_PER_PAIR = {"CLARABEL": 52, "SCS": 0}
_PER_PAIR_OF_MOMENTS = 24  # of other solvers: a dense Schur complement and its factor
_PER_MOMENT = 500  # a row of exponents while Python builds it
_PER_TERM = 40  # of an entry of a localizing matrix, for each variable: exponents and their places
_PER_LINK = 40  # of a pair of monomials, while it is looked up whether they are joined
_PER_SHIFT = 24  # a dense row for each product of an equality and a monomial, and its factor
_MOST_NUMBERS = 2**52  # of monomials: floats still tell them apart
_SPEED = {"CLARABEL": 2e10}  # operations in a second while a KKT matrix is factored, about
_FEW = 2000  # monomials: some seconds for all pairs of them
_LONG = 5e9  # operations of a step, which then takes a quarter of a second
_MINUTES = 1e12  # operations
_EXACT_SPEED = 5e4  # with rationals whose digits grow, while an exact Gram matrix is checked


def check_building(scaled: ScaledProblem, order: int) -> None:
    """Raise MemoryError where the matrices of a relaxation would not fit."""
    n = scaled.problem.n_variables
    moments = comb(n + 2 * order, n)
    terms = [1, *(len(g.exponents) for g in scaled.inequalities)]
    entries = sum(t * s**2 for t, s in zip(terms, _rows(scaled, order), strict=True))
    shifts = sum(comb(n + 2 * order - h.degree, n) for h in scaled.equalities)
    size = _PER_MOMENT * moments + _PER_TERM * n * entries + _PER_SHIFT * shifts * moments
    if scaled.center.any():
        size += 24 * moments**2  # a full matrix takes moments from one center to another
    _require(size, f"the relaxation of order {order}, with {moments} moments,")


def check_graph(n: int, order: int, reduced: bool) -> None:
    """Raise MemoryError where not even the pairs of monomials of a Gram matrix would fit.

    To reduce a basis, the exponents of all products are written down.
    """
    check_numbering(n, order)
    rows = comb(n + order, n)
    per_pair = _PER_LINK * (1 + n * reduced)
    _require(per_pair * rows**2, f"the graph of order {order}, with {rows} monomials,")


def check_numbering(n: int, order: int) -> None:
    """Raise MemoryError where there are more monomials than integers to number them by."""
    if comb(n + 2 * order, n) > _MOST_NUMBERS:
        raise MemoryError(
            f"order {order} was not tried: {n} variables have too many monomials of degree "
            f"{2 * order} to be numbered"
        )


def check_solving(sizes: list[int], moments: int, solver: str) -> None:
    """Raise MemoryError where a solver would not hold semidefinite blocks of these sizes."""
    if solver in _PER_PAIR:
        size = _PER_PAIR[solver] * sum((s * (s + 1) // 2) ** 2 for s in sizes if s > 1)
    else:
        size = _PER_PAIR_OF_MOMENTS * moments**2
    _require(size, f"{solver}, with {moments} moments and a matrix of {max(sizes)} rows,")


def check_step(sizes: list[int], order: int, solver: str, seconds: float) -> None:
    """Raise TimeoutError where a single step of a solver takes longer: none can be interrupted."""
    if solver not in _SPEED:
        return
    step = _work_of_a_step(sizes) / _SPEED[solver]
    if step > seconds:
        raise TimeoutError(
            f"order {order} was not tried: one step of {solver} would take about {step:.2g} s, "
            "longer than the time limit allows"
        )


def has_few_monomials(scaled: ScaledProblem, order: int) -> bool:
    """Whether a graph on the monomials of a Gram matrix is quickly built."""
    return _rows(scaled, order)[0] <= _FEW


def is_long(scaled: ScaledProblem, order: int) -> bool:
    """Whether one step of an interior-point method on the paper's relaxation takes a while."""
    return _work_of_a_step(_rows(scaled, order)) > _LONG


def takes_minutes(sizes: list[int]) -> bool:
    """Whether one step of an interior-point method on blocks of these sizes is not worth a try."""
    return _work_of_a_step(sizes) > _MINUTES


def _work_of_a_step(sizes: list[int]) -> float:
    return sum((s * (s + 1) / 2) ** 3 for s in sizes) * 2 / 3


def check_exact_check(matrices: Iterable[np.ndarray], seconds: float) -> None:
    """Raise TimeoutError where it takes longer to check exact Gram matrices like these.

    Elimination costs the square of the entries of each row that are not 0.
    """
    matrices = list(matrices)
    step = sum(float((np.count_nonzero(Q, axis=1) ** 2.0).sum()) for Q in matrices) / _EXACT_SPEED
    if step > seconds:
        raise TimeoutError(
            "a relaxation was solved, but the exact check of a matrix of "
            f"{max(map(len, matrices))} rows would take about {step:.2g} s, longer than the time "
            "limit allows"
        )


def _rows(scaled: ScaledProblem, order: int) -> list[int]:
    """Rows of the moment matrix and of the localizing matrices."""
    n = scaled.problem.n_variables
    return [
        comb(n + (2 * order - d) // 2, n) for d in (0, *(g.degree for g in scaled.inequalities))
    ]


def _require(size: float, what: str) -> None:
    available = available_memory()
    if size > SHARE * available:
        raise MemoryError(
            f"{what} needs about {size / 1e9:.2g} GB of memory, and {SHARE:.0%} of the "
            f"{available / 1e9:.2g} GB available may be used: take a lower order, fewer variables "
            "or a solver that needs less (SCS)"
        )


def available_memory() -> float:
    """Bytes that may still be asked for; inf where the system does not say."""
    try:
        with open("/proc/meminfo") as lines:
            known = dict(line.split(":", 1) for line in lines)
        return 1024.0 * int(known["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return inf
