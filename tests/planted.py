"""Small networks with data that known coefficients explain, and what their losses really are."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from scipy.optimize import least_squares, minimize

import polysos as ps
from polysos.training.compilation import compile_residuals
from polysos.training.residuals import LOSSES

__all__ = [
    "LOSSES",
    "Planted",
    "brute_force",
    "exact_loss",
    "exact_residuals",
    "good_points",
    "loss_of",
    "planted",
    "size_of",
]


@dataclass(frozen=True)
class Planted:
    net: ps.PolynomialNetwork
    inputs: np.ndarray
    outputs: np.ndarray
    truth: np.ndarray

    def fit(self, loss="mean-sup", method="tighten", **options) -> ps.Fit:
        return ps.fit(self.net, self.inputs, self.outputs, loss=loss, method=method, **options)

    def residuals(self, loss="mean-sup"):
        return compile_residuals(self.net, self.inputs, self.outputs, loss)

    def with_outputs(self, outputs) -> Planted:
        return Planted(self.net, self.inputs, np.asarray(outputs, dtype=float), self.truth)


def planted(
    degrees=(2, 1), width=6, samples=5, noise=0.0, seed=0, fan_in=False, truth=None, biases=False
):
    """One width throughout, or a list; noise is one vector shared by the samples, as in the paper.

    Weights are standard normal, divided by the root of the fan-in if asked; biases are, too.
    """
    rng = np.random.default_rng(seed)
    widths = [width] * (len(degrees) + 2) if isinstance(width, int) else width
    weights = [
        rng.standard_normal((b, a)) / (np.sqrt(a) if fan_in else 1.0) for a, b in pairwise(widths)
    ]
    vectors = [rng.standard_normal(b) for b in widths[1:]] if biases else None
    net = ps.PolynomialNetwork(weights, degrees, vectors)
    X = rng.standard_normal((samples, widths[0]))
    n = net.n_coefficients
    drawn = rng.uniform(0.3, 1.0, n) * rng.choice([-1.0, 1.0], n)
    c = drawn if truth is None else np.array(truth, dtype=float)
    return Planted(net, X, net(c, X) + noise * rng.standard_normal(widths[-1]), c)


def loss_of(net, inputs, outputs, loss, c) -> float:
    """Straight from the definition of the four losses."""
    r = net(c, inputs) - outputs
    if loss.startswith("mean"):
        r = r.mean(axis=0)
        return float(np.abs(r).max() if loss == "mean-sup" else (r**2).sum())
    return float(np.abs(r).max() if loss == "sample-sup" else (r**2).sum() / len(r))


def exact_residuals(p: Planted, loss: str, c) -> list[Fraction]:
    """The residuals in a loss at rational coefficients, from the data in rationals."""

    def exact(A):
        return np.vectorize(Fraction, otypes=[object])(A)

    r = p.net.map(exact)(exact(c), exact(p.inputs)) - exact(p.outputs)
    return (r.sum(axis=0) / Fraction(len(r))).tolist() if "mean" in loss else r.ravel().tolist()


def exact_loss(p: Planted, loss: str, c) -> Fraction:
    """A loss at rational coefficients, from the data in rationals."""
    r = exact_residuals(p, loss, c)
    if not loss.endswith("squares"):
        return max(abs(v) for v in r)
    return sum(v * v for v in r) / (len(p.inputs) if loss == "sample-squares" else 1)


def size_of(p: Planted, loss: str, c) -> Fraction:
    """The same where nothing cancels: of the absolute values of all numbers."""
    return exact_loss(
        Planted(p.net.map(np.abs), np.abs(p.inputs), -np.abs(p.outputs), p.truth), loss, np.abs(c)
    )


def brute_force(p: Planted, loss: str, starts=12, seed=0, box=None, radius=None) -> np.ndarray:
    """The best of many local minima, found without the library: one is the planted start's."""
    rng, n = np.random.default_rng(seed), p.net.n_coefficients
    best, least = None, np.inf

    def residuals(c):
        r = p.net(c, p.inputs) - p.outputs
        return r.mean(axis=0) if loss.startswith("mean") else r.ravel()

    for k in range(starts):
        c = p.truth if k == 0 else rng.standard_normal(n)
        inside = {}
        if box is not None:
            c = np.clip(c, box[:, 0], box[:, 1])
            inside = {"bounds": (box[:, 0], box[:, 1])}
        c = least_squares(residuals, c, xtol=1e-12, max_nfev=100, **inside).x
        if radius is not None:
            c = c * min(1.0, radius / np.linalg.norm(c))
        if loss.endswith("sup") or radius is not None:
            c = _descend(residuals, c, loss, box, radius)
        value = loss_of(p.net, p.inputs, p.outputs, loss, c)
        if value < least:
            best, least = c, value
    return best


def _descend(residuals, c, loss, box, radius) -> np.ndarray:
    """Sequential quadratic programming: minimize t with |r| <= t, or the sum of squares."""
    n, r = len(c), residuals(c)
    size = np.abs(r).max()
    if not size > 1e-12:
        return c
    rules = []
    if radius is not None:
        rules.append({"type": "ineq", "fun": lambda x: radius**2 - x[:n] @ x[:n]})
    bounds = None if box is None else [*map(tuple, box), (None, None)]
    if loss.endswith("sup"):
        both = np.r_[1.0, -1.0][:, None]
        rules.append(
            {"type": "ineq", "fun": lambda x: (x[n] - both * residuals(x[:n]) / size).ravel()}
        )
    found = minimize(
        (lambda x: x[n])
        if loss.endswith("sup")
        else (lambda x: ((residuals(x[:n]) / size) ** 2).sum()),
        np.r_[c, 1.0],
        method="SLSQP",
        constraints=rules,
        bounds=bounds,
        options={"maxiter": 60},
    ).x[:n]
    if radius is not None:
        found = found * min(1.0, radius / np.linalg.norm(found))
    if box is not None:
        found = np.clip(found, box[:, 0], box[:, 1])
    good = np.isfinite(found).all() and np.abs(residuals(found)).max() <= 2 * size
    return found if good else c


def good_points(r, c, level, n=40, seed=0) -> np.ndarray:
    """Coefficients around c whose loss is at most a level, at most and nearly so; and c itself."""
    rng, found = np.random.default_rng(seed), [c]
    for _ in range(n):
        away, near, far = rng.standard_normal(len(c)), 0.0, 1.0
        while r.loss(c + far * away) <= level and far < 1e6:
            far *= 2
        for _ in range(40):
            middle = (near + far) / 2
            near, far = (middle, far) if r.loss(c + middle * away) <= level else (near, middle)
        found.append(c + 0.999 * near * away)
    return np.array([v for v in found if r.loss(v) <= level])
