"""A Pumice that serves, as a child process, and its command line in this one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cinderclient import client as cinder

from pumice.cli import main
from pumice.cli.clouds import Asked, find_cloud

STOP_SECONDS = 20.0


class Served(NamedTuple):
    """A running server."""

    process: subprocess.Popen[str]
    state_dir: Path
    url: str
    """Of the identity service."""

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; the exit status, and what else was written to stdout and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, out, err


Serve = Callable[..., Any]


@contextmanager
def served(state_dir: Path, *arguments: str) -> Iterator[Served]:
    """``pumice serve`` on a free port, once it is ready; killed at the end if it still runs."""
    command = [sys.executable, "-m", "pumice", "serve", "--state-dir", str(state_dir)]
    with subprocess.Popen(
        [*command, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Pumice ready: "), process.communicate()
            yield Served(process, state_dir, line.removeprefix("Pumice ready: ").rstrip())
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


@pytest.fixture(scope="session")
def serve() -> Serve:
    return served


@pytest.fixture(scope="session")
def connect() -> Callable[[Served], Any]:
    """Logs in to a server as its administrator, with the real client's library."""

    def connected(server: Served) -> Any:
        auth = find_cloud(Asked(None, server.state_dir), {}, Path("/")).auth
        return cinder.Client("3", auth["username"], auth["password"], "admin", server.url)

    return connected


class Ran(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``pumice`` with arguments in this process."""

    def run_pumice(*arguments: str) -> Ran:
        capsys.readouterr()
        return Ran(main(arguments), *capsys.readouterr())

    return run_pumice
