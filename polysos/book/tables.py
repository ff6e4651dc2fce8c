"""Tables of results on a page."""

from __future__ import annotations

from IPython.display import Markdown


def show_table(head, rows, align: str = "") -> Markdown:
    """A table in Markdown: formulas are set in it, and on a phone it scrolls.

    Parameters
    ----------
    head : sequence
        One title a column.
    rows : iterable of sequence
    align : str
        A letter a column, l or r; by default the first column to the left, the others to the right.

    Examples
    --------
    >>> print(show_table(["order", "bound"], [(1, 0.5), (2, 1.0)]).data)
    | order | bound |
    | :-- | --: |
    | 1 | 0.5 |
    | 2 | 1.0 |
    """
    rules = [{"l": ":--", "r": "--:"}[letter] for letter in align or "l" + "r" * (len(head) - 1)]
    lines = ["| " + " | ".join(map(str, line)) + " |" for line in [head, rules, *rows]]
    return Markdown("\n".join(lines))
