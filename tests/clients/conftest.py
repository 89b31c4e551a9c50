"""A served Pumice for the tests of a worker, and the clients' command lines for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.clients import strace
from tests.clients.served import Deployment, Served
from tests.clients.shells import Shell
from tests.clients.traced import Traced, trace_a_volume
from tests.deployments import spread


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs in every deployment that is wanted."""
    spread(metafunc)


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """On what the tests' servers run."""
    on_sqlite = request.param == "sqlite"
    cluster = None if on_sqlite else request.getfixturevalue("postgresql_server")
    return Deployment(request.param, cluster)


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """The way to a server on this machine does not lead through another."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "127.0.0.1")
        environment.setenv("no_proxy", "127.0.0.1")
        yield


@pytest.fixture(scope="session")
def pumice(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the backends ``fast`` and ``bulk`` and no limits; tests share it."""
    with Served(tmp_path_factory.mktemp("pumice"), deployment) as served:
        yield served


@pytest.fixture
def cinder(pumice: Served) -> Shell:
    return Shell("cinder", pumice.environment)


@pytest.fixture
def nova(pumice: Served) -> Shell:
    return Shell("nova", pumice.environment)


@pytest.fixture
def openstack(pumice: Served) -> Shell:
    return Shell("openstack", pumice.environment)


@pytest.fixture
def name() -> str:
    """A name that nothing else on the shared server has."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def traced(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Traced:
    """What a server asked of the kernel while it made, showed, refused and removed a volume.

    Skips, saying what is missing, on a machine where no program can be traced.
    """
    if reason := strace.why_not():
        pytest.skip(f"NOT PROVEN HERE: {reason}")
    return trace_a_volume(tmp_path_factory.mktemp("traced"), deployment)
