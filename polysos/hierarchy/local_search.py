"""Points: local search for feasible points with small objective values.

A point gives an upper bound, and it needs no trust: its value and its feasibility are evaluated.
The search itself is scipy's SLSQP from the points that a relaxation suggests and from random
ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from ..algebra.derivatives import MonomialFunctions
from ..algebra.polynomials import Polynomial
from ..relaxations.scaling import ScaledProblem

FAR = 10.0  # units; beyond, a point may belong to an infimum that is not attained
FARTHEST = 1e4  # units; the search goes no further
_NEWTON_STEPS = 4
_AWAY = 1e-3  # of a constraint of unit size: above, it does not matter for a step
_STILL = 1e-6  # of the distance: a step that is no step


class LocalSearch:
    """SLSQP on one scaled problem, within the box that holds its feasible set.

    As soon as `stop` says so, a search ends where it is.
    """

    def __init__(
        self, scaled: ScaledProblem, box: np.ndarray, stop: Callable[[], bool] = lambda: False
    ):
        n = scaled.problem.n_variables
        self.scaled, self.n, self.stop = scaled, n, stop
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
        z = np.clip(self._slsqp(start, constraints, at_most), self.box[:, 0], self.box[:, 1])
        return self._onto_equalities(z) if np.isfinite(z).all() else None

    def _slsqp(self, start: np.ndarray, constraints: list, at_most: float | None) -> np.ndarray:
        last = start

        def slopes(z):
            nonlocal last
            last = z.copy()
            if self.stop():
                raise TimeoutError
            return self.objective.jacobian(z)[0] / size

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            slope = np.abs(self.objective.jacobian(start)).max()
            size = max(1.0, slope * (at_most or 1.0))  # far out, values have many digits
            try:
                return scipy_minimize(
                    lambda z: self.objective.values(z)[0] / size,
                    start,
                    jac=slopes,
                    method="SLSQP",
                    bounds=self.box,
                    constraints=constraints,
                    options={"maxiter": 300, "ftol": 1e-15},
                ).x
            except TimeoutError:
                return last

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

    @cached_property
    def gradient(self) -> _Functions:
        return _Functions(list(self.scaled.objective.gradient()), self.n)

    def polished(self, z: np.ndarray) -> np.ndarray:
        """z after a few of Newton's steps, as far as they lead down, away from all constraints."""
        for _ in range(_NEWTON_STEPS):
            new = self._newton_step(z)
            if new is None or not self.scaled.objective(new) <= self.scaled.objective(z):
                break
            z = new
        return z

    def _newton_step(self, z: np.ndarray) -> np.ndarray | None:
        """The zero of the linearised gradient; None at a constraint, or where there is none."""
        with np.errstate(all="ignore"):
            if len(self.equalities.table) or not (self.inequalities.values(z) >= _AWAY).all():
                return None
            gradient, hessian = self.gradient.values(z), self.gradient.jacobian(z)
            if not np.isfinite(hessian).all() or not np.isfinite(gradient).all():
                return None
            try:
                new = z - np.linalg.lstsq(hessian, gradient, rcond=None)[0]
            except np.linalg.LinAlgError:
                return None
            inside = np.isfinite(new).all() and (self.inequalities.values(new) >= 0).all()
        return new if inside else None

    def _is_strict_minimizer(self, z: np.ndarray) -> bool:
        """Whether the Hessian at z is positive definite, and Newton's step goes nowhere."""
        new = self._newton_step(z)
        if new is None or np.linalg.norm(new - z) > _STILL * np.linalg.norm(z):
            return False
        eigenvalues = np.linalg.eigvalsh(self.gradient.jacobian(z))
        return bool(eigenvalues[0] > _STILL * eigenvalues[-1])

    def random_starts(self, count: int, seed: int = 0) -> np.ndarray:
        """Points of the box, or of a normal law where a variable is not bounded."""
        rng = np.random.default_rng(seed)
        inside = rng.uniform(-1.0, 1.0, (count, self.n))
        anywhere = rng.standard_normal((count, self.n))
        return np.where(self.free, anywhere, inside)

    def falls_further_out(self, z: np.ndarray, tolerance: float) -> bool:
        """Whether points twice as far out are no worse: then the infimum may not be attained."""
        distance = float(np.linalg.norm(z[self.free]))
        if distance < FAR or self._is_strict_minimizer(z):
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
        exponents, index = np.unique(stacked, axis=0, return_inverse=True)
        self.monomials = MonomialFunctions(exponents)
        self.table = np.zeros((len(polynomials), len(exponents)))
        rows = np.repeat(np.arange(len(polynomials)), counts)
        values = np.concatenate([np.empty(0), *(p.coefficients for p in polynomials)])
        np.add.at(self.table, (rows, index.ravel()[1:]), values)

    def values(self, z):
        return self.table @ self.monomials.values(z)

    def jacobian(self, z):
        return self.table @ self.monomials.slopes(z).T


def _outside_ball(sign: float, radius: float) -> dict:
    """|z| >= radius for sign 1, |z| <= radius for sign -1, as SLSQP takes it."""
    return {
        "type": "ineq",
        "fun": lambda z: sign * (z @ z / radius**2 - 1),
        "jac": lambda z: sign * 2 * z / radius**2,
    }
