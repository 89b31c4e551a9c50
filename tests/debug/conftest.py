"""A served Pumice under a debugger, and somewhere for a client to wait."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.debug.debugged import Debugged


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """The way to a server on this machine does not lead through another."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "127.0.0.1")
        environment.setenv("no_proxy", "127.0.0.1")
        yield


@pytest.fixture(scope="module")
def pumice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debugged]:
    """A debugged server; the tests of a module share it."""
    with Debugged(tmp_path_factory.mktemp("pumice")) as served:
        yield served


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Runs what waits for a stopped server; a test ends when it has ended."""
    with ThreadPoolExecutor(4) as pool:
        yield pool
