"""Polynomial networks on numbers that can only be added and multiplied, such as encrypted ones.

In the scheme CKKS (Cheon, Kim, Kim, Song 2017) a ciphertext holds a vector of numbers, its slots.
Each multiplication uses up a level, one prime of the modulus, and how many primes a ring can have
is limited by security. So a network must be shallow, and its activations are evaluated with as few
multiplications one after the other as can be.

Contexts and packed inputs need the package tenseal: ``pip install "polysos[encrypted]"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import check_array, check_installed, check_integer, check_type
from .networks import PolynomialNetwork

_ENDS = 60  # bits of the first and of the last prime, the largest that there are
_MOST_BITS = {4096: 109, 8192: 218, 16384: 438, 32768: 881}  # by ring, for 128 bits of security


def levels_of_polynomial(degree: int) -> int:
    """How many multiplications one after the other `evaluate_polynomial` needs.

    >>> [levels_of_polynomial(d) for d in (1, 2, 3, 4, 7, 8)]
    [1, 2, 2, 3, 3, 4]
    """
    check_integer("degree", degree, at_least=1)
    return degree.bit_length()


def levels_needed(net: PolynomialNetwork) -> int:
    """How many levels a network uses up: one for each affine map, and those of its activations.

    >>> import numpy as np
    >>> eye = np.eye(2)
    >>> levels_needed(PolynomialNetwork([eye, eye, eye], degrees=(3, 2)))
    7
    """
    check_type("net", net, PolynomialNetwork)
    return len(net.weights) + sum(map(levels_of_polynomial, net.degrees))


def make_context(net: PolynomialNetwork, bits: int = 40) -> Any:
    """Keys for a network, in the smallest ring that has its levels at 128 bits of security.

    Parameters
    ----------
    net : PolynomialNetwork
    bits : int
        Of the scale: numbers are kept to about half as many bits, since primes differ from it.

    Returns
    -------
    tenseal.Context
        With the secret key, and those for `evaluate_packed`.

    Raises
    ------
    ValueError
        If no ring has so many levels; the message says how many there can be.
    """
    check_installed("encrypted", "tenseal")
    import tenseal

    check_integer("bits", bits, at_least=20, at_most=50)
    levels = levels_needed(net)
    needed = 2 * _ENDS + levels * bits
    rings = [ring for ring, most in _MOST_BITS.items() if needed <= most]
    if not rings:
        ring, most = max(_MOST_BITS.items())
        raise ValueError(
            f"net must need at most {(most - 2 * _ENDS) // bits} levels of {bits} bits, the most "
            f"in a ring of {ring}, got {levels}: take lower degrees or fewer layers"
        )
    context = tenseal.context(
        tenseal.SCHEME_TYPE.CKKS,
        poly_modulus_degree=rings[0],
        coeff_mod_bit_sizes=[_ENDS, *[bits] * levels, _ENDS],
    )
    context.global_scale = 2**bits
    context.generate_galois_keys()
    return context


def evaluate_polynomial(coefficients: Sequence[float], v: Any) -> Any:
    """sum_k coefficients[k] v^k in a tree (Estrin's scheme), by sums and products alone.

    >>> evaluate_polynomial([1.0, 2.0, 3.0, 4.0], 10.0)
    4321.0
    """
    terms = list(coefficients)
    while len(terms) > 1:
        pairs = [v * terms[i + 1] + terms[i] for i in range(0, len(terms) - 1, 2)]
        terms = pairs + terms[2 * len(pairs) :]
        if len(terms) > 1:
            v = v * v
    return terms[0]


def evaluate_slots(
    net: PolynomialNetwork, coefficients: ArrayLike, features: Sequence[Any]
) -> list[Any]:
    """The outputs of many inputs at once: a ciphertext a feature, a slot an input.

    Parameters
    ----------
    net : PolynomialNetwork
    coefficients : array, shape (n_coefficients,)
    features : sequence of length m_0
        Ciphertexts, or whatever else can be added and multiplied, among each other and with
        floats: arrays of numpy, for instance.

    Returns
    -------
    list of length m_out
        Of the same kind.

    Raises
    ------
    ValueError
        If there are not m_0 features, or a ciphertext runs out of levels.

    Examples
    --------
    >>> import numpy as np
    >>> net = PolynomialNetwork([[[1.0, 2.0]], [[3.0]]], degrees=(2,), biases=[[1.0], None])
    >>> evaluate_slots(net, [0.0, 0.0, 1.0], [np.array([1.0, 2.0]), np.array([0.0, 1.0])])
    [array([12., 75.])]
    """
    h, activations = list(features), _activations(net, coefficients)
    if len(h) != net.n_inputs:
        raise ValueError(f"features must be {net.n_inputs}, one an input, got {len(h)}")
    for k, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        rows, shifts = W.astype(float).tolist(), [0.0] * len(W) if b is None else b.tolist()
        h = [_sum(row, h) + shift for row, shift in zip(rows, shifts, strict=True)]
        if k < len(activations):
            h = [evaluate_polynomial(activations[k], v) for v in h]
    return h


def padded(features: ArrayLike) -> list[float]:
    """The features of one input with zeros behind, for `evaluate_packed`: up to a power of two.

    A packed vector is repeated over all slots, and rotated as if it never ended. It must fill them
    evenly: else a few slots get wrong numbers, and if these become large, all slots do.

    Parameters
    ----------
    features : array, shape (m_0,)

    Returns
    -------
    list of float

    Examples
    --------
    >>> padded([1.0, 2.0, 3.0])
    [1.0, 2.0, 3.0, 0.0]
    """
    x = check_array("features", features, ndim=1).astype(float)
    return np.pad(x, (0, _full(len(x)) - len(x))).tolist()


def evaluate_packed(net: PolynomialNetwork, coefficients: ArrayLike, vector: Any) -> Any:
    """The outputs of one input, all of whose features are in one ciphertext.

    Parameters
    ----------
    net : PolynomialNetwork
    coefficients : array, shape (n_coefficients,)
    vector : tenseal.CKKSVector
        Of `padded` features: m_0 slots, where that is a power of two, or else the next one.

    Returns
    -------
    tenseal.CKKSVector, m_out slots

    Raises
    ------
    ValueError
        If the vector has another size, or runs out of levels.
    """
    check_installed("encrypted", "tenseal")
    import tenseal

    activations, context = _activations(net, coefficients), vector.context()
    if vector.size() != _full(net.n_inputs):
        raise ValueError(
            f"vector must have {_full(net.n_inputs)} slots, those of padded(features), "
            f"got {vector.size()}"
        )
    last = len(net.weights) - 1
    for k, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        rows = len(W) if k == last else _full(len(W))
        vector = vector.matmul(_filled(W.astype(float), rows, _full(W.shape[1])).T.tolist())
        if b is not None:  # encrypted: a product needs its slots repeated, which a sum forgets
            vector = vector + tenseal.ckks_vector(context, _filled(b.astype(float), rows).tolist())
        if k < last:
            vector = vector.polyval(activations[k])
    return vector


def _full(n: int) -> int:
    """The next power of two, which divides the number of slots."""
    return 1 << (n - 1).bit_length()


def _filled(values: np.ndarray, *shape: int) -> np.ndarray:
    """With zeros behind."""
    return np.pad(values, [(0, m - n) for n, m in zip(values.shape, shape, strict=True)])


def _activations(net, coefficients) -> list[list[float]]:
    check_type("net", net, PolynomialNetwork)
    return [p.astype(float).tolist() for p in net.activations(coefficients)]


def _sum(row: list[float], h: list) -> Any:
    total = h[0] * row[0]
    for value, weight in zip(h[1:], row[1:], strict=True):
        total = total + value * weight
    return total
