"""Checks of arguments: an error names the argument, what is required and what came."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import find_spec
from math import inf
from numbers import Integral, Real

import numpy as np


def check_type(name: str, value, kind: type) -> None:
    """Raise unless `value` is an instance of a class."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {value!r}")


def check_integer(name: str, value, at_least: int, at_most: int | None = None) -> None:
    """Raise unless `value` is an integer in the range."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {value}")
    if at_most is not None and value > at_most:
        raise ValueError(f"{name} must be at most {at_most}, got {value}")


def check_positive(name: str, value, below: float = inf) -> None:
    """Raise unless `value` is a number between 0 and a limit, both left out."""
    number = hasattr(value, "__float__") and not isinstance(value, bool)
    if not number or not 0 < value < below:
        words = "a positive number" if below == inf else f"between 0 and {below}"
        raise ValueError(f"{name} must be {words}, got {value!r}")


def check_sequence(name: str, value) -> list:
    """The entries of `value` as a list; raise unless it has some order of entries."""
    if isinstance(value, (str, bytes, dict, Real)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} must be a sequence, got {value!r}")
    return list(value)


def check_word(name: str, value, words: tuple[str, ...]) -> None:
    """Raise unless `value` is one of some words."""
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, words))}, got {value!r}")


def check_pairs(name: str, value, owners) -> list[tuple[Real, Real] | None]:
    """A pair (lower, upper) for each owner; raise unless these, or one pair for all, are given.

    >>> check_pairs("bounds", (0, 1), ["x", "y"]), check_pairs("bounds", [None, (0, 1)], ["x", "y"])
    ([(0, 1), (0, 1)], [None, (0, 1)])
    """
    pairs = check_sequence(name, value)
    if len(pairs) == 2 and all(isinstance(end, Real) for end in pairs):
        pairs = [tuple(pairs)] * len(owners)
    if len(pairs) != len(owners):
        raise ValueError(
            f"{name} must be a pair (lower, upper) or {len(owners)} pairs, one for each of "
            f"{tuple(owners)}, got {len(pairs)}"
        )
    for i, pair in enumerate(pairs):
        if pair is None:
            continue
        ends = check_sequence(f"{name}[{i}]", pair)
        if len(ends) != 2 or not all(isinstance(v, Real) for v in ends) or not ends[0] < ends[1]:
            raise ValueError(
                f"{name}[{i}] must be a pair (lower, upper), lower < upper, got {pair}"
            )
        pairs[i] = tuple(ends)
    return pairs


def check_array(name: str, values, ndim: int = 2) -> np.ndarray:
    """The values as an array of finite floats or of `Fraction`; raise unless they are numbers."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must have rows of equal length: {error}") from error
    if array.dtype == object and all(
        isinstance(v, Real) and not isinstance(v, bool) for v in array.ravel()
    ):
        array = np.array([Fraction(v) for v in array.ravel()], dtype=object).reshape(array.shape)
    elif array.dtype.kind in "iuf":
        array = array.astype(float, copy=False)
    else:
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimension(s), got shape {array.shape}")
    if array.dtype != object and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def check_installed(extra: str, *modules: str) -> None:
    """Raise ModuleNotFoundError, with the extra that brings it, unless all modules can be imported.

    >>> check_installed("book", "numpy")
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"this part of polysos needs {', '.join(missing)}, which is not installed; "
            f"pip install 'polysos[{extra}]' brings it",
            name=missing[0],
        )
