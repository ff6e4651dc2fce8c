"""Relaxations that differ from the paper's (3.4), made for proofs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Sparsity(StrEnum):
    """How the blocks of a relaxation are split.

    NONE
        Not at all: the paper's relaxation (3.4).
    SIGNS
        By sign symmetries of the problem (see `signs`). Nothing is lost.
    TERMS
        By the terms of the problem (see `terms`). The bound of an order may be weaker.
    VARIABLES
        On cliques of variables (see `cliques`). The bound of an order may be weaker.
    BOTH
        On cliques of variables, and each of these blocks by terms.
    """

    NONE = "none"
    SIGNS = "signs"
    TERMS = "terms"
    VARIABLES = "variables"
    BOTH = "variables and terms"


@dataclass(frozen=True)
class Variant:
    """How a relaxation differs from the paper's, which is `Variant()`.

    Attributes
    ----------
    products : bool
        Products of inequalities get multipliers, too (Schmuedgen's preordering).
    denominator : int
        r: bound f by (1 + |z|^2)^r (f - gamma) in the truncated quadratic module.
    slack : float
        Ask for Gram matrices Q_j >= slack * I: the bound gets smaller by slack times the traces of
        the moment and localizing matrices, and survives rounding.
    reduced : bool
        Leave out of the bases what no certificate of this order can use.
    facial : bool
        Go on to the smallest face that holds all certificates (see `faces`).
    sparsity : Sparsity
        How blocks are split; without products, if they are.
    zeros : tuple of points, each a tuple of Fraction
        Where the objective takes its bound, in the user's units: the polynomials of the blocks
        vanish there, but for those of inequalities that are 0 there.
    room : float
        What the scaled bound may fall by, where `zeros` are known in floats only.
    refutation : bool
        For the objective 0: ask for the identity 0 - 1 = sum_j sigma_j g_j + ..., which shows that
        no point is feasible.

    Examples
    --------
    >>> print(Variant(denominator=1, slack=1e-8, facial=True))
    denominator 1, slack 1e-08, facial
    """

    products: bool = False
    denominator: int = 0
    slack: float = 0.0
    reduced: bool = False
    facial: bool = False
    sparsity: Sparsity = Sparsity.NONE
    zeros: tuple[tuple[Fraction, ...], ...] = ()
    room: float = 0.0
    refutation: bool = False

    def __str__(self):
        words = [
            "products" * self.products,
            f"denominator {self.denominator}" * bool(self.denominator),
            f"slack {self.slack:g}" * bool(self.slack),
            "facial" * self.facial,
            f"blocks by {self.sparsity}" * (self.sparsity is not Sparsity.NONE),
            f"vanishing at {len(self.zeros)} points" * bool(self.zeros),
            "refutation" * self.refutation,
        ]
        return ", ".join(word for word in words if word)


PAPER = Variant()
