"""One learned activation, certified: regression with a penalty on the bends.

Among all functions f whose second derivative is a finite measure, minimize

    1/2 sum_i (f(x_i) - y_i)^2 + lambda TV2(f),    TV2(f) = the total mass of |f''|.

A solution is a linear spline with its knots at the data (Unser 2019). So the problem is a LASSO
in the changes of slope. Its dual is

    max_r  y^T r - 1/2 |r|^2    s.t.  sum_i r_i = sum_i r_i x_i = 0,  |eta| <= lambda,
    eta(t) = sum_i r_i (x_i - t)_+ .

Here eta is itself a linear spline with its knots at the data: finitely many numbers prove that
no function at all does better. `dual_bound` computes them in rational arithmetic.

TV2 does not see the slopes, only how they change. The norm BV2 of Aziznejad, Gupta, Campos and
Unser (2020) does: BV2(f) = TV2(f) + |f(0)| + |f(1)| is at least the Lipschitz constant of f.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import cvxpy as cp
import numpy as np
from scipy.linalg import qr, solve_triangular
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from ..checks import check_positive, check_type
from ..proofs.exact import round_down

_REPAIRS = 100  # most random problems need one round, the worst of 600 needed 17 rounds


@dataclass(frozen=True, eq=False)
class LinearSpline:
    """The function intercept + slope t + sum_k coefficients_k (t - knots_k)_+.

    Attributes
    ----------
    knots : array, shape (K,)
        Increasing.
    coefficients : array, shape (K,)
        By how much the slope changes at each knot.
    intercept, slope : float
        The line to the left of all knots.

    Examples
    --------
    >>> relu = LinearSpline(np.array([0.0]), np.array([1.0]), 0.0, 0.0)
    >>> relu([-1, 2]).tolist(), relu.lipschitz, relu.tv2, relu.bv2
    ([0.0, 2.0], 1.0, 1.0, 2.0)
    """

    knots: np.ndarray
    coefficients: np.ndarray
    intercept: float
    slope: float

    def __call__(self, t) -> np.ndarray:
        t = np.asarray(t, dtype=float)
        bends = np.maximum(t[..., None] - self.knots, 0) @ self.coefficients
        return self.intercept + self.slope * t + bends

    def slope_at(self, t) -> np.ndarray:
        """The derivative; at a knot, of the piece to its left."""
        return self.slopes[np.searchsorted(self.knots, t)]

    @property
    def slopes(self) -> np.ndarray:
        """Of the pieces from left to right, shape (K + 1,)."""
        return self.slope + np.concatenate([[0.0], np.cumsum(self.coefficients)])

    @property
    def lipschitz(self) -> float:
        """The largest absolute slope: the Lipschitz constant."""
        return float(np.abs(self.slopes).max())

    @property
    def tv2(self) -> float:
        return float(np.abs(self.coefficients).sum())

    @property
    def bv2(self) -> float:
        """``TV2 + |f(0)| + |f(1)|``, which is at least the Lipschitz constant."""
        return self.tv2 + float(np.abs(self([0.0, 1.0])).sum())


class SplineRegressor(RegressorMixin, BaseEstimator):
    """Regression on one variable by a linear spline, optimal among all functions.

    Parameters
    ----------
    penalty : float
        lambda, positive.
    merge : bool
        Whether knots at two neighbouring data that bend the same way become one between them.
        This changes neither a fitted value nor TV2, and leaves the fewest knots that a minimizer
        can have (Debarre, Denoyelle, Unser and Fageot 2022).

    Attributes
    ----------
    spline_ : LinearSpline
    knots_, coefficients_ : array, shape (n_neurons,)
        Of the spline: a hidden ReLU unit each, with a skip connection for the line.
    slopes_ : array, shape (n_neurons + 1,)
        Of its pieces.
    n_neurons_ : int
    dual_ : array, shape (n_samples,)
        r in the order of the samples: the residuals.
    objective_ : float
        Of the spline, rounded up.
    lower_bound_ : float
        Proven: no function has a smaller objective. Computed from `dual_` in rational arithmetic
        and rounded down.
    gap_ : float
        `objective_` - `lower_bound_`.

    References
    ----------
    S. Aziznejad, H. Gupta, J. Campos, M. Unser: Deep Neural Networks with Trainable Activations
    and Controlled Lipschitz Constant. IEEE Transactions on Signal Processing 68, 2020.

    Examples
    --------
    >>> x = np.arange(5.0)[:, None]
    >>> model = SplineRegressor(penalty=0.1).fit(x, abs(x.ravel() - 2))
    >>> model.knots_.tolist(), model.slopes_.round(3).tolist(), model.gap_ < 1e-12
    ([2.0], [-0.929, 0.929], True)
    """

    def __init__(self, penalty=0.1, merge=True):
        self.penalty = penalty
        self.merge = merge

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # it reads one feature, the usual tests have more
        return tags

    def fit(self, X, y):
        """Fit the spline and prove how good it is.

        Parameters
        ----------
        X : array, shape (n_samples, 1)
        y : array, shape (n_samples,)

        Returns
        -------
        SplineRegressor
            Itself.

        Raises
        ------
        ValueError, TypeError
            If an argument is out of range; the message says what is required.
        RuntimeError
            If the solver returns nothing.
        """
        check_positive("penalty", self.penalty)
        check_type("merge", self.merge, bool)
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        x, y = _one_feature(X), y.astype(np.float64)
        spline = _fit_spline(x, y, float(self.penalty), self.merge)
        dual = y - spline(x)
        objective = exact_objective(spline, x, y, self.penalty)
        bound = dual_bound(x, y, self.penalty, dual)
        self.spline_, self.dual_ = spline, dual
        self.knots_, self.coefficients_ = spline.knots, spline.coefficients
        self.slopes_, self.n_neurons_ = spline.slopes, len(spline.knots)
        self.objective_, self.lower_bound_ = -round_down(-objective), round_down(bound)
        self.gap_ = self.objective_ - self.lower_bound_
        if self.gap_ > 1e-6 * self.objective_ + 1e-20 * float(y @ y):
            warnings.warn(
                f"the spline may be improved: its objective is {self.objective_:g}, and only "
                f"{self.lower_bound_:g} is proven to be a lower bound",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def predict(self, X) -> np.ndarray:
        """Values of the spline.

        Parameters
        ----------
        X : array, shape (n_samples, 1)

        Returns
        -------
        array, shape (n_samples,)
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self.spline_(X.ravel())


def certificate(t, x, dual) -> np.ndarray:
    """eta(t) = sum_i r_i (x_i - t)_+, which says where a knot may be.

    Parameters
    ----------
    t : array
    x, dual : array, shape (n,)

    Examples
    --------
    >>> certificate([0, 1, 2], [0, 1, 2], [1, -2, 1]).tolist()
    [0.0, 1.0, 0.0]
    """
    return np.maximum(np.asarray(x, float) - np.asarray(t, float)[..., None], 0) @ np.asarray(dual)


def exact_objective(spline: LinearSpline, x, y, penalty) -> Fraction:
    """The objective at a spline, whose numbers are taken as they stand.

    Parameters
    ----------
    spline : LinearSpline
    x, y : array, shape (n,)
    penalty : float

    Examples
    --------
    >>> relu = LinearSpline(np.array([0.0]), np.array([1.0]), 0.0, 0.0)
    >>> exact_objective(relu, [-1, 1], [1, 1], penalty=0.25)
    Fraction(3, 4)
    """
    bends = list(zip(_fractions(spline.knots), _fractions(spline.coefficients), strict=True))
    intercept, slope = _fractions([spline.intercept, spline.slope])
    squares, passed = Fraction(0), 0
    for x_i, y_i in sorted(zip(_fractions(x), _fractions(y), strict=True)):
        while passed < len(bends) and bends[passed][0] < x_i:
            knot, bend = bends[passed]
            intercept, slope, passed = intercept - bend * knot, slope + bend, passed + 1
        squares += (intercept + slope * x_i - y_i) ** 2
    return squares / 2 + Fraction(penalty) * sum(abs(bend) for _, bend in bends)


def dual_bound(x, y, penalty, dual) -> Fraction:
    """A lower bound on the objective of every function, from any numbers r, exactly.

    Two entries of r are corrected until sum_i r_i = sum_i r_i x_i = 0, and r is scaled until
    ``|eta| <= lambda``. Numbers that do not solve the dual make a bad bound, never a wrong one.

    Parameters
    ----------
    x, y, dual : array, shape (n,)
    penalty : float

    Returns
    -------
    Fraction
        Not negative.

    Examples
    --------
    >>> dual_bound([0, 1, 2], [0, 1, 0], penalty=0.25, dual=[-0.5, 1, -0.5])
    Fraction(5, 16)
    """
    data = sorted(zip(_fractions(x), _fractions(y), _fractions(dual), strict=True))
    X, Y, r = (list(column) for column in zip(*data, strict=True))
    if X[0] < X[-1]:
        moment = sum(r_i * (x_i - X[0]) for x_i, r_i in zip(X, r, strict=True))
        r[-1] -= moment / (X[-1] - X[0])
    r[0] -= sum(r)
    eta = largest = total = Fraction(0)
    for (x_i, r_i), (before, _) in pairwise(zip(reversed(X), reversed(r), strict=True)):
        total += r_i
        eta += total * (x_i - before)
        largest = max(largest, abs(eta))
    linear = sum(y_i * r_i for y_i, r_i in zip(Y, r, strict=True))
    square = sum(r_i**2 for r_i in r)
    scale = max(linear / square, Fraction(0)) if square else Fraction(0)
    if scale * largest > Fraction(penalty):
        scale = Fraction(penalty) / largest
    return scale * linear - scale**2 * square / 2


def _fractions(values) -> list[Fraction]:
    return [Fraction(v) for v in np.asarray(values, dtype=float).tolist()]


def _one_feature(X: np.ndarray) -> np.ndarray:
    if X.shape[1] != 1:
        raise ValueError(f"X must have one feature, got {X.shape[1]}")
    return X.ravel()


# The minimum


def _fit_spline(x, y, penalty, merge) -> LinearSpline:
    """Knots and signs from the solver; with these, the minimizer by linear algebra."""
    t, owner, counts = np.unique(x, return_inverse=True, return_counts=True)
    values = np.bincount(owner, y) / counts
    if len(t) == 1:
        return LinearSpline(np.empty(0), np.empty(0), float(values[0]), 0.0)
    span = t[-1] - t[0]
    s, root = (t - t[0]) / span, np.sqrt(counts)
    # TV2 does not see a line: without the best one the numbers are smaller.
    line = np.column_stack([1 - s, s])
    ends = np.linalg.lstsq(line * root[:, None], values * root)[0]
    target = values - line @ ends
    signs = _solve_signs(s, root, target, penalty / span)
    chosen, heights = _minimum_of_signs(s, root, target, penalty / span, signs)
    nodes = np.concatenate([[0], chosen + 1, [len(s) - 1]])
    slopes = np.diff(heights) / np.diff(s[nodes]) / span
    slope = float(slopes[0] + (ends[1] - ends[0]) / span)
    intercept = float(heights[0] + ends[0] - slope * t[0])
    knots, bends = t[nodes[1:-1]], np.diff(slopes)
    if merge:
        knots, bends = _merge(chosen, knots, bends)
    return LinearSpline(knots, bends, intercept, slope)


def _solve_signs(s, root, target, penalty) -> np.ndarray:
    """For every point but the first and last: the sign of the bend there, 0 for no knot."""
    scale = np.abs(target).max()
    if len(s) == 2 or scale == 0:
        return np.zeros(len(s) - 2)
    penalty = penalty / scale
    f, slopes, r = cp.Variable(len(s)), cp.Variable(len(s) - 1), cp.Variable(len(s))
    objective = cp.sum_squares(r) / (2 * penalty) + cp.norm1(cp.diff(slopes))
    constraints = [
        cp.multiply(root, f) + r == root * target / scale,
        cp.diff(f) == cp.multiply(np.diff(s), slopes),
    ]
    problem = cp.Problem(cp.Minimize(objective), constraints)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is inaccurate shows in the gap
            problem.solve(solver="CLARABEL")
    except cp.SolverError as error:
        raise RuntimeError(f"the solver failed: {error}") from error
    if f.value is None or not np.isfinite(f.value).all():
        raise RuntimeError(f"the solver returned no spline, its status is {problem.status!r}")
    bends = np.diff(slopes.value)
    eta = certificate(s[1:-1], s, root * r.value) / penalty
    # At a solution one of the two is zero: the bend, or what eta lacks to one.
    largest = np.abs(bends).max()
    knots = np.abs(bends) > (1 - np.abs(eta)) * largest if largest else np.zeros(len(s) - 2, bool)
    return np.sign(bends) * knots


def _minimum_of_signs(s, root, target, penalty, signs) -> tuple[np.ndarray, np.ndarray]:
    """Least squares with given signs of the bends, mended where these turn out to be wrong.

    Returns the points (counted from the second) that are knots, and the heights of the spline at
    the first point, at the knots, and at the last point.
    """
    best, signs = (np.inf, None, None), signs.copy()
    for _ in range(_REPAIRS):
        chosen = np.flatnonzero(signs)
        nodes = s[np.concatenate([[0], chosen + 1, [len(s) - 1]])]
        unit = np.eye(len(nodes))
        hats = np.column_stack([np.interp(s, nodes, row) for row in unit])
        bend = np.diff(np.diff(unit, axis=0) / np.diff(nodes)[:, None], axis=0)
        Q, R = qr(hats * root[:, None], mode="economic")
        force = solve_triangular(R, penalty * (signs[chosen] @ bend), trans="T")
        heights = solve_triangular(R, Q.T @ (root * target) - force)
        r = root**2 * (target - hats @ heights)
        bends = bend @ heights
        objective = ((r / root) ** 2).sum() / 2 + penalty * np.abs(bends).sum()
        if objective < best[0]:
            best = objective, chosen, heights
        wrong = np.sign(bends) != signs[chosen]
        if wrong.any():
            signs[chosen[wrong]] = 0
            continue
        eta = np.where(signs == 0, certificate(s[1:-1], s, r), 0)
        if not (np.abs(eta) > penalty * (1 + 1e-9)).any():
            break
        worst = np.abs(eta).argmax()
        signs[worst] = np.sign(eta[worst])
    return best[1:]


def _merge(chosen, knots, bends) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of equal sign at neighbouring data into one knot, where their outer lines meet."""
    merged, k = [], 0
    while k < len(chosen):
        pair = bends[k : k + 2]
        if len(pair) == 2 and chosen[k + 1] == chosen[k] + 1 and pair[0] * pair[1] > 0:
            merged.append((pair @ knots[k : k + 2] / pair.sum(), pair.sum()))
            k += 2
        else:
            merged.append((knots[k], bends[k]))
            k += 1
    return tuple(np.array(merged).reshape(-1, 2).T)
