"""The identity of a proof, in exact arithmetic.

    d f = sum_j (v_j^T Q_j v_j) g_j + sum_i q_i h_i + remainder

in z with x = center + scale * z, and with the sides of a known box among the g_j.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ..algebra.problem import PolynomialProblem
from .exact import rational_sum, to_fmpq
from .region import Region


class Identity:
    """The identity of a proof, exactly, in z with x = center + scale * z."""

    def __init__(self, problem: PolynomialProblem, center, scale, region: Region):
        self.problem, self.center, self.scale, self.region = problem, center, scale, region
        self.ring = region.ring
        self.trivial = not any(center) and all(s == 1 for s in scale)
        self.x = self.ring.units(center, scale)
        self._changed: dict = {}

    def change(self, p):
        """A polynomial in x, as the ring reads it, rewritten in z."""
        return p if self.trivial else p.compose(*self.x, ctx=self.ring.ctx)

    def inequality(self, j: int):
        """g_j in z; beyond the problem's inequalities come the sides of the known box."""
        if j not in self._changed:
            m = len(self.problem.inequalities)
            g = self.ring.read(self.problem.inequalities[j]) if j < m else self.region.side(j - m)
            self._changed[j] = self.change(g)
        return self._changed[j]

    def denominator(self, source):
        one = self.ring.ctx.constant(1)
        return one if source.denominator is None else self.ring.read(source.denominator)

    def gram_polynomial(self, basis: np.ndarray, Q):
        rows, terms = basis.tolist(), {}
        for i, a in enumerate(rows):
            for j, b in enumerate(rows[: i + 1]):
                if Q[i][j] != 0:
                    alpha = tuple(p + q for p, q in zip(a, b, strict=True))
                    terms.setdefault(alpha, []).append(Q[i][j] if i == j else 2 * Q[i][j])
        return self.ring.polynomial({alpha: rational_sum(c) for alpha, c in terms.items()})

    def remainder(self, source, gram):
        """d f - sum_j sigma_j g_j - sum_i q_i h_i, for a Proof or a draft of one."""
        ring, problem = self.ring, self.problem
        f, m = ring.read(problem.objective), len(problem.inequalities)
        rest, linear = ring.ctx.constant(0), ring.ctx.constant(0)
        if source.denominator is None:
            linear += f
        else:
            rest += self.denominator(source) * self.change(f)
        for key, Q in gram.items():
            if source.gram[key].is_constant and len(key) == 1 and key[0] < m:
                # Constant multipliers are summed up first: one change of variables is enough.
                linear -= Q[0][0] * ring.read(problem.inequalities[key[0]])
            else:
                sigma = self.gram_polynomial(source.gram[key].basis, Q)
                rest -= prod((self.inequality(j) for j in key), start=sigma)
        for q, h in zip(source.equality_multipliers, problem.equalities, strict=True):
            if q.degree == 0:
                linear -= to_fmpq(q.exact().constant_term) * ring.read(h)
            else:
                rest -= ring.read(q) * self.change(ring.read(h))
        return rest + self.change(linear)

    def smallest(self, p):
        """A lower bound of p on the region, term by term; -inf where there is none."""
        return self.region.smallest(p, self.center, self.scale)
