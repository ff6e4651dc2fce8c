"""Tests of the book's sliders: frames without a kernel, pictures on demand with one."""

import ast
import re
import symtable

import nbformat
import numpy as np
import pytest
from ipywidgets.embed import dependency_state
from nbclient import NotebookClient

from polysos.book import frames_slider
from tools.book import ROOT, notebooks


def draw_power(figure, power):
    figure.subplots().plot([t**power for t in range(5)])


def words(power):
    return f'The graph of t to the power {power:g}, "<&>".'


def power_slider(values=(1, 2, 3), draw=draw_power, alt=words, **options):
    return frames_slider(values, draw, "power", alt, **options)


class TestFrames:
    def test_each_value_has_a_picture_with_words_of_its_own(self):
        _, stack = power_slider().children
        assert len({frame.value for frame in stack.children}) == 3
        for power, frame in enumerate(stack.children, start=1):
            assert re.match(r'<img src="data:image/png;base64,[\w+/=]{1000,}" ', frame.value)
            assert f'alt="The graph of t to the power {power}, &quot;&lt;&amp;' in frame.value

    def test_slider_says_what_it_changes_and_where_it_stands(self):
        slider, stack = power_slider(start=1, names=lambda v: f"p = {v}").children
        assert slider.description == "power" and slider.label == "p = 2"
        assert stack.selected_index == 1

    def test_names_may_be_listed(self):
        assert power_slider(names=["a", "b", "c"]).children[0].options == ("a", "b", "c")

    def test_the_browser_alone_moves_the_frames(self):
        """The state that is stored in the page links both; no kernel takes part."""
        box = power_slider()
        slider, stack = (f"IPY_MODEL_{w.model_id}" for w in box.children)
        (link,) = (w["state"] for w in dependency_state([box]).values() if "Link" in str(w))
        assert (link["source"], link["target"]) == ([slider, "index"], [stack, "selected_index"])

    def test_pictures_are_small_and_as_wide_as_asked(self):
        _, stack = power_slider(size=(3, 2)).children
        assert all(len(frame.value) < 20_000 for frame in stack.children)
        assert "max-width: 360px" in stack.children[0].value

    def test_book_style_whatever_the_settings_are(self):
        seen = []
        power_slider([1], lambda figure, _: seen.append(figure.get_layout_engine()))
        assert type(seen[0]).__name__ == "ConstrainedLayoutEngine"


class TestLive:
    """A front end raises `_view_count` to 1 when it shows the box."""

    fine = np.linspace(1, 3, 9)

    def view(self, **options):
        box = power_slider(live=self.fine, **options)
        box._view_count = 1
        _, _, live = box.children
        return box, live

    def test_page_without_kernel_holds_the_frames_alone(self):
        """Exactly the widgets of a slider that has no live values."""
        box, plain = power_slider(live=self.fine), power_slider()
        kinds = [
            sorted(w["model_name"] for w in dependency_state([b]).values()) for b in (box, plain)
        ]
        assert kinds[0] == kinds[1] and box._view_count == 0

    def test_without_live_values_no_view_is_counted(self):
        box = power_slider()
        assert box._view_count is None
        box._view_count = 1
        assert len(box.children) == 2

    def test_appears_once_and_near_the_frame(self):
        box, live = self.view(start=1, names=lambda p: f"{p:g}")
        control, _ = live.children
        assert control.description == "any power" and control.label == "2"
        box._view_count = 0
        box._view_count = 2
        assert len(box.children) == 3

    def test_draws_what_is_asked_for_with_its_words(self):
        drawn = []

        def draw(figure, power):
            drawn.append(power)
            draw_power(figure, power)

        _, live = self.view(draw=draw)
        assert drawn == [1, 2, 3, 1]
        live.children[0].value = 1.75
        assert drawn[-1] == 1.75 and "to the power 1.75," in live.result.data
        frame = power_slider([1.75]).children[1].children[0]
        assert live.result.data == frame.value

    def test_slow_drawings_do_not_queue(self):
        frames, _ = power_slider(live=self.fine).children
        _, live = self.view()
        assert frames.continuous_update and not live.children[0].continuous_update

    def test_kernel_shows_pictures_and_errors(self):
        """In a kernel: what a reader sees below the slider after each move."""
        cells = [
            "from polysos.book import frames_slider\n"
            "def draw(figure, x):\n"
            "    figure.subplots().plot([1 / (x - 2)])\n"
            "box = frames_slider([1, 3], draw, 'x', '{} it is.'.format, live=[1, 2, 3])\n"
            "box",
            "box._view_count = 1\nlive = box.children[2]",
            "print(live.out.outputs[-1]['data']['text/html'][-70:])",
            "live.children[0].value = 2",
            "print(live.out.outputs[-1]['ename'])",
            "live.children[0].value = 3",
            "print(live.out.outputs[-1]['data']['text/html'][-70:], len(live.out.outputs))",
        ]
        notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
        resources = {"metadata": {"path": str(ROOT)}}
        NotebookClient(notebook, timeout=120, resources=resources).execute()
        # one print may arrive in several pieces
        first, error, last = (
            "".join(output.text for output in notebook.cells[i].outputs) for i in (2, 4, 6)
        )
        assert 'alt="1 it is."' in first and 'alt="3 it is."' in last and last.endswith(" 1\n")
        assert error == "ZeroDivisionError\n"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"values": []}, ValueError, "number of values must be at least 1, got 0"),
        ({"values": range(13)}, ValueError, "number of values must be at most 12, got 13"),
        ({"values": 3}, TypeError, "values must be a sequence, got 3"),
        ({"start": 3}, ValueError, "start must be at most 2, got 3"),
        ({"start": -1}, ValueError, "start must be at least 0, got -1"),
        ({"draw": "power"}, TypeError, "draw must be a function of a value, got 'power'"),
        ({"alt": "A graph."}, TypeError, "alt must be a function of a value, got 'A graph.'"),
        ({"alt": "A graph.".format}, ValueError, "alt must give 3 values words of their own"),
        ({"alt": lambda _: " "}, ValueError, "alt must give 3 values words of their own"),
        ({"names": ["a", "b"]}, ValueError, "names must give 3 values words of their own"),
        ({"names": ["a", "b", "b"]}, ValueError, "names must give 3 values words of their own"),
        ({"names": list("abc"), "live": [1, 2]}, TypeError, "names must be a function"),
        ({"live": 0.1}, TypeError, "live must be a sequence, got 0.1"),
    ],
)
def test_bad_input_is_named(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        power_slider(**options)


CHAPTERS_WITH_SLIDERS = [
    path
    for path in notebooks()
    if path.parent.name in ("theory", "reproduction", "neighbours") or path.parent.name == "beyond"
]


def sliders(source: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "frames_slider"
    ]


def slider_cells(path) -> list[int]:
    cells = nbformat.read(path, as_version=4).cells
    return [n for n, cell in enumerate(cells) if cell.cell_type == "code" and sliders(cell.source)]


@pytest.mark.parametrize("path", CHAPTERS_WITH_SLIDERS, ids=lambda path: path.stem)
def test_chapter_has_a_slider_that_answers_a_question(path):
    """The text right before it asks."""
    cells = nbformat.read(path, as_version=4).cells
    assert slider_cells(path), "no slider"
    for number in slider_cells(path):
        text = [cell.source for cell in cells[:number] if cell.cell_type == "markdown"][-1]
        assert "?" in text, f"no question before the slider of cell {number}:\n{text}"


def names_from_outside(table) -> set[str]:
    """The names that a function, with what is inside it, looks up in the notebook."""
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return own.union(*map(names_from_outside, table.get_children()))


def names_of_live_sliders(source: str, functions: dict[str, set[str]]) -> set[str]:
    """What their functions look up, and the functions that these call, and so on."""
    found = set()
    for call in sliders(source):
        keywords = {k.arg: k.value for k in call.keywords}
        for argument in [*call.args, *keywords.values()] if "live" in keywords else []:
            if isinstance(argument, ast.Lambda):
                table = symtable.symtable(ast.unparse(argument), "a lambda", "eval")
                found |= names_from_outside(table.get_children()[0])
            else:
                found |= functions.get(getattr(argument, "id", ""), set())
    while more := {n for name in found for n in functions.get(name, ())} - found:
        found |= more
    return found


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_live_slider_draws_the_same_after_all_cells_have_run(path):
    """That is when a reader moves it. No later cell may give a name of its another meaning."""
    functions, used = {}, set()
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            table = symtable.symtable(cell.source, "a cell", "exec")
            anew = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
            assert not anew & used, f"{anew & used} in a live slider above and in\n{cell.source}"
            functions |= {t.get_name(): names_from_outside(t) for t in table.get_children()}
            used |= names_of_live_sliders(cell.source, functions)


def test_the_book_has_ten_sliders():
    assert sum(len(slider_cells(path)) for path in notebooks()) >= 10
