"""Four local methods on the same residuals, for comparison with what is proven.

Gradient descent and Adam by optax, L-BFGS and Levenberg-Marquardt by scipy. All see the compiled
residuals F phi(c) - y, which cost the same for any number of samples, with exact derivatives in
double precision, and the loss in units of |y|^2. Nothing that they return says whether it is the
smallest loss.

Import this module by its name; jax and optax are needed at the first call that asks for them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from scipy.optimize import least_squares, minimize

from ..checks import check_array, check_installed, check_integer, check_positive, check_word
from .residuals import Residuals

METHODS = ("gradient descent", "Adam", "L-BFGS", "Levenberg-Marquardt")
BY_RATE = METHODS[:2]  # these have a learning rate, and always take all steps
_TO_THE_END = 1e-15


@dataclass(frozen=True, eq=False)
class Ends:
    """Where starts have led.

    Attributes
    ----------
    coefficients : array, shape (k, n)
        Of each start the best that was met, for the first two methods, or the last.
    losses : array, shape (k,)
        Theirs; infinite where numbers left the floats from the beginning.
    seconds : float
        For one start, in the mean, without compilation. The first two methods take all starts at
        once, which is quicker than one after the other.
    """

    coefficients: np.ndarray = field(repr=False)
    losses: np.ndarray
    seconds: float


def descend(r: Residuals, starts, method: str, steps: int = 4000, rate: float = 0.05) -> Ends:
    """Minimize squares of residuals from several starts, by one of METHODS.

    Parameters
    ----------
    r : Residuals
        Of a squared loss, as `compile_residuals` gives them.
    starts : array, shape (k, n)
    method : str
        "gradient descent", "Adam", "L-BFGS" or "Levenberg-Marquardt".
    steps : int
        At most; the first two take all of them.
    rate : float
        The learning rate of the first two at the first step; it falls to zero along a cosine.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range; the message says what is required.

    Examples
    --------
    >>> from .compilation import compile_residuals
    >>> from .networks import PolynomialNetwork
    >>> net = PolynomialNetwork([[[1.0]], [[1.0]]], degrees=(1,))
    >>> r = compile_residuals(net, [[1.0], [2.0]], [[3.0], [5.0]], "sample-squares")
    >>> descend(r, [[0.0, 0.0]], "Levenberg-Marquardt").coefficients.round(6).tolist()
    [[1.0, 2.0]]
    """
    check_word("method", method, METHODS)
    check_integer("steps", steps, at_least=1)
    check_positive("rate", rate)
    starts = check_array("starts", starts).astype(float)
    if starts.shape[1] != r.n_coefficients or not len(starts):
        raise ValueError(
            f"starts must be rows of {r.n_coefficients} numbers, got shape {starts.shape}"
        )
    if not r.squares:
        raise ValueError("r must be residuals of a squared loss, got those of a largest residual")
    if method in BY_RATE:
        points, seconds = _by_optax(r, starts, method, steps, rate)
    else:
        search = _by_lbfgs if method == "L-BFGS" else _by_least_squares
        begin = time.perf_counter()
        with np.errstate(all="ignore"):
            points = np.array([search(r, c, steps) for c in starts])
        seconds = (time.perf_counter() - begin) / len(starts)
    with np.errstate(all="ignore"):
        losses = np.array([r.loss(c) for c in points])
    return Ends(points, np.where(np.isfinite(losses), losses, np.inf), seconds)


def _by_lbfgs(r: Residuals, start: np.ndarray, steps: int) -> np.ndarray:
    size = r.scale or 1.0

    def value_and_slope(c):
        values = r(c)
        return values @ values / size, 2 * values @ r.jacobian(c) / size

    options = {"maxiter": steps, "maxfun": 4 * steps, "maxcor": 20, "ftol": _TO_THE_END, "gtol": 0}
    return minimize(value_and_slope, start, jac=True, method="L-BFGS-B", options=options).x


def _by_least_squares(r: Residuals, start: np.ndarray, steps: int) -> np.ndarray:
    unit, end = np.sqrt(r.scale) or 1.0, _TO_THE_END
    method = "lm" if len(r.targets) >= len(start) else "trf"
    try:
        return least_squares(
            lambda c: r(c) / unit,
            start,
            lambda c: r.jacobian(c) / unit,
            method=method,
            xtol=end,
            ftol=end,
            gtol=end,
            max_nfev=steps,
        ).x
    except ValueError:  # numbers beyond the floats on the way
        return start


def _by_optax(r: Residuals, starts, method: str, steps: int, rate: float):
    run, unit = _loop(method, steps), np.sqrt(r.scale) or 1.0
    arguments = r.exponents, r.matrix / unit, r.targets / unit, starts, rate
    np.asarray(run(*arguments))  # compiles
    begin = time.perf_counter()
    points = np.asarray(run(*arguments))
    return points, (time.perf_counter() - begin) / len(starts)


@cache
def _loop(method: str, steps: int):
    check_installed("paper", "jax", "optax")
    import jax
    import jax.numpy as jnp
    import optax

    def loss(c, exponents, matrix, targets):
        r = matrix @ jnp.prod(c**exponents, axis=1) - targets
        return r @ r

    def one(exponents, matrix, targets, start, rate):
        schedule = optax.cosine_decay_schedule(rate, steps)
        rule = optax.sgd(schedule) if method == "gradient descent" else optax.adam(schedule)

        def step(state, _):
            c, memory, best, least = state
            now, slope = jax.value_and_grad(loss)(c, exponents, matrix, targets)
            best, least = jnp.where(now < least, c, best), jnp.fmin(now, least)
            move, memory = rule.update(slope, memory)
            return (c + move, memory, best, least), None

        begin = start, rule.init(start), start, jnp.inf
        return jax.lax.scan(step, begin, length=steps + 1)[0][2]

    compiled = jax.jit(jax.vmap(one, in_axes=(None, None, None, 0, None)))

    def run(*arguments):
        with jax.enable_x64(True):
            return compiled(*arguments)

    return run
