"""Is a polynomial a sum of squares? A proof either way, in exact arithmetic.

p = v^T Q v with a rational Gram matrix Q >= 0 shows that it is one. A linear functional L on
polynomials with L(q^2) >= 0 for every q, but L(p) < 0, shows that it is none: it separates p from
the cone of sums of squares. Both come from one semidefinite program, and neither trusts it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

import numpy as np

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial, monomial_index, monomials
from ..algebra.problem import PolynomialProblem
from ..checks import check_type
from ..proofs.exact import ExactRing, is_positive_semidefinite, to_fmpq
from ..relaxations.blocks import Generator, drop_useless
from ..relaxations.faces import complement
from ..relaxations.program import check_solver, coefficient_vector, positive, square
from ..relaxations.scaling import ScaledProblem, scaled_or_none
from ..relaxations.solvers import run
from ..relaxations.zeros import vanishing
from .local_search import LocalSearch
from .one_variable import nonnegative_everywhere
from .rational_points import stationary_point
from .rounding import expanded, fraction_array, on_grid, take_up

_STEPS = 6
_STARTS = 8  # of local searches for zeros, where the answer is not seen without
_DENOMINATORS = (1, 2, 3, 4, 6, 12, 60)


@dataclass(frozen=True, eq=False)
class SumOfSquares:
    """Result of `is_sos`; true as a condition if the polynomial is proven to be a sum of squares.

    Attributes
    ----------
    polynomial : Polynomial
        p, exact: floats are read as the rationals they are.
    gram : BasisMatrix or None
        Rational Q >= 0 with p = v^T Q v, v the monomials of its basis.
    separator : dict of tuple to Fraction, or None
        L(x^alpha) for the exponents that count, those of p and of products of `half_basis`:
        L >= 0 on squares of these, L(p) < 0.
    message : str
    """

    polynomial: Polynomial
    gram: BasisMatrix | None
    separator: dict | None = field(repr=False)
    message: str

    def __bool__(self) -> bool:
        return self.gram is not None

    @property
    def is_refuted(self) -> bool:
        """Whether p is proven to be no sum of squares."""
        return self.separator is not None

    def squares(self) -> list[tuple[Fraction, Polynomial]]:
        """Weights w_i > 0 and polynomials q_i with p = sum_i w_i q_i^2, exactly (Q = L D L^T).

        Raises
        ------
        ValueError
            If p is not proven to be a sum of squares.
        """
        if self.gram is None:
            raise ValueError(f"there is no sum of squares: {self.message}")
        found, rest = [], self.gram.values.copy()
        for k in range(len(rest)):
            pivot = rest[k, k]
            if pivot:
                row = rest[k] / pivot
                q = Polynomial.from_arrays(self.gram.basis, row, self.gram.names)
                found.append((pivot, q.exact()))
                rest = rest - pivot * np.outer(row, row)
        return found

    def verify(self) -> bool:
        """Check what is claimed again, exactly; no solver is asked. False if nothing is claimed."""
        p = self.polynomial
        if self.gram is not None:
            exact = all(isinstance(v, Fraction) for v in self.gram.values.flat)
            return exact and self.gram.polynomial().exact() == p and _is_psd(self.gram.values)
        if self.separator is None:
            return False
        basis = half_basis(p)
        L = self.separator
        sums = basis[:, None, :] + basis[None, :, :]
        try:
            M = [[L[tuple(alpha)] for alpha in row] for row in sums.tolist()]
            value = sum(c * L[alpha] for alpha, c in p.terms.items())
        except KeyError:
            return False
        return _is_psd(np.array(M, dtype=object).reshape(len(basis), len(basis))) and value < 0


def is_sos(p: Polynomial, solver: str = "CLARABEL") -> SumOfSquares:
    """Decide whether a polynomial is a sum of squares of polynomials, with proof.

    Parameters
    ----------
    p : Polynomial
    solver : str
        A semidefinite solver that cvxpy finds installed.

    Returns
    -------
    SumOfSquares
        With a rational Gram matrix or a rational separating functional, verified; with neither
        where the answer is too close to the boundary of the cone for the solver's digits.

    Raises
    ------
    ValueError, TypeError
        If p is no polynomial, or the solver is not installed.

    Notes
    -----
    The semidefinite program minimises L(p) over functionals with L(q^2) >= 0 and mean L(b^2) = 1
    over the basis. A positive minimum leaves room to round a Gram matrix and to project it onto
    the identity (Peyrl and Parrilo 2008); at zero the basis is first restricted to the smallest
    face that holds all Gram matrices of p; a negative one is rounded to a separating functional.

    Examples
    --------
    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> found = is_sos(2 * x**4 + 2 * x**3 * y - x**2 * y**2 + 5 * y**4)  # Parrilo's example
    >>> bool(found), found.verify(), len(found.squares())
    (True, True, 3)
    >>> motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    >>> found = is_sos(motzkin)
    >>> bool(found), found.is_refuted, found.verify()
    (False, True, True)
    """
    check_type("p", p, Polynomial)
    check_solver(solver)
    rounded = not p.is_exact  # floats; those with many digits may stand for other numbers
    p = p.exact()
    rounded &= any(c.denominator > 2**20 for c in p.coefficients)
    scaled = scaled_or_none(PolynomialProblem(p), np.tile([-np.inf, np.inf], (p.n_variables, 1)))
    units = [Fraction(1)] * p.n_variables
    if scaled is not None:
        units = [Fraction(s) for s in scaled.scale.tolist()]
    generators = _first_bases(_in_units(p, units), scaled)
    for generator in generators:
        for found in _attempts(_in_units(p, units), generator, solver):
            found = _in_own_units(found, p, units)
            if found.verify():
                return found
    if p.n_variables == 1 and (proof := nonnegative_everywhere(PolynomialProblem(p))):
        return SumOfSquares(p, proof.gram[()], None, "a sum of squares, by roots")
    message = "undecided: too close to the boundary of the cone of sums of squares"
    if rounded:
        message += (
            "; floats are read as the rationals they are, and 0.1 * 6 is not 6 * 0.1: perhaps "
            "fractions.Fraction gives the polynomial that is meant"
        )
    return SumOfSquares(p, None, None, message)


def _first_bases(p: Polynomial, scaled: ScaledProblem | None):
    """All monomials that may be needed; then the polynomials that vanish where p does."""
    generator = Generator((), Polynomial.constant(1.0, p.n_variables, p.names), half_basis(p))
    yield generator
    zeros = [] if scaled is None else _rational_zeros(scaled)
    if zeros:
        yield from vanishing(scaled, [generator], zeros)


def _rational_zeros(scaled: ScaledProblem) -> list[tuple[Fraction, ...]]:
    """Rational points where the objective and its gradient are 0, as local searches find them."""
    problem, found = scaled.problem, set()
    box = np.tile([-np.inf, np.inf], (problem.n_variables, 1))
    local = LocalSearch(scaled, box)
    for start in local.random_starts(_STARTS):
        z = local.descend(start)
        x = None if z is None else stationary_point(problem, scaled.to_user(z), scaled.scale)
        if x is not None and problem.objective.exact()(np.array(x, dtype=object)) == 0:
            found.add(x)
    return sorted(found)


def _in_units(p: Polynomial, units: list[Fraction]) -> Polynomial:
    """p in z, with x_i = units_i z_i."""
    terms = {alpha: c * _power(units, alpha) for alpha, c in p.terms.items()}
    return Polynomial(terms, p.n_variables, p.names).exact()


def _in_own_units(found: SumOfSquares, p: Polynomial, units: list[Fraction]) -> SumOfSquares:
    """What was found for p in units, for p itself."""
    gram, separator = found.gram, found.separator
    if gram is not None:
        sizes = [_power(units, alpha) for alpha in gram.basis.tolist()]
        values = gram.values.copy()
        for i, a in enumerate(sizes):
            for j, b in enumerate(sizes):
                values[i, j] = values[i, j] / (a * b)
        gram = BasisMatrix(values, gram.basis, gram.names)
    if separator is not None:
        separator = {alpha: v * _power(units, alpha) for alpha, v in separator.items()}
    return SumOfSquares(p, gram, separator, found.message)


def _power(units: list[Fraction], alpha) -> Fraction:
    return prod((s**a for s, a in zip(units, alpha, strict=True) if a), start=Fraction(1))


def half_basis(p: Polynomial) -> np.ndarray:
    """The monomials that squares with sum p can use: they lie in half the Newton polytope.

    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> half_basis(x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1).tolist()
    [[0, 0], [1, 1], [2, 1], [1, 2]]
    """
    n, d = p.n_variables, p.degree // 2
    one = Polynomial.constant(1.0, n, p.names)
    left = drop_useless(monomial_index(p.exponents), [Generator((), one, monomials(n, d))])
    return left[0].basis if left else np.zeros((0, n), dtype=np.int64)


def _attempts(p: Polynomial, generator: Generator, solver: str):
    """Candidates for a proof, each to be verified."""
    if not len(generator.basis) and not len(p.exponents):
        empty = BasisMatrix(np.zeros((0, 0), dtype=object), generator.basis, p.names)
        yield SumOfSquares(p, empty, None, "the zero polynomial")
        return
    yield from _lonely(p, generator.basis)
    for _ in range(_STEPS):
        if not generator.size:
            return
        found = _lowest(p, generator, solver)
        if found is None:
            return
        value, y, Q = found
        if value > -1e-6:
            yield from _gram_matrices(p, generator, Q)
        if generator.face is None:
            yield _separated(p, generator.basis, y)
        face = complement(square(generator.operator(len(y)) @ y))
        if face is None:
            return
        generator = generator.on_face(face)


def _lonely(p: Polynomial, basis: np.ndarray):
    """Terms that no products of the basis reach, and negative ones that only squares reach."""
    sums = (basis[:, None, :] + basis[None, :, :]).reshape(-1, p.n_variables)
    known = {tuple(alpha) for alpha in sums.tolist()}
    mixed = {tuple((a + b).tolist()) for i, a in enumerate(basis) for b in basis[:i]}
    for alpha, c in p.terms.items():
        if alpha in known and (alpha in mixed or c > 0):
            continue
        L = dict.fromkeys(known | set(p.terms), Fraction(0))
        L[alpha] = Fraction(-1 if c > 0 else 1)
        name = Polynomial({alpha: c}, p.n_variables, p.names)
        yield SumOfSquares(p, None, L, f"no square makes up for {name!r}")


def _lowest(p: Polynomial, generator: Generator, solver: str):
    """(value, y, Q): min L_y(p) with a mean of 1 on the diagonal, and the dual's Gram matrix."""
    import cvxpy as cp

    degree = max(2 * (p.degree // 2), p.degree)
    n_moments = len(monomials(p.n_variables, degree))
    cost = coefficient_vector(p.to_float(), n_moments)
    cost /= np.abs(cost).max()
    operator, s = generator.operator(n_moments), generator.size
    used = np.union1d(np.flatnonzero(cost), np.flatnonzero(operator.getnnz(axis=0)))
    y = cp.Variable(len(used))
    mean = operator[:: s + 1, used].sum(axis=0).A1 / s
    block = positive(operator[:, used] @ y, s)
    model = cp.Problem(cp.Minimize(cost[used] @ y), [mean @ y == 1, block])
    if not run(model, solver):
        return None
    if y.value is None or block.dual_value is None or not np.isfinite(y.value).all():
        return None
    moments = np.zeros(n_moments)
    moments[used] = y.value
    value = float(cost[used] @ y.value)
    Q = np.reshape(block.dual_value, (s, s)) + value / s * np.eye(s)
    return value, moments, (Q + Q.T) / 2 * float(np.abs(p.to_float().coefficients).max())


def _gram_matrices(p: Polynomial, generator: Generator, Q: np.ndarray):
    """Rational Gram matrices near Q with p = v^T Q v: with small denominators, then any."""
    own = BasisMatrix(Q, generator.basis, p.names, generator.face)
    ring = ExactRing(p.n_variables)
    drafts = [
        [[to_fmpq(Fraction(round(d * v), d)) for v in row] for row in Q.tolist()]
        for d in _DENOMINATORS
    ]
    drafts.append(on_grid(Q))
    for draft in drafts:
        if draft is None:
            continue
        values = fraction_array(expanded(draft, generator.face))
        reached = BasisMatrix(values, generator.basis, p.names).polynomial().exact()
        if not take_up(ring.read(p - reached), own, draft, keep=False):
            continue
        values = fraction_array(expanded(draft, generator.face))
        yield SumOfSquares(
            p, BasisMatrix(values, generator.basis, p.names), None, "a sum of squares"
        )


def _separated(p: Polynomial, basis: np.ndarray, y: np.ndarray) -> SumOfSquares:
    """A rational functional near y, moved into the cone by moments of points."""
    points = np.random.default_rng(0).integers(-8, 9, (4 * len(basis) + 8, p.n_variables))
    sums = (basis[:, None, :] + basis[None, :, :]).reshape(-1, p.n_variables)
    needed = np.unique(np.vstack([sums, p.exponents]), axis=0)
    powers = [np.prod(points.astype(object) ** alpha, axis=1).sum() for alpha in needed]
    inside = [
        Fraction(v, len(points) * 8 ** int(sum(a))) for v, a in zip(powers, needed, strict=True)
    ]
    near = [Fraction(round(v * 2**40), 2**40) for v in y[monomial_index(needed)].tolist()]
    for power in (30, 24, 20, 16, 12, 8):
        share = Fraction(1, 2**power)
        L = {
            tuple(alpha): a + share * b
            for alpha, a, b in zip(needed.tolist(), near, inside, strict=True)
        }
        found = SumOfSquares(p, None, L, "a functional separates it from the sums of squares")
        if found.verify():
            return found
    return SumOfSquares(p, None, None, "")


def _is_psd(values: np.ndarray) -> bool:
    return is_positive_semidefinite([[to_fmpq(v) for v in row] for row in values.tolist()])
