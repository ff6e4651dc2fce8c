"""Work on the book's notebooks: run them, and check what was built.

    python tools/book.py execute [notebook ...]   run in place, store text outputs
    python tools/book.py check                    look at what was built

A notebook is stored so that its difference is readable and a second run gives
the same file: fixed cell ids and counts, no times, no pictures, no widget
state. The text that the cells print stays: tests compare it, and the library's
numbers can be read without running anything.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
HTML = ROOT / "_build" / "html"
# Notebooks that are no pages: the book must not show what the labs ask.
SOLUTIONS = CHAPTERS / "labs" / "solutions"

# Widgets and figures are drawn anew by every build; their text stand-ins
# ("<Figure size ...>") say nothing without them.
UNSTORED = ("image/", "application/vnd.jupyter.widget")
# The labs have more: nbgrader's settings, and checks that JupyterLab shows folded.
CELL_METADATA = ("mystnb", "tags", "nbgrader", "deletable", "editable", "jupyter")


def pages() -> list[str]:
    """The pages of the table of contents, by their path without a suffix."""
    return list(parse_toc_yaml(ROOT / "_toc.yml"))


def notebooks() -> list[Path]:
    """The notebooks that exist."""
    return sorted(p for p in CHAPTERS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def normalise(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Bring an executed notebook, in place, to the form in which it is stored."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first with cell ids
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
            # How the build runs this notebook, where it is not as the others.
            **{key: notebook.metadata[key] for key in ("mystnb",) if key in notebook.metadata},
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03}"
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in CELL_METADATA if key in cell.metadata}
        )
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_picture(output)]
            # nbval compares nothing where the count is missing; one count for
            # all, and a new cell does not change the cells below.
            cell.execution_count = 1 if cell.outputs else None
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = 1
                if "metadata" in output:
                    output.metadata = nbformat.from_dict({})
    return notebook


def is_picture(output: nbformat.NotebookNode) -> bool:
    return any(mime.startswith(UNSTORED) for mime in output.get("data", {}))


def execute(path: Path) -> None:
    """Run a notebook where it lies and store it. An error in a cell is raised."""
    print(path.relative_to(ROOT), flush=True)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=None,  # a slow machine may take its time
        record_timing=False,
        coalesce_streams=True,  # else the pieces depend on when the kernel flushes
        store_widget_state=True,  # False breaks ipywidgets.interact
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    nbformat.write(normalise(notebook), path)


def check() -> None:
    """Exit with a message if a page has no HTML or no button, or a picture no alternative text."""
    faults = []
    for page in pages():
        html = HTML / f"{page}.html"
        if not html.is_file():
            faults.append(f"{page}: no HTML was built")
            continue
        text = html.read_text(encoding="utf-8")
        if (ROOT / f"{page}.ipynb").is_file() and f"?urlpath=lab/tree/{page}.ipynb" not in text:
            faults.append(f"{page}: no button opens the notebook on Binder")
        for tag in re.findall(r"<img\b[^>]*>", text):
            # Quotes are escaped in the state of a widget.
            alt = re.search(r'\balt=\\?"([^"\\]*)', tag)
            # Sphinx puts the file's name where none is given.
            if alt is None or not alt[1].strip() or "_images/" in alt[1]:
                faults.append(f"{page}: a picture without alternative text, {tag[:120]}")
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(pages())} pages in _toc.yml, {len(pages())} built.")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["execute", *paths]:
            for path in [Path(p).resolve() for p in paths] or notebooks():
                execute(path)
        case ["check"]:
            check()
        case _:
            sys.exit(__doc__)
