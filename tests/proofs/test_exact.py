"""Exact arithmetic: nothing is rounded where floats become rationals, and downward on the way back.

Positive semidefinite matrices are tested with the proofs, in test_proofs.py.
"""

from fractions import Fraction
from math import inf, nextafter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.exact import (
    ExactRing,
    is_positive_semidefinite,
    round_down,
    to_fmpq,
    to_fraction,
)

F = Fraction
RATIONALS = st.fractions(-5, 5, max_denominator=7)
TERMS = st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 2)), RATIONALS, max_size=4)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.fractions() | st.integers())
def test_numbers_survive_the_way_to_flint_and_back(value):
    assert to_fraction(to_fmpq(value)) == F(value)


@given(st.fractions() | st.floats(allow_nan=False, allow_infinity=False).map(F))
def test_rounding_down_never_rounds_up_and_loses_at_most_one_float(value):
    low = round_down(value)
    above = nextafter(nextafter(low, inf), inf)
    assert F(low) <= value and (above == inf or value < F(above))


@pytest.mark.parametrize("size", [10**400, 10**309, 2**1024])
def test_rationals_beyond_the_floats_are_rounded_down_too(size):
    assert round_down(F(-size)) == -inf
    assert 0 < round_down(F(size)) < inf
    assert 0 <= F(round_down(F(1, size))) <= F(1, size)
    assert F(round_down(F(-1, size))) <= F(-1, size)


def test_floats_are_read_as_the_rationals_they_are():
    x, y = ps.variables(2)
    ring = ExactRing(2)
    read = ring.read(0.1 * x**2 * y - 3 * y)
    assert {tuple(map(int, a)): to_fraction(c) for a, c in read.terms()} == {
        (2, 1): F(0.1),
        (0, 1): F(-3),
    }
    assert F(0.1) != F(1, 10)


def test_a_polynomial_read_twice_is_the_same_and_two_are_never_confused():
    """The memory goes by identity: the many short-lived ones must not take each other's place."""
    ring, (t,) = ExactRing(1), ps.variables(1)
    p = t + 1
    assert ring.read(p) is ring.read(p)
    for k in range(200):
        assert ring.read(t * k + 1) == ring.ctx.from_dict({(1,): to_fmpq(k), (0,): to_fmpq(1)})


@settings(max_examples=30)
@given(TERMS, st.tuples(RATIONALS, RATIONALS), st.tuples(RATIONALS, RATIONALS), st.data())
def test_change_of_units_is_substitution(terms, center, scale, data):
    p = ps.Polynomial(terms, 2).exact()
    z = data.draw(st.tuples(RATIONALS, RATIONALS))
    ring = ExactRing(2)
    changed = ring.read(p).compose(*ring.units(center, scale), ctx=ring.ctx)
    x = np.array([c + s * v for c, s, v in zip(center, scale, z, strict=True)], dtype=object)
    assert to_fraction(changed(*map(to_fmpq, z))) == p(x)


@settings(max_examples=25, deadline=None)
@given(st.integers(13, 24), st.integers(0, 10**6), st.floats(1e-12, 1.0))
def test_large_definite_matrices_are_recognised_and_others_are_not(n, seed, least):
    """Both ways of deciding agree with how the matrix was made, whatever its units."""
    rng = np.random.default_rng(seed)
    A = rng.integers(-8, 9, (n, n - 1)) / 8
    units = 2.0 ** rng.integers(-30, 31, n)
    exact = [[sum(F(a) * F(b) for a, b in zip(u, v, strict=True)) for v in A] for u in A.tolist()]
    scaled = [
        [F(s) * F(t) * v for t, v in zip(units.tolist(), row, strict=True)]
        for s, row in zip(units.tolist(), exact, strict=True)
    ]
    assert is_positive_semidefinite(scaled)  # singular
    for i, s in enumerate(units.tolist()):
        scaled[i][i] += F(least) * F(s) ** 2
    assert is_positive_semidefinite(scaled)
    for i, s in enumerate(units.tolist()):
        scaled[i][i] -= 3 * F(least) * F(s) ** 2
    assert not is_positive_semidefinite(scaled)


def test_zeros_on_the_diagonal_and_huge_numbers_are_no_obstacle():
    n = 14
    Q = [[F(int(i == j and i > 0)) for j in range(n)] for i in range(n)]
    assert is_positive_semidefinite(Q)
    Q[0][1] = Q[1][0] = F(1, 10**40)
    assert not is_positive_semidefinite(Q)
    huge = [[F(10) ** 400 * int(i == j) for j in range(n)] for i in range(n)]
    assert is_positive_semidefinite(huge)


@pytest.mark.parametrize("size", [4, 7])
@pytest.mark.parametrize("bits", [200, 3000])
def test_a_hair_decides_whether_a_matrix_is_semidefinite(size, bits):
    """Below all digits of a float, and of the first balls: more digits tell."""
    v = [F(k + 1, 3) for k in range(size)]
    for hair, verdict in ((F(1, 2**bits), True), (F(-1, 2**bits), False), (F(0), True)):
        Q = [[a * b + hair * (i == j) for j, b in enumerate(v)] for i, a in enumerate(v)]
        assert is_positive_semidefinite([[to_fmpq(x) for x in row] for row in Q]) is verdict


@pytest.mark.parametrize("weight", [1, -1])
def test_few_long_numbers_do_not_make_a_matrix_too_long(weight):
    """A path's Laplacian: one zero, and denominators that only all together are too long."""
    n, bits = 40, 3000
    Q = [[F(0)] * n for _ in range(n)]
    for k in range(n - 1):
        v = F(weight if k == 20 else 1, 2**bits + 2 * k + 1)
        Q[k][k] += v
        Q[k + 1][k + 1] += v
        Q[k][k + 1] = Q[k + 1][k] = -v
    assert n**3.5 * n * bits > 1e10
    assert is_positive_semidefinite(Q) is (weight == 1)


def test_what_would_take_minutes_is_not_called_semidefinite(monkeypatch):
    monkeypatch.setattr("polysos.proofs.exact._LONGEST", 10)
    Q = [[to_fmpq(F((i + 1) * (j + 1), 7)) for j in range(5)] for i in range(5)]
    assert not is_positive_semidefinite(Q)
