"""Blocks on cliques: smaller, never wrong, and lossless where theory says so."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.algebra.moments import BasisMatrix
from polysos.relaxations.blocks import Generator, joined_blocks
from polysos.relaxations.cliques import blocks_on_cliques, has_cliques, variable_cliques
from polysos.relaxations.relaxation import solve_scaled
from polysos.relaxations.scaling import scale_problem
from polysos.relaxations.variant import Sparsity, Variant
from tests.problems import CASES

Problem = ps.PolynomialProblem
ON_CLIQUES = Variant(sparsity=Sparsity.VARIABLES)


def chain(n):
    """Rosenbrock's function: its minimum is 0, at (1, ..., 1)."""
    x = ps.variables(n)
    return sum((100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(n - 1)), 0)


def ring(n, box=True):
    x = ps.variables(n)
    f = sum((x[i] ** 4 - x[i] * x[(i + 1) % n] + x[i] for i in range(n)), 0 * x[0])
    return Problem(f, [1 - v**2 for v in x] if box else [])


def test_a_chain_has_cliques_of_two_and_a_ring_of_three():
    assert variable_cliques(scale_problem(Problem(chain(5)))) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    cliques = variable_cliques(scale_problem(ring(7)))
    assert len(cliques) == 5 and all(len(c) == 3 for c in cliques)


def test_a_constraint_joins_its_variables():
    x, y, z = ps.variables(3)
    apart = Problem(x**2 + y**2 + z**2)
    joined = Problem(x**2 + y**2 + z**2, [1 - x - z])
    assert variable_cliques(scale_problem(apart)) == [(0,), (1,), (2,)]
    assert variable_cliques(scale_problem(joined)) == [(0, 2), (1,)]
    generators = blocks_on_cliques(scale_problem(joined), 1).generators
    (own,) = [g for g in generators if g.factors == (0,)]
    assert own.basis.shape == (1, 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_cliques_hold_every_term_and_overlap_in_a_tree(seed):
    """The running intersection property: what convergence rests on (Lasserre 2006)."""
    rng = np.random.default_rng(seed)
    x = ps.variables(7)
    f = sum((v**2 for v in x), 0 * x[0])
    for _ in range(rng.integers(1, 8)):
        i, j = rng.choice(7, 2, replace=False)
        f = f + x[i] * x[j]
    cliques = [set(c) for c in variable_cliques(scale_problem(Problem(f)))]
    for alpha in f.exponents:
        assert any(set(np.flatnonzero(alpha)) <= c for c in cliques)
    rest = list(cliques)
    while len(rest) > 1:  # a leaf meets all others within one of them
        leaf = next(
            c
            for c in rest
            if any(
                c & set().union(*(o for o in rest if o is not c)) <= d for d in rest if d is not c
            )
        )
        rest.remove(leaf)


def test_dense_problems_are_not_split():
    x, y, z = ps.variables(3)
    assert not has_cliques(scale_problem(Problem((x + y + z) ** 4)))
    assert has_cliques(scale_problem(Problem(x**2 + y**2 + z**4)))


@pytest.mark.parametrize("n", [4, 6])
def test_bounds_are_below_the_dense_ones_and_proven(n):
    scaled = scale_problem(ring(n))
    dense, sparse = solve_scaled(scaled, 2), solve_scaled(scaled, 2, ON_CLIQUES)
    assert sparse.value <= dense.value + 1e-6
    assert sparse.moments is None and sparse.scaled_mean.shape == (n,)
    proof = ps.verify_certificate(ps.sos_certificate(sparse))
    assert proof.verify(ring(n)) and proof.lower_bound == pytest.approx(sparse.value, abs=1e-5)
    x = np.random.default_rng(0).uniform(-1, 1, (1000, n))
    assert (ring(n).objective(x) >= proof.lower_bound).all()


def test_twelve_variables_take_small_blocks_only():
    scaled = scale_problem(ring(12))
    assert max(g.size for g in blocks_on_cliques(scaled, 2).generators) == 10  # instead of 91
    r = solve_scaled(scaled, 2, ON_CLIQUES)
    assert ps.verify_certificate(ps.sos_certificate(r)).verify(ring(12))


def test_equalities_on_cliques_get_multipliers_of_their_own_variables():
    """A chain of circles: each equality stays on its pair, and the bound is the dense one."""
    n = 5
    x = ps.variables(n)
    circles = [x[i] ** 2 + x[i + 1] ** 2 - 1 for i in range(n - 1)]
    problem = Problem(sum((v for v in x), 0 * x[0]), [], circles)
    scaled = scale_problem(problem)
    blocks = blocks_on_cliques(scaled, 2)
    assert all((np.count_nonzero(a.any(axis=0)) == 2) for a in blocks.shifts)
    sparse, dense = solve_scaled(scaled, 2, ON_CLIQUES), solve_scaled(scaled, 2)
    assert sparse.value == pytest.approx(dense.value, abs=1e-5)
    proof = ps.verify_certificate(ps.sos_certificate(sparse))
    assert proof.verify(problem) and proof.lower_bound == pytest.approx(dense.value, abs=1e-4)


def test_joined_blocks_stand_for_the_sum_of_all():
    one, rng = ps.Polynomial.constant(1.0, 2), np.random.default_rng(0)
    bases = [np.array([[0, 0], [1, 0], [2, 0]]), np.array([[0, 0], [1, 1]])]
    faces = [None, np.array([[1, -1]], dtype=object)]
    for face in faces:
        generators = [Generator((), one, b) for b in bases]
        generators[1] = generators[1]._replace(face=face)
        matrices = [rng.standard_normal((g.size, g.size)) for g in generators]
        matrices = [M + M.T for M in matrices]
        whole = joined_blocks(generators, matrices, ("x", "y"))
        parts = [
            BasisMatrix(M, g.basis, ("x", "y"), g.face)
            for g, M in zip(generators, matrices, strict=True)
        ]
        difference = whole.polynomial() - sum((p.polynomial() for p in parts), 0)
        points = rng.standard_normal((20, 2))
        assert np.abs(difference.to_float()(points)).max() < 1e-12


SPLIT = [name for name, case in sorted(CASES.items()) if has_cliques(scale_problem(case.problem))]


@pytest.mark.parametrize("name", SPLIT)
def test_cliques_never_promise_more_than_the_truth(name):
    case = CASES[name]
    variant = replace(ON_CLIQUES, slack=1e-8, reduced=True)
    r = solve_scaled(scale_problem(case.problem), case.problem.minimum_order, variant)
    if r.multipliers is not None:
        proof = ps.verify_certificate(ps.sos_certificate(r))
        assert not proof.holds or (
            proof.verify(case.problem) and proof.bound <= case.optimum + 1e-9
        )
