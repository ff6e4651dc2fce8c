"""The blocks of a variant of the relaxation: on which monomials, and split in which way."""

from __future__ import annotations

from .blocks import Blocks, dense_blocks, reduce_bases
from .cliques import blocks_on_cliques, has_cliques
from .cost import check_building, check_graph, is_long
from .scaling import ScaledProblem
from .signs import split_by_signs
from .terms import split_by_terms
from .variant import Sparsity, Variant


def blocks_of(scaled: ScaledProblem, order: int, variant: Variant) -> Blocks:
    """The blocks that a variant asks for, without faces.

    Raises
    ------
    MemoryError
        Where not even their monomials would fit.
    """
    way = variant.sparsity
    if way in (Sparsity.VARIABLES, Sparsity.BOTH):
        blocks = blocks_on_cliques(scaled, order)
    elif way is Sparsity.NONE:
        check_building(scaled, order)
        blocks = dense_blocks(scaled, order, variant.products)
    else:
        check_graph(scaled.problem.n_variables, order, variant.reduced)
        blocks = dense_blocks(scaled, order)
    if variant.reduced:
        blocks = reduce_bases(scaled, variant.denominator, blocks)
    if way is Sparsity.SIGNS:
        return split_by_signs(scaled, blocks)
    if way in (Sparsity.TERMS, Sparsity.BOTH):
        return split_by_terms(scaled, variant.denominator, blocks)
    return blocks


def chosen_sparsity(scaled: ScaledProblem, order: int) -> Sparsity:
    """What "auto" means: signs, which lose nothing, while that is quick; then small blocks."""
    if not is_long(scaled, order):
        return Sparsity.SIGNS
    return small_blocks(scaled)


def small_blocks(scaled: ScaledProblem) -> Sparsity:
    """Cliques of variables, where the problem has some, or else terms."""
    return Sparsity.VARIABLES if has_cliques(scaled) else Sparsity.TERMS
