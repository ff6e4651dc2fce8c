"""Arrays of rationals over one common denominator, for data that must not be rounded.

The numerators are integers of any length. Matrix products are flint's, entrywise ones numpy's over
its objects: fast enough for some million products a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

import numpy as np
from flint import fmpq, fmpq_mat, fmpz, fmpz_mat


@dataclass(frozen=True, eq=False)
class ExactArray:
    """numerators / denominator, entry by entry.

    Attributes
    ----------
    numerators : array of fmpz (dtype object)
    denominator : int
        Positive.

    Examples
    --------
    >>> A = ExactArray.of([[0.5, 3.0]])
    >>> (A @ A.T).fractions()
    [[37/4]]
    """

    numerators: np.ndarray
    denominator: int

    @staticmethod
    def of(values) -> ExactArray:
        """Floats, integers and `Fraction` as the rationals they are."""
        array = np.asarray(values)
        ratios = [v.as_integer_ratio() for v in array.ravel().tolist()]
        denominator = lcm(*(q for _, q in ratios))
        numerators = np.empty(len(ratios), dtype=object)
        numerators[:] = [fmpz(p * (denominator // q)) for p, q in ratios]
        return ExactArray(numerators.reshape(array.shape), denominator)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.numerators.shape

    @property
    def T(self) -> ExactArray:
        return ExactArray(self.numerators.T, self.denominator)

    def __matmul__(self, other: ExactArray) -> ExactArray:
        left, right = (fmpz_mat(*a.shape, list(a.numerators.flat)) for a in (self, other))
        product = np.empty(self.shape[0] * other.shape[1], dtype=object)
        product[:] = (left * right).entries()
        shape = (self.shape[0], other.shape[1])
        return ExactArray(product.reshape(shape), self.denominator * other.denominator)

    def __mul__(self, other: ExactArray) -> ExactArray:
        product = self.numerators * other.numerators
        return ExactArray(product, self.denominator * other.denominator)

    def __add__(self, other: ExactArray) -> ExactArray:
        common = lcm(self.denominator, other.denominator)
        left, right = (
            a.numerators * fmpz(common // a.denominator)
            if common != a.denominator
            else a.numerators
            for a in (self, other)
        )
        return ExactArray(left + right, common)

    def __getitem__(self, index) -> ExactArray:
        return ExactArray(self.numerators[index], self.denominator)

    def __neg__(self) -> ExactArray:
        return ExactArray(-self.numerators, self.denominator)

    def filled(self, value, width: int | None = None) -> ExactArray:
        """One number everywhere, in as many rows as here, and as many columns or `width`."""
        p, q = value.as_integer_ratio()
        shape = self.shape if width is None else (len(self.numerators), width)
        return ExactArray(np.full(shape, fmpz(p), dtype=object), q)

    def rows(self, count: int) -> ExactArray:
        """A single row as often as asked for; more rows as they are."""
        shape = (count, self.shape[1])
        return ExactArray(np.broadcast_to(self.numerators, shape), self.denominator)

    def mean(self) -> ExactArray:
        """Over the rows, as a single row."""
        total = self.numerators.sum(axis=0)[None, :]
        return ExactArray(total, self.denominator * len(self.numerators))

    def ravel(self) -> ExactArray:
        return ExactArray(self.numerators.ravel(), self.denominator)

    def floats(self) -> np.ndarray:
        """The nearest floats."""
        flat = [int(v) / self.denominator for v in self.numerators.flat]
        return np.array(flat).reshape(self.shape)

    def fractions(self) -> list:
        """The entries as fmpq, in nested lists."""
        flat = [fmpq(v, self.denominator) for v in self.numerators.flat]
        return np.array(flat, dtype=object).reshape(self.shape).tolist()


def as_matrix(columns: list[ExactArray]) -> fmpq_mat:
    """The matrix with these columns, each an array of one axis."""
    rows = zip(*(column.fractions() for column in columns), strict=True)
    return fmpq_mat([list(row) for row in rows])
