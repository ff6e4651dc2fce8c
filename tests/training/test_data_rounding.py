"""What rounding explains: enough for every perfect fit, and little beside any other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polysos.paper.experiments import planted_instance
from polysos.training.data_rounding import data_rounding
from tests.planted import LOSSES, Planted, exact_loss, planted

SIZES = {"D1": ((3,), [3, 6, 6]), "D2": ((2, 1), [6, 12, 6, 7]), "D3": ((1, 1, 1), 8)}


def of(p: Planted, loss, c=None) -> float:
    c = p.truth if c is None else c
    return data_rounding(p.net, p.inputs, p.outputs, loss, p.residuals(loss), c)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(SIZES)), st.sampled_from(LOSSES), st.integers(0, 10**6))
def test_it_explains_what_a_network_computes_of_itself(name, loss, seed):
    """Outputs of the network in floats: the exact loss at its own coefficients is rounding."""
    degrees, width = SIZES[name]
    p = planted(degrees, width, samples=7, seed=seed)
    assert float(exact_loss(p, loss, p.truth)) <= of(p, loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_it_is_little_beside_any_misfit(loss):
    """1e-9 of what a shift of the outputs by a millionth of their size makes of the loss."""
    p = planted((2, 1), samples=7)
    shifted = p.with_outputs(p.outputs * (1 + 1e-6))
    assert 0 < of(p, loss) < 1e-6 * float(exact_loss(shifted, loss, p.truth))


def test_it_is_within_a_factor_of_what_rounding_does():
    """Against the exact loss of perfect fits: within a thousand times, never below."""
    for seed in range(6):
        p = planted((2, 2), [5, 8, 8, 6], samples=20, seed=seed)
        true = float(exact_loss(p, "mean-sup", p.truth))
        assert true <= of(p, "mean-sup") <= 1e3 * true


def test_it_grows_with_the_outputs_and_not_with_the_loss():
    p = planted((2, 1), samples=7)
    large = Planted(p.net, 1e4 * p.inputs, p.net(p.truth, 1e4 * p.inputs), p.truth)
    assert of(large, "mean-sup") > 1e3 * of(p, "mean-sup")
    noisy = p.with_outputs(p.outputs + 0.1)
    assert of(noisy, "mean-sup") < 2 * of(p, "mean-sup") + 1e-15


def test_large_outputs_are_not_certified_beside_their_size():
    """Outputs of 1e8 and noise of 0.01: a gap is relative to the loss, and nothing else counts."""
    i = planted_instance((2, 3), 50, 20, "randn", "randn", seed=0)
    f = Planted(i.net, i.inputs, i.outputs, i.true_coefficients).fit()
    assert f.certified and f.gap <= 1e-6 and "exact up to rounding" not in f.message
    assert f.rounding < 1e-2 * f.loss and np.abs(i.outputs).max() > 1e6
    assert f.loss <= float(f.residuals.exact_loss(i.true_coefficients))


def test_outputs_beyond_their_own_last_digit_are_exact_up_to_rounding():
    """Outputs of 1e15 cannot carry a noise of 0.01; what is left is said in these words."""
    i = planted_instance((2, 2, 2), 50, 52, "randn", "randn", seed=0)
    f = Planted(i.net, i.inputs, i.outputs, i.true_coefficients).fit()
    planted_loss = float(f.residuals.exact_loss(i.true_coefficients))
    assert f.loss <= planted_loss and f.loss <= f.rounding < 10 * planted_loss
    assert f.certified and f.gap > 1e-6
    assert "exact up to rounding" in f.message and "exact up to rounding" in f.summary()
    assert "better" not in f.summary().splitlines()[0]
