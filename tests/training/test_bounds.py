"""Bounds of coefficients: every way of giving them means what it says."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polysos as ps
from polysos.training.bounds import Bounds, read_bounds

NAMES = ("a", "b", "c")
(X, Y, Z) = ps.variables("a b c")
PROBLEM = ps.PolynomialProblem(X + Y + Z)


@pytest.mark.parametrize(
    "given_bounds, box, radius",
    [
        (None, None, None),
        (2, [[-2, 2]] * 3, 2),
        ((-1, 3), [[-1, 3]] * 3, None),
        ([(-1, 0), None, (0, inf)], [[-1, 0], [-inf, inf], [0, inf]], None),
        (np.array([[0, 1], [1, 2], [2, 3]]), [[0, 1], [1, 2], [2, 3]], None),
    ],
)
def test_every_form_is_understood(given_bounds, box, radius):
    found = read_bounds(given_bounds, NAMES)
    assert found.radius == radius and (found.box is None) == (box is None)
    assert box is None or found.box.tolist() == box


@pytest.mark.parametrize(
    "given_bounds, words",
    [
        (0, "bounds must be a positive number"),
        (-1.0, "bounds must be a positive number"),
        (1e50, "bounds must have ends of size"),
        ([(0, 1)] * 4, "3 pairs"),
        ([(0, 1), (1, 1), None], r"bounds\[1\]"),
        ([(0, 1), (2, 1), None], r"bounds\[1\]"),
        ([(0, 1), (1, 2, 3), None], r"bounds\[1\]"),
        ([(0, 1e-300), None, None], r"bounds\[0\]"),
    ],
)
def test_what_is_no_bound_is_named(given_bounds, words):
    with pytest.raises(ValueError, match=words):
        read_bounds(given_bounds, NAMES)


def test_the_problem_gets_one_inequality_for_each_end_that_is_finite():
    bounded = read_bounds([(-1, 0), None, (2, inf)], NAMES).applied_to(PROBLEM, 3)
    assert set(bounded.inequalities) == {X + 1, -X, Z - 2}
    ball = read_bounds(2, NAMES).applied_to(PROBLEM, 3)
    assert len(ball.inequalities) == 7
    assert ball.inequalities[-1] == Fraction(4) - X**2 - Y**2 - Z**2
    assert Bounds().applied_to(PROBLEM, 3) is PROBLEM


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), st.floats(0.1, 1e3))
def test_a_point_is_moved_inside_and_an_inner_one_stays(values, radius):
    c = np.array(values)
    moved = read_bounds(radius, NAMES).inside(c)
    assert sum(Fraction(v) ** 2 for v in moved.tolist()) <= Fraction(radius) ** 2
    if np.linalg.norm(c) < radius * (1 - 1e-14):
        assert (moved == c).all()
    box = read_bounds([(-1, 2), None, (0, inf)], NAMES)
    assert -1 <= box.inside(c)[0] <= 2 and box.inside(c)[1] == c[1] and box.inside(c)[2] >= 0


def test_starts_lie_in_the_box_where_there_is_one():
    bounds, rng = read_bounds([(5, 6), None, (0, inf)], NAMES), np.random.default_rng(0)
    starts = np.array([bounds.random_start(rng, 3) for _ in range(50)])
    assert ((5 <= starts[:, 0]) & (starts[:, 0] <= 6)).all() and np.ptp(starts[:, 1]) > 1


def test_around_a_point_the_box_is_moved():
    c = np.array([1.0, 2.0, 3.0])
    assert read_bounds((0, 4), NAMES).around(c).box.tolist() == [[-1, 3], [-2, 2], [-3, 1]]
    assert Bounds().around(c).box is None
