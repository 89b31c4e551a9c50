"""Drivers that hang, refuse or stay away, and what an operation makes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pumice.bus.contract import Hint
from pumice.errors import BackendUnavailable, InvalidState
from pumice.operations import engine as engine_module
from pumice.operations.failures import STUCK_BACKOFF_MAX_SECONDS, backoff
from pumice.process import Process
from tests.operations.actions import (
    calls,
    create,
    delete,
    everything,
    log_of,
    operation_on,
    place,
    volume_of,
)
from tests.operations.scenarios import refuses
from tests.operations.stage import DRIVERS, Worlds
from tests.simulation.state import each, serving, snapshot
from tests.simulation.storage import Storage
from tests.simulation.world import World, settled

DEADLINE_SECONDS = 300
ONE, TWO = "pumice@one", "pumice@two"


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_call_past_its_deadline_is_waited_for(
    worlds: Worlds, tmp_path: Path, driver: str
) -> None:
    world = worlds.make(tmp_path / "world", driver=driver)
    world.storage["one"].hangs["create_volume"] = 1000.0

    async def act(process: Process) -> None:
        slow = await create(world, process)
        await asyncio.sleep(DEADLINE_SECONDS + 1)
        (overdue,) = process.backends[ONE].overdue
        assert overdue.resource_id == slow.id
        assert (await volume_of(process, slow)).status == "creating"
        quick = await create(world, process)
        await asyncio.sleep(1)
        assert (await volume_of(process, quick)).status == "available"
        await settled(process, 1000)
        assert (await volume_of(process, slow)).status == "available"
        assert world.storage["one"].calls.count(("create_volume", slow.id)) == 1
        assert not process.backends[ONE].overdue
        await snapshot(process)

    world.live(act)


def test_a_backend_that_hangs_altogether_gets_no_work_and_holds_up_no_other(
    worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds.make(tmp_path / "world", options={"backend_slots": "1"})
    world.storage["one"].hangs["create_volume"] = 1000.0

    async def act(process: Process) -> None:
        slow = await create(world, process)
        await asyncio.sleep(100)
        waiting = await place(world, process)
        while waiting.host != f"{ONE}#one":
            waiting = await place(world, process)
        await asyncio.sleep(DEADLINE_SECONDS)
        assert process.backends[ONE].down_reason
        kept_away = await place(world, process)
        assert kept_away.host == f"{TWO}#two"
        await asyncio.sleep(1)
        for volume in (waiting, kept_away):
            now = await volume_of(process, volume)
            assert (now.status, now.host) == ("available", f"{TWO}#two")
        assert (await volume_of(process, slow)).status == "creating"
        await settled(process, 1000)
        assert (await volume_of(process, slow)).host == f"{ONE}#one"
        await snapshot(process)

    world.live(act)


def stick(world: World) -> None:
    """Let a create on the first backend take effect, be reported as failed, and be irreversible."""
    world.storage["one"].lost_replies["create_volume"] = Storage.FOR_EVER
    refuses("one", "delete_volume")(world)


def test_an_undo_that_keeps_failing_is_stuck_until_it_succeeds(world: World) -> None:
    stick(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(10)
        stuck = await operation_on(process, volume)
        assert (stuck.status, stuck.step) == ("stuck", "provision")
        assert stuck.error == "Backend one refuses delete_volume."
        assert (await volume_of(process, volume)).status == "creating"
        # It is tried on, more and more rarely, and stays stuck.
        await asyncio.sleep(4000)
        again = await operation_on(process, volume)
        assert again.status == "stuck"
        assert again.run_after - again.updated_at > STUCK_BACKOFF_MAX_SECONDS * 0.7 * 1_000_000
        world.storage["one"].refusals.clear()
        await process.engine.retry(stuck.id)
        assert await settled(process) < 1
        assert (await volume_of(process, volume)).host == f"{TWO}#two"
        await snapshot(process)

    world.live(act)


def test_an_undo_may_fail_for_weeks(world: World) -> None:
    async def act(process: Process) -> None:
        latest_us = world.now_us() + int(STUCK_BACKOFF_MAX_SECONDS * 1.25 * 1_000_000)
        assert process.engine._later(backoff(5000, STUCK_BACKOFF_MAX_SECONDS)) <= latest_us

    world.live(act)


def test_a_backend_that_is_away_when_the_undo_is_due_leaves_it_to_the_reconciler(
    world: World,
) -> None:
    world.storage["one"].lost_replies["create_volume"] = 1
    world.storage["one"].error = BackendUnavailable
    refuses("one", "delete_volume", "list_volumes")(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process, 10)
        assert (await volume_of(process, volume)).host == f"{TWO}#two"
        await asyncio.sleep(DEADLINE_SECONDS * 2)
        assert [item.id for item in world.storage["one"].driver.list_volumes()] == [volume.id]
        world.storage["one"].refusals.clear()
        await asyncio.sleep(DEADLINE_SECONDS + 1)
        await snapshot(process)

    world.live(act)


def test_a_retry_changes_nothing_of_what_runs_or_has_ended(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 50.0

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(1)
        operation = await operation_on(process, volume)
        for _ in range(3):
            await process.engine.retry(operation.id)
            await asyncio.sleep(1)
        await settled(process)
        assert calls(world.storage["one"], "create_volume") == 1
        assert (await operation_on(process, volume)).fence == operation.fence
        with pytest.raises(InvalidState):
            await process.engine.retry(operation.id)

    world.live(act)


def test_a_deferred_step_starts_once_when_timer_sweep_and_retry_meet(world: World) -> None:
    world.storage["one"].error = BackendUnavailable

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        refuses("one", "delete_volume", times=1)(world)
        await delete(world, process, volume)
        await asyncio.sleep(0.1)
        operation = await operation_on(process, volume)
        assert operation.run_after > world.now_us()
        await asyncio.sleep((operation.run_after - world.now_us()) / 1e6)
        engine = serving(process).engine
        await asyncio.gather(engine.sweep(), process.engine.retry(operation.id), engine.sweep())
        await settled(process)
        events = [entry.event for entry in await log_of(process, operation.id)]
        assert events == ["started", "deferred", "started", "done", "done"]
        assert calls(world.storage["one"], "delete_volume") == 1

    world.live(act)


def test_hints_without_end_start_a_step_once(world: World) -> None:
    world.storage["one"].error = BackendUnavailable
    refuses("one", "delete_volume", times=2)(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        await delete(world, process, volume)
        operation = await operation_on(process, volume)
        hint = Hint("ready", operation.id, operation.backend_host)
        engine = serving(process).engine
        while (await operation_on(process, volume)).ended_at is None:
            engine._receive(hint)
            assert len(engine._timers) <= 1
            await asyncio.sleep(0.0001)
        await settled(process)
        events = [entry.event for entry in await log_of(process, operation.id)]
        assert events == ["started", "deferred", "started", "deferred", "started", "done", "done"]

    world.live(act)


def test_a_hint_of_what_is_forgotten_changes_nothing(world: World) -> None:
    async def act(process: Process) -> None:
        before = await everything(process)
        for one in each(process):
            one.engine._receive(Hint("ready", "forgotten", "pumice@one"))
            one.engine._receive(Hint("ready", "forgotten"))
            one.engine._receive(Hint("ended", "forgotten"))
        await settled(process)
        assert await everything(process) == before

    world.live(act)


def test_what_runs_here_does_not_hide_a_lost_hint_from_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SWEEP_LIMIT", 2)

    async def act(process: Process) -> None:
        for _ in range(3):
            world.storage["one"].hangs["create_volume"] = 100.0
            await create(world, process)
            await asyncio.sleep(0.01)
        world.fate = lambda _: ()
        unheard = await create(world, process)
        await asyncio.sleep(0.01)
        world.fate = lambda _: (0.0,)
        await asyncio.sleep(5)
        assert (await volume_of(process, unheard)).status == "available"
        await settled(process)

    world.live(act)


@pytest.mark.only_on(
    "sqlite",
    "postgresql",
    reason="Of four, the others go on: they find the backend served by nobody",
)
def test_nothing_wakes_up_after_a_stop(world: World) -> None:
    world.storage["one"].error = BackendUnavailable

    async def act(process: Process) -> None:
        resting, failing = await create(world, process), await create(world, process)
        await settled(process)
        refuses("one", "delete_volume", times=2)(world)
        await delete(world, process, resting)
        await asyncio.sleep(0.1)
        engine = serving(process).engine
        assert engine._timers
        world.storage["one"].hangs["delete_volume"] = 1.0
        await delete(world, process, failing)
        await asyncio.sleep(0.1)
        await process.manager.stop()
        await engine.stop(3.0)
        assert not engine._timers
        reached = len(world.reached)
        await asyncio.sleep(100)
        assert len(world.reached) == reached

    world.live(act)
    world.live(settled)


def test_a_stop_leaves_a_hanging_call_to_the_next_start(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 100.0

    async def act(process: Process) -> None:
        await create(world, process)
        await asyncio.sleep(1)

    world.live(act)
    assert world.seconds < 10
    world.live(settled)
    world.live(snapshot)
