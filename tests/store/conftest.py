"""Databases for tests of the store: real ones in the newest schema, on either engine.

A test that takes ``txn``, ``transaction`` or ``reconnect`` runs on both. One that takes a file or a
connection of SQLite's runs there alone: it is about SQLite's files, plans and steps, or about its writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import pytest

from pumice.store import schema
from pumice.store.postgresql import schema as postgresql_schema
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.sqlite import SqliteStore, connect
from pumice.store.txn import Connection, Engine, Txn
from tests.postgresql import Cluster

Transaction = Callable[[], AbstractContextManager[Txn]]
Reconnect = Callable[[], Txn]

ICU_SINCE: Final = 150_000

ON_SQLITE: Final = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""For tests of what only SQLite does: its plans, its steps, its full disks."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A new database on SQLite."""
    database = tmp_path / "pumice.db"
    schema.create(database)
    return database


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """The new database on SQLite, open for writing."""
    opened = SqliteStore(path)
    yield opened
    opened.close()


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of the test's own to the new database; each statement is its own transaction."""
    with closing(connect(path)) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """One database on SQLite for a whole module."""
    database = tmp_path_factory.mktemp("shared") / "pumice.db"
    schema.create(database)
    with closing(connect(database)) as opened:
        yield opened


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each database in turn; the tests of one run together, so that a server is started once."""
    found: Engine = request.param
    return found


def sorting_like_people(server: Cluster, name: str) -> str:
    """A new database in which text is sorted as in a dictionary, unless a column says otherwise.

    Older servers than PostgreSQL 15 have none that need not be installed first.
    """
    url = server.create_database(name)
    with server.connect() as connection:
        if connection.info.server_version >= ICU_SINCE:
            server.drop_database(name)
            locale = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 {locale}'.encode())
    return url


@contextmanager
def log_in(url: str) -> Iterator[PostgresConnection]:
    """A connection to a database on PostgreSQL."""
    with psycopg.connect(url, autocommit=True) as raw:
        yield PostgresConnection(raw)


@pytest.fixture(scope="session")
def on_postgresql(postgresql_server: Cluster) -> Iterator[PostgresConnection]:
    """One database for all tests that leave nothing behind."""
    url = sorting_like_people(postgresql_server, "store")
    postgresql_schema.create(url)
    with log_in(url) as opened:
        yield opened


@contextmanager
def rolled_back(connection: Connection, engine: Engine) -> Iterator[Txn]:
    """A transaction that leaves nothing behind."""
    connection.execute("BEGIN")
    try:
        yield Txn(connection, engine)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@pytest.fixture
def txn(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Txn]:
    """One transaction on a database without rows, which is never committed."""
    name = "connection" if engine == "sqlite" else "on_postgresql"
    with rolled_back(request.getfixturevalue(name), engine) as opened:
        yield opened


@pytest.fixture(scope="session")
def transaction(
    engine: Engine, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Transaction]:
    """Makes one transaction after the other for the examples of a property; none is committed."""
    if engine == "postgresql":
        yield partial(rolled_back, request.getfixturevalue("on_postgresql"), engine)
        return
    database = tmp_path_factory.mktemp("shared") / "pumice.db"
    schema.create(database)
    with closing(connect(database)) as opened:
        yield partial(rolled_back, opened, engine)


@pytest.fixture
def reconnect(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Reconnect]:
    """Makes one connection after the other to a new database; each statement is its own transaction."""
    with ExitStack() as stack:
        if engine == "sqlite":
            path = request.getfixturevalue("path")
            yield lambda: Txn(stack.enter_context(closing(connect(path))))
        else:
            url = request.getfixturevalue("postgresql")
            postgresql_schema.create(url)
            yield lambda: Txn(stack.enter_context(log_in(url)), engine)
