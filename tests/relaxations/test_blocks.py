"""Bases of the blocks: nothing that a certificate could use is left out."""

import numpy as np
import pytest

import polysos as ps
from polysos.relaxations.variant import Variant
from tests.problems import CASES


def generators_of(problem, order, products=False):
    from polysos.relaxations.blocks import dense_blocks
    from polysos.relaxations.scaling import scale_problem

    scaled = scale_problem(problem)
    return scaled, dense_blocks(scaled, order, products).generators


def test_products_of_inequalities_are_products_and_fit_the_order():
    x, y = ps.variables(2)
    scaled, found = generators_of(
        ps.PolynomialProblem(x, [1 - x**2, 1 - y**2, x + y]), 2, products=True
    )
    g = dict(zip(scaled.kept, scaled.inequalities, strict=True))
    keys = [generator.factors for generator in found]
    # x + y times both squares has degree 5 and does not fit into 2k = 4.
    assert keys[:4] == [(), (0,), (1,), (2,)] and set(keys[4:]) == {(0, 1), (0, 2), (1, 2)}
    for generator in found:
        product = ps.Polynomial.constant(1.0, 2)
        for j in generator.factors:
            product = product * g[j]
        assert generator.polynomial == product
        assert 2 * generator.basis.sum(axis=1).max() + product.degree <= 4


@pytest.mark.parametrize("degree, size", [(1, 3), (2, 5), (3, 7)])
def test_standard_monomials_on_the_circle_are_a_basis_of_its_functions(degree, size):
    """On the circle, polynomials of degree d span the 2d + 1 trigonometric ones."""
    x, y = ps.variables(2)
    _, found = generators_of(ps.PolynomialProblem(x, [], [x**2 + y**2 - 1]), degree)
    basis = found[0].basis
    t = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    V = np.prod(np.column_stack([np.cos(t), np.sin(t)])[:, None, :] ** basis, axis=-1)
    assert len(basis) == size == np.linalg.matrix_rank(V)


def test_standard_monomials_on_binary_points_are_square_free():
    u = ps.variables(3)
    _, found = generators_of(ps.PolynomialProblem(u[0], [], [v**2 - v for v in u]), 3)
    assert (found[0].basis <= 1).all() and len(found[0].basis) == 8


def test_reduced_bases_of_motzkin_lie_in_half_its_newton_polytope():
    from polysos.relaxations.blocks import Blocks, reduce_bases

    x, y = ps.variables(2)
    motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    scaled, found = generators_of(ps.PolynomialProblem(motzkin), 3)
    (reduced,) = reduce_bases(scaled, 0, Blocks(found, [])).generators
    assert sorted(map(tuple, reduced.basis.tolist())) == [(0, 0), (1, 1), (1, 2), (2, 1)]


@pytest.mark.parametrize("name", ["camel6", "double_well", "lasserre09_ex2_2", "sphere_cubes"])
def test_reduced_bases_lose_no_bound(name):
    from polysos.relaxations.relaxation import solve_scaled
    from polysos.relaxations.scaling import scale_problem

    case = CASES[name]
    order = case.problem.minimum_order + (name == "lasserre09_ex2_2")
    full = solve_scaled(scale_problem(case.problem), order)
    reduced = solve_scaled(scale_problem(case.problem), order, Variant(reduced=True))
    assert reduced.value == pytest.approx(full.value, abs=1e-6)


def test_terms_that_cancel_between_two_blocks_are_kept():
    """t^3 + 1 = sigma_0 + sigma_1 (1 - t^2) needs t^4 in both, although t^3 has no such term."""
    from polysos.relaxations.relaxation import solve_scaled
    from polysos.relaxations.scaling import scale_problem

    (t,) = ps.variables(1)
    r = solve_scaled(
        scale_problem(ps.PolynomialProblem(t**3, [1 - t**2])), 2, Variant(reduced=True)
    )
    assert r.value == pytest.approx(-1, abs=1e-6)
