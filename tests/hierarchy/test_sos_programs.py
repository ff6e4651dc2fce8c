"""Sum-of-squares programs: known answers, exact proofs, liars that are caught, bad input."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.hierarchy import sos_programs


def program(names):
    p = ps.SumOfSquaresProgram(names)
    return p, *p.variables


def bound_of(f, names, **where):
    """The largest gamma with f - gamma a sum of squares, f a function of the variables."""
    p, *x = program(names)
    gamma = p.scalar()
    given_set = {key: make(*x) for key, make in where.items()}
    p.require_sos(f(*x) - gamma, **given_set)
    p.maximize(gamma)
    return p.solve()


# Known answers


def test_lower_bounds_of_polynomials():
    found = bound_of(lambda x: x**4 - 3 * x**2 + x, "x")
    minimum = ps.minimize(ps.PolynomialProblem((lambda x: x**4 - 3 * x**2 + x)(*ps.variables(1))))
    assert found.verify() and minimum.value - 1e-4 < found.value <= minimum.value + 1e-12
    assert found.solver_value == pytest.approx(minimum.value, abs=1e-6)


def test_sets_by_multipliers():
    found = bound_of(lambda x: x**3 - x, "x", inequalities=lambda x: [x, 1 - x])
    assert found.verify() and found.value == pytest.approx(-2 / 27**0.5, abs=2e-5)
    assert found.proofs[0].problem.inequalities != ()
    found = bound_of(lambda x, y: x * y, "x y", equalities=lambda x, y: [x**2 + y**2 - 1])
    assert found.verify() and found.value == pytest.approx(-0.5, abs=2e-5)


def test_a_lyapunov_function_with_rational_coefficients():
    """The system of demo 2 of SOSTOOLS, which has a quadratic Lyapunov function."""
    p, x, y, z = program("x y z")
    V = p.polynomial(degrees=[2])
    field = (-(x**3) - x * z**2, -y - x**2 * y, -z + 3 * x**2 * z)
    slope = sum((V.derivative(i) * f for i, f in enumerate(field)), 0 * V) * (z**2 + 1)
    slope = slope - 3 * z * V.derivative(2)  # -3 z / (z^2 + 1), times the denominator
    p.require_sos(V - x**2 - y**2 - z**2)
    p.require_sos(-slope)
    found = p.solve()
    assert found.verify() and found.value is None and np.isnan(found.solver_value)
    known = found.polynomial(V)
    assert all(isinstance(c, Fraction) for c in known.terms.values())
    falls = sum((known.derivative(i) * f for i, f in enumerate(field)), 0 * x) * (z**2 + 1)
    falls = falls - 3 * z * known.derivative(2)
    assert ps.is_sos(-falls) and ps.is_sos(known - x**2 - y**2 - z**2)
    assert found.proofs[1].problem.objective == -falls


def test_a_ratio_without_bisection():
    p, x = program("x")
    t = p.scalar()
    p.require_sos(t * (x**4 + 1) - (x**2 + 1))
    p.minimize(2 * t + 1)
    found = p.solve()
    assert found.verify() and found.value == 2 * found.number(t) + 1
    assert found.number(t) == pytest.approx((1 + 2**0.5) / 2, abs=3e-5)
    assert found.solver_value == pytest.approx(2 + 2**0.5, abs=1e-6)


def test_a_matrix_of_polynomials():
    p, x = program("x")
    t = p.scalar()
    p.require_psd([[1, x], [x, t + 2 * x**2 - 2 * x]])
    p.minimize(t)
    found = p.solve()  # the determinant is t + x^2 - 2 x
    assert found.verify() and found.value == pytest.approx(1, abs=3e-5)
    proof = found.proofs[0]
    assert proof.problem.n_variables == 3 and proof.problem.objective.names == ("x", "y1", "y2")


def test_motzkin_needs_a_multiplier_and_gets_one():
    p, x, y = program("x y")
    motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    h = p.polynomial(degree=2)
    p.require_sos(h)
    p.require_sos(h * motzkin)
    p.require_zero(h([1, 1]) - 1)
    found = p.solve()
    assert found.verify() and found.polynomial(h)([Fraction(1), Fraction(1)]) == 1


def test_a_convex_polynomial_through_noisy_points():
    """The best convex quartic in the largest error, by one condition for each error."""
    rng = np.random.default_rng(0)
    points = np.linspace(-1, 1, 12).round(3)
    values = (points**2 + 0.1 * rng.standard_normal(12)).round(3)
    p, _ = program("x")
    q, t = p.polynomial(degree=4), p.scalar()
    p.require_sos(q.derivative(0).derivative(0))
    for a, b in zip(points, values, strict=True):
        p.require_sos(t - (q([a]) - float(b)))
        p.require_sos(t + (q([a]) - float(b)))
    p.minimize(t)
    found = p.solve()
    assert found.verify() and len(found.proofs) == 25
    curve = found.polynomial(q)
    errors = [
        abs(curve([Fraction(a)]) - Fraction(float(b))) for a, b in zip(points, values, strict=True)
    ]
    assert max(errors) <= found.value < max(errors) + Fraction(1, 1000)
    assert ps.is_sos(curve.derivative(0).derivative(0))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_planted_sums_of_squares_are_bounded_from_both_sides(seed):
    rng = np.random.default_rng(seed)
    coefficients = rng.integers(-3, 4, (3, 6)).tolist()
    basis = ps.monomials(2, 2).tolist()

    def f(x, y):
        p = x**4 + y**4 + 0 * x
        for row in coefficients:
            q = sum((c * x ** a[0] * y ** a[1] for c, a in zip(row, basis, strict=True)), 0 * x)
            p = p + q**2
        return p

    found = bound_of(f, "x y")
    points = rng.uniform(-2, 2, (4000, 2))
    least = f(*ps.variables(2))(points).min()
    assert found.verify() and -1e-4 * max(1, least) <= found.value <= least + 1e-9


# What cannot be


def test_a_program_without_a_solution_says_so():
    found = bound_of(lambda x, y: x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1, "x y")
    assert not found and not found.verify() and "no optimum" in found.message
    with pytest.raises(ValueError, match="no unknowns are proven"):
        found.polynomial(ps.SumOfSquaresProgram(2).scalar())
    p, x = program("x")
    p.require_sos(x**3 + p.polynomial(degree=2))
    found = p.solve()
    assert not found and found.unknowns is None and found.proofs == ()


def test_an_unbounded_objective_is_no_answer():
    p, x = program("x")
    t = p.scalar()
    p.require_sos(x**2 + t)
    p.maximize(t)
    assert not p.solve()


@pytest.mark.parametrize("lie", ["unknowns", "grams", "nan"])
def test_a_lying_solver_proves_nothing_false(lie, monkeypatch):
    p, x = program("x")
    gamma = p.scalar()
    p.require_sos(x**4 - 3 * x**2 + x - gamma)
    p.maximize(gamma)
    true = p.solve().value
    honest = sos_programs.Model.inside

    def inside(self, *arguments):
        u, grams, multipliers = honest(self, *arguments)
        if lie == "unknowns":
            u = u + 5.0
        elif lie == "grams":
            grams = [[-Q for Q in own] for own in grams]
        else:
            u = u * np.nan
        return u, grams, multipliers

    monkeypatch.setattr(sos_programs.Model, "inside", inside)
    found = p.solve()
    assert not found or (found.verify() and found.value <= true + Fraction(1, 1000))
    assert not found


# Bad input


def test_bad_input_names_the_argument():
    p, x = program("x")
    with pytest.raises(ValueError, match="must have a condition"):
        p.solve()
    with pytest.raises(ValueError, match="give either degree or degrees"):
        p.polynomial()
    with pytest.raises(ValueError, match="degree must be at least 0"):
        p.polynomial(degree=-1)
    with pytest.raises(TypeError, match="p must be a polynomial of this program, got 'x'"):
        p.require_sos("x")
    with pytest.raises(ValueError, match="p must be in the 1 variables of this program"):
        p.require_sos(ps.variables(2)[0])
    with pytest.raises(ValueError, match="p must be free of variables"):
        p.minimize(x)
    with pytest.raises(TypeError, match=r"inequalities\[0\] must be a Polynomial"):
        p.require_sos(x**2, inequalities=[3])
    with pytest.raises(ValueError, match="degree must be at least 2"):
        p.require_sos(x**2, degree=1)
    with pytest.raises(ValueError, match="matrix must be square"):
        p.require_psd([[x, 1]])
    with pytest.raises(ValueError, match="matrix must be symmetric"):
        p.require_psd([[1, x], [0, 1]])
    p.require_sos(x**2 + p.scalar())
    with pytest.raises(ValueError, match="solver must be an installed semidefinite solver"):
        p.solve(solver="nobody")
    other, y = program("y")
    with pytest.raises(ValueError, match="of this program"):
        other.require_sos(y + p.scalar())
