"""The labs: make the students' notebooks, and grade those that come back.

    python -m tools.labs make                     the students' notebooks, from the solutions
    python -m tools.labs grade LAB FOLDER         a table of points; --help tells more

nbgrader does both. Its cells have a name and points in their metadata; "### BEGIN SOLUTION" and
"### BEGIN HIDDEN TESTS" begin what students do not get. Cells tagged "teacher" are left out, too:
the assertions beside the text, and wrong answers with what is said to them.

Each submission runs in a process of its own, with a gradebook of its own. Its tests come from the
solution, whatever the submission holds in their place.
"""

import argparse
import contextlib
import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import psutil
from joblib import Parallel, delayed
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.utils import is_grade
from tqdm import tqdm

from tools.book import CHAPTERS, SOLUTIONS, execute, normalise

LABS = CHAPTERS / "labs"


def finish(command: list[str], time_limit: float | None = None, **options) -> int | None:
    """Run a command. Its exit code, or None if it had to be stopped, with all that it started."""
    process = psutil.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        return process.wait(time_limit)
    except psutil.TimeoutExpired:
        # Not its process group: kernels have their own.
        family = [process, *process.children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=1)
        return None


def nbgrader(
    command: str, course: Path, *options: str, time_limit: float | None = None
) -> tuple[int | None, str]:
    """Run nbgrader in a folder. Its exit code, as `finish` returns it, and what it said."""
    # For a new gradebook it runs the program alembic, which lies beside this Python. And where a
    # test warns, it takes that for a failure.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONWARNINGS": "ignore"}
    log = course / f"{command}.log"
    with log.open("w") as stream:
        exit_code = finish(
            [sys.executable, "-m", "nbgrader", command, "lab", f"--course-dir={course}", *options],
            time_limit,
            cwd=course,
            env=environment,
            stdout=stream,
            stderr=stream,
        )
    return exit_code, log.read_text(encoding="utf-8", errors="replace")


# -- the students' notebooks -----------------------------------------------------------------------


def release(solution: Path, course: Path) -> NotebookNode:
    """The students' version of a solution. The folder `course` gets a gradebook with its tests."""
    notebook = nbformat.read(solution, as_version=4)
    notebook.cells = [c for c in notebook.cells if "teacher" not in c.metadata.get("tags", [])]
    source, made = (course / kind / "lab" / "lab.ipynb" for kind in ("source", "release"))
    source.parent.mkdir(parents=True)
    nbformat.write(notebook, source)

    stub = {"python": "# Your code here."}
    (course / "nbgrader_config.py").write_text(f"c.ClearSolutions.code_stub = {stub}\n")
    exit_code, said = nbgrader("generate_assignment", course)
    if exit_code:
        raise RuntimeError(f"nbgrader cannot convert {solution}:\n{said}")
    return normalise(nbformat.read(made, as_version=4))


def make() -> None:
    """Run the solutions, make the students' notebooks from them and run these."""
    for solution in sorted(SOLUTIONS.glob("*.ipynb")):
        execute(solution)
        with TemporaryDirectory() as course:
            nbformat.write(release(solution, Path(course)), LABS / solution.name)
        execute(LABS / solution.name)


# -- grading ---------------------------------------------------------------------------------------


def grade(solution: Path, folder: Path, output: Path, time_limit: float, jobs: int) -> None:
    """Write a table of points, with a row for each notebook in a folder and the folders in it."""
    if not folder.is_dir():
        raise ValueError(f"FOLDER must be a folder of notebooks, and {folder} is none")
    if not time_limit > 0:
        raise ValueError(f"--time-limit must be a positive number of seconds, got {time_limit:g}")
    if jobs < 1:
        raise ValueError(f"--jobs must be 1 or more, got {jobs}")
    if output.exists():
        raise ValueError(f"--output must be new, and {output} is there already")
    paths = sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    if not paths:
        raise ValueError(f"FOLDER must hold notebooks (*.ipynb), and {folder} holds none")
    with TemporaryDirectory() as temporary, output.open("w", newline="", encoding="utf-8") as file:
        course = Path(temporary)
        lab = release(solution, course)
        points = {name(c): c.metadata.nbgrader.points for c in lab.cells if is_grade(c)}
        of = sum(points.values())
        columns = ["submission", "status", "points", "of", *points, "message"]
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        rows = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(
            delayed(score)(path, lab, course / "gradebook.db", time_limit) for path in paths
        )
        for path, row in zip(paths, tqdm(rows, total=len(paths), unit="notebook"), strict=True):
            submission = path.relative_to(folder).as_posix()
            nothing = dict.fromkeys(["points", *points], 0)
            table.writerow({"submission": submission, "of": of} | nothing | row)
            file.flush()  # what is graded stays, whatever comes


def score(path: Path, lab: NotebookNode, gradebook: Path, time_limit: float) -> dict:
    """The row of one file: its status, and its points or a message."""
    try:
        submission = mended(nbformat.read(path, as_version=4), lab)
        nbformat.validate(submission)
        return run(submission, gradebook, time_limit)
    except Exception as error:  # a file can be bad in many ways, and each is one row
        return {"status": "unreadable", "message": str(error).split("\n")[0]}


def run(submission: NotebookNode, gradebook: Path, time_limit: float) -> dict:
    """The row of a submission that can be run."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        course = Path(temporary)
        shutil.copy(gradebook, course)
        place = course / "submitted" / "student" / "lab" / "lab.ipynb"
        place.parent.mkdir(parents=True)
        nbformat.write(submission, place)
        # A cell that takes too long is interrupted, and the next one runs.
        cell_limit = f"--Execute.timeout={max(1, round(time_limit / 4))}"
        exit_code, said = nbgrader("autograde", course, cell_limit, time_limit=time_limit)
        if exit_code is None:
            return {"status": "timed out", "message": f"stopped after {time_limit:g} s"}
        if "CellTimeoutError" in said or "UnresponsiveKernelError" in said:
            return {"status": "timed out", "message": "a cell could not be interrupted"}
        if exit_code:
            died = "DeadKernelError" in said
            return {"status": "crashed", "message": "the kernel died" if died else said[-200:]}
        with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
            grades = book.find_submission_notebook("lab", "lab", "student").grades
            points = {grade.name: round(grade.auto_score) for grade in grades}
        ran = (course / "autograded" / "student" / "lab" / "lab.ipynb").read_text(encoding="utf-8")
        row = {"status": "graded", "points": sum(points.values()), **points}
        if '"ename": "CellTimeoutError"' in ran:
            row |= {"status": "timed out", "message": "a cell did not end; the others count"}
        return row


def name(cell: NotebookNode) -> str | None:
    """By which nbgrader knows a cell."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def mended(submission: NotebookNode, lab: NotebookNode) -> NotebookNode:
    """A submission with all tests of the lab, each with the settings that it has there.

    nbgrader gives the tests their text back, but it believes what they say of themselves.
    """
    named = {name(cell): cell for cell in lab.cells if name(cell)}
    tests = {key for key, cell in named.items() if is_grade(cell)}
    found = {name(cell) for cell in submission.cells}
    if not tests & found:
        raise ValueError("this is not a notebook of the lab")
    for cell in submission.cells:
        cell.metadata = named[name(cell)].metadata if name(cell) in named else NotebookNode()
    submission.cells += [cell for key, cell in named.items() if key in tests - found]
    return submission


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.labs")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make", help="make the students' notebooks from the solutions")
    grader = commands.add_parser("grade", help="grade a folder of notebooks")
    grader.add_argument("lab", choices=sorted(path.stem for path in SOLUTIONS.glob("*.ipynb")))
    grader.add_argument("folder", type=Path, help="submissions: the notebooks in it and below")
    grader.add_argument("--output", type=Path, default="grades.csv", help="default: %(default)s")
    grader.add_argument(
        "--time-limit", type=float, default=300, help="seconds a submission; default: %(default)s"
    )
    grader.add_argument("--jobs", type=int, default=1, help="submissions at a time; default: 1")
    options = parser.parse_args()
    if options.command == "make":
        return make()
    try:
        grade(
            SOLUTIONS / f"{options.lab}.ipynb",
            options.folder,
            options.output,
            options.time_limit,
            options.jobs,
        )
    except (ValueError, OSError) as error:
        grader.error(str(error))


if __name__ == "__main__":
    main()
