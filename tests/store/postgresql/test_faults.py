"""A connection that ends, and a server that ends, at every moment: nothing is lost, nothing done twice."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any, Final, Literal

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pumice.errors import Unavailable
from pumice.store.postgresql import connections as pool
from pumice.store.postgresql import schema
from pumice.store.postgresql import store as implementation
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.postgresql.store import PostgresStore
from pumice.store.txn import Txn
from tests.postgresql import Cluster, Standby, any_of
from tests.store.postgresql.conftest import Open
from tests.store.samples import add_message, message_ids

WAIT_SECONDS: Final = 30
_END: Final = "SELECT pg_terminate_backend(%s, 10000)"

Cut = Literal["before", "after"]


class Ledger:
    """What was run and called back."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.called: Counter[str] = Counter()

    def add(self, txn: Txn, id_: str, first: Callable[[Txn], None] | None = None) -> str:
        """Unit: a row; ``first`` is what happens to its first run before it ends."""
        self.runs[id_] += 1
        txn.after_commit(lambda: self.called.update([id_]))
        add_message(txn, id_)
        if first is not None and self.runs[id_] == 1:
            first(txn)
        return id_


def pid_of(txn: Txn) -> int:
    (pid,) = txn.one("SELECT pg_backend_pid()") or (0,)
    return int(pid)


class Wire:
    """A way to the server that ends once, when a COMMIT goes over it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.cut: Cut | None = None
        self.was_cut = asyncio.Event()
        self.is_cut = asyncio.Event()
        self.go_on = asyncio.Event()
        self._links: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        link = asyncio.create_task(self._carry(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def end(self) -> None:
        """Cut what is left."""
        links = tuple(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with closed_at_the_end(writer):
            try:
                there = await asyncio.open_connection(self._host, self._port)
            except ConnectionError:
                return
            async with closed_at_the_end(there[1]):
                answers = asyncio.create_task(copy(there[0], writer))
                questions = asyncio.create_task(self._ask(reader, *there, answers))
                try:
                    await asyncio.wait((answers, questions), return_when="FIRST_COMPLETED")
                    if self.was_cut.is_set():
                        await questions
                finally:
                    for one in (answers, questions):
                        one.cancel()
                    await asyncio.gather(answers, questions, return_exceptions=True)

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
        answers: asyncio.Task[None],
    ) -> None:
        while data := await reader.read(65536):
            if self.cut is None or b"COMMIT" not in data:
                server_writer.write(data)
                continue
            cut, self.cut = self.cut, None
            self.was_cut.set()
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            if cut == "after":
                server_writer.write(data)
                await server_reader.read(65536)
            self.is_cut.set()
            await self.go_on.wait()
            return


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)


@asynccontextmanager
async def closed_at_the_end(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the server of ``url``, and the URL through it."""
    parts = conninfo_to_dict(url)
    wire = Wire(str(parts["host"]), int(str(parts["port"])))
    server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield wire, url.replace(f":{parts['port']}/", f":{port}/")
    finally:
        server.close()
        await wire.end()


async def settled(store: PostgresStore, act: Callable[[], Any]) -> None:
    """Wait until the server is back for ``store``; ``act`` in a thread brings it there."""
    await asyncio.to_thread(act)
    while True:
        with contextlib.suppress(Unavailable):
            await store.read(message_ids)
            return
        await asyncio.sleep(0.01)


async def test_a_connection_that_ended_while_it_idled_is_replaced(
    store: PostgresStore, stranger: psycopg.Connection[Any]
) -> None:
    ledger = Ledger()
    pid = await store.write(pid_of)
    stranger.execute(_END, (pid,))
    assert await store.write(ledger.add, "m1") == "m1"
    assert ledger.runs == {"m1": 1}
    pid = await store.read(pid_of)
    stranger.execute(_END, (pid,))
    assert await store.read(message_ids) == ["m1"]


@pytest.mark.parametrize("after", ["goes on", "ends"])
async def test_a_unit_whose_connection_ends_runs_again(
    store: PostgresStore, stranger: psycopg.Connection[Any], after: str
) -> None:
    """In the middle of the unit, or between its last statement and the COMMIT."""
    ledger = Ledger()

    def end(txn: Txn) -> None:
        stranger.execute(_END, (pid_of(txn),))
        if after == "goes on":
            txn.one("SELECT 1")

    assert await store.write(ledger.add, "m1", end) == "m1"
    assert (ledger.runs, ledger.called) == ({"m1": 2}, {"m1": 1})
    assert await store.read(message_ids) == ["m1"]


async def test_a_unit_that_stood_still_in_its_transaction_runs_again(store: PostgresStore) -> None:
    """As a process does that is stopped: the server takes its locks away. Before the COMMIT, too."""
    ledger = Ledger()
    woken = threading.Event()

    def stand_still(txn: Txn) -> None:
        txn.change("SET LOCAL idle_in_transaction_session_timeout = '20ms'", {})
        woken.wait(0.2)

    def stand_still_and_go_on(txn: Txn) -> None:
        stand_still(txn)
        txn.one("SELECT 1")

    assert await store.write(ledger.add, "m1", stand_still) == "m1"
    assert await store.write(ledger.add, "m2", stand_still_and_go_on) == "m2"
    assert ledger.runs == ledger.called + ledger.called == {"m1": 2, "m2": 2}
    assert await store.read(message_ids) == ["m1", "m2"]


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_whose_reply_is_lost_counts_once(
    url: str, open_store: Open, cut: Cut
) -> None:
    ledger = Ledger()
    async with wire_to(url) as (wire, through):
        store = open_store(through)
        wire.cut = cut
        wire.go_on.set()
        assert await store.write(ledger.add, "m1") == "m1"
        assert ledger.runs == {"m1": {"before": 2, "after": 1}[cut]}
        assert ledger.called == {"m1": 1}
        assert await store.read(message_ids) == ["m1"]


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_is_asked_for_until_the_server_is_back(
    own_server: Cluster, own_url: str, open_store: Open, cut: Cut
) -> None:
    ledger = Ledger()
    async with wire_to(own_url) as (wire, through):
        store = open_store(through)
        wire.cut = cut
        writing = asyncio.create_task(store.write(ledger.add, "m1"))
        await wire.is_cut.wait()
        own_server.kill()
        try:
            wire.go_on.set()
            with pytest.raises(Unavailable):
                await store.read(message_ids)
        finally:
            await asyncio.to_thread(own_server.start)
        assert await writing == "m1"
        assert ledger.called == {"m1": 1}
        assert await store.read(message_ids) == ["m1"]


async def test_what_nobody_can_say_is_told_so(
    own_server: Cluster, own_url: str, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(implementation, "UNKNOWN_SECONDS", 0.2)
    ledger = Ledger()
    async with wire_to(own_url) as (wire, through):
        store = open_store(through)
        wire.cut = "after"
        writing = asyncio.create_task(store.write(ledger.add, "m1"))
        await wire.is_cut.wait()
        own_server.stop("immediate")
        try:
            wire.go_on.set()
            with pytest.raises(Unavailable, match="whether the change was made is not known"):
                await writing
        finally:
            await asyncio.to_thread(own_server.start)
        assert ledger.called == {}


async def test_while_the_server_is_away_everybody_is_told_at_once(
    own_server: Cluster, own_url: str, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(own_url)
    ledger = Ledger()
    await store.write(ledger.add, "m1")
    own_server.stop()
    tries: list[str] = []
    connect = pool.connect

    def counted(url: str, name: str) -> psycopg.Connection:
        tries.append(name)
        return connect(url, name)

    monkeypatch.setattr(pool, "connect", counted)
    try:
        many = [store.write(ledger.add, f"n{number}") for number in range(100)]
        refused = await asyncio.gather(*many, return_exceptions=True)
    finally:
        await asyncio.to_thread(own_server.start)
    assert {type(answer) for answer in refused} == {Unavailable}
    assert {answer.retry_after_seconds for answer in refused} <= {1}  # type: ignore[union-attr]  # as just seen
    assert len(tries) <= pool.UNITS_AT_ONCE
    await settled(store, lambda: None)
    assert await store.write(ledger.add, "m2") == "m2"
    assert await store.read(message_ids) == ["m1", "m2"]
    assert ledger.runs == {"m1": 1, "m2": 1}


async def test_writes_go_on_where_a_standby_takes_over(
    open_store: Open, needs_postgresql: None
) -> None:
    """The reply to a COMMIT is lost with the primary; the standby has it, and says so."""
    del needs_postgresql
    with Cluster(durable=False) as primary:
        schema.create(primary.create_database("pumice"))
        with Standby(primary, durable=False) as standby:
            primary.require_standby("standby")
            store = open_store(any_of([primary, standby], "pumice"))
            ledger = Ledger()
            await store.write(ledger.add, "m1")

            def lose_the_primary(txn: Txn) -> None:
                del txn
                primary.kill()
                standby.promote()

            await settled(store, lambda: None)
            assert await store.write(ledger.add, "m2", lose_the_primary) == "m2"
            assert ledger.called == {"m1": 1, "m2": 1}
            assert await store.read(message_ids) == ["m1", "m2"]


@pytest.fixture
def crashing(own_server: Cluster, own_url: str) -> tuple[Cluster, str]:
    """A server that has written nothing yet that it could find after a crash."""
    with own_server.connect() as connection:
        connection.execute("CHECKPOINT")
    return own_server, own_url


async def test_the_id_of_a_lost_transaction_is_nobody_elses(
    crashing: tuple[Cluster, str],
) -> None:
    """A crash forgets ids that were given out; who gets them then must not be taken for the first."""
    server, url = crashing
    with closing(psycopg.connect(url, autocommit=True)) as raw:
        lost = implementation._begin(PostgresConnection(raw))
        server.kill()
    server.start()
    with psycopg.connect(url, autocommit=True) as raw:
        connection = PostgresConnection(raw)
        while True:
            begun = implementation._begin(connection)
            raw.execute("COMMIT")
            if int(begun.id) >= int(lost.id):
                break
        row = raw.execute("SELECT pg_xact_status($1::xid8)", (lost.id,)).fetchone()
        assert row == ("committed",)  # So it would seem.
        assert implementation._status(connection, lost) == "aborted"
        assert implementation._status(connection, begun) == "committed"
        future = implementation._Begun(str(2**40 + 5), begun.mark, begun.replayed)
        assert implementation._status(connection, future) == "aborted"
