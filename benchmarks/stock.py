"""Rows written into the database of a stopped Pumice, by the million: the same on both stores."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg
from psycopg import sql

_SQLITE_INDEXES: Final = """
SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
AND tbl_name IN ('volumes', 'volume_metadata')
"""
# What stands behind a constraint stays.
_POSTGRESQL_INDEXES: Final = """
SELECT i.indexname, i.indexdef FROM pg_indexes i
WHERE i.schemaname = current_schema() AND i.tablename IN ('volumes', 'volume_metadata')
AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)
"""


class Rows(Protocol):
    """One transaction on a database that nobody serves."""

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement gives."""

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Add rows to a table."""


class Place(Protocol):
    """Where the rows of a cloud are."""

    @property
    def url(self) -> str | None:
        """What Pumice is told; None for SQLite."""

    def opened(self) -> AbstractContextManager[Rows]:
        """One transaction, with the indexes of the volumes put aside; they are made anew at its end."""

    def size_mib(self) -> float:
        """How large the database is."""


class SqliteRows:
    """Rows of SQLite."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """See :class:`Rows`."""
        return self._connection.execute(statement).fetchall()

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """See :class:`Rows`."""
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names are constants of this program, values are parameters
        self._connection.executemany(statement, rows)


class SqlitePlace:
    """The database of a state directory."""

    url: Final = None

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def opened(self) -> Iterator[SqliteRows]:
        """See :class:`Place`."""
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -262144")
            indexes = connection.execute(_SQLITE_INDEXES).fetchall()
            connection.execute("BEGIN")
            for name, _ in indexes:
                connection.execute(f"DROP INDEX {name}")
            yield SqliteRows(connection)
            for _, definition in indexes:
                connection.execute(definition)
            connection.execute("COMMIT")
        finally:
            connection.close()

    def size_mib(self) -> float:
        """See :class:`Place`."""
        return self._path.stat().st_size / 2**20


class PostgresqlRows:
    """Rows of PostgreSQL."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """See :class:`Rows`."""
        cursor = self._connection.execute(sql.SQL(statement))
        return cursor.fetchall() if cursor.description else []

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """See :class:`Rows`."""
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with self._connection.cursor() as cursor, cursor.copy(command) as sink:
            for row in rows:
                sink.write_row(row)


class PostgresqlPlace:
    """A database of a PostgreSQL server."""

    def __init__(self, url: str) -> None:
        self.url: Final = url

    @contextmanager
    def opened(self) -> Iterator[PostgresqlRows]:
        """See :class:`Place`; afterwards the planner knows what is there."""
        with psycopg.connect(self.url) as connection:
            rows = PostgresqlRows(connection)
            indexes = rows.run(_POSTGRESQL_INDEXES)
            for name, _ in indexes:
                rows.run(f"DROP INDEX {name}")
            yield rows
            for _, definition in indexes:
                rows.run(definition)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def size_mib(self) -> float:
        """See :class:`Place`."""
        with psycopg.connect(self.url) as connection:
            rows = PostgresqlRows(connection).run("SELECT pg_database_size(current_database())")
        return int(rows[0][0]) / 2**20
