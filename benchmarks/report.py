"""Measure everything in one run and write down the ratios: see README.md in this folder.

python benchmarks/report.py            up to an hour; the machine should do nothing else
python benchmarks/report.py --quick    a trial of two minutes; its results go to _build/benchmarks
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median

import numpy as np
from cases import (
    LAWS,
    ROWS,
    SOLVERS,
    TABLES,
    dense_relaxation,
    descend,
    fit_and_memory,
    proven_fit,
    sized_case,
    table_case,
    timed,
)
from threadpoolctl import threadpool_info
from tqdm import tqdm

from polysos.training.compilation import compile_residuals

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- results, written by report.py -->\n", "<!-- end of results -->"
PICTURE = (
    "![Seconds against the number of samples, the width, the number of coefficients and the "
    "depth](growth.png)"
)
PACKAGES = ("polysos", "numpy", "scipy", "cvxpy", "clarabel", "scs", "python-flint")
ACCURACY = 1e-6  # that the dense relaxation has to reach
STARTS = 5  # of local searches for each fit, of which the median counts
LAW = "fan-in"  # of the growth: values stay of size 1 at every width and depth
PANELS = {
    "samples": [((2, 3), N, 20) for N in (50, 500, 5000, 50_000, 10**6)],
    "width": [((2, 2), 1000, m) for m in (10, 20, 50, 100, 200, 500)],
    "coefficients": [(d, 250, 100) for d in ((1,), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (4, 3))],
    "depth": [((1,) * D, 50, 20) for D in TABLES],
    "depth, first degree 2": [((2, *(1,) * (D - 1)), 50, 20) for D in TABLES],
}


# Measuring


def measure(seeds: int, quick: bool) -> dict:
    warm = table_case(3, 1, "randn", seed=0)
    pair_and_search(warm, 0)
    found = {"run": describe_run(seeds, quick)}
    found["tables"] = measure_tables(seeds, ROWS[::4] if quick else ROWS)
    found["samples"] = measure_samples(50_000 if quick else 10**6)
    found["width"] = measure_width(100 if quick else 500)
    panels = {k: v[:3] for k, v in PANELS.items()} if quick else PANELS
    found["growth"] = measure_growth(panels, 1 if quick else min(seeds, 3))
    found["dense"] = measure_dense(2 if quick else 3)  # the longest, whose ratios are the largest
    return found


def describe_run(seeds: int, quick: bool) -> dict:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "seeds": seeds,
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "blas_threads": max((pool["num_threads"] for pool in threadpool_info()), default=1),
        "load_at_the_start": round(os.getloadavg()[0], 2),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
    }


def pair(case, seed: int) -> dict:
    """A fit and, at once after it, local searches for the same data."""
    found, seconds = timed(proven_fit, *case)
    verified, verification = timed(found.proof.verify)
    result = {
        "certified": found.certified and verified,
        "gap": found.gap,
        "loss": found.loss,
        "seconds": seconds,
        "verification_seconds": verification,
    }
    searches = [timed(descend, *case, [seed, k]) for k in range(STARTS)]
    return result | {"lm_seconds": median(t for _, t in searches)}


def pair_and_search(case, seed: int) -> dict:
    """The same, and local searches for the loss that is fitted."""
    result = pair(case, seed)
    searches = [timed(descend, *case, [seed, k], "mean-sup") for k in range(STARTS)]
    r = compile_residuals(*case, "mean-sup")
    succeed = [r.loss(c) <= result["loss"] * (1 + 1e-6) for c, _ in searches]
    search = {"search_seconds": median(t for _, t in searches), "search_succeeds": mean(succeed)}
    return result | search


def measure_tables(seeds: int, rows) -> list[dict]:
    """Tables and laws take turns, so that a slow minute of the machine hits all alike."""
    cases = [
        dict(zip(("seed", "row", "table", "law"), case, strict=True))
        for case in product(range(seeds), rows, TABLES, LAWS)
    ]
    return [c | pair_and_search(table_case(**c), c["seed"]) for c in tqdm(cases, "Tables 1 to 5")]


def measure_dense(order: int) -> list[dict]:
    """The relaxation between two fits; a solver that is inaccurate is asked for more."""
    results = []
    for table, law, solver in tqdm([*product((1, 2), LAWS, SOLVERS)], f"dense, order {order}"):
        case = table_case(table, 1, law, seed=0)
        for tolerance in (1e-6, 1e-8):
            before = proven_fit(*case)
            dense, seconds = timed(dense_relaxation, *case, solver, tolerance, order)
            after = proven_fit(*case)
            own = (before.seconds + after.seconds) / 2
            result = {"table": table, "law": law, "solver": solver, "tolerance": tolerance}
            result |= dense | {"order": order, "seconds": seconds, "fit_seconds": own}
            result |= {"minimum": before.loss, "certified": before.certified}
            results.append(result)
            accurate = dense["residual"] is not None and dense["residual"] <= ACCURACY
            if accurate or seconds > SOLVERS[solver]:  # or stopped: more accurate takes longer
                break
    return results


def measure_samples(n_samples: int) -> list[dict]:
    results = []
    for law in tqdm(LAWS, f"N = {n_samples:,}"):
        # a process of its own, or its memory would be that of everything before
        size = {"degrees": (2, 3), "n_samples": n_samples, "width": 20, "law": law}
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            results.append(size | pool.submit(fit_and_memory, **size, seed=0).result())
    return results


def measure_width(width: int) -> list[dict]:
    results = []
    for degrees, law in tqdm([*product(((2, 2), (2, 3), (3, 2)), LAWS)], f"width {width}"):
        size = {"degrees": degrees, "n_samples": 1000, "width": width, "law": law}
        results.append(size | pair(sized_case(**size, seed=0), 0))
    return results


def measure_growth(panels: dict, seeds: int) -> list[dict]:
    cases = [
        (seed, panel, size) for seed in range(seeds) for panel in panels for size in panels[panel]
    ]
    results = []
    for seed, panel, (degrees, n_samples, width) in tqdm(cases, "growth"):
        case = sized_case(degrees, n_samples, width, LAW, seed)
        size = {"degrees": degrees, "n_samples": n_samples, "width": width}
        size |= {"n_coefficients": case[0].n_coefficients, "depth": len(degrees)}
        results.append({"panel": panel, "seed": seed} | size | pair(case, seed))
    return results


# Telling


def number(x: float) -> str:
    return f"{x:,.0f}" if x >= 10 else f"{x:.2g}"


def percent(x: float) -> str:
    return f"{100 * x:.0f} %"


def table_of(head: str, rows) -> str:
    names = head.split(" | ")
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def grouped(fits: list[dict]) -> dict:
    return {
        (table, law): [f for f in fits if f["table"] == table and f["law"] == law]
        for table, law in product(TABLES, LAWS)
    }


def ratio(fits: list[dict], to: str) -> float:
    return median(f["seconds"] / f[to] for f in fits)


def tell(found: dict) -> str:
    run, fits = found["run"], found["tables"]
    busy = run["load_at_the_start"] > 0.5
    parts = [
        f"Measured {run['date'][:10]} on {run['cores']} cores ({run['machine']}, "
        f"{run['blas_threads']} threads for BLAS), instances of each row: {run['seeds']}. "
        + "Versions: "
        + ", ".join(f"{k} {v}" for k, v in run["versions"].items())
        + "."
    ]
    if run["quick"]:
        parts.append("**A quick trial with small sizes: the goals below are not measured.**")
    if busy:
        parts.append(
            f"**The machine was busy (load {run['load_at_the_start']}): seconds are too long.**"
        )
    parts += [goals(found), "Fits of the tables, all rows together:"]
    parts.append(
        table_of(
            "table | W | proven | median s | largest s | times LM | times LM and SQP | "
            "these succeed | checking the proof",
            [
                (
                    table,
                    law,
                    f"{sum(f['certified'] for f in own)} of {len(own)}",
                    number(median(f["seconds"] for f in own)),
                    number(max(f["seconds"] for f in own)),
                    number(ratio(own, "lm_seconds")),
                    number(ratio(own, "search_seconds")),
                    percent(mean(f["search_succeeds"] for f in own)),
                    percent(median(f["verification_seconds"] / f["seconds"] for f in own)),
                )
                for (table, law), own in grouped(fits).items()
            ],
        )
    )
    parts.append("The dense relaxation of the first row, seed 0, and the fit of the same data:")
    parts.append(
        table_of(
            "table | W | order | solver | asked for | residual | value / minimum | s | "
            "s of the fit | times the fit",
            [
                (
                    *(d["table"], d["law"], d["order"], d["solver"], f"{d['tolerance']:.0e}"),
                    d["status"] if d["residual"] is None else f"{d['residual']:.1e}",
                    "" if d["value"] is None else f"{d['value'] / d['minimum']:.3g}",
                    *(number(d["seconds"]), number(d["fit_seconds"])),
                    number(d["seconds"] / d["fit_seconds"]),
                )
                for d in found["dense"]
            ],
        )
    )
    parts.append("Many samples (degrees 2 and 3, width 20) and wide networks (1000 samples):")
    parts.append(
        table_of(
            "degrees | N | width | W | proven | s | memory beyond the data",
            [
                (
                    *(tuple(f["degrees"]), f"{f['n_samples']:,}", f["width"], f["law"]),
                    *(yes(f["certified"]), number(f["seconds"])),
                    f"{f['bytes_beyond_data'] / 1e9:.2f} GB" if "bytes_beyond_data" in f else "",
                )
                for f in found["samples"] + found["width"]
            ],
        )
    )
    open_cases = [g for g in found["growth"] if not g["certified"]]
    parts.append(
        f"Growth: {len(found['growth']) - len(open_cases)} of {len(found['growth'])} fits are "
        "proven."
        + "".join(
            f" Not proven: {g['degrees']}, N = {g['n_samples']:,}, width {g['width']}, "
            f"seed {g['seed']} (gap {g['gap']:.1e})."
            for g in open_cases
        )
    )
    return "\n\n".join(parts) + "\n"


def yes(condition: bool) -> str:
    return "yes" if condition else "**no**"


def goals(found: dict) -> str:
    fits, groups = found["tables"], grouped(found["tables"])
    medians = {key: median(f["seconds"] for f in own) for key, own in groups.items()}
    slowest, worst = max(medians, key=medians.get), max(fits, key=lambda f: f["seconds"])
    lm = {key: ratio(own, "lm_seconds") for key, own in groups.items()}
    dearest = max(lm, key=lm.get)
    samples, width = found["samples"], found["width"]
    proven = all(f["certified"] for f in fits)
    rows = [
        (
            "every fit of Tables 1 to 5 proven",
            f"{sum(f['certified'] for f in fits)} of {len(fits)}",
            proven,
        ),
        (
            "median of a proven fit 0.2 s",
            f"at most {number(medians[slowest])} s (Table {slowest[0]}, {slowest[1]})",
            proven and medians[slowest] <= 0.2,
        ),
        (
            "at most 2 s for any",
            f"{number(worst['seconds'])} s (Table {worst['table']}, row {worst['row']}, "
            f"{worst['law']}, seed {worst['seed']})",
            proven and worst["seconds"] <= 2,
        ),
        dense_goal(found["dense"]),
        (
            "at most 5 times one LM solve",
            f"at most {number(lm[dearest])} in the median (Table {dearest[0]}, {dearest[1]})",
            proven and lm[dearest] <= 5,
        ),
        (
            f"N = {samples[0]['n_samples']:,} under 30 s",
            f"{number(max(s['seconds'] for s in samples))} s",
            all(s["certified"] and s["seconds"] < 30 for s in samples),
        ),
        (
            "and under 1 GB beyond the data",
            f"{max(s['bytes_beyond_data'] for s in samples) / 1e9:.2f} GB",
            all(s["bytes_beyond_data"] < 1e9 for s in samples),
        ),
        (
            f"width {width[0]['width']}, N = 1000 under 60 s",
            f"{number(max(w['seconds'] for w in width))} s",
            all(w["certified"] and w["seconds"] < 60 for w in width),
        ),
    ]
    return table_of("goal | measured | reached", [(*row[:2], yes(row[2])) for row in rows])


def dense_goal(dense: list[dict]) -> tuple:
    """The fastest solver that is accurate; where none is, the fastest of all is the rival."""
    smallest, all_accurate = np.inf, True
    for table, law in product((1, 2), LAWS):
        own = [d for d in dense if d["table"] == table and d["law"] == law]
        accurate = [d for d in own if d["residual"] is not None and d["residual"] <= ACCURACY]
        all_accurate = all_accurate and bool(accurate)
        rival = min(accurate or own, key=lambda d: d["seconds"])
        smallest = min(smallest, rival["seconds"] / rival["fit_seconds"])
    goal = f"dense order {dense[0]['order']}, Tables 1 and 2: at least 50 times a proven fit"
    measured = f"at least {number(smallest)} times"
    if not all_accurate:
        measured += f" (where no solver reaches {ACCURACY:.0e}: the faster one)"
    return goal, measured, smallest >= 50 and all(d["certified"] for d in dense)


# Drawing


def draw(growth: list[dict], folder: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from polysos.book import COLOURS, use_style

    use_style()
    matplotlib.rcParams |= {"svg.hashsalt": "polysos", "lines.markersize": 5}
    shown = [
        ("samples", "n_samples", "samples N\n(degrees 2 and 3, width 20)", "-"),
        ("width", "width", "width\n(degrees 2 and 2, N = 1000)", "-"),
        ("coefficients", "n_coefficients", "coefficients\n(two layers, width 100, N = 250)", "-"),
        ("depth", "depth", "depth D\n(width 20, N = 50)", "--"),
        ("depth, first degree 2", "depth", "depth D\n(width 20, N = 50)", "-"),
    ]
    figure, axes = plt.subplots(2, 2, figsize=(8.4, 7.0), sharey=True)
    for (panel, of, label, line), ax in zip(shown, [*axes.flat, axes[1, 1]], strict=True):
        own = [g for g in growth if g["panel"] == panel]
        sizes = sorted({g[of] for g in own})
        at = {x: [g for g in own if g[of] == x] for x in sizes}
        proven = np.array([all(g["certified"] for g in at[x]) for x in sizes])
        for key, colour, name in (
            ("seconds", "blue", "fit with a proof"),
            ("lm_seconds", "orange", "one LM solve"),
        ):
            y = np.array([median(g[key] for g in at[x]) for x in sizes])
            ax.loglog(sizes, y, line, color=COLOURS[colour], label=name)
            full = proven if key == "seconds" else np.ones_like(proven)
            for some, face in ((full, COLOURS[colour]), (~full, "white")):
                ax.plot(np.array(sizes)[some], y[some], "o", color=COLOURS[colour], mfc=face)
        ax.set_xlabel(label)
        ax.minorticks_off()
        if len(sizes) > 1 and sizes[-1] < 1000:  # few of them: name them all
            ax.set_xticks(sizes, sizes)
    for ax in axes[:, 0]:
        ax.set_ylabel("seconds")
    axes[0, 0].legend()
    depth = [plt.Line2D([], [], color=COLOURS["grey"], ls=style) for style in ("-", "--")]
    axes[1, 1].legend(depth, ["degrees 2, 1, ..., 1", "degrees 1, 1, ..., 1"])
    figure.savefig(folder / "growth.png")
    figure.savefig(folder / "growth.svg", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure polysos and write down the ratios.")
    parser.add_argument("--seeds", type=int, default=5, help="instances of each row (5)")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try everything")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: use report.json")
    parser.add_argument("--output", type=Path, help="folder for all that is written")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    trial = HERE.parent / "_build" / "benchmarks"
    folder = options.output or (trial if options.quick else HERE)
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / "report.json"
    if options.redraw:
        found = json.loads(stored.read_text())
    else:
        found = measure(1 if options.quick else options.seeds, options.quick)
        stored.write_text(json.dumps(found, indent=1) + "\n")
    text = f"{tell(found)}\n\n{PICTURE}"
    print(text)
    head, rest = (HERE / "README.md").read_text().split(BEGIN)
    (folder / "README.md").write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")
    draw(found["growth"], folder)


if __name__ == "__main__":
    main()
