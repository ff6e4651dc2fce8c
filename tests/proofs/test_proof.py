"""Proofs: exact, self-contained, and false as soon as anything in them is changed."""

import copy
import json
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polysos as ps
from tests.problems import CASES, MORE, example
from tests.sceptic import sceptic

F = Fraction
Problem = ps.PolynomialProblem
HALF = F(1, 2)


def matrix(rows):
    array = np.empty((len(rows), len(rows)), dtype=object)
    for i, row in enumerate(rows):
        array[i] = [F(v) for v in row]
    return array


def proof_of(problem, bound, gram, multipliers=(), **rest) -> ps.Proof:
    """A proof written by hand: gram maps keys to (basis, rows)."""
    exact = Problem(
        problem.objective.exact(),
        [g.exact() for g in problem.inequalities],
        [h.exact() for h in problem.equalities],
    )
    names, n = problem.objective.names, problem.n_variables
    return ps.Proof(
        holds=True,
        bound=F(bound),
        problem=exact,
        center=rest.pop("center", (F(0),) * n),
        scale=rest.pop("scale", (F(1),) * n),
        gram={
            key: ps.BasisMatrix(matrix(rows), np.array(basis), names)
            for key, (basis, rows) in gram.items()
        },
        equality_multipliers=tuple(q.exact() for q in multipliers),
        **rest,
    )


def univariate_proofs() -> dict[str, ps.Proof]:
    """Small proofs, by hand, of bounds that are tight, one for each part that a proof can have."""
    (t,) = ps.variables(1)
    one = ps.Polynomial.constant(F(1), 1)
    theta = (1 + t**2).exact()
    lemma = proof_of(Problem(t, [t, 2 - t]), 0, {(0,): ([[0]], [[1]])})
    arch = (t**2 - t + 1).exact()
    at_least = proof_of(Problem(arch), F(3, 4), {(): ([[0], [1]], [[F(1, 4), -HALF], [-HALF, 1]])})
    return {
        # t^2 - t + 1/4 = (t - 1/2)^2 in z = t - 1
        "box": proof_of(
            Problem(t**2 - t, [t, 2 - t]),
            F(-1, 4),
            {(): ([[0], [1]], [[F(1, 4), HALF], [HALF, 1]])},
            center=(F(1),),
        ),
        # t + 1 = (t + 1)^2 / 2 - (t^2 - 1) / 2
        "equality": proof_of(
            Problem(t, [], [t**2 - 1]),
            -1,
            {(): ([[0], [1]], [[HALF, HALF], [HALF, HALF]])},
            [-HALF * one],
        ),
        # t + 1 = (t + 1)^2 / 2 + (1 - t^2) / 2
        "inequality": proof_of(
            Problem(t, [1 - t**2]),
            -1,
            {(): ([[0], [1]], [[HALF, HALF], [HALF, HALF]]), (0,): ([[0]], [[HALF]])},
        ),
        # t (1 - t) is itself the product of the constraints
        "product": proof_of(Problem(t - t**2, [t, 1 - t]), 0, {(0, 1): ([[0]], [[1]])}),
        # (1 + t^2) t^2 = t^2 + t^4
        "denominator": proof_of(
            Problem(t**2), 0, {(): ([[1], [2]], [[1, 0], [0, 1]])}, denominator=theta
        ),
        "sublevel": proof_of(
            Problem(t**2 - t, [1 - (t**2 - t)]),
            F(-1, 4),
            {(): ([[0], [1]], [[F(1, 4), -HALF], [-HALF, 1]])},
            sublevel=F(1),
        ),
        # t + 1 = t (from the lemma's box, as what remains) + 1
        "lemma": proof_of(Problem(t + 1, [t, 2 - t]), 1, {}, lemmas=(lemma,)),
        "units": proof_of(
            Problem(t, [t - 10, 30 - t]), 10, {(0,): ([[0]], [[1]])}, center=(F(20),), scale=(10,)
        ),
        # 2 t - t^2 is the product of the two sides of the box, numbers 2 and 3
        "sides": proof_of(Problem(2 * t - t**2, [t, 2 - t]), 0, {(2, 3): ([[0]], [[1]])}),
        # (t^2 - t + 1) t^2 is a square on (t, t^2), and the lemma shows that t^2 - t + 1 > 0
        "positive": proof_of(
            Problem(t**2),
            0,
            {(): ([[1], [2]], [[1, -HALF], [-HALF, 1]])},
            denominator=arch,
            lemmas=(at_least,),
        ),
        # (3 - t) (1 - t) >= 0 and 3 - t > 0, where t >= 3/2 is impossible
        "assumption": proof_of(
            Problem(-t, TWO_PARTS), -1, {(0,): ([[0]], [[1]])}, denominator=3 - t, lemmas=(REFUTED,)
        ),
    }


def refutation(assumption, bound, gram, given=None, **rest):
    """A lemma: that t with this assumption is impossible in the part where t > 0."""
    given = TWO_PARTS if given is None else given
    return proof_of(Problem(0 * T, [*given, assumption]), bound, gram, assumption=True, **rest)


# t >= 0, (t - 1) (t - 3) >= 0, t <= 5/2: that is [0, 1], which its box does not know.
(T,) = ps.variables(1)
TWO_PARTS = [(T - 1) * (T - 3), T, 2.5 - T]
# For t = 2 + z / 2 in [3/2, 5/2]: 0 - 3/4 = (t - 1) (t - 3) + (1 - z^2) / 4
REFUTED = refutation(T - 1.5, F(3, 4), {(0,): ([[0]], [[1]])}, center=(F(2),), scale=(HALF,))


PROOFS = univariate_proofs()


def lemma_proof():
    """A proof on a set whose box needs lemmas: 1 - (x - y)^2 - y^2 >= 0."""
    x, y = ps.variables(2)
    problem = Problem(x**4 - 3 * x * y, [1 - (x - y) ** 2 - y**2])
    basis = [[0, 0], [1, 0], [0, 1]]

    def lemma(side, bound, rows, weight):
        g = {(): (basis, rows), (0,): ([[0, 0]], [[weight]])}
        return proof_of(Problem(side, problem.inequalities), bound, g)

    lemmas = (
        lemma(x, -2, [[1, HALF, 0], [HALF, 1, -1], [0, -1, 2]], 1),
        lemma(-x, -2, [[1, -HALF, 0], [-HALF, 1, -1], [0, -1, 2]], 1),
        lemma(y, -1, [[HALF, 0, HALF], [0, HALF, -HALF], [HALF, -HALF, 1]], HALF),
        lemma(-y, -1, [[HALF, 0, -HALF], [0, HALF, -HALF], [-HALF, -HALF, 1]], HALF),
    )
    certificate = ps.sos_certificate(ps.solve_relaxation(problem, 2))
    return certificate, lemmas


def least(problem: Problem) -> float:
    """Minimum of a problem in one variable, by looking at all candidates; inf without points."""

    def read(p):
        terms = p.exact().terms
        cut = [max(-(10**90), min(10**90, terms.get((a,), 0))) for a in range(p.degree + 1)]
        return np.polynomial.Polynomial([float(c) for c in cut])

    f = read(problem.objective)
    constraints = [read(g) for g in (*problem.inequalities, *problem.equalities)]
    roots = [p.roots() for p in (f.deriv(), *constraints) if p.degree() > 0]
    real = [r.real for r in np.concatenate([*roots, [0.0]]) if abs(r.imag) < 1e-6]
    points = np.array([*real, -1e4, 1e4])
    m = len(problem.inequalities)
    feasible = np.ones(len(points), dtype=bool)
    for j, g in enumerate(constraints):
        feasible &= (g(points) >= -1e-6) if j < m else (np.abs(g(points)) <= 1e-6)
    return float(f(points[feasible]).min(initial=inf))


# The sceptic: a checker that shares no line with the library

SCEPTICAL = {
    "box": lambda: ps.minimize(
        Problem(
            ps.Polynomial({(2, 1): 1.0, (0, 2): 2.0, (1, 0): -3.0}, 2),
            [
                ps.Polynomial({(1, 0): 1.0, (0, 0): 1.0}, 2),
                ps.Polynomial({(1, 0): -1.0, (0, 0): 3.0}, 2),
                ps.Polynomial({(0, 1): 1.0}, 2),
                ps.Polynomial({(0, 1): -1.0, (0, 0): 2.0}, 2),
            ],
        )
    ),
    "unconstrained": lambda: ps.minimize(CASES["camel6"].problem),
    "denominator": lambda: ps.minimize(CASES["lasserre01_motzkin_like"].problem),
    "equality": lambda: ps.minimize(CASES["sphere_cubes"].problem),
    "example 3.4": lambda: ps.minimize(example_problem()),
}


def example_problem():
    net, inputs, outputs, _ = example()
    return net.training_problem(inputs, outputs)


@pytest.fixture(scope="module", params=SCEPTICAL)
def saved(request, tmp_path_factory):
    s = SCEPTICAL[request.param]()
    assert s.status == "certified"
    path = tmp_path_factory.mktemp("proofs") / "proof.json"
    s.proof.save(path)
    return request.param, s.proof, path


def test_a_sceptic_accepts_a_saved_proof_and_rejects_it_tampered(saved, tmp_path):
    name, proof, path = saved
    assert (proof.denominator is not None) == (name == "denominator")
    if name != "equality":  # on the sphere the box comes from a square: more than a sceptic knows
        assert sceptic(path)
    data = json.loads(path.read_text())
    changed = tmp_path / "changed.json"

    def rejected(change) -> bool:
        new = copy.deepcopy(data)
        change(new)
        changed.write_text(json.dumps(new))
        return not sceptic(changed) and not ps.Proof.load(changed).verify()

    def raise_the_bound(d):
        d["bound"] = str(F(d["bound"]) + F(1, 1000))

    def change_an_entry(d):
        block = max(d["gram"], key=lambda b: len(b.get("matrix", "")))
        if "constant" in block:
            block["constant"] = str(F(block["constant"]) + F(1, 100))
            return
        row = max(range(len(block["matrix"])), key=lambda i: F(block["matrix"][i][i]))
        block["matrix"][row][row] = str(F(block["matrix"][row][row]) + F(1, 100))

    def make_it_negative(d):
        block = max(d["gram"], key=lambda b: len(b.get("matrix", "")))
        if "constant" in block:
            block["constant"] = "-1"
        else:
            block["matrix"][0][0] = "-1"

    def change_the_objective(d):
        d["objective"].append(["1", [3] * len(d["variables"])])

    changes = [raise_the_bound, change_an_entry, make_it_negative, change_the_objective]
    assert [rejected(change) for change in changes] == [True] * 4


# Files


def test_a_proof_survives_its_file(saved, tmp_path):
    _, proof, path = saved
    again = ps.Proof.load(path)
    assert again.verify() and again.bound == proof.bound and again.problem == proof.problem
    assert again.lower_bound == proof.lower_bound <= proof.bound
    assert again.gram.keys() == proof.gram.keys()
    for key, Q in proof.gram.items():
        assert (again.gram[key].values == Q.values).all()
        assert (again.gram[key].basis == Q.basis).all()
    copied = tmp_path / "again.json"
    again.save(str(copied))  # a str will do as well
    assert copied.read_text() == path.read_text()


@pytest.mark.parametrize("name", PROOFS)
def test_the_proofs_by_hand_hold_and_are_tight(name, tmp_path):
    proof = PROOFS[name]
    assert proof.verify() and float(proof.bound) == pytest.approx(least(proof.problem))
    path = tmp_path / "proof.json"
    proof.save(path)
    assert ps.Proof.load(path).verify()


def leaves(data, path=()):
    """Every number and every list in a proof's JSON, as the path that leads to it."""
    for key in data if isinstance(data, dict) else range(len(data)):
        value = data[key]
        if isinstance(value, (dict, list)):
            yield (*path, key), value
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def variants(value):
    if isinstance(value, bool):
        return [not value, "false", None]
    if isinstance(value, int):
        return [value + 1, value - 1, -1, 0, 7, 10**30, "1", None, 0.5, nan, inf]
    if isinstance(value, str):
        try:
            c = F(value)
        except (ValueError, ZeroDivisionError):
            return ["", "x9", None, 1]
        return [str(v) for v in (c + 1, c - 1, 2 * c, -c, 0)] + ["1/0", "", None, inf, nan, "1e400"]
    if isinstance(value, list):
        return [[], value[:-1], value[1:], value[::-1], [*value, *value], {}, None, "12"]
    return ["1", "0", None, []]


def changed_at(data, path, value):
    new = copy.deepcopy(data)
    *way, last = path
    target = new
    for key in way:
        target = target[key]
    target[last] = value
    return new


@pytest.mark.parametrize("name", PROOFS)
def test_each_number_of_a_proof_file_matters(name, tmp_path):
    """Change each in turn: no proof file, no proof, or what it now says is true. All occur."""
    path = tmp_path / "proof.json"
    PROOFS[name].save(path)
    data = json.loads(path.read_text())
    unreadable = refused = true = 0
    for place, value in leaves(data):
        for new in variants(value):
            if new == value or place[-1] == "message":
                continue
            path.write_text(json.dumps(changed_at(data, place, new)))
            where = f"{place}: {value!r} became {new!r}"
            try:
                proof = ps.Proof.load(path)
            except ValueError as error:
                assert str(path) in str(error), where
                unreadable += 1
                continue
            verdict = proof.verify()
            assert verdict is True or verdict is False, where
            if verdict:
                assert float(proof.bound) <= least(proof.problem) + 1e-6, where
            true, refused = true + verdict, refused + (not verdict)
    assert unreadable > 50 and refused > 20 and true > 10


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"1",
        b"null",
        b"[]",
        b"{}",
        b'"polysos proof 1"',
        b'{"format": "polysos proof 1"}',
        b'{"format": "polysos proof 2"}',
        b"\xff\xfe\x00",
        b"\x89PNG\r\n",
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_proof_is_a_value_error_with_its_path(content, tmp_path):
    path = tmp_path / "something.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"something\.json"):
        ps.Proof.load(path)


def test_a_file_that_is_not_there_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        ps.Proof.load(tmp_path / "nothing.json")


# False proofs


@pytest.mark.parametrize("name", PROOFS)
def test_a_higher_bound_is_not_proven_and_a_lower_one_is(name):
    proof = PROOFS[name]
    for higher in (F(1, 10**12), 1, 10**400):  # no float can hold the last
        assert not replace(proof, bound=proof.bound + higher).verify()
    # (Of "positive" a multiple of the denominator would remain, with terms of both signs.)
    assert replace(proof, bound=proof.bound - 1).verify() or name == "positive"
    assert not replace(proof, holds=False).verify()
    assert not replace(proof, bound=None).verify()


@pytest.mark.parametrize(
    "name, change",
    [
        ("box", {"scale": (F(-1),)}),
        ("box", {"scale": (F(0),)}),
        ("box", {"scale": ()}),
        ("box", {"scale": (F(-1),), "bound": F(100)}),
        ("box", {"center": (F(1), F(1))}),
        ("box", {"center": (F(3, 2),)}),
        ("box", {"denominator": 1 + ps.variables(1)[0] ** 2}),
        ("box", {"denominator": ps.variables(1)[0] ** 2}),
        ("box", {"denominator": ps.Polynomial.constant(-1, 1)}),
        ("box", {"sublevel": F(0)}),
        ("box", {"gram": {}}),
        ("denominator", {"denominator": None}),
        ("denominator", {"scale": (F(0),), "gram": {}, "center": (F(9),), "bound": F(81)}),
        ("equality", {"equality_multipliers": ()}),
        ("sublevel", {"sublevel": F(2)}),
        ("sublevel", {"sublevel": F(-1, 2)}),
    ],
)
def test_parts_that_do_not_belong_are_refused(name, change):
    assert not replace(PROOFS[name], **change).verify()


def gram(name, key, rows, basis=None):
    Q = PROOFS[name].gram[key]
    basis = Q.basis if basis is None else np.array(basis)
    return replace(
        PROOFS[name],
        gram={**PROOFS[name].gram, key: ps.BasisMatrix(matrix(rows), basis, Q.names)},
    )


@pytest.mark.parametrize(
    "false",
    [
        gram("box", (), [[F(1, 4), HALF], [HALF, F(9, 10)]]),  # an entry less, and indefinite
        gram("box", (), [[F(1, 4), HALF], [F(2, 5), 1]]),  # not symmetric
        gram("box", (), [[F(5, 4), HALF], [HALF, 1]]),  # the constant is too large
        gram("box", (), [[F(1, 4), HALF], [HALF, 1]], [[0], [2]]),  # another basis
        gram("inequality", (0,), [[-HALF]]),  # a negative multiplier
        gram("denominator", (), [[1, 0], [0, 1]], [[1], [1]]),
    ],
)
def test_false_gram_matrices_are_refused(false):
    assert not false.verify()


def test_a_multiplier_of_the_wrong_inequality_is_refused():
    proof = PROOFS["units"]
    assert not replace(proof, gram={(1,): proof.gram[(0,)]}).verify()
    assert not replace(proof, gram={(5,): proof.gram[(0,)]}).verify()
    assert not replace(proof, gram={(-2,): proof.gram[(0,)]}).verify()  # no counting from behind


def test_an_indefinite_matrix_is_refused_even_where_the_identity_holds():
    """t^2 - t = Q with eigenvalues of both signs, bound 0: the identity alone proves nothing."""
    (t,) = ps.variables(1)
    false = proof_of(Problem(t**2 - t), 0, {(): ([[0], [1]], [[0, -HALF], [-HALF, 1]])})
    assert not false.verify()
    assert not proof_of(Problem(-(t**2)), 0, {(): ([[1]], [[-1]])}).verify()


# Lemmas


@pytest.fixture(scope="module")
def with_lemmas():
    certificate, lemmas = lemma_proof()
    return certificate, lemmas, ps.verify_certificate(certificate, lemmas)


def test_lemmas_make_the_box_that_a_proof_needs(with_lemmas, tmp_path):
    certificate, lemmas, proof = with_lemmas
    assert all(lemma.verify() for lemma in lemmas)
    assert not ps.verify_certificate(certificate).holds
    assert proof.holds and proof.verify() and proof.lemmas == lemmas
    assert proof.bound == pytest.approx(certificate.bound, abs=1e-5)
    proof.save(tmp_path / "proof.json")
    assert ps.Proof.load(tmp_path / "proof.json").verify()


def test_a_proof_without_one_of_its_lemmas_does_not_hold(with_lemmas):
    *_, proof = with_lemmas
    for i in range(4):
        assert not replace(proof, lemmas=proof.lemmas[:i] + proof.lemmas[i + 1 :]).verify()


def false_lemmas(lemmas):
    first, *others = lemmas
    x, _ = ps.variables(2)
    stranger = [x.exact()]  # a constraint that the problem does not have
    elsewhere = Problem(first.problem.objective, (*first.problem.inequalities, *stranger))
    yield "bound too high", (replace(first, bound=F(1, 2)), *others)
    yield "bound far too high", (replace(first, bound=F(50)), *others)
    yield "not held", (replace(first, holds=False), *others)
    yield "of another set", (replace(first, problem=elsewhere), *others)
    proven_elsewhere = proof_of(Problem(x, stranger), 0, {(0,): ([[0, 0]], [[1]])})
    assert proven_elsewhere.verify()
    yield "true of another set", (proven_elsewhere, *others)


def test_a_lemma_of_another_space_is_refused(with_lemmas):
    *_, proof = with_lemmas
    lemma = univariate_proofs()["units"]
    assert replace(proof, lemmas=(lemma, *proof.lemmas)).verify() is False


def test_false_lemmas_are_refused(with_lemmas):
    *_, proof = with_lemmas
    for name, lemmas in false_lemmas(proof.lemmas):
        assert replace(proof, lemmas=lemmas).verify() is False, name


def test_verify_certificate_does_not_trust_its_lemmas(with_lemmas):
    """Two lemmas that contradict each other would prove anything."""
    certificate, lemmas, _ = with_lemmas
    claim = replace(certificate, bound=99.0, denominator=1)
    for name, false in false_lemmas(lemmas):
        for c in (certificate, claim):
            try:
                proof = ps.verify_certificate(c, false)
            except ValueError:
                continue
            assert not proof.holds or proof.verify(), name
            assert not proof.holds or proof.bound <= F(-2), name  # the minimum is -2.0356...


@pytest.mark.parametrize("shift, follows", [(1, True), (0, True), (-1, False)])
def test_a_lemma_may_use_weaker_constraints_and_no_stronger_ones(shift, follows):
    """Where t >= 0, t + 1 >= 0 may be used, t - 1 >= 0 may not."""
    (t,) = ps.variables(1)
    lemma = proof_of(Problem(t, [t + shift]), -shift, {(0,): ([[0]], [[1]])})
    proof = proof_of(Problem(t, [t]), -shift, {(0,): ([[0]], [[1]])} if shift == 0 else {})
    assert lemma.verify() and replace(proof, lemmas=(lemma,)).verify() is follows


def test_a_bound_above_the_sublevel_is_refused():
    """t^2 <= -1 holds nowhere, so everything is true there; of t^2 it says only t^2 >= -1."""
    (t,) = ps.variables(1)
    proof = proof_of(Problem(t**2, [-1 - t**2]), -1, {}, sublevel=F(-1))
    assert proof.verify() and not replace(proof, bound=F(0)).verify()
    assert not replace(proof, bound=F(100)).verify()


# Sides of a box


def side_proof(lemmas):
    """(x + 2) (1 - y) >= 0 by the sides of the box that the lemmas make."""
    x, y = ps.variables(2)
    problem = Problem((x + 2) * (1 - y), lemmas[0].problem.inequalities)
    return proof_of(problem, 0, {(1, 4): ([[0, 0]], [[1]])}, lemmas=lemmas)


def test_sides_of_a_box_are_inequalities_once_lemmas_have_shown_them():
    """With one inequality, x - low is number 1, high - x is 2, y - low is 3 and high - y is 4."""
    _, lemmas = lemma_proof()
    proof = side_proof(lemmas)
    assert proof.verify() and not replace(proof, bound=F(1, 10**9)).verify()
    assert side_proof((lemmas[0], lemmas[3])).verify()
    for few in (lemmas[:3], lemmas[1:], lemmas[1:3]):
        assert side_proof(few).verify() is False  # a side that nothing has shown
    assert replace(proof, lemmas=()).verify() is False


@pytest.mark.parametrize(
    "key", [(1, 3), (2, 4), (2, 3), (1,), (4, 4), (1, 1, 4), (0, 4), (4, 1, 4)]
)
def test_other_sides_do_not_stand_in(key):
    proof = side_proof(lemma_proof()[1])
    assert replace(proof, gram={key: proof.gram[1, 4]}).verify() is False


@pytest.mark.parametrize("key", [(5,), (1, 5), (-1,), (10**9,), (1.5, 4), ("1", 4), (None,)])
def test_numbers_of_no_inequality_are_refused(key, tmp_path):
    proof = side_proof(lemma_proof()[1])
    false = replace(proof, gram={**proof.gram, key: proof.gram[1, 4]})
    assert false.verify() is False
    proof.save(tmp_path / "proof.json")
    data = json.loads((tmp_path / "proof.json").read_text())
    data["gram"][0]["product_of_inequalities"] = list(key)
    (tmp_path / "proof.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"proof\.json"):
        ps.Proof.load(tmp_path / "proof.json")


def test_a_lemma_may_use_the_sides_before_it_and_not_the_ones_after():
    """y >= -1 and y <= 1 give 1 - y^2 >= 0: a lemma that has to come after both."""
    _, (*_, below, above) = lemma_proof()
    _, y = ps.variables(2)
    problem = Problem(-(y**2), below.problem.inequalities)
    square = proof_of(problem, -1, {(3, 4): ([[0, 0]], [[1]])})
    proof = proof_of(problem, -1, {}, lemmas=(below, above, square))
    assert proof.verify()
    for order in ((square, below, above), (below, square, above), (square,)):
        assert replace(proof, gram={(3, 4): square.gram[3, 4]}, lemmas=order).verify() is False


# Denominators


def ratio_proof(lemma_bound=1, **changes):
    """x >= 3/2, where 1 <= x y <= 2 and x^2 y >= 3: x y (x - 3/2) >= 0 and x y > 0."""
    x, y = ps.variables(2)
    constraints = [x * y - 1, x**2 * y - 3, 2 - x * y]
    lemma = proof_of(Problem(x * y, constraints), lemma_bound, {(0,): ([[0, 0]], [[1]])})
    gram = {(1,): ([[0, 0]], [[1]]), (2,): ([[0, 0]], [[F(3, 2)]])}
    parts = {"denominator": x * y, "lemmas": (lemma,)} | changes
    return proof_of(Problem(x, constraints), F(3, 2), gram, **parts)


def test_a_denominator_is_positive_by_a_lemma():
    x, y = ps.variables(2)
    assert ratio_proof().verify()
    assert not replace(ratio_proof(), bound=F(3, 2) + F(1, 10**9)).verify()
    for name, changes in {
        "no lemma": {"lemmas": ()},
        "positive or zero": {"lemma_bound": 0},
        "another one": {"denominator": x * y + y},
        "its opposite": {"denominator": -x * y},
        "none": {"denominator": None},
        "in other units": {"center": (F(1), F(0))},
    }.items():
        assert ratio_proof(**changes).verify() is False, name
    # The lemma is true of the set with x y >= 1 only.
    stranger = [x * y - 1, *[g.exact() for g in ratio_proof().problem.inequalities[1:]]]
    elsewhere = replace(ratio_proof(), problem=Problem(x, [x * y + 1, *stranger[1:]]))
    assert elsewhere.verify() is False


def test_a_denominator_that_may_vanish_proves_nothing():
    """t^2 (t^2 - 1) >= 0 allows t = 0; t^2 (f - 1) >= 0 for f = t^2 does not exclude it."""
    problem = Problem(T**2, [T**4 - T**2])
    one = {(0,): ([[0]], [[1]])}
    false = proof_of(problem, 1, one, denominator=T**2)
    assert not false.verify()
    nonnegative = proof_of(problem, 0, {(): ([[1]], [[1]])})
    assert nonnegative.verify() and not replace(false, lemmas=(nonnegative,)).verify()
    # Nor by going in circles: a lemma that needs itself, or that another needs first.
    assert not replace(false, lemmas=(false,)).verify()
    assert not replace(false, lemmas=(replace(nonnegative, bound=F(1, 10)), false)).verify()


# Sizes of monomials


def size_proof(lemma, **changes):
    """x y >= -2 where (x y)^2 + x^2 <= 4, by the size of x y alone: nothing else is bounded."""
    x, y = ps.variables(2)
    problem = Problem(x * y, [4 - x**2 * y**2 - x**2])
    lemmas = () if lemma is None else (lemma(problem),)
    return proof_of(problem, -2 - F(1, 10**6), {}, lemmas=lemmas, **changes)


def lemma_about(f, bound, weight=1):
    one = {(0,): ([[0, 0]], [[weight]])} if weight else {}
    return lambda problem: proof_of(Problem(f, problem.inequalities), bound, one)


def test_monomials_are_as_small_as_a_lemma_shows():
    x, y = ps.variables(2)
    squares = -(x**2) * y**2 - x**2
    good = lemma_about(squares, -4)
    assert size_proof(good).verify() and not size_proof(None).verify()
    assert not replace(size_proof(good), bound=F(-2) + F(1, 10**6)).verify()
    for name, lemma in {
        "a better bound than the truth": lemma_about(squares, -1),
        "no squares": lemma_about(-(x**2) * y**2 - x**2 + x, -4),
        "a sum with the wrong sign": lemma_about(-(x**2) * y**2 + x**2, -4),
        "another monomial": lemma_about(-(x**2), -4, 0),
        "without its multiplier": lemma_about(squares, -4, 0),
    }.items():
        assert size_proof(lemma).verify() is False, name
    for units in ({"center": (F(1), F(0))}, {"scale": (F(1, 4), F(1, 4))}):
        assert size_proof(good, **units).verify() is False  # z is not x


def test_odd_powers_have_no_size():
    """-t^3 >= -8 bounds t from above; -8 <= t^3, and t itself, it does not."""
    x, y = ps.variables(2)
    problem = Problem(x * y, [8 - x**3 * y**3])
    lemma = proof_of(Problem(-(x**3) * y**3, problem.inequalities), -8, {(0,): ([[0, 0]], [[1]])})
    assert lemma.verify()
    assert not proof_of(problem, -100, {}, lemmas=(lemma,)).verify()


# Assumptions


def at_most(bound, *lemmas):
    return proof_of(Problem(-T, TWO_PARTS), -F(bound), {}, lemmas=lemmas)


def test_a_refuted_assumption_shrinks_the_box():
    assert at_most(1.5, REFUTED).verify()
    assert not at_most(1.5).verify() and at_most(2.5).verify()
    assert not at_most(1.5 - 2**-30, REFUTED).verify()
    assert not REFUTED.verify()  # by itself it says something false: 0 >= 3/4


def test_assumptions_are_refuted_by_proofs_with_lemmas_and_assumptions_of_their_own():
    """t <= 9/8: first t >= 7/4 is refuted, then, under it, t >= 3/2; then what is left.

    With t = c + s z, (t - 1) (t - 3) = (t - 2)^2 - 1 is at most -3/4 - ... on each piece.
    """
    given = [*TWO_PARTS, T - 1.125]
    inner = refutation(
        T - 1.5, F(3, 4), {(0,): ([[0]], [[1]])}, given, center=(F(2),), scale=(HALF,)
    )
    # On [9/8, 3/2] the parabola is at most (7/8)^2 - 1 = -15/64.
    rest = {"center": (F(21, 16),), "scale": (F(3, 16),)}
    outer = {
        lemmas: refutation(T - 1.125, F(1, 5), {(0,): ([[0]], [[1]])}, lemmas=lemmas, **rest)
        for lemmas in ((inner,), ())
    }
    assert at_most(1.125, outer[inner,]).verify()
    assert not at_most(1.125, outer[()]).verify()  # the inner part is needed
    assert not at_most(1.125, inner).verify()  # and proven under the outer assumption only
    assert not at_most(1.125, inner, outer[()]).verify()
    # What is shown inside stays inside: outside, t may be 3/2 - 1/2^30 only by a lemma outside.
    assert not replace(at_most(1.125, outer[inner,]), bound=F(-1)).verify()


def test_false_refutations_are_refused():
    lemma, one = REFUTED, {(0,): ([[0]], [[1]])}
    sides = lemma.problem.inequalities
    for name, false in {
        "possible": refutation(T - 0.5, F(3, 4), one, center=(F(2),), scale=(HALF,)),
        "the other half": refutation(1.5 - T, F(3, 4), one, center=(F(2),), scale=(HALF,)),
        "nothing positive": replace(lemma, bound=F(0)),
        "not proven": replace(lemma, bound=F(1)),
        "no multiplier": replace(lemma, gram={}),
        "of no constant": replace(lemma, problem=Problem(T.exact(), sides)),
        "a larger constant": replace(lemma, problem=Problem((0 * T + 1).exact(), sides)),
        "not an assumption": replace(lemma, assumption=False),
        "two assumptions": refutation(T - 1.5, F(3, 4), one, [*TWO_PARTS, T - 1]),
        "no inequality at all": replace(lemma, problem=Problem((0 * T).exact(), []), gram={}),
        "assumed first": replace(
            lemma, problem=Problem(lemma.problem.objective, (sides[-1], *sides[:-1]))
        ),
        "a sublevel": replace(lemma, sublevel=F(1)),
    }.items():
        assert at_most(1.5, false).verify() is False, name
        assert at_most(1, false).verify() is False, name


def test_an_assumption_that_is_no_side_of_a_box_says_nothing():
    """(t - 3/2)^2 >= 1 is impossible with t <= 5/2, up to its end; only half-lines are read."""
    beyond = refutation(T**2 - 9, 2, {(3,): ([[0]], [[1]])})
    # 0 - 2 = (t^2 - 9) + 7 - t^2 >= 0 on [0, 5/2]
    assert replace(beyond, bound=F(3, 4)) and at_most(2.5, replace(beyond, bound=F(3, 4))).verify()
    assert not at_most(2.4, replace(beyond, bound=F(3, 4))).verify()


def test_an_assumption_survives_its_file_and_cannot_be_changed_there(tmp_path):
    path, proof = tmp_path / "proof.json", at_most(1.5, REFUTED)
    proof.save(path)
    assert ps.Proof.load(path).verify()
    data = json.loads(path.read_text())
    assert data["lemmas"][0]["assumption"] and data["assumption"] is None

    def verdict(change):
        new = copy.deepcopy(data)
        change(new["lemmas"][0])
        path.write_text(json.dumps(new))
        return ps.Proof.load(path).verify()

    for terms in ([["1/1", [1]]], [["-1/1", [1]], ["3/2", [0]]], [], None):
        assert verdict(lambda d, terms=terms: d.update(assumption=terms)) is False
    assert verdict(lambda d: d.update(gram=[])) is False
    assert verdict(lambda d: d.update(inequalities=[], equalities=[])) is False
    # A stronger assumption is refuted as well, and gives less.
    new = copy.deepcopy(data)
    new["lemmas"][0]["assumption"] = [["1/1", [1]], ["-7/4", [0]]]
    path.write_text(json.dumps(new))
    assert not ps.Proof.load(path).verify()


# What proofs say


def test_lower_bound_is_rounded_down():
    for value in (
        F(1, 3),
        F(-1, 3),
        F(1, 10),
        F(10**17 + 1, 3),
        F(5),
        F(1, 10**320),
        F(-1, 7**400),
    ):
        low = replace(PROOFS["box"], bound=value).lower_bound
        assert F(low) <= value < F(np.nextafter(np.nextafter(low, inf), inf))
    assert isnan(replace(PROOFS["box"], holds=False).lower_bound)


def test_infeasibility_is_a_bound_above_a_constant():
    (t,) = ps.variables(1)
    one = ps.Polynomial.constant(F(1), 1)
    # 1 = (t^2 + 1) - t^2: with t^2 + 1 == 0 this says 0 >= 1.
    proof = proof_of(Problem(0 * t, [], [t**2 + 1]), 1, {(): ([[1]], [[1]])}, [-one])
    assert proof.verify() and proof.proves_infeasibility
    assert not replace(proof, bound=F(0)).proves_infeasibility
    assert not replace(proof, holds=False).proves_infeasibility
    assert not replace(PROOFS["box"], bound=F(5)).proves_infeasibility  # f is not constant
    feasible = proof_of(Problem(0 * t, [], [t**2 - 1]), 1, {(): ([[1]], [[1]])}, [-one])
    assert not feasible.verify()


@pytest.mark.parametrize("name", ["two_half_lines", "disk_and_line", "parabola_and_half_plane"])
def test_an_empty_box_is_a_proof_and_only_of_what_is_empty(name):
    from polysos.proofs.proof import empty_box_proof

    proof = empty_box_proof(MORE[name].problem)
    assert proof.verify() and proof.proves_infeasibility
    (t,) = ps.variables(1)
    assert not empty_box_proof(Problem(t, [t, 1 - t])).verify()
    assert not empty_box_proof(Problem(t)).verify()


def test_a_proof_is_about_the_floats_as_they_are():
    """0.1 is not 1/10: the minimum of (x - 0.1)^2 over x == 1/10 is positive, tiny, and exact."""
    (t,) = ps.variables(1)
    s = ps.minimize(Problem(t * F(1), [], [t - 0.1]))
    assert s.proof.bound == F(0.1) != F(1, 10)
    assert ps.minimize(Problem(t * F(1), [], [t - F(1, 10)])).proof.bound == F(1, 10)


def test_a_proof_is_frozen_and_says_what_it_is():
    with pytest.raises(FrozenInstanceError):
        PROOFS["box"].bound = F(9)
    assert "bound=-1/4" in repr(PROOFS["box"])


# Positive semidefinite matrices

SMALL = st.fractions(-3, 3, max_denominator=5)


def is_psd(rows) -> bool:
    from flint import fmpq

    from polysos.proofs.proof import is_positive_semidefinite

    return is_positive_semidefinite([[fmpq(v.numerator, v.denominator) for v in r] for r in rows])


def columns(B):
    return [list(column) for column in zip(*B, strict=True)]


def times(A, B):
    return [
        [sum((a * b for a, b in zip(row, column, strict=True)), F(0)) for column in columns(B)]
        for row in A
    ]


@given(st.integers(1, 4), st.integers(0, 3), st.data())
def test_b_b_transposed_is_psd_and_a_little_less_is_not(n, rank, data):
    """Singular whenever rank < n: floats cannot decide these, rationals do."""
    B = [[data.draw(SMALL) for _ in range(rank)] for _ in range(n)]
    M = times(B, columns(B)) if rank else [[F(0)] * n for _ in range(n)]
    assert is_psd(M)
    if rank < n:
        less = copy.deepcopy(M)
        for i in range(n):
            less[i][i] -= F(1, 10**30)
        assert not is_psd(less)


@given(st.integers(1, 4), st.data())
def test_psd_agrees_with_the_eigenvalues(n, data):
    M = [[F(0)] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            M[i][j] = M[j][i] = data.draw(SMALL) + (3 if i == j else 0)
    smallest = np.linalg.eigvalsh(np.array(M, dtype=float))[0]
    if abs(smallest) > 1e-9:
        assert is_psd(M) == (smallest > 0)


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([[0]], True),
        ([[-1]], False),
        ([[0, 1], [1, 9]], False),
        ([[9, 1], [1, 0]], False),
        ([[1, 2], [2, 4]], True),
        ([[1, 2], [3, 9]], False),
        ([[1, 0, 0], [0, 0, 0], [0, 0, -1]], False),
        ([[0, 0], [0, 1]], True),
        ([], True),
    ],
)
def test_psd_of_small_matrices(rows, expected):
    assert is_psd([[F(v) for v in row] for row in rows]) is expected
