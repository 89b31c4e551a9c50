"""``pumice serve`` as a process: what scripts, supervisors and people meet."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

Serve = Any


def refused(*arguments: str) -> tuple[int, str]:
    """Exit status and error of a ``pumice serve`` that must not start."""
    done = subprocess.run(
        [sys.executable, "-m", "pumice", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr.removeprefix("Error: ").rstrip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_when_ready_and_status_0_at_the_end(
    serve: Serve, tmp_path: Path, number: signal.Signals
) -> None:
    with serve(tmp_path / "state") as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.url.endswith("/identity/v3")
        clouds = yaml.safe_load((tmp_path / "state" / "clouds.yaml").read_text())
        assert clouds["clouds"]["pumice"]["auth"]["auth_url"] == server.url
        status, out, err = server.end(number)
    assert (status, out) == (0, "")
    assert "Traceback" not in err


def test_a_second_server_on_a_state_directory_is_refused(serve: Serve, tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        status, error = refused("--state-dir", str(tmp_path), "--port", "0")
        assert server.end()[0] == 0
    assert status == 2
    pid = server.process.pid
    assert error == f"Another Pumice (process {pid}) already serves the state directory {tmp_path}."


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, error = refused("--state-dir", str(tmp_path), "--port", port)
    assert status == 2
    assert error == f"Cannot listen on 127.0.0.1 port {port}: Address already in use."


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[DEFAULT]\nhost = \xff\n", ":2: the file is not UTF-8 text."),
        (b"[DEFAULT]\nquota_volume = 3\n", ":2: unknown option quota_volume; did you mean"),
        (b"[file]\nvolume_driver = fil\n", "no such driver; did you mean file?"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, content: bytes, told: str) -> None:
    conf = tmp_path / "my.conf"
    conf.write_bytes(content)
    arguments = ("--state-dir", str(tmp_path / "state"), "--config", str(conf), "--port", "0")
    status, error = refused(*arguments)
    assert status == 2
    assert told in error


def test_a_log_for_programs(serve: Serve, tmp_path: Path) -> None:
    with serve(tmp_path, "--log-format", "json") as server:
        _, _, err = server.end()
    lines = [json.loads(line) for line in err.splitlines()]
    assert any(line["message"] == "Backend pumice@file is up" for line in lines)


def test_it_loads_neither_the_migrations_nor_what_draws(tmp_path: Path) -> None:
    """A start is exec to ready, so it is measured; this names what made it slow before."""
    program = """
import os, signal, sys
from pumice.cli import main, serve

def announce(url):
    print(*sorted({name.partition(".")[0] for name in sys.modules}))
    os.kill(os.getpid(), signal.SIGTERM)

serve._announce = announce
sys.exit(main(["serve", "--port", "0", "--state-dir", sys.argv[1]]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "uvicorn" in loaded
    unwanted = {
        "rich",
        "sqlalchemy",
        "alembic",
        "psycopg",
        "yaml",
        "pydantic",
        "pygments",
        "debugpy",
    }
    assert not loaded & unwanted
