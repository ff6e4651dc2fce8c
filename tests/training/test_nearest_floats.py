"""Rounding all coefficients together loses less than rounding each alone."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.paper.experiments import planted_instance
from polysos.training.nearest_floats import best_floats
from polysos.training.recovery import linear_start, polish
from polysos.training.residuals import Residuals
from tests.planted import Planted


def linear(J, residual) -> Residuals:
    """r(d) = J d + residual."""
    n = J.shape[1]
    names = tuple(f"d{i}" for i in range(n))
    return Residuals(np.eye(n, dtype=np.int64), J, -residual, False, names)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 8))
def test_no_rounding_of_each_coefficient_is_better(seed, n, m):
    """Steps of one unit in the last place matter: d is half-way between floats."""
    rng = np.random.default_rng(seed)
    c = rng.uniform(1, 2, n)
    J = rng.standard_normal((m, n)) * 10.0 ** rng.uniform(0, 3, n)
    d = rng.uniform(-3, 3, n) * np.spacing(c)
    local = linear(J, -J @ d)  # zero at d
    best = best_floats(local, c, d)
    assert best.shape == c.shape and np.isfinite(best).all()
    # c + d in floats is one of the roundings
    assert local.loss(best - c) <= local.loss((c + d) - c) * (1 + 1e-9)


def test_it_gains_digits_where_outputs_are_large():
    i = planted_instance((2, 3), 150, 30, "randn", "randn", seed=9)
    r = Planted(i.net, i.inputs, i.outputs, i.true_coefficients).residuals()
    c = polish(r, linear_start(r))
    for _ in range(2):
        local = r.around(c).residuals(r)
        d = polish(local, np.zeros_like(c))
        each, together = c + d, best_floats(local, c, d)
        floor, c = local.loss(d), together
    lost = [float(r.exact_loss(v)) / floor - 1 for v in (each, together)]
    assert -1e-9 < lost[1] < 0.5 * lost[0]  # a fifth on most processors


@pytest.mark.parametrize("J", [np.zeros((3, 2)), np.full((3, 2), np.inf)])
def test_where_nothing_matters_each_is_rounded(J):
    c, d = np.array([1.0, 2.0]), np.array([1e-17, 0.5])
    with np.errstate(all="ignore"):
        assert (best_floats(linear(J, np.zeros(3)), c, d) == c + d).all()


def test_nothing_is_printed_by_the_solver(capfd):
    """HiGHS says a line of its own, past all options, where its rounded points are not feasible."""
    rng = np.random.default_rng(0)
    W = [rng.standard_normal(shape) for shape in ((4, 3), (4, 4), (2, 4))]
    inputs, outputs = 1e6 + rng.standard_normal((10, 3)), rng.standard_normal((10, 2))
    ps.fit(ps.PolynomialNetwork(W, degrees=(2, 1)), inputs, outputs, loss="mean-sup")
    os.write(1, b"and what others print is there")
    assert capfd.readouterr().out == "and what others print is there"
