"""Squared losses: how far certificates centred at a candidate get, and what they cost.

python -m benchmarks.squared_losses              about an hour; prints tables in Markdown
python -m benchmarks.squared_losses --seeds 3    three problems a cell instead of eight
"""

from __future__ import annotations

import argparse
from collections import Counter
from statistics import median
from time import perf_counter

import numpy as np

import polysos as ps
from benchmarks.cases import LAWS, ROWS, TABLES, sized_case, table_case
from polysos.training.compilation import compile_residuals
from polysos.training.recovery import polish
from polysos.training.variable_projection import VariableProjection

WIDTHS = (4, 6, 5, 4, 3)  # of the inputs and the hidden layers; one output behind the last of them
CELLS = [
    (degrees, noise)
    for degrees in ((2, 2), (2, 3), (3, 2), (3, 3), (2, 2, 2))
    for noise in (0.05, 0.5)
]
FAR = [  # misfit far from the model
    (degrees, target)
    for degrees in ((2, 2), (2, 3), (3, 3), (2, 2, 2))
    for target in ("noise 10", "sine", "pure noise")
]
LARGE = [(degrees, noise) for degrees in ((4, 3), (3, 4), (4, 4)) for noise in (0.05, 0.5)]
SAMPLES = 100
MANY = 300  # more than there are monomials
SEARCHES = 5  # of which the median counts
STARTS = 12  # of each kind of local search, on each problem


def one_output(degrees, target, seed: int, samples: int = SAMPLES, moderate: bool = False):
    """(net, inputs, outputs): fan-in weights, one output, samples with noise each.

    Moderate inputs are uniform in [-1, 1]: else powers of the largest outweigh all others.
    """
    rng = np.random.default_rng([seed, *degrees])
    widths = [*WIDTHS[: len(degrees) + 1], 1]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    net = ps.PolynomialNetwork([rng.standard_normal(s) / np.sqrt(s[1]) for s in shapes], degrees)
    shape = (samples, widths[0])
    X = rng.uniform(-1, 1, shape) if moderate else rng.standard_normal(shape)
    exact, drawn = (
        net(rng.standard_normal(net.n_coefficients), X),
        rng.standard_normal((samples, 1)),
    )
    if target == "sine":
        return net, X, np.sin(2 * X[:, :1]) + X[:, 1:2]
    if target == "pure noise":
        return net, X, drawn
    noise = float(str(target).split()[-1])
    return net, X, exact + noise * exact.std() * drawn


def seconds_of_a_search(data, loss: str) -> float:
    """One local search from a random start, the residuals compiled."""
    r, rng, spent = compile_residuals(*data, loss), np.random.default_rng(0), []
    for _ in range(SEARCHES):
        start, begin = rng.standard_normal(r.n_coefficients), perf_counter()
        polish(r, start)
        spent.append(perf_counter() - begin)
    return median(spent)


def measured(cases, loss: str) -> list[str]:
    """Columns of one row: proven, how, gap, strength, seconds in all, in searches."""
    fits, ratios = [], []
    for data in cases:
        found = ps.fit(*data, loss=loss, time_limit=60)
        assert found.proof.verify()
        fits.append(found)
        ratios.append(found.seconds / seconds_of_a_search(data, loss))
    proven = [f for f in fits if f.certified and f.gap <= 1e-9]
    programs = sum("program" in f.message for f in proven)
    gaps = [f.gap for f in proven]
    parts = [f.lower_bound / f.loss for f in fits if not f.certified]
    return [
        f"{len(proven)} of {len(fits)}",
        str(programs),
        f"{max(gaps, default=np.nan):.0e}",
        f"{min((f.strength for f in proven), default=np.nan):.2g}",
        f"{min(parts):.3f}" if parts else "",
        f"{median(f.seconds for f in fits):.2f}",
        f"{max(f.seconds for f in fits):.1f}",
        f"{median(ratios):.0f}",
    ]


def compared(cases) -> list[str]:
    """Two kinds of local search: how often each finds the best known loss, and milliseconds."""
    hits, spent = np.zeros(2), np.zeros(2)
    for data in cases:
        r = compile_residuals(*data, "sample-squares")
        losses, seconds = zip(
            *(searched(r, kind) for kind in (None, VariableProjection(r))), strict=True
        )
        hits += (np.array(losses) <= np.min(losses) * (1 + 1e-6)).sum(axis=1)
        spent += seconds
    total = STARTS * len(cases)
    return [f"{hits[k] / total:.0%}, {1e3 * spent[k] / total:.0f} ms" for k in (0, 1)]


def searched(r, reduced: VariableProjection | None) -> tuple[list[float], float]:
    """Losses at the ends of local searches, and the seconds of all."""
    rng, losses, begin = np.random.default_rng(0), [], perf_counter()
    for _ in range(STARTS):
        start = rng.standard_normal(r.n_coefficients) if reduced is None else reduced.search(rng)
        losses.append(r.loss(polish(r, start)))
    return losses, perf_counter() - begin


HEAD = [
    *("proven", "by a program", "largest gap", "smallest strength", "else bound / loss, smallest"),
    *("seconds, median", "largest", "local searches, median"),
]


def table(title: str, rows: list[list[str]], head=HEAD) -> None:
    for row in ([title, *head], ["---"] * (1 + len(head)), *rows):
        print("| " + " | ".join(row) + " |", flush=True)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    seeds = range(parser.parse_args().seeds)
    for title, cells in (("one output, degrees, noise", CELLS), ("far from the model", FAR)):
        rows = []
        for degrees, target in cells:
            cases = [one_output(degrees, target, seed) for seed in seeds]
            words = target if isinstance(target, str) else f"{target:.0%}"
            rows.append([f"{degrees}, {words}", *measured(cases, "sample-squares")])
        table(title, rows)
    rows = []
    for degrees, noise in LARGE:
        cases = [one_output(degrees, noise, seed, MANY, True) for seed in seeds[:3]]
        rows.append([f"{degrees}, {noise:.0%}", *measured(cases, "sample-squares")])
    table("large, moderate inputs", rows)
    rows = []
    for degrees, target in CELLS:
        cases = [one_output(degrees, target, seed) for seed in seeds]
        rows.append([f"{degrees}, {target:.0%}", *compared(cases)])
    table("local searches that find the best", rows, ("all coefficients", "variable projection"))
    table(
        "mean squares of Tables 1 to 5, law",
        [
            [
                f"Table {t}, {law}",
                *measured(
                    [table_case(t, row, law, s) for row in ROWS for s in seeds[:3]],
                    "mean-squares",
                ),
            ]
            for t in TABLES
            for law in LAWS
        ],
    )
    table(
        "size, degrees (2, 2)",
        [
            [f"{n:,} samples, width {w}", *measured([sized_case((2, 2), n, w, "fan-in", 0)], loss)]
            for n, w, loss in ((1_000_000, 8, "sample-squares"), (1000, 500, "mean-squares"))
        ],
    )
    counts = Counter()
    for seed in seeds:
        data = one_output((2, 2, 2, 2) if seed % 2 else (4, 4), 0.05, seed)
        found = ps.fit(*data, time_limit=60)
        counts[data[0].degrees, str(found.status)] += 1
    print("Beyond, noise 5 %, a minute each:", dict(counts))


if __name__ == "__main__":
    main()
