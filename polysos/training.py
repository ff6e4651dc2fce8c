"""Training a network to proven global optimality.

A candidate comes from local methods. A box that provably holds every better point comes from linear
programs, and shrinks by more of them until the proven bound meets the loss of the candidate. Where
this stalls, the box is split and parts of it are excluded.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction
from math import comb, inf, isfinite, nextafter
from numbers import Real

import numpy as np
from scipy.linalg import qr

from .box_bounds import BoxProgram, tighten_box
from .chain import Chain, trivial_proof
from .checks import check_positive, check_sequence, check_type
from .first_box import find_first_box, is_determined
from .hierarchy import Outcome, minimize
from .networks import PolynomialNetwork
from .polynomials import Polynomial
from .problem import PolynomialProblem
from .proofs import Proof
from .recovery import linear_start, polish
from .residuals import LOSSES, Residuals, compile_residuals
from .splitting import exclude_all

METHODS = ("tighten", "hierarchy")
_SMALL = 1e-9  # of the size of the outputs: losses below count as perfect fits
_ROUNDS = 60
_RESTARTS = 8
_RANDOM_STARTS = 24
_FEW = 100  # residuals: with more of them a proof is about the largest only
_MATTERS = 20
_DENSE = 130  # moments: a dense relaxation of this size takes a second


@dataclass(frozen=True, eq=False)
class Fit:
    """Result of `fit`.

    Attributes
    ----------
    coefficients : array, shape (n_coefficients,)
        The best found.
    names : tuple of str
        Their names.
    loss : float
        Theirs, computed exactly and rounded up.
    lower_bound : float
        No coefficients have a smaller loss: proven, rounded down.
    status : Outcome
        "certified": the relative gap is at most the tolerance. "bound": it is not.
    minimizers : array, shape (k, n_coefficients)
        All that were found to reach the loss, if certified; the message says whether there may be
        more.
    box : array, shape (n_coefficients, 2)
        Every coefficient vector at least as good lies in it, provably; infinite where unknown.
    proof : Proof
        Exact, about the stored F and targets: `proof.verify()`. Of many residuals it uses only
        some: the largest of these is no larger than the largest of all.
    rounding : float
        F and targets are rounded when they are computed from the data. On the box (or at the
        coefficients, where it is infinite) this changes the loss by no more than `rounding`; for
        squares, the root of the loss.
    message : str
    seconds : float
    """

    coefficients: np.ndarray
    names: tuple[str, ...]
    loss: float
    lower_bound: float
    status: Outcome
    minimizers: np.ndarray = field(repr=False)
    box: np.ndarray = field(repr=False)
    proof: Proof = field(repr=False)
    message: str
    seconds: float
    residuals: Residuals = field(repr=False)

    @property
    def certified(self) -> bool:
        return self.status is Outcome.CERTIFIED

    @property
    def gap(self) -> float:
        """(loss - lower_bound) / max(loss, scale); scale is the loss of residuals 1e-9 * outputs.

        So perfect fits, whose loss is rounding alone, count as proven, too.
        """
        return relative_gap(self.residuals, self.loss, self.lower_bound)

    @property
    def rounding(self) -> float:
        known = np.isfinite(self.box).all()
        size = np.abs(self.box).max(axis=1) if known else np.abs(self.coefficients)
        return self.residuals.rounding(size)

    def summary(self) -> str:
        """A short report.

        >>> net = PolynomialNetwork([[[1.0]], [[1.0], [2.0]]], degrees=(1,))
        >>> print(fit(net, [[1.0], [3.0]], [[1.0, 2.0], [5.0, 10.0]]).summary().splitlines()[0])
        certified: the loss is 0, and no coefficients do better
        """
        head = {
            Outcome.CERTIFIED: f"certified: the loss is {self.loss:.6g}, and no coefficients do "
            "better" + ("" if self.loss == 0 else f" by more than {self.gap:.1e} of it"),
            Outcome.BOUND: f"not certified: the loss is {self.loss:.6g}, proven is only that none "
            f"is below {self.lower_bound:.6g}",
        }[self.status]
        rows = [
            f"  {name} = {v: .9g}" for name, v in zip(self.names, self.coefficients, strict=True)
        ]
        return "\n".join([head, *rows, f"  {self.message}", f"  {self.seconds:.2f} s"])

    def _repr_html_(self):
        rows = {
            "status": self.status,
            "loss": f"{self.loss:.9g}",
            "proven lower bound": f"{self.lower_bound:.9g}",
            "relative gap": f"{self.gap:.1e}",
            **{n: f"{v:.9g}" for n, v in zip(self.names, self.coefficients, strict=True)},
            "message": self.message,
            "seconds": f"{self.seconds:.2f}",
        }
        cells = "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in rows.items())
        return f"<table>{cells}</table>"


def fit(
    net: PolynomialNetwork,
    inputs,
    outputs,
    loss: str = "mean-sup",
    method: str = "tighten",
    bounds=None,
    tolerance: float = 1e-6,
    time_limit: float | None = None,
    verbose: bool = False,
) -> Fit:
    """Find the coefficients of the activations that minimise a loss, with proof.

    Parameters
    ----------
    net : PolynomialNetwork
    inputs : array, shape (N, m_0)
    outputs : array, shape (N, m_out)
    loss : str
        With r_i = f(x_i; c) - y_i and their mean r over the samples: "mean-sup" is max_j |r_j|,
        the paper's (1.3); "mean-squares" is |r|_2^2; "sample-sup" is max_ij |(r_i)_j|;
        "sample-squares" is (1/N) sum_i |r_i|_2^2.
    method : str
        "tighten": linear programs on boxes that shrink. "hierarchy": the paper's dense moment
        relaxations, order by order (`minimize`), for comparison.
    bounds : optional
        (lower, upper) for all coefficients, or such a pair (or None) for each; or one positive
        number: the radius of a ball around 0.
    tolerance : float
        "certified" means a relative gap of at most this.
    time_limit : float, optional
        Seconds, after which no new step is begun.
    verbose : bool
        Print a line for every step.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; the message says what is required.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> net = PolynomialNetwork(rng.standard_normal((3, 12, 12)), degrees=(2, 1))
    >>> inputs, noise = rng.standard_normal((30, 12)), 0.01 * rng.standard_normal(12)
    >>> f = fit(net, inputs, net([1.0, -0.5, 0.3, 2.0], inputs) + noise)
    >>> f.certified, f.proof.verify(), np.round(f.coefficients, 1).tolist()
    (True, True, [1.0, -0.5, 0.3, 2.0])
    """
    start = time.perf_counter()
    check_type("net", net, PolynomialNetwork)
    for name, value, allowed in (("loss", loss, LOSSES), ("method", method, METHODS)):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    check_positive("tolerance", tolerance)
    if time_limit is not None:
        check_positive("time_limit", time_limit)
    inputs, outputs = net.check_data(inputs, outputs)
    given = _read_bounds(bounds, net)
    r = compile_residuals(net, inputs, outputs, loss)
    training = Training(r, given, tolerance, start, time_limit, verbose)
    training.run() if method == "tighten" else training.climb()
    return training.result()


def relative_gap(r: Residuals, loss: float, bound: float) -> float:
    size = max(loss, negligible(r))
    return (loss - bound) / size if size > 0 else 0.0


def independent_rows(matrix: np.ndarray) -> np.ndarray:
    """Rows that span what all rows span, well conditioned (QR with pivoting)."""
    size = np.linalg.norm(matrix, axis=0)
    _, _, order = qr((matrix / np.where(size > 0, size, 1.0)).T, mode="economic", pivoting=True)
    return order[: matrix.shape[1]]


def negligible(r: Residuals) -> float:
    """A loss that is nothing beside the outputs: residuals 1e-9 times their size."""
    return r.scale * (_SMALL**2 if r.squares else _SMALL)


class Training:
    """The state of one fit: the best coefficients, the best proof, and what is known of them."""

    def __init__(self, r: Residuals, given, tolerance, start, time_limit, verbose):
        self.r, self.tolerance = r, tolerance
        self.start, self.time_limit, self.verbose = start, time_limit, verbose
        self.own_box, self.radius = given
        self.c, self.loss = np.zeros(r.n_coefficients), inf
        self.others: list[np.ndarray] = []
        self.choose(np.arange(len(r.targets)) if r.squares else np.arange(_FEW))
        self.proof = trivial_proof(self.part, self.problem)
        self.box = np.tile([-inf, inf], (r.n_coefficients, 1))
        self.notes: list[str] = []

    def choose(self, rows: np.ndarray) -> None:
        """The residuals that the proof is about: all where there are few, else the largest.

        The largest of some residuals is no larger than that of all, so a bound of it is one.
        """
        few = len(self.r.targets) <= _FEW or self.r.squares
        self.rows = np.arange(len(self.r.targets)) if few else np.unique(rows)
        self.part = self.r if few else self.r.restricted(self.rows)
        given = self.own_box, self.radius
        self.problem = _within(self.part.problem(), given, self.r.n_coefficients)

    def add_rows(self, c: np.ndarray) -> bool:
        """Add the residuals that are largest at c; False if the proof has all that matter."""
        largest = np.argsort(-np.abs(self.r(c)))[: max(_FEW, 5 * len(self.r.exponents))]
        if np.isin(largest[:_MATTERS], self.rows).all():
            return False
        self.choose(np.union1d(self.rows, largest))
        return True

    # The plan

    def run(self) -> None:
        self.improve(linear_start(self.r))
        if not is_determined(self.r):
            self.look_around()
        if len(self.rows) < len(self.r.targets):
            self.choose(independent_rows(self.r.matrix))
            self.add_rows(self.c)
        for _ in range(_RESTARTS):
            before, rows = self.loss, len(self.rows)
            self.prove()
            if self.finished() or not (self.loss < before or len(self.rows) > rows):
                break
        self.report("done")

    def prove(self) -> None:
        """Bounds, smaller boxes and better bounds, for the candidate at hand."""
        level, rows = self.loss, len(self.rows)
        if self.is_tight():  # a perfect fit: where are all that are nearly as good?
            level = max(level, negligible(self.r))
        chain = self.chain(level if level > 0 else 1.0)
        linear = find_first_box(chain, self.c)
        self.box = chain.box
        self.report(f"first box, largest width {np.diff(chain.box).max():.3g}")
        if self.is_tight():
            return
        if linear is not None:
            found = linear.smallest_loss()
            if found is not None and not np.isfinite(chain.box).all():
                self.keep(chain.loss_bound(found))
        if not np.isfinite(chain.box).all():
            self.without_a_box()
            return
        if self.tighten(chain) or self.finished() or len(self.rows) > rows:
            return
        if self.is_better_than(chain) or self.is_certified():
            return  # perhaps to prove anew, at the better level
        self.split()
        if not self.is_certified() and not self.is_better_than(chain):
            self.look_around()

    def tighten(self, chain: Chain) -> bool:
        """Shrink the box until the bound meets the loss; False where that stalls.

        Also False as soon as much better coefficients turn up: a chain at their level is worth it.
        """
        estimate, thorough = inf, False
        for _ in range(_ROUNDS):
            last, (estimate, point) = estimate, self.bound(chain, thorough)
            if self.is_tight():
                self.box = chain.box
                return True
            before = np.diff(chain.box, axis=1)
            tighten_box(chain, thorough)
            self.box = chain.box
            after = np.diff(chain.box, axis=1)
            self.report(f"smaller box, largest width {after.max():.3g}; gap about {estimate:.2g}")
            stalls = not (after < 0.8 * before).any() and not estimate < 0.5 * last
            if stalls and point is not None:
                self.improve(point)
                if self.add_rows(point):
                    return False
            better = self.loss < 0.999 * float(chain.level)
            better = better or (stalls and self.is_better_than(chain))
            if self.late() or better or (stalls and thorough):
                return False
            thorough = thorough or stalls
        return False

    def bound(self, chain: Chain, thorough: bool):
        """Bound the loss on the box, keep the proof if it is good: (rough gap, where it is)."""
        program = BoxProgram(chain, thorough)
        found = program.smallest_loss()
        if found is None:
            return inf, None
        point = program.coefficients(found.point)
        if self.r.loss(point) < self.loss:
            self.improve(point)
        gap = relative_gap(self.r, self.loss, found.value)
        if gap < 0.1:
            self.keep(chain.loss_bound(found))
        return gap, point

    def split(self) -> None:
        """Show that no loss lies below one that is a little smaller than ours."""
        level = self.loss - 0.5 * self.tolerance * max(self.loss, negligible(self.r))
        if not level > 0:
            return
        chain = self.chain(level)
        find_first_box(chain, self.c)
        if not chain.region.is_empty and not np.isfinite(chain.box).all():
            return

        def try_point(c: np.ndarray) -> bool:
            self.improve(c)
            return not self.late() and not self.loss < level

        proof = exclude_all(chain, try_point, self.report)
        if proof is not None:
            self.keep(proof)

    def without_a_box(self) -> None:
        """The residuals do not bound the coefficients: only small problems can be proven."""
        unbounded = [
            name
            for name, (low, high) in zip(self.r.names, self.box, strict=True)
            if not isfinite(low) or not isfinite(high)
        ]
        self.notes.append(
            f"the data do not determine {', '.join(unbounded)}: no box around the better "
            "coefficients could be derived; give bounds, or more outputs. (A layer whose true "
            "constant is 0 lies outside the normalisation, and one that is dead in front of it "
            "leaves no trace: then coefficients drift or do not matter)"
        )
        if not self.is_certified():
            self.look_around()
        if not self.is_certified() and self.dense_size() <= _DENSE:
            self.climb()

    def climb(self) -> None:
        """The paper's dense hierarchy."""
        r = self.r
        problem = _within(r.problem(), (self.own_box, self.radius), r.n_coefficients)
        if r.squares:
            problem = _within(_squares_problem(r), (self.own_box, self.radius), r.n_coefficients)
        left = None
        if self.time_limit is not None:
            left = max(self.time_limit - (time.perf_counter() - self.start), 1e-3)
        if not self.others:
            self.improve(linear_start(r))
        found = minimize(problem, time_limit=left, verbose=self.verbose)
        for x in found.minimizers:
            self.improve(x[: r.n_coefficients])
        if isinstance(found.proof, Proof) and found.proof.holds:
            self.keep(found.proof)
        orders = ", ".join(f"{h.order} ({h.status})" for h in found.history)
        self.notes.append(f"dense relaxations of order {orders}: {found.status}")

    # Steps

    def chain(self, level: float) -> Chain:
        return Chain(self.part, self.problem, Fraction(level))

    def improve(self, start: np.ndarray) -> None:
        """Polish a start and keep it if it is better, or as good and elsewhere."""
        c = polish(self.r, start, self.own_box, self.radius)
        if not np.isfinite(c).all() or not isfinite(self.r.loss(c)):
            return
        self.others.append(c)
        for candidate in (c, *(self.inside(np.round(c, digits)) for digits in (9, 6))):
            # perhaps the coefficients are short decimals, and their loss is zero
            if self.r.loss(candidate) > self.loss:
                continue
            exact = self.r.exact_loss(candidate)
            loss = float(exact) if Fraction(float(exact)) >= exact else nextafter(float(exact), inf)
            if loss < self.loss:
                self.c, self.loss = candidate, loss

    def inside(self, c: np.ndarray) -> np.ndarray:
        """c, moved into the bounds if it left them by rounding."""
        if self.own_box is not None:
            c = np.clip(c, self.own_box[:, 0], self.own_box[:, 1])
        if self.radius is not None and np.linalg.norm(c) > self.radius:
            c = c * (self.radius * (1 - 1e-15) / np.linalg.norm(c))
        return c

    def look_around(self) -> None:
        """Random starts: for a better candidate, and for other minimizers."""
        rng, box = np.random.default_rng(len(self.others)), self.own_box
        for _ in range(_RANDOM_STARTS):
            if self.late():
                return
            start = rng.standard_normal(self.r.n_coefficients)
            if box is not None:
                known = np.isfinite(box).all(axis=1)
                start[known] = rng.uniform(box[known, 0], box[known, 1])
            self.improve(start)

    def keep(self, proof: Proof) -> None:
        if proof.bound > self.proof.bound:
            self.proof = proof

    def report(self, what: str) -> None:
        if self.verbose:
            spent, bound = time.perf_counter() - self.start, self.proof.lower_bound
            print(f"{spent:7.2f} s  {what}; loss {self.loss:.9g}, proven bound {bound:.9g}")

    # Where we stand

    def dense_size(self) -> int:
        """Moments of the first dense relaxation."""
        n, k = self.problem.n_variables, self.problem.minimum_order
        return comb(n + 2 * k, n)

    def is_certified(self) -> bool:
        return relative_gap(self.r, self.loss, self.proof.lower_bound) <= self.tolerance

    def is_tight(self) -> bool:
        """Certified, and relative to the loss itself as far as floats can tell."""
        room = max(self.tolerance * self.loss, self.r.resolution(self.c))
        return self.is_certified() and self.loss - self.proof.lower_bound <= room

    def is_better_than(self, chain: Chain) -> bool:
        """Whether better coefficients have turned up than those the chain was begun with."""
        return self.loss < (1 - self.tolerance) * float(chain.level)

    def late(self) -> bool:
        return self.time_limit is not None and time.perf_counter() - self.start > self.time_limit

    def finished(self) -> bool:
        return self.is_tight() or self.late()

    def minimizers(self) -> np.ndarray:
        """The different coefficients found whose loss meets the bound."""
        kept: list[np.ndarray] = []
        for c in [self.c, *self.others]:
            gap = relative_gap(self.r, self.r.loss(c), self.proof.lower_bound)
            far = all(np.abs(c - k).max() > 1e-4 * (1 + np.abs(k).max()) for k in kept)
            if far and (c is self.c or gap <= self.tolerance):
                kept.append(c)
        return np.array(kept)

    def result(self) -> Fit:
        if not self.proof.verify():  # never seen; but nothing unverified leaves this function
            self.proof = trivial_proof(self.part, self.problem)
        certified = self.is_certified()
        minimizers = self.minimizers() if certified else np.empty((0, self.r.n_coefficients))
        return Fit(
            coefficients=self.c,
            names=self.r.names,
            loss=self.loss,
            lower_bound=self.proof.lower_bound,
            status=Outcome.CERTIFIED if certified else Outcome.BOUND,
            minimizers=minimizers,
            box=self.box,
            proof=self.proof,
            message="; ".join([self.message(certified, len(minimizers)), *self.notes]),
            seconds=time.perf_counter() - self.start,
            residuals=self.r,
        )

    def message(self, certified: bool, found: int) -> str:
        late = "stopped by the time limit; " if self.late() and not certified else ""
        if not certified:
            return f"{late}the lower bound is proven, but no coefficients are known to meet it"
        width = np.diff(self.box).max()
        if found > 1:
            return f"{found} different minimizers were found; there may be more"
        if isfinite(width):
            return (
                "all coefficients at least as good lie in a proven box around these, of width at "
                f"most {width:.1g}"
            )
        return "there may be other coefficients as good as these"


def _read_bounds(bounds, net: PolynomialNetwork):
    """(box (n, 2) or None, radius or None) from the argument."""
    n = net.n_coefficients
    if bounds is None:
        return None, None
    if isinstance(bounds, Real):
        check_positive("bounds", bounds)
        return np.tile([-float(bounds), float(bounds)], (n, 1)), float(bounds)
    pairs = check_sequence("bounds", bounds)
    if len(pairs) == 2 and all(isinstance(end, Real) for end in pairs):
        pairs = [tuple(pairs)] * n
    if len(pairs) != n:
        raise ValueError(
            f"bounds must be a pair, a radius or {n} pairs, one for each of "
            f"{net.coefficient_names}, got {len(pairs)}"
        )
    box = np.tile([-inf, inf], (n, 1))
    for i, pair in enumerate(pairs):
        if pair is None:
            continue
        ends = check_sequence(f"bounds[{i}]", pair)
        if len(ends) != 2 or not all(isinstance(v, Real) for v in ends) or not ends[0] < ends[1]:
            raise ValueError(
                f"bounds[{i}] must be a pair (lower, upper), lower < upper, got {pair}"
            )
        box[i] = ends
    return box, None


def _within(problem: PolynomialProblem, given, n: int) -> PolynomialProblem:
    """The problem with the bounds of its first n variables as inequalities."""
    box, radius = given
    if box is None:
        return problem
    names = problem.objective.names
    x = [
        Polynomial({tuple(int(i == k) for k in range(len(names))): 1.0}, len(names), names)
        for i in range(n)
    ]
    added = [v - low for v, low in zip(x, box[:, 0].tolist(), strict=True) if isfinite(low)]
    added += [high - v for v, high in zip(x, box[:, 1].tolist(), strict=True) if isfinite(high)]
    if radius is not None:
        added.append(Fraction(radius) ** 2 - sum((v * v for v in x), 0 * x[0]))
    return PolynomialProblem(problem.objective, (*problem.inequalities, *added), problem.equalities)


def _squares_problem(r: Residuals) -> PolynomialProblem:
    """The sum of squares as a polynomial in c alone."""
    table = np.column_stack([r.matrix, -r.targets])
    exponents = np.vstack([r.exponents, np.zeros((1, r.n_coefficients), dtype=int)])
    sums = (exponents[:, None, :] + exponents[None, :, :]).reshape(-1, r.n_coefficients)
    return PolynomialProblem(Polynomial.from_arrays(sums, (table.T @ table).ravel(), r.names))
