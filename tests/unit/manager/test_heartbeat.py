"""What a process reports of its backends, and that one which hangs holds up no other."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pumice.process import Process
from pumice.store import backends
from tests.simulation.world import World


def polled(process: Process, name: str) -> int:
    """How many statistics the backend has given."""
    backend = process.backends[f"pumice@{name}"]
    return id(backend.stats)


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
        row = await process.store.read(backends.get, "pumice@one")
        assert (row.up, row.reason) == (True, "")
        world.storage["one"].hangs["get_volume_stats"] = 1_000.0
        await asyncio.sleep(500)
        row = await process.store.read(backends.get, "pumice@one")
        assert not row.up
        assert "does not answer" in row.reason
        assert not [
            pool for pool in process.services.pools.pools() if pool.up and "one" in pool.host
        ]
        await asyncio.sleep(1_000)
        row = await process.store.read(backends.get, "pumice@one")
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
