"""A long call on its way: its clock and time limit, what it reports, and notes for its message."""

from __future__ import annotations

import time
from copy import copy

from .checks import check_positive


class Progress:
    """What one call of `minimize` or `fit` keeps about itself.

    Parameters
    ----------
    time_limit : float, optional
        Seconds, after which no new step is to begin.
    verbose : bool
        Whether `report` prints.

    Attributes
    ----------
    time_limit : float or None
    is_verbose : bool
    notes : list of str
        What the message at the end shall say, each once.

    Raises
    ------
    ValueError, TypeError
        If the time limit is not a positive number.

    Examples
    --------
    >>> progress = Progress(time_limit=60)
    >>> progress.note("order 3 does not fit"), progress.note("order 3 does not fit")
    (None, None)
    >>> progress.is_late(), progress.notes, 59 < progress.left <= 60
    (False, ['order 3 does not fit'], True)
    """

    def __init__(self, time_limit: float | None = None, verbose: bool = False):
        if time_limit is not None:
            check_positive("time_limit", time_limit)
        self.time_limit = time_limit
        self.notes: list[str] = []
        self.is_verbose = verbose
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the call began."""
        return time.perf_counter() - self._start

    @property
    def left(self) -> float | None:
        """Seconds until the limit, 0 at least; None where there is no limit."""
        return None if self.time_limit is None else max(self.time_limit - self.seconds, 0.0)

    def shortened(self, share: float) -> Progress:
        """The same call, but late after a share of the time that is left; it shares its notes."""
        other = copy(self)
        if self.time_limit is not None:
            other.time_limit = self.seconds + share * self.left
        return other

    def is_late(self) -> bool:
        return self.left == 0

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def report(self, text: str) -> None:
        """Print a line with the seconds so far, where the call is verbose."""
        if self.is_verbose:
            print(f"{self.seconds:7.2f} s  {text}")
