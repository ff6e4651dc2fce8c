"""Training: what is certified is the global optimum, and anybody can check it."""

import copy
import json
from dataclasses import FrozenInstanceError
from fractions import Fraction
from functools import cache
from math import inf, isnan, nextafter
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.training import box_bounds, candidates, first_box, recovery, tightening
from polysos.training.cones import minimize_linear
from polysos.training.splitting import exclude_all
from tests.planted import (
    LOSSES,
    Planted,
    brute_force,
    exact_loss,
    loss_of,
    planted,
    size_of,
)
from tests.problems import example
from tests.sceptic import sceptic
from tests.training.test_splitting import excluded

F = Fraction
SHAPES = {  # degrees of D = 1, 2, 3 layers, and widths
    "D1": {"degrees": (3,), "width": [3, 6, 6]},
    "D2": {"degrees": (2, 1), "width": [6, 12, 6, 7]},
    "D3": {"degrees": (1, 1, 1), "width": 8},
}


@cache
def fitted(shape, loss, fan_in=False, noise=0.02):
    p = planted(samples=6, noise=noise, fan_in=fan_in, **SHAPES[shape])
    return p, p.fit(loss=loss)


def check(f: ps.Fit, p: Planted, loss: str) -> None:
    """Fail unless everything that a fit says of itself is consistent and proven."""
    assert f.status in ("certified", "bound") and f.certified == (f.status == "certified")
    assert f.message and f.seconds > 0 and np.isfinite(f.coefficients).all()
    assert f.proof.verify() and F(f.lower_bound) <= f.proof.bound
    exact = f.residuals.exact_loss(f.coefficients)
    assert F(f.lower_bound) <= exact <= F(f.loss) and (
        exact == 0 or exact > nextafter(f.loss, -inf)
    )
    assert f.gap == pytest.approx((f.loss - f.lower_bound) / f.loss if f.loss else 0.0)
    assert f.certified == (f.gap <= 1e-6 or f.loss <= f.rounding)
    assert ("exact up to rounding" in f.message) == (f.certified and f.gap > 1e-6)
    assert (f.box[:, 0] <= f.coefficients).all() and (f.coefficients <= f.box[:, 1]).all()
    assert len(f.minimizers) == 0 or f.certified
    if f.certified:
        assert len(f.minimizers) >= 1 and (f.minimizers[0] == f.coefficients).all()
        for c in f.minimizers:
            found = loss_of(p.net, p.inputs, p.outputs, loss, c)
            assert found <= f.loss * (1 + 1e-6) + f.rounding + 1e-12 * f.residuals.scale
    true = exact_loss(p, loss, f.coefficients)  # of the data, not of what was made of them
    if f.residuals.squares:  # a triangle has entries of 128 bits
        assert abs(float(true - exact)) <= 2.0**-100 * float(size_of(p, loss, f.coefficients))
    else:
        assert true == exact


# Against brute force


@pytest.mark.parametrize("loss, fan_in", list(zip(LOSSES, [False, False, True, True], strict=True)))
@pytest.mark.parametrize("shape", SHAPES)
def test_noisy_fits_are_certified_and_nothing_is_better(shape, fan_in, loss):
    p, f = fitted(shape, loss, fan_in)
    check(f, p, loss)
    assert f.certified and f.loss > 0
    best = brute_force(p, loss, starts=2)
    found = loss_of(p.net, p.inputs, p.outputs, loss, best)
    assert f.lower_bound <= found * (1 + 1e-9) and f.loss <= found * (1 + 1e-6)
    if np.isfinite(f.box).all() and found <= f.loss:
        assert ((f.box[:, 0] <= best) & (best <= f.box[:, 1])).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("fan_in", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_noiseless_coefficients_are_recovered_with_proof(shape, fan_in, loss):
    p, f = fitted(shape, loss, fan_in, noise=0.0)
    check(f, p, loss)
    assert f.certified and f.lower_bound == 0 and len(f.minimizers) == 1
    assert np.allclose(f.coefficients, p.truth, rtol=0, atol=1e-6)
    assert np.diff(f.box).max() < 1e-4
    assert ((f.box[:, 0] <= p.truth) & (p.truth <= f.box[:, 1])).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_example_3_4_is_fitted_exactly(loss):
    """The printed minimizer, and a loss of exactly 0 (a triangular factor is rounded)."""
    net, X, Y, data = example()
    f = ps.fit(net, X, Y, loss=loss)
    check(f, Planted(net, np.array(X), np.array(Y), None), loss)
    expected = [data["minimizer"][name] for name in f.names]
    assert f.certified and np.allclose(f.coefficients, expected, atol=1e-7)
    if loss != "sample-squares":
        assert f.loss == 0 == f.lower_bound and f.coefficients.tolist() == expected


def any_problem(seed, loss):
    """A small network with any outputs, often fewer than monomials; bounds are given."""
    rng = np.random.default_rng(seed)
    degrees = [(1,), (2,), (1, 1), (2, 1), (1, 2)][rng.integers(5)]
    width = [int(w) for w in rng.integers(1, 4, len(degrees) + 2)]
    p = planted(degrees, width, samples=int(rng.integers(1, 4)), seed=seed)
    return p.with_outputs(p.outputs + rng.choice([0.1, 2.0]) * rng.standard_normal(p.outputs.shape))


@settings(max_examples=6)
@given(st.integers(0, 10**6), st.sampled_from(LOSSES), st.booleans())
def test_no_loss_found_by_anybody_is_below_the_bound(seed, loss, ball):
    """On a box or in a ball, whatever the data determine: certified or not, never wrong."""
    p, n = any_problem(seed, loss), None
    n = p.net.n_coefficients
    box = np.tile([-1.0, 1.5], (n, 1))
    f = p.fit(loss=loss, bounds=1.2 if ball else box, time_limit=0.4)
    check(f, p, loss)
    limits = {"radius": 1.2} if ball else {"box": box}
    best = brute_force(p, loss, starts=6, **limits)
    found, slip = loss_of(p.net, p.inputs, p.outputs, loss, best), 1e-12 * f.residuals.scale
    assert f.lower_bound <= found + slip
    if f.certified:
        assert f.loss <= found * (1 + 2e-6) + 1e-8 * f.residuals.scale
    if ball:
        assert sum(F(v) ** 2 for v in f.coefficients.tolist()) <= F(1.2) ** 2
    else:
        assert ((box[:, 0] <= f.coefficients) & (f.coefficients <= box[:, 1])).all()


# Liars


def lies():
    rng = np.random.default_rng(0)

    def noise(a):
        return rng.standard_normal(np.shape(a))

    return {
        "nothing": lambda s: None,
        "nothing, half of the time": lambda s: None if rng.random() < 0.5 else s,
        "noisy multipliers": lambda s: s._replace(
            multipliers=s.multipliers * (1 + 0.1 * noise(s[1]))
        ),
        "negative multipliers": lambda s: s._replace(multipliers=-s.multipliers),
        "multipliers of nothing": lambda s: s._replace(multipliers=0 * s.multipliers),
        "any multipliers": lambda s: s._replace(multipliers=1e3 * noise(s.multipliers)),
        "another point": lambda s: s._replace(x=s.x + 100 * noise(s.x)),
        "no point": lambda s: s._replace(x=np.nan * s.x),
        "a value too large": lambda s: s._replace(value=1e6),
        "an infinite value": lambda s: s._replace(value=inf),
        "a value too small": lambda s: s._replace(value=-1e6),
        "no value": lambda s: s._replace(value=np.nan),
    }


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "loss, bounds, lie",
    [
        *(("mean-sup", None, lie) for lie in lies()),
        *(("mean-squares", (-2, 2), lie) for lie in list(lies())[2::2]),
    ],
)
def test_what_programs_claim_may_weaken_a_result_but_never_make_it_wrong(
    loss, bounds, lie, monkeypatch
):
    p, honest = lied_to(loss)
    change = lies()[lie]

    def liar(*arguments, **options):
        found = minimize_linear(*arguments, **options)
        return None if found is None else change(found)

    def exclude(chain, *rest):  # boxes that are not bounded: see test_splitting.py
        return exclude_all(chain, *rest) if chain.is_bounded else None

    monkeypatch.setattr(tightening, "exclude_all", exclude)
    for module in (first_box, box_bounds, recovery):
        monkeypatch.setattr(module, "minimize_linear", liar)
    f = p.fit(loss=loss, bounds=bounds, time_limit=0.15)
    check(f, p, loss)
    assert honest.lower_bound <= f.loss and f.lower_bound <= honest.loss


@cache
def lied_to(loss):
    p = planted((1, 1), 5, noise=0.05, seed=1)
    honest = p.fit(loss=loss)
    assert honest.certified
    return p, honest


@pytest.mark.parametrize("loss", LOSSES)
def test_a_bad_local_minimum_is_never_certified(loss, monkeypatch):
    """A recovery that is stuck: either better coefficients turn up, or there is only a bound."""
    p, honest = lied_to(loss)
    stuck = honest.coefficients + 0.3
    monkeypatch.setattr(tightening, "linear_start", lambda r: stuck)
    monkeypatch.setattr(candidates, "polish", lambda r, start, bounds: stuck)
    f = p.fit(loss=loss, time_limit=0.1)
    check(f, p, loss)
    assert not f.certified and f.loss > 1.1 * honest.loss and f.lower_bound <= honest.loss


@pytest.mark.parametrize("loss", ["mean-sup", "sample-squares"])
def test_a_bad_start_is_left_for_a_better_one(loss, monkeypatch):
    p, honest = lied_to(loss)
    monkeypatch.setattr(tightening, "linear_start", lambda r: np.array([-3.0, 4.0, 5.0]))
    f = p.fit(loss=loss)
    check(f, p, loss)
    assert f.certified and f.loss == pytest.approx(honest.loss, rel=2e-6)


# Proof files


def of_a_fit(found):
    _, f = found
    assert f.certified
    return f.residuals, f.proof, f.loss


FILES = {
    "ratios": lambda: of_a_fit(lied_to("mean-sup")),
    "D1": lambda: of_a_fit(fitted("D1", "mean-sup")),
    "squares": lambda: of_a_fit(lied_to("sample-squares")),
    "parts": lambda: excluded("mean-sup"),
}


@pytest.fixture(scope="module", params=FILES)
def saved(request, tmp_path_factory):
    r, proof, loss = FILES[request.param]()
    path = tmp_path_factory.mktemp("proofs") / "proof.json"
    proof.save(path)
    return request.param, r, proof, loss, path


def test_a_sceptic_accepts_a_saved_proof(saved):
    name, r, proof, loss, path = saved
    assert ps.Proof.load(path).verify() and sceptic(path)
    d = json.loads(path.read_text())
    bound, denominator = d["bound"].split("/")
    assert F(int(bound), int(denominator)) == proof.bound and 0 < proof.bound <= F(loss)
    lemmas = every_lemma(d)
    assert len(lemmas) >= (3 if name == "parts" else 2 * r.n_coefficients)
    assert any(v["assumption"] for v in lemmas) == (name == "parts")
    assert any(v["denominator"] for v in lemmas) == (name in ("ratios", "squares"))


def test_the_proof_is_about_the_rows_of_the_residuals(saved):
    """theta - r_j >= 0 and theta + r_j >= 0, or rho_j = r_j; read from the file."""
    _, r, _, _, path = saved
    d, n = json.loads(path.read_text()), r.n_coefficients
    assert d["variables"][:n] == list(r.names)

    def read(terms):
        return {tuple(alpha): F(c) for c, alpha in terms}

    added = len(d["variables"]) - n
    zero = (0,) * (n + added)
    for j, row in enumerate(r.exact.tolist()):
        phi = [(*alpha, *(0,) * added) for alpha in r.exponents.tolist()]
        *row, target = [F(int(v.p), int(v.q)) for v in row]
        rest = dict(zip(phi, row, strict=True))
        rest[zero] = rest.get(zero, 0) - target
        rest = {alpha: c for alpha, c in rest.items() if c}
        own = tuple(int(i == n + (j if r.squares else 0)) for i in range(n + added))
        minus = {own: F(1)} | {alpha: -c for alpha, c in rest.items()}
        if r.squares:
            assert read(d["equalities"][j]) == minus
        else:
            assert read(d["inequalities"][2 * j]) == {own: F(1)} | rest
            assert read(d["inequalities"][2 * j + 1]) == minus
    power = 2 if r.squares else 1
    own = [tuple(power * (i == n + k) for i in range(n + added)) for k in range(added)]
    assert read(d["objective"]) == dict.fromkeys(own, 1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_proof_is_bound_to_the_data_and_to_no_others(shape, loss, tmp_path):
    p, f = fitted(shape, loss)
    f.proof.save(tmp_path / "proof.json")
    proof = ps.Proof.load(tmp_path / "proof.json")
    assert proof.verify(ps.fitting_problem(p.net, p.inputs, p.outputs, loss))
    outputs = p.outputs.copy()
    outputs[0, 0] = np.nextafter(outputs[0, 0], np.inf)
    assert not proof.verify(ps.fitting_problem(p.net, p.inputs, outputs, loss))
    for other in set(LOSSES) - {loss}:
        assert not proof.verify(ps.fitting_problem(p.net, p.inputs, p.outputs, other))
    bounded = ps.fitting_problem(p.net, p.inputs, p.outputs, loss, bounds=(-9, 9))
    assert proof.verify(bounded)  # on fewer coefficients it holds as well
    within = p.fit(loss=loss, bounds=(-9, 9))
    assert within.proof.verify(bounded)


def test_the_fitting_problem_is_the_paper_s_in_rationals():
    """(3.2), as `training_problem` makes it from the same data as fractions."""
    p = planted((2, 1), [3, 4, 3, 5], samples=3, noise=0.1)

    def exact(A):
        return np.vectorize(F, otypes=[object])(A)

    net = ps.PolynomialNetwork([exact(W) for W in p.net.weights], p.net.degrees)
    expected = net.training_problem(exact(p.inputs), exact(p.outputs))
    assert ps.fitting_problem(p.net, p.inputs, p.outputs, "mean-sup") == expected


def every_lemma(d) -> list:
    return [v for lemma in d["lemmas"] for v in (lemma, *every_lemma(lemma))]


def times(number: str, factor) -> str:
    return str(F(number) * F(factor))


def tampered(d):
    """Every kind of entry, changed so that the file says something false or out of nothing."""

    def changed(change, where=None):
        new = copy.deepcopy(d)
        change(new if where is None else next(v for v in every_lemma(new) if where(v)))
        return new

    def constants(v):
        return [b for b in v["gram"] if "constant" in b]

    def multiply(v, factor):
        block = max(constants(v), key=lambda b: F(b["constant"]))
        block["constant"] = times(block["constant"], factor)

    def is_end(v):
        return v["assumption"] is None and [sum(a) for _, a in v["objective"]] == [1]

    def raise_both(v):
        v.update(bound=times(v["bound"], 2), sublevel=times(v["sublevel"], 2))

    def raise_level(v):
        place = [a for _, a in v["inequalities"][-1]].index([0] * n)
        v["inequalities"][-1][place][0] = times(v["sublevel"], 2)

    def change_f(v):
        rows = v["equalities"] or v["inequalities"]
        rows[0][0][0] = times(rows[0][0][0], F(3, 2))

    def negative(v):
        v["denominator"] = [[times(c, -1), a] for c, a in v["denominator"]]

    n = len(d["variables"])
    first, one = [int(k == 0) for k in range(n)], [0] * n
    yield "bound", changed(lambda v: v.update(bound=times(v["sublevel"], F(1001, 1000))))
    yield "sublevel", changed(lambda v: v.update(sublevel=times(v["sublevel"], 2)))
    yield "bound and sublevel", changed(raise_both)
    yield "level", changed(raise_level)
    yield "bound, sublevel and level", changed(lambda v: (raise_level(v), raise_both(v)))
    yield "scale", changed(lambda v: v.update(scale=[times(s, -1) for s in v["scale"]]))
    yield "objective", changed(lambda v: v["objective"].append(["-1/1", one]))
    if not d["equalities"]:
        yield "no multipliers", changed(lambda v: v.update(gram=[]))
    if constants(d):
        yield "a negative multiplier", changed(lambda v: multiply(v, -1))
    yield "multipliers of a lemma", changed(lambda v: v.update(gram=[]), constants)
    if any(map(is_end, every_lemma(d))):
        yield "an end of the box", changed(lambda v: v.update(bound=str(F(v["bound"]) + 1)), is_end)
    if any(v["denominator"] for v in every_lemma(d)):
        ratio = next(k for k, v in enumerate(d["lemmas"]) if v["denominator"])
        none = {"denominator": None}
        yield "no denominator", changed(lambda v: v.update(none), lambda v: v["denominator"])
        yield "a negative denominator", changed(negative, lambda v: v["denominator"])
        yield "a denominator of unknown sign", changed(lambda v: v["lemmas"].pop(ratio - 1))
        yield "all lemmas gone", changed(lambda v: v.update(lemmas=[]))
        yield "first lemma gone", changed(lambda v: v["lemmas"].pop(0))
        yield "lemmas backward", changed(lambda v: v["lemmas"].reverse())
        yield "an entry of F", changed(change_f)
    if any(v["assumption"] for v in every_lemma(d)):
        always = {"assumption": [["1/1", first], ["5/1", one]]}
        for what, change in {
            "an assumption that is true": always,
            "an assumption gone": {"assumption": None},
            "a refutation of nothing": {"bound": "0/1"},
            "a refutation of nothing constant": {"objective": [["1/1", first]]},
        }.items():
            yield what, changed(lambda v, c=change: v.update(c), lambda v: v["assumption"])


def test_a_tampered_file_fails(saved, tmp_path):
    name, *_, path = saved
    d = json.loads(path.read_text())
    changed = tmp_path / "changed.json"
    accepted = []
    for what, new in tampered(d):
        changed.write_text(json.dumps(new))
        if sceptic(changed):
            accepted.append(f"sceptic: {what}")
        try:
            if ps.Proof.load(changed).verify():
                accepted.append(f"verify: {what}")
        except ValueError:
            pass
    assert not accepted, name


def test_whatever_is_changed_nothing_false_is_verified(tmp_path):
    """Any number of a file but the data themselves: refused, or the bound is below the loss."""
    _, f = lied_to("mean-sup")
    path, rng = tmp_path / "proof.json", np.random.default_rng(0)
    f.proof.save(path)
    d, refused = json.loads(path.read_text()), 0
    places = [*numbers({k: d[k] for k in d.keys() - {"inequalities", "objective", "variables"}})]
    for k in rng.choice(len(places), 60, replace=False):
        *way, last = places[k]
        new = copy.deepcopy(d)
        target = new
        for key in way:
            target = target[key]
        old = target[last]
        target[last] = (
            str(F(old) * F(int(rng.integers(-8, 9)), 4) + F(int(rng.integers(-1, 2)), 100))
            if isinstance(old, str)
            else int(old) + int(rng.integers(-1, 2))
        )
        path.write_text(json.dumps(new))
        try:
            proof = ps.Proof.load(path)
        except ValueError:
            refused += 1
            continue
        verdict = proof.verify()
        refused += not verdict
        assert not verdict or proof.bound <= F(f.loss), f"{places[k]}: {old} became {target[last]}"
    assert refused > 20


def numbers(data, way=()):
    for key in data if isinstance(data, dict) else range(len(data)):
        if isinstance(data[key], (dict, list)):
            yield from numbers(data[key], (*way, key))
        elif isinstance(data[key], (int, str)) and not isinstance(data[key], bool):
            if key not in ("format", "message"):
                yield (*way, key)


def test_a_proof_needs_no_solver(saved, monkeypatch):
    *_, path = saved

    def none(*arguments, **options):
        raise AssertionError("a solver was asked")

    import clarabel
    import cvxpy

    monkeypatch.setattr(clarabel, "DefaultSolver", none)
    monkeypatch.setattr(cvxpy.Problem, "solve", none)
    assert ps.Proof.load(path).verify()


def test_a_sceptic_can_check_fits_with_bounds(tmp_path):
    p, honest = lied_to("sample-sup")
    f = p.fit(loss="sample-sup", bounds=(-2, 2))
    check(f, p, "sample-sup")
    assert f.certified and f.loss == pytest.approx(honest.loss, rel=2e-6)
    f.proof.save(tmp_path / "proof.json")
    assert sceptic(tmp_path / "proof.json")


# What the data do not determine


def dead_layer(noise=0.0):
    """With noise that no monomial can make smaller: signs of a vector orthogonal to all columns."""
    p = planted((2, 1), 6, truth=[0.5, -0.7, 0.8, 0.0])
    orthogonal = np.linalg.svd(p.residuals().matrix.T)[2][-1]
    return p.with_outputs(p.outputs + noise * np.sign(orthogonal))


def zero_constant(noise=0.0):
    """h_1 = 2 v_1, without a constant: no c with c_1,0 = 1 gives this network."""
    p = planted((1, 1), 6, seed=2)
    W1, W2, W3 = p.net.weights
    outputs = (2 * (p.inputs @ W1.T) @ W2.T + 0.7) @ W3.T
    return p.with_outputs(outputs + noise * np.random.default_rng(0).standard_normal(6))


def seven_outputs():
    """More outputs than coefficients, but fewer than monomials, and no perfect fit."""
    return planted((2, 2), [3, 8, 8, 7], samples=3, noise=0.3)


def symmetric(noise=0.0):
    """Samples x and -x with the same outputs: the sign of c1,1 is free, all else is determined."""
    rng = np.random.default_rng(0)
    net = ps.PolynomialNetwork([[[1.0], [-0.5]], rng.standard_normal((5, 2)), np.eye(5)], (1, 2))
    X, c = np.array([[1.0], [-1.0]]), np.array([0.8, 0.5, -0.7, 0.9])
    mean = net(c, X).mean(axis=0) + noise * rng.standard_normal(5)
    return Planted(net, X, np.array([mean, mean]), c)


def vanishing(layer):
    p = planted((2, 1), [3, 4, 4, 5], samples=3)
    W = [w.copy() for w in p.net.weights]
    W[layer][:] = 0
    outputs = np.random.default_rng(1).standard_normal(p.outputs.shape)
    return Planted(ps.PolynomialNetwork(W, (2, 1)), p.inputs, outputs, p.truth)


def duplicates(doubled):
    """Outputs that repeat others, or are zero: six rows of F of rank two or three."""
    p = planted((2, 1), [3, 6, 6, 6], noise=0.02)
    W = [w.copy() for w in p.net.weights]
    W[-1][doubled:] = W[-1][0]
    W[-1][5] = 0
    return Planted(ps.PolynomialNetwork(W, (2, 1)), p.inputs, p.outputs, p.truth)


DEGENERATE = {
    "one sample": lambda: planted((2, 1), 6, samples=1, noise=0.02),
    "one sample, any output": lambda: any_outputs(planted((2, 1), 6, samples=1)),
    "two outputs": lambda: any_outputs(planted((2, 1), [3, 4, 4, 2])),
    "one output, one sample": lambda: any_outputs(planted((2, 2), [3, 4, 4, 1], samples=1)),
    "dead layer": dead_layer,
    "dead layer, noise": lambda: dead_layer(0.02),
    "c10 = 0": zero_constant,
    "c10 = 0, noise": lambda: zero_constant(0.02),
    "symmetric": symmetric,
    "zero outputs": lambda: (p := planted((2, 1), 5)).with_outputs(0 * p.outputs),
    "zero inputs": lambda: Planted((p := planted()).net, 0 * p.inputs, p.outputs, p.truth),
    "zero W1": lambda: vanishing(0),
    "zero W2": lambda: vanishing(1),
    "zero W3": lambda: vanishing(2),
    "duplicate outputs": lambda: duplicates(3),
    "width 1": lambda: Planted(
        ps.PolynomialNetwork([[[1.0]], [[1.0]]], (1,)),
        np.array([[2.0]]),
        np.array([[3.0]]),
        np.array([3.0, 0.0]),
    ),
    "width 1, three outputs": lambda: Planted(
        ps.PolynomialNetwork([[[1.0]], [[1.0], [2.0], [3.0]]], (1,)),
        np.array([[2.0], [1.0]]),
        np.array([[3.0, 1.0, 2.0], [7.0, 8.0, 1.0]]),
        np.ones(2),
    ),
}


def any_outputs(p):
    return p.with_outputs(np.random.default_rng(5).standard_normal(p.outputs.shape))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "number, bounds",
    [*((k, None) for k in range(len(DEGENERATE))), *((k, (-2, 2)) for k in range(0, 17, 4))],
    ids=lambda v: list(DEGENERATE)[v] if isinstance(v, int) else "box" if v else "free",
)
def test_degenerate_data_give_honest_results_in_finite_time(number, bounds):
    """One loss each, in turn; no warnings, no exceptions, no wrong values."""
    p = list(DEGENERATE.values())[number]()
    loss = LOSSES[(number + (bounds is None)) % 4]
    f = p.fit(loss=loss, bounds=bounds, time_limit=0.1)
    check(f, p, loss)
    if bounds is not None:
        assert np.abs(f.coefficients).max() <= 2
    box = None if bounds is None else np.tile([-2.0, 2.0], (len(p.truth), 1))
    best = brute_force(p, loss, starts=2, box=box)
    found = loss_of(p.net, p.inputs, p.outputs, loss, best)
    assert f.lower_bound <= found * (1 + 1e-9) + 1e-12 * f.residuals.scale
    assert f.loss <= found * (1 + 1e-6) + 1e-9 * f.residuals.scale or not f.certified


def undetermined(f) -> bool:
    """Whether the message says which coefficients are not determined."""
    return "do not determine" in f.message and all(
        name in f.message
        for name, (low, high) in zip(f.names, f.box.tolist(), strict=True)
        if not high - low < inf
    )


def test_a_dead_layer_under_noise_is_named():
    """The best has c2,1 = 0: c1,1 and c1,2 are free there."""
    f = dead_layer(0.02).fit()
    assert undetermined(f) and "c1,1, c1,2" in f.message and "dead" in f.message
    assert np.isfinite(f.box[2:]).all() and np.isinf(f.box[:2]).all()


def test_a_network_outside_the_normalisation_has_a_far_minimizer_under_noise():
    """c1,1 is to be infinite; noise leaves it finite, and all better ones in a box around it."""
    f = zero_constant(0.02).fit()
    assert f.certified and abs(f.coefficients[0]) > 1000 and np.isfinite(f.box).all()


@pytest.mark.parametrize("name", ["dead layer", "c10 = 0", "zero outputs", "two outputs"])
def test_perfect_fits_name_what_the_data_do_not_determine(name):
    f = DEGENERATE[name]().fit(loss="mean-sup", time_limit=0.5)
    assert f.certified and np.isinf(f.box).any() and undetermined(f)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_the_data_do_determine_is_not_called_undetermined(shape):
    _, f = fitted(shape, "mean-squares")
    assert np.linalg.matrix_rank(f.residuals.matrix) == len(f.residuals.exponents)
    assert "do not determine" not in f.message and np.isfinite(f.box).all()


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_several_minimizers_are_told_apart_and_none_is_called_the_only_one(noise):
    """c1,1 = 0.8 and c1,1 = -0.8 are as good."""
    p = symmetric(noise)
    f = p.fit(bounds=(-2, 2), time_limit=5)
    check(f, p, "mean-sup")
    mirrored = f.coefficients * [-1, 1, 1, 1]
    assert f.residuals.loss(mirrored) == pytest.approx(f.loss, rel=1e-9, abs=1e-14)
    assert ((f.box[:, 0] <= mirrored) & (mirrored <= f.box[:, 1])).all()
    if f.certified and noise:
        assert len(f.minimizers) == 2 and "there may be more" in f.message
        assert np.allclose(
            np.sort(f.minimizers[:, 0]), [-abs(mirrored[0]), abs(mirrored[0])], atol=1e-4
        )
    else:
        assert len(f.minimizers) > 1 or "width at most 4" in f.message or not f.certified


def test_bounds_make_certain_what_data_do_not_determine():
    """Two outputs for four monomials; the samples in all determine nothing more than c2,0."""
    p = any_outputs(planted((2, 1), [3, 4, 4, 2]))
    for loss in ("sample-sup", "sample-squares"):
        for bounds in ((-1, 1), 1.0):
            f = p.fit(loss=loss, bounds=bounds)
            check(f, p, loss)
            assert f.certified
            limits = {"radius": 1.0} if bounds == 1.0 else {"box": np.tile([-1.0, 1.0], (4, 1))}
            best = brute_force(p, loss, starts=2, **limits)
            found = loss_of(p.net, p.inputs, p.outputs, loss, best)
            assert f.lower_bound <= found * (1 + 1e-9) and f.loss <= found * (1 + 1e-6)


def test_bounds_that_exclude_the_best_are_kept():
    p, honest = lied_to("mean-sup")
    c = honest.coefficients
    pairs = [(c[0] + 0.1, c[0] + 0.5), None, (-9, 9)]
    f = p.fit(bounds=pairs)
    check(f, p, "mean-sup")
    assert f.certified and f.loss > 1.01 * honest.loss
    assert (
        f.coefficients[0] == pytest.approx(c[0] + 0.1, abs=1e-3) and f.coefficients[0] >= c[0] + 0.1
    )


@pytest.mark.parametrize("loss", ["mean-sup", "sample-squares"])
def test_a_ball_that_excludes_the_best_is_kept(loss):
    """On the sphere that bounds it, the best is not always found as exactly as elsewhere."""
    p, honest = lied_to(loss)
    radius = 0.9 * np.linalg.norm(honest.coefficients)
    f = p.fit(loss=loss, bounds=radius, time_limit=0.5)
    check(f, p, loss)
    assert f.loss > 1.01 * honest.loss
    assert sum(F(v) ** 2 for v in f.coefficients.tolist()) <= F(radius) ** 2


def test_the_best_in_a_ball_is_certified():
    p = planted((2, 1), 4, samples=3, noise=0.05, seed=4)
    honest = p.fit(loss="sample-squares")
    radius = 0.9 * np.linalg.norm(honest.coefficients)
    assert p.fit(loss="sample-squares", bounds=radius).certified


# Laws


@pytest.mark.parametrize("loss", ["mean-sup", "sample-squares"])
@pytest.mark.parametrize("law", ["outputs", "samples", "hidden", "signs"])
def test_the_order_of_rows_does_not_matter(law, loss):
    p, f = fitted("D2", loss)
    W, X, Y = [w.copy() for w in p.net.weights], p.inputs, p.outputs
    rng = np.random.default_rng(4)
    if law == "outputs":
        order = rng.permutation(len(W[-1]))
        W[-1], Y = W[-1][order], Y[:, order]
    elif law == "samples":
        order = rng.permutation(len(X))
        X, Y = X[order], Y[order]
    elif law == "hidden":
        order = rng.permutation(len(W[0]))
        W[0], W[1] = W[0][order], W[1][:, order]
    else:
        W[-1][1::2] *= -1
        Y = Y * np.where(np.arange(Y.shape[1]) % 2, -1.0, 1.0)
    g = ps.fit(ps.PolynomialNetwork(W, p.net.degrees), X, Y, loss=loss)
    assert g.certified and g.loss == pytest.approx(f.loss, rel=2e-6)
    assert np.allclose(g.coefficients, f.coefficients, atol=1e-2 if "squares" in loss else 1e-5)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("loss", LOSSES)
def test_scaling_outputs_and_last_weights_scales_the_loss(loss, factor):
    p, f = fitted("D2", loss)
    W = [*p.net.weights[:-1], factor * p.net.weights[-1]]
    g = ps.fit(ps.PolynomialNetwork(W, p.net.degrees), p.inputs, factor * p.outputs, loss=loss)
    power = 2 if loss.endswith("squares") else 1
    assert g.certified and g.loss == pytest.approx(factor**power * f.loss, rel=2e-6)
    assert g.gap <= 1e-6 and np.allclose(g.coefficients, f.coefficients, atol=1e-3)


def test_a_fit_is_the_same_every_time():
    p, f = fitted("D1", "mean-sup")
    g = p.fit()
    assert (g.coefficients == f.coefficients).all() and g.proof.bound == f.proof.bound


def test_lists_integers_and_fractions_are_data_too():
    net, X, Y, _ = example(exact=True)
    f = ps.fit(net, X, Y, loss="mean-sup")
    assert f.certified and f.loss == 0


def test_many_residuals_are_proven_by_the_largest_of_them():
    """Each sample gives its own: a proof about some bounds the largest of all."""
    p = planted((2, 1), [3, 5, 5, 4], samples=60, noise=0.0)
    p = p.with_outputs(p.outputs + 0.05 * np.random.default_rng(3).standard_normal((60, 4)))
    f = p.fit(loss="sample-sup")
    check(f, p, "sample-sup")
    assert f.certified and len(f.residuals.targets) == 240
    best = brute_force(p, "sample-sup", starts=2)
    assert f.lower_bound <= loss_of(p.net, p.inputs, p.outputs, "sample-sup", best) * (1 + 1e-9)


# Options and reports


@pytest.mark.parametrize("method", ["tighten", "hierarchy"])
def test_the_time_limit_is_kept_about(method):
    """A network that takes many seconds, and a machine that may be slow."""
    p = seven_outputs() if method == "hierarchy" else planted((3, 3), 8, samples=30, noise=0.05)
    start = perf_counter()
    f = p.fit(method=method, time_limit=0.3)
    assert perf_counter() - start < 30 and f.seconds > 0.3
    check(f, p, "mean-sup")
    assert f.status == "bound" and "time limit" in f.message and len(f.minimizers) == 0


def test_verbose_tells_what_happens_and_silence_is_silent(capsys):
    p, _ = lied_to("mean-sup")
    p.fit()
    assert capsys.readouterr().out == ""
    p.fit(verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 2 and all("loss" in line and "bound" in line for line in lines)


@pytest.mark.parametrize("name", ["certified", "perfect", "bound"])
def test_reports_say_what_is_known(name):
    if name == "perfect":
        net, X, Y, _ = example()
        f = ps.fit(net, X, Y, loss="mean-sup")
    else:
        f = lied_to("mean-sup")[1] if name == "certified" else seven_outputs().fit(time_limit=1e-3)
    text, page = f.summary(), f._repr_html_()
    assert text.startswith("not certified" if name == "bound" else "certified")
    for words in (*f.names, f"{f.loss:.6g}", f.message):
        assert words in " ".join(text.split())  # whatever line breaks fall into the message
    for words in (*f.names, f.status, "lower bound", f.message, "gap", "seconds"):
        assert words in page
    assert page.startswith("<table>") and not isnan(f.gap) and "nan" not in text


def test_a_fit_is_frozen():
    with pytest.raises(FrozenInstanceError):
        lied_to("mean-sup")[1].loss = 0.0


# The paper's own way


def test_the_hierarchy_certifies_example_3_4_at_order_two():
    net, X, Y, data = example()
    f = ps.fit(net, X, Y, loss="mean-sup", method="hierarchy")
    check(f, Planted(net, np.array(X), np.array(Y), None), "mean-sup")
    assert f.certified and f.loss == 0 and "order 1 (solved), 2 (solved)" in f.message
    assert f.coefficients.tolist() == [data["minimizer"][name] for name in f.names]


@pytest.mark.parametrize("bounds", [None, 3.0])
def test_both_methods_agree_on_a_tiny_noisy_network(bounds):
    p = planted((1, 1), [2, 3, 3, 4], samples=3, noise=0.05, seed=3)
    f, g = (p.fit(method=method, bounds=bounds) for method in ("tighten", "hierarchy"))
    for one in (f, g):
        check(one, p, "mean-sup")
        assert one.certified
    assert f.loss == pytest.approx(g.loss, rel=2e-6)
    assert np.allclose(f.coefficients, g.coefficients, atol=1e-4)
    assert "dense" in g.message


def test_the_hierarchy_is_about_the_data():
    p = planted((1,), [1, 1, 2], samples=2, noise=0.3)
    f = p.fit(loss="mean-squares", method="hierarchy", time_limit=0.3)
    c = np.array([F(v) for v in f.coefficients.tolist()], dtype=object)
    objective = f.residuals.dense_problem().objective
    assert objective.exact()(c) == f.residuals.exact_loss(f.coefficients)
    assert f.proof.problem.objective == objective or f.lower_bound == 0
