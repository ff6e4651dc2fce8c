"""From a nearly feasible point to one that is proven feasible.

Local search ends at floats, feasible to some digits. They are rounded to simple rationals, pushed
into the interior of the inequalities by as little as that takes, or moved onto an exact solution
of the equations nearby. What is found is checked in exact or ball arithmetic (`feasible_points`);
that nothing is found says nothing.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np
from flint import arb, arb_mat, ctx
from scipy.linalg import qr
from scipy.optimize import linprog

from ..algebra.polynomials import Polynomial
from ..proofs.exact import to_fmpq, to_fraction
from ..proofs.feasible_points import BITS, ExactProblem, FeasiblePoint, box_of_zero, largest, on_box
from .local_search import LocalSearch

_DENOMINATORS = (1, 2, 3, 4, 12, 100, 10**4, 10**6)
_SIMPLE = 64  # largest denominator of a coordinate that is taken to be exact
_NEAR = 1e-3  # units: a rounded point lies within it, and no point is moved further
_ACTIVE = 1e-5  # of a constraint of unit size: below, a point lies at its boundary
_INDEPENDENT = 1e-6  # part of a unit gradient outside of the span of others
_PUSHES = 8  # each eight times as far as the one before
_DIGITS = BITS // 2  # of the solution of a system, in bits
_LARGE = 60  # terms; polynomials with more are not factored


class NearPoints:
    """Proves that there are feasible points near those that a local search finds."""

    def __init__(self, local: LocalSearch):
        self.local, self.scaled = local, local.scaled
        self.exact = ExactProblem(local.scaled.problem)

    def prove(self, x: np.ndarray, slip: float) -> FeasiblePoint | None:
        """A proven point near x, in the user's units; f is to be larger than at x by a slip only.

        None where none is found.
        """
        aim = self.exact.objective(*map(to_fmpq, x.tolist())) + to_fmpq(slip)
        found: list[FeasiblePoint] = []
        for attempt in (self._rounded, self._pushed, self._solved):
            for point in attempt(x):
                if to_fmpq(point.value) <= aim:
                    return point
                found.append(point)
        return min(found, key=lambda point: point.value, default=None)

    # Rational points

    def _rounded(self, x: np.ndarray):
        """The best of x itself and of simple rational points near it."""
        centers = [[Fraction(v).limit_denominator(d) for v in x.tolist()] for d in _DENOMINATORS]
        centers.append([Fraction(v) for v in x.tolist()])
        found = [p for p in map(self._rational, centers) if p and self._is_near(p.coordinates, x)]
        if found:
            yield min(found, key=lambda point: point.value)

    def _rational(self, center) -> FeasiblePoint | None:
        x = [to_fmpq(c) for c in center]
        if not self.exact.is_feasible(x):
            return None
        return FeasiblePoint(tuple(center), to_fraction(self.exact.objective(*x)))

    def _is_near(self, x: np.ndarray, y: np.ndarray) -> bool:
        room = _NEAR * self.scaled.scale + 1e-15 * np.abs(y)  # a box may be as narrow as floats are
        return bool((np.abs(x - y) <= room).all())

    # Into the interior of the inequalities

    def _pushed(self, x: np.ndarray):
        """The first point on the way inward from x, and on the equations, that is feasible."""
        z = self.scaled.from_user(x)
        for step in self._steps_inward(z):
            moved = self.scaled.to_user(z + step)
            if not self.exact.equalities:
                point = self._rational([Fraction(v) for v in moved.tolist()])
            else:
                point = self._at_zero(moved, self.exact.equalities)
            if point is not None:
                yield point
                return

    def _steps_inward(self, z: np.ndarray):
        """Steps, short ones first, that raise each inequality that is active at z.

        Their direction solves a linear program: the smallest slope is largest, along the equations.
        """
        if self.exact.equalities:
            yield np.zeros(len(z))
        g, slopes = self.local.inequalities.values(z), self.local.inequalities.jacobian(z)
        active = g < _ACTIVE
        size = np.linalg.norm(slopes[active], axis=1)
        tangent = self.local.equalities.jacobian(z)
        if not active.any() or not (size > 0).all() or not np.isfinite(slopes).all():
            return
        n = len(z)
        found = linprog(
            np.r_[np.zeros(n), -1.0],
            A_ub=np.column_stack([-slopes[active] / size[:, None], np.ones(len(size))]),
            b_ub=np.zeros(len(size)),
            A_eq=np.column_stack([tangent, np.zeros(len(tangent))]) if len(tangent) else None,
            b_eq=np.zeros(len(tangent)) if len(tangent) else None,
            bounds=[(-1.0, 1.0)] * (n + 1),
        )
        if found.status != 0 or found.x[-1] < 1e-6:
            return
        direction, slope = found.x[:n], found.x[-1]
        length = max(2 * float((-g[active] / size).max()) / slope, 2.0**-48)
        for _ in range(_PUSHES):
            if length > _NEAR:
                return
            yield length * direction
            length *= 8

    # Onto the equations

    def _solved(self, x: np.ndarray):
        """Exact solutions of the equations near x and of the inequalities that are active there.

        A singular solution often has simple coordinates: put in, the others may be regular.
        """
        z = self.scaled.from_user(x)
        active = np.flatnonzero(self.local.inequalities.values(z) < _ACTIVE)
        polynomials = [*self.exact.equalities]
        polynomials += [self.exact.inequalities[self.scaled.kept[j]] for j in active]
        simple = [Fraction(v).limit_denominator(_SIMPLE) for v in x.tolist()]
        near = np.abs((np.array(simple, dtype=float) - x) / self.scaled.scale) <= _NEAR**2
        for fixed in ({}, {i: simple[i] for i in np.flatnonzero(near).tolist()}):
            point = self._at_zero(x, polynomials, fixed)
            if point is not None:
                yield point

    def _at_zero(self, x: np.ndarray, polynomials: list, fixed=None) -> FeasiblePoint | None:
        """A feasible point near x where these polynomials vanish, some coordinates given."""
        names = [str(z) for z in self.exact.ring.ctx.gens()]
        fixed = fixed or {}
        put_in = {names[i]: to_fmpq(c) for i, c in fixed.items()}
        rest = [p.subs(put_in) if put_in else p for p in polynomials]
        center = [fixed.get(i, Fraction(v)) for i, v in enumerate(x.tolist())]
        factors = [self._factor(p, center) for p in rest if not p.is_constant()]
        system, unknowns = self._square_system(factors, center)
        if not system:
            return None
        with ctx.workprec(BITS):
            center = _newton(system, center, unknowns)
            if center is None or not self._is_near(np.array(center, dtype=float), x):
                return None
            size = max(abs(center[i]) for i in unknowns) or Fraction(1)
            radius = Fraction(2) ** (size.numerator.bit_length() - size.denominator.bit_length())
            radius /= 2 ** (_DIGITS - 40)
            box = box_of_zero(system, center, unknowns, radius)
            if box is None or not self.exact.holds_in(box, center, unknowns, system):
                return None
            value = largest(self.exact.objective, box)
        if value == inf:
            return None
        return FeasiblePoint(
            tuple(center), value, unknowns, radius, tuple(self._polynomial(p) for p in system)
        )

    def _factor(self, p, center):
        """The irreducible factor of p whose zeros are nearest; p itself where p is large."""
        if len(p) > _LARGE:
            return p
        factors = [q for q, _ in p.factor()[1]]
        return min(factors, key=lambda q: self._distance(q, center))

    def _gradient(self, p, center) -> np.ndarray:
        x = [to_fmpq(c) for c in center]
        slopes = [float(to_fraction(p.derivative(i)(*x))) for i in range(len(x))]
        return np.array(slopes) * self.scaled.scale

    def _distance(self, p, center) -> float:
        value = abs(float(to_fraction(p(*map(to_fmpq, center)))))
        slope = float(np.linalg.norm(self._gradient(p, center)))
        return value / slope if slope > 0 else float(value > 0)

    def _square_system(self, polynomials: list, center):
        """Polynomials with independent gradients, and as many variables to solve them for."""
        chosen, rows = [], np.zeros((0, len(center)))
        for p in sorted(polynomials, key=lambda p: p.total_degree()):
            row = self._gradient(p, center)
            size = np.linalg.norm(row)
            if not 0 < size < np.inf:
                continue
            row = row / size
            outside = row - rows.T @ (rows @ row)
            if np.linalg.norm(outside) > _INDEPENDENT:
                chosen.append(p)
                rows = np.vstack([rows, outside / np.linalg.norm(outside)])
        if not chosen:
            return [], ()
        _, _, order = qr(rows, pivoting=True)
        return chosen, tuple(sorted(order[: len(chosen)].tolist()))

    def _polynomial(self, p) -> Polynomial:
        f = self.scaled.problem.objective
        terms = {tuple(map(int, a)): to_fraction(c) for a, c in p.to_dict().items()}
        return Polynomial(terms, f.n_variables, f.names).exact()


def _newton(system: list, center: list, unknowns) -> list | None:
    """A zero of a square system near a center, to many digits; None where Newton's steps fail."""
    x, r = [arb(to_fmpq(c)) for c in center], len(unknowns)
    jacobian = [[p.derivative(i) for i in unknowns] for p in system]
    last = None
    for _ in range(50):
        J = arb_mat(r, r, [on_box(d, x) for row in jacobian for d in row]).mid()
        F = arb_mat(r, 1, [on_box(p, x) for p in system]).mid()
        try:
            step = J.solve(F).mid().entries()
        except ZeroDivisionError:
            return None
        for i, change in zip(unknowns, step, strict=True):
            x[i] = (x[i] - change).mid()
        length = max(abs(change) for change in step)
        if last is not None and not length < last:
            break
        last = length
    if not all(v.is_finite() for v in x):
        return None
    return [_shortened(x[i], c) if i in unknowns else c for i, c in enumerate(center)]


def _shortened(value, default: Fraction) -> Fraction:
    """A ball's center, rounded to as many bits as a box needs."""
    with ctx.workprec(_DIGITS):
        return to_fraction((+value).mid().fmpq())
