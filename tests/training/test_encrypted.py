"""Networks on encrypted numbers: decrypted, their outputs are those of the plain network."""

import json
import random

import numpy as np
import pytest
import tenseal
from hypothesis import given
from hypothesis import strategies as st

import polysos as ps
from benchmarks.encrypted_digits import STORED, digits
from polysos.training.encrypted import (
    evaluate_packed,
    evaluate_polynomial,
    evaluate_slots,
    levels_needed,
    levels_of_polynomial,
    make_context,
    padded,
)

RNG = np.random.default_rng(0)
NET = ps.PolynomialNetwork(
    [RNG.standard_normal((3, 4)) / 2, RNG.standard_normal((2, 3)) / 2],
    (3,),
    [RNG.standard_normal(3), RNG.standard_normal(2)],
)
C = np.array([0.5, -1.0, 0.3, 0.2])
X = RNG.uniform(-1, 1, (6, 4))
PRECISION = 1e-4  # of values of size 1: a scale of 40 bits, primes that differ in half of them


@pytest.fixture(scope="module")
def context():
    return make_context(NET)


def slots(context):
    return [tenseal.ckks_vector(context, column.tolist()) for column in X.T]


class Counted:
    """A number that knows how many multiplications led to it, one after the other."""

    def __init__(self, depth=0):
        self.depth = depth

    def __mul__(self, other):
        return Counted(max(self.depth, getattr(other, "depth", 0)) + 1)

    def __add__(self, other):
        return Counted(max(self.depth, getattr(other, "depth", 0)))


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=17), st.floats(-2, 2))
def test_the_tree_is_the_polynomial(p, v):
    exact = np.polynomial.polynomial.polyval(v, p)
    size = np.polynomial.polynomial.polyval(abs(v), np.abs(p))
    assert evaluate_polynomial(p, v) == pytest.approx(exact, abs=1e-13 * (size + 1))


@pytest.mark.parametrize("degree", range(1, 17))
def test_levels_are_the_depth_of_the_tree(degree):
    found = evaluate_polynomial([1.0] * (degree + 1), Counted())
    assert found.depth == levels_of_polynomial(degree)


@pytest.mark.parametrize("degrees", [(1, 1), (2, 2), (3, 3), (3, 5)])
def test_levels_of_a_network_are_its_depth(degrees):
    net = ps.PolynomialNetwork([np.ones((2, 2))] * 3, degrees)
    depths = {v.depth for v in evaluate_slots(net, np.ones(net.n_coefficients), [Counted()] * 2)}
    assert depths == {levels_needed(net)}


def test_many_inputs_in_the_slots(context):
    outputs = evaluate_slots(NET, C, slots(context))
    found = np.array([v.decrypt() for v in outputs]).T
    assert np.abs(found - NET(C, X)).max() < PRECISION
    other = NET(C + 1e-2 * np.eye(4)[3], X)  # the precision tells other coefficients apart
    assert np.abs(found - other).max() > 10 * PRECISION


def test_one_input_in_a_vector(context):
    for x in X[:2]:
        found = evaluate_packed(NET, C, tenseal.ckks_vector(context, x.tolist())).decrypt()
        assert np.abs(found - NET(C, x[None])[0]).max() < PRECISION


def test_widths_that_are_no_powers_of_two():
    """Slots that a rotation has carried past the end must not hold large numbers.

    The features differ much in size, as those of a network whose scaler went into its weights.
    """
    rng = np.random.default_rng(1)
    size = np.array([1e-3, 1.0, 1e3, 1.0, 1e3])
    shapes = [(6, 5), (3, 6), (2, 3)]
    weights = [rng.standard_normal(s) / np.sqrt(s[1]) for s in shapes]
    net = ps.PolynomialNetwork([weights[0] / size, *weights[1:]], (3, 3), [np.ones(6), None, None])
    c, x = rng.uniform(-1, 1, net.n_coefficients), size * rng.uniform(-1, 1, 5)
    vector = tenseal.ckks_vector(make_context(net), padded(x))
    found = evaluate_packed(net, c, vector).decrypt()
    assert np.abs(found - net(c, x[None])[0]).max() < 1e-2


def test_without_the_secret_key_nothing_is_seen(context):
    public = context.copy()
    public.make_context_public()
    sent = slots(context)[0].serialize()
    received = tenseal.ckks_vector_from(public, sent)
    with pytest.raises(ValueError, match="secret_key"):
        received.decrypt()


def test_the_levels_are_all_needed():
    """With one level less, the last product fails: the number is not generous."""
    fewer = ps.PolynomialNetwork(NET.weights, (1,), NET.biases)
    with pytest.raises(ValueError, match="scale"):
        evaluate_slots(NET, C, slots(make_context(fewer)))


def test_too_many_levels_are_refused():
    net = ps.PolynomialNetwork([np.eye(2)] * 9, (3,) * 8)
    with pytest.raises(ValueError, match=r"at most 19 levels of 40 bits.*32768, got 25"):
        make_context(net)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: evaluate_slots(NET, C, [1.0] * 3), "features must be 4, one an input, got 3"),
        (lambda: evaluate_slots(NET, C[:3], [1.0] * 4), "coefficients must be 4"),
        (lambda: make_context(NET, bits=60), "bits must be at most 50, got 60"),
        (lambda: levels_of_polynomial(0), "degree must be at least 1, got 0"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_vector_of_another_size_is_refused(context):
    with pytest.raises(ValueError, match=r"4 slots, those of padded\(features\), got 3"):
        evaluate_packed(NET, C, tenseal.ckks_vector(context, [1.0, 2.0, 3.0]))


def test_a_stored_run_of_the_chapter_comes_out_again():
    """All but the seconds: the fit, the accuracy, the size, and the noise of one image."""
    row = random.choice(json.loads(STORED.read_text())["runs"])
    relu, X, X_test, y_test = digits()
    net = ps.PolynomialNetwork.from_trained(relu, row["degrees"])
    fit = ps.fit(net, X, relu(X))
    assert fit.certified == row["certified"] and levels_needed(net) == row["levels"]
    assert fit.loss / relu(X).var(axis=0).sum() == pytest.approx(row["unexplained"], rel=1e-6)
    plain = net(fit.coefficients, X_test)
    assert np.mean(plain.argmax(axis=1) == y_test) == pytest.approx(row["accuracy"])
    vector = tenseal.ckks_vector(make_context(net), X_test[0].tolist())
    assert len(vector.serialize()) == pytest.approx(row["bytes"], rel=0.01)
    outputs = np.array(evaluate_packed(net, fit.coefficients, vector).decrypt())
    assert np.abs(outputs - plain[0]).max() < 5e-3
