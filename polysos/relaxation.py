"""The order-k moment relaxation (3.4) and its sum-of-squares dual (3.3).

Minimise L_y(f) over the moments y with y_0 = 1, M_k(y) >= 0, L_g^(k)[y] >= 0 for each inequality
g, and L_y(h x^alpha) = 0 for each equality h. The multipliers of the matrices are Gram matrices
Q_j, and  f - gamma = v^T Q_0 v + sum_j (v^T Q_j v) g_j + sum_i q_i h_i  is the dual's identity.

A solver works in floating point: what stands here is its word. `certificates` turns it into proof.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from itertools import combinations
from math import prod
from typing import NamedTuple

import cvxpy as cp
import numpy as np
import scipy.sparse as sp
from scipy.linalg import qr
from scipy.optimize import linprog

from .moments import (
    BasisMatrix,
    Moments,
    binomial_expansion,
    localizing_degree,
    localizing_operator,
    moment_matrix,
)
from .polynomials import Polynomial, check_integer, monomial_index, monomials
from .problem import PolynomialProblem, ScaledProblem, scale_problem


class Status(StrEnum):
    """Outcome of one relaxation. `advice` says what it means.

    "solved" is measured: the residuals and the gap of what the solver returned are below 1e-7.
    """

    SOLVED = "solved"
    INACCURATE = "inaccurate"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    FAILED = "failed"

    @property
    def advice(self) -> str:
        return _ADVICE[self]


_ADVICE = {
    Status.SOLVED: "residuals and gap are below 1e-7; the value is still not a bound",
    Status.INACCURATE: "the solver stopped early; treat every number as a hint",
    Status.INFEASIBLE: "the solver finds no moments: the problem may be infeasible",
    Status.UNBOUNDED: "the solver finds no lower bound at this order: try a higher order, or add "
    "bounds on the variables",
    Status.FAILED: "the solver broke down: try another solver or a better scaled problem",
}

_STATUS = {
    cp.OPTIMAL: Status.SOLVED,
    cp.OPTIMAL_INACCURATE: Status.INACCURATE,
    cp.USER_LIMIT: Status.INACCURATE,
    cp.INFEASIBLE: Status.INFEASIBLE,
    cp.INFEASIBLE_INACCURATE: Status.INFEASIBLE,
    cp.UNBOUNDED: Status.UNBOUNDED,
    cp.UNBOUNDED_INACCURATE: Status.UNBOUNDED,
}

# Tighter than the solvers' defaults: the last digits decide whether a bound can be proven.
_OPTIONS = {
    "CLARABEL": {
        "tol_gap_abs": 1e-10,
        "tol_gap_rel": 1e-10,
        "tol_feas": 1e-10,
        "accept_unknown": True,
        "iterative_refinement_reltol": 1e-15,
        "iterative_refinement_abstol": 1e-15,
        "iterative_refinement_max_iter": 50,
    },
    "SCS": {"eps_abs": 1e-8, "eps_rel": 1e-8, "max_iters": 20_000},
}
_MOST_PRODUCTS = 200
_TIME_LIMIT = {"CLARABEL": "time_limit", "SCS": "time_limit_secs"}


@dataclass(frozen=True)
class Multipliers:
    """The dual's multipliers, in scaled variables (see `ScaledProblem`).

    Attributes
    ----------
    gram : dict of tuple to BasisMatrix
        Gram matrix of the multiplier of each product of inequalities, keyed by their numbers (from
        0, the user's): () is the constant 1 with Q_0, (j,) the inequality number j.
    equalities : tuple of Polynomial
        q_i, one for each scaled equality.
    bound : float
        gamma for the scaled objective.
    """

    gram: dict[tuple[int, ...], BasisMatrix]
    equalities: tuple[Polynomial, ...]
    bound: float


@dataclass(frozen=True)
class Relaxation:
    """One solved moment relaxation.

    Attributes
    ----------
    problem : PolynomialProblem
    order : int
        k.
    status : Status
        The solver's word, compared with the residuals that we measure ourselves.
    value : float
        L_y(f), NaN where there is none. The solver's word: no bound.
    moments : Moments or None
        y up to degree 2k, in the user's units.
    solver : str
    seconds : float
        Building and solving.
    scaled : ScaledProblem
        The problem in the units that the solver saw.
    scaled_moments : Moments or None
    multipliers : Multipliers or None
        Solution of the dual, in scaled variables.
    denominator : int
        r, where the dual's identity is for (1 + |z|^2)^r (f - gamma); 0 in the paper's relaxation.
    sublevel : Fraction or None
        u, where u - f >= 0 was added as the last inequality; None in the paper's relaxation.
    """

    problem: PolynomialProblem
    order: int
    status: Status
    value: float
    moments: Moments | None
    solver: str
    seconds: float
    scaled: ScaledProblem = field(repr=False)
    scaled_moments: Moments | None = field(repr=False)
    multipliers: Multipliers | None = field(repr=False)
    denominator: int = field(default=0, repr=False)
    sublevel: Fraction | None = field(default=None, repr=False)

    def moment_matrix(self, order: int) -> BasisMatrix:
        """M_d(y) in the user's units, d <= k."""
        if self.moments is None:
            raise ValueError(f"the relaxation has no moments: its status is {self.status}")
        return moment_matrix(self.moments, order)

    def scaled_moment_matrix(self, order: int) -> BasisMatrix:
        """M_d in the solver's units: the same rank, far better conditioned."""
        if self.scaled_moments is None:
            raise ValueError(f"the relaxation has no moments: its status is {self.status}")
        return moment_matrix(self.scaled_moments, order)


def solve_relaxation(
    problem: PolynomialProblem,
    order: int,
    solver: str = "CLARABEL",
    verbose: bool = False,
    time_limit: float | None = None,
) -> Relaxation:
    """Solve the moment relaxation (3.4) of order k and its dual (3.3).

    Parameters
    ----------
    problem : PolynomialProblem
    order : int
        k, at least k0 = `problem.minimum_order`.
    solver : str
        Any semidefinite solver that cvxpy finds: "CLARABEL", "SCS", ...
    verbose : bool
        Show the solver's log.
    time_limit : float, optional
        Seconds for the solver, where it knows such a limit.

    Returns
    -------
    Relaxation
        Never raises for a solver's failure: see its `status`.

    Raises
    ------
    ValueError, TypeError
        If the order is below k0 or the solver is not installed.

    Examples
    --------
    >>> from polysos import variables
    >>> (x,) = variables(1)
    >>> r = solve_relaxation(PolynomialProblem(x**4 - 2 * x**2 + 3), order=2)
    >>> r.status, round(r.value, 5), round(r.moments[2], 3)
    (<Status.SOLVED: 'solved'>, 2.0, 1.0)
    """
    if not isinstance(problem, PolynomialProblem):
        raise TypeError(f"problem must be a PolynomialProblem, got {problem!r}")
    check_order(problem, order)
    check_solver(solver)
    return solve_scaled(scale_problem(problem), order, solver, verbose, time_limit)


def check_order(problem: PolynomialProblem, order: int, name: str = "order") -> None:
    k0 = problem.minimum_order
    check_integer(name, order, at_least=0)
    if order < k0:
        raise ValueError(f"{name} must be at least k0 = {k0} for this problem, got {order}")


def semidefinite_solvers() -> list[str]:
    """Names of the installed solvers that take semidefinite constraints."""
    from cvxpy.reductions.solvers.defines import SOLVER_MAP_CONIC

    return [
        name
        for name, solver in SOLVER_MAP_CONIC.items()
        if name in cp.installed_solvers()
        and any("PSD" in cone.__name__ for cone in solver.SUPPORTED_CONSTRAINTS)
    ]


def check_solver(solver: str) -> None:
    installed = semidefinite_solvers()
    if solver not in installed:
        raise ValueError(
            f"solver must be an installed semidefinite solver, one of {installed}, got {solver!r}"
        )


def constant_multipliers(scaled: ScaledProblem) -> Relaxation:
    """The largest gamma with f - gamma = sum_j lambda_j g_j + sum_i mu_i h_i, lambda_j >= 0.

    Multipliers of the lowest degree: a linear program, whose vertex solutions are short proofs.
    Its Relaxation has order 0, and no moments.
    """
    start = time.perf_counter()
    names = scaled.objective.names
    columns = [Polynomial.constant(1.0, len(names)), *scaled.inequalities, *scaled.equalities]
    degree = max(p.degree for p in (scaled.objective, *columns))
    n_moments = len(monomials(len(names), degree))
    free, m = (None, None), len(scaled.inequalities)
    found = linprog(
        np.r_[-1.0, np.zeros(len(columns) - 1)],
        A_eq=np.column_stack([_vector(p, n_moments) for p in columns]),
        b_eq=_vector(scaled.objective, n_moments),
        bounds=[free, *[(0, None)] * m, *[free] * len(scaled.equalities)],
    )
    multipliers, constant = None, np.zeros((1, len(names)), dtype=np.int64)
    if found.status == 0:
        gamma, weights, mu = np.split(found.x, [1, 1 + m])
        keys = [(), *((j,) for j in scaled.kept)]
        blocks = {
            key: BasisMatrix(np.array([[v]]), constant, names)
            for key, v in zip(keys, (0.0, *weights), strict=True)
        }
        equalities = tuple(Polynomial.from_arrays(constant, [v], names) for v in mu)
        multipliers = Multipliers(blocks, equalities, float(gamma[0]))
    return Relaxation(
        problem=scaled.problem,
        order=0,
        status=Status.SOLVED if multipliers else Status.UNBOUNDED,
        value=np.nan,
        moments=None,
        solver="HiGHS",
        seconds=time.perf_counter() - start,
        scaled=scaled,
        scaled_moments=None,
        multipliers=multipliers,
    )


# The semidefinite program


def solve_scaled(
    scaled: ScaledProblem,
    order: int,
    solver: str = "CLARABEL",
    verbose: bool = False,
    time_limit: float | None = None,
    *,
    products: bool = False,
    reduced: bool = False,
    denominator: int = 0,
    slack: float = 0.0,
    refute: bool = False,
) -> Relaxation:
    """Solve a relaxation in scaled variables, the paper's or a variant made for proofs.

    Parameters
    ----------
    products : bool
        Products of inequalities get multipliers, too (Schmuedgen's preordering).
    reduced : bool
        Leave out of the bases what no certificate of this order can use.
    denominator : int
        r: bound f by (1 + |z|^2)^r (f - gamma) in the truncated quadratic module.
    slack : float
        Ask for Gram matrices Q_j >= slack * I: the bound gets smaller by slack times the traces of
        the moment and localizing matrices, and survives rounding.
    refute : bool
        For the objective 0: ask for the identity 0 - 1 = sum_j sigma_j g_j + ..., which shows that
        no point is feasible.
    """
    start = time.perf_counter()
    generators = weighted_generators(scaled, order, products)
    if reduced:
        generators = reduce_bases(scaled, order, denominator, generators)
    program = _Program(scaled, order, generators, denominator, slack, refute)
    status, value = program.solve(solver, verbose, time_limit)
    z = program.moments() if status in (Status.SOLVED, Status.INACCURATE) else None
    multipliers = program.multipliers() if z is not None else None
    if z is not None:
        # We ask solvers for more than they can always give: what counts is what came back.
        status = Status.SOLVED if program.error(value) <= 1e-7 else Status.INACCURATE
    return Relaxation(
        problem=scaled.problem,
        order=order,
        status=status,
        value=np.nan if z is None else scaled.offset + scaled.objective_factor * value,
        moments=None if z is None else _user_moments(z, scaled),
        solver=solver,
        seconds=time.perf_counter() - start,
        scaled=scaled,
        scaled_moments=z,
        multipliers=multipliers,
        denominator=denominator,
    )


class _Program:
    """The cvxpy model of one relaxation; each block is one sparse matrix times the moments."""

    def __init__(self, scaled, order, generators, denominator, slack, refute):
        n = scaled.problem.n_variables
        self.scaled, self.order, self.slack, self.refute = scaled, order, slack, refute
        self.weight = unit_denominator(scaled, denominator)
        n_moments = len(monomials(n, 2 * order))
        self.keys = [generator.factors for generator in generators]
        self.bases = [generator.basis for generator in generators]
        self.operators = [localizing_operator(g, basis, n_moments) for _, g, basis in generators]
        self.y = cp.Variable(n_moments)
        self.cost = _vector(self.weight * scaled.objective, n_moments)
        self.mass = _vector(self.weight, n_moments)
        if slack:
            self.cost = self.cost - slack * sum(
                op[:: len(basis) + 1].sum(axis=0).A1
                for op, basis in zip(self.operators, self.bases, strict=True)
            )
        if refute:
            # Moments that are not zero exist unless the identity 0 - 1 = ... does.
            self.cost = self.cost - self.mass
            self.normalisation = self.mass @ self.y <= 1
        else:
            self.normalisation = self.mass @ self.y == 1
        self.blocks = [
            _positive(op @ self.y, len(basis))
            for op, basis in zip(self.operators, self.bases, strict=True)
        ]
        self.ideal, self.independent = _ideal_rows(scaled, order, n_moments)
        self.vanishing = self.ideal[self.independent] @ self.y == 0
        objective = cp.Minimize(self.cost @ self.y)
        constraints = [self.normalisation, *self.blocks]
        if len(self.independent):
            constraints.append(self.vanishing)
        self.model = cp.Problem(objective, constraints)

    def solve(self, solver, verbose, time_limit):
        options = dict(_OPTIONS.get(solver, {}))
        if time_limit is not None and solver in _TIME_LIMIT:
            options[_TIME_LIMIT[solver]] = max(float(time_limit), 1e-3)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # cvxpy warns of inaccuracy; our status says so
                self.model.solve(solver=solver, verbose=verbose, **options)
        except (cp.SolverError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            return Status.FAILED, np.nan
        status = _STATUS.get(self.model.status, Status.FAILED)
        y = self.y.value
        if status in (Status.SOLVED, Status.INACCURATE):
            numbers = [y, *(c.dual_value for c in self.model.constraints)]
            if any(v is None or not np.isfinite(v).all() for v in numbers):
                return Status.FAILED, np.nan
            return status, float(self.cost @ y)
        return status, np.nan

    def moments(self) -> Moments:
        f = self.scaled.objective
        return Moments(np.array(self.y.value), f.n_variables, 2 * self.order, f.names)

    def multipliers(self) -> Multipliers:
        names = self.scaled.objective.names
        gram = {}
        for key, block, basis in zip(self.keys, self.blocks, self.bases, strict=True):
            Q = np.reshape(block.dual_value, (len(basis), len(basis)))
            gram[key] = BasisMatrix((Q + Q.T) / 2 + self.slack * np.eye(len(Q)), basis, names)
        equalities, start, v = [], 0, self._ideal_dual()
        for h in self.scaled.equalities:
            shifts = monomials(len(names), 2 * self.order - h.degree)
            q = -v[start : start + len(shifts)]
            equalities.append(Polynomial.from_arrays(shifts, q, names))
            start += len(shifts)
        bound = -float(self.normalisation.dual_value) + self.refute
        return Multipliers(gram, tuple(equalities), bound)

    def _ideal_dual(self) -> np.ndarray:
        v = np.zeros(self.ideal.shape[0])
        if len(self.independent):
            v[self.independent] = self.vanishing.dual_value
        return v

    def error(self, value) -> float:
        """Largest relative residual: moment side, Gram side and the gap between the two."""
        y, size = self.y.value, 1 + np.abs(self.y.value).max()
        primal = np.abs(self.ideal @ y).max(initial=0.0)
        stationarity = self.cost + self.mass * float(self.normalisation.dual_value)
        for op, basis, block in zip(self.operators, self.bases, self.blocks, strict=True):
            s = len(basis)
            primal = max(primal, -np.linalg.eigvalsh((op @ y).reshape(s, s))[0])
            stationarity = stationarity - op.T @ np.reshape(block.dual_value, s * s)
        stationarity = stationarity + self.ideal.T @ self._ideal_dual()
        gap = abs(value + float(self.normalisation.dual_value)) / (1 + abs(value))
        return max(primal / size, np.abs(stationarity).max(), gap)


class Generator(NamedTuple):
    """A product of inequalities and the basis of its localizing matrix."""

    factors: tuple[int, ...]
    polynomial: Polynomial
    basis: np.ndarray


def weighted_generators(scaled: ScaledProblem, order: int, products: bool) -> list[Generator]:
    """The constant 1, the inequalities and, where asked for, their products of 2 and 3 factors."""
    names = scaled.objective.names
    n, g = len(names), dict(zip(scaled.kept, scaled.inequalities, strict=True))
    one = Polynomial.constant(1.0, n, names)
    chosen = [((), one), *(((j,), p) for j, p in g.items())]
    if products:
        extra = [
            (factors, prod((g[j] for j in factors), start=one))
            for size in (2, 3)
            for factors in combinations(g, size)
            if sum(g[j].degree for j in factors) <= 2 * order
        ]
        extra.sort(key=lambda item: item[1].degree)
        chosen += extra[:_MOST_PRODUCTS]
    return [
        Generator(key, p, standard_monomials(scaled, localizing_degree(p, order)))
        for key, p in chosen
    ]


def standard_monomials(scaled: ScaledProblem, degree: int) -> np.ndarray:
    """Monomials that span the polynomials up to a degree modulo the equalities' multiples.

    Without equalities, all of them. The multipliers q_i make up for the others, so that no bound
    is lost; and the moment matrix on all monomials, singular whatever the moments, becomes one
    that can be positive definite. Solvers need that.
    """
    basis = monomials(scaled.problem.n_variables, degree)
    rows = [_shifts(h, degree, len(basis)) for h in scaled.equalities if h.degree <= degree]
    if not rows:
        return basis
    A = sp.vstack(rows).toarray()
    keep, top = np.ones(len(basis), dtype=bool), 0
    for column in range(len(basis) - 1, -1, -1):  # highest degree first
        pivot = top + int(np.argmax(np.abs(A[top:, column])))
        if abs(A[pivot, column]) < 1e-9:
            continue
        A[[top, pivot]] = A[[pivot, top]]
        A[top + 1 :] -= np.outer(A[top + 1 :, column] / A[top, column], A[top])
        keep[column], top = False, top + 1
        if top == len(A):
            break
    return basis[keep]


def reduce_bases(
    scaled: ScaledProblem, order: int, denominator: int, generators: list[Generator]
) -> list[Generator]:
    """Leave out the monomials that no certificate of this order can use.

    Where a monomial is missing in theta^r f and arises only from diagonal entries that all have
    the same sign, these entries are zero, and with them their rows. Repeated until nothing
    changes; without constraints what remains lies in half the Newton polytope.
    """
    n_moments = len(monomials(scaled.problem.n_variables, 2 * order))
    weight = unit_denominator(scaled, denominator)
    free = np.zeros(n_moments, dtype=bool)
    for p in (weight * scaled.objective, weight):
        free[monomial_index(p.exponents)] = True
    for h in scaled.equalities:
        free[_shifts(h, 2 * order, n_moments).indices] = True
    while True:
        mixed, signs, diagonals = free.copy(), np.zeros((2, n_moments), dtype=bool), []
        for _, g, basis in generators:
            sums = basis[:, None, None, :] + basis[None, :, None, :] + g.exponents
            index = monomial_index(sums)
            mixed[index[np.triu_indices(len(basis), 1)]] = True
            diagonal = index[np.arange(len(basis)), np.arange(len(basis))]
            signs[0, diagonal[:, g.coefficients > 0]] = True
            signs[1, diagonal[:, g.coefficients < 0]] = True
            diagonals.append(diagonal)
        useless = ~mixed & ~(signs[0] & signs[1])
        keep = [~useless[diagonal].any(axis=1) for diagonal in diagonals]
        if all(k.all() for k in keep):
            return generators
        smaller = [g._replace(basis=g.basis[k]) for g, k in zip(generators, keep, strict=True)]
        generators = [g for g in smaller if len(g.basis)]


def unit_denominator(scaled: ScaledProblem, power: int) -> Polynomial:
    """theta^r = (1 + z_1^2 + ... + z_n^2)^r."""
    n = scaled.problem.n_variables
    squares = np.vstack([np.zeros(n, dtype=int), 2 * np.eye(n, dtype=int)])
    theta = Polynomial.from_arrays(squares, np.ones(n + 1), scaled.objective.names)
    return theta**power


def _positive(entries, s: int):
    if s == 1:
        return entries >= 0
    return cp.PSD(cp.reshape(entries, (s, s), order="F"))


def _shifts(h: Polynomial, degree: int, n_moments: int):
    """Rows y -> L_y(h x^alpha) for all |alpha| <= degree - deg h."""
    alphas = monomials(h.n_variables, degree - h.degree)
    columns = monomial_index(alphas[:, None, :] + h.exponents[None, :, :])
    data = np.broadcast_to(h.coefficients, columns.shape).ravel()
    rows = np.repeat(np.arange(len(alphas)), len(h.exponents))
    return sp.csr_matrix((data, (rows, columns.ravel())), shape=(len(alphas), n_moments))


def _ideal_rows(scaled: ScaledProblem, order: int, n_moments: int):
    """All rows L_y(h x^alpha), and the numbers of a largest independent set of them.

    Dependent rows leave the multipliers undetermined, and solvers stumble over that.
    """
    blocks = [_shifts(h, 2 * order, n_moments) for h in scaled.equalities]
    if not blocks:
        return sp.csr_matrix((0, n_moments)), np.array([], dtype=int)
    rows = sp.csr_matrix(sp.vstack(blocks))
    used = np.flatnonzero(rows.getnnz(axis=0))
    _, R, pivots = qr(rows[:, used].toarray().T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    rank = int((diagonal > 1e-10 * diagonal.max(initial=0.0)).sum())
    return rows, np.sort(pivots[:rank])


def _vector(p: Polynomial, n_moments: int) -> np.ndarray:
    vector = np.zeros(n_moments)
    vector[monomial_index(p.exponents)] = p.coefficients
    return vector


def _user_moments(z: Moments, scaled: ScaledProblem) -> Moments:
    basis = monomials(z.n_variables, z.degree)
    if not scaled.center.any():
        values = z.values * np.prod(scaled.scale**basis, axis=1)
    else:
        values = binomial_expansion(basis, basis, scaled.center, scaled.scale) @ z.values
    return Moments(values, z.n_variables, z.degree, z.names)
