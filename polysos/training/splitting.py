"""Where linear programs stall: split the box and exclude one part after the other.

The claim is that no coefficients have a loss of at most a level, a little below the best loss
known. Of two halves of a box one is excluded first, by the same means, again with splits where
needed; then the other half is the box. The proof is a chain of lemmas, each excluding a part.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..algebra.polynomials import Polynomial
from ..proofs.proof import Proof
from .box_bounds import BoxProgram, tighten_box
from .chain import Chain
from .multipliers import Multipliers

_MOST_PARTS = 400
_DEEPEST = 60  # halves of halves: then a side is as short as floats can tell
_SHRINKS = 0.7  # of its width: a side for which another sweep is worth it


def exclude_all(
    chain: Chain, try_point: Callable[[np.ndarray], bool], report: Callable[[str], None]
) -> Proof | None:
    """The proof that no loss is below the level; None if it takes too many parts.

    Before each split, `try_point` is told the coefficients where the relaxation is lowest; it
    returns False to give up: because these lead below the level, or because it is late.
    """
    parts = 0
    if not chain.region.is_empty and not chain.is_bounded:
        return None

    def exclude(chain: Chain, depth: int) -> tuple[Chain, Multipliers | None]:
        """The chain so far, and multipliers which show that nothing is left of it."""
        nonlocal parts
        while True:
            found = _contradiction(chain, depth > 0)
            if found is not None:
                return chain, found
            parts += 1
            if parts > _MOST_PARTS or depth > _DEEPEST:
                return chain, None
            before, chain = chain, tighten_box(chain, thorough=True)
            if _is_much_smaller(chain, before):
                continue
            if not try_point(_lowest_point(chain)):
                return chain, None
            half = _lesser_half(chain)
            if half is None:
                return chain, None
            report(f"{parts} parts, now {half!r} >= 0")
            part, found = exclude(chain.under(half), depth + 1)
            if found is None:
                return chain, None
            chain = chain.with_lemma(part.refutation(found))

    chain, found = exclude(chain, 0)
    return None if found is None else chain.loss_bound(found)


def _contradiction(chain: Chain, is_part: bool) -> Multipliers | None:
    """Multipliers which show that nothing is left on the box of a chain, if they are at hand."""

    def is_shown(found: Multipliers) -> bool:
        if is_part:
            return chain.refutation(found) is not None
        return chain.loss_bound(found).bound >= chain.level

    if chain.region.is_empty:
        return Multipliers(np.inf, np.zeros(len(chain.r.targets)))
    for thorough in (False, True):
        found = BoxProgram(chain, thorough).smallest_loss()
        if found is not None and found.value > float(chain.level) and is_shown(found):
            return found
    return None


def _lowest_point(chain: Chain) -> np.ndarray:
    program = BoxProgram(chain)
    found = program.smallest_loss()
    return program.coefficients(np.zeros(chain.n) if found is None else found.point)


def _is_much_smaller(chain: Chain, before: Chain) -> bool:
    shrunk = np.diff(chain.box, axis=1) < _SHRINKS * np.diff(before.box, axis=1)
    return chain.region.is_empty or bool(shrunk.any())


def _lesser_half(chain: Chain) -> Polynomial | None:
    """A side of the cut through the coefficient whose width costs most: the one to exclude.

    None where no float lies between the ends.
    """
    program = BoxProgram(chain)
    i = int(np.argmax(program.cost_of_width()))
    middle = float(chain.box[i].mean())
    if not chain.box[i, 0] < middle < chain.box[i, 1]:
        return None
    middle = Fraction(middle)
    halves = [chain.variable(i) - middle, middle - chain.variable(i)]
    bounds = []
    for half in halves:
        found = BoxProgram(chain.under(half)).smallest_loss()
        bounds.append(-np.inf if found is None else found.value)
    return halves[int(np.argmax(bounds))]
