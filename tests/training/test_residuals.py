"""Residuals: F phi(c) - targets is the network on the data; losses, derivatives, problems."""

import pickle
from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from polysos.training.compilation import compile_residuals
from tests.planted import LOSSES, Planted, exact_residuals, loss_of, planted
from tests.problems import example

F = Fraction
SHAPES = {
    "one layer": {"degrees": (3,), "width": [2, 4, 3]},
    "two layers": {"degrees": (2, 1), "width": [3, 4, 3, 5]},
    "three layers": {"degrees": (1, 2, 1), "width": [2, 3, 3, 2, 2]},
    "fan-in": {"degrees": (2, 2), "width": 4, "fan_in": True},
    "many outputs": {"degrees": (1,), "width": [2, 3, 9]},
    "biases": {"degrees": (2, 1), "width": [3, 4, 3, 5], "biases": True},
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_loss_is_its_definition(shape, loss):
    p = planted(samples=4, noise=1.0, **SHAPES[shape])
    r, rng = p.residuals(loss), np.random.default_rng(1)
    assert r.names == p.net.coefficient_names and r.n_coefficients == p.net.n_coefficients
    assert r.scale == pytest.approx(loss_of(p.net, p.inputs, p.outputs, loss, 0 * p.truth))
    for c in (p.truth, *rng.standard_normal((3, len(p.truth)))):
        assert r.loss(c) == pytest.approx(loss_of(p.net, p.inputs, p.outputs, loss, c), rel=1e-9)


@pytest.mark.parametrize("loss", ["mean-sup", "sample-sup"])
def test_each_residual_is_an_output_minus_its_target(loss):
    """In the order of the outputs, sample after sample; squares may mix them."""
    p = planted((2, 1), [3, 4, 3, 5], samples=3, noise=1.0)
    r, c = p.residuals(loss), np.array([0.3, -0.7, 0.2, 1.1])
    expected = p.net(c, p.inputs) - p.outputs
    assert np.allclose(r(c), expected.mean(axis=0) if loss == "mean-sup" else expected.ravel())


def test_example_3_4_compiles_to_the_printed_residuals():
    net, inputs, outputs, data = example()
    r = compile_residuals(net, inputs, outputs, "mean-sup")
    for row, target, printed in zip(r.matrix, r.targets, data["mean_residuals"], strict=True):
        found = {
            "*".join(n for n, a in zip(r.names, alpha, strict=True) for _ in range(a)): v
            for alpha, v in zip(r.exponents.tolist(), row.tolist(), strict=True)
            if v
        }
        assert found | {"1": -target} == {k: float(F(v)) for k, v in printed.items()}


@pytest.mark.parametrize("loss", ["mean-sup", "sample-squares"])
def test_derivatives_are_finite_differences(loss):
    p = planted((2, 2), 5, noise=0.3)
    r, rng = p.residuals(loss), np.random.default_rng(2)
    c, step = rng.standard_normal(r.n_coefficients), 1e-5
    directions = step * np.eye(len(c))
    J = np.array([(r(c + d) - r(c - d)) / (2 * step) for d in directions]).T
    assert np.allclose(r.jacobian(c), J, rtol=1e-6, atol=1e-6 * np.abs(J).max())
    w = rng.standard_normal(len(r.targets))
    H = [w @ (r.jacobian(c + d) - r.jacobian(c - d)) / (2 * step) for d in directions]
    assert np.allclose(r.curvature(c, w), H, rtol=1e-5, atol=1e-6 * np.abs(H).max())


@pytest.mark.parametrize("loss", LOSSES)
def test_the_exact_loss_has_no_rounding_at_all(loss):
    p = planted(noise=0.1)
    r = p.residuals(loss)
    for c in (p.truth, np.array([1e-8, 1e7, -3.0, 0.1]), np.zeros(4)):
        exact = np.array([F(v) for v in c], dtype=object)
        phi = [np.prod(exact**alpha) for alpha in r.exponents]
        rows = [[F(int(v.p), int(v.q)) for v in row] for row in r.exact.tolist()]
        values = [
            sum((v * f for v, f in zip(row, phi, strict=True)), -target) for *row, target in rows
        ]
        expected = sum(v * v for v in values) if r.squares else max(map(abs, values))
        assert r.exact_loss(c) == expected


@pytest.mark.parametrize("loss", LOSSES)
def test_the_problem_says_what_the_loss_is(loss):
    """At any c the objective can be the loss and no less: (c, theta), or (c, rho)."""
    p = planted(noise=0.2)
    r, c = p.residuals(loss), np.array([0.4, -0.2, 0.9, 1.3])
    problem = r.problem()
    if r.squares:
        point = np.r_[c, r(c)]
        assert not problem.inequalities and len(problem.equalities) == len(r.targets)
        assert np.allclose([h(point) for h in problem.equalities], 0, atol=1e-12)
        assert problem.objective(point) == pytest.approx(r.loss(c))
        return
    assert len(problem.inequalities) == 2 * len(r.targets) and not problem.equalities
    for theta, feasible in ((r.loss(c), True), (0.999 * r.loss(c), False)):
        worst = min(g(np.r_[c, theta]) for g in problem.inequalities)
        assert (worst >= -1e-12) is feasible
    rows = [(problem.inequalities[2 * j] - problem.inequalities[2 * j + 1]) / 2 for j in range(6)]
    assert np.allclose([row(np.r_[c, 0.0]) for row in rows], r(c)[:6])


# Around a point


@pytest.mark.parametrize("loss", LOSSES)
def test_an_expansion_is_the_same_function_of_the_distance(loss):
    p = planted((2, 1), noise=0.2)
    r, rng = p.residuals(loss), np.random.default_rng(4)
    origin = rng.standard_normal(4)
    around = r.around(origin)
    local = around.residuals(r)
    assert (around.origin == origin).all() and not around.basis[0].any()
    for d in rng.standard_normal((3, 4)):
        assert np.allclose(local(d), r(origin + d)) and local.loss(d) == pytest.approx(
            r.loss(origin + d)
        )
        assert np.allclose(around.restricted(np.array([0])).residuals(r)(d), r(origin + d)[:1])


def test_an_expansion_holds_digits_that_floats_lose():
    """Terms of 1e8 that cancel: r(c) itself is known to 1e-8, its expansion to all digits."""
    p = planted((2, 1), noise=0.0)
    big = Planted(p.net, 1e4 * p.inputs, p.net(p.truth, 1e4 * p.inputs), p.truth)
    r = big.residuals()
    exact = np.array([float(v) for v in exact_residuals(big, "mean-sup", p.truth)])
    assert np.abs(r(p.truth) - exact).max() > 1e-9 > 1e3 * np.abs(exact).max() * 1e-12
    assert np.allclose(r.around(p.truth).table[:, 0], exact, rtol=1e-14, atol=0)
    assert r.around(p.truth).residuals(r).loss(0 * p.truth) == pytest.approx(np.abs(exact).max())


# Degenerate data


def test_columns_and_rows_that_vanish_stay_zero():
    p = planted((2, 1), [2, 3, 3, 4])
    W = [w.copy() for w in p.net.weights]
    W[2][1] = 0
    r = compile_residuals(ps.PolynomialNetwork(W, (2, 1)), p.inputs, 0 * p.outputs, "mean-sup")
    assert not r.matrix[1].any() and not r.targets.any() and r.scale == 0
    W[1][:] = 0
    r = compile_residuals(ps.PolynomialNetwork(W, (2, 1)), p.inputs, p.outputs, "mean-sup")
    assert np.count_nonzero(np.abs(r.matrix).sum(axis=0)) == 1  # the free constant alone


def test_residuals_and_fits_survive_pickling():
    p = planted((2, 1), [3, 5, 5, 5], samples=20, noise=0.1, biases=True)
    r = p.residuals("sample-squares")
    again = pickle.loads(pickle.dumps(r))
    assert again.exact == r.exact and np.array_equal(again.exponents, r.exponents)
    found = p.fit()
    other = pickle.loads(pickle.dumps(found))
    assert other.proof.verify(ps.fitting_problem(p.net, p.inputs, p.outputs, "mean-sup"))
    assert (other.loss, other.summary()) == (found.loss, found.summary())
