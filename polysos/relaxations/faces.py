"""Facial reduction: the smallest face that holds all certificates of one order.

On an unbounded set Gram matrices may all be singular: where f grows slowly along a curve to
infinity, the leading monomials of that curve must cancel in every square. Then no certificate
survives rounding. Moments without mass that keep every block positive and do not raise f show such
directions: Q_j vanishes on the range of the block. The range is rounded to rationals and taken
out; on what is left Gram matrices can be positive definite. A wrong guess costs a proof, never
its truth: proofs are checked without it.
"""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
from scipy.linalg import qr

from .blocks import Blocks
from .program import Program, Status, square
from .scaling import ScaledProblem
from .variant import Variant

_STEPS = 5
_SMALL = 1e-3  # of the largest eigenvalue of a block: less is 0
_NONE = 1e-5  # largest eigenvalue of a block that is 0; the traces of all add up to 1
_GUESSES = (
    (1000, 1e-8),
    (64, 2e-5),
    (8, 5e-3),
    (64, 1.0),
)  # denominators, and how near they must come
_ZERO = 1e-6  # change of f along a direction


def smallest_face(
    scaled: ScaledProblem,
    order: int,
    variant: Variant,
    blocks: Blocks,
    solver: str,
    time_limit: float | None = None,
) -> Blocks:
    """The blocks with bases of polynomials that can carry positive definite Gram matrices.

    After `time_limit` seconds no new step is begun.
    """
    start = time.perf_counter()
    for _ in range(_STEPS):
        left = None if time_limit is None else time_limit - (time.perf_counter() - start)
        if left is not None and left <= 0:
            return blocks
        program = Program(scaled, order, blocks, variant, recession=True)
        status, value = program.solve(solver, verbose=False, time_limit=left)
        if status not in (Status.SOLVED, Status.INACCURATE) or abs(value) > _ZERO:
            return blocks
        faces = [complement(square(op @ program.y.value)) for op in program.operators]
        if all(face is None for face in faces):
            return blocks
        smaller = [g.on_face(face) for g, face in zip(blocks.generators, faces, strict=True)]
        blocks = blocks._replace(generators=[g for g in smaller if g.size or not g.factors])
    return blocks


def complement(M: np.ndarray) -> np.ndarray | None:
    """Rational rows that span the kernel of M, or None where M is nearly zero."""
    eigenvalues, vectors = np.linalg.eigh(M)
    largest = eigenvalues.max(initial=0.0)
    if largest <= _NONE:
        return None
    large = eigenvalues > _SMALL * largest
    V = vectors[:, large].T
    rank, s = V.shape
    _, _, order = qr(V, pivoting=True)
    pivots, free = order[:rank], order[rank:]
    ratios = np.linalg.solve(V[:, pivots], V[:, free])
    face = np.full((s - rank, s), Fraction(0), dtype=object)
    for row, column in enumerate(free):
        face[row, column] = Fraction(1)
        for k, pivot in enumerate(pivots):
            face[row, pivot] = -_simplest(ratios[k, row])
    return face


def _simplest(ratio: float) -> Fraction:
    """The fraction that a ratio was probably meant to be: sharply, or else roughly a simple one."""
    for largest, error in _GUESSES:
        guess = Fraction(ratio).limit_denominator(largest)
        if abs(guess - ratio) <= error:
            return guess
    return guess
