"""Residuals of a network as functions of its coefficients: r(c) = F phi(c) - targets.

phi(c) are the monomials that occur. Every loss is a norm of r: the largest entry, or the sum of
squares. What is proven is proven about the rational rows of (F, targets); what is searched for is
searched for with floats near them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import combinations_with_replacement, product
from math import comb, prod

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from ..algebra.derivatives import MonomialFunctions
from ..algebra.polynomials import Polynomial, variables
from ..algebra.problem import PolynomialProblem
from ..proofs.exact import to_fmpq, to_fraction

LOSSES = ("mean-sup", "mean-squares", "sample-sup", "sample-squares")
_BITS = 320  # of the balls in which residuals are expanded around a point


def constraints_of(j: int) -> tuple[tuple[int], tuple[int]]:
    """Where theta + r_j >= 0 and theta - r_j >= 0 stand in (3.2), as keys of `Proof.gram`.

    >>> constraints_of(3)
    ((6,), (7,))
    """
    return (2 * j,), (2 * j + 1,)


@dataclass(frozen=True, eq=False)
class Residuals:
    """r(c) = F phi(c) - targets, and which norm of it is the loss.

    Attributes
    ----------
    exponents : array of int, shape (p, n)
        Of the monomials phi.
    matrix : array, shape (m, p)
        F, in the nearest floats.
    targets : array, shape (m,)
        In the nearest floats.
    squares : bool
        Whether the loss is |r|_2^2; otherwise it is max_j |r_j|.
    names : tuple of str
        Of the coefficients.
    rows : fmpq_mat, shape (m, p + 1), or None
        (F, targets) as the rationals that they are; None if the floats are all there is.
    error : array or None
        How far the rows may be from those that belong to the data; None if they are these.
        (m, p + 1), entry by entry; for squares (p + 1,), the norms of columns.
    in_floats : bool
        Whether the data were so many that they were compiled in floats.
    """

    exponents: np.ndarray
    matrix: np.ndarray
    targets: np.ndarray
    squares: bool
    names: tuple[str, ...]
    rows: fmpq_mat | None = field(default=None, repr=False)
    error: np.ndarray | None = field(default=None, repr=False)
    in_floats: bool = field(default=False, repr=False)

    def __reduce__(self):
        """flint's matrices do not pickle: their entries do, as pairs of integers."""
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        if self.rows is not None:
            entries = [(int(v.p), int(v.q)) for v in self.rows.entries()]
            state["rows"] = (self.rows.nrows(), self.rows.ncols(), entries)
        return _unpickled, (state,)

    @property
    def n_coefficients(self) -> int:
        return self.exponents.shape[1]

    @property
    def scale(self) -> float:
        """The loss of r = targets."""
        return self.norm(self.targets)

    def norm(self, r: np.ndarray) -> float:
        return float(r @ r if self.squares else np.abs(r).max(initial=0.0))

    # In floats

    @cached_property
    def phi(self) -> MonomialFunctions:
        return MonomialFunctions(self.exponents)

    def monomials(self, c: np.ndarray) -> np.ndarray:
        return self.phi.values(c)

    def __call__(self, c: np.ndarray) -> np.ndarray:
        return self.matrix @ self.monomials(c) - self.targets

    def loss(self, c: np.ndarray) -> float:
        return self.norm(self(c))

    def jacobian(self, c: np.ndarray) -> np.ndarray:
        """Derivatives of r, shape (m, n)."""
        return self.matrix @ self.phi.slopes(c).T

    def curvature(self, c: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Second derivatives of weights . r, shape (n, n)."""
        return self.phi.curvature(c, weights @ self.matrix)

    def resolution(self, c: np.ndarray) -> float:
        """Differences of the loss near c that floating-point evaluation cannot see."""
        size = np.abs(self.matrix) @ self.monomials(np.abs(c)) + np.abs(self.targets)
        return self.change(4 * np.finfo(float).eps * size, self.loss(c))

    def change(self, e: np.ndarray, loss: float) -> float:
        """How much a loss can change if each residual changes by at most e."""
        if not self.squares:
            return float(np.max(e, initial=0.0))
        return float(2 * np.sqrt(loss * (e @ e)) + e @ e)

    def data_error(self, size: np.ndarray, loss: float) -> float:
        """How far a loss of the data may be from that of these rows, where |c| <= size."""
        if self.error is None:
            return 0.0
        e = self.error @ np.r_[self.monomials(np.abs(size)), 1.0]
        return self.change(np.atleast_1d(e), loss)

    def restricted(self, rows: np.ndarray) -> Residuals:
        """Some of the residuals: their largest is no larger than the largest of all."""
        exact = self.rows
        if exact is not None:
            kept = [[exact[i, a] for a in range(exact.ncols())] for i in rows.tolist()]
            exact = fmpq_mat(kept) if kept else fmpq_mat(0, exact.ncols())
        error = None if self.error is None else self.error[rows]
        matrix, targets = self.matrix[rows], self.targets[rows]
        return replace(self, matrix=matrix, targets=targets, rows=exact, error=error)

    # Without rounding

    @cached_property
    def exact(self) -> fmpq_mat:
        """(F, targets), what proofs are about."""
        if self.rows is not None:
            return self.rows
        table = np.column_stack([self.matrix, self.targets])
        return fmpq_mat(*table.shape, [to_fmpq(v) for v in table.ravel().tolist()])

    def exact_loss(self, c: np.ndarray) -> Fraction:
        """The loss at the floats c, without any rounding."""
        phi = [prod(_powers(c, alpha), start=fmpq(1)) for alpha in self.exponents.tolist()]
        table = self.exact
        if not self.squares:
            # Only rows that rounding could have kept from being the largest are worth the time.
            r, size = self(c), np.abs(self.matrix) @ self.monomials(np.abs(c))
            slip = 1e-12 * (size + np.abs(self.targets))
            near = np.flatnonzero(np.abs(r) + slip >= (np.abs(r) - slip).max())
            table = self.restricted(near).exact if len(near) < len(r) else table
        values = (table * fmpq_mat(len(phi) + 1, 1, [*phi, fmpq(-1)])).entries()
        if self.squares:
            return to_fraction(sum((v * v for v in values), fmpq(0)))
        return to_fraction(max(abs(v) for v in values))

    def around(self, c: np.ndarray) -> Expansion:
        """r in powers of the distance from c.

        Where large terms cancel at c, these numbers are small, and floats hold all their digits.
        """
        n, table = self.n_coefficients, self.exact
        basis = divisors(self.exponents.tobytes(), n)
        position = {tuple(beta): k for k, beta in enumerate(basis.tolist())}
        shift = [[fmpq(0)] * len(basis) for _ in range(table.ncols())]
        for row, alpha in zip(shift, self.exponents.tolist(), strict=False):
            for beta in product(*(range(a + 1) for a in alpha)):
                ways = prod(comb(a, b) for a, b in zip(alpha, beta, strict=True))
                rest = [a - b for a, b in zip(alpha, beta, strict=True)]
                row[position[beta]] = prod(_powers(c, rest), start=fmpq(ways))
        shift[-1][0] = fmpq(-1)
        own = ctx.prec
        ctx.prec = _BITS
        try:
            rows = arb_mat(table) * arb_mat([[arb(v) for v in row] for row in shift])
        finally:
            ctx.prec = own
        values = np.array([float(v.mid()) for v in rows.entries()])
        return Expansion(c, basis, values.reshape(table.nrows(), len(basis)))

    def problem(self) -> PolynomialProblem:
        """The loss as a polynomial optimization problem.

        For the largest residual this is (3.2) of the paper: minimize theta over (c, theta) subject
        to theta + r_j >= 0 and theta - r_j >= 0 (see `constraints_of`). For squares:
        minimize rho_1^2 + ... + rho_m^2 over (c, rho) subject to rho_j - r_j = 0.
        """
        m = len(self.targets)
        added = [f"rho{j + 1}" for j in range(m)] if self.squares else ["theta"]
        names = (*self.names, *added)
        own = variables(names)[len(self.names) :]
        exponents = np.vstack([self.exponents, np.zeros((1, self.n_coefficients), dtype=int)])
        exponents = np.pad(exponents, ((0, 0), (0, len(added))))
        rows = []
        for *F, target in self.exact.tolist():
            values = np.array([to_fraction(v) for v in (*F, -target)], dtype=object)
            rows.append(Polynomial.from_arrays(exponents, values, names))
        if self.squares:
            objective = Polynomial.from_arrays(
                2 * np.eye(len(names), dtype=int)[len(self.names) :], np.ones(m), names
            )
            return PolynomialProblem(
                objective, (), [rho - r for rho, r in zip(own, rows, strict=True)]
            )
        (theta,) = own
        return PolynomialProblem(theta, [g for r in rows for g in (theta + r, theta - r)])

    def dense_problem(self) -> PolynomialProblem:
        """The same for the dense hierarchy: the sum of squares as a polynomial in c alone."""
        if not self.squares:
            return self.problem()
        table = self.exact
        signed = fmpq_mat([[*F, -target] for *F, target in table.tolist()])
        gram = signed.transpose() * signed
        exact = np.array([to_fraction(v) for v in gram.entries()], dtype=object)
        exponents = np.vstack([self.exponents, np.zeros((1, self.n_coefficients), dtype=int)])
        sums = (exponents[:, None, :] + exponents[None, :, :]).reshape(len(exact), -1)
        return PolynomialProblem(Polynomial.from_arrays(sums, exact, self.names))


def _unpickled(state: dict) -> Residuals:
    if state["rows"] is not None:
        m, p, entries = state["rows"]
        state["rows"] = fmpq_mat(m, p, [fmpq(*v) for v in entries])
    return Residuals(**state)


@dataclass(frozen=True, eq=False)
class Expansion:
    """r(origin + d) = table @ (powers of d), in correctly rounded floats.

    Attributes
    ----------
    origin : array, shape (n,)
    basis : array of int, shape (q, n)
        Exponents of the powers of d, 1 first: see `divisors`.
    table : array, shape (m, q)
    """

    origin: np.ndarray
    basis: np.ndarray
    table: np.ndarray

    def residuals(self, like: Residuals) -> Residuals:
        """The residuals as functions of d, in floats, under the same norm."""
        return Residuals(
            self.basis[1:], self.table[:, 1:], -self.table[:, 0], like.squares, like.names
        )

    def restricted(self, rows: np.ndarray) -> Expansion:
        return Expansion(self.origin, self.basis, self.table[rows])


@lru_cache(maxsize=64)
def divisors(exponents: bytes, n: int) -> np.ndarray:
    """1, z_i, z_i z_j, and all other monomials that divide one of those given."""
    table = np.frombuffer(exponents, dtype=np.int64).reshape(-1, n)
    found = {beta for alpha in table.tolist() for beta in product(*(range(a + 1) for a in alpha))}
    unit = np.eye(n, dtype=np.int64)
    found |= {(0,) * n} | {tuple(row) for row in unit.tolist()}
    found |= {
        tuple((unit[i] + unit[j]).tolist()) for i, j in combinations_with_replacement(range(n), 2)
    }
    return np.array(sorted(found, key=lambda beta: (sum(beta), [-b for b in beta])))


def _powers(c: np.ndarray, alpha):
    return (to_fmpq(v) ** a for v, a in zip(c.tolist(), alpha, strict=True) if a)
