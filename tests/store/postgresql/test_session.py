"""Sessions: who lives is seen by all, who died too, and hints reach the other processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import psycopg
import pytest

from pumice.bus.contract import Hint
from pumice.bus.shared import SharedBus
from pumice.errors import Unavailable, UsageError
from pumice.seams import SyncedClock, SystemClock
from pumice.store.postgresql import connections as pool
from pumice.store.postgresql import session as implementation
from pumice.store.postgresql.session import Session
from pumice.store.postgresql.store import PostgresStore
from pumice.threads import ThreadExecutor
from tests.postgresql import Cluster
from tests.store.postgresql.conftest import Open

A: Final = "a" * 32
B: Final = "b" * 32
LEFT_BEHIND: Final = (
    b"UPDATE alembic_version SET version_num = '9999'; UPDATE compatibility SET oldest = '9998'"
)
_WAITING: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
)
_END: Final = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'pumice ' || %s
"""

Begin = Callable[[str, str], Awaitable["Member"]]


class Member:
    """One process's session, and what it was told."""

    def __init__(self, session: Session, store: PostgresStore) -> None:
        self.session = session
        self.store = store
        self.back = asyncio.Event()
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        session.subscribe(self.lines.put_nowait)


@pytest.fixture
async def begin(open_store: Open, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """Begins sessions, and ends them; an end that the server tells is not looked for."""
    monkeypatch.setattr(implementation, "LOOK_SECONDS", 1000.0)
    async with AsyncExitStack() as stack:

        async def begun(url: str, process_id: str) -> Member:
            clock = SyncedClock(SystemClock())
            executor = ThreadExecutor()
            stack.callback(executor.shutdown)
            store = open_store(url)
            member = Member(Session(url, process_id, store, executor, clock), store)
            await member.session.begin(member.back.set)
            stack.push_async_callback(member.session.end)
            return member

        yield begun


def cut(connection: psycopg.Connection[Any], process_id: str) -> None:
    """End the connection of a session, as the death of its process does."""
    assert connection.execute(_END, (process_id[-8:],)).fetchall() == [(True,)]


async def until_dead(member: Member, process_id: str) -> None:
    """The server hears of an end when it reads of it."""
    while process_id not in await member.session.dead([process_id]):  # noqa: ASYNC110 - the server has no event
        await asyncio.sleep(0.001)


async def test_who_lives_is_not_dead(url: str, begin: Begin) -> None:
    a, b = await begin(url, A), await begin(url, B)
    assert set(await a.session.dead([A, B])) == set()
    assert set(await b.session.dead([A, B])) == set()


async def test_who_ended_is_dead_and_who_never_was_is_not_known(url: str, begin: Begin) -> None:
    a, b = await begin(url, A), await begin(url, B)
    await b.session.end()
    await until_dead(a, B)
    assert set(await a.session.dead([A, B, "c" * 32])) == {B}


async def test_whose_connection_ends_is_dead_until_he_is_back(
    url: str, begin: Begin, stranger: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await begin(url, A), await begin(url, B)
    connect, away = pool.connect, asyncio.Event()
    loop = asyncio.get_running_loop()

    def refused(url: str, name: str) -> psycopg.Connection:
        loop.call_soon_threadsafe(away.set)
        raise psycopg.OperationalError(f"Nobody listens at {url}, {name}.")

    monkeypatch.setattr(implementation, "connect", refused)
    cut(stranger, B)
    await away.wait()
    assert set(await a.session.dead([A, B])) == {B}
    monkeypatch.setattr(implementation, "connect", connect)
    await b.back.wait()
    assert set(await a.session.dead([A, B])) == set()


class FailingOver(PostgresStore):
    """A store whose server is another one after each statement, where nobody has locked anything yet."""

    def __init__(self, *stores: PostgresStore) -> None:
        self._left = list(stores)

    async def run(self, statement: str, parameters: dict[str, object]) -> list[tuple[object, ...]]:
        return await self._left.pop(0).run(statement, parameters)


async def test_nobody_is_dead_because_another_server_takes_over_meanwhile(
    url: str, own_url: str, begin: Begin, open_store: Open
) -> None:
    a, _ = await begin(url, A), await begin(url, B)
    a.session._store = FailingOver(a.store, open_store(own_url))
    assert set(await a.session.dead([A, B])) == set()


async def test_who_comes_back_to_a_schema_that_is_not_for_him_ends(
    url: str, begin: Begin, stranger: psycopg.Connection[Any]
) -> None:
    a = await begin(url, A)
    stranger.execute(LEFT_BEHIND)
    cut(stranger, A)
    with pytest.raises(UsageError, match="has schema 9999, which needs a Pumice that knows 9998"):
        await a.session.kept()
    assert not a.back.is_set()
    with pytest.raises(Unavailable, match="closed"):
        await a.store.write(lambda txn: txn.change("DELETE FROM process_locks", {}))
    assert stranger.execute("SELECT count(*) FROM process_locks").fetchone() == (1,)


@pytest.mark.parametrize("is_committed", [True, False])
async def test_a_migration_that_did_not_see_the_process_is_waited_for(
    url: str, begin: Begin, stranger: psycopg.Connection[Any], is_committed: bool
) -> None:
    """It has looked for locks already, and is about to commit."""
    with psycopg.connect(url) as migration:
        migration.execute(LEFT_BEHIND)
        beginning = asyncio.ensure_future(begin(url, A))
        while stranger.execute(_WAITING, (stranger.info.dbname,)).fetchone() == (0,):
            assert not beginning.done()
            await asyncio.sleep(0.001)
        if is_committed:
            migration.commit()
            with pytest.raises(UsageError, match="has schema 9999"):
                await beginning
        else:
            migration.rollback()
            a = await beginning
            assert set(await a.session.dead([A])) == set()


async def test_a_migration_that_leaves_nobody_behind_is_not_waited_for(
    url: str, begin: Begin
) -> None:
    with psycopg.connect(url) as migration:
        migration.execute("UPDATE alembic_version SET version_num = '9999'")
        await begin(url, A)


async def test_hints_reach_the_others_and_not_the_sender(url: str, begin: Begin) -> None:
    a, b = await begin(url, A), await begin(url, B)
    for number in range(3):
        a.session.send(f"line {number}")
    assert [await b.lines.get() for _ in range(3)] == ["line 0", "line 1", "line 2"]
    b.session.send("answer")
    assert await a.lines.get() == "answer"
    assert a.lines.empty()


async def test_many_hints_leave_together_and_all_arrive(url: str, begin: Begin) -> None:
    a, b = await begin(url, A), await begin(url, B)
    lines = [f"{number:04}" + "ü" * 300 for number in range(200)]
    for line in lines:
        a.session.send(line)
    assert [await b.lines.get() for _ in lines] == lines


async def test_hints_arrive_after_a_connection_was_lost(
    url: str, begin: Begin, stranger: psycopg.Connection[Any]
) -> None:
    a, b = await begin(url, A), await begin(url, B)
    cut(stranger, B)
    await b.back.wait()
    a.session.send("line")
    assert await b.lines.get() == "line"


async def test_a_connection_that_says_nothing_is_found_out(
    own_url: str, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server's process stands still: there is no answer, and no end either."""
    monkeypatch.setattr(implementation, "LOOK_SECONDS", 0.5)
    with psycopg.connect(own_url, autocommit=True) as stranger:
        connect, again = pool.connect, asyncio.Event()
        loop = asyncio.get_running_loop()
        a = await begin(own_url, A)
        (pid,) = stranger.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'pumice ' || %s", (A[-8:],)
        ).fetchone() or (0,)

        def counted(url: str, name: str) -> psycopg.Connection:
            loop.call_soon_threadsafe(again.set)
            return connect(url, name)

        monkeypatch.setattr(implementation, "connect", counted)
        os.kill(pid, signal.SIGSTOP)
        try:
            await again.wait()
        finally:
            os.kill(pid, signal.SIGCONT)
        await a.back.wait()


async def test_nobody_is_dead_because_the_server_began_anew(
    own_server: Cluster, own_url: str, begin: Begin
) -> None:
    """Everybody's lock is gone; who is not back yet is not known."""
    a = await begin(own_url, A)
    b = await begin(own_url, B)
    own_server.stop("immediate")
    await b.session.end()  # It will not be back.
    try:
        a.session.send("lost")
        with pytest.raises(Unavailable):
            await a.session.dead([B])
    finally:
        await asyncio.to_thread(own_server.start)
    await a.back.wait()
    assert set(await a.session.dead([A, B])) == set()


async def test_nobody_is_dead_because_the_server_lost_a_process(
    own_server: Cluster, own_url: str, begin: Begin
) -> None:
    """Then it begins anew, everybody's lock is gone, and its start time is the old one."""
    a, b = await begin(own_url, A), await begin(own_url, B)
    await b.session.end()
    await until_dead(a, B)
    with own_server.connect() as stranger:
        os.kill(stranger.info.backend_pid, signal.SIGKILL)
    await a.back.wait()
    assert set(await a.session.dead([A, B])) == set()


async def test_a_session_that_cannot_begin_says_so(own_server: Cluster, own_url: str) -> None:
    own_server.stop()
    try:
        clock = SyncedClock(SystemClock())
        executor = ThreadExecutor()
        store = PostgresStore(own_url, executor)
        with pytest.raises(Unavailable):
            await Session(own_url, A, store, executor, clock).begin(lambda: None)
        executor.shutdown()
    finally:
        await asyncio.to_thread(own_server.start)


async def test_the_clock_is_the_servers(url: str, open_store: Open) -> None:
    class Wrong(SystemClock):
        def now_us(self) -> int:
            return 5

    clock = SyncedClock(Wrong())
    executor = ThreadExecutor()
    session = Session(url, A, open_store(url), executor, clock)
    assert clock.now_us() < 60_000_000
    await session.begin(lambda: None)
    await session.end()
    executor.shutdown()
    assert abs(clock.now_us() - SystemClock().now_us()) < 60_000_000


class Wire:
    """A channel in memory."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.receive: Callable[[str], None] = self.sent.append

    def send(self, line: str) -> None:
        self.sent.append(line)

    def subscribe(self, receive: Callable[[str], None]) -> None:
        self.receive = receive


async def test_a_bus_delivers_here_and_there_and_no_rubbish() -> None:
    here, there = Wire(), Wire()
    received: list[Hint] = []
    bus, other = SharedBus(here), SharedBus(there)
    bus.subscribe(received.append)
    hint = Hint("ready", "o1", "node1@fast")
    bus.publish(hint)
    assert received == []
    await asyncio.sleep(0)
    assert received == [hint]
    other.subscribe(received.append)
    for line in (*here.sent, "", "{", "[]", '{"kind":"newer"}', "x" * 9000):
        there.receive(line)
    await asyncio.sleep(0)
    assert received == [hint, hint]
    assert there.sent == []
