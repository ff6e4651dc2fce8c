"""Problems that users of other software reported in public, with the answers that are known.

Most are settled. Those that are not are named here, each with the reason; of them nothing false
is said, and that is held as well.
"""

import json
from math import nan
from pathlib import Path

import pytest

import polysos as ps
from tests.problems import Case, check_truth

FILE = Path(__file__).parents[1] / "data" / "public_reports.json"
REPORTS = {c["name"]: c for c in json.loads(FILE.read_text())["cases"]}

OPEN = {
    "mathse4435039": "a ratio C q = p without bounds; `SumOfSquaresProgram` settles it",
    "imo2000_2": "an equality of degree three between positive numbers without bounds",
    "yalmip808_bmi_minors": "a matrix inequality, stated by its minors",
    "sparse_chained_singular_8": "weights of 1 to 10,000 and a flat minimum",
    "triple29": "a form on a cone, zero along a ray: settled or not by the last digits",
    "schur1_orthant": "a form on a cone, zero along rays",
    "scheiderer": "a sum of squares with real, but no rational coefficients",
}


def polynomial(terms, names):
    return ps.Polynomial({tuple(alpha): c for c, alpha in terms}, len(names), names)


def problem_of(report):
    names = report["variables"]
    g, h = ([polynomial(terms, names) for terms in report[key]] for key in ("ineq", "eq"))
    return ps.PolynomialProblem(polynomial(report["objective"], names), g, h)


MINIMA = [name for name, c in REPORTS.items() if c["kind"] == "minimize"]
SQUARES = [name for name, c in REPORTS.items() if c["kind"] == "is_sos"]


@pytest.mark.parametrize("name", MINIMA)
def test_minima_are_settled_or_nothing_false_is_said(name):
    report = REPORTS[name]
    limit = 2 if name in OPEN else None
    s = ps.minimize(problem_of(report), time_limit=limit)
    optimum = nan if report["optimum"] is None else report["optimum"]
    known = optimum - 1e-7 * (name == "yalmip808_bmi_minors")  # printed to seven digits
    check_truth(s, Case(name, problem_of(report), report["expected"], known))
    if name not in OPEN:
        assert s.status == ("unbounded" if report["expected"] == "unbounded" else "certified")
        if s.certified:
            assert s.value == pytest.approx(optimum, abs=2e-6 * max(1, abs(optimum)))


@pytest.mark.parametrize("name", SQUARES)
def test_sums_of_squares_are_decided_rightly(name):
    report = REPORTS[name]
    found = ps.is_sos(polynomial(report["objective"], report["variables"]))
    expected = report["expected"] != "not sos"
    assert not (found and not expected) and not (found.is_refuted and expected)
    if name not in OPEN:
        assert found.verify() and bool(found) == expected and found.is_refuted != expected


def test_a_ratio_is_settled_by_a_sum_of_squares_program():
    """The report minimizes C with C q = p; the largest c with p - c q a sum of squares is 1."""
    (h,) = problem_of(REPORTS["mathse4435039"]).equalities
    program = ps.SumOfSquaresProgram(REPORTS["mathse4435039"]["variables"][:2])
    p = {alpha[:2]: -c for alpha, c in h.terms.items() if alpha[2] == 0}
    q = {alpha[:2]: c for alpha, c in h.terms.items() if alpha[2] == 1}
    p, q = (ps.Polynomial(terms, 2, program.variables[0].names) for terms in (p, q))
    c = program.scalar()
    program.require_sos(p - c * q)
    program.maximize(c)
    found = program.solve()
    assert found.verify() and 1 - 3e-5 <= found.value <= 1


def test_every_open_report_is_one():
    assert set(OPEN) <= set(REPORTS)
