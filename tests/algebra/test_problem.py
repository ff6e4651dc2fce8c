"""The problem: its orders, and what it accepts."""

from dataclasses import FrozenInstanceError

import pytest

import polysos as ps

x, y = ps.variables(2)


@pytest.mark.parametrize(
    "objective, inequalities, equalities, d_K, k0",
    [
        (x, [], [], 1, 1),
        (0 * x + 3, [], [], 1, 1),
        (x**4, [], [], 1, 2),
        (x**5, [], [], 1, 3),
        (x, [y], [], 1, 1),
        (x, [y**3], [], 2, 2),
        (x, [y**2], [x**5 - y], 3, 3),
        (x**6, [y**3], [], 2, 3),
    ],
)
def test_orders_are_those_of_the_architecture(objective, inequalities, equalities, d_K, k0):
    problem = ps.PolynomialProblem(objective, inequalities, equalities)
    assert (problem.constraint_degree, problem.minimum_order) == (d_K, k0)


def test_a_number_is_an_objective_where_constraints_give_the_variables():
    problem = ps.PolynomialProblem(5, [x])
    assert problem.objective == 5 and problem.n_variables == 2


def test_lists_become_tuples_and_nothing_can_be_changed():
    constraints = [x]
    problem = ps.PolynomialProblem(x, constraints)
    constraints.append(y)
    assert problem.inequalities == (x,)
    with pytest.raises(FrozenInstanceError):
        problem.objective = y


def test_with_inequality_adds_one_at_the_end_of_a_new_problem():
    problem = ps.PolynomialProblem(x, [x], [y])
    assert problem.with_inequality(y).inequalities == (x, y)
    assert problem.inequalities == (x,) and problem.with_inequality(y).equalities == (y,)


def test_display_shows_every_constraint():
    problem = ps.PolynomialProblem(x, [x - 1, 2 - x], [x * y - 3])
    assert repr(problem).splitlines()[0] == "minimize x1"
    assert ["x1 - 1 >= 0" in repr(problem), "x1*x2 - 3 == 0" in repr(problem)] == [True, True]
    latex = problem._repr_latex_()
    assert latex.count(r"\ge 0") == 2 and latex.count("= 0") == 1 and r"\min" in latex
    assert latex.count(r"\text{s.t.}") == 1
