"""The best coefficients that floats can hold, near an optimum that they cannot.

With large outputs the loss feels the last bit of a coefficient. Rounding each coefficient by itself
then costs more than the bits together need to: the errors can be made to cancel. Which floats are
best is a closest vector problem: a reduced basis of the lattice (Lenstra, Lenstra, Lovasz 1982)
makes it small enough for a mixed-integer linear program, or for rounding (Babai 1986).
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager

import numpy as np
from flint import fmpz_mat
from scipy.optimize import Bounds, LinearConstraint, milp

from .residuals import Residuals

_BITS = 40  # of the steps of a lattice
_REACH = 10_000  # steps along a vector of the reduced basis
_FINE = 1e-6  # of the loss: the unit in which the program measures it
_SECONDS = 1.0  # for the program, which mostly takes hundredths


def best_floats(local: Residuals, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Floats near c + d whose loss is as small as rounding permits, or about.

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
    if not 0 < size < np.inf or not local.loss(d) > 0:
        return c + d
    basis = _reduced(steps / size)
    vectors, residual = steps @ basis.T, local(d)
    # c + k @ basis * unit has the residuals  residual + vectors @ k - steps @ (d / unit)
    target = steps @ (d / unit)
    near = np.rint(_nearest_plane(vectors, target))
    found = [near] if local.squares else [near, _program(vectors, residual - target, near)]
    floats = [c + d, *(c + (k @ basis) * unit for k in found)]
    return min(floats, key=lambda v: local.loss(v - c))


def _program(vectors: np.ndarray, residual: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Whole k near a guess with the least max |residual + vectors @ k|; the guess if that fails."""
    n = len(near)
    start = residual + vectors @ near
    unit = _FINE * np.abs(start).max()
    A = np.vstack([np.c_[s * vectors / unit, -np.ones(len(vectors))] for s in (1, -1)])
    room = (1 / _FINE - np.r_[start, -start] / unit) if unit > 0 else None
    if room is None or not np.isfinite(A).all():
        return near
    with _muted():
        found = milp(
            np.r_[np.zeros(n), 1.0],  # how much the largest exceeds the present one, in units
            constraints=LinearConstraint(A, -np.inf, room),
            integrality=np.r_[np.ones(n), 0],
            bounds=Bounds(np.r_[np.full(n, -_REACH), -np.inf], np.r_[np.full(n, _REACH), np.inf]),
            options={"time_limit": _SECONDS},
        )
    return near if found.x is None else near + np.rint(found.x[:n])


@contextmanager
def _muted():
    """Without what HiGHS prints behind Python's back, whatever its options are."""
    try:
        flush = ctypes.CDLL(None).fflush  # what C has kept back goes where it belongs
    except (AttributeError, OSError, TypeError):  # no such library here
        yield
        return
    sys.stdout.flush()
    flush(None)
    own, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        flush(None)
        os.dup2(own, 1)
        os.close(own)
        os.close(nowhere)


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
