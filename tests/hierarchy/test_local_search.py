"""Local search: candidates are points, good ones where possible, and nothing is claimed."""

import numpy as np
import pytest

import polysos as ps
from tests.problems import CASES, MORE

EVERY = CASES | MORE


def search_for(problem):
    from polysos.hierarchy.local_search import LocalSearch
    from polysos.proofs.box import bounding_box
    from polysos.relaxations.scaling import scale_problem

    box = bounding_box(problem)
    return LocalSearch(scale_problem(problem, box), box)


@pytest.mark.parametrize("name", ["camel6", "rosenbrock_box", "sphere_cubes", "crescent", "circle"])
def test_descent_ends_at_feasible_points_of_small_value(name):
    case = EVERY[name]
    search = search_for(case.problem)
    ends = [search.descend(z) for z in search.random_starts(8)]
    values = [case.problem.objective(search.scaled.to_user(z)) for z in ends]
    feasible = [search.scaled.violation(z) <= 1e-8 for z in ends]
    assert sum(feasible) >= 4
    assert min(v for v, ok in zip(values, feasible, strict=True) if ok) == pytest.approx(
        case.optimum, abs=1e-6
    )


def test_descent_stays_in_the_box_and_on_equalities():
    (t,) = ps.variables(1)
    search = search_for(ps.PolynomialProblem(-t, [t, 3 - t]))
    assert search.scaled.to_user(search.descend(np.array([50.0])))[0] == pytest.approx(3)
    x, y = ps.variables(2)
    search = search_for(ps.PolynomialProblem(x, [], [x**2 + y**2 - 1]))
    z = search.descend(np.array([0.3, 0.8]))
    assert abs(search.equalities.values(z)[0]) <= 1e-14


@pytest.mark.parametrize("radius", [0.5, 10.0])
def test_radii_keep_a_descent_inside_or_outside(radius):
    x, y = ps.variables(2)
    search = search_for(ps.PolynomialProblem((x - 3) ** 2 + y**2))
    inside = search.descend(np.array([0.1, 0.1]), at_most=radius)
    outside = search.descend(np.array([radius, radius]), at_least=radius)
    assert np.linalg.norm(inside) <= radius + 1e-6 and np.linalg.norm(outside) >= radius - 1e-6


def test_starts_are_the_same_for_the_same_seed():
    search = search_for(CASES["camel6"].problem)
    assert (search.random_starts(5) == search.random_starts(5)).all()
    assert (search.random_starts(5) != search.random_starts(5, seed=1)).any()
    box = search_for(CASES["rosenbrock_box"].problem)
    assert (np.abs(box.random_starts(50)) <= 1).all()


def test_values_and_jacobians_are_those_of_the_polynomials():
    from polysos.hierarchy.local_search import _Functions

    x, y = ps.variables(2)
    polynomials = [x**3 * y - 2 * y + 1, 0 * x, 5 * x * y**2]
    functions = _Functions(polynomials, 2)
    z = np.array([0.7, -1.3])
    assert np.allclose(functions.values(z), [p(z) for p in polynomials], rtol=1e-14)
    expected = [[d(z) for d in p.gradient()] for p in polynomials]
    assert np.allclose(functions.jacobian(z), expected, rtol=1e-14)


@pytest.mark.parametrize(
    "name, point, drifts",
    [
        ("unattained_xy", [1e-3, 1e3], True),
        ("unattained_asymptote", [1e2, 1e-2], True),
        ("camel6", [0.0898, -0.7127], False),
        ("booth", [1, 3], False),
    ],
)
def test_points_that_fall_further_out_are_told_from_minimizers(name, point, drifts):
    search = search_for(EVERY[name].problem)
    z = search.scaled.from_user(np.array(point, dtype=float))
    assert search.falls_further_out(z, 1e-6) is drifts


def test_nonsense_does_not_raise():
    (t,) = ps.variables(1)
    search = search_for(ps.PolynomialProblem(1e90 * t**9 - t**8))
    for start in (np.array([1e300]), np.array([-1e4]), np.array([0.0])):
        z = search.descend(start)
        assert z is None or np.isfinite(z).all()


def test_newton_goes_where_descents_may_not():
    """Descents end at a box of 1e4 units; the minimizer of a quadratic is one step away."""
    x, y = ps.variables(2)
    search = search_for(ps.PolynomialProblem((x - 1e6) ** 2 + (y + 1) ** 2))
    z = search.polished(search.descend(np.zeros(2)))
    assert np.allclose(search.scaled.to_user(z), [1e6, -1], rtol=1e-12)
    assert not search.falls_further_out(z, 1e-6)  # far out, but nothing is lower


def test_newton_leads_down_or_nowhere():
    (t,) = ps.variables(1)
    peak = search_for(ps.PolynomialProblem(-(t**2), [4 - t**2]))
    near_peak = np.array([0.05])
    assert (peak.polished(near_peak) == near_peak).all()  # the gradient vanishes at a maximum
    edge = np.array([1.0])
    assert (peak.polished(edge) == edge).all()  # a constraint is active
    x, y = ps.variables(2)
    circle = search_for(ps.PolynomialProblem(x**2 + 2 * y, [], [x**2 + y**2 - 1]))
    assert (circle.polished(np.array([0.6, 0.8])) == [0.6, 0.8]).all()
