"""Correlative sparsity: Gram matrices on cliques of variables (Waki, Kim, Kojima, Muramatsu 2006).

Two variables are joined where a term of the objective holds both, or a constraint does. The graph
of this is made chordal. Each of its largest cliques gets a Gram matrix of its own, and a constraint
gets one on a clique that holds its variables: many small blocks in place of a large one. On bounded
sets the bounds of growing orders still converge (Lasserre 2006); at one order they may be weaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np

from ..algebra.moments import BasisMatrix, localizing_degree
from ..algebra.polynomials import Polynomial, monomials
from .blocks import Generator
from .cost import check_numbering
from .scaling import ScaledProblem


def variable_cliques(scaled: ScaledProblem) -> list[tuple[int, ...]]:
    """The largest cliques of the chordal graph, each the numbers of its variables.

    >>> from polysos import PolynomialProblem, variables
    >>> from polysos.relaxations.scaling import scale_problem
    >>> x, y, z = variables(3)
    >>> variable_cliques(scale_problem(PolynomialProblem(x**2 * y + y * z**3)))
    [(0, 1), (1, 2)]
    """
    import networkx as nx  # where it is needed: it takes a while to load

    graph = nx.Graph()
    graph.add_nodes_from(range(scaled.problem.n_variables))
    joined = {tuple(np.flatnonzero(alpha).tolist()) for alpha in scaled.objective.exponents}
    joined |= {_support(g) for g in (*scaled.inequalities, *scaled.equalities)}
    for support in joined:
        graph.add_edges_from(combinations(support, 2))
    chordal, _ = nx.complete_to_chordal_graph(graph)
    return sorted(tuple(sorted(clique)) for clique in nx.chordal_graph_cliques(chordal))


def is_sparse(scaled: ScaledProblem) -> bool:
    """Whether blocks on cliques are smaller. Equalities are not split yet."""
    return not scaled.equalities and len(variable_cliques(scaled)) > 1


def sparse_generators(scaled: ScaledProblem, order: int) -> list[Generator]:
    """The constant 1 on each clique, and each inequality on the smallest clique that holds it."""
    names = scaled.objective.names
    check_numbering(len(names), order)
    cliques, one = variable_cliques(scaled), Polynomial.constant(1.0, len(names), names)
    found = [Generator((), one, _monomials_of(clique, len(names), order)) for clique in cliques]
    for j, g in zip(scaled.kept, scaled.inequalities, strict=True):
        clique = min((c for c in cliques if set(_support(g)) <= set(c)), key=len)
        basis = _monomials_of(clique, len(names), localizing_degree(g, order))
        found.append(Generator((j,), g, basis))
    return found


def _support(g: Polynomial) -> tuple[int, ...]:
    return tuple(np.flatnonzero(g.exponents.any(axis=0)).tolist())


def _monomials_of(clique: tuple[int, ...], n: int, degree: int) -> np.ndarray:
    own = monomials(len(clique), degree)
    basis = np.zeros((len(own), n), dtype=np.int64)
    basis[:, clique] = own
    return basis


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
