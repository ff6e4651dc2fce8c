"""Hostile problems with known answers, most of them derived by hand.

The traps: points that satisfy every constraint to 1e-6 have values far below the minimum, or there
is no feasible point at all. Others are degenerate, badly scaled, or have their infimum at infinity.
"""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

import polysos as ps
from tests.problems import Case, finite

Problem = ps.PolynomialProblem
TINY = Fraction(1, 10**7)


def _chebyshev(degree, t):
    before, p = 1 + 0 * t, t
    for _ in range(degree - 1):
        before, p = p, 2 * t * p - before
    return p


def _product(factors):
    total = factors[0]
    for p in factors[1:]:
        total = total * p
    return total


def _traps() -> list[Case]:
    (t,) = ps.variables(1)
    x, y = ps.variables(2)
    motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    a = ps.variables(6)
    numbers = (31, 52, 83, 47, 96, 74)  # the best partition of them differs by 7
    difference = sum((k * v for k, v in zip(numbers, a, strict=True)), 0 * a[0])
    return [
        # Mixed-integer models: 1 and 0 with a large constant.
        finite("on_off_capacity", Problem(5 * t, [1e8 * t - 20], [t * (t - 1)]), 5, [[1]]),
        finite("big_m_cost", Problem(100 * x + y, [1e8 * x - y, y - 5], [x**2 - x]), 105, [[1, 5]]),
        finite("big_m", Problem(x, [1e7 * x - y], [x**2 - x, y - 1]), 1, [[1, 1]]),
        finite("binary_and_positive", Problem(t, [t - 1e-7], [t**2 - t]), 1, [[1]]),
        finite("binary_and_more", Problem(t, [t - 1e-5], [t**2 - t]), 1, [[1]]),
        # A piece of the set that is missed by a hair.
        finite("cubic_in_a_box", Problem(t, [t**3 - t**2 - 1e-7]).within((0, 2)), 1.00000009999998),
        finite("cubic_on_a_ray", Problem(t, [t, t**3 - t**2 - 1e-7]), 1.00000009999998),
        finite("slope", Problem(t, [-(t**2) * (t - 1) ** 2 - 1e-9 * (1 - t)]), 1, [[1]]),
        finite("parabola_and_gap", Problem(t, [t, 1 - t, t * (t - 0.5) - 1e-8]), 0.50000002),
        finite(
            "cone_in_a_box",
            Problem(x + y, [(x**2 + y**2) * (x - 1) - 1e-7]).within((0, 2)),
            1.00000009999998,
        ),
        finite("complex_pair", Problem(t, [t], [(t**2 + TINY) * (t - 1)]), 1, [[1]]),
        # No point at all.
        Case("double_root_lifted", Problem(0 * t, [], [(t**2 - 1) ** 2 + 1e-7]), "infeasible"),
        Case("double_root_and_y", Problem(y, [y], [(x**2 - 1) ** 2 + 1e-7]), "infeasible"),
        Case(
            "two_squares", Problem(x, [], [(x**2 - 1) ** 2 + (y**2 - 1) ** 2 + 1e-9]), "infeasible"
        ),
        Case("motzkin_below", Problem(0 * x, [-motzkin - 1e-7]).within((-2, 2)), "infeasible"),
        Case("motzkin_equal", Problem(0 * x, [], [motzkin + 1e-7]), "infeasible"),
        Case("line_by_hyperbola", Problem(0 * x, [], [x * y - 1, x + y - 2 + 1e-9]), "infeasible"),
        Case("empty_ring", Problem(t, [t**2 - 1, 1 - 1e-9 - t**2]), "infeasible"),
        Case("cube_and_ray", Problem(t, [t**3 - 8, 2 - 1e-10 - t]), "infeasible"),
        Case(
            "bumps_missed",
            Problem(t, [t, 3 - t, -((t - 1) ** 2) * (t - 2) ** 2 - 1e-8]),
            "infeasible",
        ),
        # An objective so small that the tolerance is larger than all its values.
        Case("small_valley", Problem(1e-9 * ((x * y - 1) ** 2 + y**2)), "not_attained", 0),
        finite(
            "small_partition", Problem(1e-10 * difference**2, [], [v**2 - 1 for v in a]), 4.9e-9
        ),
    ]


def _others() -> list[Case]:
    (t,) = ps.variables(1)
    x, y = ps.variables(2)
    a, b, c = ps.variables(3)
    v = ps.variables(4)
    powell = (v[0] + 10 * v[1]) ** 2 + 5 * (v[2] - v[3]) ** 2
    powell = powell + (v[1] - 2 * v[2]) ** 4 + 10 * (v[0] - v[3]) ** 4
    circle = x**2 + y**2 - 1
    return [
        # Degenerate sets.
        finite("point_by_square", Problem(t, [-((t - 1) ** 2)]), 1, [[1]]),
        finite("point_by_fourth_power", Problem(t, [-((t - 1) ** 4)]), 1),
        finite("isolated_point", Problem((t - 7) ** 2, [t**2 * (t - 10)]), 9, [[10]]),
        finite("point_or_ray", Problem(-t, [t**2 * (t - 10), 5 - t, t + 5]), 0, [[0]]),
        finite("tangent_circles", Problem(y, [], [circle, (x - 2) ** 2 + y**2 - 1]), 0, [[1, 0]]),
        finite("circle_squared", Problem(x, [], [circle**2]), -1, [[-1, 0]]),
        finite("no_slater_point", Problem((y - 1) ** 2 + x, [-(x**2)]), 0, [[0, 1]]),
        finite("swallowtail", Problem(y, [x**2, y**3 - x**2]), 0, [[0, 0]]),
        finite("constant_on_circle", Problem(x**2 + y**2, [], [circle]), 1),
        finite("sphere", Problem(-a * b * c, [], [a**2 + b**2 + c**2 - 1]), -1 / (3 * sqrt(3))),
        # Integers.
        finite(
            "integers", Problem((t - 2.4) ** 2, [], [_product([t - i for i in range(5)])]), 0.16
        ),
        finite(
            "grid",
            Problem((x - y - 0.5) ** 2, [], [x * (x - 1) * (x - 2), y * (y - 1) * (y - 2)]),
            0.25,
        ),
        finite(
            "signs",
            Problem(a + b + c, [], [a**2 - 1, b**2 - 1, c**2 - 1, a * b * c + 1]),
            -3,
            [[-1, -1, -1]],
        ),
        Case(
            "parity", Problem(0 * a, [], [a + b + c, *(u**2 - 1 for u in (a, b, c))]), "infeasible"
        ),
        # Many minimizers, or flat ones.
        finite("chebyshev12", Problem(_chebyshev(12, t)).within((-1, 1)), -1),
        finite("twice_a_sixth_power", Problem((t**2 - 1) ** 6), 0, [[-1], [1]]),
        finite("close_minimizers", Problem(((t - 1) * (t - 1.02) * (t + 1)) ** 2), 0),
        finite("powell", Problem(powell), 0, [[0, 0, 0, 0]]),
        # Far away, and in odd units.
        finite("far_square", Problem((t - 10**6) ** 2), 0, [[1e6]]),
        finite("far_parabola", Problem(t**2 + 1e7 * t), -2.5e13, [[-5e6]]),
        finite("far_paraboloid", Problem((x - 1e5) ** 2 + (y + 1) ** 2), 0, [[1e5, -1]]),
        finite("tiny_disk", Problem(x, [1e-14 - x**2 - y**2]), -1e-7),
        finite("steep", Problem(1e9 * x + y, [1 - x**2 - y**2]), -sqrt(1e18 + 1)),
        finite("flat", Problem(1e-12 * x).within((-1, 1)), -1e-12),
        finite("mixed_units", Problem(x * y, [x - 1e6, 1e6 + 1 - x, y - 1e-6, 2e-6 - y]), 1),
        finite("nearly_nothing", Problem(1e-99 * t**2), 0, [[0]]),
        finite("nearly_everything", Problem(1e98 * t**2, [t - 100]), 1e102),
        # The floats that were given, not the numbers that were meant.
        Case("floats_differ", Problem(t, [], [t - 0.3, t - (0.1 + 0.2)]), "infeasible"),
        # An infimum that no point attains.
        Case("valley", Problem(x**2 + (x * y - 1) ** 2 + 3), "not_attained", 3),
    ]


TRAPS = {case.name: case for case in _traps()}
OTHERS = {case.name: case for case in _others()}
