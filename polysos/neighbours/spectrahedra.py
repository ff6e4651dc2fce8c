"""Two-layer networks with an activation of degree two, trained to a proven global minimum.

The network, with activation sigma(t) = a t^2 + b t + c, is

    f(x) = sum_j alpha_j sigma(u_j . x),   |u_j| = 1,

and the objective is sum_i loss(f(x_i), y_i) + penalty * sum_j |alpha_j|. What a neuron does to x_i
is linear in the matrix q q^T of q = (u, 1): it is <A_i, q q^T> with

    A_i = [[a x_i x_i^T, b/2 x_i], [b/2 x_i^T, c]].

These matrices generate the cone of all Z >= 0 with <G, Z> = 0, G = diag(1, ..., 1, -1), and alpha
is the last diagonal entry. So the best network of any width is found by a convex program in two
such matrices, one for the neurons with alpha > 0 and one for those with alpha < 0, and
`neural_decomposition` gives the neurons back. The bound from below is a dual point v:

    objective >= sum_i inf_f (loss(f, y_i) + v_i f)   if |sum_i v_i sigma(u . x_i)| <= penalty

for all unit vectors u. The condition is on the maximum of a quadratic on the sphere, which
`sphere_maximum` computes; that it holds is checked in exact arithmetic, whoever proposed v.

Bartan and Pilanci, Neural Spectrahedra and Semidefinite Lifts, Math. Program. 213 (2025),
arXiv:2101.02429.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import inf, nextafter
from typing import NamedTuple

import cvxpy as cp
import numpy as np
from flint import arb, fmpq_mat
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data

from ..checks import check_array, check_positive, check_sequence, check_word
from ..proofs.exact import is_positive_semidefinite, to_fmpq
from .spheres import RANK_TOLERANCE, by_size, decompose, sphere_maximum

_LARGE_GAP = 1e-4  # relative to the objective
_SLACKS = (1e-11, 1e-9, 1e-7, 1e-5)  # of a dual point, before its check


class SpectrahedralNetwork(RegressorMixin, BaseEstimator):
    """A two-layer network with activation a t^2 + b t + c, the best of any width, with proof.

    Over the width, the unit vectors u_j and the weights alpha_j it minimizes::

        sum_i loss(f(x_i), y_i) + penalty * sum_j |alpha_j|,
        f(x) = sum_j alpha_j * mean of sigma(u_j . p) over the patches p of x.

    By default x is its only patch: a fully connected layer. With `patches` it is a convolution
    with global average pooling. Where y_i has k entries, so has alpha_j; as the penalty is the
    sum of all ``|alpha_jl|``, these are k separate problems, and each neuron serves one output.

    Parameters
    ----------
    activation : tuple of 3 floats
        (a, b, c). For b = 0 the penalty is the nuclear norm of sum_j alpha_j u_j u_j^T.
    penalty : float
        Positive.
    loss : str
        With r = f(x) - y: "squared", r^2 / 2; "absolute", ``|r|``; "huber", r^2 / 2 for
        ``|r| <= h`` and ``h |r| - h^2 / 2`` beyond, h the `huber_threshold`; "logistic",
        log(1 + exp(-y f(x))) for targets y that are -1 or 1 (`predict` returns f(x), whose sign is
        the class).
    huber_threshold : float
        Positive.
    patches : array of int, shape (n_patches, size), optional
        The features that make up each patch. For the windows of 3 neighbours among 12 features:
        `sliding_window_view(np.arange(12), 3)`.

    Attributes
    ----------
    hidden_weights_ : array, shape (n_neurons, d)
        The u_j; d is the number of features, or the size of a patch.
    output_weights_ : array, shape (n_neurons,), or (n_neurons, k) for y of shape (n, k)
        The alpha_j.
    n_neurons_ : int
    objective_ : float
        At these weights.
    lower_bound_ : float
        Proven: no network of any width has a smaller objective. See `verified_bound`.
    gap_ : float
        `objective_` - `lower_bound_`.
    solver_value_ : float
        What the solver says the minimum is; nothing rests on it.
    matrices_ : array, shape (k, 2, d + 1, d + 1)
        What the solver found: for each output the matrix Z of the neurons with alpha_j > 0 and
        that of the others. k is 1 for y of shape (n,).
    dual_point_ : array, of the shape of y
        The v behind the bound.
    n_features_in_ : int

    Notes
    -----
    Bartan and Pilanci, Math. Program. 213 (2025), arXiv:2101.02429.

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((40, 3))
    >>> y = (X @ [0.6, 0.8, 0.0]) ** 2
    >>> net = SpectrahedralNetwork(activation=(1.0, 0.0, 0.0), penalty=1e-3).fit(X, y)
    >>> net.n_neurons_, abs(net.hidden_weights_).round(2).tolist(), net.gap_ < 1e-8
    (1, [[0.6, 0.8, 0.0]], True)
    """

    def __init__(
        self,
        activation=(0.09, 0.5, 0.47),
        penalty=0.1,
        loss="squared",
        huber_threshold=1.0,
        patches=None,
    ):
        self.activation = activation
        self.penalty = penalty
        self.loss = loss
        self.huber_threshold = huber_threshold
        self.patches = patches

    def fit(self, X, y):
        """Find the best network, and prove how close to the minimum it is.

        Parameters
        ----------
        X : array, shape (n, n_features)
        y : array, shape (n,) or (n, k)

        Returns
        -------
        SpectrahedralNetwork
            Itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are out of range; the message says what is required.
        RuntimeError
            If the solver fails.

        Warns
        -----
        ConvergenceWarning
            If the gap is more than 1e-4 of the objective.
        """
        problem = self._problem(X, y)
        solutions = [_solve(problem, column) for column in problem.targets.T]
        neurons = [_neurons(problem, solution) for solution in solutions]
        hidden = np.vstack([u for u, _ in neurons])
        output = np.zeros((len(hidden), len(neurons)))
        serves = np.repeat(np.arange(len(neurons)), [len(u) for u, _ in neurons])
        output[np.arange(len(hidden)), serves] = np.concatenate([alpha for _, alpha in neurons])
        dual_point = np.column_stack([solution.dual_point for solution in solutions])
        objective, bound = _objective(problem, hidden, output), _bound(problem, dual_point)

        validate_data(self, X, y, skip_check_array=True)  # remembers the features
        self.hidden_weights_ = hidden
        self.output_weights_ = output.reshape(len(hidden), *problem.shape[1:])
        self.n_neurons_ = len(hidden)
        self.objective_ = objective
        self.lower_bound_ = bound
        self.gap_ = objective - bound
        self.solver_value_ = sum(solution.value for solution in solutions)
        self.matrices_ = np.array([solution.matrices for solution in solutions])
        self.dual_point_ = dual_point.reshape(problem.shape)
        if self.gap_ > _LARGE_GAP * objective:
            warnings.warn(
                f"The objective is {objective:.3g}, and what is proven is that no network has "
                f"less than {bound:.3g}: the solver was not accurate. Scale the data.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def predict(self, X):
        """The network's outputs.

        Parameters
        ----------
        X : array, shape (n, n_features)

        Returns
        -------
        array, shape (n,) or (n, k)
        """
        check_is_fitted(self, "hidden_weights_")
        X = validate_data(self, X, reset=False)
        patches = _patches(X, self.patches)
        return _responses(patches, self.hidden_weights_, self.activation) @ self.output_weights_

    def objective(self, X, y, hidden_weights, output_weights) -> float:
        """The objective at any network of this architecture, trained or not.

        Parameters
        ----------
        X : array, shape (n, n_features)
        y : array, shape (n,) or (n, k)
        hidden_weights : array, shape (m, d)
            Rows of norm 1.
        output_weights : array, shape (m,) or (m, k)

        Raises
        ------
        ValueError, TypeError
            If an argument is out of range; the message says what is required.
        """
        problem = self._problem(X, y)
        hidden = check_array("hidden_weights", hidden_weights).astype(float)
        norms = np.linalg.norm(hidden, axis=1)
        if hidden.shape[1] != problem.patches.shape[2] or (np.abs(norms - 1) > 1e-6).any():
            raise ValueError(
                f"hidden_weights must have {problem.patches.shape[2]} columns and rows of norm 1, "
                f"got shape {hidden.shape} and norms {norms}"
            )
        output = _shaped("output_weights", output_weights, (len(hidden), *problem.shape[1:]))
        return _objective(problem, hidden, output)

    def verified_bound(self, X, y, dual_point) -> float:
        """A lower bound on the objective of every network, of any width.

        The point v is made smaller until ``|sum_i v_i sigma(u . x_i)| <= penalty`` for all unit
        vectors u. With B = sum_i v_i A_i that is the case if for both signs there is a lambda with

            penalty * E + lambda * G -+ B >= 0,   E zero but for a one in its last corner.

        These two matrices are checked in rational arithmetic, the data taken as the fractions
        that floats are. So v may come from anywhere: a solver, or a network that was trained in
        another way (for the squared loss, its residuals y - f(x)).

        Parameters
        ----------
        X : array, shape (n, n_features)
        y : array, shape (n,) or (n, k)
        dual_point : array, of the shape of y

        Returns
        -------
        float
            At least 0, which is what v = 0 proves.

        Raises
        ------
        ValueError, TypeError
            If an argument is out of range; the message says what is required.
        """
        problem = self._problem(X, y)
        return _bound(problem, _shaped("dual_point", dual_point, problem.shape))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _problem(self, X, y) -> _Problem:
        activation = check_sequence("activation", self.activation)
        activation = check_array("activation", activation, ndim=1).astype(float)
        if len(activation) != 3 or not activation.any():
            raise ValueError(
                f"activation must be three numbers, not all zero, got {self.activation!r}"
            )
        check_positive("penalty", self.penalty)
        check_word("loss", self.loss, tuple(_LOSSES))
        check_positive("huber_threshold", self.huber_threshold)
        X, y = check_X_y(X, y, multi_output=True, y_numeric=True, estimator=self)
        X, y = X.astype(float), y.astype(float)
        if self.loss == "logistic" and not np.isin(y, (-1, 1)).all():
            raise ValueError(f"y must be -1 or 1 for the logistic loss, got {np.unique(y)[:5]}")
        patches = _patches(X, self.patches)
        with np.errstate(over="ignore", invalid="ignore"):
            forms = _forms(patches, activation)
            if not (np.isfinite(forms**2).all() and np.isfinite(y**2).all()):
                raise ValueError(f"X and y must be of moderate size, got {np.abs(X).max():.2g}")
        return _Problem(
            activation=activation,
            penalty=float(self.penalty),
            loss=_LOSSES[self.loss],
            huber_threshold=float(self.huber_threshold),
            patches=patches,
            forms=forms,
            targets=y.reshape(len(y), -1),
            shape=y.shape,
        )


# The problem


class _Loss(NamedTuple):
    """A loss; h is the threshold of Huber's."""

    value: Callable  # (f, y, h), arrays
    dual: Callable  # (v, y, h): the infimum over f of loss(f, y) + v f; balls
    limits: Callable  # (y, h): where that is not -infinity
    model: Callable  # (r, y, h, t): loss / t at f = y - t r, for cvxpy; logistic: at f = r
    degree: int  # with which it grows when f and y do


def _entropy(v, y, h):
    p = v * y
    return -sum((q * q.log() for q in (p, 1 - p) if q != 0), start=arb(0))


_LOSSES = {
    "squared": _Loss(
        value=lambda f, y, h: (f - y) ** 2 / 2,
        dual=lambda v, y, h: v * y - v * v / 2,
        limits=lambda y, h: (-inf, inf),
        model=lambda r, y, h, t: t * cp.sum_squares(r) / 2,
        degree=2,
    ),
    "absolute": _Loss(
        value=lambda f, y, h: np.abs(f - y),
        dual=lambda v, y, h: v * y,
        limits=lambda y, h: (-1.0, 1.0),
        model=lambda r, y, h, t: cp.norm1(r),
        degree=1,
    ),
    "huber": _Loss(
        value=lambda f, y, h: np.where(
            np.abs(f - y) <= h, (f - y) ** 2 / 2, h * np.abs(f - y) - h**2 / 2
        ),
        dual=lambda v, y, h: v * y - v * v / 2,
        limits=lambda y, h: (-h, h),
        # cvxpy's is twice ours.
        model=lambda r, y, h, t: t / min(1.0, h) * cp.sum(cp.huber(r, h / t)) / 2,
        degree=2,
    ),
    "logistic": _Loss(
        value=lambda f, y, h: np.logaddexp(0, -y * f),
        dual=_entropy,
        limits=lambda y, h: (np.minimum(y, 0), np.maximum(y, 0)),
        model=lambda f, y, h, t: cp.sum(cp.logistic(cp.multiply(-y, f))) / t,
        degree=0,
    ),
}


class _Problem(NamedTuple):
    activation: np.ndarray  # (a, b, c)
    penalty: float
    loss: _Loss
    huber_threshold: float
    patches: np.ndarray  # (n, n_patches, d)
    forms: np.ndarray  # (n, d + 1, d + 1): the A_i
    targets: np.ndarray  # (n, k)
    shape: tuple  # of y


def _shaped(name: str, values, shape: tuple) -> np.ndarray:
    array = check_array(name, values, ndim=len(shape)).astype(float)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return array.reshape(shape[0], *shape[1:] or (1,))


def _patches(X, patches) -> np.ndarray:
    if patches is None:
        return X[:, None, :]
    found = np.asarray(patches)
    if found.ndim != 2 or found.size == 0 or found.dtype.kind not in "iu":
        raise ValueError(f"patches must be a matrix of integers, got {patches!r}")
    if found.min() < 0 or found.max() >= X.shape[1]:
        raise ValueError(
            f"patches must hold numbers of features, 0 to {X.shape[1] - 1}, got "
            f"{found.min()} to {found.max()}"
        )
    return X[:, found]


def _forms(patches, activation) -> np.ndarray:
    lifted = np.concatenate([patches, np.ones_like(patches[:, :, :1])], axis=2)
    means = np.einsum("nki,nkj->nij", lifted, lifted) / patches.shape[1]
    return means * _coefficients(activation, patches.shape[2])


def _coefficients(activation, d: int) -> np.ndarray:
    a, b, c = activation
    return np.block([[np.full((d, d), a), np.full((d, 1), b / 2)], [np.full((1, d), b / 2), c]])


def _responses(patches, hidden, activation) -> np.ndarray:
    """What each neuron makes of each sample, shape (n, m)."""
    a, b, c = activation
    t = patches @ hidden.T
    return (a * t**2 + b * t + c).mean(axis=1)


def _objective(problem: _Problem, hidden, output) -> float:
    f = _responses(problem.patches, hidden, problem.activation) @ output
    losses = problem.loss.value(f, problem.targets, problem.huber_threshold)
    return float(losses.sum() + problem.penalty * np.abs(output).sum())


# From above: the convex program and its neurons


class _Solution(NamedTuple):
    matrices: np.ndarray  # (2, d + 1, d + 1)
    dual_point: np.ndarray  # (n,)
    value: float
    unit: float  # of the matrices


def _solve(problem: _Problem, y) -> _Solution:
    """The convex program for one output, in units in which all of its numbers are near one.

    Of the data, `width`; of f and y, `height`; of the residuals and of the cost, t. A penalty near
    zero makes the last two small, unless no network fits.
    """
    forms, loss = problem.forms, problem.loss
    s = forms.shape[1]
    width = np.sqrt((forms**2).sum(axis=(1, 2)).max()) or 1.0
    height = (np.abs(y).max() if loss.degree else 0) or 1.0
    threshold = problem.huber_threshold / height
    # Where Huber's loss is mostly linear, it grows like the threshold.
    gain = height**loss.degree * (min(1.0, threshold) if loss is _LOSSES["huber"] else 1.0)
    penalty = problem.penalty * height / (width * gain)

    # With b = 0 the last row of Z has no part in f; <G, Z> = 0 sets its corner.
    free = problem.activation[1] == 0
    if free:
        forms = forms[:, :-1, :-1] + problem.activation[2] * np.eye(s - 1)
    Z = [cp.Variable(forms.shape[1:], PSD=True) for _ in range(2)]
    features, targets = forms.reshape(len(y), -1) / width, y / height
    f = features @ cp.vec(Z[0] - Z[1], order="C")
    t = penalty
    if loss.degree:
        fitted = features @ np.linalg.lstsq(features, targets, rcond=None)[0]
        t = max(t, np.abs(fitted - targets).max())
    t = min(1.0, t)
    r = cp.Variable(len(y))
    cost = loss.model(r, targets, threshold, t)
    equations = [(targets - t * r if loss.degree else r) == f]
    if free:
        total = cp.trace(Z[0] + Z[1])
    else:
        total = Z[0][-1, -1] + Z[1][-1, -1]
        G = np.diag(np.r_[np.ones(s - 1), -1.0])
        equations += [cp.trace(G @ z) == 0 for z in Z]
    program = cp.Problem(cp.Minimize(cost + penalty / t * total), equations)
    options = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-10)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of inaccuracy: what comes back is checked
            program.solve(solver="CLARABEL", accept_unknown=True, **options)
    except cp.error.SolverError as error:
        raise RuntimeError(f"the solver failed, no network was found: {error}") from error
    if program.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise RuntimeError(f"the solver failed, no network was found: {program.status}")
    found = np.array([z.value for z in Z])
    if free:
        corners = np.trace(found, axis1=1, axis2=2)
        found = np.pad(found, ((0, 0), (0, 1), (0, 1)))
        found[:, -1, -1] = corners
    scale = gain * t
    return _Solution(
        matrices=found * (height / width),
        dual_point=equations[0].dual_value * (scale / height),
        value=float(program.value * scale),
        unit=height / width,
    )


def _neurons(problem: _Problem, solution: _Solution):
    """Unit vectors u_j and weights alpha_j of either sign, largest first."""
    Z, Z_minus = ((z + z.T) / 2 for z in solution.matrices)
    largest = np.linalg.norm(solution.matrices, 2, axis=(1, 2)).max()
    threshold = RANK_TOLERANCE * max(solution.unit, largest)
    if problem.activation[1] == 0:
        alpha, u = np.linalg.eigh((Z - Z_minus)[:-1, :-1])
        keep = np.abs(alpha) > threshold
        largest_entries = u[np.abs(u).argmax(axis=0), np.arange(len(u))]
        return by_size((u * np.sign(largest_entries)).T[keep], alpha[keep])
    (u, alpha), (u_minus, alpha_minus) = (decompose(z, threshold) for z in (Z, Z_minus))
    return by_size(np.vstack([u, u_minus]), np.r_[alpha, -alpha_minus])


def _bound(problem: _Problem, dual_point) -> float:
    total = arb(0)
    for v, y in zip(dual_point.T, problem.targets.T, strict=True):
        v = _into_the_dual_set(problem, v, y)
        for v_i, y_i in zip(v.tolist(), y.tolist(), strict=True):
            total += problem.loss.dual(arb(v_i), arb(y_i), problem.huber_threshold)
    return max(0.0, nextafter(float(total.lower()), -inf))


def _into_the_dual_set(problem: _Problem, v, y) -> np.ndarray:
    """A point near v that provably is in the dual feasible set.

    Only the part of v that the network sees, in the range of the features, has to be made smaller.
    """
    low, high = problem.loss.limits(y, problem.huber_threshold)
    v = np.clip(v, low, high)
    features = problem.forms.reshape(len(v), -1)
    seen = features @ np.linalg.lstsq(features, v, rcond=None)[0]
    largest = max(maximum for maximum, _ in _largest_responses(problem, v))
    for slack in _SLACKS:
        excess = max(0.0, 1 - problem.penalty * (1 - slack) / largest) if largest > 0 else 0.0
        for part in (seen, v):
            smaller = np.clip(v - excess * part, low, high)
            if _is_dual_feasible(problem, smaller):
                return smaller
    return np.zeros_like(v)


def _largest_responses(problem: _Problem, v):
    """The maximum of +- sum_i v_i sigma(u . x_i) on the sphere, with its lambda."""
    B = np.einsum("n,nij->ij", v, problem.forms)
    for sign in (1, -1):
        found = sphere_maximum(sign * B[:-1, :-1], 2 * sign * B[:-1, -1])
        yield found.value + sign * B[-1, -1], found.multiplier


def _is_dual_feasible(problem: _Problem, v) -> bool:
    B = _exact_form(problem, v)
    for sign, (largest, multiplier) in zip((1, -1), _largest_responses(problem, v), strict=True):
        # The room that is left goes to both diagonal blocks.
        multiplier = to_fmpq(multiplier + (problem.penalty - largest) / 2)
        slack = -sign * B
        for i in range(B.nrows() - 1):
            slack[i, i] += multiplier
        slack[i + 1, i + 1] += to_fmpq(problem.penalty) - multiplier
        if not is_positive_semidefinite(slack.tolist()):
            return False
    return True


def _exact_form(problem: _Problem, v) -> fmpq_mat:
    """sum_i v_i A_i, with every float read as the fraction that it is."""
    _, n_patches, d = problem.patches.shape
    weights = [to_fmpq(w) / n_patches for w in v.tolist() for _ in range(n_patches)]
    rows = [[to_fmpq(x) for x in (*p, 1.0)] for p in problem.patches.reshape(-1, d).tolist()]
    weighted = [[w * x for x in row] for w, row in zip(weights, rows, strict=True)]
    B = fmpq_mat(rows).transpose() * fmpq_mat(weighted)
    factors = [[to_fmpq(c) for c in row] for row in _coefficients(problem.activation, d).tolist()]
    return fmpq_mat([[B[i, j] * factors[i][j] for j in range(d + 1)] for i in range(d + 1)])
