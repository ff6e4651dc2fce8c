"""Polynomial optimization problems: minimize f(x) over g(x) >= 0 and h(x) == 0."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from math import inf
from numbers import Real

from ..checks import check_pairs, check_sequence
from .polynomials import Polynomial


@dataclass(frozen=True, repr=False)
class PolynomialProblem:
    """Minimize f(x) subject to g(x) >= 0 for the inequalities and h(x) == 0 for the equalities.

    To maximize f, minimize -f. A constant objective asks for a feasible point.

    Parameters
    ----------
    objective : Polynomial or number
        f. A number needs at least one constraint, which says how many variables there are.
    inequalities, equalities : sequence of Polynomial
        g and h, in the same variables.

    Raises
    ------
    TypeError, ValueError
        If something is not a polynomial, or the numbers of variables differ.

    Examples
    --------
    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> problem = PolynomialProblem(x * y, inequalities=[1 - x**2 - y**2])
    >>> problem.constraint_degree, problem.minimum_order
    (1, 1)
    """

    objective: Polynomial
    inequalities: Sequence[Polynomial] = field(default=())
    equalities: tuple[Polynomial, ...] = field(default=())

    def __post_init__(self):
        for name in ("inequalities", "equalities"):
            constraints = getattr(self, name)
            if isinstance(constraints, Polynomial):
                raise TypeError(f"{name} must be a list of Polynomial, got one Polynomial")
            constraints = tuple(check_sequence(name, constraints))
            for g in constraints:
                if not isinstance(g, Polynomial):
                    hint = ": write x - 2 for x == 2" if isinstance(g, bool) else ""
                    raise TypeError(f"{name} must hold Polynomial objects, got {g!r}{hint}")
            object.__setattr__(self, name, constraints)
        f, constraints = self.objective, self.inequalities + self.equalities
        for p in (f, *constraints):
            _check_size(p)
        if isinstance(f, Real) and not isinstance(f, bool) and constraints:
            f = Polynomial.constant(f, constraints[0].n_variables, constraints[0].names)
            object.__setattr__(self, "objective", f)
        if not isinstance(f, Polynomial):
            raise TypeError(f"objective must be a Polynomial, got {f!r}")
        for g in constraints:
            if g.n_variables != f.n_variables:
                raise ValueError(
                    f"constraints must have the objective's {f.n_variables} variables, "
                    f"got one with {g.n_variables}"
                )

    @property
    def n_variables(self) -> int:
        return self.objective.n_variables

    @property
    def constraint_degree(self) -> int:
        """d_K = max(1, largest ceil(deg / 2) over the constraints)."""
        degrees = [g.degree for g in self.inequalities + self.equalities]
        return max(1, -(-max(degrees, default=0) // 2))

    @property
    def minimum_order(self) -> int:
        """k0 = max(d_K, ceil(deg f / 2)), the smallest relaxation order."""
        return max(self.constraint_degree, -(-self.objective.degree // 2))

    def with_inequality(self, g: Polynomial) -> PolynomialProblem:
        """The same problem with one inequality more, put last."""
        return PolynomialProblem(self.objective, (*self.inequalities, g), self.equalities)

    def with_objective(self, f: Polynomial) -> PolynomialProblem:
        """Another objective on the same feasible set, whose description is not checked again."""
        new = copy(self)
        object.__setattr__(new, "objective", PolynomialProblem(f, self.inequalities[:1]).objective)
        return new

    def within(self, bounds: Sequence) -> PolynomialProblem:
        """The same problem with (upper_i - x_i)(x_i - lower_i) >= 0 for every variable.

        A bounded feasible set makes proofs easier: give bounds wherever you know some.

        Parameters
        ----------
        bounds : (lower, upper), or one such pair a variable
            Finite, lower < upper; unchanged where a variable's pair is None.

        Examples
        --------
        >>> from polysos import variables
        >>> x, y = variables(2)
        >>> PolynomialProblem(x * y).within([(-1, 1), None])
        minimize x1*x2
        subject to -x1^2 + 1 >= 0
        """
        f, added = self.objective, []
        for i, pair in enumerate(check_pairs("bounds", bounds, f.names)):
            if pair is None:
                continue
            lower, upper = pair
            if not -inf < lower < upper < inf:
                raise ValueError(f"bounds[{i}] must be finite, got {pair}")
            unit = tuple(int(i == j) for j in range(self.n_variables))
            x = Polynomial({unit: 1}, self.n_variables, f.names)
            added.append((upper - x) * (x - lower))
        return PolynomialProblem(f, (*self.inequalities, *added), self.equalities)

    def _repr_latex_(self):
        lines = [rf"\min \quad & {self.objective.latex()}"]
        lines += [rf"\text{{s.t.}} \quad & {g.latex()} \ge 0" for g in self.inequalities[:1]]
        lines += [rf"& {g.latex()} \ge 0" for g in self.inequalities[1:]]
        lines += [rf"& {h.latex()} = 0" for h in self.equalities]
        return r"$\displaystyle \begin{aligned}" + r"\\".join(lines) + r"\end{aligned}$"

    def __repr__(self):
        text = f"minimize {self.objective!r}"
        rows = [f"{g!r} >= 0" for g in self.inequalities] + [f"{h!r} == 0" for h in self.equalities]
        return text + ("\nsubject to " + "\n           ".join(rows) if rows else "")


def _check_size(p) -> None:
    """Raise where a coefficient is so large or small that its products leave the floats."""
    for c in p.coefficients.tolist() if isinstance(p, Polynomial) else ():
        try:
            size = abs(c if isinstance(c, float) else c.numerator / c.denominator)
        except OverflowError:
            size = inf
        if not 1e-100 < size < 1e100:
            raise ValueError(
                f"coefficients must have sizes between 1e-100 and 1e100: change units; got {p!r}"
            )
