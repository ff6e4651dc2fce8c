"""A Sphinx extension: what the pages load comes with the book, and no other host is asked.

`make book` has npm fetch the packages of package-lock.json into `tools/node_modules`. What pages
need of them is copied into the built book; a page names it relative to itself, so that the book
opens from a disk as well.
"""

import shutil
from pathlib import Path

from sphinx.errors import ExtensionError

PACKAGES = Path(__file__).parent / "node_modules"
FOLDER = "vendor"  # in _static of the built book
MATHJAX = "mathjax/es5"
WIDGETS = "@jupyter-widgets/html-manager/dist"
# MathJax loads its fonts, rare commands and the tools of its menu when it needs them.
NEEDED = [
    *[f"{MATHJAX}/{part}/**/*" for part in ("a11y", "input/tex", "output/chtml", "sre")],
    f"{MATHJAX}/tex-chtml.js",
    f"{WIDGETS}/embed.js",
    f"{WIDGETS}/*.woff2",
]


def name_scripts(app, config) -> None:
    """Let MathJax and the widgets come from the book, and leave out what asks Binder."""
    if not PACKAGES.is_dir():
        raise ExtensionError(f"{PACKAGES} is missing: make book creates it")
    config.mathjax_path = f"{FOLDER}/{MATHJAX}/tex-chtml.js"
    config.nb_ipywidgets_js = {f"{FOLDER}/{WIDGETS}/embed.js": {"defer": "defer"}}
    # Jupyter Book always loads sphinx-thebe, which names another host on every page.
    for event in ("env-before-read-docs", "doctree-resolved"):
        for listener in list(app.events.listeners[event]):
            if listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)


def copy_packages(app, exception) -> None:
    """Copy what pages load into the built book."""
    if exception or app.builder.format != "html":
        return
    for source in (path for pattern in NEEDED for path in PACKAGES.glob(pattern)):
        if source.is_file():
            target = Path(app.outdir, "_static", FOLDER, source.relative_to(PACKAGES))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def setup(app) -> dict:
    app.connect("config-inited", name_scripts)
    app.connect("build-finished", copy_packages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
