"""The crash matrix, generated for every operation: whatever is disturbed, the end is the same.

The reference is an undisturbed run of the same scenario. The points at which a process is killed are
those that the reference reaches, so a new step brings its points with it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import pytest

from pumice.bus.contract import Hint
from pumice.operations.definition import Remote
from pumice.operations.registry import OPERATIONS
from tests.operations.scenarios import SCENARIOS, Scenario
from tests.operations.stage import DRIVERS, Worlds, play
from tests.simulation.world import Fate, Point

T = TypeVar("T")

PAIRS_MAX: Final = 40
"""Kills by pairs are sampled, to keep the suite short: this many for each scenario and driver,"""
SHARED_PAIRS_MAX: Final = 10
"""and fewer on PostgreSQL, where a play takes ten times as long."""

IN_SHORT: Final = ("volume.create-undo-fails-twice", "volume.delete-replies-lost")
"""The scenarios of the part that runs in every deployment: those with long ways."""

by_driver = pytest.mark.parametrize("driver", DRIVERS)
by_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=str)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_scenarios_lead_through_every_step_and_undo(worlds: Worlds, operation: str) -> None:
    steps = OPERATIONS[operation].steps
    remote = [step for step in steps if isinstance(step, Remote)]
    wanted = {f"{operation}:{step.name}:run" for step in remote}
    wanted |= {f"{operation}:{step.name}:undo" for step in remote if step.undo is not None}
    wanted |= {f"{operation}:{step.name}:unit" for step in remote}
    scenarios = [scenario for scenario in SCENARIOS if scenario.operation == operation]
    assert scenarios
    reached = {
        name.removeprefix(when)
        for scenario in scenarios
        for name, _ in play(worlds, scenario, DRIVERS[0]).points
        for when in ("before ", "after ")
        if name.startswith(when)
    }
    assert wanted <= reached


@pytest.mark.everywhere
@by_driver
@by_scenario
def test_undisturbed(worlds: Worlds, scenario: Scenario, driver: str) -> None:
    end = play(worlds, scenario, driver)
    (*_, operation) = end.state["operations"]
    assert operation[1:3] == (scenario.operation, scenario.status)
    assert [(row[3], row[6]) for row in end.state["volumes"]] == (
        [(scenario.volume, scenario.host)] if scenario.volume else []
    )
    failed = scenario.status == "undone"
    assert [row[1] for row in end.state["messages"]] == ([operation[6]] if failed else [])
    assert (operation[0] in [row[0] for row in end.state["events"]]) is not failed
    if scenario.commits is not None:
        assert end.commits == scenario.commits[end.processes > 1]


@by_driver
@by_scenario
def test_killed_anywhere(worlds: Worlds, scenario: Scenario, driver: str) -> None:
    kill_anywhere(worlds, scenario, driver)


def kill_anywhere(worlds: Worlds, scenario: Scenario, driver: str) -> None:
    """Whatever point the process is killed at, the end is the same."""
    undisturbed = play(worlds, scenario, driver)
    assert undisturbed.points
    for point in undisturbed.points:
        assert play(worlds, scenario, driver, kills=[point]).state == undisturbed.state, point


@pytest.mark.everywhere
@pytest.mark.only_on("postgresql", "postgresql-4", reason="On SQLite each test run has all of it.")
@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if str(one) in IN_SHORT], ids=str)
def test_killed_anywhere_in_short(worlds: Worlds, scenario: Scenario) -> None:
    kill_anywhere(worlds, scenario, DRIVERS[0])


@by_driver
@by_scenario
def test_killed_anywhere_and_again_while_recovering(
    worlds: Worlds, scenario: Scenario, driver: str
) -> None:
    undisturbed = play(worlds, scenario, driver)
    found = pairs(worlds, scenario, driver, undisturbed.points)
    at_most = SHARED_PAIRS_MAX if worlds.is_shared else PAIRS_MAX
    for kills in sample(found, at_most, seed=f"{scenario} {driver}"):
        assert play(worlds, scenario, driver, kills=kills).state == undisturbed.state, kills


def pairs(
    worlds: Worlds, scenario: Scenario, driver: str, points: Sequence[Point]
) -> list[tuple[Point, Point]]:
    """Each of ``points`` with each point that the recovery from it reaches."""
    return [
        (first, second)
        for first in points
        for second in play(worlds, scenario, driver, kills=[first]).points
    ]


def sample(cases: list[T], at_most: int, *, seed: str) -> list[T]:
    """At most so many of ``cases``, always the same ones."""
    return random.Random(seed).sample(cases, min(at_most, len(cases)))


def on_hint(hit: Callable[[int], bool], *seconds: float) -> Fate:
    """The hints whose number ``hit`` picks arrive after ``seconds``, the others at once."""
    counter = itertools.count()

    def fate(_hint: Hint) -> Sequence[float]:
        return seconds if hit(next(counter)) else (0.0,)

    return fate


@by_driver
@by_scenario
@pytest.mark.parametrize(
    "seconds", [(), (0.0, 0.0), (0.0, 0.001), (5.0,)], ids=["lost", "doubled", "echoed", "late"]
)
def test_hints(worlds: Worlds, scenario: Scenario, driver: str, seconds: tuple[float, ...]) -> None:
    undisturbed = play(worlds, scenario, driver)
    hints = sum(name.startswith("before hint") for name, _ in undisturbed.points)
    assert hints
    fates = [on_hint(number.__eq__, *seconds) for number in range(hints)]
    # A sweep's hint may share the fate of the one that it makes up for; the next one comes through.
    fates.append(on_hint(lambda number: number % 2 == 0, *seconds))
    for number, fate in enumerate(fates):
        assert play(worlds, scenario, driver, fate=fate).state == undisturbed.state, number
