"""The clients' command lines, called in this process: to start each anew takes a second or two."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import logging
import pkgutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import pytest

MAINS: Final = {
    "cinder": "cinderclient.shell:main",
    "nova": "novaclient.shell:main",
    "openstack": "openstackclient.shell:main",
}
"""The function that each console script calls."""

SETTLE_SECONDS: Final = 20

Table = list[dict[str, str]]


class Printed(NamedTuple):
    """What a command printed."""

    out: str
    err: str

    @property
    def json(self) -> Any:
        """The value of ``-f json``."""
        return json.loads(self.out)

    @property
    def tables(self) -> list[Table]:
        """Each table in the output, a dictionary for each of its rows."""
        found: list[Table] = []
        rules = 0
        names: list[str] = []
        for line in self.out.splitlines():
            if line.startswith("+"):
                rules += 1
            elif line.startswith("|"):
                cells = [cell.strip() for cell in line[1:-1].split("|")]
                if rules % 3 == 1:  # A rule stands over the names, under them and at the end.
                    names = cells
                    found.append([])
                else:
                    found[-1].append(dict(zip(names, cells, strict=True)))
        return found

    @property
    def table(self) -> Table:
        """The only table in the output."""
        (table,) = self.tables
        return table

    @property
    def properties(self) -> dict[str, str]:
        """The only table, which has the columns Property and Value."""
        return {row["Property"]: row["Value"] for row in self.table}


class Shell:
    """A client's command line, such as ``cinder``, with the variables that it finds its cloud by."""

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = environment

    def __call__(self, *arguments: str, status: int = 0) -> Printed:
        """Run it with ``arguments``; it must end with ``status``."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.ExitStack() as undo:
            undo.enter_context(contextlib.redirect_stdout(out))
            undo.enter_context(contextlib.redirect_stderr(err))
            undo.enter_context(warnings.catch_warnings())
            undo.enter_context(_own_logging())
            process = undo.enter_context(pytest.MonkeyPatch.context())
            process.setattr(sys, "argv", [self._program, *arguments])
            process.setattr(sys, "stdin", io.StringIO())  # A question would get no answer.
            for name, value in self._environment.items():
                process.setenv(name, value)
            main = self._main(arguments)
            if self._program == "openstack":
                _forget_clients(process)
            ended = _status(main)
        printed = Printed(out.getvalue(), err.getvalue())
        assert ended == status, f"{' '.join(arguments)}: {ended}\n{printed.out}{printed.err}"
        return printed

    def _main(self, arguments: tuple[str, ...]) -> Callable[[], int | None]:
        main = pkgutil.resolve_name(MAINS[self._program])
        if self._program == "nova":  # Its default argument is the sys.argv of its import.
            return functools.partial(main, list(arguments))
        found: Callable[[], int | None] = main
        return found


def _forget_clients(process: pytest.MonkeyPatch) -> None:
    """``openstack`` keeps what it is connected to in a class, where the next run would find it."""
    manager = pkgutil.resolve_name("osc_lib.clientmanager:ClientManager")
    for kept in vars(manager).values():
        if hasattr(kept, "_handle"):
            process.setattr(kept, "_handle", None)


def _status(main: Callable[[], int | None]) -> int:
    """The exit status of ``main``, which may return it, raise it, or take None for 0."""
    try:
        ended = main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return ended or 0


@contextlib.contextmanager
def _own_logging() -> Iterator[None]:
    """A client finds no handlers, as in a process of its own, and what it does to loggers ends."""
    before = {logger: (logger.level, logger.handlers[:]) for logger in _loggers()}
    logging.root.handlers.clear()
    try:
        yield
    finally:
        for logger in _loggers():
            level, handlers = before.get(logger, (logging.NOTSET, []))
            logger.handlers[:] = handlers
            if logger.level != level:  # To set a level empties the cache of a thousand loggers.
                logger.setLevel(level)


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(one for one in known if isinstance(one, logging.Logger))]


def settled(status: Callable[[], str]) -> str:
    """Ask for ``status``, as a person would, until the volume is neither made nor removed any more."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := status()) in ("creating", "deleting"):
        assert time.monotonic() < deadline, f"{found} for {SETTLE_SECONDS} s"
    return found


def gone(cinder: Shell, *filters: str) -> bool:
    """Ask, as in :func:`settled`, until ``cinder list`` with ``filters`` shows no volume."""
    return settled(lambda: "deleting" if cinder("list", *filters).table else "gone") == "gone"
