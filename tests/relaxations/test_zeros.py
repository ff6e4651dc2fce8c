"""Blocks that vanish at known minimizers: exact where they may be, and nothing false."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.algebra.polynomials import monomials
from polysos.relaxations.blocks import Generator, dense_blocks
from polysos.relaxations.relaxation import solve_scaled
from polysos.relaxations.scaling import scale_problem
from polysos.relaxations.variant import Variant
from polysos.relaxations.zeros import loosened, scaled_points, values_at, vanishing

Problem = ps.PolynomialProblem


def proof_at(problem, zeros, **options):
    variant = Variant(slack=1e-8, reduced=True, zeros=tuple(map(tuple, zeros)), **options)
    r = solve_scaled(scale_problem(problem), problem.minimum_order, variant)
    return None if r.multipliers is None else ps.verify_certificate(ps.sos_certificate(r))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_a_face_holds_what_vanishes_at_the_points_and_nothing_else(seed, count):
    rng = np.random.default_rng(seed)
    x, y = ps.variables(2)
    scaled = scale_problem(Problem(x**4 + 1e4 * y**4 + x))  # units that are not 1
    zeros = [[Fraction(int(v), 7) for v in row] for row in rng.integers(-9, 10, (count, 2))]
    (g,) = vanishing(scaled, dense_blocks(scaled, 2).generators, zeros)
    rows = values_at(g.basis, scaled_points(scaled, zeros))
    assert g.size + len(rows) == 6 and len(rows) == len({tuple(z) for z in zeros})
    assert not (g.face @ rows.T).any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_planted_rational_minimizers_are_proven_exactly(seed):
    """Squares of random polynomials that vanish at a random rational point."""
    rng = np.random.default_rng(seed)
    x = ps.variables(2)
    z = [
        Fraction(int(p), int(q))
        for p, q in zip(rng.integers(-5, 6, 2), rng.integers(1, 5, 2), strict=True)
    ]
    basis = [v - a for v, a in zip(x, z, strict=True)]
    basis += [p * q for i, p in enumerate(basis) for q in basis[: i + 1]]
    f = sum((int(v) * p for v, p in zip(rng.integers(-3, 4, 5), basis, strict=True)), 0) ** 2
    f = f + sum((p**2 for p in basis), 0) + Fraction(7, 3)
    proof = proof_at(Problem(f), [z])
    assert proof.holds and proof.bound == Fraction(7, 3) and proof.verify(Problem(f))
    assert f(z) == proof.bound


def test_a_point_that_is_no_minimizer_proves_nothing_false():
    x, y = ps.variables(2)
    problem = Problem((x**2 - 2) ** 2 + (x - y) ** 2 + 1)
    for zeros in ([(0, 0)], [(1, 1)], [(0, 0), (3, 1)], [(Fraction(7, 5), Fraction(7, 5))]):
        for room in (0.0, 1e-7):
            proof = proof_at(problem, [[Fraction(v) for v in z] for z in zeros], room=room)
            assert proof is None or not proof.holds or proof.bound <= 1


def test_minimizers_that_are_not_rational_cost_the_room_and_no_more():
    """x^4 - 2 x at x = 2^(-1/3): the bound falls by the room, in units of the objective."""
    (x,) = ps.variables(1)
    problem, root = Problem(x**4 - 2 * x), Fraction(2.0 ** (-1 / 3))
    least, factor = -1.5 * 2.0 ** (-1 / 3), scale_problem(problem).objective_factor
    proof = proof_at(problem, [(root,)], room=1e-7)
    assert proof.verify(problem)
    assert least - 1.1e-7 * factor <= proof.bound <= least - 0.9e-7 * factor
    without = proof_at(problem, [(root,)])
    assert not without.holds or without.bound <= least + 1e-15


def test_constraints_that_are_active_may_have_multipliers_there():
    """x + x^2 on x >= 0: the multiplier of x is 1 at the minimizer, where x = 0."""
    (x,) = ps.variables(1)
    problem = Problem(x + x**2, [x, 1 + x])
    scaled = scale_problem(problem)
    generators = vanishing(scaled, dense_blocks(scaled, 1).generators, [(Fraction(0),)])
    assert [g.factors for g in generators] == [(), (0,)]  # 1 + x > 0 there
    proof = proof_at(problem, [(Fraction(0),)])
    assert proof.holds and proof.bound == 0


def test_points_that_differ_elsewhere_count_once():
    basis = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]])
    points = [[Fraction(1), Fraction(k), Fraction(0)] for k in range(4)]
    assert values_at(basis, points).tolist() == [[1, 1, 1]]
    near = [[Fraction(1), 0, 0], [1 + Fraction(1, 10**9), 0, 0]]
    assert len(values_at(basis, near)) == 1


@pytest.mark.parametrize("points", [[(0.5,)], [(1.0,), (-1.0,)], [(1.0,), (1.00001,)]])
def test_what_is_added_stands_for_a_constant(points):
    basis, face = monomials(1, 2), None
    exact = [[Fraction(v) for v in z] for z in points]
    rows = values_at(basis, exact)
    kernel = np.linalg.svd(rows.astype(float))[2][len(rows) :]
    face = np.vectorize(Fraction)(kernel)
    g = Generator((), ps.Polynomial.constant(1.0, 1), basis, face)
    Q = np.eye(g.size)
    free, loose = loosened(g, Q, exact, 1e-6)
    assert free.face is None and np.linalg.eigvalsh(loose)[0] > -1e-12
    added = loose - kernel.T @ Q @ kernel
    t = np.linspace(-2, 2, 9)[:, None] ** np.arange(3)
    assert np.allclose(np.einsum("ai,ij,aj->a", t, added, t), 1e-6, rtol=1e-3)
