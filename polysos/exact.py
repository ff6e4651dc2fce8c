"""Exact arithmetic for proofs: rationals, polynomials over them, positive semidefinite matrices.

Floats are dyadic rationals, so that what a user or a solver gives is read without any rounding.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, nextafter
from sys import float_info

import numpy as np
from flint import Ordering, fmpq, fmpq_mat, fmpq_mpoly_ctx
from scipy.linalg import solve_triangular

from .polynomials import Polynomial

_SMALL = 12  # rows: up to here pivots are as fast


class ExactRing:
    """Polynomials in n variables with rational coefficients; remembers what it has read."""

    def __init__(self, n: int):
        self.n = n
        self.ctx = fmpq_mpoly_ctx.get([f"z{i}" for i in range(n)], Ordering.deglex)
        self._known: dict = {}

    def read(self, p: Polynomial):
        """The polynomial as it stands, floats taken as the rationals they are."""
        found = self._known.get(id(p))
        if found is None:
            terms = zip(p.exponents.tolist(), p.coefficients.tolist(), strict=True)
            exact = self.ctx.from_dict({tuple(alpha): to_fmpq(c) for alpha, c in terms})
            found = self._known[id(p)] = (p, exact)  # p itself is kept: its id stays its own
        return found[1]

    def units(self, center, scale):
        """The polynomials x = center + scale * z, to be put into others by `compose`."""
        return [
            to_fmpq(c) + to_fmpq(s) * z
            for c, s, z in zip(center, scale, self.ctx.gens(), strict=True)
        ]


def is_positive_semidefinite(Q) -> bool:
    """Decide Q >= 0 exactly, over the rationals.

    A large matrix that is clearly definite shows it by diagonal dominance after a congruence; any
    other one by its LDL^T decomposition, whose numbers grow.

    Parameters
    ----------
    Q : square list of lists of fmpq (or Fraction), symmetric

    >>> is_positive_semidefinite([[fmpq(1), fmpq(1)], [fmpq(1), fmpq(1)]])
    True
    >>> is_positive_semidefinite([[fmpq(0), fmpq(1)], [fmpq(1), fmpq(9)]])
    False
    """
    n = len(Q)
    if n == 1:
        return Q[0][0] >= 0
    if any(Q[i][j] != Q[j][i] for i in range(n) for j in range(i)):
        return False
    return (n > _SMALL and _is_clearly_definite(Q)) or _has_nonnegative_pivots(Q)


def _is_clearly_definite(Q) -> bool:
    """Whether X Q X^T is strictly diagonally dominant, for X near the inverse Cholesky factor.

    X comes from floats, the product is exact. False says nothing.
    """
    n = len(Q)
    own = fmpq_mat(n, n, [v if isinstance(v, fmpq) else to_fmpq(v) for row in Q for v in row])
    if not all(own[i, i] > 0 for i in range(n)):
        return False
    try:
        approximate = np.array([float(to_fraction(v)) for v in own.entries()]).reshape(n, n)
        size = np.sqrt(np.diag(approximate))
        factor = np.linalg.cholesky(approximate / np.outer(size, size))
        X = solve_triangular(factor, np.diag(1 / size), lower=True)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return False
    if not np.isfinite(X).all():
        return False
    exact = fmpq_mat(n, n, [to_fmpq(v) for v in X.ravel().tolist()])
    rows = (exact * own * exact.transpose()).tolist()
    return all(2 * row[i] > sum(abs(v) for v in row) for i, row in enumerate(rows))


def _has_nonnegative_pivots(Q) -> bool:
    n, rest = len(Q), [list(row) for row in Q]
    for k in range(n):
        pivot = rest[k][k]
        column = [rest[i][k] for i in range(k + 1, n)]
        if pivot < 0 or (pivot == 0 and any(c != 0 for c in column)):
            return False
        for i in range(k + 1, n):
            if rest[i][k] != 0:
                ratio = rest[i][k] / pivot
                for j in range(k + 1, i + 1):
                    rest[i][j] -= ratio * rest[j][k]
    return True


def round_down(value: Fraction) -> float:
    """The largest float that is at most this rational, or one float less."""
    try:
        approximation = float(value)
    except OverflowError:
        return -inf if value < 0 else float_info.max
    return nextafter(approximation, -inf) if Fraction(approximation) > value else approximation


def round_up(value: Fraction) -> float:
    """The smallest float that is at least this rational, or one float more."""
    return -round_down(-value) + 0.0  # no minus zero


def to_fmpq(c) -> fmpq:
    numerator, denominator = c.as_integer_ratio()
    return fmpq(numerator, denominator)


def to_fraction(c: fmpq) -> Fraction:
    return Fraction(int(c.p), int(c.q))
