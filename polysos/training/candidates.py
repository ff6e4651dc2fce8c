"""The coefficients that a fit has found: the best, what it proves from above, and the others."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite

import numpy as np

from ..proofs.exact import round_up
from .bounds import Bounds
from .nearest_floats import best_floats
from .recovery import polish
from .residuals import Residuals

_SHARPER = 4  # times that a candidate is refined in the distance from it
_SHORT = (9, 6)  # decimals: perhaps the coefficients are short numbers, and their loss is zero
_SAME = 1e-4  # relative: coefficients closer than this are listed once


def relative_gap(loss: float, bound: float) -> float:
    """(loss - bound) / loss; 0 where the loss is 0."""
    return (loss - bound) / loss if loss > 0 else 0.0


class Candidates:
    """Coefficients within bounds, the best first.

    Parameters
    ----------
    r : Residuals
    bounds : Bounds
    rounding : callable
        How much of the loss at given coefficients rounding of the data explains.

    Attributes
    ----------
    best : array, shape (n,)
    loss : float
        Of the best, computed exactly and rounded up; infinite before any is found.
    floor : float
        A local minimum that floats do not reach: see `sharpen`.
    found : list of array
        The ends of all local searches.
    """

    def __init__(self, r: Residuals, bounds: Bounds, rounding: Callable[[np.ndarray], float]):
        self.r, self.bounds, self._rounding_at = r, bounds, rounding
        self.best, self.loss, self.floor = np.zeros(r.n_coefficients), inf, -inf
        self.found: list[np.ndarray] = []
        self._rounding = None, inf

    def improve(self, start: np.ndarray) -> None:
        """Take in the local minimum that a start leads to."""
        c = polish(self.r, start, self.bounds)
        if not np.isfinite(c).all() or not isfinite(self.r.loss(c)):
            return
        self.found.append(c)
        for candidate in (c, *(self.bounds.inside(np.round(c, digits)) for digits in _SHORT)):
            self.consider(candidate)

    def consider(self, c: np.ndarray) -> bool:
        """Take coefficients if they are better, without rounding."""
        if self.r.loss(c) - self.r.resolution(c) > self.loss:
            return False
        loss = round_up(self.r.exact_loss(c))
        if loss < self.loss:
            self.best, self.loss = c, loss
            return True
        return False

    def sharpen(self, tolerance: float) -> None:
        """Go on with the search where floats can no longer tell which coefficients are better.

        Near the best, in the distance from it, they can. What is found there must be rounded to
        floats again: all coefficients together, for each alone would lose too much.
        """
        if self.bounds.radius is not None:
            return
        for _ in range(_SHARPER):
            if self.r.resolution(self.best) <= 0.01 * tolerance * self.loss:
                return
            c, local = self.best, self.r.around(self.best).residuals(self.r)
            d = polish(local, np.zeros_like(c), self.bounds.around(c))
            self.floor = local.loss(d)
            if not self.consider(self.bounds.inside(best_floats(local, c, d))):
                return

    def rounding(self) -> float:
        """Of the data, at the best; remembered."""
        if self._rounding[0] is not self.best:
            self._rounding = self.best, self._rounding_at(self.best)
        return self._rounding[1]

    def is_exact(self) -> bool:
        """Whether the loss is no larger than what rounding of the data can make."""
        return self.loss <= self.rounding()

    def meeting(self, bound: float, tolerance: float) -> np.ndarray:
        """The best, and those different from it whose loss meets a bound as well."""
        kept = [self.best]
        for c in self.found:
            if any(np.abs(c - k).max() <= _SAME * (1 + np.abs(k).max()) for k in kept):
                continue
            loss = round_up(self.r.exact_loss(c))
            if relative_gap(loss, bound) <= tolerance or (
                self.is_exact() and loss <= self._rounding_at(c)
            ):
                kept.append(c)
        return np.array(kept)
