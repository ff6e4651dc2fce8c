"""Regions: what lemmas add is true, ends are rounded outward, and no point is lost."""

from fractions import Fraction
from math import inf
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.exact import to_fraction
from polysos.proofs.region import Region, _root

F = Fraction
Problem = ps.PolynomialProblem
NUMBERS = st.fractions(-3, 3, max_denominator=5)
TERMS = st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), NUMBERS, max_size=5)
x, y = ps.variables(2)


def says(f, bound, assumption=None):
    """What a region reads of a lemma: f >= bound, or that an assumption is impossible."""
    inequalities = () if assumption is None else (assumption,)
    problem = Problem(f, inequalities)
    return SimpleNamespace(problem=problem, bound=F(bound), assumption=assumption is not None)


def unbounded() -> Region:
    return Region.of(Problem(x * y))


def square(low=-1, high=1) -> Region:
    return Region.of(Problem(x, [x - low, high - x, y - low, high - y]))


# Lemmas


@pytest.mark.parametrize(
    "f, bound, i, side, end",
    [
        (2 * x, 3, 0, 0, F(3, 2)),
        (-3 * y, 1, 1, 1, F(-1, 3)),
        (x + 1, 3, 0, 0, F(2)),
        (x * F(1, 3), 1, 0, 0, F(3)),
        (-x * F(1, 10), 1, 0, 1, F(-10)),
    ],
)
def test_a_bound_of_one_variable_becomes_an_end_rounded_outward(f, bound, i, side, end):
    region = unbounded().after(says(f, bound))
    found = F(float(region.box[i, side]))
    assert (found >= end if side else found <= end) and abs(found - end) <= abs(end) * F(1, 2**52)
    assert np.isinf(np.delete(region.box.ravel(), 2 * i + side)).all()


def test_weaker_bounds_change_nothing_and_contradictions_leave_nothing():
    region = square()
    assert (region.after(says(x, -2)).box == region.box).all()
    assert (region.after(says(-x, -2)).box == region.box).all()
    assert not region.after(says(x, 1)).is_empty
    assert region.after(says(x, F(1) + F(1, 2**40))).is_empty
    assert region.box.tolist() == [[-1, 1], [-1, 1]]  # the old region is as it was


def test_a_refuted_assumption_leaves_the_other_side():
    region = square().after(says(0 * x, 1, assumption=2 * x - 1))  # 2 x - 1 >= 0 is impossible
    assert region.box.tolist() == [[-1, 0.5], [-1, 1]]
    same = square().after(says(0 * x, 1, assumption=x * y - 1))  # no side of a box
    assert same.box.tolist() == [[-1, 1], [-1, 1]]


def test_a_sum_of_squares_that_is_bounded_bounds_each_monomial():
    """-4 x^2 y^2 - y^4 >= -9: |x y| <= 3/2 and |y^2| <= 3."""
    region = unbounded().after(says(-4 * x**2 * y**2 - y**4, -9))
    assert region.sizes.keys() == {(1, 1), (0, 2)}
    assert F(3, 2) <= region.sizes[1, 1] < F(3, 2) + F(1, 2**30)
    assert F(3) <= region.sizes[0, 2] < F(3) + F(1, 2**30)


@pytest.mark.parametrize(
    "f", [x**2 * y**2 - y**4, -(x**3) * y, -(x**2) + y, x**2 + y**2, -(x**2) * y]
)
def test_other_polynomials_bound_no_monomial(f):
    assert not unbounded().after(says(f, -9)).sizes


@settings(max_examples=30)
@given(st.fractions(0, 10**6))
def test_roots_are_rounded_up_and_hardly(square_of):
    root = _root(square_of)
    assert root * root >= square_of
    assert root == 0 or (root * (1 - F(1, 2**28))) ** 2 <= square_of


def test_only_what_is_bounded_away_from_zero_counts_as_positive():
    f = x * y + 5
    units = (F(0), F(0)), (F(1), F(1))
    for bound, expected in ((F(1, 10**9), True), (0, False), (-1, False)):
        region = unbounded().after(says(f, bound))
        assert region.is_positive(region.ring.read(f), *units) is expected
        assert not region.is_positive(region.ring.read(f - 1), *units)
        # In other units the same polynomial says something else.
        assert not region.is_positive(region.ring.read(f), (F(1), F(0)), (F(1), F(1)))
    assert square().is_positive(square().ring.read(x * y + 2), *units)
    assert not square().is_positive(square().ring.read(x * y + 1), *units)


# Sides


def test_sides_are_numbered_lower_upper_variable_by_variable():
    region = Region.of(Problem(x, [x + 1, 2 - x, y + 3]))
    expected = [x + 1, 2 - x, y + 3]
    for number, side in enumerate(expected):
        assert region.side(number) == region.ring.read(side.exact())
    with pytest.raises(ValueError, match="not bounded"):
        region.side(3)


def test_under_takes_half_spaces_of_one_variable_only():
    assert square().under(x - F(1, 4)).box.tolist() == [[0.25, 1], [-1, 1]]
    assert square().under(F(1, 4) - 2 * y).box.tolist() == [[-1, 1], [-1, 0.125]]
    for g in (x + y, x**2 - 1, x * y, 0 * x - 1):
        assert square().under(g).box.tolist() == square().box.tolist()


# Bounds of polynomials


@settings(max_examples=40)
@given(
    TERMS,
    st.tuples(st.tuples(NUMBERS, st.fractions(0, 2)), st.tuples(NUMBERS, st.fractions(0, 2))),
    st.tuples(st.fractions(0, 1), st.fractions(0, 1)),
    st.tuples(NUMBERS, NUMBERS),
    st.tuples(st.fractions(F(1, 4), 3), st.fractions(F(1, 4), 3)),
)
def test_no_point_of_the_box_lies_below_the_smallest_value(terms, sides, where, center, scale):
    """In any units; ends are rounded, so that points between them are certainly inside."""
    box = np.array([[float(low), float(low + width)] for low, width in sides])
    region = Region(box, box, {}, (), Region.of(Problem(x)).ring)
    point = [F(a) + t * (F(b) - F(a)) for (a, b), t in zip(box.tolist(), where, strict=True)]
    z = np.array([(v - c) / s for v, c, s in zip(point, center, scale, strict=True)])
    p = ps.Polynomial(terms, 2).exact()
    assert region.smallest(region.ring.read(p), center, scale) <= p(z)


@pytest.mark.parametrize("point", [(0, 0), (2, F(1, 2)), (-4, F(1, 4)), (F(1, 100), 100)])
def test_sizes_bound_monomials_where_no_box_does(point):
    """Where |x y| <= 1, x y - x^2 y^2 is at least -1 by its size, but no bound of x^2 y^2 is."""
    everything = np.full((2, 2), inf) * [-1, 1]
    region = Region(everything, everything, {(1, 1): F(1)}, (), unbounded().ring)
    units = (F(0), F(0)), (F(1), F(1))
    p = 3 * x * y - 7
    smallest = region.smallest(region.ring.read(p), *units)
    assert smallest == -10 and smallest <= p(np.array(point, dtype=object))
    assert region.smallest(region.ring.read(x**2 * y**2 - x * y), *units) == -1
    assert region.smallest(region.ring.read(-(x**2) * y**2), *units) == -inf
    # Sizes are about x: they say nothing in other units.
    assert region.smallest(region.ring.read(p), (F(1), F(0)), (F(1), F(1))) == -inf
    assert region.smallest(region.ring.read(p), (F(0), F(0)), (F(2), F(1))) == -inf


def test_the_unit_box_is_bounded_exactly():
    region, units = square(), ((F(0), F(0)), (F(1), F(1)))
    for p, smallest in ((x**2 + y**2, 0), (x - 2 * y, -3), (-(x**2) * y, -1), (5 + x * y, 4)):
        assert region.smallest(region.ring.read(p), *units) == smallest


def test_the_first_region_is_what_the_constraints_tell():
    region = Region.of(Problem(x, [1 - x**2 - y**2]))
    assert region.is_bounded and not region.is_empty
    assert np.allclose(region.box, [[-1, 1], [-1, 1]])
    assert not unbounded().is_bounded


def test_sides_are_stated_and_do_not_come_from_propagation():
    """Otherwise a proof that uses them would hang on how well a box is derived."""
    region = Region.of(Problem(x, [1 - x**2 - y**2, 2 - x, 4 * y + 1]))
    assert region.is_bounded
    assert region.ends.tolist() == [[-inf, 2], [-0.25, inf]]
    assert to_fraction(region.side(1)(0, 0)) == 2
    assert to_fraction(region.side(2)(0, 0)) == F(1, 4)
    for number in (0, 3):
        with pytest.raises(ValueError):
            region.side(number)
    assert Region.stated(Problem(x, [1 - x**2 - y**2, 2 - x])).ends[0].tolist() == [-inf, 2]


def test_boxes_whose_powers_leave_the_floats_are_survived():
    region = Region.of(Problem(x, [1e90 - x, x + 1e90, 1.5 * x**4 - y]))
    assert region.box[0].tolist() == [-1e90, 1e90]
