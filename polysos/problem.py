"""A polynomial optimization problem, the box that provably holds its feasible set, and its units.

The box is derived from the constraints in exact arithmetic and rounded outward, so that a proof
may use it. The units are a change of variables x = center + scale * z, and a factor for each
polynomial, that bring everything a solver sees to size one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, nextafter
from numbers import Real

import numpy as np

from .moments import binomial_expansion
from .polynomials import Polynomial, monomials


@dataclass(frozen=True, repr=False)
class PolynomialProblem:
    """Minimise f(x) subject to g(x) >= 0 for the inequalities and h(x) == 0 for the equalities.

    To maximise f, minimise -f. A constant objective asks for a feasible point.

    Parameters
    ----------
    objective : Polynomial or number
        f. A number needs at least one constraint, which says how many variables there are.
    inequalities, equalities : sequence of Polynomial
        g and h, in the same variables.

    Raises
    ------
    TypeError, ValueError
        If something is not a polynomial, or the numbers of variables differ.

    Examples
    --------
    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> problem = PolynomialProblem(x * y, inequalities=[1 - x**2 - y**2])
    >>> problem.constraint_degree, problem.minimum_order
    (1, 1)
    """

    objective: Polynomial
    inequalities: tuple[Polynomial, ...] = field(default=())
    equalities: tuple[Polynomial, ...] = field(default=())

    def __post_init__(self):
        for name in ("inequalities", "equalities"):
            constraints = getattr(self, name)
            if isinstance(constraints, Polynomial):
                raise TypeError(f"{name} must be a list of Polynomial, got one Polynomial")
            constraints = tuple(constraints)
            for g in constraints:
                if not isinstance(g, Polynomial):
                    raise TypeError(f"{name} must hold Polynomial objects, got {g!r}")
            object.__setattr__(self, name, constraints)
        f, constraints = self.objective, self.inequalities + self.equalities
        if isinstance(f, Real) and not isinstance(f, bool) and constraints:
            f = Polynomial.constant(f, constraints[0].n_variables, constraints[0].names)
            object.__setattr__(self, "objective", f)
        if not isinstance(f, Polynomial):
            raise TypeError(f"objective must be a Polynomial, got {f!r}")
        for g in constraints:
            if g.n_variables != f.n_variables:
                raise ValueError(
                    f"constraints must have the objective's {f.n_variables} variables, "
                    f"got one with {g.n_variables}"
                )

    @property
    def n_variables(self) -> int:
        return self.objective.n_variables

    @property
    def constraint_degree(self) -> int:
        """d_K = max(1, largest ceil(deg / 2) over the constraints)."""
        degrees = [g.degree for g in self.inequalities + self.equalities]
        return max(1, -(-max(degrees, default=0) // 2))

    @property
    def minimum_order(self) -> int:
        """k0 = max(d_K, ceil(deg f / 2)), the smallest relaxation order."""
        return max(self.constraint_degree, -(-self.objective.degree // 2))

    def with_inequality(self, g: Polynomial) -> PolynomialProblem:
        """The same problem with one inequality more, put last."""
        return PolynomialProblem(self.objective, (*self.inequalities, g), self.equalities)

    def _repr_latex_(self):
        lines = [rf"\min \quad & {self.objective.latex()}"]
        lines += [rf"\text{{s.t.}} \quad & {g.latex()} \ge 0" for g in self.inequalities[:1]]
        lines += [rf"& {g.latex()} \ge 0" for g in self.inequalities[1:]]
        lines += [rf"& {h.latex()} = 0" for h in self.equalities]
        return r"$\displaystyle \begin{aligned}" + r"\\".join(lines) + r"\end{aligned}$"

    def __repr__(self):
        text = f"minimise {self.objective!r}"
        rows = [f"{g!r} >= 0" for g in self.inequalities] + [f"{h!r} == 0" for h in self.equalities]
        return text + ("\nsubject to " + "\n           ".join(rows) if rows else "")


# The box


def bounding_box(problem: PolynomialProblem, rounds: int = 20) -> np.ndarray:
    """A box that holds the feasible set: array (n, 2) of lower and upper ends, maybe infinite.

    Each constraint g = a(x_i) + rest >= 0 bounds x_i as soon as the rest is bounded above over
    the box so far. Everything is exact rational arithmetic rounded outward to floats, so the box
    is a theorem, not an estimate. An empty box (lower > upper) proves that no point is feasible.

    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> bounding_box(PolynomialProblem(x, [x, y, 1 - x - y]))
    array([[0., 1.],
           [0., 1.]])
    """
    one_sided = [*problem.inequalities, *problem.equalities, *(-h for h in problem.equalities)]
    constraints = [g.exact().terms for g in one_sided]
    box = [(-inf, inf)] * problem.n_variables
    for _ in range(rounds):
        before = list(box)
        for terms in constraints:
            for i in range(problem.n_variables):
                box[i] = _tighten(terms, i, box)
                if box[i][0] > box[i][1]:
                    return np.array(box, dtype=float)
        if not any(_much_smaller(new, old) for new, old in zip(box, before, strict=True)):
            break
    return np.array(box, dtype=float) + 0.0


def _much_smaller(new, old) -> bool:
    return new != old and not (new[1] - new[0] > 0.95 * (old[1] - old[0]))


def _tighten(terms: dict, i: int, box: list) -> tuple[float, float]:
    """The interval of x_i after the constraint sum(terms) >= 0."""
    pure, rest = {}, Fraction(0)
    for alpha, c in terms.items():
        if alpha[i] and alpha[i] == sum(alpha):
            pure[alpha[i]] = c
        else:
            rest += largest_value(c, alpha, box)
    lower, upper = box[i]
    if not pure or rest == inf:
        return lower, upper
    coefficients = [rest] + [pure.get(a, Fraction(0)) for a in range(1, max(pure) + 1)]
    mirrored = [c * (-1) ** a for a, c in enumerate(coefficients)]
    return max(lower, -_last_point(mirrored)), min(upper, _last_point(coefficients))


def largest_value(c: Fraction, alpha, box):
    """Upper end of c x^alpha over the box, exactly; inf where there is none."""
    low, high = Fraction(1), Fraction(1)
    for a, (x_low, x_high) in zip(alpha, box, strict=True):
        if a:
            ends = [_number(x_low) ** a, _number(x_high) ** a]
            if a % 2 == 0:
                ends = [0 if x_low <= 0 <= x_high else min(ends), max(ends)]
            products = [_times(p, q) for p in (low, high) for q in ends]
            low, high = min(products), max(products)
    return _times(c, high if c > 0 else low)


def _number(x: float):
    return Fraction(x) if abs(x) < inf else x


def _times(a, b):
    return Fraction(0) if a == 0 or b == 0 else a * b


def _last_point(coefficients: list[Fraction]) -> float:
    """A T with p(t) < 0 for all t > T, p given by rising coefficients; inf where there is none.

    It suffices that all Taylor coefficients of p at T are <= 0. A first guess comes from the
    roots of p and of its derivatives; the check, and the outward rounding, are exact.
    """
    if coefficients[-1] >= 0:
        return inf
    p = np.polynomial.Polynomial([float(c) for c in coefficients])
    real = [0.0]
    while p.degree() >= 1:
        roots = p.roots()
        real += [r.real for r in np.atleast_1d(roots) if abs(r.imag) <= 1e-6 * (1 + abs(r))]
        p = p.deriv()
    guess = float(max(real[1:], default=0.0))
    guess = float(Fraction(guess).limit_denominator(10**6))
    step = max(abs(guess), 2.0**-20) * 2.0**-40
    for attempt in range(120):
        if all(c <= 0 for c in _taylor(coefficients, Fraction(guess))):
            return guess
        guess = nextafter(guess, inf) if attempt == 0 else guess + step * 2.0**attempt
    return inf


def _taylor(coefficients: list[Fraction], t: Fraction) -> list[Fraction]:
    """Coefficients of p(t + s) in s, by repeated synthetic division."""
    c = list(coefficients)
    for start in range(len(c) - 1):
        for a in range(len(c) - 2, start - 1, -1):
            c[a] += t * c[a + 1]
    return c


# Units


@dataclass(frozen=True)
class ScaledProblem:
    """The problem in z, x = center + scale * z, with every polynomial of size about one.

    `objective` times `objective_factor` plus `offset` is f; `inequalities[j]` times its factor is
    the inequality number `kept[j]` of the user's problem (repeated and trivial ones are left out).
    All factors and scales are floats, so an exact checker can redo the change of variables.
    """

    problem: PolynomialProblem
    center: np.ndarray
    scale: np.ndarray
    objective: Polynomial
    offset: float
    objective_factor: float
    inequalities: tuple[Polynomial, ...]
    inequality_factors: tuple[float, ...]
    kept: tuple[int, ...]
    equalities: tuple[Polynomial, ...]
    equality_factors: tuple[float, ...]

    def to_user(self, z: np.ndarray) -> np.ndarray:
        return self.center + self.scale * z

    def from_user(self, x: np.ndarray) -> np.ndarray:
        return (x - self.center) / self.scale

    def violation(self, z: np.ndarray) -> float:
        """Largest violation of a constraint of unit size at z; 0 where z is feasible."""
        below = [-g(z) for g in self.inequalities] + [abs(h(z)) for h in self.equalities]
        return float(max([0.0, *below]))


def scale_problem(problem: PolynomialProblem, box: np.ndarray | None = None) -> ScaledProblem:
    """Choose units: bounded variables run through [-1, 1], others make the coefficients level."""
    box = bounding_box(problem) if box is None else box
    center, scale = _units(problem, box)

    def change(p: Polynomial) -> Polynomial:
        basis = monomials(p.n_variables, p.degree)
        table = binomial_expansion(p.exponents, basis, center, scale)
        return Polynomial.from_arrays(basis, p.coefficients.astype(float) @ table, p.names)

    f = change(problem.objective)
    offset = f.constant_term
    f = f - offset
    factor = _size(f)
    kept, inequalities, factors = [], [], []
    for j, g in enumerate(problem.inequalities):
        g = change(g)
        size = _size(g)
        trivial = g.degree == 0 and g.constant_term >= 0
        if not trivial and g / size not in inequalities:
            kept.append(j)
            inequalities.append(g / size)
            factors.append(size)
    equalities = [change(h) for h in problem.equalities]
    equality_factors = [_size(h) for h in equalities]
    return ScaledProblem(
        problem,
        center,
        scale,
        f / factor,
        offset,
        factor,
        tuple(inequalities),
        tuple(factors),
        tuple(kept),
        tuple(h / size for h, size in zip(equalities, equality_factors, strict=True)),
        tuple(equality_factors),
    )


def _size(p: Polynomial) -> float:
    """The power of two nearest the largest coefficient; a power of two loses no digit."""
    largest = np.abs(p.coefficients.astype(float)).max(initial=0.0)
    return float(2.0 ** np.round(np.log2(largest))) if largest > 0 else 1.0


def _units(problem: PolynomialProblem, box: np.ndarray):
    bounded = np.isfinite(box).all(axis=1)
    with np.errstate(invalid="ignore"):
        half = (box[:, 1] - box[:, 0]) / 2
        middle = (box[:, 1] + box[:, 0]) / 2
    center = np.where(bounded, middle, 0.0)
    scale = np.where(bounded & (half > 0), half, 1.0)
    if not bounded.all():
        level = _level_scales(problem, np.where(bounded, np.log2(scale), np.nan))
        scale = np.where(bounded, scale, 2.0 ** np.round(level))
    return center, scale


def _level_scales(problem: PolynomialProblem, known: np.ndarray) -> np.ndarray:
    """Scales (log2) that level the coefficients of each polynomial, by least squares."""
    n = problem.n_variables
    rows, right = [], []
    polynomials = [problem.objective, *problem.inequalities, *problem.equalities]
    for t, p in enumerate(polynomials):
        for alpha, c in p.terms.items():
            if t == 0 and not any(alpha):
                continue  # the objective's constant has no say in the units
            row = np.zeros(n + len(polynomials))
            row[:n], row[n + t] = alpha, -1.0
            rows.append(row)
            right.append(-np.log2(abs(float(c))))
    ridge = np.diag(np.r_[np.ones(n), np.full(len(polynomials), 1e-3)])  # no scale without need
    fixed = np.diag(np.r_[np.where(np.isnan(known), 0.0, 1e6), np.zeros(len(polynomials))])
    matrix = np.vstack([*rows, ridge, fixed])
    target = np.r_[
        right, np.zeros(len(ridge)), 1e6 * np.nan_to_num(known), np.zeros(len(polynomials))
    ]
    return np.linalg.lstsq(matrix, target, rcond=None)[0][:n]
