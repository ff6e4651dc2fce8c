"""From a network and its data to residuals: r(c) = F phi(c) - targets.

The polynomials of all layers are carried along as arrays, one for each monomial in c. Data of
ordinary size are compiled without any rounding, so that what is proven about the rows is proven
about the data. Where that would take long, floats must do, and an a-priori bound says how far they
may be off.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
from flint import arb, ctx, fmpq, fmpq_mat, fmpz_mat

from ..proofs.exact import to_fmpq
from ..proofs.exact_arrays import ExactArray, as_matrix
from .networks import PolynomialNetwork
from .residuals import Residuals
from .ridge import with_ridge
from .row_space import part_of, pivots, row_space

_BLOCK = 4096  # samples at a time, in floats
_MOST_PRODUCTS = 2e8  # of integers: two seconds or so
_LARGEST = 1e100  # a number; products of two must not leave the floats
_BITS = 128  # of the entries of a triangle; of the rows themselves all that there are


def compile_residuals(
    net: PolynomialNetwork, inputs, outputs, loss: str, ridge: float | Fraction = 0.0
) -> Residuals:
    """The residuals of a network for given data.

    Parameters
    ----------
    net : PolynomialNetwork
    inputs : array, shape (N, m_0)
    outputs : array, shape (N, m_out)
    loss : str
        One of LOSSES. Means are taken over the samples; "sample-sup" keeps all N m_out rows. Of
        squares only the triangle of the rows is kept where there are more rows than monomials.
    ridge : float
        Adds ridge |c|^2 to squares.

    Returns
    -------
    Residuals
        Exact but for `error`, if the data are of ordinary size; they are the same on every
        machine then.

    Raises
    ------
    ValueError
        If numbers leave the range of floats.

    Examples
    --------
    >>> net = PolynomialNetwork([[[2.0]], [[1.0]]], degrees=(1,))
    >>> r = compile_residuals(net, [[3.0], [5.0]], [[1.0], [2.0]], "mean-sup")
    >>> r.exponents.tolist(), r.exact, r.error
    ([[1, 0], [0, 1]], [1, 8, 3/2], None)
    """
    X, Y = net.check_data(inputs, outputs)
    named = {f"weights[{i}]": W for i, W in enumerate(net.weights)}
    named |= {f"biases[{i}]": b for i, b in enumerate(net.biases) if b is not None}
    for name, values in (named | {"inputs": X, "outputs": Y}).items():
        largest = np.abs(values).max()
        if largest > _LARGEST:
            raise ValueError(
                f"{name} must have entries of size at most {_LARGEST:g}: choose other units"
            )
    compiled = _exactly if _products(net, len(X), loss) <= _MOST_PRODUCTS else _in_floats
    r = compiled(net, X, Y, loss)
    size = np.abs(np.column_stack([r.matrix, r.targets]))
    if not ((size == 0) | ((size > 1 / _LARGEST) & (size < _LARGEST))).all():
        raise ValueError(
            "inputs and weights must be of a size whose products lie between "
            f"{1 / _LARGEST:g} and {_LARGEST:g}: choose other units"
        )
    return with_ridge(r, ridge) if ridge else r


def _products(net, n_samples: int, loss: str) -> float:
    """Products of integers that an exact compilation takes, weighed by their length."""
    total, terms, words = 0.0, 1, 1
    widths = [W.shape for W in net.weights]
    layers = zip(widths, net.degrees, net.learned_constants, strict=False)
    for (rows, columns), degree, constant in layers:
        total += words * terms * n_samples * rows * columns
        known, words = terms, words + 1
        for _ in range(degree - 1):
            power = comb(known + terms - 1, terms)
            total += 8 * words * n_samples * rows * known * terms  # entrywise: numpy's, slower
            known = power
        terms, words = comb(terms + degree, degree) + constant, words * degree
    if loss.startswith("sample"):
        total += words * terms * n_samples * widths[-1][0] * widths[-1][1]
    if loss == "sample-squares":
        total += words * terms**2 * n_samples * widths[-1][0]
    return total


# Without rounding


def _exactly(net, X, Y, loss: str) -> Residuals:
    layers = [layer.map(ExactArray.of) for layer in net.layers]
    inputs, outputs, (W, bias) = ExactArray.of(X), ExactArray.of(Y), layers[-1]
    outputs = outputs if bias is None else outputs + -bias
    hidden = net.hidden_monomials(inputs, layers)
    if loss.startswith("mean"):
        columns = [(h.mean() @ W.T).ravel() for h in hidden.values()]
        columns.append(outputs.mean().ravel())
    else:
        columns = [(h @ W.T).rows(len(X)).ravel() for h in hidden.values()]
        columns.append(outputs.ravel())
    samples = len(X) if loss == "sample-squares" else 1
    few = columns[0].shape[0] <= len(columns)
    if not loss.endswith("squares") or (few and samples == 1):
        rows, error = as_matrix(columns), None
    elif few:
        root = _rounded(arb(samples).rsqrt())
        rows = as_matrix(columns) * root
        error = np.linalg.norm(floats_of(rows), axis=0) * 2.0 ** (1 - _BITS)
    else:
        rows, error = _triangle(columns, samples)
    table = floats_of(rows)
    return Residuals(
        exponents=np.array(list(hidden), dtype=np.int64),
        matrix=table[:, :-1],
        targets=table[:, -1],
        squares=loss.endswith("squares"),
        names=net.coefficient_names,
        rows=rows,
        error=error,
    )


def _triangle(columns: list[ExactArray], samples: int) -> tuple[fmpq_mat, np.ndarray]:
    """R with |R x|^2 = |A x|^2 / samples but for rounding, for A with these columns.

    R = T H: the rows of H are an exact basis of the row space of A, the first that there is, and
    T is triangular with entries of 128 bits. So dependent columns stay exactly dependent.
    """
    p, m = len(columns), columns[0].shape[0]
    A = fmpz_mat(p, m, [v for column in columns for v in column.numerators])
    products = (A * A.transpose()).tolist()
    scale = [fmpq(1, column.denominator) for column in columns]
    G = [
        [v * scale[i] * scale[j] / samples for j, v in enumerate(row)]
        for i, row in enumerate(products)
    ]
    H, kept = row_space(fmpq_mat(G))
    if not kept:
        return fmpq_mat(1, p), np.zeros(p)
    T = _cholesky([[G[i][j] for j in kept] for i in kept])
    rows = T * H
    size = np.abs(floats_of(T)) @ np.abs(floats_of(H))
    return rows, np.linalg.norm(size, axis=0) * 2.0 ** (2 - _BITS)


def _cholesky(S) -> fmpq_mat:
    """Upper triangular T with T^T T = S, each entry rounded to 128 bits."""
    n, own = len(S), ctx.prec
    ctx.prec = 512
    try:
        while (rows := _cholesky_balls(S)) is None:
            ctx.prec *= 2
        return fmpq_mat(n, n, [_rounded(v) for row in rows for v in row])
    finally:
        ctx.prec = own


def _cholesky_balls(S):
    """The rows of T in balls; None where more digits are needed."""
    n, T = len(S), []
    size = [arb(S[j][j]).sqrt() for j in range(n)]
    for k in range(n):
        row = [arb(0)] * k
        row += [arb(S[k][j]) - sum((t[k] * t[j] for t in T), arb(0)) for j in range(k, n)]
        if not row[k] > 0:
            return None
        root = row[k].sqrt()
        row = [v / root for v in row]
        if not all(v.rad() <= 2.0 ** (-2 * _BITS) * s for v, s in zip(row, size, strict=True)):
            return None
        T.append(row)
    return T


def _rounded(ball: arb) -> fmpq:
    """The middle of a ball with 128 bits; 0 where it may be 0."""
    if ball.contains(0):
        return fmpq(0)
    mantissa, power = ball.mid().man_exp()
    shift = max(int(abs(mantissa)).bit_length() - _BITS, 0)
    mantissa = (int(mantissa) + (1 << shift >> 1)) >> shift
    power = int(power) + shift
    return fmpq(mantissa << power) if power >= 0 else fmpq(mantissa, 1 << -power)


def floats_of(table: fmpq_mat) -> np.ndarray:
    """The nearest floats; infinite beyond them."""
    values = np.empty(table.nrows() * table.ncols())
    for k, v in enumerate(table.entries()):
        try:
            values[k] = int(v.p) / int(v.q)
        except OverflowError:
            values[k] = np.inf
    return values.reshape(table.nrows(), table.ncols())


# In floats


def _in_floats(net, X, Y, loss: str) -> Residuals:
    floats = net.map(lambda values: values.astype(float, copy=False))
    X, Y = X.astype(float, copy=False), Y.astype(float, copy=False)
    build = _samples if loss == "sample-sup" else _factor if loss == "sample-squares" else _means
    bias = floats.biases[-1]
    targets, largest = (Y, np.abs(Y)) if bias is None else (Y - bias, np.abs(Y) + np.abs(bias))
    exponents, table = build(floats, X, targets)
    _, size = build(floats.map(np.abs), np.abs(X), largest)
    gamma = _gamma(_depth(net) + (_BLOCK + len(X) // _BLOCK + 2 if "mean" in loss else 0))
    rows, error = None, gamma * size
    if loss.endswith("squares"):
        # Of the triangle of a computed table: its columns are off by no more than those of QR.
        height = table.shape[0] if loss == "mean-squares" else net.n_outputs * min(len(X), _BLOCK)
        steps = 1 if loss == "mean-squares" else len(X) // _BLOCK + 1
        own = _gamma(20 * steps * (height + table.shape[1]) * table.shape[1])
        error = np.linalg.norm(size, axis=0) * (gamma + 2 * own)
        if len(table) > table.shape[1]:
            table = np.linalg.qr(table, mode="r")
        rows = _with_exact_dependence(net, X, Y, table)
        error = error + np.linalg.norm(table - floats_of(rows), axis=0) * (1 + 2.0**-40)
        table = floats_of(rows)
    return Residuals(
        exponents=np.array(exponents, dtype=np.int64),
        matrix=table[:, :-1],
        targets=table[:, -1],
        squares=loss.endswith("squares"),
        names=net.coefficient_names,
        rows=rows,
        error=error,
        in_floats=True,
    )


def _with_exact_dependence(net, X, Y, table: np.ndarray) -> fmpq_mat:
    """The rows (F, y), changed a little so that columns that depend on each other do so exactly.

    How they depend is told by a few of the samples, compiled exactly.
    """
    rows = fmpq_mat(*table.shape, [to_fmpq(v) for v in table.ravel().tolist()])
    p = table.shape[1] - 1
    few = _exactly(net, X[: 3 * p], Y[: 3 * p], "sample-squares").exact
    seen = part_of(few, range(few.nrows()), range(p))
    if len(pivots(seen)) == min(p, rows.nrows()):
        return rows
    H, kept = row_space(seen)
    dependent = part_of(rows, range(rows.nrows()), kept) * H
    size = np.linalg.norm(table[:, :-1], axis=0)
    if (np.linalg.norm(floats_of(dependent) - table[:, :-1], axis=0) > 1e-9 * size).any():
        return rows  # the other samples depend less
    return fmpq_mat([[*own, rows[i, p]] for i, own in enumerate(dependent.tolist())])


def _blocks(net, X, Y):
    """Hidden monomials and outputs, block by block."""
    for start in range(0, len(X), _BLOCK):
        stop = start + _BLOCK
        yield net.hidden_monomials(X[start:stop]), Y[start:stop]


def _means(net, X, Y):
    total, targets = {}, 0.0
    for hidden, y in _blocks(net, X, Y):
        for alpha, values in hidden.items():
            total[alpha] = total.get(alpha, 0.0) + values.mean(axis=0) * len(y)
        targets = targets + y.sum(axis=0)
    W = net.weights[-1]
    columns = [h / len(X) @ W.T for h in total.values()]
    return list(total), np.column_stack([*columns, targets / len(X)])


def _samples(net, X, Y):
    blocks = []
    for hidden, y in _blocks(net, X, Y):
        blocks.append(_table(net, hidden, y))
    return list(hidden), np.vstack(blocks)


def _table(net, hidden, y):
    """The columns of all residuals of a block, and their targets."""
    columns = [np.broadcast_to(h @ net.weights[-1].T, y.shape).ravel() for h in hidden.values()]
    return np.column_stack([*columns, y.ravel()])


def _factor(net, X, Y):
    R = np.empty((0, 0))
    for hidden, y in _blocks(net, X, Y):
        block = _table(net, hidden, y) / np.sqrt(len(X))
        R = np.linalg.qr(np.vstack([R, block]) if len(R) else block, mode="r")
    return list(hidden), R


def _depth(net: PolynomialNetwork) -> int:
    """How many roundings meet in one output, at most; one more for each number given."""
    depth, terms = 1, 1
    layers = zip(net.weights, net.degrees, net.learned_constants, strict=False)
    for W, degree, constant in layers:
        depth = degree * (depth + W.shape[1] + 3 + terms)
        terms = comb(terms + degree, degree) + constant
    return depth + net.weights[-1].shape[1] + 4


def _gamma(k: int) -> float:
    """k u / (1 - k u) for the unit roundoff u of floats, rounded up generously."""
    unit = 2.0**-53
    return 1.01 * k * unit / (1 - min(k * unit, 0.5))
