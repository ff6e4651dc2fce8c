"""The box that provably holds the feasible set of a problem.

It is derived from the constraints by interval propagation in exact arithmetic and rounded outward,
so that a proof may use it.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import inf, isfinite, nextafter

import numpy as np
from flint import fmpq, fmpq_poly

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from .exact import round_down, round_up, to_fmpq, to_fraction

_HIGH = 40  # degree: above, roots of a polynomial and of all its derivatives would take long
_MOST_WORK = 5e6  # operations with short numbers: some seconds
_TRIES = 40  # of a point beyond the last root: from the guess on, in growing steps
_ROOTS = 100  # operations for the roots of a polynomial in floats, at least
_WORD = 1000  # bits of a number that is short; operations with longer ones cost their square


def bounding_box(problem: PolynomialProblem, rounds: int = 20) -> np.ndarray:
    """A box that holds the feasible set: array (n, 2) of lower and upper ends, maybe infinite.

    Each constraint g = a(x_i) + rest >= 0 bounds x_i as soon as the rest is bounded above over
    the box so far. Everything is exact rational arithmetic rounded outward to floats, so the box
    is a theorem, not an estimate. An empty box (lower > upper) proves that no point is feasible;
    a constraint that is negative on the whole box gives one, too. What would take longer than some
    seconds is left out, by a count of operations and not by the clock: the box is then larger, and
    the same everywhere.

    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> bounding_box(PolynomialProblem(x, [x, y, 1 - x - y]))
    array([[0., 1.],
           [0., 1.]])
    """
    one_sided = [*problem.inequalities, *problem.equalities, *(-h for h in problem.equalities)]
    constraints = [_Constraint(g) for g in one_sided]
    box = [(-inf, inf)] * problem.n_variables
    work = _Work()
    for _ in range(rounds):
        before = list(box)
        for constraint in constraints:
            if not constraint.narrow(box, work):
                return np.array([(inf, -inf)] * problem.n_variables)
            if any(low > high for low, high in box):
                return np.array(box, dtype=float)
        if not any(_much_smaller(new, old) for new, old in zip(box, before, strict=True)):
            break
    return np.array(box, dtype=float) + 0.0


def is_bounded(box: np.ndarray) -> bool:
    """Whether both ends of all sides are known."""
    return bool(np.isfinite(box).all())


class _Work:
    """Operations that are left, roughly, weighed by the length of their numbers."""

    def __init__(self):
        self.left = _MOST_WORK

    def allows(self, operations: float) -> bool:
        """Whether so many are left; if so, they are counted."""
        if operations > self.left:
            return False
        self.left -= operations
        return True


class _Constraint:
    """A polynomial that is to be >= 0, and which of its terms hang on which variable."""

    def __init__(self, g: Polynomial):
        self.terms: list[tuple[Fraction, list]] = [
            (Fraction(c), []) for c in g.coefficients.tolist()
        ]
        rows, variables = np.nonzero(g.exponents)
        powers = g.exponents[rows, variables]
        for k, i, a in zip(rows.tolist(), variables.tolist(), powers.tolist(), strict=True):
            self.terms[k][1].append((i, a))
        # The terms with a variable, and those with no other.
        self.touched: dict[int, list[int]] = {}
        self.pure: dict[int, dict[int, int]] = {}
        for k, (_, used) in enumerate(self.terms):
            for i, _ in used:
                self.touched.setdefault(i, []).append(k)
            if len(used) == 1:
                ((i, a),) = used
                self.pure.setdefault(i, {})[a] = k
        self.bits = [_bits(c) for c, _ in self.terms]
        self.reading = 2 * len(self.terms) * (1 + sum(self.bits) / _WORD) + sum(
            len(used) * (1 + ((own + 53 * max((a for _, a in used), default=0)) / _WORD) ** 2)
            for (_, used), own in zip(self.terms, self.bits, strict=True)
        )

    def narrow(self, box: list, work: _Work) -> bool:
        """Narrow the box as far as this constraint tells; False if it is negative on all of it."""
        if not work.allows(self.reading):
            return True
        largest = [self._largest(k, box) for k in range(len(self.terms))]
        unbounded = {k for k, v in enumerate(largest) if v == inf}
        total = sum((v for v in largest if v != inf), fmpq(0))
        if not unbounded and total < 0:
            return False
        for i, powers in self.pure.items():
            own = set(powers.values())
            if not unbounded <= own:
                continue
            rest = total - sum((largest[k] for k in own - unbounded), fmpq(0))
            narrower = self._tightened(i, rest, box[i], work)
            if narrower == box[i]:
                continue
            box[i] = narrower
            if narrower[0] > narrower[1]:
                return True
            for k in self.touched[i]:
                if k not in unbounded:
                    total -= largest[k]
                largest[k] = self._largest(k, box)
                unbounded.discard(k)
                if largest[k] == inf:
                    unbounded.add(k)
                else:
                    total += largest[k]
        return True

    def _largest(self, k: int, box: list):
        c, used = self.terms[k]
        factors = [(a, box[i]) for i, a in used]
        if all(-inf < low and high < inf for _, (low, high) in factors):
            return _largest_finite(to_fmpq(c), factors)
        largest = _largest_product(c, factors)
        return inf if largest == inf else to_fmpq(largest)

    def _tightened(self, i: int, rest: fmpq, ends: tuple, work: _Work) -> tuple[float, float]:
        """The interval of x_i where its own terms plus the rest are >= 0."""
        powers = self.pure[i]
        if max(powers) == 1:
            c = self.terms[powers[1]][0]
            t = to_fraction(-rest / to_fmpq(c))
            if c > 0:
                return max(ends[0], round_down(t)), ends[1]
            return ends[0], min(ends[1], round_up(t))
        coefficients = [rest] + [fmpq(0)] * max(powers)
        for a, k in powers.items():
            coefficients[a] = to_fmpq(self.terms[k][0])
        mirrored = [c * (-1) ** a for a, c in enumerate(coefficients)]
        own = sum(self.bits[k] for k in powers.values())
        low, high = (_last_point(p, own, work) for p in (mirrored, coefficients))
        return max(ends[0], -low), min(ends[1], high)


def _bits(c: Fraction) -> int:
    return c.numerator.bit_length() + c.denominator.bit_length()


def _much_smaller(new, old) -> bool:
    return new != old and not (new[1] - new[0] > 0.95 * (old[1] - old[0]))


def largest_value(c: Fraction, alpha, box):
    """Upper end of c x^alpha over the box, exactly; inf where there is none."""
    return _largest_product(c, [(a, ends) for a, ends in zip(alpha, box, strict=True) if a])


def _largest_product(c: Fraction, used: list):
    """Upper end of c times powers, given as pairs of the power and the ends of its variable."""
    if any(a % 2 and ends == (-inf, inf) for a, ends in used):
        return 0 if c == 0 or any(ends == (0, 0) for _, ends in used) else inf
    low, high = Fraction(1), Fraction(1)
    for a, (x_low, x_high) in used:
        ends = [_power(x_low, a), _power(x_high, a)]
        if a % 2 == 0:
            ends = [0 if x_low <= 0 <= x_high else min(ends), max(ends)]
        products = [_times(p, q) for p in (low, high) for q in ends]
        low, high = min(products), max(products)
    return _times(c, high if c > 0 else low)


def _largest_finite(c: fmpq, used: list) -> fmpq:
    """The same where all ends are floats: the usual case, and a fast one."""
    low = high = fmpq(1)
    for a, (x_low, x_high) in used:
        p, q = _exact(x_low) ** a, _exact(x_high) ** a
        p, q = min(p, q), max(p, q)
        if a % 2 == 0 and x_low <= 0 <= x_high:
            p = fmpq(0)
        products = (low * p, low * q, high * p, high * q)
        low, high = min(products), max(products)
    return c * (high if c > 0 else low)


@lru_cache(maxsize=4096)
def _exact(x: float) -> fmpq:
    return to_fmpq(x)


def _power(x: float, a: int):
    """x^a, exactly; of an infinity by its sign alone, for floats know no large odd numbers."""
    if abs(x) < inf:
        return Fraction(x) ** a
    return -inf if x < 0 and a % 2 else inf


def _times(a, b):
    """a * b for numbers and infinities, with 0 * inf = 0."""
    if a == 0 or b == 0:
        return Fraction(0)
    if abs(a) == inf or abs(b) == inf:  # a rational may be too large for a float
        return inf if (a > 0) == (b > 0) else -inf
    return a * b


def _last_point(coefficients: list[fmpq], bits: int, work: _Work) -> float:
    """A T with p(t) < 0 for all t > T, p given by rising coefficients; inf where there is none.

    It suffices that all Taylor coefficients of p at T are <= 0. A first guess comes from floats;
    the check, and the outward rounding, are exact.
    """
    d = len(coefficients) - 1
    if coefficients[-1] >= 0:
        return inf
    guess = _guess(coefficients) if work.allows(_ROOTS + d**2) else None
    if guess is None:
        return inf
    p = fmpq_poly(coefficients)
    step = max(abs(guess), 2.0**-20) * 2.0**-40
    for attempt in range(_TRIES):
        if not work.allows(2 * d * (1 + (bits + 53 * d) / _WORD)):
            return inf
        if guess == inf:
            return inf
        shifted = p(fmpq_poly([to_fmpq(guess), 1])).numer()  # over a common denominator
        if all(c <= 0 for c in shifted.coeffs()):
            return guess
        guess = nextafter(guess, inf) if attempt == 0 else guess + step * 16.0**attempt
    return inf


def _guess(coefficients: list[fmpq]) -> float | None:
    """The largest real root of p and of its derivatives, about; None where floats cannot tell."""
    try:
        with np.errstate(all="ignore"):
            p = np.polynomial.Polynomial([int(c.p) / int(c.q) for c in coefficients])
            guess = _bound_of_roots(p.coef) if p.degree() > _HIGH else _largest_root(p)
        return guess if isfinite(guess) else None
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return None  # numbers that floats cannot hold, or whose ratios they cannot


def _largest_root(p: np.polynomial.Polynomial) -> float:
    """Of p and its derivatives; a simple number where one is near."""
    real = []
    while p.degree() >= 1:
        roots = np.atleast_1d(p.roots())
        real += [r.real for r in roots if abs(r.imag) <= 1e-6 * (1 + abs(r))]
        p = p.deriv()
    return float(Fraction(float(max(real, default=0.0))).limit_denominator(10**6))


def _bound_of_roots(coefficients: np.ndarray) -> float:
    """2 max (c_i / |c_d|)^(1 / (d - i)) over the c_i > 0: crude, where roots would take long."""
    d = len(coefficients) - 1
    steps = d - np.arange(d)
    ratios = np.maximum(coefficients[:-1], 0.0) / -coefficients[-1]
    return float(2 * np.max(ratios ** (1 / steps), initial=0.0))
