"""The processes of a cloud, put together as ``pumice serve`` does it, in the event loop of the test."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import psycopg

from pumice import process as composition
from pumice import seams as real_seams
from pumice.bus.memory import MemoryBus
from pumice.bus.shared import SharedBus
from pumice.identity.keyring import Keyring, make_key
from pumice.model.roles import ROLES as ALL_ROLES
from pumice.model.roles import Role
from pumice.process import Member, Process
from pumice.seams import SyncedClock, SystemIds
from pumice.settings import Loaded
from pumice.store.long_reads import LongReads
from pumice.store.postgresql import schema
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.postgresql.session import Session
from pumice.store.postgresql.store import PostgresStore
from pumice.store.sqlite import SqliteStore
from pumice.store.txn import Txn
from pumice.threads import Executor
from tests.deployments import ROLES
from tests.postgresql import Cluster

T = TypeVar("T")

FOUR: Final = tuple(frozenset[Role]((role,)) for role in ROLES)
ONE: Final = (ALL_ROLES,)
_TEMPLATE: Final = "populated"

Populate = Callable[[Txn], None]


class Processes(NamedTuple):
    """What runs; those that answer requests are among all of them."""

    all: Sequence[Process]
    answering: Sequence[Process]


class Clock:
    """The machine's clock, which a test may put forward."""

    def __init__(self) -> None:
        self._clock = real_seams.SystemClock()
        self.ahead_us = 0

    def now_us(self) -> int:
        return self._clock.now_us() + self.ahead_us

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns() + self.ahead_us * 1000

    def advance(self, seconds: float) -> None:
        self.ahead_us += int(seconds * 1_000_000)


class _ServerClock(SyncedClock):
    """The server's clock, which is put forward with the test's."""

    def __init__(self, own: Clock) -> None:
        super().__init__(own)
        self._test = own

    def sync(self, now_us: int, monotonic_ns: int) -> None:
        super().sync(now_us + self._test.ahead_us, monotonic_ns)


class _Threads:
    """Threads that can be waited for, so that none is left with a connection when a test has ended."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._running: set[asyncio.Future[Any]] = set()

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        future = self._executor.submit(function)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    async def idle(self) -> None:
        """Wait until none works."""
        while self._running:
            await asyncio.wait(self._running)

    def shutdown(self) -> None:
        self._executor.shutdown()


class OnSqlite:
    """One process, and the content of a database for each start of it."""

    def __init__(self, populated: bytes) -> None:
        self._populated = populated

    @asynccontextmanager
    async def processes(self, loaded: Loaded, home: Path, clock: Clock) -> AsyncIterator[Processes]:
        """The process, started, while the block lasts."""
        database = home / "pumice.db"
        database.write_bytes(self._populated)
        seams = dataclasses.replace(real_seams.real(), clock=clock)
        try:
            long_reads = LongReads(database, seams.executor, clock.monotonic_ns)
            store = SqliteStore(database, long_reads=long_reads)
            keys = composition.keys_in_files(Keyring.new(seams.ids), seams)
            process = composition.build(loaded, store, keys, seams, MemoryBus(), home)
            await process.start()
            try:
                yield Processes([process], [process])
            finally:
                await process.stop()
        finally:
            seams.executor.shutdown()


class OnPostgresql:
    """One or several processes, and a copy of a populated database for each start of them."""

    def __init__(
        self, cluster: Cluster, roles: tuple[frozenset[Role], ...], populate: Populate
    ) -> None:
        """``roles`` of each process, in the order in which they start."""
        self._cluster = cluster
        self._roles = roles
        # The two deployments of one worker share the server, and each has its template.
        self._template = f"{_TEMPLATE}_{len(roles)}"
        url = cluster.create_database(self._template)
        schema.create(url)
        with psycopg.connect(url) as connection:
            populate(Txn(PostgresConnection(connection), "postgresql"))

    @asynccontextmanager
    async def processes(self, loaded: Loaded, home: Path, clock: Clock) -> AsyncIterator[Processes]:
        """The processes on a database of their own, started, while the block lasts."""
        name = f"cloud_{uuid.uuid4().hex}"
        url = self._cluster.create_database(name, self._template)
        sealing_key = make_key(SystemIds())
        try:
            async with AsyncExitStack() as stack:
                started = functools.partial(_started, url, sealing_key, loaded, home, clock)
                found = [await stack.enter_async_context(started(one)) for one in self._roles]
                pairs = zip(found, self._roles, strict=True)
                yield Processes(found, [one for one, roles in pairs if "api" in roles])
        finally:
            self._cluster.drop_database(name)


@asynccontextmanager
async def _started(
    url: str, sealing_key: bytes, loaded: Loaded, home: Path, test: Clock, roles: frozenset[Role]
) -> AsyncIterator[Process]:
    """One process of those that share ``url``; see ``pumice.serving``."""
    clock = _ServerClock(test)
    real = real_seams.real()
    threads = _Threads(real.executor)
    seams = dataclasses.replace(real, clock=clock, executor=threads)
    try:
        store = PostgresStore(url, seams.executor)
        process_id = seams.ids.identity_side()
        session = Session(url, process_id, store, seams.executor, clock)
        keys = composition.keys_in_database(store, sealing_key, seams)
        process = composition.build(
            loaded, store, keys, seams, SharedBus(session), home,
            member=Member(process_id, roles, session),
        )  # fmt: skip
        await session.begin(process.manager.wake)
        try:
            await process.services.keys.begin()
            await process.start()
            try:
                yield process
            finally:
                await process.stop()
        finally:
            await session.end()
            await threads.idle()
    finally:
        threads.shutdown()


Deployment = OnSqlite | OnPostgresql
