"""Sparse polynomials without constraints: seconds and memory to an exact proof, by their variables.

python -m benchmarks.sparse        two minutes; prints a table

Each is minimized in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import polysos as ps

LIMIT = 60  # seconds
SIZES = (8, 16, 24, 32, 40)


def rosenbrock(x):
    return sum((100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)), 0)


def broyden(x):
    f = 0
    for i, v in enumerate(x):
        before, behind = x[i - 1] if i else 0, x[i + 1] if i + 1 < len(x) else 0
        f = f + ((3 - 2 * v) * v + 1 - before - 2 * behind) ** 2
    return f


def chained_singular(x):
    f = 0
    for i in range(0, len(x) - 2, 2):
        a, b, c, d = x[i : i + 4]
        f = f + (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4
    return f


def chained_wood(x):
    f = 0
    for i in range(0, len(x) - 2, 2):
        a, b, c, d = x[i : i + 4]
        f = f + 100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
        f = f + 10 * (b + d - 2) ** 2 + Fraction(1, 10) * (b - d) ** 2
    return f


FAMILIES = {f.__name__: f for f in (rosenbrock, broyden, chained_singular, chained_wood)}


def measured(family: str, n: int) -> dict:
    """One minimization, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sparse", family, str(n)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=10 * LIMIT, check=True)
    return json.loads(run.stdout)


def minimize(family: str, n: int) -> dict:
    import resource

    problem = ps.PolynomialProblem(FAMILIES[family](ps.variables(n)))
    s = ps.minimize(problem, time_limit=LIMIT)
    return {
        "status": str(s.status),
        "gap": float(s.value - s.lower_bound),
        "exact": s.proof is not None and s.proof.bound == 0,
        "seconds": s.seconds,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    print("| function | variables | outcome | bound | s | MB |")
    print("| :-- | --: | :-- | :-- | --: | --: |")
    for family in FAMILIES:
        for n in SIZES:
            r = measured(family, n)
            bound = "exact" if r["exact"] else f"within {r['gap']:.0e}"
            print(
                f"| {family.replace('_', ' ')} | {n} | {r['status']} | {bound} "
                f"| {r['seconds']:.1f} | {r['megabytes']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(minimize(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
