"""What SQLite would do for a query, and how many steps it makes: figures that no busy machine changes."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import Final

from pumice.store.txn import Txn

Query = Callable[[Txn], object]

# Whole indexes that are read in the order of the answer up to its limit, or that hold only the few
# rows in question; and what a statement has made itself.
_GOOD_SCANS: Final = re.compile(
    r"SCAN (v USING INDEX volumes_created"
    r"|operations USING INDEX sqlite_autoindex_operations_1"
    r"|operations USING INDEX operations_unfinished"
    r"|few|owners|hosts|\(subquery-\d+\)"
    r")"
)


def bad_scans(plan: list[str]) -> list[str]:
    """The lines of ``plan`` that read a whole table or index."""
    return [line for line in plan if line.startswith("SCAN") and not _GOOD_SCANS.fullmatch(line)]


def steps(connection: sqlite3.Connection, query: Query) -> int:
    """How many steps SQLite's machine makes for ``query``."""
    made = 0

    def count() -> int:
        nonlocal made
        made += 1
        return 0

    connection.execute("SAVEPOINT once")
    connection.set_progress_handler(count, 1)
    try:
        query(Txn(connection))
    finally:
        connection.set_progress_handler(None, 1)
        connection.execute("ROLLBACK TO once")
        connection.execute("RELEASE once")
    return made


def plan_of(connection: sqlite3.Connection, query: Query) -> list[str]:
    """How SQLite would go about the statements of ``query``."""
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    query(Txn(connection))
    connection.set_trace_callback(None)
    return [
        detail
        for statement in statements
        for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
