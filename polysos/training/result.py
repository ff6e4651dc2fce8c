"""The result of a fit: coefficients, what is proven of them, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import fill

import numpy as np

from ..hierarchy.minimize import Outcome
from ..proofs.proof import Proof
from .candidates import relative_gap
from .centred import prediction_radius
from .residuals import Residuals
from .standing import BoxStep


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
    history : tuple of BoxStep
        The boxes on the way that provably hold all coefficients at least as good as the best known
        then, and the bounds proven by then; empty where no box is needed.
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
    history: tuple[BoxStep, ...] = field(repr=False)
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

        >>> from polysos import PolynomialNetwork, fit
        >>> net = PolynomialNetwork([[[1.0]], [[1.0]]], degrees=(1,))
        >>> f = fit(net, [[0.0], [1.0], [2.0]], [[0.0], [1.0], [5.0]])
        >>> round(f.prediction_radius(0.01), 3)  # a line: d^2 is exactly the excess
        0.1
        """
        return prediction_radius(self.strength, self.level, self.loss + excess)

    def summary(self) -> str:
        """A short report.

        >>> from polysos import PolynomialNetwork, fit
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
