"""The best coefficients that floats can hold, near an optimum that they cannot.

With large outputs the loss feels the last bit of a coefficient. Rounding each coefficient by itself
then costs more than the bits together need to: the errors can be made to cancel. Which floats are
best is a closest vector problem, small enough for a reduced basis (Lenstra, Lenstra, Lovasz 1982)
and a search around the point that rounding in this basis gives (Babai 1986).
"""

from __future__ import annotations

from itertools import product

import numpy as np
from flint import fmpz_mat

from .residuals import Residuals

_BITS = 40  # of the steps of a lattice
_STEPS = (4, 4, 3, 2, 1)  # to each side along the longest vectors of a reduced basis, then none


def best_floats(local: Residuals, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Floats near c + d whose loss is as small as rounding permits.

    Parameters
    ----------
    local : Residuals
        As functions of the distance from c, as `Expansion.residuals` gives them.
    c, d : array, shape (n,)
        Floats, and an optimum of `local`.
    """
    unit = np.spacing(np.abs(c + d))
    steps = local.jacobian(d) * unit
    size = np.abs(steps).max()
    if not 0 < size < np.inf:
        return c + d
    basis = _reduced(steps / size)
    vectors = steps @ basis.T
    # c + d lies d / unit steps from c; basis.T k are whole steps.
    start = np.rint(_nearest_plane(vectors, steps @ (d / unit)))
    order = np.argsort(-np.linalg.norm(vectors, axis=0))
    reach = np.zeros(len(c), dtype=int)
    reach[order[: len(_STEPS)]] = _STEPS[: len(c)]
    around = start + np.array(list(product(*(range(-k, k + 1) for k in reach))))
    values = local(d)[:, None] + vectors @ around.T - (steps @ (d / unit))[:, None]
    losses = (values**2).sum(axis=0) if local.squares else np.abs(values).max(axis=0)
    together, each = c + (around[np.argmin(losses)] @ basis) * unit, c + d
    return min(each, together, key=lambda v: local.loss(v - c))


def _reduced(columns: np.ndarray) -> np.ndarray:
    """Whole combinations of the columns, one a row, that are short and far from parallel."""
    m, n = columns.shape
    rounded = np.rint(columns.T * 2.0**_BITS)
    rows = [
        [int(v) for v in row] + [int(i == j) for j in range(n)]
        for i, row in enumerate(rounded.tolist())
    ]
    reduced = fmpz_mat(rows).lll()
    return np.array([[float(int(reduced[i, m + j])) for j in range(n)] for i in range(n)])


def _nearest_plane(vectors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Babai's rounding: coefficients of a lattice vector near the target."""
    n = vectors.shape[1]
    short = 1e-9 * np.abs(vectors).max() * np.eye(n)  # no vector depends on the others
    Q, R = np.linalg.qr(np.vstack([vectors, short]))
    y, k = Q.T @ np.r_[target, np.zeros(n)], np.zeros(n)
    for i in range(n - 1, -1, -1):
        k[i] = np.rint((y[i] - R[i, i + 1 :] @ k[i + 1 :]) / R[i, i])
    return k
