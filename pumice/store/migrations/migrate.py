"""Runs the migrations on a SQLite database, all of them in one transaction."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from pumice.store.schema import APPLICATION_ID
from pumice.store.sqlite import connect

FOLDER: Final = Path(__file__).parent
VERSIONS: Final = FOLDER / "versions"
BUSY_MS: Final = 60_000
"""How long to wait for another upgrade of the same database to end."""


class MigrationError(Exception):
    """The migrations cannot be done, or would break the database's own rules; nothing was changed."""


def migrate(path: Path, revision: str = "head", *, versions: Path = VERSIONS) -> None:
    """Bring the existing file ``path``, which may be empty, to ``revision``.

    All or nothing: a failure, or a crash at any point, leaves the database as it was. Raises what a
    migration raised, Alembic's errors, and :class:`MigrationError`. ``versions`` holds the migrations.
    """
    engine = create_engine("sqlite://", creator=lambda: _connect(path), poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    config = config_of(versions)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        _claim_if_empty(connection)
        command.upgrade(config, revision)
        _check_references(connection)


def config_of(versions: Path) -> Config:
    """What Alembic is to know: the migrations are in ``versions``."""
    config = Config()
    config.set_main_option("script_location", _escaped(FOLDER))
    config.set_main_option("version_locations", _escaped(versions))
    config.set_main_option("path_separator", "newline")
    return config


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that leaves transactions to its user (``isolation_level`` is None).

    Foreign keys are not enforced meanwhile: a migration that changes a column makes its table anew, as
    SQLite wants it (sqlite.org/lang_altertable.html#otheralter), and the references are checked at the
    end. The switch has no effect inside a transaction, so it is set here.
    """
    connection = connect(path)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA foreign_keys = OFF")
    return connection


def _begin(connection: Connection) -> None:
    """Begin what sqlite3 itself would only begin at the first INSERT, after a CREATE TABLE has happened.

    At once for writing, so that of two upgrades the second finds the first one's result.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _claim_if_empty(connection: Connection) -> None:
    """Sign a database without tables as Pumice's."""
    if not connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar():
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise MigrationError(f"Rows would refer to rows that are gone, in {tables}: {len(broken)}.")


def _escaped(path: Path) -> str:
    """``path`` as the value of an option; Alembic interpolates ``%``."""
    return str(path).replace("%", "%%")
