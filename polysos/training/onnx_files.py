"""Dense layers read from an ONNX file: one chain of nodes from the input to the output."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike

import numpy as np

from ..checks import check_installed

_DENSE = {"Gemm", "MatMul", "Add"}
_NOTHING = {"Flatten", "Reshape", "Squeeze", "Cast", "Identity", "Dropout"}  # to rows of inputs
_WORDS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "logistic", "Softplus": "softplus"}
_OTHERS = {"LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "HardSigmoid", "HardSwish", "Mish"}
_LEFT_OUT = {"Softmax", "LogSoftmax", "Sigmoid"}  # after the last layer
_KNOWN = sorted(_DENSE | _NOTHING | _WORDS.keys() | _OTHERS | _LEFT_OUT)


def read_layers(source) -> tuple[list[np.ndarray], list[np.ndarray | None], list]:
    """(weights, biases, activations), as `TrainedNetwork` takes them.

    Raises
    ------
    ValueError
        If a node is none of those that are known, or the nodes are not a chain.
    """
    check_installed("onnx", "onnx")
    chain = _Chain(_model(source))
    if not chain.weights:
        raise ValueError("the network must have dense layers, got none")
    if chain.is_active:
        if chain.last not in _LEFT_OUT:
            raise ValueError(
                "the network must end with a dense layer, or with "
                f"{', '.join(sorted(_LEFT_OUT))} after it, got {chain.last} as its last node"
            )
        chain.activations.pop()
    return chain.weights, chain.biases, chain.activations


def _model(source):
    import onnx

    if isinstance(source, str | PathLike):
        try:
            return onnx.load(source)
        except OSError:
            raise
        except Exception as error:  # whatever protobuf raises for other files
            raise ValueError(f"source must be an ONNX file, got {str(source)!r}") from error
    if not isinstance(source, onnx.ModelProto):
        raise TypeError(f"source must be a path or an onnx.ModelProto, got {source!r}")
    return source


class _Chain:
    """The layers, taken from the nodes one by one.

    Attributes
    ----------
    weights, biases, activations : list
    last : str
        The kind of the last node that did something.
    """

    def __init__(self, model):
        from onnx import numpy_helper

        graph = model.graph
        self.opsets = model.opset_import
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        inputs = [i.name for i in graph.input if i.name not in self.constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise ValueError(
                f"the network must have one input and one output, got {len(inputs)} inputs and "
                f"{len(graph.output)} outputs"
            )
        self.value, self.last = inputs[0], ""
        self.weights: list[np.ndarray] = []
        self.biases: list[np.ndarray | None] = []
        self.activations: list[str | Callable] = []
        for node in graph.node:
            if all(name in self.constants for name in node.input if name):
                self.constants[node.output[0]] = self._constant(node)
            else:
                self._take(node)
                self.value = node.output[0]

    @property
    def is_active(self) -> bool:
        """Whether an activation has been taken after the last dense layer."""
        return len(self.activations) == len(self.weights)

    def _take(self, node) -> None:
        kind = node.op_type
        if kind not in _KNOWN:
            raise _not_taken(node, f"known are {', '.join(_KNOWN)}")
        if [name for name in node.input if name and name not in self.constants] != [self.value]:
            raise _not_taken(node, "each layer must be fed by the one before, and by nothing else")
        if kind == "Cast" and _attributes(node)["to"] not in _floating():
            raise _not_taken(node, "to other than floating-point numbers it changes the values")
        if kind in _NOTHING:
            return
        if kind == "Add":
            self._shift(node, next(name for name in node.input if name != self.value))
        elif kind in _DENSE:
            self._dense(node)
        elif self.is_active:
            raise _not_taken(node, "an activation must follow a dense layer")
        else:
            self.activations.append(_WORDS.get(kind) or self._function(node))
        self.last = kind

    def _constant(self, node) -> np.ndarray:
        """What ONNX's own evaluator makes of a node without inputs, or with constant ones."""
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(node, opsets={s.domain: s.version for s in self.opsets})
        return evaluator.run(None, {name: self.constants[name] for name in node.input})[0]

    def _function(self, node) -> Callable[[np.ndarray], np.ndarray]:
        """The node as a function of arrays, again by ONNX's evaluator, in double precision."""
        from onnx import TensorProto, helper
        from onnx.reference import ReferenceEvaluator

        ends = [
            [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["N", "m"])]
            for name in (node.input[0], node.output[0])
        ]
        graph = helper.make_graph([node], node.op_type, *ends)
        evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=self.opsets))

        def activation(v: np.ndarray) -> np.ndarray:
            return evaluator.run(None, {node.input[0]: v})[0]

        activation.__name__ = node.op_type
        return activation

    def _dense(self, node) -> None:
        if not self.is_active:
            raise _not_taken(node, "an activation must stand between two dense layers")
        if self.last in _LEFT_OUT - _WORDS.keys():
            raise _not_taken(node, f"{self.last} must come last")
        options = _attributes(node)
        if node.input[0] in self.constants or options.get("transA"):
            raise _not_taken(node, "inputs must be rows, multiplied by a matrix from the right")
        W = self.constants[node.input[1]].astype(float)
        if W.ndim != 2 or W.size == 0:
            raise _not_taken(node, f"its constant must be a matrix, got shape {W.shape}")
        self.weights.append(options.get("alpha", 1.0) * (W if options.get("transB") else W.T))
        self.biases.append(None)
        if len(node.input) > 2 and node.input[2]:
            self._shift(node, node.input[2], options.get("beta", 1.0))

    def _shift(self, node, name: str, factor: float = 1.0) -> None:
        if self.is_active:
            raise _not_taken(node, "a constant must be added to a dense layer, as its bias")
        b, rows = factor * self.constants[name].astype(float).ravel(), len(self.weights[-1])
        if len(b) not in (1, rows):
            raise _not_taken(node, f"its constant must be 1 number or {rows}, got {len(b)}")
        b = np.broadcast_to(b, rows)
        self.biases[-1] = b if self.biases[-1] is None else self.biases[-1] + b


def _floating() -> set[int]:
    from onnx import TensorProto as T

    return {T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16}


def _attributes(node) -> dict:
    from onnx.helper import get_attribute_value

    return {a.name: get_attribute_value(a) for a in node.attribute}


def _not_taken(node, why: str) -> ValueError:
    return ValueError(f"node {node.name or node.output[0]!r} ({node.op_type}) is not taken: {why}")
