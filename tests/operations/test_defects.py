"""A database that cannot write, and a program or a person that did what nobody foresaw."""

from __future__ import annotations

import asyncio

import pytest

from pumice.errors import Unavailable
from pumice.process import Process
from tests.operations.actions import calls, create, delete, operation_on, volume_of
from tests.simulation.state import snapshot
from tests.simulation.world import World, settled

LONG_SECONDS = 120.0


@pytest.mark.everywhere
def test_the_drivers_answer_is_kept_until_the_database_can_write(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 1.0

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(0.1)
        world.let_write(process, allowed=False)
        with pytest.raises(Unavailable):
            await create(world, process)
        await asyncio.sleep(LONG_SECONDS)
        assert calls(world.storage["one"], "create_volume") == 1
        assert (await volume_of(process, volume)).status == "creating"
        world.let_write(process, allowed=True)
        assert await settled(process) < 1
        assert (await volume_of(process, volume)).status == "available"
        assert calls(world.storage["one"], "create_volume") == 1
        await snapshot(process)

    world.live(act)


def test_a_claim_that_cannot_be_written_waits_for_a_sweep(world: World) -> None:
    async def ask(process: Process) -> None:
        await create(world, process)

    async def recover(process: Process) -> None:
        world.let_write(process, allowed=False)
        await asyncio.sleep(LONG_SECONDS)
        assert not calls(world.storage["one"], "create_volume")
        world.let_write(process, allowed=True)
        assert await settled(process) < 5
        await snapshot(process)

    world.live(ask, kill_at=("before hint ready", 1))
    world.fate = lambda _: ()  # What the start finds is not taken up before the disk is full.

    async def start(process: Process) -> None:
        world.fate = lambda _: (0.0,)
        await recover(process)

    world.live(start)


def test_what_nobody_foresaw_is_shown_as_stuck_and_not_repeated_without_end(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody removes the row by hand while the driver works, and puts it back later."""
    world.storage["one"].hangs["create_volume"] = 1.0

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(0.1)
        await change(process, "UPDATE volumes SET status = 'in limbo'")
        await asyncio.sleep(LONG_SECONDS)
        operation = await operation_on(process, volume)
        assert operation.status == "stuck"
        assert operation.error == f"Operation {operation.id} met an internal error."
        assert "in limbo" in (operation.error_detail or "")
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert 2 < len(errors) < 12
        caplog.clear()
        await change(process, "UPDATE volumes SET status = 'creating'")
        await process.engine.retry(operation.id)
        await settled(process)
        assert (await volume_of(process, volume)).status == "error"
        await snapshot(process)

    world.live(act)


def test_what_nobody_foresaw_can_be_abandoned(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        world.storage["one"].hangs["delete_volume"] = 1.0
        await delete(world, process, volume)
        await asyncio.sleep(0.1)
        await change(process, "UPDATE volumes SET status = 'in limbo'")
        await asyncio.sleep(LONG_SECONDS)
        operation = await operation_on(process, volume)
        assert operation.status == "stuck"
        ended = await process.engine.abandon(operation.id)
        assert ended.status == "abandoned"
        assert "in limbo" in (ended.error_detail or "")
        await settled(process)
        caplog.clear()

    world.live(act)


async def change(process: Process, statement: str) -> None:
    await process.store.write(lambda txn: txn.change(statement, {}))
