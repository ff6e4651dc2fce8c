"""Tests of what stands around the library and the book, and says how to cite, run and mend them."""

import re
import tomllib

import numpy as np
import pytest
import yaml
from bs4 import BeautifulSoup
from matplotlib.figure import Figure

from tools import pdf
from tools.book import ROOT, pages


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


PROJECT = tomllib.loads(text("pyproject.toml"))["project"]
CITATION = yaml.safe_load(text("CITATION.cff"))
DOCUMENTS = ["README.md", "CONTRIBUTING.md", ".ci/run"]
WORKFLOWS = [f".github/workflows/{name}.yml" for name in ("book", "weekly")]


def test_the_citation_is_of_this_version():
    assert CITATION["version"] == PROJECT["version"]
    assert CITATION["title"] == PROJECT["name"]
    assert CITATION["license"] == PROJECT["license"]
    assert CITATION["repository-code"] == PROJECT["urls"]["Repository"]
    assert [a["name"] for a in CITATION["authors"]] == [a["name"] for a in PROJECT["authors"]]


def test_the_citation_names_the_paper_as_the_bibliography_does():
    (paper,) = CITATION["references"]
    (entry,) = re.findall(
        r"@inproceedings\{ZhangNieTang2026,.*?\n\}", text("chapters/references.bib"), re.S
    )
    for word in (paper["title"], paper["url"], str(paper["year"]), str(paper["volume"])):
        assert word in entry


def test_the_changelog_has_this_version():
    assert re.search(rf"^## \[{re.escape(PROJECT['version'])}\]", text("CHANGELOG.md"), re.M)


def test_the_form_asks_where_and_what():
    form = yaml.safe_load(text(".github/ISSUE_TEMPLATE/page.yml"))
    required = {f["id"] for f in form["body"] if f.get("validations", {}).get("required")}
    assert required == {"page", "cell", "expected", "got"}


@pytest.mark.parametrize("path", [*DOCUMENTS, *WORKFLOWS])
def test_every_command_that_is_named_exists(path):
    named = re.findall(r"(?:`|^|run: )make ([a-z][\w-]*)", text(path), re.M)
    targets = re.findall(r"^([a-z][\w-]*):", text("Makefile"), re.M)
    assert set(named) <= set(targets)


def test_the_pins_are_locked():
    """Binder and CI install requirements.txt: after a change in requirements.in, make lock."""
    pins = re.findall(r"^[\w-]+==[\w.]+", text("requirements.in"), re.M)
    assert set(pins) <= set(re.findall(r"^[\w-]+==[\w.]+", text("requirements.txt"), re.M))


def test_binder_and_ci_have_the_same_python():
    (version,) = re.findall(r'python-version: "(.*)"', text(WORKFLOWS[0]))
    assert text("runtime.txt").strip() == f"python-{version}"
    assert PROJECT["requires-python"] == f">={version}"


@pytest.mark.parametrize("path", ["README.md", "chapters/index.ipynb"])
def test_links_to_binder_open_a_notebook_of_the_book(path):
    notebooks = re.findall(r"https://mybinder\.org/v2/gh/\S*?/tree/([\w/]+)\.ipynb", text(path))
    assert notebooks and set(notebooks) <= set(pages())


class TestPrint:
    """How a page of the book becomes a part of the one document that is printed."""

    PAGE = """<article class="bd-article"><h1 id="top">Moments<a class="headerlink">#</a></h1>
        <div class="cell tag_hide-input"><details class="hide">folded code</details>a figure</div>
        <details class="hide"><summary>Show</summary>code of a solution</details>
        <details><summary>A longer proof</summary>by hand</details>
        <img src="../../_images/hull.png">
        <a href="#top">up</a> <a href="../glossary.html#atom">atom</a>
        <a href="hierarchy.html">on</a> <a href="https://arxiv.org">paper</a></article>"""

    @pytest.fixture
    def article(self):
        return pdf.article_of("chapters/theory/moments", BeautifulSoup(self.PAGE, "html.parser"))

    def test_folds_stand_open_and_code_of_figures_is_left_out(self, article):
        words = article.get_text(" ", strip=True)
        assert words.startswith("Moments a figure code of a solution A longer proof by hand")
        assert not article.find(["details", "summary"])

    def test_links_lead_into_the_document_or_out_of_the_book(self, article):
        assert [a["href"] for a in article.find_all("a")] == [
            "#chapters-theory-moments--top",
            "#chapters-glossary--atom",
            "#chapters-theory-hierarchy",
            "https://arxiv.org",
        ]
        assert article["id"] == "chapters-theory-moments"
        assert article.h1["id"] == "chapters-theory-moments--top"

    def test_pictures_are_found_from_the_folder_of_the_document(self, article):
        assert article.img["src"] == "html/_images/hull.png"

    @pytest.mark.parametrize(
        "left, figures, fault",
        [
            (0.2, 1, None),
            (0.02, 1, "1 pieces leave"),
            (0.2, 2, "1 figures are printed, the pages have 2"),
        ],
    )
    def test_a_missing_figure_and_a_line_in_the_margin_are_faults(
        self, tmp_path, left, figures, fault
    ):
        sheet = Figure(figsize=(8.27, 11.69))  # A4
        sheet.text(left, 0.5, "A line.")
        sheet.figimage(np.ones((40, 40)), 200, 200)
        sheet.savefig(tmp_path / "sheet.pdf")
        faults = pdf.check(tmp_path / "sheet.pdf", figures)
        assert len(faults) == (fault is not None) and all(fault in line for line in faults)
