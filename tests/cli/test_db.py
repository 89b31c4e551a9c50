"""``pumice db`` on a real state directory, with and without a server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pumice.store.schema import HEAD

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
    assert run("db", "version").out == f"The schema is {HEAD}, as this Pumice needs it.\n"
    assert run("db", "version", "--json").json == {"found": HEAD, "needed": HEAD}


def test_upgrade_is_for_a_database_that_nobody_serves(run: Run, server: Any) -> None:
    refused = run("db", "upgrade")
    assert refused.status == 2
    assert "already serves the state directory" in refused.err
    server.end()
    assert run("db", "upgrade").out == f"The schema is {HEAD} already.\n"


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


def test_a_backup_beside_the_server_is_restored_without_it(
    run: Run, server: Any, connect: Any, serve: Any, tmp_path: Path
) -> None:
    """What was made after the copy is gone from the rows, is reported, and its bytes stay."""
    client = connect(server)
    copy = tmp_path / "copy.db"
    before = make_on(client, "file")
    made = run("db", "backup", str(copy), "--json")
    assert made.json == {"file": str(copy), "size_bytes": copy.stat().st_size}
    after = client.volumes.create(1, volume_type="file").id
    while client.volumes.get(after).status == "creating":
        continue
    client.volumes.delete(before)
    while before in {volume.id for volume in client.volumes.list()}:
        continue
    refused = run("db", "backup", str(copy))
    assert (refused.status, refused.err) == (2, f"Error: {copy} exists already.\n")
    refused = run("db", "restore", str(copy), "--yes")
    assert refused.status == 2
    assert "already serves the state directory" in refused.err
    server.end()
    restored = run("db", "restore", str(copy), "--yes", "--json")
    kept = Path(restored.json["kept"])
    assert kept.exists()
    found = {one["subject"]: one["kind"] for one in run("db", "check", "--json").json}
    assert before in " ".join(found)
    assert after in " ".join(found)
    with serve(tmp_path) as again:
        client = connect(again)
        assert [volume.id for volume in client.volumes.list()] == [before]
    assert (tmp_path / "volumes" / "file" / f"volume-{after}.raw").exists()
    run("db", "restore", str(kept), "--yes")
    with serve(tmp_path) as again:
        assert [volume.id for volume in connect(again).volumes.list()] == [after]


def test_nobody_there_restores_nothing(
    run: Run, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.end()
    copy = tmp_path / "copy.db"
    assert "is a sound copy" in run("db", "backup", str(copy)).out
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    refused = run("db", "restore", str(copy))
    assert (refused.status, refused.err.splitlines()[-1]) == (1, "Error: Nothing was done.")
