"""Tests of the exercises: one convention for the whole book, and checks that tell right from wrong.

An exercise is its text, an answer to fill in with its self-check, a folded solution, and folded
code that gives the solution to the check. A hidden cell asserts that the check calls the solution
right and something else wrong. Running all that is left to the tests of the notebooks.
"""

import ast
import re
from string import ascii_lowercase

import nbformat
import pytest

from tools.book import notebooks

EXERCISE = re.compile(r"```\{exercise\} ([A-Z]): \S.*\n:label: exercise-([a-z]+)-([a-z])\n")


def cells_of(path) -> list:
    return nbformat.read(path, as_version=4).cells


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def exercises(path) -> list[list]:
    """The cells of each exercise, from its text to the next exercise or heading."""
    parts = [[]]
    for cell in cells_of(path):
        if cell.cell_type == "markdown" and re.match(r"```\{exercise\}|#", cell.source):
            parts.append([])
        parts[-1].append(cell)
    return [part for part in parts if part and part[0].source.startswith("```{exercise}")]


def calls(source: str, function: str) -> list[str]:
    """What a cell gives to a function, call by call, as it is written."""
    return [
        ast.unparse(node.args[0])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function
    ]


def asserted(path) -> list[tuple[str, str, bool]]:
    """Every (check, answer, is it right?) that a hidden cell asserts by `says_right`."""
    claims = []
    for cell in cells_of(path):
        if "remove-cell" in tags(cell):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Assert):
                    both = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
                    for test in node.test.values if both else [node.test]:
                        right = not isinstance(test, ast.UnaryOp)
                        call = test if right else test.operand
                        if isinstance(call, ast.Call) and ast.unparse(call.func) == "says_right":
                            claims.append((*map(ast.unparse, call.args), right))
    return claims


WITH_EXERCISES = [
    path for path in notebooks() if any("{exercise}" in cell.source for cell in cells_of(path))
]
each_notebook = pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda path: path.stem)


@each_notebook
def test_letters_run_from_a_without_a_gap(path):
    heads = [EXERCISE.match(part[0].source) for part in exercises(path)]
    assert all(heads), [part[0].source[:80] for part in exercises(path)]
    assert [head[3] for head in heads] == list(ascii_lowercase[: len(heads)])
    assert all(head[1] == head[3].upper() for head in heads)
    assert len({head[2] for head in heads}) == 1, "labels name the chapter"


def test_labels_name_one_chapter_each():
    names = [EXERCISE.match(exercises(path)[0][0].source)[2] for path in WITH_EXERCISES]
    assert len(set(names)) == len(names)


@each_notebook
def test_each_exercise_has_one_folded_solution_with_its_letter(path):
    for part in exercises(path):
        _, chapter, letter = EXERCISE.match(part[0].source).groups()
        opening = f"```{{solution}} exercise-{chapter}-{letter}\n:class: dropdown\n\n"
        solutions = [n for n, cell in enumerate(part) if "{solution}" in cell.source]
        assert len(solutions) == 1, f"{len(solutions)} solutions of {letter}"
        assert part[solutions[0]].source.startswith(opening), part[solutions[0]].source[:80]
        for cell in part[solutions[0] + 1 :]:
            assert {"hide-cell", "remove-cell"} & set(tags(cell)), f"not folded:\n{cell.source}"
            if "hide-cell" in tags(cell):
                settings = cell.metadata["mystnb"]
                for word in ("show", "hide"):
                    text = f"{word.title()} the code of solution {letter.upper()}"
                    assert settings[f"code_prompt_{word}"] == text


@each_notebook
def test_each_exercise_has_a_check_that_accepts_the_solution_and_rejects_another(path):
    """The hidden assertion repeats what the folded code gives to the check."""
    claims = asserted(path)
    for part in exercises(path):
        letter = EXERCISE.match(part[0].source)[3]
        solution = next(n for n, cell in enumerate(part) if "{solution}" in cell.source)
        code = [cell.source for cell in part[solution + 1 :] if "hide-cell" in tags(cell)]
        answers = [
            name
            for cell in part[1:solution]
            for name in re.findall(rf"^answer_({letter}\w*) = \.\.\.", cell.source, re.M)
            if f"\ncheck_{name}(answer_{name})" in cell.source
        ]
        assert answers, f"no answer_{letter} = ... with check_{letter}(answer_{letter})"
        for name in answers:
            check = f"check_{name}"
            given = {answer for source in code for answer in calls(source, check)}
            accepted = {a for c, a, right in claims if c == check and right}
            rejected = {a for c, a, right in claims if c == check and not right}
            assert given, f"the folded code of solution {letter.upper()} does not call {check}"
            assert given & accepted, f"no assert says_right({check}, {min(given)})"
            assert rejected - given - {"..."}, f"no assert not says_right({check}, a wrong answer)"
