"""Results of the experiments: one record a fit, in a file that survives an interruption.

The file is JSON with one record a line, sorted, so that two sweeps can be compared with `diff`; the
names of the fields stand once, before the records. It is replaced whole, every few seconds: a sweep
that is interrupted loses the fits in hand, one that is killed those of the last seconds.
"""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from dataclasses import astuple, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from math import sqrt
from operator import attrgetter
from pathlib import Path

import numpy as np

from ..checks import check_sequence, check_type

PAPER = json.loads(files("polysos.paper").joinpath("paper.json").read_text(encoding="utf-8"))

_FORMAT = "polysos results 2"
_PACKAGES = ("polysos", "numpy", "scipy", "cvxpy", "clarabel", "python-flint", "joblib")
_QUANTITIES = (
    *("abs_err", "rel_err", "eps_norm", "loss", "seconds"),
    *("mse_shared", "rmse_shared", "mse_fresh", "rmse_fresh"),
)


@dataclass(frozen=True, order=True)
class Experiment:
    """What identifies one fit: a table and a row of the paper, what it does not say, and a seed.

    `weights` and `inputs` are the laws of W and x, `noise` the standard deviation of eps.
    """

    table: int
    n_samples: int
    width: int
    weights: str
    inputs: str
    noise: float
    seed: int

    @property
    def degrees(self) -> tuple[int, ...]:
        return tuple(PAPER["tables"][str(self.table)]["degrees"])

    @property
    def group(self) -> tuple:
        """Everything but the seed."""
        return astuple(self)[:6]


@dataclass(frozen=True)
class Record(Experiment):
    """What came out of one fit; None where there is no such number.

    Attributes
    ----------
    coefficients : tuple of float
        Those that were learned. `planted_instance` has those that made the data.
    abs_err, rel_err, eps_norm : float
        ||c_true - c||_2, the same over ||eps||_2, and ||eps||_2.
    mse_shared, mse_fresh : float
        Mean over new data of the squared residual norm, as in `PredictionErrors`.
    rmse_shared, rmse_fresh : float
        Their roots.
    loss, lower_bound, status, rounding
        As in `Fit`: the bound is proven and rounded down, so this number is itself a bound.
    gap : float or None
        (loss - lower_bound) / loss.
    seconds : float
    run : int or None
        Number, in `Results.runs`, of the run that made the record.
    """

    coefficients: tuple[float, ...]
    abs_err: float
    eps_norm: float
    mse_shared: float
    mse_fresh: float
    loss: float
    lower_bound: float | None
    rounding: float | None
    status: str
    seconds: float
    run: int | None = None

    @property
    def experiment(self) -> Experiment:
        return Experiment(*(getattr(self, f.name) for f in fields(Experiment)))

    @property
    def rel_err(self) -> float:
        return self.abs_err / self.eps_norm

    @property
    def gap(self) -> float | None:
        if self.lower_bound is None:
            return None
        return (self.loss - self.lower_bound) / self.loss if self.loss > 0 else 0.0

    @property
    def rmse_shared(self) -> float:
        return sqrt(self.mse_shared)

    @property
    def rmse_fresh(self) -> float:
        return sqrt(self.mse_fresh)


_FIELDS = [f.name for f in fields(Record)]
_VALUES = attrgetter(*_FIELDS)
_place = attrgetter(*(f.name for f in fields(Experiment)))


@dataclass(frozen=True)
class Results:
    """What a file holds: the records, and where and when they were made.

    `runs` has an entry for every start of a sweep: the call, the number of jobs, the date, the
    machine and the versions. `Record.run` is a position in it.
    """

    runs: tuple[dict, ...] = field(default=(), repr=False)
    records: tuple[Record, ...] = ()


def load_results(path) -> Results:
    """Read a file that `run_table` wrote.

    Raises
    ------
    ValueError
        If the file is damaged or something else.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("format") != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT!r}")
        records = [_from_json(data["fields"], values) for values in data["records"]]
        if len(set(map(_place, records))) < len(records):
            raise ValueError("two records are of the same fit")
        return Results(tuple(data["runs"]), tuple(sorted(records, key=_place)))
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"path must name results written by run_table, got {path}: {error}"
        ) from error


def stored_results(path) -> Results:
    """What the file holds; nothing where there is no file yet."""
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"path must name a file in a folder that exists, got {path}")
    return load_results(path) if path.exists() else Results()


def begin_run(path, call: str, jobs: int) -> int:
    """Note in the file that a sweep begins; the number of its run."""
    results = stored_results(path)
    run = {
        "call": call,
        "jobs": jobs,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in _PACKAGES},
    }
    _write(path, Results((*results.runs, run), results.records))
    return len(results.runs)


def add_records(path, records) -> None:
    """Put more records into the file, next to what it holds by now.

    After an interruption nobody knows whether they are there already: they are put there once.
    """
    results = load_results(path)
    by_place = {_place(r): r for r in (*results.records, *records)}
    _write(path, Results(results.runs, tuple(by_place.values())))


def _write(path, results: Results) -> None:
    records = sorted(results.records, key=_place)
    text = (
        f'{{\n"format": {json.dumps(_FORMAT)},\n'
        f'"runs": {_lines(results.runs)},\n'
        f'"fields": {json.dumps(_FIELDS)},\n'
        f'"records": {_lines(map(_VALUES, records))}\n}}\n'
    )
    path = Path(path).resolve()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)  # readers see the old file or the new one, nothing in between
    finally:
        draft.unlink(missing_ok=True)


def _lines(items) -> str:
    lines = (json.dumps(item, allow_nan=False, separators=(",", ":")) for item in items)
    return "[\n" + ",\n".join(lines) + "\n]"


def _from_json(names: list[str], values: list) -> Record:
    data = dict(zip(names, values, strict=True))
    return Record(**{**data, "coefficients": tuple(data["coefficients"])})


@dataclass(frozen=True)
class Spread:
    """How a number varies over the seeds: its mean, and its quartiles with both ends.

    >>> Spread.of([4.0, 1.0, 2.0, 3.0, 100.0])
    Spread(mean=22.0, smallest=1.0, lower=2.0, median=3.0, upper=4.0, largest=100.0)
    """

    mean: float
    smallest: float
    lower: float
    median: float
    upper: float
    largest: float

    @staticmethod
    def of(values) -> Spread:
        return Spread(float(np.mean(values)), *np.quantile(values, np.arange(5) / 4).tolist())


@dataclass(frozen=True)
class Summary:
    """One row of a table, over all its seeds.

    Attributes
    ----------
    table, n_samples, width, weights, inputs, noise
        As in `Experiment`.
    seeds, certified : int
        How many fits there are, and how many of them are certified.
    spreads : dict of str to Spread
        Of abs_err, rel_err, eps_norm, loss, seconds, mse_shared, rmse_shared, mse_fresh and
        rmse_fresh.
    paper : dict of str to float
        What the paper prints: abs_err, rel_err, seconds and eps_norm, in Table 5 mse and rmse.
    """

    table: int
    n_samples: int
    width: int
    weights: str
    inputs: str
    noise: float
    seeds: int
    certified: int
    spreads: dict[str, Spread]
    paper: dict[str, float]


def summarise(records) -> list[Summary]:
    """The rows of the tables: means and spreads over the seeds, beside the paper's values.

    Parameters
    ----------
    records : iterable of Record
        From `run_table` or `load_results`.

    Returns
    -------
    list of Summary
        One for each row of a table, law of the weights, law of the inputs and size of the noise.
    """
    groups = defaultdict(list)
    for i, record in enumerate(check_sequence("records", records)):
        check_type(f"records[{i}]", record, Record)
        groups[record.group].append(record)
    return [
        Summary(
            *group,
            seeds=len(own),
            certified=sum(r.status == "certified" for r in own),
            spreads={q: Spread.of([getattr(r, q) for r in own]) for q in _QUANTITIES},
            paper=_paper_row(*group[:3]),
        )
        for group, own in sorted(groups.items())
    ]


def _paper_row(table: int, n_samples: int, width: int) -> dict[str, float]:
    columns, rows = (PAPER["tables"][str(table)][key] for key in ("columns", "rows"))
    (row,) = (row for row in rows if row[:2] == [n_samples, width])
    return dict(zip(columns[2:], row[2:], strict=True))
