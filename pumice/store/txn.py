"""A transaction as units see it: statements in, rows out, and what shall happen after the commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, Protocol

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]
Engine = Literal["sqlite", "postgresql"]


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """Every row that is left."""


class Connection(Protocol):
    """A connection to either database, with statements in SQLite's form: parameters are ``:name``."""

    @property
    def in_transaction(self) -> bool:
        """Whether there is still a transaction that could be committed or rolled back."""

    def execute(self, sql: str, parameters: Parameters = ..., /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: str, parameters: Sequence[Parameters], /) -> Cursor:
        """Run one statement for each of ``parameters``."""


class Txn:
    """One unit's view of one transaction.

    A unit touches nothing but its ``Txn`` and may be run again, so everything that must happen once (a
    hint, a cache's invalidation) is registered with :meth:`after_commit`.
    """

    __slots__ = ("_connection", "callbacks", "engine")

    def __init__(self, connection: Connection, engine: Engine = "sqlite") -> None:
        self._connection = connection
        self.engine: Final = engine
        """Which database it is, for the few statements that stand twice."""
        self.callbacks: list[Callable[[], None]] = []

    def one(self, sql: str, parameters: Parameters = {}) -> Row | None:  # noqa: B006 - read only
        """The first row, or None."""
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Parameters = {}) -> list[Row]:  # noqa: B006 - read only
        """Every row."""
        return self._connection.execute(sql, parameters).fetchall()

    def change(self, sql: str, parameters: Parameters) -> int:
        """Run an INSERT, UPDATE or DELETE; the number of rows it changed."""
        return self._connection.execute(sql, parameters).rowcount

    def change_many(self, sql: str, parameters: Sequence[Parameters]) -> int:
        """The same statement for each of ``parameters``; the number of rows changed by all of them."""
        return self._connection.executemany(sql, parameters).rowcount if parameters else 0

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is written inside counts only if the block ends without an exception."""
        before = len(self.callbacks)
        self._connection.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            # A full disk rolls the whole transaction back; then there is no savepoint to return to.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO step")
                self._connection.execute("RELEASE step")
            del self.callbacks[before:]
            raise
        self._connection.execute("RELEASE step")

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once, after this transaction's commit is on disk and before the answer leaves."""
        self.callbacks.append(callback)
