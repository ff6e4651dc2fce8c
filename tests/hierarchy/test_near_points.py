"""From nearly feasible to feasible: points that are found are proven, and near."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps

Problem = ps.PolynomialProblem
(t,) = ps.variables(1)
x, y = ps.variables(2)
a, b, c = ps.variables(3)


def near(problem, point, slip=1e-8):
    """What is found near a point, verified."""
    from polysos.hierarchy.local_search import LocalSearch
    from polysos.hierarchy.near_points import NearPoints
    from polysos.proofs.box import bounding_box
    from polysos.relaxations.scaling import scale_problem

    box = bounding_box(problem)
    found = NearPoints(LocalSearch(scale_problem(problem, box), box)).prove(
        np.array(point, dtype=float), slip
    )
    assert found is None or found.verify(problem)
    return found


DISK = 1 - x**2 - y**2
ROOT = 2**-0.5
FOUND = {
    "as it is": (Problem(x, [DISK]), [0.3, 0.1]),
    "a simple point": (Problem(x, [DISK]), [-1.0000000001, 1e-9]),
    "thirds": (Problem(t, [3 * t - 1, 1 - 3 * t]), [1 / 3]),
    "into a disk": (Problem(x + y, [DISK]), [-ROOT - 1e-9, -ROOT - 1e-9]),
    "into a corner": (Problem(x + y, [x**2 + y**2 - 2, x - y, 7 * y - 7]), [1 - 1e-8, 1 - 1e-8]),
    "onto a circle": (Problem(x + y, [], [DISK]), [-ROOT - 1e-9, -ROOT]),
    "onto a circle, inside": (Problem(x + y, [y], [DISK]), [-0.6, 0.8 + 1e-9]),
    "an irrational corner": (Problem(x, [y - x], [2 * x**2 - 1, DISK]), [-ROOT, ROOT]),
    "a corner on the circle": (Problem(-y, [x - y], [DISK]), [ROOT, ROOT + 1e-9]),
    "integers": (Problem(x, [x - 0.5], [x**2 - x, y**2 - y]), [1 + 1e-9, 1e-10]),
    "integers and a root": (Problem(x, [], [x**2 - x, y**2 - x - 1]), [1 + 1e-9, 2**0.5]),
    "tangent circles": (Problem(x, [], [DISK, 1 - (x - 2) ** 2 - y**2]), [1, 1e-5]),
    "tangent circles and a root": (
        Problem(a, [], [a**2 + b**2 - 1, (a - 2) ** 2 + b**2 - 1, c**2 - 2]),
        [1, 1e-8, 1.41421356],
    ),
    "a double circle": (Problem(x + y, [], [DISK**2]), [ROOT, ROOT + 1e-8]),
    "a circle without an inside": (Problem(x + y, [-(DISK**2)]), [ROOT, ROOT + 1e-8]),
    "the same circle twice": (Problem(x, [], [DISK, 3 * DISK]), [ROOT, ROOT + 1e-8]),
    "a cube": (Problem(x + y, [], [DISK * (x - 5)]), [ROOT, ROOT + 1e-8]),
    "a sixth power": (Problem(x, [], [(x - y) ** 6, x**2 - y - 2]), [2 + 1e-4, 2]),
    "a long way from 0": (Problem(t, [t**2 - 2 * 10**12], [t**2 - 2 * 10**12]), [1414213.5623731]),
    "in small units": (Problem(x, [], [x**2 - 2e-12, y - x]), [1.41421356e-6, 1.41421356e-6]),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_feasible_point_is_found_near(name):
    problem, start = FOUND[name]
    found = near(problem, start)
    assert found is not None
    assert np.abs(found.coordinates - start).max() <= 1e-3 * max(1, *np.abs(start))
    assert float(found.value) <= problem.objective(start) + 1e-3 * max(1, *np.abs(start))


NOT_FOUND = {
    "one of two values": (Problem(t, [t - 1e-7], [t**2 - t]), [0.0]),
    "a bump that misses": (Problem(t, [t**3 - t**2 - 1e-7]), [0.0]),
    "a double root that is none": (Problem(t, [], [(t**2 - 1) ** 2 + 1e-7]), [1.0]),
    "big M": (Problem(100 * x + y, [1e8 * x - y, y - 5], [x**2 - x]), [5e-8, 5.0]),
    "circles apart": (Problem(x, [], [DISK, 1 - 1e-9 - (x - 2) ** 2 - y**2]), [1, 0]),
    "a line beside a hyperbola": (Problem(x, [], [x * y - 1, x + y - 2 + 1e-9]), [1, 1]),
}


@pytest.mark.parametrize("name", NOT_FOUND)
def test_where_there_is_none_none_is_found(name):
    problem, start = NOT_FOUND[name]
    assert near(problem, start) is None


def test_values_rise_by_the_slip_only_where_that_is_possible():
    """The centre of the disk is simple, but a point of its boundary is as good as the start."""
    found = near(Problem(x + y, [DISK]), [-ROOT, -ROOT])
    assert float(found.value) == pytest.approx(-(2**0.5), abs=1e-12)
    found = near(Problem(t, [t - 0.499999, 2 - t]), [0.499999])
    assert found.value == Fraction(0.499999)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.floats(-1e-7, 1e-7))
def test_planted_solutions_of_random_systems_are_found(seed, equations, noise):
    """Quadrics in three variables through a random point, and a half space that it lies in."""
    rng = np.random.default_rng(seed)
    point = rng.uniform(-1, 1, 3)
    quadrics = []
    for _ in range(equations):
        A, d = rng.standard_normal((3, 3)), rng.standard_normal(3)
        q = sum(A[i, j] * u * v for i, u in enumerate((a, b, c)) for j, v in enumerate((a, b, c)))
        q = q + sum(s * u for s, u in zip(d, (a, b, c), strict=True))
        quadrics.append(q - q(point))
    normal = rng.standard_normal(3)
    half = sum(s * u for s, u in zip(normal, (a, b, c), strict=True)) + 1 - float(normal @ point)
    found = near(Problem(a + b + c, [half], quadrics), point + noise)
    gradients = np.array([[d(point) for d in q.gradient()] for q in quadrics])
    singular = np.linalg.svd(gradients, compute_uv=False)
    assert found is not None or singular[-1] < 1e-2 * singular[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-12, 1e-7))
def test_corners_of_random_polygons_are_reached_from_inside(seed, outside):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 4))
    sides = [float(np.cos(v)) * x + float(np.sin(v)) * y + 1 for v in angles.tolist()]
    A = np.column_stack([np.cos(angles), np.sin(angles)])
    corner = np.linalg.solve(A[:2], [-1, -1])
    if np.abs(corner).max() > 10 or min(side(corner) for side in sides) < -1e-9:
        return
    found = near(Problem(x + y, sides), corner * (1 + outside))
    assert found is not None and np.abs(found.coordinates - corner).max() <= 2e-3
