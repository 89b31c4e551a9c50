"""The store on SQLite: one connection, a writer on the event loop, group commit.

``write(unit, ...)`` queues a unit. Each turn of the writer takes the queued units (bounded in number
and time), runs each in a savepoint, commits once, and only then answers all of them, refusals
included: they were decided on rows that were not yet committed. The rules, each with a test in
``tests/store/test_group_commit.py`` or ``tests/store/test_lost_batches.py``:

- No answer leaves before the COMMIT. If COMMIT fails, nothing of the batch counts.
- A full disk or an I/O error makes SQLite roll the whole transaction back, not just the statement.
  Then nothing of the batch counts, and each of its units is run again alone; one that is lost alone
  is answered :class:`Unavailable`.
- A unit that fails by itself, by whatever error, takes nobody with it and is not run again.
- A transaction that cannot begin (a stranger holds the lock) runs nothing: all are ``Unavailable``.
- Reads run in place. They see what is committed: no turn is left half done on the loop. One that turns
  out long is stopped, and begun again in a thread (:mod:`pumice.store.long_reads`).

Why not a writer thread: it starves behind a busy event loop (docs/decisions/0001).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, TypeVarTuple

from pumice.errors import Unavailable
from pumice.store.txn import Txn
from pumice.trace import Place, Trace, place

if TYPE_CHECKING:
    from pumice.store.long_reads import LongReads

T = TypeVar("T")
A = TypeVarTuple("A")

QUEUE_MAX: Final = 4096
BATCH_UNITS_MAX: Final = 64
BATCH_NS_MAX: Final = 10_000_000
READ_NS_MAX: Final = 10_000_000
"""How long a read may hold the event loop, if there is a thread to begin it again in."""
LOOK_STEPS: Final = 10_000
"""After how many steps of SQLite's machine a reader looks at the clock: each 0.2 to 0.5 ms."""
CACHE_KIB: Final = 16 * 1024
WRITER_BUSY_MS: Final = 100
"""How long a turn waits for a stranger's lock; the event loop stands still meanwhile."""
BUSY_MS: Final = 5000
"""How long anybody else waits, and the writer while it opens the file."""
CHECKPOINT_PAGES: Final = 1000
"""After how many pages a COMMIT copies the log into the database, on the event loop: the longest turn
of 5,000 creates by 16 clients was 5 ms with 1000 and 9 ms with 4000, at the same rate (quiet machine).
"""
LOG_BYTES_MAX: Final = 64 * 1024 * 1024
"""A log that grew beyond this (a reader held it up) is cut when it begins anew."""

# The machine's fault and not the statement's: sqlite.org/rescode.html, primary codes.
_LOSSES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)

log = logging.getLogger(__name__)


class _Job(Generic[T]):
    """A queued unit: what to run, what came of it, and whom to answer."""

    __slots__ = ("alone", "callbacks", "error", "future", "run", "trace", "value", "where")

    def __init__(
        self,
        run: Callable[[Txn], T],
        future: asyncio.Future[T],
        where: Place,
        trace: Trace | None,
    ) -> None:
        self.run = run
        self.future = future
        self.where = where
        self.trace = trace
        self.alone = False
        """It was lost with others once, and is tried in a batch of its own."""
        self.value: T | None = None
        self.error: BaseException | None = None
        self.callbacks: list[Callable[[], None]] = []

    def answer(self) -> None:
        """Run the callbacks and wake the caller: the commit is on disk."""
        for callback in self.callbacks:
            try:
                callback()
            except Exception:
                # The commit stands: a failing hint or cache must not turn it into an error.
                log.exception("A callback after a commit failed")
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)  # type: ignore[arg-type]  # a T by now; None may be one
        elif isinstance(self.error, StopIteration):
            # A future refuses this one, as a coroutine does (PEP 479).
            self.future.set_exception(RuntimeError("A unit raised StopIteration"))
        else:
            self.future.set_exception(self.error)

    def refuse(self, error: BaseException) -> None:
        """Tell the caller that nothing was written, and whether trying again may help."""
        if _is_loss(error):
            unavailable = Unavailable(
                "The database cannot write at the moment; nothing was changed.",
                detail=repr(error),
                retry_after_seconds=5,
            )
            unavailable.__cause__ = error
            error = unavailable
        self.error = error
        self.callbacks = []
        self.answer()


class _BatchLost(Exception):
    """The transaction is gone and nothing of it counts; the cause says why."""


class SqliteStore:
    """One database file, served by one process at a time (the state directory's lock sees to it)."""

    def __init__(
        self,
        path: Path,
        *,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        long_reads: LongReads | None = None,
    ) -> None:
        """Open the existing database at ``path``. Raises :class:`sqlite3.Error` if it is none.

        ``clock_ns`` bounds a batch in time; a simulation gives its own, so that batches repeat. Without
        ``long_reads`` a read takes the time that it takes.
        """
        self.path = path
        self._clock_ns = clock_ns
        self._long_reads = long_reads
        self._read_until_ns: int | None = None
        self._connection = connect(path)
        if long_reads is not None:
            self._connection.set_progress_handler(self._is_long, LOOK_STEPS)
        self._connection.execute(f"PRAGMA busy_timeout = {WRITER_BUSY_MS}")
        self._queue: deque[_Job[Any]] = deque()
        self._scheduled = False
        self._closed = False
        self.commits = 0
        """Commits so far: what one request costs is this number's change."""

    async def write_upkeep(self, unit: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """As :meth:`write`: all that waits is committed together."""
        return await self.write(unit, *arguments)

    async def write(
        self, unit: Callable[[Txn, *A], T], *arguments: *A, trace: Trace | None = None
    ) -> T:
        """Run ``unit(txn, *arguments)`` in a transaction; its result, once the commit is on disk.

        Raises what the unit raised, or :class:`Unavailable` if the queue or the disk is full. The unit
        may run more than once, but only one run ever counts; for a caller that was cancelled it runs
        whole or not at all. Its way is recorded in ``trace``.
        """
        if self._closed:
            raise Unavailable("The database is closed.")
        if len(self._queue) >= QUEUE_MAX:
            raise Unavailable("The database has too much to write; try again.")
        loop = asyncio.get_running_loop()
        job: _Job[T] = _Job(
            lambda txn: unit(txn, *arguments), loop.create_future(), place(unit), trace
        )
        self._queue.append(job)
        self._schedule(loop)
        return await job.future

    async def read(self, query: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """Run ``query(txn, *arguments)`` on what is committed; it must not write, and may run twice.

        Raises what the query raised, or :class:`Unavailable` if it is too long even for a thread.
        """
        if self._long_reads is None:
            return query(Txn(self._connection), *arguments)
        self._read_until_ns = self._clock_ns() + READ_NS_MAX
        try:
            return query(Txn(self._connection), *arguments)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
        finally:
            self._read_until_ns = None
        return await self._long_reads.read(query, *arguments)

    def _is_long(self) -> bool:
        """Whether what SQLite does at the moment is a read that shall go on elsewhere."""
        return self._read_until_ns is not None and self._clock_ns() > self._read_until_ns

    def close(self) -> None:
        """Write what is queued, then close the file. Closing twice is allowed."""
        self._closed = True
        while self._queue:
            self._write(self._take())
        self._connection.close()

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to it that what is queued has a turn."""
        if self._queue and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._turn)

    def _turn(self) -> None:
        """One batch: run, commit, answer. What does not fit waits for the loop's next turn."""
        self._scheduled = False
        try:
            self._write(self._take())
        finally:
            self._schedule(asyncio.get_running_loop())

    def _take(self) -> list[_Job[Any]]:
        """The next jobs whose callers still wait: a client that went away early costs nothing."""
        jobs: list[_Job[Any]] = []
        while self._queue and len(jobs) < BATCH_UNITS_MAX:
            if jobs and (jobs[-1].alone or self._queue[0].alone):
                break
            job = self._queue.popleft()
            if not job.future.done():
                jobs.append(job)
        return jobs

    def _write(self, jobs: list[_Job[Any]]) -> None:
        """Commit ``jobs`` together and answer them; if the batch is lost, queue each of them alone."""
        try:
            if jobs and self._begin(jobs):
                self._commit(jobs)
                for job in jobs:
                    job.answer()
        except _BatchLost as lost:
            self._write_again(jobs, lost.__cause__ or lost)
        except BaseException as error:
            # A defect here: still, nobody waits for ever, and nobody is told what does not hold.
            self._roll_back()
            for job in jobs:
                job.refuse(error)
            raise

    def _begin(self, jobs: list[_Job[Any]]) -> bool:
        """Begin the transaction of ``jobs``; False if that failed, and their callers were told."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # Trying them one by one would only wait for the same lock again and again.
            log.warning("Units that were not run: %d: %r", len(jobs), error)
            for job in jobs:
                job.refuse(error)
            return False
        return True

    def _write_again(self, jobs: list[_Job[Any]], cause: BaseException) -> None:
        """Each of ``jobs`` alone, after they were lost together; one that was alone is refused."""
        log.warning("A batch was rolled back, units: %d: %r", len(jobs), cause)
        if len(jobs) == 1:
            jobs[0].refuse(cause)
            return
        for job in jobs:
            job.alone = True
        self._put_back(jobs)

    def _put_back(self, jobs: list[_Job[Any]]) -> None:
        """``jobs`` go first in the next turn, in their order."""
        self._queue.extendleft(reversed(jobs))

    def _commit(self, jobs: list[_Job[Any]]) -> None:
        """Run ``jobs`` and commit them; those that the time does not allow go back to the queue.

        Raises :class:`_BatchLost` if none of them counts.
        """
        stop_ns = self._clock_ns() + BATCH_NS_MAX
        for index, job in enumerate(jobs):
            self._run(job)
            if self._clock_ns() > stop_ns:
                self._put_back(jobs[index + 1 :])
                del jobs[index + 1 :]
                break
        started_ns = time.perf_counter_ns()
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._lost() from error
        self.commits += 1
        note = f"commit {self.commits}, {len(jobs)} in the batch"
        for job in jobs:
            if job.trace is not None:
                job.trace.end(_COMMIT, started_ns, note)

    def _run(self, job: _Job[Any]) -> None:
        """One unit in its savepoint. Raises :class:`_BatchLost`."""
        started_ns = time.perf_counter_ns()
        try:
            self._connection.execute("SAVEPOINT unit")
            self._run_unit(job)
            # Fails if the transaction is gone, even if the unit kept that for itself.
            self._connection.execute("RELEASE unit")
        except sqlite3.Error as error:
            raise self._lost() from error
        if job.trace is not None:
            job.trace.end(job.where, started_ns, repr(job.error) if job.error else "")

    def _run_unit(self, job: _Job[Any]) -> None:
        """The unit's own error is its answer, and its changes are undone.

        Raises :class:`_BatchLost` if the error is the machine's.
        """
        txn = Txn(self._connection)
        job.value, job.error, job.callbacks = None, None, []
        try:
            job.value = job.run(txn)
            job.callbacks = txn.callbacks
        except BaseException as error:
            if _is_loss(error) or not self._connection.in_transaction:
                raise self._lost() from error
            job.error = error
            self._connection.execute("ROLLBACK TO unit")

    def _lost(self) -> _BatchLost:
        """The exception that says that nothing of the transaction counts; makes it so."""
        self._roll_back()
        return _BatchLost()

    def _roll_back(self) -> None:
        """End what SQLite may have left of the transaction."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


_COMMIT: Final = place(SqliteStore._commit, name="COMMIT")  # noqa: SLF001 - the recorder's own place


def _is_loss(error: BaseException) -> bool:
    """Whether the machine failed (full, I/O, locked) and not the statement: a repeat may succeed."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF in _LOSSES  # The rest of the code is detail.


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to the database at ``path``: WAL, every commit flushed to disk, foreign keys checked.

    ``read_only`` is for a second reader, such as ``pumice db check`` beside a running server.
    """
    mode = "ro" if read_only else "rw"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        cached_statements=512,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES_MAX}")
        # What a savepoint needs to go back is otherwise written to a file in /var/tmp once it exceeds
        # 64 KiB, as it does in most batches: 0.2 ms of CPU for each volume, and a full disk more.
        connection.execute("PRAGMA temp_store = MEMORY")
    return connection


@contextlib.contextmanager
def snapshot(path: Path, must_stop: Callable[[], bool] | None = None) -> Iterator[Txn]:
    """One state of the database at ``path`` to read from, also beside a server that writes to it.

    Keep it short: while it lasts, the server's write-ahead log only grows. Once ``must_stop`` says so, a
    statement is interrupted: :class:`sqlite3.OperationalError`, SQLITE_INTERRUPT.
    """
    with contextlib.closing(connect(path, read_only=True)) as connection:
        connection.set_progress_handler(must_stop, LOOK_STEPS)
        connection.execute("BEGIN")
        yield Txn(connection)
