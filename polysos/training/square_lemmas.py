"""Squares of residuals in exact steps of a chain: sum_j w_j r_j^2 is small where the loss is.

For the largest residual theta, theta^2 - r_j^2 = (theta + r_j) (theta - r_j) is a product of two
inequalities of (3.2); for squares |rho|^2 - |r|^2 is a combination of the equalities rho_j - r_j.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..algebra.moments import BasisMatrix
from ..proofs.proof import Proof
from .chain import Chain
from .residuals import constraints_of


def square_multipliers(chain: Chain, weights: list[Fraction], Q: BasisMatrix):
    """Multipliers of the polynomial sum_j w_j (u - r_j^2) + (that of Q), as `Multipliers.exact`.

    u is what the level allows: its square for each r_j^2 where the loss is the largest; for squares
    the level itself, for all of them together: then the weights must be the same.

    Parameters
    ----------
    chain : Chain
    weights : list of Fraction
        w_j >= 0.
    Q : BasisMatrix
        Positive semidefinite, on monomials in the coefficients, 1 among them.
    """
    constant, level = chain.exact.constant, chain.exact.level_key
    if chain.r.squares:
        gram = {level: constant(weights[0])} if weights[0] else {}
        return gram | {(): Q}, _towards_rho(chain, weights[0])
    # w theta^2 - sum_j w_j r_j^2, 2 w theta (u - theta) and w (u - theta)^2 for w = sum_j w_j
    w, u, m = sum(weights), chain.level, len(Q.values)
    gram = _products(chain, weights)
    gram |= {side + level: constant(w) for side in constraints_of(0) if w}
    values = np.full((m + 1, m + 1), Fraction(0), dtype=object)
    values[1:, 1:] = Q.values
    unit = 1 + next(k for k, alpha in enumerate(Q.basis) if not alpha.any())
    values[0, 0], values[0, unit], values[unit, 0] = w, -w * u, -w * u
    values[unit, unit] += w * u * u
    theta = np.eye(1, len(chain.names), chain.n, dtype=np.int64)
    return gram | {(): BasisMatrix(values, np.vstack([theta, Q.basis]), chain.names)}, None


def loss_proof(chain: Chain, weights: list[Fraction], Q: BasisMatrix, bound: Fraction) -> Proof:
    """Of loss >= bound > 0, from a Gram matrix Q of sum_j w_j r_j^2 - (the bound, squared).

    The weights add up to one. For squares they are all one, and the bound is not squared.
    """
    if chain.r.squares:
        return chain.loss_given({(): Q}, _towards_rho(chain, Fraction(1)), bound)
    # (theta + bound) (theta - bound) = sum_j w_j (theta^2 - r_j^2) + the polynomial of Q
    gram = _products(chain, weights) | {(): Q}
    denominator = chain.problem.objective + bound
    return with_positive_loss(chain).loss_given(gram, None, bound, denominator)


def with_positive_loss(chain: Chain) -> Chain:
    """With the lemma theta >= 0: it is the mean of theta + r_j and theta - r_j."""
    if chain.r.squares or chain.region.ends[chain.n, 0] >= 0:
        return chain
    half = chain.exact.constant(Fraction(1, 2))
    gram = {side: half for side in constraints_of(0)}
    return chain.bound_with_gram(chain.problem.objective, gram, Fraction(0))


def _products(chain: Chain, weights: list[Fraction]) -> dict:
    """sum_j w_j (theta + r_j) (theta - r_j)."""
    return {
        above + below: chain.exact.constant(w)
        for (above, below), w in zip(map(constraints_of, range(len(weights))), weights, strict=True)
        if w
    }


def _towards_rho(chain: Chain, w: Fraction) -> tuple:
    """Multipliers of the equalities for w (|rho|^2 - |r|^2)."""
    rho = [chain.variable(k) for k in range(chain.n, len(chain.names))]
    return tuple(
        (w * (2 * v - h.exact())).exact()
        for v, h in zip(rho, chain.problem.equalities, strict=True)
    )
