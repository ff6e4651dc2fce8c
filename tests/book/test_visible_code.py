"""The code that a reader sees runs as pasted: nothing that it uses is defined in hidden cells."""

import json
import subprocess
import sys

import nbformat
import pytest

from tools.book import notebooks

HIDDEN = {"remove-cell", "remove-input"}  # all others are on the page, folded perhaps
OF_IPYTHON = {"display"}


def undefined_names(code: str) -> set[str]:
    """Names that are used before anything above defines them."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821"]
    found = subprocess.run(
        [*command, "--output-format", "json", "-"], input=code, capture_output=True, text=True
    )
    return {fault["message"].split("`")[1] for fault in json.loads(found.stdout)} - OF_IPYTHON


def visible_code(path) -> str:
    return "\n".join(
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code" and not HIDDEN & set(cell.metadata.get("tags", []))
    )


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_visible_code_defines_what_it_uses(path):
    assert not undefined_names(visible_code(path))


def test_what_is_missing_is_found():
    assert undefined_names("a = 1\nprint(a, b)\ndef f():\n    return c\n") == {"b", "c"}
