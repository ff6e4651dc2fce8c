"""Units: what the solver sees has size one, and the way back is exact."""

from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from tests.problems import CASES, EVERY

NAMES = [n for n in EVERY if n not in ("hs106_badly_scaled", "floudas_3_4_qcqp")]


def scaled_problem(problem):
    from polysos.relaxations.scaling import scale_problem

    return scale_problem(problem)


@pytest.mark.parametrize("name", [*NAMES, "hs106_badly_scaled"])
def test_every_polynomial_has_size_one_and_means_the_same(name):
    problem = EVERY[name].problem
    s = scaled_problem(problem)
    rng = np.random.default_rng(0)
    assert (s.scale > 0).all()  # a negative unit would turn a box inside out
    for z in rng.uniform(-1, 1, (3, problem.n_variables)):
        x = s.to_user(z)
        assert np.allclose(s.from_user(x), z, atol=1e-9)
        pairs = [(problem.objective, s.offset + s.objective_factor * s.objective(z))]
        for j, g, factor in zip(s.kept, s.inequalities, s.inequality_factors, strict=True):
            pairs.append((problem.inequalities[j], factor * g(z)))
        for h, scaled, factor in zip(
            problem.equalities, s.equalities, s.equality_factors, strict=True
        ):
            pairs.append((h, factor * scaled(z)))
        for p, value in pairs:
            size = np.abs(p.coefficients.astype(float)) @ np.abs(np.prod(x**p.exponents, axis=1))
            assert value == pytest.approx(p(x), rel=1e-9, abs=1e-9 * max(1.0, size))
    for p in (s.objective, *s.inequalities, *s.equalities):
        largest = np.abs(p.coefficients).max(initial=1.0)
        assert 0.5 <= largest <= 2


def test_bounded_variables_run_from_minus_one_to_one():
    x, y = ps.variables(2)
    s = scaled_problem(ps.PolynomialProblem(x, [x - 1000, 2000 - x, y, 1e-3 - y]))
    assert np.allclose(s.from_user(np.array([1000.0, 0.0])), [-1, -1])
    assert np.allclose(s.from_user(np.array([2000.0, 1e-3])), [1, 1])


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_unbounded_variables_get_levelled_coefficients(unit):
    """Camel6 in other units comes back to within a factor of 4."""
    camel = CASES["camel6"].problem.objective
    x, y = ps.variables(2)
    there = ps.PolynomialProblem(camel.substitute([x / unit, y / unit]))
    s, here = scaled_problem(there), scaled_problem(ps.PolynomialProblem(camel))
    assert (np.abs(np.log2(s.scale / (unit * here.scale))) <= 2).all()


def test_repeated_and_trivial_constraints_are_left_out_and_numbered():
    x, _ = ps.variables(2)
    s = scaled_problem(ps.PolynomialProblem(x, [x, 4 * x, 0 * x, 0 * x + 3, 1 - x]))
    assert s.kept == (0, 4)
    assert scaled_problem(ps.PolynomialProblem(x, [0 * x - 1])).kept == (0,)  # not trivial


def test_units_are_floats_that_an_exact_checker_can_read():
    x, y = ps.variables(2)
    s = scaled_problem(ps.PolynomialProblem(x, [x * Fraction(1, 3) - y**2, 7 - x]))
    for v in (*s.center, *s.scale, *s.inequality_factors, s.objective_factor):
        assert Fraction(float(v)) == float(v)
    factors = [s.objective_factor, *s.inequality_factors]
    assert (np.log2(factors) == np.rint(np.log2(factors))).all()  # no digit is lost


def test_violation_is_measured_in_the_scaled_units():
    (x,) = ps.variables(1)
    s = scaled_problem(ps.PolynomialProblem(x, [1e6 * (1 - x)], [1e-6 * (x - 2)]))
    assert s.violation(s.from_user(np.array([2.0]))) == pytest.approx(1, rel=1)
    s = scaled_problem(ps.PolynomialProblem(x, [1e6 * (1 - x)]))
    assert s.violation(s.from_user(np.array([0.5]))) == 0
