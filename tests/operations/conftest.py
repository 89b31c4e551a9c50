"""What the tests of the engine share."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deployments import spread
from tests.operations.shared import FOUR, ONE, Database
from tests.operations.stage import OnPostgresql, Worlds
from tests.simulation.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs in every deployment that is wanted."""
    spread(metafunc)


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """The one in which all worlds on PostgreSQL follow each other."""
    cluster = request.getfixturevalue("postgresql_server")
    database = Database(cluster, "operations")
    yield database
    database.close()


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Callable[..., World]:
    """What makes a world."""
    if request.param == "sqlite":
        return World
    roles = FOUR if request.param == "postgresql-4" else ONE
    return OnPostgresql(request.getfixturevalue("database"), roles)


@pytest.fixture
def worlds(deployment: Callable[..., World]) -> Iterator[Worlds]:
    """Makes the worlds of a test."""
    with contextlib.closing(Worlds(deployment)) as worlds:
        yield worlds


@pytest.fixture
def world(worlds: Worlds, tmp_path: Path) -> World:
    """A world with two backends of the memory driver."""
    return worlds.make(tmp_path / "world")


@pytest.fixture(autouse=True)
def _nothing_unforeseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The engine logs an error only for a defect. A test that makes one clears the log."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, [record.getMessage() for record in errors]
