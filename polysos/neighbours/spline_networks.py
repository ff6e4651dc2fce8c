"""Networks whose activations are learned linear splines, with a bound on their slope.

A network z = W_{D+1} sigma_D(W_D ... sigma_1(W_1 x + b_1) ... + b_D) + b_{D+1}, in which every
neuron has an activation of its own, is trained on the misfit plus

    mu sum_l |W_l|_F^2 + lambda sum_l sum_n BV2(sigma_{l,n}).

Among all activations with a finite BV2, linear splines are enough (Aziznejad, Gupta, Campos and
Unser 2020). The penalty controls the Lipschitz constant: see `lipschitz_bound`. Unlike the
problem of one neuron in `splines`, training is not convex: what Adam returns is proven to be
nothing, except no steeper than that bound.

ReLU, leaky ReLU and PReLU are linear splines with a single knot, which stays at zero. So the
same class trains them for comparison.
"""

from __future__ import annotations

import copy
from functools import cache
from itertools import pairwise

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from ..checks import check_installed, check_integer, check_positive, check_sequence, check_word
from .splines import LinearSpline

ACTIVATIONS = ("spline", "relu", "leaky_relu", "prelu")
_LEFT_SLOPE = {"spline": 0.01, "relu": 0.0, "leaky_relu": 0.01, "prelu": 0.25}  # at the start
_CHUNK = 256  # steps that are compiled together, whatever the number of samples


class SplineNetwork(ClassifierMixin, BaseEstimator):
    """A classifier of two classes with learned activations: trained by Adam, not proven optimal.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers.
    activation : str
        "spline": values on a grid, all learned, continued as a line beyond the grid. "relu",
        "leaky_relu" (slope 0.01 on the left) or "prelu" (a learned slope on the left).
    n_coefficients : int
        Values of each spline, at least 3; two of them at the ends, the others at knots.
    extent : float
        The grid goes from -extent to extent.
    penalty : float
        lambda, on BV2 of the activations.
    weight_decay : float
        mu, on the squares of the weights.
    epochs, batch_size : int
    learning_rate : float
        Of the first step; it falls to zero along a cosine.
    random_state : int, RandomState or None
        Of the initial weights and the batches.

    Attributes
    ----------
    classes_ : array, shape (2,)
    weights_ : list of array, shape (m_l, m_{l-1})
        The last one has a single row.
    biases_ : list of array, shape (m_l,)
    activations_ : list of list of LinearSpline
        One list a hidden layer, one spline a neuron.
    n_neurons_, n_knots_, n_parameters_ : int
        In the hidden layers; with a bend that is not zero; learned.
    lipschitz_bound_ : float
        ``|z(x) - z(x')|`` is at most this times ``|x - x'|_2``, by `lipschitz_bound`.
    loss_curve_ : array
        The objective on each batch, in the order of the steps.

    References
    ----------
    S. Aziznejad, H. Gupta, J. Campos, M. Unser: Deep Neural Networks with Trainable Activations
    and Controlled Lipschitz Constant. IEEE Transactions on Signal Processing 68, 2020.

    Examples
    --------
    >>> X = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    >>> net = SplineNetwork(hidden=(2,), random_state=0).fit(X, in_circle(X))
    >>> net.n_neurons_, net.n_parameters_, net.score(X, in_circle(X)) > 0.9
    (2, 51, True)
    """

    def __init__(
        self,
        hidden=(2,),
        activation="spline",
        n_coefficients=21,
        extent=1.0,
        penalty=1e-4,
        weight_decay=1e-5,
        epochs=120,
        batch_size=50,
        learning_rate=0.01,
        random_state=None,
    ):
        self.hidden = hidden
        self.activation = activation
        self.n_coefficients = n_coefficients
        self.extent = extent
        self.penalty = penalty
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X, y):
        """Train the weights and the activations together.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
            Of the size of the grid: scale the features first.
        y : array, shape (n_samples,)
            Labels of two classes.

        Returns
        -------
        SplineNetwork
            Itself.

        Raises
        ------
        ValueError, TypeError
            If an argument is out of range; the message says what is required.
        RuntimeError
            If the weights are not finite in the end.
        """
        hidden = self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64)
        classes, labels = _two_classes(y)
        random = check_random_state(self.random_state)
        sizes = [X.shape[1], *hidden, 1]
        grid, start, learned = self._grid()
        network = [
            *(random.standard_normal((m, k)) * np.sqrt(2 / k) for k, m in pairwise(sizes)),
            *(np.zeros(m) for m in sizes[1:]),
            *(np.tile(start, (m, 1)) for m in hidden),
        ]
        free = [np.ones(a.shape, bool) for a in network[: -len(hidden)]]
        free += [np.tile(learned, (m, 1)) for m in hidden]
        batches = self._batches(len(X), random)
        settings = [float(v) for v in (self.learning_rate, self.penalty, self.weight_decay)]
        network, losses = _train(network, free, X, labels.astype(float), batches, grid, settings)
        if not all(np.isfinite(array).all() for array in network):
            raise RuntimeError(
                "training must end with finite weights, got NaN or infinity: "
                f"try a learning_rate below {self.learning_rate} or scale the features"
            )
        weights, biases, values = _layers(network)
        self.classes_, self.loss_curve_ = classes, losses
        self.n_neurons_, self.n_parameters_ = sum(hidden), int(sum(a.sum() for a in free))
        self._set(weights, biases, [[_on_grid(grid, row) for row in layer] for layer in values])
        return self

    def decision_function(self, X) -> np.ndarray:
        """z before the sigmoid, shape (n_samples,); positive for the second class."""
        return self._forward(self._check_inputs(X))[0]

    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the two classes, shape (n_samples, 2)."""
        p = expit(self.decision_function(X))
        return np.column_stack([1 - p, p])

    def predict(self, X) -> np.ndarray:
        """Labels, shape (n_samples,)."""
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(int)]

    def gradient(self, X) -> np.ndarray:
        """Gradients of z, shape (n_samples, n_features); at a kink, of the piece to its left.

        The largest norm among them is a lower bound on the Lipschitz constant.
        """
        entering = self._forward(self._check_inputs(X))[1]
        J = np.broadcast_to(self.weights_[-1], (len(entering[0]), self.weights_[-1].size))
        for W, layer, v in zip(
            self.weights_[-2::-1], self.activations_[::-1], entering[::-1], strict=True
        ):
            slopes = [f.slope_at(t) for f, t in zip(layer, v.T, strict=True)]
            J = (J * np.transpose(slopes)) @ W
        return J

    def objective(self, X, y) -> float:
        """What training makes small: the mean logistic loss and the penalties.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
        y : array, shape (n_samples,)
        """
        z = self.decision_function(X)
        sign = np.where(np.asarray(y) == self.classes_[1], 1, -1)
        size = sum(s.bv2 for layer in self.activations_ for s in layer)
        squares = sum((W**2).sum() for W in self.weights_)
        misfit = np.logaddexp(0, -sign * z).mean()
        return float(misfit + self.weight_decay * squares + self.penalty * size)

    def prune(self, X, y, tolerance=0.005) -> SplineNetwork:
        """A sparser copy: fewer knots, and little accuracy lost on these data.

        All bends that are at most a threshold are dropped; the threshold is the largest one for
        which the accuracy falls by at most `tolerance`.

        Parameters
        ----------
        X : array, shape (n_samples, n_features)
        y : array, shape (n_samples,)
        tolerance : float
            Not negative.

        Returns
        -------
        SplineNetwork
        """
        check_is_fitted(self)
        _check_not_negative("tolerance", tolerance)
        bends = [s.coefficients for layer in self.activations_ for s in layer]
        least = self.score(X, y) - tolerance
        for threshold in np.unique(np.abs(np.concatenate(bends)))[::-1]:
            sparse = self.drop_knots(threshold)
            if sparse.score(X, y) >= least:
                return sparse
        return copy.copy(self)

    def drop_knots(self, threshold) -> SplineNetwork:
        """A copy without the bends of absolute value up to a threshold."""
        check_is_fitted(self)
        sparse = copy.copy(self)
        kept = [[_without(s, threshold) for s in layer] for layer in self.activations_]
        sparse._set(self.weights_, self.biases_, kept)
        return sparse

    def _set(self, weights, biases, activations) -> None:
        self.weights_, self.biases_, self.activations_ = weights, biases, activations
        bends = [s.coefficients for layer in activations for s in layer]
        self.n_knots_ = int(np.count_nonzero(np.concatenate(bends)))
        self.lipschitz_bound_ = lipschitz_bound(weights, activations)

    def _check_parameters(self) -> list[int]:
        hidden = check_sequence("hidden", self.hidden)
        if not hidden:
            raise ValueError(f"hidden must have at least one layer, got {self.hidden!r}")
        for width in hidden:
            check_integer("hidden", width, at_least=1)
        check_word("activation", self.activation, ACTIVATIONS)
        check_integer("n_coefficients", self.n_coefficients, at_least=3)
        check_positive("extent", self.extent)
        _check_not_negative("penalty", self.penalty)
        _check_not_negative("weight_decay", self.weight_decay)
        check_integer("epochs", self.epochs, at_least=1)
        check_integer("batch_size", self.batch_size, at_least=1)
        check_positive("learning_rate", self.learning_rate)
        return hidden

    def _grid(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The grid, the values at the start, and which of them are learned."""
        if self.activation == "spline":
            grid = np.linspace(-self.extent, self.extent, self.n_coefficients)
            learned = np.ones(len(grid), bool)
        else:
            grid = np.array([-1.0, 0.0, 1.0])
            learned = np.array([self.activation == "prelu", False, False])
        return grid, np.where(grid < 0, _LEFT_SLOPE[self.activation] * grid, grid), learned

    def _batches(self, n, random) -> np.ndarray:
        """Rows of indices, one a step: permutations of the samples, one after the other."""
        steps = max(1, self.epochs * n // self.batch_size)
        rounds = -(-steps * self.batch_size // n)
        order = np.concatenate([random.permutation(n) for _ in range(rounds)])
        return order[: steps * self.batch_size].reshape(steps, self.batch_size)

    def _check_inputs(self, X) -> np.ndarray:
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=np.float64)

    def _forward(self, X) -> tuple[np.ndarray, list[np.ndarray]]:
        """z, and what enters the activations of each layer, shape (n_samples, m_l)."""
        h, entering = X, []
        for W, b, layer in zip(self.weights_, self.biases_, self.activations_, strict=False):
            entering.append(h @ W.T + b)
            h = np.column_stack([f(t) for f, t in zip(layer, entering[-1].T, strict=True)])
        return (h @ self.weights_[-1].T + self.biases_[-1])[:, 0], entering


def lipschitz_bound(weights, activations, p=2) -> float:
    """C with ``|z(x) - z(x')| <= C |x - x'|_p`` for all x and x'.

    With 1/p + 1/q = 1, each hidden layer contributes::

        max_n |w_n|_q (sum_n BV2(sigma_n)^p)^(1/p),

    as ``|sigma_n'| <= BV2(sigma_n)``, and Hoelder's inequality bounds w_n^T (x - x'). The linear
    output contributes ``|w|_q``. The argument is that of Aziznejad, Gupta, Campos and Unser (2020).

    Parameters
    ----------
    weights : sequence of array, shape (m_l, m_{l-1})
        With the output, a single row.
    activations : sequence of sequence of LinearSpline
    p : float
        From 1 to infinity.

    Examples
    --------
    >>> relu = LinearSpline(np.array([0.0]), np.array([1.0]), 0.0, 0.0)
    >>> lipschitz_bound([np.array([[3.0, 4.0]]), np.array([[1.0]])], [[relu]])
    10.0
    """
    if not p >= 1:
        raise ValueError(f"p must be at least 1, got {p!r}")
    q = np.inf if p == 1 else 1.0 if p == np.inf else p / (p - 1)
    bound = np.linalg.norm(weights[-1][0], q)
    for W, layer in zip(weights, activations, strict=False):
        bound *= np.linalg.norm(W, q, axis=1).max() * np.linalg.norm([s.bv2 for s in layer], p)
    return float(bound)


def spectral_bound(weights, activations) -> float:
    """A C for p = 2 that is never larger: the spectral norms of each layer, slopes included.

    With S_l the diagonal matrix of the Lipschitz constants of the activations, each hidden layer
    contributes ``|S_l W_l|_2``, which is at most its Frobenius norm, and that at most the factor in
    `lipschitz_bound`.

    Parameters
    ----------
    weights : sequence of array, shape (m_l, m_{l-1})
        With the output, a single row.
    activations : sequence of sequence of LinearSpline

    Examples
    --------
    >>> relu = LinearSpline(np.array([0.0]), np.array([1.0]), 0.0, 0.0)
    >>> spectral_bound([np.array([[3.0, 4.0]]), np.array([[1.0]])], [[relu]])
    5.0
    """
    bound = np.linalg.norm(weights[-1])
    for W, layer in zip(weights, activations, strict=False):
        bound *= np.linalg.norm([[f.lipschitz] for f in layer] * W, 2)
    return float(bound)


def in_circle(points) -> np.ndarray:
    """Inside the circle around 0 that covers half of the square [-1, 1]^2.

    Parameters
    ----------
    points : array, shape (n, 2)

    >>> in_circle([[0, 0], [1, 1]]).tolist()
    [True, False]
    """
    return (np.asarray(points) ** 2).sum(axis=1) < 2 / np.pi


def in_s_shape(points) -> np.ndarray:
    """Inside the S-shape ``|x + 0.4 sin(5 t)| < 0.3, |t| < 0.8``.

    Parameters
    ----------
    points : array, shape (n, 2)
        Rows (x, t).

    >>> in_s_shape([[0, 0], [0.5, 0]]).tolist()
    [True, False]
    """
    x, t = np.transpose(points)
    return (np.abs(x + 0.4 * np.sin(5 * t)) < 0.3) & (np.abs(t) < 0.8)


def _two_classes(y) -> tuple[np.ndarray, np.ndarray]:
    check_classification_targets(y)
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) > 2:
        raise ValueError(
            "Only binary classification is supported. The type of the target is "
            f"{type_of_target(y)}, with {len(classes)} classes."
        )
    if len(classes) < 2:
        raise ValueError(f"y must have two classes, got one class: {classes[0]!r}")
    return classes, labels


def _check_not_negative(name, value) -> None:
    number = hasattr(value, "__float__") and not isinstance(value, bool)
    if not number or not 0 <= value < np.inf:
        raise ValueError(f"{name} must be a number that is not negative, got {value!r}")


def _on_grid(grid, values) -> LinearSpline:
    slopes = np.diff(values) / np.diff(grid)
    return LinearSpline(
        grid[1:-1], np.diff(slopes), float(values[0] - slopes[0] * grid[0]), float(slopes[0])
    )


def _without(spline, threshold) -> LinearSpline:
    kept = np.abs(spline.coefficients) > threshold
    knots, bends = spline.knots[kept], spline.coefficients[kept]
    return LinearSpline(knots, bends, spline.intercept, spline.slope)


# Training by jax


def _train(network, learned, X, labels, batches, grid, settings):
    """One step of Adam a batch; `network` and `learned` are lists of arrays of equal shapes."""
    check_installed("neighbours", "jax", "optax")
    import jax

    start, chunk = _trainer()
    shapes = tuple(array.shape for array in network)
    theta, free = (np.concatenate([a.ravel() for a in arrays]) for arrays in (network, learned))
    losses = []
    with jax.enable_x64(True):
        state = start(theta)
        for first in range(0, len(batches), _CHUNK):
            rows = batches[first : first + _CHUNK]
            padded = np.pad(rows, [(0, _CHUNK - len(rows)), (0, 0)])  # the rate there is zero
            data, places = (X[padded], labels[padded]), (grid[0], grid[1] - grid[0])
            state, loss = chunk(state, data, free, places, settings, len(batches), shapes)
            losses.append(np.asarray(loss)[: len(rows)])
        theta = np.asarray(state[0])
    return _split(theta, shapes), np.concatenate(losses)


def _split(theta, shapes) -> list:
    """The arrays that were put into one vector, which is much less to compile."""
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [
        theta[end - np.prod(shape) : end].reshape(shape)
        for end, shape in zip(ends, shapes, strict=True)
    ]


def _layers(arrays) -> tuple[list, list, list]:
    """Weights, biases and values of the activations, which are one layer less."""
    depth = (len(arrays) + 1) // 3
    return arrays[:depth], arrays[depth : 2 * depth], arrays[2 * depth :]


@cache
def _trainer():
    """The start of Adam, and many steps, which jax compiles once for each shape of network."""
    import jax
    import jax.numpy as jnp
    import optax

    def activation(values, places, t):
        """Interpolation on the grid; values (m, K), t (..., m)."""
        left, width = places
        at = (t - left) / width
        piece = jnp.clip(jnp.floor(at), 0, values.shape[1] - 2).astype(int)
        part, neuron = at - piece, jnp.arange(len(values))
        return values[neuron, piece] * (1 - part) + values[neuron, piece + 1] * part

    def objective(theta, shapes, X, labels, places, penalty, weight_decay):
        weights, biases, layers = _layers(_split(theta, shapes))
        h, size = X, 0.0
        for W, b, values in zip(weights, biases, layers, strict=False):
            h = activation(values, places, h @ W.T + b)
            at_0_and_1 = activation(values, places, jnp.array([[0.0], [1.0]]))
            size += jnp.abs(jnp.diff(values, 2)).sum() / places[1] + jnp.abs(at_0_and_1).sum()
        z = (h @ weights[-1].T + biases[-1])[:, 0]
        misfit = optax.sigmoid_binary_cross_entropy(z, labels).mean()
        return misfit + weight_decay * sum((W**2).sum() for W in weights) + penalty * size

    def adam(rate, steps):
        return optax.adam(lambda k: rate * (1 + jnp.cos(jnp.pi * jnp.minimum(k / steps, 1))) / 2)

    def start(theta):
        return jnp.asarray(theta), adam(0.0, 1).init(theta)

    def chunk(state, data, free, places, settings, steps, shapes):
        rate, *penalties = settings

        def step(state, batch):
            theta, memory = state
            loss, slope = jax.value_and_grad(objective)(theta, shapes, *batch, places, *penalties)
            move, memory = adam(rate, steps).update(slope * free, memory)
            return (theta + move, memory), loss

        return jax.lax.scan(step, state, data)

    return start, jax.jit(chunk, static_argnames="shapes")
