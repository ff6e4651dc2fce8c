"""The estimator of scikit-learn: its rules are kept, and it is the library's fit."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import polysos as ps
from polysos.training.regressor import PolynomialNetworkRegressor
from tests.planted import planted


@parametrize_with_checks([PolynomialNetworkRegressor(width=5, random_state=0)])
def test_scikit_learn_finds_nothing_to_complain_about(estimator, check):
    check(estimator)


def test_it_is_the_fit_of_the_library():
    p = planted((2, 1), [3, 5, 5, 4], samples=20, noise=0.1, biases=True, fan_in=True)
    model = PolynomialNetworkRegressor(p.net.degrees, weights=p.net.weights, biases=p.net.biases)
    model.fit(p.inputs, p.outputs)
    found = ps.fit(p.net, p.inputs, p.outputs, loss="sample-squares")
    assert np.array_equal(model.coefficients_, found.coefficients) and model.certified_
    assert np.array_equal(model.predict(p.inputs), p.net(found.coefficients, p.inputs))
    assert model.result_.proof.verify(
        ps.fitting_problem(model.network_, p.inputs, p.outputs, "sample-squares")
    )


def test_one_target_gives_flat_predictions_and_the_mean_as_its_bias():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)), rng.standard_normal(40) + 5
    model = PolynomialNetworkRegressor(random_state=1).fit(X, y)
    assert model.predict(X).shape == (40,)
    assert model.network_.biases[-1] == pytest.approx(y.mean())
    again = PolynomialNetworkRegressor(random_state=1).fit(X, y)
    assert np.array_equal(again.coefficients_, model.coefficients_)


def test_degrees_are_chosen_by_cross_validation():
    """A cubic is not a parabola."""
    rng = np.random.default_rng(2)
    X = rng.uniform(5, 9, (60, 1))
    y = (X[:, 0] - 7) ** 3 + 0.01 * rng.standard_normal(60)
    pipe = make_pipeline(StandardScaler(), PolynomialNetworkRegressor(random_state=0))
    name = "polynomialnetworkregressor__degrees"
    search = GridSearchCV(pipe, {name: [(1,), (2,), (3,)]}).fit(X, y)
    assert search.best_params_ == {name: (3,)} and search.best_score_ > 0.99


def test_what_is_not_proven_is_warned_of():
    p = planted((3, 3), [3, 5, 5, 1], samples=30, noise=0.5)
    p = p.with_outputs(p.outputs + np.random.default_rng(0).standard_normal(p.outputs.shape))
    model = PolynomialNetworkRegressor(
        p.net.degrees, weights=p.net.weights, loss="sample-sup", time_limit=1e-9
    )
    with pytest.warns(ConvergenceWarning, match="time limit"):
        model.fit(p.inputs, p.outputs)
    assert not model.certified_ and model.predict(p.inputs).shape == p.outputs.shape


@pytest.mark.parametrize(
    "options, words",
    [
        ({"width": 0}, ["width", "at least 1", "0"]),
        ({"biases": [[1.0], [0.0]]}, ["biases", "weights"]),
        ({"weights": [np.eye(2), np.eye(2)]}, ["shape (N, 2)", "(9, 3)"]),
        ({"degrees": (0,)}, ["degrees[0]", "at least 1", "0"]),
        ({"loss": "squares"}, ["loss", "sample-squares", "'squares'"]),
    ],
)
def test_bad_parameters_are_refused_in_fit(options, words):
    X = np.random.default_rng(0).standard_normal((9, 3))
    with pytest.raises(ValueError) as error:
        PolynomialNetworkRegressor(**options).fit(X, X[:, 0])
    assert all(word in str(error.value) for word in words), error.value
