"""Sign symmetries: variables whose signs may be changed together (Gatermann and Parrilo 2004).

Where the problem stays the same if some of its variables change their signs, the average of a
certificate over all such changes is a certificate, too. In it no Gram matrix joins two monomials
that behave differently under a change: it falls into one block for each kind. Nothing is lost.
"""

from __future__ import annotations

import numpy as np

from .blocks import Blocks
from .scaling import ScaledProblem


def split_by_signs(scaled: ScaledProblem, blocks: Blocks) -> Blocks:
    """Blocks of monomials of one kind, and of each equality the invariant multiples."""
    changes = sign_changes(scaled)
    generators = [
        g._replace(basis=g.basis[kinds == kind])
        for g in blocks.generators
        for kinds in [_kinds(g.basis, changes)]
        for kind in np.unique(kinds)
    ]
    shifts = [alphas[_kinds(alphas, changes) == 0] for alphas in blocks.shifts]
    return Blocks(generators, shifts)


def sign_changes(scaled: ScaledProblem) -> np.ndarray:
    """Changes that generate all others, a row each: 1 where a variable changes its sign.

    >>> from polysos import PolynomialProblem, variables
    >>> from polysos.relaxations.scaling import scale_problem
    >>> x, y, z = variables(3)
    >>> sign_changes(scale_problem(PolynomialProblem(x**4 + x * y + z**2)))
    array([[1, 1, 0],
           [0, 0, 1]])
    """
    n = scaled.problem.n_variables
    polynomials = (scaled.objective, *scaled.inequalities, *scaled.equalities)
    rows = np.unique(np.vstack([p.exponents for p in polynomials]) % 2, axis=0)
    kept = [[int(i == j) for j in range(n)] for i in range(n)]  # changes that leave all terms alone
    for row in rows.tolist():
        odd = [c for c in kept if sum(a * b for a, b in zip(row, c, strict=True)) % 2]
        if odd:
            first = odd[0]
            kept = [
                [(a + b) % 2 for a, b in zip(c, first, strict=True)] if c in odd else c
                for c in kept
                if c is not first
            ]
    return np.array(kept, dtype=np.int64).reshape(-1, n)


def is_invariant(exponents: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Which monomials keep their sign under all changes."""
    return _kinds(exponents, changes) == 0


def _kinds(exponents: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """A number for each monomial, the same for those that behave alike; 0 for the invariant."""
    signs = exponents % 2 @ changes.T % 2
    _, kinds = np.unique(np.vstack([np.zeros_like(signs[:1]), signs]), axis=0, return_inverse=True)
    return kinds.ravel()[1:]
