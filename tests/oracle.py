"""The truth about problems in one variable, from real roots in ball arithmetic (1000 bits).

Independent of how the library proves: no relaxation, no Gram matrix, no float.
"""

from fractions import Fraction
from itertools import pairwise

from flint import arb, ctx, fmpq, fmpq_poly

FAR = 4  # times the largest root: beyond, nothing changes any more


def least(problem):
    """(minimum as a ball, or None if no point is feasible; whether f is unbounded below)."""
    own = ctx.prec
    ctx.prec = 1000
    try:
        return _least(problem)
    finally:
        ctx.prec = own


def _least(problem):
    f = _read(problem.objective)
    inequalities = [_read(g) for g in problem.inequalities]
    equalities = [_read(h) for h in problem.equalities]
    roots = sorted(
        (r for p in (f.derivative(), *inequalities, *equalities) for r in _roots(p)),
        key=lambda r: r.mid(),
    )
    far = arb(FAR * (2 + max((int(float(abs(r).upper())) for r in roots), default=0)))
    between = [(a + b) / 2 for a, b in pairwise(roots)]
    values = []
    for z in (*roots, *between, -far, far):
        if all(_sign(g, z) >= 0 for g in inequalities) and all(
            _sign(h, z) == 0 for h in equalities
        ):
            values.append(_value(f, z))
            if abs(z) == far and _sign(f.derivative(), z) * _sign(fmpq_poly([0, 1]), z) < 0:
                return None, True
    return min(values, key=lambda v: v.mid(), default=None), False


def _read(p) -> fmpq_poly:
    terms = p.exact().terms
    top = max((a for (a,) in terms), default=0)
    row = [terms.get((a,), Fraction(0)) for a in range(top + 1)]
    return fmpq_poly([fmpq(c.numerator, c.denominator) for c in row])


def _roots(p: fmpq_poly) -> list[arb]:
    if p.degree() < 1:
        return []
    return [z.real for z, _ in p.numer().complex_roots() if z.imag.contains(0)]


def _sign(p: fmpq_poly, z: arb) -> int:
    value = _value(p, z)
    return 0 if value.contains(0) else 1 if value > 0 else -1


def _value(p: fmpq_poly, z: arb) -> arb:
    value = arb(0)
    for c in reversed(p.coeffs()):
        value = value * z + arb(c)
    return value
