"""What has been proven about a feasible set so far: where a remainder may be bounded.

A box first of all. Lemmas add to it: bounds of single variables, the size of monomials, and
polynomials that are positive.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf, isqrt

import numpy as np
from flint import fmpq

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from .box import bounding_box, is_bounded, largest_value
from .exact import ExactRing, rational_sum, round_down, round_up, to_fmpq, to_fraction


@dataclass(frozen=True, eq=False)
class Region:
    """A set that provably holds the feasible set.

    Attributes
    ----------
    box : array, shape (n, 2)
        Lower and upper ends, maybe infinite: everything that is known.
    ends : array, shape (n, 2)
        Those of them that are stated: by inequalities a x_i + b >= 0, rounded outward, and by
        lemmas. A proof may use them as inequalities, so they must not depend on how cleverly
        others were derived.
    sizes : dict of tuple to Fraction
        |x^alpha| is at most this.
    positive : tuple
        Polynomials in x, as `ring` reads them, that are > 0.
    ring : ExactRing
    """

    box: np.ndarray
    ends: np.ndarray
    sizes: dict
    positive: tuple
    ring: ExactRing

    @staticmethod
    def of(problem: PolynomialProblem) -> Region:
        """What the constraints themselves tell, with interval propagation."""
        region = Region.stated(problem)
        return replace(region, box=_meet(bounding_box(problem), region.ends))

    @staticmethod
    def stated(problem: PolynomialProblem) -> Region:
        """What inequalities of a single variable, of degree one, tell."""
        n = problem.n_variables
        everything = np.tile([-inf, inf], (n, 1))
        region = Region(everything, everything, {}, (), ExactRing(n))
        for g in problem.inequalities:
            region = region.under(g)
        return region

    @property
    def is_empty(self) -> bool:
        return bool((self.box[:, 0] > self.box[:, 1]).any())

    @property
    def is_bounded(self) -> bool:
        return is_bounded(self.box)

    def side(self, number: int):
        """x_i - low_i for number 2i, high_i - x_i for 2i + 1, on `ring`; ValueError if infinite."""
        i, upper = divmod(number, 2)
        end = float(self.ends[i, upper])
        if abs(end) == inf:
            raise ValueError(f"variable {i} is not bounded on this side")
        x = self.ring.ctx.gens()[i]
        return to_fmpq(end) - x if upper else x - to_fmpq(end)

    def under(self, g: Polynomial) -> Region:
        """The part where g >= 0, for g = a x_i + b; all of it for any other g."""
        linear = _linear_in_one(g)
        if linear is None:
            return self
        return self.within(*linear)

    def within(self, i: int, a: Fraction, b: Fraction) -> Region:
        """The part where a x_i + b >= 0, rounded outward."""
        half_space = np.tile([-inf, inf], (len(self.box), 1))
        half_space[i, int(a < 0)] = round_down(-b / a) if a > 0 else round_up(-b / a)
        return replace(self, box=_meet(self.box, half_space), ends=_meet(self.ends, half_space))

    def after(self, lemma) -> Region:
        """With what a proof says that holds on this region."""
        f, bound = lemma.problem.objective, lemma.bound
        if lemma.assumption:
            return self.under(-lemma.problem.inequalities[-1])
        linear = _linear_in_one(f)
        if linear is not None:
            i, a, b = linear
            return self.within(i, a, b - bound)
        terms = f.exact().terms
        if all(c < 0 and not any(a % 2 for a in alpha) for alpha, c in terms.items()):
            found = {tuple(a // 2 for a in alpha): bound / c for alpha, c in terms.items()}
            sizes = {alpha: _root(square) for alpha, square in found.items()}
            return replace(self, sizes=self.sizes | sizes)
        if bound > 0:
            return replace(self, positive=(*self.positive, self.ring.read(f)))
        return self

    # Polynomials in z, where x = center + scale * z

    def smallest(self, p, center, scale):
        """A lower bound of p on the region, term by term; -inf where there is none."""
        box = [
            (_in_units(low, c, s), _in_units(high, c, s))
            for (low, high), c, s in zip(self.box.tolist(), center, scale, strict=True)
        ]
        unit = [ends == (-1, 1) for ends in box]
        sizes = {} if any(center) or any(s != 1 for s in scale) else self.sizes
        worst = []
        for monomial, c in zip(p.monoms(), p.coeffs(), strict=True):
            alpha = tuple(int(a) for a in monomial)
            if all(u or not a for u, a in zip(unit, alpha, strict=True)):
                # |z_i| <= 1: the usual case in training, and a fast one.
                even = not any(a % 2 for a in alpha)
                worst.append(c if not any(alpha) else (min(c, fmpq(0)) if even else -abs(c)))
                continue
            largest = largest_value(-to_fraction(c), alpha, box)
            if alpha in sizes:
                largest = min(largest, abs(to_fraction(c)) * sizes[alpha])
            if largest == inf:
                return -inf
            worst.append(-to_fmpq(largest))
        return to_fraction(rational_sum(worst))

    def is_positive(self, p, center, scale) -> bool:
        """Whether p(z) > 0 is known: by a lemma, or from its terms."""
        if not any(center) and all(s == 1 for s in scale) and any(p == q for q in self.positive):
            return True
        return self.smallest(p, center, scale) > 0


def is_positive_but_at_zero(p) -> bool:
    """Whether p(z) > 0 for z != 0 is seen from its terms: even powers, one of each variable alone.

    >>> ring = ExactRing(2)
    >>> x, y = ring.ctx.gens()
    >>> is_positive_but_at_zero(x**2 + 3 * y**4), is_positive_but_at_zero(x**2 + x**2 * y**2)
    (True, False)
    """
    terms = [(tuple(map(int, alpha)), c) for alpha, c in p.to_dict().items()]
    if any(c < 0 or any(a % 2 for a in alpha) for alpha, c in terms):
        return False
    alone = {i for alpha, _ in terms for i, a in enumerate(alpha) if a and sum(alpha) == a}
    return len(alone) == p.context().nvars()


def _meet(box: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.column_stack([np.maximum(box[:, 0], other[:, 0]), np.minimum(box[:, 1], other[:, 1])])


def _linear_in_one(p: Polynomial):
    """(i, a, b) for p = a x_i + b with a != 0; None for any other polynomial."""
    terms = {alpha: Fraction(c) for alpha, c in p.terms.items()}
    linear = [alpha for alpha in terms if any(alpha)]
    if len(linear) != 1 or sum(linear[0]) != 1:
        return None
    return linear[0].index(1), terms[linear[0]], terms.get((0,) * p.n_variables, Fraction(0))


def _in_units(end: float, center: Fraction, scale: Fraction):
    return (Fraction(end) - center) / scale if abs(end) < inf else end


def _root(square: Fraction) -> Fraction:
    """A rational whose square is at least this, and hardly more."""
    square = max(Fraction(square), Fraction(0))
    n, d = square.numerator, square.denominator
    return Fraction(isqrt(n << 64) + 1, isqrt(d << 64)) if n else Fraction(0)
