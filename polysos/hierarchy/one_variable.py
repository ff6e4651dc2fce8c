"""Polynomials in one variable on the whole line: roots instead of a semidefinite program.

A polynomial p > 0 has no real root. With one root of each conjugate pair, q = prod (z - z_k), it is
its leading coefficient times (Re q)^2 + (Im q)^2. Roots are enclosed to a hundred digits and more.
A small part of p, kept back as eps * sum w_i z^(2i), takes up what rounding leaves over
(Chevillard, Harrison, Joldes and Lauter 2011). Of p >= 0 the square of a
polynomial that has all its real zeros is divided out first.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import acb_poly, arb, ctx, fmpq, fmpq_mat, fmpq_poly

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.exact import ExactRing, is_positive_semidefinite, to_fmpq
from ..proofs.proof import Proof
from .rounding import fraction_array, take_up

_BITS = 600  # of the roots
_PARTS = (6, 12, 18, 24, 30, 40)  # negative powers of ten: of p, kept back for rounding
_DIGITS = 200  # bits after the point of the factors


def stationary_points(f: Polynomial) -> np.ndarray:
    """The real roots of f', as floats.

    >>> from polysos import variables
    >>> (x,) = variables(1)
    >>> stationary_points(x**4 - 2 * x**2).tolist()
    [-1.0, 0.0, 1.0]
    """
    slope = _coefficients(f).derivative()
    if slope.degree() < 1:
        return np.array([])
    real = [r for r, _ in _roots(slope) if r.imag.contains(0)]
    return np.array(sorted(float(r.real.mid()) + 0.0 for r in real))


def nonnegative_everywhere(
    problem: PolynomialProblem, bound: Fraction = Fraction(0), scale: Fraction = Fraction(1)
) -> Proof | None:
    """A proof of f >= bound on the whole line, in z = x / scale; None where there is none.

    >>> from polysos import PolynomialProblem, variables
    >>> (x,) = variables(1)
    >>> problem = PolynomialProblem(x**4 - 2 * x**2)
    >>> nonnegative_everywhere(problem, Fraction(-1001, 1000), Fraction(1)).verify(problem)
    True
    >>> nonnegative_everywhere(problem, Fraction(-1), Fraction(1)).bound
    Fraction(-1, 1)
    """
    whole = _coefficients(problem.objective)(fmpq_poly([0, to_fmpq(scale)])) - to_fmpq(bound)
    if whole == 0:
        return None
    content, parts = whole.numer().factor_squarefree()
    rest, root = fmpq_poly([fmpq(content, whole.denom())]), fmpq_poly([1])
    for factor, power in parts:
        rest, root = (
            rest * fmpq_poly(factor) ** (power % 2),
            root * fmpq_poly(factor) ** (power // 2),
        )
    if rest.degree() % 2 or rest[rest.degree()] <= 0:
        return None
    for Q in _gram_matrices(rest):
        proof = _proof(problem, bound, scale, root, rest, Q)
        if proof is not None:
            return proof
    return None


def _gram_matrices(p: fmpq_poly):
    """Rational Gram matrices near p, each with a smaller part of it kept back."""
    half = p.degree() // 2
    if half == 0:
        yield [[p[0]]]
        return
    weights = [abs(p[2 * i]) for i in range(half + 1)]
    smallest = max(weights) / 2**80
    weights = [max(w, smallest) for w in weights]
    squares = fmpq_poly([w for v in weights for w in (v, 0)][:-1])
    for part in _PARTS:
        kept = fmpq(1, 10**part)
        Q = _two_squares(p - kept * squares)
        if Q is None:
            continue
        for i, w in enumerate(weights):
            Q[i][i] += kept * w
        yield Q


def _coefficients(f: Polynomial) -> fmpq_poly:
    values = [fmpq(0)] * (f.degree + 1)
    for (a,), c in f.exact().terms.items():
        values[a] = to_fmpq(c)
    return fmpq_poly(values)


def _roots(p: fmpq_poly) -> list:
    """Enclosures of the complex roots with their multiplicities."""
    before = ctx.prec
    try:
        ctx.prec = _BITS
        return p.numer().complex_roots()
    finally:
        ctx.prec = before


def _two_squares(p: fmpq_poly):
    """A rational Gram matrix near that of p = a (Re q)^2 + a (Im q)^2; None with a real root."""
    if p.degree() < 1 or p[p.degree()] <= 0:
        return None
    roots = _roots(p)
    if any(r.imag.contains(0) for r, _ in roots):
        return None
    before = ctx.prec
    try:
        ctx.prec = _BITS
        q = acb_poly([1])
        for r, multiplicity in roots:
            if r.imag > 0:
                q *= acb_poly([-r, 1]) ** multiplicity
        parts = [[_dyadic(v(c)) for c in q.coeffs()] for v in (lambda c: c.real, lambda c: c.imag)]
    finally:
        ctx.prec = before
    n, lead = p.degree() // 2 + 1, p[p.degree()]
    return [[lead * sum(v[i] * v[j] for v in parts) for j in range(n)] for i in range(n)]


def _dyadic(v: arb) -> fmpq:
    """The middle of a ball, on a grid relative to its size."""
    mantissa, exponent = v.mid().man_exp()
    mantissa, exponent = int(mantissa), int(exponent)
    drop = max(0, abs(mantissa).bit_length() - _DIGITS)
    mantissa, exponent = mantissa >> drop, exponent + drop
    return fmpq(mantissa << exponent) if exponent >= 0 else fmpq(mantissa, 1 << -exponent)


def _proof(problem, bound, scale, root: fmpq_poly, rest: fmpq_poly, Q) -> Proof | None:
    """With the Gram matrix of `rest` made exact, and multiplied by the square of `root`."""
    names = problem.objective.names
    own = BasisMatrix(fraction_array(Q), _powers(len(Q)), names)
    ring = ExactRing(1)
    exact = ring.polynomial({(a,): c for a, c in enumerate(rest.coeffs()) if c != 0})
    missing = exact - ring.read(own.polynomial().exact())
    if not take_up(missing, own, Q, keep=False) or not is_positive_semidefinite(Q):
        return None
    n = len(Q) + root.degree()
    rows = [[root[j - i] if i <= j else 0 for j in range(n)] for i in range(len(Q))]
    shifted = fmpq_mat(rows)
    whole = (shifted.transpose() * fmpq_mat(Q) * shifted).tolist()
    return Proof(
        holds=True,
        bound=bound,
        problem=PolynomialProblem(problem.objective.exact()),
        center=(Fraction(0),),
        scale=(scale,),
        gram={(): BasisMatrix(fraction_array(whole), _powers(n), names)},
        equality_multipliers=(),
    )


def _powers(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.int64)[:, None]
