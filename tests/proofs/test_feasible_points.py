"""Feasible points: what is exact is accepted, and every liar is caught."""

from dataclasses import replace
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.feasible_points import FeasiblePoint

Problem = ps.PolynomialProblem
(t,) = ps.variables(1)
x, y = ps.variables(2)

ROOT = Fraction(isqrt(2 * 10**60), 10**30)  # of 2, from below
NARROW = Fraction(1, 10**20)
SQUARE = Problem(t, [t], [t**2 - 2])
TRUE = FeasiblePoint((ROOT,), Fraction(3, 2), (0,), NARROW, (t**2 - 2,))
CIRCLE = Problem(x + y, [y, 3 - x * y], [x**2 + y**2 - 1])
ON_CIRCLE = FeasiblePoint(
    (Fraction(1, 3), Fraction(isqrt(8 * 10**40), 3 * 10**20)),
    Fraction(13, 10),
    (1,),
    NARROW,
    (x**2 + y**2 - 1,),
)


def test_rational_points_are_checked_exactly():
    third = FeasiblePoint((Fraction(1, 3),), Fraction(1, 3))
    assert third.verify(Problem(t, [3 * t - 1], [(3 * t - 1) * t]))
    assert not third.verify(Problem(t, [t - 0.3334]))
    assert not third.verify(Problem(t, [], [t - 1 / 3]))  # the float is another number


def test_enclosed_solutions_are_accepted():
    assert TRUE.verify(SQUARE) and not TRUE.is_rational
    assert ON_CIRCLE.verify(CIRCLE)
    assert TRUE.coordinates == pytest.approx([2**0.5]) and "1.41421" in repr(TRUE)


@pytest.mark.parametrize(
    "lie",
    [
        dict(value=Fraction(14, 10)),  # below f
        dict(radius=Fraction(1, 10**40)),  # the root is not that near
        dict(radius=Fraction(10)),  # two roots
        dict(radius=Fraction(-1)),
        dict(radius=Fraction(0)),
        dict(center=(ROOT + Fraction(1, 10**10),)),
        dict(center=(-ROOT,)),  # a root, but t >= 0 fails
        dict(center=(1.4142135623730951,)),  # no rational
        dict(center=(ROOT, ROOT)),
        dict(center=()),
        dict(value=1.5),
        dict(unknowns=()),
        dict(unknowns=(), radius=Fraction(0), system=()),  # the center itself is no solution
        dict(unknowns=(1,)),
        dict(unknowns=(0, 0), system=(t**2 - 2, t**2 - 2)),
        dict(system=(t - ROOT,)),  # its zero is no root
        dict(system=((t**2 - 2) ** 2,)),  # double: no test can tell that there is a zero
        dict(system=()),
        dict(system=(x,)),
        dict(system=("t^2 - 2",)),
        dict(system=(0 * t,)),
        dict(system=(0 * t + 1,)),
    ],
)
def test_liars_are_caught(lie):
    assert not replace(TRUE, **lie).verify(SQUARE)


def test_a_point_belongs_to_its_problem():
    """Nearly the same constraints are others."""
    assert not TRUE.verify(Problem(t, [t], [t**2 - 2 - 1e-15]))
    assert not TRUE.verify(Problem(t, [t - Fraction(3, 2)], [t**2 - 2]))
    assert not TRUE.verify(Problem(t + 1, [t], [t**2 - 2]))
    assert not TRUE.verify(Problem(x, [], [x**2 - 2]))


def test_constraints_hold_where_they_are_multiples_of_the_system():
    multiples = Problem(t, [-((t**2 - 2) ** 2), 2 - t**2], [(t**2 - 2) * (t + 5), 3 * t**2 - 6])
    assert TRUE.verify(multiples)
    assert not TRUE.verify(Problem(t, [], [(t**2 - 2) * t, t**3 - 2 * t + 1e-30]))


def test_known_coordinates_are_put_in_before_constraints_are_compared():
    """On x = 1, the second circle leaves y^2 = 0: singular, but known to vanish at y = 0."""
    tangent = Problem(x, [], [x**2 + y**2 - 1, (x - 2) ** 2 + y**2 - 1])
    assert FeasiblePoint((Fraction(1), Fraction(0)), Fraction(1)).verify(tangent)
    known = FeasiblePoint((Fraction(1), Fraction(0)), Fraction(1), (1,), NARROW, (y,))
    assert known.verify(tangent)
    assert not replace(known, center=(Fraction(1), NARROW / 2)).verify(
        Problem(x, [], [x**2 + y**2 - 1, y - NARROW])
    )


def test_an_active_inequality_needs_more_than_a_small_ball():
    """y - x >= 0 at the root of both squares is zero, which no ball can tell."""
    both = Problem(x, [y - x], [x**2 - 2, y**2 - 2])
    squares = FeasiblePoint((ROOT, ROOT), Fraction(3, 2), (0, 1), NARROW, (x**2 - 2, y**2 - 2))
    assert not squares.verify(both) and squares.verify(Problem(x, [], both.equalities))
    assert replace(squares, system=(x**2 - 2, y - x)).verify(Problem(x, [y - x], [x**2 - 2]))


@settings(max_examples=60, deadline=None)
@given(
    st.fractions(-3, 3, max_denominator=50),
    st.fractions(Fraction(1, 50), 3, max_denominator=50),
    st.integers(1, 40),
    st.integers(-2, 2),
)
def test_an_enclosure_is_accepted_only_where_there_is_a_root(middle, square, digits, shift):
    """(t - middle)^2 = square, the center off by 2^-80 and by some radii."""
    radius = Fraction(1, 10**digits)
    root = Fraction(isqrt((square.numerator << 160) // square.denominator), 1 << 80)
    away = root + shift * radius
    h = (t - middle) ** 2 - square
    point = FeasiblePoint((middle + away,), middle + away + 2 * radius, (0,), radius, (h,))
    if point.verify(Problem(t, [], [h])):
        assert min(abs(away - radius), abs(away + radius)) ** 2 <= square
        assert square <= (abs(away) + radius) ** 2
    else:
        assert shift or digits > 20 or 10 * radius > root


@settings(max_examples=40, deadline=None)
@given(st.lists(st.fractions(-2, 2, max_denominator=9), min_size=2, max_size=2))
def test_rational_points_are_accepted_exactly_where_they_are_feasible(center):
    problem = Problem(x * y, [1 - x**2 - y**2, x - y], [])
    values = [g.exact()(np.array(center, dtype=object)) for g in problem.inequalities]
    f = problem.objective.exact()(np.array(center, dtype=object))
    assert FeasiblePoint(tuple(center), f).verify(problem) == (min(values) >= 0)
    assert not FeasiblePoint(tuple(center), f - Fraction(1, 10**30)).verify(problem)
