"""Arrays of rationals: every operation is the one of fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysos.proofs.exact import to_fraction
from polysos.proofs.exact_arrays import ExactArray, as_matrix

F = Fraction
NUMBERS = (
    st.fractions(max_denominator=10**6) | st.floats(-1e9, 1e9) | st.integers(-(10**30), 10**30)
)
TABLES = st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=2, max_size=2)


def read(array: ExactArray):
    return np.vectorize(to_fraction, otypes=[object])(np.array(array.fractions(), dtype=object))


def exact(rows):
    return np.array([[F(v) for v in row] for row in rows], dtype=object)


@given(TABLES, TABLES)
def test_sums_and_products_are_those_of_fractions(left, right):
    A, B = (ExactArray.of(np.array(rows, dtype=object)) for rows in (left, right))
    a, b = exact(left), exact(right)
    assert (read(A) == a).all()
    assert (read(A + B) == a + b).all() and (read(A * B) == a * b).all()
    assert (read(A @ B) == a @ b).all() and (read(A @ B.T) == a @ b.T).all()
    assert (read(-A) == -a).all() and (read(A[:1]) == a[:1]).all()
    assert (read(A.mean()) == a.sum(axis=0)[None] / F(2)).all()


@given(TABLES)
def test_floats_are_the_nearest(rows):
    assert ExactArray.of(np.array(rows, dtype=object)).floats().tolist() == [
        [float(F(v)) for v in row] for row in rows
    ]


def test_one_number_fills_an_array_of_the_same_rows():
    A = ExactArray.of([[1.0, 2.0], [3.0, 4.0]])
    assert read(A.filled(0.25)).tolist() == [[F(1, 4)] * 2] * 2
    assert read(A.filled(F(1, 3), width=3)).tolist() == [[F(1, 3)] * 3] * 2


def test_columns_make_a_matrix_whatever_their_denominators():
    columns = [ExactArray.of([0.5, 0.25]), ExactArray.of(np.array([F(1, 3), F(2, 7)]))]
    assert [to_fraction(v) for v in as_matrix(columns).entries()] == [
        F(1, 2),
        F(1, 3),
        F(1, 4),
        F(2, 7),
    ]


def test_what_is_no_number_has_no_ratio():
    with pytest.raises((OverflowError, ValueError)):
        ExactArray.of([[np.inf]])
