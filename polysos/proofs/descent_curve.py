"""Proof that a problem is unbounded below: a feasible curve along which f falls without end.

Along x_i(t) = b_i t^(w_i), with rational b_i and integer w_i, every polynomial is a Laurent
polynomial in t. For large t its leading term decides, exactly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from numbers import Integral, Rational
from os import PathLike
from pathlib import Path

from ..algebra.polynomials import Polynomial, number_word
from ..algebra.problem import PolynomialProblem
from ..checks import check_type
from .files import CURVE, read_file, read_names, read_number, read_terms, write_number, write_terms

_MOST_POWER, _MOST_BITS = 10_000, 1_000  # in a file: those that are found are simple


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

    def save(self, path: str | PathLike[str]) -> None:
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
    def load(path: str | PathLike[str]) -> DescentCurve:
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
            f"{name} = {number_word(b)}"
            + ("" if w == 0 or b == 0 else " t" if w == 1 else f" t^{w}")
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
