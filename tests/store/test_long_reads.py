"""Reads that turn out long: they leave the event loop, and they end."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from pumice.errors import Unavailable
from pumice.store import long_reads
from pumice.store.long_reads import LongReads
from pumice.store.sqlite import LOOK_STEPS, READ_NS_MAX, SqliteStore
from pumice.store.txn import Txn
from pumice.threads import ThreadExecutor

COUNT: Final = """
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :end) SELECT count(*) FROM n
"""
FOR_EVER: Final = 10**12


def count_to(txn: Txn, end: int) -> tuple[int, int]:
    """A read of so many rows: their number, and the thread that counted them."""
    row = txn.one(COUNT, {"end": end})
    assert row is not None
    return row[0], threading.get_ident()


@pytest.fixture
def executor() -> Iterator[ThreadExecutor]:
    """Real threads, idle at the end."""
    threads = ThreadExecutor(idle_seconds=0)
    yield threads
    threads.shutdown()


@pytest.fixture
def impatient(path: Path, executor: ThreadExecutor) -> Iterator[SqliteStore]:
    """A store by whose clock a read is long at the first look, after ``LOOK_STEPS`` steps."""
    ticks = itertools.count(step=READ_NS_MAX + 1)
    reads = LongReads(path, executor, time.monotonic_ns)
    with closing(SqliteStore(path, clock_ns=lambda: next(ticks), long_reads=reads)) as store:
        yield store


async def test_a_short_read_runs_in_place(impatient: SqliteStore) -> None:
    assert await impatient.read(count_to, 10) == (10, threading.get_ident())


async def test_a_long_read_runs_in_a_thread(impatient: SqliteStore) -> None:
    counted, thread = await impatient.read(count_to, LOOK_STEPS)
    assert counted == LOOK_STEPS
    assert thread != threading.get_ident()


async def test_a_long_read_sees_what_is_committed(impatient: SqliteStore) -> None:
    def add_region(txn: Txn) -> None:
        txn.change("INSERT INTO regions (id, description) VALUES ('r', '')", {})

    def regions(txn: Txn) -> list[tuple[str]]:
        count_to(txn, LOOK_STEPS)
        return txn.all("SELECT id FROM regions")

    await impatient.write(add_region)
    assert await impatient.read(regions) == [("r",)]


async def test_a_write_is_never_too_long(impatient: SqliteStore) -> None:
    assert await impatient.write(count_to, 10 * LOOK_STEPS) == (
        10 * LOOK_STEPS,
        threading.get_ident(),
    )


async def test_everybody_else_is_served_meanwhile(path: Path, executor: ThreadExecutor) -> None:
    reads = LongReads(path, executor, time.monotonic_ns)
    with closing(SqliteStore(path, long_reads=reads)) as store:
        long = asyncio.create_task(store.read(count_to, FOR_EVER))
        for number in range(5):
            assert (await store.read(count_to, number + 1))[0] == number + 1
            await store.write(count_to, 1)
        assert not long.done()
        await ended(long)


async def test_what_fails_fails_as_it_did(impatient: SqliteStore) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await impatient.read(lambda txn: txn.all("SELECT 1 FROM nowhere"))

    def fails_late(txn: Txn) -> None:
        count_to(txn, LOOK_STEPS)
        raise LookupError

    with pytest.raises(LookupError):
        await impatient.read(fails_late)


async def test_a_read_ends_when_its_time_is_over(path: Path, executor: ThreadExecutor) -> None:
    reads = LongReads(path, executor, time.monotonic_ns, seconds_max=0.01)
    with pytest.raises(Unavailable, match="takes too long"):
        await reads.read(count_to, FOR_EVER)


async def test_a_read_ends_when_nobody_waits_for_it(path: Path, executor: ThreadExecutor) -> None:
    outcome: list[sqlite3.OperationalError] = []
    is_over = threading.Event()

    def counting(txn: Txn) -> None:
        try:
            count_to(txn, FOR_EVER)
        except sqlite3.OperationalError as error:
            outcome.append(error)
            raise
        finally:
            is_over.set()

    task = asyncio.create_task(LongReads(path, executor, time.monotonic_ns).read(counting))
    await asyncio.sleep(0)
    await ended(task)
    assert await asyncio.to_thread(is_over.wait, 10)
    assert [error.sqlite_errorcode for error in outcome] == [sqlite3.SQLITE_INTERRUPT]


async def test_few_run_and_not_many_wait(path: Path, executor: ThreadExecutor) -> None:
    reads = LongReads(path, executor, time.monotonic_ns)
    began = threading.Semaphore(0)

    def counting(txn: Txn) -> None:
        began.release()
        count_to(txn, FOR_EVER)

    tasks = [asyncio.create_task(reads.read(counting)) for _ in range(long_reads.UNFINISHED_MAX)]
    for _ in range(long_reads.AT_ONCE):
        assert await asyncio.to_thread(began.acquire, timeout=10)
    assert not await asyncio.to_thread(began.acquire, timeout=0.01)
    with pytest.raises(Unavailable, match="Too many"):
        await reads.read(count_to, 1)
    for task in tasks:
        await ended(task)
    assert (await reads.read(count_to, 7))[0] == 7


async def ended(task: asyncio.Task[object]) -> None:
    """Cancel ``task`` and wait for that."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
