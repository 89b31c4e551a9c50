"""Databases for tests of the store: real files in the newest schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pumice.store import schema
from pumice.store.sqlite import SqliteStore, connect
from pumice.store.txn import Txn


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A new database."""
    database = tmp_path / "pumice.db"
    schema.create(database)
    return database


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """The new database, open for writing."""
    opened = SqliteStore(path)
    yield opened
    opened.close()


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of the test's own to the new database; each statement is its own transaction."""
    with closing(connect(path)) as opened:
        yield opened


@pytest.fixture
def txn(connection: sqlite3.Connection) -> Iterator[Txn]:
    """One transaction on the new database, which is never committed."""
    connection.execute("BEGIN IMMEDIATE")
    yield Txn(connection)
    if connection.in_transaction:
        connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """One database for all examples of a property; each example rolls back what it wrote."""
    database = tmp_path_factory.mktemp("shared") / "pumice.db"
    schema.create(database)
    with closing(connect(database)) as opened:
        yield opened
