"""A plugin of pytest: what nbval has run need not be run again for the book.

    python -m pytest -p tools.executed --nbval-lax chapters

nbval compares outputs and throws them away, the state of widgets with them.
Here the messages of its kernels are heard as well by the client with which
Jupyter Book executes notebooks. A notebook of which every cell ran and passed
is laid into the cache from which `jupyter-book build` takes its outputs.
"""

import shutil
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbval.plugin import IPyNbCell, IPyNbFile

KEPT = Path("_build", "executed")
CACHE = Path("_build", ".jupyter_cache")  # where Jupyter Book looks


class Listener:
    """Hears what the kernel of one notebook says, and writes it down in a copy of the notebook."""

    def __init__(self, file: IPyNbFile):
        self.path = Path(file.path)
        self.notebook = nbformat.read(self.path, as_version=4)
        self.code = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        self.passed = 0
        self.client = NotebookClient(self.notebook, store_widget_state=True, record_timing=False)
        self.client.reset_execution_trackers()
        self.client.kc = file.kernel.kc
        self.cell_number = 0
        self.get_message = file.kernel.get_message
        file.kernel.get_message = self.hear

    def begin(self, cell_number: int) -> None:
        self.cell_number = cell_number
        self.code[cell_number].outputs = []
        self.client.clear_before_next_output = False  # as at the start of each cell

    def hear(self, stream: str, timeout: float | None = None) -> dict:
        message = self.get_message(stream, timeout=timeout)
        if stream == "iopub":
            try:
                self.client.process_message(message, self.code[self.cell_number], self.cell_number)
            except CellExecutionComplete:
                pass  # nbval hears it too
        return message

    def keep(self, root: Path) -> None:
        """Write the notebook where the end of the session finds it."""
        self.client.set_widgets_metadata()
        target = root / KEPT / self.path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(self.notebook, target)


listeners = pytest.StashKey[Listener]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if not isinstance(item, IPyNbCell):
        return (yield)
    if listeners not in item.parent.stash:
        item.parent.stash[listeners] = Listener(item.parent)
    listener = item.parent.stash[listeners]
    listener.begin(item.cell_num)
    outcome = yield  # raises what the cell raised, or where it is skipped
    listener.passed += 1
    if listener.passed == len(listener.code):
        listener.keep(item.config.rootpath)
    return outcome


def is_worker(session) -> bool:
    """Of pytest-xdist. The process above the workers alone writes to the cache."""
    return hasattr(session.config, "workerinput")


def pytest_sessionstart(session):
    """What a run left that was interrupted may be older than the library."""
    if not is_worker(session):
        shutil.rmtree(session.config.rootpath / KEPT, ignore_errors=True)


def pytest_sessionfinish(session):
    if is_worker(session):
        return
    root = session.config.rootpath
    cache = get_cache(root / CACHE)
    for path in sorted((root / KEPT).rglob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        bundle = CacheBundleIn(notebook, str(root / path.relative_to(root / KEPT)), data={})
        # Its counts are all alike: nbval keeps no history.
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    shutil.rmtree(root / KEPT, ignore_errors=True)
