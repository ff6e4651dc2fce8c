"""Gram matrices of large bases, by the equations that they satisfy.

`GramMatrices` moves along relations, of which large bases have thousands: most products of two
monomials are products of two others. Then the equations are few: a symmetric matrix Q_w belongs to
the loss where b^T Q_w b has the right coefficients, one equation for each monomial. To project on
them costs little, and so does a program solved by projections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpq_mat
from scipy.linalg import qr, solve_triangular
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from .compilation import floats_of
from .cones import most_definite, smallest_eigenvalue, symmetric, triangle
from .gram_basis import GramBasis, relations, with_relations

_RANK = 1e-13  # of the equations, scaled to the same length: what is less is rounding
_CENTRED = 1e-9  # the same for those of a centre, beside the others
_REFINED = 3  # times that the coefficients of relations are corrected


class LargeGramMatrices:
    """The Gram matrices G + sum_k t_k S_k of a loss, seen through N = sum_k t_k S_k.

    As in `GramMatrices`, the coordinates make G_w the unit matrix, and lengths are Frobenius norms;
    here the coordinates u are the entries of N_w themselves, as `triangle` writes them.

    Parameters
    ----------
    basis : GramBasis
        Of residuals that are linear in the coefficients of the last activation, so that no relation
        has the product 1 b_i in it.
    targets : array, shape (m,)
        y, in floats.

    Raises
    ------
    ValueError
        If a relation has such a product, as those of a ridge have.
    """

    def __init__(self, basis: GramBasis, targets: np.ndarray):
        self.basis, self.targets, k = basis, targets, basis.size
        self.relations = relations(basis)
        if any(0 in pair for relation in self.relations for pair in relation):
            raise ValueError("basis must have no relation with a product of 1 in it")
        self._root = np.linalg.qr(basis.factor, mode="r")
        self._whiten = solve_triangular(self._root, np.eye(k))
        self._equations = _spanning(self._coefficients(), _RANK)
        self.dimension = len(self._equations)
        terms = [
            (k * (i - 1) + j - 1, n, float(v) * (1.0 if i == j else 0.5))
            for n, relation in enumerate(self.relations)
            for (i, j), v in relation.items()
        ]
        places, numbers, values = np.array(terms).reshape(-1, 3).T
        self._sums = csc_matrix((values, (places, numbers)), (k * k, len(self.relations)))
        self._normal = splu((self._sums.T @ self._sums).tocsc()) if self.relations else None

    def _coefficients(self) -> np.ndarray:
        """A column for each monomial: its coefficient in the products of the basis."""
        k, exponents = self.basis.size, self.basis.exponents[1:]
        T = self._root @ floats_of(self.basis.table)[1:, 1:]
        p = len(exponents)
        sums = (exponents[:, None, :] + exponents[None, :, :]).reshape(p * p, -1)
        group = np.unique(sums, axis=0, return_inverse=True)[1].ravel()
        order = np.argsort(group, kind="stable")
        rows, columns, factor = triangle(k)
        found = np.empty((len(rows), group.max() + 1))
        starts = np.searchsorted(group[order], np.arange(group.max() + 2))
        for a in range(group.max() + 1):
            i, j = np.divmod(order[starts[a] : starts[a + 1]], p)
            M = T[:, i] @ T[:, j].T
            found[:, a] = (M[rows, columns] + M[columns, rows]) * factor
        length = np.linalg.norm(found, axis=0)
        return found[:, length > 0] / length[length > 0]

    def around(self, candidates: list[np.ndarray]) -> LargeCentredGram:
        """Those with Q b(c) = 0 at one candidate, as nearly as floats can tell."""
        (c,), k = candidates, self.basis.size
        values = self.basis.values(c)
        at = self._root @ values
        rows, columns, factor = triangle(k)
        C = np.zeros((len(rows), k))  # Q_w b(c), a column for each entry
        entries, off = np.arange(len(rows)), rows != columns
        C[entries, rows] = at[columns] / factor
        C[entries[off], columns[off]] = at[rows[off]] / factor[off]
        unit = (rows == columns).astype(float)
        residual = self.basis.factor @ values - self.targets
        missing = -self._whiten.T @ (self.basis.factor.T @ residual)
        E = self._equations
        across = C - E @ (E.T @ C)
        across = _spanning(across - E @ (E.T @ across), _CENTRED)
        z = np.linalg.lstsq(C.T @ across, missing, rcond=None)[0]
        return LargeCentredGram(k, unit, unit + across @ z, np.hstack([E, across]))

    def distance(self, c: np.ndarray, other: np.ndarray) -> float:
        """How far what the data see of two coefficient vectors lies apart."""
        return float(np.linalg.norm(self._root @ (self.basis.values(c) - self.basis.values(other))))

    def matrix(self, u: np.ndarray) -> fmpq_mat:
        """G + sum_k t_k S_k, exactly: a Gram matrix of the loss whatever the t are."""
        k, t = self.basis.size, np.zeros(len(self.relations))
        if not len(t):
            return fmpq_mat(self.basis.gram)
        wanted = symmetric(u, k)
        for _ in range(_REFINED):
            S = (self._sums @ t).reshape(k, k)  # an entry of each pair, on one side
            S = S + S.T - np.diag(np.diag(S))
            missing = self._root.T @ (wanted - self._whiten.T @ S @ self._whiten) @ self._root
            t = t + self._normal.solve(self._sums.T @ missing.ravel())
        return with_relations(self.basis.gram, self.relations, t)


@dataclass(frozen=True, eq=False)
class LargeCentredGram:
    """The Q_w that belong to a candidate: all x with equations^T (x - start) = 0.

    `unit` is the unit matrix, `start` the one nearest to it; the equations are orthonormal.
    """

    size: int
    unit: np.ndarray
    start: np.ndarray
    equations: np.ndarray

    def by_least_squares(self) -> tuple[float, np.ndarray]:
        """(smallest eigenvalue of Q_w, its coordinates), for the one nearest to the unit matrix."""
        return self._told(self.start)

    def by_program(self, seconds: float | None = None) -> tuple[float, np.ndarray]:
        """The same for a smallest eigenvalue that is nearly as large as it can be."""
        return self._told(most_definite(self.start, self.equations, self.size, seconds))

    def _told(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        return smallest_eigenvalue(x, self.size), x - self.unit


def _spanning(columns: np.ndarray, tolerance: float) -> np.ndarray:
    """Orthonormal columns that span the same, up to a tolerance."""
    Q, R, _ = qr(columns, mode="economic", pivoting=True, overwrite_a=True)
    size = np.abs(np.diag(R))
    return Q[:, size > tolerance * size.max(initial=0.0)]
