"""Where certificates for squared losses end: many random problems a cell, and a map.

python -m benchmarks.squared_map               hours; goes on where it was stopped
python -m benchmarks.squared_map --tell        prints the table and draws the map again

One problem after the other, one output and a hundred samples each, as in `squared_losses`. What is
measured goes to `squared_map.jsonl`, one line a problem, as soon as it is known.
"""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from pathlib import Path
from statistics import median
from time import perf_counter
from unittest import mock

import numpy as np
from tqdm import tqdm

import polysos as ps
from benchmarks.squared_losses import one_output, seconds_of_a_search
from polysos.training import centring
from polysos.training.compilation import compile_residuals

STORED = Path(__file__).with_name("squared_map.jsonl")
PICTURE = Path(__file__).with_name("squared_map.png")
DEGREES = ((2, 2), (2, 3), (3, 2), (3, 3), (2, 2, 2))
TARGETS = (0.01, 0.05, 0.2, 0.5, 1, "noise 10", "sine", "pure noise")
ASKED = (0.05, 0.5)  # a hundred problems a cell, whatever they cost
MANY, FEW = 100, 20
LIMIT = 60  # seconds a fit


def problems() -> list[tuple]:
    """(degrees, target, seed), the cells that matter first."""
    cells = [(d, t) for d in DEGREES for t in TARGETS]
    cells.sort(key=lambda cell: cell[1] not in ASKED)
    return [
        (d, t, seed) for d, t in cells for seed in range(MANY if t in ASKED or len(d) == 2 else FEW)
    ]


class Stopwatch:
    """The seconds spent in functions, together."""

    def __init__(self):
        self.seconds = 0.0

    def around(self, f):
        def timed(*args, **kwargs):
            begin = perf_counter()
            try:
                return f(*args, **kwargs)
            finally:
                self.seconds += perf_counter() - begin

        return timed


def measured(degrees, target, seed: int) -> dict:
    data, proofs = one_output(degrees, target, seed), Stopwatch()
    names = ("centred_proof", "uncentred_bound", "GramMatrices", "LargeGramMatrices")
    patches = [mock.patch.object(centring, n, proofs.around(getattr(centring, n))) for n in names]
    begin = perf_counter()
    compile_residuals(*data, "sample-squares")
    compiling = perf_counter() - begin
    for patch in patches:
        patch.start()
    try:
        found = ps.fit(*data, time_limit=LIMIT)
    finally:
        mock.patch.stopall()
    assert found.proof.verify()
    return {
        "degrees": degrees,
        "target": target,
        "seed": seed,
        "proven": found.certified and found.gap <= 1e-9,
        "program": "program" in found.message,
        "gap": found.gap if found.certified else None,
        "bound": found.lower_bound / found.loss,
        "strength": found.strength,
        "seconds": found.seconds,
        "proof": proofs.seconds,
        "compiling": compiling,
        "search": seconds_of_a_search(data, "sample-squares"),
    }


def stored() -> list[dict]:
    return [json.loads(line) for line in STORED.read_text().splitlines()] if STORED.exists() else []


def by_cell(rows: list[dict]) -> dict[tuple, list[dict]]:
    def cell(row):
        return tuple(row["degrees"]), row["target"]

    order = [(d, t) for d in DEGREES for t in TARGETS]
    rows = sorted(rows, key=lambda row: order.index(cell(row)))
    return {key: list(group) for key, group in groupby(rows, cell)}


def words(target) -> str:
    return target if isinstance(target, str) else f"{target:.0%}"


def row_of(cell: tuple, rows: list[dict]) -> str:
    proven = [r for r in rows if r["proven"]]
    others = [r["bound"] for r in rows if not r["proven"]]
    searching = [r["seconds"] - r["proof"] - r["compiling"] for r in rows]
    columns = (
        f"{cell[0]}, {words(cell[1])}",
        f"{len(proven)} of {len(rows)}",
        str(sum(r["program"] for r in proven)),
        f"{max((r['gap'] for r in proven), default=np.nan):.0e}",
        f"{min((r['strength'] for r in proven), default=np.nan):.2g}",
        f"{min(others):.3f}" if others else "-",
        f"{median(r['seconds'] for r in rows):.2f}",
        f"{max(r['seconds'] for r in rows):.1f}",
        f"{median(r['proof'] for r in rows):.2f}",
        f"{median(r['proof'] / r['search'] for r in rows):.1f}",
        f"{median(r['proof'] / max(s, 1e-3) for r, s in zip(rows, searching, strict=True)):.1f}",
    )
    return "| " + " | ".join(columns) + " |"


HEAD = (
    *("one output, degrees, noise", "proven", "by a program", "largest gap", "smallest strength"),
    *("else bound / loss, smallest", "seconds, median", "largest", "proof, median"),
    *("over one local search", "over the search"),
)


def tell() -> None:
    cells = by_cell(stored())
    print("| " + " | ".join(HEAD) + " |")
    print("| " + " | ".join(["---"] * len(HEAD)) + " |")
    for cell, rows in cells.items():
        print(row_of(cell, rows))
    draw(cells)


def draw(cells: dict[tuple, list[dict]]) -> None:
    import matplotlib.pyplot as plt

    share = np.full((len(DEGREES), len(TARGETS)), np.nan)
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for (degrees, target), rows in cells.items():
        i, j = DEGREES.index(degrees), TARGETS.index(target)
        share[i, j] = np.mean([r["proven"] for r in rows])
        dark = share[i, j] < 0.6
        axes.text(
            *(j, i, f"{share[i, j]:.0%}\nof {len(rows)}"),
            **dict(ha="center", va="center", fontsize=8, color="white" if dark else "black"),
        )
    axes.imshow(share, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(TARGETS)), [words(t) for t in TARGETS])
    axes.set_yticks(range(len(DEGREES)), [str(d) for d in DEGREES])
    axes.set(xlabel="noise, or another target", ylabel="degrees")
    figure.savefig(PICTURE, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tell", action="store_true")
    if not parser.parse_args().tell:
        known = {(tuple(r["degrees"]), r["target"], r["seed"]) for r in stored()}
        for problem in tqdm([p for p in problems() if p not in known]):
            line = json.dumps(measured(*problem))
            with STORED.open("a") as file:
                file.write(line + "\n")
    tell()


if __name__ == "__main__":
    main()
