"""Numerical rank and flat truncation.

A moment matrix is flat where its rank stops growing: rank M_d(y) = rank M_(d - d_K)(y) for some d
with k0 <= d <= k, condition (3.6). Then the moments up to degree 2d come from finitely many atoms
(Curto and Fialkow) and the relaxation is tight (Theorem 3.1).

The test is nested: every d is tried. An interior-point solver returns moments from the inside of
the optimal face, whose highest moments are arbitrary: M_k often has full rank although the
low-order block has rank one. A rank in floating point is a decision; the singular values and the
gap that it rests on are reported with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..checks import check_positive, check_type
from .relaxation import Relaxation

RANK_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class NumericalRank:
    """A rank and what it rests on: see `numerical_rank`.

    Attributes
    ----------
    rank : int
        Number of singular values above tolerance times the largest.
    singular_values : array
        Largest first.
    gap : float
        Last singular value that counts over the first that does not; inf where none is left.
    tolerance : float
    """

    rank: int
    singular_values: np.ndarray = field(repr=False)
    gap: float
    tolerance: float


@dataclass(frozen=True, eq=False)
class FlatTruncation:
    """Outcome of the nested rank test: see `flat_truncation`.

    Attributes
    ----------
    is_flat : bool
    order : int or None
        The smallest d with rank M_d = rank M_(d - d_K).
    rank : int or None
        That rank: the number of atoms.
    ranks : dict of int to NumericalRank
        For every d from 0 to k.
    tolerance : float
    """

    is_flat: bool
    order: int | None
    rank: int | None
    ranks: dict[int, NumericalRank] = field(repr=False)
    tolerance: float

    def _repr_html_(self):
        rows = "".join(
            f"<tr><td>{d}</td><td>{r.rank}</td><td>{r.gap:.1e}</td><td>"
            + ", ".join(f"{s:.2g}" for s in r.singular_values[:6])
            + (", ..." if len(r.singular_values) > 6 else "")
            + "</td></tr>"
            for d, r in self.ranks.items()
        )
        head = "<tr><th>d</th><th>rank M_d</th><th>gap</th><th>singular values</th></tr>"
        verdict = f"flat at d = {self.order}, rank {self.rank}" if self.is_flat else "not flat"
        return f"<table>{head}{rows}</table><p>{verdict} (tolerance {self.tolerance:g})</p>"


def numerical_rank(matrix: ArrayLike, tolerance: float = RANK_TOLERANCE) -> NumericalRank:
    """Rank of a matrix with errors: the singular values above tolerance times the largest.

    Parameters
    ----------
    matrix : array or BasisMatrix, shape (m, s)
    tolerance : float
        Relative to the largest singular value, between 0 and 1.

    Raises
    ------
    ValueError
        If the tolerance is not between 0 and 1, or the matrix is not finite.

    Examples
    --------
    >>> r = numerical_rank([[1.0, 1.0], [1.0, 1.00001]])
    >>> r.rank, f"{r.gap:.0e}"
    (1, '4e+05')
    """
    matrix = np.asarray(matrix, dtype=float)
    check_positive("tolerance", tolerance, below=1)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise ValueError(f"matrix must be a finite matrix, got shape {matrix.shape}")
    s = np.linalg.svd(matrix, compute_uv=False)
    rank = int((s > tolerance * s.max(initial=0.0)).sum())
    gap = np.inf if rank in (0, len(s)) or s[rank] == 0 else float(s[rank - 1] / s[rank])
    return NumericalRank(rank, s, gap, tolerance)


def flat_truncation(relaxation: Relaxation, tolerance: float = RANK_TOLERANCE) -> FlatTruncation:
    """The nested test (3.6): rank M_d = rank M_(d - d_K) for some d from k0 to k.

    The ranks are taken in the solver's units, where the moments have similar size; in exact
    arithmetic they do not depend on the units.

    Parameters
    ----------
    relaxation : Relaxation
        With moments.
    tolerance : float
        See `numerical_rank`.

    Raises
    ------
    ValueError
        If the relaxation has no moments.

    Examples
    --------
    >>> from polysos import PolynomialProblem, solve_relaxation, variables
    >>> (x,) = variables(1)
    >>> flat = flat_truncation(solve_relaxation(PolynomialProblem(x**4 - 2 * x**2 + 3), 2))
    >>> flat.is_flat, flat.order, flat.rank
    (True, 2, 2)
    """
    check_type("relaxation", relaxation, Relaxation)
    problem, k = relaxation.problem, relaxation.order
    ranks = {d: numerical_rank(relaxation.scaled_moment_matrix(d), tolerance) for d in range(k + 1)}
    step = problem.constraint_degree
    for d in range(problem.minimum_order, k + 1):
        if ranks[d].rank == ranks[d - step].rank > 0:
            return FlatTruncation(True, d, ranks[d].rank, ranks, tolerance)
    return FlatTruncation(False, None, None, ranks, tolerance)
