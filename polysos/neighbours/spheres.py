"""Quadratics on the unit sphere: their maximum, and matrices that are sums of its points.

Both are one lemma, the S-lemma, from its two sides (Polik and Terlaky 2007): the matrices Z >= 0
with <G, Z> = 0, G = diag(1, ..., 1, -1), are the sums of s^2 (u, 1) (u, 1)^T with |u| = 1, and the
maximum over such u of a quadratic is that of a semidefinite program, solved by one equation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from ..checks import check_array

RANK_TOLERANCE = 1e-7


class SphereMaximum(NamedTuple):
    """The largest value, a unit vector where it is attained, the lambda that proves it."""

    value: float
    point: np.ndarray
    multiplier: float


def sphere_maximum(M, m) -> SphereMaximum:
    """The maximum of u^T M u + m^T u over all unit vectors u: a trust-region problem.

    For every lambda above the largest eigenvalue of M, lambda + m^T (lambda I - M)^(-1) m / 4 is
    an upper bound. The smallest one is attained: where ``|(lambda I - M)^(-1) m| = 2`` (the
    secular equation) or, in the hard case, at the eigenvalue itself.

    Parameters
    ----------
    M : array, shape (d, d), symmetric
    m : array, shape (d,)

    Raises
    ------
    ValueError, TypeError
        If M or m are not finite numbers of these shapes.

    Examples
    --------
    >>> found = sphere_maximum([[1.0, 0.0], [0.0, 0.0]], [0.0, 1.0])
    >>> round(found.value, 6), abs(found.point).round(3).tolist()
    (1.25, [0.866, 0.5])
    """
    M, m = check_array("M", M).astype(float), check_array("m", m, ndim=1).astype(float)
    if M.shape != (len(m), len(m)) or len(m) == 0:
        raise ValueError(f"M and m must have shapes (d, d) and (d,), got {M.shape} and {m.shape}")
    eigenvalues, Q = np.linalg.eigh(M)
    g, below = Q.T @ m / 2, eigenvalues[-1] - eigenvalues
    high = 2 * float(np.linalg.norm(g))
    low = 4 * np.finfo(float).eps * max(np.abs(eigenvalues).max(), high, 1e-300)

    def excess(t):  # t = lambda - largest eigenvalue
        return np.linalg.norm(g / (t + below)) - 1

    t = brentq(excess, low, high, xtol=low) if low < high and excess(low) > 0 else low
    point = g / (t + below)
    # The hard case: what is missing comes from the top eigenvector, with either sign.
    point[-1] += np.copysign(np.sqrt(max(0.0, 1 - point @ point)), point[-1])
    multiplier = float(eigenvalues[-1] + t)
    value = multiplier + float(np.sum(g**2 / (t + below)))
    return SphereMaximum(value, Q @ (point / np.linalg.norm(point)), multiplier)


def neural_decomposition(Z, threshold: float | None = None):
    """Neurons out of a matrix: Z = sum_j alpha_j (u_j, 1) (u_j, 1)^T, alpha_j > 0, unit u_j.

    A factor Z = sum_j p_j p_j^T has sum_j p_j^T G p_j = 0. While two of these numbers have
    different signs, the two vectors are rotated into each other until one of them has number
    zero, which leaves the sum of the p_j p_j^T as it is. A vector (v, s) with number zero is a
    neuron: u = v / s, alpha = s^2. Their number is the rank of Z; the neurons are not unique.

    Parameters
    ----------
    Z : array, shape (d + 1, d + 1)
        Positive semidefinite, the last diagonal entry equal to the sum of the others.
    threshold : float, optional
        Eigenvalues up to this count as zero; by default 1e-7 times the largest.

    Returns
    -------
    hidden_weights : array, shape (rank, d)
        The u_j.
    output_weights : array, shape (rank,)
        The alpha_j, largest first.

    Raises
    ------
    ValueError
        If Z is no such matrix, up to 1e-5 of its trace.

    Notes
    -----
    The rotations prove Lemma 2.4 of Polik and Terlaky, A Survey of the S-Lemma, SIAM Review 49
    (2007).

    Examples
    --------
    >>> u, alpha = neural_decomposition([[2.0, 1.0], [1.0, 2.0]])
    >>> u.round(6).tolist(), alpha.round(6).tolist()
    ([[1.0], [-1.0]], [1.5, 0.5])
    """
    Z = check_array("Z", Z).astype(float)
    if Z.shape[0] != Z.shape[1] or len(Z) < 2 or np.abs(Z - Z.T).max() > 1e-9 * np.abs(Z).max():
        raise ValueError(f"Z must be symmetric with at least two rows, got shape {Z.shape}")
    lowest, highest = np.linalg.eigvalsh(Z)[[0, -1]]
    difference = np.trace(Z) - 2 * Z[-1, -1]
    if max(abs(difference), -lowest) > 1e-5 * abs(np.trace(Z)) + (threshold or 0):
        raise ValueError(
            "Z must be positive semidefinite, its last diagonal entry the sum of the others; got "
            f"the smallest eigenvalue {lowest:.2g} and the difference {difference:.2g}"
        )
    return decompose(Z, RANK_TOLERANCE * highest if threshold is None else threshold)


def decompose(Z, threshold: float):
    eigenvalues, vectors = np.linalg.eigh(Z)
    keep = eigenvalues > max(threshold, 0.0)
    waiting, done = list((vectors[:, keep] * np.sqrt(eigenvalues[keep])).T), []
    G = np.r_[np.ones(len(Z) - 1), -1.0]
    while waiting:
        numbers = [p @ (G * p) for p in waiting]
        i, j = int(np.argmax(numbers)), int(np.argmin(numbers))
        if not numbers[i] > 0 > numbers[j]:
            break  # all are zero, up to rounding
        p, q, mixed = waiting[i], waiting[j], waiting[i] @ (G * waiting[j])
        # The smaller root of (p + t q)^T G (p + t q) = 0.
        root = np.sqrt(mixed**2 - numbers[i] * numbers[j])
        t = -numbers[i] / (mixed + np.copysign(root, mixed))
        done.append((p + t * q) / np.hypot(1, t))
        waiting[i] = (q - t * p) / np.hypot(1, t)
        del waiting[j]
    vectors = np.array(done + waiting).reshape(-1, len(Z))
    hidden, last = vectors[:, :-1], vectors[:, -1]
    return by_size(hidden * np.copysign(1.0, last)[:, None], last**2)


def by_size(hidden, output):
    lengths = np.linalg.norm(hidden, axis=1)
    hidden, output = hidden[lengths > 0] / lengths[lengths > 0, None], output[lengths > 0]
    order = np.argsort(-np.abs(output), kind="stable")
    return hidden[order], output[order]
