"""Exercises that tell a reader whether an answer is right."""

from __future__ import annotations

import contextlib
import io


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


def says_right(check, answer) -> bool:
    """Does a self-check call an answer right? For tests: what it prints is not shown.

    Parameters
    ----------
    check : callable
        `check(answer)` calls `self_check`.
    answer
        What a reader might give.

    Examples
    --------
    >>> def check_a(answer):
    ...     self_check(answer, lambda x: x == 2, "Add one to one.")
    >>> says_right(check_a, 2), says_right(check_a, 3), says_right(check_a, ...)
    (True, False, False)
    """
    with contextlib.redirect_stdout(io.StringIO()) as said:
        check(answer)
    return said.getvalue() == "Right.\n"
