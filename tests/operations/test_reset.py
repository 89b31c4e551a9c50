"""A status set by an administrator's word, and the operations that own it meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pumice.errors import InvalidState, VolumeNotFound
from pumice.model.volume import Volume
from pumice.process import Process
from pumice.services.volume_actions import Statuses, reset_status
from tests.operations.actions import create, delete, operation_on, volume_of
from tests.operations.scenarios import loses_replies, refuses
from tests.operations.stage import Worlds
from tests.operations.test_abandon import turn
from tests.operations.test_force_delete import CREATES
from tests.simulation.state import snapshot
from tests.simulation.world import World, settled

WORDS = (
    Statuses("available", None, None),
    Statuses("error", None, None),
    Statuses(None, "detached", None),
    Statuses(None, None, "none"),
)


async def reset(world: World, process: Process, volume: Volume, wanted: Statuses) -> None:
    await process.store.write(reset_status, world.context(), volume.id, wanted)


@pytest.mark.parametrize("name", CREATES)
def test_is_refused_while_a_create(world: World, name: str) -> None:
    trouble, seconds, status = CREATES[name]
    trouble(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(seconds)
        operation = await operation_on(process, volume)
        assert operation.status == status
        before = await volume_of(process, volume)
        for wanted in WORDS:
            with pytest.raises(InvalidState, match=f"operation {operation.id} is under way"):
                await reset(world, process, volume, wanted)
        assert await volume_of(process, volume) == before

    world.live(act)


@pytest.mark.parametrize("outcome", ["gone", "error_deleting"])
def test_does_not_call_a_volume_idle_while_it_is_removed(
    worlds: Worlds, tmp_path: Path, outcome: str
) -> None:
    """At every turn of the event loop: no second request finds a volume that the first one works on."""
    world = worlds.make(tmp_path / "world", options={"quota_volumes": "-1"})
    if outcome != "gone":
        refuses("one", "delete_volume")(world)
        refuses("two", "delete_volume")(world)
    answers: list[str] = []

    async def act(process: Process) -> str:
        volume = await create(world, process)
        await settled(process)
        await delete(world, process, volume)
        for _ in range(len(answers)):
            await turn()
        try:
            await reset(world, process, volume, WORDS[0])
        except (InvalidState, VolumeNotFound) as error:
            answer = type(error).__name__
        else:
            answer = "accepted"
            assert (await operation_on(process, volume)).status == "undone"
            await delete(world, process, volume)  # It is an idle volume like any other.
        await settled(process)
        await snapshot(process)
        return answer

    last = "VolumeNotFound" if outcome == "gone" else "accepted"
    while answers[-3:] != [last] * 3:
        answers.append(world.live(act).value)
    assert set(answers) == {"InvalidState", last}


@pytest.mark.everywhere
def test_and_a_removal_at_once(world: World) -> None:
    """Whoever is first: the volume goes, and its place and quota with it."""

    async def act(process: Process) -> None:
        for order in (False, True):
            volume = await create(world, process)
            await settled(process)
            requests = [
                delete(world, process, volume),
                reset(world, process, volume, Statuses("available", None, None)),
            ]
            if order:
                requests.reverse()
            found = await asyncio.gather(*requests, return_exceptions=True)
            errors = [type(error) for error in found if error]
            assert errors in ([], [InvalidState])
            if world.in_order:
                assert errors == ([] if order else [InvalidState])
            await settled(process)
            assert (await snapshot(process))["volumes"] == []

    world.live(act)


def test_of_a_volume_that_lost_a_reply_keeps_it_whole(world: World) -> None:
    """A removal that failed for its lost replies is called available, and removed again."""
    loses_replies("one", "delete_volume")(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        await delete(world, process, volume)
        await settled(process)
        assert (await volume_of(process, volume)).status == "error_deleting"
        await reset(world, process, volume, WORDS[0])
        world.storage["one"].lost_replies.clear()
        await delete(world, process, volume)
        await settled(process)
        assert (await snapshot(process))["volumes"] == []

    world.live(act)
