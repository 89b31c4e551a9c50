"""The cloud that most tests of the API talk to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.cloud import Cloud, populate, populated_database, running
from tests.api.deployment import FOUR, ONE, Deployment, OnPostgresql, OnSqlite
from tests.deployments import spread


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs in every deployment that is wanted."""
    spread(metafunc)


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """What starts the processes of a cloud."""
    if request.param == "sqlite":
        return OnSqlite(populated_database())
    cluster = request.getfixturevalue("postgresql_server")
    return OnPostgresql(cluster, FOUR if request.param == "postgresql-4" else ONE, populate)


@pytest.fixture
async def cloud(deployment: Deployment, tmp_path: Path) -> AsyncIterator[Cloud]:
    """A Pumice of its own for each test."""
    async with running(deployment, tmp_path) as cloud:
        yield cloud
