"""Sums of squares, proven either way: textbook cases, the boundary, and liars."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.hierarchy import sums_of_squares
from polysos.hierarchy.sums_of_squares import half_basis
from polysos.relaxations.blocks import joined_blocks

F = Fraction
x, y, z = ps.variables(3)
MOTZKIN = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
YES = {
    "the paper's example": x**4 - x**2 * (1 + 2 * x * y) + x**2 * y**2 + 2 * x * y + 1,
    "Parrilo": 2 * x**4 + 2 * x**3 * y - x**2 * y**2 + 5 * y**4,
    "Motzkin, multiplied": MOTZKIN * (1 + x**2 + y**2),
    "one square": (x**2 - x * y + 3 * y - 1) ** 2,
    "one square, irrational roots": (x**3 - 2) ** 2,
    "two squares": (x**2 - x * y + 3) ** 2 + (x - 1) ** 2,
    "floats": (x**2 - 2**0.5 * y) ** 2,
    "a constant": 0 * x + 3,
    "zero": 0 * x,
    "fractions": (F(1, 3) * x - F(2, 7) * y) ** 2 + F(1, 10**6) * y**4,
}
NO = {
    "Motzkin": MOTZKIN,
    "Choi and Lam": x**2 * y**2 + y**2 * z**2 + z**2 * x**2 + 1 - 4 * x * y * z,
    "Robinson": x**6 + y**6 + 1 - (x**4 + 1) * y**2 - (y**4 + 1) * x**2 - x**4 - y**4
    + 3 * x**2 * y**2,
    "a negative value": x**2 - 2 * x,
    "a negative constant": x**2 - F(1, 10**9),
    "negative at infinity": 2 * x**2 - x**4,
    "odd degree": x**3,
    "odd degree in one variable": x**2 * y**3 + x**6 + y**6,
    "minus one": 0 * x - 1,
}  # fmt: skip


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
@pytest.mark.parametrize("name", YES)
def test_sums_of_squares_are_proven(name, solver):
    p = YES[name]
    found = ps.is_sos(p, solver)
    if not found and solver == "SCS":
        pytest.skip("too few digits")
    assert found and not found.is_refuted and found.verify()
    total = sum((w * q**2 for w, q in found.squares()), 0 * x.exact())
    assert total == p.exact() and all(w > 0 for w, _ in found.squares())


@pytest.mark.parametrize("name", NO)
def test_others_are_separated_by_a_functional(name):
    p = NO[name]
    found = ps.is_sos(p)
    assert not found and found.is_refuted and found.verify()
    with pytest.raises(ValueError, match="no sum of squares"):
        found.squares()
    # by hand, not by our own `verify`
    L = found.separator
    assert sum(c * L[alpha] for alpha, c in p.exact().terms.items()) < 0
    basis = half_basis(p)
    M = np.array([[float(L[tuple((a + b).tolist())]) for b in basis] for a in basis])
    assert not len(M) or np.linalg.eigvalsh(M)[0] > -1e-9 * max(1.0, np.abs(M).max())


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=6, max_size=6), min_size=1, max_size=3),
    st.integers(0, 2),
)
def test_a_planted_sum_is_found_and_never_refuted(rows, kind):
    basis = ps.monomials(2, 2)
    a, b = ps.variables(2)
    p = sum((ps.Polynomial.from_arrays(basis, np.array(r, float)) ** 2 for r in rows), 0 * a)
    p = p + (0, F(1, 1000), b**4)[kind]
    found = ps.is_sos(p)
    assert not found.is_refuted
    assert not found or found.verify()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=15, max_size=15), st.integers(0, 10**6))
def test_what_has_a_negative_value_is_never_called_a_sum(coefficients, seed):
    p = ps.Polynomial.from_arrays(ps.monomials(2, 4), np.array(coefficients, dtype=float))
    points = np.random.default_rng(seed).normal(0, 2, (200, 2))
    found = ps.is_sos(p)
    if (p(points) < -1e-9).any():
        assert not found
    assert found.verify() or not (found or found.is_refuted)


def test_a_tampered_answer_does_not_verify():
    yes, no = ps.is_sos(YES["Parrilo"]), ps.is_sos(NO["Robinson"])
    Q = yes.gram.values.copy()
    Q[0, 0] += F(1, 10**12)
    assert not replace(yes, gram=replace(yes.gram, values=Q)).verify()
    indefinite = yes.gram.values - 100 * np.eye(len(Q), dtype=int)
    wrong = replace(yes.gram, values=indefinite)
    assert not replace(yes, gram=wrong, polynomial=wrong.polynomial().exact()).verify()
    assert not replace(yes, polynomial=yes.polynomial + F(1, 10**12)).verify()
    for alpha in no.polynomial.terms:
        changed = no.separator | {alpha: no.separator[alpha] + 10**6}
        assert not replace(no, separator=changed).verify(), alpha
    missing = {k: v for k, v in no.separator.items() if sum(k)}
    assert not replace(no, separator=missing).verify()
    assert not replace(no, separator=None).verify()


@pytest.mark.parametrize("name", ["Motzkin", "Parrilo", "Robinson", "one square"])
def test_a_solver_that_lies_may_leave_it_open_but_never_wrong(name, monkeypatch):
    def liar(p, blocks, solver):
        rng = np.random.default_rng(1)
        y = rng.standard_normal(len(ps.monomials(p.n_variables, 2 * (p.degree // 2))))
        matrices = [rng.standard_normal((g.size, g.size)) for g in blocks]
        gram = joined_blocks(blocks, [M @ M.T for M in matrices], p.names)
        return rng.choice([-1.0, 0.0, 1.0]), y, gram

    monkeypatch.setattr(sums_of_squares, "_lowest", liar)
    found = ps.is_sos((YES | NO)[name])
    if found:
        assert name in YES
    if found.is_refuted:
        assert name in NO
    assert found.verify() or "undecided" in found.message


def test_a_solver_that_fails_leaves_it_open(monkeypatch):
    monkeypatch.setattr(sums_of_squares, "_lowest", lambda *_: None)
    found = ps.is_sos(YES["Parrilo"])
    assert not found and not found.is_refuted and "undecided" in found.message
    assert not found.verify()


def test_half_basis_is_half_the_newton_polytope():
    assert half_basis(x**2 * y**2 + 0 * z).tolist() == [[1, 1, 0]]
    assert half_basis(x**6 + 1).tolist() == [[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]]
    assert len(half_basis(0 * x)) == 0


@pytest.mark.parametrize("call", [ps.is_sos, ps.is_sos_convex])
def test_bad_input_is_named(call):
    with pytest.raises(TypeError, match=r"p must be .*Polynomial"):
        call(3.0)
    with pytest.raises(ValueError, match="solver must be"):
        call(x, solver="NONE")


def test_an_undecided_answer_says_that_floats_are_read_exactly():
    """0.1 * 6 is not 6 * 0.1; as a fraction it is."""
    x, y = ps.variables(2)
    meant = (x - y) ** 4
    found = ps.is_sos(0.1 * meant)
    assert not found and "fractions.Fraction" in found.message
    assert ps.is_sos(Fraction(1, 10) * meant)


X, Y = ps.variables(2)


@pytest.mark.parametrize(
    "p",
    [
        *((X - a) ** 4 + 0 * Y for a in (8, 9, 10, 20)),
        X**4 + (Y - 100) ** 2,
        (X - 10 * Y) ** 4,
        (X - 10 * Y) ** 4 + (Y - 3) ** 2,
        (X - 10**5) ** 2 + (Y + 1) ** 2,
    ],
    ids=str,
)
def test_units_are_not_mistaken_for_the_boundary_of_the_cone(p):
    found = ps.is_sos(p)
    assert found and found.verify()


@pytest.mark.parametrize("a", [9, 1000, 12345])
def test_one_variable_is_always_decided(a):
    (x,) = (v.exact() for v in ps.variables(1))
    found = ps.is_sos((x - a) ** 4)
    assert (
        found
        and found.verify()
        and sum((w * q**2 for w, q in found.squares()), 0 * x) == ((x - a) ** 4).exact()
    )
    assert not ps.is_sos((x - a) ** 4 - 1)


def rosenbrock(n):
    v = ps.variables(n)
    return sum((100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(v)), 0 * v[0])


@pytest.mark.parametrize("shift", [0, 1, Fraction(1, 3)])
@pytest.mark.parametrize("n", [4, 12])
def test_many_variables_by_small_blocks_and_known_minimizers(n, shift):
    """Rosenbrock's function, written out: on the boundary, and above it but with little room."""
    p = rosenbrock(n) + shift
    found = ps.is_sos(p)
    assert found and found.verify()
    assert sum((w * q**2 for w, q in found.squares()), 0 * p) == p.exact()


def test_blocks_by_terms_do_not_hide_a_sum_of_squares():
    """(1 + sum of all monomials)^2 has one block only; a form with few terms has many."""
    v = ps.variables(8)
    square = (1 + sum(v, 0 * v[0]) + sum((a * b for a, b in pairwise(v)), 0 * v[0])) ** 2
    assert ps.is_sos(square)
    few = sum((a**4 + a**2 * b**2 - a**3 * b for a, b in pairwise(v)), v[-1] ** 4)
    found = ps.is_sos(few)
    assert found and found.verify()
    assert ps.is_sos(few - 10 * v[0] ** 4).is_refuted


def test_a_polynomial_that_is_negative_at_a_point_is_refuted_by_the_point(monkeypatch):
    monkeypatch.setattr(sums_of_squares, "_lowest", lambda *_: None)
    found = ps.is_sos(rosenbrock(8) - Fraction(1, 10**9))
    assert found.is_refuted and found.verify() and "negative at a point" in found.message
    origin = (0,) * 8
    assert found.separator[origin] == 1
    assert not replace(found, separator=found.separator | {origin: Fraction(-1)}).verify()


@pytest.mark.parametrize("lie", [0.0, 1.0, 1e6])
def test_a_solver_that_lies_about_small_blocks_is_caught(lie, monkeypatch):
    def liar(p, blocks, solver):
        y = np.ones(len(ps.monomials(p.n_variables, 2 * (p.degree // 2))))
        return 1.0, y, joined_blocks(blocks, [lie * np.eye(g.size) for g in blocks], p.names)

    monkeypatch.setattr(sums_of_squares, "_lowest", liar)
    yes, no = ps.is_sos(rosenbrock(9)), ps.is_sos(rosenbrock(9) - 1)
    assert not no and not yes.is_refuted
    for found in (yes, no):
        assert found.verify() or "undecided" in found.message


def test_where_there_are_too_many_monomials_their_products_are_never_written_down(monkeypatch):
    """With 60 variables the products alone took seven gigabytes."""

    def no_basis(p):
        raise AssertionError("all monomials")

    monkeypatch.setattr(sums_of_squares, "_TOO_MANY", 50)
    monkeypatch.setattr(sums_of_squares, "half_basis", no_basis)
    assert ps.is_sos(rosenbrock(9))
    found = ps.is_sos(rosenbrock(9) - 1)
    assert not found and not found.is_refuted
    assert "there are 55 monomials, so only small blocks were tried" in found.message


def test_what_refutes_the_polynomial_less_its_minimum_does_not_refute_it(monkeypatch):
    """Only the attempts for p - v find something, and that is an answer about p - v."""
    less = ps.is_sos(NO["Motzkin"])
    found_for = {less.polynomial: [less]}
    monkeypatch.setattr(sums_of_squares, "_attempts", lambda p, *_: found_for.get(p, []))
    monkeypatch.setattr(sums_of_squares, "_lowest_value", lambda _: (Fraction(1), [(1, 1, 0)]))
    assert less.is_refuted and not ps.is_sos(NO["Motzkin"] + 1).is_refuted
