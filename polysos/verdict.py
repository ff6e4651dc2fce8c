"""A word for each printed number of the paper: reproduced, consistent or not reproduced.

Most of its numbers come from random instances whose law it does not state. They are compared with
means over as many instances of ours as its rows seem to hold; how many these are shows in the
printed norms of the noise, whose law it does state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from math import exp, lgamma, sqrt

import numpy as np
from scipy import stats

from .checks import check_integer, check_positive
from .experiments import prediction_errors
from .results import PAPER, Record

ROUNDING = 5e-5  # the tables have four decimals
READING = 2.5e-3  # and this is what can be read off the axes of Figure 1
_DRAWS = 10_000


class Word(StrEnum):
    """What is said of a printed number.

    REPRODUCED
        The paper says all that the number hangs on, or all but a random draw, and it came out:
        to the printed digits, or within the central part of the law of the draw.
    CONSISTENT
        The number hangs on something that the paper leaves open. Under at least one of the laws
        that we tried it lies within the central part of our own means.
    NOT_REPRODUCED
        Neither.
    NOT_JUDGED
        Another method on another machine says nothing about it.
    """

    REPRODUCED = "reproduced"
    CONSISTENT = "consistent"
    NOT_REPRODUCED = "not reproduced"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Judgement:
    """What the paper prints, a word, and the evidence.

    Attributes
    ----------
    place, quantity : str
        Where the number stands, and what it is.
    printed : float or str
    word : Word
    evidence : str
    bands : dict of str to (float, float)
        The central part of our means under each law that we tried; empty where no law is open.
    laws : tuple of str
        Those whose band holds the printed number.
    """

    place: str
    quantity: str
    printed: float | str
    word: Word
    evidence: str
    bands: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    laws: tuple[str, ...] = ()


def noise_norm(width: int, size: float = 1e-2) -> tuple[float, float]:
    """Mean and standard deviation of ||eps||_2 for eps = size * randn(width).

    >>> [round(v, 5) for v in noise_norm(20)]
    [0.04417, 0.00703]
    """
    check_integer("width", width, at_least=1)
    mean = sqrt(2) * exp(lgamma((width + 1) / 2) - lgamma(width / 2))
    return size * mean, size * sqrt(width - mean**2)


def instances_per_row(share: float = 0.95) -> tuple[float, float, float]:
    """How many instances the rows of Tables 1 to 4 average: from, most likely, to.

    If a printed norm of the noise is a mean over R instances, its deviation from the expected norm,
    over the standard deviation, is roughly normal with variance 1/R. Over the rows the squares add
    up to a chi-square variable over R. Were R = 1, the printed norms would scatter more.

    >>> [round(v, 1) for v in instances_per_row()]
    [4.1, 8.5, 14.6]
    """
    check_positive("share", share, below=1)
    squares = []
    for table in "1234":
        for _, width, *_, printed in PAPER["tables"][table]["rows"]:
            mean, deviation = noise_norm(width)
            squares.append(((printed - mean) / deviation) ** 2)
    low, high = stats.chi2.ppf([(1 - share) / 2, (1 + share) / 2], len(squares)) / sum(squares)
    return float(low), len(squares) / sum(squares), float(high)


def band(values, instances: int, share: float = 0.95) -> tuple[float, float]:
    """Where a mean of new values should lie: the central part of a bootstrap.

    Resample `values`, as many as there are, with replacement; of these draw `instances` and take
    the mean. The first step stands for the chance in our values, the second for that in the new
    ones: together the variance is about s^2 / n + s^2 / instances.

    >>> low, high = band(range(100), instances=100)
    >>> 40 < low < 43 and 56 < high < 59
    True
    """
    values, rng = np.asarray(values, dtype=float), np.random.default_rng(0)
    n = len(values)
    resampled = values[rng.integers(n, size=(_DRAWS, n))]
    drawn = np.take_along_axis(resampled, rng.integers(n, size=(_DRAWS, instances)), axis=1)
    low, high = np.quantile(drawn.mean(axis=1), [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def judge_fact(place: str, quantity: str, printed, holds: bool, evidence: str) -> Judgement:
    """The word for what needs no law: it holds or it does not."""
    word = Word.REPRODUCED if holds else Word.NOT_REPRODUCED
    return Judgement(place, quantity, printed, word, evidence)


def judge_number(
    place: str,
    quantity: str,
    printed: float,
    samples: dict,
    instances: int,
    share: float = 0.95,
    slack: float = ROUNDING,
) -> Judgement:
    """The word for a number that hangs on a law: `samples` holds our values under each."""
    bands = {law: band(values, instances, share) for law, values in samples.items()}

    def outside(law):
        low, high = bands[law]
        return max(low - slack - printed, printed - high - slack, 0.0)

    def nearness(law):
        return outside(law), abs(printed - np.mean(bands[law]))

    laws = tuple(sorted((law for law in bands if outside(law) == 0), key=nearness))
    nearest = min(bands, key=nearness)
    low, high = bands[nearest]
    evidence = f"{low:.4f} to {high:.4f}, {nearest}"
    word = Word.CONSISTENT if laws else Word.NOT_REPRODUCED
    return Judgement(place, quantity, printed, word, evidence, bands, laws)


def judge_tables(records: Iterable[Record], instances: int, share: float = 0.95) -> list[Judgement]:
    """A word for each number of Tables 1 to 5, in the paper's order.

    Parameters
    ----------
    records : iterable of Record
        All of them with the noise of the paper.
    instances : int
        How many instances a printed mean is taken to hold; fewer make the bands wider.
    share : float
        Of our means that a band holds.
    """
    check_integer("instances", instances, at_least=1)
    check_positive("share", share, below=1)
    rows = defaultdict(lambda: defaultdict(list))
    for r in records:
        rows[r.table, r.n_samples][r.weights, r.inputs].append(r)
    result = []
    for (table, n_samples), by_law in sorted(rows.items()):
        numbers = _printed(table, n_samples)
        result += [
            _judge_one(f"Table {table}", n_samples, q, numbers, by_law, instances, share)
            for q in numbers
            if q != "width"
        ]
    return result


def _judge_one(place, n_samples, quantity, numbers, by_law, instances, share) -> Judgement:
    name, printed = f"N = {n_samples}, {NAMES[quantity]}", numbers[quantity]
    if quantity == "eps_norm":
        low, high = 1e-2 * stats.chi.ppf([(1 - share) / 2, (1 + share) / 2], numbers["width"])
        return judge_fact(
            place, name, printed, low <= printed <= high, f"{low:.4f} to {high:.4f}, exact law"
        )
    if quantity == "seconds":
        ours = [r.seconds for own in by_law.values() for r in own]
        evidence = f"median {np.median(ours):.2f}, by other means"
        return Judgement(place, name, printed, Word.NOT_JUDGED, evidence)
    readings = ("_shared", "_fresh") if place == "Table 5" else ("",)
    samples = {
        law_name(*law, reading): [getattr(r, quantity + reading) for r in own]
        for law, own in by_law.items()
        for reading in readings
    }
    return judge_number(place, name, printed, samples, instances, share)


def judge_figure(records: Iterable[Record], share: float = 0.95) -> list[Judgement]:
    """A word for each end of the ranges in Figure 1, which shows a single instance."""
    ends = {"smallest entry": [], "largest entry": [], "smallest norm": [], "largest norm": []}
    ends = {name: defaultdict(list) for name in ends}
    size = PAPER["figure_1"]["n_samples"]
    for r in records:
        if (r.table, r.n_samples) != (5, size):
            continue
        errors = prediction_errors(r)
        for reading in ("_shared", "_fresh"):
            values = getattr(errors, reading[1:])
            norms = np.linalg.norm(values, axis=1)
            found = values.min(), values.max(), norms.min(), norms.max()
            for by_law, value in zip(ends.values(), found, strict=True):
                by_law[law_name(r.weights, r.inputs, reading)].append(float(value))
    printed = [*PAPER["figure_1"]["residual_entries"], *PAPER["figure_1"]["residual_norms"]]
    return [
        judge_number("Figure 1", name, value, by_law, 1, share, READING)
        for (name, by_law), value in zip(ends.items(), printed, strict=True)
    ]


NAMES = {
    "abs_err": "AbsErr",
    "rel_err": "RelErr",
    "seconds": "seconds",
    "eps_norm": "noise",
    "mse": "MSE",
    "rmse": "RMSE",
}


def law_name(weights: str, inputs: str, reading: str = "") -> str:
    """How a law is written, W before x.

    >>> law_name("randn", "uniform", "_fresh")
    'randn/uniform, fresh'
    """
    return f"{weights}/{inputs}" + (f", {reading[1:]}" if reading else "")


def _printed(table: int, n_samples: int) -> dict[str, float]:
    columns, rows = (PAPER["tables"][str(table)][key] for key in ("columns", "rows"))
    (row,) = (row for row in rows if row[0] == n_samples)
    return dict(zip(columns[1:], row[1:], strict=True))
