"""Words for printed numbers: bands that hold what they should, and words that can fail."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from polysos.experiments import planted_instance, run_table
from polysos.results import PAPER, Record
from polysos.verdict import (
    ROUNDING,
    Word,
    band,
    instances_per_row,
    judge_fact,
    judge_figure,
    judge_number,
    judge_tables,
    law_name,
    noise_norm,
)

LAWS = [(W, x) for W in ("randn", "fan-in") for x in ("randn", "uniform")]


def record(table=1, row=0, seed=0, law=("randn", "randn"), **changes) -> Record:
    """One whose numbers are those that the paper prints."""
    n_samples, width, *printed = PAPER["tables"][str(table)]["rows"][row]
    columns = PAPER["tables"][str(table)]["columns"][2:]
    numbers = dict(zip(columns, printed, strict=True))
    made = Record(
        *(table, n_samples, width, *law, 0.01, seed),
        true_coefficients=(0.0,),
        coefficients=(0.0,),
        abs_err=numbers.get("abs_err", 0.001),
        rel_err=numbers.get("rel_err", 0.02),
        eps_norm=0.05,
        mse_shared=numbers.get("mse", 0.01),
        mse_fresh=numbers.get("mse", 0.01),
        loss=0.01,
        lower_bound=0.01,
        proven_bound="1/100",
        gap=0.0,
        status="certified",
        seconds=0.5,
    )
    return replace(made, **changes)


def all_rows(laws=LAWS, seeds=3, **changes) -> list[Record]:
    return [
        record(table, row, seed, law, **changes)
        for table in range(1, 6)
        for row in range(5)
        for law in laws
        for seed in range(seeds)
    ]


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


# -- words --------------------------------------------------------------------------


def test_one_law_is_enough_and_all_that_hold_are_named_the_nearest_first():
    samples = {"far": [1.0, 2.0], "near": [4.0, 6.0], "wide": [0.0, 20.0]}
    found = judge_number("Table 1", "AbsErr", 5.0, samples, instances=1)
    assert found.word is Word.CONSISTENT and found.laws == ("near", "wide")
    assert "near" in found.evidence and set(found.bands) == set(samples)


def test_a_number_outside_of_all_bands_is_not_reproduced_and_the_nearest_band_is_named():
    samples = {"far": [100.0, 200.0], "near": [4.0, 6.0]}
    found = judge_number("Table 1", "AbsErr", 7.0, samples, instances=1)
    assert found.word is Word.NOT_REPRODUCED and found.laws == ()
    assert found.evidence == "4.0000 to 6.0000, near"


@pytest.mark.parametrize("printed, inside", [(0.0021, True), (0.0022, False), (-0.0021, False)])
def test_rounding_is_allowed_for_and_no_more(printed, inside):
    found = judge_number("Table 1", "AbsErr", printed, {"law": [0.00206, 0.00206]}, instances=1)
    assert (found.word is Word.CONSISTENT) == inside and ROUNDING == 0.5e-4


def test_facts_hold_or_not():
    assert judge_fact("Example", "loss", 0, True, "exact").word is Word.REPRODUCED
    assert judge_fact("Example", "loss", 0, False, "exact").word is Word.NOT_REPRODUCED


# -- the tables ---------------------------------------------------------------------


def test_each_printed_number_gets_one_word():
    found = judge_tables(all_rows(), instances=5)
    assert Counter(j.place for j in found) == {
        f"Table {t}": 10 if t == 5 else 20 for t in range(1, 6)
    }
    printed = [value for t in "12345" for row in PAPER["tables"][t]["rows"] for value in row[2:]]
    assert sorted(j.printed for j in found) == sorted(printed)
    assert len({(j.place, j.quantity) for j in found}) == 90


def test_the_paper_agrees_with_itself():
    """Records that are what it prints: all consistent but RMSE, which is no root of printed MSE."""
    words = Counter(j.word for j in judge_tables(all_rows(), instances=5))
    assert words[Word.NOT_JUDGED] == words[Word.REPRODUCED] == 20
    assert words[Word.CONSISTENT] == 45 and words[Word.NOT_REPRODUCED] == 5


def test_other_numbers_are_not_called_consistent():
    other = all_rows(abs_err=0.5, rel_err=10.0, mse_shared=1.0, mse_fresh=1.0)
    words = Counter(j.word for j in judge_tables(other, instances=5))
    assert words == {Word.NOT_JUDGED: 20, Word.REPRODUCED: 20, Word.NOT_REPRODUCED: 50}


def test_a_law_that_holds_is_named_alone():
    records = all_rows(laws=LAWS[:1]) + all_rows(laws=LAWS[1:], abs_err=0.5, rel_err=10.0)
    for j in judge_tables(records, instances=5):
        if "Err" in j.quantity:
            assert j.laws == (law_name(*LAWS[0]),)


def test_both_readings_of_the_noise_are_tried():
    records = all_rows(laws=LAWS[:1], mse_shared=1.0)
    (first, *_) = [j for j in judge_tables(records, instances=5) if j.quantity.endswith(", MSE")]
    assert first.laws == ("randn/randn, fresh",) and len(first.bands) == 2


def test_the_noise_of_each_sample_would_be_noticed(monkeypatch):
    tables = {t: {**table} for t, table in PAPER["tables"].items()}
    tables["1"]["rows"] = [[*row[:-1], row[-1] / row[0] ** 0.5] for row in tables["1"]["rows"]]
    monkeypatch.setitem(PAPER, "tables", tables)
    words = {j.place: j.word for j in judge_tables(all_rows(), 5) if j.quantity.endswith("noise")}
    assert words["Table 1"] is Word.NOT_REPRODUCED and words["Table 2"] is Word.REPRODUCED


@pytest.mark.parametrize(
    "bad", [{"instances": 0}, {"instances": 2.5}, {"instances": 5, "share": 1}]
)
def test_senseless_arguments_are_refused(bad):
    with pytest.raises((TypeError, ValueError), match=r"instances|share"):
        judge_tables([], **bad)


# -- the figure ---------------------------------------------------------------------


def test_the_figure_is_judged_by_single_instances_with_new_data():
    (one,) = run_table(5, seeds=1, rows=[1], inputs="uniform", progress=False)
    truth = planted_instance((3, 2), 50, 20, inputs="uniform").true_coefficients
    exact = replace(one, coefficients=tuple(truth))
    words = {j.quantity: j for j in judge_figure([exact, record(5, 1), record(1)])}
    assert list(words) == ["smallest entry", "largest entry", "smallest norm", "largest norm"]
    fresh = law_name("randn", "uniform", "_fresh")
    # With the true coefficients the residuals are the noise.
    noise = planted_instance((3, 2), 50, 20, inputs="uniform").test_eps
    norms = np.linalg.norm(noise, axis=1)
    for j, expected in zip(
        words.values(), (noise.min(), noise.max(), norms.min(), norms.max()), strict=True
    ):
        assert j.bands[fresh] == pytest.approx((expected, expected))
