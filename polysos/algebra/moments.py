"""The Riesz functional, moment matrices and localizing matrices.

A truncated moment sequence (tms) y gives a number y_alpha to each monomial up to a degree. Its
Riesz functional L_y reads a polynomial with x^alpha replaced by y_alpha. The moment matrix
M_k(y) has entries L_y(x^(alpha + beta)); the localizing matrix of g has L_y(g x^(alpha + beta)).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy.special import comb

from ..checks import check_integer, check_type
from .polynomials import (
    Polynomial,
    monomial_index,
    monomial_names,
    monomials,
)


@dataclass(frozen=True, eq=False)
class Moments:
    """A truncated moment sequence.

    Attributes
    ----------
    values : array, shape (binomial(n + d, d),)
        y_alpha in the order of `monomials(n, d)`.
    n_variables, degree : int
        n and the largest degree d.
    names : tuple of str
        Names of the variables.

    Examples
    --------
    >>> y = moments_of_points([[1.0, 2.0]], degree=2)
    >>> y[1, 1], y[(0, 2)]
    (2.0, 4.0)
    """

    values: np.ndarray
    n_variables: int
    degree: int
    names: tuple[str, ...]

    def __post_init__(self):
        size = comb(self.n_variables + self.degree, self.degree, exact=True)
        if np.shape(self.values) != (size,):
            raise ValueError(
                f"values must be {size} moments, of {self.n_variables} variables up to degree "
                f"{self.degree}, got shape {np.shape(self.values)}"
            )

    def __getitem__(self, exponent) -> float:
        alpha = np.atleast_1d(np.asarray(exponent))
        if alpha.shape != (self.n_variables,) or (alpha < 0).any() or alpha.sum() > self.degree:
            raise KeyError(
                f"exponent must be {self.n_variables} nonnegative integers with sum at most "
                f"{self.degree}, got {exponent!r}"
            )
        return float(self.values[monomial_index(alpha)])

    def riesz(self, p: Polynomial) -> float:
        """L_y(p), for a polynomial of degree at most d.

        >>> from polysos import variables
        >>> x, z = variables(2)
        >>> moments_of_points([[1.0, 2.0], [3.0, 0.0]], degree=2, weights=[0.5, 0.5]).riesz(x * z)
        1.0
        """
        check_type("p", p, Polynomial)
        if p.n_variables != self.n_variables or p.degree > self.degree:
            raise ValueError(
                f"p must have {self.n_variables} variables and degree at most {self.degree}, "
                f"got {p.n_variables} and {p.degree}"
            )
        return float(self.values[monomial_index(p.exponents)] @ p.coefficients.astype(float))

    def truncate(self, degree: int) -> Moments:
        """The moments up to a smaller degree."""
        check_integer("degree", degree, at_least=0, at_most=self.degree)
        size = len(monomials(self.n_variables, degree))
        return Moments(self.values[:size], self.n_variables, degree, self.names)

    def _repr_html_(self):
        labels = monomial_names(monomials(self.n_variables, self.degree), self.names)
        cells = "".join(
            f"<tr><td>${label}$</td><td>{value:.6g}</td></tr>"
            for label, value in zip(labels, self.values, strict=True)
        )
        return f"<table><tr><th>monomial</th><th>moment</th></tr>{cells}</table>"


@dataclass(frozen=True, eq=False)
class BasisMatrix:
    """A symmetric matrix with the monomials that index its rows and columns.

    A moment or localizing matrix, or a Gram matrix. `numpy.asarray` gives the entries.

    Attributes
    ----------
    values : array, shape (s, s)
        The entries. `numpy.asarray(matrix)` gives them too.
    basis : array of int, shape (s, n)
        Exponent of each row.
    names : tuple of str
        Names of the variables.
    face : array, shape (r, s), or None
        Where given, rows and columns belong to the r polynomials `face @ monomials` instead.
    """

    values: np.ndarray
    basis: np.ndarray
    names: tuple[str, ...]
    face: np.ndarray | None = None

    @staticmethod
    def constant(value: float | Fraction, names: tuple[str, ...]) -> BasisMatrix:
        """The 1 x 1 matrix of the basis (1): a multiplier that is a number."""
        values = np.array([[value]], dtype=float if isinstance(value, float) else object)
        return BasisMatrix(values, np.zeros((1, len(names)), dtype=np.int64), tuple(names))

    @cached_property
    def is_constant(self) -> bool:
        """Whether this is a multiplier that is a number."""
        return self.values.shape == (1, 1) and not self.basis.any()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape

    def __getitem__(self, index):
        return self.values[index]

    @property
    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues, largest first."""
        return np.linalg.eigvalsh(self.values)[::-1]

    def polynomial(self) -> Polynomial:
        """v^T Q v with v the vector of the basis monomials: the polynomial of a Gram matrix.

        >>> import numpy as np
        >>> BasisMatrix(np.array([[1.0, -1.0], [-1.0, 1.0]]), monomials(1, 1), ("x",)).polynomial()
        x^2 - 2*x + 1
        """
        n, Q = self.basis.shape[1], self.values
        if self.face is not None:
            Q = self.face.T @ Q @ self.face
        sums = (self.basis[:, None, :] + self.basis[None, :, :]).reshape(-1, n)
        return Polynomial.from_arrays(sums, Q.ravel(), self.names)

    def _repr_html_(self):
        if self.face is None:
            labels = [f"${label}$" for label in monomial_names(self.basis, self.names)]
        else:
            rows = (Polynomial.from_arrays(self.basis, row, self.names) for row in self.face)
            labels = [f"${p.latex()}$" for p in rows]
        head = "".join(f"<th>{label}</th>" for label in labels)
        rows = "".join(
            f"<tr><th>{label}</th>" + "".join(f"<td>{_cell(v)}</td>" for v in row) + "</tr>"
            for label, row in zip(labels, self.values, strict=True)
        )
        return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _cell(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def moments_of_points(
    points: ArrayLike,
    degree: int,
    weights: ArrayLike | None = None,
    names: tuple[str, ...] | None = None,
) -> Moments:
    """Moments of the measure sum_i weights_i delta_(points_i).

    Parameters
    ----------
    points : array, shape (m, n)
        The atoms.
    degree : int
        Largest degree of a moment.
    weights : array, shape (m,), optional
        Masses; 1/m each by default.
    names : sequence of str, optional
        Names of the variables.

    Raises
    ------
    ValueError
        If the shapes do not match or an entry is not finite.

    Examples
    --------
    >>> moments_of_points([[1.0], [-1.0]], degree=3).values
    array([1., 0., 1., 0.])
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.size == 0 or not np.isfinite(points).all():
        raise ValueError(
            f"points must be a finite, nonempty (m, n) array, got shape {points.shape}"
        )
    m, n = points.shape
    weights = np.full(m, 1 / m) if weights is None else np.asarray(weights, dtype=float)
    if weights.shape != (m,) or not np.isfinite(weights).all():
        raise ValueError(f"weights must be {m} finite numbers, got {weights!r}")
    basis = monomials(n, degree)
    values = weights @ np.prod(points[:, None, :] ** basis, axis=-1)
    names = tuple(f"x{i + 1}" for i in range(n)) if names is None else tuple(names)
    if len(names) != n:
        raise ValueError(f"names must be {n}, one a variable, got {names}")
    return Moments(values, n, degree, names)


def moment_matrix(moments: Moments, order: int) -> BasisMatrix:
    """M_k(y): entry (alpha, beta) is y_(alpha + beta), degrees up to k (Section 2).

    Parameters
    ----------
    moments : Moments
        y, of degree at least 2k.
    order : int
        k.

    Raises
    ------
    ValueError
        If y does not reach degree 2k.

    Examples
    --------
    >>> moment_matrix(moments_of_points([[1.0], [-1.0]], degree=2), 1).values
    array([[1., 0.],
           [0., 1.]])
    """
    check_type("moments", moments, Moments)
    one = Polynomial.constant(1.0, moments.n_variables, moments.names)
    return localizing_matrix(one, moments, order)


def localizing_matrix(g: Polynomial, moments: Moments, order: int) -> BasisMatrix:
    """L_g^(k)[y]: entry (alpha, beta) is L_y(g x^(alpha + beta)).

    The basis has degree floor(k - deg(g) / 2), so that only moments up to degree 2k appear
    (Section 2 of the paper).

    Parameters
    ----------
    g : Polynomial
    moments : Moments
        y, of degree at least 2k.
    order : int
        k, at least deg(g) / 2.

    Raises
    ------
    ValueError
        If the order is below deg(g) / 2, or y does not reach degree 2k.

    Examples
    --------
    >>> from polysos import variables
    >>> x, z = variables(2)
    >>> y = moments_of_points([[0.5, 0.5]], degree=4)
    >>> localizing_matrix(1 - x**2 - z**2, y, 2).values
    array([[0.5  , 0.25 , 0.25 ],
           [0.25 , 0.125, 0.125],
           [0.25 , 0.125, 0.125]])
    """
    check_type("g", g, Polynomial)
    check_type("moments", moments, Moments)
    if g.n_variables != moments.n_variables:
        raise ValueError(
            f"g must have as many variables as the moments, {moments.n_variables}, "
            f"got {g.n_variables}"
        )
    check_integer("order", order, at_least=0, at_most=moments.degree // 2)
    if 2 * order < g.degree:
        raise ValueError(f"order must be at least {-(-g.degree // 2)}, got {order}")
    basis = monomials(moments.n_variables, localizing_degree(g, order))
    entries = localizing_operator(g, basis, len(moments.values)) @ moments.values
    return BasisMatrix(entries.reshape(len(basis), len(basis)), basis, moments.names)


def localizing_degree(g: Polynomial, order: int) -> int:
    """Degree floor(k - deg(g) / 2) of the basis of the localizing matrix of g at order k."""
    return (2 * order - g.degree) // 2


def localizing_operator(g: Polynomial, basis: np.ndarray, n_moments: int) -> sp.csr_matrix:
    """The sparse matrix A with (A y).reshape(s, s) = the localizing matrix of g on a basis."""
    s, n = basis.shape
    sums = (basis[:, None, :] + basis[None, :, :]).reshape(s * s, 1, n)
    columns = monomial_index(sums + g.exponents[None, :, :])
    data = np.broadcast_to(g.coefficients.astype(float), columns.shape)
    rows = np.repeat(np.arange(s * s), len(g.exponents))
    shape = (s * s, n_moments)
    return sp.csr_matrix((data.ravel(), (rows, columns.ravel())), shape=shape)


def binomial_expansion(exponents: np.ndarray, basis: np.ndarray, center, scale) -> np.ndarray:
    """Row alpha holds the coefficients, on `basis`, of (center + scale * z)^alpha.

    Times the moments of z this gives the moments of x = center + scale * z; its transpose, times
    the coefficients of f, gives those of z -> f(center + scale * z).

    >>> binomial_expansion(monomials(1, 2), monomials(1, 2), [1.0], [2.0])
    array([[1., 0., 0.],
           [1., 2., 0.],
           [1., 4., 4.]])
    """
    size = int(max(exponents.max(initial=0), basis.max(initial=0))) + 1
    a, b = np.indices((size, size))
    choices, table = comb(a, b), np.ones((len(exponents), len(basis)))
    used = np.flatnonzero(exponents.any(axis=0) | basis.any(axis=0))
    with np.errstate(all="ignore"):  # numbers beyond the floats show in what comes back
        for i in used.tolist():
            powers = choices * float(center[i]) ** np.maximum(a - b, 0) * float(scale[i]) ** b
            table *= powers[exponents[:, i][:, None], basis[:, i][None, :]]
    return table
