"""The search for curves of descent: found where f falls without end, and only there."""

from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from polysos.hierarchy.descent import find_descent_curve
from polysos.hierarchy.local_search import LocalSearch
from polysos.proofs.box import bounding_box
from polysos.relaxations.scaling import scale_problem
from tests.problems import CASES, MORE

F = Fraction
UNBOUNDED = [c.name for c in MORE.values() if c.kind == "unbounded"]


@pytest.mark.parametrize("name", [*UNBOUNDED, "unbounded_cubic"])
def test_a_curve_is_found_and_f_really_falls_along_it(name):
    case = (CASES | MORE)[name]
    s = ps.minimize(case.problem, max_order=case.problem.minimum_order)
    assert s.status == "unbounded" and s.value == -np.inf and s.proof.verify()
    b, w = s.proof.coefficients, s.proof.powers
    times = [F(10) ** k for k in (6, 9, 12)]
    points = [np.array([c * T**p for c, p in zip(b, w, strict=True)], dtype=object) for T in times]
    values = [case.problem.objective(point) for point in points]
    assert values[0] > values[1] > values[2] and values[2] < -1e3
    for point in points:
        assert all(g(point) >= 0 for g in case.problem.inequalities)
        assert all(h(point) == 0 for h in case.problem.equalities)
    assert str(s.proof) in s.message


@pytest.mark.parametrize("name", ["camel6", "unattained_xy", "rosenbrock_box", "lasserre09_ex2_2"])
def test_no_curve_is_found_where_there_is_none(name):
    problem = CASES[name].problem
    box = bounding_box(problem)
    assert find_descent_curve(problem, LocalSearch(scale_problem(problem, box), box)) is None
