"""Correlative sparsity: Gram matrices on cliques of variables (Waki, Kim, Kojima, Muramatsu 2006).

Two variables are joined where a term of the objective holds both, or a constraint does. The graph
of this is made chordal. Each of its largest cliques gets a Gram matrix of its own, and a constraint
gets one on a clique that holds its variables: many small blocks in place of a large one. On bounded
sets the bounds of growing orders still converge (Lasserre 2006); at one order they may be weaker.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..algebra.moments import localizing_degree
from ..algebra.polynomials import Polynomial, monomials
from .blocks import Blocks, Generator, standard_monomials
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


def has_cliques(scaled: ScaledProblem) -> bool:
    """Whether blocks on cliques are smaller than all variables together."""
    return len(variable_cliques(scaled)) > 1


def blocks_on_cliques(scaled: ScaledProblem, order: int) -> Blocks:
    """The constant 1 on each clique, and each constraint on the smallest clique that holds it."""
    names = scaled.objective.names
    check_numbering(len(names), order)
    cliques, one = variable_cliques(scaled), Polynomial.constant(1.0, len(names), names)

    def basis(clique: tuple[int, ...], degree: int) -> np.ndarray:
        own = [
            Polynomial.from_arrays(h.exponents[:, clique], h.coefficients)
            for h in scaled.equalities
            if set(_support(h)) <= set(clique)
        ]
        return _embedded(standard_monomials(len(clique), own, degree), clique, len(names))

    def home(p: Polynomial) -> tuple[int, ...]:
        return min((c for c in cliques if set(_support(p)) <= set(c)), key=len)

    generators = [Generator((), one, basis(clique, order)) for clique in cliques]
    for j, g in zip(scaled.kept, scaled.inequalities, strict=True):
        generators.append(Generator((j,), g, basis(home(g), localizing_degree(g, order))))
    shifts = [
        _embedded(monomials(len(home(h)), 2 * order - h.degree), home(h), len(names))
        for h in scaled.equalities
    ]
    return Blocks(generators, shifts)


def _support(g: Polynomial) -> tuple[int, ...]:
    return tuple(np.flatnonzero(g.exponents.any(axis=0)).tolist())


def _embedded(exponents: np.ndarray, clique: tuple[int, ...], n: int) -> np.ndarray:
    basis = np.zeros((len(exponents), n), dtype=np.int64)
    basis[:, clique] = exponents
    return basis
