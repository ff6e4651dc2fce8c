"""What the chapters show with: figures, tables, sliders and self-checks.

Needs the extra `polysos[book]`. Imports `polysos.algebra` only.
"""

from ..checks import check_installed

check_installed("book", "matplotlib", "ipywidgets", "IPython", "PIL")

from .figures import COLOURS, use_style  # noqa: E402
from .self_checks import says_right, self_check  # noqa: E402
from .tables import show_table  # noqa: E402
from .widgets import frames_slider  # noqa: E402

__all__ = ["COLOURS", "frames_slider", "says_right", "self_check", "show_table", "use_style"]
