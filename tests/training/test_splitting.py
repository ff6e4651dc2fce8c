"""Splitting: parts are excluded by proofs inside proofs, and never one that holds a good point."""

from contextlib import contextmanager
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

import polysos as ps
from polysos.training import splitting
from polysos.training.bounds import Bounds
from polysos.training.box_bounds import BoxProgram
from polysos.training.chain import Chain
from polysos.training.compilation import compile_residuals
from polysos.training.splitting import exclude_all
from tests.planted import brute_force, planted

F = Fraction


HARD = {"degrees": (1, 2), "width": [1, 2, 2, 3], "samples": 2, "seed": 3}
LOSSES = ("mean-sup", "mean-squares")


@cache
def hard(loss):
    """Residuals that do not determine the monomials, and their best coefficients in [-1, 1]."""
    p = planted(**HARD)
    p = p.with_outputs(2 * np.random.default_rng(13).standard_normal(p.outputs.shape))
    box = np.tile([-1.0, 1.0], (p.net.n_coefficients, 1))
    return p.residuals(loss), brute_force(p, loss, 20, box=box)


def chain_at(level, r, low=-1.0, high=1.0):
    n = r.n_coefficients
    problem = Bounds(np.tile([low, high], (n, 1))).applied_to(r.problem(), n)
    return Chain.begin(r, problem, F(level))


def exclude(chain, go_on=lambda c: True):
    said = []
    return exclude_all(chain, go_on, said.append), said


@contextmanager
def weak_programs():
    """Nothing but products of two sides, and no smaller boxes: many parts are needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "BoxProgram", lambda chain, thorough=False: BoxProgram(chain))
        patch.setattr(splitting, "tighten_box", lambda chain, **options: chain)
        yield


@cache
def excluded(loss):
    """Residuals, a proof in parts that no loss is below 0.9 of the best, and the best."""
    r, c = hard(loss)
    with weak_programs():
        proof, _ = exclude(chain_at(0.9 * r.loss(c), r))
    return r, proof, r.loss(c)


@pytest.fixture(scope="module", params=LOSSES)
def split(request):
    r, c = hard(request.param)
    with weak_programs():
        chain = chain_at(0.9 * r.loss(c), r)
        return (chain, *exclude(chain))


def parts(proof):
    """All refutations in a proof, however deep."""
    for lemma in proof.lemmas:
        yield from parts(lemma)
        if lemma.assumption:
            yield lemma


def test_a_level_below_the_optimum_is_excluded_with_proof(split):
    chain, proof, _ = split
    assert proof is not None and proof.verify() and proof.bound == chain.level


def test_it_takes_parts_and_each_is_refuted(split, tmp_path):
    _, proof, said = split
    assert said and list(parts(proof))
    for part in parts(proof):
        assert part.proves_infeasibility and not part.verify()  # of no use on its own
    path = tmp_path / "proof.json"
    proof.save(path)
    assert ps.Proof.load(path).verify()


@pytest.mark.parametrize("share", [1.0, 2.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_level_that_is_reached_is_never_excluded(loss, share, monkeypatch):
    monkeypatch.setattr(splitting, "_MOST_PARTS", 4)
    r, c = hard(loss)
    proof, _ = exclude(chain_at(share * float(r.exact_loss(c)) * (1 + 1e-15), r))
    assert proof is None


def test_two_perfect_fits_far_apart_are_both_kept(monkeypatch):
    """t = c1,1 enters as c20 + c21 (1 + t) + c22 (1 + t)^2 only: a whole family fits."""
    monkeypatch.setattr(splitting, "_MOST_PARTS", 6)
    net = ps.PolynomialNetwork([[[1.0]], [[1.0], [1.0]], [[1.0, 0.0]]], (1, 2))
    r = compile_residuals(net, [[1.0], [-1.0]], [[1.0], [1.0]], "sample-sup")
    proof, _ = exclude(chain_at(0.01, r))
    assert proof is None


def test_it_gives_up_when_it_is_told_to():
    r, c = hard("mean-sup")
    asked = []

    def late(point):
        asked.append(point)
        return len(asked) < 2

    with weak_programs():
        proof, said = exclude(chain_at(0.999 * r.loss(c), r), late)
    assert proof is None and len(asked) == 2 and len(said) == 1
    assert all((np.abs(point) <= 1).all() for point in asked)  # in the box


def test_an_empty_box_is_excluded_at_once():
    r, _ = hard("mean-sup")
    chain = chain_at(0.5, r)
    proof, said = exclude(chain.under(chain.variable(0) - 10))
    assert proof.bound == F(1, 2) and not said


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_box_without_end_is_not_split():
    r, _ = hard("mean-sup")
    proof, _ = exclude(Chain.begin(r, r.problem(), F(1, 100)))
    assert proof is None


def test_intervals_between_two_floats_are_not_split_for_ever():
    r, c = hard("mean-sup")
    box = np.column_stack([0.9 * c, np.nextafter(0.9 * c, np.inf)])
    problem = Bounds(box).applied_to(r.problem(), len(c))
    proof, said = exclude(Chain.begin(r, problem, F(2 * r.loss(c))))
    assert proof is None and len(said) <= 4 * len(c)
