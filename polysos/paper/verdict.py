"""A word for each printed number of the paper: reproduced, consistent or not reproduced.

Most of its numbers come from random instances whose law it does not state. They are compared with
means over as many instances of ours as its rows seem to hold; how many these are shows in the
printed norms of the noise, whose law it does state. A law of ours that holds far fewer of the
numbers than the true law would is excluded: no number is called consistent by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import exp, lgamma, sqrt

import numpy as np
from scipy import stats

from ..checks import check_integer, check_positive
from .experiments import prediction_errors
from .results import PAPER, Record

ROUNDING = 5e-5  # the tables have four decimals
READING = 2.5e-3  # and this is what can be read off the axes of Figure 1
TRUE_SHARE = 0.9  # of new means that a band of 95 % really holds; the chapter measures it
_DRAWS = 5_000


class Word(StrEnum):
    """What is said of a printed number.

    REPRODUCED
        The paper says all that the number hangs on, or all but a random draw, and it came out:
        to the printed digits, or within the central part of the law of the draw.
    CONSISTENT
        The number hangs on something that the paper leaves open. Under at least one of the laws
        that we tried, and that the other numbers do not exclude, it lies within the central part
        of our own means.
    NOT_REPRODUCED
        Neither.
    NOT_JUDGED
        What we have says nothing about it: another method on another machine, or a number that
        only agrees with laws which the others exclude, where all that we tried are excluded.
    """

    REPRODUCED = "reproduced"
    CONSISTENT = "consistent"
    NOT_REPRODUCED = "not reproduced"
    NOT_JUDGED = "not judged"


class Kind(StrEnum):
    """What a printed number is about. Words are counted for each kind apart.

    FACT
        It follows from what the paper states.
    NOISE
        The norm of the noise, whose law is stated: training has no part in it.
    TRAINING
        It came out of training.
    SECONDS
        It was measured with a clock.
    """

    FACT = "fact"
    NOISE = "norm of the noise"
    TRAINING = "result of training"
    SECONDS = "seconds"


@dataclass(frozen=True)
class Judgement:
    """What the paper prints, a word, and the evidence.

    Attributes
    ----------
    place, quantity : str
        Where the number stands, and what it is.
    kind : Kind
    printed : float or str
    word : Word
    evidence : str
    bands : dict of str to (float, float)
        The central part of our means under each law that we tried, widened by the rounding of the
        printed number; empty where no law is open.
    excluded : tuple of str
        The laws that may not be appealed to.
    """

    place: str
    quantity: str
    kind: Kind
    printed: float | str
    word: Word
    evidence: str
    bands: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    excluded: tuple[str, ...] = ()

    @property
    def laws(self) -> tuple[str, ...]:
        """Those whose band holds the printed number, excluded ones as well."""
        return tuple(law for law, (low, high) in self.bands.items() if low <= self.printed <= high)


# -- what a number is a mean of ----------------------------------------------------


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


# -- bands -------------------------------------------------------------------------


def noise_band(width: int, instances: int, share: float = 0.95) -> tuple[float, float]:
    """Where a mean of norms of the noise should lie: the central part of its law, nearly normal.

    >>> [round(v, 4) for v in noise_band(20, instances=5)]
    [0.038, 0.0503]
    """
    check_integer("instances", instances, at_least=1)
    mean, deviation = noise_norm(width)
    half = float(stats.norm.ppf((1 + share) / 2)) * deviation / sqrt(instances)
    return mean - half, mean + half


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


def share_inside(rows, instances: int, share: float = 0.95, repeats: int = 5) -> float:
    """How often a mean made under one law lies in the band of another; or of the same.

    For each row some of our seeds stand for the paper: their mean is "printed" under the first law
    and judged by the other seeds under the second.

    Parameters
    ----------
    rows : iterable of (array, array)
        Our values under the first law and under the second, those of the same seed at the same
        place.
    instances : int
        How many values make a printed mean; at most half of them are taken.
    repeats : int
        How many means are made of each row.

    >>> values = np.random.default_rng(0).normal(size=(20, 60))
    >>> 0.9 < share_inside([(row, row) for row in values], instances=5) < 0.99
    True
    >>> share_inside([(row, row + 9) for row in values], instances=5)
    0.0
    """
    rng, inside = np.random.default_rng(0), []
    for made, judged in rows:
        made, judged = np.asarray(made), np.asarray(judged)
        count = min(instances, len(made) // 2)
        for _ in range(repeats):
            mixed = rng.permutation(len(made))
            mean = made[mixed[:count]].mean()
            low, high = band(judged[mixed[count:]], instances, share)
            inside.append(low - ROUNDING <= mean <= high + ROUNDING)
    return float(np.mean(inside))


# -- laws --------------------------------------------------------------------------


def joint_counts(judgements: Iterable[Judgement]) -> dict[str, int]:
    """How many of the numbers each law holds: one and the same law for all of them."""
    counts = {}
    for j in judgements:
        for law in j.bands:
            counts[law] = counts.get(law, 0) + (law in j.laws)
    return counts


def least_count(numbers: int, true_share: float = TRUE_SHARE, level: float = 0.01) -> int:
    """What the true law holds at least, of independent numbers, but for a chance below `level`.

    Each is held with the chance `true_share`; the count is binomial.

    >>> least_count(20), least_count(5)
    (14, 3)
    """
    return int(stats.binom.ppf(level, numbers, true_share))


def exclude_laws(
    judgements: Iterable[Judgement], true_share: float = TRUE_SHARE, level: float = 0.01
) -> list[Judgement]:
    """The same numbers, judged without the laws that hold fewer of them than the true law would.

    Tables 1 to 4 are taken together, and Table 5 alone: the paper does not say that their laws are
    the same. What counts is AbsErr, and RMSE; the column beside it says the same once more, and
    rows are independent.
    """
    judgements = list(judgements)
    counted = {True: [], False: []}
    for j in judgements:
        if j.quantity.endswith((", AbsErr", ", RMSE")):
            counted[j.place == "Table 5"].append(j)
    excluded = {
        is_fifth: tuple(
            law
            for law, held in joint_counts(own).items()
            if held < least_count(len(own), true_share, level)
        )
        for is_fifth, own in counted.items()
    }
    return [
        _by_number(replace(j, excluded=excluded[j.place == "Table 5"])) if j.bands else j
        for j in judgements
    ]


# -- words -------------------------------------------------------------------------


def judge_fact(
    place: str, quantity: str, printed, holds: bool, evidence: str, kind: Kind = Kind.FACT
) -> Judgement:
    """The word for what needs no law of ours: it holds or it does not."""
    word = Word.REPRODUCED if holds else Word.NOT_REPRODUCED
    return Judgement(place, quantity, kind, printed, word, evidence)


def judge_number(
    place: str,
    quantity: str,
    printed: float,
    samples: dict,
    instances: int,
    share: float = 0.95,
    excluded: tuple[str, ...] = (),
) -> Judgement:
    """The word for a number that hangs on a law: `samples` holds our values under each."""
    bands = {}
    for law, values in samples.items():
        low, high = band(values, instances, share)
        bands[law] = low - ROUNDING, high + ROUNDING
    return _by_number(
        Judgement(place, quantity, Kind.TRAINING, printed, Word.NOT_JUDGED, "", bands, excluded)
    )


def _by_number(j: Judgement) -> Judgement:
    """With the word and the nearest band of the laws that are not excluded."""
    allowed = [law for law in j.bands if law not in j.excluded]
    if not allowed:
        word = Word.NOT_JUDGED if j.laws else Word.NOT_REPRODUCED
        return replace(j, word=word, evidence="every law is excluded")

    def distance(law):
        low, high = j.bands[law]
        return max(low - j.printed, j.printed - high, 0.0), abs(j.printed - (low + high) / 2)

    nearest = min(allowed, key=distance)
    low, high = j.bands[nearest]
    word = Word.CONSISTENT if nearest in j.laws else Word.NOT_REPRODUCED
    return replace(j, word=word, evidence=f"{low:.4f} to {high:.4f}, {nearest}")


def judge_tables(
    records: Iterable[Record],
    instances: int,
    share: float = 0.95,
    true_share: float = TRUE_SHARE,
) -> list[Judgement]:
    """A word for each number of Tables 1 to 5, in the paper's order.

    Parameters
    ----------
    records : iterable of Record
        All of them with the noise of the paper.
    instances : int
        How many instances a printed mean is taken to hold; fewer make the bands wider.
    share : float
        Of our means that a band holds.
    true_share : float
        Of the numbers that the true law is expected to hold: see `exclude_laws`.
    """
    check_integer("instances", instances, at_least=1)
    check_positive("share", share, below=1)
    check_positive("true_share", true_share, below=1)
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
    return exclude_laws(result, true_share)


def _judge_one(place, n_samples, quantity, numbers, by_law, instances, share) -> Judgement:
    name, printed = f"N = {n_samples}, {NAMES[quantity]}", numbers[quantity]
    if quantity == "eps_norm":
        low, high = noise_band(numbers["width"], instances, share)
        holds = low - ROUNDING <= printed <= high + ROUNDING
        evidence = f"{low:.4f} to {high:.4f}, stated law"
        return judge_fact(place, name, printed, holds, evidence, Kind.NOISE)
    if quantity == "seconds":
        ours = [r.seconds for own in by_law.values() for r in own]
        evidence = f"mean {np.mean(ours):.2f}, by other means"
        return Judgement(place, name, Kind.SECONDS, printed, Word.NOT_JUDGED, evidence)
    readings = ("_shared", "_fresh") if place == "Table 5" else ("",)
    samples = {
        law_name(*law, reading): [getattr(r, quantity + reading) for r in own]
        for law, own in by_law.items()
        for reading in readings
    }
    return judge_number(place, name, printed, samples, instances, share)


def judge_figure(
    records: Iterable[Record], share: float = 0.95, excluded: tuple[str, ...] = ()
) -> Judgement:
    """One word for Figure 1, which shows a single instance: do ours look like that?

    Its two panels are one event. An instance of ours is like the figure's if all entries of its
    residuals and all their norms lie in the ranges that the figure shows. The figure is consistent
    with a law under which more than 1 - share of the instances are.
    """
    size, counts = PAPER["figure_1"]["n_samples"], defaultdict(list)
    for r in records:
        if (r.table, r.n_samples) == (5, size):
            errors = prediction_errors(r)
            for reading in ("_shared", "_fresh"):
                alike = is_like_the_figure(getattr(errors, reading[1:]))
                counts[law_name(r.weights, r.inputs, reading)].append(alike)
    everywhere = {law: np.mean(own) for law, own in counts.items()}
    shares = {law: alike for law, alike in everywhere.items() if law not in excluded}
    if not shares:
        known = max(everywhere.values(), default=1.0) > 1 - share
        word = Word.NOT_JUDGED if known else Word.NOT_REPRODUCED
        evidence = "every law is excluded"
    else:
        best = max(shares, key=shares.get)
        word = Word.CONSISTENT if shares[best] > 1 - share else Word.NOT_REPRODUCED
        evidence = f"{sum(counts[best])} of {len(counts[best])} instances, {best}"
    return Judgement(
        *("Figure 1", "entries and norms", Kind.TRAINING, "both panels", word, evidence),
        excluded=excluded,
    )


def is_like_the_figure(residuals) -> bool:
    """Do the entries of the residuals, and their norms, lie in the ranges that Figure 1 shows?

    >>> is_like_the_figure(np.full((50, 20), 0.01)), is_like_the_figure(np.full((50, 20), 0.02))
    (True, False)
    """
    ranges = PAPER["figure_1"]["residual_entries"], PAPER["figure_1"]["residual_norms"]
    values = residuals, np.linalg.norm(residuals, axis=1)
    return all(
        bool(low - READING <= own.min() and own.max() <= high + READING)
        for own, (low, high) in zip(values, ranges, strict=True)
    )


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
