"""Multipliers, Lagrangian and SOS-convexity: when a relaxation is tight without a rank test.

Theorem 3.2 of the paper: where the Lagrangian L = f - sum_j lambda_j g_j - sum_i mu_i h_i of a
minimizer's KKT multipliers is SOS-convex, the relaxation is tight at every order k >= k0.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..checks import check_positive, check_sequence, check_type
from .sums_of_squares import SumOfSquares, is_sos


def is_sos_convex(p: Polynomial, solver: str = "CLARABEL") -> SumOfSquares:
    """Decide whether a polynomial is SOS-convex: w^T (Hessian of p at x) w is a sum of squares.

    Every SOS-convex polynomial is convex; the converse fails (Ahmadi and Parrilo 2013).

    Parameters
    ----------
    p : Polynomial
    solver : str
        As in `is_sos`.

    Returns
    -------
    SumOfSquares
        Of w^T H(x) w, in the variables x and w: true if p is proven to be SOS-convex.

    Raises
    ------
    ValueError, TypeError
        As in `is_sos`.

    Examples
    --------
    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> bool(is_sos_convex(x**4 + x**2 + x * y + y**2))
    True
    >>> found = is_sos_convex(x * y)
    >>> bool(found), found.is_refuted
    (False, True)
    """
    check_type("p", p, Polynomial)
    return is_sos(hessian_form(p), solver)


def hessian_form(p: Polynomial) -> Polynomial:
    """w^T H(x) w, a polynomial in x and w.

    >>> from polysos import variables
    >>> (x,) = variables(1)
    >>> hessian_form(x**4)
    12*x1^2*w1^2
    """
    check_type("p", p, Polynomial)
    n = p.n_variables
    names = (*p.names, *(f"w{i + 1}" for i in range(n)))
    if len(set(names)) < 2 * n:
        names = None  # somebody calls a variable w1
    unit = np.eye(n, dtype=np.int64)
    exponents, values = [], []
    for i, slope in enumerate(p.gradient()):
        for j, second in enumerate(slope.gradient()):
            w = np.tile(unit[i] + unit[j], (len(second.exponents), 1))
            exponents.append(np.hstack([second.exponents, w]))
            values += second.coefficients.tolist()
    return Polynomial.from_arrays(np.vstack(exponents), _array(values), names)


def lagrangian(
    problem: PolynomialProblem, multipliers: Sequence, equality_multipliers: Sequence = ()
) -> Polynomial:
    """f - sum_j lambda_j g_j - sum_i mu_i h_i.

    Parameters
    ----------
    problem : PolynomialProblem
    multipliers : sequence of numbers, one for each inequality
        lambda_j >= 0.
    equality_multipliers : sequence of numbers, one for each equality
        mu_i.

    Raises
    ------
    ValueError
        If a number is missing, or a lambda_j negative.

    Examples
    --------
    >>> from polysos import variables
    >>> (x,) = variables(1)
    >>> lagrangian(PolynomialProblem(x, [1 - x**2]), [0.5])
    0.5*x1^2 + x1 - 0.5
    """
    check_type("problem", problem, PolynomialProblem)
    result = problem.objective
    for name, values, constraints in (
        ("multipliers", multipliers, problem.inequalities),
        ("equality_multipliers", equality_multipliers, problem.equalities),
    ):
        values = check_sequence(name, values)
        if len(values) != len(constraints):
            raise ValueError(
                f"{name} must be {len(constraints)} numbers, one a constraint, got {len(values)}"
            )
        for i, (v, g) in enumerate(zip(values, constraints, strict=True)):
            if not isinstance(v, Real) or isinstance(v, bool) or not abs(v) < np.inf:
                raise TypeError(f"{name}[{i}] must be a finite number, got {v!r}")
            if name == "multipliers" and v < 0:
                raise ValueError(f"multipliers[{i}] must be at least 0, got {v}")
            result = result - (v if isinstance(v, Fraction) else float(v)) * g
    return result


def kkt_multipliers(
    problem: PolynomialProblem, point: ArrayLike, tolerance: float = 1e-6
) -> tuple[np.ndarray, np.ndarray] | None:
    """Multipliers of a minimizer: grad f = sum_j lambda_j grad g_j + sum_i mu_i grad h_i.

    Only inequalities that are active at the point get a multiplier.

    Parameters
    ----------
    problem : PolynomialProblem
    point : array, shape (n,)
    tolerance : float
        The gradients have to balance to this part of the terms of grad f, and each lambda_j g_j
        to vanish to this part of the terms of f.

    Returns
    -------
    (array, array) or None
        lambda, one for each inequality, and mu; None if the point has no multipliers. Where it has
        many, those with few positive entries. They are floats: before `is_sos_convex` judges a
        Lagrangian, which it takes as exact, round them to rationals.

    Raises
    ------
    ValueError, TypeError
        If the point has another shape, or is not finite.

    Examples
    --------
    >>> from polysos import variables
    >>> (x,) = variables(1)
    >>> kkt_multipliers(PolynomialProblem(x, [1 - x**2]), [-1.0])
    (array([0.5]), array([], dtype=float64))
    """
    check_type("problem", problem, PolynomialProblem)
    check_positive("tolerance", tolerance)
    n, f = problem.n_variables, problem.objective
    point = np.asarray(point, dtype=float)
    if point.shape != (n,) or not np.isfinite(point).all():
        raise ValueError(f"point must be {n} finite numbers, got {point!r}")

    def slope(p: Polynomial) -> np.ndarray:
        return np.array([d.to_float()(point) for d in p.gradient()])

    active = [
        j
        for j, g in enumerate(problem.inequalities)
        if g.to_float()(point) <= tolerance * _size(g, point)
    ]
    columns = [slope(problem.inequalities[j]) for j in active]
    for h in problem.equalities:
        columns += [slope(h), -slope(h)]
    # In units of the terms of grad f and of f: gradients balance, and lambda_j g_j = 0.
    unit, size = max(_size(d, point) for d in f.gradient()), _terms(f, point) or np.inf
    slack = np.zeros((len(active), len(columns)))
    np.fill_diagonal(slack, [problem.inequalities[j].to_float()(point) / size for j in active])
    A = np.vstack([np.array(columns).reshape(-1, n).T / unit, slack])
    b = np.r_[slope(f) / unit, np.zeros(len(active))]
    x, rest = _nonnegative_solution(A, b)
    used = x > tolerance * x.max(initial=0.0)  # once more without what is only rounding
    x[~used] = 0.0
    x[used], rest = _nonnegative_solution(A[:, used], b)
    if rest > tolerance:
        return None
    lambdas = np.zeros(len(problem.inequalities))
    lambdas[active] = x[: len(active)]
    both = x[len(active) :].reshape(-1, 2)
    return lambdas, both[:, 0] - both[:, 1]


def _nonnegative_solution(A: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, float]:
    """x >= 0 with the smallest |A x - b|, and that."""
    if not A.shape[1]:
        return np.zeros(0), float(np.linalg.norm(b))
    length = np.linalg.norm(A, axis=0)
    length[length == 0] = 1.0
    x, rest = nnls(A / length, b)
    return x / length, rest


def _terms(p: Polynomial, point: np.ndarray) -> float:
    """The sum of the absolute values of the terms."""
    return float(np.abs(p.coefficients.astype(float) * np.prod(point**p.exponents, axis=1)).sum())


def _size(p: Polynomial, point: np.ndarray) -> float:
    return _terms(p, point) or 1.0


def _array(values: list) -> np.ndarray:
    exact = any(isinstance(v, Fraction) for v in values)
    return np.array(values, dtype=object if exact else float)
