"""Forms: polynomials all of whose terms have the same degree, on the whole space.

The infimum of a form is 0 or -infinity. A form that is no sum of squares is none times a power of
1 + |x|^2 either, for the lowest terms of that, the form itself, would have to be one. But it often
is one times a power of |x|^2: always, for some power, where it is positive (Reznick 1995).
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.proof import Proof
from .sums_of_squares import is_sos

_POWERS = 3  # of |x|^2: 0, 1 and 2
_MOST_ROWS = 60  # of a Gram matrix: some seconds


def is_form(f: Polynomial) -> bool:
    """Whether all terms have the same even degree, and there are some.

    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> is_form(x**4 - x * y**3), is_form(x**4 - x * y)
    (True, False)
    """
    degrees = set(f.exponents.sum(axis=1).tolist())
    return len(degrees) == 1 and degrees.pop() % 2 == 0


def nonnegative_form(f: Polynomial, solver: str = "CLARABEL") -> Proof | None:
    """A proof of f >= 0 by |x|^(2r) f = a sum of squares; None where none is found.

    >>> from polysos import PolynomialProblem, variables
    >>> x, y, z = variables(3)
    >>> motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 * z**2 + z**6
    >>> nonnegative_form(motzkin).verify(PolynomialProblem(motzkin))
    True
    """
    n = f.n_variables
    length = Polynomial.from_arrays(2 * np.eye(n, dtype=np.int64), np.ones(n), f.names).exact()
    for power in range(_POWERS):
        half = f.degree // 2 + power
        if comb(n - 1 + half, half) > _MOST_ROWS:
            return None
        denominator = length**power
        found = is_sos(denominator * f.exact(), solver)
        if found.gram is None:
            continue
        return Proof(
            holds=True,
            bound=Fraction(0),
            problem=PolynomialProblem(f.exact()),
            center=(Fraction(0),) * n,
            scale=(Fraction(1),) * n,
            gram={(): found.gram},
            equality_multipliers=(),
            denominator=denominator if power else None,
        )
    return None
