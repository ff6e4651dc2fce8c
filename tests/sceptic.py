"""A checker of saved proofs from scratch: fractions only, and no line of the library.

It knows less than the library: the box comes from linear inequalities of a single variable and from
lemmas, not from interval propagation, and lemmas must leave their constraints to the proof around
them. What it accepts, holds.
"""

import json
from fractions import Fraction as F
from itertools import product
from math import inf, isqrt, nextafter


def sceptic(path) -> bool:
    """Whether a file proves what it says, with all its lemmas."""
    file = json.loads(path.read_text())
    n = len(file["variables"])
    one = (0,) * n

    def read(terms):
        return {tuple(alpha): F(c) for c, alpha in terms}

    def add(p, q, times=1):
        return {a: p.get(a, 0) + times * q.get(a, 0) for a in p.keys() | q.keys()}

    def mul(p, q):
        r = {}
        for (a, c), (b, e) in product(p.items(), q.items()):
            alpha = tuple(map(sum, zip(a, b, strict=True)))
            r[alpha] = r.get(alpha, 0) + c * e
        return r

    def down(v):
        return float(v) if F(float(v)) <= v else nextafter(float(v), -inf)

    def psd(M):  # take out the largest pivot; nothing may be left beside a pivot of zero
        if not M:
            return True
        k = max(range(len(M)), key=lambda i: M[i][i])
        if M[k][k] <= 0:
            return all(v == 0 for row in M for v in row)
        others = [i for i in range(len(M)) if i != k]
        return psd([[M[i][j] - M[i][k] * M[k][j] / M[k][k] for j in others] for i in others])

    def one_variable(p):
        used = [a for a, c in p.items() if c and any(a)]
        return used[0].index(1) if len(used) == 1 and sum(used[0]) == 1 else None

    def narrow(box, p):  # p >= 0, for p = a x_i + b; ends are floats, rounded outward
        i = one_variable(p)
        if i is not None:
            a = next(c for alpha, c in p.items() if c and any(alpha))
            end, (low, high) = -p.get(one, F(0)) / a, box[i]
            box[i] = (max(low, down(end)), high) if a > 0 else (low, min(high, -down(-end)))

    def side(box, number):
        i, upper = divmod(number, 2)
        x = tuple(int(j == i) for j in range(n))
        return {x: F(1 - 2 * upper), one: F(box[i][upper]) * (2 * upper - 1)}

    def smallest(p, box, sizes, d):
        """A lower bound of p(z), term by term."""
        trivial = all(F(c) == 0 and F(s) == 1 for c, s in zip(d["center"], d["scale"], strict=True))
        total = F(0)
        for alpha, c in p.items():
            ends = [F(1), F(1)] if c else [F(0), F(0)]
            for a, (low, high), center, scale in zip(
                alpha if c else (), box, d["center"], d["scale"], strict=bool(c)
            ):
                if a:
                    z = [v if abs(v) == inf else (F(v) - F(center)) / F(scale) for v in (low, high)]
                    powers = sorted(v**a for v in z)
                    powers[0] = F(0) if a % 2 == 0 and z[0] <= 0 <= z[1] else powers[0]
                    values = [F(0) if 0 in (v, w) else v * w for v, w in product(ends, powers)]
                    ends = [min(values), max(values)]
            if trivial and alpha in sizes:
                ends = [max(ends[0], -sizes[alpha]), min(ends[1], sizes[alpha])]
            worst = min(c * v for v in ends) if c else F(0)
            if worst == -inf:
                return -inf
            total += worst
        return total

    def learn(lemma, box, sizes, positive):
        f, bound = read(lemma["objective"]), F(lemma["bound"])
        if lemma["assumption"] is not None:
            assert not any(c for a, c in f.items() if any(a)) and bound > f.get(one, 0)
            narrow(box, {a: -c for a, c in read(lemma["assumption"]).items()})
        elif one_variable(f) is not None:
            narrow(box, add(f, {one: -bound}))
        elif all(c < 0 and not any(a % 2 for a in alpha) for alpha, c in f.items()):
            for alpha, c in f.items():  # c x^alpha >= bound: the root, rounded up
                root = F(isqrt(int(bound / c * 4**100)) + 1, 2**100)
                sizes[tuple(a // 2 for a in alpha)] = root
        elif bound > 0:
            positive.append(f)

    def proven(d, g, h, box, sizes, positive) -> bool:
        if d["assumption"] is not None:
            g = [*g, read(d["assumption"])]
            narrow(box, g[-1])
        for lemma in d["lemmas"]:
            assert "inequalities" not in lemma and lemma["sublevel"] is None
            if not proven(lemma, g, h, [*box], {**sizes}, [*positive]):
                return False
            learn(lemma, box, sizes, positive)
        assert d["holds"] and all(F(s) > 0 for s in d["scale"])
        if any(low > high for low, high in box):
            return True  # no point is left
        units = []
        for i, (c, s) in enumerate(zip(d["center"], d["scale"], strict=True)):
            units.append({one: F(c), tuple(int(j == i) for j in range(n)): F(s)})

        def in_z(p):
            r = {}
            for alpha, c in p.items():
                term = {one: c}
                for i, a in enumerate(alpha):
                    for _ in range(a):
                        term = mul(term, units[i])
                r = add(r, term)
            return r

        rest = in_z(add(read(d["objective"]), {one: -F(d["bound"])}))
        if d["denominator"] is not None:
            theta = read(d["denominator"])
            trivial = set(d["center"]) == {"0/1"} and set(d["scale"]) == {"1/1"}
            if not (trivial and theta in positive) and not smallest(theta, box, sizes, d) > 0:
                return False
            rest = mul(rest, theta)
        for block in d["gram"]:
            block = {"basis": [one], "matrix": [[block.get("constant")]]} | block
            Q = [[F(v) for v in row] for row in block["matrix"]]
            m = range(len(block["basis"]))
            assert len(Q) == len(m) and all(len(row) == len(m) for row in Q)
            if any(Q[i][j] != Q[j][i] for i in m for j in m) or not psd(Q):
                return False
            sigma = {}
            for i, j in product(m, m):
                alpha = tuple(map(sum, zip(block["basis"][i], block["basis"][j], strict=True)))
                sigma[alpha] = sigma.get(alpha, 0) + Q[i][j]
            for j in block["product_of_inequalities"]:
                sigma = mul(sigma, in_z(g[j] if j < len(g) else side(box, j - len(g))))
            rest = add(rest, sigma, -1)
        for q, equality in zip(d["equality_multipliers"], h, strict=True):
            rest = add(rest, mul(read(q), in_z(equality)), -1)
        return smallest(rest, box, sizes, d) >= 0

    try:
        g, h = ([read(p) for p in file[kind]] for kind in ("inequalities", "equalities"))
        assert file["assumption"] is None
        if file["sublevel"] is not None:  # the last inequality is u - f >= 0, and bound <= u
            level = add(g[-1], read(file["objective"]))
            assert {a: c for a, c in level.items() if c} == {one: F(file["sublevel"])}
            assert F(file["bound"]) <= F(file["sublevel"])
        box = [(-inf, inf)] * n
        for p in g:
            narrow(box, p)
        return proven(file, g, h, box, {}, [])
    except (AssertionError, ValueError, LookupError, TypeError, ZeroDivisionError, OverflowError):
        return False
