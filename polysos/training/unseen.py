"""Bounds of coefficients that the residuals do not see by themselves, from those of the others.

With one output c2,0 and c2,1 occur in a sum only, but c2,1 c1,1 by itself, and c1,1 is a ratio.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor, inf

import numpy as np

from ..proofs.exact import to_fraction
from .chain import Chain
from .multipliers import grid_for
from .weighted_squares import WeightedSquares


def bound_others(chain: Chain, known: WeightedSquares) -> Chain:
    """Coefficients that are not seen by themselves, from those that are bounded already."""
    open_ends = 2 * chain.n + 1
    while np.isinf(chain.box).sum() < open_ends:
        open_ends = np.isinf(chain.box).sum()
        for i in np.flatnonzero(np.isinf(chain.box).any(axis=1)):
            for row in known.basis.table.tolist()[1:]:
                if np.isinf(chain.box[i]).any():
                    chain = _bound_by_row(chain, known, i, [to_fraction(v) for v in row])
    return chain


def _bound_by_row(chain: Chain, known: WeightedSquares, i: int, L: list[Fraction]) -> Chain:
    """Bound c_i on both sides, by L = d c_i + rest; d != 0 and rest are known from the others."""
    exponents, values = chain.r.exponents, np.array(L[1:], dtype=object)
    own = (exponents[:, i] > 0) & (values != 0)
    if own.sum() != 1 or exponents[own, i] != 1:
        return chain
    rest = (values != 0) & ~own
    away = np.arange(chain.n) != i
    d = chain.polynomial(exponents[own] * away, values[own])
    rest = chain.polynomial(exponents[rest], values[rest])
    if chain.smallest(-d) > 0:
        d, rest, L = -d, -rest, [-v for v in L]
    low, high = chain.smallest(d), -chain.smallest(-d)
    for sign in (1, -1):
        of_rest = chain.smallest(-sign * rest)
        found = known.smallest([sign * v for v in L]) if 0 < low and abs(of_rest) < inf else None
        if found is not None:
            value = Fraction(found.value) + of_rest
            bound = value / (high if value > 0 else low)
            unit = Fraction(grid_for(abs(float(bound)))) / 2**20 or Fraction(1)
            bound = floor(bound / unit) * unit
            chain = chain.bound_ratio(chain.variable(i, sign), bound, found, d)
    return chain
