"""The digits of scikit-learn, encrypted, by the degrees of the activations.

    python benchmarks/encrypted_digits.py [file]

Writes chapters/beyond/results/encrypted_digits.json, in about two minutes on two cores.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
import tenseal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import polysos as ps
from polysos.training.encrypted import (
    evaluate_packed,
    evaluate_slots,
    levels_needed,
    make_context,
)

STORED = Path(__file__).parent.parent / "chapters" / "beyond" / "results" / "encrypted_digits.json"


def digits():
    """The ReLU network of the chapter, and its data."""
    inputs, labels = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(inputs / 16, labels, random_state=0)
    model = MLPClassifier((32, 16), alpha=1e-2, max_iter=500, random_state=0).fit(X, y)
    return ps.TrainedNetwork.from_mlp(model), X, X_test, y_test


def run(degrees, one: int = 0) -> dict:
    """All test images in the slots, and one in a vector."""
    relu, X, X_test, y_test = digits()
    net = ps.PolynomialNetwork.from_trained(relu, degrees)
    fit = ps.fit(net, X, relu(X))
    context = make_context(net)
    vector = tenseal.ckks_vector(context, X_test[one].tolist())
    begin = perf_counter()
    packed = evaluate_packed(net, fit.coefficients, vector)
    seconds_one = perf_counter() - begin
    pixels = [tenseal.ckks_vector(context, column.tolist()) for column in X_test.T]
    begin = perf_counter()
    outputs = evaluate_slots(net, fit.coefficients, pixels)
    seconds_slots = perf_counter() - begin
    logits, plain = np.array([v.decrypt() for v in outputs]).T, net(fit.coefficients, X_test)
    noise = np.abs(logits - plain).max(), np.abs(packed.decrypt() - plain[one]).max()
    return {
        "degrees": list(degrees),
        "certified": fit.certified,
        "unexplained": fit.loss / float(relu(X).var(axis=0).sum()),
        "accuracy": float(np.mean(logits.argmax(axis=1) == y_test)),
        "levels": levels_needed(net),
        "bytes": len(vector.serialize()),
        "largest_noise": float(max(noise)),
        "seconds_one": seconds_one,
        "seconds_slots": seconds_slots,
    }


def main() -> None:
    runs = [run(degrees) for degrees in ((2, 2), (3, 2), (2, 3), (3, 3))]
    packages = ("polysos", "scikit-learn", "tenseal", "numpy")
    stored = {
        "command": "python benchmarks/encrypted_digits.py",
        "random_state": 0,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "runs": runs,
    }
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else STORED
    path.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
