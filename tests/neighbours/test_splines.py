"""Linear splines: one of them proven optimal, and networks of them no steeper than promised."""

import warnings
from fractions import Fraction
from itertools import pairwise

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from polysos.neighbours import spline_networks, splines
from polysos.neighbours.spline_networks import (
    SplineNetwork,
    in_circle,
    in_s_shape,
    lipschitz_bound,
    spectral_bound,
)
from polysos.neighbours.splines import (
    LinearSpline,
    SplineRegressor,
    certificate,
    dual_bound,
    exact_objective,
)

PENALTIES = [1e-3, 1e-2, 3e-2, 0.1, 1.0]
NUMBERS = st.floats(-10, 10, allow_subnormal=False).map(lambda v: round(v, 3))


def noisy(n=40, seed=0):
    """A spline with three knots, and noise."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1, 1, n))
    bends = [(-0.5, 1.0), (0.0, -2.0), (0.5, 2.5)]
    y = sum(bend * np.maximum(x - knot, 0) for knot, bend in bends)
    return x[:, None], y + 0.1 * rng.standard_normal(n)


def lasso_value(x, y, penalty, knots):
    """The same problem on given knots, as its definition has it."""
    line, bends = cp.Variable(2), cp.Variable(len(knots))
    f = line[0] + line[1] * x + np.maximum(x[:, None] - knots, 0) @ bends
    objective = cp.sum_squares(f - y) / 2 + penalty * cp.norm1(bends)
    return cp.Problem(cp.Minimize(objective)).solve(solver="CLARABEL")


def spline(knots, bends, intercept=0.0, slope=0.0):
    return LinearSpline(np.array(knots, float), np.array(bends, float), intercept, slope)


# One variable


@pytest.mark.parametrize("penalty", PENALTIES)
def test_no_other_knots_do_better(penalty):
    X, y = noisy()
    model = SplineRegressor(penalty).fit(X, y)
    more = np.concatenate([X.ravel(), np.linspace(-1.5, 1.5, 400)])
    assert lasso_value(X.ravel(), y, penalty, more) == pytest.approx(model.objective_, rel=1e-6)
    assert 0 <= model.gap_ < 1e-10


@pytest.mark.parametrize("penalty", PENALTIES)
def test_it_is_trend_filtering(penalty):
    X, y = noisy()
    z, gaps = cp.Variable(len(y)), np.diff(X.ravel())
    bends = cp.diff(cp.multiply(cp.diff(z), 1 / gaps))
    value = cp.Problem(cp.Minimize(cp.sum_squares(z - y) / 2 + penalty * cp.norm1(bends))).solve(
        solver="CLARABEL"
    )
    assert value == pytest.approx(SplineRegressor(penalty).fit(X, y).objective_, rel=1e-6)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_certificate_touches_the_penalty_at_the_knots(penalty):
    X, y = noisy()
    model = SplineRegressor(penalty, merge=False).fit(X, y)
    eta = certificate(np.linspace(-2, 2, 4001), X.ravel(), model.dual_)
    assert np.abs(eta).max() <= penalty * (1 + 1e-9)
    at_knots = certificate(model.knots_, X.ravel(), model.dual_)
    assert np.allclose(at_knots, penalty * np.sign(model.coefficients_), rtol=1e-8)
    assert set(model.knots_) <= set(X.ravel()[1:-1])
    assert abs(model.dual_.sum()) < 1e-12 and abs(model.dual_ @ X.ravel()) < 1e-12


def test_planted_spline_comes_back():
    x = np.linspace(-1, 1, 21)
    true = spline([-0.5, 0.3], [2.0, -3.0], 1.0, -1.0)
    model = SplineRegressor(1e-6).fit(x[:, None], true(x))
    assert np.allclose(model.knots_, true.knots) and model.n_neurons_ == 2
    assert np.allclose(model.coefficients_, true.coefficients, atol=1e-4)


def test_random_problems_are_solved_to_a_small_gap():
    rng = np.random.default_rng(1)
    for _ in range(60):
        n = int(rng.integers(3, 120))
        x = np.round(rng.uniform(-1, 1, n), int(rng.integers(1, 9)))  # some of them equal
        y = np.sin(3 * x) + rng.choice([0, 0.01, 0.3]) * rng.standard_normal(n)
        model = SplineRegressor(10 ** rng.uniform(-4, 1)).fit(x[:, None], y)
        assert 0 <= model.gap_ <= 1e-6 * model.objective_ + 1e-20


def test_large_penalty_leaves_the_line_of_least_squares():
    X, y = noisy()
    line = np.polynomial.Polynomial.fit(X.ravel(), y, 1)
    largest = np.abs(certificate(X.ravel(), X.ravel(), y - line(X.ravel()))).max()
    above, below = (SplineRegressor(c * largest).fit(X, y) for c in (1.0001, 0.9999))
    assert above.n_neurons_ == 0 and below.n_neurons_ == 1
    assert np.allclose(above.predict(X), line(X.ravel()))


@pytest.mark.parametrize("scale, offset, factor", [(1, 1e6, 1), (1e-3, 0, 1e3), (1e4, -7, 1e-6)])
def test_units_do_not_matter(scale, offset, factor):
    X, y = noisy()
    model = SplineRegressor(0.03).fit(X, y)
    moved = SplineRegressor(0.03 * factor * scale).fit(scale * X + offset, factor * y)
    assert moved.objective_ == pytest.approx(factor**2 * model.objective_, rel=1e-5)
    assert np.allclose((moved.knots_ - offset) / scale, model.knots_, atol=1e-5)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_merging_changes_nothing_but_the_number_of_knots(penalty):
    X, y = noisy()
    at_data, merged = (SplineRegressor(penalty, merge=m).fit(X, y) for m in (False, True))
    assert np.allclose(at_data.predict(X), merged.predict(X), atol=1e-12)
    assert merged.spline_.tv2 == pytest.approx(at_data.spline_.tv2, rel=1e-12)
    # each run of m knots at neighbouring data that bend the same way needs m / 2, rounded up
    places = np.searchsorted(X.ravel(), at_data.knots_)
    starts = np.flatnonzero(
        np.concatenate(
            [[True], (np.diff(places) > 1) | (np.diff(np.sign(at_data.coefficients_)) != 0)]
        )
    )
    runs = np.diff([*starts, len(places)]) if len(places) else []
    assert merged.n_neurons_ == sum(-(-int(m) // 2) for m in runs)


def test_merging_finds_the_only_knot_between_the_data():
    x = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    model = SplineRegressor(1e-6).fit(x[:, None], np.abs(x - 0.25))
    assert model.n_neurons_ == 1 and model.knots_[0] == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize(
    "x, y", [([2], [3]), ([2, 2], [3, 5]), ([1, 4], [3, 5]), ([1, 2, 3], [1, 1, 1])]
)
def test_few_or_flat_data(x, y):
    X = np.array(x, float)[:, None]
    model = SplineRegressor().fit(X, y)
    assert model.n_neurons_ == 0 and model.gap_ < 1e-12
    line = np.polynomial.Polynomial.fit(x, y, 1)(np.array(x)) if len(set(x)) > 1 else np.mean(y)
    assert np.allclose(model.predict(X), line)


# The proof


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bound_is_below_every_spline(data):
    """Weak duality, in exact arithmetic: for any numbers r and any spline."""
    n = data.draw(st.integers(1, 6))
    x, y, r = (data.draw(st.lists(NUMBERS, min_size=n, max_size=n)) for _ in range(3))
    knots = sorted(data.draw(st.lists(NUMBERS, max_size=3, unique=True)))
    bends = data.draw(st.lists(NUMBERS, min_size=len(knots), max_size=len(knots)))
    f = spline(knots, bends, data.draw(NUMBERS), data.draw(NUMBERS))
    penalty = data.draw(st.floats(1e-3, 10))
    bound = dual_bound(x, y, penalty, r)
    assert isinstance(bound, Fraction) and 0 <= bound <= exact_objective(f, x, y, penalty)


def test_objective_is_exact_and_rounded_the_right_way():
    X, y = noisy()
    model = SplineRegressor(0.1).fit(X, y)
    exact = exact_objective(model.spline_, X.ravel(), y, 0.1)
    bound = dual_bound(X.ravel(), y, 0.1, model.dual_)
    assert Fraction(model.lower_bound_) <= bound <= exact <= Fraction(model.objective_)
    plain = ((model.predict(X) - y) ** 2).sum() / 2 + 0.1 * np.abs(model.coefficients_).sum()
    assert float(exact) == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda r: -r,
        lambda r: r + 0.05,
        lambda r: r[::-1],
        lambda r: np.where(np.arange(len(r)) == 3, 1e6, r),
        np.zeros_like,
    ],
)
def test_tampered_certificate_proves_less(tamper):
    X, y = noisy()
    model = SplineRegressor(0.1).fit(X, y)
    assert dual_bound(X.ravel(), y, 0.1, tamper(model.dual_)) < model.lower_bound_


def test_certificate_of_the_wrong_size_is_scaled():
    X, y = noisy()
    model = SplineRegressor(0.1).fit(X, y)
    bound = dual_bound(X.ravel(), y, 0.1, 100 * model.dual_)
    assert float(bound) == pytest.approx(model.lower_bound_, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_lying_solver_is_mended_or_found_out(monkeypatch, seed):
    X, y = noisy()
    honest = SplineRegressor(0.03).fit(X, y)
    lie = np.random.default_rng(seed).integers(-1, 2, len(y) - 2).astype(float)
    monkeypatch.setattr(splines, "_solve_signs", lambda *args: lie)
    for repairs in (1, splines._REPAIRS):
        monkeypatch.setattr(splines, "_REPAIRS", repairs)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = SplineRegressor(0.03).fit(X, y)
        assert model.lower_bound_ <= honest.objective_ and model.objective_ >= honest.lower_bound_
        proven = model.gap_ < 1e-6 * model.objective_
        assert proven != any(w.category is ConvergenceWarning for w in caught)


def test_failing_solver_is_an_error_and_leaves_nothing(monkeypatch):
    X, y = noisy()

    def fail(self, **options):
        raise cp.SolverError("no")

    monkeypatch.setattr(cp.Problem, "solve", fail)
    model = SplineRegressor(0.03)
    with pytest.raises(RuntimeError, match="the solver failed: no"):
        model.fit(X, y)
    monkeypatch.setattr(cp.Problem, "solve", lambda self, **options: None)
    with pytest.raises(RuntimeError, match="returned no spline"):
        model.fit(X, y)
    assert not hasattr(model, "spline_")


# A spline and its norms


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5, unique_by=lambda pair: pair[0]),
    NUMBERS,
    NUMBERS,
)
def test_bv2_bounds_the_slopes(pairs, intercept, slope):
    pairs = sorted(pairs)
    f = spline([k for k, _ in pairs], [b for _, b in pairs], intercept, slope)
    assert f.lipschitz <= f.bv2 + 1e-9
    t = np.linspace(-15, 15, 601)
    quotients = np.abs(np.diff(f(t)) / np.diff(t))
    assert quotients.max() <= f.lipschitz + 1e-6
    ends = np.array([-1e3, 1e3])
    assert f(ends + 1) - f(ends) == pytest.approx([f.slopes[0], f.slopes[-1]], abs=1e-6)


def test_norms_of_relu():
    relu = spline([0], [1])
    assert (relu.tv2, relu.bv2, relu.lipschitz) == (1, 2, 1)
    assert relu.slopes.tolist() == [0, 1] and relu([[-1.0, 3.0]]).tolist() == [[0, 3]]


# The regressor as an estimator


def test_scikit_learns_checks_fail_only_for_their_number_of_features():
    failed = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, check in estimator_checks_generator(SplineRegressor(), mark="skip"):
            try:
                check(estimator)
            except (ValueError, AssertionError) as error:
                causes = [error, error.__cause__, error.__context__]
                assert any("X must have one feature, got" in str(cause) for cause in causes)
                failed += 1
            except BaseException as error:  # pytest's skip: pandas or the array API is missing
                assert "Skip" in type(error).__name__, error
    assert 0 < failed < 35


def test_scikit_learns_checks_on_one_feature():
    """Behind a projection to one feature: what fails is the pipeline's doing."""
    expected = {
        "check_estimators_overwrite_params": "a pipeline fits the steps it was given",
        "check_dont_overwrite_parameters": "a pipeline fits the steps it was given",
        "check_estimator_sparse_tag": "PCA takes sparse matrices",
    }
    model = make_pipeline(PCA(1), SplineRegressor())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, check in estimator_checks_generator(model):
            if check.func.__name__ not in expected:
                try:
                    check(estimator)
                except BaseException as error:
                    assert "Skip" in type(error).__name__, (check, error)


def test_works_in_a_pipeline_and_in_cross_validation():
    X, y = noisy(80)
    model = make_pipeline(StandardScaler(), SplineRegressor(0.05))
    folds = KFold(4, shuffle=True, random_state=0)
    assert cross_val_score(model, X, y, cv=folds).mean() > 0.5
    search = GridSearchCV(SplineRegressor(), {"penalty": [1e-5, 0.01, 50.0]}, cv=folds).fit(X, y)
    assert search.best_params_ == {"penalty": 0.01}


@pytest.mark.parametrize(
    "parameters, error, message",
    [
        ({"penalty": 0}, ValueError, "penalty must be a positive number, got 0"),
        ({"penalty": "small"}, ValueError, "penalty must be a positive number, got 'small'"),
        ({"merge": 1}, TypeError, "merge must be a bool, got 1"),
    ],
)
def test_bad_parameters_of_the_regressor(parameters, error, message):
    model = SplineRegressor(**parameters)
    with pytest.raises(error, match=message):
        model.fit(*noisy())
    assert not [name for name in vars(model) if name.endswith("_")]


def test_bad_data_of_the_regressor():
    X, y = noisy()
    with pytest.raises(ValueError, match="X must have one feature, got 2"):
        SplineRegressor().fit(np.hstack([X, X]), y)
    with pytest.raises(ValueError, match="NaN"):
        SplineRegressor().fit(np.where(X > 0, np.nan, X), y)
    with pytest.raises(NotFittedError):
        SplineRegressor().predict(X)
    with pytest.raises(ValueError, match="2 features"):
        SplineRegressor().fit(X, y).predict(np.hstack([X, X]))


# Networks


def points(area, n=1500, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 2))
    return X, area(X)


GRID = np.stack(np.meshgrid(*[np.linspace(-1, 1, 100)] * 2), axis=-1).reshape(-1, 2)


@pytest.fixture(scope="module")
def circle():
    return SplineNetwork((2,), random_state=0).fit(*points(in_circle))


@pytest.fixture(scope="module")
def s_shape():
    return SplineNetwork((4, 4), epochs=100, random_state=0).fit(*points(in_s_shape))


def reference(net, X):
    """The network as its definition has it, neuron by neuron."""
    h = X
    for W, b, layer in zip(net.weights_, net.biases_, net.activations_, strict=False):
        columns = []
        for w, shift, f in zip(W, b, layer, strict=True):
            t = h @ w + shift
            columns.append(f.intercept + f.slope * t)
            for knot, bend in zip(f.knots, f.coefficients, strict=True):
                columns[-1] = columns[-1] + bend * np.where(t > knot, t - knot, 0)
        h = np.transpose(columns)
    return h @ net.weights_[-1][0] + net.biases_[-1][0]


def test_areas():
    share = in_circle(GRID).mean()
    assert abs(share - 0.5) < 0.02
    assert in_s_shape([[0.4, -np.pi / 10], [-0.4, np.pi / 10], [0.4, np.pi / 10]]).tolist() == [
        True,
        True,
        False,
    ]
    assert not in_s_shape(GRID[np.abs(GRID[:, 1]) > 0.8]).any()


def test_circle_by_two_neurons(circle):
    """Two learned activations suffice; two ReLUs do not, ten do."""
    X, y = points(in_circle)
    assert circle.n_parameters_ == 51 and circle.n_neurons_ == 2 and circle.n_knots_ <= 38
    assert circle.score(GRID, in_circle(GRID)) > 0.98
    for activation, width, parameters, low, high in [
        ("relu", 2, 9, 0.6, 0.8),
        ("leaky_relu", 2, 9, 0.6, 0.8),
        ("prelu", 2, 11, 0.6, 0.93),
        ("relu", 10, 41, 0.96, 0.995),
    ]:
        net = SplineNetwork((width,), activation, random_state=0).fit(X, y)
        assert net.n_parameters_ == parameters
        assert low < net.score(GRID, in_circle(GRID)) < high, activation


def test_s_shape_by_eight_neurons(s_shape):
    assert s_shape.n_parameters_ == 205 and s_shape.n_neurons_ == 8
    assert s_shape.score(GRID, in_s_shape(GRID)) > 0.93


def test_fixed_activations_stay_what_they_are():
    X, y = points(in_circle, 200)
    for activation, left in [("relu", 0.0), ("leaky_relu", 0.01)]:
        for f in SplineNetwork((2,), activation, random_state=0).fit(X, y).activations_[0]:
            t = np.linspace(-3, 3, 13)
            assert np.allclose(f(t), np.where(t > 0, t, left * t))
    for f in SplineNetwork((2,), "prelu", random_state=0).fit(X, y).activations_[0]:
        assert f.knots.tolist() == [0] and f.slopes[1] == pytest.approx(1) and f.slopes[0] != 0.25


def test_forward_and_gradient(circle, s_shape):
    for net in (circle, s_shape):
        X = np.random.default_rng(1).uniform(-3, 3, (500, 2))
        z = net.decision_function(X)
        assert np.allclose(z, reference(net, X))
        step = 1e-7
        slopes = [(net.decision_function(X + step * e) - z) / step for e in np.eye(2)]
        close = np.isclose(net.gradient(X), np.transpose(slopes), rtol=1e-3, atol=1e-3).all(axis=1)
        assert close.mean() > 0.99  # the others have a kink within the step


def test_training_descends_on_the_stated_objective():
    X, y = points(in_circle, 50)  # one batch: the loss is the objective
    net = SplineNetwork((2,), epochs=400, penalty=1e-3, random_state=0).fit(X, y)
    assert len(net.loss_curve_) == 400
    assert net.loss_curve_[-1] == pytest.approx(net.objective(X, y), rel=1e-4)
    assert net.loss_curve_[-1] < 0.5 * net.loss_curve_[0]


def test_empirical_slopes_are_below_the_bounds(circle, s_shape):
    """Circle: steep but bounded. S-shape: the theorem is loose by far, and still true."""
    for net, loose in ((circle, 2), (s_shape, 20)):
        J = net.gradient(GRID)
        steepest = np.linalg.norm(J, axis=1).max()
        spectral = spectral_bound(net.weights_, net.activations_)
        assert steepest <= spectral <= net.lipschitz_bound_
        assert net.lipschitz_bound_ == lipschitz_bound(net.weights_, net.activations_, 2)
        assert net.lipschitz_bound_ > loose * steepest
        assert np.abs(J).max() <= lipschitz_bound(net.weights_, net.activations_, 1)
        assert np.abs(J).sum(1).max() <= lipschitz_bound(net.weights_, net.activations_, np.inf)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 1.5, 2, 3, np.inf]))
def test_bound_holds_for_random_networks(seed, p):
    rng = np.random.default_rng(seed)
    sizes = [3, *rng.integers(1, 4, int(rng.integers(1, 4))).tolist(), 1]
    net = SplineNetwork()
    net.n_features_in_ = 3
    layers = [
        [spline(np.sort(rng.standard_normal(4)), rng.standard_normal(4), *rng.standard_normal(2))
         for _ in range(m)]
        for m in sizes[1:-1]
    ]  # fmt: skip
    weights = [rng.standard_normal((m, k)) for k, m in pairwise(sizes)]
    net._set(weights, [rng.standard_normal(m) for m in sizes[1:]], layers)
    a, b = rng.standard_normal((2, 200, 3))
    b = np.where(np.arange(200)[:, None] % 2, b, a + 1e-3 * b)
    rise = np.abs(net.decision_function(a) - net.decision_function(b))
    distance = np.linalg.norm(a - b, p, axis=1)
    assert (rise <= lipschitz_bound(weights, layers, p) * distance * (1 + 1e-9)).all()
    distance = np.linalg.norm(a - b, axis=1)
    spectral = spectral_bound(weights, layers)
    assert (rise <= spectral * distance * (1 + 1e-9)).all()
    assert spectral <= lipschitz_bound(weights, layers, 2) * (1 + 1e-9)


def test_tampered_weights_break_the_old_bound_and_not_the_new_one(circle):
    weights = [100 * circle.weights_[0], *circle.weights_[1:]]
    tampered = SplineNetwork()
    tampered.n_features_in_ = 2
    tampered._set(weights, circle.biases_, circle.activations_)
    steepest = np.linalg.norm(tampered.gradient(GRID / 100), axis=1).max()
    assert circle.lipschitz_bound_ < steepest <= tampered.lipschitz_bound_


def test_pruning_keeps_the_accuracy(circle, s_shape):
    for net, area in ((circle, in_circle), (s_shape, in_s_shape)):
        X, y = points(area)
        before = net.decision_function(X)
        for tolerance in (0, 0.005, 0.05):
            sparse = net.prune(X, y, tolerance)
            assert sparse.score(X, y) >= net.score(X, y) - tolerance
            assert sparse.n_knots_ <= net.n_knots_
            assert sum(len(f.knots) for f in sparse.activations_[0]) <= sparse.n_knots_
        assert sparse.n_knots_ < 0.7 * net.n_knots_
        assert np.array_equal(net.decision_function(X), before)  # a copy was pruned
        assert np.allclose(net.drop_knots(0).decision_function(X), before)
        assert net.drop_knots(np.inf).n_knots_ == 0


def test_scaling_a_layer_changes_the_penalty_and_nothing_else(circle):
    """sigma times t, next weights over t: equal outputs, and a best t in closed form."""
    X, y = points(in_circle)
    lam, mu = circle.penalty, circle.weight_decay
    size = sum(f.bv2 for f in circle.activations_[0])
    squares = (circle.weights_[1] ** 2).sum()

    def scaled(t):
        net = SplineNetwork(penalty=lam, weight_decay=mu)
        net.n_features_in_, net.classes_ = 2, circle.classes_
        layer = [
            LinearSpline(f.knots, t * f.coefficients, t * f.intercept, t * f.slope)
            for f in circle.activations_[0]
        ]
        net._set([circle.weights_[0], circle.weights_[1] / t], circle.biases_, [layer])
        return net

    best = (2 * mu * squares / (lam * size)) ** (1 / 3)
    values = [scaled(t).objective(X, y) for t in (0.9 * best, best, 1.1 * best)]
    assert values[1] < min(values[0], values[2]) and values[1] <= circle.objective(X, y)
    assert np.allclose(scaled(best).decision_function(X), circle.decision_function(X))


def test_same_seed_same_network():
    X, y = points(in_circle, 200)
    fits = [SplineNetwork((2,), epochs=5, random_state=s).fit(X, y) for s in (0, 0, 1)]
    assert np.array_equal(fits[0].decision_function(X), fits[1].decision_function(X))
    assert not np.array_equal(fits[0].decision_function(X), fits[2].decision_function(X))


def test_scikit_learns_checks_on_the_network():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, check in estimator_checks_generator(
            SplineNetwork((2,), "relu", epochs=40, random_state=0)
        ):
            try:
                check(estimator)
            except BaseException as error:
                assert "Skip" in type(error).__name__, (check, error)


def test_network_works_in_a_pipeline_and_in_cross_validation():
    X, y = points(in_circle, 400)
    names = np.where(y, "in", "out")
    model = make_pipeline(StandardScaler(), SplineNetwork((2,), random_state=0))
    assert cross_val_score(model, 100 * X + 7, names, cv=3).mean() > 0.85
    model.fit(X, names)
    proba = model.predict_proba(X)
    assert np.allclose(proba.sum(axis=1), 1) and model.classes_.tolist() == ["in", "out"]
    assert (model.predict(X) == np.where(proba[:, 1] > 0.5, "out", "in")).all()


@pytest.mark.parametrize(
    "parameters, error, message",
    [
        ({"hidden": ()}, ValueError, "hidden must have at least one layer"),
        ({"hidden": 2}, TypeError, "hidden must be a sequence, got 2"),
        ({"hidden": (0,)}, ValueError, "hidden must be at least 1, got 0"),
        ({"activation": "tanh"}, ValueError, "activation must be one of 'spline'"),
        ({"n_coefficients": 2}, ValueError, "n_coefficients must be at least 3, got 2"),
        ({"extent": -1}, ValueError, "extent must be a positive number"),
        ({"penalty": -1}, ValueError, "penalty must be a number that is not negative, got -1"),
        ({"weight_decay": None}, ValueError, "weight_decay must be a number that is not"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"batch_size": 1.5}, TypeError, "batch_size must be an integer, got 1.5"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be a positive number"),
    ],
)
def test_bad_parameters_of_the_network(parameters, error, message):
    net = SplineNetwork(**parameters)
    with pytest.raises(error, match=message):
        net.fit(*points(in_circle, 20))
    assert not [name for name in vars(net) if name.endswith("_")]


def test_bad_data_of_the_network(circle):
    X, y = points(in_circle, 60)
    with pytest.raises(ValueError, match="Only binary classification"):
        SplineNetwork().fit(X, np.arange(60) % 3)
    with pytest.raises(ValueError, match="y must have two classes, got one class"):
        SplineNetwork().fit(X, np.zeros(60, int))
    with pytest.raises(RuntimeError, match="finite weights"):
        SplineNetwork((2,), weight_decay=1e308, random_state=0).fit(X, y)
    for method in ("predict", "predict_proba", "decision_function", "gradient"):
        with pytest.raises(NotFittedError):
            getattr(SplineNetwork(), method)(X)
    with pytest.raises(NotFittedError):
        SplineNetwork().prune(X, y)
    with pytest.raises(ValueError, match="tolerance must be a number that is not negative"):
        circle.prune(X, y, -0.1)
    with pytest.raises(ValueError, match=r"p must be at least 1, got 0\.5"):
        lipschitz_bound(circle.weights_, circle.activations_, 0.5)


def test_number_of_steps_does_not_depend_on_the_chunks(monkeypatch):
    """The padding at the end moves nothing."""
    X, y = points(in_circle, 100)
    fits = []
    for chunk in (256, 7):
        monkeypatch.setattr(spline_networks, "_CHUNK", chunk)
        fits.append(SplineNetwork((2,), "prelu", epochs=10, random_state=0).fit(X, y))
    assert len(fits[0].loss_curve_) == len(fits[1].loss_curve_) == 20
    assert np.allclose(fits[0].decision_function(X), fits[1].decision_function(X))
