"""The semidefinite program of a sum-of-squares program, in floats: a solver's word.

Each condition is a list of linear equations, one a monomial, between the unknowns, the entries of
its Gram matrices and the multipliers of its equalities.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from ..algebra.polynomials import Polynomial, monomial_index, monomials
from ..algebra.unknowns import UnknownPolynomial
from ..relaxations.blocks import Generator, drop_useless, ideal_rows
from ..relaxations.solvers import run

_BACK = 1e-5  # relative: what is given up of the optimum, so that Gram matrices become definite
_ROOM = 1.0  # of the smallest eigenvalue of all Gram matrices; more is not needed
_SMALL = 1e-6  # price of large unknowns, beside that eigenvalue
_CLOSE = 1e-6  # below zero: an eigenvalue that a solver may still call 0


class Condition(NamedTuple):
    """p = sum_j sigma_j g_j + sum_l q_l h_l, with g_0 = 1: blocks on their bases, and shifts."""

    polynomial: UnknownPolynomial
    inequalities: tuple[Polynomial, ...]
    equalities: tuple[Polynomial, ...]
    blocks: tuple[Generator, ...]
    shifts: tuple[np.ndarray, ...]


def condition(
    p: UnknownPolynomial,
    g: tuple[Polynomial, ...],
    h: tuple[Polynomial, ...],
    half: int,
    basis: np.ndarray | None = None,
) -> Condition:
    """On all monomials that may be needed; of degree 2 * half altogether."""
    n, names = p.n_variables, p.known.names
    one = Polynomial.constant(1.0, n, names)
    basis = monomials(n, half) if basis is None else basis
    blocks = [Generator((), one, basis)]
    for j, q in enumerate(g):
        blocks.append(Generator((j,), q, monomials(n, (2 * half - q.degree) // 2)))
    shifts = tuple(monomials(n, 2 * half - q.degree) for q in h)
    free = [monomial_index(p.exponents)]
    for q, alphas in zip(h, shifts, strict=True):
        free.append(monomial_index(alphas[:, None, :] + q.exponents[None, :, :]).ravel())
    return Condition(p, g, h, tuple(drop_useless(np.concatenate(free), blocks)), shifts)


def given_up(optimum: float) -> float:
    return _BACK * max(1.0, abs(optimum))


class Model:
    """The conditions as a semidefinite program in floats."""

    def __init__(self, conditions: list[Condition], equations, n_unknowns: int):
        import cvxpy as cp

        self.u, self.grams, self.multipliers = cp.Variable(max(n_unknowns, 1)), [], []
        self.constraints = []
        for c in conditions:
            known, table, operators, ideal = _tables(c, self.u.size)
            Q = [cp.Variable((g.size, g.size), symmetric=True) for g in c.blocks]
            q = [cp.Variable(A.shape[0]) for A in ideal]
            missing = known + table @ self.u
            for A, block in zip(operators, Q, strict=True):
                missing = missing - A.T @ cp.vec(block, order="F")
            for A, multiplier in zip(ideal, q, strict=True):
                missing = missing - A.T @ multiplier
            size = max(np.abs(known).max(initial=0.0), np.abs(table.data).max(initial=0.0), 1e-300)
            self.constraints.append(missing / size == 0)
            self.grams.append(Q)
            self.multipliers.append(q)
        for e in equations:
            known, table = _coefficients(e, np.unique(monomial_index(e.exponents)), self.u.size)
            self.constraints.append(table @ self.u + known == 0)

    def optimum(self, cost: np.ndarray, solver: str, verbose: bool) -> float | None:
        """The least cost, by the word of the solver."""
        import cvxpy as cp

        psd = [Q >> 0 for own in self.grams for Q in own]
        model = cp.Problem(cp.Minimize(cost @ self.u), [*self.constraints, *psd])
        if not run(model, solver, verbose) or self.u.value is None:
            return None
        if model.status not in ("optimal", "optimal_inaccurate"):
            return None
        return float(cost @ self.u.value)

    def inside(self, cost, optimum: float | None, solver: str, verbose: bool):
        """(u, Gram matrices, multipliers) with the smallest eigenvalue as large as can be."""
        import cvxpy as cp

        s = cp.Variable()
        rules = [Q - s * np.eye(Q.shape[0]) >> 0 for own in self.grams for Q in own]
        rules += [*self.constraints, s <= _ROOM]
        if optimum is not None:
            rules.append(cost @ self.u <= optimum + given_up(optimum))
        model = cp.Problem(cp.Maximize(s - _SMALL * cp.norm_inf(self.u)), rules)
        if not run(model, solver, verbose) or self.u.value is None or s.value is None:
            return None
        if s.value < -_CLOSE:
            return None
        grams = [[np.array(Q.value) for Q in own] for own in self.grams]
        return self.u.value, grams, [[q.value for q in own] for own in self.multipliers]


def _tables(c: Condition, n_unknowns: int):
    """What the identity of a condition consists of, by monomial: see `Model`."""
    products = [2 * int(g.basis.sum(axis=1).max()) + g.polynomial.degree for g in c.blocks]
    shifted = [
        int(a.sum(axis=1).max(initial=0)) + h.degree
        for h, a in zip(c.equalities, c.shifts, strict=True)
    ]
    n = c.polynomial.n_variables
    count = comb(n + max([c.polynomial.degree, *products, *shifted]), n)
    operators = [g.operator(count) for g in c.blocks]
    pairs = zip(c.equalities, c.shifts, strict=True)
    ideal = [ideal_rows(h.to_float(), alphas, count) for h, alphas in pairs]
    own = monomial_index(c.polynomial.exponents)
    used = np.unique(np.concatenate([own, *(A.indices for A in (*operators, *ideal))]))
    known, table = _coefficients(c.polynomial, used, n_unknowns)
    return known, table, [A[:, used] for A in operators], [A[:, used] for A in ideal]


def _coefficients(p: UnknownPolynomial, used: np.ndarray, n_unknowns: int):
    """The known coefficients on the monomials used, and a column for each unknown."""
    known = np.zeros(len(used))
    known[np.searchsorted(used, monomial_index(p.known.exponents))] = p.known.coefficients
    table = sp.lil_matrix((len(used), n_unknowns))
    for i, q in p.parts.items():
        rows = np.searchsorted(used, monomial_index(q.exponents))
        table[rows, i] = q.coefficients.astype(float)[:, None]
    return known, table.tocsr()
