"""``pumice db`` on a real state directory, with and without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Any

CONF = """\
[DEFAULT]
enabled_backends = file, scratch
[file]
volume_driver = file
[scratch]
volume_driver = memory
"""


@pytest.fixture
def server(serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "pumice.conf").write_text(CONF)
    monkeypatch.setenv("PUMICE_STATE_DIR", str(tmp_path))
    with serve(tmp_path) as running:
        yield running


@pytest.fixture
def volume_file(server: Any, connect: Any) -> Path:
    """The file of the volume on the file backend; there is another volume in memory."""
    client = connect(server)
    volume_id = {name: make_on(client, name) for name in ("file", "scratch")}["file"]
    return Path(server.state_dir, "volumes", "file", f"volume-{volume_id}.raw")


def make_on(client: Any, backend: str) -> str:
    """The id of a new volume on a backend, once it is available."""
    client.volume_types.create(backend).set_keys({"volume_backend_name": backend})
    volume = client.volumes.create(1, volume_type=backend)
    while volume.status == "creating":
        volume = client.volumes.get(volume.id)
    assert volume.status == "available"
    return str(volume.id)


@pytest.mark.usefixtures("server")
def test_version(run: Run) -> None:
    assert run("db", "version").out == "The schema is 0001, as this Pumice needs it.\n"
    assert run("db", "version", "--json").json == {"found": "0001", "needed": "0001"}


def test_upgrade_is_for_a_database_that_nobody_serves(run: Run, server: Any) -> None:
    refused = run("db", "upgrade")
    assert refused.status == 2
    assert "already serves the state directory" in refused.err
    server.end()
    assert run("db", "upgrade").out == "The schema is 0001 already.\n"


@pytest.mark.usefixtures("volume_file")
def test_check_of_a_healthy_cloud(run: Run, server: Any) -> None:
    told = "pumice@scratch keeps volumes in the server's memory: they were not compared.\n"
    assert run("db", "check") == (0, "No findings.\n", told)
    assert run("db", "check", "--json").json == []
    assert server.end()[0] == 0
    assert run("db", "check", "--state-dir", str(server.state_dir)) == (0, "No findings.\n", told)


def test_check_finds_what_is_missing_and_what_is_strange(run: Run, volume_file: Path) -> None:
    stranger = volume_file.with_name("volume-00000000-0000-4000-8000-000000000000.raw")
    volume_file.rename(stranger)
    found = run("db", "check", "--json")
    assert found.status == 1
    assert {(one["kind"], one["subject"]) for one in found.json} == {
        ("bytes_missing", volume_file.stem.removeprefix("volume-")),
        ("stranger", "00000000-0000-4000-8000-000000000000"),
    }
    shown = run("db", "check")
    assert shown.status == 1
    assert "bytes_missing" in shown.out
    assert stranger.exists()


def test_a_file_that_is_no_database(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pumice.db").write_text("junk")
    ran = run("db", "version", "--state-dir", str(tmp_path))
    assert ran == (2, "", f"Error: {tmp_path / 'pumice.db'} is no database.\n")
