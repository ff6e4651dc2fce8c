"""The patterns that threshold neurons can show on some data: cells of hyperplane arrangements.

A neuron 1{w . x >= 0} shows the pattern 1{X w >= 0} on the data X. There are finitely many, at most
2 sum_{k < r} comb(n - 1, k) for n rows of rank r (Cover 1965), besides that of w = 0.
`enumerate_patterns` lists them in exact arithmetic, for any data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, islice, product
from math import comb, lcm

import numpy as np
from flint import fmpz_mat
from sklearn.utils import check_random_state

from ..checks import check_array, check_integer

MAX_STEPS = 10**6  # of one enumeration


@dataclass(frozen=True, eq=False)
class Patterns:
    """All patterns of a threshold neuron on some data: see `enumerate_patterns`.

    Attributes
    ----------
    patterns : array of bool, shape (P, n)
        Different, none of them zero, in lexicographic order.
    directions : array, shape (P, d)
        For each a w with the pattern 1{X w >= 0}, from the middle of all of these.
    rank : int
        Of the data.
    general_position : bool
        Whether any `rank` rows of the data are linearly independent.
    """

    patterns: np.ndarray = field(repr=False)
    directions: np.ndarray = field(repr=False)
    rank: int
    general_position: bool


def enumerate_patterns(inputs) -> Patterns:
    """All patterns 1{X w >= 0}, for w in R^d, in exact arithmetic.

    The hyperplanes x_i . w = 0 cut the space of w into cones. Every cone but {0} has a ray w_0 in
    its closure, and w_0 is normal to r - 1 independent rows, r the rank of X. Near w_0 the rows
    that do not vanish at w_0 keep their signs; those that do are a problem of rank r - 1. In
    general position these are r - 1 independent rows, which take all signs. w = 0 gives the pattern
    of ones.

    Parameters
    ----------
    inputs : array, shape (n, d)
        Floats are read as the rationals they are. Equal, opposite, collinear or vanishing rows need
        no care. A bias is a column of ones.

    Raises
    ------
    ValueError
        If there are too many.

    Examples
    --------
    >>> found = enumerate_patterns([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    >>> found.patterns.astype(int).tolist()
    [[0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    >>> found
    Patterns(rank=2, general_position=True)
    """
    X = check_array("inputs", inputs)
    if not len(X):
        raise ValueError("inputs must have at least one row, got none")
    rows = integer_rows(X)
    columns = pivot_columns(rows)
    n, r = len(rows), len(columns)
    if r and comb(n, r - 1) * 2**r > MAX_STEPS:
        raise ValueError(
            f"inputs must have few rows or a small rank for all patterns to be listed, got {n} "
            f"rows of rank {r}; sample the patterns instead"
        )
    found, general_position = _patterns_with_rays([[row[j] for j in columns] for row in rows], r)
    found[b"\1" * n] = np.zeros(r)
    found.pop(bytes(n), None)
    keys = sorted(found)
    patterns = np.frombuffer(b"".join(keys), dtype=bool).reshape(-1, n)
    directions = np.zeros((len(keys), X.shape[1]))
    directions[:, columns] = [found[key] for key in keys]
    return Patterns(patterns, directions, r, general_position)


def _patterns_with_rays(rows: list[list[int]], r: int) -> tuple[dict[bytes, np.ndarray], bool]:
    """Patterns of rows of rank r in Z^r, each with the sum of its rays; general position or not.

    The sum of the rays of a cone is in its relative interior.
    """
    n, general, seen = len(rows), True, set()
    found = {b"\1" * n: np.zeros(r)}
    for chosen in combinations(range(n), r - 1) if r else ():
        ray = _normal([rows[i] for i in chosen], r)
        values = [sum(a * b for a, b in zip(row, ray, strict=True)) for row in rows]
        zeros = tuple(i for i, value in enumerate(values) if value == 0)
        general &= zeros == chosen
        if not any(ray) or zeros in seen:
            continue
        if zeros == chosen:
            local = np.array(list(product((False, True), repeat=r - 1)))
        else:
            seen.add(zeros)
            within = [rows[i] for i in zeros]
            columns = pivot_columns(within)
            smaller = _patterns_with_rays([[row[j] for j in columns] for row in within], r - 1)[0]
            local = np.frombuffer(b"".join(smaller), dtype=bool).reshape(-1, len(zeros))
        largest = max(map(abs, ray))
        w = np.array([a / largest for a in ray])
        w /= np.linalg.norm(w)
        for sign in (1, -1):
            near = np.tile([sign * value > 0 for value in values], (len(local), 1))
            near[:, zeros] = local
            for pattern in near:
                key = pattern.tobytes()
                found[key] = found.get(key, 0) + sign * w
    return found, general


def integer_rows(X: np.ndarray) -> list[list[int]]:
    """The rows, each times a positive number, which leaves their patterns."""
    rows = []
    for row in X.tolist():
        ratios = [value.as_integer_ratio() for value in row]
        scale = lcm(*(q for _, q in ratios))
        rows.append([p * (scale // q) for p, q in ratios])
    return rows


def pivot_columns(rows: list[list[int]]) -> list[int]:
    """Columns that are a basis of the column space."""
    if not rows[0]:
        return []
    reduced, _, rank = fmpz_mat(rows).rref()
    return [next(j for j in range(len(rows[0])) if reduced[i, j] != 0) for i in range(rank)]


def _normal(rows: list[list[int]], r: int) -> list[int]:
    """The vector of minors: normal to r - 1 rows of Z^r, zero if these are dependent."""
    return [
        (-1) ** j * int(fmpz_mat(r - 1, r - 1, [a for w in rows for a in w[:j] + w[j + 1 :]]).det())
        for j in range(r)
    ]


def sample_patterns(inputs, draws: int, random_state=None) -> tuple[np.ndarray, np.ndarray]:
    """The different patterns among those of w = 0 and of random Gaussian w: a part of all.

    Parameters
    ----------
    inputs : array, shape (n, d)
    draws : int
        How many w, at least 1.
    random_state : int, RandomState or None

    Returns
    -------
    patterns : array of bool, shape (P, n)
    directions : array, shape (P, d)

    Examples
    --------
    >>> sample_patterns([[-1.0], [2.0]], draws=20, random_state=0)[0].astype(int).tolist()
    [[0, 1], [1, 0], [1, 1]]
    """
    X = check_array("inputs", inputs).astype(float)
    check_integer("draws", draws, at_least=1)
    W = check_random_state(random_state).standard_normal((draws, X.shape[1]))
    W = np.vstack([np.zeros(X.shape[1]), W])
    patterns, first = np.unique(W @ X.T >= 0, axis=0, return_index=True)
    kept = patterns.any(axis=1)
    return patterns[kept], W[first[kept]]


def deeper_patterns(patterns, width: int) -> np.ndarray:
    """Patterns of a threshold neuron above `width` neurons, each of which shows a given pattern.

    The neuron computes a function of `width` bits; these functions are enumerated once.

    Parameters
    ----------
    patterns : array of bool, shape (P, n)
        Of the layer below.
    width : int
        At least 1.

    Returns
    -------
    array of bool, shape (Q, n)
        Different, none of them zero, in lexicographic order.

    Examples
    --------
    >>> below = enumerate_patterns([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]]).patterns
    >>> [len(deeper_patterns(below, width)) for width in (1, 2)]
    [5, 7]
    """
    patterns = check_patterns(patterns)
    check_integer("width", width, at_least=1)
    width = min(width, len(patterns))
    if comb(len(patterns), width) > MAX_STEPS:
        raise ValueError(
            f"width must leave at most {MAX_STEPS} choices of patterns, got "
            f"{comb(len(patterns), width)}"
        )
    gates = enumerate_patterns(list(product((0, 1), repeat=width))).patterns
    place = 2 ** np.arange(width)[::-1]
    choices = combinations(range(len(patterns)), width)
    n, found = patterns.shape[1], set()
    while chunk := list(islice(choices, 4096)):
        bits = np.einsum("k,ckn->cn", place, patterns[np.array(chunk)])
        shown = np.packbits(gates[:, bits].reshape(-1, n), axis=1)
        found.update(np.unique(shown.view(f"V{shown.shape[1]}")).tolist())
    rows = np.frombuffer(b"".join(sorted(found)), dtype=np.uint8).reshape(len(found), -1)
    deeper = np.unpackbits(rows, axis=1, count=n).astype(bool)
    return deeper[deeper.any(axis=1)]


def check_patterns(patterns) -> np.ndarray:
    patterns = np.asarray(patterns)
    if patterns.ndim != 2 or 0 in patterns.shape or not np.isin(patterns, (0, 1)).all():
        raise ValueError(f"patterns must be rows of 0 and 1, got {patterns!r}")
    return patterns.astype(bool)
