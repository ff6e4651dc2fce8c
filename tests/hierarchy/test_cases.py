"""Every problem with a known answer: what `minimize` says of it is true, and enough is certified.

Two tests a case. Truth is asserted of all of them, whatever the status. Regression: the cases that
were certified once must stay so, with the minimizers that were found.
"""

import os

import numpy as np
import pytest

import polysos as ps
from tests.problems import CASES, MORE, check_truth

EVERY = CASES | MORE

# Where higher orders only cost time, the suite stops early; POLYSOS_FULL=1 climbs all the way.
FULL = bool(os.environ.get("POLYSOS_FULL"))
HIGHEST = {
    "hs106_badly_scaled": 1,  # certified at order 2, after a minute or two
    "unattained_xy": 3,
    "cusp": 2,
    "unattained_on_hyperbola": 2,
    "unattained_asymptote": 2,
    "unattained_valley": 2,
    "hyperbola_and_half_plane": 2,
}

# Number of minimizers found (None: infinitely many exist), for what must be certified.
CERTIFIED = {
    "lasserre09_ex2_2": 2,
    "camel6": 2,
    "double_well": 2,
    "nie_outside_ball": 8,
    "chebyshev6": 3,
    "motzkin_ball": 4,
    "hl05_three_points": 3,
    "lasserre01_motzkin_like_ball": 4,
    "floudas_2_2_qp": 1,
    "redundant": 1,
    "tssos_two_balls6": 2,
    "floudas_3_4_qcqp": 1,
    "tssos_quartic": 2,
    "maxcut_c5": 10,
    "sphere_cubes": 3,
    "poly_system_llr": 2,
    "rosenbrock_box": 1,
    "big_objective": 2,
    "waki_strange": 1,
    "lasserre01_motzkin_like": 4,
    "choi_lam": 4,
    "nie_simplex_infinite": None,
    "sphere_eig_double": None,
    "himmelblau": 4,
    "booth": 1,
    "line_of_minimizers": None,
    "constant": None,
    "constant_on_two_points": 2,
    "circle": 1,
    "circle_and_line": 1,
    "circle_twice": 1,
    "disk_in_copies": 1,
    "zero_equality": 1,
    "maximise_product": 2,
    "ellipse": None,
    "crescent": 1,
    "one_point": 1,
    "knapsack": 1,
    "tiny_objective": 2,
    "large_offset": 2,
    "camel_in_thousandths": 2,
    "camel_in_thousands": 2,
    "motzkin_in_thousandths": 4,
    "far_and_near": None,
    "fractions": 1,
    "degree_ten": 1,
}
# The moment matrix is flat here, of a rank that is the number of minimizers.
FLAT = [
    "lasserre09_ex2_2",
    "camel6",
    "double_well",
    "chebyshev6",
    "motzkin_ball",
    "hl05_three_points",
    "lasserre01_motzkin_like_ball",
    "redundant",
    "tssos_two_balls6",
    "tssos_quartic",
    "maxcut_c5",
    "sphere_cubes",
    "rosenbrock_box",
    "big_objective",
    "himmelblau",
    "circle",
    "maximise_product",
]
BOUND = {"unattained_xy", "unattained_on_hyperbola", "unattained_valley", "unattained_asymptote"}
REFUTED = {c.name for c in MORE.values() if c.kind == "infeasible"} - {
    "hyperbola_and_half_plane",  # no product of few constraints shows it
    "minus_one_is_zero",
}
UNBOUNDED = {c.name for c in EVERY.values() if c.kind == "unbounded"}
SCS = [
    "lasserre09_ex2_2",
    "camel6",
    "double_well",
    "chebyshev6",
    "motzkin_ball",
    "hl05_three_points",
    "redundant",
    "tssos_quartic",
    "maxcut_c5",
    "sphere_cubes",
    "rosenbrock_box",
    "big_objective",
    "unbounded_cubic",
    "himmelblau",
    "circle_twice",
    "knapsack",
    "camel_in_thousandths",
    "motzkin_in_thousandths",
    "large_product",
    "saddle",
]


def assert_as_recorded(s, name):
    if name in CERTIFIED:
        assert s.status == "certified"
        count = CERTIFIED[name]
        assert count is None or len(s.minimizers) == count
        if name in FLAT:
            assert f"flat of rank {count}" in s.message
        if EVERY[name].minimizers is not None and count == len(EVERY[name].minimizers):
            for x in EVERY[name].minimizers:
                assert np.abs(s.minimizers - x).max(axis=1).min() <= 2e-3 * EVERY[name].unit
    elif name == "hs106_badly_scaled":
        assert s.status == ("certified" if FULL else "bound") and s.lower_bound >= 2100
        assert s.value == pytest.approx(EVERY[name].optimum, rel=1e-6)
    elif name in BOUND:
        assert s.status == "bound" and s.lower_bound == pytest.approx(0, abs=1e-6)
    elif name in REFUTED:
        assert s.status == "infeasible"
    elif name in UNBOUNDED:
        assert s.status == "unbounded"


@pytest.mark.parametrize("name", EVERY)
def test_case(name):
    s = ps.minimize(EVERY[name].problem, max_order=None if FULL else HIGHEST.get(name))
    check_truth(s, EVERY[name])
    assert_as_recorded(s, name)


@pytest.mark.parametrize("name", SCS)
def test_case_with_scs(name):
    s = ps.minimize(EVERY[name].problem, solver="SCS")
    check_truth(s, EVERY[name])
    assert {r.solver for r in s.history} <= {"SCS"}
    if EVERY[name].kind == "finite":
        assert s.status == "certified"


def test_the_lists_above_name_cases():
    for names in (CERTIFIED, FLAT, BOUND, REFUTED, UNBOUNDED, SCS):
        assert set(names) <= set(EVERY)
    assert set(FLAT) <= set(CERTIFIED) and not BOUND & set(CERTIFIED)
