"""Exact arithmetic for proofs: rationals, polynomials over them, positive semidefinite matrices.

Floats are dyadic rationals, so that what a user or a solver gives is read without any rounding.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, lcm, nextafter
from sys import float_info

from flint import Ordering, arb, ctx, fmpq, fmpq_mat, fmpq_mpoly_ctx, fmpz, nmod_mat

from ..algebra.polynomials import Polynomial

_SMALL = 3  # rows: up to here exact pivots are as fast
_PRECISIONS = (128, 1024, 8192, 65536)  # bits of a ball
_LONGEST_BALLS = 1e12  # n^3 times the bits of a ball: half a minute at most
_PRIME = 2**61 - 1
_LONGEST = 1e10  # n^2.5 times the bits of all rows: a minute at most


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
            exact = self.polynomial({tuple(alpha): to_fmpq(c) for alpha, c in terms})
            found = self._known[id(p)] = (p, exact)  # p itself is kept: its id stays its own
        return found[1]

    def polynomial(self, terms: dict):
        """With these coefficients, `fmpq` by exponents: all denominators at once, or it is slow."""
        d = common_denominator([int(c.q) for c in terms.values()])
        return self.ctx.from_dict({a: c * d for a, c in terms.items()}) / d

    def units(self, center, scale):
        """The polynomials x = center + scale * z, to be put into others by `compose`."""
        return [
            to_fmpq(c) + to_fmpq(s) * z
            for c, s, z in zip(center, scale, self.ctx.gens(), strict=True)
        ]


def is_positive_semidefinite(Q) -> bool:
    """Show that Q >= 0, without any rounding.

    A matrix that is no borderline case shows it by its LDL^T decomposition in ball arithmetic,
    where every number comes with a bound of its error. A singular one is split: into a definite
    part, and a rest that is decided by itself.

    Parameters
    ----------
    Q : square array or list of lists of Fraction, fmpq or float
        Floats are read as the rationals they are.

    Returns
    -------
    bool
        False also for a singular matrix whose numbers are so long that this would take minutes.

    >>> is_positive_semidefinite([[1, 1], [1, 1]])
    True
    >>> is_positive_semidefinite([[0, 1], [1, 9]])
    False
    """
    rows = [[v if isinstance(v, fmpq) else to_fmpq(v) for v in row] for row in Q]
    n = len(rows)
    if any(rows[i][j] != rows[j][i] for i in range(n) for j in range(i)):
        return False
    # Rows with few entries first: where most are 0, elimination then fills in little.
    order = sorted(range(n), key=lambda i: sum(v != 0 for v in rows[i]))
    return _is_psd([[rows[i][j] for j in order] for i in order])


def _is_psd(Q) -> bool:
    if len(Q) <= _SMALL:
        return _has_nonnegative_pivots(Q)
    if (verdict := _by_balls(Q, _PRECISIONS[:1])) is not None:
        return verdict
    kept = independent_rows(Q)
    singular = 0 < len(kept) < len(Q)
    # Otherwise more digits tell, but where a leading minor vanishes.
    part = [[Q[i][j] for j in kept] for i in kept] if singular else Q
    verdict = _by_balls(part, _PRECISIONS)
    if verdict is False or (verdict and not singular):
        return verdict
    if _takes_minutes(Q):
        return False
    return _is_psd(_beside(Q, kept)) if verdict else _has_nonnegative_pivots(Q)


def _takes_minutes(Q) -> bool:
    """Whether exact elimination would: determinants are as long as all rows together, at most."""
    total = 0
    for row in Q:
        denominator, size = 1, 0
        for v in row:
            denominator = lcm(denominator, int(v.q))
            size = max(size, abs(int(v.p)).bit_length() - int(v.q).bit_length())
            if len(Q) ** 2.5 * denominator.bit_length() > _LONGEST:
                return True
        total += denominator.bit_length() + size
    return len(Q) ** 2.5 * total > _LONGEST


def _by_balls(Q, precisions) -> bool | None:
    """Whether Q > 0, or not Q >= 0; None where more digits than these would be needed."""
    own = ctx.prec
    affordable = [bits for bits in precisions if len(Q) ** 3 * bits <= _LONGEST_BALLS]
    try:
        for ctx.prec in affordable:
            verdict = _has_positive_balls(Q)
            if verdict is not None:
                return verdict
        return None
    finally:
        ctx.prec = own


def _has_positive_balls(Q) -> bool | None:
    n, rest = len(Q), [[arb(v) for v in row[: i + 1]] for i, row in enumerate(Q)]
    for k in range(n):
        pivot = rest[k][k]
        if not pivot > 0:
            return False if pivot < 0 else None
        column = [(i, rest[i][k]) for i in range(k + 1, n) if not rest[i][k] == 0]
        for place, (i, c) in enumerate(column):
            ratio, row = c / pivot, rest[i]
            for j, other in column[: place + 1]:
                row[j] -= ratio * other
    return True


def independent_rows(Q) -> list[int]:
    """Rows that are independent modulo a prime: hence independent, and seldom too few."""
    n = len(Q)
    entries = [(int(v.p), int(v.q)) for row in Q for v in row]
    if any(q % _PRIME == 0 for _, q in entries):
        return []
    residues = [p % _PRIME * pow(q, -1, _PRIME) % _PRIME for p, q in entries]
    echelon, rank = nmod_mat(n, n, residues, _PRIME).rref()
    kept, column = [], 0
    for i in range(rank):
        while echelon[i, column] == 0:
            column += 1
        kept.append(column)
    return kept


def _beside(Q, kept: list[int]):
    """U - T^T S^-1 T for Q = [[S, T], [T^T, U]] up to order, S on the rows kept, S > 0.

    Q is positive semidefinite if and only if this is.
    """
    others = sorted(set(range(len(Q))) - set(kept))
    S, T, U = (
        fmpq_mat(len(rows), len(columns), [Q[i][j] for i in rows for j in columns])
        for rows, columns in ((kept, kept), (kept, others), (others, others))
    )
    return (U - T.transpose() * S.solve(T)).tolist()


def _has_nonnegative_pivots(Q) -> bool:
    n, rest = len(Q), [list(row) for row in Q]
    for k in range(n):
        pivot = rest[k][k]
        column = [(i, rest[i][k]) for i in range(k + 1, n) if rest[i][k] != 0]
        if pivot < 0 or (pivot == 0 and column):
            return False
        for place, (i, c) in enumerate(column):
            ratio, row = c / pivot, rest[i]
            for j, other in column[: place + 1]:
                row[j] -= ratio * other
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


def rational_sum(values: list) -> fmpq:
    """By halves: with many denominators, one after the other would make all sums long.

    >>> rational_sum([fmpq(1, 2), fmpq(1, 3), fmpq(1, 7)])
    41/42
    """
    if len(values) <= 2:
        return sum(values, fmpq(0))
    half = len(values) // 2
    return rational_sum(values[:half]) + rational_sum(values[half:])


def common_denominator(values: list[int]) -> fmpz:
    """The least one, of denominators; by halves, too."""
    if len(values) <= 1:
        return fmpz(values[0] if values else 1)
    half = len(values) // 2
    return common_denominator(values[:half]).lcm(common_denominator(values[half:]))


def to_fmpq(c) -> fmpq:
    numerator, denominator = c.as_integer_ratio()
    return fmpq(numerator, denominator)


def to_fraction(c: fmpq) -> Fraction:
    return Fraction(int(c.p), int(c.q))
