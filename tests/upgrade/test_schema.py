"""The database file: made whole or not at all, and told apart from everything else."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from pumice.errors import UsageError
from pumice.store import schema
from pumice.store.migrations import dump
from pumice.store.migrations.dump import normalised
from pumice.store.migrations.migrate import migrate
from pumice.store.sqlite import SqliteStore, connect

# Run by another interpreter: crash at the n-th change to the disk, for each n that there is. What
# SQLite itself does between two of them is not seen; it happens under the unfinished name.
CRASH_EVERYWHERE: Final = """
import os, pathlib, sys
from pumice.store import schema

CHANGES = {"open", "os.rename", "os.remove", "sqlite3.connect"}

def create_and_crash(path, crash_at):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        if event in CHANGES:
            seen += 1
            if seen == crash_at:
                os._exit(9)
    sys.addaudithook(hook)
    schema.create(path)
    os._exit(0)

for crash_at in range(1, 1000):
    path = pathlib.Path(sys.argv[1], str(crash_at), "pumice.db")
    path.parent.mkdir()
    child = os.fork()
    if child == 0:
        create_and_crash(path, crash_at)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
print(crash_at)
"""


def objects(path: Path) -> list[tuple[str, str, str, str]]:
    """Every table and index, with the text that made it."""
    with closing(connect(path)) as connection:
        rows = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
        )
        return [(kind, name, table, normalised(sql or "")) for kind, name, table, sql in rows]


def content(folder: Path) -> dict[str, bytes]:
    """Every file in ``folder``."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def a_text(path: Path) -> None:
    path.write_text("This is no database. " * 100)


def an_empty_file(path: Path) -> None:
    path.touch()


def a_folder(path: Path) -> None:
    path.mkdir()


def nothing(path: Path) -> None:
    assert not path.exists()


def anothers_database(path: Path) -> None:
    """One that has been upgraded by Alembic, to a revision of the same name, and is being written."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (schema.HEAD,))
        connection.commit()


def half_a_database(path: Path) -> None:
    schema.create(path)
    os.truncate(path, 4096)


def a_database_without_a_revision(path: Path) -> None:
    schema.create(path)
    stamp(path, "gone")
    with closing(connect(path)) as connection:
        connection.execute("DELETE FROM alembic_version")


def a_database_of_an_odd_revision(path: Path) -> None:
    schema.create(path)
    stamp(path, "9f86d081884c")


def stamp(path: Path, revision: str) -> None:
    """Let the database say that it has another schema."""
    with closing(connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_schema_sql_is_what_the_migrations_make() -> None:
    """If this fails: python -m pumice.store.migrations."""
    assert schema.SCHEMA_SQL.read_text(encoding="utf-8") == dump.schema().sqlite


def test_both_ways_make_the_same_database(tmp_path: Path) -> None:
    made, migrated = tmp_path / "made.db", tmp_path / "migrated.db"
    schema.create(made)
    migrated.touch()
    migrate(migrated)
    assert objects(made) == objects(migrated)
    assert len(objects(made)) > 20
    assert schema.revision(made) == schema.revision(migrated) == schema.HEAD


def test_a_new_database_can_be_used_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pumice.db"
    schema.create(path)
    assert list(content(tmp_path)) == ["pumice.db"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    SqliteStore(path).close()


def test_what_sqlite_puts_beside_the_database_is_as_private(tmp_path: Path) -> None:
    path = tmp_path / "pumice.db"
    schema.create(path)
    with closing(connect(path)) as connection:
        connection.execute("DELETE FROM volumes")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"pumice.db": 0o600, "pumice.db-wal": 0o600, "pumice.db-shm": 0o600}


def test_a_crash_anywhere_leaves_no_database_or_a_whole_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CRASH_EVERYWHERE, f"{tmp_path}"]
    root = Path(schema.__file__).parents[2]
    output = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    crashes = int(output)
    assert crashes > 5
    unfinished = 0
    for number in range(1, crashes):
        path = tmp_path / str(number) / "pumice.db"
        if not path.exists():
            unfinished += any(path.parent.iterdir())
            schema.create(path)
            assert list(content(path.parent)) == ["pumice.db"]
        assert schema.revision(path) == schema.HEAD
    assert unfinished > 0


def test_a_database_that_exists_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "pumice.db"
    schema.create(path)
    before = content(tmp_path)
    with pytest.raises(UsageError, match="exists already"):
        schema.create(path)
    assert content(tmp_path) == before


def test_a_lost_database_is_not_replaced_while_its_log_is_there(tmp_path: Path) -> None:
    """SQLite would take the old log for the new database's, and play it into it."""
    path = tmp_path / "pumice.db"
    schema.create(path)
    with closing(connect(path)) as connection:
        connection.execute("INSERT INTO regions (id, description) VALUES ('r', '')")
        path.unlink()
        with pytest.raises(UsageError, match=r"pumice\.db-wal"):
            schema.create(path)
    assert not path.exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be made: No such file or directory"):
        schema.create(tmp_path / "missing" / "pumice.db")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (a_text, "is no database"),
        (an_empty_file, "is no database"),
        (a_folder, "Is a directory"),
        (nothing, "No such file"),
        (anothers_database, "not one of Pumice's"),
        (half_a_database, "cannot be read"),
        (a_database_without_a_revision, "does not say which schema"),
        (a_database_of_an_odd_revision, "does not say which schema"),
    ],
)
def test_what_is_no_database_of_ours_is_refused_in_a_sentence_and_untouched(
    tmp_path: Path, make: Callable[[Path], None], sentence: str
) -> None:
    path = tmp_path / "pumice.db"
    make(path)
    before = content(tmp_path)
    for action in (schema.revision, schema.upgrade):
        with pytest.raises(UsageError, match=sentence) as caught:
            action(path)
        assert str(path) in caught.value.public
        assert caught.value.public.count("\n") == 0
    after = content(tmp_path)
    assert after.get(path.name) == before.get(path.name)
    if make is anothers_database:
        assert after == before


def test_a_newer_database_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "pumice.db"
    schema.create(path)
    stamp(path, "9999")
    before = path.read_bytes()
    with pytest.raises(UsageError, match=f"has schema 9999.*knows {schema.HEAD}"):
        schema.upgrade(path)
    assert path.read_bytes() == before
    assert schema.revision(path) == "9999"


def test_a_database_that_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pumice.db"
    schema.create(path)
    before = path.read_bytes()
    schema.upgrade(path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("pumice.db.*"))


def test_serving_needs_neither_alembic_nor_sqlalchemy() -> None:
    code = """
import sys
import pumice.store.schema, pumice.store.sqlite
print([name for name in ("alembic", "sqlalchemy", "mako") if name in sys.modules])
"""
    root = Path(schema.__file__).parents[2]
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
