"""Polynomials with unknown coefficients, which enter linearly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np

from ..checks import check_integer
from .polynomials import Polynomial

Operand = Any  # a number, a Polynomial or an UnknownPolynomial


@dataclass(frozen=True, eq=False)
class UnknownPolynomial:
    """p_0 + u_1 p_1 + ... + u_m p_m, with unknown numbers u_i.

    It adds to polynomials and numbers, is multiplied and divided by what is known, differentiated
    and evaluated. `SumOfSquaresProgram` makes the first ones.

    Attributes
    ----------
    known : Polynomial
        p_0, exact.
    parts : dict of int to Polynomial
        p_i by the number i of the unknown, from 0.

    Examples
    --------
    >>> from polysos import SumOfSquaresProgram
    >>> program = SumOfSquaresProgram("x")
    >>> (x,) = program.variables
    >>> t = program.scalar()
    >>> p = x**2 - t * x + 2
    >>> p.derivative(0)
    2*x + u0*(-1)
    """

    known: Polynomial
    parts: dict[int, Polynomial]

    @property
    def n_variables(self) -> int:
        return self.known.n_variables

    @property
    def exponents(self) -> np.ndarray:
        """Those of all monomials that may occur."""
        rows = [self.known.exponents, *(p.exponents for p in self.parts.values())]
        return np.unique(np.vstack(rows), axis=0)

    @property
    def degree(self) -> int:
        """The largest that may occur."""
        return max(p.degree for p in (self.known, *self.parts.values()))

    def at(self, values: Sequence[float | Fraction]) -> Polynomial:
        """The polynomial for given numbers u, exactly.

        Parameters
        ----------
        values : sequence of Fraction
            As many as the program has unknowns.
        """
        total = self.known
        for i, p in self.parts.items():
            total = total + p * Fraction(values[i])
        return total

    def derivative(self, variable: int) -> UnknownPolynomial:
        """d/dx_i for i = `variable`, counted from 0."""
        check_integer("variable", variable, 0, self.n_variables - 1)
        return self._each(lambda p: p.derivative(variable))

    def gradient(self) -> tuple[UnknownPolynomial, ...]:
        """The n partial derivatives."""
        return tuple(self.derivative(i) for i in range(self.n_variables))

    def __call__(self, point: Iterable[float | Fraction]) -> UnknownPolynomial:
        """The value at a point, which is a constant in the variables; exact for fractions."""
        exact = np.array([Fraction(v) for v in point], dtype=object)
        n, names = self.n_variables, self.known.names
        return self._each(lambda p: Polynomial.constant(p(exact), n, names).exact())

    def _each(self, change: Callable[[Polynomial], Polynomial]) -> UnknownPolynomial:
        return _without_zeros(change(self.known), {i: change(p) for i, p in self.parts.items()})

    # Arithmetic

    def __add__(self, other: Operand) -> UnknownPolynomial:
        other = as_unknown(other, self.known)
        if other is NotImplemented:
            return NotImplemented
        parts = dict(self.parts)
        for i, p in other.parts.items():
            parts[i] = parts[i] + p if i in parts else p
        return _without_zeros(self.known + other.known, parts)

    __radd__ = __add__

    def __neg__(self) -> UnknownPolynomial:
        return self._each(lambda p: -p)

    def __sub__(self, other: Operand) -> UnknownPolynomial:
        other = as_unknown(other, self.known)
        return NotImplemented if other is NotImplemented else self + (-other)

    def __rsub__(self, other: Operand) -> UnknownPolynomial:
        return -self + other

    def __mul__(self, other: Operand) -> UnknownPolynomial:
        if isinstance(other, UnknownPolynomial):
            if not other.parts:
                return self * other.known
            if not self.parts:
                return other * self.known
            raise TypeError(
                "a product of two unknowns is bilinear, and no sum-of-squares program: fix one "
                "factor, or solve for each in turn"
            )
        if not isinstance(other, (Polynomial, Real)):
            return NotImplemented
        factor = other.exact() if isinstance(other, Polynomial) else Fraction(other)
        return self._each(lambda p: p * factor)

    __rmul__ = __mul__

    def __truediv__(self, number: float | Fraction) -> UnknownPolynomial:
        if not isinstance(number, Real):
            return NotImplemented
        return self * (1 / Fraction(number))

    def __pow__(self, power: int) -> UnknownPolynomial:
        if power == 1 or not self.parts:
            return self if power == 1 else UnknownPolynomial(self.known**power, {})
        raise TypeError("a power of an unknown is not linear, and no sum-of-squares program")

    def __repr__(self) -> str:
        words = [repr(self.known)] if len(self.known.exponents) or not self.parts else []
        words += [f"u{i}*({p!r})" for i, p in sorted(self.parts.items())]
        return " + ".join(words) or "0"


def _without_zeros(known: Polynomial, parts: dict[int, Polynomial]) -> UnknownPolynomial:
    return UnknownPolynomial(known, {i: p for i, p in parts.items() if len(p.exponents)})


def as_unknown(value: Any, like: Polynomial) -> Any:
    """A number or a polynomial as one without unknowns; NotImplemented for anything else."""
    if isinstance(value, UnknownPolynomial):
        return value
    if isinstance(value, Polynomial):
        return UnknownPolynomial(value.exact(), {})
    if isinstance(value, Real):
        constant = Polynomial.constant(value, like.n_variables, like.names)
        return UnknownPolynomial(constant.exact(), {})
    return NotImplemented
