"""Results: what is stored comes back, and no file is lost or taken for another."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from polysos.paper.results import (
    PAPER,
    Experiment,
    Record,
    add_records,
    begin_run,
    load_results,
    stored_results,
    summarise,
)


def record(seed=0, **changes) -> Record:
    made = Record(
        *(3, 50, 20, "randn", "randn", 0.01, seed),
        coefficients=(0.1, -0.2, 1 / 3, 1e-17),
        abs_err=0.001 * (seed + 1),
        eps_norm=0.05,
        mse_shared=0.04,
        mse_fresh=0.09,
        loss=0.01,
        lower_bound=0.0099,
        rounding=1e-9,
        status="certified",
        seconds=0.5,
        run=0,
    )
    return replace(made, **changes)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "results.json"
    begin_run(path, "run_table(3)", jobs=2)
    return path


def test_records_come_back_as_they_were_sorted(path):
    nothing = record(1, lower_bound=None, rounding=None, status="unresolved")
    first, last = record(0), record(0, table=4)
    for r in (last, nothing, first):
        add_records(path, [r])
    assert load_results(path).records == (first, nothing, last)


def test_the_file_does_not_depend_on_the_order_and_has_one_record_a_line(path):
    empty = path.read_bytes()
    texts = set()
    for order in ([0, 1, 2], [2, 0, 1]):
        path.write_bytes(empty)
        for seed in order:
            add_records(path, [record(seed)])
        texts.add(path.read_text())
    (text,) = texts
    assert sum(line.startswith("[3,50,20,") for line in text.splitlines()) == 3


def test_every_run_says_where_and_when_and_with_which_versions(path):
    assert begin_run(path, "run_table(4)", jobs=1) == 1
    first, second = load_results(path).runs
    assert (first["call"], first["jobs"]) == ("run_table(3)", 2)
    assert (second["call"], second["jobs"]) == ("run_table(4)", 1)
    assert set(first) == {"call", "jobs", "date", "machine", "versions"}
    assert {"python", "polysos", "numpy", "scipy", "clarabel"} <= set(first["versions"])
    assert first["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize("moment", ["write_text", "replace"])
def test_a_write_that_is_interrupted_leaves_the_old_file_and_nothing_else(
    path, monkeypatch, moment
):
    before = path.read_bytes()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    owner = os if moment == "replace" else type(path)
    monkeypatch.setattr(owner, moment, interrupted)
    with pytest.raises(KeyboardInterrupt):
        add_records(path, [record()])
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]


def test_two_sweeps_can_share_a_file(path):
    """What another sweep has stored in the meantime stays."""
    add_records(path, [record(0)])
    assert begin_run(path, "another", jobs=1) == 1
    add_records(path, [record(1, run=1)])
    add_records(path, [record(2)])
    assert [r.seed for r in load_results(path).records] == [0, 1, 2]


def test_a_record_that_is_put_there_again_is_there_once(path):
    """After an interruption in the middle of a write nobody knows what is there."""
    add_records(path, [record(0), record(1)])
    add_records(path, [record(1), record(2)])
    assert [r.seed for r in load_results(path).records] == [0, 1, 2]


def test_what_follows_from_other_numbers_is_not_stored(path):
    add_records(path, [record(0)])
    (r,) = load_results(path).records
    assert r.rel_err == pytest.approx(0.02) and r.gap == pytest.approx(0.01)
    assert r.rmse_shared == pytest.approx(0.2) and r.rmse_fresh == pytest.approx(0.3)
    assert not any(word in path.read_text() for word in ("rel_err", "gap", "rmse"))
    assert replace(r, lower_bound=None).gap is None
    assert replace(r, loss=0.0, lower_bound=0.0).gap == 0


def test_a_link_to_a_file_stays_a_link(path, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(path)
    add_records(link, [record()])
    assert link.is_symlink() and len(load_results(path).records) == 1


def changed(change):
    def write(text: str) -> str:
        data = json.loads(text)
        change(data)
        return json.dumps(data)

    return write


DAMAGES = {
    "cut off": lambda text: text[:-30],
    "empty": lambda text: "",
    "not JSON": lambda text: "\x00\x01",
    "deeply nested": lambda text: "[" * 100_000,
    "a list": lambda text: "[]",
    "another format": lambda text: '{"format": "polysos proof 1"}',
    "no records": changed(lambda data: data.pop("records")),
    "a number for records": changed(lambda data: data.update(records=1)),
    "no fields": changed(lambda data: data.pop("fields")),
    "a field that is none": changed(lambda data: data["fields"].__setitem__(0, "tab")),
    "no loss": changed(lambda data: data["fields"].remove("loss")),
    "a record that is too short": changed(lambda data: data["records"][0].pop()),
    "a record with more": changed(lambda data: data["records"][0].append(1)),
    "a record twice": changed(lambda data: data["records"].append(data["records"][0])),
    "a seed that is none": changed(lambda data: data["records"][0].__setitem__(6, None)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_is_damaged_or_foreign_is_named_and_left_as_it_is(path, damage):
    add_records(path, [record(0)])
    add_records(path, [record(1)])
    path.write_text(damage(path.read_text()))
    before = path.read_bytes()
    for use in (
        load_results,
        stored_results,
        lambda p: begin_run(p, "run_table(3)", jobs=1),
        lambda p: add_records(p, [record(7)]),
    ):
        with pytest.raises(ValueError, match=r"path must name results .*results\.json"):
            use(path)
    assert path.read_bytes() == before


def test_a_path_that_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "results.json"):
        with pytest.raises(ValueError, match="path must name a file in a folder that exists"):
            stored_results(path)
    with pytest.raises(FileNotFoundError, match="none"):
        load_results(tmp_path / "none")


def test_summary_is_of_the_seeds_of_a_row_and_stands_beside_the_paper():
    records = [record(seed, abs_err=seed / 10) for seed in range(5)]
    records[4] = replace(records[4], status="bound")
    (row,) = summarise(reversed(records))
    assert (row.table, row.n_samples, row.width, row.weights) == (3, 50, 20, "randn")
    assert (row.seeds, row.certified) == (5, 4)
    spread = row.spreads["abs_err"]
    assert (spread.smallest, spread.lower, spread.median) == pytest.approx((0, 0.1, 0.2))
    assert (spread.upper, spread.largest, spread.mean) == pytest.approx((0.3, 0.4, 0.2))
    assert row.spreads["rmse_shared"].median == pytest.approx(0.2)
    assert row.spreads["rmse_fresh"].median == pytest.approx(0.3)
    assert row.paper == dict(abs_err=0.0016, rel_err=0.0368, seconds=0.9970, eps_norm=0.0442)


def test_summary_keeps_apart_what_differs_in_more_than_the_seed():
    """Other noise or other laws in one file are never averaged."""
    changes = [
        {},
        {"noise": 0.1},
        {"weights": "fan-in"},
        {"inputs": "uniform"},
        {"table": 4},
        {"n_samples": 100, "width": 25},
    ]
    rows = summarise(record(seed, **change) for change in changes for seed in (0, 1))
    assert len(rows) == len(changes) and {row.seeds for row in rows} == {2}
    assert summarise([]) == []


@pytest.mark.parametrize("records", [5, [1], ["record"]])
def test_summary_of_something_else_is_refused(records):
    with pytest.raises(TypeError, match="records"):
        summarise(records)


@pytest.mark.parametrize("table", PAPER["tables"])
def test_every_row_of_the_paper_has_its_numbers(table):
    rows = PAPER["tables"][table]["rows"]
    assert [row[:2] for row in rows] == [[50 * i, 15 + 5 * i] for i in range(1, 6)]
    for summary, row in zip(
        summarise(record(table=int(table), n_samples=N, width=m) for N, m, *_ in rows),
        rows,
        strict=True,
    ):
        assert list(summary.paper.values()) == row[2:]
        assert all(0 < v < 27 for v in row[2:])
        if table != "5":
            # One noise vector of size 1e-2 sqrt(m), not one a sample.
            assert summary.paper["eps_norm"] == pytest.approx(1e-2 * row[1] ** 0.5, rel=0.15)


def test_an_experiment_is_what_identifies_a_record():
    assert record(3).experiment == Experiment(3, 50, 20, "randn", "randn", 0.01, 3)
    assert record(3).experiment.degrees == (1, 1, 1)
