"""Moments: the Riesz functional, moment matrices, localizing matrices."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps


def integer_points(n, size):
    row = st.tuples(*[st.integers(-3, 3)] * n)
    return st.lists(row, min_size=1, max_size=size, unique=True)


@given(
    integer_points(2, 4),
    st.lists(st.integers(0, 5), min_size=4, max_size=4),
    st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 2)), st.integers(-5, 5)),
)
def test_riesz_functional_of_points_is_the_weighted_sum_of_values(points, weights, terms):
    weights = weights[: len(points)]
    p = ps.Polynomial(terms, 2)
    y = ps.moments_of_points(points, 4, weights)
    assert y.riesz(p) == sum(w * p(x) for w, x in zip(weights, points, strict=True))
    assert all(y[alpha] == y.riesz(ps.Polynomial({alpha: 1}, 2)) for alpha in terms)


@given(integer_points(2, 5))
def test_moment_matrix_of_points_is_psd_and_its_rank_counts_them(points):
    k = len(points)  # polynomials of degree k - 1 separate k points
    y = ps.moments_of_points(points, 2 * k, weights=[1] * k)  # integers, so floats are exact
    M = ps.moment_matrix(y, k)
    assert M.shape == (comb(k + 2, 2),) * 2
    # Its rank is that of the matrix of monomials at the points, which has one row a point.
    V = np.prod(np.array(points, dtype=float)[:, None, :] ** M.basis, axis=-1)
    assert np.linalg.matrix_rank(V) == k
    assert (V.T @ V == M.values).all()
    assert M.eigenvalues[-1] >= -1e-12 * M.eigenvalues[0]


@settings(max_examples=50)
@given(integer_points(2, 3), st.integers(-4, 4), st.integers(-4, 4), st.integers(-4, 4))
def test_localizing_matrix_of_points_is_weighted_by_g(points, c0, c1, c2):
    x, z = ps.variables(2)
    g = c0 + c1 * x + c2 * x * z
    y = ps.moments_of_points(points, 6)
    L = ps.localizing_matrix(g, y, 3)
    for (i, a), (j, b) in ((p, q) for p in enumerate(L.basis) for q in enumerate(L.basis)):
        monomial = ps.Polynomial({tuple(int(v) for v in a + b): 1}, 2)
        assert L[i, j] == pytest.approx(y.riesz(g * monomial), rel=1e-13, abs=1e-13)


def test_the_papers_localizing_matrix_entry_by_entry():
    """Section 2: n = 2, k = 2, p = 1 - z1^2 - z2^2, basis (1, z1, z2)."""
    z1, z2 = ps.variables("z1 z2")
    primes = np.array([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47], dtype=float)
    y = ps.Moments(primes, 2, 4, ("z1", "z2"))
    w = {tuple(alpha): v for alpha, v in zip(ps.monomials(2, 4).tolist(), primes, strict=True)}
    L = ps.localizing_matrix(1 - z1**2 - z2**2, y, 2)
    assert L.basis.tolist() == [[0, 0], [1, 0], [0, 1]]
    expected = [
        [w[0, 0] - w[2, 0] - w[0, 2], w[1, 0] - w[3, 0] - w[1, 2], w[0, 1] - w[2, 1] - w[0, 3]],
        [w[1, 0] - w[3, 0] - w[1, 2], w[2, 0] - w[4, 0] - w[2, 2], w[1, 1] - w[3, 1] - w[1, 3]],
        [w[0, 1] - w[2, 1] - w[0, 3], w[1, 1] - w[3, 1] - w[1, 3], w[0, 2] - w[2, 2] - w[0, 4]],
    ]
    assert L.values.tolist() == expected


@pytest.mark.parametrize("degree, size", [(0, 10), (1, 4), (2, 4), (3, 1), (4, 1)])
def test_localizing_basis_has_degree_floor_of_k_minus_half(degree, size):
    x, _ = ps.variables(2)
    y = ps.moments_of_points([[0.5, 2.0]], 6)
    order = {10: 3, 4: 2, 1: 2}[size]
    g = 1 + x**degree
    expected = comb(2 + (2 * order - degree) // 2, 2)
    assert ps.localizing_matrix(g, y, order).shape == (expected, expected)


def test_moment_matrix_entries_are_the_moments():
    y = ps.Moments(np.arange(15.0), 2, 4, ("x", "y"))
    M = ps.moment_matrix(y, 2)
    assert [M[i, j] for i, j in ((0, 0), (0, 5), (1, 2), (5, 5), (4, 4))] == [0, 5, 4, 14, 12]
    assert (M.values == M.values.T).all()
    assert (ps.moment_matrix(y.truncate(2), 1).values == M.values[:3, :3]).all()


def test_moments_are_indexed_by_exponents():
    y = ps.moments_of_points([[2.0, 3.0]], 3)
    assert (y[0, 0], y[1, 0], y[(0, 1)], y[2, 1], y[np.array([1, 2])]) == (1, 2, 3, 12, 18)
    assert ps.moments_of_points([[2.0]], 3)[3] == 8


@pytest.mark.parametrize("exponent", [(4, 0), (-1, 0), (1,), (1, 1, 1), 2])
def test_a_moment_that_is_not_there_is_a_key_error(exponent):
    with pytest.raises(KeyError, match="exponent"):
        ps.moments_of_points([[2.0, 3.0]], 3)[exponent]


def test_gram_polynomial_is_what_the_matrix_means():
    rng = np.random.default_rng(0)
    Q = rng.integers(-3, 4, (6, 6)).astype(float)
    Q = Q + Q.T
    matrix = ps.BasisMatrix(Q, ps.monomials(2, 2), ("x1", "x2"))
    point = np.array([2.0, -3.0])
    v = np.prod(point**matrix.basis, axis=1)
    assert matrix.polynomial()(point) == v @ Q @ v


def test_change_of_variables_of_moments_and_polynomials():
    from polysos.algebra.moments import binomial_expansion

    rng = np.random.default_rng(1)
    center, scale = np.array([1.5, -2.0]), np.array([4.0, 0.5])
    z = rng.integers(-3, 4, (3, 2)).astype(float)
    basis = ps.monomials(2, 4)
    table = binomial_expansion(basis, basis, center, scale)
    moved = table @ ps.moments_of_points(z, 4).values
    assert np.allclose(moved, ps.moments_of_points(center + scale * z, 4).values, rtol=1e-12)


def test_tables_name_their_monomials():
    y = ps.moments_of_points([[2.0, 3.0]], 2, names=("c1,1", "theta"))
    html = y._repr_html_()
    assert r"$\theta$" in html and "$c_{1,1}$" in html and "<td>6</td>" in html
    html = ps.moment_matrix(y, 1)._repr_html_()
    assert html.count("<tr>") == 4 and html.count("<td>") == 9 and r"$\theta$" in html


def test_a_matrix_is_an_array_where_one_is_needed():
    M = ps.moment_matrix(ps.moments_of_points([[1.0], [-1.0]], 2), 1)
    assert np.asarray(M).tolist() == [[1, 0], [0, 1]] and M.eigenvalues.tolist() == [1, 1]
    assert np.linalg.det(M) == 1


def test_a_gram_matrix_on_a_face_is_that_of_its_polynomials():
    """(x - y)^2 by the one polynomial x - y, in floats and in rationals."""
    for number in (float, Fraction):
        face = np.array([[number(0), number(1), number(-1)]])
        Q = ps.BasisMatrix(np.array([[number(1)]]), ps.monomials(2, 1), ("x", "y"), face)
        x, y = ps.variables("x y")
        assert Q.polynomial() == (x - y) ** 2
        assert "x - y" in Q._repr_html_()
