"""Recovery: starts that the monomials give away, and descents that only ever get better."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polysos.training import recovery
from polysos.training.bounds import Bounds, read_bounds
from polysos.training.recovery import linear_start, monomial_shifts, polish
from tests.planted import LOSSES, brute_force, loss_of, planted

DEGREES = [(2,), (2, 1), (1, 2), (2, 2), (1, 1, 1), (2, 1, 2)]


@pytest.mark.parametrize("degrees", DEGREES)
def test_each_shift_multiplies_by_its_coefficient(degrees):
    r = planted(degrees).residuals()
    c = np.random.default_rng(0).standard_normal(r.n_coefficients)
    known = np.r_[1.0, r.monomials(c)]
    shifts = monomial_shifts(r.exponents)
    assert len(shifts) == r.n_coefficients
    for v, (lower, raised) in zip(c, shifts, strict=True):
        assert len(lower) and np.allclose(known[raised], v * known[lower])
        assert (lower == 0).sum() in (0, len(lower)) and (0 not in lower or len(lower) == 1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("fan_in", [False, True])
@pytest.mark.parametrize("degrees", [(2,), (2, 1), (1, 1, 1)])
def test_noiseless_coefficients_are_read_off_the_monomials(degrees, fan_in, loss):
    p = planted(degrees, fan_in=fan_in)
    assert np.allclose(linear_start(p.residuals(loss)), p.truth, atol=1e-7)


@pytest.mark.parametrize("outputs", [1, 2, 6])
def test_a_start_is_finite_whatever_is_missing(outputs):
    """Zero data, zero columns, fewer outputs than monomials: numbers, and no warning."""
    p = planted((2, 1), [3, 4, 4, outputs])
    for data in (p, p.with_outputs(0 * p.outputs)):
        for loss in LOSSES:
            with np.errstate(all="raise", under="ignore"):
                assert np.isfinite(linear_start(data.residuals(loss))).all()


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from(LOSSES), st.sampled_from(DEGREES[:4]))
def test_polishing_never_makes_it_worse(seed, loss, degrees):
    p = planted(degrees, 5, samples=3, noise=0.3, seed=seed)
    r = p.residuals(loss)
    start = np.random.default_rng(seed).standard_normal(r.n_coefficients)
    assert r.loss(polish(r, start)) <= r.loss(start)


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from(LOSSES), st.booleans())
def test_polishing_stays_in_the_box_or_the_ball(seed, loss, ball):
    p = planted((2, 1), 5, samples=3, noise=0.3, seed=seed)
    r, rng = p.residuals(loss), np.random.default_rng(seed)
    start = rng.uniform(-0.4, 0.4, r.n_coefficients)
    box = np.tile([-0.5, 0.5], (r.n_coefficients, 1))
    box[1] = -np.inf, 0.25
    if ball:
        c = polish(r, start, read_bounds(0.9, r.names))
        assert np.linalg.norm(c) <= 0.9 * (1 + 1e-15)
    else:
        c = polish(r, start, Bounds(box))
        assert (box[:, 0] <= c).all() and (c <= box[:, 1]).all()
    assert r.loss(c) <= r.loss(start) * (1 + 1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("degrees", [(3,), (2, 1), (1, 1, 1)])
def test_from_the_planted_coefficients_it_ends_at_the_best_that_others_find(degrees, loss):
    p = planted(degrees, noise=0.05)
    r = p.residuals(loss)
    best = r.loss(polish(r, p.truth))
    others = brute_force(p, loss, starts=2)
    assert best <= loss_of(p.net, p.inputs, p.outputs, loss, others) * (1 + 1e-6) + 1e-12


def test_a_descent_without_its_programs_returns_what_it_has(monkeypatch):
    monkeypatch.setattr(recovery, "minimize_linear", lambda *a, **k: None)
    p = planted(noise=0.05)
    r = p.residuals()
    assert r.loss(polish(r, p.truth)) <= r.loss(p.truth)


@pytest.mark.parametrize("start", [1e200, 1e-300])
def test_numbers_beyond_the_floats_are_survived(start):
    p = planted((2, 2), noise=0.05)
    for loss in LOSSES:
        r = p.residuals(loss)
        with np.errstate(all="ignore"):
            c = polish(r, np.full(r.n_coefficients, start))
            assert not r.loss(c) > r.loss(np.full(r.n_coefficients, start))
