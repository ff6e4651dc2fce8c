"""Build the package, look it over, and use it as somebody would who installs it alone.

The wheel goes into an empty environment: the examples of the README run there, and a room whose
packages are missing says which extra brings them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = {"polysos.neighbours": "neighbours", "polysos.paper": "paper", "polysos.book": "book"}


def main() -> None:
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", dist, ROOT)
    run(sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir())
    (wheel,) = dist.glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", wheel)
        for code, printed in examples((ROOT / "README.md").read_text()):
            said = run(python, "-c", code, cwd=folder)
            if said != printed:
                sys.exit(f"An example of the README prints\n{said}instead of\n{printed}")
        for room, extra in ROOMS.items():
            done = subprocess.run(
                [python, "-c", f"import {room}"], capture_output=True, text=True, cwd=folder
            )
            if f"pip install 'polysos[{extra}]'" not in done.stderr:
                sys.exit(f"{room} alone does not say what is missing:\n{done.stderr}")
    print("The package is built in dist, and works alone.")


def examples(readme: str) -> list[tuple[str, str]]:
    """The blocks of Python, each with the text that follows as its output."""
    found = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", readme, re.DOTALL)
    if not found:
        sys.exit("README.md has no example with its output")
    return found


def run(*command, cwd=None) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=cwd)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
