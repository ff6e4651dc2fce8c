"""The points of a search: which count, which are listed, and which are only nearly feasible."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import polysos as ps

Problem = ps.PolynomialProblem
(t,) = ps.variables(1)
x, y = ps.variables(2)


def points_of(problem, *starts, tolerance=1e-6, feasibility=1e-6):
    from polysos.hierarchy.local_search import LocalSearch
    from polysos.hierarchy.points import Points
    from polysos.proofs.box import bounding_box
    from polysos.relaxations.scaling import scale_problem

    box = bounding_box(problem)
    points = Points(LocalSearch(scale_problem(problem, box), box), tolerance, feasibility)
    for start in starts:
        points.add(points.scaled.from_user(np.atleast_1d(np.array(start, dtype=float))))
    return points


def listed(points, bound):
    return [point.x.tolist() for point in points.different(points.meeting(Fraction(bound)))]


def test_only_proven_points_certify():
    """t in {0, 1} and t >= 1e-7: the point 0 is feasible to 1e-7, and worth 1 less."""
    points = points_of(Problem(t, [t - 1e-7], [t**2 - t]), 0, 1)
    assert [point.proven is not None for point in points.all] == [False, True]
    assert points.best(None).value == 1.0
    assert not points.meeting(Fraction(0)) and points.meeting(Fraction(0), proven=False)
    assert listed(points, 1) == [[1.0]]


def test_a_bound_drops_points_that_it_shows_to_be_infeasible():
    points = points_of(Problem(t, [t - 1e-7], [t**2 - t]), 0)
    assert points.best(None).value == 0 and points.best(Fraction(1, 2)) is None


def test_the_slip_is_that_of_a_small_objective():
    """1e-10 times an integer: values that differ do not meet the same bound."""
    assert points_of(Problem(t)).slip(0.0) == 1e-6
    assert points_of(Problem(2.0**20 * t)).slip(1e9) == 1e-6 * 2**20
    small = points_of(Problem(1e-10 * t, [1 - t**2]), -1, 1)
    assert small.slip(1e-10) <= 1e-6 * 1e-10 * 2
    assert listed(small, Fraction(-1e-10)) == [[-1.0]]


def test_a_constant_does_not_make_values_equal():
    points = points_of(Problem(t**2 + 1e9, [4 - t**2]), 0, 0.1)
    assert listed(points, 10**9) == [[0.0]]


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_listed_minimizers_meet_the_bound_in_all_units(size):
    points = points_of(Problem(size * (t**2 - 1) ** 2), -1, 1, 1.01)
    assert listed(points, 0) == [[-1.0], [1.0]]


def test_a_worse_point_of_the_same_valley_is_not_listed():
    """Powell's singular function: flat near 0, and a value of 8e-8 some way off."""
    a, b, c, d = ps.variables(4)
    f = (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4
    worse = [0.01, -0.001, 0.0005, 0.0005]
    points = points_of(Problem(f), worse, [0, 0, 0, 0], [1e-4, -1e-5, 1e-4, 1e-4])
    assert all(point.value <= points.slip(0) for point in points.all)
    assert listed(points, 0) == [[0, 0, 0, 0]]


def test_minimizers_on_both_sides_of_a_low_barrier_are_listed():
    f = ((t - 1) * (t - 1.02)) ** 2
    assert listed(points_of(Problem(f), 1, 1.02), 0) == [[1.0], [1.02]]


def test_points_that_are_not_feasible_to_the_tolerance_are_not_taken():
    points = points_of(Problem(t, [t - 1]), 0.9, np.inf, np.nan, 1 - 1e-5)
    assert not points.all


def test_what_counts_is_verified_once_more():
    points = points_of(Problem(t, [], [t**2 - 2]), 2**0.5)
    true = points.all[0]
    points.recheck(Fraction(1))
    assert points.all == [true]
    points.all = [replace(true, proven=replace(true.proven, value=Fraction(1)))]
    points.recheck(Fraction(1))
    assert not points.all
