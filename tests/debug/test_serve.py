"""``pumice serve --debug``: what it prints and refuses; and that nobody else pays for it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pumice.cli.client import Refused, Session
from pumice.cli.clouds import Asked, find_cloud
from tests.clients.served import Served
from tests.debug.debugged import Debugged

WITHOUT_DEBUGPY = """
import sys
sys.modules["debugpy"] = None
from pumice.cli import main
sys.exit(main(sys.argv[1:]))
"""


def ended(*command: str) -> tuple[int, str]:
    """Exit status and error of a server that must not start."""
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_one_line_says_where_and_what_to_do(pumice: Debugged) -> None:
    assert pumice.debug_line.count("\n") == 1
    assert "`pumice debug config --write`" in pumice.debug_line


def test_the_debugger_is_on_loopback_only(pumice: Debugged) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", pumice.debug_port), 1)


def test_debugpy_is_missing(tmp_path: Path) -> None:
    arguments = ("serve", "--state-dir", f"{tmp_path / 'state'}", "--port", "0", "--debug")
    told = "Error: --debug needs debugpy, which is not installed: pip install 'pumice[debug]'.\n"
    assert ended("-c", WITHOUT_DEBUGPY, *arguments) == (2, told)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("form", [("--debug", "{}"), ("--debug={}",)])
def test_a_port_in_use(tmp_path: Path, form: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = [part.format(port) for part in form]
        serve = ("-m", "pumice", "serve", "--state-dir", f"{tmp_path}", *options, "--port", "0")
        told = f"Error: No debugger on 127.0.0.1 port {port}: Address already in use.\n"
        assert ended(*serve) == (2, told)


def test_the_usual_port_where_none_follows(tmp_path: Path) -> None:
    with contextlib.ExitStack() as taken:
        with contextlib.suppress(OSError):  # If somebody else has it, so much the better.
            taken.enter_context(socket.create_server(("127.0.0.1", 5678)))
        serve = ("-m", "pumice", "serve", "--debug", "--state-dir", f"{tmp_path}", "--port", "0")
        told = "Error: No debugger on 127.0.0.1 port 5678: Address already in use.\n"
        assert ended(*serve) == (2, told)


def test_without_it_there_is_no_debugger_to_learn_of(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        session = Session.log_in(find_cloud(Asked(None, served.state_dir), {}, tmp_path))
        with pytest.raises(Refused, match="started without --debug") as refused:
            session.get("pumice", "/debug")
        assert refused.value.status == 404
