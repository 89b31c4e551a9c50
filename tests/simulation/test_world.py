"""The world keeps its promises: time jumps, a seed decides everything, and dead is dead."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from pumice.process import Process
from pumice.services.volumes import NewVolume
from tests.simulation.loop import StandstillError, VirtualLoop
from tests.simulation.state import snapshot
from tests.simulation.world import World, settled


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


async def create(world: World, process: Process) -> str:
    new = NewVolume("a volume", None, 1, None, None, {})
    return (await process.services.volumes.create(world.context(), new)).volume.id


def test_waiting_takes_no_time(world: World) -> None:
    async def act(process: Process) -> None:
        del process
        before = world.now_us()
        await asyncio.sleep(3600)
        assert world.now_us() - before == pytest.approx(3600 * 1_000_000, abs=2)

    began = time.monotonic()
    world.live(act)
    assert time.monotonic() - began < 30
    assert world.seconds >= 3600


def test_timers_fire_in_the_order_of_their_times() -> None:
    loop = VirtualLoop(started_at=5.0)
    fired = []

    async def main() -> None:
        for seconds in (3, 1, 2):
            loop.call_later(seconds, lambda: fired.append(loop.time()))
        await asyncio.sleep(10)

    loop.run_until_complete(main())
    loop.bury()
    assert fired == [6.0, 7.0, 8.0]


def test_waiting_for_what_never_comes_is_an_error() -> None:
    loop = VirtualLoop()
    with pytest.raises(StandstillError):
        loop.run_until_complete(loop.create_future())
    loop.bury()


def test_work_without_end_is_an_error() -> None:
    loop = VirtualLoop()

    def again() -> None:
        loop.call_soon(again)

    again()
    with pytest.raises(StandstillError):
        loop.run_until_complete(loop.create_future())
    loop.bury()


@pytest.mark.parametrize("driver", ["memory", "file"])
def test_from_create_to_available(tmp_path: Path, driver: str) -> None:
    """The store, the scheduler, the engine and a driver, in one thread and without real time."""
    world = World(tmp_path / "world", driver=driver)

    async def act(process: Process) -> dict[str, Any]:
        await create(world, process)
        assert await settled(process) < 0.1
        return await snapshot(process)

    (volume,) = world.live(act).value["volumes"]
    assert volume[3] == "available"


def story(home: Path, seed: int) -> tuple[object, ...]:
    """A busy hour, in every detail that a seed decides."""
    world = World(home, driver="file", seed=seed)

    async def act(process: Process) -> dict[str, Any]:
        world.storage["one"].lost_replies["create_volume"] = 2
        await asyncio.gather(*(create(world, process) for _ in range(5)))
        await settled(process)
        await asyncio.sleep(3600)
        return await snapshot(process)

    life = world.live(act)
    return life.reached, life.value, world.seconds


def test_the_same_seed_is_the_same_story(tmp_path: Path) -> None:
    first, again, other = (
        story(tmp_path / f"{number}", seed) for number, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first != other


def test_a_killed_process_does_nothing_more(world: World) -> None:
    seen: list[str] = []

    def reach_here() -> None:
        seen.append("before")
        world.crash_point("here")

    async def act(process: Process) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(3):
            loop.call_soon(reach_here)
        loop.call_soon(seen.append, "after")
        try:
            await create(world, process)
        finally:
            seen.append("cleaned up")

    life = world.live(act, kill_at=("here", 2))
    assert life.killed
    assert life.reached[-2:] == (("here", 1), ("here", 2))
    assert seen[:2] == ["before", "before"]
    assert "after" not in seen
    assert world.live(count).value == (0,)


async def count(process: Process) -> tuple[Any, ...]:
    row = await process.store.read(lambda txn: txn.one("SELECT count(*) FROM volumes"))
    assert row is not None
    return row


def test_what_a_forgotten_task_raises_is_not_overlooked(world: World) -> None:
    async def fail() -> None:
        raise ValueError

    async def act(process: Process) -> None:
        del process
        task = asyncio.create_task(fail())
        await asyncio.sleep(1)
        del task

    with pytest.raises(AssertionError, match="ValueError"):
        world.live(act)
