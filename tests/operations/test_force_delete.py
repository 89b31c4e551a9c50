"""A forced removal: whatever is under way, the volume goes, nothing is lost and nothing is done twice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from pumice.errors import VolumeNotFound
from pumice.model.volume import Volume
from pumice.process import Process
from tests.operations.actions import calls, create, delete, log_of, operation_on, volume_of
from tests.operations.scenarios import both, loses_replies, refuses
from tests.operations.stage import DRIVERS, Worlds
from tests.operations.test_abandon import RECONCILED_SECONDS, turn
from tests.simulation.state import rows, snapshot
from tests.simulation.world import Point, World, settled

HANGS_SECONDS = 100.0


def hangs(method: str) -> Callable[[World], None]:
    """The next call on the backend ``one`` takes long."""

    def trouble(world: World) -> None:
        world.storage["one"].hangs[method] = HANGS_SECONDS

    return trouble


async def is_gone(process: Process, volume: Volume) -> None:
    """There is no row, and nobody is charged for it."""
    with pytest.raises(VolumeNotFound):
        await volume_of(process, volume)
    used = "SELECT sum(in_use) FROM quota_usages"
    assert await process.store.read(lambda txn: txn.one(used)) == (0,)


async def nothing_is_left(world: World, process: Process) -> None:
    """After the longest deadline the backends hold nothing either."""
    await settled(process)
    for storage in world.storage.values():
        storage.refusals.clear()
    await asyncio.sleep(RECONCILED_SECONDS)
    state = await snapshot(process)
    assert state["volumes"] == []
    assert not any(state["backends"].values())


def cannot_undo(times: int) -> Callable[[World], None]:
    """The volume was made, nobody learned of it, and it cannot be removed at once."""
    return both(loses_replies("one", "create_volume"), refuses("one", "delete_volume", times=times))


CREATES: Final[dict[str, tuple[Callable[[World], None], float, str]]] = {
    "runs": (hangs("create_volume"), 1, "running"),
    "rests": (cannot_undo(times=3), 1, "running"),
    "is stuck": (cannot_undo(times=99), 10, "stuck"),
}
"""What the trouble is, when the create is as the name says, and the operation's status then."""


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", CREATES)
def test_gives_up_a_create_that(worlds: Worlds, tmp_path: Path, driver: str, name: str) -> None:
    trouble, seconds, status = CREATES[name]
    world = worlds.make(tmp_path / "world", driver=driver)
    trouble(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(seconds)
        operation = await operation_on(process, volume)
        assert (operation.status, operation.run_after > 0) == (status, name != "runs")
        await delete(world, process, volume, force=True)
        await is_gone(process, volume)
        assert (await operation_on(process, volume)).status == "abandoned"
        await nothing_is_left(world, process)

    world.live(act)


def test_joins_a_removal_that_is_under_way(world: World) -> None:
    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        hangs("delete_volume")(world)
        removing = process.services.volumes.delete
        first = await removing(world.context(), volume.id, force=False)
        await asyncio.sleep(1)
        assert await removing(world.context(), volume.id, force=True) == first
        await asyncio.sleep(HANGS_SECONDS)
        await is_gone(process, volume)
        assert (await operation_on(process, volume)).id == first
        assert calls(world.storage["one"], "delete_volume") == 1
        await nothing_is_left(world, process)

    world.live(act)


def test_of_a_volume_whose_removal_was_refused(world: World) -> None:
    async def act(process: Process) -> None:
        volume = await create(world, process)
        await settled(process)
        refuses("one", "delete_volume", times=1)(world)
        await delete(world, process, volume)
        await settled(process)
        assert (await volume_of(process, volume)).status == "error_deleting"
        await delete(world, process, volume, force=True)
        await settled(process)
        await is_gone(process, volume)
        await nothing_is_left(world, process)

    world.live(act)


def test_is_not_forgotten_by_a_process_that_is_killed(world: World) -> None:
    """What the driver made after all is removed by the next process."""
    hangs("create_volume")(world)

    async def act(process: Process) -> None:
        volume = await create(world, process)
        await asyncio.sleep(1)
        await delete(world, process, volume, force=True)
        await asyncio.sleep(HANGS_SECONDS * 2)

    life = world.live(act, kill_at=("after volume.create:provision:run", 1))
    assert life.killed
    assert world.storage["one"].driver.list_volumes()
    world.live(lambda process: nothing_is_left(world, process))


@pytest.mark.parametrize("trouble", ["none", "elsewhere", "everywhere"])
def test_at_every_turn_of_the_event_loop(worlds: Worlds, tmp_path: Path, trouble: str) -> None:
    """The create ends by itself or is given up, and then the volume goes; never half."""
    world = worlds.make(tmp_path / "world", options={"driver_deadline_seconds": "1"})
    for backend in {"none": (), "elsewhere": ("one",), "everywhere": ("one", "two")}[trouble]:
        refuses(backend, "create_volume")(world)
    outcomes: list[bool] = []

    async def act(process: Process) -> bool:
        volume = await create(world, process)
        operation = await operation_on(process, volume)
        for _ in range(len(outcomes)):
            await turn()
        ended = (await operation_on(process, volume)).ended_at is not None
        await delete(world, process, volume, force=True)
        await settled(process)
        await is_gone(process, volume)
        await asyncio.sleep(1.1)
        await process.manager.reconcile()
        state = await snapshot(process)
        assert not any(state["backends"].values())
        statuses = {row[0]: row[2] for row in state["operations"]}
        made = "undone" if trouble == "everywhere" else "done"
        ended_first = statuses[operation.id] == made
        assert ended_first or statuses[operation.id] == "abandoned"
        # Between the look and the request it may end, where other units come between.
        assert ended_first == ended or (ended_first and not world.in_order)
        return ended_first

    while False not in outcomes or outcomes[-3:] != [True, True, True]:
        outcomes.append(world.live(act).value)
    assert not outcomes[0] or not world.in_order


class Asked:
    """A world in which a volume is created and, some turns of the loop later, removed by force."""

    def __init__(self, worlds: Worlds, home: Path, driver: str, trouble: str, turns: int) -> None:
        self.world = worlds.make(home, driver=driver, options={"driver_deadline_seconds": "1"})
        if trouble == "elsewhere":
            refuses("one", "create_volume")(self.world)
        self.turns = turns
        self.step: tuple[object, ...] = ()
        """How far the create was when the removal was asked,"""
        self.points_before = 0
        """how many points had been reached by then,"""
        self.acknowledged = False
        """and whether it was answered."""

    async def act(self, process: Process) -> None:
        """Ask for both."""
        volume = await create(self.world, process)
        for _ in range(self.turns):
            await turn()
        operation = await operation_on(process, volume)
        self.step = tuple((line.step, line.event) for line in await log_of(process, operation.id))
        self.points_before = len(self.world.reached)
        await delete(self.world, process, volume, force=True)
        self.acknowledged = True
        await settled(process)

    async def recover(self, process: Process) -> None:
        """What was acknowledged has happened; what was not, may have not: the volume is whole then."""
        await settled(process)
        volumes = (await process.store.read(rows))["volumes"]
        if volumes:
            assert not self.acknowledged
            ((volume_id, _, _, status, *_),) = volumes
            assert status == "available"
            await process.services.volumes.delete(self.world.context(), volume_id, force=True)
            await settled(process)
        await asyncio.sleep(1.1)
        await process.manager.reconcile()
        state = await snapshot(process)
        assert state["volumes"] == []
        assert not any(state["backends"].values())
        # A create that was killed within may leave its file, empty: by the driver's word that is none.
        assert not any(size for _, size in state["files"])


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("trouble", ["none", "elsewhere"])
def test_at_each_step_and_then_killed_anywhere(
    worlds: Worlds, tmp_path: Path, driver: str, trouble: str
) -> None:
    homes = (tmp_path / f"{number}" for number in itertools.count())
    steps: dict[tuple[object, ...], tuple[int, tuple[Point, ...]]] = {}
    for turns in itertools.count():
        asked = Asked(worlds, next(homes), driver, trouble, turns)
        reached = asked.world.live(asked.act).reached
        steps.setdefault(asked.step, (turns, reached[asked.points_before :]))
        if asked.step[-1:] == (("finish", "done"),):
            break
    # Where a commit takes its time, there is more to see.
    assert len(steps) >= {"none": 2, "elsewhere": 4}[trouble]
    for turns, points in steps.values():
        for point in points:
            asked = Asked(worlds, next(homes), driver, trouble, turns)
            assert asked.world.live(asked.act, kill_at=point).killed, (turns, point)
            asked.world.live(asked.recover)
