"""One version after the other, under load: nothing is lost or doubled, and nobody serves what he cannot."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from pumice.store.schema import HEAD
from tests.upgrade.nodes import READY_SECONDS, SETTINGS, Cloud, Node, make_next_version, start
from tests.upgrade.test_migrations import NEXT, ROOT

pytestmark = pytest.mark.timeout(300)
"""Each starts a handful of processes, one after the other."""

CLIENTS: Final = 6
MORE: Final = 25
"""Volumes that are created between two changes of processes."""

VERSIONS: Final = "SELECT DISTINCT version FROM operations WHERE name = 'volume.create' ORDER BY 1"
CUT_OFF: Final = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'pumice%'
"""
OPERATION: Final = "SELECT version, claimed_by, ended_at IS NULL, params FROM operations"


@pytest.fixture
def folder(tmp_path: Path, postgresql: str) -> Path:
    """Where the settings are, and the state directory will be."""
    (tmp_path / "pumice.conf").write_text(SETTINGS.format(url=postgresql))
    return tmp_path


@pytest.fixture
def hold(tmp_path: Path) -> Path:
    """While this file is there, a next version makes no volume."""
    return tmp_path / "hold"


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def check(folder: Path) -> None:
    """Nothing that was counted differs from what is there."""
    command = [sys.executable, "-m", "pumice", "db", "check", "--state-dir", f"{folder}/state"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def refusal(folder: Path, root: Path) -> str:
    """What a process says that does not start."""
    log = folder / "refused.log"
    log.unlink(missing_ok=True)
    process = start(folder, log, root)
    try:
        assert process.communicate(timeout=READY_SECONDS)[0] == "", log.read_text()
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 2, log.read_text()
    last = log.read_text().splitlines()[-1]
    assert "Traceback" not in log.read_text()
    return last


def files(folder: Path) -> list[str]:
    """The volumes' files, by their names."""
    return sorted(one.name for one in (folder / "state/volumes").rglob("*") if one.is_file())


def test_each_process_is_replaced_under_load_and_one_put_back(
    folder: Path, hold: Path, postgresql: str
) -> None:
    newer = make_next_version(folder, hold)
    old = [Node(folder, "old-0"), Node(folder, "old-1")]
    cloud = Cloud(folder, old[0])
    cloud.urls = [one.url for one in old]

    def replace(nodes: list[Node], number: int, name: str, root: Path) -> None:
        """One process goes, and another version takes its place; the others serve."""
        others = [one for one in nodes if one is not nodes[number]]
        assert nodes[number].stop() == 0, nodes[number].log.read_text()
        cloud.urls = [one.url for one in others]
        nodes[number] = Node(folder, name, root)
        cloud.urls = [one.url for one in nodes]
        cloud.wait_for_more(MORE)

    nodes = old
    try:
        with cloud.busy(CLIENTS):
            cloud.wait_for_more(MORE)
            assert query(postgresql, VERSIONS) == [(2,)]
            replace(nodes, 0, "next-0", newer)
            assert query(postgresql, "SELECT version_num FROM alembic_version") == [(NEXT,)]
            assert query(postgresql, VERSIONS) == [(2,), (3,)]
            replace(nodes, 1, "next-1", newer)
            replace(nodes, 1, "old-again", ROOT)
        for volume_id in cloud.made.keys() - cloud.removed:
            cloud.wait_until(volume_id, "available")
        wanted = {
            one: (name, "available") for one, name in cloud.made.items() if one not in cloud.removed
        }
        assert cloud.listed() == wanted
        assert len(files(folder)) == len(wanted)
        assert set(cloud.answers) <= {200, 202, 400, 404, 503}
        assert query(postgresql, f"{OPERATION} WHERE ended_at IS NULL") == []
        check(folder)
        for one in nodes:
            assert " ERROR " not in one.log.read_text()
    finally:
        for one in nodes:
            one.__exit__(None, None, None)


def test_what_a_newer_one_began_waits_for_a_newer_one(
    folder: Path, hold: Path, postgresql: str
) -> None:
    newer = make_next_version(folder, hold)
    with Node(folder, "old") as old:
        cloud = Cloud(folder, old)
        with Node(folder, "next", newer) as killed:
            hold.touch()
            cloud.urls = [killed.url]
            volume_id = cloud.create("held", "key")
            ((version, claimed_by, is_open, params),) = query(postgresql, OPERATION)
            assert (version, is_open) == (3, True)
            assert claimed_by is not None
            assert re.search(r'"pace":7\b', params)
            killed.kill()
        cloud.urls = [old.url]
        # Two old ones find it: one that was there, and one that looks for work at its start.
        with Node(folder, "old-again") as again:
            for one in (old, again):
                one.wait_until_log_has("is unknown to this version")
            other = cloud.create("other", "another key")
            cloud.wait_until(other, "available")
        found = query(postgresql, f"{OPERATION} WHERE resource_id = '{volume_id}'")
        assert [one[:3] for one in found] == [(3, None, True)]
        assert cloud.status(volume_id) == "creating"
        hold.unlink()
        with Node(folder, "next-again", newer):
            cloud.wait_until(volume_id, "available")
        assert len(files(folder)) == 2
        check(folder)


def test_a_schema_that_is_not_for_the_old_ones_waits_until_they_have_stopped(
    folder: Path, hold: Path, postgresql: str
) -> None:
    newer = make_next_version(folder, hold, oldest=NEXT)
    with Node(folder, "old") as old:
        cloud = Cloud(folder, old)
        said = refusal(folder, newer)
        assert said.startswith("Error: The PostgreSQL database ")
        assert said.endswith(
            f"stays at schema {HEAD}: its upgrade failed: the new schema is not for those that serve the "
            f"database with {HEAD} (processes: 1); stop them first"
        )
        before = cloud.create("before", "key")
        cloud.wait_until(before, "available")
    with Node(folder, "next", newer) as following:
        cloud.urls = [following.url]
        after = cloud.create("after", "another key")
        cloud.wait_until(after, "available")
        assert refusal(folder, ROOT) == (
            f"Error: The database has schema {NEXT}, which needs a Pumice that knows {NEXT}; "
            f"this one is older and knows {HEAD}."
        )
        assert cloud.listed().keys() == {before, after}
    assert query(postgresql, "SELECT oldest FROM compatibility") == [(NEXT,)]


def test_who_was_cut_off_meanwhile_ends_when_he_comes_back(
    folder: Path, hold: Path, postgresql: str
) -> None:
    newer = make_next_version(folder, hold, oldest=NEXT)
    with Node(folder, "old") as old, Node(folder, "scheduler", roles="scheduler") as scheduler:
        cloud = Cloud(folder, old)
        before = cloud.create("before", "key")
        cloud.wait_until(before, "available")
        for one in (old, scheduler):
            one.pause()
        assert {ended for (ended,) in query(postgresql, CUT_OFF)} == {True}
        with Node(folder, "next", newer) as following:
            for one in (old, scheduler):
                one.resume()
                assert one.wait_for_its_end() == 2, one.log.read_text()
                said = one.log.read_text()
                assert said.splitlines()[-1] == (
                    f"Error: The database has schema {NEXT}, which needs a Pumice that knows {NEXT}; "
                    f"this one is older and knows {HEAD}."
                )
                assert " ERROR " not in said
                assert "Traceback" not in said
            cloud.urls = [following.url]
            after = cloud.create("after", "another key")
            cloud.wait_until(after, "available")
            assert cloud.listed().keys() == {before, after}
