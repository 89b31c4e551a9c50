"""The schema of a database on PostgreSQL: made new, told apart, and brought up to date.

As :mod:`pumice.store.schema` does it for SQLite, but several processes may use the database meanwhile:
whoever changes the schema holds a lock, and a migration says which older Pumice may go on beside it.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict

from pumice.errors import Unavailable, UsageError
from pumice.store.schema import HEAD

SCHEMA_SQL: Final = Path(__file__).with_name("schema.sql")
VERSION_MIN: Final = 14
LOCK: Final = int.from_bytes(b"Pumi")
"""The advisory lock of who makes or changes the schema."""
CONNECT_SECONDS: Final = 10

_TABLES: Final = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind IN ('r', 'p')
"""
_OURS: Final = frozenset({"alembic_version", "compatibility", "generations"})
"""What no other program has side by side."""
_FAILURE: Final = re.compile("connection to server .*")
_STILL_OLDEST: Final = "SELECT oldest FROM compatibility FOR SHARE"
_STAMP: Final = "SELECT v.version_num, c.oldest FROM alembic_version v, compatibility c"


class Stamp(Struct, frozen=True):
    """What a database says of its schema.

    ``revision`` is four digits that count up; ``oldest`` is the oldest revision whose Pumice may go on
    serving beside it.
    """

    revision: str
    oldest: str


def create(url: str) -> None:
    """Make the schema in the database ``url``, which must be empty; nothing is done if it is Pumice's.

    All or nothing, and of two that do it at once the second finds the work done. Raises
    :class:`UsageError` if other tables are there, and :class:`Unavailable` if it cannot be used.
    """
    with telling(url, "cannot be prepared"), connect(url) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        if stamp(connection) is None:
            connection.execute(SCHEMA_SQL.read_bytes())


def revision(url: str) -> str | None:
    """The revision of the database ``url``; None if it is empty.

    Raises :class:`UsageError` if it is not Pumice's, and :class:`Unavailable` if it cannot be used.
    """
    with telling(url, "cannot be read"), connect(url) as connection:
        found = stamp(connection)
        return None if found is None else found.revision


def upgrade(url: str) -> None:
    """Bring the database ``url``, which must be Pumice's, to :data:`HEAD`; nothing is done if it is there.

    Others may serve it meanwhile. The migrations run in one transaction, in a child process: a crash at any
    point leaves the old schema or the new one. A newer schema is left alone. Raises :class:`UsageError`,
    with the database as it was, if this Pumice must not serve the newer schema, or if a migration fails,
    and :class:`Unavailable` if it cannot be used.
    """
    with telling(url, "cannot be read"), connect(url) as connection:
        found = stamp(connection)
    if found is None:
        raise UsageError(f"{described(url)} is empty.")
    check_compatible(found.revision, found.oldest)
    if found.revision >= HEAD:
        return
    child = subprocess.run(
        [sys.executable, "-m", "pumice.store.migrations", "upgrade-postgresql"],
        input=url,  # Not an argument: everybody sees those, and it may have a password in it.
        cwd=Path(__file__).parents[3],  # -m looks for pumice there first.
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        reason = (child.stderr.strip().splitlines() or [f"status {child.returncode}"])[-1]
        raise UsageError(
            f"{described(url)} stays at schema {found.revision}: its upgrade failed: {reason}"
        )


def check_compatible(found: str, oldest: str) -> None:
    """Raise :class:`UsageError` unless this Pumice may serve a database of revision ``found``.

    It may if it knows that revision, or if ``oldest``, which the database names, is not newer than what it
    knows: then all that came since leaves what it uses as it was.
    """
    if found > HEAD and oldest > HEAD:
        raise UsageError(
            f"The database has schema {found}, which needs a Pumice that knows {oldest}; this one is "
            f"older and knows {HEAD}."
        )


def check_served(connection: psycopg.Connection[Any]) -> None:
    """Raise :class:`UsageError` unless this Pumice may serve the database; its process's lock is held.

    A migration that leaves others behind looks for such locks once it has changed ``oldest``. So either it
    finds this one, or it is waited for here. Raises psycopg's errors.
    """
    connection.execute(_STILL_OLDEST)
    for found, oldest in connection.execute(_STAMP):
        check_compatible(found, oldest)


def stamp(connection: psycopg.Connection[Any]) -> Stamp | None:
    """What the database says of its schema; None if it has no tables.

    Raises :class:`UsageError` if it has tables, but is not Pumice's.
    """
    tables = {row[0] for row in connection.execute(_TABLES)}
    if not tables:
        return None
    rows = connection.execute(_STAMP).fetchall() if tables >= _OURS else []
    if len(rows) != 1 or not re.fullmatch("[0-9]{4}", rows[0][0]):
        raise UsageError(
            f"The database {connection.info.dbname} has tables already, and they are not Pumice's."
        )
    return Stamp(*rows[0])


def connect(url: str) -> psycopg.Connection[Any]:
    """A connection to ``url`` in autocommit. Raises psycopg's errors.

    Raises :class:`UsageError` if the server is too old, or if its database does not keep Unicode.
    """
    connection = psycopg.connect(
        url, autocommit=True, connect_timeout=CONNECT_SECONDS, client_encoding="utf8"
    )
    version = connection.info.server_version // 10_000
    encoding = connection.info.parameter_status("server_encoding")
    if version < VERSION_MIN:
        connection.close()
        raise UsageError(f"PostgreSQL {version} is too old; Pumice needs {VERSION_MIN} or newer.")
    if encoding != "UTF8":
        connection.close()
        raise UsageError(f"The database has the encoding {encoding}; Pumice needs UTF8.")
    return connection


def described(url: str) -> str:
    """The database of ``url`` in words, without its password. Raises :class:`UsageError` for no URL."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        # What libpq says of it may have the password in it.
        raise UsageError("What should name a PostgreSQL database is no URL of one.") from None
    name = parts.get("dbname") or parts.get("user") or "postgres"
    host = parts.get("host") or parts.get("hostaddr") or "this machine"
    return f"The PostgreSQL database {name} on {host}"


@contextlib.contextmanager
def telling(url: str, what: str) -> Iterator[None]:
    """Turn what PostgreSQL says into :class:`Unavailable`, which begins with the database of ``url``."""
    where = described(url)
    try:
        yield
    except psycopg.Error as error:
        raise Unavailable(f"{where} {what}: {_said(error)}.") from error


def _said(error: psycopg.Error) -> str:
    """The server's own words; else, of what libpq and psycopg say of a connection, one part for each host."""
    if error.diag.message_primary:
        return error.diag.message_primary
    failures = dict.fromkeys(_FAILURE.findall(f"{error}"))
    lines = f"{error}".splitlines() or [type(error).__name__]
    return ("; ".join(failures) or lines[0]).rstrip(".")
