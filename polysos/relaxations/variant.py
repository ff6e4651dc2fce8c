"""Relaxations that differ from the paper's (3.4), made for proofs."""

from __future__ import annotations

from dataclasses import dataclass


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
    refutation: bool = False

    def __str__(self):
        words = [
            "products" * self.products,
            f"denominator {self.denominator}" * bool(self.denominator),
            f"slack {self.slack:g}" * bool(self.slack),
            "facial" * self.facial,
            "refutation" * self.refutation,
        ]
        return ", ".join(word for word in words if word)


PAPER = Variant()
