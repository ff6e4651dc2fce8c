"""Polynomials: a commutative ring, exact where fractions come in, and evaluation respects it."""

import pickle
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polysos as ps

EXPONENTS = st.tuples(st.integers(0, 3), st.integers(0, 3))
# Small integers: float arithmetic on them is exact, so every law must hold to the last bit.
INTEGERS = st.integers(-5, 5)
FRACTIONS = st.fractions(-5, 5, max_denominator=7)


def polynomials(numbers):
    return st.dictionaries(EXPONENTS, numbers, max_size=5).map(lambda d: ps.Polynomial(d, 2))


ANY = polynomials(INTEGERS) | polynomials(FRACTIONS)
POINTS = st.tuples(FRACTIONS, FRACTIONS)


def at(p: ps.Polynomial, point) -> Fraction:
    """The value by the definition, without the library's own evaluation."""
    terms = p.terms.items()
    return sum((Fraction(c) * point[0] ** a * point[1] ** b for (a, b), c in terms), Fraction(0))


@given(ANY, ANY, ANY)
def test_polynomials_are_a_commutative_ring(p, q, r):
    assert p + q == q + p and p * q == q * p
    assert (p + q) + r == p + (q + r) and (p * q) * r == p * (q * r)
    assert p * (q + r) == p * q + p * r
    assert p - p == 0 and p + 0 == p and p * 1 == p and p * 0 == 0
    assert p - q == -(q - p)


@given(ANY, ANY, POINTS)
def test_evaluation_is_a_homomorphism(p, q, point):
    assert (p + q)(np.array(point, dtype=object)) == at(p, point) + at(q, point)
    assert (p * q)(np.array(point, dtype=object)) == at(p, point) * at(q, point)


@given(polynomials(INTEGERS), st.lists(st.tuples(INTEGERS, INTEGERS), min_size=1, max_size=4))
def test_values_at_many_points_are_the_values_at_each(p, points):
    assert p(points).tolist() == [p(x) for x in points] == [at(p, x) for x in points]


@given(ANY, ANY)
def test_derivative_obeys_the_product_rule(p, q):
    for i in (0, 1):
        assert (p * q).derivative(i) == p.derivative(i) * q + p * q.derivative(i)
        assert (p + q).derivative(i) == p.derivative(i) + q.derivative(i)
    assert p.gradient() == (p.derivative(0), p.derivative(1))


def test_derivative_of_a_monomial():
    x, y = ps.variables(2)
    assert (3 * x**4 * y**2).gradient() == (12 * x**3 * y**2, 6 * x**4 * y)
    assert (0 * x + 7).gradient() == (0 * x, 0 * x)


@given(ANY, ANY, ANY, POINTS)
def test_substitution_is_evaluation_of_the_inner_values(p, q, r, point):
    inner = np.array([at(q, point), at(r, point)], dtype=object)
    assert at(p.substitute([q, r]), point) == at(p, inner)


@given(polynomials(INTEGERS), st.integers(0, 4))
def test_power_is_repeated_multiplication(p, n):
    expected = ps.Polynomial.constant(1, 2)
    for _ in range(n):
        expected = expected * p
    assert p**n == expected


@given(ANY)
def test_terms_say_everything(p):
    assert ps.Polynomial(p.terms, 2) == p
    assert all(c != 0 for c in p.terms.values())
    assert p.degree == max((a + b for a, b in p.terms), default=0)
    assert p.constant_term == p.terms.get((0, 0), 0)
    degrees = [a + b for a, b in p.terms]
    assert degrees == sorted(degrees)


@given(ANY)
def test_pickle_and_hash_keep_a_polynomial(p):
    copy = pickle.loads(pickle.dumps(p))
    assert copy == p and hash(copy) == hash(p) and copy.names == p.names
    assert copy.is_exact == p.is_exact or p == 0


def test_fractions_stay_exact_and_floats_are_read_as_they_are():
    (x,) = ps.variables(1)
    third = x * Fraction(1, 3)
    assert third.is_exact and third.terms == {(1,): Fraction(1, 3)}
    assert (third + third + third) == x
    assert (x / Fraction(3)).terms == {(1,): Fraction(1, 3)}
    tenth = (0.1 * x).exact()
    assert tenth.terms == {(1,): Fraction(0.1)} and tenth.terms != {(1,): Fraction(1, 10)}
    assert tenth.to_float() == 0.1 * x and not tenth.to_float().is_exact
    # A float next to a fraction is taken for the rational that it is.
    assert (0.1 * x + third).terms == {(1,): Fraction(0.1) + Fraction(1, 3)}
    value = third(np.array([Fraction(1, 7)], dtype=object))
    assert isinstance(value, Fraction) and value == Fraction(1, 21)


def test_terms_that_cancel_are_gone():
    x, y = ps.variables(2)
    p = (x + y) * (x - y) - x**2 + y**2
    assert p == 0 and p.terms == {} and p.degree == 0 and repr(p) == "0"
    assert ps.Polynomial.from_arrays([[1, 0], [1, 0]], [2.0, -2.0]) == 0


def test_numpy_numbers_work_on_both_sides():
    (x,) = ps.variables(1)
    for two in (np.float64(2), np.int64(2), 2, 2.0, Fraction(2)):
        assert two * x == x * two == x + x
        assert two + x == x + 2 and two - x == -(x - 2)


def test_a_polynomial_cannot_be_changed():
    (x,) = ps.variables(1)
    with pytest.raises(AttributeError):
        x.names = ("y",)
    with pytest.raises(AttributeError):
        x.degree = 3
    for array in (x.coefficients, x.exponents):
        with pytest.raises(ValueError):
            array[0] = 5


def test_building_one_does_not_freeze_or_share_the_callers_arrays():
    exponents, coefficients = np.array([[1], [2]]), np.array([1.0, 1.0])
    p = ps.Polynomial.from_arrays(exponents, coefficients)
    exponents[0], coefficients[0] = 7, 7.0
    assert p.terms == {(1,): 1.0, (2,): 1.0}


# Monomials


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("degree", range(5))
def test_monomials_are_all_of_them_in_graded_order(n, degree):
    from polysos.algebra.polynomials import monomial_index

    rows = ps.monomials(n, degree)
    assert rows.shape == (comb(n + degree, degree), n)
    assert len({tuple(row) for row in rows.tolist()}) == len(rows)
    assert (np.diff(rows.sum(axis=1)) >= 0).all() and (rows >= 0).all()
    assert monomial_index(rows).tolist() == list(range(len(rows)))
    assert (ps.monomials(n, degree + 1)[: len(rows)] == rows).all()  # the order does not depend


def test_monomials_are_read_only_because_they_are_cached():
    with pytest.raises(ValueError):
        ps.monomials(2, 2)[0, 0] = 1


# Names and display


def test_variables_by_number_and_by_name():
    assert [repr(v) for v in ps.variables(3)] == ["x1", "x2", "x3"]
    c, theta = ps.variables("c1,2 theta")
    assert c.names == theta.names == ("c1,2", "theta")
    assert repr(theta - 2 * c**2) == "-2*c1,2^2 + theta"


@pytest.mark.parametrize(
    "build, text, latex",
    [
        (lambda x, y: x**2 * y - 3 * x + 1, "x1^2*x2 - 3*x1 + 1", r"x_{1}^{2} \, x_{2}"),
        (lambda x, y: -x, "-x1", "-x_{1}"),
        (lambda x, y: 0.5 * x, "0.5*x1", "0.5"),
        (lambda x, y: x * Fraction(-1, 3), "-1/3*x1", r"-\tfrac{1}{3}"),
        (lambda x, y: 1e-9 * x, "1e-09*x1", r"1 \cdot 10^{-9}"),
        (lambda x, y: 0 * x, "0", "0"),
        (lambda x, y: 0 * x - 1, "-1", "-1"),
    ],
)
def test_display_as_text_and_as_latex(build, text, latex):
    p = build(*ps.variables(2))
    assert repr(p) == text
    assert latex in p.latex()
    assert p._repr_latex_() == rf"$\displaystyle {p.latex()}$"


def test_latex_of_names():
    c, theta = ps.variables("c1,2 theta")
    assert (c * theta).latex() == r"c_{1,2} \, \theta"


def test_comparisons_say_what_to_write_instead():
    x, y = ps.variables(2)
    for compare, words in (
        (lambda: x >= 2, "give x1 - 2, which"),
        (lambda: x <= 2, r"give -x1 \+ 2, which"),
        (lambda: 2 <= x, "give x1 - 2, which"),
        (lambda: x**2 > y, r"give x1\^2 - x2, which"),
        (lambda: x < "a", "compared by <$"),
    ):
        with pytest.raises(TypeError, match=words):
            compare()


def test_numbers_of_any_length_are_shown_and_shortened():
    """Python writes integers of 4,300 digits at most; exact bounds and objectives have more."""
    long = Fraction(10**5000 + 1, 3 * 10**5000)
    p = ps.Polynomial({(1,): long, (0,): Fraction(-(10**4999))}, 1)
    assert repr(p) == "1.00000e+5000/3.00000e+5000*x1 - 1.00000e+4999"
    assert p.latex() == (
        r"\tfrac{1.00000 \cdot 10^{5000}}{3.00000 \cdot 10^{5000}} \, x_{1}"
        r" - 1.00000 \cdot 10^{4999}"
    )
    with pytest.raises(TypeError, match=r"1.00000e\+4999"):
        p < 0  # noqa: B015
    assert repr(ps.Polynomial({(1,): Fraction(10**299, 7)}, 1)) == f"{10**299}/7*x1"
