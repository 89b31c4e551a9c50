"""Faults come and go in a running program, and meet only the files that they name."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import NOT_PROVEN
from tests.faults.shim import Call, Shim, why_not

EVALUATE = """
import os, sqlite3, sys, time
good, bad = (os.open(name, os.O_CREAT | os.O_RDWR) for name in ("good", "bad"))
database = sqlite3.connect("some.db", isolation_level=None)
database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n)")
for line in sys.stdin:
    try:
        print(eval(line), flush=True)
    except OSError as error:
        print(error.errno, flush=True)
    except sqlite3.OperationalError as error:
        print(error, flush=True)
"""
"""Each line is an expression; the answer is its value, or the error."""

CALLS: dict[str, tuple[Call, str]] = {
    "os.write({}, b'x')": ("write", "1"),
    "os.pwrite({}, b'x', 0)": ("write", "1"),
    "os.writev({}, [b'x'])": ("write", "1"),
    "os.pwritev({}, [b'x'], 0)": ("write", "1"),
    "os.ftruncate({}, 1)": ("write", "None"),
    "os.fsync({})": ("sync", "None"),
    "os.fdatasync({})": ("sync", "None"),
}
INSERT = "database.execute('INSERT INTO t VALUES (1)').rowcount"


@pytest.fixture
def shim(tmp_path: Path) -> Shim:
    if reason := why_not():
        pytest.skip(f"{NOT_PROVEN}{reason}")
    return Shim(tmp_path)


@pytest.fixture
def evaluate(shim: Shim, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Evaluate an expression in a program that runs under the shim all the time."""
    command = [*shim.under, sys.executable, "-c", EVALUATE]
    with subprocess.Popen(
        command, cwd=tmp_path, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        source, answers = process.stdin, process.stdout
        assert source is not None
        assert answers is not None

        def ask(expression: str) -> str:
            print(expression, file=source, flush=True)
            return answers.readline().rstrip()

        yield ask


@pytest.mark.parametrize("expression", CALLS)
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_call_fails_on_the_files_that_match(
    shim: Shim, evaluate: Callable[[str], str], expression: str, error: int
) -> None:
    call, well = CALLS[expression]
    assert evaluate(expression.format("bad")) == well
    shim.fail(call, "*/bad", error)
    assert evaluate(expression.format("bad")) == f"{error}"
    assert evaluate(expression.format("good")) == well
    shim.heal()
    assert evaluate(expression.format("bad")) == well


def test_a_call_fails_once(shim: Shim, evaluate: Callable[[str], str]) -> None:
    shim.fail("sync", "*/bad", once=True)
    answers = [evaluate(f"os.fsync({file})") for file in ("good", "bad", "bad")]
    assert answers == ["None", f"{errno.EIO}", "None"]
    shim.heal()
    shim.fail("sync", "*/bad", errno.ENOSPC, once=True)
    assert [evaluate("os.fsync(bad)") for _ in range(2)] == [f"{errno.ENOSPC}", "None"]


def test_calls_are_told_apart(shim: Shim, evaluate: Callable[[str], str]) -> None:
    shim.fail("write", "*/bad", errno.ENOSPC)
    shim.fail("sync", "*/good")
    answers = [evaluate(f"os.{call}") for call in ("fsync(bad)", "write(bad, b'')")]
    assert answers == ["None", f"{errno.ENOSPC}"]
    answers = [evaluate(f"os.{call}") for call in ("fsync(good)", "write(good, b'')")]
    assert answers == [f"{errno.EIO}", "0"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ("write", errno.ENOSPC, "database or disk is full"),
        ("write", errno.EIO, "disk I/O error"),
        ("sync", errno.EIO, "disk I/O error"),
    ],
)
def test_a_database_meets_them_too(
    shim: Shim, evaluate: Callable[[str], str], call: Call, error: int, message: str
) -> None:
    assert evaluate(INSERT) == "1"
    shim.fail(call, "*/some.db-wal", error)
    assert evaluate(INSERT) == message
    shim.heal()
    assert evaluate(INSERT) == "1"


def test_a_call_is_slow(shim: Shim, evaluate: Callable[[str], str]) -> None:
    shim.slow("sync", "*/bad", 300)
    began = time.monotonic()
    assert evaluate("os.fsync(bad)") == "None"
    assert time.monotonic() - began >= 0.3


def test_the_wall_clock_jumps_and_no_other(shim: Shim, evaluate: Callable[[str], str]) -> None:
    clocks = ("time.time_ns() // 10**9", "time.time()", "time.monotonic()")
    shim.fail("sync", "*/bad")
    for seconds in (86400, -7200):
        shim.jump(seconds)
        before = [time.time() + seconds - 1] * 2 + [time.monotonic()]
        shown = [float(evaluate(clock)) for clock in clocks]
        after = [time.time() + seconds] * 2 + [time.monotonic()]
        for least, one, most in zip(before, shown, after, strict=True):
            assert least <= one <= most
    assert evaluate("os.fsync(bad)") == f"{errno.EIO}", "the other faults stay"
    shim.heal()
    assert float(evaluate("time.time()")) <= time.time()
