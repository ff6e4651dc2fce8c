"""Curves of descent: what is no exact proof that a problem has no lower bound is refused."""

from dataclasses import replace
from fractions import Fraction

import pytest

import polysos as ps

F = Fraction
x, y = ps.variables(2)
(t,) = ps.variables(1)
Problem = ps.PolynomialProblem

SADDLE = ps.DescentCurve(Problem(x**2 - y**2), (F(0), F(1)), (0, 1))


@pytest.mark.parametrize(
    "curve",
    [
        replace(SADDLE, coefficients=(F(1), F(0)), powers=(1, 0)),  # up, not down
        replace(SADDLE, coefficients=(F(1), F(1)), powers=(1, 1)),  # f is constant
        replace(SADDLE, coefficients=(F(0), F(0))),  # stands still
        replace(SADDLE, powers=(0, 0)),
        replace(SADDLE, powers=(0, -1)),  # f rises to 0
        replace(SADDLE, problem=Problem(x**2 + y**2)),  # another problem
        replace(SADDLE, problem=Problem(x**2 - y**2, [1 - y])),  # leaves the feasible set
        replace(SADDLE, problem=Problem(x**2 - y**2, [0 * x - 1])),  # there is none
        replace(SADDLE, problem=Problem(x**2 - y**2, [], [x - 1])),  # misses an equality
        replace(SADDLE, problem=Problem(x**2 - y**2, [x * y - 1])),
        ps.DescentCurve(Problem(-t, [], [t**2 - t]), (F(1),), (1,)),
        ps.DescentCurve(Problem(-t, [t - t**2]), (F(1),), (1,)),
        # Just off: the coefficient of the curve must be exact.
        ps.DescentCurve(Problem(x, [], [x * F(1, 3) - y]), (F(-1), F(-333333, 1000000)), (1, 1)),
        ps.DescentCurve(Problem(-(t**2) + 0.1 * t**4), (F(1),), (1,)),
    ],
)
def test_a_wrong_curve_is_refused(curve):
    assert SADDLE.verify()
    assert not curve.verify() and not curve.holds


@pytest.mark.parametrize(
    "coefficients, powers",
    [
        ((float("nan"),), (1,)),
        ((float("inf"),), (1,)),
        ((F(1),), (0.5,)),
        ((F(1), F(1)), (1,)),
        ((F(1),), (1, 1)),
        ((), ()),
    ],
)
def test_a_curve_of_nonsense_proves_nothing(coefficients, powers):
    """t^4 - 2 t^2 is bounded."""
    try:
        curve = ps.DescentCurve(Problem(t**4 - 2 * t**2), coefficients, powers)
        assert not curve.verify()
    except (TypeError, ValueError) as error:
        assert any(name in str(error) for name in ("coefficients", "powers"))


def test_leading_terms_that_cancel_are_seen():
    """Along x = y = t the fourth powers cancel and -t^2 is left; with +t^2 nothing falls."""
    f = x**4 - y**4 - x**2
    assert ps.DescentCurve(Problem(f), (F(1), F(1)), (1, 1)).verify()
    assert not ps.DescentCurve(Problem(f + 2 * x**2), (F(1), F(1)), (1, 1)).verify()


def test_negative_powers_follow_a_hyperbola():
    problem = Problem(-x - y, [x], [x * y - 1])
    assert ps.DescentCurve(problem, (F(1), F(1)), (1, -1)).verify()
    assert ps.DescentCurve(problem, (F(3), F(1, 3)), (-2, 2)).verify()
    assert not ps.DescentCurve(problem, (F(-1), F(-1)), (1, -1)).verify()


def test_a_curve_is_written_as_a_formula():
    curve = ps.DescentCurve(Problem(x + y), (F(-1, 2), F(3)), (2, 1))
    assert str(curve) == "x1 = -1/2 t^2, x2 = 3 t"
