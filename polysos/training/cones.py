"""Small conic programs, handed to Clarabel or SCS as arrays: milliseconds each.

Nothing that comes back is trusted: the multipliers go into exact identities, which hold or do not.
"""

from __future__ import annotations

from functools import lru_cache
from time import perf_counter
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from ..relaxations.solvers import answer_of

_MOST_STEPS = 3000  # of SCS: where a certificate exists, some hundreds were enough
_CHECKED = 25  # steps of alternating directions between two looks at eigenvalues
_RELAXED = 1.6  # times each of them
_WORTHWHILE = 0.02  # of a positive eigenvalue: for less it does not go on
_NEAR_ENOUGH = 1e-5  # steps that change this little are the last
_RANK = 1e-12  # squared length of what the equations see of the unit matrix: nothing


class ConicSolution(NamedTuple):
    """x, and a multiplier for each row of b - A x in K; `value` is the cost."""

    x: np.ndarray
    multipliers: np.ndarray
    value: float


def minimize_linear(
    cost,
    A,
    b,
    n_norm: int = 0,
    definite: int = 0,
    quadratic=None,
    seconds: float | None = None,
    accuracy: float = 1e-9,
) -> ConicSolution | None:
    """Minimize cost @ x subject to b - A x in K; None where Clarabel finds no solution.

    K: the first rows are nonnegative; then `n_norm` rows are a second-order cone (t, v) with
    |v| <= t; the last are the upper triangle of a positive semidefinite matrix with `definite`
    rows, column by column, as `triangle` writes it. A positive semidefinite matrix `quadratic`
    adds x @ quadratic @ x / 2 to the cost. After `seconds`, if given, Clarabel gives up; to an
    `accuracy` it stops.
    Multipliers y of the rows satisfy, for every x, cost @ x = -y @ b + y @ (b - A x) (without
    `quadratic`).

    >>> s = minimize_linear([1.0], [[-1.0]], [-2.0])  # x >= 2
    >>> round(s.value, 6), np.round(s.multipliers, 6).tolist()
    (2.0, [1.0])
    """
    import clarabel  # here, so that what needs no solver loads none

    A, b, cost = (np.asarray(v, dtype=float) for v in (A, b, cost))
    if not all(np.isfinite(v).all() for v in (A, b, cost)):
        return None
    n_signed = len(b) - n_norm - definite * (definite + 1) // 2
    cones = [clarabel.NonnegativeConeT(n_signed)] if n_signed else []
    cones += [clarabel.SecondOrderConeT(n_norm)] if n_norm else []
    cones += [clarabel.PSDTriangleConeT(definite)] if definite else []
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.presolve_enable = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = accuracy
    if seconds is not None:
        settings.time_limit = max(seconds, 1e-3)
    n = len(cost)
    P = sp.csc_matrix((n, n)) if quadratic is None else _columns(np.triu(quadratic))
    found = answer_of(
        lambda: clarabel.DefaultSolver(P, cost, _columns(A), b, cones, settings).solve()
    )
    if found is None or found.status not in (
        clarabel.SolverStatus.Solved,
        clarabel.SolverStatus.AlmostSolved,
    ):
        return None
    return ConicSolution(np.array(found.x), np.array(found.z), found.obj_val)


def largest_smallest_eigenvalue(
    start: np.ndarray, moves: np.ndarray, size: int, seconds: float | None = None
) -> np.ndarray | None:
    """z for which the smallest eigenvalue of start + moves @ z is nearly as large as it can be.

    Parameters
    ----------
    start : array, shape (size (size + 1) / 2,)
        A symmetric matrix, as `triangle` writes it.
    moves : array, shape (size (size + 1) / 2, k)
        Such matrices.
    size : int
    seconds : float, optional
        After which SCS gives up.

    Returns
    -------
    array, shape (k,), or None
        None where SCS finds nothing. A first-order method is enough: any z is as good as its
        eigenvalue.

    Examples
    --------
    >>> start, move = np.array([2.0, 0.0, 0.0]), np.array([[-1.0], [0.0], [1.0]])
    >>> z = largest_smallest_eigenvalue(start, move, 2)  # diag(2 - z, z)
    >>> np.round(z, 2).tolist()
    [1.0]
    """
    rows, columns, _ = triangle(size)
    return _farthest(start, moves, (rows == columns).astype(float), size, seconds)


def most_definite(
    start: np.ndarray, equations: np.ndarray, size: int, seconds: float | None = None
) -> np.ndarray:
    """x with equations.T @ (x - start) = 0 whose smallest eigenvalue is nearly as large as can be.

    By alternating directions: x - t I, on the equations, and a semidefinite matrix approach each
    other while t is drawn upwards. Good for many unknowns and few equations.

    Parameters
    ----------
    start : array, shape (size (size + 1) / 2,)
        A symmetric matrix, as `triangle` writes it.
    equations : array, shape (size (size + 1) / 2, q)
        With orthonormal columns.
    size : int
    seconds : float, optional
        After which the best so far is returned.

    Examples
    --------
    >>> start, equation = np.array([2.0, 0.0, 0.0]), np.array([[1.0, 0.0], [0, 1], [1, 0]])
    >>> x = most_definite(start, equation / np.linalg.norm(equation, axis=0), 2)  # diag(2 - z, z)
    >>> np.round(x, 2).tolist()
    [1.0, 0.0, 1.0]
    """
    rows, columns, _ = triangle(size)
    unit = (rows == columns).astype(float)
    right, of_unit = equations.T @ start, equations.T @ unit
    length = of_unit @ of_unit
    best, largest = start, smallest_eigenvalue(start, size)
    if length < _RANK:  # t has no bound
        return best
    S, U, rho, begin = unit, np.zeros_like(unit), 1.0, perf_counter()
    for step in range(1, _MOST_STEPS + 1):
        off = equations.T @ (S - U) - right
        t = (1 / rho - of_unit @ off) / length
        x = S - U + t * unit - equations @ (off + t * of_unit)
        moved = _RELAXED * (x - t * unit) + (1 - _RELAXED) * S
        before, S = S, _semidefinite_part(moved + U, size)
        U = U + moved - S
        if step % _CHECKED:
            continue
        apart, change = np.linalg.norm(x - t * unit - S), rho * np.linalg.norm(S - before)
        smallest = smallest_eigenvalue(x, size)
        stalls = 0 < largest and smallest < (1 + _WORTHWHILE) * largest
        if smallest > largest:
            best, largest = x, smallest
        is_late = seconds is not None and perf_counter() - begin > seconds
        if stalls or is_late or max(apart, change) < _NEAR_ENOUGH:
            break
        ratio = np.sqrt(np.clip(apart / max(change, 1e-300), 0.25, 4.0))
        rho, U = rho * ratio, U / ratio
    return best


def _semidefinite_part(entries: np.ndarray, size: int) -> np.ndarray:
    rows, columns, factor = triangle(size)
    values, vectors = np.linalg.eigh(symmetric(entries, size))
    M = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return M[rows, columns] * factor


def largest_corner(
    start: np.ndarray, moves: np.ndarray, size: int, seconds: float | None = None
) -> np.ndarray | None:
    """z for which start + moves @ z - t E is semidefinite with nearly the largest t.

    E is 1 in the first corner, 0 elsewhere; the rest as for `largest_smallest_eigenvalue`.
    """
    return _farthest(start, moves, np.eye(1, len(start))[0], size, seconds)


def _farthest(start, moves, away, size: int, seconds: float | None) -> np.ndarray | None:
    """z with start + moves @ z - t away semidefinite for nearly the largest t, by SCS."""
    import scs

    if not all(np.isfinite(v).all() for v in (start, moves)):
        return None
    rows, columns, _ = triangle(size)
    order = np.lexsort((columns, rows))  # SCS wants the lower triangle, column by column
    A = -np.c_[moves, -away][order]
    data = {"A": _columns(A), "b": start[order], "c": np.r_[np.zeros(moves.shape[1]), -1.0]}
    options = {"eps_abs": 1e-4, "eps_rel": 1e-4, "max_iters": _MOST_STEPS, "verbose": False}
    if seconds is not None:
        options["time_limit_secs"] = max(seconds, 1e-3)
    found = answer_of(lambda: scs.SCS(data, {"s": [size]}, **options).solve())
    if found is None or not np.isfinite(found["x"]).all():
        return None
    return np.array(found["x"][:-1])


def _columns(A: np.ndarray) -> sp.csc_matrix:
    """A sparse matrix, column by column: several times faster than scipy's own conversion."""
    nonzero = A.T != 0
    starts = np.r_[0, np.cumsum(nonzero.sum(axis=1))]
    return sp.csc_matrix((A.T[nonzero], np.nonzero(nonzero)[1], starts), A.shape)


def symmetric(entries: np.ndarray, size: int) -> np.ndarray:
    """The symmetric matrix whose upper triangle is written as `triangle` does."""
    rows, columns, factor = triangle(size)
    M = np.empty((size, size))
    M[rows, columns] = M[columns, rows] = entries / factor
    return M


def smallest_eigenvalue(entries: np.ndarray, size: int) -> float:
    """Of such a matrix."""
    return float(np.linalg.eigvalsh(symmetric(entries, size))[0])


@lru_cache(maxsize=16)
def triangle(n: int):
    """Rows, columns and factors of the entries of a symmetric matrix in a semidefinite cone.

    >>> [v.tolist() for v in triangle(2)[:2]]
    [[0, 0, 1], [0, 1, 1]]
    """
    pairs = [(i, j) for j in range(n) for i in range(j + 1)]
    rows, columns = np.array(pairs).T
    return rows, columns, np.where(rows == columns, 1.0, np.sqrt(2.0))
