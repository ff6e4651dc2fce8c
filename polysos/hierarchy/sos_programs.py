"""Sum-of-squares programs: polynomials with unknown coefficients that are to be sums of squares.

Minimize a linear function of the unknowns u such that polynomials p_i(u; x), linear in u, satisfy

    p_i = sigma_0 + sum_j sigma_j g_j + sum_l q_l h_l,    sigma_j sums of squares,

which proves p_i >= 0 where all g_j >= 0 and h_l = 0. A solver finds floats; then the unknowns and
the Gram matrices are rounded so that every identity holds exactly (see `sos_rounding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..algebra.polynomials import Polynomial, monomials, variables
from ..algebra.unknowns import Operand, UnknownPolynomial, as_unknown
from ..checks import check_integer, check_sequence, check_type
from ..proofs.proof import Proof
from ..relaxations.program import check_solver
from .sos_model import Condition, Model, condition, given_up
from .sos_rounding import rounded_proofs


@dataclass(frozen=True, eq=False)
class SumOfSquaresSolution:
    """What `SumOfSquaresProgram.solve` found; true as a condition if every condition is proven.

    Attributes
    ----------
    unknowns : tuple of Fraction, or None
        One for each unknown; None where nothing is proven.
    value : Fraction or None
        The objective at these, exactly. No claim that no other unknowns do better.
    solver_value : float
        The optimum by the word of the solver; NaN where it found none.
    proofs : tuple of Proof
        One for each condition "is a sum of squares", in their order: that the polynomial is
        nonnegative on the given set.
    message : str
    """

    unknowns: tuple[Fraction, ...] | None
    value: Fraction | None
    solver_value: float
    proofs: tuple[Proof, ...] = field(repr=False)
    message: str

    def __bool__(self) -> bool:
        return self.unknowns is not None

    def polynomial(self, p: UnknownPolynomial) -> Polynomial:
        """A polynomial of the program with the unknowns found, in exact coefficients.

        Raises
        ------
        ValueError
            If nothing is proven.
        """
        check_type("p", p, UnknownPolynomial)
        if self.unknowns is None:
            raise ValueError(f"no unknowns are proven to satisfy the conditions: {self.message}")
        return p.at(self.unknowns)

    def number(self, p: UnknownPolynomial) -> Fraction:
        """The same for an expression without variables, as a number."""
        found = self.polynomial(p)
        if found.degree:
            raise ValueError(f"p must be free of variables, got {p!r}")
        return found.constant_term

    def verify(self) -> bool:
        """Check all proofs again, exactly."""
        return bool(self) and all(proof.verify() for proof in self.proofs)


class SumOfSquaresProgram:
    """Unknown polynomials and numbers, conditions on them, a linear objective; solved with proof.

    Parameters
    ----------
    names : int, str or sequence of str
        The variables, as in `variables`.

    Notes
    -----
    Conditions are linear in the unknowns; a product of two of them is refused. The words of
    others: `sossosvar`, `sosineq` and `sossetobj` in SOSTOOLS, `Poly`, `SOSCone` in
    SumOfSquares.jl.

    Examples
    --------
    How large is the minimum of x^4 - 3 x^2 + x, at least?

    >>> program = SumOfSquaresProgram("x")
    >>> (x,) = program.variables
    >>> bound = program.scalar()
    >>> program.require_sos(x**4 - 3 * x**2 + x - bound)
    >>> program.maximize(bound)
    >>> found = program.solve()
    >>> bool(found), found.verify(), round(float(found.value), 3)
    (True, True, -3.514)

    A Lyapunov function of x' = -x + y, y' = -x - y^3:

    >>> program = SumOfSquaresProgram("x y")
    >>> x, y = program.variables
    >>> V = program.polynomial(degrees=[2])
    >>> slope = V.derivative(0) * (-x + y) + V.derivative(1) * (-x - y**3)
    >>> program.require_sos(V - x**2 - y**2)
    >>> program.require_sos(-slope)
    >>> found = program.solve()
    >>> found.verify()
    True
    """

    def __init__(self, names: int | str | Sequence[str]) -> None:
        self.variables = tuple(v.exact() for v in variables(names))
        self.n_unknowns = 0
        self._conditions: list[Condition] = []
        self._equations: list[UnknownPolynomial] = []
        self._objective: UnknownPolynomial | None = None
        self._sign = 1

    # Unknowns

    def scalar(self) -> UnknownPolynomial:
        """An unknown number."""
        return self._unknown(np.zeros((1, len(self.variables)), dtype=np.int64))

    def polynomial(
        self, degree: int | None = None, degrees: Sequence[int] | None = None
    ) -> UnknownPolynomial:
        """An unknown polynomial with all monomials up to a degree, or of given degrees only.

        >>> program = SumOfSquaresProgram(2)
        >>> len(program.polynomial(degree=2).parts), len(program.polynomial(degrees=[1, 2]).parts)
        (6, 5)
        """
        if (degree is None) == (degrees is None):
            raise ValueError("give either degree or degrees")
        if degree is not None:
            check_integer("degree", degree, 0)
        wanted = range(degree + 1) if degree is not None else check_sequence("degrees", degrees)
        for d in wanted:
            check_integer("degrees", d, 0)
        everything = monomials(len(self.variables), max(wanted, default=0))
        return self._unknown(everything[np.isin(everything.sum(axis=1), list(wanted))])

    def _unknown(self, exponents: np.ndarray) -> UnknownPolynomial:
        n, names = len(self.variables), self.variables[0].names
        first, self.n_unknowns = self.n_unknowns, self.n_unknowns + len(exponents)
        parts = {
            first + i: Polynomial({tuple(alpha): Fraction(1)}, n, names)
            for i, alpha in enumerate(exponents.tolist())
        }
        return UnknownPolynomial(Polynomial({}, n, names).exact(), parts)

    # Conditions

    def require_sos(
        self,
        p: Operand,
        inequalities: Sequence[Polynomial] = (),
        equalities: Sequence[Polynomial] = (),
        degree: int | None = None,
    ) -> None:
        """p is a sum of squares, or proven nonnegative on a set by sums of squares.

        Parameters
        ----------
        p : UnknownPolynomial or Polynomial
        inequalities, equalities : sequence of Polynomial
            The set: g_j >= 0 and h_l = 0. Each g_j gets a sum of squares as its multiplier.
        degree : int, optional
            Of all products sigma_j g_j at most; by default that of p, or the next even number.
        """
        p = self._checked("p", p)
        g = tuple(self._known(f"inequalities[{j}]", q) for j, q in enumerate(inequalities))
        h = tuple(self._known(f"equalities[{j}]", q) for j, q in enumerate(equalities))
        if degree is None:
            degree = max([p.degree, *(q.degree for q in (*g, *h))])
        check_integer("degree", degree, p.degree)
        self._conditions.append(condition(p, g, h, -(-degree // 2)))

    def require_psd(self, matrix: Sequence[Sequence[Operand]]) -> None:
        """A symmetric matrix of polynomials is a sum of squares: psd at every point.

        y^T M(x) y is to be a sum of squares of polynomials that are linear in y. Its proof is
        about that polynomial, in the variables x and y.
        """
        rows = [check_sequence("matrix", row) for row in check_sequence("matrix", matrix)]
        r, n = len(rows), len(self.variables)
        if r == 0 or any(len(row) != r for row in rows):
            raise ValueError(f"matrix must be square, got rows of {[len(row) for row in rows]}")
        entries = [[self._checked("matrix", v) for v in row] for row in rows]
        lifted = [[_lifted(v, i, j, r) for j, v in enumerate(row)] for i, row in enumerate(entries)]
        for i in range(r):
            for j in range(i):
                gap = entries[i][j] - entries[j][i]
                if any(len(q.exponents) for q in (gap.known, *gap.parts.values())):
                    raise ValueError(f"matrix must be symmetric, got other entries at {i}, {j}")
        form = sum((v for row in lifted for v in row), 0 * lifted[0][0])
        half = -(-max(v.degree for row in entries for v in row) // 2)
        basis = np.array(
            [
                [*alpha, *(int(i == k) for k in range(r))]
                for i in range(r)
                for alpha in monomials(n, half).tolist()
            ]
        )
        self._conditions.append(condition(form, (), (), half + 1, basis))

    def require_zero(self, p: Operand) -> None:
        """All coefficients of p vanish."""
        self._equations.append(self._checked("p", p))

    # The objective

    def minimize(self, p: Operand) -> None:
        """A linear function of the unknowns, without variables."""
        self._objective, self._sign = self._scalar(p), 1

    def maximize(self, p: Operand) -> None:
        """A linear function of the unknowns, without variables."""
        self._objective, self._sign = self._scalar(p), -1

    def _scalar(self, p: Operand) -> UnknownPolynomial:
        p = self._checked("p", p)
        if p.degree:
            raise ValueError(f"p must be free of variables, got {p!r}")
        return p

    def _checked(self, name: str, p: Operand) -> UnknownPolynomial:
        found = as_unknown(p, self.variables[0])
        if found is NotImplemented:
            raise TypeError(f"{name} must be a polynomial of this program, got {p!r}")
        n = len(self.variables)
        if found.n_variables != n or any(i >= self.n_unknowns for i in found.parts):
            raise ValueError(f"{name} must be in the {n} variables of this program, got {p!r}")
        return found

    def _known(self, name: str, p: Operand) -> Polynomial:
        check_type(name, p, Polynomial)
        return self._checked(name, p).known

    # The solution

    def solve(self, solver: str = "CLARABEL", verbose: bool = False) -> SumOfSquaresSolution:
        """Solve in floats, then prove every condition in exact arithmetic.

        Of the optimum a hundred-thousandth is given up, for on the boundary Gram matrices are
        singular, and do not survive rounding.

        Raises
        ------
        ValueError
            If nothing is asked for, or the solver is not installed.
        """
        if not self._conditions:
            raise ValueError("a program must have a condition: call require_sos")
        check_solver(solver)
        model, cost = Model(self._conditions, self._equations, self.n_unknowns), self._cost()
        optimum = None
        if self._objective is not None:
            optimum = model.optimum(cost, solver, verbose)
            if optimum is None:
                return self._nothing(
                    None,
                    "the solver finds no optimum: the conditions may contradict each other, or "
                    "leave the objective unbounded",
                )
        floats = model.inside(cost, optimum, solver, verbose)
        if floats is None:
            return self._nothing(
                optimum, "the solver finds no unknowns that satisfy the conditions"
            )
        worst = np.inf if optimum is None else optimum + 2 * given_up(optimum)

        def is_good(u: tuple[Fraction, ...]) -> bool:
            return float(sum(c * v for c, v in zip(cost, u, strict=True))) <= worst

        found = rounded_proofs(self._conditions, self._equations, *floats, is_good)
        if found is None:
            return self._nothing(
                optimum,
                "no rounding of what the solver found satisfies the conditions exactly: perhaps "
                "a Gram matrix is singular, whatever the unknowns are",
            )
        unknowns, proofs = found
        value = None if self._objective is None else self._objective.at(unknowns).constant_term
        return SumOfSquaresSolution(
            unknowns, value, self._as_stated(optimum), proofs, "every condition is proven"
        )

    def _cost(self) -> np.ndarray:
        cost = np.zeros(self.n_unknowns)
        if self._objective is not None:
            for i, p in self._objective.parts.items():
                cost[i] = self._sign * float(p.constant_term)
        return cost

    def _as_stated(self, optimum: float | None) -> float:
        if optimum is None or self._objective is None:
            return np.nan
        return self._sign * optimum + float(self._objective.known.constant_term)

    def _nothing(self, optimum: float | None, message: str) -> SumOfSquaresSolution:
        return SumOfSquaresSolution(None, None, self._as_stated(optimum), (), message)


def _lifted(p: UnknownPolynomial, i: int, j: int, r: int) -> UnknownPolynomial:
    """p y_i y_j, in r more variables."""
    y = np.eye(r, dtype=np.int64)
    own = p.known.names
    prefix = next(w for w in ("y", "v", "w", "eta") if not any(x.startswith(w) for x in own))
    names = (*own, *(f"{prefix}{k + 1}" for k in range(r)))

    def lift(q: Polynomial) -> Polynomial:
        more = np.tile(y[i] + y[j], (len(q.exponents), 1))
        return Polynomial.from_arrays(np.hstack([q.exponents, more]), q.coefficients, names)

    return UnknownPolynomial(lift(p.known), {k: lift(q) for k, q in p.parts.items()})
