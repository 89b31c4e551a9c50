"""Where several processes change identity, requests that come together read the number together."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from pumice.errors import Unavailable
from pumice.services.generation import Generation, SharedGeneration


class Slow:
    """A store whose reads begin and end when the test says so."""

    def __init__(self) -> None:
        self.value = 0
        self.begun: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def read(self, _query: Callable[..., Any]) -> int:
        seen = self.value
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.begun.put_nowait(gate)
        await gate
        return seen


@pytest.fixture
def store() -> Slow:
    return Slow()


@pytest.fixture
def generation(store: Slow) -> Generation:
    return Generation(SharedGeneration(store))  # type: ignore[arg-type]  # only read is called


async def test_those_who_ask_at_once_read_once(store: Slow, generation: Generation) -> None:
    asked = asyncio.gather(*(generation.current() for _ in range(5)))
    (await store.begun.get()).set_result(None)
    assert await asked == [0] * 5
    assert store.begun.empty()


async def test_who_asks_after_a_change_sees_it_though_an_older_read_is_under_way(
    store: Slow, generation: Generation
) -> None:
    early = asyncio.create_task(generation.current())
    first = await store.begun.get()
    store.value = 1
    late = [asyncio.create_task(generation.current()) for _ in range(3)]
    first.set_result(None)
    assert await early == 0
    (await store.begun.get()).set_result(None)
    assert [await one for one in late] == [1, 1, 1]
    assert store.begun.empty()


async def test_who_goes_away_takes_the_read_of_the_others_not_along(
    store: Slow, generation: Generation
) -> None:
    leaving, staying = (asyncio.create_task(generation.current()) for _ in range(2))
    gate = await store.begun.get()
    leaving.cancel()
    gate.set_result(None)
    assert await staying == 0


async def test_a_read_that_fails_fails_for_those_who_waited_for_it_only(
    store: Slow, generation: Generation
) -> None:
    asked = [asyncio.create_task(generation.current()) for _ in range(2)]
    gate = await store.begun.get()
    later = asyncio.create_task(generation.current())
    gate.set_exception(Unavailable("The database is away."))
    for one in asked:
        with pytest.raises(Unavailable):
            await one
    (await store.begun.get()).set_result(None)
    assert await later == 0


async def test_a_read_that_fails_when_all_have_left_disturbs_nobody(
    store: Slow, generation: Generation
) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    leaving = asyncio.create_task(generation.current())
    gate = await store.begun.get()
    leaving.cancel()
    await asyncio.wait([leaving])
    gate.set_exception(Unavailable("The database is away."))
    later = asyncio.create_task(generation.current())
    (await store.begun.get()).set_result(None)
    assert await later == 0
    gc.collect()  # What became of the first read is nobody's any more.
    assert told == []
