"""polysos: polynomial optimization by the Moment-SOS hierarchy, with proofs.

Read the modules in this order; each imports only from the ones before it.

    checks         errors that name the argument, what is required and what came
    polynomials    sparse polynomials, monomial bases
    moments        Riesz functional, moment and localizing matrices
    problem        minimise f over g >= 0, h == 0
    box            a box that provably holds the feasible set
    exact          rationals, polynomials over them, positive semidefinite matrices
    exact_arrays   arrays of rationals over one denominator
    region         what is proven about a feasible set
    feasible_points  points proven feasible: rational, or a box that holds one
    scaling        units in which every number is of size one
    cost           memory and time of a relaxation, estimated before it is built
    generators     the blocks of a relaxation and their bases
    solvers        running a solver that may break down
    program        one relaxation as a semidefinite program
    faces          facial reduction: smaller bases where no Gram matrix is definite
    relaxation     the order-k relaxation and its dual
    flatness       numerical rank, flat truncation
    extraction     minimizers out of a flat moment matrix
    identity       the identity behind a proof
    proof_files    proofs as files, read strictly
    proofs         exact lower bounds, verified without a solver
    rounding       rationals near floats, remainders put back
    certificates   from a solver's multipliers to a proof
    sums_of_squares  is a polynomial a sum of squares: a proof either way
    convexity      KKT multipliers, the Lagrangian, SOS-convexity
    candidates     local search for feasible points
    near_points    from a nearly feasible point to a proven one
    points         the points of a search, and which of them count
    descent        proof that a problem is unbounded
    search         points from above, proofs from below
    advice         what is known, and what to try, in words
    hierarchy      climb the orders until something is proven
    networks       networks with learnable polynomial activations
    residuals      F phi(c) - targets as functions of the coefficients, and the losses
    compilation    from a network and its data to residuals, exactly
    cones          small conic programs, for Clarabel
    recovery       good coefficients by local methods
    chain          exact lemmas about all coefficients that are good enough
    first_box      a box around them, from linear programs in the monomials
    box_bounds     smaller boxes, from linear programs on the box
    data_rounding  what double precision itself does to a loss
    nearest_floats the best coefficients that floats can hold
    splitting      where these stall: exclude one part of the box after the other
    bounds         a box or a ball that a user gives for the coefficients
    tightening     the plan of a fit: candidates from above, proofs from below
    training       training to proven global optimality
    baselines      gradient training and multistart, for comparison (not imported here)
    results        records of experiments, in a file
    experiments    the tables and the figure of the paper; python -m polysos
    verdict        printed numbers against ours: reproduced, consistent or not
    neighbours     three other methods, in a package of their own (not imported here)
    figures, labs  the book's figure style and widgets (not imported here)

Symbols, in code and chapters alike: f objective, g inequality, h equality, x the variables (z in
scaled units), k the order, y the moments (tms) with Riesz functional L_y, M_k(y) moment matrix,
theta the loss, c the activation coefficients, W the weights, sigma an SOS multiplier, Q its Gram
matrix, alpha an exponent, d_K and k0 as in `PolynomialProblem`.
"""

from .algebra.moments import (
    BasisMatrix,
    Moments,
    localizing_matrix,
    moment_matrix,
    moments_of_points,
)
from .algebra.polynomials import Polynomial, monomials, variables
from .algebra.problem import PolynomialProblem
from .hierarchy.certificates import Certificate, sos_certificate, verify_certificate
from .hierarchy.convexity import is_sos_convex, kkt_multipliers, lagrangian
from .hierarchy.minimize import Outcome, Solution, minimize
from .hierarchy.sums_of_squares import SumOfSquares, is_sos
from .proofs.descent_curve import DescentCurve
from .proofs.feasible_points import FeasiblePoint
from .proofs.proof import Proof
from .relaxations.extraction import Extraction, extract_minimizers
from .relaxations.flatness import FlatTruncation, NumericalRank, flat_truncation, numerical_rank
from .relaxations.program import Status
from .relaxations.relaxation import Relaxation, solve_relaxation
from .training.fit import Fit, fit, fitting_problem
from .training.networks import PolynomialNetwork

__version__ = "0.1.0"

__all__ = [
    "BasisMatrix",
    "Certificate",
    "DescentCurve",
    "Extraction",
    "FeasiblePoint",
    "Fit",
    "FlatTruncation",
    "Moments",
    "NumericalRank",
    "Outcome",
    "Polynomial",
    "PolynomialNetwork",
    "PolynomialProblem",
    "Proof",
    "Relaxation",
    "Solution",
    "Status",
    "SumOfSquares",
    "extract_minimizers",
    "fit",
    "fitting_problem",
    "flat_truncation",
    "is_sos",
    "is_sos_convex",
    "kkt_multipliers",
    "lagrangian",
    "localizing_matrix",
    "minimize",
    "moment_matrix",
    "moments_of_points",
    "monomials",
    "numerical_rank",
    "solve_relaxation",
    "sos_certificate",
    "variables",
    "verify_certificate",
]
