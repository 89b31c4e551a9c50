"""The command line as a whole: helps, mistakes, exit statuses. No server runs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import pumice
from pumice.cli.app import app, main

COMMANDS = (
    "serve",
    "demo",
    "config show",
    "config policies",
    "db version",
    "db upgrade",
    "db check",
    "db backup",
    "db restore",
    "db copy",
    "debug config",
    "host list",
    "process list",
    "service list",
    "backend list",
    "operation list",
    "operation show",
    "operation retry",
    "operation abandon",
    "identity user set-password",
    "identity rotate-keys",
    "why",
    "trace",
)
CLIENTS = (
    "debug config",
    "host list",
    "service list",
    "backend list",
    "operation list",
    "operation show x",
    "operation retry x",
    "operation abandon x --yes",
    "why x",
    "trace",
    "trace x",
)

Captured = pytest.CaptureFixture[str]


def failure(capsys: Captured, command: str, *arguments: str) -> tuple[int, str]:
    """Exit status and error of a command that must say one sentence and no more."""
    status = main([*command.split(), *arguments])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    return status, err.removeprefix("Error: ").rstrip()


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A command of typer and all below it, by the words that name them."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from walk(below, (*path, name))


def is_leaf(command: Any) -> bool:
    return not hasattr(command, "commands")


def test_the_version(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pumice {pumice.__version__}\n"


def test_the_commands_are_those_of_the_design() -> None:
    found = {" ".join(path) for path, command in walk(get_command(app)) if is_leaf(command)}
    assert found == set(COMMANDS)


def test_everything_has_a_help_text() -> None:
    for path, command in walk(get_command(app)):
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, (path, parameter.name)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(capsys: Captured, command: str) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: pumice {command} [OPTIONS]")


@pytest.mark.parametrize("command", ["", "db", "operation"])
def test_a_group_alone_shows_its_commands(capsys: Captured, command: str) -> None:
    assert main(command.split()) == 2
    assert f"Usage: pumice {command}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("nothing", "No such command 'nothing'."),
        ("why", "Missing argument 'ID'."),
        ("serve --role api,cinder", "--role: 'cinder' is none of api, scheduler, volume."),
        (
            "serve --port 65536",
            "Invalid value for '--port': 65536 is not in the range 0<=x<=65535.",
        ),
        ("serve --tls-cert c.pem", "--tls-cert and --tls-key are needed together."),
        ("serve --log-format xml", "Invalid value for '--log-format': 'xml' is not one of"),
        ("operation list --status odd", "Invalid value for '--status': 'odd' is not one of"),
        ("operation list --stuck --status done", "--stuck and --status done contradict"),
        ("operation list --resource ../x", "'../x' is not the id of a volume"),
        ("operation show ../x", "'../x' is not the id of a volume"),
        ("operation retry ..", "'..' is not the id of a volume"),
        ("operation abandon -- -x", "'-x' is not the id of a volume"),
        ("why a/b", "'a/b' is not the id of a volume"),
        ("trace %2e", "'%2e' is not the id of a volume"),
        ("host list --cloud odd", "No clouds.yaml has a cloud 'odd'."),
        ("db version --state-dir /nowhere", "The database /nowhere/pumice.db cannot be read: No"),
        ("db upgrade --state-dir /nowhere", "The database /nowhere/pumice.db cannot be read: No"),
        ("db check --state-dir /nowhere", "/nowhere/pumice.conf cannot be read: No such file"),
        ("config show --config /nowhere", "/nowhere cannot be read: No such file or directory."),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(capsys: Captured, command: str, told: str) -> None:
    status, error = failure(capsys, command)
    assert status == 2
    assert error.startswith(told)


@pytest.mark.parametrize("command", CLIENTS)
def test_without_any_cloud(capsys: Captured, command: str, tmp_path: Path) -> None:
    status, error = failure(capsys, command, "--state-dir", str(tmp_path))
    assert status == 2
    assert error.startswith(f"No cloud was named, and there is none in {tmp_path}")


@pytest.mark.parametrize("command", CLIENTS)
def test_without_a_server(capsys: Captured, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # And never listens.
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("OS_AUTH_URL", f"{url}/identity/v3")
        monkeypatch.setenv("OS_USERNAME", "admin")
        monkeypatch.setenv("OS_PASSWORD", "secret")
        assert failure(capsys, command) == (1, f"No Pumice answers at {url}: Connection refused.")


def test_no_certificate(capsys: Captured, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    both = ("--tls-cert", str(junk), "--tls-key", str(junk))
    status, error = failure(capsys, "serve", "--state-dir", str(tmp_path / "state"), *both)
    assert status == 2
    assert f"{junk} and {junk} are no certificate with its key" in error
    assert not (tmp_path / "state").exists()
