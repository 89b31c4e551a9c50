"""The servers that other tests build on start, die, come back, are promoted, and leave nothing."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import NOT_PROVEN
from tests.faults import hosts, shim, small_disk
from tests.guard import Guard, processes_in
from tests.postgresql import LOOK_SECONDS, READY_SECONDS, Cluster, Mode, Standby, any_of
from tests.tidy.repository import ROOT

pytestmark = pytest.mark.usefixtures("needs_postgresql")

STARTED = """\
import pathlib, sys
from tests.postgresql import Cluster
with Cluster(durable=False) as cluster:
    print(cluster.folder, flush=True)
    sys.stdin.read()
"""


def segments() -> list[str]:
    """The ids of this machine's System V shared memory."""
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return [line.split()[1] for line in lines]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One that a test may do anything with."""
    with Cluster() as cluster:
        add(cluster.create_database("test"))
        yield cluster


def add(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS things (name text)")
        connection.execute("INSERT INTO things VALUES ('one')")


def count(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        (found,) = connection.execute("SELECT count(*) FROM things").fetchone() or (0,)
    return int(found)


def test_a_killed_server_comes_back_with_what_was_committed(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn("test")) as client:
        cluster.kill()
        assert list(processes_in(cluster.folder)) == []
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    cluster.start()
    assert count(cluster.dsn("test")) == 1


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_stopped_server_comes_back(cluster: Cluster, mode: Mode) -> None:
    cluster.stop(mode)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(cluster.dsn("test"))
    cluster.start()
    cluster.restart(mode)
    assert count(cluster.dsn("test")) == 1


def test_a_promoted_standby_has_what_was_committed(cluster: Cluster) -> None:
    with Standby(cluster) as standby:
        either = any_of([cluster, standby], "test")
        cluster.require_standby(standby.name)
        add(either)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            add(standby.dsn("test"))
        cluster.kill()
        standby.promote()
        assert count(either) == 2
        add(either)
        assert count(standby.dsn("test")) == 3


def test_a_commit_waits_for_the_standby(cluster: Cluster) -> None:
    with Standby(cluster) as standby, cluster.connect() as observer:
        cluster.require_standby(standby.name)
        standby.kill()
        writer = threading.Thread(target=add, args=[cluster.dsn("test")])
        writer.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        until = time.monotonic() + READY_SECONDS
        while observer.execute(waits).fetchone() != (1,):
            assert time.monotonic() < until
            time.sleep(LOOK_SECONDS)
        standby.start()
        writer.join()
        assert count(cluster.dsn("test")) == 2


def test_a_database_is_a_copy_of_its_template(cluster: Cluster) -> None:
    copy = cluster.create_database("copy", template="test")
    add(copy)
    assert (count(copy), count(cluster.dsn("test"))) == (2, 1)
    with psycopg.connect(copy):
        cluster.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(copy)


def test_each_test_has_an_empty_database(postgresql: str) -> None:
    add(postgresql)
    assert count(postgresql) == 1


@pytest.mark.parametrize("killed", [False, True])
def test_nothing_is_left_of_a_closed_server(killed: bool) -> None:
    with Cluster(durable=False) as cluster:
        segment = cluster.shared_memory
        assert segment in segments()
        if killed:
            cluster.kill()
    assert not cluster.folder.exists()
    assert segment not in segments()


def test_nothing_is_left_when_the_tests_are_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTED],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        folder = Path(process.stdout.readline().rstrip())
        assert list(processes_in(folder)) != []
        process.kill()
        # The guard holds the output open until it has done its work.
        process.stdout.read()
    assert list(processes_in(folder)) == []
    assert not folder.exists()


def test_a_server_serves_from_one_host_to_another() -> None:
    if reason := hosts.why_not():
        pytest.skip(f"{NOT_PROVEN}{reason}")
    with (
        hosts.Hosts(1) as network,
        Cluster(
            durable=False, address=network.switch.address, under=network.switch.under
        ) as cluster,
        Standby(cluster, address=network.hosts[0].address, under=network.hosts[0].under) as standby,
    ):
        (host,) = network.hosts
        cluster.require_standby(standby.name)
        dsn = cluster.create_database("test")
        ask = f"import psycopg; print(psycopg.connect('{dsn}').execute('SELECT 1').fetchone())"
        assert host.run(sys.executable, "-W", "ignore", "-c", ask) == "(1,)\n"
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(dsn)  # This process is on neither.


def write(cluster: Cluster) -> None:
    """Write into its log until it crashes."""
    with contextlib.suppress(psycopg.OperationalError), cluster.connect() as connection:
        while True:
            connection.execute("SELECT pg_logical_emit_message(true, '', repeat('x', 100000))")


def test_a_server_whose_disk_is_full_crashes_and_comes_back() -> None:
    if reason := small_disk.why_not():
        pytest.skip(f"{NOT_PROVEN}{reason}")
    with small_disk.SmallDisk(128) as disk, Cluster(disk=disk.folder) as cluster:
        dsn = cluster.create_database("test")
        add(dsn)
        disk.fill()
        cluster.until_crash(lambda: write(cluster))
        disk.free()
        cluster.recover()
        assert count(dsn) == 1
        add(dsn)


@pytest.mark.parametrize("once", [False, True])
def test_a_server_that_cannot_sync_crashes_and_comes_back(once: bool) -> None:
    if reason := shim.why_not():
        pytest.skip(f"{NOT_PROVEN}{reason}")
    with Guard() as guard:
        disk = shim.Shim(guard.folder("pumice-shim-"))
        with Cluster(under=disk.under) as cluster:
            dsn = cluster.create_database("test")
            add(dsn)
            disk.fail("sync", f"{cluster.data}/pg_wal/*", once=once)
            cluster.until_crash(lambda: write(cluster))
            if once:
                cluster.recover()
            disk.heal()
            cluster.recover()
            assert count(dsn) == 1
            add(dsn)


def test_a_server_meets_faults_of_its_disk() -> None:
    if reason := shim.why_not():
        pytest.skip(f"{NOT_PROVEN}{reason}")
    with Guard() as guard:
        disk = shim.Shim(guard.folder("pumice-shim-"))
        with Cluster(under=disk.under) as cluster:
            add(dsn := cluster.create_database("test"))
            disk.slow("sync", "*/pg_wal/*", 300)
            began = time.monotonic()
            add(dsn)
            assert time.monotonic() - began >= 0.3
            disk.heal()
