"""The first box holds all good coefficients, whatever the data; or there is none."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.training.chain import Chain
from polysos.training.first_box import LinearSet, bound_monomials, find_first_box, is_determined
from polysos.training.recovery import linear_start, polish
from polysos.training.residuals import Residuals
from tests.planted import LOSSES, good_points, planted

F = Fraction


def boxed(loss="mean-sup", room=2.0, **options):
    p = planted(**{"noise": 0.02} | options)
    r = p.residuals(loss)
    c = polish(r, linear_start(r))
    chain = Chain.begin(r, r.problem(), F(room * r.loss(c)))
    return r, c, *find_first_box(chain, c)


@pytest.mark.parametrize("loss, fan_in", list(zip(LOSSES, [False, True, True, False], strict=True)))
@pytest.mark.parametrize("degrees", [(2,), (2, 1), (1, 1, 1)])
def test_every_good_point_is_in_the_first_box(degrees, fan_in, loss):
    r, c, chain, linear = boxed(loss, degrees=degrees, fan_in=fan_in, width=6)
    points = good_points(r, c, float(chain.level))
    assert linear is not None and len(points) > 20
    assert np.isfinite(chain.box).all()
    assert ((chain.box[:, 0] <= points) & (points <= chain.box[:, 1])).all()
    # It is of use, too: not far larger than the set that it holds.
    assert (np.diff(chain.box)[:, 0] <= 1e3 * np.ptp(points, axis=0) + 1e-9).all()


@pytest.mark.parametrize("loss", ["mean-sup", "mean-squares"])
def test_sizes_hold_for_all_monomials_of_good_points(loss):
    r, c, chain, _ = boxed(loss, degrees=(2, 1))
    sizes = {alpha[: r.n_coefficients]: v for alpha, v in chain.region.sizes.items()}
    assert sizes.keys() == {tuple(alpha) for alpha in r.exponents.tolist()}
    for point in good_points(r, c, float(chain.level)):
        for alpha, v in zip(r.exponents.tolist(), r.monomials(point), strict=True):
            assert abs(v) <= float(sizes[tuple(alpha)])


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from(["mean-sup", "mean-squares"]), st.floats(1.01, 30))
def test_smallest_values_on_the_linear_set_are_bounds(seed, loss, room):
    """L(phi) >= value wherever |F phi - targets| is at most the level, for any L on (1, phi)."""
    r, c, chain, linear = boxed(loss, room, seed=seed)
    rng = np.random.default_rng(seed)
    functional = [F(v) for v in rng.standard_normal(1 + len(r.exponents)).tolist()]
    found = linear.smallest(functional)
    weights = np.array([float(v) for v in functional])
    for point in good_points(r, c, float(chain.level), n=10):
        value = weights @ np.r_[1.0, r.monomials(point)]
        assert found.value <= value + 1e-6 * np.abs(weights).max() * np.abs(r.monomials(c)).max()
    # lambda . r = L up to a constant: what remains in the monomials is rounding
    left = np.array(weights[1:] - found.weights.astype(float) @ r.matrix)
    assert np.abs(left).max() <= 1e-9 * np.abs(weights).max()
    assert linear.smallest_loss().value <= r.loss(c) * (1 + 1e-6)


@pytest.mark.parametrize(
    "change, expected",
    [
        ("none", True),
        ("few outputs", False),
        ("a zero column", False),
        ("a doubled column", False),
        ("nearly a doubled column", False),
        ("columns of many sizes", True),
    ],
)
def test_it_is_known_whether_residuals_determine_the_monomials(change, expected):
    r = planted(noise=0.02).residuals()
    F_, rows = r.matrix.copy(), slice(None)
    if change == "few outputs":
        rows = slice(3)
    elif change == "a zero column":
        F_[:, 1] = 0
    elif change.endswith("doubled column"):
        F_[:, 1] = 2 * F_[:, 2] * (1 + 1e-15 * np.arange(6) * change.startswith("nearly"))
    elif change == "columns of many sizes":
        F_ *= 10.0 ** np.array([-6, 6, 0, 3])
    changed = Residuals(r.exponents, F_[rows], r.targets[rows], False, r.names)
    assert is_determined(changed) is expected


@pytest.mark.parametrize("loss", LOSSES)
def test_no_box_is_made_where_the_data_determine_nothing(loss):
    """Two outputs for four monomials, one sample."""
    p = planted((2, 1), [3, 4, 4, 2], samples=1, noise=0.1)
    r = p.residuals(loss)
    chain = Chain.begin(r, r.problem(), F(1))
    chain, known = find_first_box(chain, p.truth)
    assert not known.is_bounded
    assert not chain.lemmas and np.isinf(chain.box).all()


def test_a_dead_layer_bounds_what_it_can_and_nothing_else():
    """c2,1 = 0 is among the good points: then c1,1 and c1,2 can be anything, c2,0 cannot."""
    p = planted((2, 1), truth=[0.5, -0.7, 0.8, 0.0], noise=0.02)
    r = p.residuals()
    c = polish(r, linear_start(r))
    level = 2 * max(r.loss(c), r.loss(p.truth))
    chain, linear = find_first_box(Chain.begin(r, r.problem(), F(level)), c)
    assert linear is not None
    bounded = dict(zip(r.names, np.isfinite(chain.box).all(axis=1).tolist(), strict=True))
    assert bounded == {"c1,1": False, "c1,2": False, "c2,0": True, "c2,1": True}
    assert chain.box[3, 0] <= 0 <= chain.box[3, 1]
    for wild in (1e6, -1e6):
        point = np.array([wild, -wild, p.truth[2], 0.0])
        assert r.loss(point) <= level
        assert ((chain.box[:, 0] <= point) & (point <= chain.box[:, 1])).all()


@pytest.mark.parametrize("loss", ["mean-sup", "mean-squares"])
def test_columns_of_very_different_sizes_do_not_hurt(loss):
    """Inputs of size 1000: the columns of F span nine orders of magnitude."""
    p = planted((2, 1), noise=0.0)
    p = type(p)(p.net, 1000 * p.inputs, p.net(p.truth, 1000 * p.inputs), p.truth)
    r = p.residuals(loss)
    chain = Chain.begin(r, r.problem(), F(1e-6) ** (2 if r.squares else 1))
    chain, _ = find_first_box(chain, p.truth)
    assert ((chain.box[:, 0] <= p.truth) & (p.truth <= chain.box[:, 1])).all()
    assert np.diff(chain.box).max() < 1e-3


def test_the_crude_lemma_is_added_only_with_a_definite_matrix():
    r, _, chain, _ = boxed()
    fresh = Chain.begin(r, r.problem(), chain.level)
    (lemma,) = bound_monomials(fresh, LinearSet(fresh, np.zeros(r.n_coefficients))).lemmas
    assert lemma.verify() and set(fresh.with_lemma(lemma).region.sizes) == set(chain.region.sizes)
    assert not ps.Proof(**(lemma.__dict__ | {"bound": F(0)})).verify()  # phi(c) is not zero
