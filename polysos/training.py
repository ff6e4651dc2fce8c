"""Training a network to proven global optimality."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from .bounds import read_bounds
from .checks import check_positive, check_type, check_word
from .hierarchy import Outcome
from .networks import PolynomialNetwork
from .proofs import Proof
from .residuals import LOSSES, Residuals, compile_residuals
from .tightening import Tightening, relative_gap

METHODS = ("tighten", "hierarchy")


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
        "certified": the relative gap is at most the tolerance. "bound": it is not.
    minimizers : array, shape (k, n_coefficients)
        All that were found to reach the loss, if certified; the message says whether there may be
        more.
    box : array, shape (n_coefficients, 2)
        Every coefficient vector at least as good lies in it, provably; infinite where unknown.
    proof : Proof
        Exact, about the stored F and targets: `proof.verify()`. Of many residuals it uses only
        some: the largest of these is no larger than the largest of all.
    rounding : float
        F and targets are rounded when they are computed from the data. On the box (or at the
        coefficients, where it is infinite) this changes the loss by no more than `rounding`; for
        squares, the root of the loss.
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
    message: str
    seconds: float
    residuals: Residuals = field(repr=False)

    @property
    def certified(self) -> bool:
        return self.status is Outcome.CERTIFIED

    @property
    def gap(self) -> float:
        """(loss - lower_bound) / max(loss, scale); scale is the loss of residuals 1e-9 * outputs.

        So perfect fits, whose loss is rounding alone, count as proven, too.
        """
        return relative_gap(self.residuals, self.loss, self.lower_bound)

    @property
    def rounding(self) -> float:
        known = np.isfinite(self.box).all()
        size = np.abs(self.box).max(axis=1) if known else np.abs(self.coefficients)
        return self.residuals.rounding(size)

    def summary(self) -> str:
        """A short report.

        >>> net = PolynomialNetwork([[[1.0]], [[1.0], [2.0]]], degrees=(1,))
        >>> print(fit(net, [[1.0], [3.0]], [[1.0, 2.0], [5.0, 10.0]]).summary().splitlines()[0])
        certified: the loss is 0, and no coefficients do better
        """
        head = {
            Outcome.CERTIFIED: f"certified: the loss is {self.loss:.6g}, and no coefficients do "
            "better"
            + ("" if self.loss == 0 else f" by more than {self.loss - self.lower_bound:.1e}"),
            Outcome.BOUND: f"not certified: the loss is {self.loss:.6g}, proven is only that none "
            f"is below {self.lower_bound:.6g}",
        }[self.status]
        rows = [
            f"  {name} = {v: .9g}" for name, v in zip(self.names, self.coefficients, strict=True)
        ]
        return "\n".join([head, *rows, f"  {self.message}", f"  {self.seconds:.2f} s"])

    def _repr_html_(self):
        rows = {
            "status": self.status,
            "loss": f"{self.loss:.9g}",
            "proven lower bound": f"{self.lower_bound:.9g}",
            "relative gap": f"{self.gap:.1e}",
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
    loss: str = "mean-sup",
    method: str = "tighten",
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
        With r_i = f(x_i; c) - y_i and their mean r over the samples: "mean-sup" is
        ``max_j |r_j|``, the paper's (1.3); "mean-squares" is ``|r|_2^2``; "sample-sup" is
        ``max_ij |(r_i)_j|``; "sample-squares" is ``(1/N) sum_i |r_i|_2^2``.
    method : str
        "tighten": linear programs on boxes that shrink. "hierarchy": the paper's dense moment
        relaxations, order by order (`minimize`), for comparison.
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
    plan = Tightening(r, given, tolerance, start, time_limit, verbose)
    plan.run() if method == "tighten" else plan.climb()
    plan.verify()
    certified = plan.is_certified()
    minimizers = plan.minimizers() if certified else np.empty((0, net.n_coefficients))
    box = plan.box()
    return Fit(
        coefficients=plan.c,
        names=net.coefficient_names,
        loss=plan.loss,
        lower_bound=plan.proof.lower_bound,
        status=Outcome.CERTIFIED if certified else Outcome.BOUND,
        minimizers=minimizers,
        box=box,
        proof=plan.proof,
        message="; ".join([_message(plan, certified, len(minimizers), box), *plan.notes]),
        seconds=time.perf_counter() - start,
        residuals=r,
    )


def _message(plan: Tightening, certified: bool, found: int, box: np.ndarray) -> str:
    if not certified:
        late = "stopped by the time limit; " if plan.late() else ""
        return f"{late}the lower bound is proven, but no coefficients are known to meet it"
    words = ""
    if not plan.is_tight():
        words = "certified beside the size of the outputs, not to the same part of the loss; "
    if found > 1:
        return f"{words}{found} different minimizers were found; there may be more"
    if np.isfinite(box).all():
        return (
            f"{words}all coefficients at least as good lie in a proven box around these, of width "
            f"at most {np.diff(box).max():.1g}"
        )
    return f"{words}there may be other coefficients as good as these"
