"""The number by which caches of identity know that what they hold may have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple

from pumice.store import generations
from pumice.store.contract import Store
from pumice.store.txn import Txn

T = TypeVar("T")
A = TypeVarTuple("A")


class SharedGeneration:
    """The number in a store that other processes write to as well; used on one event loop."""

    __slots__ = ("_next", "_reading", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None

    async def current(self) -> int:
        """The changes that were committed before this was called, and perhaps later ones.

        Who asks while a read is under way gets the next one, with all others who ask meanwhile: the first
        may have begun before a change that is already acknowledged. Raises
        :class:`pumice.errors.Unavailable`.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._read(self._reading))
            self._next.add_done_callback(_look_at)
        return await asyncio.shield(self._next)

    async def _read(self, before: asyncio.Task[int] | None) -> int:
        if before is not None:
            await asyncio.wait([before])
        self._reading, self._next = self._next, None
        return await self._store.read(generations.identity)


def _look_at(task: asyncio.Task[int]) -> None:
    """Those who waited may all have left: then nobody else asks what became of the read."""
    if not task.cancelled():
        task.exception()


class Generation:
    """How many changes of identity there were.

    Each unit that writes a domain, project, user, group, role, assignment, region, service, endpoint,
    token key or revocation is run as :meth:`ending` makes it: the change holds from the next request on,
    in every process.
    """

    __slots__ = ("_shared", "_value")

    def __init__(self, shared: SharedGeneration | None = None) -> None:
        """``shared`` is where other processes may change identity, too; None if nobody else does."""
        self._shared = shared
        self._value = 0

    async def current(self) -> int:
        """The changes so far. What is read from the store after this may be kept under this number.

        One process alone counts in memory. Several ask the store at each request: whom one of them has
        told that a token is void, the next one must refuse. Raises :class:`pumice.errors.Unavailable`.
        """
        if self._shared is None:
            return self._value
        return await self._shared.current()

    def bump(self) -> None:
        """Make everything that this process has cached so far invalid."""
        self._value += 1

    def ending(self, unit: Callable[[Txn, *A], T]) -> Callable[[Txn, *A], T]:
        """``unit``, which makes everything cached so far invalid as soon as it is committed.

        Its first statement raises the number in the store. On PostgreSQL the lock on that row puts the
        units of identity of all processes in a line, and each statement after it sees what the one before
        has committed. So none decides on rows that another is just changing, although READ COMMITTED alone
        would let it.
        """

        @wraps(unit)
        def changing(txn: Txn, *arguments: *A) -> T:
            generations.raise_identity(txn)
            result = unit(txn, *arguments)
            txn.after_commit(self.bump)
            return result

        return changing
