"""The bounding box is a theorem: it holds every feasible point, exactly."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps

INF = float("inf")
NUMBERS = st.fractions(-4, 4, max_denominator=6)
TERMS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 2)), NUMBERS.filter(bool), min_size=1, max_size=4
)


def bounding_box(problem):
    from polysos.proofs.box import bounding_box

    return bounding_box(problem)


def box_of(objective, inequalities=(), equalities=()):
    return bounding_box(ps.PolynomialProblem(objective, inequalities, equalities))


@settings(max_examples=50)
@given(
    st.lists(st.tuples(TERMS, st.fractions(0, 1)), min_size=1, max_size=4),
    st.none() | TERMS,
    st.tuples(NUMBERS, NUMBERS),
)
def test_box_holds_every_feasible_point(constraints, equality, point):
    """Constraints are shifted so that a random rational point is feasible, often just so."""
    point = np.array(point, dtype=object)

    def shifted(terms, slack):
        p = ps.Polynomial(terms, 2).exact()
        return p - p(point) + slack

    g = [shifted(terms, slack) for terms, slack in constraints]
    h = [] if equality is None else [shifted(equality, 0)]
    box = bounding_box(ps.PolynomialProblem(g[0], g, h))
    for (low, high), v in zip(box.tolist(), point, strict=True):
        assert low == -INF or Fraction(low) <= v
        assert high == INF or v <= Fraction(high)


@settings(max_examples=50)
@given(
    st.fractions(-3, 3, max_denominator=5),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.tuples(NUMBERS, NUMBERS),
    st.lists(st.tuples(st.fractions(0, 2), st.fractions(0, 2), st.booleans()), min_size=2),
)
def test_largest_value_of_a_term_is_not_exceeded_in_the_box(c, alpha, point, margins):
    from polysos.proofs.box import largest_value

    box = []
    for v, (below, above, unbounded) in zip(point, margins, strict=False):
        box.append((-INF if unbounded and below > 1 else v - below, v + above))
    value = c * point[0] ** alpha[0] * point[1] ** alpha[1]
    assert value <= largest_value(c, alpha, box)


@pytest.mark.parametrize(
    "c, alpha, box, expected",
    [
        (1, (2,), [(-3, 2)], 9),
        (-1, (2,), [(-3, 2)], 0),
        (-1, (2,), [(1, 2)], -1),
        (1, (3,), [(-3, 2)], 8),
        (1, (1, 1), [(-3, 2), (-5, 1)], 15),
        (1, (1,), [(0, INF)], INF),
        (-1, (1,), [(0, INF)], 0),
        (1, (1, 1), [(0, 0), (-INF, INF)], 0),
        (Fraction(1, 3), (0,), [(-INF, INF)], Fraction(1, 3)),
    ],
)
def test_largest_value_is_exact(c, alpha, box, expected):
    from polysos.proofs.box import largest_value

    assert largest_value(Fraction(c), alpha, box) == expected


def test_the_simplex_and_the_disk_give_their_boxes():
    x, y = ps.variables(2)
    assert box_of(x, [x, y, 1 - x - y]).tolist() == [[0, 1], [0, 1]]
    box = box_of(x, [2 - x**2 - y**2])
    root = float(np.sqrt(2))
    assert np.allclose(box, [[-root, root]] * 2, rtol=1e-6)
    assert all(Fraction(-low) ** 2 >= 2 for low in box[:, 0].tolist())  # outward, exactly


def test_chained_constraints_and_equalities_bound_too():
    x, y = ps.variables(2)
    assert box_of(x, [x, 2 - x, y - x, x + 1 - y]).tolist() == [[0, 2], [0, 3]]
    assert box_of(x, [], [x - 2, y - x * Fraction(1, 2)]).tolist() == [[2, 2], [1, 1]]


def test_what_is_not_bounded_stays_infinite():
    x, y = ps.variables(2)
    assert box_of(x).tolist() == [[-INF, INF]] * 2
    assert box_of(x, [x * y - 1]).tolist() == [[-INF, INF]] * 2
    assert box_of(x, [y - x**2]).tolist() == [[-INF, INF], [0, INF]]


@pytest.mark.parametrize(
    "inequalities",
    [
        lambda x, y: [x - 1, -x],
        lambda x, y: [x - Fraction(1, 3), Fraction(1, 3) - Fraction(1, 1000) - x],
        lambda x, y: [y - x**2 - 1, -y],
    ],
)
def test_an_empty_box_is_found_where_bounds_contradict(inequalities):
    x, y = ps.variables(2)
    box = box_of(x, inequalities(x, y))
    assert (box[:, 0] > box[:, 1]).any()


def test_bounds_that_touch_leave_their_point_in_the_box():
    """x >= 1/3 and x <= 1/3: no float is 1/3, so only outward rounding keeps the point."""
    (x,) = ps.variables(1)
    low, high = box_of(x, [x - Fraction(1, 3), Fraction(1, 3) - x])[0].tolist()
    assert Fraction(low) <= Fraction(1, 3) <= Fraction(high)
    assert high - low < 1e-6


@pytest.mark.parametrize("constant, word", [(1.0, "infeasible"), (0.0, "certified")])
def test_a_constant_constraint_is_seen(constant, word):
    x, _ = ps.variables(2)
    for problem in (
        ps.PolynomialProblem(x**2, equalities=[0 * x - constant]),
        ps.PolynomialProblem(x**2, inequalities=[0 * x - constant]),
    ):
        s = ps.minimize(problem)
        assert s.status == word and s.proof.verify()


def test_bounds_that_contradict_each_other_leave_an_empty_box():
    (t,) = ps.variables(1)
    for constraints in ([t - 2, 1 - t], [t - 2, 1 - t, 5 - t**2], [-1 - t**2]):
        box = box_of(t, constraints)
        assert (box[:, 0] > box[:, 1]).any()


@pytest.mark.parametrize("degree", [42, 60])
def test_polynomials_of_high_degree_are_bounded_without_their_roots(degree):
    (t,) = ps.variables(1)
    ((low, high),) = box_of(t, [1 + 3 * t - t**degree])
    assert low < -0.5 and 1 <= high < 4 and 1 + 3 * high - high**degree < 0
