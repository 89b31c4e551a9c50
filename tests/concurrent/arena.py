"""Two processes on one PostgreSQL, for units that meet: each runs its own when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

import psycopg

from pumice.errors import PumiceError
from pumice.services.generation import Generation
from pumice.services.idempotency import Answered
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.txn import Txn

Unit = Callable[[Txn], Any]

WAIT_SECONDS: Final = 30
RUNS: Final = 5
_STALE: Final = (psycopg.IntegrityError, psycopg.OperationalError)
_IS_WAITING: Final = "SELECT cardinality(pg_blocking_pids($1::int)) > 0"


class Side:
    """One process: a connection, and what came of its unit. A unit whose rows were stale runs again."""

    def __init__(self, url: str) -> None:
        self.raw = psycopg.connect(url, autocommit=True)
        self._connection = PostgresConnection(self.raw)
        self.outcome: Any = None

    def begin(self, unit: Unit) -> None:
        """Run the unit without its commit; what it refuses is its outcome."""
        for _ in range(RUNS):
            self._connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            try:
                self.outcome = unit(Txn(self._connection, "postgresql"))
            except (PumiceError, Answered, psycopg.Error) as error:
                self.outcome = error
                self._connection.execute("ROLLBACK")
            if not isinstance(self.outcome, _STALE):
                break

    def commit(self) -> None:
        """End what :meth:`begin` left open."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def run(self, unit: Unit) -> Any:
        """The unit, committed; its outcome."""
        self.begin(unit)
        self.commit()
        return self.outcome


class Arena:
    """A database and two processes on it."""

    def __init__(self, url: str) -> None:
        with ExitStack() as stack:
            self.first, self.second, self._watcher = (Side(url) for _ in range(3))
            for side in (self.first, self.second, self._watcher):
                stack.callback(side.raw.close)
            self.close = stack.pop_all().close

    def do(self, unit: Unit) -> Any:
        """One unit with nobody beside it, which must not refuse."""
        outcome = self._watcher.run(unit)
        assert not isinstance(outcome, Exception), outcome
        return outcome

    def race(self, first: Unit, second: Unit) -> tuple[Any, Any]:
        """The outcomes of two units, of which the second begins before the first is committed."""
        self.first.begin(first)
        beside = threading.Thread(target=self.second.run, args=(second,))
        beside.start()
        self.await_second(beside)
        self.first.commit()
        beside.join(WAIT_SECONDS)
        assert not beside.is_alive(), "the second waits for nobody"
        return self.first.outcome, self.second.outcome

    def await_second(self, beside: threading.Thread) -> None:
        """Wait until the second, which runs in ``beside``, waits for a lock or has ended."""
        while beside.is_alive() and not self._is_waiting():
            beside.join(0.002)

    def _is_waiting(self) -> bool:
        row = self._watcher.raw.execute(_IS_WAITING, (self.second.raw.info.backend_pid,)).fetchone()
        return row is not None and bool(row[0])


def identity(unit: Callable[..., Any], *arguments: Any) -> Unit:
    """A unit of identity, as every process runs it."""
    return lambda txn: Generation().ending(unit)(txn, *arguments)


def plain(unit: Callable[..., Any], *arguments: Any) -> Unit:
    return lambda txn: unit(txn, *arguments)
