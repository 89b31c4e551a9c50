"""What a process reports of its backends, and that one which hangs holds up no other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pumice.drivers.backend import Backend, Limits
from pumice.errors import Unavailable
from pumice.manager.heartbeat import REPORTED_AT_ONCE, Heartbeat, Report, Served
from pumice.model.backend import ServiceFlags
from pumice.process import Process
from pumice.scheduler.view import PoolsView
from pumice.services import hosts
from pumice.services.hosts import freeze, list_services, set_service
from pumice.store import backends
from pumice.store.backends import ServerRecord
from pumice.store.contract import Store
from pumice.store.txn import Txn
from tests.operations.actions import create
from tests.simulation.world import World


def polled(process: Process, name: str) -> int:
    """How many statistics the backend has given."""
    backend = process.backends[f"pumice@{name}"]
    return id(backend.stats)


def servers_of(txn: Txn, backend_host: str) -> list[ServerRecord]:
    return [one for one in backends.servers(txn) if one.backend_host == backend_host]


def test_a_backend_that_hangs_does_not_stop_the_others(tmp_path: Path) -> None:
    world = World(tmp_path, options={"driver_deadline_seconds": "100000"})

    async def act(process: Process) -> None:
        world.storage["one"].hangs["get_volume_stats"] = 5_000.0
        await asyncio.sleep(200)
        seen = {polled(process, "two")}
        kept = process.backends["pumice@two"].stats
        for _ in range(5):
            await asyncio.sleep(200)
            assert process.backends["pumice@two"].stats is not kept, "it is looked at no more"
            kept = process.backends["pumice@two"].stats
            seen.add(polled(process, "two"))
        assert process.backends["pumice@one"].stats is not None

    world.live(act)


def test_the_row_follows_the_backend(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def act(process: Process) -> None:
        (row,) = await process.store.read(servers_of, "pumice@one")
        assert (row.up, row.reason) == (True, "")
        world.storage["one"].hangs["get_volume_stats"] = 1_000.0
        await asyncio.sleep(500)
        (row,) = await process.store.read(servers_of, "pumice@one")
        assert not row.up
        assert "does not answer" in row.reason
        assert not [
            pool for pool in process.services.pools.pools() if pool.up and "one" in pool.host
        ]
        await asyncio.sleep(1_000)
        (row,) = await process.store.read(servers_of, "pumice@one")
        assert (row.up, row.reason) == (True, "")
        assert all(pool.up for pool in process.services.pools.pools())

    world.live(act)


def test_what_is_as_it_was_is_not_written_again(tmp_path: Path) -> None:
    world = World(tmp_path, options={"backend_stats_polling_interval": "100000"})

    async def act(process: Process) -> None:
        before = await process.store.read(backends.select_all)
        await asyncio.sleep(1_000)
        assert await process.store.read(backends.select_all) == before

    world.live(act)


def test_what_an_administrator_set_outlives_heartbeats_and_restarts(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def set_flags(process: Process) -> None:
        write, view = process.store.write, process.services.pools
        off = ServiceFlags(enabled=False, disabled_reason="New disks.")
        await write(set_service, world.context(), "pumice@one", hosts.VOLUME, off, view)
        await write(set_service, world.context(), "pumice", hosts.SCHEDULER, off, view)
        await write(freeze, "pumice@two", True, view)
        assert flags(process) == SET
        # A report of a change, and many of none.
        world.storage["one"].hangs["get_volume_stats"] = 1_000.0
        await asyncio.sleep(5_000)
        assert flags(process) == SET

    async def look(process: Process) -> None:
        assert flags(process) == SET
        states = await process.store.read(list_services, world.context(), 60, "nova")
        assert {one.host: one.disabled_reason for one in states} == {
            "pumice": "New disks.",
            "pumice@one": "New disks.",
            "pumice@two": None,
        }
        with pytest.raises(Unavailable, match=r"The scheduler is disabled: New disks\."):
            await create(world, process)

    world.live(set_flags)
    world.live(look)


def test_of_a_silent_process_nothing_is_known_to_be_up(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def look(process: Process) -> None:
        now = world.context()
        late = replace(now, now_us=now.now_us + 61_000_000)
        for context, up, reason in ((now, True, ""), (late, False, "No process serves it.")):
            states = await process.store.read(list_services, context, 60, "nova")
            assert [
                (one.host, one.up, one.backend_up, one.backend_reason)
                for one in states
                if one.binary == hosts.VOLUME
            ] == [("pumice@one", up, up, reason), ("pumice@two", up, up, reason)]
            (found,) = await process.store.read(hosts.list_processes, context, 60)
            assert (found.host, found.up) == ("pumice", up)
            assert [one.host for one in found.backends] == ["pumice@one", "pumice@two"]

    world.live(look)


class Parts:
    """The store, with a note of how many backends each unit is about; it may refuse one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sizes: list[int] = []
        self.refused = -1

    async def write_upkeep(self, unit: Any, report: Report, follow: Any) -> int:
        if len(self.sizes) == self.refused:
            raise Unavailable("The disk is full.")
        self.sizes.append(len(report.seen))
        known: int = await self._store.write(unit, report, follow)
        return known


def test_thousands_of_backends_are_reported_in_parts(tmp_path: Path) -> None:
    """Requests come between them, and what was written once is not written again."""
    world = World(tmp_path)

    async def act(process: Process) -> None:
        example = process.manager._heartbeat
        settings = example._served[0].settings
        driver, limits = world.storage["one"].driver, Limits(1, 60)
        executor = process.services.seams.executor
        backends_of_it = [
            Served(Backend(name, f"pumice@{name}", driver, executor, limits), settings)
            for name in (f"many{number}" for number in range(2 * REPORTED_AT_ONCE + 1))
        ]
        parts = Parts(process.store)
        other = replace(example._process, id="f" * 32)
        heartbeat = Heartbeat(other, parts, PoolsView(()), backends_of_it, 60)  # type: ignore[arg-type]  # only write is called
        parts.refused = 2
        with pytest.raises(Unavailable):
            await heartbeat.report(world.now_us())
        parts.refused = -1
        assert await heartbeat.report(world.now_us())
        assert parts.sizes == [0, 200, 0, 200, 1]
        assert not await heartbeat.report(world.now_us())
        assert parts.sizes == [0, 200, 0, 200, 1, 0]
        known = await process.store.read(backends.servers)
        assert sum(one.process_id == other.id for one in known) == len(backends_of_it)

    world.live(act)


SET = {"pumice@one": (False, "New disks.", False), "pumice@two": (True, None, True)}


def flags(process: Process) -> dict[str, tuple[bool, str | None, bool]]:
    """What the scheduler sees of each backend."""
    return {
        pool.backend_host: (pool.enabled, pool.disabled_reason, pool.frozen)
        for pool in process.services.pools.pools()
    }
