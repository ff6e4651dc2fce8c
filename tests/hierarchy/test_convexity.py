"""SOS-convexity, multipliers and the Lagrangian; Theorem 3.2 on problems with known answers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.hierarchy.convexity import hessian_form
from polysos.paper.experiments import planted_instance
from tests.problems import CASES

F = Fraction
x, y, z = ps.variables(3)
# Convex, but not SOS-convex: Ahmadi and Parrilo, SIAM J. Optim. 23 (2013), (4.1).
AHMADI_PARRILO = (
    32 * x**8 + 118 * x**6 * y**2 + 40 * x**6 * z**2 + 25 * x**4 * y**4 - 43 * x**4 * y**2 * z**2
    - 35 * x**4 * z**4 + 3 * x**2 * y**4 * z**2 - 16 * x**2 * y**2 * z**4 + 24 * x**2 * z**6
    + 16 * y**8 + 44 * y**6 * z**2 + 70 * y**4 * z**4 + 60 * y**2 * z**6 + 30 * z**8
)  # fmt: skip


@pytest.mark.parametrize(
    "p, convex",
    [
        (x**4 + x**2 + x * y + y**2, True),
        ((x - 2 * y) ** 4 + z, True),
        (3 * x - y, True),
        (0 * x, True),
        ((x**2 + y**2) ** 2, True),
        (x * y, False),
        (x**3, False),
        (x**2 - F(1, 10**6) * y**2, False),
        (x**2 * y**2, False),
        (x**4 - x**2, False),
        (AHMADI_PARRILO, False),
    ],
)
def test_sos_convexity_is_proven_either_way(p, convex):
    found = ps.is_sos_convex(p)
    assert bool(found) == convex and found.is_refuted != convex and found.verify()


def test_convex_is_not_sos_convex():
    """The Hessian of Ahmadi and Parrilo's polynomial is positive semidefinite everywhere."""
    form = hessian_form(AHMADI_PARRILO)
    points = np.random.default_rng(0).standard_normal((20_000, 6))
    assert form(points).min() > 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_the_hessian_form_is_the_second_derivative_along_a_line(seed, degree):
    rng = np.random.default_rng(seed)
    basis = ps.monomials(2, degree)
    p = ps.Polynomial.from_arrays(basis, rng.standard_normal(len(basis)))
    a, w, h = rng.standard_normal(2), rng.standard_normal(2), 1e-4
    second = (p(a + h * w) - 2 * p(a) + p(a - h * w)) / h**2
    assert hessian_form(p)(np.r_[a, w]) == pytest.approx(second, rel=1e-4, abs=1e-4)


def test_names_of_the_hessian_form_do_not_clash():
    (w1,) = ps.variables("w1")
    assert len(set(hessian_form(w1**2).names)) == 2


def on_disc():
    a, b = ps.variables(2)
    return ps.PolynomialProblem(a + b, [2 - a**2 - b**2, a + 5], [])


def test_multipliers_of_a_known_minimizer():
    problem = on_disc()
    lambdas, mus = ps.kkt_multipliers(problem, [-1.0, -1.0])
    assert np.allclose(lambdas, [0.5, 0.0]) and len(mus) == 0
    L = ps.lagrangian(problem, lambdas)
    assert np.allclose([d([-1.0, -1.0]) for d in L.gradient()], 0)
    assert ps.is_sos_convex(L)
    assert ps.kkt_multipliers(problem, [0.0, 0.0]) is None
    assert ps.kkt_multipliers(problem, [1.0, 1.0]) is None  # a maximizer


def test_multipliers_of_equalities_have_either_sign():
    a, b = ps.variables(2)
    for sign in (1, -1):
        problem = ps.PolynomialProblem(a**2 + b**2, [], [sign * (a + b - 2)])
        lambdas, (mu,) = ps.kkt_multipliers(problem, [1.0, 1.0])
        assert len(lambdas) == 0 and mu == pytest.approx(2 * sign)
        assert ps.lagrangian(problem, [], [mu]).degree == 2


@pytest.mark.parametrize("name", ["camel6", "double_well"])
def test_minimizers_without_constraints_need_no_multipliers(name):
    problem = CASES[name].problem
    for point in CASES[name].minimizers:
        lambdas, mus = ps.kkt_multipliers(problem, point, tolerance=1e-4)
        assert len(lambdas) == len(mus) == 0
    assert not ps.is_sos_convex(problem.objective)


def test_a_tight_lagrangian_gives_the_minimum_at_the_first_order():
    """Theorem 3.2: the bound of order k0 is the minimum."""
    a, b = ps.variables(2)
    problem = ps.PolynomialProblem(a**4 + b**2 - a - b, [1 - a**2 - 2 * b**2, b - a])
    s = ps.minimize(problem)
    lambdas, _ = ps.kkt_multipliers(problem, s.minimizers[0], tolerance=1e-4)
    exact = [F(v).limit_denominator(10**4) for v in lambdas.tolist()]
    assert ps.is_sos_convex(ps.lagrangian(problem, exact))
    r = ps.solve_relaxation(problem, problem.minimum_order)
    assert s.status == "certified" and r.value == pytest.approx(s.value, abs=1e-6)


def test_multipliers_of_inactive_constraints_vanish_whatever_the_units():
    """Terms of a training problem are far larger than its loss: both sides of a pair look active,
    and half of each would make the Lagrangian zero."""
    own = planted_instance((2, 2), 50, 20, weights="randn", seed=0)
    fit = ps.fit(own.net, own.inputs, own.outputs, loss="mean-sup")
    problem, point = fit.residuals.problem(), np.append(fit.coefficients, fit.loss)
    lambdas, _ = ps.kkt_multipliers(problem, point)
    slack = [float(g.to_float()(point)) for g in problem.inequalities]
    assert fit.certified and lambdas.sum() == pytest.approx(1)
    assert np.abs(lambdas * slack).max() < 1e-5 * fit.loss
    exact = [F(v).limit_denominator(10**8) for v in lambdas.tolist()]
    assert ps.is_sos_convex(ps.lagrangian(problem, exact)).is_refuted


def test_bad_input_is_named():
    problem = on_disc()
    with pytest.raises(ValueError, match="multipliers must be 2 numbers"):
        ps.lagrangian(problem, [1.0])
    with pytest.raises(ValueError, match=r"multipliers\[1\] must be at least 0, got -1"):
        ps.lagrangian(problem, [1.0, -1.0])
    with pytest.raises(TypeError, match=r"multipliers\[0\] must be a finite number, got nan"):
        ps.lagrangian(problem, [float("nan"), 1.0])
    with pytest.raises(ValueError, match="equality_multipliers must be 0 numbers"):
        ps.lagrangian(problem, [1.0, 1.0], [1.0])
    with pytest.raises(TypeError, match="problem must be"):
        ps.lagrangian(x, [])
    with pytest.raises(ValueError, match="point must be 2 finite numbers"):
        ps.kkt_multipliers(problem, [1.0])
    with pytest.raises(ValueError, match="tolerance"):
        ps.kkt_multipliers(problem, [1.0, 1.0], tolerance=0)
