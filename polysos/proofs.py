"""Proofs of lower bounds: exact identities that anybody can check without a solver.

In scaled variables x = center + scale * z and with g_0 = 1, a proof is an identity

    theta^r (f - bound) = sum_j (v_j^T Q_j v_j) g_j + sum_i q_i h_i + remainder

with rational Gram matrices Q_j >= 0, theta = 1 + |z|^2, and r = 0 but for some proofs on unbounded
sets. The g_j may also be products of inequalities (Schmuedgen) instead of single ones (Putinar).
Where the remainder is nonnegative on the feasible set, f >= bound there. It is bounded term by
term on a box that holds the feasible set, so on an unbounded set it has to vanish, or nearly so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, nextafter, prod
from numbers import Rational
from pathlib import Path
from sys import float_info

import numpy as np
from flint import Ordering, fmpq, fmpq_mpoly_ctx

from .box import bounding_box, largest_value
from .moments import BasisMatrix
from .polynomials import Polynomial
from .problem import PolynomialProblem

_FORMAT = "polysos proof 1"
_MOST_DENOMINATORS = 100  # a power of theta beyond this is no use, and takes forever to expand


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
        Gram matrices of the multipliers, entries `Fraction`, keyed as in `Certificate`.
    equality_multipliers : tuple of Polynomial
    denominator : int
    sublevel : Fraction or None
        As in `Certificate`.
    lemmas : tuple of Proof
        Bounds of single variables on the feasible set, each resting on the ones before it; they
        make the box smaller on which the remainder is bounded.
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
    denominator: int = 0
    sublevel: Fraction | None = None
    lemmas: tuple[Proof, ...] = field(default=(), repr=False)
    message: str = ""

    @property
    def lower_bound(self) -> float:
        """The bound as a float, rounded down; NaN where nothing is proven."""
        return round_down(self.bound) if self.holds else np.nan

    @property
    def proves_infeasibility(self) -> bool:
        """Whether the bound exceeds a constant objective: then there is no feasible point."""
        f = self.problem.objective
        return self.holds and f.degree == 0 and self.bound > f.exact().constant_term

    def verify(self) -> bool:
        """Check everything again, exactly, from what is stored; no solver is asked."""
        box = bounding_box(self.problem)
        for lemma in self.lemmas:
            if not (implies(self.problem, lemma.problem) and holds_on(lemma, box)):
                return False
            box = smaller_box(box, lemma)
        return holds_on(self, box)

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
            if not all(_is_well_formed(p) for p in (proof, *proof.lemmas)):
                raise ValueError("parts do not fit together")
            return proof
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"path must name a proof written by save, got {path}") from error


def holds_on(proof: Proof, box: np.ndarray) -> bool:
    """Check one identity and its Gram matrices, given a box that holds the feasible set."""
    if not (proof.holds and proof.bound is not None and _is_well_formed(proof)):
        return False
    if proof.sublevel is not None:
        f, added = proof.problem.objective.exact(), proof.problem.inequalities[-1].exact()
        if added != proof.sublevel - f or proof.bound > proof.sublevel:
            return False
    if (box[:, 0] > box[:, 1]).any():
        return True  # no point is feasible: every claim holds
    ring = ExactRing(proof.problem, proof.center, proof.scale, box)
    gram = {key: _fmpq_matrix(Q.values) for key, Q in proof.gram.items()}
    if not all(is_positive_semidefinite(Q) for Q in gram.values()):
        return False
    rest = ring.remainder(proof, gram) - to_fmpq(proof.bound) * ring.theta(proof.denominator)
    return ring.smallest(rest) >= 0


def _is_well_formed(proof: Proof) -> bool:
    """Whether shapes and numbers fit together, so that the identity means what it says."""
    n, m = proof.problem.n_variables, len(proof.problem.inequalities)
    return (
        len(proof.center) == len(proof.scale) == n
        and all(s > 0 for s in proof.scale)
        and isinstance(proof.denominator, int)
        and 0 <= proof.denominator <= _MOST_DENOMINATORS
        and len(proof.equality_multipliers) == len(proof.problem.equalities)
        and all(q.n_variables == n for q in proof.equality_multipliers)
        and all(isinstance(j, int) and 0 <= j < m for factors in proof.gram for j in factors)
        and all(Q.basis.shape == (len(Q.values), n) for Q in proof.gram.values())
        and all(Q.values.shape == (len(Q.basis),) * 2 for Q in proof.gram.values())
        and all((Q.basis >= 0).all() for Q in proof.gram.values())
        and all(isinstance(v, Rational) for Q in proof.gram.values() for v in Q.values.flat)
        and (proof.sublevel is None or m > 0)
    )


def implies(problem: PolynomialProblem, weaker: PolynomialProblem) -> bool:
    """Whether each constraint of the second is one of the first, or one plus a constant >= 0."""
    if problem.n_variables != weaker.n_variables:
        return False
    known = [g.exact() for g in problem.inequalities]

    def follows(g: Polynomial) -> bool:
        return any((d := g - h).degree == 0 and d.constant_term >= 0 for h in known)

    equalities = {h.exact() for h in problem.equalities}
    return all(follows(g.exact()) for g in weaker.inequalities) and all(
        h.exact() in equalities for h in weaker.equalities
    )


def smaller_box(box: np.ndarray, lemma: Proof) -> np.ndarray:
    """The box after a lemma whose objective is x_i or -x_i; unchanged for any other objective."""
    terms = lemma.problem.objective.terms
    box = box.copy()
    if len(terms) == 1:
        (alpha, c), *_ = terms.items()
        if sum(alpha) == 1 and c == 1:
            i = alpha.index(1)
            box[i, 0] = max(box[i, 0], round_down(lemma.bound))
        elif sum(alpha) == 1 and c == -1:
            i = alpha.index(1)
            box[i, 1] = min(box[i, 1], -round_down(lemma.bound))
    return box


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


class ExactRing:
    """Exact polynomials in z, for one problem and one change of variables."""

    def __init__(self, problem: PolynomialProblem, center, scale, box: np.ndarray):
        n = problem.n_variables
        self.n = n
        self.ctx = fmpq_mpoly_ctx.get([f"z{i}" for i in range(n)], Ordering.deglex)
        self.x = [
            to_fmpq(c) + to_fmpq(s) * z
            for c, s, z in zip(center, scale, self.ctx.gens(), strict=True)
        ]
        self.f = self.change(problem.objective)
        self.g = [self.change(g) for g in problem.inequalities]
        self.h = [self.change(h) for h in problem.equalities]
        self.box = [
            (_in_units(low, c, s), _in_units(high, c, s))
            for (low, high), c, s in zip(box.tolist(), center, scale, strict=True)
        ]

    def plain(self, p: Polynomial):
        """A polynomial that is in z already."""
        return self.ctx.from_dict({alpha: to_fmpq(c) for alpha, c in p.terms.items()})

    def change(self, p: Polynomial):
        """A polynomial in x, rewritten in z."""
        return self.plain(p).compose(*self.x, ctx=self.ctx)

    def theta(self, power: int):
        return (1 + sum((z * z for z in self.ctx.gens()), self.ctx.constant(0))) ** power

    def gram_polynomial(self, basis: np.ndarray, Q):
        terms = {}
        for i, a in enumerate(basis.tolist()):
            for j, b in enumerate(basis.tolist()[: i + 1]):
                if Q[i][j] != 0:
                    alpha = tuple(p + q for p, q in zip(a, b, strict=True))
                    terms[alpha] = terms.get(alpha, 0) + (Q[i][j] if i == j else 2 * Q[i][j])
        return self.ctx.from_dict(terms)

    def remainder(self, source, gram):
        """theta^r f - sum_j sigma_j g_j - sum_i q_i h_i, for a Proof or a draft of one."""
        rest = self.theta(source.denominator) * self.f
        for factors, Q in gram.items():
            sigma = self.gram_polynomial(source.gram[factors].basis, Q)
            rest -= prod((self.g[j] for j in factors), start=sigma)
        for q, h in zip(source.equality_multipliers, self.h, strict=True):
            rest -= self.plain(q) * h
        return rest

    def smallest(self, p):
        """A lower bound of p on the box, term by term; -inf where there is none."""
        worst = Fraction(0)
        for alpha, c in p.to_dict().items():
            largest = largest_value(-to_fraction(c), [int(a) for a in alpha], self.box)
            if largest == inf:
                return -inf
            worst -= largest
        return worst


def _in_units(end: float, center: Fraction, scale: Fraction):
    return (Fraction(end) - center) / scale if abs(end) < inf else end


def is_positive_semidefinite(Q) -> bool:
    """Decide Q >= 0 exactly, by the LDL^T decomposition over the rationals.

    Parameters
    ----------
    Q : square list of lists of fmpq (or Fraction), symmetric

    >>> is_positive_semidefinite([[fmpq(1), fmpq(1)], [fmpq(1), fmpq(1)]])
    True
    >>> is_positive_semidefinite([[fmpq(0), fmpq(1)], [fmpq(1), fmpq(9)]])
    False
    """
    n, rest = len(Q), [list(row) for row in Q]
    if any(Q[i][j] != Q[j][i] for i in range(n) for j in range(i)):
        return False
    for k in range(n):
        pivot = rest[k][k]
        column = [rest[i][k] for i in range(k + 1, n)]
        if pivot < 0 or (pivot == 0 and any(c != 0 for c in column)):
            return False
        for i in range(k + 1, n):
            if rest[i][k] != 0:
                ratio = rest[i][k] / pivot
                for j in range(k + 1, i + 1):
                    rest[i][j] -= ratio * rest[j][k]
    return True


def round_down(value: Fraction) -> float:
    """The largest float that is at most this rational, or one float less."""
    try:
        approximation = float(value)
    except OverflowError:
        return -inf if value < 0 else float_info.max
    return nextafter(approximation, -inf) if Fraction(approximation) > value else approximation


def to_fmpq(c) -> fmpq:
    c = Fraction(c)
    return fmpq(c.numerator, c.denominator)


def to_fraction(c: fmpq) -> Fraction:
    return Fraction(int(c.p), int(c.q))


def _fmpq_matrix(values: np.ndarray):
    return [[to_fmpq(v) for v in row] for row in values.tolist()]


def _to_json(proof: Proof) -> dict:
    def number(value):
        value = Fraction(value)
        return f"{value.numerator}/{value.denominator}"

    def write(p: Polynomial):
        return [[number(c), list(alpha)] for alpha, c in p.terms.items()]

    return {
        "format": _FORMAT,
        "holds": proof.holds,
        "bound": None if proof.bound is None else number(proof.bound),
        "variables": list(proof.problem.objective.names),
        "objective": write(proof.problem.objective),
        "inequalities": [write(g) for g in proof.problem.inequalities],
        "equalities": [write(h) for h in proof.problem.equalities],
        "sublevel": None if proof.sublevel is None else number(proof.sublevel),
        "center": [number(c) for c in proof.center],
        "scale": [number(s) for s in proof.scale],
        "denominator": proof.denominator,
        "gram": [
            {
                "product_of_inequalities": list(key),
                "basis": Q.basis.tolist(),
                "matrix": [[number(v) for v in row] for row in Q.values],
            }
            for key, Q in proof.gram.items()
        ],
        "equality_multipliers": [write(q) for q in proof.equality_multipliers],
        "lemmas": [_to_json(lemma) for lemma in proof.lemmas],
        "message": proof.message,
    }


def _from_json(data: dict) -> Proof:
    if data["format"] != _FORMAT:
        raise ValueError(f"unknown format {data['format']!r}")
    names = tuple(data["variables"])

    def read(terms):
        exact = {tuple(alpha): Fraction(c) for c, alpha in terms}
        return Polynomial(exact, len(names), names).exact()

    def rational(text):
        return None if text is None else Fraction(text)

    gram = {}
    for block in data["gram"]:
        basis = np.array(block["basis"], dtype=np.int64).reshape(len(block["basis"]), len(names))
        rows = [[Fraction(v) for v in row] for row in block["matrix"]]
        if [len(row) for row in rows] != [len(basis)] * len(basis):
            raise ValueError("a Gram matrix must be square, a row a monomial")
        values = np.array(rows, dtype=object).reshape(len(basis), len(basis))
        gram[tuple(block["product_of_inequalities"])] = BasisMatrix(values, basis, names)
    return Proof(
        holds=bool(data["holds"]),
        bound=rational(data["bound"]),
        problem=PolynomialProblem(
            read(data["objective"]),
            tuple(read(g) for g in data["inequalities"]),
            tuple(read(h) for h in data["equalities"]),
        ),
        center=tuple(Fraction(c) for c in data["center"]),
        scale=tuple(Fraction(s) for s in data["scale"]),
        gram=gram,
        equality_multipliers=tuple(read(q) for q in data["equality_multipliers"]),
        denominator=data["denominator"],
        sublevel=rational(data["sublevel"]),
        lemmas=tuple(_from_json(lemma) for lemma in data["lemmas"]),
        message=data["message"],
    )
