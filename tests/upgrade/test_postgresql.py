"""The schema on PostgreSQL: made once, told apart, and brought up to date while others serve it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from pumice.errors import Unavailable, UsageError
from pumice.store.migrations import dump, postgresql
from pumice.store.migrations.migrate import FOLDER, MigrationError
from pumice.store.migrations.portable import for_postgresql
from pumice.store.postgresql import schema
from pumice.store.postgresql.session import LOCKS
from pumice.store.schema import HEAD
from tests.postgresql import Cluster
from tests.upgrade.test_migrations import NEXT, ROOT, write_migration

WITH_INDEX: Final = 'op.execute("CREATE INDEX regions_added ON regions (added, id)")'

DESCRIPTION: Final = (
    """
    SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default,
        collation_name
    FROM information_schema.columns WHERE table_schema = 'public'
    """,
    """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    """,
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
)


def ask(url: str, *statements: str) -> list[list[Any]]:
    """What each statement gives; all are committed."""
    with psycopg.connect(url) as connection:
        cursors = [connection.execute(statement.encode()) for statement in statements]
        return [sorted(one.fetchall()) if one.description else [] for one in cursors]


@pytest.fixture
def url(postgresql: str) -> str:
    """A database in this Pumice's schema, with a row."""
    schema.create(postgresql)
    ask(postgresql, "INSERT INTO regions VALUES ('r', 'kept', NULL, '{}')")
    return postgresql


def test_schema_sql_is_what_the_migrations_make() -> None:
    """If this fails: python -m pumice.store.migrations."""
    assert schema.SCHEMA_SQL == dump.POSTGRESQL_SQL
    assert schema.SCHEMA_SQL.read_text(encoding="utf-8") == dump.schema().postgresql


def test_text_is_compared_by_bytes_and_null_sorts_first(url: str) -> None:
    """As on SQLite, whatever the database's own collation is."""
    (texts, indexes) = ask(
        url,
        """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
        """,
        """
        SELECT i.indexrelid::regclass::text, a.attname FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
        CROSS JOIN LATERAL unnest(i.indkey, i.indoption) AS k (number, option)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE a.attnotnull = (k.option & 2 = 2)
        """,
    )
    assert texts == []
    assert indexes == []


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("CREATE TABLE a (b TEXT, c BIGINT)", 'CREATE TABLE a (b TEXT COLLATE "C", c BIGINT)'),
        ("\nALTER TABLE a ADD COLUMN d TEXT", '\nALTER TABLE a ADD COLUMN d TEXT COLLATE "C"'),
        ('CREATE TABLE a (b TEXT COLLATE "C")', 'CREATE TABLE a (b TEXT COLLATE "C")'),
        ("CREATE INDEX i ON a (n, b)", "CREATE INDEX i ON a (n NULLS FIRST, b)"),
        (
            "CREATE UNIQUE INDEX i\n    ON a (b, n) WHERE n = 1",
            "CREATE UNIQUE INDEX i\n    ON a (b, n NULLS FIRST) WHERE n = 1",
        ),
        ("UPDATE a SET b = CAST(c AS TEXT)", "UPDATE a SET b = CAST(c AS TEXT)"),
        ("DROP INDEX i", "DROP INDEX i"),
    ],
)
def test_what_migrations_say_is_understood_by_postgresql(statement: str, wanted: str) -> None:
    assert for_postgresql(statement, lambda table, column: (table, column) == ("a", "n")) == wanted


class TestMaking:
    def test_an_empty_database_becomes_ours(self, postgresql: str) -> None:
        assert schema.revision(postgresql) is None
        schema.create(postgresql)
        assert schema.revision(postgresql) == HEAD

    def test_one_that_is_ours_is_left_alone(self, url: str) -> None:
        schema.create(url)
        schema.upgrade(url)
        assert ask(url, "SELECT id FROM regions") == [[("r",)]]

    def test_two_first_starts_at_once_make_it_once(self, postgresql: str) -> None:
        starters = 4
        begin = threading.Barrier(starters)

        def start(_: int) -> None:
            begin.wait()
            schema.create(postgresql)

        with ThreadPoolExecutor(starters) as threads:
            list(threads.map(start, range(starters)))
        assert schema.revision(postgresql) == HEAD

    @pytest.mark.parametrize(
        "tables",
        [
            "CREATE TABLE volumes (id TEXT)",
            "CREATE TABLE alembic_version AS SELECT '0003' AS version_num",
        ],
    )
    def test_anothers_tables_are_not_touched(self, postgresql: str, tables: str) -> None:
        ask(postgresql, tables)
        before = ask(postgresql, *DESCRIPTION)
        for action in (schema.create, schema.revision, schema.upgrade):
            with pytest.raises(UsageError, match="not Pumice's"):
                action(postgresql)
        assert ask(postgresql, *DESCRIPTION) == before

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM alembic_version",
            "UPDATE alembic_version SET version_num = '9f86d081884c'",
            "DELETE FROM compatibility",
        ],
    )
    def test_one_that_does_not_say_its_revision_is_refused(self, url: str, statement: str) -> None:
        ask(url, statement)
        with pytest.raises(UsageError, match="not Pumice's"):
            schema.revision(url)

    def test_a_failure_leaves_it_empty(
        self, postgresql: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        broken = tmp_path / "schema.sql"
        broken.write_bytes(schema.SCHEMA_SQL.read_bytes() + b"SELECT 1 FROM nowhere;")
        monkeypatch.setattr(schema, "SCHEMA_SQL", broken)
        with pytest.raises(Unavailable, match='cannot be prepared: relation "nowhere"'):
            schema.create(postgresql)
        assert schema.revision(postgresql) is None


class TestUnusable:
    @pytest.mark.parametrize(
        ("url", "said"),
        [
            (
                "postgresql://ann:s3cret@127.0.0.1:1/db",
                "database db on 127.0.0.1 cannot be read: .*",
            ),
            ("postgresql//ann:s3cret@127.0.0.1/db", "is no URL"),
            ("postgresql://ann@127.0.0.1/db?s3cret=1", "is no URL"),
            ("postgresql://ann:s3cret@127.0.0.1:port/db", "cannot be read"),
        ],
    )
    def test_is_told_in_a_sentence_without_the_password(self, url: str, said: str) -> None:
        with pytest.raises((UsageError, Unavailable), match=said) as caught:
            schema.revision(url)
        assert "s3cret" not in f"{caught.value}"
        assert "\n" not in f"{caught.value}"

    def test_a_database_without_unicode(self, postgresql_server: Cluster) -> None:
        with postgresql_server.connect() as connection:
            connection.execute("CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII'")
        with pytest.raises(UsageError, match="encoding SQL_ASCII"):
            schema.create(postgresql_server.dsn("ascii"))
        postgresql_server.drop_database("ascii")

    def test_a_server_that_is_too_old(
        self, postgresql: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(schema, "VERSION_MIN", 99)
        with pytest.raises(UsageError, match="is too old; Pumice needs 99"):
            schema.create(postgresql)


@pytest.mark.parametrize(
    ("found", "oldest", "may_serve"),
    [
        (HEAD, HEAD, True),
        (HEAD, "0001", True),
        (NEXT, "0001", True),  # What came since only added something.
        (NEXT, HEAD, True),
        (NEXT, NEXT, False),
        ("9999", NEXT, False),
        ("0001", "0000", True),  # Upgraded first.
    ],
)
def test_which_pumice_may_serve_which_database(found: str, oldest: str, may_serve: bool) -> None:
    if may_serve:
        schema.check_compatible(found, oldest)
    else:
        with pytest.raises(UsageError, match=f"has schema {found}.*knows {oldest}.*knows {HEAD}"):
            schema.check_compatible(found, oldest)


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """A folder with Pumice's own migrations, to which the test adds."""
    folder = tmp_path / "100% versions"  # Alembic reads % as the beginning of a name.
    shutil.copytree(FOLDER / "versions", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


class TestMigrating:
    def test_it_goes_to_the_next_revision_and_keeps_the_rows(
        self, url: str, versions: Path
    ) -> None:
        write_migration(versions, WITH_INDEX)
        postgresql.migrate(url, versions=versions)
        assert schema.revision(url) == NEXT
        rows = ask(url, "SELECT id FROM added", "SELECT id, description, added FROM regions")
        assert rows == [[("row",)], [("r", "kept", None)]]

    @pytest.mark.parametrize(
        ("then", "error"),
        [
            ("raise ValueError('half-way')", ValueError),
            ("op.execute('SELECT 1 FROM nowhere')", MigrationError),
        ],
    )
    def test_a_failure_leaves_nothing_behind(
        self, url: str, versions: Path, then: str, error: type[Exception]
    ) -> None:
        write_migration(versions, then)
        before = ask(url, *DESCRIPTION)
        with pytest.raises(error):
            postgresql.migrate(url, versions=versions)
        assert ask(url, *DESCRIPTION) == before
        assert schema.revision(url) == HEAD

    def test_it_waits_for_who_changes_the_schema_now(self, url: str, versions: Path) -> None:
        write_migration(versions, "")
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        with psycopg.connect(url, autocommit=True) as other, ThreadPoolExecutor(1) as thread:
            other.execute("SELECT pg_advisory_lock(%s)", (schema.LOCK,))
            upgrade = thread.submit(postgresql.migrate, url, versions=versions)
            while other.execute(waiting).fetchone() == (0,):
                assert not upgrade.done()
            assert schema.revision(url) == HEAD
            other.execute("SELECT pg_advisory_unlock(%s)", (schema.LOCK,))
            upgrade.result()
        assert schema.revision(url) == NEXT

    def test_who_comes_second_finds_it_done(self, url: str, versions: Path) -> None:
        write_migration(versions, "")
        for _ in range(2):
            postgresql.migrate(url, versions=versions)
        assert schema.revision(url) == NEXT

    def test_who_reads_a_table_is_waited_for_and_then_let_through(
        self, url: str, versions: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The others wait behind the migration's lock, so it gives up soon, and comes again."""
        write_migration(versions, "")
        monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.05)
        with psycopg.connect(url) as reader:
            reader.execute("SELECT 1 FROM regions")
            pauses: list[float] = []

            def go_on(seconds: float) -> None:
                reader.execute("SELECT 1 FROM regions")  # Nothing is in its way.
                pauses.append(seconds)
                if len(pauses) == 2:
                    reader.commit()

            monkeypatch.setattr(time, "sleep", go_on)
            postgresql.migrate(url, versions=versions)
        assert pauses == [postgresql.PAUSE_SECONDS] * 2
        assert schema.revision(url) == NEXT

    @pytest.mark.parametrize("oldest", ["0003", "0004"])
    def test_whom_it_would_leave_behind_is_not_left_behind(
        self, url: str, versions: Path, oldest: str
    ) -> None:
        statement = f"UPDATE compatibility SET oldest = '{oldest}'"  # noqa: S608 - two constants
        write_migration(versions, f"op.execute({statement!r})")
        with psycopg.connect(url, autocommit=True) as serving:
            serving.execute("SELECT pg_advisory_lock(%s, 7)", (LOCKS,))
            if oldest == "0003":
                postgresql.migrate(url, versions=versions)
                return
            with pytest.raises(MigrationError, match=r"\(processes: 1\); stop them first"):
                postgresql.migrate(url, versions=versions)
        assert schema.revision(url) == "0003"
        postgresql.migrate(url, versions=versions)
        assert schema.revision(url) == "0004"

    def test_who_never_lets_go_is_told(
        self, url: str, versions: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_migration(versions, "")
        monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.05)
        monkeypatch.setattr(postgresql, "PAUSE_SECONDS", 0.0)
        with psycopg.connect(url) as reader:
            reader.execute("SELECT 1 FROM regions")
            with pytest.raises(MigrationError, match="lock timeout"):
                postgresql.migrate(url, versions=versions)
        assert schema.revision(url) == HEAD


@pytest.fixture
def newer_pumice(tmp_path: Path) -> Path:
    """A Pumice with one migration more than this one, with its schema.sql written anew."""
    root = tmp_path / "newer"
    shutil.copytree(ROOT / "pumice", root / "pumice", ignore=shutil.ignore_patterns("__pycache__"))
    write_migration(root / "pumice" / "store" / "migrations" / "versions", WITH_INDEX)
    subprocess.run([sys.executable, "-m", "pumice.store.migrations"], cwd=root, check=True)
    return root


def run(root: Path, action: Callable[[str], object], url: str) -> str:
    """What ``create`` or ``upgrade`` of the Pumice in ``root`` says; "" if it is content."""
    code = f"""
import sys
from pumice.errors import UsageError
from pumice.store.postgresql import schema
from pumice.store.postgresql.session import LOCKS
try:
    schema.{action.__name__}(sys.argv[1])
except UsageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, url],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{root}"},
    )
    return done.stdout.strip()


class TestRollingUpgrade:
    def test_the_upgraded_database_is_the_one_that_schema_sql_makes(
        self, newer_pumice: Path, url: str, postgresql_server: Cluster
    ) -> None:
        assert run(newer_pumice, schema.upgrade, url) == ""
        assert schema.revision(url) == NEXT
        fresh = postgresql_server.create_database("fresh")
        assert run(newer_pumice, schema.create, fresh) == ""
        assert ask(url, *DESCRIPTION) == ask(fresh, *DESCRIPTION)
        assert ask(url, "SELECT * FROM compatibility") == ask(fresh, "SELECT * FROM compatibility")
        postgresql_server.drop_database("fresh")

    def test_this_one_goes_on_beside_it_if_that_only_added_something(
        self, newer_pumice: Path, url: str
    ) -> None:
        assert run(newer_pumice, schema.upgrade, url) == ""
        schema.upgrade(url)
        assert schema.revision(url) == NEXT
        ask(url, "UPDATE compatibility SET oldest = '9999'")
        with pytest.raises(UsageError, match=f"has schema {NEXT}"):
            schema.upgrade(url)

    @pytest.mark.parametrize(
        ("then", "reason"),
        [
            ("raise ValueError('half-way')", "failed: ValueError: half-way"),
            ("os.kill(os.getpid(), signal.SIGKILL)", "failed: status -9"),
            ("op.execute('SELECT 1 FROM nowhere')", 'relation "nowhere" does not exist'),
        ],
    )
    def test_one_that_fails_says_why_and_leaves_the_database_as_it_was(
        self, newer_pumice: Path, url: str, then: str, reason: str
    ) -> None:
        write_migration(newer_pumice / "pumice" / "store" / "migrations" / "versions", then)
        before = ask(url, *DESCRIPTION)
        with_password = url.replace("pumice@", "pumice:s3cret@")
        said = run(newer_pumice, schema.upgrade, with_password)
        assert f"stays at schema {HEAD}" in said
        assert reason in said
        assert "s3cret" not in said
        assert ask(url, *DESCRIPTION) == before

    def test_an_empty_database_is_not_upgraded(self, postgresql: str) -> None:
        with pytest.raises(UsageError, match="is empty"):
            schema.upgrade(postgresql)
