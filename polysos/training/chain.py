"""Exact steps about {c : loss(c) <= level}: from multipliers of residuals to lemmas.

A step is an identity  d f - bound d = lambda . r + |lambda| level + products of sides + rest:  a
combination of the residuals, which are at most the level, nonnegative products of the sides of
the box known so far, and a rest that is bounded on that box. Multipliers come from floating-point
programs and are used as they are; whatever they leave over is part of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import floor

import numpy as np

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.box import is_bounded
from ..proofs.exact import to_fmpq
from ..proofs.identity import Identity
from ..proofs.proof import Proof
from ..proofs.region import Region
from .multipliers import ExactMultipliers, Multipliers, short, shortened_down
from .residuals import Expansion, Residuals, constraints_of


@dataclass(frozen=True, eq=False)
class Chain:
    """Lemmas about the coefficients whose loss is at most a level, in the order of their proofs.

    A step gives a longer chain, or the same where it shows nothing new.

    Attributes
    ----------
    r : Residuals
    level : Fraction
    problem : PolynomialProblem
        `r.problem()`, perhaps with more inequalities in c, and level - loss >= 0 after them.
    region : Region
        What is left of it by the lemmas.
    local : Expansion
        The residuals near coefficients where floats are to hold all their digits.
    exact : ExactMultipliers
    lemmas : tuple of Proof
    """

    r: Residuals
    level: Fraction
    problem: PolynomialProblem
    region: Region
    local: Expansion
    exact: ExactMultipliers
    lemmas: tuple[Proof, ...] = ()

    @classmethod
    def begin(
        cls,
        r: Residuals,
        problem: PolynomialProblem,
        level: Fraction,
        origin: np.ndarray | None = None,
    ) -> Chain:
        """No lemma yet; floats are exact near `origin`, 0 by default."""
        f, stated = problem.objective.exact(), len(problem.inequalities)
        problem = problem.with_inequality(level - f)
        return cls(
            r=r,
            level=level,
            problem=problem,
            region=Region.stated(problem),
            local=r.around(np.zeros(r.n_coefficients) if origin is None else origin),
            exact=ExactMultipliers(r.squares, f.names, r.n_coefficients, level, (stated,)),
        )

    def under(self, assumption: Polynomial) -> Chain:
        """A chain of its own on the part where an assumption a c_i + b >= 0 holds."""
        problem, region = self.problem.with_inequality(assumption), self.region.under(assumption)
        return replace(self, problem=problem, region=region, lemmas=())

    # What is known

    @property
    def n(self) -> int:
        """How many coefficients there are; they are the first variables."""
        return self.r.n_coefficients

    @property
    def names(self) -> tuple[str, ...]:
        return self.exact.names

    @property
    def is_bounded(self) -> bool:
        return is_bounded(self.box)

    @cached_property
    def own_inequalities(self) -> list[tuple[int, Polynomial]]:
        """Those in c alone that the problem came with, and their places."""
        return [
            (k, g)
            for k, g in enumerate(self.problem.inequalities[: self.exact.level_key[0]])
            if not g.exponents[:, self.n :].any()
        ]

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
        padded = np.pad(exponents, ((0, 0), (0, len(self.names) - self.n)))
        exact = np.array(short(values), dtype=object)
        return Polynomial.from_arrays(padded, exact, self.names)

    def smallest(self, p: Polynomial):
        """A lower bound of a polynomial on the box, term by term; -inf where there is none."""
        region, n = self.region, len(self.names)
        return region.smallest(region.ring.read(p), [0] * n, [1] * n)

    # Steps

    def bound_below(self, f: Polynomial, found: Multipliers, grid: float, on_box=True) -> Chain:
        """With the lemma f >= bound, the best that multipliers give, on a grid."""
        proof = self._draft(f, found, on_box)
        identity = self._identity(proof)
        smallest = identity.smallest(identity.remainder(proof, _fmpq(proof.gram)))
        if abs(smallest) == np.inf:
            return self
        if grid > 0:
            unit = Fraction(grid)
            smallest = floor(smallest / unit) * unit
        return self.with_lemma(replace(proof, bound=Fraction(smallest)))

    def bound_ratio(self, f: Polynomial, bound, found: Multipliers, d: Polynomial) -> Chain:
        """With the lemma f >= bound, by d (f - bound) >= 0 with a known d > 0."""
        proof = self._draft(f, found, on_box=False)
        proof = replace(proof, denominator=d, bound=Fraction(bound))
        identity = self._identity(proof)
        rest = identity.remainder(proof, _fmpq(proof.gram))
        rest -= to_fmpq(proof.bound) * identity.denominator(proof)
        if not identity.smallest(rest) >= 0:
            return self
        return self.with_lemma(proof)

    def bound_with_gram(self, f: Polynomial, gram: dict, bound: Fraction, equal=None) -> Chain:
        """With the lemma f >= bound, by multipliers that are given exactly."""
        proof = self._proof(f, gram, on_box=False, equal=equal)
        identity = self._identity(proof)
        rest = identity.remainder(proof, _fmpq(gram)) - to_fmpq(bound)
        if not identity.smallest(rest) >= 0:
            return self
        return self.with_lemma(replace(proof, bound=bound))

    def loss_bound(self, found: Multipliers) -> Proof:
        """The proof of a lower bound of the loss, on all lemmas so far."""
        if self.region.is_empty:
            return self.finished()
        total = sum(abs(v) for v in found.weights)
        if not self.r.squares and total > 0:
            found = found.times(1 / total)  # the weights of the residuals add up to 1
        gram, equal = self.exact.of_loss(found.weights)
        gram = self.exact.with_products(gram, found)
        proof = self._proof(self.problem.objective, gram, self.is_bounded, equal)
        identity = self._identity(proof)
        smallest = identity.smallest(identity.remainder(proof, _fmpq(gram)))
        if smallest == -np.inf:
            return trivial_proof(self.r, self.problem)
        bound = min(shortened_down(smallest), self.level)
        return replace(proof, bound=bound, sublevel=self.level, lemmas=self.lemmas)

    def loss_given(self, gram: dict, equal, bound: Fraction, denominator=None) -> Proof:
        """The proof of a lower bound of the loss, by multipliers that are given exactly."""
        proof = self._proof(self.problem.objective, gram, on_box=False, equal=equal)
        bound = min(bound, self.level)
        return replace(
            proof,
            denominator=denominator,
            bound=bound,
            sublevel=self.level,
            lemmas=self.lemmas,
        )

    def refutation(self, found: Multipliers) -> Proof | None:
        """Of the assumption of this part: the proof of 0 >= a positive number; None if it fails."""
        zero = Polynomial.constant(Fraction(0), len(self.names), self.names)
        if self.region.is_empty:
            proof, smallest = self._proof(zero, {}, on_box=False), Fraction(1)
        else:
            proof = self._draft(zero, found, on_box=True)
            identity = self._identity(proof)
            smallest = identity.smallest(identity.remainder(proof, _fmpq(proof.gram)))
        if not smallest > 0:
            return None
        bound = shortened_down(smallest)
        return replace(proof, bound=bound, lemmas=self.lemmas, assumption=True)

    def with_lemma(self, lemma: Proof) -> Chain:
        """A lemma more, which is proven on this region."""
        return replace(self, lemmas=(*self.lemmas, lemma), region=self.region.after(lemma))

    def give_lemmas(self, proof: Proof) -> Proof:
        """A proof for this problem without its level, with the lemmas about the level beside it."""
        bound = min(proof.bound, self.level)
        return replace(
            proof, problem=self.problem, bound=bound, sublevel=self.level, lemmas=self.lemmas
        )

    def finished(self) -> Proof:
        """No coefficients are left: the loss is nowhere below the level."""
        proof = self._proof(self.problem.objective, {}, on_box=False)
        return replace(proof, bound=self.level, sublevel=self.level, lemmas=self.lemmas)

    def _identity(self, proof: Proof) -> Identity:
        return Identity(proof.problem, proof.center, proof.scale, self.region)

    def _draft(self, f, found: Multipliers, on_box: bool) -> Proof:
        if found.exact is not None:
            gram, equal = found.exact
            return self._proof(f, gram, on_box, equal)
        gram, equal = self.exact.of_level(found.weights)
        return self._proof(f, self.exact.with_products(gram, found), on_box, equal)

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


def _fmpq(gram: dict) -> dict:
    return {
        key: [[to_fmpq(v) for v in row] for row in Q.values.tolist()] for key, Q in gram.items()
    }


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
        gram = {side: half for side in constraints_of(0)}
    return Proof(
        holds=True,
        bound=Fraction(0),
        problem=problem,
        center=(Fraction(0),) * n,
        scale=(Fraction(1),) * n,
        gram=gram,
        equality_multipliers=tuple(zero for _ in problem.equalities),
    )
