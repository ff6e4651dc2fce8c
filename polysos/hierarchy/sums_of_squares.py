"""Is a polynomial a sum of squares? A proof either way, in exact arithmetic.

p = v^T Q v with a rational Gram matrix Q >= 0 shows that it is one. A linear functional L on
polynomials with L(q^2) >= 0 for every q, but L(p) < 0, shows that it is none: it separates p from
the cone of sums of squares. Both come from one semidefinite program, and neither trusts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import comb, prod

import numpy as np

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial, monomial_index, monomials
from ..algebra.problem import PolynomialProblem
from ..checks import check_type
from ..proofs.exact import ExactRing, is_positive_semidefinite, to_fmpq
from ..relaxations.blocks import Generator, drop_useless, joined_blocks
from ..relaxations.cost import takes_minutes
from ..relaxations.faces import complement
from ..relaxations.program import check_solver, coefficient_vector, positive, square
from ..relaxations.scaling import ScaledProblem, scaled_or_none
from ..relaxations.solvers import run
from ..relaxations.sparsity import blocks_of, small_blocks
from ..relaxations.variant import Variant
from ..relaxations.zeros import vanishing
from .local_search import LocalSearch
from .one_variable import nonnegative_everywhere
from .rational_points import stationary_point
from .rounding import expanded, fraction_array, on_grid, take_up

_STEPS = 6
_MOST_GUESSES = 200  # rows of a Gram matrix that may be meant in small denominators
_LARGE = 40  # monomials: from there on small blocks are tried first
_TOO_MANY = 1500  # monomials
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
    The semidefinite program minimizes L(p) over functionals with L(q^2) >= 0 and mean L(b^2) = 1
    over the basis. A positive minimum leaves room to round a Gram matrix and to project it onto
    the identity (Peyrl and Parrilo 2008); at zero the basis is first restricted to the smallest
    face that holds all Gram matrices of p; a negative one is rounded to a separating functional.
    Where there are many monomials, small blocks are tried first, on cliques of variables or by
    terms. With v the lowest value at rational stationary points, if it is not negative, p - v is
    also tried on the polynomials that vanish at these points.

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
    notes: list[str] = []
    for found in _answers(p, units, scaled, solver, notes):
        if found.polynomial == p and found.verify():
            return found
    if p.n_variables == 1 and (proof := nonnegative_everywhere(PolynomialProblem(p))):
        return SumOfSquares(p, proof.gram[()], None, "a sum of squares, by roots")
    message = "undecided: too close to the boundary of the cone of sums of squares"
    if rounded:
        message += (
            "; floats are read as the rationals they are, and 0.1 * 6 is not 6 * 0.1: perhaps "
            "fractions.Fraction gives the polynomial that is meant"
        )
    return SumOfSquares(p, None, None, "; ".join([message, *notes]))


def _answers(p: Polynomial, units, scaled: ScaledProblem | None, solver: str, notes: list[str]):
    """What may be right about p, to be verified: from each list of blocks, quick ones first.

    They are tried for p, and for p - v on the polynomials that vanish where p takes its lowest
    value v, as far as local searches know it.
    """
    v, points = None, []
    for blocks in _first_blocks(_in_units(p, units), scaled, notes):
        for found in _attempts(_in_units(p, units), blocks, solver):
            yield _in_own_units(found, p, units)
        if scaled is None:
            continue
        if v is None:
            v, points = _lowest_value(scaled)
            if v < 0 and not _is_too_large(p):
                yield _at_a_point(p, points[0])
        if points and v >= 0:
            blocks = vanishing(scaled, blocks, points)
            for found in _attempts(_in_units(p - v, units), blocks, solver):
                yield _with_constant(_in_own_units(found, p - v, units), v)


def _first_blocks(p: Polynomial, scaled: ScaledProblem | None, notes: list[str]):
    """Lists of blocks: where there are many monomials, small ones first, which may miss a square.

    What is too large to be tried is noted.
    """
    n, d = p.n_variables, p.degree // 2
    if scaled is not None and comb(n + d, d) > _LARGE:
        try:
            split = blocks_of(scaled, d, Variant(sparsity=small_blocks(scaled), reduced=True))
            yield drop_useless(monomial_index(p.exponents), split.generators)
        except MemoryError as error:
            notes.append(str(error))
    if _is_too_large(p):
        notes.append(f"there are {comb(n + d, d)} monomials, so only small blocks were tried")
        return
    whole = Generator((), Polynomial.constant(1.0, n, p.names), half_basis(p))
    if takes_minutes([whole.size]):
        notes.append(f"a Gram matrix with {whole.size} rows was not tried")
    else:
        yield [whole]


def _is_too_large(p: Polynomial) -> bool:
    """Whether the products of all monomials of a square are too many to be written down."""
    d = p.degree // 2
    return comb(p.n_variables + d, d) > _TOO_MANY


def _lowest_value(scaled: ScaledProblem) -> tuple[Fraction, list[tuple[Fraction, ...]]]:
    """The lowest value at rational points that local searches lead to, and these; 0 without any."""
    problem, found = scaled.problem, {}
    box = np.tile([-np.inf, np.inf], (problem.n_variables, 1))
    local, objective = LocalSearch(scaled, box), problem.objective.exact()
    for start in local.random_starts(_STARTS):
        z = local.descend(start)
        x = None if z is None else stationary_point(problem, scaled.to_user(z), scaled.scale)
        if x is not None and x not in found:
            found[x] = Fraction(objective(np.array(x, dtype=object)))
    lowest = min(found.values(), default=Fraction(0))
    return lowest, sorted(x for x, value in found.items() if value == lowest)


def _at_a_point(p: Polynomial, x: tuple[Fraction, ...]) -> SumOfSquares:
    """No sum of squares is negative at a point: the functional is the value there."""
    basis = half_basis(p)
    needed = {tuple(alpha) for alpha in (basis[:, None] + basis[None]).reshape(-1, len(x)).tolist()}
    L = {alpha: _power(x, alpha) for alpha in needed | set(p.terms)}
    return SumOfSquares(p, None, L, "it is negative at a point")


def _with_constant(found: SumOfSquares, value: Fraction) -> SumOfSquares:
    """From a Gram matrix of p - value one of p. What refutes p - value stays as it is."""
    if not value or found.gram is None:
        return found
    basis, size = found.gram.basis, len(found.gram.basis)
    constant = np.flatnonzero(~basis.any(axis=1))
    if not len(constant):
        basis, constant = np.vstack([basis, np.zeros_like(basis[:1])]), [size]
    values = np.full((len(basis), len(basis)), Fraction(0))
    values[:size, :size] = found.gram.values
    values[constant[0], constant[0]] += value
    gram = BasisMatrix(values, basis, found.gram.names)
    return replace(found, polynomial=found.polynomial + value, gram=gram)


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


def _power(units: Sequence[Fraction], alpha) -> Fraction:
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


def _attempts(p: Polynomial, blocks: list[Generator], solver: str):
    """Candidates for a proof, each to be verified."""
    if not len(p.exponents):
        empty = np.zeros((0, p.n_variables), dtype=np.int64)
        gram = BasisMatrix(np.zeros((0, 0), dtype=object), empty, p.names)
        yield SumOfSquares(p, gram, None, "the zero polynomial")
        return
    whole = len(blocks) < 2
    if whole:
        yield from _lonely(p, blocks[0].basis if blocks else half_basis(p))
    for _ in range(_STEPS):
        blocks = [g for g in blocks if g.size]
        if not blocks:
            return
        found = _lowest(p, blocks, solver)
        if found is None:
            return
        value, y, gram = found
        if value > -1e-6:
            yield from _gram_matrices(p, gram)
        if whole and blocks[0].face is None:
            yield _separated(p, blocks[0].basis, y)
        faces = [complement(square(g.operator(len(y)) @ y)) for g in blocks]
        if all(face is None for face in faces):
            return
        blocks = [g.on_face(face) for g, face in zip(blocks, faces, strict=True)]


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


def _lowest(p: Polynomial, blocks: list[Generator], solver: str):
    """(value, y, Q): min L_y(p) with a mean of 1 on the diagonals, and the dual's Gram matrix."""
    import cvxpy as cp

    degree = max(2 * (p.degree // 2), p.degree)
    n_moments = comb(p.n_variables + degree, degree)
    cost = coefficient_vector(p.to_float(), n_moments)
    cost /= np.abs(cost).max()
    operators = [g.operator(n_moments) for g in blocks]
    sizes = [g.size for g in blocks]
    seen = sum(operator.getnnz(axis=0) for operator in operators)
    used = np.union1d(np.flatnonzero(cost), np.flatnonzero(seen))
    y = cp.Variable(len(used))
    diagonals = [A[:: s + 1, used].sum(axis=0).A1 for A, s in zip(operators, sizes, strict=True)]
    mean = sum(diagonals) / sum(sizes)
    cones = [positive(A[:, used] @ y, s) for A, s in zip(operators, sizes, strict=True)]
    model = cp.Problem(cp.Minimize(cost[used] @ y), [mean @ y == 1, *cones])
    if not run(model, solver):
        return None
    duals = [cone.dual_value for cone in cones]
    if y.value is None or any(Q is None for Q in duals) or not np.isfinite(y.value).all():
        return None
    moments = np.zeros(n_moments)
    moments[used] = y.value
    value, size = float(cost[used] @ y.value), float(np.abs(p.to_float().coefficients).max())
    shift = value / sum(sizes)
    matrices = [
        size * ((M + M.T) / 2 + shift * np.eye(s))
        for Q, s in zip(duals, sizes, strict=True)
        for M in [np.reshape(Q, (s, s))]
    ]
    return value, moments, joined_blocks(blocks, matrices, p.names)


def _gram_matrices(p: Polynomial, gram: BasisMatrix):
    """Rational Gram matrices near one in floats: with small denominators, then any."""
    Q, ring = gram.values, ExactRing(p.n_variables)
    drafts = [
        [[to_fmpq(Fraction(round(d * v), d)) for v in row] for row in Q.tolist()]
        for d in (_DENOMINATORS if len(Q) <= _MOST_GUESSES else ())
    ]
    drafts.append(on_grid(Q))
    for draft in drafts:
        if draft is None:
            continue
        values = fraction_array(expanded(draft, gram.face))
        reached = BasisMatrix(values, gram.basis, p.names).polynomial().exact()
        if not take_up(ring.read(p - reached), gram, draft, keep=False):
            continue
        values = fraction_array(expanded(draft, gram.face))
        yield SumOfSquares(p, BasisMatrix(values, gram.basis, p.names), None, "a sum of squares")


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
