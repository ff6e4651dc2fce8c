"""`minimize`: its outcomes, its options, and random problems whose answers are known."""

import json
from dataclasses import FrozenInstanceError
from fractions import Fraction
from itertools import product
from time import process_time

import numpy as np
import pytest

import polysos as ps
from tests.problems import CASES, MORE, check_truth, finite

Problem = ps.PolynomialProblem


# Random problems


def polynomial(t, coefficients):
    return sum((c * t**a for a, c in enumerate(coefficients)), start=0 * t)


def least(coefficients, low=-np.inf, high=np.inf):
    p = np.polynomial.Polynomial(coefficients)
    roots = p.deriv().roots()
    points = [r.real for r in roots if abs(r.imag) < 1e-7 and low <= r.real <= high]
    return float(min(p(v) for v in [*points, *(v for v in (low, high) if np.isfinite(v))]))


def univariate(rng):
    (t,) = ps.variables(1)
    c = np.round(rng.standard_normal(2 * rng.integers(1, 4) + 1), 2)
    c[-1] = abs(c[-1]) + 0.5
    return finite("univariate", Problem(polynomial(t, c.tolist())), least(c))


def interval(rng):
    (t,) = ps.variables(1)
    c = np.round(rng.standard_normal(rng.integers(2, 7)), 2)
    low = float(np.round(3 * rng.standard_normal(), 1))
    high = low + float(np.round(rng.uniform(0.1, 10), 1))
    f = polynomial(t, c.tolist())
    return finite("interval", Problem(f, [t - low, high - t]), least(c, low, high))


def smallest_eigenvalue(rng):
    n = int(rng.integers(2, 5))
    x = ps.variables(n)
    A = np.round(rng.standard_normal((n, n)), 1)
    A = A + A.T
    f = sum(float(A[i, j]) * x[i] * x[j] for i in range(n) for j in range(n))
    sphere = sum(v**2 for v in x) - 1
    return finite("eigenvalue", Problem(f, [], [sphere]), np.linalg.eigvalsh(A)[0])


def binary(rng):
    n = int(rng.integers(1, 5))
    x = ps.variables(n)
    A, b = rng.integers(-3, 4, (n, n)), rng.integers(-3, 4, n)
    f = sum(int(A[i, j]) * x[i] * x[j] for i in range(n) for j in range(n))
    f = f + sum(int(b[i]) * x[i] for i in range(n))
    values = [u @ A @ u + b @ u for u in map(np.array, product([0, 1], repeat=n))]
    return finite("binary", Problem(f, [], [v**2 - v for v in x]), min(values))


def planted(rng):
    """A sum of squares that vanishes at planted points of a box, and perhaps elsewhere, too."""
    x, y = ps.variables(2)
    points = np.round(rng.uniform(-1, 1, (rng.integers(1, 4), 2)), 2).tolist()
    f = 0 * x
    for _ in range(2):
        line = 1 + 0 * x
        for p in points[:2]:
            a, b = rng.integers(-3, 4, 2).tolist()
            line = line * (a * (x - p[0]) + b * (y - p[1]))
        f = f + line**2
    return finite("planted", Problem(f, [1 - x**2, 1 - y**2]), 0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", [univariate, interval, smallest_eigenvalue, binary, planted])
def test_random_problems_are_certified_at_their_known_minimum(kind, seed):
    case = kind(np.random.default_rng([seed, len(kind.__name__)]))
    s = ps.minimize(case.problem)
    check_truth(s, case)
    assert s.status == "certified"


@pytest.mark.parametrize("seed", range(3))
def test_binary_minimizers_are_all_listed(seed):
    rng = np.random.default_rng(seed)
    x = ps.variables(3)
    A = rng.integers(-2, 3, (3, 3))
    f = sum(int(A[i, j]) * x[i] * x[j] for i in range(3) for j in range(3)) + 0 * x[0]
    points = [np.array(u) for u in product([0, 1], repeat=3)]
    values = np.array([u @ A @ u for u in points])
    best = [u for u, v in zip(points, values, strict=True) if v == values.min()]
    case = finite("binary", Problem(f, [], [v**2 - v for v in x]), values.min(), best)
    s = ps.minimize(case.problem)
    check_truth(s, case)
    if "flat of rank" in s.message:
        assert len(s.minimizers) == len(best)


# The bound is the proof's, not the solver's


def test_motzkin_at_order_4_only():
    """A case where a solver's value lies above the minimum."""
    x, y = ps.variables(2)
    motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    padded = motzkin + 0 * x  # degree 6: k0 = 3; the constraint of degree 8 makes k0 = 4
    ball = (3 - x**2 - y**2) * (1 + x**2 + y**2) ** 3
    s = ps.minimize(Problem(padded, [ball, 3 - x**2 - y**2]), max_order=4)
    assert s.status in ("certified", "bound") and s.lower_bound <= 0
    assert s.proof.verify() and s.proof.bound <= 0


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_certified_means_what_the_tolerance_says(tolerance):
    case = CASES["camel6"]
    s = ps.minimize(case.problem, tolerance=tolerance)
    check_truth(s, case, tolerance)
    assert s.status in ("certified", "bound")
    if tolerance >= 1e-6:
        assert s.status == "certified"


def test_a_point_that_is_not_quite_feasible_does_not_certify():
    """t^2 + 1e-8 == 0 is violated by 1e-8 at t = 0, less than any feasibility asked for."""
    (t,) = ps.variables(1)
    s = ps.minimize(Problem(t, [], [t**2 + 1e-8]), feasibility=1e-3)
    check_truth(s, MORE["nearly_a_point"])


@pytest.mark.parametrize("feasibility", [1e-4, 1e-8])
def test_minimizers_are_feasible_as_asked(feasibility):
    case = CASES["hl05_three_points"]
    s = ps.minimize(case.problem, feasibility=feasibility)
    check_truth(s, case)
    for x in s.minimizers:
        for g in case.problem.inequalities:
            size = np.abs(g.coefficients) @ np.abs(np.prod(x**g.exponents, axis=1))
            assert g(x) >= -feasibility * max(1, size)


# What comes with it


def test_the_history_has_one_relaxation_an_order():
    s = ps.minimize(CASES["hl05_three_points"].problem)
    assert [r.order for r in s.history] == [1, 2]
    assert all(isinstance(r, ps.Relaxation) and r.solver == "CLARABEL" for r in s.history)
    assert s.history[0].value == pytest.approx(-3, abs=1e-6)
    assert all(r.denominator == 0 and r.sublevel is None for r in s.history)  # the paper's


def test_max_order_is_kept_and_by_default_at_least_k0():
    s = ps.minimize(CASES["hl05_three_points"].problem, max_order=1)
    check_truth(s, CASES["hl05_three_points"])
    assert s.status == "bound" and s.lower_bound == pytest.approx(-3, abs=1e-5)
    assert "raise max_order" in s.message
    assert ps.minimize(MORE["degree_ten"].problem).certified


def test_the_message_says_what_is_known_of_other_minimizers():
    flat = ps.minimize(CASES["chebyshev6"].problem)
    assert "flat of rank 3" in flat.message and "no proof" in flat.message
    circle = ps.minimize(CASES["sphere_eig_double"].problem)
    assert "there may be infinitely many" in circle.message
    missing = ps.minimize(CASES["unattained_xy"].problem, max_order=2)
    assert "may not be attained" in missing.message


def test_the_message_says_when_no_feasible_point_was_found():
    """Three equations for two unknowns: nothing but a proven bound over what may be empty."""
    x, y = ps.variables(2)
    measured = [x + y - 2, x - y - 0.1, x * y - 1]
    s = ps.minimize(Problem(x, equalities=measured), max_order=1)
    assert s.status in ("bound", "infeasible") and np.isnan(s.value)
    assert s.status == "infeasible" or "no feasible point was found" in s.message


def test_a_message_names_homogeneity():
    a, b, c = ps.variables(3)
    schur = a * (a - b) * (a - c) + b * (b - c) * (b - a) + c * (c - a) * (c - b)
    s = ps.minimize(Problem(schur, [a, b, c]), max_order=2)
    assert s.status == "unresolved" and "homogeneous" in s.message and "normalisation" in s.message
    normalised = Problem(schur, [a, b, c], [a + b + c - 1])
    s = ps.minimize(normalised)
    check_truth(s, finite("schur", normalised, 0))
    assert s.status == "certified"
    assert "homogeneous" not in ps.minimize(Problem(a * b + a, [a, b])).message


def test_approximate_is_a_status_of_its_own():
    """Circles that touch where nothing is rational: near the point, touching cannot be proven."""
    x, y = ps.variables(2)
    circle = x**2 + y**2 - 1
    touching = finite("touching", Problem(x, [], [circle, circle + (x - y) ** 2]), -np.sqrt(0.5))
    s = ps.minimize(touching.problem, max_order=2)
    check_truth(s, touching)
    assert s.status == "approximate" and s.status is ps.Outcome.APPROXIMATE
    assert not s.points and np.allclose(s.minimizers, -np.sqrt(0.5), atol=1e-3)
    crossing = finite("crossing", Problem(x, [], [circle, x - y]), -np.sqrt(0.5))
    s = ps.minimize(crossing.problem)
    check_truth(s, crossing)
    assert s.status == "certified" and not s.points[0].is_rational


def test_equations_that_follow_from_others_do_not_prevent_a_proof():
    x, y = ps.variables(2)
    for more in (x**2 + y**2 - 5, x**2 * y**2 - 6):
        case = finite("more", Problem(x + y, [], [x**2 - 2, y**2 - 3, more]), -(2**0.5) - 3**0.5)
        s = ps.minimize(case.problem)
        check_truth(s, case)
        assert s.status == "certified"


def test_minimizers_come_in_lexicographic_order():
    s = ps.minimize(CASES["motzkin_ball"].problem)
    assert np.allclose(s.minimizers, [[-1, -1], [-1, 1], [1, -1], [1, 1]], atol=1e-4)


def test_the_same_call_gives_the_same_answer():
    first, second = (ps.minimize(CASES["motzkin_ball"].problem) for _ in range(2))
    assert first.proof.bound == second.proof.bound
    assert (first.minimizers == second.minimizers).all() and first.message == second.message


@pytest.mark.parametrize("name", ["nie_outside_ball", "hs106_badly_scaled"])
def test_a_time_limit_stops_early_with_what_is_proven(name):
    s = ps.minimize(CASES[name].problem, time_limit=1.0)
    check_truth(s, CASES[name])
    assert "stopped by the time limit of 1 s" in s.message
    assert s.status in ("bound", "unresolved") and s.seconds < 60


def test_a_time_limit_holds_with_many_variables_and_constraints():
    """Exact arithmetic with a hundred dense constraints once took as long as the limit again."""
    rng, n = np.random.default_rng(0), 60
    x = ps.variables(n)

    def line(a):
        return ps.Polynomial.from_arrays(np.eye(n, dtype=int), a, x[0].names)

    sides = [b - line(a) for a, b in zip(rng.standard_normal((100, n)), [1.0] * 100, strict=True)]
    ball = 4 - sum((v**2 for v in x), 0 * x[0])
    problem = ps.PolynomialProblem(line(rng.standard_normal(n)), [*sides, ball])
    start = process_time()
    s = ps.minimize(problem, time_limit=4)
    assert process_time() - start < 12
    assert s.status in ("bound", "unresolved", "certified")


def test_large_orders_are_left_out_and_the_message_says_how_to_try_them(monkeypatch):
    case = CASES["hl05_three_points"]
    monkeypatch.setattr("polysos.hierarchy.search._LARGEST", 10)
    s = ps.minimize(case.problem)
    check_truth(s, case)
    assert s.status == "bound" and [r.order for r in s.history] == [1]
    assert "order 2 has 15 moments" in s.message and "time_limit" in s.message
    assert ps.minimize(case.problem, time_limit=100.0).status == "certified"


def test_verbose_prints_a_line_a_step(capsys):
    ps.minimize(CASES["hl05_three_points"].problem)
    assert capsys.readouterr().out == ""
    ps.minimize(CASES["hl05_three_points"].problem, verbose=True)
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) >= 2 and all(" s  " in line for line in lines)
    bounds = [line.split(": ")[1].split(";")[0] for line in lines if "order 2" in line]
    assert any(abs(float(bound) + 2) < 1e-5 for bound in bounds)


def test_outcomes_are_words():
    assert [o.value for o in ps.Outcome] == [
        "certified",
        "approximate",
        "bound",
        "infeasible",
        "unbounded",
        "unresolved",
    ]
    s = ps.minimize(CASES["double_well"].problem)
    assert s.status == "certified" and s.status is ps.Outcome.CERTIFIED and f"{s.status}"


def test_a_solution_is_frozen():
    s = ps.minimize(CASES["double_well"].problem)
    for name in ("status", "value", "lower_bound", "minimizers", "proof"):
        with pytest.raises(FrozenInstanceError):
            setattr(s, name, None)


def test_the_table_shows_what_is_known():
    s = ps.minimize(CASES["double_well"].problem)
    html = s._repr_html_()
    for text in ("certified", "proven lower bound", "<td>2</td>", "(-1)<br>(1)", s.message):
        assert text in html
    html = ps.minimize(MORE["two_half_lines"].problem)._repr_html_()
    assert "infeasible" in html and "nan" in html


def test_infeasible_and_unbounded_come_with_their_proofs():
    s = ps.minimize(MORE["large_product"].problem)
    assert s.status == "infeasible" and s.proof.proves_infeasibility and np.isnan(s.gap)
    s = ps.minimize(MORE["saddle"].problem)
    assert s.status == "unbounded" and s.value == -np.inf and s.minimizers.shape == (0, 2)


def test_a_proof_outlives_its_session(tmp_path):
    s = ps.minimize(CASES["hl05_three_points"].problem)
    path = tmp_path / "proof.json"
    s.proof.save(path)
    json.loads(path.read_text())
    again = ps.Proof.load(path)
    assert again.verify() and again.bound == s.proof.bound
    assert again.problem.objective == CASES["hl05_three_points"].problem.objective.exact()


def test_names_of_variables_are_kept():
    c, theta = ps.variables("c1,1 theta")
    s = ps.minimize(Problem(theta, [theta - c, theta + c, 1 - c**2]))
    assert s.proof.problem.objective.names == ("c1,1", "theta")
    assert "theta" in repr(s.history[0].moments._repr_html_())


@pytest.mark.parametrize(
    "problem",
    [
        lambda t: Problem(1e-300 * t**4 - 1e300 * t**2),
        lambda t: Problem(t, [1e300 * t + 1, 1 - 1e-300 * t]),
        lambda t: Problem(t**2 * Fraction(10**400) - t),
        lambda t: Problem(t**2 * Fraction(1, 10**400) - t),
    ],
)
def test_numbers_of_extreme_size_are_refused(problem):
    with pytest.raises(ValueError, match="coefficients must have sizes between"):
        problem(*ps.variables(1))


def test_values_are_exact_where_floats_cancel():
    """In floats, this polynomial seems to fall below its minimum far from the origin."""
    (t,) = ps.variables(1)
    shifted = ((t - 1000) ** 2 - 1) ** 2 + (t - 1000)
    least = ps.minimize(ps.PolynomialProblem((t**2 - 1) ** 2 + t))
    s = ps.minimize(ps.PolynomialProblem(shifted), max_order=2)
    assert least.status == "certified" and not s.value < least.lower_bound
    assert not s.lower_bound > least.value
