"""Writes down the schema that the migrations make, as ``schema.sql``: SQLite's and PostgreSQL's."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from pumice.store.migrations.migrate import migrate
from pumice.store.migrations.portable import for_postgresql
from pumice.store.schema import APPLICATION_ID, SCHEMA_SQL
from pumice.store.sqlite import connect

POSTGRESQL_SQL: Final = SCHEMA_SQL.parent / "postgresql" / "schema.sql"
"""Named here and not taken from beside it: who writes these files may have no psycopg."""

_HEADER: Final = """\
-- The schema of a new database, as the migrations make it. Do not edit: change the schema by a
-- migration, then write this file with `python -m pumice.store.migrations`.
"""

_PRAGMA: Final = f"\nPRAGMA application_id = {APPLICATION_ID};\n"

_OBJECTS: Final = """
SELECT tbl_name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL
ORDER BY tbl_name = 'alembic_version', rowid
"""
_NULLABLE: Final = """
SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
WHERE t.type = 'table' AND NOT c."notnull" AND NOT c.pk
"""
_REFERENCES: Final = re.compile(r"REFERENCES (\w+)")


class Schema(Struct, frozen=True):
    """What the migrations make: the text of each database's ``schema.sql``."""

    sqlite: str
    postgresql: str


class _Object(Struct, frozen=True):
    """A table, or an index of it."""

    table: str
    kind: str
    sql: str


def schema() -> Schema:
    """Everything that the migrations make, and the last one's number."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "schema.db")
        path.touch()
        migrate(path)
        with closing(connect(path)) as connection:
            objects = [
                _Object(table, kind, normalised(sql))
                for table, kind, sql in connection.execute(_OBJECTS)
            ]
            rows = list(_rows(connection))
            nullable = set(connection.execute(_NULLABLE))
    on_postgresql = (
        for_postgresql(one.sql, lambda table, column: (table, column) in nullable)
        for one in _by_references(objects)
    )
    return Schema(
        sqlite=_text(_HEADER + _PRAGMA, [*(one.sql for one in objects), *rows]),
        postgresql=_text(_HEADER, [*on_postgresql, *rows]),
    )


def write() -> None:
    """Write both files anew."""
    made = schema()
    SCHEMA_SQL.write_text(made.sqlite, encoding="utf-8")
    POSTGRESQL_SQL.write_text(made.postgresql, encoding="utf-8")


def _text(header: str, statements: list[str]) -> str:
    return "\n".join([header, *(f"{statement};\n" for statement in statements)])


def _by_references(objects: list[_Object]) -> list[_Object]:
    """``objects`` so that each comes after the tables that it needs, which SQLite does not ask for."""
    tables = {one.table: one for one in objects if one.kind == "table"}
    found: dict[_Object, None] = {}

    def add(one: _Object) -> None:
        for table in _REFERENCES.findall(one.sql):
            if table != one.table:
                add(tables[table])
        found.setdefault(one)

    for one in objects:
        add(one)
    return list(found)


def _rows(connection: sqlite3.Connection) -> Iterator[str]:
    """The few rows that a new database has, as statements; the revision last."""
    for table, columns in (
        ("generations", "name, value"),
        ("compatibility", "oldest"),
        ("alembic_version", "version_num"),
    ):
        for row in connection.execute(f"SELECT {columns} FROM {table}"):
            values = ", ".join(str(one) if isinstance(one, int) else f"'{one}'" for one in row)
            yield f"INSERT INTO {table} ({columns}) VALUES ({values})"


def normalised(sql: str) -> str:
    """``sql`` without tabs and without spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in sql.expandtabs(4).splitlines())
