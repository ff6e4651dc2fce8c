"""The cvxpy model: a solver that lies or breaks down is found out.

The lies are told at `cvxpy.Problem.solve`: whatever solver runs, whatever the library does with
its answer.
"""

import cvxpy as cp
import numpy as np
import pytest

import polysos as ps
from tests.problems import CASES, MORE, check_truth, example

EVERY = CASES | MORE


def answers(problem):
    """Everything that a solved cvxpy problem holds: variables and multipliers."""
    return [*problem.variables(), *(v for c in problem.constraints for v in c.dual_variables)]


def set_all(change, which=slice(None)):
    def lie(problem):
        for v in answers(problem)[which]:
            if v.value is not None:
                v.save_value(change(np.asarray(v.value, dtype=float)))
        problem._status = cp.OPTIMAL

    return lie


def word(status):
    def lie(problem):
        problem._status = status

    return lie


def point_mass(value):
    """The moments of one point, the same in every variable: flat, feasible or not."""

    def lie(problem):
        (y,) = problem.variables()
        n = POINT_MASS_VARIABLES[y.size]
        degree = next(d for d in range(20) if len(ps.monomials(n, d)) == y.size)
        y.save_value(np.prod(np.full(n, value) ** ps.monomials(n, degree), axis=1))
        problem._status = cp.OPTIMAL

    return lie


RNG = np.random.default_rng(0)
LIES = {
    "not a number": set_all(lambda v: v * np.nan),
    "not a number in the multipliers": set_all(lambda v: v * np.nan, slice(1, None)),
    "infinite": set_all(lambda v: v + np.inf),
    "nothing": set_all(lambda v: None),
    "no multipliers": set_all(lambda v: None, slice(1, None)),
    "zeros": set_all(np.zeros_like),
    "ones": set_all(np.ones_like),
    "half": set_all(lambda v: v / 2),
    "minus": set_all(np.negative),
    "huge": set_all(lambda v: 1e12 * (v + 1)),
    "enormous": set_all(lambda v: 1e300 * (v + 1)),
    "noise": set_all(lambda v: v + 1e-2 * RNG.standard_normal(v.shape)),
    "little noise": set_all(lambda v: v + 1e-5 * RNG.standard_normal(v.shape)),
    "noise in the moments": set_all(lambda v: v + RNG.standard_normal(v.shape), slice(1)),
    "multipliers too large": set_all(lambda v: v + 1, slice(1, None)),
    "inaccurate": word(cp.OPTIMAL_INACCURATE),
    "infeasible": word(cp.INFEASIBLE),
    "infeasible, inaccurate": word(cp.INFEASIBLE_INACCURATE),
    "unbounded": word(cp.UNBOUNDED),
    "unbounded, inaccurate": word(cp.UNBOUNDED_INACCURATE),
    "limit": word(cp.USER_LIMIT),
    "solver error": word(cp.SOLVER_ERROR),
    "no word at all": word(None),
    "optimal, come what may": word(cp.OPTIMAL),
    "a word from nowhere": word("superb"),
    "all mass in one wrong point": point_mass(0.25),
    "all mass in a far point": point_mass(30.0),
}
# Every lie about cheap problems, with and without constraints or a feasible point; a few lies
# about problems that `minimize` works on for long.
STORIES = [
    *((lie, v) for lie in LIES for v in ("chebyshev6", "circle_and_line")),
    *((lie, "double_well") for lie in ("minus", "noise", "little noise", "huge", "zeros")),
    *((lie, "double_well") for lie in ("half", "multipliers too large", "not a number")),
    *((lie, "double_well") for lie in ("optimal, come what may", "all mass in one wrong point")),
    *((lie, "large_product") for lie in ("minus", "noise", "huge", "ones", "zeros")),
    *((lie, "large_product") for lie in ("optimal, come what may", "multipliers too large")),
    *((lie, "lasserre09_ex2_2") for lie in ("minus", "multipliers too large")),
    ("ones", "big_objective"),
    ("enormous", "big_objective"),
]
POINT_MASS_VARIABLES = {3: 1, 5: 1, 7: 1, 6: 2, 15: 2, 28: 2}  # by the number of moments


@pytest.fixture
def tell(monkeypatch):
    """Let every solver tell this lie, or raise this error, from now on; counts how often."""
    honest, told = cp.Problem.solve, []

    def install(lie):
        def solve(problem, *args, **options):
            told.append(lie)
            if isinstance(lie, BaseException):
                raise lie
            honest(problem, *args, **options)
            lie(problem)

        monkeypatch.setattr(cp.Problem, "solve", solve)
        return told

    return install


@pytest.mark.parametrize("lie, victim", STORIES)
def test_no_lie_of_a_solver_makes_a_wrong_result(tell, lie, victim):
    case = EVERY[victim]
    told = tell(LIES[lie])
    with np.errstate(all="ignore"):
        solution = ps.minimize(case.problem, max_order=case.problem.minimum_order)
    check_truth(solution, case)
    assert told or not solution.history  # or the lie was never told


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
@pytest.mark.parametrize(
    "error",
    [
        cp.SolverError("no"),
        ArithmeticError("no"),
        ValueError("no"),
        np.linalg.LinAlgError("no"),
        RuntimeError("no"),
        MemoryError("no"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_solver_that_raises_has_failed_and_no_more(tell, error, solver):
    case = CASES["motzkin_ball"]
    tell(error)
    r = ps.solve_relaxation(case.problem, 3, solver)
    assert r.status == "failed" and np.isnan(r.value) and r.moments is r.multipliers is None
    s = ps.minimize(case.problem, solver=solver, max_order=3)
    check_truth(s, case)
    assert s.status != "certified" and [h.status for h in s.history] == ["failed"]


def test_the_users_interrupt_is_not_swallowed(tell):
    tell(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        ps.minimize(CASES["motzkin_ball"].problem)


@pytest.mark.parametrize("lie", ["noise", "half", "minus", "multipliers too large", "huge"])
def test_wrong_numbers_do_not_pass_as_solved(tell, lie):
    tell(LIES[lie])
    with np.errstate(all="ignore"):
        assert ps.solve_relaxation(CASES["motzkin_ball"].problem, 3).status != "solved"


def test_example_3_4_survives_a_solver_that_fails(tell):
    """Its proof needs no semidefinite solver, only its point does."""
    net, inputs, outputs, _ = example()
    tell(cp.SolverError("no"))
    s = ps.minimize(net.training_problem(inputs, outputs))
    assert s.status in ("certified", "bound") and s.proof.bound == 0 and s.proof.verify()


def test_the_measured_error_is_that_of_the_residuals():
    """`error` is small for what the solver returned and sees each number that is changed."""
    from polysos.relaxations.blocks import dense_blocks
    from polysos.relaxations.program import Program
    from polysos.relaxations.scaling import scale_problem

    x, y = ps.variables(2)
    scaled = scale_problem(ps.PolynomialProblem(x * y, [1 - x], [x**2 + y**2 - 1]))
    program = Program(scaled, 2, dense_blocks(scaled, 2))
    _, value = program.solve("CLARABEL", verbose=False, time_limit=None)
    assert program.error(value) <= 1e-7
    assert program.error(value + 1e-3) >= 1e-4
    for v in answers(program.model):
        kept = np.array(v.value, dtype=float)
        changed = kept.copy()
        changed.flat[-1] += 1e-2
        v.save_value(changed)
        assert program.error(float(program.cost @ program.y.value)) >= 1e-4
        v.save_value(kept)
