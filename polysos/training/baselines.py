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

from ..checks import (
    check_array,
    check_installed,
    check_integer,
    check_positive,
    check_type,
    check_word,
)
from .compilation import compile_residuals
from .networks import PolynomialNetwork
from .recovery import polish

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
    check_word("loss", loss, tuple(LOSSES))
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
    for a sup loss, sequential quadratic programming goes on from there. It is the local search
    that `fit` begins with.

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
    check_word("loss", loss, tuple(LOSSES))
    check_integer("starts", starts, at_least=1)
    check_integer("seed", seed, at_least=0)
    points = _random_starts(net, starts, seed)
    _check_size(net, X, Y, *points)
    residuals = compile_residuals(net, X, Y, loss)
    losses, seconds = np.empty(starts), np.empty(starts)
    for i in range(starts):
        begin = time.perf_counter()
        points[i] = polish(residuals, points[i])
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
    X, Y = (data.astype(float) for data in net.check_data(inputs, outputs))
    return net.map(lambda values: values.astype(float)), X, Y


def _check_start(net, start) -> np.ndarray:
    c = check_array("start", start, ndim=1).astype(float)
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
    check_installed("paper", "jax", "optax")
    import jax
    import optax

    def loop(layers, inputs, outputs, start, learning_rate, shape, loss, steps):
        adam = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))

        def value(c):
            return LOSSES[loss](_forward(layers, shape, c, inputs) - outputs)

        def step(state, _):
            c, memory = state
            now, slope = jax.value_and_grad(value)(c)
            move, memory = adam.update(slope, memory)
            return (c + move, memory), (c, now)

        return jax.lax.scan(step, (start, adam.init(start)), length=steps + 1)[1]

    compiled = jax.jit(loop, static_argnames=("shape", "loss", "steps"))

    def train(net, inputs, outputs, start, learning_rate, loss, steps):
        shape = tuple(zip(net.degrees, net.learned_constants, strict=True))
        with jax.enable_x64(True):
            found = compiled(net.layers, inputs, outputs, start, learning_rate, shape, loss, steps)
        return [np.asarray(array) for array in found]

    return train


def _forward(layers, shape, c, h):
    """f(x; c) as `PolynomialNetwork` has it, without its checks, which jax could not trace."""
    for layer, (degree, learned) in zip(layers, shape, strict=False):
        own, c = c[: degree + learned], c[degree + learned :]
        v = layer(h)
        h = own[0] if learned else 1.0
        for k, coefficient in enumerate(own[learned:], start=1):
            h = h + coefficient * v**k
    return layers[-1](h)
