"""The blocks of a relaxation: which polynomials get a multiplier, and on which basis.

The paper's relaxation (3.4) has one block for the constant 1 and one for each inequality, each on
all monomials up to its degree. Proofs may want more blocks (products of inequalities) or smaller
bases.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from ..algebra.moments import BasisMatrix, localizing_degree, localizing_operator
from ..algebra.polynomials import Polynomial, monomial_index, monomials
from .scaling import ScaledProblem

_MOST_PRODUCTS = 200


class Generator(NamedTuple):
    """A product of inequalities and the basis of its localizing matrix.

    With a `face` (r, s), entries `Fraction`, the basis are the r polynomials face @ monomials.
    """

    factors: tuple[int, ...]
    polynomial: Polynomial
    basis: np.ndarray
    face: np.ndarray | None = None

    @property
    def size(self) -> int:
        return len(self.basis) if self.face is None else len(self.face)

    def on_face(self, face: np.ndarray | None) -> Generator:
        """On the polynomials of a face of its basis; None is all of it."""
        if face is None:
            return self
        return self._replace(face=face if self.face is None else face @ self.face)

    def operator(self, n_moments: int) -> sp.csr_matrix:
        """The sparse matrix A with (A y).reshape(size, size) = the localizing matrix."""
        A = localizing_operator(self.polynomial, self.basis, n_moments)
        if self.face is None:
            return A
        face = sp.csr_matrix(self.face.astype(float))
        return sp.csr_matrix(sp.kron(face, face) @ A)


class Blocks(NamedTuple):
    """What a relaxation consists of.

    Attributes
    ----------
    generators : list of Generator
        Several may have the same factors: their Gram matrices are added up.
    shifts : list of array
        For each equality h the exponents alpha of its products x^alpha h.
    """

    generators: list[Generator]
    shifts: list[np.ndarray]


def dense_blocks(scaled: ScaledProblem, order: int, products: bool = False) -> Blocks:
    """Those of the paper's relaxation, on all monomials; where asked for, products as well."""
    shifts = [monomials(h.n_variables, 2 * order - h.degree) for h in scaled.equalities]
    return Blocks(weighted_generators(scaled, order, products), shifts)


def weighted_generators(scaled: ScaledProblem, order: int, products: bool) -> list[Generator]:
    """The constant 1, the inequalities and, where asked for, their products of 2 and 3 factors."""
    names = scaled.objective.names
    n, g = len(names), dict(zip(scaled.kept, scaled.inequalities, strict=True))
    one = Polynomial.constant(1.0, n, names)
    chosen = [((), one), *(((j,), p) for j, p in g.items())]
    if products:
        extra = [
            (factors, prod((g[j] for j in factors), start=one))
            for size in (2, 3)
            for factors in combinations(g, size)
            if sum(g[j].degree for j in factors) <= 2 * order
        ]
        extra.sort(key=lambda item: item[1].degree)
        chosen += extra[:_MOST_PRODUCTS]
    return [
        Generator(key, p, standard_monomials(n, scaled.equalities, localizing_degree(p, order)))
        for key, p in chosen
    ]


def standard_monomials(n: int, equalities: Sequence[Polynomial], degree: int) -> np.ndarray:
    """Monomials that span the polynomials up to a degree modulo the equalities' multiples.

    Without equalities, all of them. The multipliers q_i make up for the others, so that no bound
    is lost; and the moment matrix on all monomials, singular whatever the moments, becomes one
    that can be positive definite. Solvers need that.
    """
    basis = monomials(n, degree)
    rows = [
        ideal_rows(h, monomials(n, degree - h.degree), len(basis))
        for h in equalities
        if h.degree <= degree
    ]
    if not rows:
        return basis
    A = sp.vstack(rows).toarray()
    keep, top = np.ones(len(basis), dtype=bool), 0
    for column in range(len(basis) - 1, -1, -1):  # highest degree first
        pivot = top + int(np.argmax(np.abs(A[top:, column])))
        if abs(A[pivot, column]) < 1e-9:
            continue
        A[[top, pivot]] = A[[pivot, top]]
        A[top + 1 :] -= np.outer(A[top + 1 :, column] / A[top, column], A[top])
        keep[column], top = False, top + 1
        if top == len(A):
            break
    return basis[keep]


def reduce_bases(scaled: ScaledProblem, denominator: int, blocks: Blocks) -> Blocks:
    """Leave out the monomials that no certificate of this order can use.

    Where a monomial is missing in theta^r f and arises only from diagonal entries that all have
    the same sign, these entries are zero, and with them their rows. Repeated until nothing
    changes; without constraints what remains lies in half the Newton polytope.
    """
    weight = unit_denominator(scaled, denominator)
    free = [monomial_index(p.exponents) for p in (weight * scaled.objective, weight)]
    for h, alphas in zip(scaled.equalities, blocks.shifts, strict=True):
        free.append(monomial_index(alphas[:, None, :] + h.exponents[None, :, :]).ravel())
    return blocks._replace(generators=drop_useless(np.concatenate(free), blocks.generators))


def drop_useless(free: np.ndarray, generators: list[Generator]) -> list[Generator]:
    """The generators without the monomials whose diagonal entries have to vanish.

    `free` are the numbers of the monomials that may remain when all blocks are added up.
    """
    while True:
        places = [
            monomial_index(g.basis[:, None, None, :] + g.basis[None, :, None, :] + p.exponents)
            for g in generators
            for p in [g.polynomial]
        ]
        known = np.unique(np.concatenate([free, *(index.ravel() for index in places)]))
        mixed, signs = np.isin(known, free), np.zeros((2, len(known)), dtype=bool)
        diagonals = []
        for (_, g, basis, _), place in zip(generators, places, strict=True):
            index = np.searchsorted(known, place)
            mixed[index[np.triu_indices(len(basis), 1)]] = True
            diagonal = index[np.arange(len(basis)), np.arange(len(basis))]
            signs[0, diagonal[:, g.coefficients > 0]] = True
            signs[1, diagonal[:, g.coefficients < 0]] = True
            diagonals.append(diagonal)
        useless = ~mixed & ~(signs[0] & signs[1])
        keep = [~useless[diagonal].any(axis=1) for diagonal in diagonals]
        if all(k.all() for k in keep):
            return generators
        smaller = [g._replace(basis=g.basis[k]) for g, k in zip(generators, keep, strict=True)]
        generators = [g for g in smaller if len(g.basis)]


def unit_denominator(scaled: ScaledProblem, power: int) -> Polynomial:
    """theta^r = (1 + z_1^2 + ... + z_n^2)^r."""
    n = scaled.problem.n_variables
    squares = np.vstack([np.zeros(n, dtype=int), 2 * np.eye(n, dtype=int)])
    theta = Polynomial.from_arrays(squares, np.ones(n + 1), scaled.objective.names)
    return theta**power


def ideal_rows(h: Polynomial, alphas: np.ndarray, n_moments: int) -> sp.csr_matrix:
    """Rows y -> L_y(h x^alpha), one for each alpha."""
    columns = monomial_index(alphas[:, None, :] + h.exponents[None, :, :])
    data = np.broadcast_to(h.coefficients, columns.shape).ravel()
    rows = np.repeat(np.arange(len(alphas)), len(h.exponents))
    return sp.csr_matrix((data, (rows, columns.ravel())), shape=(len(alphas), n_moments))


def joined_blocks(
    generators: Sequence[Generator], matrices: Sequence[np.ndarray], names: tuple[str, ...]
) -> BasisMatrix:
    """One Gram matrix that stands for several, on all their monomials.

    Without faces the entries are added up. With faces the matrix is block-diagonal on the
    polynomials of all faces: what is 0 there belongs to no block.

    >>> one = Polynomial.constant(1.0, 2)
    >>> blocks = [Generator((), one, np.array([[0, 0], e])) for e in ([1, 0], [0, 1])]
    >>> joined_blocks(blocks, [np.eye(2), np.eye(2)], ("x", "y")).polynomial()
    x^2 + y^2 + 2
    """
    if len(generators) == 1:
        return BasisMatrix(matrices[0], generators[0].basis, names, generators[0].face)
    index: dict[tuple[int, ...], int] = {}
    places = [
        [index.setdefault(tuple(alpha), len(index)) for alpha in g.basis.tolist()]
        for g in generators
    ]
    basis = np.array(list(index), dtype=np.int64)
    if all(g.face is None for g in generators):
        values = np.zeros((len(basis), len(basis)))
        for own, Q in zip(places, matrices, strict=True):
            values[np.ix_(own, own)] += Q
        return BasisMatrix(values, basis, names)
    rows = sum(g.size for g in generators)
    face, values, start = np.full((rows, len(basis)), Fraction(0)), np.zeros((rows, rows)), 0
    for g, own, Q in zip(generators, places, matrices, strict=True):
        here = slice(start, start := start + g.size)
        identity = np.eye(g.size, dtype=int)
        face[here, own] = np.vectorize(Fraction)(identity) if g.face is None else g.face
        values[here, here] = Q
    return BasisMatrix(values, basis, names, face)
