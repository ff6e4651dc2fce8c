"""Neural spectrahedra: the network is the solver's function, the bound holds without the solver."""

import warnings

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import polysos.neighbours.spectrahedra as spectrahedra
from polysos.neighbours.spectrahedra import SpectrahedralNetwork
from polysos.neighbours.spheres import neural_decomposition, sphere_maximum

RELU = (0.09, 0.5, 0.47)  # the authors' fit of the ReLU
LOSSES = ("squared", "absolute", "huber", "logistic")


def sigma(t, activation=RELU):
    a, b, c = activation
    return a * t**2 + b * t + c


def unit_vectors(rng, m, d):
    U = rng.standard_normal((m, d))
    return U / np.linalg.norm(U, axis=1, keepdims=True)


def planted(seed=0, n=60, d=5, m=3, noise=0.1, activation=RELU, positive=False):
    rng = np.random.default_rng(seed)
    X, U, alpha = rng.standard_normal((n, d)), unit_vectors(rng, m, d), rng.standard_normal(m)
    alpha = np.abs(alpha) if positive else alpha
    return X, sigma(X @ U.T, activation) @ alpha + noise * rng.standard_normal(n), U, alpha


def authors_data():
    """As in the authors' notebook, with the generator that numpy had then."""
    rng = np.random.RandomState(0)
    X = rng.normal(0, 1, (100, 20)) ** 4
    U, alpha = rng.normal(0, 1, (20, 5)), rng.normal(0, 1, 5)
    return X, sigma(X @ U) @ alpha + rng.normal(0, 0.1, (100, 1))[:, 0]


def textbook(X, y, activation, penalty, loss):
    """The convex program as the paper has it, and the solver's value."""
    (a, b, c), (n, d) = activation, X.shape
    Z, W = (cp.Variable((d + 1, d + 1), PSD=True) for _ in range(2))
    S = Z - W
    squares = np.einsum("ni,nj->nij", X, X).reshape(n, -1)
    f = a * squares @ cp.vec(S[:d, :d], order="C") + b * X @ S[:d, d] + c * S[d, d]
    value = {
        "squared": lambda: cp.sum_squares(f - y) / 2,
        "absolute": lambda: cp.norm1(f - y),
        "huber": lambda: cp.sum(cp.huber(f - y)) / 2,
        "logistic": lambda: cp.sum(cp.logistic(cp.multiply(-y, f))),
    }[loss]()
    traces = [cp.trace(M[:d, :d]) == M[d, d] for M in (Z, W)]
    program = cp.Problem(cp.Minimize(value + penalty * (Z[d, d] + W[d, d])), traces)
    return program.solve(solver="CLARABEL")


def solver_predictions(net, X):
    """What the solver's matrices make of the samples, for one output and without patches."""
    (a, b, c), S = net.activation, net.matrices_[0, 0] - net.matrices_[0, 1]
    quadratic = np.einsum("ni,ij,nj->n", X, S[:-1, :-1], X)
    return a * quadratic + b * X @ S[:-1, -1] + c * S[-1, -1]


# The network is what the convex program found


def test_authors_notebook():
    X, y = authors_data()
    net = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, y)
    assert net.objective_ == pytest.approx(5.501878789, rel=1e-9)
    assert 0 <= net.gap_ < 1e-7
    assert (net.output_weights_ > 0).sum() == 6 and (net.output_weights_ < 0).sum() == 5


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "activation", [RELU, (1, 0, 0), (1, 0, 0.5), (0, 1, 0.5), (0, 0, 1), (-1, 0.3, 0)], ids=str
)
def test_network_program_and_bound_agree(activation, loss):
    X, y, *_ = planted(noise=0.5, n=30, d=3)
    y = np.sign(y) if loss == "logistic" else y
    net = SpectrahedralNetwork(activation, penalty=0.2, loss=loss).fit(X, y)
    expected = textbook(X, y, activation, 0.2, loss)
    assert net.objective_ == pytest.approx(expected, rel=1e-6)
    assert net.solver_value_ == pytest.approx(net.objective_, rel=1e-7)
    assert -1e-12 < net.gap_ < 1e-7 * net.objective_
    assert np.allclose(net.predict(X), solver_predictions(net, X), atol=1e-6)
    assert np.allclose(np.linalg.norm(net.hidden_weights_, axis=1), 1, atol=1e-12)
    assert net.hidden_weights_.shape == (net.n_neurons_, 3)
    assert net.output_weights_.shape == (net.n_neurons_,) and net.n_neurons_ <= 8
    assert net.dual_point_.shape == y.shape and net.matrices_.shape == (1, 2, 4, 4)
    assert net.objective(X, y, net.hidden_weights_, net.output_weights_) == net.objective_
    assert net.verified_bound(X, y, net.dual_point_) == net.lower_bound_


@pytest.mark.parametrize("penalty", [1e-1, 1e-3, 1e-5, 1e-7])
def test_planted_network_is_optimal_as_the_penalty_vanishes(penalty):
    X, y, U, alpha = planted(seed=2, noise=0, positive=True)
    net = SpectrahedralNetwork(RELU, penalty=penalty).fit(X, y)
    ratio = net.objective_ / (penalty * alpha.sum())
    assert 1 - 0.1 * penalty - 1e-7 < ratio < 1 + 1e-7
    assert (net.output_weights_ > 0).all() and net.n_neurons_ in (3, 4)
    assert net.gap_ < 1e-7 * net.objective_
    fresh = np.random.default_rng(1).standard_normal((100, 5))
    assert np.allclose(net.predict(fresh), sigma(fresh @ U.T) @ alpha, atol=2 * penalty + 1e-6)


def test_two_planted_neurons_are_recovered_and_three_are_not():
    """With rank two a line meets the sphere in the two neurons; with rank three, a circle."""
    for m, seed, recovered in ((2, 2, True), (3, 5, False)):
        X, y, U, alpha = planted(seed=seed, noise=0, positive=True, m=m)
        net = SpectrahedralNetwork(RELU, penalty=1e-5).fit(X, y)
        assert net.n_neurons_ == m
        assert net.output_weights_.sum() == pytest.approx(alpha.sum(), abs=1e-4)
        closest = np.max(U @ net.hidden_weights_.T, axis=1)
        assert (closest > 1 - 1e-4).all() == recovered
        assert recovered or (closest < 0.95).all()


def test_planted_width_need_not_be_the_best_one():
    """A fourth eigenvalue, of the size of the penalty, is no error of the solver."""
    X, y, _, alpha = planted(noise=0, positive=True)
    for penalty in (1e-1, 1e-2, 1e-3):
        net = SpectrahedralNetwork(RELU, penalty=penalty).fit(X, y)
        fourth = np.linalg.eigvalsh(net.matrices_[0, 0])[-4]
        assert net.n_neurons_ == 4 and 0.005 < fourth / penalty < 0.02
        assert net.gap_ < 1e-8 * net.objective_ < 1e-8 * penalty * alpha.sum()


def test_no_network_is_below_the_bound():
    X, y, *_ = planted()
    net = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, y)
    rng = np.random.default_rng(2)
    for m in (1, 3, 10):
        U, V = unit_vectors(rng, m, 5), net.hidden_weights_
        near = V + 1e-3 * rng.standard_normal(V.shape)
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        for hidden in (U, near):
            alpha = np.linalg.lstsq(sigma(X @ hidden.T), y)[0]
            assert net.objective(X, y, hidden, alpha) > net.lower_bound_
        assert net.objective(X, y, near, net.output_weights_) > net.lower_bound_


def test_zero_is_best_from_a_certain_penalty_on():
    X, y, *_ = planted()
    B = np.einsum("n,nij->ij", y, spectrahedra._forms(X[:, None], RELU))
    limit = max(
        sphere_maximum(s * B[:-1, :-1], 2 * s * B[:-1, -1]).value + s * B[-1, -1] for s in (1, -1)
    )
    above = SpectrahedralNetwork(RELU, penalty=1.001 * limit).fit(X, y)
    below = SpectrahedralNetwork(RELU, penalty=0.99 * limit).fit(X, y)
    assert above.n_neurons_ == 0 and not above.predict(X).any() and above.gap_ < 1e-9
    assert above.objective_ == pytest.approx(y @ y / 2) and below.n_neurons_ == 1


# Special cases


def test_quadratic_activation_is_the_nuclear_norm():
    X, y, *_ = planted(activation=(1, 0, 0), m=4, noise=0.5)
    net = SpectrahedralNetwork((1, 0, 0), penalty=0.5).fit(X, y)
    S = cp.Variable((5, 5), symmetric=True)
    f = np.einsum("ni,nj->nij", X, X).reshape(60, -1) @ cp.vec(S, order="C")
    program = cp.Problem(cp.Minimize(cp.sum_squares(f - y) / 2 + 0.5 * cp.normNuc(S)))
    assert net.objective_ == pytest.approx(program.solve(solver="CLARABEL"), rel=1e-6)
    assert net.n_neurons_ <= 5
    U = net.hidden_weights_
    assert np.allclose(U @ U.T, np.eye(len(U)), atol=1e-9)  # eigenvectors
    assert np.allclose((U.T * net.output_weights_) @ U, S.value, atol=1e-4)


def test_quadratic_activation_is_the_cubic_penalty():
    """Rescaled neurons pay kappa |lambda| = |alpha|^3 + |u|^3 at the best scale."""
    X, y, *_ = planted(activation=(1, 0, 0), m=4, noise=0.5)
    net = SpectrahedralNetwork((1, 0, 0), penalty=0.5).fit(X, y)
    kappa = 2 ** (1 / 3) + 2 ** (-2 / 3)
    size = np.abs(net.output_weights_)
    lengths = (2 * size**3) ** (1 / 9)
    U, alpha = net.hidden_weights_ * lengths[:, None], net.output_weights_ / lengths**2
    cost = 0.5 / kappa * np.sum(np.abs(alpha) ** 3 + lengths**3)
    residuals = (X @ U.T) ** 2 @ alpha - y
    assert residuals @ residuals / 2 + cost == pytest.approx(net.objective_, rel=1e-9)
    for factor in (0.9, 1.1):
        t = factor * lengths
        worse = 0.5 / kappa * np.sum((size / t**2) ** 3 + t**3)
        assert worse > cost


@pytest.mark.parametrize(
    ("w", "value"), [((3, 1, 1, 2, 2, 1), 6), ((4, 1, 1, 1, 1, 1), 6), ((10, 1), 10.1)], ids=str
)
def test_the_convex_penalty_does_not_see_partitions(w, value):
    """Of Z with ones on the diagonal and w^T Z w = 0, the smallest nuclear norm."""
    w = np.array(w, dtype=float)
    X = np.vstack([np.eye(len(w)), w / np.linalg.norm(w)])
    y = np.r_[np.ones(len(w)), 0.0]
    net = SpectrahedralNetwork((1, 0, 0), penalty=1e-6).fit(X, y)
    assert net.objective_ / 1e-6 == pytest.approx(value, rel=1e-4)
    assert net.gap_ < 1e-6 * net.objective_


def test_outputs_are_separate_problems():
    X, y, *_ = planted()
    Y = np.column_stack([y, X[:, 0] * X[:, 1], np.sin(X[:, 2])])
    net = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, Y)
    alone = [SpectrahedralNetwork(RELU, penalty=0.1).fit(X, column) for column in Y.T]
    assert net.objective_ == pytest.approx(sum(n.objective_ for n in alone), rel=1e-9)
    assert net.lower_bound_ == pytest.approx(sum(n.lower_bound_ for n in alone), rel=1e-9)
    assert net.n_neurons_ == sum(n.n_neurons_ for n in alone)
    assert net.output_weights_.shape == (net.n_neurons_, 3)
    assert (np.count_nonzero(net.output_weights_, axis=1) == 1).all()
    assert net.predict(X).shape == Y.shape == net.dual_point_.shape
    assert np.allclose(net.predict(X), np.column_stack([n.predict(X) for n in alone]))
    column = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, Y[:, :1])
    assert column.predict(X).shape == (60, 1)


def test_convolution_with_global_average_pooling():
    rng = np.random.default_rng(3)
    X, filters = rng.standard_normal((60, 12)), unit_vectors(rng, 2, 3)
    windows = sliding_window_view(np.arange(12), 3)

    def convolution(X, U, alpha):
        f = np.zeros(len(X))
        for u, weight in zip(U, alpha, strict=True):
            for start in range(10):
                f += weight * sigma(X[:, start : start + 3] @ u) / 10
        return f

    y = convolution(X, filters, [2.0, -1.0]) + 0.05 * rng.standard_normal(60)
    net = SpectrahedralNetwork(RELU, penalty=0.01, patches=windows).fit(X, y)
    assert net.hidden_weights_.shape == (net.n_neurons_, 3) and net.n_neurons_ <= 8
    f = convolution(X, net.hidden_weights_, net.output_weights_)
    assert np.allclose(net.predict(X), f, atol=1e-12)
    value = np.sum((f - y) ** 2) / 2 + 0.01 * np.abs(net.output_weights_).sum()
    assert value == pytest.approx(net.objective_, rel=1e-12) and net.gap_ < 1e-8
    assert net.matrices_.shape == (1, 2, 4, 4)


def test_one_patch_with_everything_is_a_fully_connected_layer():
    X, y, *_ = planted(n=20, d=3)
    plain = SpectrahedralNetwork(RELU).fit(X, y)
    patch = SpectrahedralNetwork(RELU, patches=[[2, 0, 1]]).fit(X, y)
    assert patch.objective_ == pytest.approx(plain.objective_, rel=1e-8)
    assert np.allclose(patch.predict(X), plain.predict(X), atol=1e-6)


def test_huber_is_between_squared_and_absolute():
    X, y, *_ = planted(n=30, d=3, noise=0.5)
    wide = SpectrahedralNetwork(RELU, loss="huber", huber_threshold=100.0).fit(X, y)
    assert wide.objective_ == pytest.approx(SpectrahedralNetwork(RELU).fit(X, y).objective_)
    thin = SpectrahedralNetwork(RELU, 0.1 * 1e-3, "huber", huber_threshold=1e-3).fit(X, y)
    absolute = SpectrahedralNetwork(RELU, loss="absolute").fit(X, y).objective_
    assert thin.objective_ / 1e-3 == pytest.approx(absolute, rel=1e-2)


@pytest.mark.parametrize("loss", ["squared", "absolute", "huber"])
def test_units_do_not_matter(loss):
    """Targets in other units, and the penalty with them."""
    X, y, *_ = planted(n=40, d=3, noise=0.5)
    net = SpectrahedralNetwork(RELU, 0.1, loss).fit(X, y)
    unit = 1e4
    power = 1 if loss == "absolute" else 2
    scaled = SpectrahedralNetwork(RELU, 0.1 * unit ** (power - 1), loss, unit).fit(X, unit * y)
    assert scaled.objective_ == pytest.approx(unit**power * net.objective_, rel=1e-6)
    assert scaled.gap_ < 1e-6 * scaled.objective_
    assert np.allclose(scaled.predict(X), unit * net.predict(X), atol=1e-3 * unit)


# The decomposition


@given(seed=st.integers(0, 10**6), d=st.integers(1, 6), m=st.integers(1, 9))
def test_decomposition_gives_the_matrix_back(seed, d, m):
    rng = np.random.default_rng(seed)
    q = np.column_stack([unit_vectors(rng, m, d), np.ones(m)])
    Z = (q.T * rng.exponential(size=m)) @ q
    u, alpha = neural_decomposition(Z)
    assert len(u) == len(alpha) <= min(m, d + 1)
    assert np.allclose(np.linalg.norm(u, axis=1), 1, atol=1e-12) and (alpha > 0).all()
    p = np.column_stack([u, np.ones(len(u))])
    assert np.allclose((p.T * alpha) @ p, Z, atol=1e-6 * np.trace(Z))
    assert (np.diff(alpha) <= 0).all()


def test_decomposition_of_zero_has_no_neuron():
    u, alpha = neural_decomposition(np.zeros((3, 3)))
    assert u.shape == (0, 2) and alpha.shape == (0,)


def test_threshold_decides_the_number_of_neurons():
    Z = np.diag([1.0, 1e-4, 1 + 1e-4])
    assert len(neural_decomposition(Z)[0]) == 3
    assert len(neural_decomposition(Z, threshold=1e-3)[0]) == 2


@pytest.mark.parametrize(
    "Z",
    [
        np.diag([1.0, 1.0, 1.0]),  # trace
        np.diag([2.0, -1.0, 1.0]),  # not semidefinite
        np.array([[1.0, 0.5], [0.0, 1.0]]),  # not symmetric
        np.ones((1, 1)),
        np.ones((2, 3)),
        np.array([[1.0, np.nan], [np.nan, 1.0]]),
    ],
)
def test_decomposition_refuses_other_matrices(Z):
    with pytest.raises(ValueError, match="Z must"):
        neural_decomposition(Z)


# The maximum on the sphere


@given(seed=st.integers(0, 10**6), d=st.integers(1, 6), hard=st.booleans())
def test_sphere_maximum_is_attained_and_not_exceeded(seed, d, hard):
    rng = np.random.default_rng(seed)
    M, m = rng.standard_normal((d, d)), rng.standard_normal(d)
    M = M + M.T
    if hard:  # m orthogonal to the top eigenvector, and short
        top = np.linalg.eigh(M)[1][:, -1]
        m = 1e-3 * (m - (m @ top) * top)
    found = sphere_maximum(M, m)
    u = found.point
    assert np.isclose(np.linalg.norm(u), 1, atol=1e-12)
    assert np.isclose(u @ M @ u + m @ u, found.value, atol=1e-8)
    others = np.vstack([unit_vectors(rng, 200, d), u + 1e-3 * rng.standard_normal((50, d))])
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    values = np.einsum("ni,ij,nj->n", others, M, others) + others @ m
    assert values.max() <= found.value + 1e-12
    assert found.multiplier >= np.linalg.eigvalsh(M)[-1]


def test_sphere_maximum_of_nothing_and_on_two_points():
    assert sphere_maximum(np.zeros((3, 3)), np.zeros(3)).value == pytest.approx(0)
    found = sphere_maximum([[2.0]], [-3.0])
    assert found.value == pytest.approx(5) and found.point.tolist() == [-1.0]


@pytest.mark.parametrize(
    ("M", "m"), [(np.eye(2), np.ones(3)), (np.eye(2), [np.inf, 0]), (np.ones((1, 2)), [1.0])]
)
def test_sphere_maximum_refuses_other_shapes(M, m):
    with pytest.raises(ValueError, match="must"):
        sphere_maximum(M, m)


# The bound, whoever proposes it


@pytest.mark.parametrize("loss", LOSSES)
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), size=st.floats(1e-3, 1e3))
def test_any_dual_point_bounds_any_network(loss, seed, size):
    rng = np.random.default_rng(seed)
    X, y, *_ = planted(seed=seed, n=8, d=2)
    y = np.sign(y) if loss == "logistic" else y
    net = SpectrahedralNetwork(RELU, penalty=0.3, loss=loss)
    bound = net.verified_bound(X, y, size * rng.standard_normal(8))
    m = rng.integers(0, 4)
    alpha = rng.standard_normal(m) * rng.exponential()
    assert 0 <= bound <= net.objective(X, y, unit_vectors(rng, m, 2), alpha)


def test_bound_from_the_residuals_of_a_network():
    """The residuals of the best network prove that it is; those of another one prove less."""
    X, y, *_ = planted()
    net = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, y)
    bound = net.verified_bound(X, y, y - net.predict(X))
    assert bound == pytest.approx(net.lower_bound_, rel=1e-6)
    worse = net.verified_bound(X, y, y - 0.9 * net.predict(X))
    assert 0 < worse < net.lower_bound_


@pytest.mark.parametrize("factor", [-1.0, 0.5, 1.5, 1e6])
def test_tampered_dual_point_proves_less(factor):
    X, y, *_ = planted()
    net = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, y)
    assert net.verified_bound(X, y, factor * net.dual_point_) < net.objective_


def test_a_maximum_that_is_too_small_is_not_believed(monkeypatch):
    """The exact check refuses what a wrong trust-region solution would let through."""
    X, y, *_ = planted()
    net = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, y)

    def liar(M, m):
        found = sphere_maximum(M, m)
        return found._replace(value=found.value / 2 - 1, multiplier=found.multiplier / 2)

    monkeypatch.setattr(spectrahedra, "sphere_maximum", liar)
    assert net.verified_bound(X, y, 1.5 * net.dual_point_) == 0


def test_wrong_weights_show_in_the_gap():
    X, y, *_ = planted()
    net = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, y)
    alpha = net.output_weights_.copy()
    alpha[0] *= 1.01
    assert net.objective(X, y, net.hidden_weights_, alpha) - net.lower_bound_ > 1e3 * net.gap_


def test_garbage_of_the_solver_is_reported_not_believed(monkeypatch):
    X, y, *_ = planted()
    best = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, y).objective_
    rng = np.random.default_rng(0)
    M = rng.standard_normal((2, 6, 6))

    def garbage(problem, column):
        return spectrahedra._Solution(M @ M.transpose(0, 2, 1), rng.standard_normal(60), 0.0, 1.0)

    monkeypatch.setattr(spectrahedra, "_solve", garbage)
    with pytest.warns(ConvergenceWarning, match="no network has less than"):
        net = SpectrahedralNetwork(RELU, penalty=0.1).fit(X, y)
    assert net.lower_bound_ <= best <= net.objective_ and net.gap_ > best


def test_a_failure_of_the_solver_is_an_error_and_leaves_nothing(monkeypatch):
    X, y, *_ = planted()

    def fail(self, **_):
        raise cp.error.SolverError("out of order")

    monkeypatch.setattr(cp.Problem, "solve", fail)
    net = SpectrahedralNetwork()
    with pytest.raises(RuntimeError, match="out of order"):
        net.fit(X, y)
    assert not [name for name in vars(net) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        net.predict(X)


# Arguments


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"activation": (1, 2)}, ValueError, "activation must be three numbers"),
        ({"activation": (0, 0, 0)}, ValueError, "activation must be three numbers, not all zero"),
        ({"activation": (1, np.inf, 0)}, ValueError, "activation must be finite"),
        ({"activation": "relu"}, TypeError, "activation must be a sequence"),
        ({"penalty": 0.0}, ValueError, "penalty must be a positive number"),
        ({"penalty": np.nan}, ValueError, "penalty must be a positive number"),
        ({"penalty": None}, ValueError, "penalty must be a positive number"),
        ({"loss": "hinge"}, ValueError, "loss must be one of 'squared'"),
        ({"huber_threshold": -1}, ValueError, "huber_threshold must be a positive number"),
        ({"patches": [[0, 5]]}, ValueError, "patches must hold numbers of features, 0 to 4"),
        ({"patches": [[-1, 0]]}, ValueError, "patches must hold numbers of features"),
        ({"patches": [0, 1]}, ValueError, "patches must be a matrix of integers"),
        ({"patches": [[0.0, 1.0]]}, ValueError, "patches must be a matrix of integers"),
        ({"loss": "logistic"}, ValueError, "y must be -1 or 1"),
    ],
)
def test_bad_parameters(parameters, error, message):
    X, y, *_ = planted()
    net = SpectrahedralNetwork(**parameters)
    with pytest.raises(error, match=message):
        net.fit(X, y)
    assert not [name for name in vars(net) if name.endswith("_")]


def test_bad_data():
    X, y, U, alpha = planted()
    net = SpectrahedralNetwork()
    with pytest.raises(ValueError, match="moderate size"):
        net.fit(1e200 * X, y)
    with pytest.raises(ValueError, match="NaN"):
        net.fit(X, np.where(y > 0, y, np.nan))
    with pytest.raises(ValueError, match="dual_point must have shape"):
        net.verified_bound(X, y, y[:-1])
    with pytest.raises(ValueError, match="dual_point must be finite"):
        net.verified_bound(X, y, y * np.inf)
    with pytest.raises(ValueError, match="hidden_weights must have 5 columns and rows of norm 1"):
        net.objective(X, y, 2 * U, alpha)
    with pytest.raises(ValueError, match="output_weights must have shape"):
        net.objective(X, y, U, alpha[:-1])


def test_a_failed_fit_leaves_the_last_one():
    X, y, *_ = planted()
    net = SpectrahedralNetwork().fit(X, y)
    before = net.predict(X)
    with pytest.raises(ValueError):
        net.fit(X[:, :3], np.full(60, np.nan))
    assert (net.predict(X) == before).all()


# scikit-learn


def beyond_this_activation(estimator):
    """An even function cannot score well on the linear targets of this check."""
    return {"check_regressors_train": "t^2 is even"} if estimator.activation[1] == 0 else {}


@parametrize_with_checks(
    [
        SpectrahedralNetwork(),
        SpectrahedralNetwork(activation=(1.0, 0.0, 0.0), loss="huber"),
        SpectrahedralNetwork(penalty=1.0, loss="absolute"),
    ],
    expected_failed_checks=beyond_this_activation,
)
def test_estimator(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


def test_pipeline_and_model_selection():
    X, y, *_ = planted(noise=0.01)
    pipeline = make_pipeline(StandardScaler(), SpectrahedralNetwork(RELU, penalty=0.01))
    assert cross_val_score(pipeline, 10 * X + 3, y, cv=3).min() > 0.9
    grid = {"penalty": [1e-2, 1e2], "loss": ["squared", "huber"]}
    search = GridSearchCV(SpectrahedralNetwork(RELU), grid, cv=3).fit(X, y)
    assert search.best_params_["penalty"] == 1e-2 and search.best_estimator_.gap_ < 1e-8


def test_logistic_scores_rank_the_classes():
    X, y, *_ = planted(noise=0)
    labels = np.where(y > np.median(y), 1, -1)
    net = SpectrahedralNetwork(RELU, penalty=0.1, loss="logistic")
    ranking = make_scorer(roc_auc_score)
    assert cross_val_score(net, X, labels, cv=3, scoring=ranking).min() > 0.9
    assert (np.sign(net.fit(X, labels).predict(X)) == labels).mean() > 0.95


def test_a_second_fit_is_the_same():
    X, y, *_ = planted()
    first, second = (SpectrahedralNetwork().fit(X, y) for _ in range(2))
    assert (first.hidden_weights_ == second.hidden_weights_).all()
    assert first.lower_bound_ == second.lower_bound_
