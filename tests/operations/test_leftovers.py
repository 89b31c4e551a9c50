"""The reconciler of backends removes what an operation gave up, and nothing else, ever."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from pumice.drivers.contract import VolumeSpec
from pumice.errors import BackendUnavailable
from pumice.process import Process
from tests.operations.actions import create, delete, volume_of
from tests.operations.scenarios import is_away, refuses
from tests.operations.stage import DRIVERS, Worlds
from tests.simulation.world import World, settled

DEADLINE_SECONDS = 300.0


def on(world: World, backend: str) -> set[str]:
    """The ids of the volumes that the backend holds."""
    return {item.id for item in world.storage[backend].driver.list_volumes()}


@pytest.fixture(params=DRIVERS)
def world(worlds: Worlds, tmp_path: Path, request: pytest.FixtureRequest) -> World:
    return worlds.make(tmp_path / "world", driver=request.param)


def make_behind_the_back(world: World, backend: str, volume_id: str) -> None:
    """The late effect of a call that nobody waits for any more, or a stranger's volume."""
    world.storage[backend].driver.create_volume(VolumeSpec(volume_id, 1))


def test_what_no_operation_began_is_never_touched(world: World) -> None:
    async def act(process: Process) -> None:
        kept = await create(world, process)
        elsewhere = await create(world, process)
        await settled(process)
        stranger = str(uuid.UUID(int=1))
        for backend in ("one", "two"):
            make_behind_the_back(world, backend, stranger)
        # Began on the other backend, never on this one.
        for volume in (kept, elsewhere):
            host = (await volume_of(process, volume)).host or ""
            make_behind_the_back(world, "two" if "@one" in host else "one", volume.id)
        before = on(world, "one"), on(world, "two")
        await asyncio.sleep(DEADLINE_SECONDS * 3)
        assert (on(world, "one"), on(world, "two")) == before
        assert len(before[0]) == len(before[1]) == 3

    world.live(act)


def test_a_given_up_attempt_is_removed_once_no_call_can_still_be_under_way(world: World) -> None:
    refuses("one", "create_volume", times=1)(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        assert on(world, "two") == {volume.id}
        make_behind_the_back(world, "one", volume.id)
        await asyncio.sleep(DEADLINE_SECONDS - 1)
        await process.manager.reconcile()
        assert on(world, "one") == {volume.id}
        await asyncio.sleep(1)
        await process.manager.reconcile()
        assert on(world, "one") == set()
        assert on(world, "two") == {volume.id}

    world.live(act)


def test_a_deleted_volume_that_comes_back_is_removed(world: World) -> None:
    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        await delete(world, process, volume)
        await settled(process)
        make_behind_the_back(world, "one", volume.id)
        await process.manager.reconcile()
        assert on(world, "one") == {volume.id}
        await asyncio.sleep(DEADLINE_SECONDS * 2)
        assert on(world, "one") == set()

    world.live(act)


def test_nothing_is_removed_while_an_operation_is_under_way(world: World) -> None:
    refuses("one", "create_volume", times=1)(world)
    world.storage["two"].hangs["create_volume"] = 2000.0

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(1)
        make_behind_the_back(world, "one", volume.id)
        await asyncio.sleep(1500)
        assert on(world, "one") == {volume.id}
        await settled(process, 1000)
        assert on(world, "one") == {volume.id}
        await asyncio.sleep(DEADLINE_SECONDS * 2)
        assert on(world, "one") == set()
        assert on(world, "two") == {volume.id}

    world.live(act)


def test_a_volume_that_could_not_be_deleted_is_kept(world: World) -> None:
    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        refuses("one", "delete_volume", times=1)(world)
        await delete(world, process, volume)
        await settled(process)
        assert (await volume_of(process, volume)).status == "error_deleting"
        await asyncio.sleep(DEADLINE_SECONDS * 3)
        assert on(world, "one") == {volume.id}

    world.live(act)


def test_a_backend_that_is_away_or_refuses_is_tried_again(world: World) -> None:
    refuses("one", "create_volume", times=1)(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        make_behind_the_back(world, "one", volume.id)
        await asyncio.sleep(DEADLINE_SECONDS - 10)
        is_away("one", "list_volumes", times=1)(world)
        refuses("one", "delete_volume", times=1)(world)
        assert world.storage["one"].error is BackendUnavailable
        await asyncio.sleep(DEADLINE_SECONDS * 2)
        assert on(world, "one") == {volume.id}
        await asyncio.sleep(DEADLINE_SECONDS)
        assert on(world, "one") == set()

    world.live(act)
