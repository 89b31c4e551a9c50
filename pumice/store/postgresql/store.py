"""The store on PostgreSQL: a unit is a transaction of its own, run in a thread.

- READ COMMITTED: what must hold between units is a conditional UPDATE, a unique key or a row that is
  locked first (docs/decisions/0008). A unit whose check was stale meets that, and is run again.
- Queries run in one REPEATABLE READ transaction: several statements see one state. One alone does so by
  itself, and is all that is sent.
- If the reply to COMMIT is lost, the server is asked what became of the transaction, by its id, until it
  answers: also another server, which was a standby. Only if that takes too long is the caller told that it
  is not known.
- While the server is away every caller is refused at once, and told to try again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import CodeType
from typing import Any, Final, Generic, TypeVar, TypeVarTuple

import psycopg
from msgspec import Struct, structs

from pumice.errors import Unavailable
from pumice.store.postgresql.connections import Broken, Connections
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.txn import Cursor, Parameters, Txn
from pumice.threads import Executor
from pumice.trace import Place, Trace, place

T = TypeVar("T")
A = TypeVarTuple("A")

TRIES: Final = 12
"""How often a unit is run whose transaction another one got in the way of."""
STALE_TRIES: Final = 3
"""How often a unit is run that breaks a unique key or a reference; after that it is a defect."""
PAUSE_SECONDS: Final = 0.005
RECONNECTS: Final = 3
UNKNOWN_SECONDS: Final = 15.0
"""How long what became of a transaction is asked for before its caller is told that it is not known."""
ASK_AGAIN_SECONDS: Final = 0.1

# The message is the transaction's first line in the server's log of writes; see _STATUS.
_BEGIN: Final = b"""
BEGIN;
SELECT pg_current_xact_id()::text, pg_logical_emit_message(true, 'pumice', '')::text,
    pg_last_wal_replay_lsn()::text
"""
_BEGIN_QUERY: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# postgresql.org/docs/current/errcodes-appendix.html
_IN_THE_WAY: Final = ("40001", "40P01")
_STALE: Final = "23"
_SERVER_GONE: Final = ("08", "57P", "25006", "F0")
"""It shuts down, starts, or is a standby now."""

_Lane = Callable[[Callable[[PostgresConnection], T]], Awaitable[T]]
"""Runs a unit's work when its turn has come."""
_READS: Final = ("SELECT", "WITH")
"""How statements begin that are run without a READ ONLY transaction around them."""

log = logging.getLogger(__name__)


class _Done(Struct, Generic[T], frozen=True):
    """What a committed unit gave."""

    value: T
    callbacks: list[Callable[[], None]]


class _Begun(Struct, frozen=True):
    """What tells a transaction from all others.

    ``mark``: where its first line ends in the server's log. ``replayed``: up to where the server had read
    that log before it began to serve, if it had to.
    """

    id: str
    mark: str
    replayed: str | None


class _Unknown(Broken):
    """The reply to COMMIT was lost."""

    def __init__(self, begun: _Begun, done: _Done[Any]) -> None:
        super().__init__(begun.id)
        self.begun = begun
        self.done = done


class _NeedsTransaction(Exception):
    """A query has more than one statement, or one that may write."""


class _OneStatement:
    """A connection for a query that is taken to have one statement, which reads."""

    __slots__ = ("_connection", "_is_used")
    in_transaction: Final = False

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection
        self._is_used = False

    def execute(self, sql: str, parameters: Parameters = {}, /) -> Cursor:  # noqa: B006 - read only
        """Run the statement. Raises :class:`_NeedsTransaction` for another one, or one of another kind."""
        if self._is_used or not sql.lstrip().startswith(_READS):
            raise _NeedsTransaction
        self._is_used = True
        return self._connection.execute(sql, parameters)

    def executemany(self, _sql: str, _parameters: Sequence[Parameters], /) -> Cursor:
        """Raises :class:`_NeedsTransaction`."""
        raise _NeedsTransaction


class PostgresStore:
    """A :class:`pumice.store.contract.Store` on a database that other processes use as well."""

    def __init__(
        self,
        url: str,
        executor: Executor,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Nothing is connected before it is needed."""
        self._connections = Connections(url, executor)
        self._sleep = sleep
        self._needing_transaction: set[CodeType] = set()
        """The queries that were found to have more than one statement."""
        self.commits = 0
        """See :attr:`pumice.store.contract.Store.commits`."""

    async def write(
        self, unit: Callable[[Txn, *A], T], *arguments: *A, trace: Trace | None = None
    ) -> T:
        """See :meth:`pumice.store.contract.Store.write`."""
        connections = self._connections
        work = self._write(lambda txn: unit(txn, *arguments), place(unit), trace, connections.write)
        # A unit runs whole, with what follows from its commit, or not at all: whoever waits for it.
        return await asyncio.shield(asyncio.create_task(work))

    async def write_upkeep(self, unit: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """See :meth:`pumice.store.contract.Store.write_upkeep`."""
        upkeep = self._connections.write_upkeep
        work = self._write(lambda txn: unit(txn, *arguments), place(unit), None, upkeep)
        return await asyncio.shield(asyncio.create_task(work))

    async def _write(
        self, unit: Callable[[Txn], T], where: Place, trace: Trace | None, lane: _Lane[_Done[T]]
    ) -> T:
        tries = 0
        while True:
            tries += 1
            try:
                done = await lane(lambda one: _transact(one, unit, where, trace))
            except _Unknown as unknown:
                if not await self._was_committed(unknown.begun):
                    continue
                done = unknown.done
            except Broken as error:
                if tries > RECONNECTS:
                    raise _unavailable(error) from error
                continue
            except psycopg.Error as error:
                if tries >= _tries_of(error):
                    if isinstance(error, psycopg.OperationalError):
                        raise _unavailable(error) from error
                    raise
                await self._sleep(PAUSE_SECONDS * tries)
                continue
            return self._answer(done)

    def _answer(self, done: _Done[T]) -> T:
        self.commits += 1
        for callback in done.callbacks:
            try:
                callback()
            except Exception:
                # The commit stands: a failing hint or cache must not turn it into an error.
                log.exception("A callback after a commit failed")
        return done.value

    async def _was_committed(self, begun: _Begun) -> bool:
        """What became of a transaction. Raises :class:`Unavailable` if nobody says so for too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNKNOWN_SECONDS):
                while True:
                    status = await self._ask(begun)
                    if status in {"committed", "aborted"}:
                        return status == "committed"
                    await self._sleep(ASK_AGAIN_SECONDS)
        raise Unavailable(
            "The database went away while it was writing; whether the change was made is not known.",
            detail=f"transaction {begun.id}",
            retry_after_seconds=5,
        )

    async def _ask(self, begun: _Begun) -> str | None:
        try:
            return await self._connections.write(lambda one: _status(one, begun))
        except (Broken, Unavailable, psycopg.Error) as error:
            log.info("Whether transaction %s was committed is not known: %s", begun.id, error)
            return None

    async def read(self, query: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """See :meth:`pumice.store.contract.Store.read`."""
        code = (query.func if isinstance(query, partial) else query).__code__
        if code not in self._needing_transaction:
            try:
                return await self._read(lambda one: _query_at_once(one, query, *arguments))
            except _NeedsTransaction:
                self._needing_transaction.add(code)
        return await self._read(lambda one: _query(one, lambda txn: query(txn, *arguments)))

    async def run(self, statement: str, parameters: dict[str, object]) -> list[tuple[object, ...]]:
        """One statement that needs no transaction: a notification, a look at the server.

        It may run twice. Raises :class:`Unavailable`.
        """
        return await self._read(lambda one: _run(one, statement, parameters))

    async def _read(self, work: Callable[[PostgresConnection], T]) -> T:
        for left in range(RECONNECTS, -1, -1):
            try:
                return await self._connections.read(work)
            except Broken as error:
                if not left:
                    raise _unavailable(error) from error
            except psycopg.OperationalError as error:
                raise _unavailable(error) from error
        raise AssertionError("Not reached.")

    def close(self) -> None:
        """See :meth:`pumice.store.contract.Store.close`; what runs in a thread ends by itself."""
        self._connections.close()


def _transact(
    connection: PostgresConnection, unit: Callable[[Txn], T], where: Place, trace: Trace | None
) -> _Done[T]:
    """Run ``unit`` and commit it. Raises what it raises, :class:`Broken` or :class:`_Unknown`."""
    txn = Txn(connection, "postgresql")
    try:
        begun = _begin(connection)
        started_ns = time.perf_counter_ns()
        error: BaseException | None = None
        try:
            value = unit(txn)
        except BaseException as raised:
            error = raised
            raise
        finally:
            if trace is not None:
                trace.end(where, started_ns, repr(error) if error else "")
    except BaseException as error:
        _roll_back(connection, error)
        raise
    done = _Done(value, txn.callbacks)
    started_ns = time.perf_counter_ns()
    try:
        said = _commit(connection)
    except Broken as error:
        raise _Unknown(begun, done) from error
    if said != "COMMIT":
        raise RuntimeError("A unit kept an error of the database for itself: nothing was written.")
    if trace is not None:
        trace.end(_COMMIT, started_ns, f"transaction {begun.id}")
    return done


def _begin(connection: PostgresConnection) -> _Begun:
    """Begin, and what tells the transaction from all others: in one round trip."""
    cursor = connection.raw.cursor()
    cursor.execute(_BEGIN, prepare=False)
    cursor.nextset()
    row = cursor.fetchone()
    assert row is not None
    return _Begun(*row)


def _commit(connection: PostgresConnection) -> str | None:
    """What the server says to a COMMIT. Raises :class:`Broken` if nothing certain.

    That is also a warning: the wait for the standby was ended, and a server that takes over may lack it.
    """
    warnings: list[psycopg.errors.Diagnostic] = []
    connection.raw.add_notice_handler(warnings.append)
    try:
        said = connection.raw.execute(b"COMMIT").statusmessage
    except psycopg.Error as error:
        if _is_gone(connection, error):
            raise Broken from error
        raise
    finally:
        connection.raw.remove_notice_handler(warnings.append)
    if warnings:
        raise Broken(warnings[0].message_primary)
    return said


def _query_at_once(
    connection: PostgresConnection, query: Callable[[Txn, *A], T], *arguments: *A
) -> T:
    """Run a ``query`` of one statement. Raises as :func:`_query`, and :class:`_NeedsTransaction`."""
    try:
        return query(Txn(_OneStatement(connection), "postgresql"), *arguments)
    except psycopg.Error as error:
        if _is_gone(connection, error):
            raise Broken from error
        raise


def _query(connection: PostgresConnection, query: Callable[[Txn], T]) -> T:
    """Run ``query`` on one state. Raises what it raises, or :class:`Broken`."""
    try:
        connection.raw.execute(_BEGIN_QUERY)
        result = query(Txn(connection, "postgresql"))
        connection.raw.execute(b"COMMIT")
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.raw.pgconn.exec_(b"ROLLBACK")  # The query's defect: the server is none.
        raise
    except BaseException as error:
        _roll_back(connection, error)
        raise
    return result


def _run(
    connection: PostgresConnection, statement: str, parameters: dict[str, object]
) -> list[tuple[object, ...]]:
    try:
        return connection.execute(statement, parameters).fetchall()
    except psycopg.OperationalError as error:
        if _is_gone(connection, error):
            raise Broken from error
        raise


def _roll_back(connection: PostgresConnection, cause: BaseException) -> None:
    """End what there may be of the transaction. Raises :class:`Broken` if the connection is of no use."""
    if isinstance(cause, psycopg.Error) and _is_gone(connection, cause):
        raise Broken from cause
    if connection.in_transaction:
        # Past psycopg, which at this word has the server forget every statement that it keeps prepared.
        connection.raw.pgconn.exec_(b"ROLLBACK")
        if connection.in_transaction or connection.raw.closed:
            raise Broken from cause


def _is_gone(connection: PostgresConnection, error: psycopg.Error) -> bool:
    """Whether another connection is needed, and not another try."""
    return connection.raw.closed or (error.sqlstate or "").startswith(_SERVER_GONE)


# A server that crashed, or took over from another one, gives the ids that it never heard of to others. It
# knows those of which it has read a line.
_STATUS: Final = """
SELECT CASE
    WHEN r.lsn IS DISTINCT FROM CAST(:replayed AS pg_lsn) AND r.lsn < CAST(:mark AS pg_lsn) THEN 'aborted'
    ELSE pg_xact_status(CAST(:id AS xid8)) END
FROM (SELECT pg_last_wal_replay_lsn() AS lsn) r
"""


def _status(connection: PostgresConnection, begun: _Begun) -> str | None:
    """``committed``, ``aborted``, or anything else as long as that is open.

    Asked in a transaction of its own that is committed: where commits wait for a standby, it then has all
    that came before. A standby has not heard of everything, and cannot begin one.
    """
    try:
        _begin(connection)
        ((status,),) = _run(connection, _STATUS, structs.asdict(begun))
        _commit(connection)
    except psycopg.errors.InvalidParameterValue as error:
        _roll_back(connection, error)
        return "aborted"  # "in the future": the server never heard of it.
    except BaseException as error:
        _roll_back(connection, error)
        raise
    return None if status is None else str(status)


def _tries_of(error: psycopg.Error) -> int:
    """How often a unit is run that ends with ``error``."""
    code = error.sqlstate or ""
    if code in _IN_THE_WAY:
        return TRIES
    return STALE_TRIES if code.startswith(_STALE) else 1


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(
        "The database cannot be used at the moment; nothing was changed.",
        detail=repr(error.__cause__ or error),
        retry_after_seconds=2,
    )


_COMMIT: Final = place(_transact, name="COMMIT")
