"""Compilation: the rows of the residuals are those of the data, or it is known how far off."""

from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.exact import to_fraction
from polysos.training import compilation
from polysos.training.compilation import compile_residuals, row_space
from tests.planted import LOSSES, Planted, exact_loss, exact_residuals, loss_of, planted, size_of
from tests.training.test_residuals import SHAPES

F = Fraction


@pytest.fixture
def in_floats(monkeypatch):
    """As with data too many to be compiled exactly."""
    monkeypatch.setattr(compilation, "_MOST_PRODUCTS", 0)


def off(r, p, loss, c) -> float:
    """How far the residuals are from those of the data at c: the largest, or the norm's change."""
    if not r.squares:
        stored = r.exact * column(r, c)
        exact = exact_residuals(p, loss, c)
        return max(
            abs(float(to_fraction(a) - b)) for a, b in zip(stored.entries(), exact, strict=True)
        )
    stored, exact = r.exact_loss(c), exact_loss(p, loss, c)
    # |root a - root b| = |a - b| / (root a + root b)
    roots = np.sqrt(float(stored)) + np.sqrt(float(exact))
    return abs(float(stored - exact)) / roots if roots else 0.0


def column(r, c):
    from flint import fmpq, fmpq_mat

    exact = [F(v) for v in c.tolist()]
    phi = [
        prod((v**a for v, a in zip(exact, alpha, strict=True)), start=F(1))
        for alpha in r.exponents.tolist()
    ]
    values = [fmpq(v.numerator, v.denominator) for v in phi]
    return fmpq_mat(len(values) + 1, 1, [*values, fmpq(-1)])


def stated(r, c) -> float:
    """What `error` says of that."""
    return float(np.max(r.error @ np.r_[r.monomials(np.abs(c)), 1.0]))


# Exactly


@pytest.mark.parametrize("loss", ["mean-sup", "sample-sup"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_largest_residual_is_compiled_without_rounding(shape, loss):
    p = planted(samples=4, **SHAPES[shape])
    r, rng = p.residuals(loss), np.random.default_rng(3)
    assert r.error is None
    for c in (p.truth, *rng.standard_normal((2, len(p.truth)))):
        assert off(r, p, loss, c) == 0


@pytest.mark.parametrize("loss", ["mean-squares", "sample-squares"])
@pytest.mark.parametrize("shape", SHAPES)
def test_squares_are_compiled_to_thirty_digits(shape, loss):
    """Exactly where there are few rows; a triangle and the root of N have 128 bits."""
    p = planted(samples=4, noise=1.0, **SHAPES[shape])
    r, rng = p.residuals(loss), np.random.default_rng(3)
    for c in (p.truth, *rng.standard_normal((2, len(p.truth)))):
        difference = abs(r.exact_loss(c) - exact_loss(p, loss, c))
        assert difference <= F(2) ** -110 * size_of(p, loss, c)
        assert off(r, p, loss, c) <= (0 if r.error is None else stated(r, c))
    if loss == "mean-squares":
        assert (r.error is None) == (p.outputs.shape[1] <= len(r.exponents) + 1)


def test_fractions_stay_fractions():
    """W = 1/3 and one sample: the residual is c1,0 / 3 + c1,1 / 9 - 1, whatever the loss."""
    net = ps.PolynomialNetwork([[[F(1, 3)]], [[F(1, 3)]]], (1,))
    for loss in LOSSES:
        r = compile_residuals(net, [[F(1)]], [[F(1)]], loss)
        assert [to_fraction(v) for v in r.exact.entries()] == [F(1, 3), F(1, 9), F(1)]


def test_the_rows_are_the_same_whoever_adds_them_up():
    """The order of the samples changes sums of floats, and no sum of rationals."""
    p = planted((2, 2), samples=9)
    turned = Planted(p.net, p.inputs[::-1], p.outputs[::-1], p.truth)
    for loss in ("mean-sup", "mean-squares", "sample-squares"):
        assert p.residuals(loss).exact == turned.residuals(loss).exact


@pytest.mark.parametrize("outputs", [1, 3])
def test_dependent_columns_stay_exactly_dependent(outputs):
    """With one output the features of the constants are constant: parallel, to the last bit."""
    p = planted((2, 1), [3, 4, 4, outputs], samples=40)
    p = p.with_outputs(np.random.default_rng(0).standard_normal(p.outputs.shape))
    r = p.residuals("sample-squares")
    table = np.column_stack([r.matrix, r.targets])
    rank = np.linalg.matrix_rank(table / np.linalg.norm(table, axis=0))
    assert r.exact.rank() == rank == r.exact.nrows()
    assert (rank < table.shape[1]) == (outputs == 1)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(0, 6))
def test_the_row_space_of_a_gram_matrix_is_found(seed, n, rank):
    from flint import fmpq_mat

    rng = np.random.default_rng(seed)
    A = fmpq_mat(n, rank, [int(v) for v in rng.integers(-3, 4, n * rank)])
    G = A * A.transpose()
    H, kept = row_space(G)
    assert H.nrows() == G.rank() == len(kept)
    for i in range(n):  # each row of G is a combination of the rows of H, with its own entries
        row = fmpq_mat(1, len(kept), [G[i, j] for j in kept])
        assert (row * H).tolist()[0] == G.tolist()[i]


def test_repeated_inputs_leave_no_rounding_to_exploit():
    """Five times the same input: c1,0 + c1,1 x is one number, and its best value is the mean."""
    rng = np.random.default_rng(3)
    X, Y = np.full((5, 1), rng.uniform(0.1, 3)), rng.standard_normal((5, 1))
    p = Planted(ps.PolynomialNetwork([[[1.0]], [[1.0]]], (1,)), X, Y, np.zeros(2))
    f = p.fit(loss="sample-squares")
    least = ((Y - Y.mean()) ** 2).mean()
    true = float(exact_loss(p, "sample-squares", f.coefficients))
    assert f.loss == pytest.approx(least) == pytest.approx(true)
    assert np.abs(f.coefficients).max() < 100 and f.lower_bound <= least


def test_a_polynomial_through_few_distinct_inputs_is_as_good_as_it_can_be():
    """Degree 4 at three inputs, each four times: the means of the outputs can be met."""
    net = ps.PolynomialNetwork([[[1.0]], [[1.0]]], (4,))
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, Y = np.repeat(rng.standard_normal((3, 1)), 4, axis=0), rng.standard_normal((12, 1))
        p = Planted(net, X, Y, np.zeros(5))
        f = p.fit(loss="sample-squares", time_limit=1)
        best = np.repeat(Y.reshape(3, 4).mean(axis=1), 4)
        least = ((Y[:, 0] - best) ** 2).mean()
        assert f.loss == pytest.approx(least, rel=1e-6)
        assert f.loss == pytest.approx(float(exact_loss(p, "sample-squares", f.coefficients)))


@pytest.mark.parametrize("loss", LOSSES)
def test_where_all_is_zero_the_loss_is_that_of_the_targets(loss):
    net = ps.PolynomialNetwork([np.zeros((3, 2)), np.zeros((2, 3))], (2,))
    X = np.random.default_rng(0).standard_normal((20, 2))
    for y in (0.0, 1.0):
        Y = np.full((20, 2), y)
        f = ps.fit(net, X, Y, loss=loss)
        assert f.certified and f.loss == pytest.approx(y if loss.endswith("sup") else 2 * y)
        assert f.proof.verify(ps.fitting_problem(net, X, Y, loss))


# In floats


@pytest.mark.parametrize("loss", LOSSES)
def test_floats_give_the_same_losses(in_floats, loss, monkeypatch):
    p = planted(samples=11, noise=1.0)
    monkeypatch.setattr(compilation, "_BLOCK", 4)
    r = p.residuals(loss)
    assert r.in_floats and r.error is not None
    c = np.array([0.4, -0.2, 0.9, 1.3])
    assert r.loss(c) == pytest.approx(loss_of(p.net, p.inputs, p.outputs, loss, c), rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", SHAPES)
def test_floats_are_off_by_no_more_than_stated(in_floats, shape, loss):
    p = planted(samples=4, **SHAPES[shape])
    r, rng = p.residuals(loss), np.random.default_rng(3)
    for size in (1.0, 1e-3, 30.0):
        c = size * p.truth * rng.uniform(0.5, 1.0, len(p.truth)) if size != 1.0 else p.truth
        assert off(r, p, loss, c) <= stated(r, c)
    assert stated(r, p.truth) < 1e-10


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(LOSSES), st.integers(-6, 6), st.booleans())
def test_errors_are_bounded_whatever_the_data(seed, loss, power, many):
    p = planted((2,), [3, 3, 2], samples=9 if many else 1, seed=seed, noise=1.0)
    p = Planted(p.net, 10.0**power * p.inputs, p.outputs / 3, p.truth)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilation, "_MOST_PRODUCTS", 0)
        r = p.residuals(loss)
    assert off(r, p, loss, p.truth) <= stated(r, p.truth)


def test_the_rounding_of_fractions_to_floats_counts_too(in_floats):
    """W = 1/3: F is off by 2e-17 although it is computed without any error."""
    net = ps.PolynomialNetwork([[[F(1, 3)]], [[1]]], (1,))
    r = compile_residuals(net, [[1]], [[1]], "mean-sup")
    c = np.array([0.0, 3.0])
    assert 0 < r.exact_loss(c) <= F(stated(r, c))


def test_many_data_are_compiled_in_floats_and_say_so():
    p = planted((2, 2), [3, 20, 20, 2], samples=30_000, noise=0.1)
    r = p.residuals()
    assert r.in_floats and r.error is not None
    f = p.fit()
    assert (
        f.rounding == pytest.approx(stated(r, np.abs(f.box).max(axis=1))) or np.isinf(f.box).any()
    )


def test_fewer_samples_than_monomials_keep_short_numbers():
    """Then all columns depend on each other anyway; telling how would take minutes."""
    rng = np.random.default_rng(0)
    p = planted((4, 4), [4, 6, 5, 1], samples=40, fan_in=True)
    r = p.with_outputs(rng.standard_normal((40, 1))).residuals("sample-squares")
    assert r.in_floats and len(r.exponents) == 126 and r.exact.rank() == 40
    assert max(int(v.q).bit_length() for v in r.exact.entries()) < 1100  # floats
