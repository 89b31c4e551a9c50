"""Moving a database from SQLite to PostgreSQL: every row of every table, or nothing at all."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from pumice.errors import Unavailable, UsageError
from pumice.store import copy as copying
from pumice.store.copy import copy
from pumice.store.postgresql import direct, schema
from pumice.store.schema import HEAD
from pumice.store.sqlite import connect
from pumice.store.txn import Txn

TEXTS: Final = (
    "",
    "größe 密码 😀",
    "\\N",
    "a\tb\nc\\d\re",
    'it\'s "quoted" {}, \\.',
    "\u2028\x7f\x01",
)
ROWS: Final = len(TEXTS)

# Tables whose rows tell of the schema.
OWN: Final = {"alembic_version", "compatibility"}


def silent(_done: int, _whole: int) -> None:
    pass


def finish(txn: Txn) -> None:
    """A unit that sees what was copied."""
    (count,) = txn.one("SELECT count(*) FROM volumes") or (0,)
    insert = "INSERT INTO generations (name, value) VALUES ('finished', :value)"
    txn.change(insert, {"value": count})


def tables_of(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return [name for (name,) in found if not name.startswith("sqlite_")]


def fill(connection: sqlite3.Connection) -> None:
    """Put rows into every table: each type of column, NULL where it may be, and texts that are hard to quote.

    Ids are the numbers of the rows, so that the n-th row refers to the n-th of another table.
    """
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM generations")
    for table in sorted(set(tables_of(connection)) - OWN):
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
        referring = {row[3] for row in connection.execute(f"PRAGMA foreign_key_list({table})")}
        for number in range(ROWS):
            row = [
                _value(
                    number,
                    column,
                    kind,
                    is_id=bool(key) or column in referring,
                    may_lack=not needed,
                )
                for _, column, kind, needed, _, key in columns
            ]
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608 - our names
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def _value(number: int, column: str, kind: str, *, is_id: bool, may_lack: bool) -> Any:
    if kind == "BOOLEAN":
        return number % 2
    if kind == "BIGINT":
        return number if is_id else number * 2**58
    if kind == "DOUBLE PRECISION":
        return number / 3
    if is_id:
        return f"id {number}"
    if may_lack and number % 2:
        return None
    return f"{TEXTS[number]}{number if column == 'name' else ''}"


def content(connection: Any, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    """The rows of a table on either database, in one order."""
    names = ", ".join(f'"{column}"' for column in columns)
    rows = connection.execute(f'SELECT {names} FROM "{table}"')  # noqa: S608 - the schema's own names
    return sorted((tuple(row) for row in rows), key=repr)


def is_empty(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return schema.stamp(connection) is None


@pytest.fixture
def filled(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        fill(connection)
        connection.commit()
    return path


def test_every_table_goes_with_every_row(filled: Path, postgresql: str) -> None:
    told: list[tuple[int, int]] = []
    counts = copy(filled, postgresql, finish, lambda done, whole: told.append((done, whole)))
    with closing(connect(filled, read_only=True)) as old, psycopg.connect(postgresql) as new:
        tables = set(tables_of(old))
        assert counts == dict.fromkeys(tables - OWN, ROWS)
        for table in sorted(tables - OWN):
            columns = [row[1] for row in old.execute(f"PRAGMA table_info({table})")]
            assert content(old, table, columns) == [
                tuple(int(value) if isinstance(value, bool) else value for value in row)
                for row in content(new, table, columns)
                if row[0] != "finished"
            ], table
        assert new.execute("SELECT value FROM generations WHERE name = 'finished'").fetchone() == (
            ROWS,
        )
        analysed = new.execute(
            "SELECT reltuples FROM pg_class WHERE relname = 'volumes'"
        ).fetchone()
        assert analysed == (ROWS,)
    assert told[-1] == (sum(counts.values()),) * 2
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    with direct.snapshot(postgresql) as txn:
        assert txn.one("SELECT name FROM domains WHERE id = 'id 1'") == (f"{TEXTS[1]}1",)


def test_a_schema_without_rows_is_filled_too(filled: Path, postgresql: str) -> None:
    schema.create(postgresql)
    assert copy(filled, postgresql, finish, silent)["volumes"] == ROWS


def test_more_rows_than_are_read_at_once(
    filled: Path, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ROWS_AT_ONCE", 4)
    told: list[int] = []
    counts = copy(filled, postgresql, finish, lambda done, _whole: told.append(done))
    assert set(counts.values()) == {ROWS}
    assert told[:3] == [4, ROWS, ROWS + 4]


class TestNothingIsThere:
    """Whatever goes wrong, the target is as it was."""

    @pytest.fixture(autouse=True)
    def nothing(self, postgresql: str) -> Iterator[None]:
        yield
        assert is_empty(postgresql)

    def test_after_a_text_that_cannot_be_kept(self, filled: Path, postgresql: str) -> None:
        with closing(sqlite3.connect(filled)) as connection:
            connection.execute("UPDATE volumes SET name = 'a' || char(0) WHERE id = 'id 3'")
            connection.commit()
        with pytest.raises(UsageError) as caught:
            copy(filled, postgresql, finish, silent)
        assert caught.value.public == (
            "The row id 3 of volumes has a NUL character in name, which PostgreSQL cannot keep: "
            "change or delete it, then copy again."
        )

    def test_after_a_broken_reference(self, filled: Path, postgresql: str) -> None:
        with closing(sqlite3.connect(filled)) as connection:
            connection.execute("DELETE FROM volume_types WHERE id = 'id 3'")
            connection.commit()
        with pytest.raises(Unavailable, match="cannot be filled: insert or update on table"):
            copy(filled, postgresql, finish, silent)

    def test_after_a_count_that_differs(
        self, filled: Path, postgresql: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(copying, "_count_old", lambda _old, table: ROWS + (table == "users"))
        with pytest.raises(UsageError, match=f"users has {ROWS + 1} rows, but {ROWS} were copied"):
            copy(filled, postgresql, finish, silent)

    def test_of_an_older_schema(self, filled: Path, postgresql: str) -> None:
        with closing(sqlite3.connect(filled)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0001'")
            connection.commit()
        with pytest.raises(UsageError, match=f"0001, but {HEAD} is needed: `pumice db upgrade`"):
            copy(filled, postgresql, finish, silent)

    def test_after_a_unit_that_fails(self, filled: Path, postgresql: str) -> None:
        with pytest.raises(ZeroDivisionError):
            copy(filled, postgresql, lambda _txn: print(1 / 0), silent)

    def test_after_an_interruption(self, filled: Path, postgresql: str) -> None:
        def interrupt(done: int, whole: int) -> None:
            if done > whole // 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            copy(filled, postgresql, finish, interrupt)

    def test_after_a_kill(self, filled: Path, postgresql: str) -> None:
        """Even as the very last row is on its way."""
        child = os.fork()
        if child == 0:
            try:
                copy(
                    filled,
                    postgresql,
                    finish,
                    lambda done, whole: (
                        os.kill(os.getpid(), signal.SIGKILL) if done == whole else None
                    ),
                )
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


class TestWhatIsRefused:
    def test_a_target_with_rows(self, filled: Path, postgresql: str) -> None:
        schema.create(postgresql)
        with direct.transaction(postgresql) as txn:
            txn.change("INSERT INTO regions (id, description) VALUES ('r', '')", {})
        with pytest.raises(UsageError, match=r"has rows already, in regions; it must be empty\.$"):
            copy(filled, postgresql, finish, silent)
        with direct.snapshot(postgresql) as txn:
            assert txn.all("SELECT id FROM regions") == [("r",)]
            assert txn.all("SELECT value FROM generations") == [(0,)]

    def test_a_target_of_another_program(self, filled: Path, postgresql: str) -> None:
        with psycopg.connect(postgresql) as connection:
            connection.execute("CREATE TABLE volumes (id text)")
        with pytest.raises(UsageError, match="has tables already, and they are not Pumice's"):
            copy(filled, postgresql, finish, silent)

    def test_a_target_of_another_schema(self, filled: Path, postgresql: str) -> None:
        schema.create(postgresql)
        with psycopg.connect(postgresql) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(UsageError, match=r"has schema 9999 already\.$"):
            copy(filled, postgresql, finish, silent)

    def test_a_target_that_somebody_just_fills(
        self, filled: Path, postgresql: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(copying, "LOCK_WAIT", "20ms")
        schema.create(postgresql)
        with psycopg.connect(postgresql) as other:
            other.execute(sql.SQL("INSERT INTO regions (id, description) VALUES ('r', '')"))
            with pytest.raises(Unavailable, match="canceling statement due to lock timeout"):
                copy(filled, postgresql, finish, silent)

    def test_a_source_that_is_none(self, tmp_path: Path, postgresql: str) -> None:
        (tmp_path / "x").write_text("x")
        with pytest.raises(UsageError, match=re.escape(f"{tmp_path / 'x'} is no database.")):
            copy(tmp_path / "x", postgresql, finish, silent)


class TestDirectTransactions:
    def test_an_error_undoes_and_a_commit_calls_back(self, postgresql: str) -> None:
        schema.create(postgresql)
        called: list[str] = []

        def add(id_: str, error: Exception | None) -> None:
            with direct.transaction(postgresql) as txn:
                txn.change("INSERT INTO regions (id, description) VALUES (:id, '')", {"id": id_})
                txn.after_commit(lambda: called.append(id_))
                assert called == []
                if error is not None:
                    raise error

        with pytest.raises(LookupError):
            add("lost", LookupError())
        add("kept", None)
        assert called == ["kept"]
        with direct.snapshot(postgresql) as txn:
            assert txn.all("SELECT id FROM regions") == [("kept",)]

    def test_a_snapshot_is_one_state_and_reads_only(self, postgresql: str) -> None:
        schema.create(postgresql)
        insert = "INSERT INTO regions (id, description) VALUES (:id, '')"
        with direct.snapshot(postgresql) as txn:
            assert txn.all("SELECT id FROM regions") == []
            with direct.transaction(postgresql) as other:
                other.change(insert, {"id": "new"})
            assert txn.all("SELECT id FROM regions") == []
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                txn.change(insert, {"id": "x"})

    def test_an_empty_database_and_an_old_schema_are_refused(self, postgresql: str) -> None:
        with pytest.raises(UsageError, match="is empty; `pumice serve` or `pumice db copy` fills"):
            direct.snapshot(postgresql).__enter__()
        schema.create(postgresql)
        for found, sentence in (("0001", "`pumice db upgrade` brings it"), ("9999", "is older")):
            with psycopg.connect(postgresql) as connection:
                connection.execute("UPDATE alembic_version SET version_num = %s", [found])
                connection.execute("UPDATE compatibility SET oldest = '9999'")
            with pytest.raises(UsageError, match=sentence):
                direct.transaction(postgresql).__enter__()
