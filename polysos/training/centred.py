"""Certificates of squared losses, centred at a candidate: proofs for all of R^n, without a box.

With b = (1, b_1, ..., b_k) and w = (b_1, ..., b_k) at c minus the same at the candidate c*, look
for a Gram matrix Q of f - f(c*) on b, that is G plus relations, with Q b(c*) = 0. Then

    f(c) - f(c*) = w^T Q_w w,

and c* is a global minimizer where Q_w >= 0. Such Q are the solutions of linear equations. That
with the smallest N = Q_w - G_w, measured by G_w, is found by least squares; it is positive
definite where the loss is small. Otherwise a semidefinite program looks for Q_w >= lambda G_w. All
of this happens in coordinates in which G_w is the unit matrix.

Floats only choose the relations. These are added up in rationals, the bound is the largest for
which the bordered matrix is positive semidefinite, and that is checked exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat
from scipy.linalg import null_space, solve_triangular

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.exact import is_positive_semidefinite, to_fraction
from ..proofs.proof import Proof
from .compilation import floats_of
from .cones import (
    largest_corner,
    largest_smallest_eigenvalue,
    smallest_eigenvalue,
    symmetric,
    triangle,
)
from .gram_basis import GramBasis, relation_matrices, relations, with_relations

_BITS = 400  # of the balls in which the bound is computed
_ROOM = 1e-7  # of the smallest eigenvalue of I + N: less is noise of the solver
_NEARLY = (1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7)  # parts of G, after linear algebra
_NEAR = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # and after a solver; 1 is G itself
_RANK = 1e-9  # of singular values of the equations


@dataclass(frozen=True, eq=False)
class Centred:
    """A proof around a candidate.

    Attributes
    ----------
    proof : Proof
        f >= bound for every c.
    strength : Fraction
        lambda > 0 with f(c) >= level + lambda |F phi(c) - F phi(c*)|^2 for every c, checked
        exactly; 0 where that is not shown.
    level : Fraction
        Nearly the bound.
    how : str
        "least-squares certificate" or "semidefinite program".
    """

    proof: Proof
    strength: Fraction
    level: Fraction
    how: str

    def radius(self, loss: float) -> float:
        """How far the predictions of coefficients with at most this loss may be apart from ours."""
        return prediction_radius(float(self.strength), float(self.level), loss)


def prediction_radius(strength: float, level: float, loss: float) -> float:
    """d with loss >= level + strength d^2; infinite where the strength is 0."""
    return float(np.sqrt(max(loss - level, 0.0) / strength)) if strength > 0 else float("inf")


class GramMatrices:
    """The Gram matrices G + sum_k t_k S_k of a loss on a basis, seen through N = sum_k t_k S_k.

    They are measured in coordinates in which G_w is the unit matrix, by the upper triangle, columns
    one after the other, entries off the diagonal times the root of 2: so lengths are Frobenius
    norms. Orthonormal coordinates u of the space of all N_w take the place of the t.

    Parameters
    ----------
    basis : GramBasis
    targets : array, shape (m,)
        y, in floats.
    units : array, shape (k,), optional
        Where G_w is singular: sizes of the b_i, by which they are measured where it sees nothing.
    """

    def __init__(self, basis: GramBasis, targets: np.ndarray, units: np.ndarray | None = None):
        self.basis, self.targets, k = basis, targets, basis.size
        self.relations = relations(basis)
        seen = basis.factor if units is None else np.vstack([basis.factor, np.diag(1 / units)])
        self._whiten = solve_triangular(np.linalg.qr(seen, mode="r"), np.eye(k))
        S = relation_matrices(self.relations, k + 1)
        rows, columns, factor = triangle(k)
        N = self._whiten.T @ S[:, 1:, 1:] @ self._whiten
        N = N[:, rows, columns].T * factor[:, None]
        own = basis.factor @ self._whiten
        self._own = (own.T @ own)[rows, columns] * factor  # the unit matrix where nothing is unseen
        self._wanted = (rows == columns) - self._own
        self._size = np.linalg.norm(N, axis=0)
        self._S = S / self._size[:, None, None]
        self._directions, self._upper = np.linalg.qr(N / self._size)
        self.dimension = len(self._upper)

    def around(self, candidates: list[np.ndarray]) -> CentredGram:
        """Those with Q b(c) = 0 at each candidate, as nearly as floats can tell."""
        C, d = [], []
        for c in candidates:
            b = np.r_[1.0, self.basis.values(c)]
            C.append(self._whiten.T @ (self._S @ b).T[1:])
            residual = self.basis.factor @ b[1:] - self.targets
            d.append(-self._whiten.T @ (self.basis.factor.T @ residual))
        C = solve_triangular(self._upper, np.vstack(C).T, trans="T").T
        u = self._directions.T @ self._wanted
        u = u + np.linalg.lstsq(C, np.concatenate(d) - C @ u, rcond=_RANK)[0]
        free = null_space(C, rcond=_RANK)
        start, moves = self._own + self._directions @ u, self._directions @ free
        if len(candidates) == 1:
            return CentredGram(self.basis.size, start, moves, u, free)
        across = null_space(self._ways(candidates))
        size, columns = across.shape[1], [start, *moves.T]
        start, *rest = [_restricted(v, across) for v in columns]
        return CentredGram(size, start, np.array(rest).reshape(-1, len(start)).T, u, free)

    def _ways(self, candidates: list[np.ndarray]) -> np.ndarray:
        """From the first candidate to the others, a row each: Q_w must vanish there."""
        values = [self.basis.values(c) for c in candidates]
        ways = np.array([v - values[0] for v in values[1:]]).T
        return solve_triangular(self._whiten, ways).T

    def distance(self, c: np.ndarray, other: np.ndarray) -> float:
        """How far what the data see of two coefficient vectors lies apart."""
        return float(np.linalg.norm(self._ways([c, other])))

    def best_bound(self, c: np.ndarray, loss: float, seconds: float | None) -> np.ndarray | None:
        """u of a Gram matrix with nearly the largest bound of all, by SCS; None if that fails.

        In coordinates (root of the loss, w): there both blocks of the matrices are of size one.
        """
        k, root = self.basis.size, np.sqrt(loss)
        inverse = solve_triangular(self._upper, np.eye(len(self._size))) / self._size[:, None]
        B = np.zeros((k + 1, k + 1))
        B[0, 0], B[1:, 0], B[1:, 1:] = 1 / root, self.basis.values(c) / root, self._whiten
        moved = np.tensordot(inverse.T, self._S * self._size[:, None, None], axes=1)
        rows, columns, factor = triangle(k + 1)
        moves = (B.T @ moved @ B)[:, rows, columns].T * factor[:, None]
        start = (B.T @ floats_of(self.basis.gram) @ B)[rows, columns] * factor
        return largest_corner(start, moves, k + 1, seconds)

    def matrix(self, u: np.ndarray) -> fmpq_mat:
        """G + sum_k t_k S_k, exactly: a Gram matrix of the loss whatever the t are."""
        t = solve_triangular(self._upper, u) / self._size
        return with_relations(self.basis.gram, self.relations, t)


@dataclass(frozen=True, eq=False)
class CentredGram:
    """The Q_w that belong to some candidates: start + moves @ z, with coordinates u + free @ z.

    `start` is the one nearest to the unit matrix. With several candidates Q_w vanishes on the ways
    between them, and what is left is restricted to the complement.
    """

    size: int
    start: np.ndarray
    moves: np.ndarray
    u: np.ndarray
    free: np.ndarray

    def by_least_squares(self) -> tuple[float, np.ndarray]:
        """(smallest eigenvalue of Q_w, its coordinates), for the one nearest to the unit matrix."""
        return smallest_eigenvalue(self.start, self.size), self.u

    def by_program(self, seconds: float | None = None) -> tuple[float, np.ndarray] | None:
        """The same for nearly the largest smallest eigenvalue; None if a solver fails."""
        z = largest_smallest_eigenvalue(self.start, self.moves, self.size, seconds)
        if z is None:
            return None
        smallest = smallest_eigenvalue(self.start + self.moves @ z, self.size)
        return smallest, self.u + self.free @ z


def _restricted(entries: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The upper triangle of A^T M A, from that of M."""
    M = across.T @ symmetric(entries, len(across)) @ across
    rows, columns, factor = triangle(across.shape[1])
    return M[rows, columns] * factor


def centred_proof(
    problem: PolynomialProblem,
    matrices: GramMatrices,
    candidates: list[np.ndarray],
    program: bool = True,
    seconds: float | None = None,
    wanted: float = -np.inf,
) -> Centred | None:
    """The proof that the candidates are global minimizers; None where this does not find one.

    Parameters
    ----------
    problem : PolynomialProblem
        Its objective is the loss as a polynomial in c.
    matrices : GramMatrices
        Of this loss.
    candidates : list of array, shape (n,)
        With the same loss; where there are several, the data must see that they differ.
    program : bool
        Whether to try the semidefinite program where least squares are not enough.
    seconds : float, optional
        After which the program is given up.
    wanted : float
        A bound below this is not worth its proof: where a search has not come to its end, say.
    """
    gram = matrices.around(candidates)
    (smallest, u), how = gram.by_least_squares(), "least-squares certificate"
    if smallest < _ROOM and program:
        smallest, u = gram.by_program(seconds) or (smallest, u)
        how = "semidefinite program"
    if smallest < _ROOM:
        return None
    if len(candidates) == 1:
        Q, (c,) = matrices.matrix(u), candidates
        bound = largest_bound(Q)
        if bound is None or bound < wanted:
            return None
        return _completed(problem, matrices.basis, Q, bound, smallest, c, how)
    proof = _towards_g(problem, matrices, u, _NEARLY)
    return None if proof is None else Centred(proof, Fraction(0), proof.bound, how)


def uncentred_bound(
    problem: PolynomialProblem,
    matrices: GramMatrices,
    candidate: np.ndarray,
    loss: float,
    program: bool = True,
    seconds: float | None = None,
) -> Proof | None:
    """The best bound that Gram matrices on the basis give, where no certificate is centred.

    Without a program, or where it fails, that of G itself: the least loss with a free coefficient
    for each monomial.

    Parameters
    ----------
    problem, matrices
        As for `centred_proof`.
    candidate : array, shape (n,)
    loss : float
        Of the candidate, the unit of the bound.
    program : bool
        Whether to solve the semidefinite program.
    seconds : float, optional
        After which it is given up.
    """
    u = matrices.best_bound(candidate, loss, seconds) if program else None
    if u is None:
        return _towards_g(problem, matrices, np.zeros(matrices.dimension), _NEAR[-1:])
    return _towards_g(problem, matrices, u, _NEAR)


def _towards_g(problem, matrices: GramMatrices, u: np.ndarray, parts) -> Proof | None:
    """The proof of a semidefinite Gram matrix, moved a little towards G.

    G itself is definite where the data see everything: that makes up for what rounding, or a
    solver, has left below zero.
    """
    for part in parts:
        Q = matrices.matrix((1 - part) * u)
        bound = largest_bound(Q)
        if bound is not None and bound > 0:
            proof = _proof(problem, matrices.basis, Q, bound)
            if proof.verify():
                return proof
    return None


def _completed(problem, basis, Q, bound, smallest, c, how) -> Centred | None:
    """The proof of a bound by a Gram matrix of the loss, and the strength that goes with it."""
    proof = _proof(problem, basis, Q, bound)
    if not proof.verify():
        return None
    strength = Fraction(smallest * (1 - 1e-6)).limit_denominator(10**12)
    shifted = _less_distance(Q, basis, c, strength)
    level = largest_bound(shifted)
    if level is None or not is_positive_semidefinite(bordered(shifted, level).tolist()):
        strength, level = Fraction(0), bound
    return Centred(proof, strength, level, how)


def largest_bound(Q: fmpq_mat) -> Fraction | None:
    """About the largest beta with Q - beta E >= 0, and not more; None where Q_w is not definite."""
    n, own = Q.nrows(), ctx.prec
    ctx.prec = _BITS
    try:
        inner = arb_mat([[arb(Q[i, j]) for j in range(1, n)] for i in range(1, n)])
        side = arb_mat([[arb(Q[i, 0])] for i in range(1, n)])
        try:
            value = arb(Q[0, 0]) - (side.transpose() * inner.solve(side))[0, 0]
        except ZeroDivisionError:
            return None
        if not value.is_finite():
            return None
        # a little lower, so that the bordered matrix is definite and balls can show it
        low = value - abs(value) * arb(2) ** -80 - value.rad()
        mantissa, power = low.mid().man_exp()
    finally:
        ctx.prec = own
    mantissa, power = int(mantissa), int(power)
    shift = max(abs(mantissa).bit_length() - 120, 0)
    mantissa, power = mantissa >> shift, power + shift  # rounds down
    return Fraction(mantissa) * Fraction(2) ** power


def bordered(Q: fmpq_mat, bound: Fraction) -> fmpq_mat:
    Q = fmpq_mat(Q)
    Q[0, 0] = Q[0, 0] - fmpq(bound.numerator, bound.denominator)
    return Q


def _less_distance(Q: fmpq_mat, basis: GramBasis, c: np.ndarray, strength: Fraction) -> fmpq_mat:
    """The Gram matrix of f - lambda |F phi - F phi(c*)|^2."""
    k, factor = basis.size, fmpq(strength.numerator, strength.denominator)
    G = fmpq_mat([[basis.gram[i, j] for j in range(1, k + 1)] for i in range(1, k + 1)])
    at = fmpq_mat(k, 1, [fmpq(*float(v).as_integer_ratio()) for v in basis.values(c)])
    side, shifted = G * at, fmpq_mat(Q)
    for i in range(k):
        for j in range(k):
            shifted[i + 1, j + 1] = shifted[i + 1, j + 1] - factor * G[i, j]
        shifted[0, i + 1] = shifted[0, i + 1] + factor * side[i, 0]
        shifted[i + 1, 0] = shifted[i + 1, 0] + factor * side[i, 0]
    shifted[0, 0] = shifted[0, 0] - factor * (at.transpose() * side)[0, 0]
    return shifted


def _proof(problem, basis: GramBasis, Q: fmpq_mat, bound: Fraction) -> Proof:
    names, n = problem.objective.names, problem.n_variables
    values = basis.on_monomials(bordered(Q, bound))
    exact = np.array([to_fraction(v) for v in values.entries()], dtype=object)
    matrix = BasisMatrix(exact.reshape(len(basis.exponents), -1), basis.exponents, names)
    zero = Polynomial.constant(Fraction(0), n, names)
    return Proof(
        holds=True,
        bound=bound,
        problem=problem,
        center=(Fraction(0),) * n,
        scale=(Fraction(1),) * n,
        gram={(): matrix},
        equality_multipliers=tuple(zero for _ in problem.equalities),
    )
