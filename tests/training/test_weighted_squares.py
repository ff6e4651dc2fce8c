"""Fewer residuals than monomials: weighted squares and relations prove what linear programs cannot.

The planted networks are those of Table 1 with some of their outputs; the liars have weights that do
not add up to one, or Gram matrices that are not semidefinite.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import polysos as ps
from polysos.algebra.moments import BasisMatrix
from polysos.paper.experiments import planted_instance
from polysos.training.chain import Chain
from polysos.training.compilation import compile_residuals
from polysos.training.gram_basis import monomial_basis, row_space_basis
from polysos.training.square_lemmas import loss_proof
from polysos.training.weighted_squares import WeightedSquares
from tests.planted import good_points, planted

F = Fraction


def few_outputs(m: int, law="fan-in", seed=0, noise=1e-2):
    """Table 1's network with m of its outputs, (net, inputs, outputs); the true coefficients."""
    i = planted_instance((2, 2), n_samples=50, width=20, weights=law, seed=seed, noise=noise)
    weights = [*i.net.weights[:-1], i.net.weights[-1][:m]]
    net = ps.PolynomialNetwork(weights, i.net.degrees)
    return (net, i.inputs, i.outputs[:, :m]), i.true_coefficients


def squares_at(m=7, law="fan-in", seed=1, room=1.0):
    """At the best coefficients, a level of `room` times their loss."""
    data, _ = few_outputs(m, law, seed)
    r = compile_residuals(*data, "mean-sup")
    c = ps.fit(*data, loss="mean-sup").coefficients
    chain = Chain.begin(r, r.problem(), F(room * r.loss(c)), c)
    return r, c, chain, WeightedSquares(chain, c, monomial_basis(r))


@pytest.mark.parametrize(
    "m, law, seed", [(9, "randn", 0), (8, "fan-in", 0), (7, "fan-in", 1), (6, "randn", 1)]
)
def test_fewer_outputs_than_monomials_are_proven(m, law, seed):
    data, truth = few_outputs(m, law, seed)
    f = ps.fit(*data, loss="mean-sup")
    assert f.certified and f.gap <= 1e-6 and len(f.residuals.exponents) == 10
    assert f.proof.verify(ps.fitting_problem(*data, "mean-sup"))
    assert np.isfinite(f.box).all() and np.abs(f.coefficients - truth).max() < 0.2


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_units_of_the_outputs_do_not_matter(factor):
    (net, X, Y), _ = few_outputs(8, seed=1)
    f = ps.fit(net, X, Y, loss="mean-sup")
    larger = ps.PolynomialNetwork([*net.weights[:-1], factor * net.weights[-1]], net.degrees)
    g = ps.fit(larger, X, factor * Y, loss="mean-sup")
    assert f.certified and g.certified
    assert g.loss == pytest.approx(factor * f.loss, rel=1e-6)
    assert g.coefficients == pytest.approx(f.coefficients, abs=1e-6)


def test_data_without_noise_give_the_truth():
    data, truth = few_outputs(8, noise=0.0)
    f = ps.fit(*data, loss="mean-sup")
    assert f.certified and np.abs(f.coefficients - truth).max() < 1e-7
    assert f.proof.verify(ps.fitting_problem(*data, "mean-sup"))


def test_one_output_for_many_samples():
    """Columns of F are parallel: the residuals see a sum of c2,0, c2,1 and c2,2 only."""
    p = planted((2, 2), [3, 5, 4, 1], samples=30, noise=0.0, seed=1)
    noise = 0.05 * np.random.default_rng(0).standard_normal((30, 1))
    p = p.with_outputs(p.outputs + noise)
    f = p.fit("sample-sup", method="auto")
    assert f.certified and f.proof.verify(
        ps.fitting_problem(p.net, p.inputs, p.outputs, "sample-sup")
    )
    assert f.lower_bound > 0 and np.isfinite(f.box).all()


@pytest.mark.parametrize("loss", ["mean-sup", "mean-squares"])
def test_bounds_of_monomials_hold_at_all_good_points(loss):
    data, _ = few_outputs(7, seed=1)
    r = compile_residuals(*data, loss)
    c = ps.fit(*data, loss=loss).coefficients
    chain = Chain.begin(r, r.problem(), F(4 * r.loss(c)), c)
    squares = WeightedSquares(chain, c, monomial_basis(r))
    points = good_points(r, c, float(chain.level))
    assert squares.is_bounded and len(points) > 20
    values = np.array([r.monomials(x) for x in points])
    for a in range(3):
        for sign in (1, -1):
            functional = [F(0)] * 11
            functional[a + 1] = F(sign)
            found = squares.smallest(functional)
            assert found.value <= (sign * values[:, a]).min() * (1 + 1e-9 * sign)
            longer = chain.bound_below(
                chain.polynomial(r.exponents[a : a + 1], np.array([F(sign)])), found, 0.0, False
            )
            assert longer.lemmas[-1].verify()
            assert float(longer.lemmas[-1].bound) == pytest.approx(found.value, rel=1e-9)


def test_what_the_residuals_do_not_see_has_no_bound():
    p = planted((2, 2), [3, 5, 4, 1], samples=30, seed=1)
    r = p.with_outputs(p.outputs + 0.1).residuals("sample-sup")
    chain = Chain.begin(r, r.problem(), F(1), p.truth)
    squares = WeightedSquares(chain, p.truth, row_space_basis(r))
    assert squares.basis.size < len(r.exponents)
    for a in range(1, len(r.exponents) + 1):
        functional = [F(int(j == a)) for j in range(len(r.exponents) + 1)]
        assert squares.sees(a) or squares.smallest(functional) is None


def test_the_bound_holds_for_all_coefficients():
    """Whatever the level, and near the loss of the best."""
    r, c, chain, squares = squares_at(room=3.0)
    proof = squares.loss_proof(chain)
    assert proof.verify(r.problem())
    assert 0.99 * r.loss(c) < proof.bound <= r.loss(c)
    rng = np.random.default_rng(0)
    assert all(r.loss(c + 0.1 * rng.standard_normal(5)) >= proof.bound for _ in range(50))


def test_liars_are_refused():
    _, _, chain, squares = squares_at()
    proof = squares.loss_proof(chain)
    assert proof.verify()
    Q, bound = proof.gram[()], proof.bound
    weights = [
        proof.gram[2 * j, 2 * j + 1].values[0, 0] if (2 * j, 2 * j + 1) in proof.gram else F(0)
        for j in range(7)
    ]
    assert sum(weights) == 1 and loss_proof(chain, weights, Q, bound).verify()
    # weights that add up to more than one
    k = int(np.argmax(weights))
    heavier = [w + F(1, 1000) * (j == k) for j, w in enumerate(weights)]
    assert not loss_proof(chain, heavier, Q, bound).verify()
    assert not loss_proof(chain, [w * F(999, 1000) for w in weights], Q, bound).verify()
    # another Gram matrix: of something else, or not semidefinite
    for i, j, change in ((3, 3, F(1, 10**6)), (1, 2, F(1, 10**6)), (0, 0, -F(1))):
        values = Q.values.copy()
        values[i, j] += change
        values[j, i] = values[i, j]
        wrong = BasisMatrix(values, Q.basis, Q.names)
        assert not loss_proof(chain, weights, wrong, bound).verify()
    # a bound that is too high, with the Gram matrix that belongs to it
    better = 2 * bound
    values = Q.values.copy()
    values[0, 0] -= better**2 - bound**2
    chain = replace(chain, level=4 * better)
    assert not loss_proof(chain, weights, BasisMatrix(values, Q.basis, Q.names), better).verify()
