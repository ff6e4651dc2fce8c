"""Minimize with proof: climb the orders of the hierarchy until something is proven."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from ..algebra.problem import PolynomialProblem
from ..checks import check_positive, check_type
from ..progress import Progress
from ..proofs.descent_curve import DescentCurve
from ..proofs.feasible_points import FeasiblePoint
from ..proofs.proof import Proof
from ..relaxations.program import check_solver
from ..relaxations.relaxation import Relaxation, check_order
from . import advice
from .search import begin, search
from .standing import Standing


class Outcome(StrEnum):
    """What `minimize` has proven; nothing looser is ever reported."""

    CERTIFIED = "certified"
    APPROXIMATE = "approximate"
    BOUND = "bound"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, eq=False)
class Solution:
    """Result of `minimize`: what is proven, and the points that go with it.

    Attributes
    ----------
    status : Outcome
        "certified": a proven point whose value meets the proven bound. "approximate": a point that
        is feasible to a tolerance only does so. "bound": a proven bound and no such point.
        "infeasible", "unbounded": proven. "unresolved": none of these.
    value : float
        f at the best point found, rounded up: at a proven one where there is one (`points`). NaN
        where no point was found, -inf where f is unbounded.
    lower_bound : float
        The proven bound rounded down; NaN where there is none.
    minimizers : array, shape (k, n)
        Points whose values meet the bound; empty unless certified or approximate.
    points : tuple of FeasiblePoint
        Points that are proven feasible, exactly: `point.verify(problem)`. Where certified, the
        minimizers one by one, whose floats are near them; else the best one found, if any.
    proof : Proof, DescentCurve or None
        Exact and checkable on its own: `proof.verify()`.
    history : tuple of Relaxation
        The paper's relaxation at every order tried.
    message : str
        What is known and, where something is missing, what to try.
    seconds : float
    """

    status: Outcome
    value: float
    lower_bound: float
    minimizers: np.ndarray
    points: tuple[FeasiblePoint, ...] = field(repr=False)
    proof: Proof | DescentCurve | None = field(repr=False)
    history: tuple[Relaxation, ...] = field(repr=False)
    message: str
    seconds: float

    @property
    def gap(self) -> float:
        """``(value - lower_bound) / max(1, |value|)``: what `tolerance` is compared with."""
        return (self.value - self.lower_bound) / max(1.0, abs(self.value))

    @property
    def certified(self) -> bool:
        return self.status is Outcome.CERTIFIED

    def summary(self) -> str:
        """A short report.

        >>> from polysos import variables
        >>> (x,) = variables(1)
        >>> print(minimize(PolynomialProblem(x**2 - 2 * x)).summary().splitlines()[0])
        certified: value -1, proven lower bound -1
        """
        head = f"{self.status}: value {self.value:.9g}, proven lower bound {self.lower_bound:.9g}"
        rows = ["  (" + ", ".join(f"{v:.9g}" for v in row) + ")" for row in self.minimizers]
        return "\n".join([head, *rows, f"  {self.message}", f"  {self.seconds:.2f} s"])

    def _repr_html_(self):
        rows = {
            "status": self.status,
            "value": f"{self.value:.9g}",
            "proven lower bound": f"{self.lower_bound:.9g}",
            "minimizers": "<br>".join(
                "(" + ", ".join(f"{v:.6g}" for v in row) + ")" for row in self.minimizers
            ),
            "orders": ", ".join(f"{r.order}: {r.status}" for r in self.history),
            "seconds": f"{self.seconds:.2f}",
            "message": self.message,
        }
        cells = "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in rows.items())
        return f"<table>{cells}</table>"


def minimize(
    problem: PolynomialProblem,
    max_order: int | None = None,
    solver: str = "CLARABEL",
    tolerance: float = 1e-6,
    feasibility: float = 1e-6,
    time_limit: float | None = None,
    verbose: bool = False,
) -> Solution:
    """Minimize a polynomial subject to polynomial constraints, with proof.

    Climbs the hierarchy (3.3)-(3.4) of the paper (Lasserre 2001). At each order the multipliers
    are turned into an exact lower bound, and points are sought that meet it: by flat truncation
    (3.6) and extraction, and by local search. Where the relaxation would be large, blocks by
    variables and by terms are tried first. Polynomials in one variable without constraints need no
    relaxation: roots tell. Forms are multiplied by powers of x_1^2 + ... + x_n^2.

    Parameters
    ----------
    problem : PolynomialProblem
        To maximize f, minimize -f.
    max_order : int, optional
        Highest relaxation order k, at least k0; by default 4, or k0 where that is larger.
        Orders with more than 1000 moments are tried only under a time limit.
    solver : str
        A semidefinite solver that cvxpy finds: "CLARABEL", "SCS", ...
    tolerance : float
        Value and bound meet where they differ by ``tolerance * max(1, |value|)`` at most, and by
        no more than `tolerance` times the size of the objective: its largest coefficient, where
        the variables range over [-1, 1].
    feasibility : float
        Largest violation of a constraint (scaled to unit size) at a point that is nearly feasible.
        Such points are where the search for a proven point begins; alone they make a value
        "approximate", never "certified".
    time_limit : float, optional
        Seconds, after which no new step is begun; solvers that know a limit are told. A step that
        would take longer by an estimate is not begun.
    verbose : bool
        Print a line for every step.

    Returns
    -------
    Solution
        A solver that fails or is inaccurate never raises and never counts as success, and an order
        that does not fit into memory is left out; `message` says so.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range; the message says what is required.

    Examples
    --------
    >>> from polysos import variables
    >>> x, y = variables(2)
    >>> motzkin = x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1
    >>> s = minimize(PolynomialProblem(motzkin, [3 - x**2 - y**2]))
    >>> print(s.status, abs(s.lower_bound) < 1e-6, len(s.minimizers))
    certified True 4
    """
    progress = Progress(time_limit, verbose)
    check_type("problem", problem, PolynomialProblem)
    max_order = max(4, problem.minimum_order) if max_order is None else max_order
    check_order(problem, max_order, "max_order")
    check_solver(solver)
    check_positive("tolerance", tolerance)
    check_positive("feasibility", feasibility)
    steps = begin(problem, solver, float(tolerance), float(feasibility), progress)
    search(steps, max_order)
    if progress.is_late():
        progress.note(f"stopped by the time limit of {time_limit:g} s")
    return _conclude(steps.standing, progress)


def _conclude(standing: Standing, progress: Progress) -> Solution:
    """What the search has proven, in one of the six outcomes."""
    if standing.proof is not None and not standing.proof.verify(standing.problem):
        standing.proof = None  # never seen; but nothing unverified leaves this function
    standing.points.recheck(standing.bound)
    best, n = standing.points.best(standing.bound), standing.problem.n_variables
    listed, proof = [], standing.proof
    if isinstance(standing.verdict, DescentCurve):
        status, proof = Outcome.UNBOUNDED, standing.verdict
        message = f"f falls without end along {proof}, t -> infinity"
    elif standing.verdict is not None:
        status, proof = Outcome.INFEASIBLE, standing.verdict
        message = "a verified certificate shows that no point is feasible"
    elif standing.is_certified:
        status, listed = Outcome.CERTIFIED, standing.minimizers()
        message = advice.certified(standing, len(listed))
    elif standing.points.meeting(standing.bound, proven=False):
        status, listed = Outcome.APPROXIMATE, standing.minimizers(proven=False)
        message = advice.approximate(standing)
    elif proof is not None:
        status, message = Outcome.BOUND, advice.bound(standing)
    else:
        status, message = Outcome.UNRESOLVED, advice.unresolved(standing)
    points = listed if status is Outcome.CERTIFIED else [best] if best is not None else []
    value = min((point.value for point in listed or points), default=np.nan)
    bounded = status in (Outcome.CERTIFIED, Outcome.APPROXIMATE, Outcome.BOUND)
    return Solution(
        status=status,
        value={Outcome.UNBOUNDED: -np.inf, Outcome.INFEASIBLE: np.nan}.get(status, value),
        lower_bound=proof.lower_bound if bounded else np.nan,
        minimizers=np.array([point.x for point in listed]).reshape(-1, n),
        points=tuple(point.proven for point in points if point.proven is not None),
        proof=proof,
        history=tuple(standing.history),
        message="; ".join([message, *progress.notes]),
        seconds=progress.seconds,
    )
