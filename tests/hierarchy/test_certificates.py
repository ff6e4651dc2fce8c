"""From floating-point multipliers to proofs: correct what is nearly right, refuse what is wrong."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from tests.problems import CASES, MORE, Case, assert_same_problem, example

F = Fraction
EVERY = CASES | MORE
# A case and an order at which its relaxation is tight; the last ones have no bounded box.
TIGHT = {
    "chebyshev6": 3,
    "motzkin_ball": 3,
    "hl05_three_points": 2,
    "sphere_cubes": 2,
    "circle_and_line": 1,
    "rosenbrock_box": 2,
    "double_well": 2,
    "himmelblau": 2,
    "fractions": 1,
}


@pytest.fixture(scope="module")
def certificates():
    return {
        name: ps.sos_certificate(ps.solve_relaxation(EVERY[name].problem, order))
        for name, order in TIGHT.items()
    }


def assert_sound(proof: ps.Proof, case: Case) -> None:
    """Whatever came in: nothing false comes out."""
    assert proof.holds == proof.verify()
    if proof.holds:
        optimum = F(case.optimum) + F(1e-9) * max(1, abs(F(case.optimum)))
        assert proof.bound <= optimum
        stated = proof.problem
        if proof.sublevel is not None:
            stated = replace(stated, inequalities=stated.inequalities[:-1])
        assert_same_problem(stated, case.problem)
    else:
        assert proof.message and np.isnan(proof.lower_bound)


@pytest.mark.parametrize("name", TIGHT)
def test_a_tight_relaxation_gives_a_tight_proof(certificates, name):
    case, certificate = EVERY[name], certificates[name]
    proof = ps.verify_certificate(certificate)
    assert proof.holds
    assert_sound(proof, case)
    assert proof.lower_bound >= case.optimum - 1e-6 * max(1, abs(case.optimum))
    assert certificate.bound == pytest.approx(case.optimum, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
def test_the_solvers_word_may_exceed_the_minimum_the_proof_never_does(solver):
    """Motzkin on a ball at order 4: values of 1e-8 and more above the minimum 0 came back."""
    r = ps.solve_relaxation(CASES["motzkin_ball"].problem, 4, solver)
    proof = ps.verify_certificate(ps.sos_certificate(r))
    assert proof.holds and proof.bound <= 0 and proof.lower_bound >= -1e-5


def negative_eigenvalue(c):
    return changed_gram(c, lambda Q: Q - 0.1 * (1 + np.abs(Q).max()) * np.eye(len(Q)))


def changed_entry(c):
    def change(Q):
        Q = Q.copy()
        Q[-1, -1] += 0.3
        return Q

    return changed_gram(c, change)


def changed_gram(c, change):
    gram = {k: ps.BasisMatrix(change(Q.values), Q.basis, Q.names) for k, Q in c.gram.items()}
    return replace(c, gram=gram)


def swapped_inequalities(c):
    single = [key for key in c.gram if key]
    turned = dict(zip(single, single[1:] + single[:1], strict=True))
    return replace(c, gram={turned.get(key, key): Q for key, Q in c.gram.items()})


def other_multipliers(c):
    return replace(c, equality_multipliers=tuple(q + 1 for q in c.equality_multipliers))


def other_units(c, **change):
    return replace(c, scaled=replace(c.scaled, **change))


FALSE = {
    "bound raised by one": lambda c: replace(c, bound=c.bound + 1),
    "negative eigenvalue": negative_eigenvalue,
    "changed entry": changed_entry,
    "unsymmetric": lambda c: changed_gram(c, lambda Q: np.triu(Q) * 1.1),
    "zero": lambda c: changed_gram(c, np.zeros_like),
    "huge": lambda c: changed_gram(c, lambda Q: 1e200 * (Q + 1)),
    "tiny": lambda c: changed_gram(c, lambda Q: 1e-300 * Q),
    "wrong inequality": swapped_inequalities,
    "other multipliers": other_multipliers,
    "denominator": lambda c: replace(c, denominator=1),
    "denominator, bound raised": lambda c: replace(c, denominator=1, bound=c.bound + 1),
    "denominator, bound lowered": lambda c: replace(c, denominator=1, bound=c.bound - 1),
    "sublevel": lambda c: replace(c, sublevel=F(c.bound)),
    "sublevel, bound raised": lambda c: replace(c, sublevel=F(10**6), bound=c.bound + 1),
    "negative units": lambda c: other_units(c, scale=-c.scaled.scale),
    "center moved": lambda c: other_units(c, center=c.scaled.center + 1),
    "objective's factor": lambda c: other_units(c, objective_factor=-3.0),
    "factors of inequalities": lambda c: other_units(
        c, inequality_factors=tuple(-v for v in c.scaled.inequality_factors)
    ),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("lie", FALSE)
@pytest.mark.parametrize("name", TIGHT)
def test_a_false_certificate_proves_nothing_false(certificates, name, lie):
    case, honest = EVERY[name], certificates[name]
    assert_sound(ps.verify_certificate(FALSE[lie](honest)), case)


NOT_FINITE = {
    "bound": lambda c, v: replace(c, bound=v),
    "gram": lambda c, v: changed_gram(c, lambda Q: Q * v),
    "scale": lambda c, v: other_units(c, scale=v * c.scaled.scale),
    "center": lambda c, v: other_units(c, center=v + c.scaled.center),
    "factor": lambda c, v: other_units(c, objective_factor=v),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", NOT_FINITE)
@pytest.mark.parametrize("name", ["chebyshev6", "double_well"])
def test_a_certificate_that_is_not_finite_proves_nothing(certificates, name, place, value):
    proof = ps.verify_certificate(NOT_FINITE[place](certificates[name], value))
    assert_sound(proof, EVERY[name])


@pytest.mark.parametrize("name", ["chebyshev6", "motzkin_ball"])
def test_units_of_zero_prove_nothing(certificates, name):
    c = certificates[name]
    assert not ps.verify_certificate(other_units(c, scale=0 * c.scaled.scale)).holds


@pytest.mark.parametrize("name", ["chebyshev6", "motzkin_ball", "sphere_cubes"])
def test_multipliers_of_zero_give_a_far_weaker_bound(certificates, name):
    """Otherwise the tests above would pass with a checker that looks at nothing."""
    proof = ps.verify_certificate(FALSE["zero"](certificates[name]))
    assert proof.holds and proof.verify() and proof.bound < EVERY[name].optimum - 0.1


def test_where_nothing_is_bounded_multipliers_of_zero_prove_nothing(certificates):
    for name in ("double_well", "himmelblau"):
        c = certificates[name]
        empty = changed_gram(
            replace(c, problem=replace(c.problem, objective=-c.problem.objective)), np.zeros_like
        )
        assert not ps.verify_certificate(empty).holds


def test_a_certificate_of_another_problem_proves_nothing_about_this_one(certificates):
    (t,) = ps.variables(1)
    case = CASES["chebyshev6"]
    stolen = replace(certificates["chebyshev6"], problem=replace(case.problem, objective=t))
    proof = ps.verify_certificate(stolen)
    assert not proof.holds or proof.bound <= -1  # the minimum of t on [-1, 1]
    without = replace(certificates["double_well"], problem=ps.PolynomialProblem(-(t**2)))
    assert not ps.verify_certificate(without).holds


@pytest.mark.parametrize("error", [1e-9, 1e-7, 1e-5])
def test_the_bound_is_lowered_by_about_the_error(certificates, error):
    case = CASES["motzkin_ball"]
    rng = np.random.default_rng(0)

    def noise(Q):
        E = rng.standard_normal(Q.shape)
        return Q + error * (E + E.T)

    proof = ps.verify_certificate(changed_gram(certificates["motzkin_ball"], noise))
    assert proof.holds and proof.verify()
    assert case.optimum - 5000 * error <= proof.bound <= case.optimum


def test_example_3_4_has_the_proof_that_fits_on_a_page():
    """theta = (g_1 + g_2) / 2 exactly, bound 0."""
    net, inputs, outputs, _ = example()
    problem = net.training_problem(inputs, outputs)
    proof = ps.minimize(problem).proof
    assert proof.verify() and proof.bound == 0 and proof.denominator is None and not proof.lemmas
    used = {key: Q.values for key, Q in proof.gram.items() if (Q.values != 0).any()}
    total = sum(
        (problem.inequalities[j].exact() * Q[0, 0] for (j,), Q in used.items()),
        start=0 * problem.objective.exact(),
    )
    assert total == problem.objective.exact()
    assert {v.shape for v in used.values()} == {(1, 1)} and all(v > 0 for v in used.values())
    assert sum(Q[0, 0] for Q in used.values()) == 1 and len(used) == 2


def test_example_3_4_at_order_2_also_gives_a_proof_from_its_multipliers():
    net, inputs, outputs, _ = example()
    r = ps.solve_relaxation(net.training_problem(inputs, outputs), 2)
    proof = ps.verify_certificate(ps.sos_certificate(r))
    assert not proof.holds or (proof.bound <= 0 and proof.verify())


@pytest.mark.parametrize(
    "problem, order, bound",
    [
        (lambda t: ps.PolynomialProblem(t**2 - t, [t, 2 - t]), 1, F(-1, 4)),
        (lambda t: ps.PolynomialProblem(t**2 - t * F(2, 3), [t, 1 - t]), 1, F(-1, 9)),
        (lambda t: ps.PolynomialProblem(t**4 - 2 * t**2 + 3), 2, F(2)),
        (lambda t: ps.PolynomialProblem(t, [], [3 * t - 1]), 1, F(1, 3)),
        (lambda t: ps.PolynomialProblem(1e6 * t**4 - 2e6 * t**2 + 1e8), 2, F(99_000_000)),
    ],
)
def test_clean_rational_proofs_are_found(problem, order, bound):
    r = ps.solve_relaxation(problem(*ps.variables(1)), order)
    assert ps.verify_certificate(ps.sos_certificate(r)).bound == bound


def test_the_certificate_says_what_the_multipliers_claim():
    case = CASES["hl05_three_points"]
    r = ps.solve_relaxation(case.problem, 2)
    c = ps.sos_certificate(r)
    assert c.problem is r.problem and c.gram.keys() == {(), (0,), (1,), (2,)}
    assert c.bound == pytest.approx(r.value, abs=1e-6)
    assert (c.denominator, c.sublevel, c.equality_multipliers) == (0, None, ())


def test_no_multipliers_no_certificate():
    r = ps.solve_relaxation(MORE["imaginary_circle"].problem, 1)
    with pytest.raises(ValueError, match=r"multipliers.*infeasible"):
        ps.sos_certificate(r)
