"""Bounds on a box: no point of it lies below, no good point is cut off, small boxes lose little."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.training.box_bounds import BoxProgram, bound_on_box, tighten_box
from polysos.training.chain import Chain
from polysos.training.recovery import linear_start, polish
from tests.planted import brute_force, good_points, planted

F = Fraction


def chain_in(box, r, level, extra=()):
    """A chain on a given box, as `fit` has it from bounds."""
    problem = r.problem()
    chain = Chain.begin(r, problem, F(level))
    for i, (low, high) in enumerate(box):
        for side in (chain.variable(i) - F(low), F(high) - chain.variable(i)):
            problem = problem.with_inequality(side)
    for make in extra:
        problem = problem.with_inequality(make(chain))
    return Chain.begin(r, problem, F(level))


def around(loss="mean-sup", width=0.2, room=1.5, **options):
    p = planted(**{"noise": 0.02, "degrees": (2, 1), "width": 5} | options)
    r = p.residuals(loss)
    c = polish(r, linear_start(r))
    box = np.column_stack([c - width / 2, c + width / 2])
    return r, c, chain_in(box.tolist(), r, room * r.loss(c))


@settings(max_examples=8)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["mean-sup", "mean-squares", "sample-sup"]),
    st.floats(0.01, 1.0),
    st.booleans(),
)
def test_no_point_of_the_box_has_a_loss_below_the_bound(seed, loss, width, definite):
    r, c, chain = around(loss, width, seed=seed, samples=2)
    program = BoxProgram(chain, definite)
    found = program.smallest_loss()
    rng = np.random.default_rng(seed)
    for z in (*rng.uniform(-1, 1, (30, len(c))), (c - program.center) / program.half):
        point = program.coefficients(np.array(z))
        assert found.value <= r.loss(point) * (1 + 1e-6) + 1e-9
    # The exact bound, from these multipliers alone, is what they promise.
    proof = chain.loss_bound(found)
    assert proof.verify() and float(proof.bound) >= min(found.value, chain.level) - 1e-5 * r.scale


@pytest.mark.parametrize("definite", [False, True])
@pytest.mark.parametrize("loss", ["mean-sup", "mean-squares", "sample-squares"])
def test_tightening_keeps_every_good_point_and_gets_somewhere(loss, definite):
    r, c, chain = around(loss)
    points = good_points(r, c, float(chain.level))
    before = chain.box.copy()
    points = points[((before[:, 0] <= points) & (points <= before[:, 1])).all(axis=1)]
    assert len(points) > 5
    chain = tighten_box(chain, definite)
    assert (before[:, 0] <= chain.box[:, 0]).all() and (chain.box[:, 1] <= before[:, 1]).all()
    assert np.diff(chain.box).sum() < 0.9 * np.diff(before).sum()
    assert ((chain.box[:, 0] <= points) & (points <= chain.box[:, 1])).all()


def test_the_gap_falls_with_the_square_of_the_width():
    """More monomials than outputs: products of coefficients are all that keeps the loss up."""
    p = planted((2, 2), [1, 2, 2, 4], samples=2, seed=1)
    p = p.with_outputs(2 * np.random.default_rng(10).standard_normal(p.outputs.shape))
    r, box = p.residuals(), np.tile([-1.0, 1.0], (5, 1))
    c, gaps = brute_force(p, "mean-sup", 20, box=box), []
    for width in (0.08, 0.04, 0.02):
        sides = np.column_stack([c - width / 2, c + width / 2]).clip(-1, 1)
        chain = chain_in(sides.tolist(), r, r.loss(c))
        gaps.append(r.loss(c) - BoxProgram(chain).smallest_loss().value)
    assert gaps[2] > 0
    assert gaps[1] < 0.4 * gaps[0] and gaps[2] < 0.4 * gaps[1]


def test_a_definite_matrix_of_products_is_never_worse():
    for loss in ("mean-sup", "mean-squares"):
        _, _, chain = around(loss, width=0.6)
        plain, definite = (BoxProgram(chain, d).smallest_loss().value for d in (False, True))
        assert definite >= plain - 1e-7


def test_an_empty_box_is_noticed_and_nothing_more_is_added():
    _, c, chain = around()
    part = chain.under(chain.variable(0) - F(c[0] + 1))
    assert part.region.is_empty
    part = tighten_box(part)
    assert not part.lemmas and part.refutation(None).holds


def test_a_box_without_good_points_is_shown_to_have_none():
    """At a level that no point of the box reaches, the bound says so."""
    r, c, _ = around()
    far = np.column_stack([c + 0.5, c + 0.6])
    chain = chain_in(far.tolist(), r, r.loss(c))
    chain = tighten_box(chain, True)
    proof = chain.loss_bound(BoxProgram(chain, True).smallest_loss())
    assert proof.verify() and proof.bound == chain.level


def test_a_side_of_width_zero_is_no_obstacle():
    r, c, _ = around()
    c = np.round(c, 6)
    box = np.column_stack([c - 0.05, c + 0.05])
    box[1] = c[1]
    # one coefficient is fixed: its interval is a point
    problem = r.problem()
    chain = Chain.begin(r, problem, F(1.5 * r.loss(c)))
    for i, (low, high) in enumerate(box.tolist()):
        problem = problem.with_inequality(chain.variable(i) - F(low))
        problem = problem.with_inequality(F(high) - chain.variable(i))
    chain = Chain.begin(r, problem, chain.level)
    found = BoxProgram(chain).smallest_loss()
    assert found.value <= r.loss(c) * (1 + 1e-6)
    chain = tighten_box(chain)
    assert ((chain.box[:, 0] <= c) & (c <= chain.box[:, 1])).all()
    assert chain.loss_bound(BoxProgram(chain).smallest_loss()).verify()


def test_a_ball_around_zero_helps():
    """Of the constraints on c alone, quadratic ones are used as they are."""
    r, c, _ = around()
    radius2 = F(float(c @ c)) * F(9, 10)  # the best coefficients are outside

    def ball(chain):
        return radius2 - sum((chain.variable(i) ** 2 for i in range(1, 4)), chain.variable(0) ** 2)

    box = np.column_stack([0.95 * c - 0.1, 0.95 * c + 0.1]).tolist()
    chain = chain_in(box, r, 0.5, (ball,))
    without, within = BoxProgram(chain_in(box, r, 0.5)), BoxProgram(chain)
    found = within.smallest_loss()
    assert found.value >= without.smallest_loss().value + 1e-3 * r.loss(c)
    proof = chain.loss_bound(found)
    assert proof.verify() and found.products[chain.own_inequalities[-1][:1]] > 1e-6
    assert float(proof.bound) <= r.loss(c * float(radius2) ** 0.5 / np.linalg.norm(c))


@pytest.mark.parametrize("loss", ["mean-sup", "mean-squares"])
def test_the_boxes_of_a_fit_shrink_and_hold_the_best(loss):
    p = planted(noise=0.1, degrees=(2, 2), width=20, samples=50, fan_in=True)
    f = p.fit(loss=loss, method="tighten")
    assert f.certified and len(f.history) >= 2
    for step, later in pairwise(f.history):
        assert (step.box[:, 0] <= later.box[:, 0]).all() and step.lower_bound <= later.lower_bound
        assert ((later.box[:, 0] <= f.coefficients) & (f.coefficients <= later.box[:, 1])).all()
    bounds = [bound_on_box(f.residuals, step.box, f.loss) for step in f.history]
    assert all(proof.verify() and proof.bound <= F(f.loss) for proof in bounds)
    assert bounds[0].bound < bounds[-1].bound


def test_no_box_is_needed_for_squares():
    p = planted(noise=0.02, degrees=(2, 1), width=5)
    f = ps.fit(p.net, p.inputs, p.outputs)
    assert f.certified and f.history == ()
