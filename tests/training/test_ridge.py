"""A ridge term: the minimum of the sum, proven; and what a penalty must do."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

import polysos as ps
from polysos.training.compilation import compile_residuals
from tests import planted as instances

LOSSES = ["sample-squares", "mean-squares"]


def planted(degrees, noise):
    """A network, inputs, outputs with noise, and the coefficients without."""
    p = instances.planted(degrees, samples=20, noise=noise)
    noise = noise * np.random.default_rng(1).standard_normal(p.outputs.shape)
    return p.net, p.inputs, p.outputs + noise, p.truth


def objective(net, X, Y, loss, ridge):
    def value(c):
        r = net(c, X) - Y
        own = (
            np.mean(np.sum(r**2, axis=1)) if loss == "sample-squares" else sum(r.mean(axis=0) ** 2)
        )
        return own + ridge * c @ c

    return value


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("ridge", [1e-3, 0.1, 10.0])
def test_no_search_finds_less_than_is_proven(loss, ridge):
    net, X, Y, _ = planted((2, 2), noise=0.3)
    fit = ps.fit(net, X, Y, loss, ridge=ridge)
    value = objective(net, X, Y, loss, ridge)
    assert fit.certified and fit.loss == pytest.approx(value(fit.coefficients), rel=1e-9)
    starts = np.random.default_rng(0).standard_normal((10, net.n_coefficients))
    found = min(minimize(value, start, tol=1e-12).fun for start in [*starts, fit.coefficients])
    assert fit.lower_bound <= found * (1 + 1e-12) and found == pytest.approx(fit.loss, rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_proof_is_about_the_penalised_problem(loss):
    net, X, Y, _ = planted((2, 1), noise=0.3)
    fit = ps.fit(net, X, Y, loss, ridge=0.1)
    assert fit.proof.verify(ps.fitting_problem(net, X, Y, loss, ridge=0.1))
    assert not fit.proof.verify(ps.fitting_problem(net, X, Y, loss))
    assert not fit.proof.verify(ps.fitting_problem(net, X, Y, loss, ridge=0.2))


def test_the_problem_is_the_sum_up_to_a_root_of_128_bits():
    net, X, Y, _ = planted((2, 1), noise=0.3)
    c = [Fraction(k, 3) for k in range(1, net.n_coefficients + 1)]
    values = [
        ps.fitting_problem(net, X, Y, "mean-squares", ridge=ridge).objective(
            np.array(c, dtype=object)
        )
        for ridge in (0.0, 0.25, 0.1)
    ]
    size = sum(v * v for v in c)
    assert values[1] - values[0] == Fraction(1, 4) * size  # its root is rational
    assert abs(values[2] - values[0] - Fraction(0.1) * size) < Fraction(2) ** -120
    inner = [4, 5]  # where c1,1 and c1,2 stand, which the data know in products only
    errors = [compile_residuals(net, X, Y, "mean-squares", ridge).error for ridge in (0.25, 0.1)]
    assert (errors[0][inner] == 0).all()
    assert (errors[1][inner] > 0).all() and errors[1].max() < 1e-35


def test_a_large_penalty_leaves_nothing_and_none_changes_nothing():
    net, X, Y, _ = planted((2, 2), noise=0.3)
    sizes = [
        np.linalg.norm(ps.fit(net, X, Y, ridge=ridge).coefficients) for ridge in (0.0, 1.0, 1e6)
    ]
    assert sizes[0] > sizes[1] > sizes[2] and sizes[2] < 1e-2
    plain, none = ps.fit(net, X, Y), ps.fit(net, X, Y, ridge=0)
    assert (plain.coefficients == none.coefficients).all() and plain.loss == none.loss


def test_a_penalty_determines_what_the_data_leave_open():
    """Two coefficients, one equation: of all solutions the shortest."""
    net = ps.PolynomialNetwork([[[2.0]], [[1.0]]], (1,))
    fit = ps.fit(net, [[1.0]], [[5.0]], ridge=1e-8)
    assert fit.certified and np.allclose(fit.coefficients, [1.0, 2.0], atol=1e-6)
    assert fit.strength > 0


def test_the_estimator_shrinks_as_well():
    from polysos.training.regressor import PolynomialNetworkRegressor

    X = np.random.default_rng(0).standard_normal((40, 2))
    y = X[:, 0] ** 2 - X[:, 1]
    fits = [
        PolynomialNetworkRegressor((2,), random_state=0, ridge=ridge).fit(X, y)
        for ridge in (0.0, 1.0)
    ]
    assert np.linalg.norm(fits[1].coefficients_) < np.linalg.norm(fits[0].coefficients_)
    assert fits[1].certified_


@pytest.mark.parametrize(
    "ridge, loss, words",
    [
        (-1.0, "sample-squares", "ridge must be a number from 0"),
        (float("nan"), "sample-squares", "ridge must be a number from 0.*nan"),
        (float("inf"), "sample-squares", "ridge must be a number from 0.*inf"),
        ("much", "sample-squares", "ridge must be a number from 0.*'much'"),
        (True, "sample-squares", "ridge must be a number from 0.*True"),
        (1e-200, "sample-squares", "ridge must be 0 or at least 1e-60, got 1e-200"),
        (0.1, "mean-sup", "unless the loss is one of squares, got 0.1 for 'mean-sup'"),
    ],
)
def test_bad_input(ridge, loss, words):
    net, X, Y, _ = planted((2, 1), noise=0.3)
    for function in (ps.fit, ps.fitting_problem):
        with pytest.raises(ValueError, match=words):
            function(net, X, Y, loss, ridge=ridge)
