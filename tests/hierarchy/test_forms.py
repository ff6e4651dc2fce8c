"""Forms that are nonnegative and no sums of squares, and what must not pass for a proof of them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from polysos.algebra.moments import BasisMatrix
from polysos.hierarchy.forms import is_form, nonnegative_form
from polysos.proofs.proof import Proof

Problem = ps.PolynomialProblem
X, Y, Z = ps.variables(3)
FORMS = {
    "Motzkin": X**4 * Y**2 + X**2 * Y**4 - 3 * X**2 * Y**2 * Z**2 + Z**6,
    "Choi-Lam": X**4 * Y**2 + Y**4 * Z**2 + Z**4 * X**2 - 3 * X**2 * Y**2 * Z**2,
    "Robinson": X**6
    + Y**6
    + Z**6
    + 3 * X**2 * Y**2 * Z**2
    - sum((a**4 * b**2 for a in (X, Y, Z) for b in (X, Y, Z) if a is not b), 0 * X),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_that_are_no_sums_of_squares_are_proven_nonnegative(name, tmp_path):
    f = FORMS[name]
    assert ps.is_sos(f).is_refuted and is_form(f)
    s = ps.minimize(Problem(f))
    assert s.certified and s.value == 0 and s.proof.bound == 0 and s.proof.verify(Problem(f))
    s.proof.save(tmp_path / "form.json")
    again = ps.Proof.load(tmp_path / "form.json")
    assert again.denominator == s.proof.denominator and again.verify(Problem(f))
    assert not again.verify(Problem(f - X**6))


@pytest.mark.parametrize("f", [FORMS["Motzkin"] - Z**6 / 10, X**4 + Y**4 - X * Y * Z**2, X * Y])
def test_forms_with_a_negative_value_have_no_bound(f):
    assert nonnegative_form(f) is None
    assert ps.minimize(Problem(f)).status == "unbounded"


def test_what_is_no_form():
    assert not is_form(X**3) and not is_form(0 * X) and not is_form(X**2 + 1)
    assert is_form(0 * X + 1)


def test_where_the_denominator_vanishes_the_bound_is_checked():
    """{0} and |x| >= 1: away from 0, x^2 (x^2 - 1) = g proves x^2 >= 1, and at 0 it is false."""
    (x,) = (v.exact() for v in ps.variables(1))
    g = x**2 * (x**2 - 1)
    constant = BasisMatrix(np.array([[Fraction(1)]], dtype=object), np.array([[0]]), x.names)
    proof = Proof(
        holds=True,
        bound=Fraction(1),
        problem=Problem(x**2, [g]),
        center=(Fraction(0),),
        scale=(Fraction(1),),
        gram={(0,): constant},
        equality_multipliers=(),
        denominator=x**2,
    )
    assert not proof.verify()
    away = Problem(x**2 * (x**2 - 1) ** 2 + x**2 + 1, [g])  # 1 at 0
    assert not replace(proof, problem=away).verify()  # another identity, which does not hold
    lifted = Problem((x**2 - 1) ** 2 + 1, [g])  # 2 at 0: d (f - 1) = x^2 (x^2 - 1)^2
    square = BasisMatrix(
        np.array([[Fraction(v) for v in row] for row in ([1, -1], [-1, 1])], dtype=object),
        np.array([[1], [3]]),
        x.names,
    )
    assert replace(proof, problem=lifted, gram={(): square}).verify()


def test_a_denominator_that_vanishes_on_a_line_is_no_denominator():
    """x^2 f >= 0 for f = x^2 + y^2 - 1 where x = 0 or |x| >= 1, and f < 0 at the origin."""
    x, y = (v.exact() for v in ps.variables(2))
    f = y**2 + x**2 - 1
    g = x**2 * (x**2 - 1)
    one, xy = np.array([[0, 0]]), np.array([[1, 1]])
    unit = np.array([[Fraction(1)]], dtype=object)
    proof = Proof(
        holds=True,
        bound=Fraction(0),
        problem=Problem(f, [g]),
        center=(Fraction(0),) * 2,
        scale=(Fraction(1),) * 2,
        gram={(0,): BasisMatrix(unit, one, x.names), (): BasisMatrix(unit, xy, x.names)},
        equality_multipliers=(),
        denominator=x**2,
    )
    assert not proof.verify()
