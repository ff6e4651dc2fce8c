"""Facial reduction: what is taken out costs no bound and never the truth."""

import pytest

import polysos as ps
from polysos.relaxations.variant import Variant
from tests.problems import CASES, MORE


def solve_on_face(problem, order, denominator=0, slack=1e-8):
    from polysos.relaxations.relaxation import solve_scaled
    from polysos.relaxations.scaling import scale_problem

    return solve_scaled(
        scale_problem(problem),
        order,
        Variant(reduced=True, facial=True, denominator=denominator, slack=slack),
    )


@pytest.mark.parametrize("name", ["double_well", "camel6", "tssos_quartic", "unattained_xy"])
def test_a_proof_on_a_face_is_a_proof_on_all_monomials(name):
    """The Gram matrices of the proof are on monomials: its reader needs no face."""
    case = CASES[name]
    r = solve_on_face(case.problem, case.problem.minimum_order)
    proof = ps.verify_certificate(ps.sos_certificate(r))
    if proof.holds:
        assert proof.verify() and proof.bound <= case.optimum + 1e-9
        for Q in proof.gram.values():
            assert Q.values.shape == (len(Q.basis),) * 2
    assert proof.holds or name == "unattained_xy"


def test_a_sum_of_squares_with_cancelling_leading_terms_is_proven():
    """((x - y^2) y)^2 + (x - 1)^2: on the curve x = y^2 the leading terms cancel."""
    x, y = ps.variables(2)
    f = ((x - y**2) * y) ** 2 + (x - 1) ** 2
    s = ps.minimize(ps.PolynomialProblem(f))
    assert s.status in ("certified", "bound") and -1e-5 <= s.lower_bound <= 0


@pytest.mark.parametrize("name", ["saddle", "product", "quartic_form"])
def test_no_face_gives_a_bound_of_what_has_none(name):
    case = MORE[name]
    r = solve_on_face(case.problem, case.problem.minimum_order)
    if r.multipliers is not None:
        assert not ps.verify_certificate(ps.sos_certificate(r)).holds


def test_eight_minimizers_on_an_unbounded_set():
    """Whatever the face at order 3: the bound is not above 1/3. test_cases certifies it."""
    case = CASES["nie_outside_ball"]
    r = solve_on_face(case.problem, 3, denominator=0)
    proof = ps.verify_certificate(ps.sos_certificate(r)) if r.multipliers else None
    assert proof is None or not proof.holds or proof.bound <= case.optimum + 1e-9
