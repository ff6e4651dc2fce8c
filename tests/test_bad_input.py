"""Bad input: a ValueError or TypeError that names the argument, the requirement and what came.

One row a mistake: a call, the error, and words that its message must hold.
"""

from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest

import polysos as ps

Problem = ps.PolynomialProblem
(t,) = ps.variables(1)
x, y = ps.variables(2)
PROBLEM = Problem(t**4 - 2 * t**2)
MOMENTS = ps.moments_of_points([[1.0]], 4)
NETWORK = ps.PolynomialNetwork([np.eye(2), np.ones((1, 2))], (2,))
EYE = np.eye(2)


@pytest.fixture(scope="module")
def relaxation():
    return ps.solve_relaxation(PROBLEM, 2)


def poly(exponent, coefficient, n=1):
    return lambda: ps.Polynomial({exponent: coefficient}, n)


def network(weights, degrees, biases=None):
    return lambda: ps.PolynomialNetwork(weights, degrees, biases)


def minimize(**options):
    return lambda: ps.minimize(PROBLEM, **options)


def fit(inputs=((1.0, 2.0),), outputs=((3.0,),), net=NETWORK, **options):
    return lambda: ps.fit(net, inputs, outputs, **options)


MISTAKES = {
    # Polynomials
    "no variables": (lambda: ps.variables(0), ValueError, ["names", "at least 1", "0"]),
    "half a variable": (lambda: ps.variables(1.5), TypeError, ["names", "integer", "1.5"]),
    "true variables": (lambda: ps.variables(True), TypeError, ["names", "integer", "True"]),
    "no names": (lambda: ps.variables(" "), ValueError, ["names", "at least one"]),
    "equal names": (lambda: ps.variables("a a"), ValueError, ["names", "different", "a"]),
    "monomials of none": (lambda: ps.monomials(0, 1), ValueError, ["n_variables", "1", "0"]),
    "negative degree": (lambda: ps.monomials(2, -1), ValueError, ["degree", "at least 0", "-1"]),
    "terms in a list": (lambda: ps.Polynomial([1], 1), TypeError, ["terms", "dict", "[1]"]),
    "exponent too short": (poly((1,), 1, 2), ValueError, ["terms", "2", "(1,)"]),
    "exponent no tuple": (poly(1, 1), ValueError, ["terms", "tuple", "1"]),
    "negative exponent": (poly((-1,), 1), ValueError, ["terms", "nonnegative", "(-1,)"]),
    "fractional exponent": (poly((1.5,), 1), ValueError, ["terms", "integer", "(1.5,)"]),
    "coefficient nan": (poly((1,), nan), ValueError, ["coefficients", "finite", "nan"]),
    "coefficient inf": (poly((1,), -inf), ValueError, ["coefficients", "finite", "inf"]),
    "coefficient text": (poly((1,), "2"), TypeError, ["coefficients", "real", "'2'"]),
    "coefficient bool": (poly((1,), True), TypeError, ["coefficients", "real", "True"]),
    "coefficient complex": (poly((1,), 1j), TypeError, ["coefficients", "real", "1j"]),
    "coefficient none": (poly((1,), None), TypeError, ["coefficients", "real", "None"]),
    "zero variables": (poly((), 1, 0), ValueError, ["n_variables", "at least 1"]),
    "coefficient huge": (poly((1,), 10**400), ValueError, ["coefficients", "finite"]),
    "arrays: shape": (
        lambda: ps.Polynomial.from_arrays([1, 2], [1, 2]),
        ValueError,
        ["exponents", "(t, n)", "(2,)"],
    ),
    "arrays: lengths": (
        lambda: ps.Polynomial.from_arrays([[1]], [1, 2]),
        ValueError,
        ["coefficients", "1", "2"],
    ),
    "arrays: negative": (
        lambda: ps.Polynomial.from_arrays([[-1]], [1]),
        ValueError,
        ["exponents", "nonnegative"],
    ),
    "arrays: fractional": (
        lambda: ps.Polynomial.from_arrays([[0.5]], [1]),
        (TypeError, ValueError),
        ["exponents", "integers"],
    ),
    "arrays: nan": (
        lambda: ps.Polynomial.from_arrays([[1]], [nan]),
        ValueError,
        ["coefficients", "finite"],
    ),
    "sum of different spaces": (lambda: x + t, ValueError, ["variables", "2", "1"]),
    "product of different spaces": (lambda: x * t, ValueError, ["variables", "2", "1"]),
    "negative power": (lambda: x**-1, ValueError, ["power", "at least 0", "-1"]),
    "fractional power": (lambda: x**0.5, TypeError, ["power", "integer", "0.5"]),
    "plus text": (lambda: x + "a", TypeError, ["str"]),
    "plus true": (lambda: x + True, TypeError, ["True"]),
    "times nan": (lambda: x * nan, ValueError, ["finite", "nan"]),
    "division by a polynomial": (lambda: x / t, TypeError, ["Polynomial"]),
    "derivative by a stranger": (
        lambda: x.derivative(2),
        ValueError,
        ["variable", "2"],
    ),
    "derivative from behind": (lambda: x.derivative(-1), ValueError, ["variable", "-1"]),
    "too few replacements": (lambda: x.substitute([x]), ValueError, ["replacements", "2", "1"]),
    "replacements of two kinds": (
        lambda: (x + y).substitute([t, y]),
        (TypeError, ValueError),
        ["variables"],
    ),
    "replacement by a number": (
        lambda: x.substitute([x, 1]),
        (TypeError, ValueError),
        ["replacements"],
    ),
    "point too short": (lambda: x([1.0]), ValueError, ["points", "n = 2", "(1,)"]),
    "points of wrong shape": (lambda: x([[[1.0, 2.0]]]), ValueError, ["points", "(1, 1, 2)"]),
    "a number for a point": (lambda: x(1.0), ValueError, ["points", "()"]),
    # Moments
    "no points": (lambda: ps.moments_of_points([], 2), ValueError, ["points", "nonempty"]),
    "flat points": (lambda: ps.moments_of_points([1.0], 2), ValueError, ["points", "(1,)"]),
    "points nan": (lambda: ps.moments_of_points([[nan]], 2), ValueError, ["points", "finite"]),
    "too many weights": (
        lambda: ps.moments_of_points([[1.0]], 2, [1.0, 2.0]),
        ValueError,
        ["weights", "1 finite"],
    ),
    "weights nan": (
        lambda: ps.moments_of_points([[1.0]], 2, [nan]),
        ValueError,
        ["weights", "finite", "nan"],
    ),
    "moments of degree -1": (lambda: ps.moments_of_points([[1.0]], -1), ValueError, ["degree"]),
    "moments: too many names": (
        lambda: ps.moments_of_points([[1.0]], 2, names=["a", "b"]),
        ValueError,
        ["names", "1"],
    ),
    "riesz of another space": (lambda: MOMENTS.riesz(x), ValueError, ["p", "1", "2"]),
    "riesz of too high degree": (lambda: MOMENTS.riesz(t**5), ValueError, ["degree", "4", "5"]),
    "riesz of a number": (lambda: MOMENTS.riesz(3), TypeError, ["p", "3"]),
    "truncate upward": (lambda: MOMENTS.truncate(5), ValueError, ["degree", "4", "5"]),
    "moment matrix too large": (
        lambda: ps.moment_matrix(MOMENTS, 3),
        ValueError,
        ["order", "at most 2", "3"],
    ),
    "moment matrix of order -1": (lambda: ps.moment_matrix(MOMENTS, -1), ValueError, ["order"]),
    "moment matrix of nothing": (lambda: ps.moment_matrix(None, 1), TypeError, ["moments"]),
    "localizing order too small": (
        lambda: ps.localizing_matrix(t**4, MOMENTS, 1),
        ValueError,
        ["order", "at least 2", "1"],
    ),
    "localizing in another space": (
        lambda: ps.localizing_matrix(x, MOMENTS, 1),
        ValueError,
        ["variables", "1", "2"],
    ),
    "localizing a number": (lambda: ps.localizing_matrix(1, MOMENTS, 1), TypeError, ["g", "1"]),
    # Problems
    "objective a number alone": (lambda: Problem(3), TypeError, ["objective", "Polynomial", "3"]),
    "objective text": (lambda: Problem("t"), TypeError, ["objective", "Polynomial", "'t'"]),
    "objective true": (lambda: Problem(True, [t]), TypeError, ["objective", "True"]),
    "objective nan": (lambda: Problem(nan, [t]), ValueError, ["finite", "nan"]),
    "one inequality": (lambda: Problem(t, t), TypeError, ["inequalities", "list"]),
    "one equality": (lambda: Problem(t, [], t), TypeError, ["equalities", "list"]),
    "constraint a number": (lambda: Problem(t, [3]), TypeError, ["inequalities", "3"]),
    "constraint true": (lambda: Problem(t, [True]), TypeError, ["inequalities", "True"]),
    "equality compared": (
        lambda: Problem(t, [], [t == 2]),
        TypeError,
        ["equalities", "False", "write x - 2 for x == 2"],
    ),
    "equality a number": (lambda: Problem(t, [], [3]), TypeError, ["equalities", "3"]),
    "no list of constraints": (lambda: Problem(t, 3), TypeError, ["inequalities", "3"]),
    "constraints none": (lambda: Problem(t, None), TypeError, ["inequalities", "None"]),
    "constraint in another space": (
        lambda: Problem(t, [x]),
        ValueError,
        ["constraints", "1 variables", "2"],
    ),
    "one more of another space": (
        lambda: Problem(t).with_inequality(x),
        ValueError,
        ["1 variables", "2"],
    ),
    # Relaxations
    "order below k0": (
        lambda: ps.solve_relaxation(PROBLEM, 1),
        ValueError,
        ["order", "k0 = 2", "1"],
    ),
    "order below k0 of a constraint": (
        lambda: ps.solve_relaxation(Problem(t, [t**5]), 2),
        ValueError,
        ["order", "k0 = 3", "2"],
    ),
    "order a float": (lambda: ps.solve_relaxation(PROBLEM, 2.0), TypeError, ["order", "integer"]),
    "order true": (lambda: ps.solve_relaxation(PROBLEM, True), TypeError, ["order", "True"]),
    "unknown solver": (
        lambda: ps.solve_relaxation(PROBLEM, 2, "NOPE"),
        ValueError,
        ["solver", "CLARABEL", "SCS", "NOPE"],
    ),
    "solver without matrices": (
        lambda: ps.solve_relaxation(PROBLEM, 2, "OSQP"),
        ValueError,
        ["solver", "semidefinite", "CLARABEL", "OSQP"],
    ),
    "solver none": (lambda: ps.solve_relaxation(PROBLEM, 2, None), ValueError, ["solver"]),
    "a polynomial for a problem": (
        lambda: ps.solve_relaxation(t, 1),
        TypeError,
        ["problem", "PolynomialProblem", "x1"],
    ),
    "relaxation: no time": (
        lambda: ps.solve_relaxation(PROBLEM, 2, time_limit=-1),
        ValueError,
        ["time_limit", "positive", "-1"],
    ),
    "relaxation: time text": (
        lambda: ps.solve_relaxation(PROBLEM, 2, time_limit="a"),
        (TypeError, ValueError),
        ["time_limit", "'a'"],
    ),
    # Flatness, extraction, certificates
    "tolerance 0": (lambda: ps.numerical_rank(EYE, 0), ValueError, ["tolerance", "0 and 1"]),
    "tolerance 1": (lambda: ps.numerical_rank(EYE, 1), ValueError, ["tolerance", "0 and 1"]),
    "tolerance nan": (lambda: ps.numerical_rank(EYE, nan), ValueError, ["tolerance", "nan"]),
    "tolerance text": (
        lambda: ps.numerical_rank(EYE, "a"),
        (TypeError, ValueError),
        ["tolerance", "'a'"],
    ),
    "rank of nan": (lambda: ps.numerical_rank([[nan]]), ValueError, ["matrix", "finite"]),
    "rank of a vector": (lambda: ps.numerical_rank([1.0]), ValueError, ["matrix", "(1,)"]),
    "flatness of nothing": (lambda: ps.flat_truncation(None), TypeError, ["relaxation", "None"]),
    "points of nothing": (lambda: ps.extract_minimizers(None), TypeError, ["relaxation", "None"]),
    "certificate of a problem": (
        lambda: ps.sos_certificate(PROBLEM),
        TypeError,
        ["relaxation", "minimize"],
    ),
    "proof of nothing": (
        lambda: ps.verify_certificate(None),
        TypeError,
        ["certificate", "None"],
    ),
    # minimize
    "minimize a polynomial": (lambda: ps.minimize(t), TypeError, ["problem", "x1"]),
    "minimize nothing": (lambda: ps.minimize(None), TypeError, ["problem", "None"]),
    "max_order below k0": (minimize(max_order=1), ValueError, ["max_order", "k0 = 2", "1"]),
    "max_order a float": (minimize(max_order=3.0), TypeError, ["max_order", "integer", "3.0"]),
    "max_order true": (minimize(max_order=True), TypeError, ["max_order", "True"]),
    "minimize with NOPE": (minimize(solver="NOPE"), ValueError, ["solver", "CLARABEL", "NOPE"]),
    "minimize: no tolerance": (minimize(tolerance=0), ValueError, ["tolerance", "positive", "0"]),
    "minimize: tolerance -1": (minimize(tolerance=-1), ValueError, ["tolerance", "-1"]),
    "minimize: tolerance nan": (minimize(tolerance=nan), ValueError, ["tolerance", "nan"]),
    "minimize: tolerance inf": (minimize(tolerance=inf), ValueError, ["tolerance", "inf"]),
    "minimize: tolerance text": (
        minimize(tolerance="a"),
        (TypeError, ValueError),
        ["tolerance", "'a'"],
    ),
    "minimize: tolerance true": (
        minimize(tolerance=True),
        (TypeError, ValueError),
        ["tolerance", "True"],
    ),
    "minimize: no feasibility": (minimize(feasibility=0), ValueError, ["feasibility", "0"]),
    "minimize: feasibility none": (
        minimize(feasibility=None),
        (TypeError, ValueError),
        ["feasibility", "None"],
    ),
    "minimize: no time": (minimize(time_limit=0), ValueError, ["time_limit", "positive", "0"]),
    "minimize: time nan": (minimize(time_limit=nan), ValueError, ["time_limit", "nan"]),
    # Networks
    "shapes that do not chain": (
        network([EYE, np.eye(3)], (1,)),
        ValueError,
        ["weights[1]", "2 columns", "(3, 3)"],
    ),
    "no weights": (network([], ()), ValueError, ["weights", "0 matrices"]),
    "one matrix": (network([EYE], ()), ValueError, ["weights", "at least 2", "1 matrices"]),
    "a degree too many": (network([EYE, EYE], (1, 1)), ValueError, ["weights", "2 degrees"]),
    "degree 0": (network([EYE, EYE], (0,)), ValueError, ["degrees[0]", "at least 1", "0"]),
    "degree -1": (network([EYE, EYE, EYE], (1, -1)), ValueError, ["degrees[1]", "1", "-1"]),
    "degree 1.5": (network([EYE, EYE], (1.5,)), TypeError, ["degrees[0]", "integer", "1.5"]),
    "degree true": (network([EYE, EYE], (True,)), TypeError, ["degrees[0]", "True"]),
    "degrees a number": (network([EYE, EYE], 2), (TypeError, ValueError), ["degrees", "2"]),
    "matrix nan": (network([EYE, [[nan, 1]]], (1,)), ValueError, ["weights[1]", "finite", "nan"]),
    "matrix inf": (network([[[inf]], [[1]]], (1,)), ValueError, ["weights[0]", "finite", "inf"]),
    "weights flat": (network([EYE, [1, 2]], (1,)), ValueError, ["weights[1]", "2 dim", "(2,)"]),
    "weights text": (network([EYE, [["a", "b"]]], (1,)), TypeError, ["weights[1]", "real"]),
    "weights bool": (network([EYE, [[True, False]]], (1,)), TypeError, ["weights[1]", "bool"]),
    "weights complex": (network([EYE, [[1j, 1]]], (1,)), TypeError, ["weights[1]", "complex"]),
    "weights ragged": (
        network([EYE, [[1, 2], [3]]], (1,)),
        (TypeError, ValueError),
        ["weights[1]"],
    ),
    "weights none": (network(None, (1,)), (TypeError, ValueError), ["weights", "None"]),
    "biases a number": (network([EYE, EYE], (1,), 3.0), TypeError, ["biases", "sequence", "3.0"]),
    "biases too few": (network([EYE, EYE], (1,), [None]), ValueError, ["biases", "2", "1"]),
    "biases too long": (
        network([EYE, EYE], (1,), [None, [1, 2, 3]]),
        ValueError,
        ["biases[1]", "2 entries", "weights[1]", "3"],
    ),
    "biases a matrix": (network([EYE, EYE], (1,), [EYE, None]), ValueError, ["biases[0]", "1 dim"]),
    "biases nan": (network([EYE, EYE], (1,), [[nan, 0], None]), ValueError, ["biases[0]", "nan"]),
    "no outputs": (network([EYE, np.empty((0, 2))], (1,)), ValueError, ["weights[1]", "(0, 2)"]),
    "no inputs": (network([np.empty((2, 0)), EYE], (1,)), ValueError, ["weights[0]", "(2, 0)"]),
    "too few coefficients": (
        lambda: NETWORK([1.0, 2.0], [[1.0, 2.0]]),
        ValueError,
        ["coefficients", "3", "c1,0", "2"],
    ),
    "coefficients nan": (
        lambda: NETWORK([1.0, 2.0, nan], [[1.0, 2.0]]),
        ValueError,
        ["coefficients", "finite", "nan"],
    ),
    "input flat": (
        lambda: NETWORK([1.0, 2.0, 3.0], [1.0, 2.0]),
        ValueError,
        ["inputs", "2 dim", "(2,)"],
    ),
    "input too short": (
        lambda: NETWORK([1.0, 2.0, 3.0], [[1.0]]),
        ValueError,
        ["inputs", "(N, 2)", "(1, 1)"],
    ),
    "empty data set": (
        lambda: NETWORK.mean_residuals(np.empty((0, 2)), np.empty((0, 1))),
        ValueError,
        ["inputs", "N >= 1", "(0, 2)"],
    ),
    "empty lists": (lambda: NETWORK.training_problem([], []), ValueError, ["inputs", "(0,)"]),
    "data nan": (
        lambda: NETWORK.training_problem([[nan, 1.0]], [[1.0]]),
        ValueError,
        ["inputs", "finite", "nan"],
    ),
    "targets inf": (
        lambda: NETWORK.training_problem([[1.0, 1.0]], [[inf]]),
        ValueError,
        ["outputs", "finite", "inf"],
    ),
    "too many targets": (
        lambda: NETWORK.training_problem([[1.0, 1.0]], [[1.0], [2.0]]),
        ValueError,
        ["outputs", "(1, 1)", "(2, 1)"],
    ),
    "targets none": (
        lambda: NETWORK.training_problem([[1.0, 1.0]], None),
        (TypeError, ValueError),
        ["outputs"],
    ),
    # Training
    "fit nothing": (fit(net=None), TypeError, ["net", "PolynomialNetwork", "None"]),
    "fit weights": (fit(net=[EYE, EYE]), TypeError, ["net", "PolynomialNetwork"]),
    "fit a problem": (fit(net=PROBLEM), TypeError, ["net", "PolynomialNetwork", "minimize"]),
    "fit: unknown loss": (fit(loss="sup"), ValueError, ["loss", "mean-sup", "'sup'"]),
    "fit: loss none": (fit(loss=None), (TypeError, ValueError), ["loss", "mean-sup", "None"]),
    "fit: loss a number": (fit(loss=2), (TypeError, ValueError), ["loss", "mean-sup", "2"]),
    "fit: unknown method": (fit(method="sgd"), ValueError, ["method", "tighten", "'sgd'"]),
    "fit: method none": (fit(method=None), (TypeError, ValueError), ["method", "None"]),
    "fit: no tolerance": (fit(tolerance=0), ValueError, ["tolerance", "positive", "0"]),
    "fit: tolerance -1": (fit(tolerance=-1), ValueError, ["tolerance", "-1"]),
    "fit: tolerance nan": (fit(tolerance=nan), ValueError, ["tolerance", "nan"]),
    "fit: tolerance inf": (fit(tolerance=inf), ValueError, ["tolerance", "inf"]),
    "fit: tolerance none": (fit(tolerance=None), (TypeError, ValueError), ["tolerance", "None"]),
    "fit: tolerance text": (fit(tolerance="a"), (TypeError, ValueError), ["tolerance", "'a'"]),
    "fit: tolerance true": (fit(tolerance=True), (TypeError, ValueError), ["tolerance", "True"]),
    "fit: no time": (fit(time_limit=0), ValueError, ["time_limit", "positive", "0"]),
    "fit: time -1": (fit(time_limit=-1), ValueError, ["time_limit", "-1"]),
    "fit: time nan": (fit(time_limit=nan), ValueError, ["time_limit", "nan"]),
    "fit: time text": (fit(time_limit="1 s"), (TypeError, ValueError), ["time_limit", "'1 s'"]),
    "fit: no inputs": (fit(np.empty((0, 2)), np.empty((0, 1))), ValueError, ["inputs", "N >= 1"]),
    "fit: empty lists": (fit([], []), ValueError, ["inputs", "(0,)"]),
    "fit: one input flat": (fit([1.0, 2.0]), ValueError, ["inputs", "2 dim", "(2,)"]),
    "fit: inputs too wide": (fit([[1.0, 2.0, 3.0]]), ValueError, ["inputs", "(N, 2)", "(1, 3)"]),
    "fit: inputs nan": (fit([[nan, 1.0]]), ValueError, ["inputs", "finite", "nan"]),
    "fit: inputs inf": (fit([[inf, 1.0]]), ValueError, ["inputs", "finite", "inf"]),
    "fit: inputs text": (fit([["a", "b"]]), TypeError, ["inputs", "real"]),
    "fit: inputs complex": (fit([[1j, 2.0]]), TypeError, ["inputs", "complex"]),
    "fit: inputs bool": (fit([[True, False]]), TypeError, ["inputs", "bool"]),
    "fit: inputs none": (fit(None), (TypeError, ValueError), ["inputs"]),
    "fit: inputs ragged": (fit([[1.0, 2.0], [3.0]]), (TypeError, ValueError), ["inputs"]),
    "fit: inputs deep": (fit([[[1.0, 2.0]]]), ValueError, ["inputs", "(1, 1, 2)"]),
    "fit: outputs flat": (fit(outputs=[3.0]), ValueError, ["outputs", "(1, 1)", "y[:, None]"]),
    "fit: an array of outputs": (fit(outputs=np.ones(1)), ValueError, ["(1, 1)", "y[:, None]"]),
    "fit: too many outputs": (fit(outputs=[[3.0, 4.0]]), ValueError, ["outputs", "(1, 1)"]),
    "fit: too few rows": (fit([[1.0, 2.0]] * 2), ValueError, ["outputs", "(2, 1)", "(1, 1)"]),
    "fit: outputs nan": (fit(outputs=[[nan]]), ValueError, ["outputs", "finite", "nan"]),
    "fit: outputs inf": (fit(outputs=[[-inf]]), ValueError, ["outputs", "finite", "inf"]),
    "fit: outputs none": (fit(outputs=None), (TypeError, ValueError), ["outputs"]),
    "fit: outputs text": (fit(outputs=[["a"]]), TypeError, ["outputs", "real"]),
    "fit: radius 0": (fit(bounds=0), ValueError, ["bounds", "positive", "0"]),
    "fit: radius -1": (fit(bounds=-1.0), ValueError, ["bounds", "positive", "-1"]),
    "fit: radius nan": (fit(bounds=nan), ValueError, ["bounds", "positive", "nan"]),
    "fit: radius inf": (fit(bounds=inf), ValueError, ["bounds", "positive", "inf"]),
    "fit: radius true": (fit(bounds=True), (TypeError, ValueError), ["bounds", "True"]),
    "fit: bounds text": (fit(bounds="ab"), TypeError, ["bounds", "'ab'"]),
    "fit: bounds a dict": (fit(bounds={"c1,0": (0, 1)}), TypeError, ["bounds", "c1,0"]),
    "fit: no bounds at all": (fit(bounds=[]), ValueError, ["bounds", "3 pairs", "0"]),
    "fit: bounds of two": (fit(bounds=[(0, 1)] * 2), ValueError, ["bounds", "3 pairs", "2"]),
    "fit: bounds of four": (fit(bounds=[(0, 1)] * 4), ValueError, ["bounds", "c1,2", "4"]),
    "fit: three numbers": (fit(bounds=(0, 1, 2)), TypeError, ["bounds[0]", "sequence", "0"]),
    "fit: a triple": (fit(bounds=[(0, 1), (0, 1, 2), None]), ValueError, ["bounds[1]", "pair"]),
    "fit: bounds reversed": (fit(bounds=(1, -1)), ValueError, ["bounds[0]", "lower < upper"]),
    "fit: one pair reversed": (
        fit(bounds=[(0, 1), (0, 1), (2, 1)]),
        ValueError,
        ["bounds[2]", "lower < upper", "(2, 1)"],
    ),
    "fit: bounds equal": (fit(bounds=(1, 1)), ValueError, ["bounds[0]", "lower < upper"]),
    "fit: bounds nan": (fit(bounds=(nan, 1)), ValueError, ["bounds[0]", "nan"]),
    "fit: bounds inf, inf": (fit(bounds=(inf, inf)), ValueError, ["bounds[0]", "inf"]),
    "fit: a pair of text": (fit(bounds=[("a", "b")] * 3), ValueError, ["bounds[0]", "pair"]),
    "fit: a pair of none": (fit(bounds=[(None, 1)] * 3), ValueError, ["bounds[0]", "pair"]),
    "fit: an array of numbers": (fit(bounds=np.ones(3)), TypeError, ["bounds[0]", "1.0"]),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake):
    call, error, words = MISTAKES[mistake]
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    missing = [word for word in words if word not in message]
    assert not missing, f"{message!r} lacks {missing}"


def test_a_relaxation_has_matrices_up_to_its_order(relaxation):
    for order, words in ((3, "at most 2, got 3"), (-1, "at least 0, got -1")):
        with pytest.raises(ValueError, match=f"order must be {words}"):
            relaxation.moment_matrix(order)


def test_tolerances_are_checked_for_flatness_too(relaxation):
    for tolerance in (0, -1, 1, nan):
        with pytest.raises(ValueError, match="tolerance"):
            ps.flat_truncation(relaxation, tolerance)


@pytest.mark.parametrize(
    "options",
    [
        {"tolerance": np.float64(1e-6)},
        {"tolerance": np.float32(1e-6)},
        {"tolerance": Fraction(1, 10**6)},
        {"feasibility": 1},
        {"time_limit": np.int64(60)},
        {"max_order": np.int64(3)},
    ],
)
def test_numbers_of_any_kind_are_numbers(options):
    assert ps.minimize(PROBLEM, **options).status == "certified"


@pytest.mark.parametrize(
    "options",
    [
        {"tolerance": Fraction(1, 10**6), "time_limit": np.int64(60)},
        {"bounds": np.float32(9)},
        {"bounds": Fraction(9)},
        {"bounds": np.array([[-9.0, 9.0]] * 3)},
        {"bounds": [(-9, inf), None, [-inf, 9]]},
        {"bounds": (-9, inf)},
    ],
)
def test_fit_reads_numbers_and_bounds_of_any_kind(options):
    inputs, outputs = (
        [[1.0, 2.0], [0.5, -1.0], [2.0, 0.0], [1.0, 1.0]],
        [[3.0], [1.0], [2.0], [2.0]],
    )
    f = ps.fit(NETWORK, inputs, outputs, loss="sample-squares", **options)
    assert f.certified and np.abs(f.coefficients).max() <= 9


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("loss", ["mean-sup", "mean-squares", "sample-sup", "sample-squares"])
@pytest.mark.parametrize("size, words", [(1e200, "inputs"), (1e60, "units"), (1e-60, "units")])
def test_data_beyond_what_proofs_can_hold_are_refused(size, words, loss):
    with pytest.raises(ValueError, match=words):
        ps.fit(NETWORK, [[size, 2 * size]], [[size]], loss=loss)


@pytest.mark.parametrize("bounds", [1e60, 1e-60, (-1e120, 1e120), (-1e-120, 1)])
def test_bounds_beyond_what_proofs_can_hold_are_named(bounds):
    with pytest.raises(ValueError, match="bounds"):
        ps.fit(NETWORK, [[1.0, 2.0]], [[3.0]], bounds=bounds)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_division_by_zero_gives_no_polynomial():
    for p in (x, x * Fraction(1)):
        with pytest.raises((ZeroDivisionError, ValueError)):
            p / 0
