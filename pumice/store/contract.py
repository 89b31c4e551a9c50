"""What a store is, whichever database keeps the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

from pumice.store.txn import Txn
from pumice.trace import Trace

T = TypeVar("T")
A = TypeVarTuple("A")


class Store(Protocol):
    """Runs units and queries. Used on the event loop that it belongs to."""

    @property
    def commits(self) -> int:
        """Commits of this process so far: what one request costs is this number's change."""

    async def write(
        self, unit: Callable[[Txn, *A], T], *arguments: *A, trace: Trace | None = None
    ) -> T:
        """Run ``unit(txn, *arguments)`` in a transaction; its result, once the commit is on disk.

        Raises what the unit raised, or :class:`pumice.errors.Unavailable` if it cannot be written now. The
        unit may run more than once, but only one run ever counts; for a caller that was cancelled it runs
        whole or not at all. Its way is recorded in ``trace``.
        """

    async def write_upkeep(self, unit: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """As :meth:`write`, but behind none of its callers: a process with too much to do still lives."""

    async def read(self, query: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """Run ``query(txn, *arguments)`` on one committed state; it must not write, and may run twice.

        Raises what the query raised, or :class:`pumice.errors.Unavailable`.
        """

    def close(self) -> None:
        """Write what is queued, then let go of the database. Closing twice is allowed."""
