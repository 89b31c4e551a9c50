"""Connections to PostgreSQL: opened when needed, bounded in number, each used by one thread at a time.

The event loop owns the list; what blocks runs in threads. While the server is away nobody waits for it:
one caller at a time tries, the others are refused at once. A server that says nothing, though its machine
lives, is given up: no thread waits for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import psycopg

from pumice.errors import Unavailable
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.threads import Executor

T = TypeVar("T")

UNITS_AT_ONCE: Final = 8
"""Units that run at the same time; more only wait for each other at the server."""
QUERIES_AT_ONCE: Final = 4
"""Queries beside them: units that wait, for a lock or for a standby, keep nobody from reading."""
UPKEEP_AT_ONCE: Final = 2
"""Units of the process's own upkeep, beside both."""
WAITING_MAX: Final = 4096
WAITING_SECONDS: Final = 10.0
WORK_SECONDS: Final = 60.0
"""After that a connection is cut: the server would have ended any statement of its own accord before."""
CONNECT_SECONDS: Final = 3
BACKOFF_FIRST_SECONDS: Final = 0.1
BACKOFF_MAX_SECONDS: Final = 2.0

# A process that is stopped or cut off in the middle of a transaction must not hold its rows for ever.
_SERVER: Final = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "3s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
    "default_transaction_isolation": "read\\ committed",
    # Or it goes through the newest volumes, in the order of the disk, for the few that another index has:
    # cheap by its own figures, which are a disk's, but not if those that are wanted are old.
    "random_page_cost": "1.1",
    # Recursive queries are taken for huge, and compiled each time for longer than they ever run.
    "jit": "off",
}
log = logging.getLogger(__name__)


class Broken(Exception):
    """The connection is gone, or leads to a server that cannot write; the cause says why."""


def connect(url: str, name: str) -> psycopg.Connection:
    """A connection in autocommit, shown by the server as ``name``. Raises :class:`psycopg.Error`."""
    options = " ".join(f"-c {key}={value}" for key, value in _SERVER.items())
    return psycopg.connect(
        url,
        autocommit=True,
        application_name=name,
        options=options,
        connect_timeout=CONNECT_SECONDS,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )


class Connections:
    """The connections of one process."""

    def __init__(self, url: str, executor: Executor, name: str = "pumice") -> None:
        self._url = url
        self._executor = executor
        self._name = name
        self._idle: list[PostgresConnection] = []
        self._units = asyncio.Semaphore(UNITS_AT_ONCE)
        self._queries = asyncio.Semaphore(QUERIES_AT_ONCE)
        self._upkeep = asyncio.Semaphore(UPKEEP_AT_ONCE)
        self._waiting = 0
        self._backoff_seconds = 0.0
        self._retry_at = 0.0
        self._tries = False
        self._closed = False

    async def write(self, work: Callable[[PostgresConnection], T]) -> T:
        """Run a unit's ``work`` in a thread on a connection of its own, in the order of the callers.

        Raises what ``work`` raises; after :class:`Broken` the connection is not used again, and
        :class:`Unavailable` if there is no server, or too many wait.
        """
        return await self._use(work, self._units)

    async def write_upkeep(self, work: Callable[[PostgresConnection], T]) -> T:
        """The same for a unit that waits for none of the others."""
        return await self._use(work, self._upkeep)

    async def read(self, work: Callable[[PostgresConnection], T]) -> T:
        """The same for what waits for no unit."""
        return await self._use(work, self._queries)

    async def _use(self, work: Callable[[PostgresConnection], T], turns: asyncio.Semaphore) -> T:
        await self._await_turn(turns)
        try:
            connection = await self._take()
        except BaseException:
            turns.release()
            raise
        try:
            future = self._executor.submit(lambda: work(connection))
        except BaseException:
            self._put_back(connection)
            turns.release()
            raise
        cut = asyncio.get_running_loop().call_later(WORK_SECONDS, _give_up, connection)
        future.add_done_callback(partial(self._end, connection, turns, cut))
        # A caller that goes away takes no connection along on which a thread is at work.
        return await asyncio.shield(future)

    async def _await_turn(self, turns: asyncio.Semaphore) -> None:
        if not turns.locked():
            await turns.acquire()
            return
        if self._waiting >= WAITING_MAX:
            raise Unavailable("The database has too much to do; try again.")
        self._waiting += 1
        try:
            async with asyncio.timeout(WAITING_SECONDS):
                await turns.acquire()
        except TimeoutError:
            raise Unavailable("The database has too much to do; try again.") from None
        finally:
            self._waiting -= 1

    async def _take(self) -> PostgresConnection:
        while not self._idle:
            if self._closed:
                raise Unavailable("The database is closed.")
            # A task of its own: what a caller opened who went away is the next one's.
            await asyncio.shield(asyncio.create_task(self._open()))
        return self._idle.pop()

    def _end(
        self,
        connection: PostgresConnection,
        turns: asyncio.Semaphore,
        cut: asyncio.TimerHandle,
        future: asyncio.Future[Any],
    ) -> None:
        """A thread has done its work."""
        cut.cancel()
        if isinstance(future.exception(), Broken):
            self._discard(connection)
        else:
            self._put_back(connection)
        turns.release()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        if self._backoff_seconds and (self._tries or loop.time() < self._retry_at):
            raise self._away()
        self._tries = True
        before = self._backoff_seconds
        try:
            raw = await self._executor.submit(lambda: connect(self._url, self._name))
        except psycopg.Error as error:
            if not self._backoff_seconds:
                log.warning("The database is away: %s", str(error).strip())
            if self._backoff_seconds == before:  # Else another one found it out meanwhile.
                doubled = 2 * before or BACKOFF_FIRST_SECONDS
                self._backoff_seconds = min(BACKOFF_MAX_SECONDS, doubled)
                self._retry_at = loop.time() + self._backoff_seconds
            raise self._away() from error
        finally:
            self._tries = False
        if self._backoff_seconds:
            log.info("The database is back")
        self._backoff_seconds = 0.0
        self._put_back(PostgresConnection(raw))

    def _away(self) -> Unavailable:
        return Unavailable(
            "The database cannot be reached at the moment; nothing was changed.",
            retry_after_seconds=1 + int(self._backoff_seconds),
        )

    def _put_back(self, connection: PostgresConnection) -> None:
        if self._closed or connection.raw.closed:
            self._discard(connection)
        else:
            self._idle.append(connection)

    def _discard(self, connection: PostgresConnection) -> None:
        """Close it, and those that idle: what broke one has mostly broken all."""
        for one in (connection, *self._idle):
            with contextlib.suppress(psycopg.Error):
                one.raw.close()
        self._idle.clear()

    def close(self) -> None:
        """Close what idles now, and the rest as soon as it is put back."""
        self._closed = True
        for one in self._idle:
            one.raw.close()
        self._idle.clear()


def _give_up(connection: PostgresConnection) -> None:
    log.warning("The database has not answered for %d s: the connection is cut", WORK_SECONDS)
    cut(connection.raw)


def cut(connection: psycopg.Connection) -> None:
    """End the wait of the thread that uses ``connection``, as if the network had."""
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as shared,
    ):
        shared.shutdown(socket.SHUT_RDWR)
