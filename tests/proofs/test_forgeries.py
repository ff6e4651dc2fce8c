"""Attacks on the checker: no file makes it say something false, crash, or run for minutes.

The statement of a file is about the problem in it; `verify(problem)` is about one's own.
"""

import copy
import json
import random
from dataclasses import replace
from fractions import Fraction
from time import process_time

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

import polysos as ps
from polysos.proofs.exact import to_fmpq
from tests.oracle import least
from tests.planted import planted
from tests.proofs.test_proof import PROOFS, leaves, variants
from tests.sceptic import sceptic

F = Fraction
Problem = ps.PolynomialProblem
x, y = ps.variables(2)
(t,) = ps.variables(1)
HUGE = (2**62, 2**63 - 1, 2**63, 2**64, 2**31, 2**15, 257)


def loaded(data, tmp_path):
    """The proof in a file with these data; None where it is refused, with a clear error."""
    path = tmp_path / "forged.json"
    path.write_text(json.dumps(data) if isinstance(data, dict) else data)
    try:
        return ps.Proof.load(path)
    except ValueError as error:
        assert str(path) in str(error) and "must name a proof" in str(error)
        return None


def stored(proof, tmp_path) -> dict:
    proof.save(tmp_path / "honest.json")
    return json.loads((tmp_path / "honest.json").read_text())


def lemma(n, objective=(), bound="1/1", assumption=None) -> dict:
    """A lemma about the same set, without a multiplier: it says more than it shows."""
    return {
        "holds": True,
        "bound": bound,
        "objective": list(objective),
        "assumption": assumption,
        "sublevel": None,
        "center": ["0/1"] * n,
        "scale": ["1/1"] * n,
        "denominator": None,
        "gram": [],
        "equality_multipliers": [],
        "lemmas": [],
        "message": "",
    }


# Exponents that wrap


@pytest.fixture(scope="module")
def triangle():
    """x + y where x, y >= 1 and x + y >= 10: the minimum is 10."""
    problem = Problem(x + y, [x - 1, y - 1, x + y - 10])
    return problem, ps.minimize(problem).proof


@pytest.mark.parametrize("big", HUGE)
def test_a_lemma_whose_degree_would_wrap_is_refused(big, triangle, tmp_path):
    """ "x^B y^B is a constant below 1, so x >= 0 is impossible": with 2^62 + 2^62 = 0, it was."""
    problem, honest = triangle
    assert honest.verify(problem)
    sides = [[["1/1", [1, 0]], ["-1/1", [0, 0]]], [["1/1", [0, 1]], ["-1/1", [0, 0]]]]
    data = stored(honest, tmp_path)
    data |= {"bound": "1000/1", "center": ["0/1"] * 2, "scale": ["1/1"] * 2}
    data["gram"] = [{"product_of_inequalities": [2], "constant": "1000/1"}]
    data["lemmas"] = [lemma(2, [["1/1", [big, big]]], assumption=side) for side in sides]
    forged = loaded(data, tmp_path)
    assert forged is None or not forged.verify()
    data |= {"objective": [], "bound": "1/1"}
    data["gram"][0]["constant"] = "1/1"
    forged = loaded(data, tmp_path)
    assert forged is None or not (forged.verify() and forged.proves_infeasibility)


@pytest.mark.parametrize("big", HUGE)
def test_a_constraint_whose_degree_would_wrap_is_no_half_line(big, tmp_path):
    """a b^M c^M d^2 >= 1/2 was read as a >= 1/2."""
    data = stored(PROOFS["units"], tmp_path)
    data |= {"variables": list("abcd"), "objective": [["1/1", [1, 0, 0, 0]]], "bound": "1/2"}
    data |= {"inequalities": [[["1/1", [1, big, big, 2]], ["-1/2", [0, 0, 0, 0]]]], "gram": []}
    data |= {"center": ["0/1"] * 4, "scale": ["1/1"] * 4}
    forged = loaded(data, tmp_path)
    assert forged is None or not forged.verify()


@pytest.mark.parametrize("exponents", [(2**62, 2**62), (2**15, 1), (2**70, 0), (2**63, 2**63)])
def test_no_polynomial_has_a_degree_that_wraps(exponents):
    with pytest.raises(ValueError, match="degree at most 32768"):
        ps.Polynomial({exponents: 1.0}, 2)
    with pytest.raises((TypeError, ValueError, OverflowError)):
        ps.Polynomial.from_arrays(np.array([exponents]), [1.0])


def test_products_and_powers_stay_below_the_largest_degree():
    p = ps.Polynomial({(2**14, 0): 1.0}, 2)
    assert (p * p).degree == 2**15
    for build in (lambda: p * p * x, lambda: p**3, lambda: (p * p).substitute([x * x, y])):
        with pytest.raises(ValueError, match="degree at most 32768"):
            build()


def test_a_basis_that_would_wrap_is_no_basis():
    proof = PROOFS["box"]
    Q = proof.gram[()]
    for basis in ([[0], [2**62]], [[0], [2**15 + 1]], [[0], [-1]], [[0.0], [1.0]]):
        wrong = ps.BasisMatrix(Q.values, np.array(basis), Q.names)
        assert replace(proof, gram={(): wrong}).verify() is False


def test_odd_powers_of_minus_infinity_are_negative():
    """(-inf)^a with a > 2^53 went through a float, where every number is even."""
    from polysos.proofs.box import largest_value

    inf = float("inf")
    for a in (3, 2**53 + 1, 2**62 + 1):
        assert largest_value(F(-1), (a,), [(-inf, 0)]) == inf
        assert largest_value(F(1), (a,), [(-inf, 0)]) == 0


# One's own problem


def all_kinds():
    """Proofs of every kind that `minimize` gives, with their problems."""
    yield Problem(x**4 * y**2 + x**2 * y**4 - 3 * x**2 * y**2 + 1, [3 - x**2 - y**2])
    yield Problem(x + y, [x - 1, y - 1])
    yield Problem(x, [x**3 - y**2])  # by its sublevel set
    yield Problem(t**2, [], [t**2 - t - 1])
    yield Problem(t, [t - 1, -t])  # infeasible
    yield Problem(t, [], [t**2 + 1])  # infeasible, by an identity
    yield Problem(-t, [t])  # unbounded


@pytest.mark.parametrize("number", range(7))
def test_a_proof_is_about_the_problem_it_was_made_for_and_no_other(number, tmp_path):
    problem = list(all_kinds())[number]
    s = ps.minimize(problem)
    path = tmp_path / "proof.json"
    s.proof.save(path)
    proof = type(s.proof).load(path)
    assert s.proof.verify(problem) and proof.verify() and proof.verify(problem)
    f, g, h = problem.objective, problem.inequalities, problem.equalities
    assert proof.verify(Problem(f.exact(), [p.exact() for p in g], h))  # floats are rationals
    more = Problem(f, (*g, f * 0 + 5), h)
    assert proof.verify(more)
    if s.status != "infeasible":
        assert not proof.verify(Problem(f + f * 0 + F(1, 10**30), g, h)) or s.status == "unbounded"
        assert not proof.verify(Problem(-f, g, h))
    for k in range(len(g)):
        fewer = Problem(f, g[:k] + g[k + 1 :], h)
        assert not proof.verify(fewer) or ps.minimize(fewer).status == s.status
    if h:
        assert not proof.verify(Problem(f, g, ()))
    with pytest.raises(TypeError, match="problem must be a PolynomialProblem"):
        proof.verify(f)


def test_a_file_about_a_smaller_set_is_not_about_mine(tmp_path):
    """t^4 + t with the constraint t >= 9/10 smuggled in has the minimum 1.55..., not -0.47..."""
    problem = Problem(t**4 + t)
    data = stored(ps.minimize(problem).proof, tmp_path)
    data["inequalities"].append([["1/1", [1]], ["-9/10", [0]]])
    data |= {"bound": "3/2", "gram": [], "center": ["0/1"], "scale": ["1/1"], "sublevel": None}
    forged = loaded(data, tmp_path)
    assert forged.verify() and not forged.verify(problem)
    assert forged.verify(Problem(t**4 + t, [t - 0.95]))  # a smaller set still


def test_a_sublevel_that_is_struck_out_leaves_a_smaller_set(tmp_path):
    problem = Problem(x, [x**3 - y**2])
    proof = ps.minimize(problem).proof
    assert proof.sublevel is not None and proof.verify(problem)
    data = stored(proof, tmp_path)
    data["sublevel"] = None
    forged = loaded(data, tmp_path)
    assert forged.verify() and not forged.verify(problem)


def test_added_variables_must_be_defined_by_equations():
    """rho = t - 1 makes rho^2 the polynomial (t - 1)^2; rho >= t - 1, or rho^3 = t, does not."""
    a, rho = ps.variables("t rho")
    basis, one = [[0, 1]], [[F(1)]]
    own = Problem((t - 1) ** 2)

    def proof(*equalities, inequalities=(), objective=rho**2):
        Q = ps.BasisMatrix(np.array(one, dtype=object), np.array(basis), ("t", "rho"))
        zero = ps.Polynomial.constant(F(0), 2, ("t", "rho"))
        problem = Problem(objective, inequalities, equalities)
        return ps.Proof(
            True, F(0), problem, (F(0),) * 2, (F(1),) * 2, {(): Q}, (zero,) * len(equalities)
        )

    assert proof(rho - a + 1).verify(own) and proof(a - 1 - rho).verify(own)
    for other in (
        proof(),
        proof(rho - a),
        proof(2 * rho - a + 1),
        proof(rho**3 - a),
        proof(rho - a * rho + 1),
        proof(rho - a + 1, rho - a),
        proof(rho - a + 1, inequalities=[rho]),
        proof(rho - a + 1, objective=rho**2 + a**2 * 0 + rho**2),
    ):
        assert other.verify(own) is False
    assert proof(rho - a + 1, inequalities=[rho]).verify(Problem((t - 1) ** 2, [t - 1]))
    assert proof(rho - a + 1).verify(Problem((x - 1) ** 2)) is False  # another number of variables


# Files that are read strictly


def test_what_stands_for_itself_is_not_read_as_something_else(tmp_path):
    honest = stored(PROOFS["inequality"], tmp_path)
    assert loaded(honest, tmp_path).verify()

    def changed(change):
        data = copy.deepcopy(honest)
        change(data)
        return loaded(data, tmp_path)

    def twice(d):
        d["gram"].append(copy.deepcopy(d["gram"][0]))

    def twice_the_monomial(d):
        d["objective"].append(["5/1", [1]])

    for change in (
        lambda d: d.update(holds="false"),
        lambda d: d.update(holds=1),
        lambda d: d.update(message=None),
        lambda d: d["gram"][0]["basis"].__setitem__(1, [1.0]),
        lambda d: d["gram"][0]["basis"].__setitem__(1, ["1"]),
        lambda d: d["gram"][0]["basis"].__setitem__(1, [True]),
        lambda d: d["gram"][1].update(product_of_inequalities=[False]),
        lambda d: d["gram"][1].update(product_of_inequalities=[0.0]),
        lambda d: d["gram"][0].update(constant="1/1"),
        lambda d: d["gram"][0].update(weight="1/1"),
        twice,
        twice_the_monomial,
        lambda d: d.update(bound=-1),
        lambda d: d.update(bound="-1e0"),
        lambda d: d.update(bound="-1.0"),
        lambda d: d.update(bound=" -1"),
        lambda d: d.update(bound="-1/1\n"),
        lambda d: d.update(bound="-1_000"),
        lambda d: d.update(bound="-١"),  # digits of another script
        lambda d: d.update(bound="1/0"),
        lambda d: d.update(center="0"),
        lambda d: d.update(variables=[1]),
        lambda d: d.update(variables=[None]),
        lambda d: d.update(variables=["a", "a"]),
        lambda d: d.update(variables=[]),
        lambda d: d.update(remark="trust me"),
        lambda d: d.pop("sublevel"),
        lambda d: d.pop("equalities"),
        lambda d: d.update(lemmas=[{k: v for k, v in lemma(1).items() if k != "bound"}]),
        lambda d: d.update(lemmas=[lemma(1) | {"inequalities": []}]),
    ):
        assert changed(change) is None
    repeated = json.dumps(honest).replace('"bound": "-1/1"', '"bound": "9/1", "bound": "-1/1"')
    assert repeated != json.dumps(honest) and loaded(repeated, tmp_path) is None


def test_numbers_of_any_length_are_written_and_read(tmp_path):
    """Python prints integers of at most 4,300 digits; bounds of linear programs are longer."""
    long = F(10**20_000 + 1, 10**20_000)
    proof = replace(PROOFS["box"], bound=PROOFS["box"].bound - long)
    path = tmp_path / "long.json"
    proof.save(path)
    assert ps.Proof.load(path).bound == proof.bound and ps.Proof.load(path).verify()


# Files that would take long


def bombs():
    """Small files that take long to read or to check, if nobody looks at what is in them."""
    number = {"bound": ["1e1000000000", "-1e-100000000", "9" * 300_000, "1/" + "9" * 300_000]}
    for bad in number["bound"]:
        yield f"bound {bad[:12]}", {"bound": bad}
    yield "center", {"center": ["1e30000000"]}
    for a in (257, 10**4, 10**7, 2**40, 2**62):
        yield f"t^{a}", {"objective": [["1/1", [a]]]}
        yield f"2 - t^{a}", {"inequalities": [[["2/1", [0]], ["-1/1", [a]]]], "gram": []}
        yield f"basis {a}", {"gram": [block([[0], [a]])]}
    yield "many factors", {"gram": [block([[0]], [0] * 5000)]}
    yield "a product too far", {"inequalities": [dense(200)], "gram": [block([[0]], [0] * 16)]}
    yield "a tower", {"objective": [["1/1", [256]]], "center": ["1/" + "3" * 40_000]}
    high = [[[f"{k}/1", [0]], ["-1/1", [256]]] for k in range(2, 12)]
    yield "a box by high powers", {"inequalities": high, "gram": []}
    yield "a box by an equation", {"equalities": high[:1], "equality_multipliers": [[]]}
    rng = random.Random(1)
    long = [[[odd_fraction(rng, 3000), [a]] for a in range(40)] for _ in range(20)]
    long = [[*g, ["-1/1", [40]]] for g in long]
    yield "a box by long numbers", {"inequalities": long, "gram": []}
    yield "nested lists", "[" * 10**6
    yield "deep lemmas", None


def block(basis, key=()):
    rows = [["1/1" if i == j else "0/1" for j in range(len(basis))] for i in range(len(basis))]
    return {"product_of_inequalities": list(key), "basis": basis, "matrix": rows}


def odd_fraction(rng, bits):
    """Fractions whose denominators have nothing in common."""
    return f"1/{rng.getrandbits(bits) | 1}"


def dense(degree, n=1):
    return [["1/3", [a] * n] for a in range(degree)]


BOMBS = list(bombs())


@pytest.mark.parametrize("name, change", BOMBS, ids=[name for name, _ in BOMBS])
def test_a_file_that_would_take_long_is_refused_at_once(name, change, tmp_path):
    data = stored(PROOFS["box"], tmp_path)
    if isinstance(change, dict):
        data |= change
    elif change is None:
        deep = lemma(1)
        for _ in range(400):
            deep = lemma(1) | {"lemmas": [deep]}
        data["lemmas"] = [deep]
    else:
        data = change
    start = process_time()
    forged = loaded(data, tmp_path)
    assert forged is None or forged.verify() in (True, False)
    assert process_time() - start < 10


def test_expansions_in_many_variables_are_weighed_before_they_are_tried(tmp_path):
    """(x + 1/3)^60 in each of four variables: fourteen million terms from a single one."""
    n = 4
    data = stored(PROOFS["box"], tmp_path)
    data |= {"variables": list("abcd"), "objective": [["1/1", [60] * n]], "inequalities": []}
    data |= {"center": ["1/3"] * n, "scale": ["1/1"] * n, "gram": [], "bound": "0/1"}
    assert loaded(data | {"objective": [["1/1", [200] * n]]}, tmp_path) is None
    data |= {"objective": [["1/1", [60] * n]], "denominator": [["1/1", [30] * n], ["1/1", [0] * n]]}
    start = process_time()
    forged = loaded(data, tmp_path)
    assert forged is None or not forged.verify()
    assert process_time() - start < 30


def test_a_large_matrix_of_long_fractions_is_decided_or_refused(tmp_path):
    """60 x 60 with fractions of 300 digits: pivots would grow to ten thousands of them."""
    rng, n = random.Random(1), 60
    digits = [
        [F(rng.getrandbits(1000), rng.getrandbits(1000) | 1) for _ in range(n)] for _ in range(n)
    ]
    basis = [[a] for a in range(n)]
    for shift in (0, 200):
        rows = [
            [str(digits[max(i, j)][min(i, j)] + shift * (i == j)) for j in range(n)]
            for i in range(n)
        ]
        data = stored(PROOFS["box"], tmp_path)
        data["gram"] = [{"product_of_inequalities": [], "basis": basis, "matrix": rows}]
        start = process_time()
        forged = loaded(data, tmp_path)
        assert forged is None or not forged.verify()
        assert process_time() - start < 20


@pytest.mark.parametrize("part", ["gram", "equality_multipliers", "denominator", "objective"])
def test_many_long_denominators_are_weighed_together(part, tmp_path):
    """Each is short; what they have in common is not, and sums and products are as long."""
    rng, n = random.Random(2), 60
    data = stored(PROOFS["box"], tmp_path) | {"variables": ["a", "b"], "inequalities": []}
    data |= {"center": ["0/1"] * 2, "scale": ["1/1"] * 2, "gram": []}
    basis = [[i % 15, i // 15] for i in range(4 * n)]
    terms = [[odd_fraction(rng, 300), alpha] for alpha in basis]
    data |= {"objective": [["1/1", [0, 1]]], "equalities": [], "equality_multipliers": []}
    if part == "gram":
        rows = [["0/1"] * n for _ in range(n)]
        for i in range(n):
            for j in range(i):
                rows[i][j] = rows[j][i] = odd_fraction(rng, 700)
            rows[i][i] = "9/1"
        data |= {"gram": [{"product_of_inequalities": [], "basis": basis[:n], "matrix": rows}]}
    elif part == "equality_multipliers":
        data |= {"equalities": [terms], "equality_multipliers": [terms]}
    else:
        data |= {"objective": terms, "denominator": terms, part: terms}
    start = process_time()
    forged = loaded(data, tmp_path)
    assert forged is None or not forged.verify()
    assert process_time() - start < 15


def test_a_curve_survives_its_file_and_is_read_strictly(tmp_path):
    s = ps.minimize(Problem(x**2 - y**2))
    path = tmp_path / "curve.json"
    s.proof.save(path)
    assert ps.DescentCurve.load(path) == s.proof
    data = json.loads(path.read_text())
    for change in (
        {"powers": [0, 10**30]},
        {"powers": [0, 1.0]},
        {"powers": [0, True]},
        {"coefficients": ["1" * 200_000, "1/1"]},
        {"coefficients": [1, 1]},
        {"format": "polysos proof 2"},
        {"objective": [["1/1", [2**62, 2**62]]]},
    ):
        path.write_text(json.dumps(data | change))
        with pytest.raises(ValueError, match="must name a descent curve"):
            ps.DescentCurve.load(path)
    path.write_text(json.dumps(data | {"coefficients": ["1/1", "0/1"]}))
    assert ps.DescentCurve.load(path).verify() is False


# Tampering at random


def tampered(data: dict, choices, draw):
    """The same data with one to three of its numbers and lists changed."""
    for _ in range(draw(st.integers(1, 3), label="how many")):
        places = [(place, value) for place, value in leaves(data) if place[-1] != "message"]
        place, value = places[draw(st.integers(0, len(places) - 1), label="where")]
        options = variants(value)
        data = choices(data, place, options[draw(st.integers(0, len(options) - 1), label="what")])
    return data


def put(data, place, value):
    new = copy.deepcopy(data)
    target = new
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return new


@settings(max_examples=400)
@given(st.sampled_from(sorted(PROOFS)), st.data())
def test_tampered_proofs_in_one_variable_say_nothing_false(tmp_path_factory, name, data):
    tmp_path = tmp_path_factory.getbasetemp()
    changed = tampered(stored(PROOFS[name], tmp_path), put, data.draw)
    proof = loaded(changed, tmp_path)
    if proof is None or not proof.verify():
        return
    minimum, unbounded = least(proof.problem)
    # (Where no point is feasible, everything is true.)
    assert not unbounded and (minimum is None or not minimum < arb(to_fmpq(proof.bound)))


@pytest.fixture(scope="module")
def fits():
    """Proofs of fits in several variables, with what their losses are."""
    found = []
    for loss in ("mean-sup", "sample-squares"):
        p = planted((1, 1), 5, noise=0.05, seed=1)
        f = p.fit(loss=loss)
        assert f.certified
        found.append(f)
    return found


@settings(max_examples=60)
@given(st.integers(0, 1), st.data())
def test_tampered_proofs_of_fits_are_refused_or_accepted_by_the_sceptic(
    tmp_path_factory, fits, number, data
):
    tmp_path = tmp_path_factory.getbasetemp()
    changed = tampered(stored(fits[number].proof, tmp_path), put, data.draw)
    proof = loaded(changed, tmp_path)
    assert proof is None or not proof.verify() or sceptic(tmp_path / "forged.json")
