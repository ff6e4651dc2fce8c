"""The search: what it keeps, what it drops, and when it stops."""

from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from polysos.hierarchy import advice
from tests.problems import CASES, MORE, relaxation_of

EVERY = CASES | MORE


def search_for(name, **options):
    import time

    from polysos.hierarchy.search import Search

    defaults = dict(
        solver="CLARABEL",
        tolerance=1e-6,
        feasibility=1e-6,
        start=time.perf_counter(),
        time_limit=None,
        verbose=False,
    )
    return Search(EVERY[name].problem, **{**defaults, **options})


def proof_of_bound(problem, bound):
    """Stands in for a proof: this search trusts its own."""
    n = problem.n_variables
    return ps.Proof(True, Fraction(bound), problem, (0,) * n, (1,) * n, {}, ())


def test_the_best_proof_is_kept_and_one_that_does_not_hold_is_not():
    search = search_for("double_well")
    problem = search.problem
    bad = ps.Proof(False, None, problem, (0,), (1,), {}, ())
    for bound, expected in ((0, 0), (-5, 0), (1, 1)):
        search.keep(proof_of_bound(problem, bound), "test")
        search.keep(bad, "test")
        assert search.proof.bound == expected


def test_a_point_below_a_proven_bound_does_not_count():
    """It is feasible to 1e-3 only: the proof shows that it is not quite so."""
    search = search_for("nearly_a_line", feasibility=1e-3)
    search.improve(np.array([0.0, 0.0]))
    assert len(search.points.all) == 1 and search.has_value() and not search.points.proven
    search.keep(proof_of_bound(search.problem, 1e6), "test")
    assert np.isnan(search.value()) and not search.is_certified()


def test_a_point_that_is_nearly_feasible_meets_a_bound_and_does_not_certify():
    search = search_for("nearly_a_line", feasibility=1e-3)
    search.improve(np.array([0.0, 0.0]))
    search.keep(proof_of_bound(search.problem, Fraction(search.value())), "test")
    assert not search.is_certified() and not search.minimizers()
    assert search.points.meeting(search.bound, proven=False) == search.points.all


def test_without_a_value_there_is_nothing_to_tighten():
    search = search_for("nearly_a_line", feasibility=1e-3)
    search.improve(np.array([0.0, 0.0]))
    search.keep(proof_of_bound(search.problem, 1e6), "test")
    search.tighten(1)
    assert not search.lemmas and search.proof.bound == 1e6


@pytest.mark.parametrize("bound, certified", [(2 - 1e-7, True), (2 - 1e-5, False), (2, True)])
def test_certified_is_a_matter_of_the_gap(bound, certified):
    search = search_for("double_well")
    search.improve(np.array([0.9]))
    assert search.value() == pytest.approx(2) and not search.is_certified()
    search.keep(proof_of_bound(search.problem, Fraction(bound)), "test")
    assert search.is_certified() is certified


def test_infeasible_points_are_not_taken():
    search = search_for("imaginary_circle")
    search.improve(np.array([0.1, 0.1]))
    search.improve(np.array([np.nan, 0.1]))
    assert not search.points.all and not search.has_value()


def test_points_that_drift_give_a_value_and_no_certificate():
    search = search_for("unattained_xy")
    search.improve(np.array([1e-2, 1e2]))
    assert not search.points.all[0].steady and search.value() < 1e-3
    search.keep(proof_of_bound(search.problem, Fraction(search.value() - 1e-9)), "test")
    assert not search.is_certified()


def test_a_point_that_drifts_certifies_where_its_value_is_the_bound():
    """Nothing can be lower, so that the infimum is attained, however far out."""
    search = search_for("unattained_xy")
    search.improve(np.array([1e-2, 1e2]))
    search.keep(proof_of_bound(search.problem, search.points.all[0].proven.value), "test")
    assert search.is_certified()


@pytest.mark.parametrize("name", ["camel6", "tiny_objective", "big_objective"])
def test_the_sublevel_lies_above_the_best_value(name):
    search = search_for(name)
    for z in search.local.random_starts(4):
        search.improve(z)
    assert search.sublevel() > Fraction(search.value())
    search.keep(proof_of_bound(search.problem, Fraction(search.value())), "test")
    assert search.sublevel() > Fraction(search.value())


def test_clusters_become_one_minimizer():
    search = search_for("double_well")
    for z in (0.9, 0.95, 1.1, -0.9, -1.05):
        search.improve(np.array([z]))
    search.keep(proof_of_bound(search.problem, Fraction(2 - 1e-9)), "test")
    assert len(search.points.all) == 5
    assert [point.x.tolist() for point in search.minimizers()] == [[-1], [1]]


@pytest.mark.parametrize("error", [MemoryError, TimeoutError])
def test_a_step_that_does_not_fit_is_left_out_with_a_note(error):
    search = search_for("double_well")

    def step():
        raise error("too large")

    assert not search.fits(step) and not search.fits(step) and search.notes == ["too large"]
    assert search.fits(lambda: None)


def test_time_runs_out_once_and_says_so():
    search = search_for("double_well", time_limit=1e-9)
    assert search.late() and search.late() and search.finished()
    assert len(search.notes) == 1 and "time limit" in search.notes[0]
    assert not search_for("double_well").late()


def test_lemmas_shrink_the_box_of_better_points():
    search = search_for("rosenbrock_box")
    for z in search.local.random_starts(4):
        search.improve(z)
    problem = search.problem.with_inequality(search.sublevel() - search.exact_objective)
    before = search.region(problem).box
    search.tighten(2)
    after = search.region(problem).box
    assert search.lemmas and (np.diff(after) < np.diff(before)).all()
    assert (after[:, 0] <= 1).all() and (1 <= after[:, 1]).all()  # the minimizer stays inside
    assert search.proof.holds and search.proof.verify() and search.proof.bound <= 0


@pytest.mark.parametrize("bound, said", [(None, True), (1, True), (2, False)])
def test_the_message_gives_the_solvers_word_where_it_promises_more(bound, said):
    search = search_for("double_well")
    search.history.append(relaxation_of(search.problem, [[1.0]], 2))
    search.improve(np.array([0.9]))
    if bound is None:
        message = advice.unresolved(search)
    else:
        search.keep(proof_of_bound(search.problem, bound), "test")
        message = advice.bound(search)
    assert ("order 2 has the value 2, by the solver's word" in message) is said
