"""Polynomials on which a squared loss has a Gram matrix, and the relations between their products.

The loss is f(c) = |F phi(c) - y|^2 = b(c)^T G b(c) with b = (1, b_1, ..., b_k), where the b_i span
what the data see of the monomials: the rows of an echelon form of F, times phi. Mostly they are
the monomials themselves; where columns of F depend on each other, sums of some.

Whatever Gram matrix f has on b, it differs from G by relations: symmetric S with b^T S b = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from flint import fmpq, fmpq_mat
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .compilation import floats_of
from .residuals import Residuals
from .row_space import part_of, pivots, row_space

_MOST_BITS = 10_000  # of a number in a relation: longer ones take too long to check


@dataclass(frozen=True, eq=False)
class GramBasis:
    """b = table @ (1, phi), with the exact Gram matrix of a loss on it.

    Attributes
    ----------
    exponents : array of int, shape (p + 1, n)
        Of the monomials 1, phi.
    table : fmpq_mat, shape (k + 1, p + 1)
        The b_i, 1 first.
    gram : fmpq_mat, shape (k + 1, k + 1)
        G.
    factor : array, shape (m, k)
        What F becomes on b_1, ..., b_k, in floats.
    """

    exponents: np.ndarray
    table: fmpq_mat
    gram: fmpq_mat
    factor: np.ndarray

    @property
    def size(self) -> int:
        """k, the number of polynomials beside 1."""
        return self.table.nrows() - 1

    def values(self, c: np.ndarray) -> np.ndarray:
        """b_1(c), ..., b_k(c) in floats."""
        return (floats_of(self.table) @ np.prod(c**self.exponents, axis=1))[1:]

    def on_monomials(self, Q: fmpq_mat) -> fmpq_mat:
        """The Gram matrix on (1, phi) of the polynomial with Gram matrix Q on b."""
        return self.table.transpose() * Q * self.table


def row_space_basis(r: Residuals) -> GramBasis:
    """b for the row space of F: as few polynomials as its rank.

    >>> from .networks import PolynomialNetwork
    >>> from .compilation import compile_residuals
    >>> net = PolynomialNetwork([[[0.0]], [[1.0]]], degrees=(1,))  # sees no input
    >>> r = compile_residuals(net, [[1.0], [2.0]], [[3.0], [4.0]], "sample-squares")
    >>> basis = row_space_basis(r)
    >>> basis.table.tolist()
    [[1, 0, 0], [0, 1, 0]]
    """
    A, p = r.exact, len(r.exponents)
    H, columns = row_space(part_of(A, range(A.nrows()), range(p)))
    rows = [[fmpq(1)] + [fmpq(0)] * p]
    rows += [[fmpq(0), *row] for row in H.tolist()]
    return _basis(r, fmpq_mat(rows), columns)


def monomial_basis(r: Residuals) -> GramBasis:
    """b = (1, phi), also where F does not determine phi: more freedom, and no strict room."""
    p = len(r.exponents)
    unit = fmpq_mat([[fmpq(int(i == j)) for j in range(p + 1)] for i in range(p + 1)])
    return _basis(r, unit, list(range(p)))


def _basis(r: Residuals, table: fmpq_mat, columns: list[int]) -> GramBasis:
    targets = len(r.exponents)
    signed = part_of(r.exact, range(r.exact.nrows()), [targets, *columns])
    for i in range(signed.nrows()):
        signed[i, 0] = -signed[i, 0]
    return GramBasis(
        exponents=np.vstack([np.zeros_like(r.exponents[:1]), r.exponents]),
        table=table,
        gram=signed.transpose() * signed,
        factor=floats_of(signed)[:, 1:],
    )


def relations(basis: GramBasis) -> list[dict[tuple[int, int], fmpq]]:
    """A basis of the linear relations between the products b_i b_j, i <= j.

    Each is {(i, j): coefficient} with sum coefficient b_i b_j = 0 for every c. Two products of
    monomials that are the same monomial give one; sums of monomials take linear algebra.

    >>> from .networks import PolynomialNetwork
    >>> from .compilation import compile_residuals
    >>> net = PolynomialNetwork([[[1.0], [2.0]], [[1.0, 3.0], [3.0, 1.0]], np.eye(2)], (1, 2))
    >>> r = compile_residuals(net, [[1.0], [2.0], [-1.0]], [[3.0, 1.0]] * 3, "sample-squares")
    >>> relations(monomial_basis(r))[0]  # c2,1 * c2,2 c1,1 = c2,1 c1,1 * c2,2
    {(2, 5): 1, (3, 4): -1}
    """
    exponents = [tuple(alpha) for alpha in basis.exponents.tolist()]
    terms = [
        {alpha: v for alpha, v in zip(exponents, row, strict=True) if v != 0}
        for row in basis.table.tolist()
    ]
    found, first = [], {}
    for i, j in combinations_with_replacement(range(len(terms)), 2):
        product = _product(terms[i], terms[j])
        leading = product[max(product)]
        shape = frozenset((alpha, v / leading) for alpha, v in product.items())
        if shape in first:
            (pair, factor) = first[shape]
            found.append({pair: 1 / factor, (i, j): -1 / leading})
        else:
            first[shape] = (i, j), leading
    return found + _sums(first)


def relation_matrices(found: list[dict], size: int) -> np.ndarray:
    """The relations as symmetric matrices S with b^T S b = 0, in floats."""
    S = np.zeros((len(found), size, size))
    for own, relation in zip(S, found, strict=True):
        for (i, j), v in relation.items():
            own[i, j] += float(v) / 2
            own[j, i] += float(v) / 2
    return S


def with_relations(Q: fmpq_mat, found: list[dict], t: np.ndarray) -> fmpq_mat:
    """Q + sum_k t_k S_k, exactly: another Gram matrix of the same polynomial, whatever t is."""
    Q = fmpq_mat(Q)
    for relation, value in zip(found, t.tolist(), strict=True):
        half = fmpq(*value.as_integer_ratio()) / 2
        for (i, j), v in relation.items():
            Q[i, j] = Q[i, j] + half * v
            Q[j, i] = Q[j, i] + half * v
    return Q


def _product(p: dict, q: dict) -> dict:
    total: dict = {}
    for a, v in p.items():
        for b, w in q.items():
            alpha = tuple(s + t for s, t in zip(a, b, strict=True))
            total[alpha] = total.get(alpha, 0) + v * w
    return {alpha: v for alpha, v in total.items() if v != 0}


def _sums(first: dict) -> list:
    """Relations in which products that are sums of monomials take part.

    Products that are a single monomial take these out of the others. What is left must cancel.
    """
    known = {
        alpha: pair for shape, (pair, _) in first.items() if len(shape) == 1 for alpha, _ in shape
    }
    scale = {pair: leading for pair, leading in first.values()}
    left, whole = {}, {}
    for shape, (pair, leading) in first.items():
        if len(shape) > 1:
            whole[pair] = {alpha: v * leading for alpha, v in shape}
            left[pair] = {alpha: v for alpha, v in whole[pair].items() if alpha not in known}
    found = []
    for pairs in _connected(left):
        for weights in _cancelling([left[pair] for pair in pairs]):
            relation = {pair: w for pair, w in zip(pairs, weights, strict=True) if w != 0}
            total: dict = {}
            for pair, w in relation.items():
                for alpha, v in whole[pair].items():
                    total[alpha] = total.get(alpha, 0) + w * v
            rest = {alpha: v for alpha, v in total.items() if v != 0}
            if not known.keys() >= rest.keys():
                continue  # dependent modulo the prime alone: never seen
            relation |= {known[a]: -v / scale[known[a]] for a, v in rest.items()}
            if max(int(v.q).bit_length() for v in relation.values()) <= _MOST_BITS:
                found.append(relation)
    return found


def _connected(left: dict) -> list[list]:
    """The products, grouped so that different groups share no monomial."""
    pairs, monomials = list(left), {}
    entries = [
        (k, monomials.setdefault(alpha, len(monomials)))
        for k, pair in enumerate(pairs)
        for alpha in left[pair]
    ]
    size = len(pairs) + len(monomials)
    graph = coo_matrix(
        (
            np.ones(len(entries)),
            ([k for k, _ in entries], [len(pairs) + a for _, a in entries]),
        ),
        (size, size),
    )
    groups: dict = {}
    for pair, label in zip(pairs, connected_components(graph, directed=False)[1], strict=False):
        groups.setdefault(label, []).append(pair)
    return list(groups.values())


def _cancelling(rows: list[dict]) -> list[list[fmpq]]:
    """Weights with which the rows add up to nothing: each dependent row less what it depends on.

    Which rows and columns are independent is told by a large prime; the rest is one exact system.
    """
    position = {a: k for k, a in enumerate({a for row in rows for a in row})}
    n, width = len(rows), len(position)
    if width == 0:
        return [[fmpq(int(i == j)) for j in range(n)] for i in range(n)]
    M = fmpq_mat(n, width)
    for k, row in enumerate(rows):
        for a, v in row.items():
            M[k, position[a]] = v
    kept = pivots(M.transpose())
    others = sorted(set(range(n)) - set(kept))
    if not others:
        return []
    columns = pivots(part_of(M, kept, range(width)))
    square = part_of(M, kept, columns).transpose()
    X = square.solve(part_of(M, others, columns).transpose())
    found = []
    for k, i in enumerate(others):
        weights = [fmpq(0)] * n
        weights[i] = fmpq(1)
        for l, own in enumerate(kept):
            weights[own] = -X[l, k]
        found.append(weights)
    return found
