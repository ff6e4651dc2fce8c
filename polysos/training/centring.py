"""The plan for squared losses: candidates by local search, and a centred certificate for the best.

A certificate costs less than a local search, and exists for global minimizers only. So it is tried
for every better candidate at once, by least squares; the semidefinite program comes when these
have failed for the best of several.
"""

from __future__ import annotations

import numpy as np

from .centred import Centred, GramMatrices, centred_proof
from .gram_basis import GramBasis, monomial_basis, row_space_basis
from .recovery import linear_start
from .tightening import Tightening

_STARTS = 12  # local searches before the first program; one succeeds in 5 to 90 % of the cases
_MORE_STARTS = 36  # and before the second
_LARGEST = 90  # polynomials in a basis: least squares with some thousand relations, a minute
_LARGEST_PROGRAM = 56  # the same for the program


def centre(plan: Tightening) -> Centred | None:
    """The proof that the best candidate is the best of all; None where none is found.

    The candidates found on the way are the plan's.
    """
    if len(plan.r.exponents) > _LARGEST:
        return None
    rng = np.random.default_rng(0)
    basis = row_space_basis(plan.r)
    if basis.size == 0:
        return None  # nothing that the data see
    matrices = GramMatrices(basis, plan.r.targets)
    plan.improve(linear_start(plan.r))
    tried = np.inf
    for count in (_STARTS, _MORE_STARTS):
        for _ in range(count):
            if plan.loss < tried * (1 - plan.tolerance):
                tried = plan.loss
                found = _proven(plan, matrices, program=False)
                if found is not None:
                    return found
            if plan.late():
                return None
            plan.improve(rng.standard_normal(plan.r.n_coefficients))
        found = _proven(plan, matrices, program=True)
        if found is not None or plan.late():
            return found
    return _with_all_monomials(plan, basis)


def _with_all_monomials(plan: Tightening, basis: GramBasis) -> Centred | None:
    """What the row space leaves out may help: squares of monomials that the data do not see."""
    if basis.size == len(plan.r.exponents):
        return None
    all_monomials = monomial_basis(plan.r)
    size = np.abs(all_monomials.values(plan.c))
    units = np.maximum(size, 1e-6 * size.max(initial=1e-300)) / np.sqrt(plan.loss or plan.r.scale)
    return _proven(plan, GramMatrices(all_monomials, plan.r.targets, units), program=True)


def _proven(plan: Tightening, matrices: GramMatrices, program: bool) -> Centred | None:
    """A certificate that meets the loss; on a bound of the coefficients none can."""
    program = program and matrices.basis.size <= _LARGEST_PROGRAM
    found = centred_proof(plan.dense_problem, matrices, [plan.c], program, plan.left())
    if found is not None:
        plan.keep(found.proof)
    return found if plan.is_certified() else None
