"""The experiments of the paper: Tables 1 to 5 and Figure 1.

Random networks with known ("planted") coefficients make the data; `fit` has to find them again.
The paper does not say how W, x and the coefficients are drawn nor what noise the test data have.
Here the laws of W and x are arguments, and both readings of the test noise are computed. The
coefficients are always standard normal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from time import monotonic

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ..checks import check_integer, check_positive, check_sequence, check_type, check_word
from ..training.fit import fit
from ..training.networks import PolynomialNetwork
from .results import PAPER, Experiment, Record, add_records, begin_run, stored_results

WEIGHTS = ("randn", "fan-in", "uniform")
INPUTS = ("randn", "uniform")
_SAVE_AFTER = 5.0  # seconds: to write a large file takes a tenth of that


@dataclass(frozen=True, eq=False)
class Instance:
    """A network, and data that it made with known coefficients.

    Attributes
    ----------
    net : PolynomialNetwork
    inputs, outputs : arrays, shape (N, m)
        outputs = net(true_coefficients, inputs) + eps.
    true_coefficients : array
    eps : array, shape (m,)
        The noise: one vector, added to every row.
    test_inputs, test_eps : arrays, shape (N, m)
        New inputs from the same law, and a new noise vector for each.
    """

    net: PolynomialNetwork
    inputs: np.ndarray
    outputs: np.ndarray
    true_coefficients: np.ndarray
    eps: np.ndarray
    test_inputs: np.ndarray
    test_eps: np.ndarray


@dataclass(frozen=True, eq=False)
class PredictionErrors:
    """PredictionErrors y_i' - f(x_i'; c) on new data, (N, m) each, one row a sample.

    The outputs y' have noise as well, and the paper does not say which: `shared` is the one vector
    that the training data have, `fresh` a new one for each sample.
    """

    record: Record
    shared: np.ndarray
    fresh: np.ndarray


def planted_instance(
    degrees,
    n_samples: int,
    width: int,
    weights: str = "randn",
    inputs: str = "randn",
    seed: int = 0,
    noise: float = 1e-2,
) -> Instance:
    """A random network, as wide in every layer as at both ends, and the data that it makes.

    It depends on the arguments alone. Whatever the law of W or x and the size of the noise, the
    rest is drawn alike.

    Parameters
    ----------
    degrees : sequence of int
        Of the activations.
    n_samples, width : int
        N and m.
    weights : "randn", "fan-in" or "uniform"
        W with independent standard normal entries, the same divided by sqrt(m), or W with
        independent uniform entries between -1 and 1.
    inputs : "randn" or "uniform"
        x with independent standard normal entries, or uniform ones between 0 and 1.
    seed : int
    noise : float
        eps is this times a standard normal vector.

    Examples
    --------
    >>> instance = planted_instance((2, 2), n_samples=50, width=20, seed=1)
    >>> instance.net, instance.outputs.shape
    (PolynomialNetwork(widths=[20, 20, 20, 20], degrees=(2, 2)), (50, 20))
    """
    degrees = check_sequence("degrees", degrees)
    for i, d in enumerate(degrees):
        check_integer(f"degrees[{i}]", d, at_least=1)
    check_integer("n_samples", n_samples, at_least=1)
    check_integer("width", width, at_least=1)
    check_word("weights", weights, WEIGHTS)
    check_word("inputs", inputs, INPUTS)
    check_integer("seed", seed, at_least=0)
    if noise != 0:
        check_positive("noise", noise)
    streams = np.random.default_rng([seed, n_samples, width, *degrees]).spawn(5)
    of_weights, of_inputs, of_coefficients, of_noise, of_test = streams

    def draw_inputs(rng):
        draw = rng.random if inputs == "uniform" else rng.standard_normal
        return draw((n_samples, width))

    shape = (len(degrees) + 1, width, width)
    if weights == "uniform":
        matrices = of_weights.uniform(-1, 1, shape)
    else:
        scale = width**-0.5 if weights == "fan-in" else 1.0
        matrices = scale * of_weights.standard_normal(shape)
    net = PolynomialNetwork(list(matrices), degrees)
    X = draw_inputs(of_inputs)
    c = of_coefficients.standard_normal(net.n_coefficients)
    eps = noise * of_noise.standard_normal(width)
    return Instance(
        net=net,
        inputs=X,
        outputs=net(c, X) + eps,
        true_coefficients=c,
        eps=eps,
        test_inputs=draw_inputs(of_test),
        test_eps=noise * of_test.standard_normal((n_samples, width)),
    )


def run_table(
    number: int,
    seeds: int = 20,
    weights: str = "randn",
    inputs: str = "randn",
    jobs: int = 1,
    path=None,
    rows=None,
    noise: float = 1e-2,
    progress: bool = True,
) -> list[Record]:
    """Do the experiments of one of the paper's tables again, for several seeds a row.

    Each fit is a task for joblib; inside `joblib.parallel_config(backend="dask")` the tasks go to
    the workers of the current Dask client, and `jobs` does not count. The numbers, except for the
    seconds, do not depend on who computes them or in which order.

    Parameters
    ----------
    number : int
        The table, 1 to 5.
    seeds : int
        How many instances of each row; their seeds are 0, 1, 2, ...
    weights, inputs, noise
        As in `planted_instance`; the noise must be positive.
    jobs : int
        How many processes work at the same time.
    path : optional
        A file for the results. It is written every few seconds, and when the call is interrupted;
        what it already holds is not computed again, so the same call continues where it stopped.
    rows : sequence of int, optional
        Rows of the table, 1 to 5 from the top; by default all.
    progress : bool
        Show a progress bar where there is a terminal.

    Returns
    -------
    list of Record
        One for each row and seed, in that order; see `summarise`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or the file is damaged or something else: it is left as
        it is.
    """
    check_integer("number", number, at_least=1, at_most=5)
    check_integer("seeds", seeds, at_least=1)
    check_word("weights", weights, WEIGHTS)
    check_word("inputs", inputs, INPUTS)
    check_integer("jobs", jobs, at_least=1)
    check_positive("noise", noise)
    sizes = [row[:2] for row in PAPER["tables"][str(number)]["rows"]]
    rows = list(range(1, len(sizes) + 1)) if rows is None else check_sequence("rows", rows)
    for i, row in enumerate(rows):
        check_integer(f"rows[{i}]", row, at_least=1, at_most=len(sizes))
    if not rows:
        raise ValueError("rows must name at least one row, got none")
    experiments = [
        Experiment(int(number), *sizes[row - 1], weights, inputs, float(noise), seed)
        for row in sorted(set(rows))
        for seed in range(seeds)
    ]
    call = f"run_table({number}, {seeds=}, {weights=}, {inputs=}, {noise=}, {rows=})"
    return _sweep(experiments, jobs, path, progress, call)


def run_residuals(seeds: int = 1, **options) -> list[PredictionErrors]:
    """Do Figure 1 again: the residuals on new data of the first row of Table 5.

    Parameters
    ----------
    seeds : int
        The figure shows one instance; here as many as wanted.
    **options
        weights, inputs, jobs, path, noise and progress, as in `run_table`.
    """
    return [prediction_errors(record) for record in run_table(5, seeds, rows=[1], **options)]


def prediction_errors(record: Record) -> PredictionErrors:
    """PredictionErrors on new data of the coefficients in a record; nothing is fitted again."""
    check_type("record", record, Record)
    return PredictionErrors(
        record, *_test_residuals(_instance(record), np.array(record.coefficients))
    )


def recompute(record: Record) -> Record:
    """Do the fit of a record again, from its table, row, laws, noise and seed."""
    check_type("record", record, Record)
    return _compute(record.experiment)


def _sweep(
    experiments: list[Experiment], jobs: int, path, progress: bool, call: str
) -> list[Record]:
    stored = () if path is None else stored_results(path).records
    known = {r.experiment: r for r in stored}
    missing = [e for e in experiments if e not in known]
    run = begin_run(path, call, jobs) if path is not None and missing else None
    # One task a message, so that each fit comes back when it is done.
    fits = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(
        delayed(_compute)(e) for e in missing
    )
    first = experiments[0]
    bar = tqdm(
        fits,
        desc=f"Table {first.table}, W {first.weights}, x {first.inputs}",
        total=len(experiments),
        initial=len(experiments) - len(missing),
        unit="fit",
        disable=None if progress else True,
    )
    unsaved, due = [], monotonic() + _SAVE_AFTER
    try:
        for fresh in bar:
            record = replace(fresh, run=run)
            known[record.experiment] = record
            unsaved.append(record)
            if path is not None and monotonic() > due:
                add_records(path, unsaved)
                unsaved, due = [], monotonic() + _SAVE_AFTER
    finally:
        if path is not None and unsaved:
            add_records(path, unsaved)
    return [known[e] for e in experiments]


def _instance(experiment: Experiment) -> Instance:
    _, n_samples, width, weights, inputs, noise = experiment.group
    return planted_instance(
        experiment.degrees, n_samples, width, weights, inputs, experiment.seed, noise
    )


def _compute(experiment: Experiment) -> Record:
    # With more threads, BLAS adds in another order: the last digits would depend on the jobs.
    with threadpool_limits(1):
        instance = _instance(experiment)
        found = fit(instance.net, instance.inputs, instance.outputs, loss="mean-sup")
        shared, fresh = _test_residuals(instance, found.coefficients)
    return Record(
        *experiment.group,
        experiment.seed,
        coefficients=tuple(np.asarray(found.coefficients).tolist()),
        abs_err=_short(np.linalg.norm(instance.true_coefficients - found.coefficients)),
        eps_norm=_short(np.linalg.norm(instance.eps)),
        mse_shared=_mean_square(shared),
        mse_fresh=_mean_square(fresh),
        loss=float(found.loss),
        lower_bound=float(found.lower_bound) if isfinite(found.lower_bound) else None,
        rounding=_short(found.rounding, 3) if isfinite(found.rounding) else None,
        status=str(found.status),
        seconds=round(found.seconds, 3),
    )


def _test_residuals(instance: Instance, coefficients) -> tuple[np.ndarray, np.ndarray]:
    true = instance.net(instance.true_coefficients, instance.test_inputs)
    difference = true - instance.net(coefficients, instance.test_inputs)
    return difference + instance.eps, difference + instance.test_eps


def _mean_square(rows: np.ndarray) -> float:
    return _short((rows**2).sum(axis=1).mean())


def _short(value: float, digits: int = 7) -> float:
    """With as many digits as anybody asks for: the file stays small."""
    return float(f"{value:.{digits}g}")
