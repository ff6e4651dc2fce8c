"""Networks with learnable polynomial activations.

h_0 = x, v_l = W_l h_(l-1), h_l = p_l(v_l) for l = 1, ..., D, and f(x; c) = W_(D+1) h_D. The
weights are given; the coefficients c of the activations p_l(t) = sum_k c_(l,k) t^k are learned,
with c_(1,0) = ... = c_(D-1,0) = 1 (equation (1.2) and the normalisation of the paper). For given
data the outputs are polynomials in c, found here by carrying one array a monomial through the
layers.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..algebra.polynomials import Polynomial, variables
from ..algebra.problem import PolynomialProblem
from ..checks import check_array, check_integer, check_sequence
from ..proofs.exact import to_fraction
from ..proofs.exact_arrays import ExactArray


class PolynomialNetwork:
    """A network with given weights and polynomial activations of given degrees; immutable.

    Parameters
    ----------
    weights : sequence of arrays
        W_1, ..., W_(D+1), with shapes (m_l, m_(l-1)); the last one is the linear output. Entries
        that are `fractions.Fraction` (dtype object) keep everything exact.
    degrees : sequence of int
        Degree of each activation p_1, ..., p_D, at least 1.

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
    """

    def __init__(self, weights, degrees):
        weights = check_sequence("weights", weights)
        weights = [check_array(f"weights[{i}]", W).copy() for i, W in enumerate(weights)]
        degrees = tuple(check_sequence("degrees", degrees))
        for i, d in enumerate(degrees):
            check_integer(f"degrees[{i}]", d, at_least=1)
        if len(weights) < 2 or len(weights) != len(degrees) + 1:
            raise ValueError(
                "weights must be one matrix more than there are degrees, and at least 2, "
                f"got {len(weights)} matrices and {len(degrees)} degrees"
            )
        for i, W in enumerate(weights):
            if W.size == 0:
                raise ValueError(f"weights[{i}] must have rows and columns, got shape {W.shape}")
        for i, (V, W) in enumerate(pairwise(weights)):
            if W.shape[1] != V.shape[0]:
                raise ValueError(
                    f"weights[{i + 1}] must have {V.shape[0]} columns, the rows of weights[{i}], "
                    f"got shape {W.shape}"
                )
        self.weights = tuple(weights)
        self.degrees = degrees

    def __repr__(self):
        widths = [self.weights[0].shape[1], *(len(W) for W in self.weights)]
        return f"PolynomialNetwork(widths={widths}, degrees={self.degrees})"

    @property
    def n_inputs(self) -> int:
        return self.weights[0].shape[1]

    @property
    def n_outputs(self) -> int:
        return len(self.weights[-1])

    @cached_property
    def coefficient_names(self) -> tuple[str, ...]:
        """Names of the unknowns, layer by layer: ("c1,1", "c1,2", "c2,0", "c2,1", ...)."""
        return tuple(
            f"c{layer},{k}"
            for layer, degree in enumerate(self.degrees, start=1)
            for k in range(degree + 1)
            if k > 0 or layer == len(self.degrees)
        )

    @property
    def n_coefficients(self) -> int:
        return len(self.coefficient_names)

    def activations(self, coefficients) -> list[np.ndarray]:
        """The coefficients of each activation p_l, (d_l + 1,) each, from the constant upward."""
        c = check_array("coefficients", coefficients, ndim=1)
        if len(c) != self.n_coefficients:
            raise ValueError(
                f"coefficients must be {self.n_coefficients} numbers "
                f"{self.coefficient_names}, got {len(c)}"
            )
        result, start = [], 0
        for layer, degree in enumerate(self.degrees, start=1):
            last = layer == len(self.degrees)
            own = c[start : start + degree + last]
            result.append(own if last else np.concatenate([np.ones_like(own[:1]), own]))
            start += len(own)
        return result

    def __call__(self, coefficients, inputs) -> np.ndarray:
        """Outputs f(x; c), (N, m_out), for coefficients (n_coefficients,) and inputs (N, m_0)."""
        h = self._inputs(inputs)
        for W, p in zip(self.weights, self.activations(coefficients), strict=False):
            v = h @ W.T
            h = p[-1] * v**0
            for c in p[-2::-1]:
                h = h * v + c
        return h @ self.weights[-1].T

    def mean_outputs(self, inputs) -> list[Polynomial]:
        """(1/N) sum_i f(x_i; c), one polynomial in c an output; exact where data are `Fraction`."""
        X, weights = self._inputs(inputs), self.weights
        exact = any(a.dtype == object for a in (X, *weights))
        if exact:
            X, weights = ExactArray.of(X), [ExactArray.of(W) for W in weights]
        hidden = self.hidden_monomials(X, weights)
        exponents = np.array(list(hidden), dtype=np.int64)
        if exact:
            columns = [(h.mean() @ weights[-1].T).fractions()[0] for h in hidden.values()]
            table = np.array([[to_fraction(v) for v in column] for column in columns], dtype=object)
        else:
            table = np.array([h.mean(axis=0) @ weights[-1].T for h in hidden.values()])
        return [
            Polynomial.from_arrays(exponents, table[:, j], self.coefficient_names)
            for j in range(self.n_outputs)
        ]

    def hidden_monomials(self, inputs, weights=None) -> dict:
        """h_D as a polynomial in c: an array (N, m_D) for the exponent of each monomial.

        Where all samples have the same values, a single row (1, m_D) stands for all. Inputs and
        weights are arrays of numpy, or both `ExactArray`; by default our own weights.

        >>> net = PolynomialNetwork([[[2.0]], [[1.0]]], degrees=(2,))
        >>> {alpha: h.tolist() for alpha, h in net.hidden_monomials(np.array([[3.0]])).items()}
        {(1, 0, 0): [[1.0]], (0, 1, 0): [[6.0]], (0, 0, 1): [[36.0]]}
        """
        one = (0,) * self.n_coefficients
        h, position = {one: inputs}, 0
        weights = self.weights if weights is None else weights
        for layer, (W, degree) in enumerate(zip(weights, self.degrees, strict=False), 1):
            v = {alpha: values @ W.T for alpha, values in h.items()}
            power = {one: _ones(inputs, len(self.weights[layer - 1]))}
            learned = layer == len(self.degrees)  # is the constant of this layer an unknown?
            h = {}
            for k in range(degree + 1):
                if k > 0:
                    power = v if k == 1 else _product(power, v)
                unknown = k > 0 or learned
                for alpha, values in power.items():
                    _add(h, _raised(alpha, position) if unknown else alpha, values)
                position += unknown
        return h

    def mean_residuals(self, inputs, outputs) -> list[Polynomial]:
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

    def training_problem(self, inputs, outputs) -> PolynomialProblem:
        """The paper's (3.2): minimise theta subject to theta + r_j >= 0 and theta - r_j >= 0.

        The variables are the coefficients and, last, theta: the loss (1.3) at the optimum.

        >>> net = PolynomialNetwork([[[1.0]], [[1.0]]], degrees=(1,))
        >>> net.training_problem([[2.0]], [[3.0]])
        minimise theta
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

    def check_data(self, inputs, outputs) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and outputs as arrays; ValueError or TypeError if they do not fit the network."""
        X, Y = self._inputs(inputs), check_array("outputs", outputs)
        if Y.shape != (len(X), self.n_outputs):
            raise ValueError(
                f"outputs must have shape ({len(X)}, {self.n_outputs}), one row an input, "
                f"got {Y.shape}"
            )
        return X, Y

    def _inputs(self, inputs) -> np.ndarray:
        X = check_array("inputs", inputs)
        if X.shape[1] != self.n_inputs or len(X) == 0:
            raise ValueError(
                f"inputs must have shape (N, {self.n_inputs}) with N >= 1, got {X.shape}"
            )
        return X


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
