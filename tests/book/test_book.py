"""Tests of the book itself: what its notebooks store, and what a reader would miss."""

import json
import re
from pathlib import Path

import nbformat
import pytest

import polysos as ps
from polysos import neighbours
from tools.book import CHAPTERS, ROOT, SOLUTIONS, normalise, notebooks, pages

NOTEBOOKS = notebooks()
TEXTS = [ROOT / "README.md", *sorted(CHAPTERS.rglob("*.md")), *NOTEBOOKS]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_cells(path: Path) -> list:
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def draws(cell) -> bool:
    """Does the cell show a figure? Pictures are not stored, so its source must tell."""
    return bool(
        {"figure", "image"} & set(cell.metadata.get("mystnb", {}))
        or re.search(r"\.subplots\(|\.figure\(|\.show\(|\bfigures\.\w", cell.source)
    )


def test_table_of_contents_lists_each_page_once():
    pages_of_files = {
        str(path.relative_to(ROOT).with_suffix(""))
        for path in [*NOTEBOOKS, *CHAPTERS.rglob("*.md")]
        if SOLUTIONS not in path.parents
    }
    assert sorted(pages()) == sorted(pages_of_files)


def test_the_reference_shows_every_public_name():
    text = (CHAPTERS / "reference" / "library.md").read_text(encoding="utf-8")
    shown = re.findall(r"auto(?:function|class):: (\w+)", text)
    assert {*ps.__all__, *neighbours.__all__} <= set(shown) and len(shown) == len(set(shown))
    for public in ps.__all__:
        assert getattr(ps, public).__doc__, public


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_nothing_is_promised(path):
    assert not re.search(r"coming soon|\bTODO\b|\bFIXME\b", path.read_text(encoding="utf-8"), re.I)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
class TestNotebook:
    def test_is_stored_in_its_normal_form(self, path):
        """No pictures, no widget state, fixed ids and counts: `make execute` mends it."""
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(
            nbformat.writes(normalise(nbformat.read(path, as_version=4)))
        )

    def test_is_small(self, path):
        assert path.stat().st_size < 300_000

    def test_opens_with_a_title(self, path):
        first = nbformat.read(path, as_version=4).cells[0]
        assert first.cell_type == "markdown" and first.source.startswith("# ")

    def test_checked_cells_hold_outputs(self, path):
        """nbval's lax mode has nothing to compare, and passes, where none is stored."""
        for cell in code_cells(path):
            if "nbval-check-output" in tags(cell):
                assert cell.outputs, f"nothing stored, run make execute:\n{cell.source}"

    def test_something_is_checked(self, path):
        assert any("nbval-check-output" in tags(cell) for cell in code_cells(path))

    def test_outputs_are_clean(self, path):
        """Warnings and errors would be printed in the book; addresses change every run."""
        for cell in code_cells(path):
            for output in cell.outputs:
                assert output.output_type != "error" and output.get("name") != "stderr"
                assert not re.search(r"\bat 0x[0-9a-f]{6,}", str(output)), cell.source

    def test_figures_have_a_caption_and_alt_text(self, path):
        for cell in code_cells(path):
            if draws(cell):
                settings = cell.metadata.get("mystnb", {})
                for part, key in [("figure", "name"), ("figure", "caption"), ("image", "alt")]:
                    text = settings.get(part, {}).get(key, "")
                    assert text.strip(), f"no mystnb.{part}.{key}:\n{cell.source}"
