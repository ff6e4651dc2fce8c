"""Ranges: no input of the box leads out of them, and they are not wider than they must be."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polysos as ps
from polysos.training.ranges import value_ranges


def values(net, c, x):
    """v_1, h_1, v_2, ..., v_(D+1) at inputs."""
    found, h = [], x
    for k, (W, b) in enumerate(net.layers):
        v = h @ W.T + (0 if b is None else b)
        found.append(v)
        if k < len(net.degrees):
            h = np.polynomial.polynomial.polyval(v, net.activations(c)[k])
            found.append(h)
    return found


@given(st.integers(0, 10**6))
def test_no_input_leads_out_of_the_ranges(seed):
    rng = np.random.default_rng(seed)
    widths = [2, 3, 2, 1]
    weights = [rng.standard_normal(s) for s in zip(widths[1:], widths[:-1], strict=True)]
    biases = [rng.standard_normal(m) for m in widths[1:]]
    net = ps.PolynomialNetwork(weights, (3, 2), biases, normalised=False)
    c = rng.standard_normal(net.n_coefficients)
    lower = rng.uniform(-2, 1, 2)
    upper = lower + rng.uniform(0, 2, 2)
    x = rng.uniform(lower, upper, (200, 2))
    x = np.vstack([x, lower, upper])
    for v, (low, high) in zip(
        values(net, c, x), (r.T for r in value_ranges(net, c, lower, upper)), strict=True
    ):
        room = 1e-12 * (1 + np.abs(v).max())  # of the values, which are rounded themselves
        assert (v >= low - room).all() and (v <= high + room).all()


def test_a_single_layer_is_sharp_at_the_ends():
    net = ps.PolynomialNetwork([[[1.0]], [[1.0]]], (3,))
    *_, out = value_ranges(net, [1.0, 1.0, 1.0, 1.0], [0.0], [1.0])  # increasing
    assert np.allclose(out, [[1.0, 4.0]], rtol=1e-14) and out[0, 0] <= 1 and out[0, 1] >= 4


def test_a_box_of_one_point_gives_the_values():
    rng = np.random.default_rng(0)
    net = ps.PolynomialNetwork([rng.standard_normal((3, 3))] * 3, (2, 2))
    c, x = rng.standard_normal(5), rng.standard_normal(3)
    *_, out = value_ranges(net, c, x, x)
    assert np.allclose(out, net(c, x[None]).T, rtol=1e-12)


def test_fractions_are_not_rounded_before_the_proof():
    """1/3 (1 + 2^-60) - 1/3 is positive; with either rounded first it is 0 or less."""
    third, a_bit_more = Fraction(1, 3), Fraction(1, 3) * (1 + Fraction(1, 2**60))
    weights = [np.array([[Fraction(1)]]), np.array([[Fraction(1)]])]
    net = ps.PolynomialNetwork(weights, (1,), [np.array([-third]), None])
    x, c = [a_bit_more], [Fraction(0), Fraction(1)]
    v, h, out = value_ranges(net, c, x, x)
    exact = float(third / 2**60)
    for low, high in (v[0], h[0], out[0]):
        assert low <= exact <= high and high - low < 1e-15


@pytest.mark.parametrize(
    "lower, upper, words",
    [
        ([0.0], [1.0, 1.0], "lower must be 2 numbers, one an input, got 1"),
        ([0.0, 2.0], [1.0, 1.0], "lower must be at most upper, got 2.0 and 1.0 at 1"),
        ([0.0, np.inf], [1.0, 1.0], "lower must be finite"),
    ],
)
def test_bad_boxes_are_refused(lower, upper, words):
    net = ps.PolynomialNetwork([np.eye(2), np.eye(2)], (2,))
    with pytest.raises(ValueError, match=words):
        value_ranges(net, [1.0, 1.0, 1.0], lower, upper)
