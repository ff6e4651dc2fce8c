"""The order-k moment relaxation (3.4) and its sum-of-squares dual (3.3).

Minimize L_y(f) over the moments y with y_0 = 1, M_k(y) >= 0, L_g^(k)[y] >= 0 for each inequality
g, and L_y(h x^alpha) = 0 for each equality h. The multipliers of the matrices are Gram matrices
Q_j, and  f - gamma = v^T Q_0 v + sum_j (v^T Q_j v) g_j + sum_i q_i h_i  is the dual's identity.

A solver works in floating point: what stands here is its word. `certificates` turns it into proof.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction
from math import comb

import numpy as np
from scipy.optimize import linprog

from ..algebra.moments import BasisMatrix, Moments, binomial_expansion, moment_matrix
from ..algebra.polynomials import Polynomial, monomials
from ..algebra.problem import PolynomialProblem
from ..checks import check_integer, check_positive, check_type
from .blocks import Generator
from .cost import check_solving, check_step
from .faces import smallest_face
from .program import Multipliers, Program, Status, check_solver
from .scaling import ScaledProblem, scale_problem
from .sparsity import blocks_of, chosen_sparsity
from .variant import PAPER, Sparsity, Variant
from .zeros import vanishing


@dataclass(frozen=True, eq=False)
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
        Like `moments`, None also where blocks leave monomials out, as those of variants may.
    multipliers : Multipliers or None
        Solution of the dual, in scaled variables.
    denominator : int
        r, where the dual's identity is for ``(1 + |z|^2)^r (f - gamma)``; 0 in the paper's
        relaxation.
    sublevel : Fraction or None
        u, where u - f >= 0 was added as the last inequality; None in the paper's relaxation.
    scaled_mean : array, shape (n,), or None
        The first moments over the mass; NaN for variables that no block sees.
    blocks : tuple of Generator
        The semidefinite blocks: each with the numbers of its `factors`, () for the moment matrix,
        and the exponents of its `basis`.
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
    scaled_mean: np.ndarray | None = field(default=None, repr=False)
    blocks: tuple[Generator, ...] = field(default=(), repr=False)

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
    sparsity: str = "none",
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
    sparsity : str
        How the matrices are split into blocks: "none", as in the paper; "signs", by sign
        symmetries, which loses nothing; "terms" (TSSOS), "variables" (cliques of variables) or
        "variables and terms", whose bounds may be weaker at the same order. "auto" takes signs
        where that is quick, or else variables or terms. Without all monomials in its blocks, a
        relaxation has no `moments`.

    Returns
    -------
    Relaxation
        Never raises for a solver's failure: see its `status`.

    Raises
    ------
    ValueError, TypeError
        If the order is below k0, the solver is not installed or the sparsity is none of these.
    MemoryError
        If the relaxation would not fit into memory, by an estimate, before anything is built.

    Examples
    --------
    >>> from polysos import variables
    >>> (x,) = variables(1)
    >>> r = solve_relaxation(PolynomialProblem(x**4 - 2 * x**2 + 3), order=2)
    >>> r.status, round(r.value, 5), round(r.moments[2], 3)
    (<Status.SOLVED: 'solved'>, 2.0, 1.0)
    >>> x = variables(20)
    >>> f = sum((x[i]**2 - x[i] * x[i + 1] for i in range(19)), x[19]**2)
    >>> r = solve_relaxation(PolynomialProblem(f), order=1, sparsity="terms")
    >>> max(block.size for block in r.blocks)  # instead of 21
    2
    """
    check_type("problem", problem, PolynomialProblem)
    if time_limit is not None:
        check_positive("time_limit", time_limit)
    check_order(problem, order)
    check_solver(solver)
    words = ("auto", *Sparsity)
    if sparsity not in words:
        raise ValueError(f"sparsity must be one of {', '.join(words)}, got {sparsity!r}")
    scaled = scale_problem(problem)
    way = chosen_sparsity(scaled, order) if sparsity == "auto" else Sparsity(sparsity)
    variant = Variant(sparsity=way)
    return solve_scaled(scaled, order, variant, solver, verbose, time_limit)


def check_order(problem: PolynomialProblem, order: int, name: str = "order") -> None:
    k0 = problem.minimum_order
    check_integer(name, order, at_least=0)
    if order < k0:
        raise ValueError(f"{name} must be at least k0 = {k0} for this problem, got {order}")


def solve_scaled(
    scaled: ScaledProblem,
    order: int,
    variant: Variant = PAPER,
    solver: str = "CLARABEL",
    verbose: bool = False,
    time_limit: float | None = None,
    step_limit: float | None = None,
) -> Relaxation:
    """Solve a relaxation in scaled variables, the paper's or a variant of it.

    TimeoutError where one step of the solver would take longer than `step_limit`, by an estimate.
    """
    start = time.perf_counter()
    blocks = blocks_of(scaled, order, variant)
    if variant.zeros:
        own = vanishing(scaled, blocks.generators, variant.zeros)
        blocks = blocks._replace(generators=own)
    if step_limit is not None:
        check_step([g.size for g in blocks.generators], order, solver, step_limit)
    if variant.facial:
        blocks = smallest_face(scaled, order, variant, blocks, solver, time_limit)
        if time_limit is not None:
            time_limit -= time.perf_counter() - start
    moments = comb(scaled.problem.n_variables + 2 * order, 2 * order)
    check_solving([g.size for g in blocks.generators], moments, solver)
    program = Program(scaled, order, blocks, variant)
    status, value = program.solve(solver, verbose, time_limit)
    found = status in (Status.SOLVED, Status.INACCURATE)
    z = program.moments() if found else None
    if found:
        # We ask solvers for more than they can always give: what counts is what came back.
        status = Status.SOLVED if program.error(value) <= 1e-7 else Status.INACCURATE
    return Relaxation(
        problem=scaled.problem,
        order=order,
        status=status,
        value=scaled.offset + scaled.objective_factor * value if found else np.nan,
        moments=None if z is None else _user_moments(z, scaled),
        solver=solver,
        seconds=time.perf_counter() - start,
        scaled=scaled,
        scaled_moments=z,
        scaled_mean=program.mean() if found else None,
        multipliers=program.multipliers() if found else None,
        denominator=variant.denominator,
        blocks=tuple(blocks.generators),
    )


def constant_multipliers(scaled: ScaledProblem) -> Relaxation:
    """The largest gamma with f - gamma = sum_j lambda_j g_j + sum_i mu_i h_i, lambda_j >= 0.

    Multipliers of the lowest degree: a linear program, whose vertex solutions are short proofs.
    Its Relaxation has order 0, and no moments.
    """
    start = time.perf_counter()
    names = scaled.objective.names
    columns = [Polynomial.constant(1.0, len(names)), *scaled.inequalities, *scaled.equalities]
    free, m = (None, None), len(scaled.inequalities)
    table = _coefficient_table([scaled.objective, *columns])
    found = linprog(
        np.r_[-1.0, np.zeros(len(columns) - 1)],
        A_eq=table[:, 1:],
        b_eq=table[:, 0],
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


def _coefficient_table(polynomials: list[Polynomial]) -> np.ndarray:
    """A column a polynomial, a row a monomial that appears in any of them."""
    exponents = np.vstack([p.exponents for p in polynomials])
    used, rows = np.unique(exponents, axis=0, return_inverse=True)
    columns = np.repeat(np.arange(len(polynomials)), [len(p.exponents) for p in polynomials])
    table = np.zeros((len(used), len(polynomials)))
    table[rows.ravel(), columns] = np.concatenate([p.coefficients for p in polynomials])
    return table


def _user_moments(z: Moments, scaled: ScaledProblem) -> Moments:
    basis = monomials(z.n_variables, z.degree)
    if not scaled.center.any():
        values = z.values * np.prod(scaled.scale**basis, axis=1)
    else:
        with np.errstate(all="ignore"):
            values = binomial_expansion(basis, basis, scaled.center, scaled.scale) @ z.values
    return Moments(values, z.n_variables, z.degree, z.names)
