"""Residuals of a network as functions of its coefficients: r(c) = F phi(c) - targets.

phi(c) are the monomials that occur. Compiling costs a few matrix products a layer; after that the
data are not needed any more, and every loss is a norm of r: the largest entry, or the sum of
squares.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import comb, prod

import numpy as np
from flint import fmpq_mat

from .exact import to_fmpq, to_fraction
from .networks import PolynomialNetwork
from .polynomials import Polynomial, variables
from .problem import PolynomialProblem

LOSSES = ("mean-sup", "mean-squares", "sample-sup", "sample-squares")
_BLOCK = 4096  # samples at a time


@dataclass(frozen=True, eq=False)
class Residuals:
    """r(c) = F phi(c) - targets, and which norm of it is the loss.

    Attributes
    ----------
    exponents : array of int, shape (p, n)
        Of the monomials phi.
    matrix : array, shape (m, p)
        F: what the computer stored, and what a proof is about.
    targets : array, shape (m,)
    squares : bool
        Whether the loss is |r|_2^2; otherwise it is max_j |r_j|.
    names : tuple of str
        Of the coefficients.
    source : tuple
        The network, inputs, outputs and name of the loss that all this comes from.
    """

    exponents: np.ndarray
    matrix: np.ndarray
    targets: np.ndarray
    squares: bool
    names: tuple[str, ...]
    source: tuple = field(repr=False)

    @property
    def n_coefficients(self) -> int:
        return self.exponents.shape[1]

    @property
    def scale(self) -> float:
        """The loss of r = targets."""
        return self.norm(self.targets)

    def norm(self, r: np.ndarray) -> float:
        return float(r @ r if self.squares else np.abs(r).max(initial=0.0))

    def monomials(self, c: np.ndarray) -> np.ndarray:
        return np.prod(c**self.exponents, axis=1)

    def __call__(self, c: np.ndarray) -> np.ndarray:
        return self.matrix @ self.monomials(c) - self.targets

    def loss(self, c: np.ndarray) -> float:
        return self.norm(self(c))

    def jacobian(self, c: np.ndarray) -> np.ndarray:
        """Derivatives of r, shape (m, n)."""
        columns = []
        for i in range(self.n_coefficients):
            lower = self.exponents.copy()
            lower[:, i] = np.maximum(lower[:, i] - 1, 0)
            columns.append(self.exponents[:, i] * np.prod(c**lower, axis=1))
        return self.matrix @ np.array(columns).T

    def restricted(self, rows: np.ndarray) -> Residuals:
        """Some of the residuals: their largest is no larger than the largest of all."""
        return replace(self, matrix=self.matrix[rows], targets=self.targets[rows])

    def curvature(self, c: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Second derivatives of weights . r, shape (n, n)."""
        n, values = self.n_coefficients, weights @ self.matrix
        H = np.empty((n, n))
        for i in range(n):
            first = self.exponents.copy()
            first[:, i] = np.maximum(first[:, i] - 1, 0)
            for j in range(i + 1):
                second = first.copy()
                second[:, j] = np.maximum(second[:, j] - 1, 0)
                factor = self.exponents[:, i] * first[:, j]
                H[i, j] = H[j, i] = values @ (factor * np.prod(c**second, axis=1))
        return H

    def exact_loss(self, c: np.ndarray) -> Fraction:
        """The loss of the stored F and targets at the floats c, without any rounding."""
        exact = [Fraction(v) for v in c.tolist()]
        phi = [
            prod((v**a for v, a in zip(exact, alpha, strict=True)), start=Fraction(1))
            for alpha in self.exponents.tolist()
        ]
        rows = np.arange(len(self.targets))
        if not self.squares:
            # Only rows that rounding could have kept from being the largest are worth the time.
            r, size = self(c), np.abs(self.matrix) @ self.monomials(np.abs(c))
            slip = 1e-12 * (size + np.abs(self.targets))
            rows = np.flatnonzero(np.abs(r) + slip >= (np.abs(r) - slip).max())
        entries = [to_fmpq(v) for v in np.column_stack([self.matrix, -self.targets])[rows].flat]
        table = fmpq_mat(len(rows), len(phi) + 1, entries)
        values = (table * fmpq_mat(len(phi) + 1, 1, [to_fmpq(v) for v in [*phi, 1]])).entries()
        loss = sum(v * v for v in values) if self.squares else max(abs(v) for v in values)
        return to_fraction(loss)

    def resolution(self, c: np.ndarray) -> float:
        """Differences of the loss near c that floating-point evaluation cannot see."""
        size = np.abs(self.matrix) @ self.monomials(np.abs(c)) + np.abs(self.targets)
        e = 4 * np.finfo(float).eps * size
        if not self.squares:
            return float(e.max(initial=0.0))
        return float(2 * np.sqrt(self.loss(c) * (e @ e)) + e @ e)

    def rounding(self, size: np.ndarray) -> float:
        """How much the rounding of F and targets can change the loss, where |c| <= size.

        For squares the change of the loss's square root, which is a norm.
        """
        phi = np.r_[self.monomials(np.abs(size)), 1.0]
        e = self._errors @ phi
        if not self.squares:
            return float(e.max())
        return float(np.sqrt(phi @ e if len(e) == len(phi) else e @ e))

    @cached_property
    def _errors(self) -> np.ndarray:
        return _rounding_errors(self)

    def problem(self) -> PolynomialProblem:
        """The loss as a polynomial optimization problem.

        For the largest residual this is (3.2) of the paper: minimise theta over (c, theta) subject
        to theta + r_j >= 0 and theta - r_j >= 0. For squares: minimise rho_1^2 + ... + rho_m^2
        over (c, rho) subject to rho_j - r_j = 0.
        """
        m = len(self.targets)
        added = [f"rho{j + 1}" for j in range(m)] if self.squares else ["theta"]
        names = (*self.names, *added)
        own = variables(" ".join(names))[len(self.names) :]
        exponents = np.vstack([self.exponents, np.zeros((1, self.n_coefficients), dtype=int)])
        exponents = np.pad(exponents, ((0, 0), (0, len(added))))
        rows = [
            Polynomial.from_arrays(exponents, row, names)
            for row in np.column_stack([self.matrix, -self.targets])
        ]
        if self.squares:
            objective = Polynomial.from_arrays(
                2 * np.eye(len(names), dtype=int)[len(self.names) :], np.ones(m), names
            )
            return PolynomialProblem(
                objective, (), [rho - r for rho, r in zip(own, rows, strict=True)]
            )
        (theta,) = own
        return PolynomialProblem(theta, [g for r in rows for g in (theta + r, theta - r)])

    def dense_problem(self) -> PolynomialProblem:
        """The same for the dense hierarchy: the sum of squares as a polynomial in c alone."""
        if not self.squares:
            return self.problem()
        table = np.column_stack([self.matrix, -self.targets])
        A = fmpq_mat(*table.shape, [to_fmpq(v) for v in table.flat])
        exact = np.array([to_fraction(v) for v in (A.transpose() * A).entries()], dtype=object)
        exponents = np.vstack([self.exponents, np.zeros((1, self.n_coefficients), dtype=int)])
        sums = (exponents[:, None, :] + exponents[None, :, :]).reshape(len(exact), -1)
        return PolynomialProblem(Polynomial.from_arrays(sums, exact, self.names))


def compile_residuals(net: PolynomialNetwork, inputs, outputs, loss: str) -> Residuals:
    """The residuals of a network for given data.

    Parameters
    ----------
    net : PolynomialNetwork
    inputs : array, shape (N, m_0)
    outputs : array, shape (N, m_out)
    loss : str
        One of LOSSES. Means are taken over the samples, block by block; "sample-squares" keeps
        the triangular factor of all residuals, "sample-sup" all of them, N m_out rows.

    Examples
    --------
    >>> net = PolynomialNetwork([[[2.0]], [[1.0]]], degrees=(1,))
    >>> r = compile_residuals(net, [[3.0], [5.0]], [[1.0], [2.0]], "mean-sup")
    >>> r.exponents.tolist(), r.matrix.tolist(), r.targets.tolist()
    ([[1, 0], [0, 1]], [[1.0, 8.0]], [1.5])
    """
    given = (net, *net.check_data(inputs, outputs))
    floats, X, Y = _as_floats(*given)
    build = {
        "mean-sup": _means,
        "mean-squares": _means,
        "sample-sup": _samples,
        "sample-squares": _triangle,
    }[loss]
    exponents, table = build(floats, X, Y)
    if loss == "mean-squares" and len(table) > 2 * table.shape[1]:
        table = np.linalg.qr(table, mode="r")  # the same sum of squares, in fewer rows
    return Residuals(
        exponents=np.array(exponents, dtype=np.int64),
        matrix=table[:, :-1],
        targets=table[:, -1],
        squares=loss.endswith("squares"),
        names=net.coefficient_names,
        source=(*given, loss),
    )


def _as_floats(net, X, Y):
    """The network and the data, rounded where they are `Fraction`."""
    floats = PolynomialNetwork([W.astype(float, copy=False) for W in net.weights], net.degrees)
    return floats, X.astype(float, copy=False), Y.astype(float, copy=False)


def _blocks(net, X, Y):
    """Hidden monomials, outputs and number of samples, block by block."""
    for start in range(0, len(X), _BLOCK):
        stop = start + _BLOCK
        yield net.hidden_monomials(X[start:stop]), Y[start:stop]


def _means(net, X, Y):
    total, targets = {}, 0.0
    for hidden, y in _blocks(net, X, Y):
        for alpha, values in hidden.items():
            total[alpha] = total.get(alpha, 0.0) + values.sum(axis=0)
        targets = targets + y.sum(axis=0)
    W = net.weights[-1]
    columns = [h / len(X) @ W.T for h in total.values()]
    return list(total), np.column_stack([*columns, targets / len(X)])


def _samples(net, X, Y):
    blocks = []
    for hidden, y in _blocks(net, X, Y):
        columns = [(h @ net.weights[-1].T).ravel() for h in hidden.values()]
        blocks.append(np.column_stack([*columns, y.ravel()]))
    return list(hidden), np.vstack(blocks)


def _triangle(net, X, Y):
    R = np.empty((0, 0))
    for hidden, y in _blocks(net, X, Y):
        columns = [(h @ net.weights[-1].T).ravel() for h in hidden.values()]
        block = np.column_stack([*columns, y.ravel()]) / np.sqrt(len(X))
        R = np.linalg.qr(np.vstack([R, block]) if len(R) else block, mode="r")
    return list(hidden), R


def _rounding_errors(r: Residuals) -> np.ndarray:
    """Bounds on the rounding errors of (F, targets), (m, p + 1); for a triangle of its square.

    Everything is computed again in extended precision, whose own errors are bounded a priori:
    gamma_k times the same sums and products of absolute values, k roundings meeting in a number.
    """
    *given, loss = r.source
    net, X, Y = _as_floats(*given)
    small = len(X) * max(W.size for W in net.weights) <= 10**6
    wide = np.longdouble if small else float  # products of long doubles are slow
    depth = _depth(net)
    tables = []
    for absolute in (False, True):
        change = np.abs if absolute else np.asarray
        # (a network of long doubles is not for users: its constructor would round them)
        like = _with_weights(net, [change(W).astype(wide) for W in net.weights])
        x, y = change(X).astype(wide), change(Y).astype(wide)
        means = loss.startswith("mean")
        _, table = (_means if means else _samples)(like, x, y)
        tables.append(table)
    depth += len(X) + 1 if means else 0
    table, size = tables
    unit = float(np.finfo(wide).eps) / 2
    a_priori = size * _gamma(depth, unit)
    if any(A.dtype == object for A in (*given[0].weights, *given[1:])):
        # fractions were rounded to floats before, each entry once
        a_priori += size * _gamma(depth, 2.0**-53)
    stored = np.column_stack([r.matrix, r.targets]).astype(wide)
    if len(stored) == len(table):
        own = 0 if small else size * _gamma(depth, 2.0**-53)
        return (np.abs(table - stored) + a_priori + own).astype(float)
    # | |A phi|^2 - |R phi|^2 | <= |phi|^T E |phi| for A^T A - R^T R = E
    root = 1.0 if means else np.sqrt(wide(len(X)))
    A, size = table / root, (size + a_priori) / root
    E = np.abs(A.T @ A - stored.T @ stored)
    E += (2 * _gamma(depth + len(A) + 4, unit)) * (
        size.T @ size + np.abs(stored).T @ np.abs(stored)
    )
    return E.astype(float)


def _with_weights(net: PolynomialNetwork, weights) -> PolynomialNetwork:
    new = copy(net)
    new.weights = tuple(weights)
    return new


def _depth(net: PolynomialNetwork) -> int:
    """How many roundings meet in one output, at most."""
    depth, terms = 0, 1
    for W, degree in zip(net.weights, net.degrees, strict=False):
        depth = degree * (depth + W.shape[1] + 1 + terms)
        terms = comb(terms + degree, degree)
    return depth + net.weights[-1].shape[1] + 2


def _gamma(k: int, unit: float) -> float:
    """k u / (1 - k u), rounded up generously."""
    return 1.01 * k * unit / (1 - min(k * unit, 0.5))
