"""Several event loops in one thread and in one virtual time."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.loop import Killed, StandstillError
from tests.simulation.turns import SimLoop, Turns


def nobody(loop: SimLoop) -> None:
    raise AssertionError(loop.name)


def test_waiting_takes_no_time_and_the_earliest_comes_first() -> None:
    turns = Turns("1")
    seen: list[tuple[str, float]] = []

    async def wait(loop: SimLoop, seconds: float) -> None:
        await asyncio.sleep(seconds)
        assert asyncio.get_running_loop() is loop
        seen.append((loop.name, round(turns.now)))

    first, second = turns.add("first"), turns.add("second")
    tasks = [second.create_task(wait(second, 1000.0)), first.create_task(wait(first, 2000.0))]
    turns.run_until(tasks[1], nobody)
    assert seen == [("second", 1000.0), ("first", 2000.0)]


def orders(seed: str) -> str:
    """In which order two loops, each with much to do at once, have their turns."""
    turns = Turns(seed)
    seen: list[str] = []

    async def work(name: str) -> None:
        for _ in range(20):
            seen.append(name)
            await asyncio.sleep(0)

    loops = [turns.add("a"), turns.add("b")]
    tasks = [loop.create_task(work(loop.name)) for loop in loops]
    for task in tasks:
        turns.run_until(task, nobody)
    return "".join(seen)


def test_a_seed_decides_who_is_first() -> None:
    assert orders("1") == orders("1")
    assert len({orders(f"{seed}") for seed in range(5)}) == 5


def test_a_dead_loop_does_nothing_more() -> None:
    turns = Turns("1")
    loop, outside = turns.add("process"), turns.add("outside")
    seen: list[str] = []

    async def live() -> None:
        try:
            asyncio.get_running_loop().call_later(5, seen.append, "a timer")
            await asyncio.sleep(1)
            seen.append("lived")
            raise Killed
        finally:
            asyncio.get_running_loop().call_soon(seen.append, "cleaned up")

    async def wait() -> None:
        await asyncio.sleep(10)

    task = loop.create_task(live())
    turns.run_until(outside.create_task(wait()), turns.drop)
    assert task.done()
    assert seen == ["lived"]
    assert turns.loops == [outside]


def test_a_paused_loop_has_no_turn_until_then() -> None:
    turns = Turns("1")
    loop = turns.add("process")
    loop.free_at = 100.0
    task = loop.create_task(asyncio.sleep(1))
    turns.run_until(task, nobody)
    assert turns.now == pytest.approx(101.0, abs=0.01)


def test_what_never_comes_is_an_error() -> None:
    turns = Turns("1")
    with pytest.raises(StandstillError):
        turns.run_until(turns.add("process").create_future(), nobody)
