"""Polynomials with unknown coefficients behave like polynomials, linearly in the unknowns."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import polysos as ps

FRACTIONS = st.fractions(-5, 5, max_denominator=9)


def start():
    program = ps.SumOfSquaresProgram("x y")
    return program.variables, program.polynomial(degree=2), program.scalar()


@given(st.lists(FRACTIONS, min_size=7, max_size=7), FRACTIONS, FRACTIONS)
def test_arithmetic_commutes_with_putting_numbers_in(u, a, b):
    (x, y), V, t = start()
    v, s = V.at(u), t.at(u)
    expression = (2 - V) * (x + a) + t * y / 3 - b + V.derivative(0) - (x - t)
    by_hand = (2 - v) * (x + a) + s * y / 3 - b + v.derivative(0) - (x - s)
    assert expression.at(u) == by_hand
    assert (V([a, b]) + 1).at(u) == v([a, b]) + 1
    assert [p.at(u) for p in V.gradient()] == list(v.gradient())


def test_floats_are_read_as_the_rationals_they_are():
    (x, _), _, t = start()
    p = 0.1 * t + 0.1 * x
    assert p.at([0] * 6 + [1]) == Fraction(0.1) * (x + 1)
    assert p.degree == 1 and p.exponents.tolist() == [[0, 0], [1, 0]]


def test_products_of_unknowns_are_refused_with_a_reason():
    (x, _), V, t = start()
    with pytest.raises(TypeError, match="a product of two unknowns is bilinear"):
        V * t
    with pytest.raises(TypeError, match="a power of an unknown is not linear"):
        t**2
    nothing = V - V
    assert not nothing.parts and (t * (nothing + x)).at([2] * 7) == 2 * x
    with pytest.raises(TypeError, match="unsupported operand"):
        V + "x"
    with pytest.raises(TypeError, match="unsupported operand"):
        x / V


def test_what_it_looks_like():
    (x, _), _, t = start()
    assert repr(x**2 - t * x) == "x^2 + u6*(-x)"
    assert repr(t - t) == "0" and repr(2 * t) == "u6*(2)"
