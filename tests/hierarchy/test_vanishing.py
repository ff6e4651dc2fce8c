"""Unconstrained minimization from known minimizers: what took minutes, or had no proof at all."""

from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from benchmarks.sparse import broyden, chained_singular, chained_wood, rosenbrock
from polysos.hierarchy.rational_points import stationary_point
from polysos.hierarchy.search import begin
from polysos.hierarchy.steps import Steps
from polysos.progress import Progress

Problem = ps.PolynomialProblem
F = Fraction


def goldstein_price():
    x, y = ps.variables(2)
    left = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    right = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return left * (30 + (2 * x - 3 * y) ** 2 * right)


EXACT = {
    "Rosenbrock, 6": (rosenbrock(ps.variables(6)), 0, 1.0),
    "Rosenbrock, 30": (rosenbrock(ps.variables(30)), 0, 1.0),
    "Powell, 4": (chained_singular(ps.variables(4)), 0, 0.0),
    "chained singular, 16": (chained_singular(ps.variables(16)), 0, 0.0),
    "chained Wood, 16": (chained_wood(ps.variables(16)), 0, 1.0),
}


@pytest.mark.parametrize("f, value, x", EXACT.values(), ids=EXACT)
def test_at_a_rational_minimizer_the_bound_is_the_value(f, value, x):
    s = ps.minimize(Problem(f), time_limit=60)
    assert s.certified and s.proof.bound == value and s.proof.verify(Problem(f))
    assert s.minimizers.shape == (1, f.n_variables) and np.allclose(s.minimizers, x, atol=1e-3)
    assert s.seconds < 60


def test_the_function_of_goldstein_and_price():
    s = ps.minimize(Problem(goldstein_price()))
    assert s.certified and s.proof.bound == 3 and np.allclose(s.minimizers, [[0, -1]])


@pytest.mark.parametrize("n", [4, 8])
def test_two_minimizers_that_are_not_rational(n):
    """Broyden's tridiagonal equations have two real solutions."""
    s = ps.minimize(Problem(broyden(ps.variables(n))), time_limit=60)
    assert s.certified and len(s.minimizers) == 2 and -1e-6 <= s.lower_bound <= 0


BROYDEN = broyden(ps.variables(20))


def test_twenty_variables_leave_little_open():
    """Whether both minimizers are met hangs on the last digits of a solver; the bound does not."""
    s = ps.minimize(Problem(BROYDEN), time_limit=60)
    assert s.certified or s.status == "bound"
    assert -1e-3 <= s.lower_bound <= 0 <= s.value < 1e-20 and s.proof.verify(Problem(BROYDEN))


def test_the_same_points_are_tried_once_and_new_ones_again(monkeypatch):
    tried = []
    monkeypatch.setattr(Steps, "vary", lambda *arguments: tried.append(arguments[-1].zeros))
    (x,) = ps.variables(1)
    steps = begin(Problem((x**2 - 2) ** 2), "CLARABEL", 1e-6, 1e-6, Progress())
    steps.vanish()
    assert not tried  # nothing is known yet
    steps.improve(np.array([1.0]))
    steps.vanish()
    steps.vanish()
    assert [len(zeros) for zeros in tried] == [1, 1]  # without facial reduction, and with it
    steps.improve(np.array([-1.0]))
    steps.vanish()
    assert [len(zeros) for zeros in tried] == [1, 1, 2, 2]


def test_a_local_minimum_proves_nothing(monkeypatch):
    """The search sees the worse of two valleys only: its value must not be called the minimum."""
    (x,) = ps.variables(1)
    f = (x**2 - 1) ** 2 + F(1, 10) * x
    monkeypatch.setattr(
        "polysos.hierarchy.local_search.LocalSearch.random_starts",
        lambda self, count, seed=0: np.ones((1, 1)),
    )
    s = ps.minimize(Problem(f))
    least = np.linspace(-1.1, -0.9, 20001)
    truth = float(((least**2 - 1) ** 2 + 0.1 * least).min())
    assert s.lower_bound <= truth + 1e-9
    assert not s.certified or s.value == pytest.approx(truth, abs=1e-6)


def test_polynomials_that_are_no_sums_of_squares_are_left_to_the_hierarchy():
    x, y = ps.variables(2)
    motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    s = ps.minimize(Problem(motzkin))
    assert s.lower_bound <= 0 and (not s.certified or len(s.minimizers) == 4)


def test_stationary_points_with_short_coordinates_are_found():
    x, y = ps.variables(2)
    problem = Problem((3 * x - 1) ** 2 + (y - x) ** 4)
    near = np.array([1 / 3 + 1e-7, 1 / 3 + 1e-5])
    assert stationary_point(problem, near, np.ones(2)) == (F(1, 3), F(1, 3))
    assert stationary_point(problem, near + 0.01, np.ones(2)) is None
    assert (
        stationary_point(Problem(x**4 - 4 * x**2 + y**2), np.array([2**0.5, 0]), np.ones(2)) is None
    )
