"""What the benchmarks measure: fits with a proof, and what they are compared with."""

from __future__ import annotations

import resource
import sys
import time
import warnings
from pathlib import Path

import cvxpy as cp
import numpy as np

from polysos import fit
from polysos.paper.experiments import planted_instance
from polysos.paper.results import PAPER
from polysos.relaxations.blocks import dense_blocks
from polysos.relaxations.program import Program
from polysos.relaxations.scaling import scale_problem
from polysos.training.compilation import compile_residuals
from polysos.training.recovery import polish

TABLES = range(1, 6)
ROWS = range(1, 6)
LAWS = ("randn", "fan-in")
SOLVERS = {"CLARABEL": 600.0, "SCS": 120.0}  # semidefinite, come with cvxpy: their time limits
_OPTIONS = {
    "CLARABEL": lambda t: {"tol_gap_abs": t, "tol_gap_rel": t, "tol_feas": t},
    "SCS": lambda t: {"eps_abs": t, "eps_rel": t, "max_iters": 100_000},
}
_TIME_LIMIT = {"CLARABEL": "time_limit", "SCS": "time_limit_secs"}
_LIMIT = 60.0  # seconds for a fit, after which no new step is begun
_BLOCK = 4096


def table_case(table: int, row: int, law: str, seed: int):
    """(net, inputs, outputs) of a row of one of the paper's tables, the same as in `run_table`."""
    own = PAPER["tables"][str(table)]
    case = planted_instance(own["degrees"], *own["rows"][row - 1][:2], law, seed=seed)
    return case.net, case.inputs, case.outputs


def sized_case(degrees, n_samples: int, width: int, law: str, seed: int):
    """(net, inputs, outputs) of any size; the outputs are made in blocks, to spare memory."""
    small = planted_instance(degrees, 1, width, law, seed=seed)
    X = np.random.default_rng([seed, n_samples]).standard_normal((n_samples, width))
    Y = np.empty_like(X)
    for k in range(0, n_samples, _BLOCK):
        Y[k : k + _BLOCK] = small.net(small.true_coefficients, X[k : k + _BLOCK]) + small.eps
    return small.net, X, Y


def proven_fit(net, X, Y):
    return fit(net, X, Y, loss="mean-sup", time_limit=_LIMIT)


def descend(net, X, Y, seed, loss: str = "mean-squares") -> np.ndarray:
    """One local search from a random start, no proof: what it costs from the data onward.

    For "mean-squares" it is Levenberg-Marquardt and nothing else. For "mean-sup", the loss that
    is fitted, sequential quadratic programming goes on from there.
    """
    r = compile_residuals(net, X, Y, loss)
    return polish(r, np.random.default_rng(seed).standard_normal(r.n_coefficients))


def dense_relaxation(net, X, Y, solver: str, tolerance: float = 1e-6, order: int = 3) -> dict:
    """The paper's moment relaxation, solved to a tolerance; compiling it counts as well.

    The residual is the largest relative one, of the moments, of the multipliers and of the gap
    between their values: see `Program.error`.
    """
    scaled = scale_problem(net.training_problem(X, Y))
    program = Program(scaled, order, dense_blocks(scaled, order))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of inaccuracy: we measure it
            options = _OPTIONS[solver](tolerance) | {_TIME_LIMIT[solver]: SOLVERS[solver]}
            value = program.model.solve(solver=solver, **options)
        residual = program.error(value)
    except (cp.SolverError, TypeError):  # it broke down, or left no numbers
        return {"status": "failed", "value": None, "residual": None}
    return {
        "status": program.model.status,
        "value": float(scaled.offset + scaled.objective_factor * value),
        "residual": float(residual),
    }


def timed(function, *args):
    """(result, seconds)."""
    start = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - start


def fit_and_memory(**size) -> dict:
    """One fit of a `sized_case`, to be called in a process of its own, and its largest memory."""
    net, X, Y = sized_case(**size)
    data, before = X.nbytes + Y.nbytes, _peak_bytes()
    found, seconds = timed(proven_fit, net, X, Y)
    return {
        "certified": found.certified,
        "seconds": seconds,
        "data_bytes": data,
        "bytes_beyond_data": _peak_bytes() - data,  # with Python and its libraries
        "bytes_beyond_data_before_the_fit": before - data,
    }


def _peak_bytes() -> int:
    """The most memory that this process has had.

    On Linux getrusage may also count the process that started this one; /proc does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (s for s in status.read_text().splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
