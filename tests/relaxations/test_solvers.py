"""A solver that breaks down is quiet about it; one that speaks is heard."""

import os
import sys
import threading

import pytest

from polysos.relaxations.solvers import run


class Panic(BaseException):
    """As Rust's panics come through: no Exception."""


class Model:
    """Stands in for a cvxpy model."""

    def __init__(self, error=None):
        self.error = error

    def solve(self, **options):
        os.write(2, b"written to the file descriptor\n")
        print("written by Python", file=sys.stderr)
        if self.error is not None:
            raise self.error


def test_a_panic_is_a_failure_and_what_it_prints_is_dropped(capfd):
    assert not run(Model(Panic()), "CLARABEL")
    assert "file descriptor" not in capfd.readouterr().err


@pytest.mark.parametrize("error", [None, ValueError("x"), ArithmeticError()])
def test_anything_else_that_is_printed_comes_through(capfd, error):
    assert run(Model(error), "CLARABEL") is (error is None)
    assert "file descriptor" in capfd.readouterr().err
    print("afterwards", file=sys.stderr)
    assert "afterwards" in capfd.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_user_may_interrupt(error):
    with pytest.raises(error):
        run(Model(error()), "CLARABEL")


def test_threads_do_not_take_stderr_from_each_other(capfd):
    threads = [threading.Thread(target=run, args=(Model(Panic()), "CLARABEL")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"afterwards\n")
    assert "afterwards" in capfd.readouterr().err


def test_without_a_stderr_nothing_breaks(monkeypatch):
    class Silent(Model):
        def solve(self, **options):
            pass

    monkeypatch.setattr(sys, "stderr", None)
    assert run(Silent(), "CLARABEL")
