"""The largest residual where it does not determine the monomials: how far weighted squares get.

python benchmarks/few_outputs.py              a quarter of an hour; prints a table in Markdown
python benchmarks/few_outputs.py --seeds 3    three problems a cell instead of ten
"""

from __future__ import annotations

import argparse
from statistics import median

from cases import LAWS
from squared_losses import one_output

import polysos as ps
from polysos.paper.experiments import planted_instance

LARGER = ((1, 2, 2), (3, 3))  # more monomials than the 20 outputs
TIME_LIMIT = 60
MOST = 3  # problems a cell, of the larger ones
HEAD = ("proven", "largest gap", "else bound / loss, smallest", "seconds, median", "largest")


def some_outputs(degrees, m: int, law: str, seed: int):
    """(net, inputs, outputs): a network of the tables, and only m of its 20 outputs."""
    i = planted_instance(degrees, n_samples=50, width=20, weights=law, seed=seed)
    net = ps.PolynomialNetwork([*i.net.weights[:-1], i.net.weights[-1][:m]], degrees)
    return net, i.inputs, i.outputs[:, :m]


def measured(cases, loss: str) -> list[str]:
    fits = []
    for data in cases:
        found = ps.fit(*data, loss=loss, time_limit=TIME_LIMIT)
        assert found.proof.verify(ps.fitting_problem(*data, loss=loss))
        fits.append(found)
    gaps = [f.gap for f in fits if f.certified]
    parts = [f.lower_bound / f.loss for f in fits if not f.certified]
    return [
        f"{len(gaps)} of {len(fits)}",
        f"{max(gaps):.0e}" if gaps else "",
        f"{min(parts):.3f}" if parts else "",
        f"{median(f.seconds for f in fits):.2f}",
        f"{max(f.seconds for f in fits):.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    seeds = range(parser.parse_args().seeds)
    rows = [
        (
            f"(2, 2), {m} outputs, {law}",
            "mean-sup",
            [some_outputs((2, 2), m, law, s) for s in seeds],
        )
        for m in (9, 8, 7, 6)
        for law in LAWS
    ]
    rows += [
        (
            f"{degrees}, one output, noise {noise:.0%}",
            "sample-sup",
            [one_output(degrees, noise, s) for s in seeds[:MOST]],
        )
        for degrees in ((2, 2), (3, 2))
        for noise in (0.05, 0.5)
    ]
    rows += [
        (
            f"{degrees}, 20 outputs, {law}",
            "mean-sup",
            [some_outputs(degrees, 20, law, s) for s in seeds[:MOST]],
        )
        for degrees in LARGER
        for law in LAWS
    ]
    for line in (("degrees", "loss", *HEAD), ["---"] * (2 + len(HEAD))):
        print("| " + " | ".join(line) + " |")
    for words, loss, cases in rows:
        print("| " + " | ".join([words, loss, *measured(cases, loss)]) + " |", flush=True)


if __name__ == "__main__":
    main()
