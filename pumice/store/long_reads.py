"""Reads that turned out to be long: each in a thread, on a connection of its own.

The event loop serves everybody else meanwhile. They are bounded: in time, in how many run at once, and in
how many wait for that.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple

from pumice.errors import Unavailable
from pumice.store.sqlite import snapshot
from pumice.store.txn import Txn
from pumice.threads import Executor

T = TypeVar("T")
A = TypeVarTuple("A")

AT_ONCE: Final = 2
"""More would only take turns at the disk, and at the processor that the event loop needs."""
UNFINISHED_MAX: Final = 64
SECONDS_MAX: Final = 30.0
"""To look at each of a million volumes takes about a second; meanwhile the write-ahead log only grows."""


class LongReads:
    """Reads of one database in threads."""

    def __init__(
        self,
        path: Path,
        executor: Executor,
        monotonic_ns: Callable[[], int],
        *,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        """``path`` is the database, ``executor`` has the threads, and ``monotonic_ns`` the time."""
        self._path = path
        self._executor = executor
        self._monotonic_ns = monotonic_ns
        self._ns_max = int(seconds_max * 1e9)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._unfinished = 0

    async def read(self, query: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """``query(txn, *arguments)`` on what is committed when its turn comes.

        It is stopped when the caller is cancelled. Raises :class:`Unavailable` if too many wait, or if
        it takes too long.
        """
        if self._unfinished >= UNFINISHED_MAX:
            raise Unavailable("Too many long lists are being read; try again.")
        self._unfinished += 1
        given_up = threading.Event()
        try:
            async with self._turns:
                return await self._executor.submit(
                    lambda: self._run(lambda txn: query(txn, *arguments), given_up)
                )
        finally:
            given_up.set()
            self._unfinished -= 1

    def _run(self, query: Callable[[Txn], T], given_up: threading.Event) -> T:
        until_ns = self._monotonic_ns() + self._ns_max

        def must_stop() -> bool:
            return given_up.is_set() or self._monotonic_ns() > until_ns

        try:
            with snapshot(self._path, must_stop) as txn:
                return query(txn)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise Unavailable("The list takes too long; ask for less of it.") from error
