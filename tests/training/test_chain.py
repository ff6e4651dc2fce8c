"""Chains of lemmas: whatever multipliers are claimed, what is added is true of all good points."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.proof import Proof
from polysos.training.chain import Chain, trivial_proof
from polysos.training.first_box import find_first_box
from polysos.training.multipliers import Multipliers, grid_for, short, shortened_down
from polysos.training.recovery import linear_start, polish
from tests.planted import good_points, planted

F = Fraction
LOSSES = ("mean-sup", "mean-squares")


def start(loss, seed=0, room=2.0, **options):
    """Residuals, their best coefficients, a level above the loss, and a chain with a first box."""
    p = planted(**({"degrees": (1, 1), "width": 4, "noise": 0.05, "seed": seed} | options))
    r = p.residuals(loss)
    c = polish(r, linear_start(r))
    level = F(room * r.loss(c))
    chain, _ = find_first_box(Chain.begin(r, r.problem(), level), c)
    return r, c, level, chain


@cache
def chain_and_points(loss):
    r, c, level, chain = start(loss)
    return r, chain, good_points(r, c, float(level))


@pytest.fixture(params=LOSSES)
def started(request):
    return chain_and_points(request.param)


def holds(proof: Proof, chain: Chain) -> bool:
    """Whether a proof about the set that a chain is about verifies with its lemmas."""
    assert proof.problem.inequalities == chain.problem.inequalities
    return proof.verify()


def extended(r, points):
    """Points with the added variables that the problem has."""
    added = [r(c) if r.squares else [r.loss(c)] for c in points]
    return np.column_stack([points, added])


@st.composite
def claims(draw):
    """A generator of numbers, and what kinds of wrong multipliers to claim."""
    return np.random.default_rng(draw(st.integers(0, 10**6))), draw(st.integers(0, 15))


def claimed(chain, rng, kinds) -> Multipliers:
    n, m = chain.n, len(chain.r.targets)
    sides = len(chain.problem.inequalities) + rng.integers(0, 2 * n, (4, 2))
    products = {tuple(map(int, key)): float(rng.normal()) for key in sides}
    if kinds & 4:
        products[chain.exact.level_key] = float(rng.normal())
    B = rng.standard_normal((n + 1, n + 1))
    gram = (B @ B.T if kinds & 1 else B + B.T) if kinds & 2 else None
    weights = rng.standard_normal(m) * (0.0 if kinds & 8 and not kinds & 2 else 1.0)
    return Multipliers(rng.standard_normal() * 1e3, weights, products, gram)


@settings(max_examples=25)
@given(claims())
@pytest.mark.parametrize("loss", LOSSES)
def test_whatever_is_claimed_the_lemma_is_true(loss, claim):
    """Random multipliers, of any sign, and Gram matrices that need not be definite."""
    rng, kinds = claim
    _, chain, points = chain_and_points(loss)
    chain = chain.under(chain.variable(0) + 10**6)  # a copy with no lemmas, on the same region
    i, sign = int(rng.integers(chain.n)), int(rng.choice([-1, 1]))
    f = chain.variable(i, sign)
    found = claimed(chain, rng, kinds)
    for on_box in (True, False):
        longer = chain.bound_below(f, found, grid=2.0**-20 if kinds & 1 else 0.0, on_box=on_box)
        if longer is not chain:
            chain, bound = longer, longer.lemmas[-1].bound
            assert all(F(sign) * F(float(c[i])) >= bound for c in points)
    proven = float(chain.loss_bound(found).bound)
    assert all(proven <= chain.r.loss(c) * (1 + 1e-9) for c in points)
    assert ((chain.box[:, 0] <= points) & (points <= chain.box[:, 1])).all()
    # The assumption holds everywhere: no multipliers refute it.
    assert chain.refutation(found) is None


def test_the_first_lemmas_verify_one_after_the_other(started):
    r, chain, points = started
    assert np.isfinite(chain.box).all() and len(chain.lemmas) >= 2 * chain.n
    bound = chain.loss_bound(Multipliers(0.0, np.ones(len(r.targets))))
    assert holds(bound, chain) and bound.lemmas == chain.lemmas
    assert bound.sublevel == chain.level
    for lemma in chain.lemmas:
        values = lemma.problem.objective(extended(r, points))
        assert float(lemma.bound) <= values.min() + 1e-9 * np.abs(values).max()


def test_the_bound_of_the_loss_is_at_most_the_level(started):
    """Above the level nothing is known: the chain speaks of the points below it."""
    _, chain, _ = started
    part = chain.under(chain.variable(0) - 10**6)  # nothing is left
    assert part.region.is_empty
    zero = Multipliers(np.inf, np.zeros(len(chain.r.targets)))
    assert part.loss_bound(zero).bound == chain.level
    refuted = part.refutation(zero)
    assert refuted.assumption and refuted.proves_infeasibility and not refuted.verify()


def test_a_part_has_lemmas_of_its_own(started):
    """What is shown under an assumption must not leak into the chain that made it."""
    _, chain, _ = started
    before, n_lemmas = chain.box.copy(), len(chain.lemmas)
    part = chain.under(chain.variable(0) - F(float(chain.box[0].mean())))
    nothing = Multipliers(0.0, np.zeros(len(chain.r.targets)))
    part = part.bound_below(part.variable(0, -1), nothing, 0.0)
    assert part.box[0, 0] == chain.box[0].mean()
    assert (chain.box == before).all() and len(chain.lemmas) == n_lemmas
    assert len(part.lemmas) == 1 and part.problem != chain.problem


def test_a_ratio_with_a_bound_that_is_too_good_is_refused():
    """d (f - bound) >= 0 has to hold exactly: multipliers that nearly do it do not count."""
    r, c, level, chain = start("mean-sup", degrees=(2, 1), width=6)
    points = good_points(r, c, float(level))
    lemma = next(v for v in chain.lemmas if v.denominator is not None)
    f, i = lemma.problem.objective, int(lemma.problem.objective.exponents[0].argmax())
    sign = int(f.coefficients[0])
    attained = F(float((sign * points[:, i]).min()))
    zero = Multipliers(0.0, np.zeros(len(r.targets)))
    for bound in (attained + F(1, 1000), attained + 1, F(10) ** 6):
        assert chain.bound_ratio(f, bound, zero, lemma.denominator) is chain
        assert chain.bound_with_gram(f, lemma.gram, bound) is chain
    assert chain.lemmas[-1] is not None and chain.box[i, 0] <= c[i] <= chain.box[i, 1]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_trivial_proof_holds_with_and_without_bounds(loss):
    r = planted().residuals(loss)
    problem = r.problem()
    for given_problem in (problem, problem.with_inequality(problem.objective * 0 + 1)):
        proof = trivial_proof(r, given_problem)
        assert proof.verify() and proof.bound == 0
        assert not ps.Proof(**(proof.__dict__ | {"bound": F(1, 10**9)})).verify()


# Numbers


@given(st.lists(st.floats(-1e200, 1e200), min_size=1, max_size=5))
def test_short_numbers_are_near_and_short(values):
    top = max(map(abs, values))
    for v, s in zip(values, short(values), strict=True):
        assert abs(s - F(v)) <= max(abs(F(v)) / 2**39, F(top) * F(1, 10**12))
        assert s.numerator.bit_length() <= 41 or s.denominator == 1


def test_exact_numbers_stay_as_they_are():
    assert short([F(1, 3), F(10**50)]) == [F(1, 3), F(10**50)]


@given(st.fractions())
def test_shortening_down_is_down_and_hardly(value):
    s = shortened_down(value)
    assert s <= value <= s + abs(value) / 2**58


@pytest.mark.parametrize("size, grid", [(1.0, 2.0**-12), (5.0, 2.0**-10), (0.0, 0.0), (np.inf, 0)])
def test_grids_are_powers_of_two(size, grid):
    assert grid_for(size) == grid
