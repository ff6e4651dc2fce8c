"""What makes a page of the book respond: sliders without a kernel, and self-checks.

The library itself does not import this file: ipywidgets and matplotlib are needed for the book
alone.
"""

from __future__ import annotations

import base64
import html
import io

import matplotlib
from ipywidgets import HTML, Layout, SelectionSlider, Stack, VBox, jslink
from matplotlib.figure import Figure
from PIL import Image

from .figures import STYLE

# Of a frame: the page stays small.
_COLOURS, _DPI = 24, 140


def frames_slider(values, draw, label: str, alt, names=None, start: int = 0, size=(5.2, 3.4)):
    """A slider through pictures that are drawn beforehand: it moves without a kernel.

    Parameters
    ----------
    values : sequence
        One picture each.
    draw : callable
        `draw(figure, value)` draws on an empty matplotlib figure.
    label : str
        What the slider changes.
    alt : callable
        `alt(value)` says in words what the picture shows.
    names : sequence of str, optional
        How each value is written beside the slider; `str(value)` by default.
    start : int
        Index of the picture that is shown first.
    size : tuple of float
        Width and height in inches.

    Returns
    -------
    ipywidgets.VBox

    Examples
    --------
    >>> box = frames_slider(
    ...     [1, 2],
    ...     lambda figure, power: figure.subplots().plot([t**power for t in range(5)]),
    ...     label="power",
    ...     alt=lambda power: f"The graph of t to the power {power}.",
    ... )
    >>> slider, stack = box.children
    >>> slider.options, "to the power 2." in stack.children[1].value
    (('1', '2'), True)
    """
    values = list(values)
    names = [str(v) for v in values] if names is None else list(names)
    with matplotlib.rc_context(STYLE):
        frames = [HTML(_frame(draw, v, alt(v), size)) for v in values]
    slider = SelectionSlider(
        options=names,
        index=start,
        description=label,
        style={"description_width": "initial"},
        layout=Layout(width="100%", max_width="34em"),
    )
    stack = Stack(frames, selected_index=start)
    jslink((slider, "index"), (stack, "selected_index"))
    return VBox([slider, stack])


def _frame(draw, value, alt: str, size) -> str:
    figure = Figure(figsize=size)
    draw(figure, value)
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI)
    Image.open(drawn).convert("RGB").quantize(_COLOURS).save(small, format="png", optimize=True)
    data = base64.b64encode(small.getvalue()).decode()
    width = round(120 * size[0])
    return (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" '
        f'style="width: 100%; max-width: {width}px">'
    )


def self_check(answer, is_right, hint: str) -> None:
    """Tell a reader whether an answer is right; `...` stands for no answer yet.

    Parameters
    ----------
    answer
        The reader's.
    is_right : callable
        `is_right(answer)` is true or false; an answer that it cannot read is not right.
    hint : str
        What to think of when it is not.

    Examples
    --------
    >>> self_check(..., lambda x: x == 2, "Add one to one.")
    Your turn: replace the dots.
    >>> self_check(3, lambda x: x == 2, "Add one to one.")
    Not yet. Add one to one.
    >>> self_check(2, lambda x: x == 2, "Add one to one.")
    Right.
    """
    if answer is ...:
        print("Your turn: replace the dots.")
        return
    try:
        right = bool(is_right(answer))
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        right = False
    print("Right." if right else f"Not yet. {hint}")
