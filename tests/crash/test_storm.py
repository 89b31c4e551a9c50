"""Short storms; ``make crash`` runs the long ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NOT_PROVEN
from tests.crash.programs import PROGRAMS
from tests.crash.scenarios import SCENARIOS, Plan, Store, why_not
from tests.guard import Guard

SHORT: list[tuple[str, Store, int]] = [
    ("kill", "sqlite", 4),
    ("kill", "postgresql", 3),
    ("pause", "postgresql", 1),
    ("partition", "postgresql", 1),
    ("failover", "postgresql", 0),
    ("postgresql-restart", "postgresql", 3),
    ("full-disk", "sqlite", 2),
    ("full-disk", "postgresql", 1),
    ("io-error", "sqlite", 3),
    ("io-error", "postgresql", 3),
    ("slow-fsync", "sqlite", 1),
    ("slow-fsync", "postgresql", 1),
    ("clock", "sqlite", 2),
    ("clock", "postgresql", 2),
]
"""Scenario, database and strikes."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that everybody may enter, unlike pytest's: PostgreSQL does not run as root."""
    with Guard() as guard:
        yield guard.folder("pumice-crash-")


@pytest.mark.parametrize(("scenario", "on", "count"), SHORT)
async def test_a_cloud_that_breaks_keeps_every_promise(
    folder: Path, scenario: str, on: Store, count: int
) -> None:
    if reason := why_not(scenario, on):
        pytest.skip(f"{NOT_PROVEN}{reason}")
    lines: list[str] = []
    verdict = await SCENARIOS[scenario](
        Plan(folder, seed=1, tell=lines.append, on=on, count=count, short=True)
    )
    print("\n".join(lines), verdict, sep="\n")
    assert verdict.wrong == []
    assert verdict.strikes == (count or 1)
    assert verdict.acknowledged > 0
    if scenario != "slow-fsync":
        assert verdict.taken_up > 0, "nothing was under way when it broke"
    if scenario == "kill":
        assert verdict.by_library.keys() == {program.library for program in PROGRAMS}


def test_every_scenario_has_a_short_version() -> None:
    assert {scenario for scenario, _, _ in SHORT} == set(SCENARIOS)
