"""The experiments of the paper on the command line: `python -m polysos --help`."""

from __future__ import annotations

import argparse
import sys
from itertools import product

import numpy as np

from ..checks import check_integer, check_positive
from .experiments import INPUTS, WEIGHTS, PredictionErrors, run_residuals, run_table
from .results import PAPER, Record, stored_results, summarise

EXAMPLES = """\
examples:
  python -m polysos table 3
  python -m polysos table 1 --seeds 5 --rows 1 2 --weights all --jobs 2
  python -m polysos table all --seeds 20 --jobs 2 --output tables.json
  python -m polysos figure 1 --inputs uniform

What is done is stored. Press Ctrl-C when you like: the same command continues
where it stopped, and gives the same numbers for any --jobs.
"""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments=None) -> int:
    """Run one command; the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        check_integer("--seeds", chosen.seeds, at_least=1)
        check_integer("--jobs", chosen.jobs, at_least=1)
        check_positive("--noise", chosen.noise)
        stored_results(chosen.output)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        _run(chosen)
    except KeyboardInterrupt:
        done = len(stored_results(chosen.output).records)
        print(
            f"\nStopped: {chosen.output} holds {done} fits, and the same command continues.",
            file=sys.stderr,
        )
        return 130
    return 0


def _run(chosen: argparse.Namespace) -> None:
    for weights, inputs in product(_words(chosen.weights, WEIGHTS), _words(chosen.inputs, INPUTS)):
        options = dict(
            seeds=chosen.seeds,
            weights=weights,
            inputs=inputs,
            jobs=chosen.jobs,
            path=chosen.output,
            noise=chosen.noise,
        )
        if chosen.command == "figure":
            print(_figure(run_residuals(**options)), end="\n\n", flush=True)
        else:
            for number in range(1, 6) if chosen.number == "all" else [int(chosen.number)]:
                records = run_table(number, rows=chosen.rows, **options)
                print(_table(records), end="\n\n", flush=True)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m polysos",
        description="Do the experiments of the paper again, and print them beside its numbers.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{table,figure}")
    table = _add_command(commands, "table", "Tables 1 to 5", [*PAPER["tables"], "all"], seeds=20)
    table.add_argument(
        "--rows",
        type=int,
        nargs="+",
        choices=range(1, 6),
        metavar="R",
        help="rows, 1 to 5 from the top (default: all)",
    )
    _add_command(commands, "figure", "Figure 1", ["1"], seeds=1)
    return parser


def _add_command(commands, name: str, what: str, numbers: list[str], seeds: int) -> Parser:
    command = commands.add_parser(
        name,
        help=what,
        description=f"{what} of the paper.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = command.add_argument
    add("number", choices=numbers, help=f"which {name}")
    add("--seeds", type=int, default=seeds, metavar="S", help=f"instances a row (default: {seeds})")
    add(
        "--weights",
        choices=[*WEIGHTS, "all"],
        default="randn",
        help="law of W: standard normal, that over sqrt(width), or uniform between -1 and 1 "
        "(default: randn)",
    )
    add(
        "--inputs",
        choices=[*INPUTS, "all"],
        default="randn",
        help="law of x: standard normal, or uniform between 0 and 1 (default: randn)",
    )
    add("--noise", type=float, default=1e-2, help="standard deviation of eps (default: 0.01)")
    add("--jobs", type=int, default=1, metavar="J", help="processes at a time (default: 1)")
    add(
        "--output",
        default="results.json",
        metavar="FILE",
        help="keeps the results; what it holds is not computed again (default: results.json)",
    )
    return command


def _words(word: str, words: tuple[str, ...]) -> tuple[str, ...]:
    return words if word == "all" else (word,)


def _table(records: list[Record]) -> str:
    """Means over the seeds, and after them the paper's number, which is a mean, too."""
    columns = {q: [q] for q in ("abs_err", "rel_err", "eps_norm", "seconds")}
    if records[0].table == 5:
        columns = {q: [f"{q}_shared", f"{q}_fresh"] for q in ("mse", "rmse")}
        columns["seconds"] = ["seconds"]
    heads = [f"{head:>11}" for own in columns.values() for head in (*own, "paper")]
    lines = [
        f"Table {records[0].table}, activations of degrees {records[0].degrees}, "
        f"{_laws(records[0])}; means over the seeds",
        " ".join([f"{'N':>4} {'width':>5} {'certified':>9}", *heads]),
    ]
    for row in summarise(records):
        certified = f"{row.certified}/{row.seeds}"
        cells = [f"{row.n_samples:4} {row.width:5} {certified:>9}"]
        for quantity, own in columns.items():
            cells += [_cell(row.spreads[q].mean) for q in own]
            cells.append(_cell(row.paper.get(quantity)))
        lines.append(" ".join(cells))
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    if value is None:
        return f"{'-':>11}"
    return f"{value:11.4f}" if value < 1e5 else f"{value:11.2e}"


def _figure(found: list[PredictionErrors]) -> str:
    """The ranges of the two panels."""
    paper = PAPER["figure_1"]
    lines = [
        f"Figure 1, residuals on new data, {_laws(found[0].record)}",
        f"{'seed':>5} {'noise':>7} {'entries':>20} {'norms':>20}",
        _ranges("paper", "", paper["residual_entries"], paper["residual_norms"]),
    ]
    for one in found:
        for noise, values in (("shared", one.shared), ("fresh", one.fresh)):
            lines.append(_ranges(one.record.seed, noise, values, (values**2).sum(axis=1) ** 0.5))
    return "\n".join(lines)


def _ranges(seed, noise: str, entries, norms) -> str:
    ranges = [f"{np.min(v):.3f} to {np.max(v):.3f}" for v in (entries, norms)]
    return f"{seed:>5} {noise:>7} {ranges[0]:>20} {ranges[1]:>20}"


def _laws(record: Record) -> str:
    return f"W {record.weights}, x {record.inputs}"
