"""A ``pumice serve --debug`` of a test's own, and the places at which to stop it."""

from __future__ import annotations

import ast
import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pumice.cli.client import Session
from pumice.cli.clouds import Asked, find_cloud
from tests.clients.served import Served
from tests.clients.shells import Shell

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "debugging.md"


class Debugged(Served):
    """A running server to which a debugger may attach at ``debug_port``."""

    def __init__(self, folder: Path, *, package_in: Path = ROOT) -> None:
        """Serve the package in the folder ``package_in``; the rest is as in :class:`Served`."""
        super().__init__(
            folder, under=("env", "--chdir", f"{package_in}"), options=("--debug", "0")
        )
        output = self._processes[0].stdout
        assert output is not None
        self.debug_line: Final = output.readline()
        found = re.match(r"Debugger ready: 127\.0\.0\.1:(\d+); ", self.debug_line)
        assert found, self.debug_line
        self.debug_port: Final = int(found[1])

    def log_in(self) -> Session:
        """Another client: it logs in anew."""
        return Session.log_in(find_cloud(Asked(None, self.state_dir), {}, ROOT))

    def answers(self) -> None:
        """See that another client can log in and list."""
        session = self.log_in()
        assert "volumes" in session.get("block-storage", "/volumes/detail")
        assert session.get("compute", "/flavors")["flavors"]

    def try_to_create(self) -> None:
        """Ask for a volume, of a server that may end meanwhile."""
        with contextlib.suppress(AssertionError):
            Shell("cinder", self.environment)("create", "1")


class Place(NamedTuple):
    """A place worth a breakpoint: what to look at there, and a command that comes by."""

    file: str
    function: str
    variable: str = ""
    command: tuple[str, ...] = ()

    def line(self, root: Path = ROOT) -> int:
        """The line of the function's first statement."""
        body: list[ast.stmt] = ast.parse((root / self.file).read_text("utf-8")).body
        for name in self.function.split("."):
            (found,) = (one for one in body if getattr(one, "name", None) == name)
            assert isinstance(found, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            body = found.body
        return next(one.lineno for one in body if not isinstance(one, ast.Expr))


def places() -> Iterator[Place]:
    """The places that ``docs/debugging.md`` recommends, from its table."""
    for line in PAGE.read_text("utf-8").splitlines():
        cells = re.fullmatch(r"\| [^|]+ \| `(\S+\.py)` \| `(\S+)` \| `(\w+)` \| `([^`]+)` \|", line)
        if cells:
            yield Place(cells[1], cells[2], cells[3], tuple(shlex.split(cells[4])))
