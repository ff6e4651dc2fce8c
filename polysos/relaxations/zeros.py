"""Blocks that vanish at known minimizers.

Where f takes its bound, every term of f - gamma = sum_j sigma_j g_j is 0: the polynomials whose
squares make up sigma_0 vanish there, and those of sigma_j where g_j > 0. A solver finds such Gram
matrices only in the limit, on the boundary of the cone. On the polynomials that vanish they can be
positive definite, and then they survive rounding: at rational minimizers, the bound is their value.

A minimizer that is no rational point is known in floats only. Then the Gram matrix goes back to all
monomials, and a matrix is added that stands for a small constant and is positive definite on what
the points span: the bound falls by that constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

import numpy as np
from flint import fmpq_mat

from ..proofs.exact import to_fmpq, to_fraction
from .blocks import Generator
from .scaling import ScaledProblem

_SAME = 1e-7  # units: points that differ by less count as one, values that are less as 0

Point = Sequence[Fraction]


def vanishing(
    scaled: ScaledProblem, generators: list[Generator], zeros: Sequence[Point]
) -> list[Generator]:
    """The generators on polynomials that are 0 at points, but where the inequality is 0 there."""
    points = scaled_points(scaled, zeros)
    found = []
    for g in generators:
        positive = [z for z in points if g.polynomial([float(v) for v in z]) > _SAME]
        rows = values_at(g.basis, positive)
        found.append(g.on_face(_kernel(rows)) if len(rows) else g)
    return [g for g in found if g.size or not g.factors]


def scaled_points(scaled: ScaledProblem, points: Sequence[Point]) -> list[list[Fraction]]:
    """Points in the user's units, as exact points in those of the solver."""
    units = [
        (Fraction(c), Fraction(s))
        for c, s in zip(scaled.center.tolist(), scaled.scale.tolist(), strict=True)
    ]
    return [[(v - c) / s for v, (c, s) in zip(x, units, strict=True)] for x in points]


def loosened(
    generator: Generator, Q: np.ndarray, points: Sequence[Point], room: float
) -> tuple[Generator, np.ndarray]:
    """The Gram matrix on all monomials, plus one that stands for the constant `room`.

    That one is room * I on what the points span, unless they are so close that its other entries
    are too large; then it is `room` in the corner alone.
    """
    if generator.face is None:
        return generator, Q
    F, basis = generator.face.astype(float), generator.basis
    corner = (~basis.any(axis=1)).astype(float)
    full = F.T @ Q @ F
    loose = full + room * _constant_one(basis, values_at(basis, points).astype(float))
    if np.linalg.eigvalsh(loose)[0] <= 0:
        loose = full + room * np.outer(corner, corner)
    return generator._replace(face=None), loose


def _constant_one(basis: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """M with v^T M v = 1 for the monomials v at any point, and rows M rows^T = I, nearly."""
    s, k = len(basis), len(rows)
    i, j = np.triu_indices(s)
    twice = np.where(i == j, 1.0, 2.0)
    sums, place = np.unique(basis[i] + basis[j], axis=0, return_inverse=True)
    as_polynomial = np.zeros((len(sums), len(i)))
    as_polynomial[place.ravel(), np.arange(len(i))] = twice
    a, b = np.triu_indices(k)
    on_points = (rows[a][:, i] * rows[b][:, j] + rows[a][:, j] * rows[b][:, i]) * twice / 2
    right = np.r_[~sums.any(axis=1), a == b].astype(float)
    M = np.zeros((s, s))
    M[i, j] = M[j, i] = np.linalg.lstsq(np.vstack([as_polynomial, on_points]), right)[0]
    return M


def values_at(basis: np.ndarray, points: Sequence[Point]) -> np.ndarray:
    """The monomials of a basis at points, a row a point, in exact numbers.

    Points that differ in other variables only count once.

    >>> points = [[Fraction(v) for v in z] for z in ((2, 0), (2, 1), (3, 0))]
    >>> values_at(np.array([[0, 0], [2, 0]]), points).tolist()
    [[Fraction(1, 1), Fraction(4, 1)], [Fraction(1, 1), Fraction(9, 1)]]
    """
    own, distinct = np.flatnonzero(basis.any(axis=0)).tolist(), []
    for z in points:
        if all(max(abs(z[i] - other[i]) for i in own) > _SAME for other in distinct if own):
            distinct.append(z)
    distinct = distinct if own else distinct[:1]
    powers = [
        [prod((z[i] ** alpha[i] for i in own), start=Fraction(1)) for alpha in basis.tolist()]
        for z in distinct
    ]
    return np.array(powers, dtype=object).reshape(len(distinct), len(basis))


def _kernel(rows: np.ndarray) -> np.ndarray:
    """Rational rows that span what the given rows send to 0."""
    m, s = rows.shape
    echelon, rank = fmpq_mat(m, s, [to_fmpq(v) for v in rows.ravel()]).rref()
    pivots = [next(j for j in range(s) if echelon[i, j] != 0) for i in range(rank)]
    free = [j for j in range(s) if j not in set(pivots)]
    face = np.full((len(free), s), Fraction(0), dtype=object)
    for row, column in enumerate(free):
        face[row, column] = Fraction(1)
        for i, pivot in enumerate(pivots):
            face[row, pivot] = -to_fraction(echelon[i, column])
    return face
