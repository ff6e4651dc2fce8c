"""Proofs of lower bounds: exact identities that anybody can check without a solver.

In scaled variables x = center + scale * z and with g_0 = 1, a proof is an identity

    d (f - bound) = sum_j (v_j^T Q_j v_j) g_j + sum_i q_i h_i + remainder

with rational Gram matrices Q_j >= 0 and a denominator d > 0, mostly 1. The g_j may also be
products of inequalities (Schmuedgen) instead of single ones (Putinar), and the sides x_i - low_i,
high_i - x_i of a known box are inequalities, too. Where the remainder is nonnegative on the
feasible set, f >= bound there. It is bounded term by term on what is known of that set, so where
nothing is bounded it has to vanish, or nearly so.

A proof may rest on lemmas, each proven with the help of the ones before it: they bound variables
or monomials, show that a denominator is positive, or exclude a part of the set.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from fractions import Fraction
from numbers import Rational
from pathlib import Path

import numpy as np

from .exact import is_positive_semidefinite, round_down, to_fmpq
from .identity import Identity
from .moments import BasisMatrix
from .polynomials import Polynomial
from .problem import PolynomialProblem
from .region import Region

_FORMAT = "polysos proof 2"


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

    def verify(self) -> bool:
        """Check everything again, exactly, from what is stored; no solver is asked."""
        return not self.assumption and _is_proven(self, Region.of(self.problem))

    def save(self, path) -> None:
        """Write the proof to a JSON file, every number as "numerator/denominator"."""
        Path(path).write_text(json.dumps(_to_json(self), indent=1))

    @staticmethod
    def load(path) -> Proof:
        """Read a proof. It is not trusted: call `verify`.

        Raises
        ------
        ValueError
            If the file is not a proof.
        """
        try:
            proof = _from_json(json.loads(Path(path).read_text()))
            if not all(_is_well_formed(p) for p in _with_lemmas(proof)):
                raise ValueError("parts do not fit together")
            return proof
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"path must name a proof written by save, got {path}") from error


def _with_lemmas(proof: Proof):
    yield proof
    for lemma in proof.lemmas:
        yield from _with_lemmas(lemma)


def _is_proven(proof: Proof, region: Region) -> bool:
    for lemma in proof.lemmas:
        if not (is_about(lemma, proof.problem) and _is_proven(lemma, entered(region, lemma))):
            return False
        region = region.after(lemma)
    return holds_on(proof, region)


def entered(region: Region, lemma: Proof) -> Region:
    """Where a lemma is to be proven: the region so far, under its assumption if it makes one."""
    return region.under(lemma.problem.inequalities[-1]) if lemma.assumption else region


def is_about(lemma: Proof, problem: PolynomialProblem) -> bool:
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
    if not region.is_positive(identity.denominator(proof), proof.center, proof.scale):
        return False
    try:
        rest = identity.remainder(proof, gram)
    except ValueError:  # a side of the box that is not there
        return False
    return identity.smallest(rest - to_fmpq(proof.bound) * identity.denominator(proof)) >= 0


def _is_well_formed(proof: Proof) -> bool:
    """Whether shapes and numbers fit together, so that the identity means what it says."""
    n, m = proof.problem.n_variables, len(proof.problem.inequalities)
    return (
        len(proof.center) == len(proof.scale) == n
        and all(s > 0 for s in proof.scale)
        and (proof.denominator is None or proof.denominator.n_variables == n)
        and len(proof.equality_multipliers) == len(proof.problem.equalities)
        and all(q.n_variables == n for q in proof.equality_multipliers)
        and all(isinstance(j, int) and 0 <= j < m + 2 * n for key in proof.gram for j in key)
        and all(Q.basis.shape == (len(Q.values), n) for Q in proof.gram.values())
        and all(Q.values.shape == (len(Q.basis),) * 2 for Q in proof.gram.values())
        and all((Q.basis >= 0).all() for Q in proof.gram.values())
        and all(isinstance(v, Rational) for Q in proof.gram.values() for v in Q.values.flat)
        and (m > 0 or (proof.sublevel is None and not proof.assumption))
    )


def implies(problem: PolynomialProblem, inequalities, equalities=()) -> bool:
    """Whether each constraint is one of the problem's, or one of its plus a constant >= 0."""
    known = {id(g) for g in problem.inequalities}
    inequalities = [g for g in inequalities if id(g) not in known]
    known = {id(h) for h in problem.equalities}
    equalities = [h for h in equalities if id(h) not in known]
    if not inequalities and not equalities:
        return True
    if any(g.n_variables != problem.n_variables for g in (*inequalities, *equalities)):
        return False
    known = [g.exact() for g in problem.inequalities]
    same, equal = set(known), {h.exact() for h in problem.equalities}

    def follows(g: Polynomial) -> bool:
        return g in same or any((d := g - h).degree == 0 and d.constant_term >= 0 for h in known)

    return all(follows(g.exact()) for g in inequalities) and all(
        h.exact() in equal for h in equalities
    )


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


def _number(value) -> str:
    value = Fraction(value)
    return f"{value.numerator}/{value.denominator}"


def _terms(p: Polynomial) -> list:
    return [[_number(c), list(alpha)] for alpha, c in p.terms.items()]


def _to_json(proof: Proof, parent: Proof | None = None) -> dict:
    """A proof as lists and words; a lemma leaves out what is the same as in its parent."""
    problem, data = proof.problem, {}
    given = problem.inequalities[:-1] if proof.assumption else problem.inequalities
    if parent is None:
        data |= {"format": _FORMAT, "variables": list(problem.objective.names)}
    same = parent is not None and _constraints(parent) == (given, problem.equalities)
    data |= {
        "holds": proof.holds,
        "bound": None if proof.bound is None else _number(proof.bound),
        "objective": _terms(problem.objective),
    }
    if not same:
        data["inequalities"] = [_terms(g) for g in given]
        data["equalities"] = [_terms(h) for h in problem.equalities]
    return data | {
        "assumption": _terms(problem.inequalities[-1]) if proof.assumption else None,
        "sublevel": None if proof.sublevel is None else _number(proof.sublevel),
        "center": [_number(c) for c in proof.center],
        "scale": [_number(s) for s in proof.scale],
        "denominator": None if proof.denominator is None else _terms(proof.denominator),
        "gram": [_block_to_json(key, Q) for key, Q in proof.gram.items()],
        "equality_multipliers": [_terms(q) for q in proof.equality_multipliers],
        "lemmas": [_to_json(lemma, proof) for lemma in proof.lemmas],
        "message": proof.message,
    }


def _constraints(proof: Proof) -> tuple:
    return proof.problem.inequalities, proof.problem.equalities


def _block_to_json(key: tuple, Q: BasisMatrix) -> dict:
    block: dict = {"product_of_inequalities": list(key)}
    if Q.is_constant:
        return block | {"constant": _number(Q.values[0, 0])}
    return block | {
        "basis": Q.basis.tolist(),
        "matrix": [[_number(v) for v in row] for row in Q.values],
    }


def _from_json(data: dict, parent: Proof | None = None) -> Proof:
    if parent is None and data["format"] != _FORMAT:
        raise ValueError(f"unknown format {data['format']!r}")
    names = tuple(data["variables"]) if parent is None else parent.problem.objective.names

    def read(terms):
        exact = {tuple(alpha): Fraction(c) for c, alpha in terms}
        return Polynomial(exact, len(names), names).exact()

    def optional(read_it, value):
        return None if value is None else read_it(value)

    if parent is not None and "inequalities" not in data:
        inequalities, equalities = _constraints(parent)
    else:
        inequalities = tuple(read(g) for g in data["inequalities"])
        equalities = tuple(read(h) for h in data["equalities"])
    assumption = optional(read, data["assumption"])
    if assumption is not None:
        inequalities += (assumption,)
    proof = Proof(
        holds=bool(data["holds"]),
        bound=optional(Fraction, data["bound"]),
        problem=PolynomialProblem(read(data["objective"]), inequalities, equalities),
        center=tuple(Fraction(c) for c in data["center"]),
        scale=tuple(Fraction(s) for s in data["scale"]),
        gram=dict(_block_from_json(block, names) for block in data["gram"]),
        equality_multipliers=tuple(read(q) for q in data["equality_multipliers"]),
        denominator=optional(read, data["denominator"]),
        sublevel=optional(Fraction, data["sublevel"]),
        assumption=assumption is not None,
        message=data["message"],
    )
    return replace(proof, lemmas=tuple(_from_json(lemma, proof) for lemma in data["lemmas"]))


def _block_from_json(block: dict, names) -> tuple:
    key = tuple(block["product_of_inequalities"])
    if "constant" in block:
        return key, BasisMatrix.constant(Fraction(block["constant"]), names)
    basis = np.array(block["basis"], dtype=np.int64).reshape(len(block["basis"]), len(names))
    rows = [[Fraction(v) for v in row] for row in block["matrix"]]
    if [len(row) for row in rows] != [len(basis)] * len(basis):
        raise ValueError("a Gram matrix must be square, a row a monomial")
    return key, BasisMatrix(np.array(rows, dtype=object).reshape(len(basis), -1), basis, names)
