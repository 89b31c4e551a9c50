"""Databases on real servers, and stores on them as processes have them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest

from pumice.store.postgresql import schema
from pumice.store.postgresql.store import PostgresStore
from pumice.threads import ThreadExecutor
from tests.postgresql import Cluster

Open = Callable[[str], PostgresStore]


@pytest.fixture
def url(postgresql: str) -> str:
    """A new database with the schema, on the server that tests share."""
    schema.create(postgresql)
    return postgresql


@pytest.fixture(scope="session")
def own_server(needs_postgresql: None) -> Iterator[Cluster]:
    """A server for tests that stop and kill it; they leave it running."""
    del needs_postgresql
    with Cluster(durable=False) as cluster:
        yield cluster


@pytest.fixture
def own_url(own_server: Cluster) -> Iterator[str]:
    """A new database with the schema, on a server that the test may stop."""
    name = f"test_{uuid.uuid4().hex}"
    found = own_server.create_database(name)
    schema.create(found)
    yield found
    own_server.drop_database(name)


@pytest.fixture
def open_store() -> Iterator[Open]:
    """Opens stores, each with threads of its own, and closes them."""
    with ExitStack() as stack:

        def opened(url: str) -> PostgresStore:
            executor = ThreadExecutor()
            stack.callback(executor.shutdown)
            return stack.enter_context(closing(PostgresStore(url, executor)))

        yield opened


@pytest.fixture
def store(url: str, open_store: Open) -> PostgresStore:
    """A store on the new database."""
    return open_store(url)


@pytest.fixture
def stranger(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that is nobody's; each statement is its own transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
