"""Dense layers: what networks with polynomial activations and trained ones have in common.

v_1 = W_1 x + b_1 and v_l = W_l h_(l-1) + b_l, where h_(l-1) is what the activation made of v_(l-1).
The last layer is the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..checks import check_array, check_sequence


class Layer(NamedTuple):
    """v = W h + b for each row h: arrays of numpy or `ExactArray`; the bias is a row, or None."""

    weights: object
    bias: object = None

    def __call__(self, h):
        v = h @ self.weights.T
        return v if self.bias is None else v + self.bias

    def map(self, function) -> Layer:
        """The same with other arrays: function(weights), function(bias)."""
        bias = None if self.bias is None else function(self.bias)
        return Layer(function(self.weights), bias)


class DenseNetwork:
    """The layers of a network, checked; what stands between them is for its heirs to say.

    Parameters
    ----------
    weights : sequence of arrays
        W_1, ..., W_(D+1), with shapes (m_l, m_(l-1)).
    biases : sequence of arrays or None, optional
        b_1, ..., b_(D+1), with shapes (m_l,); None is a layer without.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than 2 matrices, shapes do not chain, or an entry is not finite.
    """

    def __init__(
        self, weights: Sequence[ArrayLike], biases: Sequence[ArrayLike | None] | None = None
    ) -> None:
        self.weights = _check_weights(weights)
        self.biases = _check_biases(biases, self.weights)

    @property
    def n_inputs(self) -> int:
        return self.weights[0].shape[1]

    @property
    def n_outputs(self) -> int:
        return len(self.weights[-1])

    @property
    def widths(self) -> list[int]:
        """m_0, ..., m_(D+1)."""
        return [self.n_inputs, *map(len, self.weights)]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The affine maps of all layers; the last one is the output."""
        return tuple(
            Layer(W, None if b is None else b[None, :])
            for W, b in zip(self.weights, self.biases, strict=True)
        )

    def check_inputs(self, inputs: ArrayLike) -> np.ndarray:
        """Inputs as an array (N, m_0); ValueError or TypeError if they do not fit the network."""
        X = check_array("inputs", inputs)
        if X.shape[1] != self.n_inputs or len(X) == 0:
            raise ValueError(
                f"inputs must have shape (N, {self.n_inputs}) with N >= 1, got {X.shape}"
            )
        return X


def _check_weights(weights) -> tuple[np.ndarray, ...]:
    """The matrices as arrays; raise unless they chain."""
    weights = check_sequence("weights", weights)
    weights = [check_array(f"weights[{i}]", W).copy() for i, W in enumerate(weights)]
    if len(weights) < 2:
        raise ValueError(f"weights must be at least 2 matrices, got {len(weights)}")
    for i, W in enumerate(weights):
        if W.size == 0:
            raise ValueError(f"weights[{i}] must have rows and columns, got shape {W.shape}")
    for i, (V, W) in enumerate(pairwise(weights)):
        if W.shape[1] != V.shape[0]:
            raise ValueError(
                f"weights[{i + 1}] must have {V.shape[0]} columns, the rows of weights[{i}], "
                f"got shape {W.shape}"
            )
    return tuple(weights)


def _check_biases(biases, weights) -> tuple[np.ndarray | None, ...]:
    """A vector or None for each matrix; raise unless the lengths fit."""
    if biases is None:
        return (None,) * len(weights)
    biases = check_sequence("biases", biases)
    if len(biases) != len(weights):
        raise ValueError(
            f"biases must be one vector (or None) for each of the {len(weights)} weights, "
            f"got {len(biases)}"
        )
    checked = []
    for i, (b, W) in enumerate(zip(biases, weights, strict=True)):
        if b is not None:
            b = check_array(f"biases[{i}]", b, ndim=1).copy()
            if len(b) != len(W):
                raise ValueError(
                    f"biases[{i}] must have {len(W)} entries, the rows of weights[{i}], "
                    f"got {len(b)}"
                )
        checked.append(b)
    return tuple(checked)
