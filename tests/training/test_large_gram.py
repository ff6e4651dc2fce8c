"""Gram matrices by equations: the same as along relations; large bases are proven, lies are not."""

from collections import Counter

import numpy as np
import pytest

import polysos as ps
from polysos.proofs.exact import to_fraction
from polysos.training import centring, large_gram
from polysos.training.centred import GramMatrices, centred_proof, uncentred_bound
from polysos.training.compilation import compile_residuals, floats_of
from polysos.training.cones import triangle
from polysos.training.gram_basis import row_space_basis, with_relations
from polysos.training.large_gram import LargeGramMatrices
from polysos.training.recovery import polish
from polysos.training.variable_projection import SIZES, VariableProjection
from tests.planted import planted


def moderate(degrees, noise=0.05, samples=150, seed=0):
    """One output; inputs in [-1, 1], so that no sample outweighs all others."""
    widths = [*(4, 6, 5, 4)[: len(degrees) + 1], 1]
    p = planted(degrees, widths, samples=samples, seed=seed, fan_in=True)
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, p.inputs.shape)
    Y = p.net(p.truth, X)
    return p.net, X, Y + noise * Y.std() * rng.standard_normal(Y.shape)


def solved(degrees, noise, **options):
    """(residuals, matrices, the best of some local minima)."""
    r = compile_residuals(*moderate(degrees, noise, **options), "sample-squares")
    search, rng = VariableProjection(r), np.random.default_rng(0)
    ends = [polish(r, search.search(rng, sizes)) for sizes in SIZES * 4]
    return r, LargeGramMatrices(row_space_basis(r), r.targets), min(ends, key=r.loss)


@pytest.mark.parametrize("degrees", [(2, 2), (2, 3), (2, 2, 2)])
def test_equations_and_relations_describe_the_same_matrices(degrees):
    r, large, c = solved(degrees, 0.3)
    small = GramMatrices(large.basis, r.targets)
    by_equations, by_relations = large.around([c]), small.around([c])
    assert by_equations.by_least_squares()[0] == pytest.approx(
        by_relations.by_least_squares()[0], abs=1e-6
    )
    D, q = by_equations.equations.shape
    assert D - q == by_relations.moves.shape[1]
    assert np.abs(by_equations.equations.T @ by_relations.moves).max() < 1e-6
    assert large.distance(c, 2 * c) == pytest.approx(small.distance(c, 2 * c))


@pytest.mark.parametrize("degrees", [(2, 3), (2, 2, 2), (3, 4)])
def test_the_exact_matrix_is_the_one_meant(degrees):
    """The candidate is in its kernel, and the whitened matrix is that of the program."""
    _, large, c = solved(degrees, 0.3)
    (smallest, u), k = large.around([c]).by_program(), large.basis.size
    Q = floats_of(large.matrix(u))
    root = np.linalg.qr(large.basis.factor, mode="r")
    inverse = np.linalg.inv(root)
    assert np.linalg.eigvalsh(inverse.T @ Q[1:, 1:] @ inverse)[0] == pytest.approx(
        smallest, abs=1e-6
    )
    b = np.r_[1.0, large.basis.values(c)]
    scale = np.r_[1.0, np.linalg.norm(large.basis.factor, axis=0)]
    size = np.abs(Q / np.outer(scale, scale)) @ np.abs(b * scale)
    assert (np.abs(Q @ b)[1:] / scale[1:] <= 1e-7 * size.max()).all()
    assert (large.matrix(0 * u) - large.basis.gram).entries() == [0] * (k + 1) ** 2


@pytest.mark.parametrize(
    "noise, how", [(0.05, "least-squares certificate"), (1.0, "semidefinite program")]
)
def test_a_large_network_is_proven(noise, how):
    net, X, Y = moderate((3, 4), noise)
    f = ps.fit(net, X, Y, time_limit=120)
    assert f.certified and f.gap < 1e-9 and f.strength > 0 and how in f.message
    assert len(f.residuals.exponents) == 70 and f.proof.verify(ps.fitting_problem(net, X, Y))


def test_a_local_minimum_of_a_large_network_is_not_proven():
    r, large, best = solved((3, 4), 0.3)
    rng, worse = np.random.default_rng(1), []
    while not worse:
        c = polish(r, 3 * rng.standard_normal(r.n_coefficients))
        worse = [c] if r.loss(best) * 1.001 < r.loss(c) < 100 * r.loss(best) else []
    found = centred_proof(r.dense_problem(), large, worse, seconds=2.0)
    assert found is None or float(found.proof.bound) <= r.loss(best) * (1 + 1e-9)


def test_a_program_that_lies_proves_nothing_false(monkeypatch):
    r, large, c = solved((2, 2, 2), 1.0)
    rng = np.random.default_rng(0)
    for size in (1e-6, 1e-3, 1.0):
        lie = size * rng.standard_normal(large.dimension)
        monkeypatch.setattr(large_gram, "most_definite", lambda x, *_, lie=lie: x + lie)
        found = centred_proof(r.dense_problem(), large, [c])
        assert found is None or float(found.proof.bound) <= r.loss(c) * (1 + 1e-12)


def test_without_a_program_there_is_a_bound():
    """That of a free coefficient for each monomial: ordinary linear least squares."""
    r, large, c = solved((2, 3), 1.0)
    bound = uncentred_bound(r.dense_problem(), large, c, r.loss(c), program=False)
    linear = np.linalg.lstsq(r.matrix, r.targets, rcond=None)[0]
    assert bound.verify(r.dense_problem())
    assert float(bound.bound) == pytest.approx(np.sum((r.matrix @ linear - r.targets) ** 2))
    assert float(bound.bound) <= r.loss(c)


def test_a_ridge_goes_along_relations(monkeypatch):
    """Its monomials in inner coefficients make products with 1, which the equations do not hold."""
    net, X, Y = moderate((2, 2), 0.3)
    honest = ps.fit(net, X, Y, ridge=0.01)
    monkeypatch.setattr(centring, "_SMALL", 3)
    f = ps.fit(net, X, Y, ridge=0.01)
    assert f.certified and f.loss == pytest.approx(honest.loss) and f.strength > 0
    r = compile_residuals(net, X, Y, "sample-squares", 0.01)
    with pytest.raises(ValueError, match="no relation with a product of 1"):
        LargeGramMatrices(row_space_basis(r), r.targets)


def test_relations_may_share_all_their_products(monkeypatch):
    """With three layers no product need tell how much of a relation there is."""
    net, X, Y = moderate((3, 2), 0.3)
    basis = row_space_basis(compile_residuals(net, X, Y, "sample-squares"))
    own = large_gram.relations(basis)
    assert len(own) > 1

    def mixed(_):
        weights = np.random.default_rng(0).integers(1, 9, (len(own), len(own))) + 9 * np.eye(
            len(own)
        )
        pairs = sorted({pair for relation in own for pair in relation})
        rows = [
            [sum(int(w) * r.get(p, 0) for w, r in zip(row, own, strict=True)) for p in pairs]
            for row in weights
        ]
        return [{p: v for p, v in zip(pairs, row, strict=True) if v} for row in rows]

    monkeypatch.setattr(large_gram, "relations", mixed)
    matrices, k = LargeGramMatrices(basis, Y.ravel()), basis.size
    times = Counter(pair for relation in matrices.relations for pair in relation)
    assert not any(times[p] == 1 for relation in matrices.relations for p in relation)
    Q = with_relations(
        basis.gram, matrices.relations, np.random.default_rng(1).standard_normal(len(own))
    )
    rows, columns, factor = triangle(k)
    added = inner(Q, k) - inner(basis.gram, k)
    whitened = matrices._whiten.T @ added @ matrices._whiten
    back = inner(matrices.matrix(whitened[rows, columns] * factor), k)
    assert np.allclose(back, inner(Q, k), atol=1e-8 * np.abs(inner(Q, k)).max())


def inner(Q, k):
    """Of the basis without its 1, in floats."""
    return np.array(
        [[float(to_fraction(Q[i, j])) for j in range(1, k + 1)] for i in range(1, k + 1)]
    )
