"""Proofs: exact, self-contained, and false as soon as anything in them is changed.

`sceptic` is a checker from scratch: it reads the file with fractions only, and shares no line of
code with the library.
"""

import copy
import json
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from itertools import product
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import polysos as ps
from tests.problems import CASES, MORE, example

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
    }


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


# The sceptic


def sceptic(path) -> bool:
    """Check a saved proof: linear bounds of single variables make the box; no lemmas."""
    d = json.loads(path.read_text())
    n = len(d["variables"])
    zero = (0,) * n

    def read(terms):
        return {tuple(alpha): F(c) for c, alpha in terms}

    def add(p, q, times=1):
        r = dict(p)
        for alpha, c in q.items():
            r[alpha] = r.get(alpha, 0) + times * c
        return r

    def mul(p, q):
        r = {}
        for (a, c), (b, e) in product(p.items(), q.items()):
            r = add(r, {tuple(i + j for i, j in zip(a, b, strict=True)): c * e})
        return r

    def unit(i):
        return tuple(int(j == i) for j in range(n))

    x = [
        {zero: F(c), unit(i): F(s)}
        for i, (c, s) in enumerate(zip(d["center"], d["scale"], strict=True))
    ]

    def in_z(p):
        r = {}
        for alpha, c in p.items():
            term = {zero: c}
            for i, a in enumerate(alpha):
                for _ in range(a):
                    term = mul(term, x[i])
            r = add(r, term)
        return r

    def psd(M):  # take out the largest pivot; nothing may be left beside a pivot of zero
        if not M:
            return True
        k = max(range(len(M)), key=lambda i: M[i][i])
        if M[k][k] <= 0:
            return all(v == 0 for row in M for v in row)
        others = [i for i in range(len(M)) if i != k]
        return psd([[M[i][j] - M[i][k] * M[k][j] / M[k][k] for j in others] for i in others])

    f, g, h = in_z(read(d["objective"])), d["inequalities"], d["equalities"]
    bound, last = F(d["bound"]), d["sublevel"]
    if not d["holds"] or d["lemmas"] or any(F(s) <= 0 for s in d["scale"]):
        return False
    if last is not None:
        level = add(read(g[-1]), read(d["objective"]))
        if bound > F(last) or {a: c for a, c in level.items() if c} != {zero: F(last)}:
            return False
    rest = add(f, {zero: -bound})
    if d["denominator"] is not None:
        theta = read(d["denominator"])  # positive: 1 and squares
        if any(c < 0 or any(a % 2 for a in alpha) for alpha, c in theta.items()):
            return False
        if not theta.get(zero, 0) > 0:
            return False
        rest = mul(rest, theta)
    for block in d["gram"]:
        block = {"basis": [zero], "matrix": [[block.get("constant")]]} | block
        Q = [[F(v) for v in row] for row in block["matrix"]]
        if any(Q[i][j] != Q[j][i] for i in range(len(Q)) for j in range(len(Q))) or not psd(Q):
            return False
        sigma = {}
        for (i, a), (j, b) in product(enumerate(block["basis"]), repeat=2):
            sigma = add(sigma, {tuple(p + q for p, q in zip(a, b, strict=True)): Q[i][j]})
        for j in block["product_of_inequalities"]:
            sigma = mul(sigma, in_z(read(g[j])))
        rest = add(rest, sigma, -1)
    for q, equality in zip(d["equality_multipliers"], h, strict=True):
        rest = add(rest, mul(read(q), in_z(read(equality))), -1)

    low, high = [-inf] * n, [inf] * n
    for terms in map(read, g):
        linear = [(i, terms.get(unit(i), F(0))) for i in range(n)]
        used = [(i, c) for i, c in linear if c]
        if len(used) == 1 and set(terms) <= {zero, unit(used[0][0])}:
            i, c = used[0]
            end = (-terms.get(zero, F(0)) / c - F(d["center"][i])) / F(d["scale"][i])
            if c > 0:
                low[i] = max(low[i], end)
            else:
                high[i] = min(high[i], end)
    least_value = F(0)
    for alpha, c in rest.items():
        if c == 0:
            continue
        ends = [F(1), F(1)]
        for i, a in enumerate(alpha):
            if a == 0:
                continue
            if abs(low[i]) == inf or abs(high[i]) == inf:
                return False  # nothing may remain where nothing is bounded
            powers = sorted([low[i] ** a, high[i] ** a])
            if a % 2 == 0 and low[i] <= 0 <= high[i]:
                powers[0] = F(0)
            values = [p * q for p, q in product(ends, powers)]
            ends = [min(values), max(values)]
        least_value += min(c * ends[0], c * ends[1])
    return least_value >= 0


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
        except ValueError:
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
    assert replace(proof, bound=proof.bound - 1).verify()
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
    from polysos.proofs import empty_box_proof

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
    assert "Fraction(-1, 4)" in repr(PROOFS["box"])


# Positive semidefinite matrices

SMALL = st.fractions(-3, 3, max_denominator=5)


def is_psd(rows) -> bool:
    from flint import fmpq

    from polysos.proofs import is_positive_semidefinite

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
