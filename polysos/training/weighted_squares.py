"""Sets of coefficients with small residuals, also where these do not determine the monomials.

max_j |r_j| <= u implies sum_j w_j r_j^2 <= u^2 sum_j w_j for all weights w >= 0. Such a sum has
many Gram matrices on the polynomials of a `GramBasis`: they differ by relations between products of
these, which tell what residuals do not see. So semidefinite programs, with the weights and the
multipliers of relations as variables, bound the loss from below, and every function linear in b.

Floats only choose the multipliers. The Gram matrix is added up in rationals, the bound is the
largest for which it is positive semidefinite, and that is checked exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cached_property
from math import isqrt

import numpy as np
from flint import fmpq_mat
from scipy.linalg import solve_triangular

from ..algebra.moments import BasisMatrix
from ..proofs.exact import is_positive_semidefinite, to_fmpq, to_fraction
from ..proofs.proof import Proof
from .centred import bordered, largest_bound
from .chain import Chain
from .cones import ConicSolution, minimize_linear, triangle
from .gram_basis import GramBasis, relation_matrices, relations, with_relations
from .multipliers import Multipliers, short
from .row_space import part_of
from .square_lemmas import loss_proof, square_multipliers

_SMALLEST_UNIT = 1e-6  # of a polynomial, beside the largest
_NOTHING = 1e-10  # of the largest weight: less is noise of the solver
_INWARD = 10.0 ** np.arange(-12, 12.5, 0.5)  # of a definite matrix, added to what a solver returns
_ROOM, _MUCH_ROOM = 1e-7, 1e-3  # of the level: at the minimum itself the set may be a point
_ROUGH = 1e-6  # accuracy of a program where any definite matrix will do
_TIGHT = 1e-6  # of the level, squared
_QUICK_PROGRAM, _LARGEST_PROGRAM = 16, 30  # polynomials in a program for every function


class WeightedSquares:
    """{c : loss(c) <= level}, seen through Gram matrices on a basis b.

    Floats work on (1, v), b = b(c) + R^-1 v: there residuals have size one, in units of the level,
    and what they do not see is measured by its size at c. A Gram matrix is given by multipliers x:
    the weights of the squares (for a squared loss one for all), then those of the relations.

    Parameters
    ----------
    chain : Chain
    c : array, shape (n,)
        Coefficients with at most this loss.
    basis : GramBasis
        Of the residuals of the chain.
    left : callable
        The seconds that a program may take, None without a limit.
    """

    squares = True  # it lies in an ellipsoid, as the set of a squared loss does: see `LinearSet`

    def __init__(
        self,
        chain: Chain,
        c: np.ndarray,
        basis: GramBasis,
        left: Callable[[], float | None] = lambda: None,
    ):
        r, k = chain.r, basis.size
        self.chain, self.basis, self.relations = chain, basis, relations(basis)
        self.left = left
        self.phi, at = np.r_[1.0, r.monomials(c)], basis.values(c)
        self.level = chain.level if r.squares else chain.level**2
        self.pivots = [next(j for j, v in enumerate(row) if v != 0) for row in basis.table.tolist()]
        columns = [len(r.exponents), *(j - 1 for j in self.pivots[1:])]
        rows = part_of(r.exact, range(len(r.targets)), columns).tolist()
        self.rows = fmpq_mat([[-target, *row] for target, *row in rows])  # the r_j on b
        units = np.maximum(np.abs(at), _SMALLEST_UNIT * (np.abs(at).max() or 1.0))
        root = float(self.level) ** 0.5
        R = np.linalg.qr(np.vstack([basis.factor / root, np.diag(1 / units)]), mode="r")
        self.inverse, self.triangle = solve_triangular(R, np.eye(k)), triangle(k + 1)
        residual = r.around(c).table[:, 0]
        values = np.c_[residual, basis.factor @ self.inverse] / root
        own = self._entries(values[:, :, None] * values[:, None, :])
        own = own.sum(axis=1, keepdims=True) if r.squares else own
        B = np.eye(k + 1)
        B[1:, 0], B[1:, 1:] = at, self.inverse
        S = self._entries(B.T @ relation_matrices(self.relations, k + 1) @ B)
        self.size, self.n_weights = np.linalg.norm(S, axis=0), own.shape[1]
        moves, self.upper = np.linalg.qr(S / self.size)
        self.moves = np.c_[own, moves]
        self.corner = np.eye(1, len(own))[0]

    # What a first box is made of, as `LinearSet` has it

    @property
    def is_bounded(self) -> bool:
        """Whether a ball around all b is known, in floats."""
        return self._ball is not None

    def direction(self, functional: np.ndarray) -> np.ndarray:
        """t with L(phi) = constant + t . w, |w| <= radius, for L given on (1, phi)."""
        t = self.inverse.T @ functional[self.pivots[1:]]
        return solve_triangular(self._ellipsoid[0], t, lower=True)

    @property
    def radius(self) -> float:
        return self._ellipsoid[1]

    def sees(self, a: int) -> bool:
        """Whether number a of (1, phi) is one of the basis by itself."""
        return [int(j == a) for j in range(len(self.phi))] in self.basis.table.tolist()

    def smallest(self, exact: list[Fraction]) -> Multipliers | None:
        """A lower bound on the set of L, given on (1, phi) and linear in the basis."""
        values = [to_fmpq(v) for v in exact]
        ell = [values[j] for j in self.pivots]
        if (fmpq_mat([ell]) * self.basis.table).entries() != values:
            return None  # not seen
        t = self.inverse.T @ np.array([float(v) for v in ell[1:]])
        size = float(np.linalg.norm(t)) or 1.0
        side = np.zeros((len(ell), len(ell)))
        side[0, 1:] = side[1:, 0] = t / (2 * size)
        x = self._best(self._entries(side[None])[:, 0])
        if x is None:
            return None
        Q, weights = self._exact(size * x)
        for j, v in enumerate(ell):
            Q[0, j] = Q[0, j] + v / 2
            Q[j, 0] = Q[j, 0] + v / 2
        total = weights[0] if self.chain.r.squares else sum(weights)
        Q[0, 0] = Q[0, 0] - to_fmpq(self.level * total)
        value = largest_bound(Q)
        Q = None if value is None else bordered(Q, value)
        if Q is None or not is_positive_semidefinite(Q.tolist()):
            return None
        given = square_multipliers(self.chain, weights, self._on_monomials(Q))
        return Multipliers(float(value), np.zeros(len(weights)), exact=given)

    # The loss itself

    def loss_proof(self, chain: Chain) -> Proof | None:
        """The best lower bound of the loss, for all coefficients; None where there is none."""
        x = self._best(None)
        if x is None:
            return None
        Q, weights = self._exact(float(self.level) * x, total=True)
        bound = largest_bound(Q)
        if bound is None or not bound > 0:
            return None
        root = bound if self.chain.r.squares else _root_below(bound)
        Q = bordered(Q, root if self.chain.r.squares else root**2)
        if not is_positive_semidefinite(Q.tolist()):
            return None
        return loss_proof(chain, weights, self._on_monomials(Q), root)

    def best_monomials(self) -> np.ndarray | None:
        """The phi, without the constant, of the same program; not those of any coefficients."""
        if self._lowest is None or self.basis.size < len(self.phi) - 1:
            return None
        moments = self._matrix(self._lowest.multipliers[-len(self.corner) :])
        return self.phi[1:] + self.inverse @ (moments[0, 1:] / moments[0, 0])

    # Programs in floats

    def _best(self, start: np.ndarray | None) -> np.ndarray | None:
        """Multipliers x for the largest t with start + (squares less level) @ x - t E >= 0.

        E is one in the first corner. Without `start`, those for the largest t with
        moves @ x - t E >= 0 and weights that add up to one.
        """
        total = start is None
        start, moves = (0 * self.corner, self.moves) if total else (start, self._less_level(0.0))
        m, K, inside, found = self.n_weights, moves.shape[1], self._ball, None
        if total:
            found = self._lowest
        elif self.basis.size <= (_QUICK_PROGRAM if self._is_tight else _LARGEST_PROGRAM):
            found = self._solve(start, self._less_level(_ROOM), -1.0)
        if inside is None:
            inside = np.r_[np.ones(m) / m, np.zeros(K - m)]
        x = np.zeros(K) if found is None else found.x[:-1].copy()
        x[:m] = np.where(x[:m] > _NOTHING * np.abs(x[:m]).max(), x[:m], 0.0)
        best, most = None, -np.inf
        for part in _INWARD:
            moved = x + part * inside
            moved[:m] = np.maximum(moved[:m], 0.0)
            moved = moved / moved[:m].sum() if total else moved
            t = self._corner(start + moves @ moved)
            if t > most:
                best, most = moved, t
        return best

    def _solve(self, start, moves, sign, total=False, accuracy=1e-9) -> ConicSolution | None:
        """(x, t) with start + moves @ x + sign t E >= 0 and the smallest sign t."""
        m, K = self.n_weights, moves.shape[1]
        of_sum = np.r_[np.ones(m), np.zeros(K + 1 - m)]
        A = np.vstack([-np.eye(m, K + 1), *[of_sum, -of_sum] * total])
        A = np.vstack([A, -np.c_[moves, sign * self.corner]])
        b = np.r_[np.zeros(m), [1.0, -1.0] * total, start]
        cost, size = np.r_[np.zeros(K), sign], self.basis.size + 1
        seconds = self.left()
        return minimize_linear(cost, A, b, definite=size, seconds=seconds, accuracy=accuracy)

    @cached_property
    def _lowest(self) -> ConicSolution | None:
        """The largest bound of a weighted sum of squares."""
        return self._solve(0 * self.corner, self.moves, -1.0, total=True)

    @property
    def _is_tight(self) -> bool:
        """Whether the level is the smallest loss, in floats: then the ellipsoid will do."""
        return self._lowest is not None and -self._lowest.value > 1 - _TIGHT

    @cached_property
    def _ball(self) -> np.ndarray | None:
        """x with R - |v|^2 = sum_j w_j (1 - r_j^2) + a sum of squares, and the smallest R."""
        unit = self._entries(np.diag(np.r_[0.0, np.ones(self.basis.size)])[None])[:, 0]
        moves = self._less_level(_MUCH_ROOM)
        found = self._solve(-unit, moves, 1.0, accuracy=_ROUGH)
        if found is None or self._corner(moves @ found.x[:-1] - unit / 2) == -np.inf:
            return None
        return found.x[:-1]

    def _less_level(self, room: float) -> np.ndarray:
        """What multipliers stand for, with each square less what the level allows, and room."""
        moves = self.moves.copy()
        moves[0, : self.n_weights] -= 1 + room
        return moves

    @cached_property
    def _ellipsoid(self) -> tuple[np.ndarray, float]:
        """C and a radius with |C^T (v - v_0)| <= radius."""
        M = self._matrix(self._less_level(_MUCH_ROOM) @ self._ball)
        C = np.linalg.cholesky(M[1:, 1:])
        across = solve_triangular(C, M[1:, 0], lower=True)
        return C, float(np.sqrt(max(across @ across - M[0, 0], 0.0)))

    def _corner(self, entries: np.ndarray) -> float:
        """The largest t with M - t E >= 0; -inf where the rest of M is not definite."""
        M = self._matrix(entries)
        try:
            across = solve_triangular(np.linalg.cholesky(M[1:, 1:]), M[1:, 0], lower=True)
        except np.linalg.LinAlgError:
            return -np.inf
        return float(M[0, 0] - across @ across)

    def _entries(self, matrices: np.ndarray) -> np.ndarray:
        """Symmetric matrices as columns, as `triangle` writes them."""
        rows, columns, factor = self.triangle
        return matrices[:, rows, columns].T * factor[:, None]

    def _matrix(self, entries: np.ndarray) -> np.ndarray:
        rows, columns, factor = self.triangle
        M = np.empty((self.basis.size + 1,) * 2)
        M[rows, columns] = M[columns, rows] = entries / factor
        return M

    # Without rounding

    def _exact(self, x: np.ndarray, total: bool = False) -> tuple[fmpq_mat, list[Fraction]]:
        """The Gram matrix on b of sum_j w_j r_j^2 plus relations, and the w_j.

        With `total` the weights add up to one, exactly.
        """
        weights = short(x[: self.n_weights] / float(self.level))
        if total and len(weights) > 1:
            k = int(np.argmax(x[: self.n_weights]))
            weights[k] += 1 - sum(weights)
        elif total:
            weights = [Fraction(1)]
        weights = weights * (self.rows.nrows() // len(weights))
        scaled = fmpq_mat(
            [
                [to_fmpq(w) * v for v in row]
                for w, row in zip(weights, self.rows.tolist(), strict=True)
            ]
        )
        t = solve_triangular(self.upper, x[self.n_weights :]) / self.size
        return with_relations(self.rows.transpose() * scaled, self.relations, t), weights

    def _on_monomials(self, Q: fmpq_mat) -> BasisMatrix:
        values = np.array([to_fraction(v) for v in self.basis.on_monomials(Q).entries()], object)
        exponents, names = self.basis.exponents, self.chain.names
        exponents = np.pad(exponents, ((0, 0), (0, len(names) - exponents.shape[1])))
        return BasisMatrix(values.reshape(len(exponents), -1), exponents, names)


def _root_below(square: Fraction) -> Fraction:
    """A rational of some 64 bits whose square is at most this, and hardly less."""
    n, d = square.numerator, square.denominator
    bits = max(64 - (n.bit_length() - d.bit_length()) // 2, 0)
    return Fraction(isqrt((n << 2 * bits) // d), 1 << bits)
