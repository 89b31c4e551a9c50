"""Two processes at once on one database: whatever stops whom where, it is as if one came after the other.

Every unit is stopped before each of its statements and before its commit, while another process runs a unit
from its beginning to its end, or to where it has to wait. What the two are told, and all rows afterwards,
must be what they are when one runs after the other, in either order.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import psycopg
import pytest

from pumice.errors import PumiceError
from pumice.services.idempotency import Answered
from pumice.store import check
from pumice.store.postgresql import schema
from pumice.store.postgresql.store import PostgresStore
from pumice.threads import ThreadExecutor
from tests.postgresql import Cluster
from tests.store.postgresql.scene import (
    ROOM_GIB,
    VOLUMES_MAX,
    Act,
    Side,
    Stop,
    acts,
    enlist,
    picture,
    progress_of,
    set_up,
    stopped,
)

AGAIN: Final = {("claim what is free", "a is dead")}
"""Who claims while he is taken for dead keeps that claim, and the next sweep finds him by it again."""

NAMES: Final = tuple(acts({}))
# The server has no event for it.
_WAITING: Final = "SELECT count(*) FROM pg_locks WHERE NOT granted"
_EMPTY: Final = """
SELECT string_agg(format('DELETE FROM %I', tablename), ';') FROM pg_tables
WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'compatibility', 'generations')
"""

Outcome = tuple[Any, ...]


class Arena:
    """Two processes, and a connection that looks on."""

    def __init__(self, url: str, a: PostgresStore, b: PostgresStore, watcher: Any) -> None:
        self.url: Final = url
        self.a, self.b = Side("a", a), Side("b", b)
        self._watcher = watcher
        (self._empty,) = watcher.execute(_EMPTY).fetchone()
        self._serial: dict[tuple[str, str, bool], Outcome] = {}
        self.acts: dict[str, Act] = {}

    async def begin(self) -> None:
        """The scene as it is at first."""
        with self._watcher.transaction():
            self._watcher.execute("SET LOCAL session_replication_role = replica")  # In any order.
            self._watcher.execute(self._empty)
        await self.a.store.write(set_up, self.a)
        known = {id_: await self.a.store.read(progress_of, id_) for id_ in ("o2", "o3")}
        self.acts = acts(known)

    async def run(self, side: Side, act: Act) -> Any:
        """What a unit gives or refuses."""
        try:
            return await side.store.write(act, side)
        except (PumiceError, Answered) as error:
            return f"{type(error).__name__}: {error}"

    async def serial(self, first: str, second: str, *, a_first: bool) -> Outcome:
        """What comes of it if the units of a and b run one after the other; worked out once."""
        key = (first, second, a_first)
        if key not in self._serial:
            await self.begin()
            turns = [(self.a, first), (self.b, second)]
            outcomes: dict[str, Any] = {}
            for side, name in turns if a_first else reversed(turns):
                outcomes[side.process_id] = await self.run(side, self.acts[name])
            self._serial[key] = (outcomes["a"], outcomes["b"], await self.rows())
        return self._serial[key]

    async def stopped(self, first: str, second: str, before: int) -> Outcome | None:
        """What comes of it if a stands still on its way while b runs; None if its way is shorter."""
        await self.begin()
        loop, reached = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(reached.set)

        stop = Stop(before, tell)
        one = asyncio.create_task(self.run(self.a, stopped(self.acts[first], stop)))
        standing = asyncio.create_task(reached.wait())
        await asyncio.wait((one, standing), return_when="FIRST_COMPLETED")
        if not reached.is_set():
            standing.cancel()
            await asyncio.gather(standing, return_exceptions=True)
            return None
        other = asyncio.create_task(self.run(self.b, self.acts[second]))
        while not other.done() and self._watcher.execute(_WAITING).fetchone() == (0,):  # noqa: ASYNC110 - see _WAITING
            await asyncio.sleep(0.0005)
        stop.let_go()
        return await one, await other, await self.rows()

    async def rows(self) -> dict[str, list[Any]]:
        """All rows, none of which contradicts another."""
        assert await self.a.store.read(check.quota_differences) == []
        assert await self.a.store.read(check.pool_differences) == []
        assert await self.a.store.read(check.log_gaps) == []
        return await self.a.store.read(picture)


@pytest.fixture(scope="module")
def database(postgresql_server: Cluster) -> str:
    """One database for all of them."""
    url = postgresql_server.create_database("interleavings")
    schema.create(url)
    return url


@pytest.fixture
def arena(database: str) -> Iterator[Arena]:
    executor = ThreadExecutor()
    with (
        closing(PostgresStore(database, executor)) as a,
        closing(PostgresStore(database, executor)) as b,
        psycopg.connect(database, autocommit=True) as watcher,
    ):
        yield Arena(database, a, b, watcher)
    executor.shutdown()


@pytest.mark.parametrize("first", NAMES)
async def test_it_is_as_if_one_came_after_the_other(arena: Arena, first: str) -> None:
    cases = 0
    for second in NAMES:
        allowed = [
            await arena.serial(first, second, a_first=True),
            await arena.serial(first, second, a_first=False),
        ]
        for before in itertools.count(1):
            outcome = await arena.stopped(first, second, before)
            if outcome is None:
                break
            cases += 1
            where = f"{first} / {second}, stopped before statement {before}"
            assert outcome in allowed or (first, second) in AGAIN, where
    print(f"{first}: {cases} interleavings")
    assert cases > len(NAMES)


async def test_a_forced_removal_counts_before_it_gives_capacity_back(arena: Arena) -> None:
    """As every unit does: in another order two would wait for each other, until one is ended."""
    await arena.begin()
    with psycopg.connect(arena.url, autocommit=True) as stranger:
        with stranger.transaction():
            stranger.execute("SELECT host FROM pools FOR UPDATE")
            removing = asyncio.create_task(arena.run(arena.a, arena.acts["remove by force"]))
            while stranger.execute(_WAITING).fetchone() != (1,):  # noqa: ASYNC110 - the server has no event
                await asyncio.sleep(0.001)
            with pytest.raises(psycopg.errors.LockNotAvailable), stranger.transaction():
                stranger.execute("SELECT in_use FROM quota_usages FOR UPDATE NOWAIT")
        await removing


async def test_many_at_once_pass_no_limit(arena: Arena) -> None:
    """As many as there is room for, of all that four processes ask for at the same time."""
    chance = random.Random(4)
    executor = ThreadExecutor()
    for _ in range(10):
        await arena.begin()
        stores = [PostgresStore(arena.url, executor) for _ in range(4)]
        names = [
            *["create in the last of the quota", "create in the last of the pool"] * 8,
            *["create under a key", "claim what is free", "remove"] * 4,
            *["the create is done", "the create has failed", "rename"] * 2,
        ]
        chance.shuffle(names)
        sides = [Side(f"side-{number}", chance.choice(stores)) for number in range(len(names))]
        await arena.a.store.write(enlist, *(side.process_id for side in sides))
        outcomes = await asyncio.gather(
            *(arena.run(side, arena.acts[name]) for side, name in zip(sides, names, strict=True))
        )
        for store in stores:
            store.close()
        told = Counter(zip(names, map(str, outcomes), strict=True))
        rows = await arena.rows()
        usage = {tuple(row[:2]): row[2] for row in rows["quota_usages"]}
        assert usage["p1", "volumes"] <= VOLUMES_MAX
        assert [row[1] <= ROOM_GIB for row in rows["pools"]] == [True]
        claims = [key for key in told.elements() if key[0] == "claim what is free"]
        assert sorted(outcome for _, outcome in claims) == ["2", "None", "None", "None"]
        assert told["remove", "None"] == 1
        assert told["the create is done", "done"] <= 1
        made = [outcome for name, outcome in zip(names, outcomes, strict=True) if "key" in name]
        assert made.count("creating") == 1
        assert len(rows["kept_answers"]) == 1
    executor.shutdown()
