"""From the floats of a sum-of-squares program to rationals for which every condition is proven.

All numbers are rounded to a grid. What no Gram matrix can take up, linear equations in the unknowns
and the multipliers, is then solved exactly by the least change; the rest goes into the Gram matrix
of each condition (Peyrl and Parrilo 2008). Coarse grids come first: their proofs fit on a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from flint import fmpq, fmpq_mat

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..proofs.exact import ExactRing, to_fmpq, to_fraction
from ..proofs.proof import Proof
from .rounding import fraction_array, independent_rows, take_up

_GRIDS = (1, 2, 4, 12, 60, 1000, 2**20, 2**34, 2**48)


def rounded_proofs(conditions, equations, u, grams, multipliers, is_good):
    """(unknowns, proofs) that are exact; None where no grid gives any.

    Parameters
    ----------
    conditions : list of Condition
    equations : list of UnknownPolynomial
        Whose coefficients are to vanish.
    u : array
        The unknowns, in floats.
    grams, multipliers : lists of lists of array
        For each condition the Gram matrices of its blocks, and the multipliers of its equalities.
    is_good : function of the unknowns
        Whether they are as good as they should be: on a coarse grid they need not be.
    """
    floats = [u, *(v for own in (*grams, *multipliers) for v in own)]
    if not all(v is not None and np.isfinite(v).all() for v in floats):
        return None
    for grid in _GRIDS:
        numbers = _rounded(grid, u, grams, multipliers)
        if not _solve_linear(conditions, equations, numbers):
            continue
        unknowns = tuple(to_fraction(numbers["u", k]) for k in range(len(u)))
        if not is_good(unknowns):
            continue
        proofs = [_proof(c, i, unknowns, numbers) for i, c in enumerate(conditions)]
        if all(proof is not None and proof.verify() for proof in proofs):
            return unknowns, tuple(proofs)
    return None


def _rounded(grid: int, u, grams, multipliers) -> dict:
    """All numbers of a program by name, on a grid."""

    def near(v: float) -> fmpq:
        return fmpq(round(grid * v), grid)

    numbers = {("u", k): near(v) for k, v in enumerate(u.tolist())}
    for i, own in enumerate(grams):
        for j, Q in enumerate(own):
            for a, row in enumerate(((Q + Q.T) / 2).tolist()):
                numbers |= {("Q", i, j, a, b): near(row[b]) for b in range(a + 1)}
    for i, own in enumerate(multipliers):
        for j, q in enumerate(own):
            numbers |= {("q", i, j, k): near(v) for k, v in enumerate(q.tolist())}
    return numbers


def _solve_linear(conditions, equations, numbers: dict) -> bool:
    """Change the numbers as little as can be, so that what no Q_0 can take up is 0."""
    rows = [row for i, c in enumerate(conditions) for row in _out_of_reach(c, i)]
    rows += [row for e in equations for row in _by_monomial(e).values()]
    rows = [row for row in rows if any(v for v in row.values())]
    if not rows:
        return True
    names = sorted({name for row in rows for name in row} - {()}, key=repr)
    if not names:
        return False  # a term that nothing can cancel
    A = np.array([[row.get(name, Fraction(0)) for name in names] for row in rows], dtype=object)
    missing = [
        -to_fmpq(row.get((), Fraction(0)))
        - sum((to_fmpq(v) * numbers[name] for name, v in row.items() if name), fmpq(0))
        for row in rows
    ]
    chosen = independent_rows(A.astype(float))
    exact = fmpq_mat(len(chosen), len(names), [to_fmpq(v) for v in A[chosen].ravel()])
    right = fmpq_mat(len(chosen), 1, [missing[i] for i in chosen.tolist()])
    try:
        change = exact.transpose() * (exact * exact.transpose()).solve(right)
    except ZeroDivisionError:
        return False
    for name, (v,) in zip(names, change.tolist(), strict=True):
        numbers[name] += v
    return True  # equations that were left out, and do not hold, are seen in the proofs


def _out_of_reach(condition, i: int) -> Iterator[dict]:
    """Coefficients by name of the monomials that no product of the basis of Q_0 gives."""
    own = [g.basis for g in condition.blocks if not g.factors]
    reached = {tuple(alpha) for basis in own for alpha in _products(basis)}
    found = {a: row for a, row in _by_monomial(condition.polynomial).items() if a not in reached}

    def add(alpha: tuple, name: tuple, value: Fraction) -> None:
        if alpha not in reached:
            row = found.setdefault(alpha, {})
            row[name] = row.get(name, Fraction(0)) - value

    for j, g in enumerate(condition.blocks):
        basis, terms = g.basis.tolist(), g.polynomial.exact().terms if g.factors else {}
        for a in range(len(basis)):
            for b in range(a + 1):
                for delta, c in terms.items():
                    alpha = tuple(map(sum, zip(basis[a], basis[b], delta, strict=True)))
                    add(alpha, ("Q", i, j, a, b), c if a == b else 2 * c)
    pairs = zip(condition.equalities, condition.shifts, strict=True)
    for j, (h, shifts) in enumerate(pairs):
        for k, shift in enumerate(shifts.tolist()):
            for delta, c in h.exact().terms.items():
                add(tuple(map(sum, zip(shift, delta, strict=True))), ("q", i, j, k), c)
    yield from found.values()


def _by_monomial(p) -> dict[tuple, dict]:
    """For each monomial the coefficients of the unknowns; the known one has the name ()."""
    found: dict[tuple, dict] = {}
    for name, q in (((), p.known), *((("u", k), q) for k, q in p.parts.items())):
        for alpha, c in q.exact().terms.items():
            found.setdefault(alpha, {})[name] = Fraction(c)
    return found


def _products(basis: np.ndarray) -> list:
    return (basis[:, None, :] + basis[None, :, :]).reshape(-1, basis.shape[1]).tolist()


def _proof(condition, i: int, unknowns, numbers: dict) -> Proof | None:
    """The condition at the unknowns, with its first Gram matrix made to fit."""
    p = condition.polynomial.at(unknowns)
    n, names, ring = p.n_variables, p.names, ExactRing(p.n_variables)
    gram, rest, first = {}, ring.read(p), None
    for j, g in enumerate(condition.blocks):
        Q = [
            [numbers["Q", i, j, max(a, b), min(a, b)] for b in range(g.size)] for a in range(g.size)
        ]
        if not g.factors:
            first = g, Q
            continue
        block = BasisMatrix(fraction_array(Q), g.basis, names)
        gram[g.factors] = block
        rest -= ring.read(block.polynomial().exact() * g.polynomial.exact())
    multipliers = []
    for j, (h, shifts) in enumerate(zip(condition.equalities, condition.shifts, strict=True)):
        own = np.array(
            [to_fraction(numbers["q", i, j, k]) for k in range(len(shifts))], dtype=object
        )
        q = Polynomial.from_arrays(shifts, own, names).exact()
        multipliers.append(q)
        rest -= ring.read(q * h.exact())
    if first is not None:
        g, Q = first
        own = BasisMatrix(fraction_array(Q), g.basis, names)
        if not take_up(rest - ring.read(own.polynomial().exact()), own, Q, keep=False):
            return None
        gram[()] = BasisMatrix(fraction_array(Q), g.basis, names)
    problem = PolynomialProblem(
        p,
        tuple(g.exact() for g in condition.inequalities),
        tuple(h.exact() for h in condition.equalities),
    )
    return Proof(
        holds=True,
        bound=Fraction(0),
        problem=problem,
        center=(Fraction(0),) * n,
        scale=(Fraction(1),) * n,
        gram=gram,
        equality_multipliers=tuple(multipliers),
    )
