"""Bounds on a box from linear programs: products of its sides are nonnegative (McCormick).

On a box, c = center + half * z with |z_i| <= 1, the residuals are polynomials in z. Their linear
and quadratic terms are kept, with a variable for each product z_i z_j; products of two sides
1 +- z_i, 1 +- z_j of the box tie these to z. Terms of higher degree are bounded by their size; on
wide boxes those of degree three are kept as well.
The smaller the box, the less there is to lose: the error falls with the square of its width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement, product

import numpy as np

from ..algebra.moments import binomial_expansion
from ..algebra.polynomials import Polynomial
from ..proofs.proof import Proof
from .bounds import Bounds
from .chain import Chain, trivial_proof
from .cones import minimize_linear, triangle
from .multipliers import Multipliers, grid_for
from .residuals import Residuals

_WORTHWHILE = 0.02  # of a width: what a lemma has to gain


def tighten_box(
    chain: Chain, thorough: bool = False, stop: Callable[[], bool] = lambda: False
) -> Chain:
    """One sweep: bound every coefficient on both sides, each time on the box so far.

    With `thorough`, products of three sides count as well, and the matrix of 1, z and the products
    of two is positive semidefinite: needed on wide boxes, and where the loss is smooth at its
    minimum; slower. `stop` is asked before each of these steps whether it is late.
    """
    for i in np.argsort(-np.diff(chain.box, axis=1)[:, 0]):
        for sign in (1, -1):
            if chain.region.is_empty or stop():
                return chain
            program = BoxProgram(chain, thorough)
            half, found = program.half[i], program.smallest_coordinate(i, sign)
            if found is None or found.value < -1 + 2 * _WORTHWHILE:
                continue
            chain = chain.bound_below(chain.variable(i, sign), found.times(half), grid_for(half))
    return chain


def bound_on_box(r: Residuals, box: np.ndarray, level: float) -> Proof:
    """What one linear program proves of the loss on a box, for levels up to a given one.

    Parameters
    ----------
    r : Residuals
    box : array, shape (n_coefficients, 2)
    level : float
        The loss of some coefficients in the box: the bound is no larger.
    """
    problem = Bounds(np.asarray(box, dtype=float)).applied_to(r.problem(), r.n_coefficients)
    chain = Chain.begin(r, problem, Fraction(level))
    found = BoxProgram(chain).smallest_loss()
    return trivial_proof(r, problem) if found is None else chain.loss_bound(found)


class BoxProgram:
    """The linear (for squares: second-order cone) program on the box that a chain has reached."""

    def __init__(self, chain: Chain, thorough: bool = False):
        r, self.chain, self.n = chain.r, chain, chain.n
        self.thorough = thorough
        self.squares = r.squares
        self.center, self.half = chain.box.mean(axis=1), np.diff(chain.box, axis=1)[:, 0] / 2
        self.radius = float(chain.level) ** (0.5 if r.squares else 1.0)
        local, basis = chain.local, chain.local.basis
        # The ends minus the origin, not their mean: near it this loses no digit.
        away = (chain.box - local.origin[:, None]).mean(axis=1)
        C = local.table @ binomial_expansion(basis, basis, away, self.half) / self.radius
        self.rows = np.arange(len(C))
        if not r.squares:
            # A residual that stays below the level on the whole box does not matter.
            self.rows = np.flatnonzero(np.abs(C).sum(axis=1) > 1)
        # Kept are 1, z and the products of two; where it matters also those of three that occur.
        self.basis = basis[basis.sum(axis=1) <= (3 if thorough else 2)]
        self.sides, self.keys = _products_of_sides(self.basis.tobytes(), self.n)
        size, self.terms = len(self.basis), C[self.rows]
        self.C, self.beyond = C[self.rows, :size], np.abs(C[self.rows, size:]).sum(axis=1)
        own = [self._lifted(g) for _, g in chain.own_inequalities]
        self.others = np.array(own).reshape(-1, size)

    def smallest_coordinate(self, i: int, sign: int) -> Multipliers | None:
        """A bound of sign * z_i from below where the loss is at most the level."""
        cost = np.zeros(self.C.shape[1] - 1)
        cost[i] = sign
        return self._solve(cost, [])

    def smallest_loss(self) -> Multipliers | None:
        """A bound of the loss from below, in the form that `Chain.loss_bound` takes."""
        found = self._solve(np.zeros(self.C.shape[1] - 1), [1.0])
        if found is None:
            return None
        found = found.times(self.radius)  # of theta, or of |r|
        if not self.squares:
            return found
        # |r| >= -w . r >= value for |w| <= 1, so that |r|^2 >= -2 value w . r - value^2
        value = max(found.value, 0.0)
        return replace(found.times(2 * value), value=value**2)

    def _solve(self, cost: np.ndarray, loss: list) -> Multipliers | None:
        """With the loss as a variable, last, or with its level 1 in these units."""
        m, C, e = len(self.rows), self.C, self.beyond
        level = 0.0 if loss else 1.0
        nonnegative = np.vstack([self.sides, self.others, self._squares()])
        blocks = [(nonnegative, 0.0, 0.0)]  # rows on (1, lifted), times the loss, plus a constant
        if self.squares:
            first = np.zeros((1, C.shape[1]))
            blocks += [(first, 1.0, level + np.linalg.norm(e)), (C, 0.0, 0.0)]
        else:
            blocks = [(C, 1.0, level + e), (-C, 1.0, level + e), *blocks]
        if self.thorough:
            matrix = _matrix_of_products(self.n)
            matrix = np.pad(matrix, ((0, 0), (0, C.shape[1] - matrix.shape[1])))
            blocks += [(matrix, 0.0, 0.0)]
        A = [np.c_[rows[:, 1:], np.full((len(rows), len(loss)), t)] for rows, t, _ in blocks]
        b = np.concatenate([rows[:, 0] + more for rows, _, more in blocks])
        n_norm = m + 1 if self.squares else 0
        size = self.n + 1 if self.thorough else 0
        found = minimize_linear(np.r_[cost, loss], -np.vstack(A), b, n_norm, size)
        if found is None:
            return None
        y, gram = found.multipliers, None
        if self.thorough:
            rows, columns, factor = triangle(size)
            y, top = y[: -len(rows)], y[-len(rows) :]
            gram = np.zeros((size, size))
            gram[rows, columns] = gram[columns, rows] = top / factor
        weights = np.zeros(len(self.chain.r.targets))
        if self.squares:
            weights[self.rows], y = y[-m:], y[: len(nonnegative)]
        else:
            weights[self.rows], y = y[:m] - y[m : 2 * m], y[2 * m :]
        half = self.half
        first_side = len(self.chain.problem.inequalities)
        multipliers = {}
        for key, v in zip(self.keys, y[: len(self.keys)], strict=True):
            size = np.prod([half[i] for i, _ in key])
            if v > 1e-11 and size > 0:
                multipliers[tuple(first_side + 2 * i + side for i, side in key)] = v / size
        for (k, _), v in zip(self.chain.own_inequalities, y[len(self.keys) :], strict=False):
            multipliers[(k,)] = v
        point = found.x[: self.n]
        return Multipliers(found.value, weights / self.radius, multipliers, gram, point)

    def coefficients(self, point: np.ndarray) -> np.ndarray:
        """c for z."""
        return self.center + self.half * np.clip(point, -1, 1)

    def cost_of_width(self) -> np.ndarray:
        """For each coefficient, the size of the terms of degree two and more that it is in."""
        basis = self.chain.local.basis
        weights = np.abs(self.terms).max(axis=0, initial=0.0)
        high = basis.sum(axis=1) >= 2
        return weights[high] @ (basis[high] > 0)

    def _squares(self) -> np.ndarray:
        """z_i^2 >= 0: needs no multiplier, the exact remainder knows it."""
        rows, k = np.zeros((self.n, self.C.shape[1])), 1 + self.n
        for i in range(self.n):
            rows[i, k] = 1.0
            k += self.n - i
        return rows

    def _lifted(self, g: Polynomial) -> np.ndarray:
        """A quadratic inequality in c, on (1, z, z z)."""
        table = binomial_expansion(g.exponents[:, : self.n], self.basis, self.center, self.half)
        return g.coefficients.astype(float) @ table


@lru_cache(maxsize=64)
def _products_of_sides(basis: bytes, n: int):
    """Products of sides 1 +- z_i for each monomial of degree two and more: rows on the basis.

    Also the factors of each, as pairs (i, side) with side 1 for 1 - z_i.
    """
    table = np.frombuffer(basis, dtype=np.int64).reshape(-1, n)
    position = {tuple(alpha): k for k, alpha in enumerate(table.tolist())}
    rows, keys = [], []
    for alpha in table[table.sum(axis=1) >= 2]:
        factors = np.repeat(np.arange(n), alpha).tolist()
        for sides in sorted(
            {
                tuple(sorted(zip(factors, s, strict=True)))
                for s in product((0, 1), repeat=len(factors))
            }
        ):
            row = np.zeros(len(table))
            for chosen in product((False, True), repeat=len(sides)):
                monomial, sign = [0] * n, 1
                for (i, side), taken in zip(sides, chosen, strict=True):
                    monomial[i] += taken
                    sign *= 1 - 2 * side if taken else 1
                row[position[tuple(monomial)]] += sign
            rows.append(row)
            keys.append(sides)
    return np.array(rows), keys


@lru_cache(maxsize=16)
def _matrix_of_products(n: int) -> np.ndarray:
    """The symmetric matrix of 1, z and the products, as rows of a semidefinite cone."""
    position = {}
    for k, (i, j) in enumerate(combinations_with_replacement(range(n), 2)):
        position[i + 1, j + 1] = 1 + n + k
    position |= {(0, i): i for i in range(n + 1)}
    rows, columns, factors = triangle(n + 1)
    table = np.zeros((len(rows), 1 + n + n * (n + 1) // 2))
    for k, (i, j, factor) in enumerate(zip(rows, columns, factors, strict=True)):
        table[k, position[int(i), int(j)]] = factor
    return table
