"""Proofs as files: JSON, every number as "numerator/denominator", nothing rounded.

What a file holds is spelled out here once; `Proof` says what it means.

    format        "polysos proof 2"
    variables     names, each a word
    objective, inequalities, equalities, denominator, equality_multipliers
                  polynomials: lists of [number, exponents]; a denominator may be null
    bound, center, scale, sublevel
                  numbers; a sublevel may be null
    gram          blocks: product_of_inequalities, and basis and matrix, or a constant
    lemmas        proofs again, without format and variables; one that leaves out inequalities and
                  equalities has those of the proof around it, and its assumption if it makes one
    assumption    a polynomial, or null
    holds, message

A file may come from a stranger: everything is read strictly, nothing twice, and what would take
too long to read or to check is refused before it is tried. Limits: numbers of 100,000 digits, total
degree 256, products of 16 inequalities, 100,000 variables, and 2 * 10^7 elementary operations for
the check: some ten seconds, beside the time to read a file of many megabytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import NamedTuple

import numpy as np
from flint import fmpz

from ..algebra.moments import BasisMatrix
from ..algebra.polynomials import Polynomial
from ..algebra.problem import PolynomialProblem
from .exact import common_denominator

PROOF, CURVE = "polysos proof 2", "polysos descent curve 1"

_MOST_DIGITS = 100_000
_MOST_DEGREE = 256
_MOST_FACTORS = 16
_MOST_VARIABLES = 100_000
_MOST_WORK = 2e7
_WORD = 400  # bits of a number that costs one operation; longer ones cost more

_COMMON = {
    *("holds", "bound", "objective", "inequalities", "equalities", "assumption", "sublevel"),
    *("center", "scale", "denominator", "gram", "equality_multipliers", "lemmas", "message"),
}


# Writing


def to_json(proof, parent=None) -> dict:
    """A proof as lists and words; a lemma leaves out what is the same as in its parent."""
    problem, data = proof.problem, {}
    given = problem.inequalities[:-1] if proof.assumption else problem.inequalities
    if parent is None:
        data |= {"format": PROOF, "variables": list(problem.objective.names)}
    same = parent is not None and _constraints(parent) == (given, problem.equalities)
    data |= {"holds": proof.holds, "bound": _optional(write_number, proof.bound)}
    data |= {"objective": write_terms(problem.objective)}
    if not same:
        data["inequalities"] = [write_terms(g) for g in given]
        data["equalities"] = [write_terms(h) for h in problem.equalities]
    return data | {
        "assumption": write_terms(problem.inequalities[-1]) if proof.assumption else None,
        "sublevel": _optional(write_number, proof.sublevel),
        "center": [write_number(c) for c in proof.center],
        "scale": [write_number(s) for s in proof.scale],
        "denominator": _optional(write_terms, proof.denominator),
        "gram": [_write_block(key, Q) for key, Q in proof.gram.items()],
        "equality_multipliers": [write_terms(q) for q in proof.equality_multipliers],
        "lemmas": [to_json(lemma, proof) for lemma in proof.lemmas],
        "message": proof.message,
    }


def write_number(value) -> str:
    value = Fraction(value)  # flint writes numbers of any length, Python only to 4,300 digits
    return f"{fmpz(value.numerator)}/{fmpz(value.denominator)}"


def write_terms(p: Polynomial) -> list:
    return [[write_number(c), list(alpha)] for alpha, c in p.terms.items()]


def _write_block(key: tuple, Q: BasisMatrix) -> dict:
    block: dict = {"product_of_inequalities": list(key)}
    if Q.is_constant:
        return block | {"constant": write_number(Q.values[0, 0])}
    return block | {
        "basis": Q.basis.tolist(),
        "matrix": [[write_number(v) for v in row] for row in Q.values],
    }


def _constraints(proof) -> tuple:
    return proof.problem.inequalities, proof.problem.equalities


def _optional(convert: Callable, value):
    return None if value is None else convert(value)


# Reading


def read_file(path, form: str, build: Callable):
    """What `build` makes of a JSON file of a form; ValueError with the path and the reason."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        data = json.loads(content, object_pairs_hook=_without_repetition)
        _require(isinstance(data, dict) and data.get("format") == form, f"no format {form!r}")
        return build(data)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        word = "a proof" if form == PROOF else "a descent curve"
        raise ValueError(f"path must name {word} written by save, got {path}: {error}") from error


def from_json(data: dict, make: Callable, parent=None):
    """The proof that a dictionary holds; `make` is the class `Proof`."""
    known = _COMMON | ({"format", "variables"} if parent is None else set())
    left_out = {"inequalities", "equalities"} - set(data) if parent is not None else set()
    _require(len(left_out) != 1, "inequalities and equalities must be left out together")
    _require(set(data) == known - left_out, f"a proof must have the entries {sorted(known)}")
    _require(type(data["holds"]) is bool and type(data["message"]) is str, "holds, message")
    names = read_names(data["variables"]) if parent is None else parent.problem.objective.names
    inequalities, equalities = (
        _constraints(parent)
        if left_out
        else (
            tuple(read_terms(g, names) for g in _listed(data["inequalities"])),
            tuple(read_terms(h, names) for h in _listed(data["equalities"])),
        )
    )
    assumption = _optional(lambda terms: read_terms(terms, names), data["assumption"])
    if assumption is not None:
        inequalities += (assumption,)
    blocks = [_read_block(block, names) for block in _listed(data["gram"])]
    _require(len({key for key, _ in blocks}) == len(blocks), "two blocks of the same product")
    objective = read_terms(data["objective"], names)
    parts = {
        "holds": data["holds"],
        "bound": _optional(read_number, data["bound"]),
        "problem": PolynomialProblem(objective, inequalities, equalities),
        "center": tuple(map(read_number, _listed(data["center"]))),
        "scale": tuple(map(read_number, _listed(data["scale"]))),
        "gram": dict(blocks),
        "equality_multipliers": tuple(
            read_terms(q, names) for q in _listed(data["equality_multipliers"])
        ),
        "denominator": _optional(lambda terms: read_terms(terms, names), data["denominator"]),
        "sublevel": _optional(read_number, data["sublevel"]),
        "assumption": assumption is not None,
        "message": data["message"],
    }
    proof = make(**parts)
    lemmas = tuple(from_json(_mapping(d), make, proof) for d in _listed(data["lemmas"]))
    proof = make(**parts, lemmas=lemmas)
    if parent is None:
        work = _work(proof)
        _require(work <= _MOST_WORK, f"to check it takes {work:.1g} operations, too many")
    return proof


def read_number(text) -> Fraction:
    """A rational written as "n/d" or "n" with digits alone: no exponents, no points."""
    _require(isinstance(text, str), f"a number must be a word, got {text!r:.80}")
    _require(len(text) <= 2 * _MOST_DIGITS, f"a number has {len(text)} digits")
    found = re.fullmatch(r"(-?[0-9]+)(?:/([0-9]+))?", text)
    _require(found is not None, f"a number must be like -1/2, got {text!r:.80}")
    return Fraction(int(fmpz(found[1])), int(fmpz(found[2] or "1")))


def read_names(names) -> tuple[str, ...]:
    names = tuple(_listed(names))
    _require(0 < len(names) <= _MOST_VARIABLES, f"{len(names)} variables")
    return names  # that they are words, and different, is checked with every polynomial


def read_exponents(alpha, n: int) -> tuple[int, ...]:
    good = isinstance(alpha, list) and len(alpha) == n and all(type(a) is int for a in alpha)
    _require(good and min(alpha) >= 0, f"exponents must be {n} integers >= 0, got {alpha!r:.80}")
    _require(sum(alpha) <= _MOST_DEGREE, f"degree {sum(alpha)} is above {_MOST_DEGREE}")
    return tuple(alpha)


def read_terms(terms, names) -> Polynomial:
    pairs = [_listed(term) for term in _listed(terms)]
    _require(all(len(pair) == 2 for pair in pairs), "a term must be [number, exponents]")
    read = {read_exponents(alpha, len(names)): read_number(c) for c, alpha in pairs}
    _require(len(read) == len(pairs), "a monomial is given twice")
    return Polynomial(read, len(names), names).exact()


def _read_block(block, names) -> tuple:
    block = _mapping(block)
    key = tuple(_listed(block["product_of_inequalities"]))
    _require(all(type(j) is int for j in key), f"numbers of inequalities must be integers: {key}")
    _require(len(key) <= _MOST_FACTORS, f"a product of {len(key)} inequalities")
    if set(block) == {"product_of_inequalities", "constant"}:
        return key, BasisMatrix.constant(read_number(block["constant"]), names)
    good = set(block) == {"product_of_inequalities", "basis", "matrix"}
    _require(good, f"a block has the entries {sorted(block)}")
    basis = [read_exponents(alpha, len(names)) for alpha in _listed(block["basis"])]
    rows = [[read_number(v) for v in _listed(row)] for row in _listed(block["matrix"])]
    square = [len(row) for row in rows] == [len(basis)] * len(basis)
    _require(square, "a Gram matrix must be square, a row per monomial")
    values = np.empty((len(basis), len(basis)), dtype=object)
    for i, row in enumerate(rows):
        values[i] = row
    exponents = np.array(basis, dtype=np.int64).reshape(len(basis), len(names))
    return key, BasisMatrix(values, exponents, names)


def _require(holds: bool, words: str) -> None:
    if not holds:
        raise ValueError(words)


def _listed(value) -> list:
    _require(isinstance(value, list), f"a list is needed, got {value!r:.80}")
    return value


def _mapping(value) -> dict:
    _require(isinstance(value, dict), f"a dictionary is needed, got {value!r:.80}")
    return value


def _without_repetition(pairs) -> dict:
    _require(len(dict(pairs)) == len(pairs), "an entry is given twice")
    return dict(pairs)


# How long a check takes


def _work(proof) -> float:
    """Elementary operations of a check, roughly: products of terms, weighed by their digits."""
    moved = any(proof.center) or any(s != 1 for s in proof.scale)
    problem, m = proof.problem, len(proof.problem.inequalities)

    def size(p: Polynomial | None) -> _Size:
        """In the units of the proof, at most."""
        if p is None:
            return _Size(1, 0)
        spread = sum(prod(a + 1 for a in alpha) if moved else 1 for alpha in p.terms)
        return _Size(max(1, spread), _common_bits(p.coefficients))

    side = _Size(2, 64)
    used = {j: problem.inequalities[j] for key in proof.gram for j in key if 0 <= j < m}
    sizes = {j: size(g) for j, g in used.items()}
    total = (size(problem.objective) * size(proof.denominator)).work
    for key, Q in proof.gram.items():
        block = _Size(len(Q.basis) ** 2, _common_bits(Q.values.flat))
        for j in key:
            block *= sizes.get(j, side)
        total += block.work + len(Q.basis) ** 3 / 6
    for q, h in zip(proof.equality_multipliers, problem.equalities, strict=False):
        total += (size(q) * size(h)).work
    degree = max(p.degree for p in (problem.objective, *used.values()))
    units = max((_bits(v) for v in (*proof.center, *proof.scale)), default=0)
    return total * (1 + degree * units * moved / _WORD) ** 2 + sum(map(_work, proof.lemmas))


class _Size(NamedTuple):
    """How many terms a polynomial may have, and how long their numbers may be."""

    terms: int
    bits: int

    def __mul__(self, other: _Size) -> _Size:  # type: ignore[override]
        return _Size(self.terms * other.terms, self.bits + other.bits)

    @property
    def work(self) -> float:
        return self.terms * (1 + self.bits / _WORD)


def _common_bits(values) -> int:
    """Bits of the numbers of a polynomial: it is kept with a common denominator."""
    exact = [Fraction(v) for v in values]
    denominators = {v.denominator for v in exact}
    numerator = max((v.numerator.bit_length() for v in exact), default=0)
    return common_denominator(list(denominators)).bit_length() + numerator


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()
