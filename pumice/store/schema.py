"""The schema of the database file: made new, told apart, and brought up to date.

A new database is made from ``schema.sql``, which the migrations write; an old one is upgraded by running
the migrations in a child process. Nothing here imports Alembic or SQLAlchemy.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from pumice.errors import UsageError
from pumice.store.sqlite import connect

SCHEMA_SQL: Final = Path(__file__).with_name("schema.sql")
APPLICATION_ID: Final = int.from_bytes(b"Pumi")
"""In the file's header (sqlite.org/fileformat2.html, 1.3.13): what tells Pumice's database from others."""

_STAMP: Final = re.compile(r"INSERT INTO alembic_version .*'([0-9]{4})'")
_MAGIC: Final = b"SQLite format 3\0"


def _head() -> str:
    found = _STAMP.search(SCHEMA_SQL.read_text(encoding="utf-8"))
    # No match: the file is being written for the first time, or damaged; then nothing equals it.
    return found[1] if found else ""


HEAD: Final = _head()
"""The revision that this version of Pumice works with: the one ``schema.sql`` makes."""


def create(path: Path) -> None:
    """Make the database ``path`` in the newest schema, for this user alone.

    It is made under another name, put on disk and renamed: a crash on the way leaves none, or a whole
    one. Raises :class:`UsageError` if ``path`` exists, if another database's write-ahead log lies in its
    place (SQLite would play it into the new one), or if it cannot be written.
    """
    if path.exists():
        raise UsageError(f"The database {path} exists already.")
    refuse_lone_log(path)
    with (
        telling(f"The database {path} cannot be made"),
        new_file(path) as unfinished,
        closing(sqlite3.connect(unfinished, isolation_level=None)) as connection,
    ):
        text = SCHEMA_SQL.read_text(encoding="utf-8")
        connection.executescript(f"BEGIN; {text} COMMIT; PRAGMA journal_mode = WAL;")


def refuse_lone_log(path: Path) -> None:
    """Raises :class:`UsageError` if ``path`` is gone and its write-ahead log is not."""
    log = _beside(path, "-wal")
    if not path.exists() and log.exists() and log.stat().st_size:
        raise UsageError(
            f"{path} is gone but its log {log} is not: put it back, or remove the log."
        )


def revision(path: Path) -> str:
    """The revision of the database ``path``: four digits that count up.

    Raises :class:`UsageError` if ``path`` cannot be read, is no database, or not one of Pumice's; such a
    file is not touched.
    """
    _require_ours(path)
    with (
        telling(f"The database {path} cannot be read"),
        closing(connect(path, read_only=True)) as connection,
    ):
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    if len(rows) != 1 or not re.fullmatch("[0-9]{4}", rows[0][0]):
        raise UsageError(f"The database {path} does not say which schema it has.")
    found: str = rows[0][0]
    return found


def upgrade(path: Path) -> None:
    """Bring the database ``path`` to :data:`HEAD`; nothing is done if it is there. Nobody may serve it.

    The migrations run in one transaction, in a child process: a crash at any point leaves the old schema
    or the new one. There is no migration back, so a copy of the old database is kept as
    ``<path>.<old revision>`` until a person removes it: with it, the older Pumice can be used again.
    Raises :class:`UsageError`, with the database as it was, if it is newer than this Pumice, if there is
    no room for the copy, or if a migration fails.
    """
    found = revision(path)
    if found > HEAD:
        raise UsageError(
            f"The database {path} has schema {found}, and this Pumice is older: it knows {HEAD}."
        )
    if found == HEAD:
        return
    copy = _beside(path, f".{found}")
    with telling(f"The database {path} cannot be copied to {copy}"):
        _copy(path, copy)
    command = [sys.executable, "-m", "pumice.store.migrations", "upgrade", f"{path.absolute()}"]
    package_parent = Path(__file__).parents[2]  # -m looks for pumice there first.
    child = subprocess.run(  # noqa: S603 - our own module, in our own interpreter
        command, cwd=package_parent, capture_output=True, text=True, check=False
    )
    if child.returncode:
        reason = (child.stderr.strip().splitlines() or [f"status {child.returncode}"])[-1]
        raise UsageError(
            f"The database {path} stays at schema {found}: its upgrade failed: {reason}",
            detail=child.stderr,
        )


def _require_ours(path: Path) -> None:
    """Look at the header without SQLite, which would make files beside a database in WAL mode."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise UsageError(f"The database {path} cannot be read: {error.strerror}.") from error
    if not header.startswith(_MAGIC):
        raise UsageError(f"{path} is no database.")
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise UsageError(f"{path} is a database, but not one of Pumice's.")


def _copy(path: Path, copy: Path) -> None:
    """Copy what is committed in ``path``, its write-ahead log included."""
    with (
        new_file(copy) as unfinished,
        closing(connect(path, read_only=True)) as source,
        closing(sqlite3.connect(unfinished)) as target,
    ):
        source.backup(target)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """An empty file for this user alone, to be filled by SQLite; put on disk as ``path`` at the end."""
    unfinished = path.with_name(f".{path.name}.new")
    _remove(unfinished)  # What a crash left.
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield unfinished
        _sync(unfinished)
        unfinished.rename(path)
    except BaseException:
        _remove(unfinished)
        raise
    _sync(path.parent)


def files_of(path: Path) -> list[Path]:
    """The database ``path`` and what SQLite may keep beside it."""
    return [_beside(path, suffix) for suffix in ("", "-journal", "-wal", "-shm")]


def _remove(path: Path) -> None:
    for file in files_of(path):
        file.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Put a file, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextlib.contextmanager
def telling(what: str) -> Iterator[None]:
    """Turn what the system or SQLite says into one sentence that begins with ``what``."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{what}: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise UsageError(f"{what}: {error}.") from error
