"""Local methods for comparison: they find what is easy, and say what they were given."""

import numpy as np
import pytest

from polysos.training.local_methods import METHODS, descend
from tests.planted import planted


def residuals(noise=0.0, **options):
    options = {"degrees": (2, 2), "width": [4, 6, 5, 1], "samples": 60, "fan_in": True} | options
    p = planted(noise=noise, **options)
    return p, p.residuals("sample-squares")


@pytest.mark.parametrize("method", METHODS)
def test_each_finds_a_line(method):
    p, r = residuals(degrees=(1,), width=[2, 3, 1])
    starts = np.random.default_rng(0).standard_normal((3, r.n_coefficients))
    ends = descend(r, starts, method, steps=3000, rate=0.1)
    assert (ends.losses < 1e-6 * r.scale).all() and ends.seconds > 0
    assert ends.coefficients[0] == pytest.approx(p.truth, abs=1e-2)


@pytest.mark.parametrize("method", METHODS)
def test_losses_are_those_of_the_coefficients_and_never_above_the_start(method):
    p, r = residuals(noise=0.1)
    starts = np.random.default_rng(1).standard_normal((4, r.n_coefficients))
    ends = descend(r, starts, method, steps=200, rate=0.01)
    for c, value, start in zip(ends.coefficients, ends.losses, starts, strict=True):
        assert value == pytest.approx(((p.net(c, p.inputs) - p.outputs) ** 2).mean(), rel=1e-9)
        assert value <= r.loss(start) * (1 + 1e-12)


def test_the_planted_coefficients_are_not_left():
    p, r = residuals()
    for method in METHODS:
        ends = descend(r, p.truth[None], method, steps=100, rate=1e-3)
        assert ends.losses[0] < 1e-12 * r.scale


def test_too_large_a_rate_keeps_the_best_point():
    _, r = residuals()
    starts = np.random.default_rng(2).standard_normal((3, r.n_coefficients))
    ends = descend(r, starts, "gradient descent", steps=50, rate=1e6)
    assert np.isfinite(ends.losses).all() and np.array_equal(ends.coefficients, starts)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"method": "sgd"}, ValueError, "method must be one of .*'sgd'"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"rate": 0}, ValueError, "rate must be a positive number, got 0"),
        ({"starts": [[1.0]]}, ValueError, "starts must be rows of 5 numbers"),
        ({"starts": [1.0] * 5}, ValueError, "starts must have 2 dimension"),
    ],
)
def test_bad_input_is_named(change, error, words):
    _, r = residuals()
    given = {"starts": np.zeros((1, 5)), "method": "Adam"} | change
    with pytest.raises(error, match=words):
        descend(r, **given)


def test_a_largest_residual_is_refused():
    with pytest.raises(ValueError, match="squared loss"):
        descend(planted().residuals("mean-sup"), np.zeros((1, 4)), "Adam")
