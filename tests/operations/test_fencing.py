"""A process that was taken for dead, and works on, writes nothing and shows nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from pumice.bus.contract import Hint
from pumice.errors import Fenced
from pumice.model.volume import Volume
from pumice.operations.advance import Outcome, Progress, advance
from pumice.process import Process
from pumice.trace import Trace
from tests.operations.actions import (
    commits_of,
    create,
    delete,
    everything,
    log_of,
    operation_on,
    volume_of,
)
from tests.operations.scenarios import refuses
from tests.simulation.state import each, serving, snapshot
from tests.simulation.world import World, settled

LEASE_SECONDS = 60
PAUSE_SECONDS = 100.0


async def second_process(world: World, first: Process) -> Process:
    """Another process on the same store and storage, which has proof that the first one is dead."""
    second = await world.second(first, EverybodyElseIsDead())
    await second.start()
    return second


async def finish(second: Process, paused_seconds: float) -> None:
    """The second process ends the operation, stops, and then the first one's call returns."""
    await settled(second)
    await snapshot(second)
    await second.manager.stop()
    await second.engine.stop(0)
    await asyncio.sleep(paused_seconds)


def nothing_runs(process: Process) -> None:
    for one in each(process):
        assert not one.engine.running
        assert not one.engine._traces


@pytest.mark.everywhere
@pytest.mark.parametrize("fails", [False, True])
def test_a_create_that_another_process_finished(world: World, fails: bool) -> None:
    async def act(process: Process) -> None:
        world.storage["one"].hangs["create_volume"] = PAUSE_SECONDS
        volume = await create(world, process)
        await asyncio.sleep(1)
        second = await second_process(world, process)
        await finish(second, 1)
        assert (await volume_of(process, volume)).status == "available"
        if fails:
            refuses("one", "create_volume", times=1)(world)
        before = await everything(process)
        await asyncio.sleep(PAUSE_SECONDS)
        nothing_runs(process)
        assert await everything(process) == before
        held = world.storage["one"].driver.list_volumes()
        assert [item.id for item in held] == [volume.id]

    world.live(act)


@pytest.mark.everywhere
@pytest.mark.parametrize("fails", [False, True])
def test_a_delete_that_another_process_finished(
    world: World, fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        world.storage["one"].hangs["delete_volume"] = PAUSE_SECONDS
        await delete(world, process, volume)
        await asyncio.sleep(1)
        await finish(await second_process(world, process), 1)
        if fails:
            refuses("one", "delete_volume", times=1)(world)
        before = await everything(process)
        await asyncio.sleep(PAUSE_SECONDS)
        nothing_runs(process)
        assert await everything(process) == before
        assert before["volumes"] == []
        assert world.storage["one"].driver.list_volumes() == []

    world.live(act)
    assert "taken by another process" in caplog.text


def test_a_late_effect_on_a_backend_that_was_given_up_is_swept(world: World) -> None:
    async def act(process: Process) -> None:
        world.storage["one"].hangs["create_volume"] = PAUSE_SECONDS
        volume = await create(world, process)
        await asyncio.sleep(1)
        refuses("one", "create_volume", times=1)(world)
        await finish(await second_process(world, process), PAUSE_SECONDS)
        assert (await volume_of(process, volume)).host == "pumice@two#two"
        late = [item.id for item in world.storage["one"].driver.list_volumes()]
        assert late == [volume.id]
        await process.manager.reconcile()
        assert world.storage["one"].driver.list_volumes(), "Removed before the deadline."
        await asyncio.sleep(600)
        assert world.storage["one"].driver.list_volumes() == []
        held = world.storage["two"].driver.list_volumes()
        assert [item.id for item in held] == [volume.id]

    world.live(act)


@pytest.mark.only_on(
    "sqlite",
    "postgresql",
    reason="A scheduler of its own gives up a backend as soon as nobody reports it: the first has fallen "
    "silent, the second has never begun",
)
def test_a_living_process_keeps_its_claims_and_a_silent_one_loses_them(world: World) -> None:
    async def act(process: Process) -> None:
        world.storage["one"].hangs["create_volume"] = 1000.0
        volume = await create(world, process)
        second = await world.second(process, NobodyIsDead())
        await asyncio.sleep(LEASE_SECONDS * 3)
        before = await operation_on(process, volume)
        assert await second.engine.sweep() == 0
        await process.manager.stop()  # Nobody renews the leases from here on.
        await asyncio.sleep(LEASE_SECONDS + 1)
        assert await second.engine.sweep() == 1
        await settled(second)
        taken = await operation_on(process, volume)
        assert (taken.status, taken.fence) == ("done", before.fence + 1)
        await asyncio.sleep(1000)
        assert await operation_on(process, volume) == taken

    world.live(act)


def test_a_hint_of_what_a_living_process_holds_costs_no_write(world: World) -> None:
    """It reaches each process that serves the backend."""

    async def act(process: Process) -> None:
        world.storage["one"].hangs["create_volume"] = 10.0
        volume = await create(world, process)
        await asyncio.sleep(1)
        second = await world.second(process, NobodyIsDead())
        before, commits = await operation_on(process, volume), commits_of(process)
        second.engine._receive(Hint("ready", before.id, before.backend_host))
        await asyncio.gather(*second.engine._running.values())
        assert commits_of(process) == commits
        assert second.store is process.store or not second.store.commits
        assert await operation_on(process, volume) == before
        await settled(process)
        await snapshot(process)

    world.live(act)


def test_taking_over_leaves_the_own_claims_alone(world: World) -> None:
    async def act(process: Process) -> None:
        world.storage["one"].hangs["create_volume"] = 10.0
        volume = await create(world, process)
        await asyncio.sleep(1)
        before = await operation_on(process, volume)
        assert await serving(process).engine.sweep() == 0
        after = await operation_on(process, volume)
        assert (after.claimed_by, after.fence) == (before.claimed_by, before.fence)
        await settled(process)
        await snapshot(process)

    world.live(act)


class NobodyIsDead:
    async def dead(self, among: Collection[str]) -> Collection[str]:
        return [] if among else among


class EverybodyElseIsDead:
    async def dead(self, among: Collection[str]) -> Collection[str]:
        return among


@pytest.mark.parametrize("event", ["done", "failed"])
@pytest.mark.parametrize("stale", ["fence", "process", "ended", "forgotten"])
def test_the_unit_refuses_a_stale_claim_before_it_does_anything(
    world: World, event: str, stale: str
) -> None:
    async def act(process: Process) -> None:
        world.storage["one"].hangs["create_volume"] = 10.0
        volume = await create(world, process)
        progress = await held(process, volume)
        record = progress.record
        if stale == "fence":
            await tamper(process, "UPDATE operations SET fence = fence + 1")
        elif stale == "process":
            await tamper(process, "UPDATE operations SET claimed_by = 'another'")
        elif stale == "ended":
            await process.engine.abandon(record.id)
        else:
            await tamper(process, "DELETE FROM operations")
        before = await everything(process)
        outcome = Outcome("provision", event, {"provider_location": None, **FAILURE})
        with pytest.raises(Fenced):
            await process.store.write(
                advance, progress, serving(process).engine.tools, outcome, {}, 0, world.now_us()
            )
        assert await everything(process) == before

    world.live(act)


FAILURE = {"kind": "DriverError", "public": "No.", "detail": "", "verdicts": []}


async def held(process: Process, volume: Volume) -> Progress:
    """The operation on ``volume`` as the engine holds it in memory while the driver works."""
    await asyncio.sleep(1)
    record = await operation_on(process, volume)
    log = await log_of(process, record.id)
    return process.engine._progress(record, tuple(log), Trace(record.request_id, "test", 0))


async def tamper(process: Process, statement: str) -> None:
    await process.store.write(lambda txn: txn.change(statement, {}))
