"""On what the tests of the API, of operations and of the clients run: SQLite, PostgreSQL, several processes.

A test that takes the fixture ``deployment`` runs once for each that ``--deployment`` names: ``sqlite``,
``postgresql``, ``postgresql-4`` or ``all`` of them. Without the option it runs on SQLite, and on the others
too if it is marked ``everywhere``; ``only_on`` leaves out, always, what a test cannot be about. So ``make
test`` runs a part of these tests on all three, and ``make test ARGS='--deployment all tests/api'`` each.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import pytest

Name = Literal["sqlite", "postgresql", "postgresql-4"]
"""One process on SQLite; one on PostgreSQL; four there, of which two answer requests."""

NAMES: Final[tuple[Name, ...]] = get_args(Name)
ROLES: Final = ("volume", "scheduler", "api", "api")
"""What each of four processes does; what the later ones need is there when they start."""


def add_option(parser: pytest.Parser) -> None:
    """Add ``--deployment``."""
    parser.addoption(
        "--deployment",
        choices=(*NAMES, "all"),
        help="run the tests of the API, of operations and of the clients on this, or on all of them "
        "(without it: on SQLite, and a part of them on all)",
    )


def add_markers(config: pytest.Config) -> None:
    """Tell pytest the marks that :func:`wanted` looks at."""
    config.addinivalue_line("markers", "everywhere: runs in every deployment, whatever is chosen")
    config.addinivalue_line(
        "markers", "only_on(*deployments, reason): what it is about is not there in the others"
    )


def wanted(metafunc: pytest.Metafunc) -> list[Name]:
    """Where this test is to run."""
    definition = metafunc.definition
    chosen = metafunc.config.getoption("--deployment")
    if chosen == "all" or (chosen is None and definition.get_closest_marker("everywhere")):
        found = list(NAMES)
    else:
        found = [chosen or "sqlite"]
    for mark in definition.iter_markers("only_on"):
        assert mark.kwargs["reason"]
        found = [one for one in found if one in mark.args]
    return found


def spread(metafunc: pytest.Metafunc) -> None:
    """Let a test that takes ``deployment`` run in each that is wanted."""
    if "deployment" not in metafunc.fixturenames:
        return
    found: list[Any] = list(wanted(metafunc))
    if not found:
        reasons = [one.kwargs["reason"] for one in metafunc.definition.iter_markers("only_on")]
        found = [pytest.param(None, marks=pytest.mark.skip(reason="; ".join(reasons)))]
    metafunc.parametrize("deployment", found, indirect=True, scope="session")
