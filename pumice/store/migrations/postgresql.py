"""Runs the migrations on a PostgreSQL database that others may be serving, all of them in one transaction."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import psycopg
from alembic import command
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from pumice.store.migrations.migrate import VERSIONS, MigrationError, config_of
from pumice.store.migrations.portable import for_postgresql
from pumice.store.postgresql.schema import LOCK, connect
from pumice.store.postgresql.session import SERVING

TURN_SECONDS: Final = 60
"""How long to wait for another upgrade of the same database to end."""
LOCK_SECONDS: Final = 2
"""How long a statement waits for the others to let go of a table; they wait behind it meanwhile."""
ATTEMPTS: Final = 10
PAUSE_SECONDS: Final = 1.0
"""Between two attempts: what had to wait goes on."""

_NULLABLE: Final = """
SELECT 1 FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attnotnull
"""


def migrate(url: str, revision: str = "head", *, versions: Path = VERSIONS) -> None:
    """Bring the database ``url``, which must be Pumice's, to ``revision``.

    All or nothing. If the others do not let go of a table in time, it is tried again, :data:`ATTEMPTS` times
    in all. Raises what a migration raised, Alembic's errors, and :class:`MigrationError` for PostgreSQL's
    and if a process serves that could not go on with the new schema. ``versions`` holds the migrations.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _migrate(url, revision, versions)
        except DBAPIError as error:
            is_locked = isinstance(error.orig, psycopg.errors.LockNotAvailable)
            if attempt == ATTEMPTS or not is_locked:
                raise MigrationError(" ".join(f"{error.orig}".split())) from error
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _migrate(url: str, revision: str, versions: Path) -> None:
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(url), poolclass=NullPool
    )
    event.listen(engine, "before_cursor_execute", _translate, retval=True)
    config = config_of(versions)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        _wait_in_line(connection)
        before = _scalar(connection, "SELECT version_num FROM alembic_version")
        command.upgrade(config, revision)
        _refuse_to_break_others(connection, str(before))


def _connect(url: str) -> psycopg.Connection[Any]:
    connection = connect(url)
    connection.autocommit = False
    return connection


def _wait_in_line(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{TURN_SECONDS}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")


def _refuse_to_break_others(connection: Connection, before: str) -> None:
    """Raises :class:`MigrationError` if a process serves that the schema leaves behind, with what it had."""
    oldest = _scalar(connection, "SELECT oldest FROM compatibility")
    serving = _scalar(connection, f"SELECT count(*) {SERVING}")
    if serving and oldest > before:
        raise MigrationError(
            f"the new schema is not for those that serve the database with {before} (processes: "
            f"{serving}); stop them first"
        )


def _scalar(connection: Connection, statement: str) -> Any:
    return connection.exec_driver_sql(statement).scalar_one()


def _translate(
    connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any
) -> tuple[str, Any]:
    """What a migration says, as PostgreSQL understands it."""

    def is_nullable(table: str, column: str) -> bool:
        cursor = connection.connection.cursor()
        cursor.execute(_NULLABLE, (table, column))
        return cursor.fetchone() is not None

    return for_postgresql(statement, is_nullable), parameters
