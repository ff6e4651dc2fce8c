"""Trained networks of scikit-learn, ten of each kind: how often the best polynomials are proven.

    python benchmarks/trained_networks.py [file]

Writes chapters/beyond/results/trained_networks.json, in about half an hour on one core. The first
network of each kind is that of the chapter.
"""

from __future__ import annotations

import json
import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import polysos as ps

STORED = Path(__file__).parent.parent / "chapters" / "beyond" / "results" / "trained_networks.json"
KINDS = ("digits", "breast cancer", "diabetes")
DEGREES = ((2, 2), (3, 2), (3, 3))
SECONDS = 60


def trained(kind: str, seed: int):
    """A network and the inputs that it was trained on."""
    if kind == "digits":
        X, y = load_digits(return_X_y=True)
        model = MLPClassifier((32, 16), alpha=1e-2, max_iter=500, random_state=seed)
    elif kind == "breast cancer":
        X, y = load_breast_cancer(return_X_y=True)
        model = MLPClassifier((16, 8), alpha=0.1, max_iter=1000, random_state=seed)
    else:
        X, y = load_diabetes(return_X_y=True)
        model = MLPRegressor(
            hidden_layer_sizes=(16, 8), alpha=3.0, max_iter=2000, random_state=seed
        )
    X, _, y, _ = train_test_split(X, y, random_state=0)
    X = X / 16 if kind == "digits" else StandardScaler().fit_transform(X)
    if kind == "diabetes":
        y = (y - y.mean()) / y.std()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return ps.TrainedNetwork.from_mlp(model.fit(X, y)), X


def run(kind: str, seed: int, degrees) -> dict:
    network, X = trained(kind, seed)
    targets = network(X)
    net = ps.PolynomialNetwork.from_trained(network, degrees)
    fit = ps.fit(net, X, targets, time_limit=SECONDS)
    return {
        "kind": kind,
        "seed": seed,
        "degrees": list(degrees),
        "certified": fit.certified,
        "unexplained": fit.loss / float(targets.var(axis=0).sum()),
        "gap": fit.gap,
        "seconds": fit.seconds,
    }


def main() -> None:
    runs = []
    for kind in KINDS:
        for degrees in DEGREES:
            for seed in range(10):
                runs.append(run(kind, seed, degrees))
                print(runs[-1], flush=True)
    packages = ("polysos", "scikit-learn", "scs", "numpy")
    stored = {
        "command": "python benchmarks/trained_networks.py",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "time_limit": SECONDS,
        "runs": runs,
    }
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else STORED
    path.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
