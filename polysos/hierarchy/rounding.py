"""From floats to rationals: Gram matrices on a grid, and what rounding left over put back.

An identity p = v^T Q v that holds to some digits holds exactly once the entries of Q share the
remainder (Peyrl and Parrilo 2008). Whether Q is still positive semidefinite is checked elsewhere.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import fmpq, fmpq_mat
from scipy.linalg import qr

from ..algebra.moments import BasisMatrix
from ..proofs.exact import is_positive_semidefinite, to_fmpq, to_fraction

_LARGEST = 5 * 10**7  # entries of a dense system of exact equations


def expanded(Q, face: np.ndarray | None):
    """face^T Q face: the Gram matrix on monomials."""
    if face is None:
        return Q
    rows = [[to_fmpq(v) for v in row] for row in face]
    F = fmpq_mat(len(rows), len(rows[0]), [v for row in rows for v in row])
    small = fmpq_mat(len(Q), len(Q), [v for row in Q for v in row])
    return (F.transpose() * small * F).tolist()


def take_up(rest, gram: BasisMatrix, Q, keep: bool) -> bool:
    """Add the remainder to Q; False if it cannot be taken up completely.

    Keeps the constant term out where `keep`: it goes into the bound.
    """
    terms = {tuple(int(a) for a in alpha): c for alpha, c in rest.to_dict().items()}
    kept = {(0,) * gram.basis.shape[1]} if keep else set()
    terms = {alpha: c for alpha, c in terms.items() if alpha not in kept}
    if gram.face is None:
        return _absorb_evenly(terms, gram.basis, Q)
    return _absorb_on_face(terms, gram, Q, kept)


def _absorb_on_face(terms: dict, gram: BasisMatrix, Q, kept: set) -> bool:
    """The least change of Q that takes up the terms, as linear equations over the rationals.

    Entries that were 0 in floats belong to no block, and stay 0.

    What it does to the monomials kept does not matter: on a face that vanishes at a point, nothing
    can be taken up without changing the constant.
    """
    if not Q or not terms:
        return not terms
    columns, pairs = [], list(zip(*np.nonzero(np.tril(gram.values)), strict=True))
    rows = [
        {tuple(alpha): v for alpha, v in zip(gram.basis.tolist(), row, strict=True) if v}
        for row in gram.face
    ]
    for a, b in pairs:
        column: dict = {}
        for alpha, v in rows[a].items():
            for beta, w in rows[b].items():
                key = tuple(p + q for p, q in zip(alpha, beta, strict=True))
                column[key] = column.get(key, 0) + v * w * (1 if a == b else 2)
        columns.append(column)
    monomials = sorted(({key for column in columns for key in column} | set(terms)) - kept)
    if len(monomials) * len(columns) > _LARGEST:
        return False
    A = np.array([[column.get(key, 0) for column in columns] for key in monomials], dtype=object)
    chosen = independent_rows(A.astype(float))
    exact = fmpq_mat(len(chosen), len(pairs), [to_fmpq(v) for v in A[chosen].ravel()])
    right = [terms.get(monomials[i], fmpq(0)) for i in chosen]
    try:
        x = (exact * exact.transpose()).solve(fmpq_mat(len(chosen), 1, right))
    except ZeroDivisionError:
        return False
    change = (exact.transpose() * x).tolist()
    for (a, b), (v,) in zip(pairs, change, strict=True):
        Q[a][b] += v
        if a != b:
            Q[b][a] += v
    return True  # where the equations left out do not hold, the remainder shows it


def independent_rows(A: np.ndarray) -> np.ndarray:
    """Numbers of rows that span what all rows span, well conditioned (QR with pivoting)."""
    _, R, pivots = qr(A.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    return np.sort(pivots[: int((diagonal > 1e-9 * diagonal.max(initial=0.0)).sum())])


def _absorb_evenly(terms: dict, basis: np.ndarray, Q) -> bool:
    """Each term is shared by the entries of Q with its monomial."""
    pairs: dict[tuple, list] = {}
    for i, a in enumerate(basis.tolist()):
        for j, b in enumerate(basis.tolist()):
            pairs.setdefault(tuple(p + q for p, q in zip(a, b, strict=True)), []).append((i, j))
    complete = True
    for alpha, c in terms.items():
        complete &= alpha in pairs
        for i, j in pairs.get(alpha, []):
            Q[i][j] += c / len(pairs[alpha])
    return complete


def on_grid(Q: np.ndarray):
    """Q as rationals, on a grid of 2^-48 of its size; None if it is not finite."""
    size = float(np.abs(Q).max(initial=0.0))
    if not np.isfinite(size):
        return None
    grid = int(48 - np.ceil(np.log2(size))) if size else 0
    scaled = np.ldexp((Q + Q.T) / 2, grid)
    return [[_dyadic(round(v), grid) for v in row] for row in scaled.tolist()]


def make_definite(Q) -> bool:
    """Add a multiple of I, as small as we can, that makes Q >= 0."""
    if is_positive_semidefinite(Q):
        return True
    approximate = np.array([[float(to_fraction(v)) for v in row] for row in Q])
    smallest = -float(np.linalg.eigvalsh(approximate)[0])
    step = np.abs(approximate).max() * len(Q) * 2.0**-50
    more = max(smallest, 0.0) + step
    for _ in range(60):
        for i in range(len(Q)):
            Q[i][i] += to_fmpq(Fraction(more))
        if is_positive_semidefinite(Q):
            return True
        more = step = 2 * step
    return False


def _dyadic(numerator: int, power: int) -> fmpq:
    return fmpq(numerator, 1 << power) if power >= 0 else fmpq(numerator << -power)


def fraction_array(matrix) -> np.ndarray:
    array = np.empty((len(matrix), len(matrix)), dtype=object)
    for i, row in enumerate(matrix):
        for j, v in enumerate(row):
            array[i, j] = to_fraction(v)
    return array
