"""Networks: what they compile to is what they compute."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polysos as ps
from tests.planted import planted
from tests.problems import example

F = Fraction


def random_network(seed, degrees, widths, exact=False, biases=False, normalised=True):
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    net = ps.PolynomialNetwork(
        [rng.integers(-3, 4, shape) for shape in shapes],
        degrees,
        [rng.integers(-3, 4, rows) for rows in widths[1:]] if biases else None,
        normalised,
    )
    return net.map(np.vectorize(F, otypes=[object])) if exact else net, rng


def integers(rng, *shape):
    return rng.integers(-3, 4, shape)


@pytest.mark.parametrize("exact", [False, True])
def test_example_3_4_compiles_to_the_printed_residuals(exact):
    net, inputs, outputs, data = example(exact)
    assert list(net.coefficient_names) == data["unknowns"]
    names = net.coefficient_names
    c = dict(zip(names, ps.variables(" ".join(names)), strict=True)) | {"1": 1}
    found = net.mean_residuals(inputs, outputs)
    for residual, printed in zip(found, data["mean_residuals"], strict=True):
        expected = sum(
            F(value) * np.prod([c[name] for name in monomial.split("*")], initial=1)
            for monomial, value in printed.items()
        )
        assert residual == expected and residual.is_exact == exact


@pytest.mark.parametrize("exact", [False, True])
def test_example_3_4_is_fitted_exactly_by_the_printed_coefficients(exact):
    net, inputs, outputs, data = example(exact)
    c = [data["minimizer"][name] for name in net.coefficient_names]
    assert (net(c, inputs) == np.array(outputs)).all()
    assert all(r(c) == 0 for r in net.mean_residuals(inputs, outputs))


@pytest.mark.parametrize("biases, normalised", [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "degrees, widths",
    [
        ((1,), (2, 3, 1)),
        ((3,), (1, 2, 2)),
        ((2, 1), (3, 2, 2, 2)),
        ((2, 2), (2, 3, 2, 3)),
        ((1, 1, 1), (2, 2, 2, 2, 1)),
        ((2, 1, 2), (2, 2, 2, 1, 2)),
    ],
)
def test_mean_residuals_are_the_averaged_network_minus_the_averages(
    degrees, widths, seed, biases, normalised
):
    """Exactly, in rationals, at random rational coefficients: D = 1, 2, 3 layers."""
    net, rng = random_network(seed, degrees, widths, True, biases, normalised)
    X, Y = integers(rng, 4, widths[0]), integers(rng, 4, widths[-1])
    X, Y = (np.vectorize(F, otypes=[object])(A) for A in (X, Y))
    residuals = net.mean_residuals(X, Y)
    for _ in range(3):
        c = np.array([F(int(v), 2) for v in integers(rng, net.n_coefficients)], dtype=object)
        expected = (net(c, X) - Y).sum(axis=0) / F(4)
        assert [r(c) for r in residuals] == expected.tolist()
    floats, _ = random_network(seed, degrees, widths, False, biases, normalised)
    compiled = floats.mean_residuals(X.astype(float), Y.astype(float))
    point = rng.standard_normal(net.n_coefficients)
    average = (floats(point, X.astype(float)) - Y.astype(float)).mean(axis=0)
    assert np.allclose([r(point) for r in compiled], average, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize(
    "degrees, names",
    [
        ((1,), ["c1,0", "c1,1"]),
        ((2, 1), ["c1,1", "c1,2", "c2,0", "c2,1"]),
        ((1, 1, 2), ["c1,1", "c2,1", "c3,0", "c3,1", "c3,2"]),
    ],
)
def test_normalised_constants_are_no_unknowns(degrees, names):
    net, _ = random_network(0, degrees, [2] * (len(degrees) + 2))
    assert list(net.coefficient_names) == names and net.n_coefficients == len(names)
    activations = net.activations(np.arange(10.0, 10.0 + len(names)))
    assert [len(p) for p in activations] == [d + 1 for d in degrees]
    assert all(p[0] == 1 for p in activations[:-1]) and activations[-1][-1] == 9 + len(names)


def test_constants_can_be_learned_and_one_is_the_normalised_network():
    plain, rng = random_network(1, (2, 1, 2), [2, 3, 2, 2, 1], biases=True)
    net, _ = random_network(1, (2, 1, 2), [2, 3, 2, 2, 1], biases=True, normalised=False)
    names = ["c1,0", "c1,1", "c1,2", "c2,0", "c2,1", "c3,0", "c3,1", "c3,2"]
    assert list(net.coefficient_names) == names
    c, X = rng.standard_normal(8), rng.standard_normal((5, 2))
    assert [len(p) for p in net.activations(c)] == [3, 2, 3]
    c[[0, 3]] = 1.0
    assert np.array_equal(net(c, X), plain(np.delete(c, [0, 3]), X))
    assert not net.map(lambda values: 2.0 * values).normalised
    with pytest.raises(TypeError, match="normalised must be a bool, got None"):
        ps.PolynomialNetwork([np.eye(2)] * 2, (2,), normalised=None)


@given(st.fractions(-3, 3).filter(bool), st.lists(st.fractions(-3, 3), min_size=5, max_size=5))
def test_the_normalisation_only_removes_a_symmetry(tau, c):
    """With linear p_1, (c10, c11, c21) -> (tau c10, tau c11, c21 / tau) leaves f as it was.

    Written out here: f for general c10, and the library's f, which sets c10 = 1.
    """
    c10, c11, c20, c21, v = c
    W = [np.array([[F(w)]], dtype=object) for w in (2, -3, 5)]
    net = ps.PolynomialNetwork(W, (1, 1))

    def general(c10, c11, c20, c21):
        return 5 * (c20 + c21 * (-3) * (c10 + c11 * 2 * v))

    assert general(c10, c11, c20, c21) == general(tau * c10, tau * c11, c20, c21 / tau)
    ours = net(np.array([c11, c20, c21], dtype=object), np.array([[v]], dtype=object))
    assert ours.tolist() == [[general(1, c11, c20, c21)]]


@pytest.mark.parametrize("exact", [False, True])
def test_training_problem_has_theta_last_and_two_inequalities_an_output(exact):
    net, inputs, outputs, _ = example(exact)
    problem = net.training_problem(inputs, outputs)
    *_, theta = ps.variables(" ".join([*net.coefficient_names, "theta"]))
    assert problem.objective == theta and problem.objective.names[-1] == "theta"
    assert len(problem.inequalities) == 2 * net.n_outputs and not problem.equalities
    for j, r in enumerate(net.mean_residuals(inputs, outputs)):
        plus, minus = problem.inequalities[2 * j : 2 * j + 2]
        assert plus + minus == 2 * theta
        c = np.array([F(1, 2), F(-3), F(2), F(5)], dtype=object)
        point = np.array([*c, F(7)], dtype=object)
        assert (plus(point), minus(point)) == (7 + r(c), 7 - r(c))


def test_loss_at_the_optimum_is_the_smallest_theta():
    """One output, one datum: |c0 + 2 c1 - 3| can be 0, and theta with it."""
    net = ps.PolynomialNetwork([[[1.0]], [[1.0]]], (1,))
    s = ps.minimize(net.training_problem([[2.0]], [[3.0]]), max_order=1)
    assert s.status == "certified" and s.value == pytest.approx(0, abs=1e-6)
    for c0, c1, theta in s.minimizers:
        assert abs(c0 + 2 * c1 - 3) <= theta + 1e-6


def test_two_outputs_that_disagree_share_the_loss():
    """Constants 1 and 3 from one unknown: the best mean residual is 1 in both."""
    net = ps.PolynomialNetwork([[[0.0]], [[1.0], [1.0]]], (1,))
    s = ps.minimize(net.training_problem([[1.0]], [[1.0, 3.0]]), max_order=1)
    assert s.status == "certified" and s.value == pytest.approx(1, abs=1e-6)


def test_what_a_network_says_of_itself():
    net, *_ = example()
    assert repr(net) == "PolynomialNetwork(widths=[4, 4, 4, 4], degrees=(2, 1))"
    assert (net.n_inputs, net.n_outputs, net.n_coefficients) == (4, 4, 4)


def test_the_callers_arrays_are_copied():
    W = np.eye(2)
    net = ps.PolynomialNetwork([W, W], (1,))
    before = net([1.0, 1.0], [[1.0, 2.0]])
    W[:] = 0
    assert (net([1.0, 1.0], [[1.0, 2.0]]) == before).all()


def test_biases_move_what_each_layer_sees_and_the_output():
    """f(x) = 5 p(2 x + 3) - 7 with p(t) = c0 + c1 t + c2 t^2."""
    net = ps.PolynomialNetwork([[[2]], [[5]]], (2,), biases=[[3], [-7]])
    c, x = np.array([0.5, -1.0, 0.25]), np.array([[-2.0], [0.0], [1.5]])
    t = 2 * x + 3
    assert np.allclose(net(c, x), 5 * (0.5 - t + 0.25 * t**2) - 7)
    assert "with biases" in repr(net) and "biases" not in repr(
        ps.PolynomialNetwork([[[2]]] * 2, [1])
    )


def test_biases_of_nothing_are_no_biases():
    """None, None for each layer, and zeros: the same network."""
    net, rng = random_network(0, (2, 2), (2, 3, 2, 3))
    X, Y = integers(rng, 4, 2), integers(rng, 4, 3)
    for biases in ([None] * 3, [np.zeros(3), None, np.zeros(3)]):
        other = ps.PolynomialNetwork(net.weights, net.degrees, biases)
        assert other.mean_residuals(X, Y) == net.mean_residuals(X, Y)


@pytest.mark.parametrize("loss", ["mean-sup", "sample-squares"])
def test_networks_with_biases_are_fitted_with_proof(loss):
    p = planted((2, 1), [3, 6, 6, 6], samples=20, biases=True, fan_in=True)
    found = p.fit(loss=loss)
    assert found.certified and np.allclose(found.coefficients, p.truth)
    assert found.proof.verify(ps.fitting_problem(p.net, p.inputs, p.outputs, loss))
    moved = ps.PolynomialNetwork(p.net.weights, p.net.degrees, [None, None, np.ones(6)])
    assert not found.proof.verify(ps.fitting_problem(moved, p.inputs, p.outputs, loss))
