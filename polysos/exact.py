"""Exact arithmetic for proofs: rationals, polynomials over them, positive semidefinite matrices.

Floats are dyadic rationals, so that what a user or a solver gives is read without any rounding.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, nextafter
from sys import float_info

from flint import Ordering, fmpq, fmpq_mpoly_ctx

from .polynomials import Polynomial


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
    """Decide Q >= 0 exactly, by the LDL^T decomposition over the rationals.

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
    rest = [list(row) for row in Q]
    if any(Q[i][j] != Q[j][i] for i in range(n) for j in range(i)):
        return False
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


def to_fmpq(c) -> fmpq:
    numerator, denominator = c.as_integer_ratio()
    return fmpq(numerator, denominator)


def to_fraction(c: fmpq) -> Fraction:
    return Fraction(int(c.p), int(c.q))
