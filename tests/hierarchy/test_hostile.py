"""Hostile problems: what `minimize` says of them is true, and most of them are solved."""

import os

import numpy as np
import pytest

import polysos as ps
from tests.hostile import OTHERS, TRAPS
from tests.problems import check_truth

EVERY = TRAPS | OTHERS
FULL = bool(os.environ.get("POLYSOS_FULL"))
OPEN = {
    "parabola_and_gap",
    "cone_in_a_box",
    "small_valley",
    "point_by_fourth_power",
    "nearly_everything",
    "valley",
}
REFUSAL = "problem must have values that floats can hold"
SLOW = {"small_partition"}  # seconds, for a point that one test covers without `minimize`


@pytest.mark.parametrize("name", EVERY)
def test_hostile(name):
    if name in SLOW and not FULL:
        pytest.skip("slow; POLYSOS_FULL=1 runs it")
    case = EVERY[name]
    s = ps.minimize(case.problem)
    check_truth(s, case)
    assert s.status != "approximate"
    if name not in OPEN:
        assert s.status == ("certified" if case.kind == "finite" else "infeasible")


@pytest.mark.parametrize("name", ["binary_and_positive", "big_m", "cubic_in_a_box", "empty_ring"])
@pytest.mark.parametrize("feasibility", [1e-3, 1e-9])
def test_the_tolerance_of_feasibility_does_not_decide(name, feasibility):
    s = ps.minimize(EVERY[name].problem, feasibility=feasibility)
    check_truth(s, EVERY[name])
    assert s.status in ("certified", "infeasible")


def test_numbers_that_leave_the_floats_are_refused_in_words():
    x, y = ps.variables(2)
    problem = ps.PolynomialProblem(y**4 - 1e-99 * x**2 + 1e-99 * x, [1e99 - y, 1e99 + y])
    for call in (ps.minimize, lambda p: ps.solve_relaxation(p, 2)):
        with pytest.raises(ValueError, match=f"{REFUSAL}.*change units"):
            call(problem)


@pytest.mark.parametrize("seed", range(20))
def test_wild_coefficients_are_answered_or_refused_in_words(seed):
    """Random problems with coefficients from 1e-90 to 1e90; what is said of them is verified."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 3))
    size = float(rng.choice([3, 10, 50, 90]))

    def polynomial(degree):
        terms = {
            tuple(rng.integers(0, degree + 1, n).tolist()): float(10 ** rng.uniform(-size, size))
            for _ in range(rng.integers(1, 4))
        }
        signs = rng.choice([-1, 1], len(terms)).tolist()
        return ps.Polynomial({a: s * c for s, (a, c) in zip(signs, terms.items(), strict=True)}, n)

    problem = ps.PolynomialProblem(
        polynomial(3),
        [polynomial(2) for _ in range(rng.integers(0, 3))],
        [polynomial(2) for _ in range(rng.integers(0, 2))],
    )
    try:
        s = ps.minimize(problem, max_order=max(2, problem.minimum_order), time_limit=3)
    except ValueError as error:
        assert str(error).startswith(REFUSAL)
        return
    assert s.proof is None or s.proof.verify()
    assert all(point.verify(problem) for point in s.points)
    if s.status == "certified":
        assert 0 <= s.value - s.lower_bound <= 1e-6 * max(1, abs(s.value))
