"""Problems with known answers, and the one place that says what a true answer is.

`CASES` is the case file; `MORE` are further problems of the same kinds, each answer derived by
hand. `check_truth` accepts whatever is true and nothing else: an honest "bound" or "unresolved"
passes, a wrong "certified" never does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isnan, nan, sqrt
from pathlib import Path

import numpy as np

import polysos as ps
from polysos.proofs.exact import round_up

DATA = Path(__file__).parent / "data"
Problem = ps.PolynomialProblem


@dataclass(frozen=True)
class Case:
    """A problem and its answer; `minimizers` is the complete list, or None where it is infinite."""

    name: str
    problem: Problem
    kind: str  # "finite", "not_attained", "unbounded" or "infeasible"
    optimum: float = nan
    minimizers: np.ndarray | None = None
    unit: float = 1.0  # distance in x that counts as one


def finite(name, problem, optimum, minimizers=None, unit=1.0) -> Case:
    points = None if minimizers is None else np.array(minimizers, dtype=float)
    return Case(name, problem, "finite", float(optimum), points, unit)


def _from_file() -> dict[str, Case]:
    cases = {}
    for entry in json.loads((DATA / "polynomial_problems.json").read_text())["cases"]:

        def polynomial(terms):
            return ps.Polynomial.from_arrays([a for _, a in terms], [c for c, _ in terms])

        problem = Problem(
            polynomial(entry["objective"]),
            [polynomial(g) for g in entry["ineq"]],
            [polynomial(h) for h in entry["eq"]],
        )
        complete = entry["minimizers"] and not entry["infinitely_many_minimizers"]
        cases[entry["name"]] = Case(
            entry["name"],
            problem,
            entry["status"],
            nan if entry["optimum"] is None else entry["optimum"],
            np.array(entry["minimizers"]) if complete else None,
        )
    return cases


def _by_hand() -> dict[str, Case]:
    (t,) = ps.variables(1)
    x, y = ps.variables(2)
    a, b, c = ps.variables(3)
    u = ps.variables(4)

    def camel(x, y):
        return x**6 / 3 - 2.1 * x**4 + 4 * x**2 + x * y + 4 * y**4 - 4 * y**2

    camel_optimum = -1.031628453489877
    camel_points = np.array([[0.08984201310031806, -0.7126564030207396]]) * [[1], [-1]]
    motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    disk = 1 - x**2 - y**2
    r = sqrt(0.5)
    cases = [
        # Several minimizers, infinitely many, none at the boundary.
        finite(
            "himmelblau",
            Problem((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2),
            0,
            [
                [3, 2],
                [-2.805118086952745, 3.131312518250573],
                [-3.779310253377747, -3.283185991286170],
                [3.584428340330492, -1.848126526964404],
            ],
        ),
        finite("booth", Problem((x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2), 0, [[1, 3]]),
        finite("line_of_minimizers", Problem((x - y) ** 2), 0),
        finite("constant", Problem(0 * x + 3), 3),
        finite("constant_on_two_points", Problem(5, equalities=[t**2 - 1]), 5, [[1], [-1]]),
        # Equalities, redundancy, maximization by sign, binary variables, one feasible point.
        finite("circle", Problem(x + y, [], [disk]), -sqrt(2), [[-r, -r]]),
        finite("circle_and_line", Problem(x, [], [disk, x - y]), -r, [[-r, -r]]),
        finite("circle_twice", Problem(x, [], [disk, 2 * disk]), -1, [[-1, 0]]),
        finite("disk_in_copies", Problem(x, [disk, 3 * disk, disk, 2 - x]), -1, [[-1, 0]]),
        finite("zero_equality", Problem(t**2 - t, [], [0 * t]), -0.25, [[0.5]]),
        finite("maximise_product", Problem(-x * y, [disk]), -0.5, [[r, r], [-r, -r]]),
        finite("ellipse", Problem(x + y, [1 - x**2 - x * y - y**2]), -2 / sqrt(3)),
        finite("crescent", Problem(-y, [disk, x**2 + (y - 0.5) ** 2 - 0.25]), -1, [[0, 1]]),
        finite("one_point", Problem(x + y, [-((x - 1) ** 2) - (y - 2) ** 2]), 3, [[1, 2]]),
        finite(
            "knapsack",  # weights 2, 3, 4, 3 and values 1, 2, 3, 4: the second and the last fit
            Problem(
                -u[0] - 2 * u[1] - 3 * u[2] - 4 * u[3],
                [6 - 2 * u[0] - 3 * u[1] - 4 * u[2] - 3 * u[3]],
                [v**2 - v for v in u],
            ),
            -6,
            [[0, 1, 0, 1]],
        ),
        # Units.
        finite("tiny_objective", Problem(1e-8 * (t**4 - 2 * t**2)), -1e-8, [[1], [-1]]),
        finite("large_offset", Problem(t**4 - 2 * t**2 + 1e6), 1e6 - 1, [[1], [-1]]),
        finite(
            "camel_in_thousandths",
            Problem(camel(1e3 * x, 1e3 * y)),
            camel_optimum,
            camel_points / 1e3,
            1e-3,
        ),
        finite(
            "camel_in_thousands",
            Problem(camel(1e-3 * x, 1e-3 * y)),
            camel_optimum,
            camel_points * 1e3,
            1e3,
        ),
        finite(
            "motzkin_in_thousandths",
            Problem(motzkin.substitute([1e3 * x, 1e3 * y]), [3e-6 - x**2 - y**2]),
            0,
            np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) / 1e3,
            1e-3,
        ),
        finite(
            "far_and_near",  # x in [1000, 2000], y in [0.001, 0.002]
            Problem(x * y, [x - 1000, 2000 - x, y - Fraction(1, 1000), Fraction(1, 500) - y]),
            1,
        ),
        finite("fractions", Problem(t**2 * Fraction(1, 3) - t), -0.75, [[1.5]]),
        finite("degree_ten", Problem(t**10 - t**9), 0.9**10 - 0.9**9, [[0.9]]),
        # Degenerate: no multipliers exist at the minimizer.
        finite("stengle", Problem(1 - t**2, [(1 - t**2) ** 3]), 0, [[1], [-1]]),
        finite("cubed_constraint", Problem(t, [t**3]), 0, [[0]]),
        finite("cusp", Problem(x, [x**3 - y**2]), 0, [[0, 0]]),
        finite("squared_equality", Problem(t, [], [(t - 0.25) ** 2]), 0.25, [[0.25]]),
        # The infimum is 0 and no point attains it.
        Case("unattained_on_hyperbola", Problem(x**2, [x * y - 1]), "not_attained", 0),
        Case("unattained_valley", Problem((x * y - 1) ** 2 + y**2), "not_attained", 0),
        Case("unattained_asymptote", Problem(y, [y, x * y - 1]), "not_attained", 0),
        # No feasible point.
        Case("disk_and_line", Problem(x, [disk, x + y - 2]), "infeasible"),
        Case("two_half_lines", Problem(t, [t - 1, -t]), "infeasible"),
        Case("imaginary_circle", Problem(x, [], [x**2 + y**2 + 1]), "infeasible"),
        Case("nearly_a_point", Problem(t, [], [t**2 + 1e-8]), "infeasible"),
        Case("nearly_a_line", Problem(x, [], [(x - y) ** 2 + 1e-8]), "infeasible"),
        Case("system", Problem(0 * x, [], [x**2 + 1, y]), "infeasible"),
        Case("parabola_and_half_plane", Problem(x, [y - x**2 - 1, -y]), "infeasible"),
        Case("hyperbola_and_half_plane", Problem(x, [x * y - 1, -x - y, x]), "infeasible"),
        Case(
            "large_product",
            Problem(a, [1 - a**2, 1 - b**2, 1 - c**2], [a * b * c - 2]),
            "infeasible",
        ),
        Case("minus_one_is_positive", Problem(t, [0 * t - 1]), "infeasible"),
        Case("minus_one_is_zero", Problem(t, [], [0 * t - 1]), "infeasible"),
        # No lower bound.
        Case("saddle", Problem(x**2 - y**2), "unbounded"),
        Case("product", Problem(x * y), "unbounded"),
        Case("cubic", Problem(a**3 + b**2 - c), "unbounded"),
        Case("quartic_form", Problem(x**4 - 3 * x**2 * y**2 + y**4), "unbounded"),
        Case("half_plane", Problem(x + y, [x]), "unbounded"),
        Case("under_a_parabola", Problem(x, [y - x**2]), "unbounded"),
        Case("along_a_parabola", Problem(x, [], [y - x**2]), "unbounded"),
        Case("along_a_hyperbola", Problem(-x - y, [x], [x * y - 1]), "unbounded"),
    ]
    return {case.name: case for case in cases}


CASES = _from_file()
MORE = _by_hand()
EVERY = CASES | MORE


def example(exact: bool = False):
    """Network, inputs and outputs of Example 3.4, and what the paper prints of it."""
    data = json.loads((DATA / "example_3_4.json").read_text())

    def read(rows):
        return [[Fraction(v) if exact else v for v in row] for row in rows]

    net = ps.PolynomialNetwork([read(W) for W in data["weights"]], data["activation_degrees"])
    return net, read(data["inputs"]), read(data["outputs"]), data


def relaxation_of(problem, atoms, order, weights=None, noise=0.0) -> ps.Relaxation:
    """A relaxation whose moments are those of given points, perturbed if asked."""
    from polysos.relaxations.scaling import scale_problem

    atoms = np.asarray(atoms, dtype=float)
    scaled = scale_problem(problem)
    z = ps.moments_of_points(scaled.from_user(atoms), 2 * order, weights)
    error = noise * np.random.default_rng(7).standard_normal(len(z.values))
    return ps.Relaxation(
        problem=problem,
        order=order,
        status=ps.Status.SOLVED,
        value=float(problem.objective(atoms).min()),
        moments=ps.moments_of_points(atoms, 2 * order, weights),
        solver="none",
        seconds=0.0,
        scaled=scaled,
        scaled_moments=ps.Moments(z.values + error, z.n_variables, z.degree, z.names),
        multipliers=None,
    )


# What is true


def violation(problem: Problem, x) -> float:
    """Largest violation of a constraint at x, relative to the size of its terms there."""

    def size(p):
        return max(1.0, float(np.abs(p.coefficients.astype(float)) @ _powers(p, x)))

    below = [-g(x) / size(g) for g in problem.inequalities]
    off = [abs(h(x)) / size(h) for h in problem.equalities]
    return max([0.0, *below, *off])


def _powers(p, x):
    return np.prod(np.abs(np.asarray(x, dtype=float)) ** p.exponents, axis=1)


def check_truth(s, case: Case, tolerance: float = 1e-6) -> None:
    """Fail unless everything that the solution says is true."""
    slip = 1e-9 * max(1.0, abs(case.optimum)) if case.optimum == case.optimum else 0.0
    allowed = {
        "finite": {"certified", "approximate", "bound", "unresolved"},
        "not_attained": {"approximate", "bound", "unresolved"},
        "infeasible": {"infeasible", "approximate", "bound", "unresolved"},
        "unbounded": {"unbounded", "unresolved"},
    }[case.kind]
    assert s.status in allowed, f"{case.name} is {case.kind}, got {s.status}"
    assert s.message and s.seconds >= 0
    assert all(point.verify(case.problem) for point in s.points)
    assert not s.points or case.kind != "infeasible"
    assert all(point.value >= case.optimum - slip for point in s.points if slip)
    if s.status in ("certified", "approximate", "bound"):
        assert isinstance(s.proof, ps.Proof) and s.proof.holds and s.proof.verify(case.problem)
        assert Fraction(s.lower_bound) <= s.proof.bound
        assert s.lower_bound <= (inf if case.kind == "infeasible" else case.optimum + slip)
        stated = s.proof.problem
        if s.proof.sublevel is not None:
            stated = Problem(stated.objective, stated.inequalities[:-1], stated.equalities)
        assert_same_problem(stated, case.problem)
    else:
        assert isnan(s.lower_bound)
    if s.status == "certified":
        close = tolerance * max(1.0, abs(s.value))
        assert 0 <= s.value - s.lower_bound <= close
        assert s.value >= case.optimum - slip and len(s.points) == len(s.minimizers)
        assert s.value == min(round_up(point.value) for point in s.points)
        assert abs(s.value - case.optimum) <= 1.1 * close + slip
        assert s.gap == (s.value - s.lower_bound) / max(1, abs(s.value))
        assert len(s.minimizers) >= 1 and s.minimizers.shape[1] == case.problem.n_variables
        for x in s.minimizers:
            assert abs(case.problem.objective(x) - case.optimum) <= 2.1 * close + slip
            assert violation(case.problem, x) <= 1e-5
            if case.minimizers is not None:
                distance = np.abs(case.minimizers - x).max(axis=1).min()
                assert distance <= 1e-2 * case.unit, f"{x} is none of the minimizers"
        if case.minimizers is not None:
            assert len(s.minimizers) <= len(case.minimizers)
        for x, point in zip(s.minimizers, s.points, strict=True):
            assert (point.coordinates == x).all()
    elif s.status == "approximate":
        close = tolerance * max(1.0, abs(s.value))
        assert abs(s.value - s.lower_bound) <= close and len(s.minimizers) >= 1
        assert "no feasible point could be proven" in s.message
    else:
        assert len(s.minimizers) == 0
    if s.status == "infeasible":
        assert s.proof.verify() and s.proof.proves_infeasibility and isnan(s.value)
    if s.status == "unbounded":
        assert isinstance(s.proof, ps.DescentCurve) and s.proof.verify() and s.value == -inf
        assert_same_problem(s.proof.problem, case.problem)
    if s.status == "unresolved":
        assert s.proof is None


def assert_same_problem(p: Problem, q: Problem) -> None:
    """The same polynomials as exact rationals: a proof of another problem proves nothing."""
    assert p.objective.exact() == q.objective.exact()
    assert [g.exact() for g in p.inequalities] == [g.exact() for g in q.inequalities]
    assert [h.exact() for h in p.equalities] == [h.exact() for h in q.equalities]
