"""A LASSO over 0/1 patterns, and bounds on it that need no solver.

    min  1/2 |a D - y|^2 + beta |a|_1

The rows of D are patterns. A vector v with |d . v| <= beta for all patterns d proves that no value
is below y . v - |v|^2 / 2. `dual_bound` computes such bounds in exact arithmetic. If all 0/1
vectors are patterns, the optimum has a closed form: the targets are clipped (`solve_shattered`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, nnls

from ..checks import check_array, check_integer, check_positive
from ..proofs.exact import round_down
from .arrangements import check_patterns


@dataclass(frozen=True, eq=False)
class LassoSolution:
    """Coefficients of patterns, with a proof of how good they are: see `solve_lasso`.

    Attributes
    ----------
    coefficients : array, shape (P,)
        For each pattern the product a of an amplitude and an output weight.
    objective : float
        ``1/2 |a D - y|^2 + beta |a|_1``.
    lower_bound : float
        What `dual_bound` proves with `dual`.
    dual : array, shape (n,)
        The residuals y - a D.
    """

    coefficients: np.ndarray = field(repr=False)
    objective: float
    lower_bound: float
    dual: np.ndarray = field(repr=False)


def solve_lasso(patterns, targets, penalty: float) -> LassoSolution:
    """The best coefficients of given patterns, at most n of them not zero.

    The residuals are the point nearest to the targets where ``|d . v| <= beta`` for all patterns
    d. Such a projection is a problem of nonnegative least squares (Lawson and Hanson 1974), solved
    by scipy with some of the patterns; those that the result violates join. The coefficients are
    the multipliers.

    Parameters
    ----------
    patterns : array of bool, shape (P, n)
    targets : array, shape (n,)
    penalty : float
        beta, positive.

    Returns
    -------
    LassoSolution
        Its bound holds whatever the solver did; the gap to the objective shows how well it did.
        It becomes large where the penalty is below about 1e-8 times the targets.

    Examples
    --------
    >>> s = solve_lasso([[1, 0], [1, 1]], [3.0, 1.0], penalty=0.5)
    >>> s.coefficients.round(6).tolist(), round(s.objective, 6), round(s.lower_bound, 6)
    ([1.5, 1.0], 1.375, 1.375)
    """
    patterns, y = _check_lasso(patterns, targets, penalty)
    D, v = patterns.T.astype(float), y
    support, signs, sizes = np.zeros(0, dtype=int), np.zeros(0), np.zeros(0)
    for _ in range(1000):
        slopes = D.T @ v
        excess = abs(slopes) - penalty
        excess[support] = 0
        new = np.argsort(-excess)[: 2 * len(y)]
        new = new[excess[new] > 1e-10 * penalty]
        if not len(new):
            break
        support, signs = np.append(support, new), np.append(signs, np.sign(slopes[new]))
        sizes = _multipliers(D[:, support] * signs, y, penalty)
        support, signs, sizes = (array[sizes > 0] for array in (support, signs, sizes))
        v = y - D[:, support] @ (signs * sizes)
    a = np.zeros(len(patterns))
    a[support] = signs * sizes
    if len(support):
        # Of all that could carry the fit, the patterns most along it: few may do.
        active, signs = _active(D, v, penalty)
        A = D[:, active] * signs
        sizes = nnls(A / np.linalg.norm(A, axis=0), y - v)[0]
        chosen = sizes > 1e-9 * sizes.max()
        try:
            a = _on_support(D, y, penalty, active[chosen], signs[chosen])
        except (np.linalg.LinAlgError, RuntimeError):
            pass  # what was found before is as good
    return _with_bound(patterns, y, penalty, a)


def _multipliers(A, y, penalty) -> np.ndarray:
    """Those of the projection of y on {v : A^T v <= beta}, by nonnegative least squares."""
    excess = A.T @ y - penalty
    unit = np.sqrt(len(y)) / abs(excess).max()
    rows = np.vstack([-A, unit * excess])
    try:
        u, _ = nnls(rows, np.append(np.zeros(len(y)), 1), maxiter=100 * sum(A.shape))
    except RuntimeError as error:
        raise RuntimeError(f"the LASSO was not solved: {error}") from error
    return u / (unit * (1 - rows[-1] @ u))


def narrowest(patterns, targets, penalty: float, node_limit: int = 2000) -> LassoSolution:
    """A solution of the LASSO with the fewest nonzeros: the smallest width that is optimal.

    For almost all real targets `solve_lasso` has the fewest already; for labels it need not. That
    there are none with fewer is the word of branch and bound (HiGHS), in floating point.

    Parameters
    ----------
    patterns, targets, penalty
        As in `solve_lasso`.
    node_limit : int
        Of branch and bound.

    Raises
    ------
    RuntimeError
        If branch and bound does not finish.

    Examples
    --------
    >>> patterns = [[1, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 0], [1, 1, 1]]
    >>> np.flatnonzero(narrowest(patterns, [2.0, 2.0, 2.0], penalty=0.5).coefficients).tolist()
    [4]
    """
    check_integer("node_limit", node_limit, at_least=1)
    solution = solve_lasso(patterns, targets, penalty)
    patterns, y = _check_lasso(patterns, targets, penalty)
    total = abs(solution.coefficients).sum()
    if total == 0:
        return solution
    D = patterns.T.astype(float)
    active, signs = _active(D, solution.dual, penalty)
    A, one, k = D[:, active] * signs, np.eye(len(active)), len(active)
    share = D @ solution.coefficients / total
    found = milp(  # over the shares of the active patterns, and whether they are used
        np.repeat([0, 1], k),
        constraints=[
            LinearConstraint(np.hstack([A, 0 * A]), share, share),
            LinearConstraint(np.hstack([one, -one]), ub=0),
        ],
        integrality=np.repeat([0, 1], k),
        bounds=Bounds(0, 1),
        options={"node_limit": node_limit},
    )
    if not found.success:
        raise RuntimeError(f"the narrowest network was not found: {found.message}")
    used = found.x[k:] > 0.5
    a = _on_support(D, y, penalty, active[used], signs[used])
    return _with_bound(patterns, y, penalty, a)


def _active(D, dual, penalty) -> tuple[np.ndarray, np.ndarray]:
    """The patterns that an optimal network may use, and the signs of their coefficients."""
    slopes = D.T @ dual
    active = np.flatnonzero(abs(slopes) > penalty * (1 - 1e-6))
    return active, np.sign(slopes[active])


def _on_support(D, y, penalty, support, signs) -> np.ndarray:
    """The stationary coefficients on a support with given signs."""
    A, a = D[:, support], np.zeros(D.shape[1])
    a[support] = np.linalg.solve(A.T @ A, A.T @ y - penalty * signs)
    if (a[support] * signs <= 0).any():
        raise RuntimeError("the coefficients do not have the signs of their slopes")
    return a


def _with_bound(patterns, y, penalty, a, shattered=False, groups=None) -> LassoSolution:
    dual = y - a @ patterns
    objective = float(dual @ dual / 2 + penalty * abs(a).sum())
    bound = dual_bound(dual, y, penalty, None if shattered else patterns, groups)
    return LassoSolution(a, objective, bound, dual)


def dual_bound(dual, targets, penalty: float, patterns=None, groups=None) -> float:
    """A lower bound on the objective of all networks, proven in exact arithmetic.

    If ``|d . v| <= beta`` for all patterns d, then ``y . v - |v|^2 / 2`` is at most the objective
    of every network that shows these patterns. A v that violates this is shortened first.

    Parameters
    ----------
    dual : array, shape (n,)
        Any v. Good ones are the residuals of an optimal network.
    targets : array, shape (n,)
    penalty : float
        beta, positive.
    patterns : array of bool, shape (P, n), optional
        By default all of {0, 1}^n: then the bound holds for networks of any depth.
    groups : array of int, shape (n,), optional
        Where `patterns` are not given: equal numbers for samples that no network tells apart.

    Returns
    -------
    float
        Rounded down.

    Examples
    --------
    >>> round(dual_bound([0.5, 0.0], [3.0, 1.0], 0.5, patterns=[[1, 0], [1, 1]]), 6)
    1.375
    >>> round(dual_bound([0.5, 0.0], [3.0, 1.0], 0.5), 6), round(dual_bound([1, 1], [3, 1], 0.5), 6)
    (1.375, 0.9375)
    """
    v, y = check_array("dual", dual, 1).astype(float), check_targets(targets, penalty)
    if len(v) != len(y):
        raise ValueError(f"dual must be {len(y)} numbers, got {len(v)}")
    # On a coarse grid the sums below are exact in floats.
    step = np.ldexp(1.0, np.frexp(abs(v).max())[1] + len(v).bit_length() - 52)
    v = np.round(v / step) * step
    if patterns is None:
        sums = v if groups is None else np.bincount(groups, v)
        largest = max(sums.clip(0).sum(), (-sums).clip(0).sum())
    else:
        largest = abs(_check_lasso(patterns, y, penalty)[0] @ v).max()
    v, y = [[Fraction(number) for number in array.tolist()] for array in (v, y)]
    slope, square = [sum(a * b for a, b in zip(v, w, strict=True)) for w in (y, v)]
    if slope <= 0:
        return 0.0  # no objective is negative
    scale = slope / square  # the best one, if it is feasible
    largest, beta = Fraction(float(largest)), Fraction(float(penalty))
    if largest * scale > beta:
        scale = beta / largest
    return round_down(scale * slope - scale**2 * square / 2)


def solve_shattered(targets, penalty: float, groups=None) -> tuple[np.ndarray, LassoSolution]:
    """The LASSO over all patterns of {0, 1}^n, in closed form.

    The targets are clipped: positive ones at the t with sum_i (y_i - t)_+ = beta, or at zero if
    they sum to less than beta; negative ones likewise. The patterns are the level sets of the
    result, the coefficients the steps between its levels.

    Parameters
    ----------
    targets : array, shape (n,)
    penalty : float
        beta, positive.
    groups : array of int, shape (n,), optional
        Equal numbers, out of 0, 1, ..., for samples that no network tells apart.

    Returns
    -------
    patterns : array of bool, shape (P, n)
    solution : LassoSolution
        Its bound holds for networks of any depth.

    Examples
    --------
    >>> patterns, s = solve_shattered([3.0, 2.5, 1.0, -2.0], penalty=1.0)
    >>> patterns.astype(int).tolist(), s.coefficients.round(6).tolist()
    ([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]], [1.0, 1.25, -1.0])
    >>> round(s.objective, 6), round(s.lower_bound, 6)
    (4.0625, 4.0625)
    """
    y = check_targets(targets, penalty)
    groups = np.arange(len(y)) if groups is None else np.asarray(groups)
    counts = np.bincount(groups)
    means = np.bincount(groups, y) / counts
    patterns, coefficients = [], []
    for sign in (1, -1):
        side = sign * means
        order = np.argsort(-side)
        # t if the k largest are clipped, for all k: the largest of these is the right one.
        levels = (np.cumsum((counts * side)[order]) - penalty) / np.cumsum(counts[order])
        clipped = np.clip(side, 0, max(levels.max(), 0))
        heights = np.unique(np.append(clipped, 0))
        patterns += [(clipped >= height)[groups] for height in heights[1:]]
        coefficients += (sign * np.diff(heights)).tolist()
    patterns = np.array(patterns, dtype=bool).reshape(-1, len(y))
    return patterns, _with_bound(patterns, y, penalty, np.array(coefficients), True, groups)


def check_targets(targets, penalty) -> np.ndarray:
    y = check_array("targets", targets, ndim=1).astype(float)
    check_positive("penalty", penalty)
    if not len(y):
        raise ValueError("targets must be at least one number, got none")
    return y


def _check_lasso(patterns, targets, penalty) -> tuple[np.ndarray, np.ndarray]:
    patterns, y = check_patterns(patterns), check_targets(targets, penalty)
    if len(y) != patterns.shape[1]:
        raise ValueError(f"targets must be {patterns.shape[1]} numbers, got {len(y)}")
    return patterns, y
