"""Trained networks: what is read of a model computes what the model computes."""

import json
import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import polysos as ps
from benchmarks.trained_networks import STORED, run

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
W1, b1 = RNG.standard_normal((5, 3)).astype("f"), RNG.standard_normal(5).astype("f")
W2, b2 = RNG.standard_normal((2, 5)).astype("f"), RNG.standard_normal(2).astype("f")


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("targets", [1, 2])
def test_a_regressor_of_scikit_learn_is_read(activation, targets):
    y = RNG.standard_normal((40, targets))
    model = MLPRegressor(
        hidden_layer_sizes=(6, 4), activation=activation, max_iter=20, random_state=0, tol=1
    )
    model.fit(X, y if targets > 1 else y[:, 0])
    trained = ps.TrainedNetwork.from_mlp(model)
    assert np.allclose(trained(X).reshape(model.predict(X).shape), model.predict(X), atol=1e-12)
    assert [v.shape for v in trained.pre_activations(X)] == [(40, 6), (40, 4)]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_outputs_of_a_classifier_are_its_logits(classes):
    y = RNG.integers(0, classes, 40)
    model = MLPClassifier((6,), max_iter=20, random_state=0, tol=1).fit(X, y)
    logits = ps.TrainedNetwork.from_mlp(model)(X)
    if classes == 2:
        chances = 1 / (1 + np.exp(-logits))
        assert np.allclose(chances[:, 0], model.predict_proba(X)[:, 1])
    else:
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert np.allclose(chances, model.predict_proba(X))


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler()],
        [MinMaxScaler(), PCA(2)],
        [RobustScaler(), "passthrough", StandardScaler()],
        [ColumnTransformer([("first", StandardScaler(), [2]), ("rest", MinMaxScaler(), [0, 1])])],
    ],
)
def test_affine_steps_before_a_network_become_part_of_it(steps):
    data = X * [1.0, 30.0, 0.01] + [5.0, -100.0, 1e4]
    model = make_pipeline(
        *steps, MLPRegressor("squared_error", (4,), max_iter=20, random_state=0, tol=1)
    )
    model.fit(data, X[:, 0])
    trained = ps.TrainedNetwork.from_mlp(model)
    assert trained.n_inputs == 3
    assert np.allclose(trained(data)[:, 0], model.predict(data), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    "step",
    [
        *(
            PolynomialFeatures(2),
            Normalizer(),
            MinMaxScaler(clip=True),
            QuantileTransformer(n_quantiles=10),
        ),
        *(
            KBinsDiscretizer(3, encode="ordinal", quantile_method="linear"),
            FunctionTransformer(np.tanh),
            RBFSampler(n_components=4),
        ),
    ],
    ids=lambda step: type(step).__name__,
)
def test_steps_that_are_not_affine_are_refused(step):
    model = make_pipeline(
        step, MLPRegressor("squared_error", (4,), max_iter=20, random_state=0, tol=1)
    )
    model.fit(X, X[:, 0])
    with pytest.raises(TypeError, match=r"affine.*model\[:-1\].transform"):
        ps.TrainedNetwork.from_mlp(model)


def graph(*nodes, initial=None, output="out"):
    arrays = {"W1": W1.T, "b1": b1, "W2": W2.T, "b2": b2, "V1": W1, "V2": W2} | (initial or {})
    used = {name for node in nodes for name in node.input}
    return helper.make_model(
        helper.make_graph(
            [*nodes],
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(v, k) for k, v in arrays.items() if k in used],
        ),
        opset_imports=[helper.make_opsetid("", 20)],
    )


def node(kind, inputs, output, **options):
    return helper.make_node(kind, inputs.split(), [output], **options)


def as_torch(activation="Relu", **options):
    """What torch.onnx.export makes of Sequential(Flatten, Linear, activation, Linear)."""
    return graph(
        node("Flatten", "x", "flat"),
        node("Gemm", "flat V1 b1", "v", transB=1),
        node(activation, "v", "h", **options),
        node("Gemm", "h V2 b2", "out", transB=1),
    )


def as_keras(*last):
    """What tf2onnx makes of two layers Dense: products, and biases added."""
    return graph(
        node("MatMul", "x W1", "p"),
        node("Add", "b1 p", "v"),
        node("Tanh", "v", "h"),
        node("MatMul", "h W2", "q"),
        node("Add", "q b2", "out" if not last else "logits"),
        *last,
    )


@pytest.mark.parametrize(
    "activation, options",
    [
        ("Relu", {}),
        ("Sigmoid", {}),
        ("Softplus", {}),
        ("LeakyRelu", {"alpha": 0.2}),
        ("Elu", {}),
        ("Gelu", {}),
    ],
)
def test_a_file_as_torch_writes_it(tmp_path, activation, options):
    model = as_torch(activation, **options)
    onnx.save(model, tmp_path / "model.onnx")
    trained = ps.TrainedNetwork.from_onnx(tmp_path / "model.onnx")
    (expected,) = ReferenceEvaluator(model).run(None, {"x": X.astype("f")})
    assert np.allclose(trained(X), expected, atol=1e-5)
    assert [W.shape for W in trained.weights] == [(5, 3), (2, 5)]
    assert (trained.weights[0] == W1).all(), "single precision is carried over exactly"


def test_a_file_as_keras_writes_it():
    trained = ps.TrainedNetwork.from_onnx(as_keras())
    (expected,) = ReferenceEvaluator(as_keras()).run(None, {"x": X.astype("f")})
    assert np.allclose(trained(X), expected, atol=1e-5) and trained.activations == ("tanh",)


@pytest.mark.parametrize("kind", ["Softmax", "Sigmoid"])
def test_what_comes_after_the_last_layer_is_left_out(kind):
    logits = ps.TrainedNetwork.from_onnx(as_keras())(X)
    assert (ps.TrainedNetwork.from_onnx(as_keras(node(kind, "logits", "out")))(X) == logits).all()


def test_constants_that_a_file_computes_are_computed():
    model = graph(
        node("Identity", "V1", "W"),
        node("Transpose", "W", "Wt"),
        node("MatMul", "x Wt", "v"),
        node("Relu", "v", "h"),
        node("Gemm", "h W2 b2", "out", alpha=2.0, beta=3.0),
    )
    (expected,) = ReferenceEvaluator(model).run(None, {"x": X.astype("f")})
    trained = ps.TrainedNetwork.from_onnx(model)
    assert np.allclose(trained(X), expected, atol=1e-5) and trained.biases[0] is None


DENSE = node("Gemm", "x V1 b1", "v", transB=1)
BAD_FILES = {
    "a layer that is not dense": ([node("Conv", "x V1", "out")], "Conv.*known are.*Gemm"),
    "a residual connection": (
        [DENSE, node("Relu", "v", "h"), node("Add", "h v", "out")],
        "fed by the one before",
    ),
    "no activation in between": (
        [DENSE, node("Gemm", "v V2 b2", "out", transB=1)],
        "between two dense layers",
    ),
    "two activations": ([DENSE, node("Relu", "v", "h"), node("Tanh", "h", "out")], "must follow"),
    "an activation at the end": ([DENSE, node("Relu", "v", "out")], "must end with a dense layer"),
    "a shift of the inputs": ([node("Add", "x b1", "out")], "as its bias"),
    "a softmax inside": (
        [DENSE, node("Softmax", "v", "h"), node("MatMul", "h W2", "out")],
        "must come last",
    ),
    "a matrix from the left": ([node("MatMul", "V1 x", "out")], "from the right"),
    "a cast that cuts": (
        [node("Cast", "x", "i", to=TensorProto.INT64), DENSE],
        "changes the values",
    ),
    "no matrix": ([node("MatMul", "x b1", "out")], r"must be a matrix, got shape \(5,\)"),
    "a bias too short": (
        [node("Gemm", "x V1 b2", "out", transB=1)],
        "must be 1 number or 5, got 2",
    ),
    "nothing": ([node("Identity", "x", "out")], "got none"),
}


@pytest.mark.parametrize("nodes, words", BAD_FILES.values(), ids=BAD_FILES)
def test_other_layers_are_named(nodes, words):
    with pytest.raises(ValueError, match=words):
        ps.TrainedNetwork.from_onnx(graph(*nodes))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "model.onnx").write_text("a poem")
    with pytest.raises(ValueError, match=r"source must be an ONNX file, got '.*model.onnx'"):
        ps.TrainedNetwork.from_onnx(str(tmp_path / "model.onnx"))
    with pytest.raises(FileNotFoundError):
        ps.TrainedNetwork.from_onnx(tmp_path / "missing.onnx")
    with pytest.raises(TypeError, match=r"source must be a path.*got 3"):
        ps.TrainedNetwork.from_onnx(3)


@pytest.mark.parametrize(
    "model, error, words",
    [
        (LinearRegression(), TypeError, "MLPClassifier or MLPRegressor of scikit-learn, got Linea"),
        (MLPRegressor(hidden_layer_sizes=(3,)), ValueError, "must be fitted"),
        (
            make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(3,))),
            ValueError,
            "must be fitted",
        ),
        (
            make_pipeline(MLPRegressor(hidden_layer_sizes=(3,)), StandardScaler()),
            TypeError,
            "got StandardScaler",
        ),
        (None, TypeError, "got None"),
    ],
)
def test_other_models_are_refused(model, error, words):
    with pytest.raises(error, match=words):
        ps.PolynomialNetwork.from_mlp(model, degrees=2)


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        (([W1],), ValueError, "at least 2 matrices, got 1"),
        (([W1, W1],), ValueError, r"weights\[1\] must have 5 columns"),
        (([W1, W2], [b1]), ValueError, "for each of the 2 weights, got 1"),
        (([W1, W2], [b2, None]), ValueError, r"biases\[0\] must have 5 entries"),
        (([W1, W2], None, "relo"), ValueError, r"activations\[0\] must be one of 'relu'.*'relo'"),
        (([W1, W2], None, ["relu"] * 2), ValueError, "each of the 1 hidden layers, got 2"),
        (([W1, W2], None, 3), TypeError, "activations must be a sequence"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        ps.TrainedNetwork(*arguments)


def test_inputs_of_another_width_are_refused():
    with pytest.raises(
        ValueError, match=r"inputs must have shape \(N, 3\) with N >= 1, got \(40, 2\)"
    ):
        ps.TrainedNetwork([W1, W2])(X[:, :2])


def test_polynomial_activations_are_found_again():
    """A trained network that is polynomial already: nothing else has its loss, 0."""
    trained = ps.TrainedNetwork(
        [W1, RNG.standard_normal((4, 5)), RNG.standard_normal((3, 4))],
        [b1, RNG.standard_normal(4), None],
        [lambda v: 0.5 + v - 0.25 * v**2, lambda v: v**2],
    )
    net = ps.PolynomialNetwork.from_trained(trained, degrees=(2, 2))
    assert not net.normalised and net.coefficient_names[0] == "c1,0"
    fit = ps.fit(net, X, trained(X))
    assert fit.certified and np.allclose(net(fit.coefficients, X), trained(X), atol=1e-8)
    assert np.allclose(fit.coefficients, [0.5, 1, -0.25, 0, 0, 1], atol=1e-6)
    net = ps.PolynomialNetwork.from_trained(ps.TrainedNetwork([W1, W2], [b1, b2]), degrees=3)
    assert net.normalised, "one activation: nothing else could make up for its constant"


def test_a_stored_fit_comes_out_again():
    """One of the quick ones of benchmarks/trained_networks.py, by chance."""
    quick = [run for run in json.loads(STORED.read_text())["runs"] if run["seconds"] < 10]
    stored = random.choice(quick)
    again = run(stored["kind"], stored["seed"], stored["degrees"])
    assert again["certified"] and stored["certified"]
    assert again["unexplained"] == pytest.approx(stored["unexplained"], rel=1e-6)
