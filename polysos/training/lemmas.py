"""Exact steps about {c : loss(c) <= level}: from multipliers of residuals to lemmas.

A step is an identity  d f - bound d = lambda . r + |lambda| level + products of sides + rest:  a
combination of the residuals, which are at most the level, nonnegative products of the sides of
the box known so far, and a rest that is bounded on that box. Multipliers come from floating-point
programs and are used as they are; whatever they leave over is part of the rest.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor

import numpy as np

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.exact import is_positive_semidefinite, to_fmpq
from ..proofs.identity import Identity
from ..proofs.proof import Proof
from ..proofs.region import Region
from .residuals import Residuals

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
    """

    value: float
    weights: np.ndarray
    products: dict = field(default_factory=dict)
    gram: np.ndarray | None = None
    point: np.ndarray | None = None

    def times(self, factor: float) -> Multipliers:
        scaled = {key: factor * v for key, v in self.products.items()}
        gram = None if self.gram is None else factor * self.gram
        return Multipliers(factor * self.value, factor * self.weights, scaled, gram, self.point)


class Chain:
    """Lemmas about the coefficients whose loss is at most a level, in the order of their proofs.

    Parameters
    ----------
    r : Residuals
    problem : PolynomialProblem
        `r.problem()`, perhaps with more inequalities in c.
    level : Fraction
    origin : array, shape (n,), optional
        Coefficients near which floats are to hold all their digits; 0 by default.
    """

    def __init__(
        self,
        r: Residuals,
        problem: PolynomialProblem,
        level: Fraction,
        origin: np.ndarray | None = None,
    ):
        self.r, self.level = r, level
        self.local = r.around(np.zeros(r.n_coefficients) if origin is None else origin)
        f = problem.objective.exact()
        self.own_inequalities = [
            (k, g)
            for k, g in enumerate(problem.inequalities)
            if not g.exponents[:, r.n_coefficients :].any()
        ]
        self.problem = problem.with_inequality(level - f)
        self.level_key = (len(problem.inequalities),)
        self.region = Region.stated(self.problem)
        self.lemmas: list[Proof] = []
        self.names = f.names
        self.n, self.n_added = r.n_coefficients, len(f.names) - r.n_coefficients

    def under(self, assumption: Polynomial) -> Chain:
        """A chain of its own on the part where an assumption a c_i + b >= 0 holds."""
        part = copy(self)
        part.problem = self.problem.with_inequality(assumption)
        part.region = self.region.under(assumption)
        part.lemmas = []
        return part

    # What is known

    @property
    def box(self) -> np.ndarray:
        """Bounds of the coefficients, (n, 2)."""
        return self.region.box[: self.n]

    def variable(self, i: int, sign: int = 1) -> Polynomial:
        """The polynomial x_i or -x_i; the coefficients come first."""
        alpha = tuple(int(i == k) for k in range(len(self.names)))
        return Polynomial({alpha: Fraction(sign)}, len(self.names), self.names)

    def polynomial(self, exponents: np.ndarray, values: np.ndarray) -> Polynomial:
        """A polynomial in c, with its coefficients shortened."""
        padded = np.pad(exponents, ((0, 0), (0, self.n_added)))
        exact = np.array(short(values), dtype=object)
        return Polynomial.from_arrays(padded, exact, self.names)

    # Steps

    def bound_below(self, f: Polynomial, found: Multipliers, grid: float, on_box=True) -> bool:
        """Add the lemma f >= bound, the best that multipliers give, on a grid; False if none."""
        proof = self._draft(f, found, on_box)
        identity = Identity(proof.problem, proof.center, proof.scale, self.region)
        smallest = identity.smallest(identity.remainder(proof, _fmpq(proof.gram)))
        return self._keep(proof, smallest, grid)

    def bound_ratio(self, f: Polynomial, bound, found: Multipliers, d: Polynomial) -> bool:
        """Add the lemma f >= bound, by d (f - bound) >= 0 with a known d > 0; False if not."""
        proof = self._draft(f, found, on_box=False)
        proof = replace(proof, denominator=d, bound=Fraction(bound))
        identity = Identity(proof.problem, proof.center, proof.scale, self.region)
        rest = identity.remainder(proof, _fmpq(proof.gram))
        rest -= to_fmpq(proof.bound) * identity.denominator(proof)
        if not identity.smallest(rest) >= 0:
            return False
        self.add(proof)
        return True

    def bound_with_gram(self, f: Polynomial, gram: dict, bound: Fraction, equal=None) -> bool:
        """Add the lemma f >= bound with multipliers that are given exactly."""
        proof = self._proof(f, gram, on_box=False, equal=equal)
        identity = Identity(proof.problem, proof.center, proof.scale, self.region)
        rest = identity.remainder(proof, _fmpq(gram)) - to_fmpq(bound)
        if not identity.smallest(rest) >= 0:
            return False
        self.add(replace(proof, bound=bound))
        return True

    def loss_bound(self, found: Multipliers) -> Proof:
        """The proof of a lower bound of the loss, on all lemmas so far."""
        if self.region.is_empty:
            return self.finished()
        total = sum(abs(v) for v in found.weights)
        if not self.r.squares and total > 0:
            found = found.times(1 / total)  # the weights of the residuals add up to 1
        gram, equal = self._loss_multipliers(found.weights)
        self._add_products(gram, found)
        on_box = bool(np.isfinite(self.box).all())
        proof = self._proof(self.problem.objective, gram, on_box, equal)
        identity = Identity(proof.problem, proof.center, proof.scale, self.region)
        smallest = identity.smallest(identity.remainder(proof, _fmpq(gram)))
        if smallest == -np.inf:
            return trivial_proof(self.r, self.problem)
        bound = min(_shortened_down(smallest), self.level)
        return replace(proof, bound=bound, sublevel=self.level, lemmas=tuple(self.lemmas))

    def refutation(self, found: Multipliers) -> Proof | None:
        """Of the assumption of this part: the proof of 0 >= a positive number; None if it fails."""
        zero = Polynomial.constant(Fraction(0), len(self.names), self.names)
        if self.region.is_empty:
            proof, smallest = self._proof(zero, {}, on_box=False), Fraction(1)
        else:
            proof = self._draft(zero, found, on_box=True)
            identity = Identity(proof.problem, proof.center, proof.scale, self.region)
            smallest = identity.smallest(identity.remainder(proof, _fmpq(proof.gram)))
        if not smallest > 0:
            return None
        bound = _shortened_down(smallest)
        return replace(proof, bound=bound, lemmas=tuple(self.lemmas), assumption=True)

    def add(self, lemma: Proof) -> None:
        """Add a lemma that is proven on this region."""
        self.lemmas.append(lemma)
        self.region = self.region.after(lemma)

    def with_lemmas(self, proof: Proof) -> Proof:
        """A proof for this problem without its level, with the lemmas about the level beside it."""
        bound = min(proof.bound, self.level)
        lemmas = tuple(self.lemmas)
        return replace(proof, problem=self.problem, bound=bound, sublevel=self.level, lemmas=lemmas)

    def finished(self) -> Proof:
        """No coefficients are left: the loss is nowhere below the level."""
        proof = self._proof(self.problem.objective, {}, on_box=False)
        return replace(proof, bound=self.level, sublevel=self.level, lemmas=tuple(self.lemmas))

    def _draft(self, f, found: Multipliers, on_box: bool) -> Proof:
        gram, equal = self._level_multipliers(found.weights)
        self._add_products(gram, found)
        return self._proof(f, gram, on_box, equal)

    def _proof(self, f, gram, on_box: bool, equal=None) -> Proof:
        n_all, zero = len(self.names), Polynomial.constant(Fraction(0), len(self.names), self.names)
        center, scale = [Fraction(0)] * n_all, [Fraction(1)] * n_all
        if on_box:
            for i, (low, high) in enumerate(self.box.tolist()):
                center[i] = (Fraction(low) + Fraction(high)) / 2
                scale[i] = (Fraction(high) - Fraction(low)) / 2 or Fraction(1)
        problem = self.problem
        if f is not problem.objective:
            problem = problem.with_objective(f)
        return Proof(
            holds=True,
            bound=None,
            problem=problem,
            center=tuple(center),
            scale=tuple(scale),
            gram=gram,
            equality_multipliers=equal or tuple(zero for _ in problem.equalities),
        )

    def _keep(self, proof: Proof, smallest, grid: float) -> bool:
        if abs(smallest) == np.inf:
            return False
        if grid > 0:
            unit = Fraction(grid)
            smallest = floor(smallest / unit) * unit
        self.add(replace(proof, bound=Fraction(smallest)))
        return True

    # Multipliers

    def _constant(self, value) -> BasisMatrix:
        return BasisMatrix.constant(Fraction(value), self.names)

    def _level_multipliers(self, weights: np.ndarray):
        """Multipliers that add up to lambda . r + a constant, which is >= 0 up to the level."""
        exact = short(weights)
        if not self.r.squares:
            gram = self._signed(exact)
            gram[self.level_key] = self._constant(sum(abs(v) for v in exact))
            return gram, None
        square = sum(v * v for v in exact)
        if not square:
            return {}, None
        # kappa (u - |rho|^2) + kappa |rho + lambda / (2 kappa)|^2, best if |lambda|^2 = 4 kappa^2 u
        kappa = short([float(square / self.level / 4) ** 0.5])[0]
        gram = {
            self.level_key: self._constant(kappa),
            (): self._arrow([kappa] * len(exact), [v / 2 for v in exact], square / (4 * kappa)),
        }
        return gram, self._equal([-v for v in exact])

    def _loss_multipliers(self, weights: np.ndarray):
        """Multipliers with loss = lambda . r + a constant + what they add up to."""
        exact = short(weights)
        if not self.r.squares:
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

    def _add_products(self, gram: dict, found: Multipliers) -> None:
        """Multipliers of products, and the Gram matrix on (1, z) beside one that may be there."""
        gram |= {key: self._constant(v) for key, v in _cleaned(found.products).items()}
        Q = None if found.gram is None else _definite(found.gram)
        if Q is None:
            return
        basis = np.zeros((self.n + 1, len(self.names)), dtype=np.int64)
        basis[np.arange(1, self.n + 1), np.arange(self.n)] = 1
        if () in gram:
            other = gram[()]
            m = len(other.values)
            both = np.full((m + len(Q), m + len(Q)), Fraction(0), dtype=object)
            both[:m, :m], both[m:, m:] = other.values, Q
            Q, basis = both, np.vstack([other.basis, basis])
        gram[()] = BasisMatrix(Q, basis, self.names)

    def _signed(self, exact) -> dict:
        return {(2 * j + (v < 0),): self._constant(abs(v)) for j, v in enumerate(exact) if v}

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


def _fmpq(gram: dict) -> dict:
    return {
        key: [[to_fmpq(v) for v in row] for row in Q.values.tolist()] for key, Q in gram.items()
    }


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


def _shortened_down(value: Fraction) -> Fraction:
    """A rational that is hardly smaller and has about 60 bits."""
    if not value:
        return value
    shift = 60 - (abs(value.numerator).bit_length() - value.denominator.bit_length())
    unit = Fraction(2) ** -shift
    return floor(value / unit) * unit


def grid_for(size: float) -> float:
    """A power of two, far smaller than a size: bounds on this grid are short numbers."""
    return float(2.0 ** (np.floor(np.log2(size)) - 12)) if 0 < size < np.inf else 0.0


def trivial_proof(r: Residuals, problem: PolynomialProblem) -> Proof:
    """loss >= 0: theta is the mean of theta + r_1 and theta - r_1, a sum of squares is one."""
    f, n, m = problem.objective, problem.n_variables, len(r.targets)
    zero = Polynomial.constant(Fraction(0), n, f.names)
    if r.squares:
        basis = np.eye(n, dtype=np.int64)[n - m :]
        values = np.array([[Fraction(int(i == j)) for j in range(m)] for i in range(m)], object)
        gram = {(): BasisMatrix(values, basis, f.names)}
    else:
        half = BasisMatrix.constant(Fraction(1, 2), f.names)
        gram = {(0,): half, (1,): half}
    return Proof(
        holds=True,
        bound=Fraction(0),
        problem=problem,
        center=(Fraction(0),) * n,
        scale=(Fraction(1),) * n,
        gram=gram,
        equality_multipliers=tuple(zero for _ in problem.equalities),
    )
