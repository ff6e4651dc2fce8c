"""Running a solver that may break down in any way: it never raises, and never shouts."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import warnings
from contextlib import contextmanager

_one_at_a_time = threading.Lock()


def run(model, solver: str, verbose: bool = False, **options) -> bool:
    """Solve a model of cvxpy; False where the solver broke down, whatever it raised."""

    def solve():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cvxpy warns of inaccuracy; our status says so
            model.solve(solver=solver, verbose=verbose, **options)
        return True

    return answer_of(solve) is not None


def answer_of(solve):
    """What solve() returns; None where a solver breaks down, whatever it raises.

    >>> answer_of(lambda: 1 // 0) is None
    True
    """
    try:
        with _without_last_words():
            return solve()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a solver's panic is no Exception
        return None


@contextmanager
def _without_last_words():
    """Hold back what is written to stderr, and drop it if a solver panics.

    A solver written in Rust prints its panic, hundreds of lines perhaps, before Python hears of it.
    """
    if sys.stderr is None or not _one_at_a_time.acquire(blocking=False):
        yield  # there is none; or another thread is at it, and stderr belongs to all of them
        return
    panicked = False
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        own = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException as error:
            panicked = not isinstance(error, Exception)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(own, 2)
            os.close(own)
            _one_at_a_time.release()
            if not panicked:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))
