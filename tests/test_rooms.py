"""The house: what lives where, and what imports what. Proofs are checked without a solver."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "polysos"
ROOMS = {  # each with the rooms that it may import
    "algebra": [],
    "proofs": ["algebra"],
    "relaxations": ["algebra", "proofs"],
    "hierarchy": ["algebra", "proofs", "relaxations"],
    "training": ["algebra", "proofs", "relaxations", "hierarchy"],
    "neighbours": ["algebra", "proofs"],
    "paper": ["algebra", "proofs", "relaxations", "hierarchy", "training"],
    "book": ["algebra"],
}
FILES = sorted(path for room in ROOMS for path in (HOUSE / room).glob("*.py"))
SOLVERS = ["cvxpy", "clarabel", "scs", "highspy", "matplotlib", "sklearn", "jax", "IPython"]


@cache
def imported(path: Path) -> set[tuple[str, ...]]:
    """The modules of the house that a file imports, as paths below polysos: (room, file)."""
    found = set()
    here = path.relative_to(HOUSE).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = here[: len(here) - node.level]
            module = (*above, *(node.module.split(".") if node.module else ()))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("polysos."):
            module = tuple(node.module.split(".")[1:])
        else:
            continue
        inside = [(*module, alias.name) for alias in node.names]
        found |= {m if (HOUSE.joinpath(*m).with_suffix(".py")).exists() else module for m in inside}
    return found


def name(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def test_at_the_root_there_are_only_the_doors():
    files = {path.name for path in HOUSE.glob("*.py")}
    assert files == {"__init__.py", "__main__.py", "checks.py", "progress.py"}
    assert {path.parent.name for path in HOUSE.glob("*/__init__.py")} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_rooms_import_only_from_the_rooms_before_them(path):
    allowed = {path.parent.name, "checks", "progress", *ROOMS[path.parent.name]}
    against = {".".join(module) for module in imported(path) if module and module[0] not in allowed}
    assert not against, f"{name(path)} imports {sorted(against)} against the order of the rooms"
    assert () not in imported(path), f"{name(path)} imports the package itself"


@pytest.mark.parametrize("file", ["checks", "progress"])
def test_what_all_rooms_use_uses_no_room(file):
    assert all(module[0] == "checks" for module in imported(HOUSE / f"{file}.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_an_order_of_reading(room):
    """No circle of imports, functions included; the files that its doc names are there."""
    files = {path.stem for path in (HOUSE / room).glob("*.py")} - {"__init__"}
    graph = {
        file: {m[1] for m in imported(HOUSE / room / f"{file}.py") if m[:1] == (room,) and m[1:]}
        for file in files
    }
    assert len(list(TopologicalSorter(graph).static_order())) >= len(files)
    doc = ast.get_docstring(ast.parse((HOUSE / room / "__init__.py").read_text()))
    assert 3 <= len(doc.splitlines()) <= 16 and f"`polysos.{room}`" not in doc


@pytest.mark.parametrize("module", ["polysos.proofs.proof", "polysos"])
def test_checking_proofs_loads_no_solver(module):
    """And `import polysos` loads none: they are for those who solve."""
    program = f"import sys, {module}; print(*(set({SOLVERS!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_a_proof_is_loaded_and_verified_without_a_solver(tmp_path):
    import polysos as ps

    (x,) = ps.variables(1)
    ps.minimize(ps.PolynomialProblem(x**4 - x, [1 - x**2])).proof.save(tmp_path / "proof.json")
    program = (
        "import sys, polysos as ps; x, = ps.variables(1); "
        f"proof = ps.Proof.load({str(tmp_path / 'proof.json')!r}); "
        "print(proof.verify(ps.PolynomialProblem(x**4 - x, [1 - x**2])), "
        f"*(set({SOLVERS!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr
