"""Words for printed numbers: bands that hold what they should, laws that can be excluded, words
that can fail."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from polysos.paper.experiments import planted_instance, run_table
from polysos.paper.results import PAPER, Record
from polysos.paper.verdict import (
    ROUNDING,
    Judgement,
    Kind,
    Word,
    band,
    exclude_laws,
    instances_per_row,
    is_like_the_figure,
    joint_counts,
    judge_fact,
    judge_figure,
    judge_number,
    judge_tables,
    law_name,
    least_count,
    noise_band,
    noise_norm,
    share_inside,
)

LAWS = [(W, x) for W in ("randn", "fan-in") for x in ("randn", "uniform")]


def record(table=1, row=0, seed=0, law=("randn", "randn"), **changes) -> Record:
    """One whose numbers are those that the paper prints."""
    n_samples, width, *printed = PAPER["tables"][str(table)]["rows"][row]
    columns = PAPER["tables"][str(table)]["columns"][2:]
    numbers = dict(zip(columns, printed, strict=True))
    abs_err = numbers.get("abs_err", 0.001)
    made = Record(
        *(table, n_samples, width, *law, 0.01, seed),
        coefficients=(0.0,),
        abs_err=abs_err,
        eps_norm=abs_err / numbers.get("rel_err", 0.02),
        mse_shared=numbers.get("rmse", 0.1) ** 2,
        mse_fresh=numbers.get("rmse", 0.1) ** 2,
        loss=0.01,
        lower_bound=0.01,
        rounding=1e-9,
        status="certified",
        seconds=0.5,
    )
    return replace(made, **changes)


def all_rows(laws=LAWS, seeds=3, tables=range(1, 6), **changes) -> list[Record]:
    return [
        record(table, row, seed, law, **changes)
        for table in tables
        for row in range(5)
        for law in laws
        for seed in range(seeds)
    ]


def words_of(judgements, kind=Kind.TRAINING) -> Counter:
    return Counter(j.word for j in judgements if j.kind is kind)


FAR = {"abs_err": 0.5, "mse_shared": 1.0, "mse_fresh": 1.0}


# -- the norm of the noise ----------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2, 20, 40])
def test_the_norm_of_the_noise_is_that_of_the_chi_law(width):
    mean, deviation = noise_norm(width, size=1.0)
    assert mean == pytest.approx(stats.chi.mean(width), rel=1e-12)
    assert deviation == pytest.approx(stats.chi.std(width), rel=1e-9)


def test_the_instances_of_a_row_are_found_where_they_are_known(monkeypatch):
    """Tables made of means over 6 instances: the interval holds 6, nearly always."""
    rng, hits = np.random.default_rng(3), 0
    for _ in range(40):
        tables = {
            t: {
                "rows": [
                    [
                        *row[:-1],
                        np.linalg.norm(1e-2 * rng.standard_normal((6, row[1])), axis=1).mean(),
                    ]
                    for row in PAPER["tables"][t]["rows"]
                ]
            }
            for t in "1234"
        }
        monkeypatch.setitem(PAPER, "tables", tables)
        low, likely, high = instances_per_row()
        assert low < likely < high
        hits += low <= 6 <= high
    assert hits >= 34


@pytest.mark.parametrize("instances", [1, 5, 15])
def test_the_band_of_the_noise_holds_means_of_as_many_norms(instances):
    rng = np.random.default_rng(0)
    means = 1e-2 * np.sqrt(rng.chisquare(20, size=(20_000, instances))).mean(axis=1)
    low, high = noise_band(20, instances)
    assert np.mean((low <= means) & (means <= high)) == pytest.approx(0.95, abs=0.005)
    inner = noise_band(20, instances, share=0.5)
    assert low < inner[0] < noise_norm(20)[0] < inner[1] < high


# -- bands --------------------------------------------------------------------------


@pytest.mark.parametrize("n, instances", [(400, 1), (400, 25), (25, 25)])
def test_the_band_of_a_mean_has_the_width_of_the_central_limit_theorem(n, instances):
    """Both chances count: that of the new values, and that of ours."""
    values = stats.norm.ppf((np.arange(n) + 0.5) / n)
    half = 1.96 * np.std(values) * (1 / instances + 1 / n) ** 0.5
    low, high = band(values, instances)
    assert low == pytest.approx(-half, rel=0.08) and high == pytest.approx(half, rel=0.08)


def test_a_band_holds_new_means_nearly_as_often_as_it_says():
    rng, hits = np.random.default_rng(1), 0
    for _ in range(200):
        low, high = band(rng.exponential(size=20), 5)
        hits += low <= rng.exponential(size=5).mean() <= high
    assert 0.85 < hits / 200 < 0.98


def test_bands_are_the_same_in_every_run_and_hold_the_mean():
    values = np.random.default_rng(0).exponential(size=20)
    low, high = band(values, 5)
    assert (low, high) == band(list(values), 5)
    assert values.min() < low < values.mean() < high < values.max()
    assert band([2.0, 2.0], 3) == (2.0, 2.0)
    inner = band(values, 5, share=0.5)
    assert low < inner[0] < inner[1] < high


def test_a_mean_is_never_judged_by_the_seeds_that_made_it():
    """Each seed has a value of its own: a band that knew it would be a point."""
    values = 10.0 ** np.arange(4)
    assert share_inside([(values, values)], instances=1, share=0.01) < 1
    assert share_inside([(values, values + 1e9)], instances=1) == 0


def test_other_laws_are_told_apart_the_better_the_further_they_are():
    rng = np.random.default_rng(2)
    values = rng.exponential(size=(20, 40))
    shares = [
        share_inside(zip(values, factor * values, strict=True), instances=5)
        for factor in (1, 2, 4, 8)
    ]
    assert shares[0] > 0.85 and sorted(shares, reverse=True) == shares and shares[-1] < 0.1


# -- words --------------------------------------------------------------------------


def test_one_law_is_enough_and_all_that_hold_are_named():
    samples = {"far": [1.0, 2.0], "near": [4.0, 6.0], "wide": [0.0, 20.0]}
    found = judge_number("Table 1", "AbsErr", 5.0, samples, instances=1)
    assert found.word is Word.CONSISTENT and found.laws == ("near", "wide")
    assert found.evidence.endswith("near") and set(found.bands) == set(samples)
    assert found.kind is Kind.TRAINING


def test_a_number_outside_of_all_bands_is_not_reproduced_and_the_nearest_band_is_named():
    samples = {"far": [100.0, 200.0], "near": [4.0, 6.0]}
    found = judge_number("Table 1", "AbsErr", 7.0, samples, instances=1)
    assert found.word is Word.NOT_REPRODUCED and found.laws == ()
    assert found.evidence == "4.0000 to 6.0000, near"


def test_a_law_that_is_excluded_makes_nothing_consistent():
    samples = {"far": [1.0, 2.0], "near": [4.0, 6.0]}
    found = judge_number("Table 1", "AbsErr", 5.0, samples, instances=1, excluded=("near",))
    assert found.word is Word.NOT_REPRODUCED and found.laws == ("near",)
    assert found.evidence.endswith("far")
    nothing = judge_number("Table 1", "AbsErr", 5.0, samples, 1, excluded=("near", "far"))
    assert nothing.word is Word.NOT_JUDGED and "excluded" in nothing.evidence


@pytest.mark.parametrize("printed, inside", [(0.0021, True), (0.0022, False), (-0.0021, False)])
def test_rounding_is_allowed_for_and_no_more(printed, inside):
    found = judge_number("Table 1", "AbsErr", printed, {"law": [0.00206, 0.00206]}, instances=1)
    assert (found.word is Word.CONSISTENT) == inside and ROUNDING == 0.5e-4


def test_facts_hold_or_not():
    assert judge_fact("Example", "loss", 0, True, "exact").word is Word.REPRODUCED
    assert judge_fact("Example", "loss", 0, False, "exact").word is Word.NOT_REPRODUCED
    assert judge_fact("Example", "loss", 0, True, "exact").kind is Kind.FACT


# -- laws ---------------------------------------------------------------------------


def numbers(place, name, **held) -> list[Judgement]:
    """Twenty numbers, all 0; each law holds as many of them as is said."""
    return [
        Judgement(
            *(place, f"N = {i}, {name}", Kind.TRAINING, 0.0, Word.NOT_JUDGED, ""),
            bands={law: (0.0, 0.0) if i < count else (1.0, 1.0) for law, count in held.items()},
        )
        for i in range(20)
    ]


def test_a_joint_count_is_of_one_law_for_all_numbers():
    halves = numbers("Table 1", "AbsErr", a=10, b=20)
    assert joint_counts(halves) == {"a": 10, "b": 20} and joint_counts([]) == {}


def test_the_true_law_is_excluded_in_less_than_one_of_a_hundred_cases():
    for n, share in ((20, 0.9), (5, 0.9), (20, 0.8)):
        least = least_count(n, share)
        assert stats.binom.cdf(least - 1, n, share) < 0.01 <= stats.binom.cdf(least, n, share)


def test_a_law_is_excluded_where_it_holds_too_few_and_nowhere_else():
    first = numbers("Table 1", "AbsErr", good=15, bad=13)
    other = numbers("Table 5", "RMSE", good=20, bad=20)
    again = numbers("Table 1", "RelErr", good=0, bad=20)  # judged, and not counted
    found = exclude_laws([*first, *other, *again])
    assert {j.excluded for j in found if j.place == "Table 1"} == {("bad",)}
    assert {j.excluded for j in found if j.place == "Table 5"} == {()}
    for name, count in (("AbsErr", 15), ("RelErr", 0)):
        assert words_of(j for j in found if j.quantity.endswith(name))[Word.CONSISTENT] == count
    facts = [judge_fact("Table 1", "N = 50, noise", 0.04, True, "law")]
    assert exclude_laws(facts) == facts


# -- the tables ---------------------------------------------------------------------


def test_each_printed_number_gets_one_word():
    found = judge_tables(all_rows(), instances=5)
    assert Counter(j.place for j in found) == {
        f"Table {t}": 10 if t == 5 else 20 for t in range(1, 6)
    }
    printed = [value for t in "12345" for row in PAPER["tables"][t]["rows"] for value in row[2:]]
    assert sorted(j.printed for j in found) == sorted(printed)
    assert len({(j.place, j.quantity) for j in found}) == 90
    assert Counter(j.kind for j in found) == {
        Kind.NOISE: 20, Kind.SECONDS: 20, Kind.TRAINING: 50
    }  # fmt: skip


def test_the_paper_agrees_with_itself():
    """Records that are what it prints: all consistent but MSE, which is no square of RMSE."""
    found = judge_tables(all_rows(), instances=5)
    assert words_of(found) == {Word.CONSISTENT: 46, Word.NOT_REPRODUCED: 4}
    failed = {j.quantity for j in found if j.kind is Kind.TRAINING} - {
        j.quantity for j in found if j.word is Word.CONSISTENT
    }
    assert failed == {f"N = {N}, MSE" for N in (50, 150, 200, 250)}
    assert words_of(found, Kind.NOISE)[Word.REPRODUCED] >= 18
    assert words_of(found, Kind.SECONDS) == {Word.NOT_JUDGED: 20}


def test_other_numbers_are_not_called_consistent():
    found = judge_tables(all_rows(**FAR), instances=5)
    assert words_of(found) == {Word.NOT_REPRODUCED: 50}
    laws = {law_name(*law) for law in LAWS}
    assert all(set(j.excluded) == laws for j in found if j.place == "Table 1" and j.bands)


def test_a_law_that_holds_is_the_only_one_that_is_not_excluded():
    records = all_rows(laws=LAWS[:1]) + all_rows(laws=LAWS[1:], **FAR)
    for j in judge_tables(records, instances=5):
        if j.quantity.endswith(("Err", "RMSE")):
            readings = ("_shared", "_fresh") if j.place == "Table 5" else ("",)
            assert j.laws == tuple(law_name(*LAWS[0], reading) for reading in readings)
            assert set(j.excluded) == set(j.bands) - set(j.laws)


def test_no_number_may_appeal_to_a_law_that_the_others_exclude():
    """One row alone would be held: by a law that misses all other rows."""
    records = all_rows(laws=LAWS[:1]) + all_rows(laws=LAWS[1:2], **FAR)
    odd = ("Table 2", "N = 50, AbsErr")
    records = [
        replace(r, abs_err=FAR["abs_err"] if r.inputs == "randn" else 0.0065)
        if (r.table, r.n_samples) == (2, 50)
        else r
        for r in records
    ]
    (j,) = [j for j in judge_tables(records, 5) if (j.place, j.quantity) == odd]
    assert j.laws == j.excluded == ("randn/uniform",) and j.word is Word.NOT_REPRODUCED
    # The same, if a true law were hardly ever right.
    (j,) = [j for j in judge_tables(records, 5, true_share=0.05) if (j.place, j.quantity) == odd]
    assert j.excluded == () and j.word is Word.CONSISTENT


def test_both_readings_of_the_noise_are_tried():
    records = all_rows(laws=LAWS[:1], mse_shared=1.0)
    (first, *_) = [j for j in judge_tables(records, instances=5) if j.quantity.endswith(", RMSE")]
    assert first.laws == ("randn/randn, fresh",) and first.excluded == ("randn/randn, shared",)


def test_norms_of_the_noise_are_judged_by_means_of_as_many_instances(monkeypatch):
    """What is likely in one instance is not in a mean over many."""
    tables = {t: {**table} for t, table in PAPER["tables"].items()}
    ends = [(row, noise_band(row[1], 1)[1]) for row in tables["1"]["rows"]]
    tables["1"]["rows"] = [[*row[:-1], norm] for row, norm in ends]
    monkeypatch.setitem(PAPER, "tables", tables)
    for instances, word in ((1, Word.REPRODUCED), (5, Word.NOT_REPRODUCED)):
        first = [j for j in judge_tables(all_rows(), instances) if j.place == "Table 1"]
        assert words_of(first, Kind.NOISE) == {word: 5}


def test_the_noise_of_each_sample_would_be_noticed(monkeypatch):
    tables = {t: {**table} for t, table in PAPER["tables"].items()}
    tables["1"]["rows"] = [[*row[:-1], row[-1] / row[0] ** 0.5] for row in tables["1"]["rows"]]
    monkeypatch.setitem(PAPER, "tables", tables)
    first = [j for j in judge_tables(all_rows(), 5) if j.place == "Table 1"]
    assert words_of(first, Kind.NOISE) == {Word.NOT_REPRODUCED: 5}


@pytest.mark.parametrize(
    "bad",
    [
        {"instances": 0},
        {"instances": 2.5},
        {"instances": 5, "share": 1},
        {"instances": 5, "true_share": 0},
    ],
)
def test_senseless_arguments_are_refused(bad):
    with pytest.raises((TypeError, ValueError), match=r"instances|share"):
        judge_tables([], **bad)


# -- the figure ---------------------------------------------------------------------


def test_one_entry_or_one_norm_out_of_range_is_enough():
    quiet = np.full((50, 20), 0.01)
    loud, long = quiet.copy(), quiet.copy()
    loud[7, 3], long[7] = -0.04, 0.02
    assert is_like_the_figure(quiet)
    assert not is_like_the_figure(loud) and not is_like_the_figure(long)
    assert not is_like_the_figure(quiet / 2)  # norms of 0.022


@pytest.fixture(scope="module")
def like_and_unlike():
    """An instance with the true coefficients, whose residuals are the noise, and a bad one."""
    (one,) = run_table(5, seeds=1, rows=[1], inputs="uniform", progress=False)
    truth = planted_instance((3, 2), 50, 20, inputs="uniform").true_coefficients
    return replace(one, coefficients=tuple(truth)), replace(one, coefficients=tuple(truth + 1))


def test_the_figure_is_one_event(like_and_unlike):
    like, unlike = like_and_unlike
    eps = planted_instance((3, 2), 50, 20, inputs="uniform").eps
    assert is_like_the_figure(np.broadcast_to(eps, (50, 20)))
    found = judge_figure([like, *[unlike] * 18, record(1)])
    assert found.word is Word.CONSISTENT and found.evidence.startswith("1 of 19 instances")
    assert judge_figure([like, *[unlike] * 19]).word is Word.NOT_REPRODUCED  # 5 % and no more
    assert judge_figure([unlike]).word is Word.NOT_REPRODUCED


def test_the_figure_may_not_appeal_to_a_law_that_is_excluded(like_and_unlike):
    like, unlike = like_and_unlike
    other = replace(unlike, inputs="randn")
    names = tuple(law_name("randn", "uniform", reading) for reading in ("_shared", "_fresh"))
    assert judge_figure([like, other]).word is Word.CONSISTENT
    assert judge_figure([like, other], excluded=names).word is Word.NOT_REPRODUCED
    assert "excluded" in judge_figure([like], excluded=names).evidence
