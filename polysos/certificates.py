"""From a solver's floating-point multipliers to a proof.

A solver gives the identity of `proofs` only to some digits. Its floats are turned into rationals,
so that everything that is left over is a polynomial known exactly. On a bounded feasible set that
remainder is bounded term by term and the bound lowered by that much; on an unbounded one it has to
vanish, and Q_0 takes it up (Peyrl and Parrilo 2008). No solver is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import inf, prod

import numpy as np
from flint import fmpq, fmpq_mat
from scipy.linalg import qr

from .checks import check_type
from .exact import is_positive_semidefinite, to_fmpq, to_fraction
from .generators import unit_denominator
from .identity import Identity
from .moments import BasisMatrix
from .polynomials import Polynomial
from .problem import PolynomialProblem
from .proofs import Proof, entered, holds_on, is_about
from .region import Region
from .relaxation import Relaxation
from .scaling import ScaledProblem


@dataclass(frozen=True, eq=False)
class Certificate:
    """A floating-point certificate, as a solver's multipliers give it: nothing is proven yet.

    Attributes
    ----------
    problem : PolynomialProblem
    bound : float
        The bound that the multipliers claim.
    gram : dict of tuple to BasisMatrix
        Gram matrix of the multiplier of each product of inequalities, keyed by their numbers from
        0: () is the constant 1, (j,) the inequality number j. In scaled variables.
    equality_multipliers : tuple of Polynomial
        q_i, one for each equality; in scaled variables.
    scaled : ScaledProblem
        The units.
    denominator : int
        The power r of theta.
    sublevel : Fraction or None
        u, where the last inequality of `problem` is u - f >= 0: then f >= min(bound, u) holds on
        the set without that inequality.
    """

    problem: PolynomialProblem
    bound: float
    gram: dict[tuple[int, ...], BasisMatrix]
    equality_multipliers: tuple[Polynomial, ...]
    scaled: ScaledProblem = field(repr=False)
    denominator: int = 0
    sublevel: Fraction | None = None


def sos_certificate(relaxation: Relaxation) -> Certificate:
    """The certificate that the multipliers of a relaxation claim (the dual (3.3)).

    Parameters
    ----------
    relaxation : Relaxation

    Raises
    ------
    ValueError
        If the relaxation has no multipliers, because the solver found none.
    """
    check_type("relaxation", relaxation, Relaxation)
    m, scaled = relaxation.multipliers, relaxation.scaled
    if m is None:
        raise ValueError(
            f"relaxation must have multipliers, got one whose status is {relaxation.status}"
        )
    return Certificate(
        problem=relaxation.problem,
        bound=scaled.offset + scaled.objective_factor * m.bound,
        gram=m.gram,
        equality_multipliers=m.equalities,
        scaled=scaled,
        denominator=relaxation.denominator,
        sublevel=relaxation.sublevel,
    )


def verify_certificate(certificate: Certificate, lemmas: tuple[Proof, ...] = ()) -> Proof:
    """Turn a floating-point certificate into a proof in exact rational arithmetic, if it is one.

    First rationals with small denominators are tried: where they satisfy the identity exactly,
    the proof is one that fits on a page. Otherwise the floats are taken as they are and corrected.

    Parameters
    ----------
    certificate : Certificate
    lemmas : tuple of Proof, optional
        Proven bounds of single variables that the proof may use, where they apply.

    Returns
    -------
    Proof
        `proof.holds` says whether anything is proven and `proof.bound` what. A wrong certificate
        gives a weaker bound or none, never a wrong one.
    """
    check_type("certificate", certificate, Certificate)
    if not _is_finite(certificate):
        return _nothing(certificate.problem)
    draft = _Draft(certificate, tuple(lemmas))
    if not all((np.abs(Q.values) < 1e100).all() for Q in draft.gram.values()):
        return _nothing(certificate.problem)  # too large in the user's units
    for proof in (*draft.clean(), draft.vertex(), draft.corrected()):
        if proof is not None and holds_on(proof, draft.region):
            return proof
    return _nothing(certificate.problem)


def _is_finite(c: Certificate) -> bool:
    """Whether all numbers are finite, and the units positive: others mean nothing."""
    units = [c.scaled.scale, c.scaled.objective_factor, *c.scaled.inequality_factors]
    units += [*c.scaled.equality_factors]
    numbers = [c.bound, c.scaled.center, *units]
    numbers += [np.asarray(Q.values, dtype=float) for Q in c.gram.values()]
    numbers += [q.coefficients.astype(float) for q in c.equality_multipliers]
    return all(np.isfinite(v).all() for v in numbers) and all(np.all(v > 0) for v in units)


def _nothing(problem: PolynomialProblem) -> Proof:
    n = problem.n_variables
    return Proof(
        holds=False,
        bound=None,
        problem=problem,
        center=(Fraction(0),) * n,
        scale=(Fraction(1),) * n,
        gram={},
        equality_multipliers=(),
        message="the multipliers do not satisfy the identity closely enough to be corrected; "
        "bounds on the variables among the constraints would help",
    )


class _Draft:
    """The way from the floats of a certificate to the rationals of a proof."""

    def __init__(self, certificate: Certificate, lemmas: tuple[Proof, ...]):
        # A lemma counts where it holds and all that it assumes is given here.
        self.lemmas, self.region = (), Region.of(certificate.problem)
        for lemma in lemmas:
            if is_about(lemma, certificate.problem) and holds_on(
                lemma, entered(self.region, lemma)
            ):
                self.lemmas += (lemma,)
                self.region = self.region.after(lemma)
        c, scaled = certificate, certificate.scaled
        self.certificate = c
        self.problem = PolynomialProblem(
            c.problem.objective.exact(),
            tuple(g.exact() for g in c.problem.inequalities),
            tuple(h.exact() for h in c.problem.equalities),
        )
        self.center = tuple(Fraction(v) for v in scaled.center.tolist())
        self.scale = tuple(Fraction(v) for v in scaled.scale.tolist())
        self.denominator = unit_denominator(scaled, c.denominator) if c.denominator else None
        self.sublevel = c.sublevel
        # The multipliers of the user's own polynomials, not of the scaled ones.
        unit = dict(zip(scaled.kept, scaled.inequality_factors, strict=True))
        self.gram = {
            key: replace(
                Q, values=Q.values * (scaled.objective_factor / prod(unit[j] for j in key))
            )
            for key, Q in c.gram.items()
        }
        self.multipliers = tuple(
            q * (scaled.objective_factor / factor)
            for q, factor in zip(c.equality_multipliers, scaled.equality_factors, strict=True)
        )
        self.identity = Identity(self.problem, self.center, self.scale, self.region)

    def clean(self):
        """Proofs with small denominators, best chances first; only where the matrices are small."""
        if (
            sum(len(Q.basis) ** 2 for Q in self.gram.values()) > 2500
            or self.denominator is not None
        ):
            return
        target = self.certificate.bound
        slip = 1e-6 * max(1.0, abs(target))
        for d in (1, 2, 3, 4, 8, 12, 60, 100, 3600):
            gram = {
                j: [[fmpq(round(d * v), d) for v in row] for row in Q.values.tolist()]
                for j, Q in self.gram.items()
            }
            equality_multipliers = tuple(_rounded(q, d) for q in self.multipliers)
            proof = self._finish(gram, equality_multipliers, absorb=True)
            if proof is not None and abs(proof.bound - Fraction(target)) <= slip:
                yield proof

    def vertex(self):
        """Constant multipliers: the linear equations of the positive ones, solved exactly."""
        if any(not Q.is_constant for Q in self.gram.values()):
            return None
        ring, change = self.identity.ring, self.identity.change
        keys = [k for k, Q in self.gram.items() if k and Q.values[0, 0] > 0]
        columns = [ring.ctx.constant(1)]
        columns += [prod(map(self.identity.inequality, key), start=columns[0]) for key in keys]
        columns += [change(ring.read(h)) for h in self.problem.equalities]
        table = [p.to_dict() for p in (change(ring.read(self.problem.objective)), *columns)]
        monomials = sorted({alpha for terms in table for alpha in terms})
        right, *A = ([terms.get(alpha, fmpq(0)) for alpha in monomials] for terms in table)
        rows = _independent_rows(np.array([[float(to_fraction(v)) for v in c] for c in A]).T)
        if len(rows) != len(columns):
            return None
        system = fmpq_mat(len(rows), len(rows), [c[i] for i in rows for c in A])
        try:
            x = system.solve(fmpq_mat(len(rows), 1, [right[i] for i in rows])).entries()
        except ZeroDivisionError:
            return None
        values = dict(zip(keys, x[1:], strict=False))
        gram = {key: [[values.get(key, fmpq(0))]] for key in self.gram}
        multipliers = tuple(
            Polynomial.constant(to_fraction(v), ring.n, self.problem.objective.names).exact()
            for v in x[1 + len(keys) :]
        )
        return self._finish(gram, multipliers, absorb=False)

    def corrected(self):
        """The floats as they are, corrected in the two ways there are; the better proof.

        On a bounded set the remainder may stay and be bounded, or Q_0 takes it up and is made
        positive semidefinite afterwards; on an unbounded set only the second, without a shift.
        """
        multipliers = tuple(q.exact() for q in self.multipliers)
        bounded = self.region.is_bounded
        drafts = []
        for absorb in (True, False) if bounded else (True,):
            gram = {key: _on_grid(Q.values) for key, Q in self.gram.items()}
            if any(Q is None for Q in gram.values()):
                return None
            for key, Q in gram.items():
                if (key or not absorb) and not _shift(Q):
                    return None
            drafts.append(self._finish(gram, multipliers, absorb, shift=bounded))
        return max((d for d in drafts if d), key=lambda proof: proof.bound, default=None)

    def _expanded(self, gram):
        return {key: _expanded(Q, self.gram[key].face) for key, Q in gram.items()}

    def _finish(self, gram, equality_multipliers, absorb: bool, shift=False) -> Proof | None:
        self.equality_multipliers = equality_multipliers
        rest = self.identity.remainder(self, self._expanded(gram))
        bound = Fraction(self.certificate.bound)
        if self.denominator is not None:
            rest -= to_fmpq(bound) * self.identity.denominator(self)
        if absorb:
            keep = self.denominator is None
            complete = _absorb(rest, self.gram[()], gram[()], keep)
            if not complete and not shift:
                return None
            if shift and not _shift(gram[()]):
                return None
            rest = self.identity.remainder(self, self._expanded(gram))
        if self.denominator is None:
            bound = self.identity.smallest(rest)
        if abs(bound) == inf:
            return None
        if self.sublevel is not None:
            bound = min(bound, self.sublevel)
        matrices = {
            j: BasisMatrix(_fraction_array(Q), self.gram[j].basis, self.gram[j].names)
            for j, Q in self._expanded(gram).items()
        }
        return Proof(
            holds=True,
            bound=bound,
            problem=self.problem,
            center=self.center,
            scale=self.scale,
            gram=matrices,
            equality_multipliers=equality_multipliers,
            denominator=self.denominator,
            sublevel=self.sublevel,
            lemmas=self.lemmas,
        )


def _expanded(Q, face: np.ndarray | None):
    """face^T Q face: the Gram matrix on monomials."""
    if face is None:
        return Q
    rows = [[to_fmpq(v) for v in row] for row in face]
    F = fmpq_mat(len(rows), len(rows[0]), [v for row in rows for v in row])
    small = fmpq_mat(len(Q), len(Q), [v for row in Q for v in row])
    return (F.transpose() * small * F).tolist()


def _absorb(rest, gram: BasisMatrix, Q, keep: bool) -> bool:
    """Add the remainder to Q; False if it cannot be taken up completely.

    Keeps the constant term out where `keep`: it goes into the bound.
    """
    terms = {tuple(int(a) for a in alpha): c for alpha, c in rest.to_dict().items()}
    if keep:
        terms.pop((0,) * gram.basis.shape[1], None)
    if gram.face is None:
        return _absorb_evenly(terms, gram.basis, Q)
    return _absorb_on_face(terms, gram, Q)


def _absorb_on_face(terms: dict, gram: BasisMatrix, Q) -> bool:
    """The least change of Q that takes up the terms, as linear equations over the rationals."""
    if not Q or not terms:
        return not terms
    columns, pairs = [], [(a, b) for a in range(len(Q)) for b in range(a + 1)]
    rows = [
        {tuple(alpha): v for alpha, v in zip(gram.basis.tolist(), row, strict=True) if v}
        for row in gram.face
    ]
    for a, b in pairs:
        column: dict = {}
        for alpha, v in rows[a].items():
            for beta, w in rows[b].items():
                key = tuple(p + q for p, q in zip(alpha, beta, strict=True))
                column[key] = column.get(key, 0) + v * w * (1 if a == b else 2)
        columns.append(column)
    monomials = sorted({key for column in columns for key in column} | set(terms))
    A = np.array([[column.get(key, 0) for column in columns] for key in monomials], dtype=object)
    chosen = _independent_rows(A.astype(float))
    exact = fmpq_mat(len(chosen), len(pairs), [to_fmpq(v) for v in A[chosen].ravel()])
    right = [terms.get(monomials[i], fmpq(0)) for i in chosen]
    try:
        x = (exact * exact.transpose()).solve(fmpq_mat(len(chosen), 1, right))
    except ZeroDivisionError:
        return False
    change = (exact.transpose() * x).tolist()
    for (a, b), (v,) in zip(pairs, change, strict=True):
        Q[a][b] += v
        if a != b:
            Q[b][a] += v
    return True  # where the equations left out do not hold, the remainder shows it


def _independent_rows(A: np.ndarray) -> np.ndarray:
    _, R, pivots = qr(A.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    return np.sort(pivots[: int((diagonal > 1e-9 * diagonal.max(initial=0.0)).sum())])


def _absorb_evenly(terms: dict, basis: np.ndarray, Q) -> bool:
    """Each term is shared by the entries of Q with its monomial."""
    pairs: dict[tuple, list] = {}
    for i, a in enumerate(basis.tolist()):
        for j, b in enumerate(basis.tolist()):
            pairs.setdefault(tuple(p + q for p, q in zip(a, b, strict=True)), []).append((i, j))
    complete = True
    for alpha, c in terms.items():
        complete &= alpha in pairs
        for i, j in pairs.get(alpha, []):
            Q[i][j] += c / len(pairs[alpha])
    return complete


def _on_grid(Q: np.ndarray):
    """Q as rationals, on a grid of 2^-48 of its size; None if it is not finite."""
    size = float(np.abs(Q).max(initial=0.0))
    if not np.isfinite(size):
        return None
    grid = int(48 - np.ceil(np.log2(size))) if size else 0
    scaled = np.ldexp((Q + Q.T) / 2, grid)
    return [[_dyadic(round(v), grid) for v in row] for row in scaled.tolist()]


def _shift(Q) -> bool:
    """Add a multiple of I, as small as we can, that makes Q >= 0."""
    if is_positive_semidefinite(Q):
        return True
    approximate = np.array([[float(to_fraction(v)) for v in row] for row in Q])
    smallest = -float(np.linalg.eigvalsh(approximate)[0])
    step = np.abs(approximate).max() * len(Q) * 2.0**-50
    more = max(smallest, 0.0) + step
    for _ in range(60):
        for i in range(len(Q)):
            Q[i][i] += to_fmpq(Fraction(more))
        if is_positive_semidefinite(Q):
            return True
        more = step = 2 * step
    return False


def _dyadic(numerator: int, power: int) -> fmpq:
    return fmpq(numerator, 1 << power) if power >= 0 else fmpq(numerator << -power)


def _rounded(q: Polynomial, d: int) -> Polynomial:
    values = [Fraction(round(d * c), d) for c in q.coefficients.astype(float).tolist()]
    return Polynomial.from_arrays(q.exponents, np.array(values, dtype=object), q.names).exact()


def _fraction_array(matrix) -> np.ndarray:
    array = np.empty((len(matrix), len(matrix)), dtype=object)
    for i, row in enumerate(matrix):
        for j, v in enumerate(row):
            array[i, j] = to_fraction(v)
    return array
