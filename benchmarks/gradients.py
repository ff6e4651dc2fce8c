"""Local methods against proven optima: the numbers of the chapter on gradients.

python -m benchmarks.gradients                 a quarter of an hour; writes the stored results
python -m benchmarks.gradients --part table    one part only: table, stopping or training

Tuning and measuring use different problems. The learning rate and the size of the starts are those
with the most successes on one problem of a kind (seed 1000), for each method; then they stay.
"""

from __future__ import annotations

import argparse
import json
import platform
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np

import polysos as ps
from benchmarks import hybrids
from polysos.paper.experiments import planted_instance
from polysos.paper.results import PAPER
from polysos.training.compilation import compile_residuals
from polysos.training.local_methods import BY_RATE, METHODS, descend

PATH = Path(__file__).parents[1] / "chapters" / "beyond" / "results" / "gradients.json"
STEPS = {"gradient descent": 4000, "Adam": 4000, "L-BFGS": 2000, "Levenberg-Marquardt": 200}
RATES = (0.003, 0.03, 0.3, 1.0)
SIZES = (0.3, 1.0)  # of the random starts, in units of the law of the true coefficients
STARTS = 10
STOPPED_STARTS = 3
WITHIN = 0.01  # of the proven optimum: a success
TUNING_SEED = 1000
ROWS = (1, 3, 5)  # of each table of the paper: 50, 150 and 250 samples
PAPER_SEEDS = range(3)
OTHER_SEEDS = range(6)
WIDTHS = (4, 6, 5, 1)
SAMPLES = 100


def kinds() -> list[dict]:
    """What a row of the table is about: a law of problems."""
    tables = PAPER["tables"]
    of_paper = [
        {"law": law, "table": t, "row": row, "degrees": tables[str(t)]["degrees"]}
        for law in ("randn", "fan-in")
        for t in range(1, 6)
        for row in ROWS
    ]
    others = [
        {"law": "one output", "degrees": degrees, "noise": noise}
        for degrees in ([2, 2], [2, 3], [3, 3])
        for noise in (0.05, 0.5)
    ]
    return of_paper + others


def seeds_of(kind: dict) -> range:
    return OTHER_SEEDS if kind["law"] == "one output" else PAPER_SEEDS


def data_of(kind: dict, seed: int):
    """(net, inputs, outputs, loss)."""
    if kind["law"] == "one output":
        return *one_output(kind["degrees"], kind["noise"], seed), "sample-squares"
    size = PAPER["tables"][str(kind["table"])]["rows"][kind["row"] - 1][:2]
    instance = planted_instance(kind["degrees"], *size, weights=kind["law"], seed=seed)
    return instance.net, instance.inputs, instance.outputs, "mean-squares"


def one_output(degrees, noise: float, seed: int):
    """Fan-in weights, a hundred samples, noise of each its own, in units of the outputs' spread."""
    rng = np.random.default_rng([seed, *degrees])
    shapes = list(zip(WIDTHS[1:], WIDTHS[:-1], strict=True))
    net = ps.PolynomialNetwork([rng.standard_normal(s) / np.sqrt(s[1]) for s in shapes], degrees)
    X = rng.standard_normal((SAMPLES, WIDTHS[0]))
    exact, drawn = net(rng.standard_normal(net.n_coefficients), X), rng.standard_normal(SAMPLES)
    return net, X, exact + noise * exact.std() * drawn[:, None]


def starts_of(r, size: float, seed: int, count: int = STARTS) -> np.ndarray:
    return size * np.random.default_rng([seed, 7]).standard_normal((count, r.n_coefficients))


# The table


@cache
def tuned(text: str) -> dict:
    """For each method the rate and the size of starts with most successes, on a problem apart."""
    kind = json.loads(text)
    *data, loss = data_of(kind, TUNING_SEED)
    optimum, r = ps.fit(*data, loss).loss, compile_residuals(*data, loss)
    found = {}
    for method in METHODS:
        tried = []
        for rate, size in product(RATES if method in BY_RATE else (1.0,), SIZES):
            losses = descend(r, starts_of(r, size, TUNING_SEED), method, STEPS[method], rate).losses
            successes = int((losses <= (1 + WITHIN) * optimum).sum())
            tried.append((-successes, float(np.median(losses)), rate, size))
        found[method] = dict(zip(("rate", "size"), min(tried)[2:], strict=True))
    return found


def measured(kind: dict, seed: int, settings: dict, methods=METHODS) -> dict:
    """Losses of all starts over the proven bound, and seconds beside those of the proof."""
    *data, loss = data_of(kind, seed)
    fit = ps.fit(*data, loss)
    r = compile_residuals(*data, loss)
    record = {"seed": seed, "certified": fit.certified, "optimum": fit.loss, "gap": fit.gap}
    record |= {"fit_seconds": round(fit.seconds, 4), "share": float(f"{fit.loss / r.scale:.4g}")}
    for method in methods:
        own = settings[method]
        ends = descend(r, starts_of(r, own["size"], seed), method, STEPS[method], own["rate"])
        ratios = [float(f"{v:.6g}") for v in ends.losses / fit.loss]
        record[method] = {"ratios": ratios, "seconds": float(f"{ends.seconds:.3g}")}
    return record


def table() -> list[dict]:
    return [row_of(kind) for kind in kinds()]


def row_of(kind: dict) -> dict:
    """The rows of one table of the paper share the settings that suit its third."""
    settings = tuned(json.dumps({**kind, "row": 3} if "row" in kind else kind))
    records = [measured(kind, seed, settings) for seed in seeds_of(kind)]
    return {**kind, "settings": settings, "records": records}


def summary(records: list[dict], method: str) -> tuple[float, float]:
    """(part of the starts within WITHIN, seconds to the first success over those of the proof)."""
    ratios = np.concatenate([record[method]["ratios"] for record in records])
    rate = float((ratios <= 1 + WITHIN).mean())
    costs = [record[method]["seconds"] / record["fit_seconds"] for record in records]
    return rate, float(np.median(costs)) / rate if rate else float("inf")


# Hybrids


def stopping() -> list[dict]:
    """When Adam stops by itself, and when by a certificate."""
    rows = []
    for degrees, noise in product(([2, 2], [2, 3]), (0.05, 0.5)):
        records = []
        for seed in OTHER_SEEDS:
            data = one_output(degrees, noise, seed)
            records += hybrids.stopped(data, "sample-squares", seed, STOPPED_STARTS)
        rows.append({"degrees": degrees, "noise": noise, "records": records})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=tuple(PARTS))
    chosen = parser.parse_args().part
    for name in [chosen] if chosen else PARTS:
        begin = perf_counter()
        result = PARTS[name]()
        stored = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
        stored[name] = {
            "command": f"python -m benchmarks.gradients --part {name}",
            "seconds": round(perf_counter() - begin),
            "versions": {p: version(p) for p in ("numpy", "scipy", "jax", "optax", "scikit-learn")}
            | {"python": platform.python_version()},
            "results": result,
        }
        PATH.parent.mkdir(exist_ok=True)
        PATH.write_text(written(stored), encoding="utf-8")


def written(stored: dict) -> str:
    """JSON with one result a line."""
    lines = []
    for name, part in stored.items():
        results = ",\n".join(json.dumps(row) for row in part["results"])
        head = {k: v for k, v in part.items() if k != "results"}
        lines.append(f'{json.dumps(name)}: {json.dumps(head)[:-1]}, "results": [\n{results}\n]}}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


PARTS = {"table": table, "stopping": stopping, "training": hybrids.training}

if __name__ == "__main__":
    main()
