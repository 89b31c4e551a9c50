"""An operation that a person abandons: it ends at once, whatever its driver is doing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pumice.errors import InvalidState
from pumice.process import Process
from tests.operations.actions import create, delete, operation_on, volume_of
from tests.operations.scenarios import loses_replies, refuses
from tests.operations.stage import Worlds
from tests.simulation.state import scheduling, snapshot
from tests.simulation.world import World, settled

RECONCILED_SECONDS = 700.0
"""The longest deadline and then the reconciler's next turn."""


@pytest.mark.everywhere
def test_a_stuck_create(world: World) -> None:
    loses_replies("one", "create_volume")(world)
    refuses("one", "delete_volume")(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(10)
        operation = await operation_on(process, volume)
        assert operation.status == "stuck"
        ended = await process.engine.abandon(operation.id)
        assert (ended.status, ended.run_after) == ("abandoned", 0)
        now = await volume_of(process, volume)
        assert (now.status, now.host) == ("error", None)
        await settled(process)
        with pytest.raises(InvalidState):
            await process.engine.abandon(operation.id)
        with pytest.raises(InvalidState):
            await process.engine.retry(operation.id)
        # The timer of the stuck operation was cancelled, or finds it ended; its bytes are swept.
        world.storage["one"].refusals.clear()
        await asyncio.sleep(RECONCILED_SECONDS)
        await snapshot(process)
        await delete(world, process, volume)
        assert (await snapshot(process))["volumes"] == []

    world.live(act)


def test_a_create_whose_driver_call_runs_and_takes_effect_later(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 100.0

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(1)
        operation = await operation_on(process, volume)
        await process.engine.abandon(operation.id)
        assert (await volume_of(process, volume)).status == "error"
        await asyncio.sleep(100)
        assert [item.id for item in world.storage["one"].driver.list_volumes()] == [volume.id]
        assert (await volume_of(process, volume)).status == "error"
        await settled(process)
        await asyncio.sleep(RECONCILED_SECONDS)
        await snapshot(process)

    world.live(act)


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_delete_whose_driver_call_runs(world: World, succeeds: bool) -> None:
    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        world.storage["one"].hangs["delete_volume"] = 100.0
        if not succeeds:
            refuses("one", "delete_volume", times=1)(world)
        await delete(world, process, volume)
        await asyncio.sleep(1)
        operation = await operation_on(process, volume)
        await process.engine.abandon(operation.id)
        abandoned = await operation_on(process, volume)
        await asyncio.sleep(200)
        assert await operation_on(process, volume) == abandoned
        assert (await volume_of(process, volume)).status == "error_deleting"
        await delete(world, process, volume, force=True)
        await settled(process)
        assert (await snapshot(process))["volumes"] == []

    world.live(act)


@pytest.mark.parametrize("trouble", ["none", "elsewhere", "everywhere"])
def test_at_every_turn_of_the_event_loop(worlds: Worlds, tmp_path: Path, trouble: str) -> None:
    """Whoever comes first wins: the operation ends by itself, or it was abandoned; never half."""
    world = worlds.make(tmp_path / "world", options={"driver_deadline_seconds": "1"})
    for backend in {"none": (), "elsewhere": ("one",), "everywhere": ("one", "two")}[trouble]:
        refuses(backend, "create_volume")(world)
    outcomes: list[bool] = []

    async def act(process: Process) -> bool:
        volume = await create(world, process)
        operation = await operation_on(process, volume)
        for _ in range(len(outcomes)):
            await turn()
        try:
            await process.engine.abandon(operation.id)
        except InvalidState:
            won = False
        else:
            won = True
        await settled(process)
        await asyncio.sleep(1.1)
        await process.manager.reconcile()
        state = await snapshot(process)
        status = (await operation_on(process, volume)).status
        assert status == ("abandoned" if won else "undone" if trouble == "everywhere" else "done")
        if won:
            assert (await volume_of(process, volume)).host is None
        messages = [row for row in state["messages"] if row[1] == volume.id]
        assert len(messages) == (won or trouble == "everywhere")
        await delete(world, process, volume)
        await settled(process)
        return won

    while outcomes[-3:] != [False, False, False]:
        outcomes.append(world.live(act).value)
    assert outcomes[0]


async def turn() -> None:
    """Let the event loop run what is ready now, and no more; let time pass if nothing is."""
    loop = asyncio.get_running_loop()
    before = loop.time()
    await asyncio.sleep(0)
    if loop.time() == before:
        await asyncio.sleep(0.00005)


def test_beside_the_unit_that_moves_the_operation_on(world: World) -> None:
    """The operation changes its backend in the same batch of the store, just before."""
    refuses("one", "create_volume")(world)
    abandoning: list[asyncio.Task[object]] = []

    async def act(process: Process) -> None:
        at_point = world.crash_point

        def crash_point(name: str) -> None:
            at_point(name)
            if name == "before volume.create:place:unit":
                operation_id = next(iter(scheduling(process).engine._running))
                abandoning.append(asyncio.create_task(process.engine.abandon(operation_id)))

        object.__setattr__(scheduling(process).engine._seams, "crash_point", crash_point)
        volume = await create(world, process)
        await settled(process)
        (task,) = abandoning
        await task
        assert (await operation_on(process, volume)).status == "abandoned"
        assert (await volume_of(process, volume)).host is None
        await asyncio.sleep(RECONCILED_SECONDS)
        await snapshot(process)

    world.live(act)
