"""Sliders through pictures, with and without a kernel."""

from __future__ import annotations

import base64
import html
import io

import matplotlib
from IPython.display import HTML as Shown
from ipywidgets import HTML, Layout, SelectionSlider, Stack, VBox, interactive, jslink
from matplotlib.figure import Figure
from PIL import Image

from ..checks import check_integer, check_sequence
from .figures import STYLE

# Of a frame, and of a slider: the page stays small.
_COLOURS, _DPI, _MOST_FRAMES = 24, 140, 12


def frames_slider(
    values, draw, label: str, alt, names=str, start: int = 0, size=(5.2, 3.4), live=()
):
    """A slider through pictures that are drawn beforehand: it moves without a kernel.

    Where the notebook is open in a front end with a kernel, a second slider appears below. It goes
    through the values `live`, and each picture is drawn when it is asked for.

    Parameters
    ----------
    values : sequence
        One picture each, at most twelve.
    draw : callable
        `draw(figure, value)` draws on an empty matplotlib figure.
    label : str
        What the slider changes.
    alt : callable
        `alt(value)` says in words what the picture shows; each picture needs words of its own.
    names : callable or sequence of str, optional
        How a value is written beside the slider: `names(value)`, or one name for each of `values`.
    start : int
        Index of the picture that is shown first.
    size : tuple of float
        Width and height in inches.
    live : sequence, optional
        Finer values, for `draw`, `alt` and a callable `names`. They are numbers, and so is the
        value that is shown first: the second slider starts near it.

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
    ...     live=[1, 1.5, 2],
    ... )
    >>> slider, stack = box.children
    >>> slider.options, "to the power 2." in stack.children[1].value
    (('1', '2'), True)
    """
    values, live = check_sequence("values", values), check_sequence("live", live)
    check_integer("number of values", len(values), at_least=1, at_most=_MOST_FRAMES)
    check_integer("start", start, at_least=0, at_most=len(values) - 1)
    for name, argument in [("draw", draw), ("alt", alt)]:
        if not callable(argument):
            raise TypeError(f"{name} must be a function of a value, got {argument!r}")
    labels = [names(v) for v in values] if callable(names) else check_sequence("names", names)
    texts = [alt(v) for v in values]
    for name, words in [("names", labels), ("alt", texts)]:
        if len(set(words)) != len(values) or not all(word.strip() for word in words):
            raise ValueError(
                f"{name} must give {len(values)} values words of their own, got {words}"
            )
    frames = [HTML(_frame(draw, v, text, size)) for v, text in zip(values, texts, strict=True)]
    slider = _slider(label, labels, start)
    stack = Stack(frames, selected_index=start)
    jslink((slider, "index"), (stack, "selected_index"))
    box = VBox([slider, stack])
    if live:
        if not callable(names):
            raise TypeError(f"names must be a function of a value, for live, got {names!r}")
        distances = [abs(v - values[start]) for v in live]
        control = f"any {label}", [(names(v), v) for v in live], distances.index(min(distances))
        _when_viewed(box, lambda: _live_slider(draw, alt, size, *control))
    return box


def _when_viewed(box: VBox, make) -> None:
    """Add a widget below the frames when a front end with a kernel shows them.

    Front ends count their views of a widget here. While the book is built there is none: its pages
    hold nothing that would need a kernel.
    """

    def add(_):
        if len(box.children) == 2:
            box.children = [*box.children, make()]

    box._view_count = 0
    box.observe(add, "_view_count")


def _live_slider(draw, alt, size, label: str, options, index: int) -> interactive:
    control = _slider(label, options, index)
    control.continuous_update = False  # a slow drawing would fall behind
    return interactive(
        lambda value: Shown(_frame(draw, value, alt(value), size)),
        {"auto_display": True},
        value=control,
    )


def _slider(label: str, options, index: int) -> SelectionSlider:
    return SelectionSlider(
        description=label,
        options=options,
        index=index,
        style={"description_width": "initial"},
        layout=Layout(width="100%", max_width="34em"),
    )


def _frame(draw, value, alt: str, size) -> str:
    drawn, small = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size)
        draw(figure, value)
        figure.savefig(drawn, format="png", dpi=_DPI)
    Image.open(drawn).convert("RGB").quantize(_COLOURS).save(small, format="png", optimize=True)
    data = base64.b64encode(small.getvalue()).decode()
    width = round(120 * size[0])
    return (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" '
        f'style="width: 100%; max-width: {width}px">'
    )
