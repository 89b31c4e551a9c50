"""Moves everything from a SQLite database to an empty one on PostgreSQL: all of it, or nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from pumice.errors import UsageError
from pumice.store import schema as sqlite_schema
from pumice.store.postgresql import schema
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.sqlite import connect
from pumice.store.txn import Txn

ROWS_AT_ONCE: Final = 1000
LOCK_WAIT: Final = "5s"

Progress = Callable[[int, int], None]
"""Told how many rows are copied, and of how many."""

_TABLE: Final = re.compile(r'^CREATE TABLE "?(\w+)"?', re.MULTILINE)
_OF_THE_SCHEMA: Final = frozenset({"alembic_version", "compatibility"})
"""Their rows tell of the schema, which both have."""
_SEEDED: Final = "generations"
"""A new database has its rows already, at zero."""


def copy(
    source: Path, url: str, finish: Callable[[Txn], None], progress: Progress
) -> dict[str, int]:
    """Copy ``source``, which nobody may serve, to the database ``url``; the number of rows by table.

    One transaction makes the schema, fills the tables, compares the numbers of their rows and runs
    ``finish`` on what is there then: whatever fails or ends on the way leaves nothing. Raises
    :class:`UsageError` for a source or a target of another schema, a target that has rows, and a text that
    PostgreSQL cannot keep, and :class:`pumice.errors.Unavailable` if the target cannot be used.
    """
    _require_newest(source)
    with (
        sqlite_schema.telling(f"The database {source} cannot be read"),
        closing(connect(source, read_only=True)) as old,
        schema.telling(url, "cannot be filled"),
        closing(schema.connect(url)) as new,
        new.transaction(),
    ):
        old.execute("BEGIN")
        tables = _prepare(new, url)
        counts = {table: _count_old(old, table) for table in tables}
        _copy_all(old, new, counts, progress)
        _compare(new, counts)
        finish(Txn(PostgresConnection(new), "postgresql"))
        new.execute("ANALYZE")  # Otherwise the first lists are planned as if there were nothing.
    return counts


def _require_newest(source: Path) -> None:
    found = sqlite_schema.revision(source)
    if found != sqlite_schema.HEAD:
        raise UsageError(
            f"The database {source} has schema {found}, but {sqlite_schema.HEAD} is needed: "
            "`pumice db upgrade` brings it there."
        )


def _prepare(new: psycopg.Connection[Any], url: str) -> list[str]:
    """Make the schema unless it is there, without a row; the tables to copy, in order of references."""
    new.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
    new.execute("SELECT pg_advisory_xact_lock(%s)", (schema.LOCK,))
    text = schema.SCHEMA_SQL.read_text(encoding="utf-8")
    tables = [name for name in _TABLE.findall(text) if name not in _OF_THE_SCHEMA]
    found = schema.stamp(new)
    if found is None:
        new.execute(text.encode())
    elif found.revision != sqlite_schema.HEAD:
        raise UsageError(f"{schema.described(url)} has schema {found.revision} already.")
    for table in tables:
        # Nobody, such as a server that just starts, adds a row after this.
        new.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
        if table != _SEEDED and _count_new(new, table):
            raise UsageError(
                f"{schema.described(url)} has rows already, in {table}; it must be empty."
            )
    new.execute("DELETE FROM generations")
    return tables


def _copy_all(
    old: sqlite3.Connection,
    new: psycopg.Connection[Any],
    counts: Mapping[str, int],
    progress: Progress,
) -> None:
    whole, done = sum(counts.values()), 0
    for table in counts:
        names = [row[1] for row in old.execute(f'PRAGMA table_info("{table}")')]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
        with new.cursor() as cursor, cursor.copy(statement) as sink:
            for rows in _rows(old, table, names):
                for row in rows:
                    try:
                        sink.write_row(row)
                    except psycopg.DataError as error:
                        raise _refused(table, names, row) from error
                done += len(rows)
                progress(done, whole)


def _rows(old: sqlite3.Connection, table: str, names: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of ``table``, a few at a time: they need not fit into memory."""
    columns = ", ".join(f'"{name}"' for name in names)
    with closing(old.execute(f'SELECT {columns} FROM "{table}"')) as found:
        while rows := found.fetchmany(ROWS_AT_ONCE):
            yield rows


def _refused(table: str, names: list[str], row: tuple[Any, ...]) -> UsageError:
    """What to tell of a row with a NUL in a text, which is all that PostgreSQL cannot keep."""
    where = ", ".join(
        name
        for name, value in zip(names, row, strict=True)
        if isinstance(value, str) and "\0" in value
    )
    return UsageError(
        f"The row {row[0]} of {table} has a NUL character in {where}, which PostgreSQL cannot keep: "
        "change or delete it, then copy again."
    )


def _compare(new: psycopg.Connection[Any], counts: Mapping[str, int]) -> None:
    for table, expected in counts.items():
        found = _count_new(new, table)
        if found != expected:
            raise UsageError(f"{table} has {expected} rows, but {found} were copied; none is kept.")


def _count_old(old: sqlite3.Connection, table: str) -> int:
    found: int = old.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
    return found


def _count_new(new: psycopg.Connection[Any], table: str) -> int:
    statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    return int(new.execute(statement).fetchall()[0][0])
