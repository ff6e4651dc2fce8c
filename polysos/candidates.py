"""Points: local search for feasible points with small objective values.

A point gives an upper bound, and it needs no trust: its value and its feasibility are evaluated.
The search itself is scipy's SLSQP from the points that a relaxation suggests and from random
ones.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from .polynomials import Polynomial
from .scaling import ScaledProblem

FAR = 10.0  # units; beyond, a point may belong to an infimum that is not attained
FARTHEST = 1e4  # units; the search goes no further


class LocalSearch:
    """SLSQP on one scaled problem, within the box that holds its feasible set."""

    def __init__(self, scaled: ScaledProblem, box: np.ndarray):
        n = scaled.problem.n_variables
        self.scaled, self.n = scaled, n
        self.free = ~np.isfinite(box).all(axis=1)
        ends = np.column_stack([scaled.from_user(box[:, 0]), scaled.from_user(box[:, 1])])
        self.box = np.clip(ends, -FARTHEST, FARTHEST)
        self.objective = _Functions([scaled.objective], n)
        self.inequalities = _Functions(list(scaled.inequalities), n)
        self.equalities = _Functions(list(scaled.equalities), n)

    def descend(
        self, start: np.ndarray, at_least: float | None = None, at_most: float | None = None
    ) -> np.ndarray | None:
        """A local minimizer near a start, in scaled variables; `at_least` and `at_most` bound |z|.

        None where the box is empty, or the search ends outside of what floating point can hold.
        """
        if (self.box[:, 0] > self.box[:, 1]).any():
            return None
        start = np.clip(start, self.box[:, 0], self.box[:, 1])
        constraints = [
            {"type": kind, "fun": functions.values, "jac": functions.jacobian}
            for kind, functions in (("ineq", self.inequalities), ("eq", self.equalities))
            if len(functions.table)
        ]
        for sign, radius in ((1.0, at_least), (-1.0, at_most)):
            if radius is not None:
                constraints.append(_outside_ball(sign, radius))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            slope = np.abs(self.objective.jacobian(start)).max()
            size = max(1.0, slope * (at_most or 1.0))  # far out, values have many digits
            found = scipy_minimize(
                lambda z: self.objective.values(z)[0] / size,
                start,
                jac=lambda z: self.objective.jacobian(z)[0] / size,
                method="SLSQP",
                bounds=self.box,
                constraints=constraints,
                options={"maxiter": 300, "ftol": 1e-15},
            )
        z = np.clip(found.x, self.box[:, 0], self.box[:, 1])
        return self._onto_equalities(z) if np.isfinite(z).all() else None

    def _onto_equalities(self, z: np.ndarray) -> np.ndarray:
        """A few Gauss-Newton steps onto the equalities."""
        if not len(self.equalities.table):
            return z
        for _ in range(5):
            h, J = self.equalities.values(z), self.equalities.jacobian(z)
            if not np.isfinite(J).all() or np.abs(h).max() < 1e-15:
                break
            z = z - np.linalg.lstsq(J, h, rcond=None)[0]
        return z

    def random_starts(self, count: int, seed: int = 0) -> np.ndarray:
        """Points of the box, or of a normal law where a variable is not bounded."""
        rng = np.random.default_rng(seed)
        inside = rng.uniform(-1.0, 1.0, (count, self.n))
        anywhere = rng.standard_normal((count, self.n))
        return np.where(self.free, anywhere, inside)

    def falls_further_out(self, z: np.ndarray, tolerance: float) -> bool:
        """Whether points twice as far out are no worse: then the infimum may not be attained."""
        distance = float(np.linalg.norm(z[self.free]))
        if distance < FAR:
            return False
        if distance > FARTHEST / 2:
            return True
        outer = self.descend(2 * z, at_least=2 * float(np.linalg.norm(z)))
        if outer is None or self.scaled.violation(outer) > tolerance:
            return False
        return float(self.scaled.objective(outer)) <= float(self.scaled.objective(z)) + tolerance


class _Functions:
    """Values and Jacobian of several polynomials, evaluated together."""

    def __init__(self, polynomials: list[Polynomial], n: int):
        counts = [len(p.exponents) for p in polynomials]
        stacked = np.vstack([np.zeros((1, n), dtype=int), *(p.exponents for p in polynomials)])
        self.exponents, index = np.unique(stacked, axis=0, return_inverse=True)
        self.table = np.zeros((len(polynomials), len(self.exponents)))
        rows = np.repeat(np.arange(len(polynomials)), counts)
        values = np.concatenate([np.empty(0), *(p.coefficients for p in polynomials)])
        np.add.at(self.table, (rows, index.ravel()[1:]), values)
        self.lowered = np.maximum(self.exponents[None] - np.eye(n, dtype=int)[:, None, :], 0)

    def values(self, z):
        return self.table @ np.prod(z**self.exponents, axis=1)

    def jacobian(self, z):
        powers = np.prod(z**self.lowered, axis=2) * self.exponents.T
        return self.table @ powers.T


def _outside_ball(sign: float, radius: float) -> dict:
    """|z| >= radius for sign 1, |z| <= radius for sign -1, as SLSQP takes it."""
    return {
        "type": "ineq",
        "fun": lambda z: sign * (z @ z / radius**2 - 1),
        "jac": lambda z: sign * 2 * z / radius**2,
    }
