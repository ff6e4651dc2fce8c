"""Sparse real polynomials and monomial bases.

A polynomial is two arrays: exponents, one row a term, and coefficients. Sums, products and values
are array operations; nothing is done symbol by symbol. Coefficients are floats, or exact
`fractions.Fraction` where any of them was given as one: then the arithmetic stays exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement
from numbers import Integral, Rational, Real
from typing import Any, NoReturn, Union

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import comb

from ..checks import check_integer, check_sequence, check_type

Names = Sequence[str] | None
Operand = Union["Polynomial", float, Fraction]
_LONGEST_SHOWN = 10**300  # integers from here on are shortened where they are shown
LARGEST_DEGREE = 2**15  # far more than anybody computes with, and far from where int64 wraps


@lru_cache(maxsize=256, typed=True)
def monomials(n_variables: int, degree: int) -> np.ndarray:
    """Exponents of all monomials up to a degree, graded: 1, x1, ..., xn, x1^2, x1 x2, ...

    Parameters
    ----------
    n_variables : int
        Number n of variables, at least 1.
    degree : int
        Largest total degree d, at least 0.

    Returns
    -------
    array of int, shape (binomial(n + d, d), n), read-only
        Row `i` is the exponent alpha of the i-th monomial; `monomial_index` is the inverse map.

    Examples
    --------
    >>> monomials(2, 2).tolist()
    [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    """
    check_integer("n_variables", n_variables, at_least=1)
    check_integer("degree", degree, at_least=0)
    rows = [
        np.bincount(chosen, minlength=n_variables) if chosen else np.zeros(n_variables, int)
        for d in range(degree + 1)
        for chosen in combinations_with_replacement(range(n_variables), d)
    ]
    return _read_only(np.array(rows, dtype=np.int64))


@lru_cache(maxsize=64)
def _binomials(size: int) -> np.ndarray:
    grid = np.arange(size)
    table = np.rint(comb(grid[:, None], grid[None, :]))
    return np.minimum(table, 2.0**62).astype(np.int64)  # what is larger, no index needs


def monomial_index(exponents: np.ndarray) -> np.ndarray:
    """Position of each exponent, shape (..., n), in the graded order of `monomials`.

    With s_i = alpha_i + ... + alpha_n, the position is sum_i binomial(s_i + n - i, n - i + 1).

    >>> monomial_index(monomials(3, 4)).tolist() == list(range(35))
    True
    """
    n = exponents.shape[-1]
    tails = np.cumsum(exponents[..., ::-1], axis=-1)[..., ::-1]
    size = n + 1 + int(tails.max(initial=0))
    steps = np.arange(n, 0, -1)
    return _binomials(size)[tails + steps - 1, steps].sum(axis=-1)


class Polynomial:
    """A polynomial in n real variables; immutable.

    Parameters
    ----------
    terms : dict
        Maps exponents, a tuple of n nonnegative integers, to a finite real coefficient.
        A `fractions.Fraction` among the coefficients makes all of them exact.
    n_variables : int
        Number of variables.
    names : sequence of str, optional
        Names of the variables for display; `x1, ..., xn` by default.

    Raises
    ------
    ValueError, TypeError
        If an exponent has the wrong length or sign, the degree is above 32768, or a coefficient is
        not a finite real number.

    Examples
    --------
    >>> x, y = variables(2)
    >>> p = x**2 * y - 3 * x + 1
    >>> p
    x1^2*x2 - 3*x1 + 1
    >>> p([1.0, 2.0])
    0.0
    >>> p([[1.0, 2.0], [0.0, 5.0]])
    array([0., 1.])
    >>> p.degree, p.terms == Polynomial({(2, 1): 1, (1, 0): -3, (0, 0): 1}, 2).terms
    (3, True)
    """

    __slots__ = ("coefficients", "exponents", "names")
    names: tuple[str, ...]
    exponents: np.ndarray
    coefficients: np.ndarray
    __array_ufunc__ = None  # numpy scalars on the left defer to our operators

    def __init__(self, terms: Mapping, n_variables: int, names: Names = None) -> None:
        check_integer("n_variables", n_variables, at_least=1)
        if not hasattr(terms, "items"):
            raise TypeError(f"terms must be a dict of exponents to coefficients, got {terms!r}")
        for exponent in terms:
            good = isinstance(exponent, tuple) and len(exponent) == n_variables
            if not good or any(not isinstance(a, Integral) or a < 0 for a in exponent):
                raise ValueError(
                    f"terms must have exponents that are tuples of {n_variables} "
                    f"nonnegative integers, got {exponent!r}"
                )
            _check_degree("terms", sum(int(a) for a in exponent))
        exponents = np.array(list(terms), dtype=np.int64).reshape(-1, n_variables)
        coefficients = _coefficient_array(list(terms.values()))
        self._set(*_collect(exponents, coefficients), _check_names(names, n_variables))

    def _set(self, exponents, coefficients, names):
        object.__setattr__(self, "exponents", _read_only(exponents))
        object.__setattr__(self, "coefficients", _read_only(coefficients))
        object.__setattr__(self, "names", names)

    @classmethod
    def from_arrays(
        cls, exponents: ArrayLike, coefficients: ArrayLike, names: Names = None
    ) -> Polynomial:
        """Polynomial with exponents (t, n) and coefficients (t,); equal exponents are added up."""
        exponents = np.array(exponents)
        if exponents.dtype.kind not in "iu" and exponents.size:
            raise TypeError(f"exponents must be integers, got dtype {exponents.dtype}")
        if exponents.ndim != 2 or exponents.shape[1] < 1 or (exponents < 0).any():
            raise ValueError(
                "exponents must be a (t, n) array of nonnegative integers, "
                f"got shape {exponents.shape}"
            )
        _check_degree("exponents", int(exponents.max(initial=0)))
        exponents = exponents.astype(np.int64)  # each is small now, so that no sum can wrap
        _check_degree("exponents", int(exponents.sum(axis=1).max(initial=0)))
        coefficients = _coefficient_array(coefficients)
        if len(coefficients) != len(exponents):
            raise ValueError(
                f"coefficients must have one entry an exponent, {len(exponents)}, "
                f"got {len(coefficients)}"
            )
        new = object.__new__(cls)
        names = _check_names(names, exponents.shape[1])
        new._set(*_collect(exponents, coefficients), names)
        return new

    @classmethod
    def constant(cls, value: float | Fraction, n_variables: int, names: Names = None) -> Polynomial:
        """The constant polynomial `value`."""
        return cls({(0,) * n_variables: value}, n_variables, names)

    def __setattr__(self, name, value):
        raise AttributeError("a Polynomial is immutable")

    def __reduce__(self):
        return (Polynomial.from_arrays, (self.exponents, self.coefficients, self.names))

    # What it is

    @property
    def n_variables(self) -> int:
        """Number n of variables."""
        return self.exponents.shape[1]

    @property
    def degree(self) -> int:
        """Total degree; 0 for constants, the zero polynomial included."""
        return int(self.exponents.sum(axis=1).max(initial=0))

    @property
    def terms(self) -> dict:
        """Dictionary of exponents to nonzero coefficients, in graded order."""
        exponents = map(tuple, self.exponents.tolist())
        return dict(zip(exponents, self.coefficients.tolist(), strict=True))

    @property
    def is_exact(self) -> bool:
        """Whether the coefficients are `Fraction` rather than float."""
        return self.coefficients.dtype == object

    @property
    def constant_term(self) -> float | Fraction:
        """Coefficient of the monomial 1."""
        if len(self.exponents) and not self.exponents[0].any():  # in graded order it is the first
            return self.coefficients[:1].tolist()[0]
        return Fraction(0) if self.is_exact else 0.0

    def exact(self) -> Polynomial:
        """The same polynomial with `Fraction` coefficients (a float is a dyadic rational)."""
        if self.is_exact:
            return self
        coefficients = np.array([Fraction(c) for c in self.coefficients], dtype=object)
        return Polynomial.from_arrays(self.exponents, coefficients, self.names)

    def to_float(self) -> Polynomial:
        """The same polynomial with coefficients rounded to floats."""
        return Polynomial.from_arrays(self.exponents, self.coefficients.astype(float), self.names)

    # Arithmetic

    def _other(self, other) -> Polynomial:
        if isinstance(other, Polynomial):
            if other.n_variables != self.n_variables:
                raise ValueError(
                    "polynomials must have the same number of variables, "
                    f"got {self.n_variables} and {other.n_variables}"
                )
            return other
        return Polynomial.constant(other, self.n_variables, self.names)

    def __add__(self, other: Operand) -> Polynomial:
        if not isinstance(other, (Polynomial, Real)):
            return NotImplemented
        p, q = _same_numbers(self, self._other(other))
        return Polynomial.from_arrays(
            np.vstack([p.exponents, q.exponents]),
            np.concatenate([p.coefficients, q.coefficients]),
            self.names,
        )

    def __mul__(self, other: Operand) -> Polynomial:
        if not isinstance(other, (Polynomial, Real)):
            return NotImplemented
        p, q = _same_numbers(self, self._other(other))
        exponents = p.exponents[:, None, :] + q.exponents[None, :, :]
        coefficients = np.multiply.outer(p.coefficients, q.coefficients)
        return Polynomial.from_arrays(
            exponents.reshape(-1, self.n_variables), coefficients.ravel(), self.names
        )

    def __pow__(self, power: int) -> Polynomial:
        check_integer("power", power, at_least=0)
        result = Polynomial.constant(1, self.n_variables, self.names)
        for _ in range(power):
            result = result * self
        return result

    def __truediv__(self, number: float | Fraction) -> Polynomial:
        if not isinstance(number, Real):
            return NotImplemented
        if self.is_exact or isinstance(number, Fraction):
            return self * (1 / Fraction(number))
        return Polynomial.from_arrays(self.exponents, self.coefficients / number, self.names)

    def __neg__(self) -> Polynomial:
        return Polynomial.from_arrays(self.exponents, -self.coefficients, self.names)

    def __sub__(self, other: Operand) -> Polynomial:
        return self + (-other)

    def __rsub__(self, other: Operand) -> Polynomial:
        return other + (-self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other):
        if isinstance(other, Real):
            other = self._other(other)
        return isinstance(other, Polynomial) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __ge__(self, other: object) -> NoReturn:
        self._refuse_order(">=", other, 1)

    def __gt__(self, other: object) -> NoReturn:
        self._refuse_order(">", other, 1)

    def __le__(self, other: object) -> NoReturn:
        self._refuse_order("<=", other, -1)

    def __lt__(self, other: object) -> NoReturn:
        self._refuse_order("<", other, -1)

    def _refuse_order(self, sign: str, other, direction: int) -> NoReturn:
        hint = ""
        if isinstance(other, (Polynomial, Real)):
            hint = f"; as a constraint give {direction * (self - other)!r}, which is to be >= 0"
        raise TypeError(f"polynomials cannot be compared by {sign}{hint}")

    def _key(self):
        return (self.n_variables, self.exponents.tobytes(), tuple(self.coefficients.tolist()))

    # Calculus and values

    def derivative(self, variable: int) -> Polynomial:
        """Partial derivative with respect to the variable with this index, from 0."""
        check_integer("variable", variable, at_least=0, at_most=self.n_variables - 1)
        exponents = self.exponents.copy()
        exponents[:, variable] = np.maximum(exponents[:, variable] - 1, 0)
        factors = self.exponents[:, variable]
        if self.is_exact:
            factors = np.array([Fraction(int(a)) for a in factors], dtype=object)
        return Polynomial.from_arrays(exponents, self.coefficients * factors, self.names)

    def gradient(self) -> tuple[Polynomial, ...]:
        """The n partial derivatives.

        >>> x, y = variables(2)
        >>> (x**2 * y).gradient()
        (2*x1*x2, x1^2)
        """
        return tuple(self.derivative(i) for i in range(self.n_variables))

    def __call__(self, points: ArrayLike) -> Any:
        """Value at a point (n,), a float, or at points (m, n), an array (m,).

        Points of `Fraction` (dtype object) give exact values.
        """
        points = np.asarray(points)
        if points.dtype != object:
            points = points.astype(float)
        if points.ndim not in (1, 2) or points.shape[-1] != self.n_variables:
            raise ValueError(
                f"points must have shape (n,) or (m, n) with n = {self.n_variables}, "
                f"got {points.shape}"
            )
        powers = _values_of_monomials(points, self.exponents)
        if points.dtype == object:
            return powers @ self.exact().coefficients
        values = powers @ self.coefficients.astype(float)
        return float(values) if points.ndim == 1 else values

    def substitute(self, replacements: Sequence[Polynomial]) -> Polynomial:
        """Replace variable i by the polynomial `replacements[i]`, all in the same variables.

        >>> x, y = variables(2)
        >>> (x**2 + y).substitute([y + 1, x])
        x2^2 + x1 + 2*x2 + 1
        """
        replacements = check_sequence("replacements", replacements)
        for i, p in enumerate(replacements):
            check_type(f"replacements[{i}]", p, Polynomial)
        if len(replacements) != self.n_variables:
            raise ValueError(
                f"replacements must have one entry a variable, {self.n_variables}, "
                f"got {len(replacements)}"
            )
        template = replacements[0]
        powers = [[p**0] for p in replacements]
        for p, known in zip(replacements, powers, strict=True):
            for _ in range(self.degree):
                known.append(known[-1] * p)
        total = Polynomial.constant(0, template.n_variables, template.names)
        for alpha, c in self.terms.items():
            product = Polynomial.constant(c, template.n_variables, template.names)
            for i, a in enumerate(alpha):
                if a:
                    product = product * powers[i][a]
            total = total + product
        return total

    # Display

    def __repr__(self):
        return _render(self, number_word, lambda name, a: name if a == 1 else f"{name}^{a}", "*")

    def _repr_latex_(self):
        return f"$\\displaystyle {self.latex()}$"

    def latex(self) -> str:
        """The polynomial as LaTeX, without dollar signs."""

        def factor(name, a):
            return latex_name(name) if a == 1 else f"{latex_name(name)}^{{{a}}}"

        return _render(self, latex_number, factor, r" \, ")


def variables(names: int | str | Sequence[str], /) -> tuple[Polynomial, ...]:
    """The variables x1, ..., xn, or variables with given names, as polynomials.

    Parameters
    ----------
    names : int, str or sequence of str
        How many, or their names: separated by blanks, or one by one.

    Examples
    --------
    >>> c, theta = variables("c theta")
    >>> theta - c**2
    -c^2 + theta
    """
    if isinstance(names, (str, tuple, list)):
        names = tuple(names.split()) if isinstance(names, str) else tuple(names)
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"names must name at least one variable, got {names!r}")
    else:
        check_integer("names", names, at_least=1)
        names = tuple(f"x{i + 1}" for i in range(names))
    unit = np.eye(len(names), dtype=np.int64)
    return tuple(Polynomial.from_arrays(unit[[i]], [1.0], names) for i in range(len(names)))


def monomial_names(exponents: np.ndarray, names) -> list[str]:
    """LaTeX of the monomials with these exponents, for the headings of tables."""
    return [Polynomial({tuple(a): 1.0}, len(a), names).latex() for a in exponents.tolist()]


def number_word(c) -> str:
    """A number as text; integers that would fill half a page are rounded.

    >>> number_word(Fraction(2, 3)), number_word(Fraction(10**5000, 3))
    ('2/3', '1.00000e+5000/3')
    """
    if not isinstance(c, Fraction):
        return str(c)
    n, d = _integer_word(c.numerator), _integer_word(c.denominator)
    return n if c.denominator == 1 else f"{n}/{d}"


def _integer_word(n: int) -> str:
    # Python itself writes 4,300 digits at most; a Decimal takes any number of them.
    return str(n) if abs(n) < _LONGEST_SHOWN else f"{Decimal(n):.5e}"


def latex_name(name: str) -> str:
    """LaTeX of a variable's name: `c1,2` is c with a subscript, `theta` the Greek letter."""
    head, index = re.fullmatch(r"(.*?)_?([\d,]*)", name).groups()
    head = f"\\{head}" if head in _GREEK else head if len(head) < 2 else f"\\mathrm{{{head}}}"
    return f"{head}_{{{index}}}" if index else head


def latex_number(c) -> str:
    """LaTeX of a coefficient: fractions as fractions, floats with six digits."""
    if isinstance(c, Fraction):
        n, d = (_power_of_ten(_integer_word(v)) for v in (c.numerator, c.denominator))
        return n if c.denominator == 1 else rf"\tfrac{{{n}}}{{{d}}}"
    return _power_of_ten(f"{c:.6g}")


def _power_of_ten(word: str) -> str:
    mantissa, _, exponent = word.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


_GREEK = set("alpha beta gamma delta theta lambda mu sigma tau phi psi omega".split())


def _check_names(names, n: int) -> tuple[str, ...]:
    names = tuple(f"x{i + 1}" for i in range(n)) if names is None else tuple(names)
    words = {name for name in names if isinstance(name, str)}
    if not len(words) == len(names) == n:
        raise ValueError(f"names must be {n} different words, got {names}")
    return names


def _check_degree(name: str, degree: int) -> None:
    if degree > LARGEST_DEGREE:
        raise ValueError(f"{name} must have degree at most {LARGEST_DEGREE}, got {degree}")


def _coefficient_array(values) -> np.ndarray:
    values = np.asarray(values) if not isinstance(values, list) else values
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        coefficients = values.astype(float)
    elif isinstance(values, np.ndarray) and not values.size:
        coefficients = values  # the zero polynomial, exact or not
    else:
        for c in values:
            if isinstance(c, bool) or not isinstance(c, Real):
                raise TypeError(f"coefficients must be real numbers, got {c!r}")
        if any(isinstance(c, Rational) and not isinstance(c, Integral) for c in values):
            exact = [Fraction(c) for c in values]
            coefficients = np.array(exact, dtype=object)
        else:
            try:
                coefficients = np.array([float(c) for c in values], dtype=float)
            except OverflowError as error:
                raise ValueError("coefficients must be finite floats, got a larger one") from error
    if coefficients.dtype != object and not np.isfinite(coefficients).all():
        bad = coefficients[~np.isfinite(coefficients)][0]
        raise ValueError(f"coefficients must be finite, got {bad}")
    return coefficients


def _collect(exponents, coefficients):
    """Sort by the graded order, add up equal exponents and drop zeros."""
    if len(exponents) == 0:
        return exponents, coefficients
    order = np.lexsort((*(-exponents.T[::-1]), exponents.sum(axis=1)))
    exponents, coefficients = exponents[order], coefficients[order]
    first = np.r_[True, (np.diff(exponents, axis=0) != 0).any(axis=1)]
    sums = np.add.reduceat(coefficients, np.flatnonzero(first))
    keep = sums != 0
    return exponents[first][keep], sums[keep]


def _values_of_monomials(points: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Shape (..., terms); of each monomial only the variables in it are touched."""
    rows, variables = np.nonzero(exponents)
    factors = points[..., variables] ** exponents[rows, variables]
    values = np.ones((*points.shape[:-1], len(exponents)), dtype=points.dtype)
    if len(rows):
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        values[..., rows[first]] = np.multiply.reduceat(factors, first, axis=-1)
    return values


def _same_numbers(p: Polynomial, q: Polynomial):
    return (p, q) if p.is_exact == q.is_exact else (p.exact(), q.exact())


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _render(p: Polynomial, number, factor, times: str) -> str:
    """Write a sum of terms, highest degree first, with the given looks of numbers and powers."""
    text = ""
    for alpha, c in sorted(p.terms.items(), key=lambda term: -sum(term[0])):
        powers = [factor(name, a) for name, a in zip(p.names, alpha, strict=True) if a]
        size = abs(c)
        if not isinstance(c, Fraction) and size == int(size) and size < 1e6:
            size = int(size)
        digits = [] if size == 1 and powers else [number(size)]
        sign = ("-" if c < 0 else "") if not text else (" - " if c < 0 else " + ")
        text += sign + times.join(digits + powers)
    return text or "0"
