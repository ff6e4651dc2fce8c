"""The plan for squared losses: candidates by local search, and a centred certificate for the best.

A certificate costs less than a local search, and exists for global minimizers only. So it is tried
for every better candidate at once, by least squares; the semidefinite program comes when these
have failed for the best of several.
"""

from __future__ import annotations

import numpy as np

from ..progress import Progress
from .centred import Centred, GramMatrices, centred_proof, uncentred_bound
from .gram_basis import GramBasis, monomial_basis, row_space_basis
from .large_gram import LargeGramMatrices
from .recovery import linear_start
from .standing import Standing
from .variable_projection import SIZES, VariableProjection

_STARTS = 6  # local searches before the first program; one succeeds in 40 to 100 % of the cases
_MORE_STARTS = 24  # and before the second
_MANY_STARTS = 200  # and the third: some minimizers are found by one search in a hundred
_SMALL = 56  # polynomials in a basis: there all that is known is tried
_MANY = 90  # monomials, with fewer residuals: all depend on each other, in long numbers
_LARGEST = 130  # monomials: equations for their products, and a program, in half a minute
_APART = 1e-3  # of the root of the loss: predictions that differ
_TINY = 1e-12  # of the size of the outputs, squared: a loss that counts as this much here
_MOST_MINIMIZERS = 8
_FOR_CERTIFICATES = 0.6  # of the time, where it is limited: the rest is for a bound


def centre(standing: Standing, progress: Progress) -> Centred | None:
    """The proof that the best candidate is the best of all; None where none is found.

    Then the standing has a bound, mostly, that is not much lower.
    """
    r = standing.candidates.r
    p = len(r.exponents)
    if p > _LARGEST or p > max(_MANY, r.exact.nrows()):
        return None
    basis = row_space_basis(r)
    if basis.size == 0:
        return None  # nothing that the data see
    by_relations = basis.size <= _SMALL or VariableProjection(r).alone.any()
    if by_relations and basis.size > _MANY:
        return None
    matrices = (GramMatrices if by_relations else LargeGramMatrices)(basis, r.targets)
    found = _certificate(standing, progress.shortened(_FOR_CERTIFICATES), matrices)
    if found is None:
        _keep_a_bound(standing, progress, matrices)
    return found


def _certificate(standing: Standing, progress: Progress, matrices: GramMatrices):
    found = _around_the_best(standing, progress, matrices)
    if matrices.basis.size > _SMALL:
        return found
    if found is None or _is_weak(found, standing):
        found = _around_several(standing, progress, matrices) or found
    return found or _with_all_monomials(standing, progress, matrices.basis)


def _is_weak(found: Centred, standing: Standing) -> bool:
    """Whether rounding alone may have made it definite: others may be as good, and elsewhere."""
    return found.radius(standing.candidates.loss) > _apart(standing)


def _apart(standing: Standing) -> float:
    """Predictions that differ by more count as different."""
    candidates = standing.candidates
    return _APART * float(np.sqrt(max(candidates.loss, _TINY * candidates.r.scale)))


def _around_the_best(standing: Standing, progress: Progress, matrices: GramMatrices):
    """Search, and ask for a certificate as soon as there is a better candidate."""
    candidates, rng = standing.candidates, np.random.default_rng(0)
    reduced = VariableProjection(candidates.r)
    candidates.improve(linear_start(candidates.r))
    tried = in_program = np.inf  # the losses of the candidates that a certificate was sought for
    for count in (_STARTS, _MORE_STARTS, _MANY_STARTS):
        for k in range(count):
            if candidates.loss < tried * (1 - standing.tolerance):
                tried = candidates.loss
                found = _proven(standing, progress, matrices, program=False)
                if found is not None:
                    return found
            if progress.is_late():
                return None
            candidates.improve(reduced.search(rng, SIZES[k % len(SIZES)]))
        if candidates.loss < in_program * (1 - standing.tolerance):
            in_program = candidates.loss
            found = _proven(standing, progress, matrices, program=True)
            if found is not None:
                return found
    return None


def _around_several(standing: Standing, progress: Progress, matrices: GramMatrices):
    """Minimizers that predict differently: a certificate must vanish at all of them."""
    candidates, kept = standing.candidates, [standing.candidates.best]
    reduced, rng = VariableProjection(candidates.r), np.random.default_rng(1)
    while len(candidates.found) < _STARTS and not progress.is_late():
        candidates.improve(reduced.search(rng))
    if progress.is_late():
        return None
    for c in candidates.meeting(candidates.loss, standing.tolerance)[1:]:
        apart = min(matrices.distance(k, c) for k in kept)
        if apart > _apart(standing) and len(kept) < _MOST_MINIMIZERS:
            kept.append(c)
    if len(kept) == 1:
        return None
    return _proven(standing, progress, matrices, program=True, among=kept)


def _with_all_monomials(standing: Standing, progress: Progress, basis: GramBasis):
    """What the row space leaves out may help: squares of monomials that the data do not see."""
    candidates, r = standing.candidates, standing.candidates.r
    if basis.size == len(r.exponents) or progress.is_late():
        return None
    all_monomials = monomial_basis(r)
    size = np.abs(all_monomials.values(candidates.best))
    units = np.maximum(size, 1e-6 * size.max(initial=1e-300))
    units = units / np.sqrt(candidates.loss or r.scale)
    matrices = GramMatrices(all_monomials, r.targets, units)
    return _proven(standing, progress, matrices, program=True)


def _keep_a_bound(standing: Standing, progress: Progress, matrices: GramMatrices) -> None:
    problem, loss = standing.dense_problem, standing.candidates.loss
    if loss == 0 or progress.is_late():
        return
    program = matrices.basis.size <= _SMALL
    best = standing.candidates.best
    bound = uncentred_bound(problem, matrices, best, loss, program, progress.left)
    if bound is not None:
        standing.keep(bound, verified=True)


def _proven(
    standing: Standing, progress: Progress, matrices: GramMatrices, program: bool, among=None
):
    """A certificate that meets the loss; on a bound of the coefficients none can."""
    among = [standing.candidates.best] if among is None else among
    candidates = standing.candidates
    wanted = -np.inf if candidates.is_exact() else candidates.loss * (1 - standing.tolerance)
    found = centred_proof(standing.dense_problem, matrices, among, program, progress.left, wanted)
    if found is not None:
        standing.keep(found.proof, verified=True)
    return found if standing.is_certified() else None
