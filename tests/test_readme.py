"""The examples in prose print what they say they print."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\s+```text\n(?P<output>.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", ["README.md"])
def test_example_prints_its_output(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = list(EXAMPLE.finditer((ROOT / page).read_text(encoding="utf-8")))
    assert examples, f"no python block followed by a text block in {page}"
    for example in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(example["code"], page, "exec"), {})
        assert printed.getvalue() == example["output"]


def test_the_example_with_other_packages_runs(capsys):
    """It needs scikit-learn, and its last digits may differ."""
    (code,) = re.findall(r"```py\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("certified: the loss is 0.97")
