"""What shows the others that this process lives, and brings their hints: one connection of its own.

The connection holds an advisory lock that is named by the process: the server lets it go when the process
ends, however it ends. What is free is dead, if it was locked on this very server since that began to serve:
after a restart, or when a standby has taken over, everybody's lock is gone until he is back. Of who was not
back yet, the lease of his claims decides.

Who was away may find a schema that was changed meanwhile, because nobody served it whom that would have
left behind: then he may serve no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Final

import psycopg

from pumice.errors import Unavailable, UsageError
from pumice.seams import SyncedClock
from pumice.store.postgresql.connections import connect, cut
from pumice.store.postgresql.schema import check_served
from pumice.store.postgresql.store import PostgresStore
from pumice.threads import Executor

LOCKS: Final = int.from_bytes(b"Pum")
"""The class of the advisory locks of processes."""
CHANNEL: Final = "pumice"
PAYLOAD_MAX: Final = 7900
"""Bytes of one notification; PostgreSQL's bound is 8000."""
BACKOFF_FIRST_SECONDS: Final = 0.1
BACKOFF_MAX_SECONDS: Final = 2.0
END_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 5.0
"""How often a connection that says nothing is asked whether it is still there."""

_SERVER: Final = (
    # The last of them changes when a server begins anew that lost one of its own processes.
    """pg_postmaster_start_time()::text || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    || coalesce(pg_last_wal_replay_lsn()::text, '')"""
)
_SHOW: Final = f"""
INSERT INTO process_locks (process_id, server) VALUES (%s, {_SERVER})
ON CONFLICT (process_id) DO UPDATE SET server = excluded.server
"""
SERVING: Final = f"""FROM pg_locks
WHERE locktype = 'advisory' AND CAST(classid AS BIGINT) = {LOCKS} AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
"""The locks of the processes that live."""
# One statement: of two, the second could ask a server that has just taken over, where nobody has a lock
# yet. The locks are looked at after the rows, so who locks meanwhile is not taken for dead.
_DEAD: Final = f"""
SELECT l.process_id
FROM unnest(CAST(:among AS TEXT[]), CAST(:keys AS BIGINT[])) AS a (process_id, key)
JOIN process_locks l ON l.process_id = a.process_id
WHERE l.server = {_SERVER} AND a.key NOT IN (SELECT CAST(objid AS BIGINT) {SERVING})
"""
_NOW: Final = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
_NOTIFY: Final = "SELECT pg_notify(:channel, :payload)"

log = logging.getLogger(__name__)


class Session:
    """The session of one process; used on the event loop."""

    def __init__(
        self,
        url: str,
        process_id: str,
        store: PostgresStore,
        executor: Executor,
        clock: SyncedClock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.process_id: Final = process_id
        self._url = url
        self._store = store
        self._executor = executor
        self._clock = clock
        self._sleep = sleep
        self._connection: psycopg.Connection | None = None
        self._watched: int | None = None
        self._arrived: deque[psycopg.Notify] = deque()
        """What came while a thread used the connection."""
        self._receivers: list[Callable[[str], None]] = []
        self._unsent: list[str] = []
        self._sending: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    async def begin(self, connected: Callable[[], None]) -> None:
        """Show that the process lives, from now on; ``connected`` is called whenever it is shown again.

        Raises :class:`Unavailable` if that is not possible now, and :class:`UsageError` if this Pumice
        must not serve the database.
        """
        try:
            await self._connect()
        except psycopg.Error as error:
            raise Unavailable("The database cannot be reached.", detail=str(error)) from error
        self._keeping = asyncio.create_task(self._keep(connected))

    async def kept(self) -> None:
        """Wait as long as the process may serve.

        Raises :class:`UsageError` when the database has a schema that is not for it any more; from then on
        its store writes nothing.
        """
        if self._keeping is not None:
            await asyncio.shield(self._keeping)

    async def end(self) -> None:
        """Show it no more; what was sent last has a moment to leave."""
        if self._sending is not None:
            await asyncio.wait((self._sending,), timeout=END_SECONDS)
        tasks = [one for one in (self._keeping, self._sending) if one is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._disconnect()

    def subscribe(self, receive: Callable[[str], None]) -> None:
        """Call ``receive`` on the event loop with each line that another process sends."""
        self._receivers.append(receive)

    def send(self, line: str) -> None:
        """Send a line to the others, if they can be reached; returns at once and never raises."""
        self._unsent.append(line)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def dead(self, among: Collection[str]) -> Collection[str]:
        """See :meth:`pumice.operations.liveness.Liveness.dead`."""
        keys = [_key(process_id) for process_id in among]
        found = await self._store.run(_DEAD, {"among": list(among), "keys": keys})
        return {str(process_id) for (process_id,) in found}

    async def _send(self) -> None:
        """Send what there is, all that came up meanwhile together."""
        try:
            while self._unsent:
                lines, self._unsent = self._unsent, []
                for payload in _payloads(self.process_id, lines):
                    with contextlib.suppress(Unavailable):
                        await self._store.run(_NOTIFY, {"channel": CHANNEL, "payload": payload})
        finally:
            self._sending = None

    async def _connect(self) -> None:
        self._disconnect()
        self._lost.clear()
        opening = self._executor.submit(self._open)
        try:
            self._connection = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        self._watch(self._connection)

    def _open(self) -> psycopg.Connection:
        connection = connect(self._url, f"pumice {self.process_id[-8:]}")
        connection.add_notify_handler(self._arrived.append)
        try:
            connection.execute("SELECT pg_advisory_lock(%s, %s)", (LOCKS, _key(self.process_id)))
            check_served(connection)
            connection.execute(_SHOW, (self.process_id,))
            connection.execute(f"LISTEN {CHANNEL}")
            self._look_at_clock(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _look_at_clock(self, connection: psycopg.Connection) -> None:
        """Take the server's time, as it was half-way between question and answer."""
        before_ns = self._clock.monotonic_ns()
        (now_us,) = connection.execute(_NOW).fetchone() or (0,)
        self._clock.sync(now_us, (before_ns + self._clock.monotonic_ns()) // 2)

    def _disconnect(self) -> None:
        self._unwatch()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _watch(self, connection: psycopg.Connection) -> None:
        """Be told when the server has sent something; first take what came while no one watched."""
        try:
            self._watched = connection.fileno()
        except psycopg.Error:
            self._lost.set()
            return
        asyncio.get_running_loop().add_reader(self._watched, self._readable)
        self._readable()

    def _unwatch(self) -> None:
        """By the number that was watched: a connection that was lost has none any more."""
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None

    async def _keep(self, connected: Callable[[], None]) -> None:
        """Connect anew whenever the connection is lost. Raises :class:`UsageError`; see :meth:`kept`."""
        backoff = BACKOFF_FIRST_SECONDS
        while True:
            # Not wait_for: it swallows a cancellation that comes in the same turn.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._lost.wait()
            if self._connection is not None and not self._lost.is_set():
                await self._look(self._connection)
                continue
            try:
                await self._connect()
            except psycopg.Error as error:
                log.debug("No session: %s", error)
                self._lost.set()
                await self._sleep(backoff)
                backoff = min(BACKOFF_MAX_SECONDS, 2 * backoff)
                continue
            except UsageError:
                self._store.close()
                raise
            backoff = BACKOFF_FIRST_SECONDS
            log.info("The session is back")
            connected()

    async def _look(self, connection: psycopg.Connection) -> None:
        """Ask the server something: a connection that was cut silently is found out so."""
        self._unwatch()
        looking = self._executor.submit(lambda: self._look_at_clock(connection))
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await asyncio.shield(looking)
        except (psycopg.Error, TimeoutError):
            self._lost.set()
        else:
            self._watch(connection)
        finally:
            if not looking.done():  # Nobody closes a connection that a thread is using.
                cut(connection)
                await asyncio.gather(looking, return_exceptions=True)

    def _readable(self) -> None:
        """The server has sent something, or is gone."""
        if self._connection is None:
            return
        pgconn = self._connection.pgconn
        try:
            pgconn.consume_input()
            while (notify := pgconn.notifies()) is not None:
                self._received(notify.extra.decode())
        except psycopg.Error:
            self._unwatch()
            self._lost.set()
        while self._arrived:
            self._received(self._arrived.popleft().payload)

    def _received(self, payload: str) -> None:
        sender, *lines = payload.split("\n")
        if sender != self.process_id:
            for line in lines:
                for receive in self._receivers:
                    receive(line)


def _key(process_id: str) -> int:
    """The number of a process's lock. Two with the same one would only be taken for alive too long."""
    return zlib.crc32(process_id.encode()) & 0x7FFF_FFFF


def _payloads(sender: str, lines: list[str]) -> list[str]:
    """``lines`` after their sender, in as few notifications as may be; one that fits in none is left out."""
    payloads: list[str] = []
    free = 0
    for line in lines:
        size = len(line.encode()) + 1
        if size > free:
            payloads.append(sender)
            free = PAYLOAD_MAX - len(sender.encode())
        if size <= free:
            payloads[-1] += f"\n{line}"
            free -= size
    return payloads


def _close_opened(opening: asyncio.Future[psycopg.Connection]) -> None:
    if opening.exception() is None:
        opening.result().close()
