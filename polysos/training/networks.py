"""Networks with learnable polynomial activations.

h_0 = x, v_l = W_l h_(l-1) + b_l, h_l = p_l(v_l) for l = 1, ..., D, and
f(x; c) = W_(D+1) h_D + b_(D+1). Weights and biases are given (in the paper there are no biases);
the coefficients c of the activations p_l(t) = sum_k c_(l,k) t^k are learned, with
c_(1,0) = ... = c_(D-1,0) = 1 (equation (1.2) and the normalisation of the paper). Without biases
this only fixes a scale, which the next activation makes up for. With biases it is a restriction,
and the constants may be learned as well. For given data the outputs are polynomials in c, found
here by carrying one array a monomial through the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from ..algebra.polynomials import Polynomial, variables
from ..algebra.problem import PolynomialProblem
from ..checks import check_array, check_integer, check_sequence, check_type
from ..proofs.exact import to_fraction
from ..proofs.exact_arrays import ExactArray
from .layers import DenseNetwork
from .trained import TrainedNetwork


class PolynomialNetwork(DenseNetwork):
    """A network with given weights and polynomial activations of given degrees; immutable.

    Parameters
    ----------
    weights : sequence of arrays
        W_1, ..., W_(D+1), with shapes (m_l, m_(l-1)); the last one is the linear output. Entries
        that are `fractions.Fraction` (dtype object) keep everything exact.
    degrees : sequence of int
        Degree of each activation p_1, ..., p_D, at least 1.
    biases : sequence of arrays or None, optional
        b_1, ..., b_(D+1), with shapes (m_l,); None in place of one is a layer without, and None in
        place of all is the paper's network.
    normalised : bool
        Whether c_(1,0) = ... = c_(D-1,0) = 1. If not, they are unknowns too, which takes biases:
        without, other coefficients give the same outputs, and none are determined.

    Raises
    ------
    ValueError, TypeError
        If shapes do not chain, a degree is not a positive integer, or an entry is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> net = PolynomialNetwork([np.eye(2), np.ones((1, 2))], degrees=(2,))
    >>> net.coefficient_names
    ('c1,0', 'c1,1', 'c1,2')
    >>> net([0.0, 1.0, 1.0], [[1.0, 2.0]])
    array([[8.]])
    >>> net.mean_residuals([[1.0, 2.0]], [[8.0]])
    [2*c1,0 + 3*c1,1 + 5*c1,2 - 8]

    With biases, (1 + 3)^2 + (2 - 1)^2 + 100:

    >>> net = PolynomialNetwork([np.eye(2), np.ones((1, 2))], (2,), biases=[[3, -1], [100]])
    >>> net([0.0, 0.0, 1.0], [[1.0, 2.0]])
    array([[117.]])
    >>> W, b = np.eye(1), [1.0]
    >>> PolynomialNetwork([W, W, W], (1, 1), [b, b, b], normalised=False).coefficient_names
    ('c1,0', 'c1,1', 'c2,0', 'c2,1')
    """

    def __init__(
        self,
        weights: Sequence[ArrayLike],
        degrees: Sequence[int],
        biases: Sequence[ArrayLike | None] | None = None,
        normalised: bool = True,
    ) -> None:
        weights = check_sequence("weights", weights)
        degrees = tuple(check_sequence("degrees", degrees))
        for i, d in enumerate(degrees):
            check_integer(f"degrees[{i}]", d, at_least=1)
        if len(weights) < 2 or len(weights) != len(degrees) + 1:
            raise ValueError(
                "weights must be one matrix more than there are degrees, and at least 2, "
                f"got {len(weights)} matrices and {len(degrees)} degrees"
            )
        super().__init__(weights, biases)
        self.degrees = degrees
        check_type("normalised", normalised, bool)
        self.normalised = normalised

    @classmethod
    def from_trained(
        cls, trained: TrainedNetwork, degrees: int | Sequence[int] = 2
    ) -> PolynomialNetwork:
        """A trained network with polynomials to be found in place of its activations.

        Parameters
        ----------
        trained : TrainedNetwork
        degrees : int or sequence of int
            Of all activations, or of each.

        Returns
        -------
        PolynomialNetwork
            Not normalised where an inner layer has a bias: any polynomials can be in it.

        Raises
        ------
        ValueError, TypeError
            If the arguments do not fit.

        Examples
        --------
        What `fit` finds for it are the best of all polynomials of these degrees, on the data:

        >>> import numpy as np
        >>> relu = TrainedNetwork([[[1.0], [-1.0]], [[1.0, 1.0]]])
        >>> net = PolynomialNetwork.from_trained(relu, degrees=2)
        >>> from polysos import fit
        >>> X = np.linspace(-1, 1, 21)[:, None]
        >>> f = fit(net, X, relu(X))
        >>> f.certified, round(float(np.abs(net(f.coefficients, X) - relu(X)).max()), 2)
        (True, 0.19)
        """
        check_type("trained", trained, TrainedNetwork)
        hidden = len(trained.weights) - 1
        degrees = [degrees] * hidden if isinstance(degrees, int) else degrees
        free = any(b is not None and b.any() for b in trained.biases[1:-1])
        return cls(trained.weights, degrees, trained.biases, normalised=not free)

    @classmethod
    def from_mlp(cls, model: object, degrees: int | Sequence[int] = 2) -> PolynomialNetwork:
        """The same from a fitted `MLPClassifier` or `MLPRegressor` of scikit-learn.

        See `from_trained` and `TrainedNetwork.from_mlp`, which also gives the outputs to be
        fitted: the logits of a classifier.
        """
        return cls.from_trained(TrainedNetwork.from_mlp(model), degrees)

    def __repr__(self):
        biases = "" if all(b is None for b in self.biases) else ", with biases"
        constants = "" if self.normalised else ", not normalised"
        return f"PolynomialNetwork(widths={self.widths}, degrees={self.degrees}{biases}{constants})"

    @property
    def learned_constants(self) -> tuple[bool, ...]:
        """For each activation, whether its constant c_(l,0) is an unknown; otherwise it is 1."""
        return (*[not self.normalised] * (len(self.degrees) - 1), True)

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> PolynomialNetwork:
        """The network with function(W) for each weight matrix, and the same for each bias."""
        return PolynomialNetwork(
            [function(W) for W in self.weights],
            self.degrees,
            [None if b is None else function(b) for b in self.biases],
            self.normalised,
        )

    @cached_property
    def coefficient_names(self) -> tuple[str, ...]:
        """Names of the unknowns, layer by layer: ("c1,1", "c1,2", "c2,0", "c2,1", ...)."""
        layers = zip(self.degrees, self.learned_constants, strict=True)
        return tuple(
            f"c{layer},{k}"
            for layer, (degree, constant) in enumerate(layers, start=1)
            for k in range(degree + 1)
            if k > 0 or constant
        )

    @property
    def n_coefficients(self) -> int:
        return len(self.coefficient_names)

    def activations(self, coefficients: ArrayLike) -> list[np.ndarray]:
        """The coefficients of each activation p_l, (d_l + 1,) each, from the constant upward."""
        c = check_array("coefficients", coefficients, ndim=1)
        if len(c) != self.n_coefficients:
            raise ValueError(
                f"coefficients must be {self.n_coefficients} numbers "
                f"{self.coefficient_names}, got {len(c)}"
            )
        result, start = [], 0
        for degree, constant in zip(self.degrees, self.learned_constants, strict=True):
            own = c[start : start + degree + constant]
            result.append(own if constant else np.concatenate([np.ones_like(own[:1]), own]))
            start += len(own)
        return result

    def __call__(self, coefficients: ArrayLike, inputs: ArrayLike) -> np.ndarray:
        """Outputs f(x; c), (N, m_out), for coefficients (n_coefficients,) and inputs (N, m_0)."""
        h = self.check_inputs(inputs)
        for layer, p in zip(self.layers, self.activations(coefficients), strict=False):
            v = layer(h)
            h = p[-1] * v**0
            for c in p[-2::-1]:
                h = h * v + c
        return self.layers[-1](h)

    def mean_outputs(self, inputs: ArrayLike) -> list[Polynomial]:
        """(1/N) sum_i f(x_i; c), one polynomial in c an output; exact where data are `Fraction`."""
        X, layers = self.check_inputs(inputs), self.layers
        given = (X, *self.weights, *(b for b in self.biases if b is not None))
        exact = any(a.dtype == object for a in given)
        if exact:
            X, layers = ExactArray.of(X), [layer.map(ExactArray.of) for layer in layers]
        hidden = self.hidden_monomials(X, layers)
        W, bias = layers[-1]
        columns = {
            alpha: (h.mean() if exact else h.mean(axis=0)[None, :]) @ W.T
            for alpha, h in hidden.items()
        }
        if bias is not None:
            _add(columns, (0,) * self.n_coefficients, bias)
        if exact:
            rows = [[to_fraction(v) for v in c.fractions()[0]] for c in columns.values()]
            table = np.array(rows, dtype=object)
        else:
            table = np.vstack(list(columns.values()))
        exponents = np.array(list(columns), dtype=np.int64)
        return [
            Polynomial.from_arrays(exponents, table[:, j], self.coefficient_names)
            for j in range(self.n_outputs)
        ]

    def hidden_monomials(self, inputs, layers=None) -> dict:
        """h_D as a polynomial in c: an array (N, m_D) for the exponent of each monomial.

        Where all samples have the same values, a single row (1, m_D) stands for all. Inputs and
        layers are made of arrays of numpy, or both of `ExactArray`; by default our own layers.

        >>> net = PolynomialNetwork([[[2.0]], [[1.0]]], degrees=(2,))
        >>> {alpha: h.tolist() for alpha, h in net.hidden_monomials(np.array([[3.0]])).items()}
        {(1, 0, 0): [[1.0]], (0, 1, 0): [[6.0]], (0, 0, 1): [[36.0]]}
        """
        one = (0,) * self.n_coefficients
        h, position = {one: inputs}, 0
        layers = self.layers if layers is None else layers
        hidden = zip(layers, self.degrees, self.learned_constants, strict=False)
        for layer, ((W, bias), degree, constant) in enumerate(hidden):
            v = {alpha: values @ W.T for alpha, values in h.items()}
            if bias is not None:
                _add(v, one, bias)
            power = {one: _ones(inputs, len(self.weights[layer]))}
            h = {}
            for k in range(degree + 1):
                if k > 0:
                    power = v if k == 1 else _product(power, v)
                unknown = k > 0 or constant
                for alpha, values in power.items():
                    _add(h, _raised(alpha, position) if unknown else alpha, values)
                position += unknown
        return h

    def mean_residuals(self, inputs: ArrayLike, outputs: ArrayLike) -> list[Polynomial]:
        """r_j(c) = (1/N) sum_i (f(x_i; c) - y_i)_j, the residuals in the loss (1.3).

        Parameters
        ----------
        inputs : array, shape (N, m_0)
        outputs : array, shape (N, m_out)

        Returns
        -------
        list of Polynomial
            In the coefficients, one an output; exact where weights and data are `Fraction`.
        """
        inputs, outputs = self.check_data(inputs, outputs)
        exact = outputs.dtype == object
        targets = outputs.sum(axis=0) / (Fraction(len(outputs)) if exact else len(outputs))
        return [r - t for r, t in zip(self.mean_outputs(inputs), targets, strict=True)]

    def training_problem(self, inputs: ArrayLike, outputs: ArrayLike) -> PolynomialProblem:
        """The paper's (3.2): minimize theta subject to theta + r_j >= 0 and theta - r_j >= 0.

        The variables are the coefficients and, last, theta: the loss (1.3) at the optimum.

        >>> net = PolynomialNetwork([[[1.0]], [[1.0]]], degrees=(1,))
        >>> net.training_problem([[2.0]], [[3.0]])
        minimize theta
        subject to c1,0 + 2*c1,1 + theta - 3 >= 0
                   -c1,0 - 2*c1,1 + theta + 3 >= 0
        """
        names = (*self.coefficient_names, "theta")
        *_, theta = variables(" ".join(names))
        residuals = [
            Polynomial.from_arrays(np.pad(r.exponents, ((0, 0), (0, 1))), r.coefficients, names)
            for r in self.mean_residuals(inputs, outputs)
        ]
        inequalities = [g for r in residuals for g in (theta + r, theta - r)]
        return PolynomialProblem(theta, inequalities)

    def check_data(self, inputs: ArrayLike, outputs: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and outputs as arrays; ValueError or TypeError if they do not fit the network."""
        X = self.check_inputs(inputs)
        if _is_flat(outputs):
            raise ValueError(
                f"outputs must have shape ({len(X)}, {self.n_outputs}), one row an input, got "
                f"{len(outputs)} numbers: of one output y, make a column by y[:, None]"
            )
        Y = check_array("outputs", outputs)
        if Y.shape != (len(X), self.n_outputs):
            raise ValueError(
                f"outputs must have shape ({len(X)}, {self.n_outputs}), one row an input, "
                f"got {Y.shape}"
            )
        return X, Y


def _is_flat(values) -> bool:
    if isinstance(values, list | tuple):
        return bool(values) and all(isinstance(v, Real) for v in values)
    return getattr(values, "ndim", 2) == 1


def _ones(like, width: int):
    """A row of ones, of the same kind."""
    if isinstance(like, ExactArray):
        return like[:1].filled(1, width)
    return np.ones((1, width), dtype=like.dtype)


def _add(total: dict, alpha: tuple, values) -> None:
    total[alpha] = total[alpha] + values if alpha in total else values


def _product(p: dict, q: dict) -> dict:
    """Product of two polynomials with array coefficients."""
    result: dict = {}
    for a, left in p.items():
        for b, right in q.items():
            _add(result, tuple(i + j for i, j in zip(a, b, strict=True)), left * right)
    return result


def _raised(alpha: tuple, position: int) -> tuple:
    return (*alpha[:position], alpha[position] + 1, *alpha[position + 1 :])
