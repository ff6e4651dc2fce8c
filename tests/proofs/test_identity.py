"""The identity of a proof: the remainder is what it says, at every rational point."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.exact import to_fmpq, to_fraction
from polysos.proofs.identity import Identity
from polysos.proofs.region import Region
from tests.proofs.test_proof import matrix, proof_of

F = Fraction
NUMBERS = st.fractions(-3, 3, max_denominator=4)
POINTS = st.tuples(NUMBERS, NUMBERS)
TERMS = st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 2)), NUMBERS, max_size=3)
BASIS = [[0, 0], [1, 0], [0, 1]]


def polynomial(terms):
    return ps.Polynomial(terms, 2).exact()


def symmetric(entries):
    a, b, c, d, e, f = entries
    return [[a, b, c], [b, d, e], [c, e, f]]


@settings(max_examples=25)
@given(
    st.lists(TERMS, min_size=6, max_size=6),
    st.lists(NUMBERS, min_size=6, max_size=6),
    st.tuples(NUMBERS, NUMBERS, NUMBERS),
    POINTS,
    st.tuples(st.fractions(F(1, 3), 3), st.fractions(F(1, 3), 3)),
    st.booleans(),
    POINTS,
)
def test_the_remainder_is_what_the_terms_leave_over(parts, gram, weights, center, scale, unit, z):
    """d f - sum_j (v^T Q_j v) g_j - q h, with a product, a side of the box and a denominator."""
    f, g0, g1, h, q, d = map(polynomial, parts)
    if unit:
        center, scale = (F(0), F(0)), (F(1), F(1))
    x0, x1 = ps.variables(2)
    constraints = [g0, g1, x0 + 4, 3 - x1]
    problem = ps.PolynomialProblem(f, constraints, [h])
    sides = {4: x0 + 4, 7: 3 - x1}  # numbers 4 and 7: lower side of x0, upper side of x1
    box = np.array([[-4.0, np.inf], [-np.inf, 3.0]])
    region = Region(box, box, {}, (), Region.of(problem).ring)
    rows, zero = symmetric(gram), [[0, 0]]
    proof = proof_of(
        problem,
        0,
        {
            (): (BASIS, rows),
            (0,): (zero, [[weights[0]]]),
            (0, 1): (zero, [[weights[1]]]),
            (4, 7): (zero, [[weights[2]]]),
            (7, 1): (BASIS, rows),
        },
        [q],
        center=center,
        scale=scale,
        denominator=d,
    )
    identity = Identity(problem, center, scale, region)
    exact = {
        key: [[to_fmpq(v) for v in row] for row in Q.values.tolist()]
        for key, Q in proof.gram.items()
    }
    found = to_fraction(identity.remainder(proof, exact)(*map(to_fmpq, z)))

    z = np.array(z, dtype=object)
    x = np.array([c + s * v for c, s, v in zip(center, scale, z, strict=True)], dtype=object)
    v = np.array([1, *z], dtype=object)
    sigma = v @ matrix(rows) @ v
    expected = d(z) * f(x) - sigma - q(z) * h(x) - weights[0] * g0(x) - weights[1] * g0(x) * g1(x)
    expected -= weights[2] * sides[4](x) * sides[7](x) + sigma * sides[7](x) * g1(x)
    assert found == expected


def test_a_side_that_is_not_there_is_an_error():
    (t,) = ps.variables(1)
    identity = Identity(
        ps.PolynomialProblem(t, [t]), (F(0),), (F(1),), Region.of(ps.PolynomialProblem(t, [t]))
    )
    assert identity.inequality(1) == identity.inequality(0)  # t >= 0 is the lower side, too
    with pytest.raises(ValueError, match="not bounded"):
        identity.inequality(2)
