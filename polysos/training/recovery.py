"""Good coefficients without a proof: linear least squares, Levenberg-Marquardt, small programs.

The residuals are linear in the monomials phi(c). Where the data determine these, the coefficients
are ratios of them; what that gives is polished.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares, minimize

from .bounds import Bounds
from .cones import minimize_linear
from .residuals import Residuals

FREE = Bounds()
_TO_THE_END = {"ftol": 1e-15, "maxiter": 500}


def monomial_shifts(exponents: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each coefficient c_i, the pairs of monomials (phi_a, c_i phi_a).

    Positions are counted in (1, phi): 0 is the constant. Where c_i is itself among the phi, that
    pair alone.

    >>> shifts = monomial_shifts(np.array([[0, 1], [1, 1]]))  # c2 and c1 c2
    >>> [(a.tolist(), b.tolist()) for a, b in shifts]
    [([1], [2]), ([0], [1])]
    """
    n = exponents.shape[1]
    known = np.vstack([np.zeros((1, n), dtype=int), exponents]).tolist()
    position = {tuple(alpha): k for k, alpha in enumerate(known)}
    shifts = []
    for i in range(n):
        raised = [(*a[:i], a[i] + 1, *a[i + 1 :]) for a in known]
        pairs = [(a, position[b]) for a, b in enumerate(raised) if b in position]
        pairs = [p for p in pairs if p[0] == 0] or pairs
        shifts.append(tuple(np.array(pairs, dtype=int).reshape(-1, 2).T))
    return shifts


def linear_start(r: Residuals) -> np.ndarray:
    """Coefficients read off the least-squares monomials."""
    return read_off(r, _inverse(r) @ r.targets)


def _inverse(r: Residuals) -> np.ndarray:
    size = np.linalg.norm(r.matrix, axis=0)
    size[size == 0] = 1.0
    return np.linalg.pinv(r.matrix / size, rcond=1e-13) / size[:, None]


def read_off(r: Residuals, phi: np.ndarray) -> np.ndarray:
    """Coefficients from monomials, each from its most certain ratio."""
    phi = np.r_[1.0, phi]
    deviation = np.r_[0.0, np.linalg.norm(_inverse(r), axis=1)]
    c = np.zeros(r.n_coefficients)
    for i, (a, b) in enumerate(monomial_shifts(r.exponents)):
        if len(a):
            best = np.argmax(np.abs(phi[a]) / np.maximum(deviation[a], 1e-300))
            c[i] = phi[b[best]] / phi[a[best]] if phi[a[best]] else 0.0
    return np.nan_to_num(c)


def polish(r: Residuals, start: np.ndarray, bounds: Bounds = FREE) -> np.ndarray:
    """The local minimum of the loss that a start leads to, within bounds."""
    c, radius = _polish_in_box(r, start, bounds.box), bounds.radius
    if radius is None or np.linalg.norm(c) <= radius:
        return c
    return _polish_in_ball(r, c * (radius / np.linalg.norm(c)), radius)


def _polish_in_ball(r: Residuals, start: np.ndarray, radius: float) -> np.ndarray:
    n, size = len(start), r.loss(start)
    ball = {"type": "ineq", "fun": lambda x: 1 - x[:n] @ x[:n] / radius**2}
    if r.squares or not size > 0:
        found = minimize(
            lambda c: r.loss(c) / (size or 1.0), start, constraints=[ball], options=_TO_THE_END
        )
    else:
        rows = {
            "type": "ineq",
            "fun": lambda x: np.r_[x[n] - r(x[:n]) / size, x[n] + r(x[:n]) / size],
        }
        found = minimize(
            lambda x: x[n], np.r_[start, 1.0], constraints=[ball, rows], options=_TO_THE_END
        )
    c = found.x[:n]
    c = c * min(1.0, radius * (1 - 1e-15) / max(np.linalg.norm(c), 1e-300))
    return c if r.loss(c) < size else start


def _polish_in_box(r: Residuals, start: np.ndarray, box: np.ndarray | None) -> np.ndarray:
    size = r.scale if r.scale > 0 else 1.0
    unit = np.sqrt(size) if r.squares else size
    inside = {}
    if box is not None and np.isfinite(box).any():
        start = np.clip(start, box[:, 0], box[:, 1])
        inside = {"bounds": (box[:, 0], np.maximum(box[:, 1], np.nextafter(box[:, 0], np.inf)))}
    enough = len(r.targets) >= len(start) and not inside
    with np.errstate(all="ignore"):
        try:
            found = least_squares(
                lambda c: r(c) / unit,
                start,
                lambda c: r.jacobian(c) / unit,
                method="lm" if enough else "trf",
                xtol=1e-14,
                ftol=1e-14,
                gtol=1e-14,
                max_nfev=500,
                **inside,
            ).x
        except ValueError:  # numbers beyond the floats on the way
            return start
        if not np.isfinite(found).all() or not r.loss(found) <= r.loss(start):
            found = start
        return found if r.squares else _sequential_quadratic(r, found, box)


def _sequential_quadratic(r: Residuals, c: np.ndarray, box: np.ndarray | None) -> np.ndarray:
    """Minimize the largest residual: linear models in a trust region, with their curvature.

    Where as many residuals as there are unknowns, and one more, are largest at the minimum, linear
    programs converge quadratically; elsewhere the curvature of the Lagrangian is needed.
    """
    n, m, best = len(c), len(r.targets), r.loss(c)
    # How far the coefficients can move while the residuals, if linear, stay of the same size.
    slack = np.linalg.norm(np.linalg.pinv(r.jacobian(c)), axis=1) * best
    reach = np.minimum(0.1 * (1e-3 + np.abs(c)), 4 * slack + 1e-12 * (1e-3 + np.abs(c)))
    curvature = np.zeros((n, n))
    for _ in range(80):
        if not best > 1e-13 * r.scale:
            break
        values, J = r(c) / best, r.jacobian(c) * reach / best
        near = np.flatnonzero(
            np.abs(values) + np.abs(J).sum(axis=1) >= 1 - np.abs(J).sum(axis=1).max()
        )
        values, J, m = values[near], J[near], len(near)
        step = np.column_stack([np.vstack([np.eye(n), -np.eye(n)]), np.zeros(2 * n)])
        A = np.vstack([np.c_[J, -np.ones(m)], np.c_[-J, -np.ones(m)], step])
        room = np.ones(2 * n)
        if box is not None:
            room = np.minimum(room, np.r_[box[:, 1] - c, c - box[:, 0]] / np.tile(reach, 2))
        H = np.zeros((n + 1, n + 1))
        H[:n, :n] = curvature * np.outer(reach, reach) / best
        cost = np.r_[np.zeros(n), 1.0]
        found = minimize_linear(cost, A, np.r_[-values, values, room], quadratic=H)
        if found is None:
            break
        weights = np.zeros(len(r.targets))
        weights[near] = found.multipliers[:m] - found.multipliers[m : 2 * m]
        move = found.x[:n] * reach
        new = r.loss(c + move)
        if new < best:
            gain, c, best = 1 - new / best, c + move, new
            reach = np.where(np.abs(move) > 0.9 * reach, 2 * reach, reach)
            if gain < 1e-13:
                break
        else:
            reach = reach / 4
            if 1 - found.value < 1e-12 or (reach < 1e-15 * (1e-3 + np.abs(c))).all():
                break
        values, vectors = np.linalg.eigh(r.curvature(c, weights))
        curvature = vectors * np.maximum(values, 0.0) @ vectors.T
    return c if box is None else np.clip(c, box[:, 0], box[:, 1])
