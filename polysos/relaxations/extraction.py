"""Minimizers out of a flat moment matrix.

Where M_d is flat of rank r, there are r monomials on which L_y(p q) is an inner product, with
Gram matrix G. Multiplication by x_i is symmetric in it, with matrix S_i of entries L_y(x_i p q).
These multiplications commute; their joint eigenvalues are the atoms (Henrion and Lasserre 2005).
A random combination of the S_i has simple eigenvalues, and its eigenvectors serve all of them: a
symmetric problem with the matrix G, well conditioned where the monomials are well chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from ..algebra.polynomials import monomial_index, monomials
from ..checks import check_type
from .flatness import FlatTruncation, flat_truncation
from .relaxation import Relaxation

_NO_MEASURE = "relaxation must have the moments of a measure, got ones that no measure is near to"


@dataclass(frozen=True, eq=False)
class Extraction:
    """Atoms of a flat moment matrix, with the check that each deserves: see `extract_minimizers`.

    Attributes
    ----------
    points : array, shape (rank, n)
    weights : array, shape (rank,)
        Masses of the atoms.
    values : array, shape (rank,)
        f at each point: equal to the relaxation's value where the point is a minimizer.
    violations : array, shape (rank,)
        Largest violation of a constraint of unit size; 0 where the point is feasible.
    """

    points: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    violations: np.ndarray


def extract_minimizers(
    relaxation: Relaxation, flat: FlatTruncation | None = None, seed: int = 0
) -> Extraction:
    """Atoms of the measure that a flat moment matrix represents (Henrion and Lasserre 2005).

    On the range of M_d, multiplication by a variable is a linear map, symmetric for the scalar
    product L_y(p q). A random combination of these maps is diagonalised; the points are the joint
    eigenvalues.

    Parameters
    ----------
    relaxation : Relaxation
    flat : FlatTruncation, optional
        The outcome of `flat_truncation(relaxation)`, which is computed where it is not given.
    seed : int
        Of the random combination of the multiplication matrices.

    Returns
    -------
    Extraction
        In the user's units. The points are numerical: compare `values` and `violations`.

    Raises
    ------
    ValueError
        If the moment matrix is not flat, or is not that of a measure.

    Examples
    --------
    >>> from polysos import PolynomialProblem, solve_relaxation, variables
    >>> (x,) = variables(1)
    >>> found = extract_minimizers(solve_relaxation(PolynomialProblem(x**4 - 2 * x**2 + 3), 2))
    >>> sorted(found.points.round(3).ravel().tolist()), found.weights.round(3).tolist()
    ([-1.0, 1.0], [0.5, 0.5])
    """
    check_type("relaxation", relaxation, Relaxation)
    flat = flat_truncation(relaxation) if flat is None else flat
    if not flat.is_flat:
        raise ValueError(
            "flat must be a flat truncation, got one that is not flat: no point can be extracted; "
            "try a higher order"
        )
    z, weights = _atoms(
        np.asarray(relaxation.scaled_moment_matrix(flat.order)),
        relaxation.problem.n_variables,
        flat.order,
        flat.rank,
        seed,
    )
    points = relaxation.scaled.to_user(z)
    return Extraction(
        points=points,
        weights=weights,
        values=relaxation.problem.objective(points),
        violations=np.array([relaxation.scaled.violation(row) for row in z]),
    )


def _atoms(M: np.ndarray, n: int, order: int, rank: int, seed: int):
    low = monomials(n, order - 1)
    basis = _quotient_basis(M[: len(low), : len(low)], rank)
    G = M[np.ix_(basis, basis)]
    # Multiplication by x_i on the span of the basis: entries L_y(x_i x^(alpha + beta)).
    shifts = [M[np.ix_(basis, monomial_index(low[basis] + e))] for e in np.eye(n, dtype=int)]
    shifts = [(S + S.T) / 2 for S in shifts]
    mix = np.random.default_rng(seed).standard_normal(n)
    try:
        _, Q = eigh(sum(c * S for c, S in zip(mix, shifts, strict=True)), G)
    except np.linalg.LinAlgError as error:
        raise ValueError(_NO_MEASURE) from error
    points = np.column_stack([np.einsum("ai,ab,bi->i", Q, S, Q) for S in shifts])
    return points, (M[0, basis] @ Q) ** 2


def _quotient_basis(M: np.ndarray, rank: int) -> np.ndarray:
    """Monomials, of low degree where that is possible, on which M is well conditioned.

    Pivoted Cholesky; a low degree goes before a large pivot, as low moments are more accurate.
    """
    rest, chosen = M.copy(), []
    for threshold in (1e-2, 1e-4, 0.0):
        for i in range(len(M)):
            if len(chosen) < rank and i not in chosen and rest[i, i] > threshold * M[i, i] > 0:
                chosen.append(i)
                rest = rest - np.outer(rest[:, i], rest[i]) / rest[i, i]
    if len(chosen) < rank:
        raise ValueError(_NO_MEASURE)
    return np.array(chosen)
