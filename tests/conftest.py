"""What holds for every test: nothing of the person who runs it, and no clock on examples."""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Final

import hypothesis
import pytest

from tests import deployments
from tests.postgresql import MISSING, Cluster, binaries

NOT_PROVEN: Final = "NOT PROVEN HERE: "
"""How the reason begins when a test is skipped because the machine lacks something."""

# Read before the environment is emptied.
NEED_POSTGRESQL: Final = "PUMICE_TESTS_NEED_POSTGRESQL" in os.environ

# The machine may be busy: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("pumice", deadline=None, print_blob=True)
hypothesis.settings.load_profile("pumice")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--deployment``."""
    deployments.add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The marks of deployments; and a shell's ``make test &`` does not make programs deaf to Ctrl-C."""
    deployments.add_markers(config)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def a_stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests, and the programs they start, find an empty home and no cloud in the environment."""
    with pytest.MonkeyPatch.context() as environment:
        for name in os.environ:
            if name.startswith(("OS_", "PUMICE_", "XDG_")):
                environment.delenv(name)
        environment.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def needs_postgresql() -> None:
    """Skips, or fails where PUMICE_TESTS_NEED_POSTGRESQL is set, on a machine without PostgreSQL."""
    if binaries() is None:
        if NEED_POSTGRESQL:
            pytest.fail(MISSING)
        pytest.skip(f"{NOT_PROVEN}{MISSING}")


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A server that the tests of this process share.

    Those of another process have another: it takes half a second to make, and nobody must know who
    is the last to leave.
    """
    request.getfixturevalue("needs_postgresql")
    with Cluster(durable=False) as cluster:
        yield cluster


@pytest.fixture
def postgresql(postgresql_server: Cluster) -> Iterator[str]:
    """The connection string of an empty database that is the test's alone."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgresql_server.create_database(name)
    postgresql_server.drop_database(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what was not proven, so that nobody takes a run without it for a whole one."""
    skipped = terminalreporter.getreports("skipped")
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, times in sorted(reasons.items()):
        if reason.startswith(NOT_PROVEN):
            text = f"{reason.removeprefix(NOT_PROVEN)}: {times} tests did not run"
            terminalreporter.write_line(text, red=True, bold=True)
