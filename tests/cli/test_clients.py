"""The commands that ask a running Pumice, or its database once it has stopped."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

Run = Any


class Cloud(NamedTuple):
    """A running cloud with a volume, and one that nobody could place."""

    server: Any
    client: Any
    volume: Any
    lost: Any

    @property
    def directory(self) -> Path:
        return Path(self.server.state_dir, "volumes", "file")


@contextmanager
def running(serve: Any, connect: Any, path: Path) -> Iterator[Cloud]:
    with serve(path) as server:
        client = connect(server)
        client.volume_types.create("gold").set_keys({"volume_backend_name": "gold"})
        volume = wait(client, client.volumes.create(1, name="first\x1b[2Jvol"))
        lost = wait(client, client.volumes.create(1, volume_type="gold"))
        yield Cloud(server, client, volume, lost)


@pytest.fixture(scope="module")
def shared_cloud(
    serve: Any, connect: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    with running(serve, connect, tmp_path_factory.mktemp("state")) as cloud:
        yield cloud


@pytest.fixture
def cloud(shared_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud that others use too; the default state directory is its."""
    monkeypatch.setenv("PUMICE_STATE_DIR", str(shared_cloud.server.state_dir))
    return shared_cloud


@pytest.fixture
def own_cloud(
    serve: Any, connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    """A cloud for one test; the default state directory is its."""
    monkeypatch.setenv("PUMICE_STATE_DIR", str(tmp_path))
    with running(serve, connect, tmp_path) as cloud:
        yield cloud


def wait(client: Any, volume: Any) -> Any:
    while volume.status == "creating":
        volume = client.volumes.get(volume.id)
    return volume


def of(run: Run, volume: Any) -> str:
    """The id of the volume's newest operation."""
    return str(run("operation", "list", "--resource", volume.id, "--json").json[0]["id"])


@pytest.mark.usefixtures("cloud")
def test_who_serves(run: Run) -> None:
    hosts = run("host", "list").out.splitlines()[2:]
    assert [line.split()[:5] for line in hosts] == [
        ["pumice", "cinder-scheduler", "nova", "enabled", "up"],
        ["pumice@file", "cinder-volume", "nova", "enabled", "up"],
    ]
    service = run("service", "list").out.splitlines()[3].split()
    assert service[:6] == ["cinder-volume", "pumice@file", "nova", "enabled", "up", "up"]
    assert [one["binary"] for one in run("service", "list", "--json").json] == [
        "cinder-scheduler",
        "cinder-volume",
    ]
    pool = run("backend", "list").out.splitlines()[2].split()
    assert pool[:4] == ["pumice@file#file", "file", "file", "up"]
    assert pool[6] == "1", "allocated GiB"
    assert run("backend", "list", "--json").json[0]["name"] == "pumice@file#file"


def test_operations(run: Run, cloud: Cloud) -> None:
    listed = run("operation", "list", "--json").json
    assert [one["status"] for one in listed] == ["undone", "done"]
    assert [one["resource_id"] for one in listed] == [cloud.lost.id, cloud.volume.id]
    assert run("operation", "list", "--limit", "1", "--json").json == listed[:1]
    assert run("operation", "list", "--status", "done", "--json").json == listed[1:]
    assert run("operation", "list", "--stuck") == (0, "No operations.\n", "")

    shown = run("operation", "show", listed[1]["id"]).out
    assert "provision" in shown
    assert "pumice/operations/volume_create.py:" in shown
    for arguments in (("retry", listed[1]["id"]), ("abandon", listed[1]["id"], "--yes")):
        refused = run("operation", *arguments)
        assert refused.status == 1
        assert "has ended; there is nothing to" in refused.err


def test_why(run: Run, cloud: Cloud) -> None:
    placed = run("why", cloud.volume.id)
    assert "is available, on pumice@file#file." in placed.out
    assert "\x1b" not in placed.out
    lost = run("why", cloud.lost.id).out
    assert "CapabilitiesFilter" in lost
    assert "refused   extra spec volume_backend_name requires 'gold', the pool has 'file'" in lost
    operation = run("why", of(run, cloud.lost), "--json").json
    assert [one["filter"] for one in operation["verdicts"] if not one["passed"]] == [
        "CapabilitiesFilter"
    ]


def test_the_way(run: Run, cloud: Cloud) -> None:
    by_volume = run("trace", cloud.volume.id)
    for function in ("request", "authenticate", "rank", "place", "COMMIT", "provision", "finish"):
        assert function in by_volume.out
    assert by_volume.out.count("COMMIT") == 2
    way = run("trace", cloud.volume.id, "--json").json
    assert run("trace", way["request_id"], "--json").json == way
    assert run("trace", of(run, cloud.volume), "--json").json == way
    newest = run("trace", "--json").json[0]
    assert newest["request_id"] in run("trace").out


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    "command", [["operation", "show"], ["operation", "retry"], ["why"], ["trace"]]
)
def test_an_id_that_nobody_knows(run: Run, command: list[str]) -> None:
    ran = run(*command, "nobody-knows")
    assert (ran.status, ran.out) == (1, "")
    assert "nobody-knows" in ran.err
    assert ran.err.count("\n") == 1


def test_a_wrong_password(run: Run, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_AUTH_URL", cloud.server.url)
    monkeypatch.setenv("OS_USERNAME", "admin")
    monkeypatch.setenv("OS_PASSWORD", "wrong")
    ran = run("host", "list")
    assert ran.status == 1
    assert ran.err.startswith(f"Error: {cloud.server.url} refused the login that OS_AUTH_URL holds")


def test_a_stuck_operation_waits_for_a_person(
    run: Run, own_cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(own_cloud.directory)
    own_cloud.directory.write_text("No directory: neither a create nor its undo can succeed.")
    volume = own_cloud.client.volumes.create(1)
    while not (stuck := run("operation", "list", "--stuck", "--json").json):
        assert own_cloud.client.volumes.get(volume.id).status == "creating"
    assert [one["resource_id"] for one in stuck] == [volume.id]

    retried = run("operation", "retry", stuck[0]["id"])
    assert (retried.status, retried.err) == (0, "")

    monkeypatch.setattr(sys, "stdin", StringIO(""))  # Nobody is there.
    declined = run("operation", "abandon", stuck[0]["id"])
    assert (declined.status, declined.out) == (1, "")
    assert f"Give up volume.create of volume {volume.id}" in declined.err
    assert own_cloud.client.volumes.get(volume.id).status == "creating"

    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    given_up = run("operation", "abandon", stuck[0]["id"])
    assert (given_up.status, given_up.out) == (0, f"Operation {stuck[0]['id']} was given up.\n")
    assert own_cloud.client.volumes.get(volume.id).status == "error"


def test_without_the_server_the_database_answers_the_same(run: Run, own_cloud: Cloud) -> None:
    operation = of(run, own_cloud.volume)
    commands = (
        ("operation", "list"),
        ("operation", "list", "--status", "undone"),
        ("operation", "show", operation),
        ("why", own_cloud.volume.id),
        ("why", operation),
    )
    before = [run(*command, "--json").json for command in commands]
    way = run("trace", own_cloud.volume.id, "--json").json
    assert own_cloud.server.end()[0] == 0

    for command, answer in zip(commands, before, strict=True):
        ran = run(*command, "--json")
        assert (ran.status, ran.json) == (0, answer), command
        assert "No Pumice answers at" in ran.err
    stored = run("trace", operation, "--json").json
    assert stored.keys() == way.keys()
    names = [span["name"] for span in stored["spans"]]
    assert {"place", "COMMIT", "provision", "finish"} <= set(names)
    assert run("trace", "--json").json[-1]["request_id"] == way["request_id"]
    assert run("trace", "nobody-knows").status == 1
    assert run("operation", "retry", operation).status == 1
    assert run("host", "list").status == 1
