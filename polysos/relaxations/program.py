"""The semidefinite program of one relaxation, as a cvxpy model.

Each block is one sparse matrix times the vector of moments; its dual variable is a Gram matrix.

cvxpy is imported where a program is built: it takes longer to load than everything else together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import comb

import numpy as np
import scipy.sparse as sp
from scipy.linalg import qr
from scipy.sparse.linalg import lsqr

from ..algebra.moments import BasisMatrix, Moments
from ..algebra.polynomials import Polynomial, monomial_index, monomials
from .blocks import Blocks, ideal_rows, joined_blocks, unit_denominator
from .scaling import ScaledProblem
from .signs import is_invariant, sign_changes
from .solvers import run
from .variant import PAPER, Sparsity
from .zeros import loosened, scaled_points


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


_STATUS = {  # cvxpy's words
    "optimal": Status.SOLVED,
    "optimal_inaccurate": Status.INACCURATE,
    "user_limit": Status.INACCURATE,
    "infeasible": Status.INFEASIBLE,
    "infeasible_inaccurate": Status.INFEASIBLE,
    "unbounded": Status.UNBOUNDED,
    "unbounded_inaccurate": Status.UNBOUNDED,
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


_TIME_LIMIT = {"CLARABEL": "time_limit", "SCS": "time_limit_secs"}


_CORRECTIONS = 2  # of Gram matrices: the second takes away what rounding left in the first
_REWARD = 1e-9  # of the size of a direction, beside what f grows by
_DEPENDENT = 1e-9  # columns that have no more than this part of their own are combinations


@dataclass(frozen=True, eq=False)
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


class Program:
    """The cvxpy model of one relaxation; each block is one sparse matrix times the moments."""

    def __init__(self, scaled, order, blocks: Blocks, variant=PAPER, recession=False):
        import cvxpy as cp

        self.scaled, self.order, self.variant = scaled, order, variant
        generators, self.shifts = blocks
        self.weight = unit_denominator(scaled, variant.denominator)
        n_moments = comb(scaled.problem.n_variables + 2 * order, 2 * order)
        self.generators = generators
        operators = [generator.operator(n_moments) for generator in generators]
        ideal, self.independent = _ideal_rows(scaled, self.shifts, n_moments)
        objective = self.weight * scaled.objective
        # Moments that nothing is said of are left out: of sparse problems, nearly all.
        named = [monomial_index(p.exponents) for p in (objective, self.weight)]
        used = np.unique(np.concatenate([*named, ideal.indices, *(A.indices for A in operators)]))
        self.operators, self.ideal = [_at(A, used) for A in operators], _at(ideal, used)
        self.cost, self.mass = (_coefficients(p, used) for p in (objective, self.weight))
        if any(g.face is not None for g in generators):
            kept = _determined([*self.operators, self.ideal, sp.csr_matrix(self.mass)])
            self.operators, self.ideal = [A[:, kept] for A in self.operators], self.ideal[:, kept]
            self.cost, self.mass, used = self.cost[kept], self.mass[kept], used[kept]
        self.n_moments, self.used = n_moments, used
        self.y = cp.Variable(len(used))
        traces = sum(
            op[:: generator.size + 1].sum(axis=0).A1
            for op, generator in zip(self.operators, generators, strict=True)
        )
        mass = self.mass @ self.y
        if recession:  # directions instead of moments: no mass, and a size of 1
            self.normalisation = mass == 0
        elif variant.refutation:  # moments that are not zero exist unless 0 - 1 = ... does
            self.cost = self.cost - variant.slack * traces - self.mass
            self.normalisation = mass <= 1
        else:
            self.cost = self.cost - variant.slack * traces
            self.normalisation = mass == 1
        self.blocks = [
            positive(op @ self.y, generator.size)
            for op, generator in zip(self.operators, generators, strict=True)
        ]
        self.vanishing = self.ideal[self.independent] @ self.y == 0
        constraints = [self.normalisation, *self.blocks]
        if len(self.independent):
            constraints.append(self.vanishing)
        cost = self.cost
        if recession:  # as large as can be in every block, while f hardly grows
            constraints += [
                op[:: g.size + 1].sum(axis=0).A1 @ self.y <= 1
                for op, g in zip(self.operators, generators, strict=True)
            ]
            cost = cost - _REWARD * traces
        self.model = cp.Problem(cp.Minimize(cost @ self.y), constraints)

    def solve(self, solver, verbose, time_limit):
        options = dict(_OPTIONS.get(solver, {}))
        if time_limit is not None and solver in _TIME_LIMIT:
            options[_TIME_LIMIT[solver]] = max(float(time_limit), 1e-3)
        if not run(self.model, solver, verbose, **options):
            return Status.FAILED, np.nan
        status = _STATUS.get(self.model.status, Status.FAILED)
        y = self.y.value
        if status in (Status.SOLVED, Status.INACCURATE):
            numbers = [y, *(c.dual_value for c in self.model.constraints)]
            if any(v is None or not np.isfinite(v).all() for v in numbers):
                return Status.FAILED, np.nan
            return status, float(self.cost @ y)
        return status, np.nan

    def moments(self) -> Moments | None:
        """All moments up to degree 2k; None where some are in no block.

        Blocks by signs have moments that no change of signs alters; the others are 0.
        """
        f, values = self.scaled.objective, np.array(self.y.value)
        if len(self.used) < self.n_moments:
            if self.variant.sparsity is not Sparsity.SIGNS:
                return None
            all_of_them = monomials(f.n_variables, 2 * self.order)
            same = np.flatnonzero(is_invariant(all_of_them, sign_changes(self.scaled)))
            if not np.array_equal(same, self.used):
                return None
            values = np.zeros(self.n_moments)
            values[same] = self.y.value
        return Moments(values, f.n_variables, 2 * self.order, f.names)

    def mean(self) -> np.ndarray:
        """The first moments over the mass; NaN for variables that no block sees."""
        n = self.scaled.problem.n_variables
        places = np.searchsorted(self.used, np.arange(n + 1))
        known = np.append(self.used, -1)[np.minimum(places, len(self.used))] == np.arange(n + 1)
        with np.errstate(all="ignore"):
            first = np.where(known, np.append(self.y.value, np.nan)[places], np.nan)
            return first[1:] / first[0]

    def multipliers(self) -> Multipliers:
        names = self.scaled.objective.names
        parts: dict[tuple[int, ...], list] = {}
        for g, Q in zip(self.generators, self._gram_matrices(), strict=True):
            if self.variant.room and not g.factors:
                points = scaled_points(self.scaled, self.variant.zeros)
                g, Q = loosened(g, Q, points, self.variant.room / len(self.blocks))
            parts.setdefault(g.factors, []).append((g, Q))
        gram = {key: joined_blocks(*zip(*own, strict=True), names) for key, own in parts.items()}
        equalities, start, v = [], 0, self._ideal_dual()
        for shifts in self.shifts:
            q = -v[start : start + len(shifts)]
            equalities.append(Polynomial.from_arrays(shifts, q, names))
            start += len(shifts)
        bound = -float(self.normalisation.dual_value) + self.variant.refutation
        return Multipliers(gram, tuple(equalities), bound)

    def _gram_matrices(self) -> list[np.ndarray]:
        """The blocks of the dual; on faces, corrected until its equations hold to the last digits.

        There nothing is lost by it: the matrices are definite, so that they have room.
        """
        found = []
        for g, block in zip(self.generators, self.blocks, strict=True):
            Q = np.reshape(block.dual_value, (g.size, g.size))
            found.append((Q + Q.T) / 2)
        if self.variant.zeros:
            equations = sp.hstack([op.T for op in self.operators]).tocsr()
            for _ in range(_CORRECTIONS):
                missing = self._stationarity([Q.ravel() for Q in found])
                change = lsqr(equations, missing, atol=1e-15, btol=1e-15)[0]
                ends = np.cumsum([Q.size for Q in found])[:-1]
                parts = zip(found, np.split(change, ends), strict=True)
                found = [Q + np.reshape(c, Q.shape) for Q, c in parts]
        return [Q + self.variant.slack * np.eye(len(Q)) for Q in found]

    def _stationarity(self, duals: list[np.ndarray]) -> np.ndarray:
        """What is missing in the equations of the dual, by monomial."""
        missing = self.cost + self.mass * float(self.normalisation.dual_value)
        for op, v in zip(self.operators, duals, strict=True):
            missing = missing - op.T @ v
        return missing + self.ideal.T @ self._ideal_dual()

    def _ideal_dual(self) -> np.ndarray:
        v = np.zeros(self.ideal.shape[0])
        if len(self.independent):
            v[self.independent] = self.vanishing.dual_value
        return v

    def error(self, value) -> float:
        """Largest relative residual: moment side, Gram side and the gap between the two."""
        y, size = self.y.value, 1 + np.abs(self.y.value).max()
        primal = np.abs(self.ideal @ y).max(initial=0.0)
        for op in self.operators:
            primal = max(primal, -np.linalg.eigvalsh(square(op @ y))[0])
        stationarity = self._stationarity([np.reshape(b.dual_value, -1) for b in self.blocks])
        gap = abs(value + float(self.normalisation.dual_value)) / (1 + abs(value))
        return max(primal / size, np.abs(stationarity).max(), gap)


def _at(A: sp.csr_matrix, used: np.ndarray) -> sp.csr_matrix:
    """The columns used, which hold all entries."""
    return sp.csr_matrix(
        (A.data, np.searchsorted(used, A.indices), A.indptr), (A.shape[0], len(used))
    )


def _coefficients(p: Polynomial, used: np.ndarray) -> np.ndarray:
    vector = np.zeros(len(used))
    vector[np.searchsorted(used, monomial_index(p.exponents))] = p.coefficients
    return vector


def _determined(operators: list) -> np.ndarray:
    """Without moments that no block can tell from combinations of the others.

    On faces that vanish at a point, no block sees the values and slopes there. Such moments leave
    the program singular; the equations of the dual that belong to them hold by themselves.
    """
    _, R, order = qr(sp.vstack(operators).toarray(), mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    rank = int((diagonal > _DEPENDENT * diagonal.max(initial=0.0)).sum())
    return np.sort(order[:rank])


def square(entries: np.ndarray) -> np.ndarray:
    """The matrix whose rows are put one after the other in `entries`."""
    size = round(len(entries) ** 0.5)
    return entries.reshape(size, size)


def positive(entries, s: int):
    """The constraint that s * s entries are those of a positive semidefinite matrix."""
    import cvxpy as cp

    if s == 1:
        return entries >= 0
    return cp.PSD(cp.reshape(entries, (s, s), order="F"))


def _ideal_rows(scaled: ScaledProblem, shifts: list[np.ndarray], n_moments: int):
    """All rows L_y(h x^alpha), and the numbers of a largest independent set of them.

    Dependent rows leave the multipliers undetermined, and solvers stumble over that.
    """
    pairs = zip(scaled.equalities, shifts, strict=True)
    blocks = [ideal_rows(h, alphas, n_moments) for h, alphas in pairs]
    if not blocks:
        return sp.csr_matrix((0, n_moments)), np.array([], dtype=int)
    rows = sp.csr_matrix(sp.vstack(blocks))
    used = np.flatnonzero(rows.getnnz(axis=0))
    _, R, pivots = qr(rows[:, used].toarray().T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    rank = int((diagonal > 1e-10 * diagonal.max(initial=0.0)).sum())
    return rows, np.sort(pivots[:rank])


def coefficient_vector(p: Polynomial, n_moments: int) -> np.ndarray:
    vector = np.zeros(n_moments)
    vector[monomial_index(p.exponents)] = p.coefficients
    return vector


@cache  # cvxpy looks for every solver anew each time, which takes longer than a small program
def semidefinite_solvers() -> tuple[str, ...]:
    """Names of the installed solvers that take semidefinite constraints."""
    import cvxpy as cp
    from cvxpy.reductions.solvers.defines import SOLVER_MAP_CONIC

    installed = cp.installed_solvers()
    return tuple(
        name
        for name, solver in SOLVER_MAP_CONIC.items()
        if name in installed
        and any("PSD" in cone.__name__ for cone in solver.SUPPORTED_CONSTRAINTS)
    )


def check_solver(solver: str) -> None:
    installed = semidefinite_solvers()
    if solver not in installed:
        raise ValueError(
            "solver must be an installed semidefinite solver, one of "
            f"{', '.join(installed)}, got {solver!r}"
        )
