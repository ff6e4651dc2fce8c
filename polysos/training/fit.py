"""Training a network to proven global optimality."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from ..algebra.problem import PolynomialProblem
from ..checks import check_positive, check_type, check_word
from ..hierarchy.minimize import Outcome
from ..progress import Progress
from ..proofs.box import is_bounded
from ..proofs.exact import round_down
from .bounds import read_bounds
from .candidates import Candidates, relative_gap
from .centred import Centred
from .centring import centre
from .chosen_rows import ChosenRows
from .compilation import compile_residuals
from .data_rounding import data_rounding
from .dense import climb
from .networks import PolynomialNetwork
from .residuals import LOSSES
from .result import Fit
from .standing import Standing
from .tightening import tighten

METHODS = ("auto", "tighten", "hierarchy")
_LARGEST_RIDGE = 1e60  # its root, and products of it, must not leave the floats


def fit(
    net: PolynomialNetwork,
    inputs: ArrayLike,
    outputs: ArrayLike,
    loss: str = "sample-squares",
    method: str = "auto",
    bounds: float | Sequence | None = None,
    tolerance: float = 1e-6,
    time_limit: float | None = None,
    verbose: bool = False,
    ridge: float = 0.0,
) -> Fit:
    """Find the coefficients of the activations that minimize a loss, with proof.

    Parameters
    ----------
    net : PolynomialNetwork
    inputs : array, shape (N, m_0)
    outputs : array, shape (N, m_out)
    loss : str
        With r_i = f(x_i; c) - y_i and their mean r over the samples: "sample-squares" is
        ``(1/N) sum_i |r_i|_2^2``, ordinary least squares; "sample-sup" is ``max_ij |(r_i)_j|``;
        "mean-squares" is ``|r|_2^2``; "mean-sup" is ``max_j |r_j|``, the paper's (1.3).
    method : str
        "auto": for squares certificates centred at the best candidate, valid for all coefficients;
        where these do not suffice, and for the largest residual, as "tighten": linear programs on
        boxes that shrink, the first of which comes from semidefinite programs where the residuals
        do not determine the monomials. "hierarchy": the paper's dense moment relaxations, order by
        order (`minimize`), for comparison.
    bounds : optional
        (lower, upper) for all coefficients, or such a pair (or None) for each; or one positive
        number: the radius of a ball around 0.
    tolerance : float
        "certified" means a relative gap of at most this.
    time_limit : float, optional
        Seconds, after which no new step is begun.
    verbose : bool
        Print a line for every step.
    ridge : float
        At least 0. Squared losses become ``loss + ridge |c|_2^2``, and that is what is minimized
        and proven. c are all unknown coefficients; the constants that the normalisation fixes at 1
        cost nothing. With a positive ridge a minimum exists, whatever the data. With more than two
        layers, or with trained weights, a gap may be left; then `bounds` help, for instance
        ``(loss / ridge) ** 0.5``, which all coefficients that are as good keep to.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; the message says what is required.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> net = PolynomialNetwork(rng.standard_normal((3, 12, 12)), degrees=(2, 1))
    >>> inputs, noise = rng.standard_normal((30, 12)), 0.01 * rng.standard_normal(12)
    >>> f = fit(net, inputs, net([1.0, -0.5, 0.3, 2.0], inputs) + noise)
    >>> f.certified, f.proof.verify(), np.round(f.coefficients, 1).tolist()
    (True, True, [1.0, -0.5, 0.3, 2.0])
    """
    progress = Progress(time_limit, verbose)
    check_type("net", net, PolynomialNetwork)
    check_word("loss", loss, LOSSES)
    check_word("method", method, METHODS)
    check_positive("tolerance", tolerance)
    inputs, outputs = net.check_data(inputs, outputs)
    _check_ridge(ridge, loss)
    given = read_bounds(bounds, net.coefficient_names)
    r = compile_residuals(net, inputs, outputs, loss, ridge)
    candidates = Candidates(r, given, partial(data_rounding, net, inputs, outputs, loss, r))
    standing = Standing(candidates, ChosenRows.first(r, given), tolerance)
    centred = centre(standing, progress) if method == "auto" and r.squares else None
    if method == "hierarchy":
        climb(standing, progress)
    elif centred is None:
        tighten(standing, progress)
    standing.verify()
    if loss.startswith("mean") and net.n_outputs <= net.n_coefficients:
        progress.note(_on_means(net, inputs, outputs, candidates.best))
    if r.in_floats:
        progress.note(
            "the data are so many that they were compiled in floats: the proof is about what came "
            "out, see data_error for how far that may be from the data"
        )
    return _result(net, standing, progress, centred)


def _result(
    net: PolynomialNetwork, standing: Standing, progress: Progress, centred: Centred | None
) -> Fit:
    candidates, proof = standing.candidates, standing.proof
    certified, box = standing.is_certified(), standing.box()
    minimizers = standing.minimizers() if certified else np.empty((0, net.n_coefficients))
    message = _message(standing, progress, centred, box, len(minimizers))
    size = np.abs(box).max(axis=1) if is_bounded(box) else np.abs(candidates.best)
    return Fit(
        coefficients=candidates.best,
        names=net.coefficient_names,
        loss=candidates.loss,
        lower_bound=proof.lower_bound,
        status=Outcome.CERTIFIED if certified else Outcome.BOUND,
        minimizers=minimizers,
        box=box,
        proof=proof,
        rounding=candidates.rounding(),
        data_error=candidates.r.data_error(size, candidates.loss),
        strength=0.0 if centred is None else round_down(centred.strength),
        level=-np.inf if centred is None else round_down(centred.level),
        history=tuple(standing.history),
        tolerance=standing.tolerance,
        message="; ".join([message, *progress.notes]),
        seconds=progress.seconds,
        residuals=candidates.r,
    )


def fitting_problem(
    net: PolynomialNetwork,
    inputs: ArrayLike,
    outputs: ArrayLike,
    loss: str = "sample-squares",
    bounds: float | Sequence | None = None,
    ridge: float = 0.0,
) -> PolynomialProblem:
    """The problem that `fit` proves its bound for, from the same data and in exact arithmetic.

    For the largest residual, (3.2) of the paper: minimize theta over (c, theta) subject to
    theta + r_j >= 0 and theta - r_j >= 0. For squares, minimize ``|r(c)|^2`` over c.

    Parameters
    ----------
    net, inputs, outputs, loss, bounds, ridge
        As for `fit`.

    Returns
    -------
    PolynomialProblem
        With rational coefficients. It is the same on every machine, unless the data are so many
        that they are compiled in floats; squares of many residuals are kept as those of a
        triangle, whose entries have 128 bits.

    Raises
    ------
    ValueError, TypeError
        As `fit`.

    Examples
    --------
    >>> net = PolynomialNetwork([[[2.0]], [[1.0]]], degrees=(1,))
    >>> inputs, outputs = [[3.0], [5.0]], [[1.0], [2.0]]
    >>> problem = fitting_problem(net, inputs, outputs)
    >>> fit(net, inputs, outputs).proof.verify(problem)
    True
    """
    check_type("net", net, PolynomialNetwork)
    check_word("loss", loss, LOSSES)
    _check_ridge(ridge, loss)
    given = read_bounds(bounds, net.coefficient_names)
    r = compile_residuals(net, *net.check_data(inputs, outputs), loss, ridge)
    return given.applied_to(r.dense_problem(), r.n_coefficients)


def _check_ridge(ridge, loss: str) -> None:
    if not isinstance(ridge, Real) or isinstance(ridge, bool) or not 0 <= ridge < _LARGEST_RIDGE:
        raise ValueError(f"ridge must be a number from 0 to {_LARGEST_RIDGE:g}, got {ridge!r}")
    if 0 < ridge < 1 / _LARGEST_RIDGE:
        raise ValueError(f"ridge must be 0 or at least {1 / _LARGEST_RIDGE:g}, got {ridge!r}")
    if ridge and not loss.endswith("squares"):
        raise ValueError(
            f"ridge must be 0 unless the loss is one of squares, got {ridge!r} for {loss!r}"
        )


def _on_means(net: PolynomialNetwork, inputs, outputs, c: np.ndarray) -> str:
    single = np.mean(np.sum((net(c, inputs) - outputs) ** 2, axis=1))
    return (
        f"this loss sees {net.n_outputs} means over the samples, and says little about single "
        f"samples: their mean squared error is {float(single):.3g}"
    )


def _message(
    standing: Standing, progress: Progress, centred: Centred | None, box: np.ndarray, found: int
) -> str:
    if found == 0:
        return _what_is_missing(standing, progress)
    words, candidates = "", standing.candidates
    if relative_gap(candidates.loss, standing.proof.lower_bound) > standing.tolerance:
        words = (
            "exact up to rounding: the loss is no larger than what rounding of the data can make, "
            f"{candidates.rounding():.1e}; "
        )
    if centred is not None and centred.strength > 0:
        radius = 1.05 * centred.radius(candidates.loss)  # two digits, and not less
        words += (
            f"proven for all coefficients, without bounds, by a {centred.how} around these; the "
            f"predictions of all that are as good are within {radius:.2g} of these on the data"
        )
        return words if found == 1 else f"{words} ({found} different ones were found)"
    if found > 1:
        return f"{words}{found} different minimizers were found; there may be more"
    if is_bounded(box):
        return (
            f"{words}all coefficients at least as good lie in a proven box around these, of width "
            f"at most {np.diff(box).max():.1g}"
        )
    return f"{words}there may be other coefficients as good as these"


def _what_is_missing(standing: Standing, progress: Progress) -> str:
    if standing.is_at_floor():
        return (
            "the lower bound is proven; what is missing is due to the rounding of the "
            f"coefficients to floats: without it they come within {standing.tolerance:g} of the "
            "bound"
        )
    late = "stopped by the time limit; " if progress.is_late() else ""
    return f"{late}the lower bound is proven, but no coefficients are known to meet it"
