"""A copy of the database, made while it is served, and putting one back.

A copy is one state of the database, whatever is written meanwhile: it is read in one transaction. It holds
everything but the volumes' bytes and the token keys, password hashes included, so only its owner may read it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from pumice.errors import UsageError
from pumice.store import schema
from pumice.store.sqlite import connect

PAGES_AT_ONCE: Final = 4096
"""Between two reports of progress: 16 MiB."""

Progress = Callable[[int, int], None]
"""Told how many pages are copied, and of how many."""


def backup(source: Path, target: Path, *, progress: Progress, overwrite: bool) -> None:
    """Copy the database ``source``, served or not, to ``target``, and check the copy.

    A crash on the way leaves no ``target``, or what was there. Raises :class:`UsageError` if ``source``
    cannot be read, if ``target`` exists and is not to be overwritten, if it is no file (a device, a pipe) or
    one of the database's own, or if it cannot be written.
    """
    schema.revision(source)
    if target.is_dir():
        raise UsageError(f"{target} is a folder; name a file.")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists already.")
    if (
        target.exists() and not target.is_file()
    ):  # The copy takes its name: /dev/null would be gone.
        raise UsageError(f"{target} is not a file; the copy would take its place.")
    for own in schema.files_of(source):
        linked = target.exists() and own.exists() and target.samefile(own)
        if linked or target.resolve() == own.resolve():
            what = "the database itself" if own == source else "a part of the database"
            raise UsageError(f"{target} is {what}.")
    with (
        schema.telling(f"{source} cannot be copied to {target}"),
        schema.new_file(target) as unfinished,
    ):
        _copy(source, unfinished, progress)
        _check(unfinished)


def restore(copy: Path, database: Path, kept: Path, *, progress: Progress) -> None:
    """Put the state of ``copy`` in the place of ``database``, which nobody may serve.

    What ``database`` was, if it was there, is to be found as ``kept``, which must be new. A crash on the way
    leaves the old state or the new one. Raises :class:`UsageError` if ``copy`` is not a whole database of
    Pumice's, or a newer one than this Pumice knows, if only the log of ``database`` is there, which SQLite
    would play into the new one, or if there is no room.
    """
    if copy.exists() and not copy.is_file():  # SQLite waits for ever for what comes out of a pipe.
        raise UsageError(f"{copy} is not a file.")
    found = schema.revision(copy)
    if found > schema.HEAD:
        raise UsageError(
            f"{copy} has schema {found}, and this Pumice is older: it knows {schema.HEAD}."
        )
    if database.exists() and copy.samefile(database):
        raise UsageError(f"{copy} is the database itself.")
    schema.refuse_lone_log(database)
    with (
        schema.telling(f"{copy} cannot be restored"),
        schema.new_file(database) as unfinished,
    ):
        _copy(copy, unfinished, progress)
        _check(unfinished)
        if database.exists():
            _end_log(database)
            kept.hardlink_to(database)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """Everything that is committed in ``source``, its write-ahead log included, as one file."""
    with closing(connect(source, read_only=True)) as old, closing(sqlite3.connect(target)) as new:
        # A transaction holds one state of the source; without it, each write would begin the copy anew.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        old.backup(
            new,
            pages=PAGES_AT_ONCE,
            progress=lambda _status, left, pages: progress(pages - left, pages),
        )
        old.execute("ROLLBACK")
        new.execute("PRAGMA journal_mode = DELETE")


def _check(path: Path) -> None:
    """Raise :class:`UsageError` unless every page of the database is sound."""
    with closing(connect(path, read_only=True)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise UsageError(f"{path} is damaged: {found}.")


def _end_log(database: Path) -> None:
    """Bring what stands in the write-ahead log into the database, and remove the log.

    It belongs to this file alone: SQLite would play it into the one that takes its place.
    """
    try:
        with closing(connect(database)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        raise UsageError(
            f"{database} is damaged ({error}): move it and its -wal file away, then restore again."
        ) from error
