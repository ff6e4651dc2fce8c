"""Threshold networks: all patterns, the LASSO and its proof, brute force, the closed form."""

import warnings
from fractions import Fraction
from itertools import combinations, product
from math import comb

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import parametrize_with_checks

from polysos.neighbours import ThreeLayerThresholdNetwork, ThresholdNetwork, lasso, thresholds
from polysos.neighbours.arrangements import (
    Patterns,
    deeper_patterns,
    enumerate_patterns,
    sample_patterns,
)
from polysos.neighbours.lasso import (
    LassoSolution,
    dual_bound,
    narrowest,
    solve_lasso,
    solve_shattered,
)


def planar(seed, n, d=2):
    """Gaussian points of R^d with a bias, and Gaussian targets."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.standard_normal((n, d)), np.ones(n)])
    return X, rng.standard_normal(n)


def cover(n, r):
    """Cells of n hyperplanes in general position in R^r, through the origin."""
    return 2 * sum(comb(n - 1, k) for k in range(r))


def is_shown(pattern, X):
    """Whether the pattern is 1{X w >= 0} for some w: by linear programming."""
    on = np.array(pattern)
    A = np.vstack([-X[on], X[~on]])
    b = np.append(np.zeros(on.sum()), -np.ones((~on).sum()))  # < 0 is <= -1, by scaling
    return linprog(np.zeros(X.shape[1]), A_ub=A, b_ub=b, bounds=(None, None)).success


def best_of_width(patterns, y, penalty, width):
    """The smallest objective over ALL networks of a width: every choice of patterns and signs.

    Dependent patterns can be left out, one of them is not needed; stationary coefficients with
    other signs than assumed are not the minimum of that choice.
    """
    D, best = patterns.astype(float), y @ y / 2
    for size in range(1, width + 1):
        signs = np.array(list(product((1, -1), repeat=size)))
        subsets = np.array(list(combinations(range(len(D)), size)))
        for S in np.array_split(subsets, len(subsets) // 50_000 + 1):
            A = D[S]
            G = A @ A.swapaxes(1, 2)
            regular = np.linalg.det(G) > 0.5  # an integer
            A, G = A[regular], np.linalg.inv(G[regular])
            a = np.einsum("kij,ksj->ksi", G, (A @ y)[:, None, :] - penalty * signs)
            k, s = np.nonzero((a * signs > 0).all(axis=2))
            r = np.einsum("ki,kin->kn", a[k, s], A[k]) - y
            values = (r**2).sum(axis=1) / 2 + penalty * abs(a[k, s]).sum(axis=1)
            best = min(best, values.min(initial=np.inf))
    return best


# Patterns


@pytest.mark.parametrize("n, d", [(7, 2), (9, 2), (8, 2), (6, 3), (20, 2), (5, 1), (4, 3), (12, 3)])
def test_number_of_patterns_in_general_position(n, d):
    """Cover's count, without the zero vector, which is one of his cells."""
    X, _ = planar(n, n, d)
    found = enumerate_patterns(X)
    assert found.general_position and found.rank == d + 1
    assert len(found.patterns) == cover(n, d + 1) - 1
    assert len(np.unique(found.patterns, axis=0)) == len(found.patterns)
    assert found.patterns.any(axis=1).all() and found.patterns.all(axis=1).sum() == 1
    assert np.array_equal(found.patterns, (X @ found.directions.T >= 0).T)


@pytest.mark.parametrize("seed", range(4))
def test_without_a_bias_ones_may_come_from_zero_alone(seed):
    """No half-plane holds all points: neither ones nor zeros are a cell, and w = 0 adds one."""
    X = np.random.default_rng(seed).standard_normal((12, 2))
    in_a_half_plane = linprog([0, 0], A_ub=-X, b_ub=-np.ones(12), bounds=(None, None)).success
    found = enumerate_patterns(X)
    assert not in_a_half_plane
    assert len(found.patterns) == cover(12, 2) + 1
    assert found.patterns[-1].all() and not found.directions[-1].any()


def test_many_random_directions_find_no_other_pattern():
    X, _ = planar(3, 8)
    found = {p.tobytes() for p in enumerate_patterns(X).patterns}
    sampled, directions = sample_patterns(X, 200_000, random_state=0)
    assert {p.tobytes() for p in sampled} <= found and len(sampled) > 0.9 * len(found)
    assert np.array_equal(sampled, (X @ directions.T >= 0).T)
    few, _ = sample_patterns(X, 30, random_state=0)
    assert {p.tobytes() for p in few} < found


def test_the_cube_has_the_cells_of_the_resonance_arrangement():
    """Degenerate data with known counts (OEIS A034997); the corner 0 gives a vanishing row."""
    for width, cells in [(1, 2), (2, 6), (3, 32), (4, 370)]:
        found = enumerate_patterns(list(product((0, 1), repeat=width)))
        assert len(found.patterns) == cells
        assert not found.general_position and found.patterns[:, 0].all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda d: st.lists(
            st.lists(st.integers(-2, 2), min_size=d, max_size=d), min_size=1, max_size=5
        )
    )
)
def test_patterns_of_any_data_are_those_that_linear_programming_finds(rows):
    """Zero, equal, opposite and collinear rows included."""
    X = np.array(rows, dtype=float)
    found = {tuple(p) for p in enumerate_patterns(X).patterns.tolist()}
    for pattern in product((False, True), repeat=len(X)):
        assert (pattern in found) == (any(pattern) and is_shown(pattern, X)), pattern


def test_opposite_inputs_can_both_be_on_a_boundary():
    X = [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]
    found = enumerate_patterns(X)
    assert not found.general_position
    assert [1, 1, 0] in found.patterns.astype(int).tolist()  # w = (-1, 1) alone


def test_patterns_do_not_depend_on_units_or_on_repeated_columns():
    X, _ = planar(5, 7)
    expected = enumerate_patterns(X).patterns
    scales = np.array([1e-200, 1e200, 3.0, 1e-5, 7.0, 1e100, 1.0])[:, None]
    wide = np.column_stack([X[:, 0], X, X @ [1.0, 2.0, 0.5]])
    assert np.array_equal(enumerate_patterns(scales * X).patterns, expected)
    assert np.array_equal(enumerate_patterns(2.0**-30 * X).patterns, expected)
    assert len(enumerate_patterns(wide[:, :4]).patterns) == len(expected)


def test_nearly_collinear_points_are_told_apart_exactly():
    """Three points off a line by one rounding error: a float rank would call them collinear."""
    tiny = 2.0**-52
    line = [[0.0, 0.0, 1.0], [1.0, 1.0, 1.0], [2.0, 2.0, 1.0], [0.0, 5.0, 1.0]]
    assert len(enumerate_patterns(line).patterns) < cover(4, 3) - 1
    line[1][1] += tiny
    found = enumerate_patterns(line)
    assert found.general_position and len(found.patterns) == cover(4, 3) - 1


def test_zero_data_leave_the_constant():
    found = enumerate_patterns(np.zeros((3, 2)))
    assert found.patterns.tolist() == [[True] * 3] and found.rank == 0


# The LASSO and its bound

REFERENCES = [  # seed, n, d, penalty, optimum, width
    (0, 7, 2, 0.6, 1.1012102877, 3),
    (8, 9, 2, 1.2, 1.7061940300, 4),
    (0, 7, 2, 0.2, 0.4866813683, 6),
    (2, 6, 3, 0.2, 0.3067478032, 6),
    (11, 9, 2, 0.15, 0.47632037, 8),
]


@pytest.mark.parametrize("seed, n, d, penalty, optimum, width", REFERENCES)
def test_reference_values(seed, n, d, penalty, optimum, width):
    X, y = planar(seed, n, d)
    network = ThresholdNetwork(penalty).fit(X, y)
    assert network.objective_ == pytest.approx(optimum, abs=6e-9)
    assert network.n_neurons_ == width and network.n_patterns_ == cover(n, d + 1) - 1
    assert abs(network.gap_) < 1e-13
    patterns = enumerate_patterns(X).patterns
    assert np.count_nonzero(narrowest(patterns, y, penalty).coefficients) == width
    assert network.lower_bound_ == dual_bound(network.dual_, y, penalty, patterns)


@pytest.mark.parametrize("seed, n, penalty, labels", [(1, 12, 0.3, False), (2, 16, 0.2, True)])
def test_agrees_with_scikit_learn_and_cvxpy(seed, n, penalty, labels):
    X, y = planar(seed, n)
    y = np.sign(y) if labels else y
    D = enumerate_patterns(X).patterns.T.astype(float)
    ours = solve_lasso(D.T, y, penalty)
    lasso = Lasso(alpha=penalty / n, fit_intercept=False, tol=1e-12, max_iter=10**5).fit(D, y)
    theirs = np.sum((D @ lasso.coef_ - y) ** 2) / 2 + penalty * abs(lasso.coef_).sum()
    a = cp.Variable(D.shape[1])
    value = cp.Problem(cp.Minimize(cp.sum_squares(D @ a - y) / 2 + penalty * cp.norm1(a))).solve(
        solver="CLARABEL"
    )
    assert ours.objective == pytest.approx(theirs, abs=1e-9)
    assert ours.objective == pytest.approx(value, abs=1e-6)
    assert abs(ours.objective - ours.lower_bound) < 1e-12
    assert np.linalg.matrix_rank(D[:, ours.coefficients != 0]) == np.count_nonzero(
        ours.coefficients
    )


@pytest.mark.parametrize(
    "seed, n, penalty, excess",
    [(0, 7, 0.6, [0.151, 0.0281]), (8, 9, 1.2, [0.0309, 8.05e-4, 1.45e-4])],
)
def test_brute_force_over_all_networks_of_a_width(seed, n, penalty, excess):
    """Equal to the LASSO from the width of its solution on, strictly worse below."""
    X, y = planar(seed, n)
    network = ThresholdNetwork(penalty).fit(X, y)
    patterns = np.array([p for p in product((False, True), repeat=n) if any(p) and is_shown(p, X)])
    assert len(patterns) == network.n_patterns_
    assert network.n_neurons_ == len(excess) + 1
    for width, reference in enumerate(excess, start=1):
        above = best_of_width(patterns, y, penalty, width) - network.objective_
        assert above == pytest.approx(reference, rel=5e-3) and above > 1e-5
    full = best_of_width(patterns, y, penalty, network.n_neurons_)
    assert full == pytest.approx(network.objective_, abs=1e-12)


def test_weights_are_those_of_the_stated_objective():
    """The full weight decay comes as close to objective_ as one likes; amplitudes are balanced."""
    X, y = planar(0, 7)
    network = ThresholdNetwork(0.6).fit(X, y)
    s, v, W = network.amplitudes_, network.output_weights_, network.hidden_weights_
    assert np.allclose(abs(s), v) and (v > 0).all()
    for length in (1e-3, 1e-7):
        f = (X @ (length * W).T >= 0) @ (s * v)
        decay = np.sum((length * W) ** 2) + s @ s + v @ v
        full = np.sum((f - y) ** 2) / 2 + 0.6 / 2 * decay
        assert 0 <= full - network.objective_ + 1e-14 < 3 * length**2 + 1e-13
    lopsided = np.sum((2 * s) ** 2) + np.sum((v / 2) ** 2)
    assert lopsided > s @ s + v @ v


def test_labels_may_need_fewer_neurons_than_the_rank_of_the_active_patterns():
    X, y = planar(3, 9)
    y, penalty = np.sign(y), 0.2
    patterns = enumerate_patterns(X).patterns
    s = narrowest(patterns, y, penalty)
    active = patterns[abs(abs(patterns @ s.dual) - penalty) < 1e-9]
    assert np.count_nonzero(s.coefficients) < np.linalg.matrix_rank(active.astype(float))
    assert s.objective == pytest.approx(solve_lasso(patterns, y, penalty).objective, abs=1e-12)
    with pytest.raises(RuntimeError, match="narrowest network was not found"):
        narrowest(enumerate_patterns(planar(4, 20)[0]).patterns, planar(4, 20)[1], 0.2, 1)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_vector_gives_a_bound_above_a_network(data):
    """Weak duality, whatever a solver may return: any v, any coefficients."""
    number = st.floats(-10, 10, allow_subnormal=False)
    n = data.draw(st.integers(1, 5))
    vector = st.lists(number, min_size=n, max_size=n).map(np.array)
    patterns = np.array(
        data.draw(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=1, max_size=6))
    )
    y, v = data.draw(vector), data.draw(vector)
    a = np.array(data.draw(st.lists(number, min_size=len(patterns), max_size=len(patterns))))
    penalty = data.draw(st.floats(1e-3, 10))
    exact = [Fraction(t) for t in a.tolist()]
    f = [sum(c for c, d in zip(exact, row, strict=True) if d) for row in patterns.T.tolist()]
    objective = sum((p - Fraction(t)) ** 2 for p, t in zip(f, y.tolist(), strict=True)) / 2
    objective += Fraction(penalty) * sum(map(abs, exact))
    for bound in (dual_bound(v, y, penalty, patterns), dual_bound(v, y, penalty)):
        assert Fraction(bound) <= objective
    assert solve_lasso(patterns, y, penalty).objective <= float(objective) * (1 + 1e-12) + 1e-12


def test_a_tampered_proof_proves_less():
    X, y = planar(0, 7)
    network = ThresholdNetwork(0.6).fit(X, y)
    patterns = enumerate_patterns(X).patterns
    for seed in range(20):
        lie = network.dual_ + 0.01 * np.random.default_rng(seed).standard_normal(7)
        assert dual_bound(lie, y, 0.6, patterns) < network.lower_bound_
    assert dual_bound(10 * network.dual_, y, 0.6, patterns) <= network.objective_
    assert dual_bound(-network.dual_, y, 0.6, patterns) == 0
    # With a pattern left out the same vector proves too much: the list must be complete.
    few = ThresholdNetwork(0.6).fit(X, y).patterns_[1:]
    rest = solve_lasso(few, y, 0.6)
    assert rest.lower_bound > network.objective_ + 1e-3


def test_a_solver_that_fails_shows_in_the_gap(monkeypatch):
    X, y = planar(0, 7)
    patterns = enumerate_patterns(X).patterns
    best = solve_lasso(patterns, y, 0.6)

    def lazy(A, b, maxiter=None):
        return np.linspace(0.001, 0.002, A.shape[1]), 0.0

    monkeypatch.setattr(lasso, "nnls", lazy)
    bad = solve_lasso(patterns, y, 0.6)
    assert bad.lower_bound <= best.objective < bad.objective - 1e-3
    with pytest.warns(ConvergenceWarning, match="gap of"):
        network = ThresholdNetwork(0.6).fit(X, y)
    assert network.gap_ > 1e-3 and network.lower_bound_ <= best.objective <= network.objective_

    def broken(A, b, maxiter=None):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(lasso, "nnls", broken)
    with pytest.raises(RuntimeError, match="the LASSO was not solved"):
        ThresholdNetwork(0.6).fit(X, y)


def test_wrong_patterns_are_noticed(monkeypatch):
    """Directions that do not show the patterns they claim: the network is checked in floats."""
    X, y = planar(0, 7)
    found = enumerate_patterns(X)
    wrong = Patterns(found.patterns, -found.directions, 3, True)
    monkeypatch.setattr(thresholds, "enumerate_patterns", lambda X: wrong)
    network = ThresholdNetwork(0.6)
    with pytest.raises(ValueError, match="X must leave room for rounding"):
        network.fit(X, y)
    assert not hasattr(network, "objective_")


def test_more_rows_stay_quick_and_exact():
    X, y = planar(1, 60)
    network = ThresholdNetwork(0.2).fit(X, y)
    assert network.n_patterns_ == cover(60, 3) - 1 and abs(network.gap_) < 1e-10
    assert network.n_neurons_ <= 60


def test_a_penalty_that_is_too_small_for_floats_is_reported():
    X, y = planar(0, 20)
    assert abs(ThresholdNetwork(1e-7).fit(X, y).gap_) < 1e-12
    with pytest.warns(ConvergenceWarning, match="gap of"):
        network = ThresholdNetwork(1e-12).fit(X, y)
    assert network.lower_bound_ <= ThresholdNetwork(1e-7).fit(X, y).objective_


@pytest.mark.parametrize("unit", [1e-100, 1e-8, 1e8, 1e100])
def test_units_of_the_targets_do_not_matter(unit):
    X, y = planar(0, 7)
    network = ThresholdNetwork(0.6 * unit).fit(X, unit * y)
    assert network.objective_ / unit**2 == pytest.approx(1.1012102877, abs=1e-10)
    assert abs(network.gap_) < 1e-13 * unit**2 and network.n_neurons_ == 3
    assert ThresholdNetwork(0.6).fit(unit * X, y).n_neurons_ == 3


def test_a_large_penalty_leaves_no_neuron():
    X, y = planar(0, 7)
    network = ThresholdNetwork(100.0).fit(X, y)
    assert network.n_neurons_ == 0 and network.hidden_weights_.shape == (0, 3)
    assert not network.predict(X).any()
    assert network.objective_ == pytest.approx(y @ y / 2) and abs(network.gap_) < 1e-14


# Independent inputs, and sampled patterns


@pytest.mark.parametrize("n, d", [(5, 5), (5, 8), (1, 1), (6, 6)])
def test_independent_inputs_show_every_pattern(n, d):
    rng = np.random.default_rng(n * d)
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    assert len(enumerate_patterns(X).patterns) == 2**n - 1
    network = ThresholdNetwork(0.1).fit(X, y)
    listed = solve_lasso(enumerate_patterns(X).patterns, y, 0.1)
    assert network.n_patterns_ == 2**n - 1
    assert network.objective_ == pytest.approx(listed.objective, abs=1e-12)
    assert abs(network.gap_) < 1e-13


def test_sampled_patterns_are_an_upper_bound_and_the_lower_bound_holds():
    X, y = planar(1, 20)
    best = ThresholdNetwork(0.2).fit(X, y)
    values = []
    for draws in (20, 100, 1000, 5000):
        network = ThresholdNetwork(0.2, patterns=draws, random_state=0).fit(X, y)
        assert network.n_patterns_ < best.n_patterns_
        assert network.lower_bound_ <= best.objective_ + 1e-13 <= network.objective_ + 2e-13
        assert network.lower_bound_ == dual_bound(network.dual_, y, 0.2)
        values.append(network.objective_)
    assert values == sorted(values, reverse=True)
    assert values[-1] - best.objective_ > 1e-4  # 5000 draws do not find all of 381
    again = ThresholdNetwork(0.2, patterns=100, random_state=0).fit(X, y)
    assert again.objective_ == values[1]


def test_equal_inputs_make_the_sampled_bound_sharper():
    X = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    y = np.array([1.0, -1.0, 2.0])
    network = ThresholdNetwork(0.2, patterns=50, random_state=0).fit(X, y)
    assert network.lower_bound_ > 1 > dual_bound(network.dual_, y, 0.2)
    assert abs(ThresholdNetwork(0.2).fit(X, y).objective_ - network.objective_) < 1e-12


# The closed form, three layers, and the ladder


@pytest.mark.parametrize(
    "n, positive, value", [(20, 8, 0.0399583333), (50, 21, 0.0998973727), (100, 37, 0.1997854998)]
)
def test_labels_need_two_neurons_when_all_patterns_are_there(n, positive, value):
    """The sizes of the authors' experiments, beta = n / 1000."""
    y = np.where(np.arange(n) < positive, 1.0, -1.0)
    beta = n / 1000
    patterns, s = solve_shattered(y, beta)
    formula = beta * (2 - beta / (2 * positive) - beta / (2 * (n - positive)))
    assert s.objective == pytest.approx(formula, abs=1e-14)
    assert formula == pytest.approx(value, abs=1e-9)
    assert abs(s.objective - s.lower_bound) < 1e-14 and len(patterns) == 2
    X = np.random.default_rng(n).standard_normal((n, 20))
    network = ThreeLayerThresholdNetwork(beta, random_state=0).fit(X, y)
    assert network.n_neurons_ == 2 and network.objective_ == pytest.approx(formula, abs=1e-14)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=1, max_size=5),
    st.floats(1e-2, 5),
)
def test_closed_form_is_the_lasso_over_all_patterns(y, penalty):
    patterns, s = solve_shattered(y, penalty)
    cube = np.array(list(product((0, 1), repeat=len(y))))[1:]
    assert s.objective == pytest.approx(solve_lasso(cube, y, penalty).objective, abs=1e-10)
    assert -1e-12 < s.objective - s.lower_bound < 1e-12
    assert len(patterns) <= len(y)


@pytest.mark.parametrize("n, d", [(40, 3), (200, 2)])
def test_closed_form_and_three_layers_on_regression(n, d):
    rng = np.random.default_rng(n)
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    delta = cp.Variable(n)
    value = cp.Problem(
        cp.Minimize(cp.sum_squares(delta - y) / 2 + cp.max(cp.pos(delta)) + cp.max(cp.pos(-delta)))
    ).solve(solver="CLARABEL")
    network = ThreeLayerThresholdNetwork(1.0, random_state=0).fit(X, y)
    assert network.objective_ == pytest.approx(value, abs=1e-6)
    assert abs(network.gap_) < 1e-11
    patterns, s = solve_shattered(y, 1.0)
    assert np.allclose(network.predict(X), s.coefficients @ patterns, atol=1e-13)
    assert network.first_weights_.shape == (n, d)
    assert network.second_weights_.shape == (network.n_neurons_, n)


def test_three_layers_with_equal_inputs():
    """Samples that no network tells apart: their mean is what can be fitted."""
    X = np.array([[0.0], [0.0], [1.0], [2.0], [2.0], [2.0]])
    y = np.array([1.0, 3.0, -1.0, 0.5, 1.0, 4.0])
    network = ThreeLayerThresholdNetwork(0.3, random_state=0).fit(X, y)
    cells = np.array(list(product((0, 1), repeat=3)))[1:]
    listed = solve_lasso(cells[:, [0, 0, 1, 2, 2, 2]], y, 0.3)
    assert network.objective_ == pytest.approx(listed.objective, abs=1e-12)
    assert abs(network.gap_) < 1e-13
    assert len(network.first_weights_) == 3


def test_the_ladder_of_depth():
    X, y = planar(11, 9)
    two = enumerate_patterns(X).patterns
    values = {}
    for width, count in [(1, 73), (2, 333), (3, 511)]:
        deeper = deeper_patterns(two, width)
        assert len(deeper) == count
        s = solve_lasso(deeper, y, 0.15)
        assert abs(s.objective - s.lower_bound) < 1e-12
        values[width] = s.objective
    assert values[1] == pytest.approx(0.47632037, abs=6e-9)
    assert values[2] == pytest.approx(0.36840588, abs=6e-9)
    assert values[2] == pytest.approx(values[3], abs=1e-12)
    assert values[3] == pytest.approx(solve_shattered(y, 0.15)[1].objective, abs=1e-12)


def test_deeper_patterns_are_those_of_explicit_layers():
    X, _ = planar(2, 6, 1)
    two = enumerate_patterns(X).patterns
    deeper = {p.tobytes() for p in deeper_patterns(two, 2)}
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        A = two[rng.choice(len(two), 2, replace=False)].T
        w = rng.standard_normal((2, 100))
        seen |= {p.tobytes() for p in (A @ w >= 0).T if p.any()}
    assert seen <= deeper and len(seen) > len(two)
    assert {p.tobytes() for p in two} <= {p.tobytes() for p in deeper_patterns(two, 1)}


# Straight-through training, for comparison

SURROGATES = {
    "identity": np.ones_like,
    "ReLU": lambda z: (z >= 0) * 1.0,
    "leaky ReLU": lambda z: np.where(z >= 0, 1.0, 0.01),
    "clipped ReLU": lambda z: ((z >= 0) & (z <= 1)) * 1.0,
}


def straight_through(X, y, penalty, width, slope, rate, seeds, epochs=1000):
    """Gradient descent that takes the threshold's derivative for another one, all seeds at once.

    Returns the best objective of each run, with the hidden weights for nothing.
    """
    rng = np.random.default_rng(0)
    W = rng.standard_normal((seeds, width, X.shape[1])) / np.sqrt(X.shape[1])
    s, v = rng.standard_normal((2, seeds, width)) / np.sqrt(width)
    best = np.full(seeds, np.inf)
    for _ in range(epochs):
        z = np.einsum("nd,rmd->rnm", X, W)
        h = (z >= 0) * 1.0
        r = np.einsum("rnm,rm->rn", h, s * v) - y
        best = np.fmin(best, (r**2).sum(axis=1) / 2 + penalty * abs(s * v).sum(axis=1))
        g = np.einsum("rnm,rn->rm", h, r)
        back = np.einsum("rn,rnm,nd->rmd", r, slope(z), X) * (s * v)[..., None]
        W, s, v = (
            W - rate * (back + penalty * W),
            s - rate * (v * g + penalty * s),
            v - rate * (s * g + penalty * v),
        )
    return best


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_straight_through_training_stays_above_the_bound_and_rarely_reaches_it(surrogate):
    X, y = planar(11, 9)
    network = ThresholdNetwork(0.15).fit(X, y)
    with np.errstate(over="ignore", invalid="ignore"):
        ends = straight_through(X, y, 0.15, 3 * network.n_neurons_, SURROGATES[surrogate], 0.03, 20)
    assert (ends >= network.lower_bound_).all()
    assert (ends < 1.01 * network.objective_).mean() < 0.2
    assert np.median(ends) < y @ y / 2  # it does train


# Estimators

TOO_MANY = dict.fromkeys(
    [
        "check_dtype_object",
        "check_positive_only_tag_during_fit",
        "check_regressor_data_not_an_array",
        "check_regressors_int",
        "check_regressors_train",
    ],
    "50 or more inputs of rank 10 have too many patterns to list; they are refused",
)


@parametrize_with_checks(
    [
        ThresholdNetwork(penalty=0.1),
        ThresholdNetwork(penalty=0.1, patterns=200, random_state=0),
        ThreeLayerThresholdNetwork(penalty=0.1, random_state=0),
    ],
    expected_failed_checks=lambda estimator: (
        TOO_MANY if getattr(estimator, "patterns", None) == "all" else {}
    ),
)
def test_is_an_estimator_of_scikit_learn(estimator, check):
    if "check_estimators_dtypes" in str(check) and getattr(estimator, "patterns", None) == "all":
        pytest.skip("20 inputs of rank 5, many times: 20 seconds")
    check(estimator)


def test_in_a_pipeline_with_a_bias_and_in_cross_validation():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (30, 1))
    y = np.where(X[:, 0] > 0.2, 1.0, -1.0)
    model = make_pipeline(PolynomialFeatures(1), ThresholdNetwork(0.1))
    assert cross_val_score(model, X, y).mean() > 0.8
    search = GridSearchCV(model, {"thresholdnetwork__penalty": [0.01, 20.0]}).fit(X, y)
    assert search.best_params_ == {"thresholdnetwork__penalty": 0.01}
    network = clone(model).fit(X, y)[-1]
    assert network.n_neurons_ == 2 and abs(network.gap_) < 1e-12


def test_fitting_twice_gives_the_same_network():
    X, y = planar(4, 12)
    first, second = (ThresholdNetwork(0.2).fit(X, y) for _ in range(2))
    assert np.array_equal(first.hidden_weights_, second.hidden_weights_)
    assert first.lower_bound_ == second.lower_bound_


# Bad input


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda X, y: ThresholdNetwork(0.0).fit(X, y),
            "penalty must be a positive number, got 0.0",
        ),
        (lambda X, y: ThresholdNetwork(-1).fit(X, y), "penalty must be a positive number, got -1"),
        (
            lambda X, y: ThresholdNetwork(np.nan).fit(X, y),
            "penalty must be a positive number, got nan",
        ),
        (
            lambda X, y: ThresholdNetwork(1.0, 0).fit(X, y),
            'patterns, if not "all", must be at least 1',
        ),
        (
            lambda X, y: ThresholdNetwork(1.0, "some").fit(X, y),
            'patterns, if not "all", must be an int',
        ),
        (lambda X, y: ThresholdNetwork().fit(X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: ThresholdNetwork().fit(X * np.nan, y), "NaN"),
        (
            lambda X, y: ThreeLayerThresholdNetwork("a").fit(X, y),
            "penalty must be a positive number",
        ),
        (lambda X, y: enumerate_patterns([[1.0, np.inf]]), "inputs must be finite, got inf"),
        (lambda X, y: enumerate_patterns(np.ones(3)), r"inputs must have 2 dimension\(s\)"),
        (lambda X, y: enumerate_patterns(np.ones((0, 2))), "inputs must have at least one row"),
        (lambda X, y: sample_patterns(X, 0), "draws must be at least 1, got 0"),
        (lambda X, y: deeper_patterns([[0, 2]], 1), "patterns must be rows of 0 and 1"),
        (lambda X, y: deeper_patterns([[0, 1]], 0), "width must be at least 1, got 0"),
        (lambda X, y: deeper_patterns(np.eye(300), 4), "width must leave at most 1000000 choices"),
        (lambda X, y: solve_lasso([[0, 1]], y, 1.0), "targets must be 2 numbers, got 7"),
        (lambda X, y: solve_lasso([[0, 1]], [1.0, np.nan], 1.0), "targets must be finite"),
        (lambda X, y: narrowest([[0, 1]], [1.0, 2.0], 1.0, 0), "node_limit must be at least 1"),
        (lambda X, y: dual_bound([1.0], y, 1.0), "dual must be 7 numbers, got 1"),
        (lambda X, y: dual_bound([np.nan], [1.0], 1.0), "dual must be finite, got nan"),
        (lambda X, y: solve_shattered([], 1.0), "targets must be at least one number"),
    ],
)
def test_errors_name_the_argument(call, message):
    X, y = planar(0, 7)
    with pytest.raises((ValueError, TypeError), match=message):
        call(X, y)


def test_too_many_patterns_are_refused_with_advice():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"60 rows of rank 8; sample the patterns"):
        ThresholdNetwork(0.1).fit(rng.standard_normal((60, 8)), rng.standard_normal(60))


def test_an_optimum_on_a_boundary_is_refused_or_shown_exactly():
    """Opposite inputs, no bias: (1, 1, 0) needs both on the boundary of its neuron."""
    y = np.array([1.0, 1.0, -1.0])
    network = ThresholdNetwork(0.1)
    integers = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    shown = network.fit(integers, y)
    assert abs(shown.gap_) < 1e-14  # these floats are exact
    x, z = [0.1, 0.7], [0.3, -0.2]
    try:  # the last digits decide whether these are
        gap = ThresholdNetwork(0.1).fit([x, [-t for t in x], z], y).gap_
    except ValueError as error:
        assert "a column of ones may help" in str(error)
    else:
        assert abs(gap) < 1e-14
    biased = PolynomialFeatures(1).fit_transform([x, [-t for t in x], z])
    assert abs(ThresholdNetwork(0.1).fit(biased, y).gap_) < 1e-14


def test_inputs_that_floats_cannot_tell_apart_are_refused():
    X = np.array([[1e300, 1.0], [1e300, 2.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match="X must have different rows that floats can tell apart"):
        ThreeLayerThresholdNetwork(0.1, random_state=0).fit(X, [1.0, -1.0, 0.0])


def test_results_are_frozen_and_show_what_matters():
    s = solve_lasso([[1, 0]], [3.0, 1.0], 0.5)
    assert isinstance(s, LassoSolution) and "coefficients" not in repr(s)
    with pytest.raises(AttributeError):
        s.objective = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ThresholdNetwork(0.6).fit(*planar(0, 7))
