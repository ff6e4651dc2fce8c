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

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from ..checks import check_type
from ..proofs.exact import to_fmpq, to_fraction
from ..proofs.identity import Identity
from ..proofs.proof import Proof, entered, holds_on, rests_on
from ..proofs.region import Region
from ..relaxations.blocks import unit_denominator
from ..relaxations.relaxation import Relaxation
from ..relaxations.scaling import ScaledProblem
from .rounding import (
    expanded,
    fraction_array,
    independent_rows,
    make_definite,
    on_grid,
    take_up,
)


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

    Returns
    -------
    Certificate
        Not trusted: `verify_certificate` turns it into a proof, or not.

    Raises
    ------
    ValueError
        If the relaxation has no multipliers, because the solver found none.

    Examples
    --------
    >>> from polysos import PolynomialProblem, solve_relaxation, variables
    >>> (x,) = variables(1)
    >>> certificate = sos_certificate(solve_relaxation(PolynomialProblem(x**2, [x - 1]), 1))
    >>> round(certificate.bound, 6), list(certificate.gram)
    (1.0, [(), (0,)])
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

    On a bounded set the exact remainder of the identity is bounded and the bound lowered by that
    much; on an unbounded one the Gram matrix takes it up (Peyrl and Parrilo 2008).

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

    Raises
    ------
    TypeError
        If the argument is no certificate.

    Examples
    --------
    >>> from polysos import PolynomialProblem, solve_relaxation, variables
    >>> (x,) = variables(1)
    >>> r = solve_relaxation(PolynomialProblem(x**2, [x - 1]), order=1)
    >>> proof = verify_certificate(sos_certificate(r))
    >>> proof.holds, proof.bound
    (True, Fraction(1, 1))
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
            if rests_on(lemma, certificate.problem) and holds_on(
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
        rows = independent_rows(np.array([[float(to_fraction(v)) for v in c] for c in A]).T)
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
            gram = {key: on_grid(Q.values) for key, Q in self.gram.items()}
            if any(Q is None for Q in gram.values()):
                return None
            for key, Q in gram.items():
                if (key or not absorb) and not make_definite(Q):
                    return None
            drafts.append(self._finish(gram, multipliers, absorb, shift=bounded))
        return max((d for d in drafts if d), key=lambda proof: proof.bound, default=None)

    def _expanded(self, gram):
        return {key: expanded(Q, self.gram[key].face) for key, Q in gram.items()}

    def _finish(self, gram, equality_multipliers, absorb: bool, shift=False) -> Proof | None:
        self.equality_multipliers = equality_multipliers
        rest = self.identity.remainder(self, self._expanded(gram))
        bound = Fraction(self.certificate.bound)
        if self.denominator is not None:
            rest -= to_fmpq(bound) * self.identity.denominator(self)
        if absorb:
            keep = self.denominator is None
            complete = take_up(rest, self.gram[()], gram[()], keep)
            if not complete and not shift:
                return None
            if shift and not make_definite(gram[()]):
                return None
            rest = self.identity.remainder(self, self._expanded(gram))
        if self.denominator is None:
            bound = self.identity.smallest(rest)
        if abs(bound) == inf:
            return None
        if self.sublevel is not None:
            bound = min(bound, self.sublevel)
        matrices = {
            j: BasisMatrix(fraction_array(Q), self.gram[j].basis, self.gram[j].names)
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


def _rounded(q: Polynomial, d: int) -> Polynomial:
    values = [Fraction(round(d * c), d) for c in q.coefficients.astype(float).tolist()]
    return Polynomial.from_arrays(q.exponents, np.array(values, dtype=object), q.names).exact()
