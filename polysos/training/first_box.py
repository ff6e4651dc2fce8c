"""A first box around all coefficients at least as good as a candidate.

The residuals are linear in the monomials phi(c). Where they determine these, the set
{phi : |F phi - targets| <= level} is bounded, and with it each ratio N / D of linear functions
of phi with D > 0: linear programs again. As c_i = (c_i phi_a) / phi_a for every a, also
c_i = sum_a d_a c_i phi_a / sum_a d_a phi_a for any weights d. We take the weights that make this
ratio most certain: far more certain than any single one where the data are ill conditioned.

Where the residuals do not determine the monomials, semidefinite programs take the place of linear
ones: see `WeightedSquares`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor

import numpy as np
from flint import fmpq_mat
from scipy.linalg import solve_triangular

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..proofs.exact import is_positive_semidefinite, to_fmpq, to_fraction
from ..proofs.proof import Proof
from .chain import Chain
from .cones import ConicSolution, minimize_linear
from .gram_basis import monomial_basis, row_space_basis
from .multipliers import Multipliers, grid_for, short
from .recovery import monomial_shifts
from .residuals import Residuals
from .square_lemmas import square_multipliers, with_positive_loss
from .unseen import bound_others
from .weighted_squares import WeightedSquares

_LARGEST_BASIS = 40  # polynomials in the semidefinite programs of `WeightedSquares`


def find_first_box(
    chain: Chain, c: np.ndarray, left: Callable[[], float | None] = lambda: None
) -> tuple[Chain, LinearSet | WeightedSquares | None]:
    """With lemmas that bound every coefficient that functions linear in phi can bound.

    Also the set of monomials that is behind it, None where that is not known. `left` tells how many
    seconds there are for a program.
    """
    if not is_determined(chain.r):
        return _by_squares(chain, c, left)
    linear = LinearSet(chain, c)
    bounded = bound_monomials(chain, linear)
    if bounded is chain:
        return chain, None
    return bound_coefficients(bounded, linear, c), linear


def _by_squares(chain: Chain, c: np.ndarray, left) -> tuple[Chain, WeightedSquares | None]:
    """By semidefinite programs on all monomials; or on what residuals see, where that is less.

    If there are only few residuals, relations between what they see are none, or are not worth it.
    """
    r, squares = chain.r, None
    if not chain.level > 0 or len(r.exponents) > _LARGEST_BASIS:
        return chain, None
    seen = row_space_basis(r)
    bases = [monomial_basis(r)] + [seen] * (0 < seen.size < min(len(r.targets), len(r.exponents)))
    for basis in bases:
        if left() == 0:
            break
        squares = WeightedSquares(chain, c, basis, left)
        if squares.is_bounded:
            chain = bound_coefficients(with_positive_loss(chain), squares, c)
            return bound_others(chain, squares), squares
    return chain, squares


def bound_coefficients(chain: Chain, known: LinearSet | WeightedSquares, c: np.ndarray) -> Chain:
    for i, (lower, raised) in enumerate(monomial_shifts(chain.r.exponents)):
        seen = [known.sees(a) and known.sees(b) for a, b in zip(lower, raised, strict=True)]
        lower, raised = lower[seen], raised[seen]
        if not len(lower):
            continue
        if lower[0] == 0:
            chain = bound_monomial(chain, known, i, raised[0])
        else:
            chain = bound_ratio(chain, known, i, lower, raised, c[i])
    return chain


def is_determined(r: Residuals) -> bool:
    """Whether the residuals, as linear functions of the monomials, determine these."""
    size = np.linalg.norm(r.matrix, axis=0)
    if len(r.targets) < len(size) or not (size > 0).all():
        return False
    singular = np.linalg.svd(r.matrix / size, compute_uv=False)
    return bool(singular[-1] > 1e-12 * singular[0])


class LinearSet:
    """{phi : |F phi - targets| <= level} around phi(c), in coordinates v: phi = phi(c) + S R^-1 v.

    F S = Q R with orthonormal Q, so that r = r(c) + Q v: well conditioned whatever F is.
    """

    def __init__(self, chain: Chain, c: np.ndarray):
        r = chain.r
        self.level = float(chain.level)
        self.radius = np.sqrt(self.level) if r.squares else self.level
        self.squares = r.squares
        self.unit = 1 / np.linalg.norm(r.matrix, axis=0)
        self.Q, self.R = np.linalg.qr(r.matrix * self.unit)
        self.residual = r.around(c).table[:, 0]
        self.F = fmpq_mat([row[:-1] for row in r.exact.tolist()])
        self.phi = np.r_[1.0, r.monomials(c)]

    def sees(self, a: int) -> bool:
        """Whether number a of (1, phi) is determined: here all are."""
        return True

    def direction(self, functional: np.ndarray) -> np.ndarray:
        """t with L(phi) = L(phi(c)) + t . v, for L given on (1, phi)."""
        return solve_triangular(self.R, functional[1:] * self.unit, trans="T")

    def smallest(self, exact: list[Fraction]) -> Multipliers | None:
        """The minimum on the set of L, given on (1, phi): L = constant + lambda . r."""
        functional = np.array([float(v) for v in exact])
        t = self.direction(functional)
        size = np.linalg.norm(t)
        if not size > 0:
            return Multipliers(float(functional @ self.phi), np.zeros(len(self.residual)))
        weights = self._weights(t / size, False)
        if weights is None:
            return None
        weights = size * (weights + self.Q @ (t / size - self.Q.T @ weights))
        cost = np.linalg.norm(weights) if self.squares else np.abs(weights).sum()
        value = functional @ self.phi - weights @ self.residual - cost * self.radius
        return Multipliers(float(value), self._refined(weights, exact))

    def best_monomials(self) -> np.ndarray | None:
        """The phi, without the constant, whose loss is smallest; not those of any coefficients."""
        if self.squares:
            v = -self.Q.T @ self.residual
        else:
            found = self._program(np.zeros(self.Q.shape[1]), True)
            if found is None:
                return None
            v = self.radius * found.x[:-1]
        return self.phi[1:] + self.unit * solve_triangular(self.R, v)

    def _refined(self, weights: np.ndarray, exact: list[Fraction]) -> np.ndarray:
        """lambda with twice the digits: F^T lambda = L is all but exact.

        What is left over is bounded by the size of the monomials only, which may be large.
        """
        first = [Fraction(v) for v in weights.tolist()]
        row = fmpq_mat(1, len(first), [to_fmpq(v) for v in first])
        missing = [
            float(v - to_fraction(w))
            for v, w in zip(exact[1:], (row * self.F).entries(), strict=True)
        ]
        more = self.Q @ self.direction(np.r_[0.0, missing])
        total = [a + Fraction(b) for a, b in zip(first, more.tolist(), strict=True)]
        return np.array(total, dtype=object)

    def loss_proof(self, chain: Chain) -> Proof | None:
        """The best lower bound of the loss for monomials that need not belong to coefficients."""
        found = self.smallest_loss()
        return None if found is None else chain.loss_bound(found)

    def smallest_loss(self) -> Multipliers | None:
        """A bound of the loss from below, in the form that `Chain.loss_bound` takes."""
        weights = self._weights(np.zeros(self.Q.shape[1]), True)
        if weights is None:
            return None
        weights = weights - self.Q @ (self.Q.T @ weights)
        value = -weights @ self.residual
        if self.squares:
            weights, value = 2 * value * weights, value**2
        return Multipliers(float(value), self._refined(weights, [Fraction(0)] * len(self.phi)))

    def _weights(self, t: np.ndarray, loss: bool) -> np.ndarray | None:
        """Multipliers of the residuals where t . v, or the loss itself, is smallest."""
        if self.squares:
            return self._weights_in_ball(t, loss)
        found = self._program(t, loss)
        if found is None:
            return None
        return found.multipliers[len(self.Q) :] - found.multipliers[: len(self.Q)]

    def _program(self, t: np.ndarray, loss: bool) -> ConicSolution | None:
        """v / radius where t . v, or the loss itself, is smallest."""
        Q, start, level = self.Q, self.residual / self.radius, 0.0 if loss else 1.0
        column = np.full((len(Q), int(loss)), -1.0)
        cost = np.r_[t, [1.0] * loss]
        A = np.block([[Q, column], [-Q, column]])
        return minimize_linear(cost, A, np.r_[level - start, level + start])

    def _weights_in_ball(self, t: np.ndarray, loss: bool) -> np.ndarray | None:
        """The same where |r| <= radius: a ball in v. Weights of the loss have length one."""
        across = self.residual - self.Q @ (self.Q.T @ self.residual)
        distance = np.linalg.norm(across)
        if loss:
            return -across / distance if distance > 0 else None
        room = self.radius**2 - distance**2
        return self.Q @ t - across / np.sqrt(room) if room > 0 else None


def bound_monomials(chain: Chain, linear: LinearSet) -> Chain:
    """With the lemma sum_a s_a^2 phi_a^2 <= B: crude, but it bounds every monomial at once.

    B - sum_a s_a^2 phi_a^2 + |F phi - targets|^2 - (what the level allows) is a sum of squares for
    large B, because s_a^2 = 1 / (2 p (F^T F)^-1_aa) makes F^T F - diag(s^2) positive definite.
    """
    r, p = chain.r, len(chain.r.exponents)
    inverse = solve_triangular(linear.R, np.eye(p)) * linear.unit[:, None]
    s2 = [_rounded_down(v) for v in 1 / (2 * p * (inverse**2).sum(axis=1))]
    # |F phi - targets|^2 = (phi, 1)^T G (phi, 1)
    A = fmpq_mat([[*row, -target] for *row, target in r.exact.tolist()])
    G = (A.transpose() * A).tolist()
    for a in range(p):
        G[a][a] -= to_fmpq(s2[a])
    allowed = chain.level * (1 if r.squares else len(r.targets) * chain.level)
    size = float(np.array([float(v) for v in s2]) @ linear.phi[1:] ** 2)
    B = _rounded_down(4 * size + 4 * float(allowed))
    for _ in range(8):
        Q = [list(row) for row in G]
        Q[p][p] += to_fmpq(B - allowed)
        if is_positive_semidefinite(Q):
            return _with_monomial_lemma(chain, Q, s2, B)
        B *= 4
    return chain


def _with_monomial_lemma(chain: Chain, Q, s2, B: Fraction) -> Chain:
    r = chain.r
    exponents = np.pad(r.exponents, ((0, 0), (0, len(chain.names) - chain.n)))
    f = Polynomial.from_arrays(2 * exponents, np.array([-v for v in s2], dtype=object), chain.names)
    basis = np.vstack([exponents, np.zeros_like(exponents[:1])])
    values = np.array([[to_fraction(v) for v in row] for row in Q], dtype=object)
    weights = [Fraction(1)] * len(r.targets)
    gram, equal = square_multipliers(chain, weights, BasisMatrix(values, basis, chain.names))
    return chain.bound_with_gram(f, gram, -B, equal)


def bound_monomial(chain: Chain, linear: LinearSet, i: int, position: int) -> Chain:
    """c_i is itself among the monomials: bound it on both sides."""
    for sign in (1, -1):
        functional = [Fraction(0)] * len(linear.phi)
        functional[position] = Fraction(sign)
        found = linear.smallest(functional)
        if found is not None:
            grid = grid_for(abs(sign * linear.phi[position] - found.value))
            chain = chain.bound_below(chain.variable(i, sign), found, grid, on_box=False)
    return chain


def bound_ratio(chain: Chain, linear: LinearSet, i: int, lower, raised, c: float) -> Chain:
    """Bound c_i = N / D on both sides, for the weights d that make N - c D most certain."""
    d = _best_weights(linear, lower, raised, c)
    if d is None:
        return chain
    d = short(d)
    D, N = [Fraction(0)] * len(linear.phi), [Fraction(0)] * len(linear.phi)
    for a, b, v in zip(lower, raised, d, strict=True):
        D[a], N[b] = v, v
    found = linear.smallest(D)
    if found is None or not found.value > 0:
        return chain
    denominator = chain.polynomial(chain.r.exponents[lower - 1], np.array(d, dtype=object))
    longer = chain.bound_below(denominator, found, 0.0, on_box=False)
    if longer is chain or not longer.lemmas[-1].bound > 0:
        return longer
    chain = longer
    for sign in (1, -1):
        reach = _reach(linear, sign, N, D, c, found.value)
        for factor in (1.0, 1.5, 4.0, 16.0):
            grid = grid_for(reach)
            bound = floor(Fraction(sign * c - factor * reach) / Fraction(grid)) * Fraction(grid)
            shown = linear.smallest([sign * a - bound * b for a, b in zip(N, D, strict=True)])
            if shown is None:
                continue
            longer = chain.bound_ratio(chain.variable(i, sign), bound, shown, denominator)
            if longer is not chain:
                chain = longer
                break
    return chain


def _reach(linear: LinearSet, sign: int, N, D, c: float, smallest: float) -> float:
    """How far N / D may lie from c on the set, with some room, where D is at least `smallest`."""
    moved = [sign * (a - Fraction(c) * b) for a, b in zip(N, D, strict=True)]
    found = linear.smallest(moved)
    away = 0.0 if found is None else max(-found.value, 0.0) / smallest
    unit = linear.radius * np.linalg.norm(linear.direction(np.array([float(v) for v in moved])))
    return 1.05 * away + 1e-6 * unit + 1e-300


def _best_weights(linear: LinearSet, lower, raised, c: float):
    """Weights d with d . phi = 1: N - c D is as certain as possible while D stays positive."""
    n = len(linear.phi)
    moves = []
    for a, b in zip(lower, raised, strict=True):
        D, L = np.zeros(n), np.zeros(n)
        D[a], L[b], L[a] = 1.0, 1.0, -c
        moves.append((linear.direction(D), linear.direction(L)))
    of_D = np.array([m[0] for m in moves]) * linear.radius
    of_L = np.array([m[1] for m in moves]) * linear.radius
    unit = 1 / np.linalg.norm(of_D, axis=1)
    of_D, of_L, phi = of_D * unit[:, None], of_L * unit[:, None], linear.phi[lower] * unit
    best, shortest = None, np.inf
    norm = np.linalg.norm if linear.squares else lambda t: np.abs(linear.Q @ t).sum()
    for balance in 10.0 ** np.arange(-6, 3):
        M = of_L @ of_L.T + balance**2 * (of_D @ of_D.T)
        d = np.linalg.lstsq(M + 1e-15 * np.trace(M) * np.eye(len(M)), phi, rcond=None)[0]
        if not d @ phi > 0:
            continue
        d = d / (d @ phi)
        doubt = norm(of_D.T @ d)
        width = norm(of_L.T @ d) / (1 - doubt) if doubt < 0.9 else np.inf
        if width < shortest:
            best, shortest = d * unit, width
    return _most_certain(linear, lower) if best is None else best


def _most_certain(linear: LinearSet, lower) -> np.ndarray | None:
    """Weight on the single monomial that stays farthest from zero; None if none keeps its sign."""
    margins = []
    for a in lower:
        unit = [Fraction(0)] * len(linear.phi)
        unit[a] = Fraction(1) / Fraction(float(linear.phi[a])) if linear.phi[a] else Fraction(0)
        found = linear.smallest(unit)
        margins.append(-np.inf if found is None else found.value)
    k = int(np.argmax(margins))
    return np.eye(len(lower))[k] / linear.phi[lower[k]] if margins[k] > 0 else None


def _rounded_down(value: float) -> Fraction:
    """A positive rational of few bits, at most a few per mille smaller."""
    unit = Fraction(2) ** int(np.floor(np.log2(value)) - 8)
    return floor(Fraction(value) / unit) * unit
