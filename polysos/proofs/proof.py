"""Proofs of lower bounds: exact identities that anybody can check without a solver.

In scaled variables x = center + scale * z and with g_0 = 1, a proof is an identity

    d (f - bound) = sum_j (v_j^T Q_j v_j) g_j + sum_i q_i h_i + remainder

with rational Gram matrices Q_j >= 0 and a denominator d > 0, mostly 1. (It may be 0 at z = 0, if
f >= bound is checked there.) The g_j may also be
products of inequalities (Schmuedgen) instead of single ones (Putinar), and the sides x_i - low_i,
high_i - x_i of a known box are inequalities, too. Where the remainder is nonnegative on the
feasible set, f >= bound there. It is bounded term by term on what is known of that set, so where
nothing is bounded it has to vanish, or nearly so.

A proof may rest on lemmas, each proven with the help of the ones before it: they bound variables
or monomials, show that a denominator is positive, or exclude a part of the set.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Rational
from os import PathLike
from pathlib import Path

import numpy as np

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import LARGEST_DEGREE, Polynomial, number_word
from ..algebra.problem import PolynomialProblem
from ..checks import check_type
from .exact import is_positive_semidefinite, round_down, to_fmpq
from .files import PROOF, from_json, read_file, to_json
from .identity import Identity
from .region import Region, is_positive_but_at_zero


@dataclass(frozen=True, eq=False)
class Proof:
    """An exact lower bound and everything that is needed to check it again.

    Attributes
    ----------
    holds : bool
        Whether a bound is proven.
    bound : Fraction or None
        f >= bound on the feasible set; None where nothing is proven.
    problem : PolynomialProblem
        With exact coefficients: the floats that the user gave, read as the rationals they are.
    center, scale : tuple of Fraction
        x = center + scale * z.
    gram : dict of tuple to BasisMatrix
        Gram matrices of the multipliers, entries `Fraction`, keyed by the numbers of inequalities:
        () is the constant 1, (j,) the inequality number j, (i, j) a product. With m inequalities,
        number m + 2i is the side x_i - low_i >= 0 of the known box, m + 2i + 1 is high_i - x_i.
    equality_multipliers : tuple of Polynomial
        In z, as the monomials of the Gram matrices are.
    denominator : Polynomial or None
        d, in z; None stands for 1.
    sublevel : Fraction or None
        u, where the last inequality of `problem` is u - f >= 0: then f >= bound holds on the set
        without that inequality, provided that bound <= u.
    lemmas : tuple of Proof
        On the same feasible set, each resting on the ones before it.
    assumption : bool
        For a lemma: the last inequality of its problem is an assumption a x_i + b >= 0 that the
        proof shows to be impossible, so that a x_i + b < 0.
    message : str
        Why the proof does not hold, if it does not.

    Examples
    --------
    >>> import polysos as ps
    >>> (x,) = ps.variables(1)
    >>> r = ps.solve_relaxation(ps.PolynomialProblem(x**2 - x, [x, 2 - x]), order=1)
    >>> proof = ps.verify_certificate(ps.sos_certificate(r))
    >>> proof.holds, proof.bound, proof.verify()
    (True, Fraction(-1, 4), True)
    """

    holds: bool
    bound: Fraction | None
    problem: PolynomialProblem
    center: tuple[Fraction, ...] = field(repr=False)
    scale: tuple[Fraction, ...] = field(repr=False)
    gram: dict[tuple[int, ...], BasisMatrix] = field(repr=False)
    equality_multipliers: tuple[Polynomial, ...] = field(repr=False)
    denominator: Polynomial | None = field(default=None, repr=False)
    sublevel: Fraction | None = None
    lemmas: tuple[Proof, ...] = field(default=(), repr=False)
    assumption: bool = False
    message: str = ""

    def __repr__(self):
        bound = "None" if self.bound is None else number_word(self.bound)
        return f"Proof(holds={self.holds}, bound={bound}, problem={self.problem!r})"

    @property
    def lower_bound(self) -> float:
        """The bound as a float, rounded down; NaN where nothing is proven."""
        return round_down(self.bound) if self.holds else np.nan

    @property
    def proves_infeasibility(self) -> bool:
        """Whether the bound exceeds a constant objective: then there is no feasible point."""
        f = self.problem.objective
        if not self.holds or self.bound is None or f.degree > 0:
            return False
        return self.bound > f.exact().constant_term

    @property
    def ends(self) -> np.ndarray:
        """Bounds (n, 2) of the variables that the inequalities and the lemmas state.

        They hold wherever the inequalities of `problem` do, its sublevel included.
        """
        region = Region.stated(self.problem)
        for lemma in self.lemmas:
            region = region.after(lemma)
        return region.ends

    def verify(self, problem: PolynomialProblem | None = None) -> bool:
        """Check everything again, exactly, from what is stored; no solver is asked.

        Parameters
        ----------
        problem : PolynomialProblem, optional
            Your own: then the proof must also be about it. Without, `verify` says that the bound
            is proven for `proof.problem`, whatever that is: a file may hold another problem.

        Examples
        --------
        >>> import polysos as ps
        >>> (x,) = ps.variables(1)
        >>> problem = ps.PolynomialProblem(x**2 - x, [x, 2 - x])
        >>> proof = ps.minimize(problem).proof
        >>> proof.verify(problem), proof.verify(ps.PolynomialProblem(x**2 - 2 * x, [x, 2 - x]))
        (True, False)
        """
        if problem is not None and not self.is_about(problem):
            return False
        return not self.assumption and _is_proven(self, Region.of(self.problem))

    def is_about(self, problem: PolynomialProblem) -> bool:
        """Whether the proof, if it holds, bounds the objective of a problem on its feasible set.

        The objective must be the same, and each constraint that the proof uses must be one of the
        problem's, or weaker by a constant; a proof of infeasibility needs no objective. Variables
        that the proof adds behind the problem's own must be defined by its equations.
        """
        check_type("problem", problem, PolynomialProblem)
        own = self.problem
        if self.sublevel is not None and own.inequalities:
            own = PolynomialProblem(own.objective, own.inequalities[:-1], own.equalities)
        own = without_definitions(own, problem.n_variables)
        if own is None or not implies(problem, own.inequalities, own.equalities):
            return False
        same = own.objective.exact() == problem.objective.exact()
        return same or (self.proves_infeasibility and self.sublevel is None)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the proof to a JSON file, every number as "numerator/denominator"."""
        Path(path).write_text(json.dumps(to_json(self), indent=1))

    @staticmethod
    def load(path: str | PathLike[str]) -> Proof:
        """Read a proof. It is not trusted: call `verify`, with your own problem.

        Raises
        ------
        ValueError
            If the file is not a proof, or too long to be checked: see `proof_files` for the limits.
        """

        def build(data: dict) -> Proof:
            proof = from_json(data, Proof)
            if not all(_is_well_formed(p) for p in _with_lemmas(proof)):
                raise ValueError("parts do not fit together")
            return proof

        return read_file(path, PROOF, build)


def _with_lemmas(proof: Proof):
    yield proof
    for lemma in proof.lemmas:
        yield from _with_lemmas(lemma)


def _is_proven(proof: Proof, region: Region) -> bool:
    for lemma in proof.lemmas:
        if not (rests_on(lemma, proof.problem) and _is_proven(lemma, entered(region, lemma))):
            return False
        region = region.after(lemma)
    return holds_on(proof, region)


def entered(region: Region, lemma: Proof) -> Region:
    """Where a lemma is to be proven: the region so far, under its assumption if it makes one."""
    return region.under(lemma.problem.inequalities[-1]) if lemma.assumption else region


def rests_on(lemma: Proof, problem: PolynomialProblem) -> bool:
    """Whether all that a lemma uses, but for its assumption, is given in a problem."""
    given = lemma.problem.inequalities
    if lemma.assumption:
        if not (given and lemma.proves_infeasibility):
            return False
        given = given[:-1]
    return implies(problem, given, lemma.problem.equalities)


def holds_on(proof: Proof, region: Region) -> bool:
    """Check one identity and its Gram matrices on a region that holds the feasible set."""
    if not (proof.holds and proof.bound is not None and _is_well_formed(proof)):
        return False
    if proof.sublevel is not None:
        f, added = proof.problem.objective.exact(), proof.problem.inequalities[-1].exact()
        if added != proof.sublevel - f or proof.bound > proof.sublevel:
            return False
    if region.is_empty:
        return True  # no point is feasible: every claim holds
    gram = {key: _fmpq_matrix(Q.values) for key, Q in proof.gram.items()}
    if not all(is_positive_semidefinite(Q) for Q in gram.values()):
        return False
    identity = Identity(proof.problem, proof.center, proof.scale, region)
    d = identity.denominator(proof)
    if not region.is_positive(d, proof.center, proof.scale):
        # It may vanish in a single point, where the bound is checked by itself.
        middle = np.array(proof.center, dtype=object)
        f = proof.problem.objective.exact()
        if not (is_positive_but_at_zero(d) and f(middle) >= proof.bound):
            return False
    try:
        rest = identity.remainder(proof, gram)
    except ValueError:  # a side of the box that is not there
        return False
    return identity.smallest(rest - to_fmpq(proof.bound) * d) >= 0


def _is_well_formed(proof: Proof) -> bool:
    """Whether shapes and numbers fit together, so that the identity means what it says."""
    n, m = proof.problem.n_variables, len(proof.problem.inequalities)
    return (
        len(proof.center) == len(proof.scale) == n
        and all(s > 0 for s in proof.scale)
        and (proof.denominator is None or proof.denominator.n_variables == n)
        and len(proof.equality_multipliers) == len(proof.problem.equalities)
        and all(q.n_variables == n for q in proof.equality_multipliers)
        and all(type(j) is int and 0 <= j < m + 2 * n for key in proof.gram for j in key)
        and all(Q.basis.shape == (len(Q.values), n) for Q in proof.gram.values())
        and all(Q.values.shape == (len(Q.basis),) * 2 for Q in proof.gram.values())
        and all(_are_exponents(Q.basis) for Q in proof.gram.values())
        and all(isinstance(v, Rational) for Q in proof.gram.values() for v in Q.values.flat)
        and (m > 0 or (proof.sublevel is None and not proof.assumption))
    )


def _are_exponents(basis: np.ndarray) -> bool:
    """Whether all are so small that no sum of them can wrap."""
    return basis.dtype.kind in "iu" and bool(((basis >= 0) & (basis <= LARGEST_DEGREE)).all())


def implies(problem: PolynomialProblem, inequalities, equalities=()) -> bool:
    """Whether each constraint is one of the problem's, or one of its plus a constant >= 0."""
    inequalities = _others(inequalities, problem.inequalities)
    equalities = _others(equalities, problem.equalities)
    if any(g.n_variables != problem.n_variables for g in (*inequalities, *equalities)):
        return False
    if equalities:
        known = {h.exact() for h in problem.equalities}
        if not all(h.exact() in known for h in equalities):
            return False
    if not inequalities:
        return True
    strongest: dict[Polynomial, Fraction] = {}
    for g in problem.inequalities:
        shape, constant = _without_constant(g)
        strongest[shape] = min(constant, strongest.get(shape, constant))
    needed = [_without_constant(g) for g in inequalities]
    return all(shape in strongest and strongest[shape] <= constant for shape, constant in needed)


def _others(constraints, known) -> list[Polynomial]:
    """Those that are not the very objects known: a quick look, for there are many lemmas."""
    own = {id(p) for p in known}
    return [p for p in constraints if id(p) not in own]


def _without_constant(g: Polynomial) -> tuple[Polynomial, Fraction]:
    g = g.exact()
    return g - g.constant_term, g.constant_term


def without_definitions(problem: PolynomialProblem, n: int) -> PolynomialProblem | None:
    """The same problem in its first n variables, where equations define all others by these.

    Each further variable v needs an equality v - q = 0, or its negative, with q in the first n;
    q takes the place of v everywhere. None where one is not defined so.

    >>> from polysos import variables
    >>> c, r = variables("c r")
    >>> without_definitions(PolynomialProblem(r**2, (), [r - c - 1]), 1)
    minimize c^2 + 2*c + 1
    """
    if problem.n_variables <= n:
        return problem if problem.n_variables == n else None
    names = problem.objective.names[:n]
    rest, found = list(problem.equalities), {}
    for v in range(n, problem.n_variables):
        for h in rest:
            q = _solved_for(h.exact(), v, n)
            if q is not None:
                found[v] = Polynomial.from_arrays(q.exponents[:, :n], q.coefficients, names)
                rest.remove(h)
                break
        else:
            return None
    own = [Polynomial({tuple(map(int, e)): Fraction(1)}, n, names) for e in np.eye(n, dtype=int)]
    values = [*(p.exact() for p in own), *(found[v] for v in sorted(found))]

    def inserted(p: Polynomial) -> Polynomial:
        return p.exact().substitute(values).exact()

    return PolynomialProblem(
        inserted(problem.objective),
        [inserted(g) for g in problem.inequalities],
        [inserted(h) for h in rest],
    )


def _solved_for(h: Polynomial, v: int, n: int) -> Polynomial | None:
    """q with h = +-(v - q), q in the first n variables; None where h is not like that."""
    unit = tuple(int(i == v) for i in range(h.n_variables))
    sign = h.terms.get(unit, 0)
    if abs(sign) != 1:
        return None
    q = Polynomial({unit: Fraction(1)}, h.n_variables, h.names).exact() - sign * h
    return None if q.exponents[:, n:].any() else q


def empty_box_proof(problem: PolynomialProblem) -> Proof:
    """0 >= 1 on the feasible set, which `bounding_box` shows to be empty; no multiplier needed."""
    n = problem.n_variables
    f = Polynomial({(0,) * n: Fraction(0)}, n, problem.objective.names)
    return Proof(
        holds=True,
        bound=Fraction(1),
        problem=PolynomialProblem(f, problem.inequalities, problem.equalities),
        center=(Fraction(0),) * n,
        scale=(Fraction(1),) * n,
        gram={},
        equality_multipliers=tuple(f for _ in problem.equalities),
    )


def _fmpq_matrix(values: np.ndarray):
    return [[to_fmpq(v) for v in row] for row in values.tolist()]
