"""Units: a change of variables x = center + scale * z, and a factor for each polynomial.

Solvers need numbers of size one. Everything a solver sees is in these units; everything a user
sees is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from ..algebra.moments import binomial_expansion
from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.box import bounding_box
from ..proofs.exact import round_up

_MOST_TERMS = 10**7  # of a polynomial in new variables


@dataclass(frozen=True, eq=False)
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

    def exact_violation(self, x: np.ndarray) -> float:
        """The same at a point in the user's units, from his constraints and without rounding."""
        x = np.array([Fraction(v) for v in x.tolist()], dtype=object)
        g, h = self.problem.inequalities, self.problem.equalities
        below = [
            -g[j].exact()(x) / Fraction(size)
            for j, size in zip(self.kept, self.inequality_factors, strict=True)
        ]
        below += [
            abs(p.exact()(x)) / Fraction(size)
            for p, size in zip(h, self.equality_factors, strict=True)
        ]
        return round_up(max([Fraction(0), *below]))


def scale_problem(problem: PolynomialProblem, box: np.ndarray | None = None) -> ScaledProblem:
    """Choose units: bounded variables run through [-1, 1], others make the coefficients level.

    Raises
    ------
    ValueError
        If floats cannot hold the numbers in these units.
    """
    box = bounding_box(problem) if box is None else box
    center, scale = _units(problem, box)

    def change(p: Polynomial) -> Polynomial:
        basis = _divisors(p.exponents, center != 0)
        with np.errstate(all="ignore"):
            table = binomial_expansion(p.exponents, basis, center, scale)
            coefficients = p.coefficients.astype(float) @ table
        if not np.isfinite(coefficients).all():
            raise ValueError(
                "problem must have values that floats can hold where its variables range: change "
                f"units; got {p!r} with variables up to {np.abs(center).max() + scale.max():.3g}"
            )
        return Polynomial.from_arrays(basis, coefficients, p.names)

    f = change(problem.objective)
    offset = f.constant_term
    f = f - offset
    factor = _size(f)
    kept, inequalities, factors, seen = [], [], [], set()
    for j, g in enumerate(problem.inequalities):
        g = change(g)
        size = _size(g)
        trivial = g.degree == 0 and g.constant_term >= 0
        if not trivial and g / size not in seen:
            seen.add(g / size)
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


def scaled_or_none(problem: PolynomialProblem, box: np.ndarray) -> ScaledProblem | None:
    """The same; None where the numbers of the scaled problem are too large or too small."""
    try:
        return scale_problem(problem, box)
    except ValueError:
        return None


def _divisors(exponents: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The monomials of p(center + scale * z), where some variables have a center that is not 0."""
    if not (exponents[:, moved] > 0).any():
        return exponents
    smallest = np.where(moved, 0, exponents)
    count = int(np.prod(exponents - smallest + 1.0, axis=1).sum())
    if count > _MOST_TERMS:
        raise MemoryError(
            f"a polynomial has up to {count} terms once its variables are measured from the middle "
            "of their bounds: give bounds that are symmetric about 0, or fewer variables"
        )
    ranges = (
        [range(low, high + 1) for low, high in zip(*ends, strict=True)]
        for ends in zip(smallest.tolist(), exponents.tolist(), strict=True)
    )
    found = {alpha for sides in ranges for alpha in product(*sides)}
    return np.array(sorted(found), dtype=np.int64).reshape(-1, exponents.shape[1])


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
    fixed = np.diag(np.r_[np.where(np.isnan(known), 0.0, 1e3), np.zeros(len(polynomials))])
    matrix = np.vstack([*rows, ridge, fixed])
    target = np.r_[
        right, np.zeros(len(ridge)), 1e3 * np.nan_to_num(known), np.zeros(len(polynomials))
    ]
    return np.linalg.solve(matrix.T @ matrix, matrix.T @ target)[:n]
