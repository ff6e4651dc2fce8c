"""Trained networks of dense layers, whose activations are to become polynomials.

v_1 = W_1 x + b_1, h_l = s_l(v_l), v_(l+1) = W_(l+1) h_l + b_(l+1); the outputs are v_(D+1). What a
classifier does with these afterwards (softmax, the logistic function) orders them, and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from ..checks import check_sequence
from .affine_steps import affine_map
from .layers import DenseNetwork

Activation = str | Callable[[np.ndarray], np.ndarray]

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda v: np.maximum(v, 0.0),
    "tanh": np.tanh,
    "logistic": expit,
    "softplus": lambda v: np.logaddexp(v, 0.0),
    "identity": lambda v: v,
}


class TrainedNetwork(DenseNetwork):
    """A network of dense layers as it was trained; immutable.

    Parameters
    ----------
    weights : sequence of arrays
        W_1, ..., W_(D+1), with shapes (m_l, m_(l-1)): rows are units. (scikit-learn and keras store
        the transposes.)
    biases : sequence of arrays or None, optional
        b_1, ..., b_(D+1), with shapes (m_l,); None is a layer without.
    activations : str, callable, or a sequence of these, one a hidden layer
        "relu", "tanh", "logistic", "softplus", "identity", or a function of an array.

    Raises
    ------
    ValueError, TypeError
        If shapes do not chain, an entry is not finite, or an activation is not known.

    Examples
    --------
    >>> relu = TrainedNetwork([[[1.0], [-1.0]], [[1.0, 1.0]]], biases=[[0.0, 0.0], [0.5]])
    >>> relu([[3.0], [-2.0]])  # |x| + 1/2
    array([[3.5],
           [2.5]])
    >>> [v.tolist() for v in relu.pre_activations([[3.0]])]
    [[[3.0, -3.0]]]
    """

    def __init__(
        self,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike | None] | None = None,
        activations: Activation | Sequence[Activation] = "relu",
    ) -> None:
        super().__init__(weights, biases)
        self.activations = _check_activations(activations, len(self.weights) - 1)

    def __repr__(self):
        names = [a if isinstance(a, str) else a.__name__ for a in self.activations]
        return f"TrainedNetwork(widths={self.widths}, activations={names})"

    @classmethod
    def from_mlp(cls, model: object) -> TrainedNetwork:
        """The network of a fitted `MLPClassifier` or `MLPRegressor` of scikit-learn.

        Parameters
        ----------
        model : MLPClassifier, MLPRegressor, or a pipeline that ends with one
            Steps before that must be affine, such as `StandardScaler` or `PCA`; they go into the
            first weights and biases, so that the network takes the inputs of the pipeline.

        Raises
        ------
        TypeError
            If the model is another, or a step before it is not affine; the message says what came.
        ValueError
            If it is not fitted.

        Examples
        --------
        >>> from sklearn.neural_network import MLPRegressor
        >>> X, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
        >>> model = MLPRegressor("squared_error", (5, 4), random_state=0).fit(X, y)
        >>> bool(np.allclose(TrainedNetwork.from_mlp(model)(X)[:, 0], model.predict(X)))
        True
        """
        *before, model = model if hasattr(model, "steps") else [model]
        if not {"hidden_layer_sizes", "activation"} <= set(dir(model)):
            raise TypeError(
                f"model must be an MLPClassifier or MLPRegressor of scikit-learn, got {model!r}; "
                "of other networks, take weights and biases or an ONNX file"
            )
        if not hasattr(model, "coefs_"):
            raise ValueError(f"model must be fitted, got {model!r}: call model.fit first")
        weights, biases = [W.T for W in model.coefs_], list(model.intercepts_)
        for step in reversed([s for s in before if s not in (None, "passthrough")]):
            A, b = affine_map(step)
            weights[0], biases[0] = weights[0] @ A, biases[0] + weights[0] @ b
        return cls(weights, biases, model.activation)

    @classmethod
    def from_onnx(cls, source: object) -> TrainedNetwork:
        """The network in an ONNX file of dense layers, as torch, keras and others export it.

        Understood are Gemm, and MatMul with Add, between activations; Flatten, Reshape, Cast,
        Identity and Dropout change nothing here; a last Softmax or Sigmoid is left out. Needs the
        package onnx: ``pip install "polysos[onnx]"``.

        Parameters
        ----------
        source : str, path or onnx.ModelProto

        Raises
        ------
        ValueError
            If the file holds another layer, which is named, or is not a chain of layers.
        ModuleNotFoundError
            If onnx is not installed.
        """
        from .onnx_files import read_layers

        return cls(*read_layers(source))

    def __call__(self, inputs: ArrayLike) -> np.ndarray:
        """Outputs (N, m_out) for inputs (N, m_0), before any softmax."""
        return self._values(inputs)[-1]

    def pre_activations(self, inputs: ArrayLike) -> list[np.ndarray]:
        """v_1, ..., v_D, what the activations are applied to: (N, m_l) each."""
        return self._values(inputs)[:-1]

    def _values(self, inputs) -> list[np.ndarray]:
        h, values = self.check_inputs(inputs).astype(float), []
        for k, layer in enumerate(self.layers):
            if k > 0:
                h = self.function(k)(values[-1])
            values.append(layer(h))
        return values

    def function(self, layer: int) -> Callable[[np.ndarray], np.ndarray]:
        """s_l as a function of arrays, l = 1, ..., D."""
        activation = self.activations[layer - 1]
        return ACTIVATIONS[activation] if isinstance(activation, str) else activation


def _check_activations(activations, hidden: int) -> tuple[Activation, ...]:
    if isinstance(activations, str) or callable(activations):
        activations = [activations] * hidden
    activations = check_sequence("activations", activations)
    if len(activations) != hidden:
        raise ValueError(
            f"activations must be one, or one for each of the {hidden} hidden layers, "
            f"got {len(activations)}"
        )
    for i, a in enumerate(activations):
        if not callable(a) and not (isinstance(a, str) and a in ACTIVATIONS):
            raise ValueError(
                f"activations[{i}] must be one of {', '.join(map(repr, ACTIVATIONS))} or a "
                f"function of an array, got {a!r}"
            )
    return tuple(activations)
