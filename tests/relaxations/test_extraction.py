"""Atoms out of flat moment matrices: planted ones, perturbed ones, and those of relaxations."""

import numpy as np
import pytest

import polysos as ps
from tests.problems import CASES, example, relaxation_of


def box(n, half=1.0):
    x = ps.variables(n)
    return ps.PolynomialProblem(sum(x), [half**2 - v**2 for v in x])


def assert_same_points(found, expected, atol):
    assert len(found) == len(expected)
    far = np.abs(found[:, None, :] - np.asarray(expected)[None, :, :]).max(axis=2)
    assert far.min(axis=0).max() <= atol, f"missing: {expected[far.min(axis=0).argmax()]}"
    assert far.min(axis=1).max() <= atol


@pytest.mark.parametrize("noise, atol", [(0.0, 1e-6), (1e-9, 1e-4)])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n, rank", [(1, 1), (1, 3), (2, 1), (2, 2), (2, 3), (3, 4), (4, 3)])
def test_planted_atoms_are_recovered(n, rank, seed, noise, atol):
    rng = np.random.default_rng([n, rank, seed])
    atoms = spread_out(rng, rank, n)
    weights = rng.uniform(0.2, 1, rank)
    weights /= weights.sum()
    r = relaxation_of(box(n), atoms, 4 if n == 1 else 3, weights, noise)
    found = ps.extract_minimizers(r, ps.flat_truncation(r, tolerance=1e-6))
    assert_same_points(found.points, atoms, atol)
    nearest = np.abs(found.points[:, None] - atoms[None]).max(axis=2).argmin(axis=1)
    assert np.allclose(found.weights, weights[nearest], atol=100 * atol)
    assert np.allclose(found.values, found.points.sum(axis=1))
    assert found.violations.max() <= atol


def spread_out(rng, rank, n):
    """Random points in the box, none close to another: close ones need many digits."""
    while True:
        atoms = rng.uniform(-1, 1, (rank, n))
        gaps = [np.abs(a - b).max() for i, a in enumerate(atoms) for b in atoms[:i]]
        if min(gaps, default=1) > 0.3:
            return atoms


@pytest.mark.parametrize(
    "atoms",
    [
        [[1, 0], [0, 1], [-1, 0], [0, -1]],
        [[1, 1], [1, -1], [-1, 1], [-1, -1]],
        [[0.5, 0], [0.5, 0.5], [0.5, -0.5]],  # x_1 alone does not tell them apart
        [[0, 0], [0.5, 0.5]],
    ],
)
def test_atoms_in_special_position_are_recovered(atoms):
    r = relaxation_of(box(2), atoms, 4)
    found = ps.extract_minimizers(r, ps.flat_truncation(r, tolerance=1e-8))
    assert_same_points(found.points, np.array(atoms, dtype=float), 1e-6)


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_atoms_come_back_in_the_users_units(unit):
    atoms = unit * np.array([[0.9, -0.2], [-0.5, 0.7]])
    r = relaxation_of(box(2, unit), atoms, 2)
    assert_same_points(ps.extract_minimizers(r).points, atoms, 1e-6 * unit)


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
@pytest.mark.parametrize(
    "name, order",
    [("hl05_three_points", 2), ("motzkin_ball", 3), ("sphere_cubes", 2), ("chebyshev6", 3)],
)
def test_minimizers_of_a_relaxation_are_extracted_and_checked(name, order, solver):
    case = CASES[name]
    r = ps.solve_relaxation(case.problem, order, solver)
    found = ps.extract_minimizers(r)
    assert_same_points(found.points, case.minimizers, 2e-3)
    assert np.allclose(found.values, case.optimum, atol=1e-4)
    assert found.weights.sum() == pytest.approx(1, abs=1e-3) and (found.weights > 0.01).all()
    assert found.violations.max() <= 1e-3


def test_example_3_4_gives_the_papers_point():
    net, inputs, outputs, data = example()
    r = ps.solve_relaxation(net.training_problem(inputs, outputs), 2)
    found = ps.extract_minimizers(r, ps.flat_truncation(r))
    expected = [data["minimizer"][name] for name in (*net.coefficient_names, "theta")]
    assert found.points.shape == (1, 5) and np.allclose(found.points[0], expected, atol=1e-5)
    assert found.violations.max() < 1e-5


def test_wrong_atoms_show_in_values_and_violations():
    """A moment matrix of a wrong point is flat, too: the check tells, not the rank."""
    case = CASES["chebyshev6"]
    wrong = relaxation_of(case.problem, [[0.3]], 3)
    found = ps.extract_minimizers(wrong)
    assert found.values[0] > case.optimum + 0.1 and found.violations[0] == 0
    outside = ps.extract_minimizers(relaxation_of(case.problem, [[1.5]], 3))
    assert outside.violations[0] > 0.5


def test_the_seed_decides_alone():
    r = relaxation_of(box(2), [[0.9, -0.2], [-0.5, 0.7], [0.1, 0.3]], 3)
    a, b = (ps.extract_minimizers(r, seed=3) for _ in range(2))
    assert (a.points == b.points).all()
    assert_same_points(ps.extract_minimizers(r, seed=4).points, a.points, 1e-6)


def test_what_is_not_flat_is_refused():
    r = relaxation_of(CASES["double_well"].problem, [[1.0], [-1.0], [0.3]], 2)
    with pytest.raises(ValueError, match=r"not flat.*higher order"):
        ps.extract_minimizers(r)
