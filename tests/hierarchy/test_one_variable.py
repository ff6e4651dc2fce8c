"""One variable on the whole line: roots give stationary points and squares."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.hierarchy import one_variable
from polysos.hierarchy.one_variable import nonnegative_everywhere, stationary_points

Problem = ps.PolynomialProblem
(X,) = ps.variables(1)


def polynomial(coefficients):
    return sum((c * X**a for a, c in enumerate(coefficients)), 0 * X)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=2, max_size=8), st.integers(1, 5))
def test_what_is_proven_lies_below_every_value_and_near_the_least(lower, leading):
    f = polynomial([*lower, *([0] * (len(lower) % 2 == 1)), leading])
    f = f if f.degree % 2 == 0 else f + 10 * X ** (f.degree + 1)
    s = ps.minimize(Problem(f))
    grid = np.linspace(-20, 20, 8001)[:, None]
    assert s.certified and s.proof.verify(Problem(f))
    assert s.lower_bound <= f(grid).min() + 1e-9 * max(1, abs(s.value))
    assert s.value <= f(grid).min() + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=4, unique=True))
def test_roots_of_the_slope_are_all_found(roots):
    slope = polynomial([1])
    for r in roots:
        slope = slope * (X - r)
    terms = {(a + 1,): Fraction(c) / (a + 1) for (a,), c in slope.exact().terms.items()}
    assert stationary_points(ps.Polynomial(terms, 1)).tolist() == sorted(map(float, roots))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_bound_above_the_minimum_has_no_proof(seed):
    rng = np.random.default_rng(seed)
    f = polynomial(rng.integers(-5, 6, 4).tolist()) + X**4
    least = ps.minimize(Problem(f)).value
    assume(abs(least) < 1e6)
    above = Fraction(least) + Fraction(1, 10**9)
    below = Fraction(least) - Fraction(1, 10**7)
    assert nonnegative_everywhere(Problem(f), above, Fraction(1)) is None
    assert nonnegative_everywhere(Problem(f), below, Fraction(1)).verify(Problem(f))


def test_degree_sixty_with_small_coefficients_is_proven():
    f = sum(((-1) ** a * X**a / 2**a for a in range(1, 60)), 0 * X) + X**60 / 2**40
    s = ps.minimize(Problem(f))
    assert s.certified and s.proof.verify(Problem(f)) and s.minimizers.shape == (1, 1)


def test_rational_minima_are_proven_without_a_loss():
    f = (X - 1) ** 4 * (X + Fraction(1, 3)) ** 2 * (X**2 + 1) + Fraction(2, 7)
    s = ps.minimize(Problem(f))
    assert s.proof.bound == Fraction(2, 7) and s.proof.verify(Problem(f))
    assert sorted(s.minimizers.ravel()) == pytest.approx([-1 / 3, 1])


@pytest.mark.parametrize("f", [(X**2 - 2) ** 2, (X**2 - 3) ** 4 * (X - 1) ** 2, (X**3 - 2) ** 2])
def test_irrational_minima_of_rational_value_lose_nothing_either(f):
    s = ps.minimize(Problem(f))
    assert s.proof.bound == 0 and s.proof.verify(Problem(f))


def test_where_there_is_no_minimum_there_is_no_proof():
    for f in (X**3, -(X**4), X):
        assert nonnegative_everywhere(Problem(f), Fraction(-(10**6)), Fraction(1)) is None
    assert stationary_points(X).size == 0 == stationary_points(0 * X + 2).size


def test_wrong_roots_are_caught(monkeypatch):
    honest = one_variable._roots
    monkeypatch.setattr(one_variable, "_roots", lambda p: honest(p * p + 1))
    proof = nonnegative_everywhere(Problem(X**4 - X), Fraction(-1), Fraction(1))
    assert proof is None or proof.verify(Problem(X**4 - X))


def test_flat_minima_are_told_from_points_nearby():
    """(x^2 - 3)^4 (x - 1)^2: within 1e-4 of its zeros it is smaller than what floats resolve."""
    s = ps.minimize(Problem((X**2 - 3) ** 4 * (X - 1) ** 2))
    assert s.certified
    assert np.allclose(np.sort(s.minimizers.ravel()), [-(3**0.5), 1, 3**0.5], atol=1e-8)


@pytest.mark.parametrize("degree", [2, 20, 100])
def test_high_degrees_are_proven(degree):
    f = X**degree - X
    s = ps.minimize(Problem(f))
    best = (1 / degree) ** (1 / (degree - 1))
    assert s.certified and s.value == pytest.approx(best**degree - best, rel=1e-9)
