"""Baselines: they descend to where they should, and no further than a local method can."""

from fractions import Fraction
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest

import polysos as ps
from polysos.training.baselines import (
    LOSSES,
    _forward,
    multistart,
    train_by_gradient,
)

NETWORK = ps.PolynomialNetwork([[[1.0, 0.5], [-0.5, 1.0]], [[1.0, -1.0]]], (2,))
INPUTS, OUTPUTS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 2.0]]), np.array([[1.0], [0.0], [2.0]])


def planted(degrees, seed=0, samples=12, outputs=3, noise=0.0):
    """A random network, data that the returned coefficients fit up to noise, and those."""
    rng = np.random.default_rng(seed)
    widths = [3] * (len(degrees) + 1) + [outputs]
    shapes = zip(widths[1:], widths[:-1], strict=True)
    net = ps.PolynomialNetwork([rng.standard_normal(shape) / 2 for shape in shapes], degrees)
    X, c = rng.standard_normal((samples, 3)), rng.standard_normal(net.n_coefficients)
    return net, X, net(c, X) + noise * rng.standard_normal((samples, outputs)), c


def two_valleys():
    """One sample, t = 1 + c11, whose residuals are c20, c21, 10 (c22 - 1), c22 t - 2, c22 t^2 - 4.

    The third keeps c22 near 1. Then t^2 = 4 holds at t = 2 and at t = -2, but t = 2 only at one:
    a start with t < 0 ends in the wrong valley.
    """
    rows = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)]
    even = {(1, 0): 0.5, (-1, 0): 0.5, (0, 0): -1}
    outputs = [
        {(0, 0): 1},
        {(1, 0): 0.5, (-1, 0): -0.5},
        {row: 10 * w for row, w in even.items()},
        {(1, 1): 1 / 8, (-1, -1): 1 / 8, (1, -1): -1 / 8, (-1, 1): -1 / 8},
        {row[::-1]: w for row, w in even.items()},
    ]
    last = [[weights.get(row, 0) for row in rows] for weights in outputs]
    net = ps.PolynomialNetwork([np.eye(2), rows, last], (1, 2))
    return net, [[0, 1]], [[0, 0, 10, 2, 4]]


def test_losses_are_what_they_are_called():
    r = np.array([[1.0, -2.0], [3.0, -4.0]])
    assert LOSSES["mean-sup"](r) == 3
    assert LOSSES["mean-squares"](r) == 2**2 + 3**2
    assert LOSSES["sample-sup"](r) == 4
    assert LOSSES["sample-squares"](r) == (1 + 4 + 9 + 16) / 2


# Gradients


def test_derivatives_are_finite_differences():
    """Of the losses by jax, and of the residuals of all samples."""
    import jax

    net, X, Y, _ = planted((2, 1, 2), noise=1.0)
    rng = np.random.default_rng(1)
    c, step = rng.standard_normal(net.n_coefficients), 1e-6
    around = [(c + step * e, c - step * e) for e in np.eye(len(c))]
    shape = tuple(zip(net.degrees, net.learned_constants, strict=True))
    for loss, formula in LOSSES.items():

        def value(c, formula=formula, forward=_forward):
            return formula(forward(net.layers, shape, c, X) - Y)

        differences = [(value(a) - value(b)) / (2 * step) for a, b in around]
        with jax.enable_x64(True):
            slope = np.asarray(jax.jit(jax.grad(value))(c))
        assert np.allclose(slope, differences, rtol=1e-6, atol=1e-6), loss
        assert value(c) == pytest.approx(formula(net(c, X) - Y), rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_training_descends_and_keeps_the_best(loss):
    net, X, Y, _ = planted((2, 1), noise=0.1)
    found = train_by_gradient(net, X, Y, loss, steps=2000)
    assert found.history.shape == (2001,) and found.history.dtype == float
    parts = [part.mean() for part in np.array_split(found.history, 5)]
    assert found.loss == found.history.min() < found.history[0] / 2
    assert all(later <= 1.01 * earlier for earlier, later in pairwise(parts))
    assert found.loss == pytest.approx(LOSSES[loss](net(found.coefficients, X) - Y), rel=1e-9)
    assert found.seconds > 0


def test_training_recovers_planted_coefficients():
    net, X, Y, c = planted((2, 2))
    found = train_by_gradient(net, X, Y, "sample-squares", start=c + 0.1)
    assert found.loss < 1e-12 and np.allclose(found.coefficients, c, atol=1e-5)


def test_training_is_in_double_precision_and_leaves_jax_alone():
    import jax.numpy as jnp

    assert train_by_gradient(NETWORK, INPUTS, OUTPUTS, steps=5).history.dtype == np.float64
    assert jnp.ones(1).dtype == np.float32


def test_training_that_diverges_returns_the_best_it_met():
    found = train_by_gradient(*two_valleys(), "mean-squares", steps=30, learning_rate=1e200)
    assert not np.isfinite(found.history).all()
    assert found.loss == np.nanmin(found.history) and np.isfinite(found.coefficients).all()


# Multistart


@pytest.mark.parametrize("degrees", [(2, 1), (1, 1, 1)])
@pytest.mark.parametrize("loss", LOSSES)
def test_multistart_recovers_planted_coefficients(loss, degrees):
    net, X, Y, c = planted(degrees, outputs=8)
    found = multistart(net, X, Y, loss, starts=4)
    assert found.best_loss < 1e-10
    if loss.startswith("sample"):  # the means have more than one solution
        assert np.allclose(found.best_coefficients, c, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_multistart_reports_every_start(loss):
    net, X, Y, _ = planted((2, 2), noise=0.3)
    found = multistart(net, X, Y, loss, starts=3)
    assert found.losses.shape == found.seconds.shape == (3,)
    assert found.coefficients.shape == (3, net.n_coefficients)
    for c, value in zip(found.coefficients, found.losses, strict=True):
        assert value == LOSSES[loss](net(c, X) - Y)
    assert found.best_loss == found.losses[found.best] == found.losses.min()
    assert (found.best_coefficients == found.coefficients[found.best]).all()
    near = found.losses <= (1 + 1e-6) * found.best_loss + 1e-12 * LOSSES[loss](Y)
    assert found.fraction == near.mean() >= 1 / 3


@pytest.mark.parametrize("loss", LOSSES)
def test_multistart_is_no_worse_than_gradients_and_than_the_truth(loss):
    net, X, Y, c = planted((2, 1), noise=0.1)
    best = multistart(net, X, Y, loss, starts=3).best_loss
    assert best <= LOSSES[loss](net(c, X) - Y)
    trained = train_by_gradient(net, X, Y, loss, steps=2000, start=c)
    assert best <= trained.loss * (1 + 1e-9) + 1e-14


def test_minimax_of_a_linear_model_is_the_linear_program():
    """Chebyshev: t^2 is best approximated by a line on [-1, 1] with error 1/2, also on a grid."""
    net = ps.PolynomialNetwork([[[1.0]], [[1.0]]], (1,))
    X = np.linspace(-1, 1, 2001)[:, None]
    found = multistart(net, X, X**2, "sample-sup", starts=3)
    assert found.losses == pytest.approx(0.5, abs=1e-9) and found.fraction == 1
    assert np.allclose(found.coefficients, [0.5, 0.0], atol=1e-9)


def test_a_perfect_fit_needs_no_polish():
    net = ps.PolynomialNetwork([[[1.0]], [[1.0]]], (1,))
    found = multistart(net, [[1.0]], [[0.0]], "sample-sup", starts=4)
    assert found.best_loss < 1e-15 and found.losses.max() < 1e-14
    silent = ps.PolynomialNetwork([[[1.0]], [[0.0]]], (1,))
    for loss in LOSSES:
        found = multistart(silent, [[1.0]], [[0.0]], loss, starts=2)
        assert found.best_loss == 0 and found.fraction == 1
        assert multistart(silent, [[1.0]], [[2.0]], loss, starts=2).best_loss in (2, 4)


# Both


def test_the_same_seed_gives_the_same_result():
    arguments = (*planted((2, 2), noise=0.1)[:3], "sample-squares")
    first, second = (multistart(*arguments, starts=3, seed=5) for _ in range(2))
    assert (first.coefficients == second.coefficients).all()
    assert (first.losses == second.losses).all()
    other = multistart(*arguments, starts=3, seed=6)
    assert (first.coefficients != other.coefficients).any()
    first, second = (train_by_gradient(*arguments, steps=100, seed=5) for _ in range(2))
    assert (first.coefficients == second.coefficients).all()
    assert (first.history == second.history).all()
    start = np.random.default_rng(5).standard_normal(5)
    assert (first.history == train_by_gradient(*arguments, steps=100, start=start).history).all()


def test_fractions_are_rounded():
    exact = [
        np.vectorize(Fraction, otypes=[object])(A) for A in (*NETWORK.weights, INPUTS, OUTPUTS)
    ]
    net = ps.PolynomialNetwork(exact[:2], (2,))
    for loss in LOSSES:
        found = multistart(net, *exact[2:], loss, starts=2)
        floats = multistart(NETWORK, INPUTS, OUTPUTS, loss, starts=2)
        assert (found.coefficients == floats.coefficients).all()
    found = train_by_gradient(net, *exact[2:], steps=5, start=[Fraction(1, 2)] * 3)
    floats = train_by_gradient(NETWORK, INPUTS, OUTPUTS, steps=5, start=[0.5] * 3)
    assert (found.history == floats.history).all()


@pytest.mark.parametrize("loss", ["mean-sup", "mean-squares"])
def test_a_bad_start_gets_stuck(loss):
    net, X, Y = two_valleys()
    assert LOSSES[loss](net([1, 0, 0, 1], X) - Y) == 0  # the global minimum, t = 2
    stuck = train_by_gradient(net, X, Y, loss, start=[-3, 0, 0, 1])
    assert stuck.loss > 2 and stuck.coefficients[0] < -1.5
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-2, 1e-1):  # no better point around it
        near = stuck.coefficients + size * rng.standard_normal((200, 4))
        assert min(LOSSES[loss](net(c, X) - Y) for c in near) > stuck.loss - 1e-3
    found = multistart(net, X, Y, loss, starts=10)
    assert found.best_loss < 1e-12 and 0 < found.fraction < 1
    assert found.best_coefficients == pytest.approx([1, 0, 0, 1], abs=1e-5)
    assert abs(found.losses - stuck.loss).min() < 1e-3  # some starts end there, too


# Bad input

MISTAKES = {
    "net a list": ({"net": [1]}, TypeError, ["net", "PolynomialNetwork", "[1]"]),
    "inputs flat": ({"inputs": [1.0, 2.0]}, ValueError, ["inputs", "2 dim", "(2,)"]),
    "inputs too wide": ({"inputs": np.ones((3, 3))}, ValueError, ["inputs", "(N, 2)", "(3, 3)"]),
    "no inputs": ({"inputs": np.ones((0, 2))}, ValueError, ["inputs", "N >= 1", "(0, 2)"]),
    "inputs nan": ({"inputs": [[nan, 1.0]] * 3}, ValueError, ["inputs", "finite", "nan"]),
    "inputs text": ({"inputs": [["a", "b"]] * 3}, TypeError, ["inputs", "real"]),
    "inputs ragged": ({"inputs": [[1.0], [1.0, 2.0]]}, ValueError, ["inputs", "equal length"]),
    "inputs huge": ({"inputs": 1e200 * INPUTS}, ValueError, ["inputs", "finite", "nan"]),
    "outputs too few": ({"outputs": [[1.0]]}, ValueError, ["outputs", "(3, 1)", "(1, 1)"]),
    "outputs flat": ({"outputs": [1.0, 2.0, 3.0]}, ValueError, ["outputs", "(3, 1)", "y[:, None]"]),
    "outputs inf": ({"outputs": [[inf]] * 3}, ValueError, ["outputs", "finite", "inf"]),
    "outputs huge": ({"outputs": 1e200 * OUTPUTS}, ValueError, ["outputs", "finite", "inf"]),
    "loss unknown": ({"loss": "l2"}, ValueError, ["loss", "mean-sup", "'l2'"]),
    "loss a list": ({"loss": ["mean-sup"]}, ValueError, ["loss", "sample-sup", "['mean-sup']"]),
    "loss none": ({"loss": None}, ValueError, ["loss", "mean-squares", "None"]),
    "seed negative": ({"seed": -1}, ValueError, ["seed", "at least 0", "-1"]),
    "seed a float": ({"seed": 0.5}, TypeError, ["seed", "integer", "0.5"]),
    "no starts": ({"starts": 0}, ValueError, ["starts", "at least 1", "0"]),
    "starts a float": ({"starts": 2.0}, TypeError, ["starts", "integer", "2.0"]),
    "no steps": ({"steps": 0}, ValueError, ["steps", "at least 1", "0"]),
    "steps true": ({"steps": True}, TypeError, ["steps", "integer", "True"]),
    "rate zero": ({"learning_rate": 0}, ValueError, ["learning_rate", "positive", "0"]),
    "rate nan": ({"learning_rate": nan}, ValueError, ["learning_rate", "positive", "nan"]),
    "rate text": ({"learning_rate": "1"}, ValueError, ["learning_rate", "positive", "'1'"]),
    "start too short": ({"start": [1.0]}, ValueError, ["start", "3 numbers", "c1,0", "1"]),
    "start a matrix": ({"start": np.eye(3)}, ValueError, ["start", "1 dim", "(3, 3)"]),
    "start nan": ({"start": [nan, 0, 0]}, ValueError, ["start", "finite", "nan"]),
    "start text": ({"start": "abc"}, TypeError, ["start", "real"]),
    "start huge": ({"start": [0, 0, 1e200]}, ValueError, ["start", "finite", "inf"]),
}
ONLY = {
    "starts": [multistart],
    "steps": [train_by_gradient],
    "learning_rate": [train_by_gradient],
    "start": [train_by_gradient],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input(mistake):
    changed, error, words = MISTAKES[mistake]
    arguments = {"net": NETWORK, "inputs": INPUTS, "outputs": OUTPUTS} | changed
    for function in ONLY.get(next(iter(changed)), [multistart, train_by_gradient]):
        with pytest.raises(error) as raised:
            function(**arguments)
        assert all(word in str(raised.value) for word in words), str(raised.value)
