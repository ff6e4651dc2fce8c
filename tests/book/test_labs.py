"""Tests of the labs: what students get, what it is worth, and what a bad submission can do."""

import csv
import os
import sys
import time
from copy import deepcopy

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import labs
from tools.labs import LABS, SOLUTIONS, finish, grade, is_grade, name, release

SOLVED = sorted(SOLUTIONS.glob("*.ipynb"))
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read(path):
    return nbformat.read(path, as_version=4)


def named(notebook) -> list:
    """The cells that nbgrader knows: locked ones, answers and tests."""
    return [cell for cell in notebook.cells if name(cell)]


def points(notebook) -> dict:
    return {name(c): c.metadata.nbgrader.points for c in named(notebook) if is_grade(c)}


# -- the labs ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOLVED, ids=lambda path: path.stem)
class TestLab:
    def test_students_get_what_the_solution_says(self, path, tmp_path):
        """`make labs` mends it. What the cells print is compared when the notebooks run."""
        made, stored = release(path, tmp_path), read(LABS / path.name)
        for cell in [*made.cells, *stored.cells]:
            cell.pop("outputs", None)
            cell.pop("execution_count", None)
        assert stored.cells == made.cells

    def test_nothing_of_the_solution_is_left(self, path):
        text = (LABS / path.name).read_text(encoding="utf-8")
        assert "SOLUTION" not in text and "HIDDEN TESTS" not in text and "teacher" not in text
        assert text.count("# Your code here.") >= len(points(read(path)))

    def test_five_to_eight_tasks_are_worth_twenty_points(self, path):
        solved = read(path)
        assert 5 <= len(points(solved)) <= 8 and sum(points(solved).values()) == 20
        text = "".join(c.source for c in solved.cells if c.cell_type == "markdown")
        for task, worth in points(solved).items():
            number = task.removeprefix("task_")
            assert f"### Task {number} ({worth} point" in text

    def test_self_checks_say_what_they_should(self, path):
        """In the solution all is right; without answers it is the student's turn."""
        for notebook, said in (
            (read(path), "Right.\n"),
            (read(LABS / path.name), "Your turn: replace the dots.\n"),
        ):
            for cell in filter(is_grade, named(notebook)):
                assert [output.get("text") for output in cell.outputs] == [said], cell.source
                assert "nbval-check-output" in cell.metadata.tags

    def test_no_answer_earns_nothing(self, path):
        tests = {name(cell): cell.source for cell in named(read(path))}
        here = {}
        for cell in named(read(LABS / path.name)):
            if is_grade(cell):
                with pytest.raises((AssertionError, TypeError)):
                    exec(tests[name(cell)], here)
            else:
                exec(cell.source, here)


def test_a_solution_gets_all_points_and_an_empty_notebook_none(tmp_path):
    folder = tmp_path / "submissions"
    folder.mkdir()
    solution = SOLUTIONS / "sos_bounds.ipynb"
    for path, submitted in ((solution, "solved.ipynb"), (LABS / solution.name, "empty.ipynb")):
        nbformat.write(read(path), folder / submitted)
    empty, solved = graded(solution, folder, tmp_path, time_limit=300)
    assert solved == {
        "submission": "solved.ipynb",
        "status": "graded",
        "points": "20",
        "of": "20",
    } | {task: str(worth) for task, worth in points(read(solution)).items()} | {"message": ""}
    assert (empty["status"], empty["points"]) == ("graded", "0")


# -- submissions of every kind ------------------------------------------------------------------


def cell(kind: str, number: int, source: str, worth: int | None = None):
    settings = {
        "grade": kind == "task",
        "grade_id": f"{kind}_{number}",
        "locked": kind == "task",
        "schema_version": 3,
        "solution": kind == "answer",
        "task": False,
    }
    if worth is not None:
        settings["points"] = worth
    return new_code_cell(source, metadata={"nbgrader": settings})


def hidden(test: str) -> str:
    return f"### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"


def solution_of(answer: str) -> str:
    return f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"


SMALL = new_notebook(
    cells=[
        new_markdown_cell("# A small lab"),
        cell("answer", 1, "a = ...\n" + solution_of("a = 2")),
        cell("task", 1, "print(a)\n" + hidden("assert a == 2"), 1),
        cell("answer", 2, "b = ...\n" + solution_of("b = 3")),
        cell("task", 2, "print(b)\n" + hidden("assert b == 3"), 2),
    ],
    metadata={"kernelspec": KERNEL},
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The solution of the small lab, and its students' notebook."""
    folder = tmp_path_factory.mktemp("small")
    nbformat.write(SMALL, folder / "small.ipynb")
    return folder / "small.ipynb", release(folder / "small.ipynb", folder / "course")


def submit(student, path, **sources):
    """Write a submission: the students' notebook with other texts in some of its cells."""
    notebook = deepcopy(student)
    for one in named(notebook):
        one.source = sources.get(name(one), one.source)
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return notebook


def graded(solution, folder, tmp_path, time_limit) -> list[dict]:
    table = tmp_path / "grades.csv"
    grade(solution, folder, table, time_limit, jobs=2)
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_submission_gets_its_row(small, tmp_path):
    """Right, wrong, cheating, crashing, unreadable: none harms another."""
    solution, student = small
    folder = tmp_path / "submissions"
    right = {"answer_1": "a = 2", "answer_2": "b = 3"}
    submit(student, folder / "wrong.ipynb", answer_1="a = 3", answer_2="b = 3")
    # Right, but with a warning while it is tested.
    warns = "def __eq__(self, other): import warnings; warnings.warn('!'); return other == 3"
    warns = f"class Three(int):\n    {warns}\nb = Three()"
    submit(student, folder / "a folder" / "right.ipynb", answer_1="a = 2", answer_2=warns)
    submit(student, folder / "crashing.ipynb", **right | {"answer_2": "import os; os._exit(1)"})
    (folder / "damaged.ipynb").write_text('{"cells": [')
    (folder / "binary.ipynb").write_bytes(b"\xff\xfe\x00")
    nbformat.write(new_notebook(cells=[new_code_cell("a = 2")]), folder / "another.ipynb")
    (folder / "notes.txt").write_text("no notebook, no row")

    # Tests that always pass, worth more, and no tests at all: deleted and renamed.
    cheat = submit(student, folder / "cheat.ipynb", answer_1="a = 3", task_1="pass", task_2="pass")
    for one in filter(is_grade, named(cheat)):
        one.metadata.nbgrader.update(points=100, grade=False, locked=False)
    cheat.cells.append(cell("task", 3, "pass", 50))
    nbformat.write(cheat, folder / "cheat.ipynb")
    cheat.cells = [one for one in cheat.cells if name(one) != "task_2"]
    nbformat.write(cheat, folder / "cheat again.ipynb")

    rows = graded(solution, folder, tmp_path, time_limit=300)
    assert list(rows[0]) == ["submission", "status", "points", "of", "task_1", "task_2", "message"]
    assert all(row["of"] == "3" for row in rows)
    found = {row["submission"]: tuple(row.values())[1:6] for row in rows}
    assert found == {
        "a folder/right.ipynb": ("graded", "3", "3", "1", "2"),
        "another.ipynb": ("unreadable", "0", "3", "0", "0"),
        "binary.ipynb": ("unreadable", "0", "3", "0", "0"),
        "cheat again.ipynb": ("graded", "0", "3", "0", "0"),
        "cheat.ipynb": ("graded", "0", "3", "0", "0"),
        "crashing.ipynb": ("crashed", "0", "3", "0", "0"),
        "damaged.ipynb": ("unreadable", "0", "3", "0", "0"),
        "wrong.ipynb": ("graded", "2", "3", "0", "2"),
    }
    assert all(bool(row["message"]) == (row["status"] != "graded") for row in rows)


def test_an_endless_cell_is_interrupted_and_the_others_count(small, tmp_path):
    solution, student = small
    folder = tmp_path / "submissions"
    submit(student, folder / "endless.ipynb", answer_1="while True: pass", answer_2="b = 3")
    (row,) = graded(solution, folder, tmp_path, time_limit=48)
    assert (row["status"], row["task_1"], row["task_2"]) == ("timed out", "0", "2")


def test_a_submission_that_takes_too_long_is_stopped(small, tmp_path):
    solution, student = small
    folder = tmp_path / "submissions"
    submit(student, folder / "right.ipynb", answer_1="a = 2", answer_2="b = 3")
    (row,) = graded(solution, folder, tmp_path, time_limit=1)  # nbgrader alone takes longer
    assert (row["status"], row["points"], row["message"]) == ("timed out", "0", "stopped after 1 s")


def test_what_is_stopped_leaves_nothing_behind(tmp_path):
    """A kernel, like this child, has a session of its own: to kill a group is not enough."""
    written = tmp_path / "pid"
    child = [sys.executable, "-c", "import time; time.sleep(600)"]
    parent = f"""
import subprocess
child = subprocess.Popen({child}, start_new_session=True)
open({str(written)!r}, "w").write(str(child.pid))
child.wait()
"""
    assert finish([sys.executable, "-c", parent], time_limit=5) is None
    deadline = time.monotonic() + 30
    while is_running(int(written.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert finish([sys.executable, "-c", "raise SystemExit(3)"], time_limit=600) == 3


def is_running(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "no_such_lab", "."], "invalid choice: 'no_such_lab' (choose from"),
        (["grade", "sos_bounds", "no such folder"], "FOLDER must be a folder of notebooks"),
        (["grade", "sos_bounds", "."], "FOLDER must hold notebooks (*.ipynb)"),
        (["grade", "sos_bounds", ".", "--time-limit", "0"], "--time-limit must be a positive"),
        (["grade", "sos_bounds", ".", "--jobs", "0"], "--jobs must be 1 or more, got 0"),
        (["grade", "sos_bounds", "full", "--output", "no/such/grades.csv"], "no/such/grades.csv"),
        (["grade", "sos_bounds", "full", "--output", "full/a.ipynb"], "--output must be new"),
        ([], "the following arguments are required: command"),
    ],
)
def test_bad_input_gets_a_clear_error(arguments, message, tmp_path, monkeypatch, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.ipynb").write_text("")
    monkeypatch.chdir(tmp_path if "full" in arguments else tmp_path / "full" / os.pardir)
    if arguments[2:3] == ["."]:
        (tmp_path / "full" / "a.ipynb").unlink()
    monkeypatch.setattr(sys, "argv", ["labs", *arguments])
    with pytest.raises(SystemExit) as stop:
        labs.main()
    assert stop.value.code == 2 and message in capsys.readouterr().err
