"""Waiting for an operation: ``Engine.result``."""

from __future__ import annotations

import asyncio

import pytest

from pumice.bus.contract import Hint
from pumice.errors import OperationNotFound, Unavailable
from pumice.operations.engine import RESULT_POLL_SECONDS
from pumice.process import Process
from tests.operations.actions import calls, create, operation_on
from tests.simulation.state import each
from tests.simulation.world import World, settled


def test_it_answers_when_the_operation_ends(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 3.3

    async def act(process: Process) -> None:
        loop = asyncio.get_running_loop()
        operation = await operation_on(process, await create(world, process))
        began = loop.time()
        waiting = [process.engine.result(operation.id, 60) for _ in range(3)]
        for record in await asyncio.gather(*waiting):
            assert record.status == "done"
        assert loop.time() - began == pytest.approx(3.3, abs=0.01)
        assert (await process.engine.result(operation.id, 0)).status == "done"
        assert not process.engine._waiting

    world.live(act)


def test_at_the_deadline_the_operation_goes_on_and_a_repeat_finds_it(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 30.0

    async def act(process: Process) -> None:
        loop = asyncio.get_running_loop()
        operation = await operation_on(process, await create(world, process))
        began = loop.time()
        with pytest.raises(Unavailable) as refusal:
            await process.engine.result(operation.id, 9.5)
        assert loop.time() - began == pytest.approx(9.5, abs=0.01)
        assert refusal.value.retry_after_seconds == 1
        assert not process.engine._waiting
        assert (await process.engine.result(operation.id, 60)).status == "done"
        assert calls(world.storage["one"], "create_volume") == 1

    world.live(act)


def test_a_lost_hint_costs_at_most_one_poll(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 3.1
    world.fate = lambda hint: () if hint.kind == "ended" else (0.0,)

    async def act(process: Process) -> None:
        loop = asyncio.get_running_loop()
        operation = await operation_on(process, await create(world, process))
        began = loop.time()
        assert (await process.engine.result(operation.id, 60)).status == "done"
        assert loop.time() - began <= 3.11 + RESULT_POLL_SECONDS
        assert not process.engine._waiting

    world.live(act)


def test_a_hint_without_cause_wakes_nobody_for_good(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 2.0

    async def act(process: Process) -> None:
        operation = await operation_on(process, await create(world, process))
        waiting = asyncio.ensure_future(process.engine.result(operation.id, 60))
        for _ in range(5):
            await asyncio.sleep(0.1)
            process.engine._receive(Hint("ended", operation.id))
        assert not waiting.done()
        assert (await waiting).status == "done"

    world.live(act)


def test_a_caller_that_goes_away_leaves_nothing_behind(world: World) -> None:
    world.storage["one"].hangs["create_volume"] = 20.0

    async def act(process: Process) -> None:
        operation = await operation_on(process, await create(world, process))
        staying, leaving = (
            asyncio.ensure_future(process.engine.result(operation.id, 60)) for _ in range(2)
        )
        await asyncio.sleep(5)
        leaving.cancel()
        await asyncio.wait([leaving])
        assert len(process.engine._waiting[operation.id]) == 1
        assert (await staying).status == "done"
        assert not process.engine._waiting
        await settled(process)

    world.live(act)


def test_there_is_no_result_of_what_never_was(world: World) -> None:
    async def act(process: Process) -> None:
        with pytest.raises(OperationNotFound):
            await process.engine.result("nothing", 1)

    world.live(act)


@pytest.mark.parametrize(("takes", "waited"), [(0.5, 0.5), (50.0, 2.0)])
def test_settling_waits_no_longer_than_it_may(world: World, takes: float, waited: float) -> None:
    world.storage["one"].hangs["create_volume"] = takes

    async def act(process: Process) -> None:
        loop = asyncio.get_running_loop()
        operation = await operation_on(process, await create(world, process))
        began = loop.time()
        await process.engine.settle(operation.id, 2.0)
        assert loop.time() - began == pytest.approx(waited, abs=0.01)
        assert not process.engine._waiting
        await settled(process)
        ended = loop.time()
        await process.engine.settle(operation.id, 2.0)
        # Who could not do it himself has to look.
        assert loop.time() == ended or (len(each(process)) > 1 and loop.time() - ended < 0.001)

    world.live(act)
