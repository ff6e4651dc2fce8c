"""The experiments: the law of the instances, and sweeps whose numbers depend on nothing else.

Most sweeps here run with a stand-in for `fit`, which is quick, counts its calls and can be
interrupted at any of them.
"""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from math import inf, nan
from types import SimpleNamespace

import joblib
import numpy as np
import pytest

import polysos.paper.experiments as experiments
from polysos.__main__ import main
from polysos.paper.experiments import (
    planted_instance,
    prediction_errors,
    recompute,
    run_residuals,
    run_table,
)
from polysos.paper.results import load_results, summarise

QUIET = {"progress": False}


class StandIn:
    """Takes the means of the data for coefficients."""

    def __init__(self):
        self.calls = 0
        self.interrupt_at = None
        self.threads = set()

    def __call__(self, net, inputs, outputs, loss):
        assert loss == "mean-sup"
        self.calls += 1
        self.threads.add(threading.current_thread().name)
        if self.calls == self.interrupt_at:
            raise KeyboardInterrupt
        c = np.tanh(outputs.mean(axis=0) + inputs.mean(axis=0))[: net.n_coefficients]
        proven = c[0] > 0
        return SimpleNamespace(
            coefficients=c,
            loss=abs(c[0]),
            lower_bound=c[0] if proven else nan,
            rounding=1e-9 if proven else inf,
            status="certified" if proven else "unresolved",
            seconds=0.25,
        )


@pytest.fixture
def fit(monkeypatch):
    stand_in = StandIn()
    monkeypatch.setattr(experiments, "fit", stand_in)
    return stand_in


def numbers(records):
    """Everything but the time it took and the run that did it."""
    return [replace(r, seconds=0.0, run=None) for r in records]


# -- instances --------------------------------------------------------------------


def parts(instance) -> list[np.ndarray]:
    arrays = [v for v in vars(instance).values() if isinstance(v, np.ndarray)]
    return [*instance.net.weights, *arrays]


def test_every_layer_is_as_wide_as_both_ends():
    instance = planted_instance((2, 1, 1), n_samples=7, width=3)
    assert [W.shape for W in instance.net.weights] == [(3, 3)] * 4
    assert instance.net.degrees == (2, 1, 1)
    assert instance.true_coefficients.shape == (5,) and instance.eps.shape == (3,)
    for array in (instance.inputs, instance.outputs, instance.test_inputs, instance.test_eps):
        assert array.shape == (7, 3)


def test_one_noise_vector_is_added_to_every_output():
    instance = planted_instance((2, 2), n_samples=20, width=5, weights="fan-in", seed=3)
    noise = instance.outputs - instance.net(instance.true_coefficients, instance.inputs)
    assert np.allclose(noise, instance.eps, rtol=0, atol=1e-11) and instance.eps.all()
    assert np.ptp(instance.test_eps, axis=0).all()  # while that of new data is new each time


def test_equal_arguments_make_equal_instances_whatever_was_made_before():
    first = planted_instance((2, 2), 10, 4, seed=5)
    planted_instance((1,), 2, 2, seed=8)
    np.random.default_rng().random()
    again = planted_instance([2, np.int64(2)], np.int64(10), 4, seed=np.int64(5))
    assert all(np.array_equal(a, b) for a, b in zip(parts(first), parts(again), strict=True))


@pytest.mark.parametrize("change", [{"seed": 1}, {"n_samples": 11}, {"width": 5}])
def test_other_arguments_make_other_instances(change):
    arguments = dict(degrees=(2, 2), n_samples=10, width=4)
    for a, b in zip(
        parts(planted_instance(**arguments)),
        parts(planted_instance(**arguments | change)),
        strict=True,
    ):
        assert not np.isin(a, b).any()


def test_other_laws_and_sizes_of_the_noise_see_the_same_draws():
    plain = planted_instance((2, 2), 10, 4)
    scaled = planted_instance((2, 2), 10, 4, "fan-in", "uniform", noise=1.0)
    for W, V in zip(plain.net.weights, scaled.net.weights, strict=True):
        assert np.allclose(W, 2 * V)
    assert np.array_equal(plain.true_coefficients, scaled.true_coefficients)
    assert np.allclose(100 * plain.eps, scaled.eps)
    assert not np.isin(plain.inputs, scaled.inputs).any()
    exact = planted_instance((2, 2), 10, 4, noise=0)
    assert np.array_equal(exact.outputs, exact.net(plain.true_coefficients, plain.inputs))


def test_uniform_weights_leave_the_rest_as_it_is():
    plain, uniform = (planted_instance((2, 2), 10, 4, weights=W) for W in ("randn", "uniform"))
    pairs = zip(plain.net.weights, uniform.net.weights, strict=True)
    assert not any(np.isin(W, V).any() for W, V in pairs)
    for name in ("inputs", "true_coefficients", "eps", "test_inputs", "test_eps"):
        assert np.array_equal(getattr(plain, name), getattr(uniform, name))


def test_the_laws_are_the_ones_that_are_named():
    weights = [planted_instance((1,), 50, 20, "uniform", seed=s).net.weights for s in range(40)]
    assert -1 <= np.min(weights) < -0.99 and 0.99 < np.max(weights) < 1
    assert abs(np.mean(weights)) < 0.02 and np.std(weights) == pytest.approx(3**-0.5, rel=0.02)
    normal = [planted_instance((1,), 50, 20, seed=s) for s in range(40)]
    other = [planted_instance((1,), 50, 20, "fan-in", "uniform", s) for s in range(40)]
    for values, deviation in (
        ([i.net.weights for i in normal], 1),
        ([i.net.weights for i in other], 20**-0.5),
        ([i.inputs for i in normal], 1),
        ([i.test_inputs for i in normal], 1),
        ([i.test_eps for i in normal], 1e-2),
    ):
        assert abs(np.mean(values)) < 0.02 * deviation
        assert np.std(values) == pytest.approx(deviation, rel=0.02)
    for values in ([i.inputs for i in other], [i.test_inputs for i in other]):
        assert np.min(values) >= 0 and np.max(values) < 1
        assert np.mean(values) == pytest.approx(0.5, abs=0.01)
    assert np.std([i.true_coefficients for i in normal]) == pytest.approx(1, rel=0.2)
    norms = [np.linalg.norm(i.eps) for i in normal]
    assert np.mean(norms) == pytest.approx(1e-2 * 20**0.5, rel=0.1)


# -- records ----------------------------------------------------------------------


def test_a_record_holds_what_the_fit_found_and_how_far_it_is_from_the_truth(fit):
    record, other = run_table(1, seeds=2, rows=[2], weights="fan-in", **QUIET)
    assert (record.table, record.n_samples, record.width) == (1, 100, 25)
    assert (record.weights, record.inputs, record.noise) == ("fan-in", "randn", 0.01)
    assert (record.seed, other.seed, fit.calls) == (0, 1, 2)
    instance = planted_instance((2, 2), 100, 25, "fan-in")
    error = np.linalg.norm(instance.true_coefficients - record.coefficients)
    assert record.abs_err == pytest.approx(error, rel=1e-6)
    assert record.eps_norm == pytest.approx(np.linalg.norm(instance.eps))
    assert record.rel_err == pytest.approx(error / record.eps_norm)
    assert record.seconds == 0.25 and record.loss == abs(record.coefficients[0])


def test_a_bound_is_stored_with_all_digits_and_a_missing_one_is_none(fit):
    records = run_table(3, seeds=6, rows=[1], **QUIET)
    assert {r.status for r in records} == {"certified", "unresolved"}
    for r in records:
        if r.status == "certified":
            assert r.coefficients[0] == r.lower_bound and r.rounding == 1e-9
            assert r.gap == 0
        else:
            assert r.rounding is None and r.lower_bound is None and r.gap is None


def test_residuals_on_new_data_are_the_noise_where_the_coefficients_are_true(fit):
    (found,) = run_residuals(seeds=1, weights="fan-in", inputs="uniform", **QUIET)
    assert (found.record.table, found.record.n_samples, found.record.width) == (5, 50, 20)
    instance = planted_instance((3, 2), 50, 20, "fan-in", "uniform")
    true = tuple(instance.true_coefficients.tolist())
    exact = prediction_errors(replace(found.record, coefficients=true))
    assert np.array_equal(exact.shared, np.broadcast_to(instance.eps, (50, 20)))
    assert np.array_equal(exact.fresh, instance.test_eps)
    net = instance.net
    there = net(instance.true_coefficients, instance.test_inputs)
    here = net(found.record.coefficients, instance.test_inputs)
    assert np.allclose(found.fresh, there + instance.test_eps - here)
    assert np.allclose(found.shared, there + instance.eps - here)
    assert found.record.mse_shared == pytest.approx((found.shared**2).sum() / 50)
    assert found.record.rmse_fresh == pytest.approx(((found.fresh**2).sum() / 50) ** 0.5)


def test_a_record_computed_again_is_the_same(fit, tmp_path):
    run_table(4, seeds=3, rows=[1, 2], noise=0.1, path=tmp_path / "results.json", **QUIET)
    records = load_results(tmp_path / "results.json").records
    assert numbers(map(recompute, records)) == numbers(records)


# -- sweeps -----------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_table_has_five_rows_of_as_many_seeds_as_asked_for(fit, number):
    rows = summarise(run_table(number, seeds=2, weights="fan-in", **QUIET))
    assert [(r.n_samples, r.width, r.seeds) for r in rows] == [
        (50, 20, 2), (100, 25, 2), (150, 30, 2), (200, 35, 2), (250, 40, 2)
    ]  # fmt: skip


@pytest.mark.parametrize("k", [1, 2, 6])
def test_an_interrupted_sweep_continues_where_it_stopped(fit, tmp_path, k):
    options = dict(seeds=3, rows=[1, 2], **QUIET)
    whole = run_table(3, **options)
    path = tmp_path / "results.json"
    fit.calls, fit.interrupt_at = 0, k
    with pytest.raises(KeyboardInterrupt):
        run_table(3, path=path, **options)
    assert numbers(load_results(path).records) == numbers(whole[: k - 1])
    fit.calls, fit.interrupt_at = 0, None
    records = run_table(3, path=path, **options)
    assert fit.calls == 6 - (k - 1) and numbers(records) == numbers(whole)
    assert list(load_results(path).records) == records
    assert [r.run for r in records] == [0] * (k - 1) + [1] * (7 - k)
    run_table(3, path=path, **options)
    assert fit.calls == 6 - (k - 1)  # nothing was missing
    assert len(load_results(path).runs) == 2


def test_more_seeds_and_other_tables_go_into_the_same_file(fit, tmp_path):
    path = tmp_path / "results.json"
    for number, seeds, rows, noise in ((3, 1, [1], 0.01), (3, 3, [2, 1], 0.01), (4, 1, [1], 0.01)):
        run_table(number, seeds, rows=rows, noise=noise, path=path, **QUIET)
    assert fit.calls == 7
    run_table(3, 3, rows=[1], noise=0.02, path=path, **QUIET)
    assert fit.calls == 10  # other noise: no number of the old fits is taken for a new one
    records = load_results(path).records
    assert len(records) == 10 and sum(r.noise == 0.02 for r in records) == 3


def test_a_damaged_file_stops_a_sweep_before_the_first_fit(fit, tmp_path):
    path = tmp_path / "results.json"
    run_table(3, seeds=1, rows=[1], path=path, **QUIET)
    path.write_text(path.read_text()[:-20])
    before, fit.calls = path.read_bytes(), 0
    with pytest.raises(ValueError, match=r"path must name results .*results\.json"):
        run_table(3, seeds=2, rows=[1], path=path, **QUIET)
    assert path.read_bytes() == before and fit.calls == 0


def test_what_is_done_is_in_the_file_while_a_sweep_runs(fit, tmp_path, monkeypatch):
    """Every few seconds; here, always."""
    path, held = tmp_path / "results.json", []
    monkeypatch.setattr(experiments, "_SAVE_AFTER", 0.0)
    save = experiments.add_records

    def watched(*arguments):
        save(*arguments)
        held.append(len(load_results(path).records))

    monkeypatch.setattr(experiments, "add_records", watched)
    run_table(3, seeds=4, rows=[1], path=path, **QUIET)
    assert held == [1, 2, 3, 4]


def test_the_numbers_do_not_depend_on_the_order_in_which_fits_end(fit, tmp_path):
    options = dict(seeds=4, rows=[1, 3], **QUIET)
    with joblib.parallel_config(backend="threading"):
        records = run_table(3, jobs=4, path=tmp_path / "results.json", **options)
    assert numbers(records) == numbers(run_table(3, **options))
    assert list(load_results(tmp_path / "results.json").records) == records


def test_dask_takes_over_a_sweep(fit, tmp_path):
    """The workers are threads here, so that they see the stand-in; on a cluster, processes."""
    from distributed import Client, LocalCluster

    options = dict(seeds=3, rows=[1], **QUIET)
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        records = run_table(3, path=tmp_path / "results.json", **options)
    assert fit.calls == 3 and all("Dask" in name for name in fit.threads)
    assert numbers(records) == numbers(run_table(3, **options))
    assert list(load_results(tmp_path / "results.json").records) == records


def test_two_processes_find_the_same_numbers_as_one():
    """With the true `fit`, to the last digit."""
    options = dict(seeds=2, rows=[1], **QUIET)
    records = run_table(3, **options)
    assert numbers(run_table(3, jobs=2, **options)) == numbers(records)
    for r in records:
        assert r.status == "certified" and r.gap <= 1e-6
        assert 0 < r.lower_bound <= r.loss and 0 <= r.rounding < r.loss
        assert r.abs_err < 0.05


# -- the command line -------------------------------------------------------------


def test_a_command_prints_its_numbers_beside_those_of_the_paper(fit, tmp_path, capsys):
    path = tmp_path / "results.json"
    assert main(["table", "1", "--seeds", "3", "--rows", "1", "2", "--output", str(path)]) == 0
    rows = summarise(load_results(path).records)
    title, heads, *lines = capsys.readouterr().out.strip().splitlines()
    assert "Table 1" in title and "(2, 2)" in title and "paper" in heads
    assert len(lines) == len(rows) == 2
    for line, row in zip(lines, rows, strict=True):
        assert line.split()[:3] == [str(row.n_samples), str(row.width), f"{row.certified}/3"]
        for quantity in ("abs_err", "rel_err", "eps_norm", "seconds"):
            assert f"{row.spreads[quantity].mean:.4f}" in line.split()
            assert f"{row.paper[quantity]:.4f}" in line.split()


def test_all_tables_and_all_laws_in_one_command(fit, tmp_path, capsys):
    path = tmp_path / "results.json"
    command = ["table", "all", "--seeds", "1", "--rows", "1", "--weights", "all"]
    assert main([*command, "--inputs", "all", "--output", str(path)]) == 0
    assert len(load_results(path).records) == fit.calls == 5 * 3 * 2
    out = capsys.readouterr().out
    assert all(f"Table {n}" in out for n in range(1, 6))
    assert "W fan-in, x uniform" in out and "W uniform, x randn" in out
    assert "0.0830" in out  # Table 5's RMSE


def test_the_figure_prints_the_ranges_of_both_readings(fit, tmp_path, capsys):
    path = str(tmp_path / "results.json")
    assert main(["figure", "1", "--inputs", "uniform", "--output", path]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[2].split() == "paper -0.035 to 0.035 0.032 to 0.075".split()
    assert [line.split()[:2] for line in lines[3:]] == [["0", "shared"], ["0", "fresh"]]
    (found,) = run_residuals(inputs="uniform", path=path, **QUIET)
    assert fit.calls == 1 and f"{found.shared.min():.3f} to" in lines[3]


def test_an_interrupted_command_says_so_in_a_line_and_continues(fit, tmp_path, capsys):
    path = str(tmp_path / "results.json")
    command = ["table", "3", "--seeds", "2", "--output", path]
    fit.interrupt_at = 4
    assert main(command) == 130
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert path in line and "3 fits" in line and "continues" in line
    assert main(command) == 0 and fit.calls == 4 + 7


WRONG = {
    "no command": ([], ["table", "figure"]),
    "another command": (["tables", "1"], ["tables", "table"]),
    "no number": (["table"], ["number"]),
    "number": (["table", "6"], ["number", "6", "1", "5", "all"]),
    "figure": (["figure", "2"], ["number", "2", "1"]),
    "seeds": (["table", "1", "--seeds", "0"], ["--seeds", "at least 1", "0"]),
    "seeds text": (["table", "1", "--seeds", "x"], ["--seeds", "int", "x"]),
    "jobs": (["table", "1", "--jobs", "-1"], ["--jobs", "at least 1", "-1"]),
    "noise": (["table", "1", "--noise", "0"], ["--noise", "positive", "0"]),
    "noise nan": (["table", "1", "--noise", "nan"], ["--noise", "positive", "nan"]),
    "rows": (["table", "1", "--rows", "6"], ["--rows", "6", "1", "5"]),
    "weights": (["table", "1", "--weights", "rand"], ["--weights", "rand", "fan-in", "uniform"]),
    "inputs": (["table", "1", "--inputs", "rand"], ["--inputs", "rand", "uniform"]),
    "inputs as weights": (["table", "1", "--inputs", "fan-in"], ["--inputs", "fan-in", "all"]),
    "output": (["table", "1", "--output", "none/r.json"], ["path", "folder", "none/r.json"]),
    "unknown": (["table", "1", "--fast"], ["--fast"]),
}


@pytest.mark.parametrize("arguments, words", WRONG.values(), ids=WRONG)
def test_a_wrong_command_is_told_in_one_line(fit, arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 2 and fit.calls == 0 and all(w in line for w in words)
    assert not list(tmp_path.iterdir())


def test_a_foreign_file_is_told_in_one_line_and_kept(fit, tmp_path, capsys):
    path = tmp_path / "notes.json"
    path.write_text(json.dumps({"mine": 1}))
    with pytest.raises(SystemExit) as stop:
        main(["table", "1", "--output", str(path)])
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 2 and "notes.json" in line
    assert json.loads(path.read_text()) == {"mine": 1}


def test_help_shows_examples():
    command = [sys.executable, "-m", "polysos", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "python -m polysos table all" in shown.stdout and not shown.stderr


# -- bad input --------------------------------------------------------------------


def table(**options):
    return lambda: run_table(**{"number": 1, "seeds": 1, **options})


def planted(**options):
    return lambda: planted_instance(**{"degrees": (1,), "n_samples": 2, "width": 2, **options})


MISTAKES = {
    "table 0": (table(number=0), ValueError, ["number", "at least 1", "0"]),
    "table 6": (table(number=6), ValueError, ["number", "at most 5", "6"]),
    "table text": (table(number="1"), TypeError, ["number", "integer", "'1'"]),
    "no seeds": (table(seeds=0), ValueError, ["seeds", "at least 1", "0"]),
    "seeds in a list": (table(seeds=[1]), TypeError, ["seeds", "integer", "[1]"]),
    "weights": (table(weights="rand"), ValueError, ["weights", "'fan-in'", "'rand'"]),
    "weights matrix": (table(weights=np.eye(2)), ValueError, ["weights", "'randn'"]),
    "inputs": (table(inputs=None), ValueError, ["inputs", "'uniform'", "None"]),
    "jobs": (table(jobs=0), ValueError, ["jobs", "at least 1", "0"]),
    "no noise": (table(noise=0), ValueError, ["noise", "positive", "0"]),
    "noise nan": (table(noise=nan), ValueError, ["noise", "positive", "nan"]),
    "noise text": (table(noise="1"), ValueError, ["noise", "positive", "'1'"]),
    "row 0": (table(rows=[1, 0]), ValueError, ["rows[1]", "at least 1", "0"]),
    "row 6": (table(rows=[6]), ValueError, ["rows[0]", "at most 5", "6"]),
    "one row": (table(rows=1), TypeError, ["rows", "sequence", "1"]),
    "no rows": (table(rows=[]), ValueError, ["rows", "at least one"]),
    "path": (table(path="none/r.json"), ValueError, ["path", "folder", "none/r.json"]),
    "figure's seeds": (lambda: run_residuals(0), ValueError, ["seeds", "at least 1"]),
    "degrees": (planted(degrees=2), TypeError, ["degrees", "sequence", "2"]),
    "degree": (planted(degrees=(1, 0)), ValueError, ["degrees[1]", "at least 1", "0"]),
    "no degrees": (planted(degrees=()), ValueError, ["degrees", "0"]),
    "samples": (planted(n_samples=0), ValueError, ["n_samples", "at least 1", "0"]),
    "samples float": (planted(n_samples=2.0), TypeError, ["n_samples", "integer", "2.0"]),
    "width": (planted(width=0), ValueError, ["width", "at least 1", "0"]),
    "law": (planted(weights="both"), ValueError, ["weights", "'randn'", "'both'"]),
    "input law": (planted(inputs="fan-in"), ValueError, ["inputs", "'uniform'", "'fan-in'"]),
    "seed": (planted(seed=-1), ValueError, ["seed", "at least 0", "-1"]),
    "seed none": (planted(seed=None), TypeError, ["seed", "integer", "None"]),
    "negative noise": (planted(noise=-1), ValueError, ["noise", "positive", "-1"]),
    "residuals": (lambda: prediction_errors({}), TypeError, ["record", "Record", "{}"]),
    "recompute": (lambda: recompute(1), TypeError, ["record", "Record", "1"]),
}


@pytest.mark.parametrize("call, error, words", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named(fit, call, error, words):
    with pytest.raises(error) as raised:
        call()
    assert fit.calls == 0 and all(word in str(raised.value) for word in words)
