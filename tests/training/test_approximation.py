"""Layer by layer: polynomial activations are found again, others as well as they can be."""

import numpy as np
import pytest

import polysos as ps
from polysos.training.approximation import WAYS, approximate_activations

RNG = np.random.default_rng(0)
SHAPES = [(6, 3), (4, 6), (2, 4)]
WEIGHTS, BIASES = [RNG.standard_normal(s) for s in SHAPES], [RNG.standard_normal(6), None, None]
X = RNG.standard_normal((100, 3))


@pytest.mark.parametrize("way", WAYS)
def test_polynomials_are_approximated_by_themselves(way):
    polynomials = [np.polynomial.Polynomial([1.0, 2.0, -0.5]), np.polynomial.Polynomial([0, 1, 3])]
    for p, name in zip(polynomials, ("p", "q"), strict=True):
        p.__name__ = name
    trained = ps.TrainedNetwork(WEIGHTS, BIASES, polynomials)
    c = approximate_activations(trained, X, (2, 3), way)
    assert np.allclose(c, [1, 2, -0.5, 0, 1, 3, 0], atol=1e-8)


def test_each_way_is_the_better_one_by_its_own_measure():
    trained = ps.TrainedNetwork(WEIGHTS, BIASES, "relu")
    arguments = trained.pre_activations(X)[0].ravel()
    errors = []
    for way in WAYS:
        p = np.polynomial.Polynomial(approximate_activations(trained, X, (2, 2), way)[:3])
        errors.append(p(arguments) - np.maximum(arguments, 0))
    squares = [np.mean(e**2) for e in errors]
    assert squares[0] < squares[1]
    assert np.abs(errors[1]).max() < np.abs(errors[0]).max()


def test_no_approximation_beats_the_proven_fit():
    biases = [RNG.standard_normal(m) for m, _ in SHAPES]
    trained = ps.TrainedNetwork(WEIGHTS, biases, "tanh")
    net = ps.PolynomialNetwork.from_trained(trained, (3, 2))
    fit = ps.fit(net, X, trained(X))
    assert fit.certified
    for way in WAYS:
        c = approximate_activations(trained, X, (3, 2), way)
        loss = np.mean(np.sum((net(c, X) - trained(X)) ** 2, axis=1))
        assert loss > fit.lower_bound > 0


@pytest.mark.parametrize(
    "degrees, way, words",
    [
        ((2,), "least-squares", "each of the 2 hidden layers, got 1"),
        ((2, 0), "least-squares", r"degrees\[1\] must be at least 1, got 0"),
        ((2, 2), "remez", "way must be one of 'least-squares', 'chebyshev', got 'remez'"),
    ],
)
def test_bad_input(degrees, way, words):
    with pytest.raises(ValueError, match=words):
        approximate_activations(ps.TrainedNetwork(WEIGHTS), X, degrees, way)
