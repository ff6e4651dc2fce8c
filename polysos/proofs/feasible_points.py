"""Points that are proven feasible, exactly.

A rational point is put into the constraints. Equations have mostly irrational solutions: there a
square system of equations and a small box around an approximate solution prove, by Krawczyk's
test in ball arithmetic, that the box holds an exact one. No solver is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf, lcm
from numbers import Integral, Rational

import numpy as np
from flint import Ordering, arb, arb_mat, ctx, fmpz_mpoly_ctx, fmpz_mpoly_vec

from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..checks import check_type
from .exact import ExactRing, to_fmpq, to_fraction

BITS = 320  # of the ball arithmetic; boxes are far larger than its rounding
_GROEBNER = (20, 200, 10_000)  # polynomials, terms and bits where Buchberger's algorithm stops


@dataclass(frozen=True, eq=False, repr=False)
class FeasiblePoint:
    """A point x that satisfies every constraint, and f(x) <= value; exactly, not to a tolerance.

    Attributes
    ----------
    center : tuple of Fraction
        x itself, where there are no unknowns.
    value : Fraction
        f(x) is at most this.
    unknowns : tuple of int
        Numbers of the variables that are known to a radius only.
    radius : Fraction
        Each unknown lies within the radius of its center.
    system : tuple of Polynomial
        As many as there are unknowns: x is their common zero in that box. Equations hold at x
        because they lie in the ideal of these polynomials.

    Examples
    --------
    >>> from polysos import PolynomialProblem, variables
    >>> (x,) = variables(1)
    >>> problem = PolynomialProblem(x, [x], [x**2 - 2])
    >>> nearly = (Fraction(14142135623731, 10**13),)
    >>> FeasiblePoint(nearly, Fraction(3, 2)).verify(problem)
    False
    >>> system = (x**2 - 2,)
    >>> FeasiblePoint(nearly, Fraction(3, 2), (0,), Fraction(1, 10**9), system).verify(problem)
    True
    """

    center: tuple[Fraction, ...]
    value: Fraction
    unknowns: tuple[int, ...] = ()
    radius: Fraction = Fraction(0)
    system: tuple[Polynomial, ...] = ()

    def __repr__(self):
        x = ", ".join(f"{v:.6g}" for v in self.coordinates)
        exactly = "exactly" if self.is_rational else f"to {float(self.radius):.0e}"
        return f"<FeasiblePoint ({x}) {exactly}, f <= {float(self.value):.9g}>"

    @property
    def is_rational(self) -> bool:
        """Whether x is the center itself."""
        return not self.unknowns

    @property
    def coordinates(self) -> np.ndarray:
        """The center as floats, shape (n,): near x, and perhaps not quite feasible."""
        return np.array([float(c) for c in self.center])

    def verify(self, problem: PolynomialProblem) -> bool:
        """Check again, from what is stored, that there is such a point."""
        check_type("problem", problem, PolynomialProblem)
        if not self._is_well_formed(problem.n_variables):
            return False
        exact = ExactProblem(problem)
        if self.is_rational:
            x = [to_fmpq(c) for c in self.center]
            return exact.is_feasible(x) and exact.objective(*x) <= to_fmpq(self.value)
        with ctx.workprec(BITS):
            system = [exact.ring.read(p) for p in self.system]
            box = box_of_zero(system, self.center, self.unknowns, self.radius)
            if box is None or not exact.holds_in(box, self.center, self.unknowns, system):
                return False
            return largest(exact.objective, box) <= self.value

    def _is_well_formed(self, n: int) -> bool:
        numbers = (*self.center, self.value, self.radius)
        return (
            all(isinstance(v, Rational) for v in numbers)
            and all(isinstance(i, Integral) and 0 <= i < n for i in self.unknowns)
            and len(self.center) == n
            and len(set(self.unknowns)) == len(self.unknowns) == len(self.system)
            and all(isinstance(p, Polynomial) and p.n_variables == n for p in self.system)
            and (self.radius > 0 if self.unknowns else self.radius == 0)
        )


class ExactProblem:
    """A problem read into a ring of polynomials with rational coefficients."""

    def __init__(self, problem: PolynomialProblem):
        self.problem = problem
        self.ring = ExactRing(problem.n_variables)
        self.objective = self.ring.read(problem.objective)
        self.inequalities = [self.ring.read(g) for g in problem.inequalities]
        self.equalities = [self.ring.read(h) for h in problem.equalities]

    def is_feasible(self, x: list) -> bool:
        """Whether a rational point satisfies all constraints."""
        return all(h(*x) == 0 for h in self.equalities) and all(
            g(*x) >= 0 for g in self.inequalities
        )

    def holds_in(self, box: list, center, unknowns, system) -> bool:
        """Whether all constraints hold at the system's zero in a box, the known variables given."""
        names = [str(z) for z in self.ring.ctx.gens()]
        known = {
            names[i]: to_fmpq(c) for i, c in enumerate(center) if i not in unknowns
        }  # a polynomial in the unknowns is left
        divisors = [p.subs(known) for p in system]

        def vanishes(p) -> bool:
            return any(p == q for q in system) or is_in_ideal(p.subs(known), divisors)

        return all(vanishes(h) for h in self.equalities) and all(
            on_box(g, box) >= 0 or vanishes(g) for g in self.inequalities
        )


def is_in_ideal(p, system: list) -> bool:
    """Whether p is seen to be a combination of a system, with polynomials as coefficients.

    It is where it reduces to 0 by members of the ideal, be they a Groebner basis or not.
    """
    if p.is_zero() or any(not q.is_zero() and divmod(p, q)[1].is_zero() for q in system):
        return True
    integers = fmpz_mpoly_ctx.get([str(z) for z in p.context().gens()], Ordering.deglex)

    def integral(q):
        terms = q.to_dict()
        size = lcm(*(int(c.q) for c in terms.values()))
        return integers.from_dict({alpha: int(c * size) for alpha, c in terms.items()})

    vector = fmpz_mpoly_vec([integral(q) for q in system if not q.is_zero()], integers)
    basis, _ = vector.buchberger_naive(limits=_GROEBNER)
    return integral(p).reduction_primitive_part(basis).is_zero()


def box_of_zero(system: list, center, unknowns, radius: Fraction) -> list | None:
    """The box of balls around a center, if it provably holds a zero of a square system.

    Krawczyk: with Y near the inverse of the Jacobian J at the center m, the map
    x -> x - Y F(x) takes the box X into  m - Y F(m) + (I - Y J(X)) (X - m).  Where that lies
    inside X, it has a fixed point there, and F vanishes at it.
    """
    m = [arb(to_fmpq(c)) for c in center]
    step = arb(0, arb(to_fmpq(radius)))
    box = [c + step if i in unknowns else c for i, c in enumerate(m)]
    r = len(unknowns)
    jacobian = [[p.derivative(i) for i in unknowns] for p in system]
    try:
        Y = arb_mat(r, r, [on_box(d, m) for row in jacobian for d in row]).inv().mid()
    except ZeroDivisionError:
        return None
    F = arb_mat(r, 1, [on_box(p, m) for p in system])
    J = arb_mat(r, r, [on_box(d, box) for row in jacobian for d in row])
    one = arb_mat(r, r, [int(i == j) for i in range(r) for j in range(r)])
    moved = (one - Y * J) * arb_mat(r, 1, [step] * r) - Y * F
    inside = all(v.is_finite() and v.abs_upper() < to_fmpq(radius) for v in moved.entries())
    return box if inside else None


def on_box(p, box: list):
    """A ball that holds all values of a polynomial on a box of balls."""
    total = arb(0)
    for alpha, c in zip(p.monoms(), p.coeffs(), strict=True):
        term = arb(c)
        for a, ball in zip(alpha, box, strict=True):
            if a:
                term *= ball ** int(a)
        total += term
    return total


def largest(p, box: list) -> Fraction | float:
    """An upper end of a polynomial on a box of balls; inf where there is none."""
    upper = on_box(p, box).upper()
    return to_fraction(upper.fmpq()) if upper.is_finite() else inf
