"""Conic programs: multipliers satisfy the identity that chains of lemmas rely on."""

from time import perf_counter

import clarabel
import numpy as np
import pytest

from polysos.training.cones import (
    largest_corner,
    largest_smallest_eigenvalue,
    minimize_linear,
    most_definite,
    smallest_eigenvalue,
    triangle,
)


def in_cone(s, n_norm=0, definite=0, slip=1e-6):
    """Whether rows are nonnegative, then in a second-order cone, then a definite triangle."""
    n_definite = definite * (definite + 1) // 2
    n_signed = len(s) - n_norm - n_definite
    signed, norm, last = np.split(s, [n_signed, n_signed + n_norm])
    good = (signed >= -slip).all()
    if n_norm:
        good &= norm[0] >= np.linalg.norm(norm[1:]) - slip
    if definite:
        rows, columns, factors = triangle(definite)
        M = np.zeros((definite, definite))
        M[rows, columns] = M[columns, rows] = last / factors
        good &= np.linalg.eigvalsh(M)[0] >= -slip
    return bool(good)


@pytest.mark.parametrize("n_norm, definite", [(0, 0), (3, 0), (0, 3), (4, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_solution_and_multipliers_prove_each_other(n_norm, definite, seed):
    """x is feasible, y is in the (self-dual) cone, and cost = -y.b + y.(b - A x) for every x."""
    rng, n = np.random.default_rng(seed), 3
    m = 6 + n_norm + definite * (definite + 1) // 2
    A, inside = rng.standard_normal((m, n)), np.ones(m)
    if n_norm:
        inside[6 : 6 + n_norm] = [3.0, *[0.1] * (n_norm - 1)]
    if definite:
        rows, columns, _ = triangle(definite)
        inside[-len(rows) :] = rows == columns
    A = np.vstack([np.eye(n), -np.eye(n), A])
    b = np.r_[np.full(2 * n, 9.0), A[2 * n :] @ rng.standard_normal(n) + inside]
    cost = rng.standard_normal(n)
    found = minimize_linear(cost, A, b, n_norm, definite)
    assert in_cone(b - A @ found.x, n_norm, definite)
    y = found.multipliers
    assert in_cone(y, n_norm, definite)
    assert np.allclose(cost, -y @ A, atol=1e-6)
    assert found.value == pytest.approx(cost @ found.x, abs=1e-6)
    assert found.value == pytest.approx(-y @ b, abs=1e-6)


def test_a_quadratic_term_is_half_of_its_matrix():
    """x^2 - x - y with y <= 2: the minimum is at (1/2, 2)."""
    found = minimize_linear(
        [-1.0, -1.0], [[0.0, 1.0]], [2.0], quadratic=np.array([[2.0, 0.0], [0.0, 0.0]])
    )
    assert np.allclose(found.x, [0.5, 2.0], atol=1e-6)
    assert found.value == pytest.approx(-2.25, abs=1e-6)
    assert found.multipliers == pytest.approx([1.0], abs=1e-6)


@pytest.mark.parametrize(
    "cost, A, b",
    [
        ([1.0], [[1.0], [-1.0]], [-1.0, 0.0]),  # x <= -1 and x >= 0
        ([1.0], [[1.0]], [0.0]),  # x may fall without end
        ([np.nan], [[1.0]], [0.0]),
        ([1.0], [[np.inf]], [0.0]),
        ([1.0], [[1.0]], [np.nan]),
    ],
)
def test_no_solution_is_none(cost, A, b):
    assert minimize_linear(cost, A, b) is None


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_triangle_is_an_isometry(n):
    """<M, N> = sum of the products of the written entries."""
    rows, columns, factors = triangle(n)
    rng = np.random.default_rng(n)
    M, N = (B + B.T for B in rng.standard_normal((2, n, n)))
    assert len(rows) == n * (n + 1) // 2
    assert (M * N).sum() == pytest.approx(
        (M[rows, columns] * factors) @ (N[rows, columns] * factors)
    )


class Panic(BaseException):
    """What a solver written in Rust raises when it breaks down: no Exception."""


@pytest.mark.parametrize("error", [RuntimeError, Panic])
def test_a_solver_that_breaks_down_found_nothing(error, monkeypatch):
    class Broken:
        def __init__(self, *arguments):
            pass

        def solve(self):
            raise error("Eigval error")

    monkeypatch.setattr(clarabel, "DefaultSolver", Broken)
    assert minimize_linear([1.0], [[-1.0]], [-2.0]) is None


@pytest.mark.parametrize("error", [ValueError, MemoryError, BaseException])
def test_scs_that_breaks_down_or_answers_nonsense_found_nothing(error, monkeypatch):
    import scs

    start, move = np.array([2.0, 0.0, 0.0]), np.array([[-1.0], [0.0], [1.0]])
    for find in (largest_smallest_eigenvalue, largest_corner):
        assert find(np.array([np.nan, 0, 0]), move, 2) is None

        def broken(*_, **__):
            raise error

        monkeypatch.setattr(scs.SCS, "solve", broken)
        assert find(start, move, 2) is None
        monkeypatch.setattr(scs.SCS, "solve", lambda *_: {"x": np.array([np.nan, 1.0])})
        assert find(start, move, 2) is None


def test_the_largest_corner_leaves_a_semidefinite_matrix():
    """diag(2 - z, z) less t in the corner: z = 0, t = 2."""
    z = largest_corner(np.array([2.0, 0.0, 0.0]), np.array([[-1.0], [0.0], [1.0]]), 2)
    assert abs(z[0]) < 1e-2


@pytest.mark.parametrize("seed", range(4))
def test_two_solvers_agree_on_the_largest_smallest_eigenvalue(seed):
    """SCS along the moves, alternating directions between the equations that these leave."""
    rng, size = np.random.default_rng(seed), 6
    rows, columns, _ = triangle(size)
    start, entries = rng.standard_normal(21), rng.standard_normal((21, 12))
    entries[:, 0] = rows == columns  # the trace is given: no eigenvalue is above the mean
    directions, _ = np.linalg.qr(entries, mode="complete")
    equations, moves = directions[:, :12], directions[:, 12:]
    z = largest_smallest_eigenvalue(start, moves, size)
    x = most_definite(start, equations, size)
    wanted = smallest_eigenvalue(start + moves @ z, size)
    assert np.abs(equations.T @ (x - start)).max() < 1e-9
    assert smallest_eigenvalue(x, size) == pytest.approx(wanted, rel=0.1, abs=1e-2)


def test_alternating_directions_stop_where_they_should():
    rng = np.random.default_rng(0)
    equations, _ = np.linalg.qr(rng.standard_normal((55, 20)))
    start = rng.standard_normal(55)
    began = perf_counter()
    x = most_definite(start, equations, 10, seconds=0.0)
    assert perf_counter() - began < 1 and smallest_eigenvalue(x, 10) >= smallest_eigenvalue(
        start, 10
    )
    rows, columns, _ = triangle(10)
    off = np.diag(1.0 * (rows != columns))[:, rows != columns]  # nothing holds the diagonal
    assert (most_definite(start, off, 10) == start).all()
