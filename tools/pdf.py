"""Print the whole book: its built pages, one after the other, as one PDF.

    python -m tools.pdf     reads _build/html, writes _build/polysos.pdf

Nothing is executed again. The pages are put into one document, _build/print.html, which Chromium
prints in the style of print.css. A figure that is missing, a formula that is not set, a link that
leads nowhere and whatever is wider than the text are errors.
"""

import json
import posixpath
import shutil
import sys
from html import escape
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

import pypdfium2
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import Page, sync_playwright
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE, FPDF_PAGEOBJ_TEXT
from sphinx_external_toc.parsing import parse_toc_yaml

from tools.book import HTML, ROOT, pages

DOCUMENT = ROOT / "_build" / "print.html"
PDF = ROOT / "_build" / "polysos.pdf"

WIDGET = 'script[type="application/vnd.jupyter.widget-view+json"]'
STATE = "application/vnd.jupyter.widget-state+json"
# On A4, in millimetres: print.css has the same.
MARGIN, TEXT = 20, 170
PIXEL, POINT = 25.4 / 96, 25.4 / 72

# What does not fit into the text block, or is cut off by what it lies in.
TOO_WIDE = """() => {
  const edge = document.querySelector("main").getBoundingClientRect().right + 1;
  const cut = e => getComputedStyle(e).overflowX !== "visible" && e.clientWidth &&
    e.scrollWidth > e.clientWidth + 1;
  return [...document.querySelectorAll("main *")]
    .filter(e => !e.parentElement.closest("mjx-container"))  // MathJax clips what it stretches
    .filter(e => e.getBoundingClientRect().right > edge || cut(e))
    .map(e => `${e.closest("article, nav, section").id}: too wide: <${e.tagName.toLowerCase()} ` +
      `class="${e.className}">, ${e.textContent.trim().slice(0, 80)}`);
}"""
BROKEN = """() => [
  ...[...document.images].filter(i => !i.naturalWidth).map(i => `no picture: ${i.src}`),
  ...[...document.querySelectorAll(".math")].filter(m => !m.querySelector("mjx-container"))
    .concat(...document.querySelectorAll("mjx-merror"))
    .map(m => `no formula: ${m.textContent}`),
  ...[...document.querySelectorAll('a[href^="#"]')]
    .filter(a => !document.getElementById(decodeURIComponent(a.hash.slice(1))))
    .map(a => `no target: ${a.getAttribute("href")}`)]"""
WIDGETS_STAND = f"""() => [...document.querySelectorAll('{WIDGET}')]
  .every(s => s.parentElement.querySelector(".jupyter-widgets"))"""
NUMBER = """numbers => document.querySelectorAll("nav .number")
  .forEach((e, i) => e.textContent = numbers[i])"""


# -- the document ---------------------------------------------------------------------


def assemble(soups: dict[str, BeautifulSoup]) -> str:
    """All pages as one HTML document, which names pictures and scripts from `_build`."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    # Each once, in this order.
    head = dict.fromkeys(tag for page, soup in soups.items() for tag in head_of(page, soup))
    articles = {page: article_of(page, soup) for page, soup in soups.items()}
    titles = {page: article.h1.get_text() for page, article in articles.items()}
    title, author = escape(config["title"]), escape(config["author"])
    address = escape(config["repository"]["url"])
    style = Path(__file__).with_name("print.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en" data-mode="light" data-theme="light">
<head><meta charset="utf-8"><title>{title}</title>
{"".join(head)}
<style>{style}{running_heads(titles)}</style></head>
<body><main>
<section id="title"><h1>{title}</h1><p>{author}<br>polysos {version("polysos")}</p>
<p class="note">Printed from the pages of the book. On paper a slider shows one of its pictures,
solutions stand open, and code that the pages fold away is left out.<br>{address}</p></section>
<nav id="contents"><h1>Contents</h1>{contents(titles)}</nav>
{"".join(map(str, articles.values())).replace("✅", "✓")}
</main></body></html>
"""  # few fonts have the first of these signs


def read(page: str) -> BeautifulSoup:
    path = HTML / f"{page}.html"
    if not path.is_file():
        sys.exit(f"{path} is missing: make book builds it")
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def head_of(page: str, soup: BeautifulSoup) -> list[str]:
    """The styles of a page, and the scripts that set formulas and draw widgets."""
    tags = soup.select("link[rel=stylesheet]")
    for script in soup.find_all("script"):
        if "/vendor/" in script.get("src", "") or script.get("type") == STATE:
            tags.append(script)
        elif not script.get("src") and "MathJax" in script.text:
            tags.append(script)
    for tag in tags:
        for key in {"href", "src"} & set(tag.attrs):
            tag[key] = from_build(page, tag[key])
    return [str(tag) for tag in tags]


def article_of(page: str, soup: BeautifulSoup):
    """What a page says, with names and links that hold in the whole document."""
    article = soup.select_one("article.bd-article")
    for tag in article.select("a.headerlink, .toctree-wrapper, .cell.tag_hide-input details"):
        tag.decompose()
    # Folds stand open; of what opens a cell or a solution's code nothing is left to say.
    for tag in article.find_all("details"):
        if "hide" in tag.get("class", []):
            tag.summary.decompose()
        else:
            tag.summary.name = "div"
        tag.name = "div"
    article["id"] = anchor(page)
    for tag in article.find_all(id=True):
        tag["id"] = anchor(page, tag["id"])
    for tag in article.find_all("img"):
        tag["src"] = from_build(page, tag["src"])
    for tag in article.find_all("a", href=True):
        if not urlsplit(tag["href"]).scheme:
            path, name = urldefrag(tag["href"])
            target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
            tag["href"] = "#" + anchor(target.removesuffix(".html") if path else page, name)
    return article


def anchor(page: str, name: str = "") -> str:
    return f"{page.replace('/', '-')}--{name}" if name else page.replace("/", "-")


def from_build(page: str, address: str) -> str:
    """An address on a page, as it is seen from `_build`."""
    if urlsplit(address).scheme:
        return address
    return posixpath.normpath(posixpath.join("html", posixpath.dirname(page), address))


def contents(titles: dict[str, str]) -> str:
    """The table of contents; the numbers of the pages are filled in once they are known."""
    parts = parse_toc_yaml(ROOT / "_toc.yml").root.subtrees
    captions = {str(part.items[0]): part.caption for part in parts}
    lines = []
    for page, title in titles.items():
        if page in captions:
            lines.append(f"<h2>{escape(captions[page])}</h2>")
        link = f'<a href="#{anchor(page)}">{escape(title)}</a>'
        lines.append(f'<p>{link}<i></i><span class="number"></span></p>')
    return "\n".join(lines)


def running_heads(titles: dict[str, str]) -> str:
    """The title of a chapter at the top of its sheets."""
    return "\n".join(
        f"#{anchor(page)} {{ page: head{i} }}\n"
        f"@page head{i} {{ @top-right {{ content: {json.dumps(title, ensure_ascii=False)} }} }}"
        for i, (page, title) in enumerate(titles.items())
    )


# -- the print ------------------------------------------------------------------------


def print_document(chapters: int) -> list[str]:
    """Print, and tell what is wrong with the document as it is printed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": int(TEXT / PIXEL), "height": 900})
        page.set_default_timeout(300_000)
        page.emulate_media(media="print")
        page.goto(DOCUMENT.as_uri())
        page.evaluate("MathJax.startup.promise")
        page.wait_for_function(WIDGETS_STAND)
        page.wait_for_load_state("networkidle")
        faults = faults_of(page)
        options = {"prefer_css_page_size": True, "print_background": True}
        # The first print tells on which sheets the chapters begin.
        for _ in range(2):
            page.pdf(path=PDF, outline=True, tagged=True, **options)
            page.evaluate(NUMBER, sheets(chapters))
        browser.close()
    return faults


def faults_of(page: Page) -> list[str]:
    return page.evaluate(BROKEN) + page.evaluate(TOO_WIDE)


def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    if program := next(filter(None, map(shutil.which, names)), None):
        return program
    sys.exit(f"none of {', '.join(names)} is installed; on Debian: apt install chromium")


def sheets(chapters: int) -> list[int]:
    """On which sheets, counted from 1, the chapters begin: they follow title and contents."""
    with pypdfium2.PdfDocument(PDF) as pdf:
        marks = [mark for mark in pdf.get_toc() if mark.level == 0][2:]
        if len(marks) != chapters:
            titles = [mark.get_title() for mark in marks]
            sys.exit(f"{chapters} pages have one title each, got {titles}")
        return [mark.get_dest().get_index() + 1 for mark in marks]


# -- the check ------------------------------------------------------------------------


def check(path: Path, figures: int) -> list[str]:
    """What is wrong with a PDF: figures missing or cut in two, and what leaves the text block."""
    faults, drawn = [], 0
    left, right = MARGIN / POINT - 1, (MARGIN + TEXT) / POINT + 1
    with pypdfium2.PdfDocument(path) as pdf:
        for number, page in enumerate(pdf, 1):
            # Lines and areas may leave it: shadows do. Of what is clipped, level 0 holds nothing.
            objects = list(page.get_objects([FPDF_PAGEOBJ_TEXT, FPDF_PAGEOBJ_IMAGE]))
            drawn += sum(o.type == FPDF_PAGEOBJ_IMAGE for o in objects)
            bounds = [o.get_bounds() for o in objects if o.level == 0]
            if wide := [b for b in bounds if b[0] < left or b[2] > right]:
                faults.append(f"page {number}: {len(wide)} pieces leave the text block")
        print(f"{path.name}: {len(pdf)} pages, {drawn} figures")
    if drawn != figures:
        faults.append(f"{drawn} figures are printed, the pages have {figures}")
    return faults


def main() -> None:
    soups = {page: read(page) for page in pages()}
    figures = sum(len(s.select(f"article img, article {WIDGET}")) for s in soups.values())
    DOCUMENT.write_text(assemble(soups), encoding="utf-8")
    if faults := print_document(len(soups)) + check(PDF, figures):
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
