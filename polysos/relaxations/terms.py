"""Term sparsity: blocks of monomials whose products are known (Wang, Magron, Lasserre 2021).

Two monomials of a basis are joined if their product, times a term of the constraint, is a square
of a monomial or a term of the problem. The graph is made chordal; each of its largest cliques
becomes a block. The products that these blocks bring are known from then on, which may join more:
so it goes on until nothing changes. The bound of an order may be weaker than that of full blocks.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from .blocks import Blocks, Generator, unit_denominator
from .scaling import ScaledProblem

_ROUNDS = 8  # of joining what is new; mostly two are enough
_MOST_ROWS = 400  # of a part of the graph that is made chordal; larger ones stay whole


def split_by_terms(scaled: ScaledProblem, denominator: int, blocks: Blocks) -> Blocks:
    """Blocks on cliques of the support graphs, and of each equality the multiples that matter."""
    number = _Numbering(scaled.problem.n_variables)
    weight = unit_denominator(scaled, denominator)
    given = [weight * scaled.objective, weight, *scaled.inequalities, *scaled.equalities]
    known = [number(p.exponents) for p in given]
    known += [number(2 * g.basis) for g in blocks.generators if not g.factors]
    support = np.unique(np.concatenate(known))
    for _ in range(_ROUNDS):
        cliques = [_cliques(_joined(g, number, support)) for g in blocks.generators]
        shifts = [
            alphas[np.isin(_sums(number(alphas), number(h.exponents)), support).any(axis=1)]
            for h, alphas in zip(scaled.equalities, blocks.shifts, strict=True)
        ]
        found = [
            g._replace(basis=g.basis[clique])
            for g, own in zip(blocks.generators, cliques, strict=True)
            for clique in own
        ]
        more = [_products(g, number) for g in found]
        more += [
            _sums(number(alphas), number(h.exponents)).ravel()
            for h, alphas in zip(scaled.equalities, shifts, strict=True)
        ]
        before, support = support, np.unique(np.concatenate([support, *more]))
        if len(before) == len(support):
            break
    return Blocks(found, shifts)


class _Numbering:
    """A number for each monomial, such that products of monomials have the sum of their numbers.

    Numbers are kept modulo 2^64. Two monomials may get the same one, by an accident that nobody
    will see; then some block is larger than it needs to be.
    """

    def __init__(self, n: int):
        self._weights = np.random.default_rng(0).integers(1, 2**63, n, dtype=np.uint64)

    def __call__(self, exponents: np.ndarray) -> np.ndarray:
        return exponents.astype(np.uint64) @ self._weights


def _sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, None] + b[None, :]


def _joined(g: Generator, number: _Numbering, support: np.ndarray) -> np.ndarray:
    """The graph on the basis of a generator, as a matrix of truth values."""
    pairs = _sums(number(g.basis), number(g.basis))
    found = np.eye(len(g.basis), dtype=bool)
    for term in number(g.polynomial.exponents):
        found |= np.isin(pairs + term, support)
    return found


def _products(g: Generator, number: _Numbering) -> np.ndarray:
    own = _sums(number(g.basis), number(g.basis)).ravel()
    return np.unique(_sums(own, number(g.polynomial.exponents)))


def _cliques(joined: np.ndarray) -> list[np.ndarray]:
    """The largest cliques of a chordal graph that holds a given one, as lists of places."""
    count, part = connected_components(csr_matrix(joined), directed=False)
    found = []
    for k in range(count):
        own = np.flatnonzero(part == k)
        edges = joined[np.ix_(own, own)]
        found += [own] if edges.all() or len(own) > _MOST_ROWS else _bags(own, edges)
    return found


def _bags(places: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    """Cliques of the chordal graph that elimination by lowest degree makes."""
    import networkx as nx  # where it is needed: it takes a while to load

    graph = nx.from_numpy_array(edges & ~np.eye(len(edges), dtype=bool))
    _, tree = nx.approximation.treewidth_min_degree(graph)
    bags = sorted((sorted(bag) for bag in tree.nodes), key=lambda bag: (-len(bag), bag))
    kept: list[list[int]] = []
    for bag in bags:
        if not any(set(bag) <= set(larger) for larger in kept):
            kept.append(bag)
    return [places[bag] for bag in kept]
