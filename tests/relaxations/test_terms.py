"""Blocks by terms and by signs: smaller, never wrong, and lossless where theory says so."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.relaxations.blocks import dense_blocks
from polysos.relaxations.relaxation import solve_scaled
from polysos.relaxations.scaling import scale_problem
from polysos.relaxations.signs import is_invariant, sign_changes, split_by_signs
from polysos.relaxations.terms import split_by_terms
from polysos.relaxations.variant import Sparsity, Variant
from tests.problems import CASES

Problem = ps.PolynomialProblem
BY_TERMS, BY_SIGNS = (Variant(sparsity=s) for s in (Sparsity.TERMS, Sparsity.SIGNS))


def random_problem(seed, n=3, even=False):
    """A few terms and a ball, the terms even in the first variable if asked for."""
    rng = np.random.default_rng(seed)
    x = ps.variables(n)
    f = 0 * x[0]
    for _ in range(rng.integers(2, 6)):
        alpha = rng.integers(0, 3, n)
        alpha[0] *= 2 if even else 1
        while alpha.sum() > 4:
            alpha[rng.integers(n)] = 0
        f = f + float(rng.integers(-3, 4)) * ps.Polynomial({tuple(alpha.tolist()): 1.0}, n)
    return Problem(f, [2 - sum((v**2 for v in x), 0 * x[0])])


def rows(blocks):
    return sorted(g.size for g in blocks.generators if not g.factors)


# Signs


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_sign_changes_are_those_that_leave_the_problem_alone(seed, even):
    scaled = scale_problem(random_problem(seed, even=even))
    found = sign_changes(scaled)
    spanned = {tuple(np.array(c) @ found % 2) for c in product((0, 1), repeat=len(found))}
    points = np.random.default_rng(1).uniform(-1, 1, (5, 3))
    for change in product((0, 1), repeat=3):
        flipped = points * (-1.0) ** np.array(change)
        polynomials = [scaled.objective, *scaled.inequalities]
        same = all(np.allclose(p(points), p(flipped), atol=1e-12) for p in polynomials)
        assert same == (change in spanned)


def test_blocks_by_signs_part_the_basis():
    x, y = ps.variables(2)
    scaled = scale_problem(Problem(x**4 + y**4 + x**2 * y**2 - x**2))
    blocks = split_by_signs(scaled, dense_blocks(scaled, 2))
    assert rows(blocks) == [1, 1, 1, 3]  # x y; x; y; 1, x^2, y^2
    whole = np.vstack([g.basis for g in blocks.generators])
    assert len(np.unique(whole, axis=0)) == len(whole) == 6
    assert is_invariant(np.array([[2, 0], [1, 1]]), sign_changes(scaled)).tolist() == [True, False]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_signs_lose_nothing(seed):
    scaled = scale_problem(random_problem(seed, even=True))
    dense, split = solve_scaled(scaled, 2), solve_scaled(scaled, 2, BY_SIGNS)
    assert split.value == pytest.approx(dense.value, abs=1e-5)


def test_moments_that_change_sign_are_zero():
    """On the circle with f = x y: all moments come back, the odd ones as 0."""
    x, y = ps.variables(2)
    scaled = scale_problem(Problem(x * y, [1 - x**2 - y**2]))
    r = solve_scaled(scaled, 2, BY_SIGNS)
    assert r.moments[1, 0] == 0 and r.moments[1, 1] == pytest.approx(-0.5, abs=1e-6)
    flat = ps.flat_truncation(r)
    found = ps.extract_minimizers(r, flat).points
    assert np.allclose(sorted(map(tuple, np.abs(found))), np.full((2, 2), 0.5**0.5), atol=1e-4)


# Terms


def test_a_form_in_three_variables_by_hand():
    """1 + x^4 + y^4 + z^4 + x y z + y (Wang, Magron, Lasserre 2021, Example 3.3 in its spirit)."""
    x, y, z = ps.variables(3)
    scaled = scale_problem(Problem(1 + x**4 + y**4 + z**4 + x * y * z + y))
    blocks = split_by_terms(scaled, 0, dense_blocks(scaled, 2))
    assert max(rows(blocks)) < 10  # ten monomials
    edges = {
        frozenset((tuple(a), tuple(b)))
        for g in blocks.generators
        for a in g.basis.tolist()
        for b in g.basis.tolist()
    }
    for a, b in [((0, 0, 0), (0, 1, 0)), ((1, 0, 0), (0, 1, 1)), ((0, 0, 1), (1, 1, 0))]:
        assert frozenset((a, b)) in edges


def test_a_separable_problem_needs_pairs_only():
    n = 30
    x = ps.variables(n)
    f = sum((v**2 - (i + 1) * v for i, v in enumerate(x)), 0 * x[0])
    problem = Problem(f, [n**3 - sum((v**2 for v in x), 0 * x[0])])
    scaled = scale_problem(problem)
    r = solve_scaled(scaled, 1, BY_TERMS)
    proof = ps.verify_certificate(ps.sos_certificate(r))
    exact = -sum((i + 1) ** 2 for i in range(n)) / 4
    assert proof.verify(problem) and proof.lower_bound == pytest.approx(exact, rel=1e-6)
    assert max(rows(split_by_terms(scaled, 0, dense_blocks(scaled, 1)))) == 2


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_terms_never_promise_more_and_signs_lie_above(seed):
    problem = random_problem(seed)
    scaled = scale_problem(problem)
    by_terms, by_signs = solve_scaled(scaled, 2, BY_TERMS), solve_scaled(scaled, 2, BY_SIGNS)
    assert by_terms.value <= by_signs.value + 1e-5
    proof = ps.verify_certificate(ps.sos_certificate(by_terms))
    assert proof.verify(problem)
    points = np.random.default_rng(0).uniform(-1.4, 1.4, (2000, 3))
    inside = points[(points**2).sum(axis=1) <= 2]
    assert problem.objective(inside).min() >= proof.lower_bound - 1e-9


@pytest.mark.parametrize("way", [Sparsity.TERMS, Sparsity.SIGNS, Sparsity.BOTH])
@pytest.mark.parametrize("name", sorted(CASES))
def test_blocks_never_promise_more_than_the_truth(name, way):
    case = CASES[name]
    order = case.problem.minimum_order
    if case.optimum is None or order > 3 or case.problem.n_variables > 6:
        pytest.skip("no value is known, or many variables")
    variant = replace(BY_TERMS, sparsity=way, slack=1e-8, reduced=True)
    r = solve_scaled(scale_problem(case.problem), order, variant)
    if r.multipliers is not None:
        proof = ps.verify_certificate(ps.sos_certificate(r))
        assert not proof.holds or (
            proof.verify(case.problem) and proof.bound <= case.optimum + 1e-6
        )


def test_of_an_equality_only_the_multiples_that_matter_are_kept():
    """Binary variables: x_i^2 = 1 for forty of them, and a chain of products."""
    n = 40
    x = ps.variables(n)
    f = sum((x[i] * x[i + 1] for i in range(n - 1)), 0 * x[0])
    problem = Problem(f, [], [v**2 - 1 for v in x])
    scaled = scale_problem(problem)
    blocks = split_by_terms(scaled, 0, dense_blocks(scaled, 1))
    assert max(rows(blocks)) == 2
    r = solve_scaled(scaled, 1, BY_TERMS)
    proof = ps.verify_certificate(ps.sos_certificate(r))
    assert proof.verify(problem) and proof.lower_bound == pytest.approx(-(n - 1), abs=1e-5)


def test_a_wrong_word_names_the_known_ones():
    (x,) = ps.variables(1)
    with pytest.raises(
        ValueError, match="sparsity must be one of auto, none, signs, terms, variables"
    ):
        ps.solve_relaxation(Problem(x**2), 1, sparsity="chordal")


# auto


def block_sizes(problem, sparsity):
    relaxation = ps.solve_relaxation(problem, 2, sparsity=sparsity)
    return sorted(g.size for g in relaxation.blocks), relaxation.value


def test_auto_takes_signs_where_that_is_quick_and_small_blocks_elsewhere():
    x, y = ps.variables(2)
    small = Problem(x**4 + y**4 - x * y)
    assert block_sizes(small, "auto") == block_sizes(small, "signs")
    assert block_sizes(small, "auto")[0] != block_sizes(small, "none")[0]
    v = ps.variables(12)
    chain = Problem(sum((a**4 - a * b for a, b in pairwise(v)), v[-1] ** 4))
    assert block_sizes(chain, "auto") == block_sizes(chain, "variables")
    knotted = Problem(chain.objective + sum(v, 0 * v[0]) ** 2)
    assert block_sizes(knotted, "auto") == block_sizes(knotted, "terms")
