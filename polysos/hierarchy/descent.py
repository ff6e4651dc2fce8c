"""Proof that a problem is unbounded below: a feasible curve along which f falls without end.

Along x_i(t) = b_i t^(w_i), with rational b_i and integer w_i, every polynomial is a Laurent
polynomial in t. For large t its leading term decides, exactly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import lcm
from numbers import Integral, Rational
from pathlib import Path

import numpy as np

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..checks import check_type
from ..proofs.files import (
    CURVE,
    read_file,
    read_names,
    read_number,
    read_terms,
    write_number,
    write_terms,
)
from .local_search import LocalSearch


@dataclass(frozen=True)
class DescentCurve:
    """The curve x_i(t) = coefficients[i] * t**powers[i], feasible for all large t, f -> -inf.

    Examples
    --------
    >>> from polysos import PolynomialProblem, variables
    >>> (x,) = variables(1)
    >>> DescentCurve(PolynomialProblem(x**3 - 3 * x), (Fraction(-1),), (1,)).verify()
    True
    """

    problem: PolynomialProblem
    coefficients: tuple[Fraction, ...]
    powers: tuple[int, ...]

    @property
    def holds(self) -> bool:
        return self.verify()

    def verify(self, problem: PolynomialProblem | None = None) -> bool:
        """Check in exact arithmetic: f falls to -inf, every g stays >= 0, every h vanishes.

        For `problem`, if you give your own; otherwise for the one that the curve carries.
        """
        if problem is not None:
            check_type("problem", problem, PolynomialProblem)
            return replace(self, problem=problem).verify()
        n = self.problem.n_variables
        rational = all(isinstance(b, Rational) for b in self.coefficients)
        integral = all(isinstance(w, Integral) for w in self.powers)
        if not (len(self.coefficients) == len(self.powers) == n and rational and integral):
            return False
        f = self._along(self.problem.objective)
        if not f or max(f) <= 0 or f[max(f)] >= 0:
            return False
        inequalities = [self._along(g) for g in self.problem.inequalities]
        equalities = [self._along(h) for h in self.problem.equalities]
        return all(not g or g[max(g)] > 0 for g in inequalities) and not any(equalities)

    def save(self, path) -> None:
        """Write the curve and its problem to a JSON file, in the format of `Proof.save`."""
        problem = self.problem
        data = {
            "format": CURVE,
            "variables": list(problem.objective.names),
            "objective": write_terms(problem.objective),
            "inequalities": [write_terms(g) for g in problem.inequalities],
            "equalities": [write_terms(h) for h in problem.equalities],
            "coefficients": [write_number(b) for b in self.coefficients],
            "powers": [int(w) for w in self.powers],
        }
        Path(path).write_text(json.dumps(data, indent=1))

    @staticmethod
    def load(path) -> DescentCurve:
        """Read a curve. It is not trusted: call `verify`, with your own problem.

        Raises
        ------
        ValueError
            If the file holds no curve.
        """
        return read_file(path, CURVE, _read_curve)

    def _along(self, p: Polynomial) -> dict[int, Fraction]:
        """The nonzero coefficients of p(x(t)) by power of t."""
        total: dict[int, Fraction] = {}
        for alpha, c in p.exact().terms.items():
            power = sum(a * int(w) for a, w in zip(alpha, self.powers, strict=True))
            for a, b in zip(alpha, self.coefficients, strict=True):
                c *= b**a
            total[power] = total.get(power, Fraction(0)) + c
        return {power: c for power, c in total.items() if c != 0}

    def __str__(self):
        names = self.problem.objective.names
        parts = [
            f"{name} = {b}" + ("" if w == 0 or b == 0 else " t" if w == 1 else f" t^{w}")
            for name, b, w in zip(names, self.coefficients, self.powers, strict=True)
        ]
        return ", ".join(parts)


def _read_curve(data: dict) -> DescentCurve:
    names = read_names(data["variables"])
    f, *lists = (data[key] for key in ("objective", "inequalities", "equalities"))
    g, h = ([read_terms(terms, names) for terms in constraints] for constraints in lists)
    coefficients = tuple(map(read_number, data["coefficients"]))
    if any(
        v.numerator.bit_length() + v.denominator.bit_length() > _MOST_BITS for v in coefficients
    ):
        raise ValueError(f"coefficients must have at most {_MOST_BITS} bits")
    powers = tuple(data["powers"])
    if not all(type(w) is int and abs(w) <= _MOST_POWER for w in powers):
        raise ValueError(f"powers must be integers of size at most {_MOST_POWER}, got {powers}")
    return DescentCurve(PolynomialProblem(read_terms(f, names), g, h), coefficients, powers)


_MOST_POWER, _MOST_BITS = 10_000, 1_000  # in a file: those that are found are simple
_RADII = (1e1, 1e2, 1e3, 1e4)


def find_descent_curve(
    problem: PolynomialProblem, search: LocalSearch, attempts: int = 8
) -> DescentCurve | None:
    """Look for a curve by local descents in larger and larger balls.

    The growth of each coordinate from one ball to the next gives its power; powers and
    coefficients are rounded to simple rationals, and only the exact check counts.
    """
    if not search.free.any():
        return None
    for start in search.random_starts(attempts, seed=1):
        path = [start]
        for radius in _RADII:
            further = _lowest_in_ball(search, path[-1], radius)
            if further is not None:
                path.append(further)
        if len(path) < 3:
            continue
        near, far = (search.scaled.to_user(z) for z in path[-2:])
        for curve in _rounded_curves(problem, near, far):
            if curve.verify():
                return curve
    return None


def _lowest_in_ball(search: LocalSearch, z: np.ndarray, radius: float) -> np.ndarray | None:
    """The better of two local descents in a ball: from where we are, and from its surface."""
    found = []
    for start in (z, z * (radius / max(float(np.linalg.norm(z)), 1e-12))):
        end = search.descend(start, at_most=radius)
        if end is not None and search.scaled.violation(end) <= 1e-6 * radius:
            found.append(end)
    return min(found, key=search.scaled.objective, default=None)


def _rounded_curves(problem: PolynomialProblem, near: np.ndarray, far: np.ndarray):
    """Curves with simple powers and coefficients through two points, one ten times further out."""
    with np.errstate(all="ignore"):
        growth = np.log10(np.abs(far) / np.abs(near))
        length = np.log10(np.linalg.norm(far))
    for smallest, parts in product((1e-2, 1e-9), (1, 2, 3)):
        zero = (np.abs(far) < smallest) | ~np.isfinite(growth)
        fractions = [Fraction(round(parts * g), parts) for g in np.where(zero, 0.0, growth)]
        scale = lcm(*(p.denominator for p in fractions))
        powers = tuple(int(p * scale) for p in fractions)
        with np.errstate(all="ignore"):
            leading = far / 10.0 ** (length * np.array(fractions, dtype=float))
        leading = np.where(zero | ~np.isfinite(leading), 0.0, leading)
        for denominator in (1, 2, 4, 10, 100):
            b = tuple(Fraction(v).limit_denominator(denominator) for v in leading.tolist())
            yield DescentCurve(problem, b, powers)
        yield DescentCurve(problem, tuple(Fraction(int(v)) for v in np.sign(leading)), powers)
