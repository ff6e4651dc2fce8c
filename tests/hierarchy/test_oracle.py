"""Random problems in one variable, against the truth from exact real roots."""

from fractions import Fraction

import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.exact import to_fmpq
from tests.oracle import least

F = Fraction
(t,) = ps.variables(1)
COEFFICIENTS = st.one_of(
    st.integers(-5, 5), st.fractions(-3, 3, max_denominator=4), st.sampled_from([F(1, 10**7)])
)


def polynomials(degree):
    rows = st.lists(COEFFICIENTS, min_size=1, max_size=degree + 1)
    return rows.map(lambda row: sum((F(c) * t**k for k, c in enumerate(row)), F(0) * t))


PROBLEMS = st.builds(
    ps.PolynomialProblem,
    polynomials(5),
    st.lists(polynomials(3), max_size=2),
    st.lists(polynomials(3), max_size=1),
)


@settings(max_examples=60)
@given(PROBLEMS)
def test_whatever_is_said_of_a_problem_in_one_variable_is_true(problem):
    s = ps.minimize(problem, max_order=problem.minimum_order + 1)
    minimum, unbounded = least(problem)
    if s.status == "unbounded":
        assert unbounded and s.proof.verify(problem)
    elif s.status == "infeasible":
        assert minimum is None and not unbounded and s.proof.verify(problem)
    elif s.status in ("certified", "approximate", "bound"):
        assert not unbounded and s.proof.verify(problem)
        assert minimum is None or not minimum < arb(to_fmpq(s.proof.bound))
    if s.status == "certified":
        assert minimum is not None and not minimum > arb(to_fmpq(F(s.value)))
        room = 1e-6 * max(1.0, abs(s.value))
        assert float(minimum.mid()) >= s.value - 1.01 * room
        assert all(point.verify(problem) for point in s.points)


@pytest.mark.parametrize(
    "problem, minimum",
    [
        (ps.PolynomialProblem(t**4 - 2 * t**2), -1),
        (ps.PolynomialProblem(t, [t**2 * (t - 10)]), 0),
        (ps.PolynomialProblem(t, [t - F(1, 10**7)], [t**2 - t]), 1),
        (ps.PolynomialProblem(0 * t, [], [(t**2 - 1) ** 2 + F(1, 10**7)]), None),
        (ps.PolynomialProblem(-t, [t]), "unbounded"),
    ],
)
def test_the_oracle_knows_what_is_known(problem, minimum):
    found, unbounded = least(problem)
    if minimum == "unbounded":
        assert unbounded
    elif minimum is None:
        assert found is None and not unbounded
    else:
        assert abs(float(found.mid()) - minimum) < 1e-12 and not unbounded
