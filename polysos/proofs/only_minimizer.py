"""Whether a proof shows that there is one minimizer only.

Where f takes the bound, every term of the identity is 0, also v^T Q_0 v, and then Q_0 v = 0 since
Q_0 >= 0. So a polynomial with coefficients in the range of Q_0 is 0 at every minimizer. If each
x_i - x_i* is such a polynomial, there is no other minimizer than x*.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import fmpq, fmpq_mat

from .exact import independent_rows, to_fmpq
from .proof import Proof

_LONGEST = 50_000  # bits of all entries: more would take seconds


def is_only_minimizer(proof: Proof, x: Sequence[Fraction]) -> bool:
    """Show that no other feasible point has a value as small as that of x.

    Parameters
    ----------
    proof : Proof
        Verified.
    x : sequence of Fraction
        A feasible point. If its value is not the bound, exactly, nothing is shown.

    Returns
    -------
    bool
        False where it does not follow in this way, or the numbers are too long: there may be
        others, or not.

    Examples
    --------
    >>> import polysos as ps
    >>> x, y = ps.variables(2)
    >>> proof = ps.minimize(ps.PolynomialProblem((x - 1) ** 2 + (y - x) ** 2)).proof
    >>> is_only_minimizer(proof, (Fraction(1), Fraction(1)))
    True
    >>> proof = ps.minimize(ps.PolynomialProblem((x**2 - 1) ** 2 + y**2)).proof
    >>> is_only_minimizer(proof, (Fraction(1), Fraction(0)))
    False
    """
    gram = proof.gram.get(())
    if gram is None or proof.bound is None or proof.problem.objective.exact()(x) != proof.bound:
        return False
    place = {tuple(alpha): row for row, alpha in enumerate(gram.basis.tolist())}
    n, s = proof.problem.n_variables, len(gram.basis)
    units = [tuple(int(i == j) for j in range(n)) for i in range(n)]
    if not {(0,) * n, *units} <= place.keys():
        return False
    Q = [[to_fmpq(v) for v in row] for row in gram.values.tolist()]
    if sum(int(v.p).bit_length() + int(v.q).bit_length() for row in Q for v in row) > _LONGEST:
        return False
    wanted = [[fmpq(0)] * n for _ in range(s)]  # a column for each x_i - x_i*, in scaled variables
    for i, unit in enumerate(units):
        wanted[place[unit]][i] = fmpq(1)
        wanted[place[(0,) * n]][i] = -to_fmpq((x[i] - proof.center[i]) / proof.scale[i])
    kept = independent_rows(Q)
    beside = _matrix([[row[j] for j in kept] for row in Q])
    within = _matrix([[Q[i][j] for j in kept] for i in kept])
    solution = within.solve(_matrix([wanted[i] for i in kept]))
    return beside * solution == _matrix(wanted)


def _matrix(rows) -> fmpq_mat:
    return fmpq_mat(len(rows), len(rows[0]), [v for row in rows for v in row])
