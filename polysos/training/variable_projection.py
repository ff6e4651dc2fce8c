"""Local searches for squared losses in the inner coefficients alone.

The coefficients v of the last activation enter linearly: F phi(c) = M(u) v, with u all others. (A
penalty adds terms in u alone, which count as part of y.) For given u the best v is a least-squares
solution, and what remains is

    g(u) = min_v |M(u) v - y|^2 = |P(u) y|^2,

P(u) the projection onto the complement of the range of M(u). Levenberg and Marquardt's method runs
on P(u) y, with Kaufman's Jacobian P (dM/du) v (Golub, Pereyra 1973; Kaufman 1975). A value of g
costs a small least-squares problem, so that a search can afford to begin at the best of many random
points. Far from the model the best activations are often nearly flat, all of them or one: there
points of all sizes are the better beginning, or points whose coefficients are.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from ..algebra.derivatives import MonomialFunctions
from .residuals import Residuals

_DRAWN = 512  # random points, of which the best begins a search
_POWERS = -3.0, 0.5  # of ten: sizes of points
SIZES = ("unit", "common", "own")  # of the points drawn: see `search`
_STEPS = 200  # evaluations in a search


class VariableProjection:
    """The reduced problem of some residuals.

    Parameters
    ----------
    r : Residuals

    Raises
    ------
    ValueError
        Unless no monomial has two coefficients of the last activation, or a power of one.
    """

    def __init__(self, r: Residuals):
        self.r, n = r, r.n_coefficients
        ends = [k for k in range(n) if (r.exponents[:, k:].sum(axis=1) <= 1).all()]
        if not ends:
            raise ValueError("the residuals must be linear in coefficients that stand last")
        self.n_inner = ends[0]
        self.inner = r.exponents[:, : self.n_inner]
        self.factor = r.exponents[:, self.n_inner :].astype(float)  # which v a monomial has
        self.alone = self.factor.sum(axis=1) == 0  # monomials in u alone
        self.psi = MonomialFunctions(self.inner)

    def search(self, rng: np.random.Generator, sizes: str = "unit") -> np.ndarray:
        """Coefficients at a local minimum, from the best of many random points.

        `sizes`: whether these are of size 1, each of a random size ("common" to its coefficients),
        or each coefficient of its "own".

        >>> from .compilation import compile_residuals
        >>> from .networks import PolynomialNetwork
        >>> net = PolynomialNetwork([[[1.0]], [[1.0], [2.0]], [[1.0, 1.0]]], degrees=(1, 2))
        >>> X = np.linspace(-1, 1, 9)[:, None]
        >>> r = compile_residuals(net, X, net([0.5, 1.0, -1.0, 2.0], X), "sample-squares")
        >>> c = VariableProjection(r).search(np.random.default_rng(0))
        >>> r.loss(c) < 1e-20
        True
        """
        if self.n_inner == 0:
            return self.completed(np.zeros(0))
        points = rng.standard_normal((_DRAWN, self.n_inner))
        if sizes != "unit":
            drawn = (_DRAWN, 1 if sizes == "common" else self.n_inner)
            points = points * 10 ** rng.uniform(*_POWERS, drawn)
        start = points[np.argmin(self.values(points))]
        with np.errstate(all="ignore"):
            try:
                found = least_squares(
                    lambda u: self._projected(u)[0],
                    start,
                    lambda u: self._projected(u)[1],
                    method="lm" if len(self.r.targets) >= self.n_inner else "trf",
                    max_nfev=_STEPS,
                ).x
            except (ValueError, np.linalg.LinAlgError):  # numbers beyond the floats on the way
                found = start
        return self.completed(found)

    def completed(self, u: np.ndarray) -> np.ndarray:
        """c = (u, v) with the best v."""
        return np.r_[u, np.linalg.lstsq(self._matrix(u), self._targets(u), rcond=None)[0]]

    def values(self, points: np.ndarray) -> np.ndarray:
        """g at points u, shape (k, n_inner); too small where the columns of M are dependent."""
        psi = np.prod(points[:, None, :] ** self.inner, axis=2)
        M = np.einsum("mp,bp,pk->bmk", self.r.matrix, psi, self.factor, optimize=True)
        y = self.r.targets - psi[:, self.alone] @ self.r.matrix[:, self.alone].T
        across = np.einsum("bmk,bm->bk", np.linalg.qr(M)[0], y)
        return (y**2).sum(axis=1) - (across**2).sum(axis=1)

    def _matrix(self, u: np.ndarray) -> np.ndarray:
        return (self.r.matrix * self.psi.values(u)) @ self.factor

    def _targets(self, u: np.ndarray) -> np.ndarray:
        """y, less the terms in u alone."""
        own = self.psi.values(u)[self.alone]
        return self.r.targets - self.r.matrix[:, self.alone] @ own

    def _projected(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """M(u) v - y for the best v, and Kaufman's Jacobian of it."""
        M, y = self._matrix(u), self._targets(u)
        left, singular, right = np.linalg.svd(M, full_matrices=False)
        kept = singular > 1e-13 * singular.max(initial=0.0)
        left, right = left[:, kept], right[kept]
        v = right.T @ ((left.T @ y) / singular[kept])
        slopes = self.psi.slopes(u) * (self.factor @ v + self.alone)
        J = self.r.matrix @ slopes.T
        return M @ v - y, J - left @ (left.T @ J)
