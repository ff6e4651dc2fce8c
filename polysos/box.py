"""The box that provably holds the feasible set of a problem.

It is derived from the constraints by interval propagation in exact arithmetic and rounded outward,
so that a proof may use it.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, isfinite, nextafter

import numpy as np

from .problem import PolynomialProblem

_HIGH = 40  # degree: above, roots of a polynomial and of all its derivatives would take long


def bounding_box(problem: PolynomialProblem, rounds: int = 20) -> np.ndarray:
    """A box that holds the feasible set: array (n, 2) of lower and upper ends, maybe infinite.

    Each constraint g = a(x_i) + rest >= 0 bounds x_i as soon as the rest is bounded above over
    the box so far. Everything is exact rational arithmetic rounded outward to floats, so the box
    is a theorem, not an estimate. An empty box (lower > upper) proves that no point is feasible;
    a constraint that is negative on the whole box gives one, too.

    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> bounding_box(PolynomialProblem(x, [x, y, 1 - x - y]))
    array([[0., 1.],
           [0., 1.]])
    """
    one_sided = [*problem.inequalities, *problem.equalities, *(-h for h in problem.equalities)]
    constraints = [
        list(zip(map(tuple, g.exponents.tolist()), g.coefficients.tolist(), strict=True))
        for g in one_sided
    ]
    box = [(-inf, inf)] * problem.n_variables
    for _ in range(rounds):
        before = list(box)
        for constraint in constraints:
            variables = _bounded_by(constraint, box)
            if variables is None:
                continue
            terms = {alpha: Fraction(c) for alpha, c in constraint}
            if _is_violated(terms, box):
                return np.array([(inf, -inf)] * problem.n_variables)
            for i in variables:
                box[i] = _tighten(terms, i, box)
                if box[i][0] > box[i][1]:
                    return np.array(box, dtype=float)
        if not any(_much_smaller(new, old) for new, old in zip(box, before, strict=True)):
            break
    return np.array(box, dtype=float) + 0.0


def _much_smaller(new, old) -> bool:
    return new != old and not (new[1] - new[0] > 0.95 * (old[1] - old[0]))


def _bounded_by(constraint: list, box: list):
    """Which variables a constraint can bound at all; None if it says nothing.

    Quick, for there are many constraints: all but one variable's own terms must be bounded above.
    """
    own = None
    for alpha, c in constraint:
        if largest_value(Fraction(c), alpha, box) < inf:
            continue
        used = [i for i, a in enumerate(alpha) if a]
        if len(used) > 1 or own not in (None, used[0]):
            return None
        own = used[0]
    return range(len(box)) if own is None else [own]


def _is_violated(terms: dict, box: list) -> bool:
    """Whether sum(terms) < 0 on the whole box."""
    total = Fraction(0)
    for alpha, c in terms.items():
        largest = largest_value(c, alpha, box)
        if largest == inf:
            return False
        total += largest
    return total < 0


def _tighten(terms: dict, i: int, box: list) -> tuple[float, float]:
    """The interval of x_i after the constraint sum(terms) >= 0."""
    lower, upper = box[i]
    pure = {alpha[i]: c for alpha, c in terms.items() if 0 < alpha[i] == sum(alpha)}
    if not pure:
        return lower, upper
    rest = Fraction(0)
    for alpha, c in terms.items():
        if not 0 < alpha[i] == sum(alpha):
            largest = largest_value(c, alpha, box)
            if largest == inf:
                return lower, upper
            rest += largest
    coefficients = [rest] + [pure.get(a, Fraction(0)) for a in range(1, max(pure) + 1)]
    mirrored = [c * (-1) ** a for a, c in enumerate(coefficients)]
    return max(lower, -_last_point(mirrored)), min(upper, _last_point(coefficients))


def largest_value(c: Fraction, alpha, box):
    """Upper end of c x^alpha over the box, exactly; inf where there is none."""
    used = [(a, ends) for a, ends in zip(alpha, box, strict=True) if a]
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


def _last_point(coefficients: list[Fraction]) -> float:
    """A T with p(t) < 0 for all t > T, p given by rising coefficients; inf where there is none.

    It suffices that all Taylor coefficients of p at T are <= 0. A first guess comes from floats;
    the check, and the outward rounding, are exact.
    """
    if coefficients[-1] >= 0:
        return inf
    guess = _guess(coefficients)
    if guess is None:
        return inf
    step = max(abs(guess), 2.0**-20) * 2.0**-40
    for attempt in range(120):
        if guess == inf or all(c <= 0 for c in _taylor(coefficients, Fraction(guess))):
            return guess
        guess = nextafter(guess, inf) if attempt == 0 else guess + step * 2.0**attempt
    return inf


def _guess(coefficients: list[Fraction]) -> float | None:
    """The largest real root of p and of its derivatives, about; None where floats cannot tell."""
    try:
        with np.errstate(all="ignore"):
            p = np.polynomial.Polynomial([float(c) for c in coefficients])
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


def _taylor(coefficients: list[Fraction], t: Fraction) -> list[Fraction]:
    """Coefficients of p(t + s) in s, by repeated synthetic division."""
    c = list(coefficients)
    for start in range(len(c) - 1):
        for a in range(len(c) - 2, start - 1, -1):
            c[a] += t * c[a + 1]
    return c
