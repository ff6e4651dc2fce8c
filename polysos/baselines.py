"""Gradient training, for comparison: what one would use who asks for no proof.

Both functions are local methods. They find coefficients with a small loss, often the smallest,
and nothing they return says whether it is. With r_i = f(x_i; c) - y_i the losses are

    mean-sup        max_j |(1/N) sum_i r_ij|, the paper's (1.3)
    mean-squares    sum_j ((1/N) sum_i r_ij)^2
    sample-sup      max_ij |r_ij|
    sample-squares  (1/N) sum_i |r_i|^2, the usual mean squared error

Import this module by its name: `from polysos.baselines import multistart`. Only `train_by_gradient`
needs jax and optax; it imports them at its first call.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval
from scipy.optimize import least_squares, linprog

from .candidates import _Functions
from .checks import check_integer, check_positive, check_type
from .networks import PolynomialNetwork, _array

# Of the residuals, an array (N, m_out) of numpy or of jax.
LOSSES = {
    "mean-sup": lambda r: abs(r.mean(axis=0)).max(),
    "mean-squares": lambda r: (r.mean(axis=0) ** 2).sum(),
    "sample-sup": lambda r: abs(r).max(),
    "sample-squares": lambda r: (r**2).sum(axis=1).mean(),
}


@dataclass(frozen=True, eq=False)
class Training:
    """Result of `train_by_gradient`.

    Attributes
    ----------
    coefficients : array, shape (n_coefficients,)
        The best ones that were met.
    loss : float
        Their loss: the smallest of the history.
    history : array, shape (steps + 1,)
        The loss at the start and after every step.
    seconds : float
        With the compilation, which a second call of equal shapes is spared.
    """

    coefficients: np.ndarray
    loss: float
    history: np.ndarray = field(repr=False)
    seconds: float


@dataclass(frozen=True, eq=False)
class Multistart:
    """Result of `multistart`.

    Attributes
    ----------
    losses : array, shape (starts,)
        Where each start ended.
    coefficients : array, shape (starts, n_coefficients)
    best : int
        Index of the smallest loss.
    fraction : float
        The part of the starts whose loss is the best one, within 1e-6 of it or, where the fit
        is perfect, within 1e-12 of the loss of f = 0.
    seconds : array, shape (starts,)
    """

    losses: np.ndarray
    coefficients: np.ndarray = field(repr=False)
    best: int
    fraction: float
    seconds: np.ndarray = field(repr=False)

    @property
    def best_loss(self) -> float:
        return float(self.losses[self.best])

    @property
    def best_coefficients(self) -> np.ndarray:
        return self.coefficients[self.best]


def train_by_gradient(
    net: PolynomialNetwork,
    inputs,
    outputs,
    loss: str = "mean-sup",
    steps: int = 10_000,
    learning_rate: float = 0.05,
    start=None,
    seed: int = 0,
) -> Training:
    """Train the activations by Adam on the gradients of jax: a local method, no proof.

    Full batches, double precision, and a learning rate that falls to zero along a cosine.

    Parameters
    ----------
    net : PolynomialNetwork
    inputs : array, shape (N, m_0)
    outputs : array, shape (N, m_out)
    loss : str
        "mean-sup", "mean-squares", "sample-sup" or "sample-squares".
    steps : int
        At least 1.
    learning_rate : float
        Of the first step; about how far a coefficient moves in it.
    start : array, shape (n_coefficients,), optional
        Where to begin; by default the first start of `multistart` with the same seed.
    seed : int
        Of the random start.

    Returns
    -------
    Training

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range; the message says what is required.

    Examples
    --------
    >>> net = PolynomialNetwork([[[1.0]], [[1.0]]], degrees=(1,))
    >>> found = train_by_gradient(net, [[1.0], [2.0]], [[3.0], [5.0]], loss="sample-squares")
    >>> found.coefficients.round(3).tolist()
    [1.0, 2.0]
    """
    net, X, Y = _floats(net, inputs, outputs)
    _check_loss(loss)
    check_integer("steps", steps, at_least=1)
    check_positive("learning_rate", learning_rate)
    check_integer("seed", seed, at_least=0)
    c = _random_starts(net, 1, seed)[0] if start is None else _check_start(net, start)
    _check_size(net, X, Y, c)
    train = _trainer()
    begin = time.perf_counter()
    points, history = train(net, X, Y, c, learning_rate, loss, steps)
    seconds = time.perf_counter() - begin
    best = np.nanargmin(history)  # too large a learning rate ends in NaN
    return Training(points[best], float(history[best]), history, seconds)


def multistart(
    net: PolynomialNetwork,
    inputs,
    outputs,
    loss: str = "mean-sup",
    starts: int = 20,
    seed: int = 0,
) -> Multistart:
    """Descend from random starts and keep every result: a local method, no proof.

    From each start, with standard normal entries, Levenberg-Marquardt descends on the squares;
    for a sup loss, sequential linear programming goes on from there.

    Parameters
    ----------
    net : PolynomialNetwork
    inputs : array, shape (N, m_0)
    outputs : array, shape (N, m_out)
    loss : str
        "mean-sup", "mean-squares", "sample-sup" or "sample-squares".
    starts : int
        How many, at least 1.
    seed : int
        Of the random starts.

    Returns
    -------
    Multistart

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range; the message says what is required.

    Examples
    --------
    >>> net = PolynomialNetwork([[[1.0]], [[1.0]]], degrees=(1,))
    >>> found = multistart(net, [[1.0], [2.0], [3.0]], [[3.0], [5.0], [9.0]], loss="sample-sup")
    >>> found.best_coefficients.round(6).tolist(), round(found.best_loss, 6), found.fraction
    ([-0.5, 3.0], 0.5, 1.0)
    """
    net, X, Y = _floats(net, inputs, outputs)
    _check_loss(loss)
    check_integer("starts", starts, at_least=1)
    check_integer("seed", seed, at_least=0)
    points = _random_starts(net, starts, seed)
    _check_size(net, X, Y, *points)
    residuals = _mean_residuals(net, X, Y) if "mean" in loss else _SampleResiduals(net, X, Y)
    losses, seconds = np.empty(starts), np.empty(starts)
    for i in range(starts):
        begin = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):
            points[i] = _least_squares(residuals, points[i])
            if "sup" in loss:
                points[i] = _minimax(residuals, points[i])
        losses[i] = LOSSES[loss](net(points[i], X) - Y)
        seconds[i] = time.perf_counter() - begin
    limit = losses.min() * (1 + 1e-6) + 1e-12 * LOSSES[loss](Y)
    return Multistart(
        losses=losses,
        coefficients=points,
        best=int(losses.argmin()),
        fraction=float((losses <= limit).mean()),
        seconds=seconds,
    )


# Arguments


def _floats(net, inputs, outputs) -> tuple[PolynomialNetwork, np.ndarray, np.ndarray]:
    """The network and the data, checked, and rounded where they are `Fraction`."""
    check_type("net", net, PolynomialNetwork)
    X, Y = _array("inputs", inputs).astype(float), _array("outputs", outputs).astype(float)
    if X.shape[1] != net.n_inputs or len(X) == 0:
        raise ValueError(f"inputs must have shape (N, {net.n_inputs}) with N >= 1, got {X.shape}")
    if Y.shape != (len(X), net.n_outputs):
        raise ValueError(
            f"outputs must have shape ({len(X)}, {net.n_outputs}), one row an input, got {Y.shape}"
        )
    return PolynomialNetwork([W.astype(float) for W in net.weights], net.degrees), X, Y


def _check_loss(loss) -> None:
    if loss not in tuple(LOSSES):
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")


def _check_start(net, start) -> np.ndarray:
    c = _array("start", start, ndim=1).astype(float)
    if len(c) != net.n_coefficients:
        raise ValueError(
            f"start must be {net.n_coefficients} numbers {net.coefficient_names}, got {len(c)}"
        )
    return c


def _check_size(net, inputs, outputs, *starts) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        for c in starts:
            value = LOSSES["sample-squares"](net(c, inputs) - outputs)
            if not np.isfinite(value):
                raise ValueError(
                    f"inputs and outputs must give finite squares of residuals, got {value} "
                    f"at the start {c}"
                )


def _random_starts(net, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, net.n_coefficients))


# Gradients by jax


@cache
def _trainer():
    """The loop of Adam, which jax compiles once for each shape of network and data."""
    import jax
    import optax

    def loop(weights, inputs, outputs, start, learning_rate, degrees, loss, steps):
        adam = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))

        def value(c):
            return LOSSES[loss](_forward(weights, degrees, c, inputs) - outputs)

        def step(state, _):
            c, memory = state
            now, slope = jax.value_and_grad(value)(c)
            move, memory = adam.update(slope, memory)
            return (c + move, memory), (c, now)

        return jax.lax.scan(step, (start, adam.init(start)), length=steps + 1)[1]

    compiled = jax.jit(loop, static_argnames=("degrees", "loss", "steps"))

    def train(net, inputs, outputs, start, learning_rate, loss, steps):
        with jax.enable_x64(True):
            found = compiled(
                net.weights, inputs, outputs, start, learning_rate, net.degrees, loss, steps
            )
        return [np.asarray(array) for array in found]

    return train


def _forward(weights, degrees, c, h):
    """f(x; c) as `PolynomialNetwork` has it, without its checks, which jax could not trace."""
    for layer, (W, degree) in enumerate(zip(weights, degrees, strict=False), start=1):
        learned = layer == len(degrees)  # is the constant of this layer an unknown?
        own, c = c[: degree + learned], c[degree + learned :]
        v = h @ W.T
        h = own[0] if learned else 1.0
        for k, coefficient in enumerate(own[learned:], start=1):
            h = h + coefficient * v**k
    return h @ weights[-1].T


# Local solvers. Residuals have values(c), (k,), and a jacobian(c), (k, n).


def _mean_residuals(net, inputs, outputs) -> _Functions:
    """The mean residuals, as polynomials in c: N plays no role any more."""
    return _Functions(net.mean_residuals(inputs, outputs), net.n_coefficients)


class _SampleResiduals:
    """The residuals of all samples, one after the other."""

    def __init__(self, net, inputs, outputs):
        self.net, self.inputs, self.outputs = net, inputs, outputs

    def values(self, c):
        return (self.net(c, self.inputs) - self.outputs).ravel()

    def jacobian(self, c):
        h = self.inputs
        slopes = np.empty((0, *h.shape))  # of h, one array a coefficient so far
        activations = self.net.activations(c)
        for layer, (W, p) in enumerate(zip(self.net.weights, activations, strict=False), start=1):
            v = h @ W.T
            learned = layer == len(activations)  # is the constant of this layer an unknown?
            own = [v**k for k in range(0 if learned else 1, len(p))]
            h, slopes = polyval(v, p), np.vstack([polyval(v, polyder(p)) * (slopes @ W.T), own])
        return (slopes @ self.net.weights[-1].T).reshape(len(c), -1).T


def _least_squares(residuals, start) -> np.ndarray:
    """Levenberg-Marquardt; rows of zeros, which it asks for where residuals are few."""
    n = len(start)
    missing = max(0, n - len(residuals.values(start)))
    found = least_squares(
        lambda c: np.pad(residuals.values(c), (0, missing)),
        start,
        jac=lambda c: np.pad(residuals.jacobian(c), ((0, missing), (0, 0))),
        method="lm",
        ftol=1e-15,
        xtol=1e-15,
        gtol=1e-15,
    )
    return found.x


def _minimax(residuals, start, steps: int = 100) -> np.ndarray:
    """Minimise theta = max |r_j| by linear programs in a trust region (Madsen, 1975).

    Each minimises max |r + J d| over |d_i| <= radius. The last steps are quadratically convergent
    where one residual more than there are unknowns is as large as theta, as usual; else slow.
    """
    c, radius = start, 1.0
    r, J = residuals.values(c), residuals.jacobian(c)
    for _ in range(steps):
        theta = abs(r).max()
        d = _linear_minimax(r, J, radius)
        promise = theta - abs(r + J @ d).max()
        if promise <= 1e-12 * theta:
            break
        there = residuals.values(c + d)
        gain = theta - abs(there).max()
        if gain < 0.1 * promise or not np.isfinite(there).all():
            radius = abs(d).max() / 4
            continue
        if gain > 0.75 * promise:
            radius = max(radius, 2 * abs(d).max())
        c, r = c + d, there
        J = residuals.jacobian(c)
    return c


def _linear_minimax(r, J, radius: float, at_first: int = 200) -> np.ndarray:
    """The d with |d_i| <= radius that minimises max |r + J d|; 0 where the solver fails.

    The linear program has the largest rows at first, then those that turned out to be larger.
    """
    n, theta = len(J.T), abs(r).max()
    if theta == 0:
        return np.zeros(n)
    A, b = np.vstack([J, -J]), np.concatenate([-r, r]) / theta
    rows = np.argsort(b)[:at_first]
    while True:
        found = linprog(
            np.eye(n + 1)[n],
            A_ub=np.column_stack([A[rows], -np.ones(len(rows))]),
            b_ub=b[rows],
            bounds=[(-radius / theta, radius / theta)] * n + [(0, None)],
            method="highs",
        )
        if found.status != 0:
            return np.zeros(n)
        larger = A @ found.x[:n] - b > found.x[n] + 1e-6
        larger[rows] = False
        if not larger.any():
            return theta * found.x[:n]
        rows = np.append(rows, np.flatnonzero(larger))
