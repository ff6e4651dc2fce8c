"""Threshold networks, trained to global optimality as a LASSO.

The neurons are v_j s_j 1{w_j . x >= 0} with trainable amplitudes s_j. The training problem

    min  1/2 sum_i (f(x_i) - y_i)^2 + beta/2 sum_j (|w_j|^2 + s_j^2 + v_j^2)

is a LASSO (Ergen, Gulluk, Lacotte and Pilanci, ICLR 2023, arXiv:2303.03382). A threshold does not
see the length of w_j, which may shrink to nothing; s_j and v_j share their product a_j evenly; what
remains is

    min  1/2 |a D - y|^2 + beta |a|_1,

where the rows of D are the patterns 1{X w >= 0} that a neuron can show on the data. Deeper networks
show more patterns, those of three layers all.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..checks import check_integer
from .arrangements import enumerate_patterns, integer_rows, pivot_columns, sample_patterns
from .lasso import LassoSolution, check_targets, solve_lasso, solve_shattered


class ThresholdNetwork(RegressorMixin, BaseEstimator):
    """A two-layer threshold network, trained to global optimality; its width is part of the result.

    f(x) = sum_j s_j v_j 1{w_j . x >= 0}. A bias is a column of ones, such as scikit-learn's
    `PolynomialFeatures(1)` makes.

    Parameters
    ----------
    penalty : float
        beta, positive.
    patterns : "all" or int
        "all": every pattern is considered. For data of small rank these are listed; where the n
        inputs are linearly independent, every 0/1 vector is one, and the optimum has a closed form.
        An integer: so many random directions. Then the network need not be optimal, and the lower
        bound is that of all 0/1 vectors, perhaps far below.
    random_state : int, RandomState or None
        Of the random directions.

    Attributes
    ----------
    hidden_weights_ : array, shape (n_neurons, d)
        w_j, of length 1, or 0 for the constant neuron. f does not depend on the length, and the
        penalty is the infimum over it.
    amplitudes_, output_weights_ : arrays, shape (n_neurons,)
        s_j and v_j, of equal absolute value.
    patterns_ : array of bool, shape (n_neurons, n)
        1{w_j . x_i >= 0}.
    n_neurons_ : int
        At most n.
    n_patterns_ : int
        How many patterns were considered.
    objective_ : float
        ``1/2 |f - y|^2 + beta sum_j |s_j v_j|``, of this network.
    lower_bound_ : float
        No two-layer threshold network of any width is below: `dual_bound` proves it, with `dual_`.
    gap_ : float
        Their difference. With patterns="all" it is of the size of rounding errors, of either sign.
    dual_ : array, shape (n,)

    Examples
    --------
    >>> X = [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0]]
    >>> network = ThresholdNetwork(penalty=0.1).fit(X, [0.0, 0.0, 1.0, 1.0])
    >>> network.predict([[-1.0, 1.0], [9.0, 1.0]]).round(6).tolist()
    [0.0, 0.95]
    >>> network.n_neurons_, round(network.objective_, 6), bool(abs(network.gap_) < 1e-12)
    (1, 0.0975, True)
    """

    def __init__(self, penalty=1.0, patterns="all", random_state=None):
        self.penalty = penalty
        self.patterns = patterns
        self.random_state = random_state

    def fit(self, X, y):
        """Train the network.

        Parameters
        ----------
        X : array, shape (n, d)
        y : array, shape (n,)

        Raises
        ------
        ValueError
            If there are too many patterns to list; or if the optimum needs a neuron with an input
            on its boundary, which rounding may put on the wrong side (opposite inputs, no bias).
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        check_targets(y, self.penalty)
        if isinstance(self.patterns, str) and self.patterns == "all":
            patterns, directions, count, solution = _best_of_all(X, y, self.penalty)
            bound, gap = solution, solution.objective - solution.lower_bound
            if gap > 1e-6 * solution.objective:
                text = f"the LASSO is solved up to a gap of {gap:.1e} only"
                warnings.warn(text, ConvergenceWarning, stacklevel=2)
        else:
            check_integer('patterns, if not "all",', self.patterns, at_least=1)
            patterns, directions = sample_patterns(X, self.patterns, self.random_state)
            count, solution = len(patterns), solve_lasso(patterns, y, self.penalty)
            groups = np.unique(X, axis=0, return_inverse=True)[1].ravel()
            bound = solve_shattered(y, self.penalty, groups)[1]
        used = np.flatnonzero(solution.coefficients)
        W = directions[used]
        length = np.linalg.norm(W, axis=1, keepdims=True)
        W = W / np.where(length > 0, length, 1)
        if not np.array_equal(X @ W.T >= 0, patterns[used].T):
            raise ValueError(
                "X must leave room for rounding at the boundary of each neuron of the optimum, got "
                "an input on a boundary; a column of ones may help, or inputs that are integers"
            )
        self.hidden_weights_, self.n_patterns_ = W, count
        return _finish(self, X, y, patterns[used], solution.coefficients[used], bound)

    def predict(self, X):
        """Outputs of the network, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return (X @ self.hidden_weights_.T >= 0) @ (self.amplitudes_ * self.output_weights_)


def _best_of_all(X, y, penalty) -> tuple[np.ndarray, np.ndarray, int, LassoSolution]:
    """Patterns, their directions, how many there are altogether, and the best coefficients."""
    rank = len(pivot_columns(integer_rows(X)))
    if rank == len(X):  # X w = 2 d - 1 has a solution for every d
        patterns, solution = solve_shattered(y, penalty)
        directions = np.linalg.lstsq(X, 2.0 * patterns.T - 1, rcond=None)[0].T
        return patterns, directions, 2**rank - 1, solution
    all_of_them = enumerate_patterns(X)
    patterns, directions = all_of_them.patterns, all_of_them.directions
    return patterns, directions, len(patterns), solve_lasso(patterns, y, penalty)


def _finish(network, X, y, patterns, coefficients, bound: LassoSolution):
    """Give a network its last layer, its objective and its bound."""
    network.patterns_, network.n_neurons_ = patterns, len(patterns)
    network.output_weights_ = np.sqrt(abs(coefficients))
    network.amplitudes_ = np.sign(coefficients) * network.output_weights_
    network.dual_, network.lower_bound_ = bound.dual, bound.lower_bound
    r = network.predict(X) - y
    size = abs(network.amplitudes_) @ network.output_weights_
    network.objective_ = float(r @ r / 2 + network.penalty * size)
    network.gap_ = network.objective_ - network.lower_bound_
    return network


class ThreeLayerThresholdNetwork(RegressorMixin, BaseEstimator):
    """A three-layer threshold network that shows any pattern, optimal by its closed form.

    No threshold network of any depth and width is better, with the same penalty on the last layer's
    amplitudes and weights and all others free to shrink. The first layer projects the inputs on one
    direction and tells between which two of them they lie: what the network says elsewhere depends
    on that direction alone.

    Parameters
    ----------
    penalty : float
        beta, positive.
    random_state : int, RandomState or None
        Of the direction: of a hundred, the one that keeps the inputs farthest apart.

    Attributes
    ----------
    first_weights_, first_biases_ : arrays, shapes (k, d) and (k,)
        A neuron for each of the k different inputs; the first one is constant.
    second_weights_ : array, shape (n_neurons, k)
    amplitudes_, output_weights_ : arrays, shape (n_neurons,)
        Of the second layer.
    patterns_ : array of bool, shape (n_neurons, n)
        Of the second layer.
    n_neurons_ : int
        Of the second layer.
    objective_, lower_bound_, gap_, dual_
        As in `ThresholdNetwork`; the bound is for all 0/1 vectors.

    Examples
    --------
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [-1.0, 1.0, 1.0, -1.0]
    >>> network = ThreeLayerThresholdNetwork(penalty=0.2, random_state=0).fit(X, y)
    >>> network.predict(X).round(6).tolist(), network.n_neurons_, round(network.objective_, 6)
    ([-0.9, 0.9, 0.9, -0.9], 2, 0.38)
    """

    def __init__(self, penalty=1.0, random_state=None):
        self.penalty = penalty
        self.random_state = random_state

    def fit(self, X, y):
        """Train the network.

        Parameters
        ----------
        X : array, shape (n, d)
        y : array, shape (n,)

        Raises
        ------
        ValueError
            If different inputs are too close to each other to be told apart in floats.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        check_targets(y, self.penalty)
        rows, first, groups = np.unique(X, axis=0, return_index=True, return_inverse=True)
        patterns, solution = solve_shattered(y, self.penalty, groups.ravel())
        lines = check_random_state(self.random_state).standard_normal((100, X.shape[1]))
        lines /= np.linalg.norm(lines, axis=1, keepdims=True)
        steps = np.diff(np.sort(rows @ lines.T, axis=0), axis=0)
        line = lines[np.argmax(steps.min(axis=0, initial=np.inf))]
        order = np.argsort(rows @ line)
        places = (rows @ line)[order]
        W_1, b_1 = np.zeros((len(rows), X.shape[1])), np.zeros(len(rows))
        W_1[1:], b_1[1:] = line, -(places[1:] + places[:-1]) / 2
        # Along the line the first layer shows a triangle of ones; differences undo their sums.
        W_2 = np.diff(2.0 * patterns[:, first[order]] - 1, axis=1, prepend=0)
        if not np.array_equal((X @ W_1.T + b_1 >= 0) @ W_2.T >= 0, patterns.T):
            raise ValueError("X must have different rows that floats can tell apart, got too close")
        self.first_weights_, self.first_biases_, self.second_weights_ = W_1, b_1, W_2
        return _finish(self, X, y, patterns, solution.coefficients, solution)

    def predict(self, X):
        """Outputs of the network, shape (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        first = X @ self.first_weights_.T + self.first_biases_ >= 0
        second = first @ self.second_weights_.T >= 0
        return second @ (self.amplitudes_ * self.output_weights_)
