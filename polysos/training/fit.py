"""Training a network to proven global optimality."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from textwrap import fill

import numpy as np

from ..algebra.problem import PolynomialProblem
from ..checks import check_positive, check_type, check_word
from ..hierarchy.minimize import Outcome
from ..proofs.exact import round_down
from ..proofs.proof import Proof
from .bounds import read_bounds, with_bounds
from .centring import centre
from .compilation import compile_residuals
from .data_rounding import data_rounding
from .networks import PolynomialNetwork
from .residuals import LOSSES, Residuals
from .tightening import Tightening, relative_gap

METHODS = ("auto", "tighten", "hierarchy")


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of `fit`.

    Attributes
    ----------
    coefficients : array, shape (n_coefficients,)
        The best found.
    names : tuple of str
        Their names.
    loss : float
        Theirs, computed exactly and rounded up.
    lower_bound : float
        No coefficients have a smaller loss: proven, rounded down.
    status : Outcome
        "certified": the relative gap is at most the tolerance, or the loss is exact up to rounding:
        no larger than `rounding`. "bound": neither.
    minimizers : array, shape (k, n_coefficients)
        All that were found to reach the loss, if certified; the message says whether there may be
        more.
    box : array, shape (n_coefficients, 2)
        Every coefficient vector at least as good lies in it, provably; infinite where unknown.
    proof : Proof
        Exact, about `fitting_problem` of the same data: `proof.verify(fitting_problem(...))`. Of
        many residuals it uses only some: the largest of these is no larger than the largest of all.
    rounding : float
        How much of the loss the rounding of numbers to floats explains: of the outputs, of the
        coefficients, and of what a network computes with them. A loss below is no sign of a misfit.
    data_error : float
        How far, on the box, the loss of the data may be from the one that the proof is about: 0
        where the data are compiled without rounding, tiny for the triangle of many squares; a bound
        of what floats may do with data so many that they must be compiled in these.
    strength : float
        lambda, where it is proven that f(c) >= level + lambda d(c)^2 for every c and squares f,
        with d the distance between the predictions of c and ours (see `prediction_radius`); else 0.
    level : float
        In that inequality: no larger than the smallest loss, and nearly as large.
    tolerance : float
        The relative gap that was asked for.
    message : str
    seconds : float
    """

    coefficients: np.ndarray
    names: tuple[str, ...]
    loss: float
    lower_bound: float
    status: Outcome
    minimizers: np.ndarray = field(repr=False)
    box: np.ndarray = field(repr=False)
    proof: Proof = field(repr=False)
    rounding: float
    data_error: float
    strength: float
    level: float = field(repr=False)
    tolerance: float = field(repr=False)
    message: str
    seconds: float
    residuals: Residuals = field(repr=False)

    @property
    def certified(self) -> bool:
        return self.status is Outcome.CERTIFIED

    @property
    def gap(self) -> float:
        """(loss - lower_bound) / loss; 0 where the loss is 0."""
        return relative_gap(self.loss, self.lower_bound)

    @property
    def is_exact(self) -> bool:
        """Whether the loss is no larger than what rounding of the data can make."""
        return self.loss <= self.rounding

    def prediction_radius(self, excess: float = 0.0) -> float:
        """How far the predictions of coefficients that are nearly as good may be from ours.

        Of all coefficient vectors whose loss is at most ours plus an excess, on the data, as the
        root of what the loss takes the mean or the sum of: for "sample-squares" the root mean
        square over the samples. Proven; infinite where nothing is.

        >>> net = PolynomialNetwork([[[1.0]], [[1.0]]], degrees=(1,))
        >>> f = fit(net, [[0.0], [1.0], [2.0]], [[0.0], [1.0], [5.0]])
        >>> round(f.prediction_radius(0.01), 3)  # a line: d^2 is exactly the excess
        0.1
        """
        if self.strength == 0:
            return float("inf")
        return float(np.sqrt(max(self.loss - self.level + excess, 0.0) / self.strength))

    def summary(self) -> str:
        """A short report.

        >>> net = PolynomialNetwork([[[1.0]], [[1.0], [2.0]]], degrees=(1,))
        >>> print(fit(net, [[1.0], [3.0]], [[1.0, 2.0], [5.0, 10.0]]).summary().splitlines()[0])
        certified: the loss is 0, and no coefficients do better
        """
        if not self.certified:
            head = (
                f"not certified: the loss is {self.loss:.6g}, proven is only that none is below "
                f"{self.lower_bound:.6g}"
            )
        elif self.gap <= self.tolerance:
            more = "" if self.loss == 0 else f" by more than {self.loss - self.lower_bound:.1e}"
            head = f"certified: the loss is {self.loss:.6g}, and no coefficients do better{more}"
        else:
            head = f"certified, exact up to rounding: the loss is {self.loss:.1e}"
        rows = [
            f"  {name} = {v: .9g}" for name, v in zip(self.names, self.coefficients, strict=True)
        ]
        numbers = f"  relative gap {self.gap:.1e}, rounding of the data {self.rounding:.1e}"
        if self.residuals.in_floats:
            numbers += f"; the proof is about the data up to {self.data_error:.1e}"
        lines = [head, *rows, numbers]
        if self.strength > 0:
            radius = self.prediction_radius(0.01 * self.loss)
            lines.append(
                f"  a loss at most 1 % larger means predictions within {radius:.3g} of ours"
            )
        wrapped = fill(self.message, 72, initial_indent="  ", subsequent_indent="  ")
        return "\n".join([*lines, wrapped, f"  {self.seconds:.2f} s"])

    def _repr_html_(self):
        rows = {
            "status": self.status,
            "loss": f"{self.loss:.9g}",
            "proven lower bound": f"{self.lower_bound:.9g}",
            "relative gap": f"{self.gap:.1e}",
            "rounding of the data": f"{self.rounding:.1e}",
            "the proof is about the data up to": f"{self.data_error:.1e}",
            **{n: f"{v:.9g}" for n, v in zip(self.names, self.coefficients, strict=True)},
            "message": self.message,
            "seconds": f"{self.seconds:.2f}",
        }
        cells = "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in rows.items())
        return f"<table>{cells}</table>"


def fit(
    net: PolynomialNetwork,
    inputs,
    outputs,
    loss: str = "sample-squares",
    method: str = "auto",
    bounds=None,
    tolerance: float = 1e-6,
    time_limit: float | None = None,
    verbose: bool = False,
) -> Fit:
    """Find the coefficients of the activations that minimise a loss, with proof.

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
        boxes that shrink. "hierarchy": the paper's dense moment relaxations, order by order
        (`minimize`), for comparison.
    bounds : optional
        (lower, upper) for all coefficients, or such a pair (or None) for each; or one positive
        number: the radius of a ball around 0.
    tolerance : float
        "certified" means a relative gap of at most this.
    time_limit : float, optional
        Seconds, after which no new step is begun.
    verbose : bool
        Print a line for every step.

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
    start = time.perf_counter()
    check_type("net", net, PolynomialNetwork)
    check_word("loss", loss, LOSSES)
    check_word("method", method, METHODS)
    check_positive("tolerance", tolerance)
    if time_limit is not None:
        check_positive("time_limit", time_limit)
    inputs, outputs = net.check_data(inputs, outputs)
    given = read_bounds(bounds, net.coefficient_names)
    r = compile_residuals(net, inputs, outputs, loss)
    rounding = partial(data_rounding, net, inputs, outputs, loss, r)
    plan = Tightening(r, rounding, given, tolerance, start, time_limit, verbose)
    found = centre(plan) if method == "auto" and r.squares else None
    if method == "hierarchy":
        plan.climb()
    elif found is None:
        plan.run()
    plan.verify()
    certified = plan.is_certified()
    minimizers = plan.minimizers() if certified else np.empty((0, net.n_coefficients))
    box = plan.box()
    data_error = r.data_error(_size(plan.c, box), plan.loss)
    if loss.startswith("mean") and net.n_outputs <= net.n_coefficients:
        single = np.mean(np.sum((net(plan.c, inputs) - outputs) ** 2, axis=1))
        plan.note(
            f"this loss sees {net.n_outputs} means over the samples, and says little about single "
            f"samples: their mean squared error is {float(single):.3g}"
        )
    if r.in_floats:
        plan.note(
            "the data are so many that they were compiled in floats: the proof is about what came "
            "out, see data_error for how far that may be from the data"
        )
    return Fit(
        coefficients=plan.c,
        names=net.coefficient_names,
        loss=plan.loss,
        lower_bound=plan.proof.lower_bound,
        status=Outcome.CERTIFIED if certified else Outcome.BOUND,
        minimizers=minimizers,
        box=box,
        proof=plan.proof,
        rounding=plan.rounding(),
        data_error=data_error,
        strength=0.0 if found is None else round_down(found.strength),
        level=-np.inf if found is None else round_down(found.level),
        tolerance=tolerance,
        message="; ".join([_message(plan, certified, len(minimizers), box, found), *plan.notes]),
        seconds=time.perf_counter() - start,
        residuals=r,
    )


def fitting_problem(
    net: PolynomialNetwork, inputs, outputs, loss: str = "sample-squares", bounds=None
) -> PolynomialProblem:
    """The problem that `fit` proves its bound for, from the same data and in exact arithmetic.

    For the largest residual, (3.2) of the paper: minimise theta over (c, theta) subject to
    theta + r_j >= 0 and theta - r_j >= 0. For squares, minimise ``|r(c)|^2`` over c.

    Parameters
    ----------
    net, inputs, outputs, loss, bounds
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
    box, radius = read_bounds(bounds, net.coefficient_names)
    r = compile_residuals(net, *net.check_data(inputs, outputs), loss)
    return with_bounds(r.dense_problem(), box, radius, r.n_coefficients)


def _size(c: np.ndarray, box: np.ndarray) -> np.ndarray:
    """How large coefficients may be: in the box, where there is one."""
    return np.abs(box).max(axis=1) if np.isfinite(box).all() else np.abs(c)


def _message(plan: Tightening, certified: bool, found: int, box: np.ndarray, centred) -> str:
    if not certified:
        if plan.is_at_floor():
            return (
                "the lower bound is proven; what is missing is due to the rounding of the "
                f"coefficients to floats: without it they come within {plan.tolerance:g} of the "
                "bound"
            )
        late = "stopped by the time limit; " if plan.late() else ""
        return f"{late}the lower bound is proven, but no coefficients are known to meet it"
    words = ""
    if relative_gap(plan.loss, plan.proof.lower_bound) > plan.tolerance:
        words = (
            "exact up to rounding: the loss is no larger than what rounding of the data can make, "
            f"{plan.rounding():.1e}; "
        )
    if centred is not None and centred.strength > 0:
        words += (
            f"proven for all coefficients, without bounds, by a {centred.how} around these; all "
            "that are as good make the same predictions on the data"
        )
        return words if found == 1 else f"{words} ({found} different ones were found)"
    if found > 1:
        return f"{words}{found} different minimizers were found; there may be more"
    if np.isfinite(box).all():
        return (
            f"{words}all coefficients at least as good lie in a proven box around these, of width "
            f"at most {np.diff(box).max():.1g}"
        )
    return f"{words}there may be other coefficients as good as these"
