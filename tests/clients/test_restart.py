"""What survives the end of the server, be it asked for or not, and who may serve a folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.served import Deployment, Served
from tests.clients.shells import Shell, gone, settled
from tests.clients.wire import Wire

STOP_SECONDS = 10

in_several_processes = pytest.mark.only_on(
    "postgresql-4", reason="elsewhere nobody is left when a process ends"
)


@pytest.mark.everywhere
def test_what_was_acknowledged_survives_a_kill(deployment: Deployment, tmp_path: Path) -> None:
    with Served(tmp_path, deployment) as first, Wire(first) as wire:
        cinder = Shell("cinder", first.environment)
        wire.log_in()
        reply = wire.volume("POST", "/volumes", {"volume": {"size": 1, "name": "v"}})
        assert first.kill() == -signal.SIGKILL
    assert (reply.status, reply.json["volume"]["status"]) == (202, "creating")

    with Served(tmp_path, deployment, port=first.port) as second:
        assert settled(lambda: cinder("list").table[0]["Status"]) == "available"
        (row,) = cinder("list").table
        assert row["ID"] == reply.json["volume"]["id"]
        files = list(second.state_dir.glob("volumes/*/*"))
    assert [row["ID"] in file.name for file in files] == [True]


def test_deletion_survives_a_kill(deployment: Deployment, tmp_path: Path) -> None:
    with Served(tmp_path, deployment) as first, Wire(first) as wire:
        cinder = Shell("cinder", first.environment)
        volume_id = cinder("create", "1", "--name", "v").properties["id"]
        assert _settled(cinder, "v") == "available"
        wire.log_in()
        assert wire.volume("DELETE", f"/volumes/{volume_id}").status == 202
        first.kill()

    with Served(tmp_path, deployment, port=first.port) as second, Wire(second) as wire:
        wire.log_in()
        gone = settled(lambda: _status(wire, volume_id))
        assert gone == "gone"
        assert list(second.state_dir.glob("volumes/*/*")) == []


def _status(wire: Wire, volume_id: str) -> str:
    reply = wire.volume("GET", f"/volumes/{volume_id}")
    return str(reply.json["volume"]["status"]) if reply.status == 200 else "gone"


def test_stop_and_start_again(deployment: Deployment, tmp_path: Path) -> None:
    """The same volumes, ids and password; and who is logged in stays so."""
    with Served(tmp_path, deployment) as first, Wire(first) as wire:
        auth = first.auth
        openstack = Shell("openstack", first.environment)
        openstack("volume", "create", "--size", "1", "v")
        openstack("volume", "type", "create", "t")
        assert settled(lambda: _shown(openstack)["status"]) == "available"
        before = _everything(openstack)
        wire.log_in()
        assert first.stop() == 0

    with Served(tmp_path, deployment, port=first.port) as second, Wire(second) as again:
        assert second.auth == auth
        assert _everything(openstack) == before
        again.token = wire.token
        assert again.send("GET", "/identity/v3/projects").status == 200
        assert second.stop() == 0


@pytest.mark.everywhere
@in_several_processes
def test_one_process_after_the_other_is_killed(deployment: Deployment, tmp_path: Path) -> None:
    """Clients go on, and what they ask for is done, at the latest when the process is back."""
    with Served(tmp_path, deployment) as served:
        cinder = Shell("cinder", served.environment)
        made = []
        for roles in ("volume", "scheduler", "api"):
            made.append(_made(cinder, f"before-{roles}"))
            start_again = served.kill_one(roles)
            made.append(_made(cinder, f"without-{roles}"))
            assert {row["ID"] for row in cinder("list").table} == set(made)
            start_again()
        for one in made:
            assert _settled(cinder, one) == "available"
        cinder("delete", *made)
        assert gone(cinder)
        assert served.stop() == 0


def _made(cinder: Shell, name: str) -> str:
    return cinder("create", "1", "--name", name).properties["id"]


def _settled(cinder: Shell, volume: str) -> str:
    return settled(lambda: cinder("show", volume).properties["status"])


def _shown(openstack: Shell) -> Any:
    return openstack("volume", "show", "v", "-f", "json").json


def _everything(openstack: Shell) -> list[Any]:
    lists = ("volume type", "project", "user", "role", "service", "endpoint", "flavor", "catalog")
    rows = [openstack(*noun.split(), "list", "-f", "json").json for noun in lists]
    return [_shown(openstack), *rows]


def test_password_of_the_environment(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUMICE_ADMIN_PASSWORD", "of my own")
    with Served(tmp_path, deployment) as served:
        assert served.auth["password"] == "of my own"
        Shell("cinder", served.environment)("list")


def test_second_server_on_a_folder_is_refused(pumice: Served) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pumice", "serve", "--state-dir", pumice.state_dir, "--port", "0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STOP_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert "already serves the state directory" in sentence
    assert f"{pumice.state_dir}" in sentence
