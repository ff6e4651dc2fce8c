"""polysos: polynomial optimization by the Moment-SOS hierarchy, with proofs.

The names below are all that there is to know for using it. Inside, the library is a house of rooms,
each with an `__init__` that says what it is for and in which order to read it. A room imports only
from rooms before it:

    algebra      what a problem is: polynomials, moments, minimize f over g >= 0, h == 0
    proofs       exact proofs, and all that checks them: no solver, no floats that decide
    relaxations  one moment relaxation, flat truncation, extraction: floats, a solver's word
    hierarchy    minimize with proof: certificates, sums of squares, points, the search
    training     networks, their losses, and fits proven to be the best
    neighbours   three other methods, as estimators of scikit-learn (imports the first two rooms)
    paper        the paper's tables and figure, our results, the verdict; python -m polysos
    book         figures, tables, sliders and self-checks of the chapters (imports the first room)

At the root are `checks` (errors that name the argument, what is required and what came) and
`progress` (clock, time limit and notes of a long call). The heart are ten files: algebra/moments;
proofs/proof, identity and region; relaxations/program, flatness and extraction; hierarchy/
certificates; training/residuals and centred.

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
from .algebra.unknowns import UnknownPolynomial
from .hierarchy.certificates import Certificate, sos_certificate, verify_certificate
from .hierarchy.convexity import is_sos_convex, kkt_multipliers, lagrangian
from .hierarchy.minimize import Outcome, Solution, minimize
from .hierarchy.sos_programs import SumOfSquaresProgram, SumOfSquaresSolution
from .hierarchy.sums_of_squares import SumOfSquares, is_sos
from .proofs.descent_curve import DescentCurve
from .proofs.feasible_points import FeasiblePoint
from .proofs.proof import Proof
from .relaxations.extraction import Extraction, extract_minimizers
from .relaxations.flatness import FlatTruncation, NumericalRank, flat_truncation, numerical_rank
from .relaxations.program import Status
from .relaxations.relaxation import Relaxation, solve_relaxation
from .training.fit import fit, fitting_problem
from .training.networks import PolynomialNetwork
from .training.result import Fit
from .training.trained import TrainedNetwork

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
    "SumOfSquaresProgram",
    "SumOfSquaresSolution",
    "TrainedNetwork",
    "UnknownPolynomial",
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
