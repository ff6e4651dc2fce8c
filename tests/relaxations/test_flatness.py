"""Numerical rank and the nested flat truncation (3.6)."""

import numpy as np
import pytest

import polysos as ps
from tests.problems import CASES, example, relaxation_of


@pytest.mark.parametrize(
    "tolerance, rank, gap", [(0.1, 1, 100), (1e-3, 2, 1000), (1e-6, 3, np.inf)]
)
def test_rank_depends_on_the_tolerance_and_the_gap_says_how_safely(tolerance, rank, gap):
    r = ps.numerical_rank(np.diag([1e-2, 1.0, 1e-5]), tolerance)
    assert (r.rank, r.tolerance) == (rank, tolerance) and r.gap == pytest.approx(gap)
    assert r.singular_values == pytest.approx([1, 1e-2, 1e-5])


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_rank_does_not_depend_on_the_unit_of_the_matrix(unit):
    M = unit * np.outer([1, 2, 3], [1, 2, 3])
    assert ps.numerical_rank(M).rank == 1
    assert ps.numerical_rank(M).gap > 1e12


def test_rank_of_zero_and_of_a_rectangle():
    assert ps.numerical_rank(np.zeros((3, 3))).rank == 0
    assert ps.numerical_rank(np.ones((2, 5))).rank == 1
    M = ps.moment_matrix(ps.moments_of_points([[1.0], [2.0]], 4), 2)
    assert ps.numerical_rank(M).rank == 2


def test_flat_truncation_is_nested_in_example_3_4():
    """At order 2 M_2 has high rank, M_1 rank one: a test of M_2 alone would not see it."""
    net, inputs, outputs, data = example()
    problem = net.training_problem(inputs, outputs)
    found = {k: ps.flat_truncation(ps.solve_relaxation(problem, k)) for k in (1, 2)}
    assert {str(k): flat.is_flat for k, flat in found.items()} == data["flat_at_order"]
    assert found[1].ranks[1].rank > 1 and found[1].order is found[1].rank is None
    flat = found[2]
    assert (flat.order, flat.rank) == (1, 1)
    assert flat.ranks[1].rank == 1 and flat.ranks[1].gap > 100
    assert flat.ranks[2].rank > 5  # the solver's point is inside the optimal face


@pytest.mark.parametrize("points", [1, 2, 3, 4])
def test_points_are_flat_as_soon_as_their_monomials_suffice(points):
    """m generic points in the plane: rank M_d = min(m, (d + 1)(d + 2) / 2)."""
    x, y = ps.variables(2)
    atoms = np.random.default_rng(points).uniform(-1, 1, (points, 2))
    problem = ps.PolynomialProblem(x, [1 - x**2, 1 - y**2])
    flat = ps.flat_truncation(relaxation_of(problem, atoms, 4), tolerance=1e-6)
    sizes = [(d + 1) * (d + 2) // 2 for d in range(5)]
    assert [flat.ranks[d].rank for d in range(5)] == [min(points, s) for s in sizes]
    order = 1 + min(d for d in range(5) if sizes[d] >= points)
    assert (flat.is_flat, flat.order, flat.rank) == (True, order, points)


def test_the_step_is_d_K_and_the_first_order_k0():
    """Constraints of degree 4 compare M_d with M_(d-2): here ranks 1, 2, 3, 3 are not flat yet."""
    (t,) = ps.variables(1)
    atoms = [[-0.5], [0.1], [0.7]]
    wide = ps.PolynomialProblem(t, [1 - t**4])
    flat = ps.flat_truncation(relaxation_of(wide, atoms, 3), tolerance=1e-9)
    assert [r.rank for r in flat.ranks.values()] == [1, 2, 3, 3] and not flat.is_flat
    narrow = ps.PolynomialProblem(t, [1 - t**2])
    flat = ps.flat_truncation(relaxation_of(narrow, atoms, 3), tolerance=1e-9)
    assert (flat.order, flat.rank) == (3, 3)
    # Objective of degree 4: k0 = 2, and d = 1 does not count although M_1 and M_0 have rank 1.
    steep = ps.PolynomialProblem(t**4, [1 - t**2])
    assert ps.flat_truncation(relaxation_of(steep, [[0.5]], 3)).order == 2


def test_a_tolerance_that_is_too_coarse_makes_things_flat():
    (t,) = ps.variables(1)
    problem = ps.PolynomialProblem(t**2, [1 - t**2])
    r = relaxation_of(problem, [[0.5], [0.6]], 1)
    assert ps.flat_truncation(r, tolerance=0.1).is_flat
    assert not ps.flat_truncation(r, tolerance=1e-6).is_flat


def test_a_flat_looking_matrix_is_no_proof():
    """waki_strange at order 4: flat with a value that is neither the bound nor the minimum."""
    case = CASES["waki_strange"]
    r = ps.solve_relaxation(case.problem, 4)
    flat = ps.flat_truncation(r)
    found = ps.extract_minimizers(r, flat) if flat.is_flat else None
    trusted = r.status == "solved" and found is not None and found.violations.max() < 1e-6
    assert not trusted or abs(r.value - case.optimum) < 1e-6


def test_a_circle_of_minimizers_is_never_flat():
    r = ps.solve_relaxation(CASES["sphere_eig_double"].problem, 2)
    assert r.status == "solved" and not ps.flat_truncation(r).is_flat


def test_table_shows_ranks_gaps_and_singular_values():
    r = relaxation_of(CASES["double_well"].problem, [[1.0], [-1.0]], 2)
    html = ps.flat_truncation(r)._repr_html_()
    assert html.count("<tr>") == 4 and "flat at d = 2, rank 2" in html and "0.001" in html
    one = relaxation_of(CASES["double_well"].problem, [[1.0], [-1.0], [0.3]], 2)
    assert "not flat" in ps.flat_truncation(one)._repr_html_()
