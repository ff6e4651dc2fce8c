"""The relaxation (3.4): its size, its values, its units, and what its status admits."""

from dataclasses import FrozenInstanceError

import cvxpy as cp
import numpy as np
import pytest

import polysos as ps
from polysos.relaxations.variant import Variant
from tests.problems import CASES, MORE, example, finite

SMALL = ["camel6", "double_well", "chebyshev6", "sphere_cubes", "hl05_three_points"]


def table_1_problem():
    """A problem as in Table 1: degrees (2, 2), 5 coefficients and theta, 20 outputs."""
    rng = np.random.default_rng(0)
    net = ps.PolynomialNetwork([rng.standard_normal((20, 20)) for _ in range(3)], degrees=(2, 2))
    inputs = rng.standard_normal((50, 20))
    return net.training_problem(inputs, net(rng.standard_normal(5), inputs))


def test_the_dense_relaxation_of_a_table_1_instance_is_built_of_the_right_blocks():
    """924 moments, one block of 84 and forty of 7; built only, not solved."""
    from polysos.relaxations.blocks import dense_blocks
    from polysos.relaxations.program import Program
    from polysos.relaxations.scaling import scale_problem

    problem = table_1_problem()
    assert problem.n_variables == 6 and len(problem.inequalities) == 40
    assert {g.degree for g in problem.inequalities} == {3} and problem.minimum_order == 2
    scaled = scale_problem(problem)
    program = Program(scaled, 3, dense_blocks(scaled, 3))
    assert program.y.size == 924
    assert sorted(g.size for g in program.generators) == [7] * 40 + [84]
    # Moments of a point satisfy the model: each block is the value of its polynomial times v v^T.
    z = np.full(6, 0.3)
    program.y.value = np.prod(z ** ps.monomials(6, 6), axis=1)
    for generator, operator in zip(program.generators, program.operators, strict=True):
        v = np.prod(z**generator.basis, axis=1)
        block = (operator @ program.y.value).reshape(generator.size, generator.size)
        assert np.allclose(block, generator.polynomial(z) * np.outer(v, v), atol=1e-12)


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
@pytest.mark.parametrize("name", SMALL)
def test_value_at_a_tight_order_is_the_minimum_and_the_moments_agree(name, solver):
    case = CASES[name]
    order = {"hl05_three_points": 2, "sphere_cubes": 2, "double_well": 2}.get(name, 3)
    r = ps.solve_relaxation(case.problem, order, solver)
    assert r.status == "solved" and r.solver == solver and r.order == order
    assert r.value == pytest.approx(case.optimum, abs=1e-6)
    assert r.moments.riesz(case.problem.objective) == pytest.approx(r.value, abs=1e-6)
    assert r.moments[(0,) * case.problem.n_variables] == pytest.approx(1, abs=1e-7)
    assert r.moment_matrix(order).eigenvalues[-1] >= -1e-6
    for g in case.problem.inequalities:
        assert ps.localizing_matrix(g, r.moments, order).eigenvalues[-1] >= -1e-6
    for h in case.problem.equalities:
        assert np.abs(ps.localizing_matrix(h, r.moments, order).values).max() <= 1e-6


@pytest.mark.parametrize(
    "name, values",
    [
        ("hl05_three_points", [-3, -2, -2]),
        ("maxcut_c5", [5 * np.cos(4 * np.pi / 5), -3]),
        ("lasserre01_motzkin_like_ball", [-1 / 24, -1 / 27]),
        ("nie_simplex_infinite", [-0.4, -0.0, 0.0]),
    ],
)
def test_values_are_monotone_and_below_the_minimum(name, values):
    """(3.5): sos_k <= sos_(k+1) <= min, and the first values are the known ones."""
    case = CASES[name]
    k0 = case.problem.minimum_order
    found = [ps.solve_relaxation(case.problem, k0 + i).value for i in range(len(values))]
    assert (np.diff(found) >= -1e-6).all() and found[-1] <= case.optimum + 1e-6
    if name != "nie_simplex_infinite":
        assert found == pytest.approx(values, abs=1e-6)


def test_the_dual_satisfies_its_identity():
    """f - gamma = v^T Q_0 v + sum_j (v^T Q_j v) g_j + sum_i q_i h_i, coefficient by coefficient."""
    x, y = ps.variables(2)
    r = ps.solve_relaxation(ps.PolynomialProblem(x * y, [1 - x, y + 2], [x**2 + y**2 - 1]), 2)
    s, m = r.scaled, r.multipliers
    rest = s.objective - m.bound
    for key, Q in m.gram.items():
        g = [p for j, p in zip(s.kept, s.inequalities, strict=True) if (j,) == key]
        rest = rest - Q.polynomial() * (g[0] if key else 1)
        assert Q.eigenvalues[-1] >= -1e-7
    for q, h in zip(m.equalities, s.equalities, strict=True):
        rest = rest - q * h
    assert np.abs(rest.coefficients).max(initial=0) <= 1e-7
    assert s.offset + s.objective_factor * m.bound == pytest.approx(-0.5, abs=1e-6)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_moments_come_back_in_the_users_units(unit):
    x, y = ps.variables(2)
    camel = CASES["camel6"].problem.objective
    problem = ps.PolynomialProblem(camel.substitute([x / unit, y / unit]))
    r = ps.solve_relaxation(problem, 3)
    (a, b), *_ = CASES["camel6"].minimizers
    assert r.value == pytest.approx(CASES["camel6"].optimum, abs=1e-6)
    for alpha, expected in (((2, 0), a * a), ((1, 1), a * b), ((0, 2), b * b)):
        assert r.moments[alpha] == pytest.approx(expected * unit**2, rel=1e-3)
    M = r.moment_matrix(1).values
    assert M[2, 2] == pytest.approx(b * b * unit**2, rel=1e-3)


def test_moments_of_a_shifted_box_come_back_too():
    (x,) = ps.variables(1)
    problem = ps.PolynomialProblem((x - 1234) ** 2, [x - 1000, 2000 - x])
    r = ps.solve_relaxation(problem, 1)
    assert [r.moments[1], r.moments[2]] == pytest.approx([1234, 1234**2], rel=1e-5)
    assert r.value == pytest.approx(0, abs=1e-2)  # of (500)^2, the size of f on the box


def test_example_3_4_at_order_1_the_first_moments_are_not_a_solution():
    net, inputs, outputs, _ = example()
    r = ps.solve_relaxation(net.training_problem(inputs, outputs), 1)
    assert r.status == "solved" and r.value == pytest.approx(0, abs=1e-6)
    c = [r.moments[tuple(e)] for e in np.eye(5, dtype=int)[:4].tolist()]
    loss = max(abs(residual(c)) for residual in net.mean_residuals(inputs, outputs))
    assert loss > 1


def test_example_3_4_at_order_2_they_are():
    net, inputs, outputs, data = example()
    r = ps.solve_relaxation(net.training_problem(inputs, outputs), 2)
    z = [r.moments[tuple(e)] for e in np.eye(5, dtype=int).tolist()]
    expected = [data["minimizer"][name] for name in (*net.coefficient_names, "theta")]
    assert r.status == "solved" and np.allclose(z, expected, atol=1e-4)


@pytest.mark.parametrize(
    "problem, order, word",
    [
        (MORE["imaginary_circle"].problem, 1, "infeasible"),
        (MORE["saddle"].problem, 1, "unbounded"),
        (CASES["floudas_2_2_qp"].problem, 1, "unbounded"),
    ],
)
def test_infeasible_and_unbounded_relaxations_are_called_so_and_hold_nothing(problem, order, word):
    r = ps.solve_relaxation(problem, order)
    assert r.status == word and np.isnan(r.value)
    assert r.moments is None and r.multipliers is None and r.scaled_moments is None
    with pytest.raises(ValueError, match=word):
        r.moment_matrix(1)


def test_scs_at_an_early_stop_does_not_pass_as_solved():
    """At order 8 a thousandth of a second is not enough on any machine."""
    r = ps.solve_relaxation(CASES["motzkin_ball"].problem, 8, "SCS", time_limit=1e-6)
    assert r.status in ("inaccurate", "failed")


@pytest.mark.parametrize("name", ["waki_strange", "unattained_xy"])
def test_what_a_solver_says_of_a_trap_is_no_bound(name):
    """The exact value of each relaxation is 0; solvers return up to 0.8 (waki), 5e-4 (xy)."""
    order = {"waki_strange": 4, "unattained_xy": 2}[name]
    r = ps.solve_relaxation(CASES[name].problem, order)
    proof = ps.verify_certificate(ps.sos_certificate(r)) if r.multipliers else None
    assert proof is None or not proof.holds or proof.bound <= 0


def test_status_words_come_with_advice():
    assert [s.value for s in ps.Status] == [
        "solved",
        "inaccurate",
        "infeasible",
        "unbounded",
        "failed",
    ]
    assert len({s.advice for s in ps.Status}) == 5
    assert "higher order" in ps.Status.UNBOUNDED.advice and "hint" in ps.Status.INACCURATE.advice
    assert ps.Status.SOLVED == "solved" and f"{ps.Status.SOLVED}" == "solved"


def test_every_installed_semidefinite_solver_goes_by_its_name():
    from polysos.relaxations.program import semidefinite_solvers

    installed = semidefinite_solvers()
    assert {"CLARABEL", "SCS"} <= set(installed) <= set(cp.installed_solvers())
    for solver in installed:
        r = ps.solve_relaxation(CASES["double_well"].problem, 2, solver)
        assert r.status in ("solved", "inaccurate") and r.value == pytest.approx(2, abs=1e-4)


def test_verbose_shows_the_solvers_log(capfd):
    ps.solve_relaxation(CASES["double_well"].problem, 2)
    assert capfd.readouterr().out == ""
    ps.solve_relaxation(CASES["double_well"].problem, 2, verbose=True)
    assert capfd.readouterr().out != ""


def test_a_relaxation_is_frozen():
    r = ps.solve_relaxation(CASES["double_well"].problem, 2)
    with pytest.raises(FrozenInstanceError):
        r.value = 7.0


def test_constant_multipliers_prove_example_3_4():
    """theta = (g_1 + g_2) / 2: a linear program finds it."""
    from polysos.relaxations.relaxation import constant_multipliers
    from polysos.relaxations.scaling import scale_problem

    net, inputs, outputs, _ = example()
    r = constant_multipliers(scale_problem(net.training_problem(inputs, outputs)))
    proof = ps.verify_certificate(ps.sos_certificate(r))
    assert proof.bound == 0 and all(Q.values.shape == (1, 1) for Q in proof.gram.values())


@pytest.mark.parametrize("slack", [0.0, 1e-6])
def test_slack_makes_gram_matrices_definite_and_the_bound_smaller(slack):
    from polysos.relaxations.relaxation import solve_scaled
    from polysos.relaxations.scaling import scale_problem

    case = finite("well", CASES["double_well"].problem, 2)
    r = solve_scaled(scale_problem(case.problem), 2, Variant(slack=slack))
    smallest = min(Q.eigenvalues[-1] for Q in r.multipliers.gram.values())
    bound = ps.sos_certificate(r).bound
    assert (smallest >= 0.9e-6) == bool(slack)
    assert bound <= 2 + 1e-7 and bound >= 2 - 1e-4
