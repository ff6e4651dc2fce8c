"""Multipliers of residuals, as floating-point programs claim them, and as rationals in proofs.

Where the loss is at most a level, lambda . r + a constant is nonnegative: for the largest residual
|lambda|_1 level, for squares |lambda|_2 times the root of the level. In a proof both are stated by
multipliers of the inequalities and equalities of (3.2), or of |rho|^2 with rho_j = r_j.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

import numpy as np

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..proofs.exact import is_positive_semidefinite, to_fmpq
from .residuals import constraints_of

_BITS = 40  # of a multiplier: more would only make the file longer


@dataclass(frozen=True, eq=False)
class Multipliers:
    """What a floating-point program claims; nothing is proven yet.

    Attributes
    ----------
    value : float
        A bound.
    weights : array, shape (m,)
        lambda, one for each residual.
    products : dict of tuple to float
        Multipliers of products of inequalities, keyed as in `Proof.gram`.
    gram : array, shape (n + 1, n + 1), or None
        Gram matrix of a square on (1, z), z the coefficients in units of the box.
    point : array, shape (n,), or None
        Where the bound is attained in the relaxation, in units of the box.
    exact : (dict, tuple or None), or None
        Multipliers of inequalities and equalities, as `Proof` has them, which take the place of
        weights, products and gram.
    """

    value: float
    weights: np.ndarray
    products: dict = field(default_factory=dict)
    gram: np.ndarray | None = None
    point: np.ndarray | None = None
    exact: tuple[dict, tuple | None] | None = None

    def times(self, factor: float) -> Multipliers:
        scaled = {key: factor * v for key, v in self.products.items()}
        gram = None if self.gram is None else factor * self.gram
        return Multipliers(factor * self.value, factor * self.weights, scaled, gram, self.point)


@dataclass(frozen=True)
class ExactMultipliers:
    """Multipliers of a problem as `Residuals.problem` states it, with a level for the loss.

    Attributes
    ----------
    squares : bool
    names : tuple of str
        Of all variables: the coefficients, then theta or the rho_j.
    n : int
        How many coefficients there are.
    level : Fraction
    level_key : tuple of int
        Of the inequality level - loss >= 0, as in `Proof.gram`.
    """

    squares: bool
    names: tuple[str, ...]
    n: int
    level: Fraction
    level_key: tuple[int, ...]

    def of_level(self, weights: np.ndarray):
        """Multipliers that add up to lambda . r + a constant, which is >= 0 up to the level."""
        exact = short(weights)
        if not self.squares:
            gram = self._signed(exact)
            gram[self.level_key] = self.constant(sum(abs(v) for v in exact))
            return gram, None
        square = sum(v * v for v in exact)
        if not square:
            return {}, None
        # kappa (u - |rho|^2) + kappa |rho + lambda / (2 kappa)|^2, best if |lambda|^2 = 4 kappa^2 u
        kappa = short([float(square / self.level / 4) ** 0.5])[0]
        gram = {
            self.level_key: self.constant(kappa),
            (): self._arrow([kappa] * len(exact), [v / 2 for v in exact], square / (4 * kappa)),
        }
        return gram, self._equal([-v for v in exact])

    def of_loss(self, weights: np.ndarray):
        """Multipliers with loss = lambda . r + a constant + what they add up to."""
        exact = short(weights)
        if not self.squares:
            k = int(np.argmax(np.abs(weights)))
            others = sum(abs(v) for j, v in enumerate(exact) if j != k)
            if others > 1:  # rounding; the weights of the residuals add up to 1
                exact = [v / others if j != k else Fraction(0) for j, v in enumerate(exact)]
            else:
                exact[k] = (1 - others) * (1 if weights[k] > 0 else -1)
            return self._signed(exact), None
        mu = [-v / 2 for v in exact]
        gram = {(): self._arrow([Fraction(1)] * len(mu), [-v for v in mu], sum(v * v for v in mu))}
        return gram, self._equal([2 * v for v in mu])

    def with_products(self, gram: dict, found: Multipliers) -> dict:
        """Multipliers of products, and the Gram matrix on (1, z) beside one that may be there."""
        gram = gram | {key: self.constant(v) for key, v in _cleaned(found.products).items()}
        Q = None if found.gram is None else _definite(found.gram)
        if Q is None:
            return gram
        basis = np.zeros((self.n + 1, len(self.names)), dtype=np.int64)
        basis[np.arange(1, self.n + 1), np.arange(self.n)] = 1
        if () in gram:
            other = gram[()]
            m = len(other.values)
            both = np.full((m + len(Q), m + len(Q)), Fraction(0), dtype=object)
            both[:m, :m], both[m:, m:] = other.values, Q
            Q, basis = both, np.vstack([other.basis, basis])
        gram[()] = BasisMatrix(Q, basis, self.names)
        return gram

    def constant(self, value) -> BasisMatrix:
        return BasisMatrix.constant(Fraction(value), self.names)

    def _signed(self, exact) -> dict:
        return {constraints_of(j)[v < 0]: self.constant(abs(v)) for j, v in enumerate(exact) if v}

    def _equal(self, values) -> tuple:
        return tuple(Polynomial.constant(v, len(self.names), self.names).exact() for v in values)

    def _arrow(self, diagonal, side, corner) -> BasisMatrix:
        """sum_j diagonal_j rho_j^2 + 2 side_j rho_j + corner, as a Gram matrix."""
        m = len(diagonal)
        values = np.full((m + 1, m + 1), Fraction(0), dtype=object)
        values[np.arange(m), np.arange(m)] = diagonal
        values[m, :m] = values[:m, m] = side
        values[m, m] = corner
        basis = np.zeros((m + 1, len(self.names)), dtype=np.int64)
        basis[np.arange(m), self.n + np.arange(m)] = 1
        return BasisMatrix(values, basis, self.names)


def short(values) -> list[Fraction]:
    """The numbers with 40 bits; those that are nothing beside the largest become zero.

    Numbers that are exact already stay as they are.
    """
    if any(isinstance(v, Fraction) for v in values):
        return list(values)
    values = np.asarray(values, dtype=float)
    values = np.where(np.abs(values) > 1e-13 * np.abs(values).max(initial=0.0), values, 0.0)
    mantissas, powers = np.frexp(values)
    rounded = np.ldexp(np.rint(np.ldexp(mantissas, _BITS)), powers - _BITS)
    return [Fraction(v) for v in rounded.tolist()]


def _definite(Q: np.ndarray) -> np.ndarray | None:
    """A rational positive semidefinite matrix near Q; None if there is nothing to keep."""
    size = np.abs(Q).max(initial=0.0)
    if not 0 < size < np.inf:
        return None
    for shift in (0.0, 1e-12, 1e-10, 1e-8):
        values = np.array(short((Q + shift * size * np.eye(len(Q))).ravel()), dtype=object)
        exact = np.tril(values.reshape(Q.shape)) + np.tril(values.reshape(Q.shape), -1).T
        if is_positive_semidefinite([[to_fmpq(v) for v in row] for row in exact.tolist()]):
            return exact
    return None


def _cleaned(multipliers: dict) -> dict:
    """Positive multipliers, short; what is tiny or negative is left out."""
    values = dict(zip(multipliers, short([max(v, 0.0) for v in multipliers.values()]), strict=True))
    return {key: v for key, v in values.items() if v > 0}


def shortened_down(value: Fraction) -> Fraction:
    """A rational that is hardly smaller and has about 60 bits."""
    if not value:
        return value
    shift = 60 - (abs(value.numerator).bit_length() - value.denominator.bit_length())
    unit = Fraction(2) ** -shift
    return floor(value / unit) * unit


def grid_for(size: float) -> float:
    """A power of two, far smaller than a size: bounds on this grid are short numbers."""
    return float(2.0 ** (np.floor(np.log2(size)) - 12)) if 0 < size < np.inf else 0.0
