"""What nbval has run reaches the book: outputs and widgets of what passed, and nothing else."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]

PASSES = ["print(1 + 1)", "import ipywidgets\nipywidgets.IntSlider(value=7)"]
FAILS = ["print(1 + 1)", "1 / 0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    for name, sources in (("passes", PASSES), ("fails", FAILS)):
        cells = [new_code_cell(source) for source in sources]
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    left = folder / "_build" / "executed" / "interrupted.ipynb"
    left.parent.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 2")]), left)
    command = [sys.executable, "-m", "pytest", "-p", "tools.executed", "--nbval-lax"]
    command += ["--rootdir", str(folder), "-c", "/dev/null", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "1 failed, 3 passed" in done.stdout, done.stdout
    return folder


def cached(folder, name):
    cache = get_cache(folder / "_build" / ".jupyter_cache")
    return cache.merge_match_into_notebook(nbformat.read(folder / f"{name}.ipynb", 4))[1]


def test_outputs_and_widgets_of_a_notebook_that_passes_are_kept(folder):
    notebook = cached(folder, "passes")
    assert notebook.cells[0].outputs[0].text == "2\n"
    model = notebook.cells[1].outputs[0].data["application/vnd.jupyter.widget-view+json"]
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert states[model["model_id"]]["state"]["value"] == 7


def test_a_notebook_that_fails_is_not_kept(folder):
    with pytest.raises(KeyError):
        cached(folder, "fails")


def test_what_an_interrupted_run_left_is_not_kept(folder):
    cache = get_cache(folder / "_build" / ".jupyter_cache")
    assert [Path(record.uri).name for record in cache.list_cache_records()] == ["passes.ipynb"]


def test_nothing_else_is_left_behind(folder):
    assert not (folder / "_build" / "executed").exists()
