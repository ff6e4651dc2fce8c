"""Types: what users call is annotated in full, and a type checker accepts their programs."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import polysos as ps

PROGRAM = """
from fractions import Fraction

import numpy as np
import polysos as ps

x, y = ps.variables(2)
p: ps.Polynomial = x**2 * y - 3 * x + 1
problem: ps.PolynomialProblem = ps.PolynomialProblem(p, inequalities=[1 - x**2, 1 - y**2])
relaxation: ps.Relaxation = ps.solve_relaxation(problem, order=2)
value: float = relaxation.value
flat: ps.FlatTruncation = ps.flat_truncation(relaxation)
points: np.ndarray = ps.extract_minimizers(relaxation, flat).points
proof: ps.Proof = ps.verify_certificate(ps.sos_certificate(relaxation))
bound: Fraction | None = proof.bound
holds: bool = proof.verify(problem)
s: ps.Solution = ps.minimize(problem, max_order=3, time_limit=10.0)
words: str = s.message + s.summary()
certified: bool = s.certified and ps.is_sos(p).verify()

net = ps.PolynomialNetwork([np.eye(2), np.ones((1, 2))], degrees=(2,), biases=[None, [1.0]])
f: ps.Fit = ps.fit(net, [[1.0, 2.0]], [[3.0]], loss="mean-sup", bounds=(-1, 1))
names: tuple[str, ...] = net.coefficient_names
radius: float = f.prediction_radius(0.1)
exact: ps.PolynomialProblem = ps.fitting_problem(net, [[1.0, 2.0]], [[3.0]])

program = ps.SumOfSquaresProgram("x y")
bound_of: ps.UnknownPolynomial = program.scalar()
program.require_sos(program.variables[0] ** 2 - bound_of, inequalities=program.variables)
program.maximize(bound_of)
answer: ps.SumOfSquaresSolution = program.solve()
number: Fraction = answer.number(2 * bound_of - 1)
widths: list[float] = [float(np.diff(step.box).max()) for step in f.history]
"""

WRONG = """
import polysos as ps

(x,) = ps.variables(1)
ps.minimize(x**2)
ps.solve_relaxation(ps.PolynomialProblem(x**2), order="2")
ps.minimize(ps.PolynomialProblem(x**2)).status.value + 1
"""

PUBLIC = [name for name in ps.__all__ if callable(getattr(ps, name))]


def checked(program: str, path: Path) -> str:
    path.write_text(program)
    root = Path(ps.__file__).parent.parent
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += ["--cache-dir", str(path.parent), "--config-file", "", str(path)]
    environment = {"MYPYPATH": str(root), "PATH": "", "HOME": str(path.parent)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment)
    return done.stdout + done.stderr


def test_a_type_checker_accepts_a_users_program_and_refuses_a_wrong_one(tmp_path):
    said = checked(PROGRAM, tmp_path / "program.py")
    assert said.startswith("Success"), said
    said = checked(WRONG, tmp_path / "wrong.py")
    assert [f"wrong.py:{line}:" in said for line in (5, 6, 7)] == [True] * 3, said


def test_the_wheel_says_that_it_is_typed():
    assert (Path(ps.__file__).parent / "py.typed").exists()


def functions_of(name: str):
    thing = getattr(ps, name)
    if inspect.isclass(thing):
        for own, member in vars(thing).items():
            if isinstance(member, property):
                member = member.fget
            elif isinstance(member, (classmethod, staticmethod)):
                member = member.__func__
            if inspect.isfunction(member) and not own.startswith("_"):
                yield f"{name}.{own}", member
    elif inspect.isfunction(inspect.unwrap(thing)):
        yield name, inspect.unwrap(thing)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_say_what_they_return(name):
    for own, function in functions_of(name):
        assert "return" in function.__annotations__, f"{own} does not say what it returns"
