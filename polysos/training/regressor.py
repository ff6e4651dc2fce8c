"""Networks with learned activations as an estimator of scikit-learn.

Not imported by `import polysos`: scikit-learn is needed, `pip install "polysos[neighbours]"`.
"""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np

from ..checks import check_installed

check_installed("neighbours", "sklearn")

from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.utils import check_random_state  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402

from ..checks import check_integer, check_sequence  # noqa: E402
from .fit import fit  # noqa: E402
from .networks import PolynomialNetwork  # noqa: E402


class PolynomialNetworkRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Regression by a network whose activations are learned, to proven global optimality.

    The weights are given or drawn; what is learned are the coefficients of the activations. Powers
    of inputs far from 1 are far from 1 still more: scale the inputs, for instance by
    `sklearn.preprocessing.StandardScaler` in a pipeline.

    Parameters
    ----------
    degrees : sequence of int
        One activation, of this degree, for each hidden layer.
    width : int
        Of each hidden layer, where weights are drawn.
    weights, biases : sequences of arrays, optional
        As for `PolynomialNetwork`. By default they are drawn anew in each `fit`: weights normal,
        divided by the root of the number of columns, biases normal; the bias of the output is the
        mean of the targets. Given weights without biases make a network without.
    loss : str
        As for `polysos.fit`.
    tolerance : float
        The relative gap between loss and proven bound at which a fit is certified.
    time_limit : float, optional
        Seconds for each `fit`.
    random_state : int, RandomState instance or None
        Draws weights and biases.
    ridge : float
        As for `polysos.fit`: a penalty on the coefficients.

    Attributes
    ----------
    network_ : PolynomialNetwork
    coefficients_ : array, shape (n_coefficients,)
    result_ : Fit
        Loss, proven bound, message and proof.
    certified_ : bool
        Whether no other coefficients have a smaller loss, provably. Where not, `fit` warns.
    n_features_in_ : int

    Raises
    ------
    ValueError, TypeError
        In `fit`, if a parameter or the data do not fit; the message says what is required.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 30)[:, None]
    >>> model = PolynomialNetworkRegressor(degrees=(3,), random_state=0).fit(X, X[:, 0] ** 3)
    >>> model.certified_, round(model.score(X, X[:, 0] ** 3), 6)
    (True, 1.0)
    """

    def __init__(
        self,
        degrees=(2,),
        width=10,
        weights=None,
        biases=None,
        loss="sample-squares",
        tolerance=1e-6,
        time_limit=None,
        random_state=None,
        ridge=0.0,
    ):
        self.degrees = degrees
        self.width = width
        self.weights = weights
        self.biases = biases
        self.loss = loss
        self.tolerance = tolerance
        self.time_limit = time_limit
        self.random_state = random_state
        self.ridge = ridge

    def fit(self, X, y):
        """Learn the activations from inputs (N, n_features) and targets (N,) or (N, n_targets)."""
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=np.float64)
        targets = np.asarray(y, dtype=float).reshape(len(X), -1)
        self._is_flat = np.ndim(y) == 1
        self.network_ = self._network(X.shape[1], targets)
        self.result_ = fit(
            self.network_,
            X,
            targets,
            loss=self.loss,
            tolerance=self.tolerance,
            time_limit=self.time_limit,
            ridge=self.ridge,
        )
        self.coefficients_ = self.result_.coefficients
        self.certified_ = self.result_.certified
        if not self.certified_:
            warnings.warn(self.result_.message, ConvergenceWarning, stacklevel=2)
        return self

    def predict(self, X):
        """Outputs (N,) or (N, n_targets) for inputs (N, n_features)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        values = self.network_(self.coefficients_, X)
        return values[:, 0] if self._is_flat else values

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # of drawn weights, a few numbers learned
        return tags

    def _network(self, n_inputs: int, targets: np.ndarray) -> PolynomialNetwork:
        if self.weights is not None:
            return PolynomialNetwork(self.weights, self.degrees, self.biases)
        if self.biases is not None:
            raise ValueError("biases must come with weights, got biases and no weights")
        check_integer("width", self.width, at_least=1)
        rng = check_random_state(self.random_state)
        hidden = [self.width] * len(check_sequence("degrees", self.degrees))
        widths = [n_inputs, *hidden, targets.shape[1]]
        weights = [rng.standard_normal((m, n)) / np.sqrt(n) for n, m in pairwise(widths)]
        biases = [rng.standard_normal(m) for m in hidden]
        return PolynomialNetwork(weights, self.degrees, [*biases, targets.mean(axis=0)])
