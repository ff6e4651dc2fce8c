"""Bases of Gram matrices: they give the loss, and the relations vanish, without any rounding."""

from itertools import pairwise
from math import prod

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.exact import to_fraction
from polysos.training.compilation import compile_residuals
from polysos.training.gram_basis import monomial_basis, relations, row_space_basis
from tests.planted import planted

SHAPES = {
    "one output": {"degrees": (2, 2), "width": [3, 5, 4, 1]},
    "three layers, one output": {"degrees": (2, 1, 2), "width": [3, 4, 4, 3, 1]},
    "many outputs": {"degrees": (2, 2), "width": [3, 5, 4, 8]},
    "biases": {"degrees": (2, 2), "width": [3, 5, 4, 1], "biases": True},
}


def exact_values(basis, c) -> list[fmpq]:
    monomials = [
        prod((v**a for v, a in zip(c, alpha, strict=True)), start=fmpq(1))
        for alpha in basis.exponents.tolist()
    ]
    rows = basis.table.tolist()
    return [sum(t * m for t, m in zip(row, monomials, strict=True)) for row in rows]


def point(n, seed):
    rng = np.random.default_rng(seed)
    return [fmpq(int(v), 7) for v in rng.integers(-9, 10, n)]


@pytest.mark.parametrize("make", [row_space_basis, monomial_basis])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_gram_matrix_is_that_of_the_loss(shape, make):
    r = planted(samples=30, noise=1.0, **SHAPES[shape]).residuals("sample-squares")
    basis, c = make(r), point(r.n_coefficients, 0)
    b, G = exact_values(basis, c), basis.gram.tolist()
    value = sum(b[i] * b[j] * G[i][j] for i in range(len(b)) for j in range(len(b)))
    f = r.dense_problem().objective
    assert b[0] == 1 and to_fraction(value) == f([to_fraction(v) for v in c])
    floats = [float(v.p) / float(v.q) for v in c]
    assert np.allclose(basis.values(np.array(floats)), [float(v.p) / float(v.q) for v in b[1:]])


@pytest.mark.parametrize("make", [row_space_basis, monomial_basis])
@pytest.mark.parametrize("shape", SHAPES)
def test_relations_vanish_everywhere_and_are_independent(shape, make):
    r = planted(samples=30, noise=1.0, **SHAPES[shape]).residuals("sample-squares")
    basis = make(r)
    found = relations(basis)
    assert found
    for seed in range(2):
        b = exact_values(basis, point(r.n_coefficients, seed))
        assert all(sum(v * b[i] * b[j] for (i, j), v in own.items()) == 0 for own in found)
    pairs = sorted({pair for own in found for pair in own})
    table = np.array([[float(own.get(pair, 0)) for pair in pairs] for own in found])
    assert np.linalg.matrix_rank(table / np.linalg.norm(table, axis=1)[:, None]) == len(found)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_relations_are_found(shape):
    """As many as products of the basis exceed the dimension of what they span."""
    r = planted(samples=30, noise=1.0, **SHAPES[shape]).residuals("sample-squares")
    basis, rng = row_space_basis(r), np.random.default_rng(0)
    points = rng.standard_normal((400, r.n_coefficients))
    b = np.array([np.r_[1.0, basis.values(c)] for c in points])
    i, j = np.triu_indices(b.shape[1])
    products = b[:, i] * b[:, j]
    rank = np.linalg.matrix_rank(products / np.linalg.norm(products, axis=0), tol=1e-9)
    assert len(relations(basis)) == len(i) - rank


def test_with_one_output_the_constants_are_one_polynomial():
    """c2,0 + h1 c2,1 + h2 c2,2: their features are the same for all samples."""
    p = planted(samples=30, **SHAPES["one output"])
    basis = row_space_basis(p.residuals("sample-squares"))
    sums = [row for row in basis.table.tolist() if sum(v != 0 for v in row) > 1]
    assert basis.size == 8 and len(basis.exponents) == 11 and len(sums) == 1
    assert sum(v != 0 for v in sums[0]) == 3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(1, 2), (2, 2), (1, 1, 2)]), st.integers(1, 3))
def test_relations_vanish_whatever_the_weights(seed, degrees, outputs):
    rng = np.random.default_rng(seed)
    widths = [2, *([3] * len(degrees)), outputs]
    weights = [rng.integers(-2, 3, (b, a)) for a, b in pairwise(widths)]
    net = ps.PolynomialNetwork(weights, degrees)
    X, Y = rng.integers(-3, 4, (6, 2)), rng.integers(-3, 4, (6, outputs))
    r = compile_residuals(net, X, Y, "sample-squares")
    basis = row_space_basis(r)
    b = exact_values(basis, point(r.n_coefficients, seed))
    for own in relations(basis):
        assert sum(v * b[i] * b[j] for (i, j), v in own.items()) == 0
