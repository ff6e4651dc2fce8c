"""Rounding: what comes out is rational, near what went in, and the identity holds exactly."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from polysos.algebra.moments import BasisMatrix
from polysos.algebra.polynomials import monomials
from polysos.hierarchy.rounding import (
    expanded,
    fraction_array,
    independent_rows,
    make_definite,
    on_grid,
    take_up,
)
from polysos.proofs.exact import is_positive_semidefinite, to_fmpq

seeds = st.integers(0, 10**6)
FACE = np.array([[Fraction(v) for v in row] for row in ([1, 0, 0, -1, 0, 0], [0, 1, 2, 0, 1, 0])])


class Terms(dict):
    """A polynomial, as the exact arithmetic hands it over."""

    def to_dict(self):
        return dict(self)


def symmetric(rng, size):
    A = rng.standard_normal((size, size))
    return A + A.T


def polynomial(Q, basis):
    """v^T Q v as {exponents: coefficient}."""
    total = {}
    for i, a in enumerate(basis.tolist()):
        for j, b in enumerate(basis.tolist()):
            key = tuple(p + q for p, q in zip(a, b, strict=True))
            total[key] = total.get(key, fmpq(0)) + Q[i][j]
    return {key: v for key, v in total.items() if v != 0}


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 5), st.integers(-200, 200))
def test_a_grid_is_near_and_symmetric_whatever_the_size(seed, size, power):
    Q = np.ldexp(symmetric(np.random.default_rng(seed), size), power)
    exact = fraction_array(on_grid(Q))
    assert (exact == exact.T).all()
    assert np.abs(exact.astype(float) - Q).max() <= 2.0**-47 * np.abs(Q).max()


def test_numbers_that_are_none_have_no_grid():
    assert on_grid(np.array([[np.inf]])) is None and on_grid(np.array([[np.nan]])) is None
    assert on_grid(np.zeros((2, 2))) == [[0, 0], [0, 0]]


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 5))
def test_a_matrix_is_made_semidefinite_by_little(seed, size):
    Q = symmetric(np.random.default_rng(seed), size)
    smallest, exact = np.linalg.eigvalsh(Q)[0], on_grid(Q)
    assert make_definite(exact) and is_positive_semidefinite(exact)
    change = fraction_array(exact).astype(float) - Q
    assert np.abs(change - np.diag(np.diag(change))).max() < 1e-12
    assert change.max() <= max(-smallest, 0.0) * (1 + 1e-9) + 1e-12


def test_a_semidefinite_matrix_stays_as_it_is():
    exact = on_grid(np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert make_definite(exact) and exact == [[1, 1], [1, 1]]


@settings(max_examples=40, deadline=None)
@given(seeds, st.booleans())
def test_a_remainder_is_taken_up_exactly(seed, on_face):
    rng, basis = np.random.default_rng(seed), monomials(2, 2)
    full = np.ones((len(FACE), len(FACE)))  # no entry is outside of all blocks
    gram = BasisMatrix(full, basis, ("x", "y"), FACE if on_face else None)
    size = len(FACE) if on_face else len(basis)
    Q, rest = on_grid(symmetric(rng, size)), on_grid(symmetric(rng, size))
    before = polynomial(expanded(Q, gram.face), basis)
    terms = Terms(polynomial(expanded(rest, gram.face), basis))
    assert take_up(terms, gram, Q, keep=False)
    assert all(Q[i][j] == Q[j][i] for i in range(size) for j in range(size))
    after = polynomial(expanded(Q, gram.face), basis)
    for key in before.keys() | terms.keys() | after.keys():
        assert after.get(key, 0) == before.get(key, 0) + terms.get(key, 0)


def test_the_constant_can_be_kept_out():
    gram = BasisMatrix(None, monomials(1, 1), ("x",))
    Q = [[fmpq(0), fmpq(0)], [fmpq(0), fmpq(0)]]
    assert take_up(Terms({(0,): fmpq(5), (1,): fmpq(4)}), gram, Q, keep=True)
    assert Q == [[0, 2], [2, 0]]


def test_a_monomial_out_of_reach_is_told():
    gram = BasisMatrix(None, monomials(1, 1), ("x",))
    assert not take_up(Terms({(3,): fmpq(1)}), gram, [[fmpq(0)] * 2 for _ in range(2)], keep=False)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_rows_that_span_all(rank):
    rng = np.random.default_rng(rank)
    A = rng.standard_normal((6, rank)) @ rng.standard_normal((rank, 4))
    rows = independent_rows(A)
    assert len(rows) == rank == np.linalg.matrix_rank(A[rows]) and (np.diff(rows) > 0).all()


def test_a_face_brings_a_matrix_back_to_monomials():
    Q = [[to_fmpq(Fraction(1)), fmpq(0)], [fmpq(0), fmpq(2)]]
    exact = fraction_array(expanded(Q, FACE)).astype(float)
    F = FACE.astype(float)
    assert (exact == F.T @ np.diag([1.0, 2.0]) @ F).all()
