"""The search: what it keeps, what it drops, and when it stops."""

from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from polysos.hierarchy import advice
from polysos.hierarchy.search import begin
from polysos.progress import Progress
from tests.problems import CASES, MORE, relaxation_of

EVERY = CASES | MORE


def search_for(name, tolerance=1e-6, feasibility=1e-6, time_limit=None):
    """The steps of a search that has not begun."""
    return begin(EVERY[name].problem, "CLARABEL", tolerance, feasibility, Progress(time_limit))


def proof_of_bound(problem, bound):
    """Stands in for a proof: this search trusts its own."""
    n = problem.n_variables
    return ps.Proof(True, Fraction(bound), problem, (0,) * n, (1,) * n, {}, ())


def test_the_best_proof_is_kept_and_one_that_does_not_hold_is_not():
    search = search_for("double_well")
    standing = search.standing
    problem = standing.problem
    bad = ps.Proof(False, None, problem, (0,), (1,), {}, ())
    for bound, expected in ((0, 0), (-5, 0), (1, 1)):
        standing.keep(proof_of_bound(problem, bound))
        standing.keep(bad)
        assert standing.proof.bound == expected


def test_a_point_below_a_proven_bound_does_not_count():
    """It is feasible to 1e-3 only: the proof shows that it is not quite so."""
    search = search_for("nearly_a_line", feasibility=1e-3)
    standing = search.standing
    search.improve(np.array([0.0, 0.0]))
    assert len(standing.points.all) == 1 and standing.has_value and not standing.points.proven
    standing.keep(proof_of_bound(standing.problem, 1e6))
    assert np.isnan(standing.value) and not standing.is_certified


def test_a_point_that_is_nearly_feasible_meets_a_bound_and_does_not_certify():
    search = search_for("nearly_a_line", feasibility=1e-3)
    standing = search.standing
    search.improve(np.array([0.0, 0.0]))
    standing.keep(proof_of_bound(standing.problem, Fraction(standing.value)))
    assert not standing.is_certified and not standing.minimizers()
    assert standing.points.meeting(standing.bound, proven=False) == standing.points.all


def test_without_a_value_there_is_nothing_to_tighten():
    search = search_for("nearly_a_line", feasibility=1e-3)
    standing = search.standing
    search.improve(np.array([0.0, 0.0]))
    standing.keep(proof_of_bound(standing.problem, 1e6))
    search.shrink_box(1)
    assert not standing.lemmas and standing.proof.bound == 1e6


@pytest.mark.parametrize("bound, certified", [(2 - 1e-7, True), (2 - 1e-5, False), (2, True)])
def test_certified_is_a_matter_of_the_gap(bound, certified):
    search = search_for("double_well")
    standing = search.standing
    search.improve(np.array([0.9]))
    assert standing.value == pytest.approx(2) and not standing.is_certified
    standing.keep(proof_of_bound(standing.problem, Fraction(bound)))
    assert standing.is_certified is certified


def test_infeasible_points_are_not_taken():
    search = search_for("imaginary_circle")
    standing = search.standing
    search.improve(np.array([0.1, 0.1]))
    search.improve(np.array([np.nan, 0.1]))
    assert not standing.points.all and not standing.has_value


def test_points_that_drift_give_a_value_and_no_certificate():
    search = search_for("unattained_xy")
    standing = search.standing
    search.improve(np.array([1e-2, 1e2]))
    assert not standing.points.all[0].steady and standing.value < 1e-3
    standing.keep(proof_of_bound(standing.problem, Fraction(standing.value - 1e-9)))
    assert not standing.is_certified


def test_a_point_that_drifts_certifies_where_its_value_is_the_bound():
    """Nothing can be lower, so that the infimum is attained, however far out."""
    search = search_for("unattained_xy")
    standing = search.standing
    search.improve(np.array([1e-2, 1e2]))
    standing.keep(proof_of_bound(standing.problem, standing.points.all[0].proven.value))
    assert standing.is_certified


@pytest.mark.parametrize("name", ["camel6", "tiny_objective", "big_objective"])
def test_the_sublevel_lies_above_the_best_value(name):
    search = search_for(name)
    standing = search.standing
    for z in search.local.random_starts(4):
        search.improve(z)
    assert standing.sublevel(search.scaled.objective_factor) > Fraction(standing.value)
    standing.keep(proof_of_bound(standing.problem, Fraction(standing.value)))
    assert standing.sublevel(search.scaled.objective_factor) > Fraction(standing.value)


def test_clusters_become_one_minimizer():
    search = search_for("double_well")
    standing = search.standing
    for z in (0.9, 0.95, 1.1, -0.9, -1.05):
        search.improve(np.array([z]))
    standing.keep(proof_of_bound(standing.problem, Fraction(2 - 1e-9)))
    assert len(standing.points.all) == 5
    assert [point.x.tolist() for point in standing.minimizers()] == [[-1], [1]]


@pytest.mark.parametrize("error", [MemoryError, TimeoutError])
def test_a_step_that_does_not_fit_is_left_out_with_a_note(error):
    search = search_for("double_well")

    def step():
        raise error("too large")

    assert (
        not search.fits(step) and not search.fits(step) and search.progress.notes == ["too large"]
    )
    assert search.fits(lambda: None)


def test_time_runs_out_and_the_message_says_so():
    search = search_for("double_well", time_limit=1e-9)
    assert search.is_over() and not search_for("double_well").is_over()
    s = ps.minimize(EVERY["camel6"].problem, time_limit=1e-9)
    assert s.message.count("time limit") == 1


def test_lemmas_shrink_the_box_of_better_points():
    search = search_for("rosenbrock_box")
    standing = search.standing
    for z in search.local.random_starts(4):
        search.improve(z)
    problem = standing.problem.with_inequality(
        standing.sublevel(search.scaled.objective_factor) - standing.problem.objective.exact()
    )
    before = standing.region(problem).box
    search.shrink_box(2)
    after = standing.region(problem).box
    assert standing.lemmas and (np.diff(after) < np.diff(before)).all()
    assert (after[:, 0] <= 1).all() and (1 <= after[:, 1]).all()  # the minimizer stays inside
    assert standing.proof.holds and standing.proof.verify() and standing.proof.bound <= 0


@pytest.mark.parametrize("bound, said", [(None, True), (1, True), (2, False)])
def test_the_message_gives_the_solvers_word_where_it_promises_more(bound, said):
    search = search_for("double_well")
    standing = search.standing
    standing.history.append(relaxation_of(standing.problem, [[1.0]], 2))
    search.improve(np.array([0.9]))
    if bound is None:
        message = advice.unresolved(standing)
    else:
        standing.keep(proof_of_bound(standing.problem, bound))
        message = advice.bound(standing)
    assert ("order 2 has the value 2, by the solver's word" in message) is said
