"""A penalty on the coefficients, a multiple of their squares.

|F phi(c) - y|^2 + ridge |c|^2 is a sum of squares as well. It has a row more for each coefficient,
root(ridge) c_i with the target 0, and the c_i among its monomials.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from flint import arb, ctx, fmpq, fmpq_mat

from ..proofs.exact import to_fmpq
from .residuals import Residuals

_BITS = 128  # of the root, where it is not rational


def with_ridge(r: Residuals, ridge: float | Fraction) -> Residuals:
    """Residuals of squares, with those of the penalty below.

    >>> from .compilation import compile_residuals
    >>> from .networks import PolynomialNetwork
    >>> net = PolynomialNetwork([[[2.0]], [[1.0]]], degrees=(1,))
    >>> r = compile_residuals(net, [[3.0]], [[1.0]], "mean-squares")
    >>> with_ridge(r, 0.25).exact.tolist()  # c1,0 + 6 c1,1 = 1, c1,0 / 2 = 0, c1,1 / 2 = 0
    [[1, 6, 1], [1/2, 0, 0], [0, 1/2, 0]]
    """
    n = r.n_coefficients
    known = {tuple(alpha): k for k, alpha in enumerate(r.exponents.tolist())}
    units = [tuple(row) for row in np.eye(n, dtype=int).tolist()]
    for unit in units:
        known.setdefault(unit, len(known))
    p, m = len(known), r.exact.nrows()
    root, is_exact = _root(to_fmpq(ridge))
    rows = fmpq_mat(m + n, p + 1)
    for i, (*own, target) in enumerate(r.exact.tolist()):
        rows[i, p] = target
        for k, v in enumerate(own):
            rows[i, k] = v
    error = np.zeros(p + 1)
    if r.error is not None:
        error[: len(r.error) - 1], error[-1] = r.error[:-1], r.error[-1]
    for i, unit in enumerate(units):
        rows[m + i, known[unit]] = root
        error[known[unit]] += 0.0 if is_exact else float(ridge) ** 0.5 * 2.0 ** (2 - _BITS)
    table = np.array([[int(v.p) / int(v.q) for v in row] for row in rows.tolist()])
    return replace(
        r,
        exponents=np.array(list(known), dtype=np.int64),
        matrix=table[:, :-1],
        targets=table[:, -1],
        rows=rows,
        error=error if error.any() else None,
    )


def _root(value: fmpq) -> tuple[fmpq, bool]:
    """The root of a rational, or one near it with 128 bits; and whether it is exact."""
    own = ctx.prec
    ctx.prec = 2 * _BITS
    try:
        ball = arb(value).sqrt()
        power = _BITS - int(np.floor(np.log2(float(ball.mid()))))
        scaled = (ball * arb(2) ** power).mid().floor().unique_fmpz()
    finally:
        ctx.prec = own
    root = fmpq(scaled) / fmpq(2) ** power
    return root, root * root == value
