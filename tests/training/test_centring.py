"""Squared losses are proven for all coefficients, without bounds; a wrong candidate never is."""

import json
import re
from fractions import Fraction
from time import sleep

import numpy as np
import pytest

import polysos as ps
from benchmarks.squared_losses import one_output
from polysos.training import centred, centring
from polysos.training.centred import GramMatrices, centred_proof, uncentred_bound
from polysos.training.gram_basis import row_space_basis
from polysos.training.recovery import polish
from polysos.training.residuals import Residuals
from polysos.training.variable_projection import SIZES, VariableProjection
from tests.planted import brute_force, loss_of, planted
from tests.sceptic import sceptic

SQUARES = ("sample-squares", "mean-squares")
SHAPES = {
    "line": {"degrees": (1,), "width": [2, 3, 1]},
    "cubic": {"degrees": (3,), "width": [2, 3, 1]},
    "(2,2), one output": {"degrees": (2, 2), "width": [4, 6, 5, 1]},
    "(2,3), one output": {"degrees": (2, 3), "width": [4, 6, 5, 1]},
    "(1,1,1)": {"degrees": (1, 1, 1), "width": [3, 4, 4, 3, 2]},
    "(2,1,2), biases": {"degrees": (2, 1, 2), "width": [3, 4, 4, 3, 1], "biases": True},
    "many outputs": {"degrees": (2, 2), "width": 8},
}


def noisy(shape, noise=0.3, samples=60, seed=0):
    """Noise of each sample its own, as a share of the spread of the true outputs."""
    p = planted(samples=samples, fan_in=True, seed=seed, **SHAPES[shape])
    rng, spread = np.random.default_rng(seed + 1), p.outputs.std()
    return p.with_outputs(p.outputs + noise * spread * rng.standard_normal(p.outputs.shape))


def lowest(r, starts=20):
    rng = np.random.default_rng(0)
    ends = [polish(r, rng.standard_normal(r.n_coefficients)) for _ in range(starts)]
    return min(ends, key=r.loss)


def matrices_of(r):
    return GramMatrices(row_space_basis(r), r.targets)


@pytest.mark.parametrize("noise", [0.05, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_ordinary_least_squares_are_proven_without_bounds(shape, noise):
    p = noisy(shape, noise)
    f = p.fit(loss="sample-squares", method="auto")
    assert f.certified and f.gap <= 1e-9 and f.strength > 0 and "without bounds" in f.message
    assert f.proof.verify(ps.fitting_problem(p.net, p.inputs, p.outputs))
    best = brute_force(p, "sample-squares", starts=3)
    assert f.loss <= loss_of(p.net, p.inputs, p.outputs, "sample-squares", best) * (1 + 1e-9)


@pytest.mark.parametrize("outputs", [9, 7, 6])
def test_fewer_outputs_than_monomials_are_proven(outputs):
    """Ten monomials: the mean residuals leave some of them open."""
    p = planted((2, 2), [8, 8, 8, outputs], samples=40, noise=0.05, fan_in=True)
    f = p.fit(loss="mean-squares", method="auto")
    assert f.certified and f.gap <= 1e-9
    assert f.proof.verify(ps.fitting_problem(p.net, p.inputs, p.outputs, "mean-squares"))


def test_the_proof_does_not_grow_with_the_samples(tmp_path):
    sizes = []
    for samples in (100, 1000):
        f = noisy("(2,2), one output", samples=samples).fit(loss="sample-squares", method="auto")
        f.proof.save(tmp_path / "proof.json")
        sizes.append((tmp_path / "proof.json").stat().st_size)
        assert f.certified and sceptic(tmp_path / "proof.json")
    assert sizes[1] < 1.3 * sizes[0] < 100_000


def test_a_tampered_gram_matrix_is_refused(tmp_path):
    f = noisy("(2,2), one output").fit(loss="sample-squares", method="auto")
    path = tmp_path / "proof.json"
    f.proof.save(path)
    saved = json.loads(path.read_text())
    entry = saved["gram"][0]["matrix"][1][1]
    saved["gram"][0]["matrix"][1][1] = str(Fraction(entry) + Fraction(1, 10**9))
    path.write_text(json.dumps(saved))
    assert not ps.Proof.load(path).verify() and not sceptic(path)


@pytest.mark.parametrize("loss", SQUARES)
@pytest.mark.parametrize("shape", ["(2,2), one output", "many outputs"])
def test_the_strength_holds_at_every_point(shape, loss):
    """f(c) >= level + strength d(c)^2, with d the distance of the predictions."""
    p = noisy(shape, 0.5)
    f, rng = p.fit(loss=loss, method="auto"), np.random.default_rng(5)
    ours = p.net(f.coefficients, p.inputs)
    for size in (1e-6, 1e-3, 0.1, 1.0, 10.0):
        c = f.coefficients + size * rng.standard_normal(len(f.coefficients))
        away = p.net(c, p.inputs) - ours
        if loss == "mean-squares":
            away = away.mean(axis=0, keepdims=True)
        distance = (away**2).sum(axis=1).mean()
        value = loss_of(p.net, p.inputs, p.outputs, loss, c)
        assert value * (1 + 1e-9) >= f.level + f.strength * distance
        assert distance**0.5 <= f.prediction_radius(value - f.loss) * (1 + 1e-6) + 1e-9


def test_a_local_minimum_that_is_not_global_is_never_proven():
    """Whatever local searches end at: a proof only where the loss is the least of all."""
    p = noisy("(2,2), one output", 0.5)
    r, rng = p.residuals("sample-squares"), np.random.default_rng(1)
    matrices, problem, seen = matrices_of(r), r.dense_problem(), []
    least = r.loss(lowest(r))
    for _ in range(30):
        c = polish(r, 2 * rng.standard_normal(r.n_coefficients))
        found = centred_proof(problem, matrices, [c])
        seen.append(r.loss(c) > least * (1 + 1e-6))
        if seen[-1]:
            assert found is None or float(found.proof.bound) <= least * (1 + 1e-9)
        else:
            assert found.proof.bound >= Fraction(least * (1 - 1e-9))
    assert any(seen) and not all(seen)


def test_a_point_that_is_not_stationary_gives_at_most_a_lower_bound():
    p = noisy("(2,2), one output")
    r = p.residuals("sample-squares")
    best = lowest(r)
    for size in (1e-4, 1e-2, 0.3):
        c = best + size * np.array([1.0, -1.0, 1.0, 1.0, -1.0])
        found = centred_proof(r.dense_problem(), matrices_of(r), [c])
        assert found is None or float(found.proof.bound) <= r.loss(best) * (1 + 1e-12)


def test_a_bound_that_is_too_low_is_not_proven():
    """A candidate a little beside the minimum has a certificate, and a bound below its loss."""
    p = noisy("(2,2), one output")
    r = p.residuals("sample-squares")
    c = lowest(r) * (1 + 1e-3)
    found = centred_proof(r.dense_problem(), matrices_of(r), [c])
    assert 0 < float(found.proof.bound) < r.loss(c) * (1 - 1e-6)
    wanted = r.loss(c) * (1 - 1e-6)
    assert centred_proof(r.dense_problem(), matrices_of(r), [c], wanted=wanted) is None


def test_where_least_squares_stall_the_program_proves():
    p = noisy("(2,3), one output", 1.0, seed=3)
    r = p.residuals("sample-squares")
    matrices, best = matrices_of(r), lowest(r)
    assert matrices.around([best]).by_least_squares()[0] < 0
    assert centred_proof(r.dense_problem(), matrices, [best], program=False) is None
    found = centred_proof(r.dense_problem(), matrices, [best])
    assert found.how == "semidefinite program" and found.proof.verify(r.dense_problem())
    assert float(found.proof.bound) >= r.loss(best) * (1 - 1e-9)


def far_from_the_model(target, seed):
    """Three layers of degree 2, one output, a hundred samples that no such network explains."""
    p = planted((2, 2, 2), [4, 6, 5, 4, 1], samples=100, seed=seed, fan_in=True)
    X, drawn = p.inputs, np.random.default_rng(seed + 1).standard_normal((100, 1))
    return p.with_outputs(drawn if target == "noise" else np.sin(2 * X[:, :1]) + X[:, 1:2])


def test_relations_with_long_numbers_take_part():
    """Where columns of F depend on each other, some have thousands of digits; without: no proof."""
    r = far_from_the_model("noise", 4).residuals("sample-squares")
    basis = row_space_basis(r)
    search, rng = VariableProjection(r), np.random.default_rng(0)
    ends = [polish(r, search.search(rng, sizes)) for sizes in SIZES * 6]
    best = min(ends, key=r.loss)
    matrices = GramMatrices(basis, r.targets)
    found = centred_proof(r.dense_problem(), matrices, [best])
    assert found.proof.verify(r.dense_problem())
    assert float(found.proof.bound) >= r.loss(best) * (1 - 1e-9)


def test_a_solver_that_fails_costs_the_proof_and_no_more(monkeypatch):
    p = noisy("(2,3), one output", 1.0, seed=3)
    r = p.residuals("sample-squares")
    monkeypatch.setattr(centred, "largest_smallest_eigenvalue", lambda *_: None)
    assert centred_proof(r.dense_problem(), matrices_of(r), [lowest(r)]) is None


def test_a_solver_that_lies_proves_nothing_false(monkeypatch):
    p = noisy("(2,3), one output", 1.0, seed=3)
    r = p.residuals("sample-squares")
    best, rng = lowest(r), np.random.default_rng(0)

    def lie(start, moves, *_):
        return rng.standard_normal(moves.shape[1])

    for name in ("largest_smallest_eigenvalue", "largest_corner"):
        monkeypatch.setattr(centred, name, lie)
    found = centred_proof(r.dense_problem(), matrices_of(r), [best])
    assert found is None or float(found.proof.bound) <= r.loss(best) * (1 + 1e-12)
    bound = uncentred_bound(r.dense_problem(), matrices_of(r), best, r.loss(best))
    assert bound is None or float(bound.bound) <= r.loss(best) * (1 + 1e-12)


@pytest.mark.parametrize("case, noise", [("(2,3), one output", 1.0), ("many outputs", 0.1)])
def test_without_a_centre_there_is_a_bound_near_the_loss(case, noise):
    """Of a candidate that is not the best, as of the best: no centred certificate exists for it."""
    p = noisy(case, noise, seed=3)
    r = p.residuals("sample-squares")
    best = lowest(r)
    for candidate in (best, best + 0.01):
        loss = r.loss(candidate)
        proof = uncentred_bound(r.dense_problem(), matrices_of(r), candidate, loss)
        assert proof.verify() and 0.9 * r.loss(best) < float(proof.bound)
        assert float(proof.bound) <= r.loss(best) * (1 + 1e-12)


def test_bounds_that_exclude_the_best_are_obeyed():
    """Then no certificate for all coefficients can meet the loss, and boxes take over."""
    p = noisy("many outputs", 0.1)
    free = p.fit(loss="sample-squares", method="auto")
    end = 0.9 * np.abs(free.coefficients).max()
    f = p.fit(loss="sample-squares", method="auto", bounds=(-end, end))
    assert f.certified and f.loss > free.loss and np.abs(f.coefficients).max() <= end
    wide = p.fit(loss="sample-squares", method="auto", bounds=(-9, 9))
    assert wide.certified and wide.loss == pytest.approx(free.loss, rel=1e-12) and wide.strength > 0


def test_bad_starts_are_left_for_better_ones(monkeypatch):
    p = noisy("(2,2), one output", 0.5)
    honest = p.fit(loss="sample-squares", method="auto")
    monkeypatch.setattr(centring, "linear_start", lambda r: np.full(r.n_coefficients, -3.0))
    f = p.fit(loss="sample-squares", method="auto")
    assert f.certified and f.loss == pytest.approx(honest.loss, rel=1e-9)


def test_a_time_limit_ends_the_search():
    p = noisy("(2,3), one output", 20.0)
    f = p.fit(loss="sample-squares", method="auto", time_limit=1e-6)
    assert f.seconds < 5 and f.lower_bound <= f.loss


@pytest.mark.parametrize("solver", ["honest", "broken"])
def test_a_search_without_success_leaves_time_for_a_bound(monkeypatch, solver):
    p = noisy("(2,3), one output", 1.0, seed=3)
    honest = VariableProjection.search

    def slow(self, *given):
        sleep(0.3)
        return honest(self, *given)

    monkeypatch.setattr(VariableProjection, "search", slow)
    monkeypatch.setattr(centring, "centred_proof", lambda *_: None)
    if solver == "broken":
        monkeypatch.setattr(centred, "largest_corner", lambda *_: None)
    f = p.fit(loss="sample-squares", method="auto", time_limit=3.0)
    assert f.proof.verify()
    assert (0.9 if solver == "honest" else 0.5) * f.loss < f.lower_bound <= f.loss


def test_many_samples_are_proven_as_quickly():
    """Compiled in floats; columns that depend on each other still do so exactly."""
    p = noisy("(2,2), one output", samples=200_000)
    f = p.fit(loss="sample-squares", method="auto")
    assert f.residuals.in_floats and f.certified and f.gap < 1e-9 and f.data_error > 0
    assert f.residuals.exact.rank() < len(f.residuals.exponents) + 1
    assert "data_error" in f.message and f.proof.verify(
        ps.fitting_problem(p.net, p.inputs, p.outputs)
    )


def parabola(q):
    """|(t, t^2) - (0, q)|^2: the points of a parabola nearest to a point of its axis."""
    return Residuals(np.array([[1], [2]]), np.eye(2), np.array([0.0, q]), True, ("t",))


@pytest.mark.parametrize("q", [0.75, 2.0, 100.0])
def test_two_minimizers_that_predict_differently_are_proven_together(q):
    """Around one of them there is no certificate: the other would have to be worse."""
    r, t = parabola(q), np.sqrt(q - 0.5)
    both = [np.array([t]), np.array([-t])]
    assert r.loss(both[0]) == pytest.approx(q - 0.25) and matrices_of(r).distance(*both) > t
    assert centred_proof(r.dense_problem(), matrices_of(r), both[:1]) is None
    found = centred_proof(r.dense_problem(), matrices_of(r), both)
    assert found.proof.verify(r.dense_problem()) and found.strength == 0
    assert 0 <= 1 - float(found.proof.bound) / (q - 0.25) < 1e-6


def test_points_that_are_no_minimizers_are_not_proven_together():
    r = parabola(2.0)
    for t in (0.5, 1.0, 2.0):
        pair = [np.array([t]), np.array([-t])]
        found = centred_proof(r.dense_problem(), matrices_of(r), pair)
        assert found is None or float(found.proof.bound) <= 1.75


def mirrored(seed):
    """Even data, and a network that is not: with x -> -x, a minimizer gives another one."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape) for shape in ((3, 2), (3, 3), (1, 3))]
    net, X = ps.PolynomialNetwork(weights, degrees=(1, 3)), rng.standard_normal((8, 2))
    y = rng.standard_normal((8, 1))
    return net, np.vstack([X, -X]), np.vstack([y, y])


@pytest.mark.parametrize("seed, listed", [(3, 2), (4, 2), (5, 2), (7, 2), (9, 1)])
def test_a_second_minimizer_is_listed_and_never_denied(seed, listed):
    """Where it is missed, the proven radius of the predictions reaches it all the same."""
    net, X, Y = mirrored(seed)
    f = ps.fit(net, X, Y)
    other = f.coefficients * [-1, 1, 1, 1, 1]  # c1,1
    assert f.certified and f.proof.verify(ps.fitting_problem(net, X, Y))
    apart = np.sqrt(np.mean((net(other, X) - net(f.coefficients, X)) ** 2))
    worse = max(loss_of(net, X, Y, "sample-squares", other) - f.loss, 0.0)
    assert 0.05 < apart <= f.prediction_radius(worse + 1e-12 * f.loss)
    assert len(f.minimizers) >= listed
    if f.strength > 0:
        stated = float(re.search("within (\\S+) of these", f.message).group(1))
        assert apart <= stated


def test_a_proof_that_all_predict_the_same_says_how_nearly():
    f = noisy("(2,2), one output").fit(loss="sample-squares", method="auto")
    stated = float(re.search("within (\\S+) of these", f.message).group(1))
    assert f.prediction_radius() <= stated < 1e-4 * np.sqrt(f.loss)


def test_a_minimizer_that_few_searches_find_is_found():
    """One search in ten or fewer ends there; the first thirty all ended elsewhere."""
    found = ps.fit(*one_output((3, 3), "pure noise", 15))
    assert found.certified and found.gap < 1e-9 and found.proof.verify()
