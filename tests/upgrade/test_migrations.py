"""Migrations: all or nothing, whatever goes wrong in their middle."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from pumice.errors import UsageError
from pumice.store import schema
from pumice.store.migrations.migrate import FOLDER, MigrationError, migrate
from pumice.store.sqlite import connect

ROOT: Final = FOLDER.parents[2]
NEXT: Final = f"{int(schema.HEAD) + 1:04}"

MIGRATION: Final = '''
"""A migration of the test's own."""

import os, signal
from alembic import op

revision = "{revision}"
down_revision = "{down_revision}"


def upgrade() -> None:
    op.execute("CREATE TABLE added (id TEXT PRIMARY KEY)")
    op.execute("INSERT INTO added (id) VALUES ('row')")
    op.execute("ALTER TABLE regions ADD COLUMN added TEXT")
    {then}
'''

# Makes a table anew, as SQLite wants it for a change that ALTER TABLE cannot do; the rows of
# role_implications and role_assignments refer to it meanwhile.
REBUILD: Final = """
    with op.batch_alter_table("roles", recreate="always") as table:
        table.alter_column("description", nullable=True)
"""

GROWN: Final = "CREATE TABLE added"


def write_migration(versions: Path, then: str, revision: str = NEXT) -> None:
    """Add a migration after the last one."""
    before = f"{int(revision) - 1:04}"
    text = MIGRATION.format(revision=revision, down_revision=before, then=then.strip())
    (versions / f"{revision}_test.py").write_text(text)


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """A folder with Pumice's own migrations, to which the test adds."""
    folder = tmp_path / "100% versions"  # Alembic reads % as the beginning of a name.
    shutil.copytree(FOLDER / "versions", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with rows that refer to each other."""
    database = tmp_path / "pumice.db"
    schema.create(database)
    with closing(connect(database)) as connection:
        connection.executescript("""
            INSERT INTO roles VALUES ('r1', 'admin', '', 1, NULL, '{}', '{}'),
                ('r2', 'member', '', 1, NULL, '{}', '{}');
            INSERT INTO role_implications VALUES ('r1', 'r2');
        """)
    return database


def state(path: Path) -> dict[str, Any]:
    """Everything in the database: schema, revision and rows."""
    with closing(connect(path)) as connection:
        schema_rows = connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
        tables = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        ).fetchall()
        rows = {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - our own names
            for (name,) in tables
        }
    return {"schema": schema_rows, **rows}


def test_an_upgrade_takes_the_database_to_the_next_revision(path: Path, versions: Path) -> None:
    write_migration(versions, REBUILD)
    before = state(path)
    migrate(path, versions=versions)
    after = state(path)
    assert schema.revision(path) == NEXT
    assert after["added"] == [("row",)]
    assert after["roles"] == before["roles"]
    assert after["role_implications"] == before["role_implications"]
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT INTO role_implications VALUES ('r1', 'none')")


def test_every_step_from_nothing_to_the_newest_can_be_made_alone(
    tmp_path: Path, versions: Path
) -> None:
    write_migration(versions, "")
    path = tmp_path / "stepwise.db"
    path.touch()
    for number in range(1, int(NEXT) + 1):
        migrate(path, f"{number:04}", versions=versions)
        assert schema.revision(path) == f"{number:04}"


@pytest.mark.parametrize(
    ("then", "error"),
    [
        ("raise ValueError('half-way')", ValueError),
        ("op.execute('SELECT 1 FROM nowhere')", Exception),
        ("op.execute(\"DELETE FROM roles WHERE id = 'r2'\")", MigrationError),
    ],
)
def test_a_migration_that_fails_leaves_nothing_behind(
    path: Path, versions: Path, then: str, error: type[Exception]
) -> None:
    write_migration(versions, then)
    before = state(path)
    with pytest.raises(error):
        migrate(path, versions=versions)
    assert state(path) == before


def test_two_migrations_are_one_upgrade(path: Path, versions: Path) -> None:
    write_migration(versions, "")
    (versions / "9999_test.py").write_text(
        f'revision = "9999"\ndown_revision = "{NEXT}"\n\ndef upgrade():\n    raise KeyError\n'
    )
    before = state(path)
    with pytest.raises(KeyError):
        migrate(path, versions=versions)
    assert state(path) == before


def test_a_migration_that_is_killed_leaves_nothing_behind(path: Path, versions: Path) -> None:
    write_migration(versions, "os.kill(os.getpid(), signal.SIGKILL)")
    before = state(path)
    code = f"""
from pathlib import Path
from pumice.store.migrations.migrate import migrate
migrate(Path({str(path)!r}), versions=Path({str(versions)!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert state(path) == before
    write_migration(versions, "")
    migrate(path, versions=versions)
    assert schema.revision(path) == NEXT


def test_an_empty_file_becomes_a_database_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    migrate(path)
    assert schema.revision(path) == schema.HEAD


def test_the_migrations_are_one_line_of_numbers() -> None:
    """What :mod:`pumice.store.schema` relies on: four digits that count up, without a gap."""
    config = Config()
    config.set_main_option("script_location", f"{FOLDER}".replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    found = [script.revision for script in scripts.walk_revisions()][::-1]
    assert found == [f"{number:04}" for number in range(1, len(found) + 1)]
    assert scripts.get_heads() == [schema.HEAD]
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")


@pytest.fixture
def newer_pumice(tmp_path: Path) -> Path:
    """A Pumice with one migration more than this one, with its schema.sql written anew."""
    root = tmp_path / "newer"
    shutil.copytree(ROOT / "pumice", root / "pumice", ignore=shutil.ignore_patterns("__pycache__"))
    write_migration(root / "pumice" / "store" / "migrations" / "versions", REBUILD)
    subprocess.run([sys.executable, "-m", "pumice.store.migrations"], cwd=root, check=True)
    assert GROWN in (root / "pumice" / "store" / "schema.sql").read_text()
    return root


def run_upgrade(root: Path, path: Path, environ: dict[str, str] | None = None) -> str:
    """What ``schema.upgrade(path)`` of the Pumice in ``root`` says; "" if it is content."""
    code = f"""
from pathlib import Path
from pumice.errors import UsageError
from pumice.store import schema
try:
    schema.upgrade(Path({str(path)!r}))
except UsageError as error:
    print(error.public)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **(environ or {})},
    )
    return done.stdout.strip()


def test_a_newer_pumice_upgrades_the_database_and_keeps_a_copy(
    newer_pumice: Path, path: Path
) -> None:
    before = state(path)
    assert run_upgrade(newer_pumice, path) == ""
    assert schema.revision(path) == NEXT
    assert state(path)["role_implications"] == before["role_implications"]
    copy = path.with_name(f"pumice.db.{schema.HEAD}")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert state(copy) == before
    with pytest.raises(UsageError, match=f"has schema {NEXT}.*this Pumice is older"):
        schema.upgrade(path)


def test_the_upgraded_database_is_the_one_that_schema_sql_makes(
    newer_pumice: Path, path: Path, tmp_path: Path
) -> None:
    run_upgrade(newer_pumice, path)
    fresh = tmp_path / "fresh.db"
    text = (newer_pumice / "pumice" / "store" / "schema.sql").read_text()
    with closing(sqlite3.connect(fresh)) as connection:
        connection.executescript(text)
        made = set(connection.execute("SELECT type, name FROM sqlite_schema"))
    with closing(connect(path)) as connection:
        upgraded = set(connection.execute("SELECT type, name FROM sqlite_schema"))
    assert upgraded == made


def test_what_only_the_log_holds_is_in_the_copy(newer_pumice: Path, path: Path) -> None:
    """After kill -9 the last commits are in the write-ahead log, not in the database."""
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("INSERT INTO regions (id, description) VALUES ('r', 'late')")
        left = {name: path.with_name(name).read_bytes() for name in ("pumice.db", "pumice.db-wal")}
    for name, data in left.items():
        path.with_name(name).write_bytes(data)
    assert run_upgrade(newer_pumice, path) == ""
    assert state(path.with_name(f"pumice.db.{schema.HEAD}"))["regions"] == [
        ("r", "late", None, "{}")
    ]
    assert state(path)["regions"] == [("r", "late", None, "{}", None)]


def test_an_upgrade_that_fails_says_why_and_leaves_the_database_as_it_was(
    newer_pumice: Path, path: Path
) -> None:
    write_migration(
        newer_pumice / "pumice" / "store" / "migrations" / "versions",
        "raise ValueError('half-way')",
    )
    before = state(path)
    said = run_upgrade(newer_pumice, path)
    assert said.endswith(f"stays at schema {schema.HEAD}: its upgrade failed: ValueError: half-way")
    assert state(path) == before


def test_an_upgrade_that_is_killed_says_so(newer_pumice: Path, path: Path) -> None:
    write_migration(
        newer_pumice / "pumice" / "store" / "migrations" / "versions",
        "os.kill(os.getpid(), signal.SIGKILL)",
    )
    before = state(path)
    assert f"stays at schema {schema.HEAD}" in run_upgrade(newer_pumice, path)
    assert state(path) == before


def test_no_copy_no_upgrade(newer_pumice: Path, path: Path) -> None:
    path.with_name(f".pumice.db.{schema.HEAD}.new").mkdir()
    before = state(path)
    assert "cannot be copied" in run_upgrade(newer_pumice, path)
    assert state(path) == before


def test_an_unknown_command_is_refused() -> None:
    command = [sys.executable, "-m", "pumice.store.migrations", "downgrade"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("usage: ")


def test_what_0001_knew_is_there_in_0002(tmp_path: Path) -> None:
    """Roles keep their ids, what was granted to users is theirs, and metadata is found by key."""
    path = tmp_path / "old.db"
    path.touch()
    migrate(path, "0001")
    with closing(connect(path)) as connection:
        connection.executescript("""
            INSERT INTO roles VALUES ('r1', 'admin', 'all', 1), ('r2', 'member', '', 2);
            INSERT INTO role_implications VALUES ('r1', 'r2');
            INSERT INTO domains VALUES ('d1', 'Default', '', TRUE, 1);
            INSERT INTO users VALUES ('u1', 'd1', 'ada', TRUE, NULL, NULL, NULL, NULL, 1);
            INSERT INTO role_assignments VALUES ('u1', 'project', 'p1', 'r1');
            INSERT INTO volume_types VALUES ('t1', 'gold', NULL, TRUE, '{}', 1, NULL);
            INSERT INTO volumes VALUES ('v1', 'p1', 'u1', 'n', NULL, 1, 'available', 'detached', 't1',
                'nova', NULL, FALSE, FALSE, '{"tier": "fast", "x": "\u00e9"}', NULL, 7, NULL);
        """)
    migrate(path, "0002")
    with closing(connect(path)) as connection:
        roles = connection.execute("SELECT id, name, description, created_at, domain_id FROM roles")
        assert roles.fetchall() == [("r1", "admin", "all", 1, None), ("r2", "member", "", 2, None)]
        grants = connection.execute("SELECT * FROM role_assignments").fetchall()
        assert grants == [("user", "u1", "project", "p1", "r1", 0)]
        metadata = connection.execute("SELECT * FROM volume_metadata ORDER BY key").fetchall()
        assert metadata == [("v1", "tier", "fast", "p1", 7), ("v1", "x", "\u00e9", "p1", 7)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
