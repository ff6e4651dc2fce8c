"""The only minimizer: said where it is so, and never where there are others."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from polysos.proofs.only_minimizer import is_only_minimizer

Problem = ps.PolynomialProblem
X, Y = ps.variables(2)


@pytest.mark.parametrize(
    "f, x",
    [
        ((X - 1) ** 2 + (Y + 2) ** 2, (1, -2)),
        ((X - 1) ** 4 + (X - 1) ** 2 + (Y - X) ** 2, (1, 1)),
        (4 * X**2 - 4 * X + 1 + (X + Y) ** 2 + 3, (Fraction(1, 2), Fraction(-1, 2))),
    ],
)
def test_the_only_minimizer_is_known_and_said(f, x):
    s = ps.minimize(Problem(f))
    assert s.certified and is_only_minimizer(s.proof, tuple(map(Fraction, x)))
    assert "the proof shows that there are no other minimizers" in s.message


@pytest.mark.parametrize(
    "f", [(X**2 - 1) ** 2 + Y**2, (X + Y - 1) ** 2, (X * Y - 1) ** 2 + (X - Y) ** 2, (X - Y) ** 2]
)
def test_nothing_is_said_where_there_are_others(f):
    s = ps.minimize(Problem(f))
    assert s.certified and "the proof shows" not in s.message
    for point in s.points:
        x = [Fraction(v).limit_denominator(100) for v in point.coordinates]
        assert not is_only_minimizer(s.proof, x)


def test_a_point_with_a_larger_value_is_none():
    s = ps.minimize(Problem((X - 1) ** 2 + Y**2))
    assert is_only_minimizer(s.proof, (Fraction(1), Fraction(0)))
    assert not is_only_minimizer(s.proof, (Fraction(1), Fraction(1, 10**12)))
    lower = replace(s.proof, bound=s.proof.bound - Fraction(1, 10**9))
    assert lower.verify() and not is_only_minimizer(lower, (Fraction(1), Fraction(0)))


def test_on_a_set_with_constraints_too():
    """x + y^2 on x >= 0: the minimizer is (0, 0), where y is 0 by Q_0 and x by its multiplier."""
    s = ps.minimize(Problem(X**2 + X + Y**2, [X]))
    assert s.certified and s.minimizers.shape == (1, 2)
    assert np.allclose(s.minimizers, 0, atol=1e-6)
