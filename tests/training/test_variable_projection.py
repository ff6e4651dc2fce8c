"""Searches in the inner coefficients: the planted ones are found, and nothing is made worse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.training.compilation import compile_residuals
from polysos.training.recovery import polish
from polysos.training.variable_projection import SIZES, VariableProjection
from tests.planted import planted


def reduced(degrees, loss="sample-squares", **options):
    options = {"width": [4, *([5] * len(degrees)), 1], "samples": 60, "fan_in": True} | options
    return planted(degrees, **options).residuals(loss)


@pytest.mark.parametrize("degrees", [(3,), (1, 2), (2, 2), (2, 3), (2, 1, 1)])
def test_planted_coefficients_are_found_from_nearly_every_start(degrees):
    r = reduced(degrees)
    search, rng = VariableProjection(r), np.random.default_rng(0)
    ends = np.array([r.loss(search.search(rng)) for _ in range(6)])
    assert (ends < 1e-12 * r.scale).sum() >= 4


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(1,), (2,), (2, 1), (1, 2), (2, 2), (1, 1, 2)]),
    st.sampled_from(["sample-squares", "mean-squares"]),
)
def test_the_reduced_problem_is_the_problem(seed, degrees, loss):
    """Its values are losses, with the best last coefficients; its slopes vanish at its minima."""
    r, rng = reduced(degrees, loss, seed=seed, noise=0.3), np.random.default_rng(seed)
    search = VariableProjection(r)
    assert search.n_inner == sum(degrees[:-1])
    u = rng.standard_normal((3, search.n_inner))
    values = search.values(u)
    for point, value in zip(u, values, strict=True):
        c = search.completed(point)
        assert value <= r.loss(c) + 1e-9 * r.scale  # less only where columns are dependent
        moved = c + np.r_[np.zeros(search.n_inner), 0.1 * rng.standard_normal(degrees[-1] + 1)]
        assert r.loss(c) <= r.loss(moved) * (1 + 1e-9) + 1e-12 * r.scale
    end = search.search(rng)
    assert r.loss(polish(r, end)) >= 0.9 * r.loss(end) - 1e-12 * r.scale


def test_one_coefficient_that_is_nearly_zero_is_found():
    """A target far from the model: the best first activation is nearly constant, others are not."""
    rng = np.random.default_rng([0, 2, 2, 2])
    shapes = [(6, 4), (5, 6), (4, 5), (1, 4)]
    net = ps.PolynomialNetwork([rng.standard_normal(s) / np.sqrt(s[1]) for s in shapes], (2, 2, 2))
    X = rng.standard_normal((100, 4))
    r = compile_residuals(net, X, np.sin(2 * X[:, :1]) + X[:, 1:2], "sample-squares")
    search, least = VariableProjection(r), {}
    for sizes in SIZES:
        rng = np.random.default_rng(0)
        least[sizes] = min((search.search(rng, sizes) for _ in range(20)), key=r.loss)
    best = least.pop("own")
    assert all(r.loss(best) < 0.99 * r.loss(c) for c in least.values())
    assert np.abs(best[:2]).max() < 0.01 < 0.5 < np.abs(best[2:4]).max()


def test_wild_numbers_end_in_an_answer():
    r = reduced((2, 2), noise=0.3)
    for size in (1e-150, 1e60):
        wild = type(r)(r.exponents, r.matrix * size, r.targets * size, r.squares, r.names)
        with np.errstate(all="ignore"):
            assert len(VariableProjection(wild).search(np.random.default_rng(0))) == 5


def test_residuals_without_a_linear_layer_are_refused():
    r = reduced((2, 2))
    bent = type(r)(2 * r.exponents, r.matrix, r.targets, r.squares, r.names)
    with pytest.raises(ValueError, match="linear in coefficients that stand last"):
        VariableProjection(bent)
