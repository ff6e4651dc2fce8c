"""Hybrids of gradients and proofs: when to stop, alternating blocks, and starts.

Imported by `gradients.py`, whose parts "stopping" and "training" these are.

All networks of the second part minimize the same: mean squares plus a ridge times the squares of
weights and coefficients. Seconds are those of the processor, so that a busy machine counts alike.
"""

from __future__ import annotations

from itertools import pairwise
from time import process_time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import polysos as ps
from polysos.training.baselines import _forward
from polysos.training.centred import GramMatrices, centred_proof
from polysos.training.compilation import compile_residuals
from polysos.training.gram_basis import row_space_basis
from polysos.training.layers import Layer

# Stopping

RATE, HORIZON, EVERY = 0.03, 6_000, 100
PATIENCE, PLATEAU = 5, 1e-3  # checks, and the part of the loss by which it must fall in these
GAP = 0.01  # at which a certificate stops


def trajectories(r, steps: int = HORIZON, every: int = EVERY):
    """From a start to the points of Adam at a constant rate, one every so many steps."""
    rule, unit = optax.adam(RATE), np.sqrt(r.scale)
    matrix, targets = jnp.array(r.matrix / unit), jnp.array(r.targets / unit)

    def loss(c):
        values = matrix @ jnp.prod(c**r.exponents, axis=1) - targets
        return values @ values

    def step(state, _):
        c, memory = state
        move, memory = rule.update(jax.grad(loss)(c), memory)
        return (c + move, memory), None

    def block(state, _):
        state = jax.lax.scan(step, state, length=every)[0]
        return state, state[0]

    return jax.jit(lambda c: jax.lax.scan(block, (c, rule.init(c)), length=steps // every)[1])


def plateau(losses: np.ndarray) -> int | None:
    """The first check at which the best loss has hardly fallen in the last ones."""
    best = np.minimum.accumulate(losses)
    for k in range(PATIENCE, len(best)):
        if best[k] > (1 - PLATEAU) * best[k - PATIENCE]:
            return k
    return None


def stopped(data, loss: str, seed: int, starts: int) -> list[dict]:
    """Where both rules stop, from several starts: checks, losses over the optimum, seconds."""
    r, optimum = compile_residuals(*data, loss), ps.fit(*data, loss).loss
    first = np.random.default_rng([seed, 7]).standard_normal((starts, r.n_coefficients))
    with jax.enable_x64(True):
        adam = trajectories(r)
        paths = [np.asarray(adam(jnp.array(c))) for c in first]
    begin = process_time()
    matrices, problem = GramMatrices(row_space_basis(r), r.targets), r.dense_problem()
    prepared, records = process_time() - begin, []
    for points in paths:
        losses, spent, proven = np.array([r.loss(c) for c in points]), [], None
        k = plateau(losses)
        for i, c in enumerate(points):
            begin = process_time()
            found = centred_proof(problem, matrices, [c], program=False)
            spent.append(process_time() - begin)
            if found is not None and losses[i] <= (1 + GAP) * float(found.proof.bound):
                proven = i
                break
        records.append(
            {
                "seed": seed,
                "plateau": None if k is None else (k + 1) * EVERY,
                "at_plateau": None
                if k is None
                else float(f"{losses[: k + 1].min() / optimum:.6g}"),
                "proven": None if proven is None else (proven + 1) * EVERY,
                "at_proven": None if proven is None else float(f"{losses[proven] / optimum:.6g}"),
                "at_end": float(f"{losses.min() / optimum:.6g}"),
                "check_seconds": float(f"{np.median(spent):.3g}"),
                "prepare_seconds": float(f"{prepared:.3g}"),
            }
        )
    return records


# Training of weights and activations

RELU = np.array([1 / np.sqrt(8 * np.pi), 0.5, 1 / np.sqrt(8 * np.pi)])  # on normal inputs
VARIANTS = ("Adam", "proven start", "layer-wise start", "alternating")
TUNING_SEED = 1000
TRAINING_RATES = (3e-3, 1e-2)
WIDTHS = (10, 8, 8, 1)
SECONDS = 3.0  # of the processor, for one training
SEEDS = range(5)
RIDGE = 0.03
SHAPE = ((2, True), (2, True))  # degree, and whether the constant is learned
CHUNK = 50  # steps between looks at the clock


def diabetes(seed: int):
    """Inputs of training and of test, and outputs of both."""
    X, y = load_diabetes(return_X_y=True)
    X, Y = StandardScaler().fit_transform(X), ((y - y.mean()) / y.std())[:, None]
    return train_test_split(X, Y, random_state=seed)


def drawn(seed: int, widths=WIDTHS):
    """Weights and biases."""
    rng = np.random.default_rng([seed, *widths])
    W = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    return W, [*(0.1 * rng.standard_normal(v) for v in widths[1:-1]), np.zeros(widths[-1])]


def proven_activations(W, b, X, Y):
    """The best for given weights, with proof."""
    net = ps.PolynomialNetwork([*map(np.array, W)], (2, 2), [*map(np.array, b)], normalised=False)
    return ps.fit(net, X, Y, ridge=RIDGE)


def layer_by_layer(W, b, X, Y, seed: int) -> np.ndarray:
    """Each activation with a random output layer behind it: linear least squares, proven."""
    rng, c, h = np.random.default_rng([seed, 3]), [], X
    for l in range(2):
        readout = (
            W[-1] if l == 1 else rng.standard_normal((Y.shape[1], len(W[l]))) / len(W[l]) ** 0.5
        )
        net = ps.PolynomialNetwork([W[l], readout], (2,), [b[l], b[-1]])
        own = ps.fit(net, h, Y, ridge=RIDGE).coefficients
        c, h = [*c, *own], np.polynomial.polynomial.polyval(h @ W[l].T + b[l], own)
    return np.array(c)


def objective(theta, X, Y):
    W, _, c = theta
    r = outputs(theta, X) - Y
    return (r**2).sum(axis=1).mean() + RIDGE * (c @ c + sum((V**2).sum() for V in W))


def outputs(theta, X):
    W, b, c = theta
    return _forward([Layer(*v) for v in zip(W, b, strict=True)], SHAPE, c, X)


def stepper(rate: float, activations: bool, X, Y):
    """(init, CHUNK steps of Adam at once): on everything, or on all but the activations."""
    rule = optax.adam(rate)

    def step(state, _):
        theta, memory = state
        W, b, c = jax.grad(objective)(theta, X, Y)
        slope = W, b, c if activations else 0 * c
        move, memory = rule.update(slope, memory)
        return (optax.apply_updates(theta, move), memory), None

    return rule.init, jax.jit(lambda state: jax.lax.scan(step, state, length=CHUNK)[0])


def train(variant: str, rate: float, seed: int) -> dict:
    """One training at a given time; the curve of the objective, and what is left to the proof."""
    X, X_test, Y, Y_test = diabetes(seed)
    W, b = drawn(seed)
    init, run = stepper(rate, variant != "alternating", X, Y)
    value = jax.jit(lambda theta: objective(theta, X, Y))
    theta = W, b, jnp.array(np.tile(RELU, 2))
    memory = init(theta)
    run((theta, memory)), value(theta)  # compiles
    begin, away, curve, fits = process_time(), 0.0, [], 0

    def clock():
        return process_time() - begin - away

    def proven(theta):
        return *theta[:2], jnp.array(proven_activations(*theta[:2], X, Y).coefficients)

    if variant in ("proven start", "alternating"):
        theta, fits = proven(theta), 1
    elif variant == "layer-wise start":
        theta = *theta[:2], jnp.array(layer_by_layer(*theta[:2], X, Y, seed))
    due = 2 * clock()
    while clock() < SECONDS:
        theta, memory = run((theta, memory))
        jax.block_until_ready(theta)
        if variant == "alternating" and clock() > due:
            start = clock()
            theta, fits = proven(theta), fits + 1
            due = 2 * clock() - start
        now = process_time()
        curve.append((round(clock(), 3), float(value(theta))))
        away += process_time() - now
    if variant == "alternating":
        theta, fits = proven(theta), fits + 1
        curve.append((round(clock(), 3), float(value(theta))))
    before, begin = float(value(theta)), process_time()
    last = proven_activations(*theta[:2], X, Y)
    after = float(value((*theta[:2], jnp.array(last.coefficients))))
    kept = np.unique(np.linspace(0, len(curve) - 1, 40).astype(int))
    out = np.asarray(outputs(theta, X_test))
    return {
        "seed": seed,
        "rate": rate,
        "objective": float(f"{before:.6g}"),
        "proven_last": float(f"{after:.6g}"),
        "certified": bool(last.certified),
        "last_seconds": round(process_time() - begin, 2),
        "steps": CHUNK * (len(curve) - (variant == "alternating")),
        "fits": fits,
        "test_squares": float(f"{((out - Y_test) ** 2).sum(axis=1).mean():.6g}"),
        "curve": [(s, float(f"{v:.5g}")) for s, v in (curve[k] for k in kept)],
    }


def training() -> list[dict]:
    """Each variant with the rate that served it best on the tuning seed, on other seeds."""
    with jax.enable_x64(True):
        return [trained(variant) for variant in VARIANTS]


def trained(variant: str) -> dict:
    tried = [train(variant, rate, TUNING_SEED) for rate in TRAINING_RATES]
    rate = min(tried, key=lambda t: np.nan_to_num(t["objective"], nan=np.inf))["rate"]
    records = [train(variant, rate, seed) for seed in SEEDS]
    return {"variant": variant, "rate": rate, "records": records}
