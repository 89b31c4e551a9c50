"""The whole program under seeds: a few that are always the same, and a few that are always new.

``make simulate SEEDS=1..20000`` is the long run.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from collections import Counter
from typing import Final

import pytest

from tests.simulation.plan import OPERATIONS, Plan, draw
from tests.simulation.planted import PLANTED
from tests.simulation.shrink import shrink
from tests.simulation.simulate import Outcome, simulate

FIXED: Final = range(1, 31)
FRESH: Final = 20
CHUNK: Final = 10
FIRST_FRESH: Final = int(os.environ.get("PYTEST_XDIST_TESTRUNUID", "")[:7] or "0", 16) or int(
    time.time()
)
"""From the run's own id, so that the workers of one run agree; else from the time."""


@functools.cache
def _run(seed: int) -> Outcome:
    return simulate(draw(seed))


def _broken(first: int) -> list[str]:
    """The violations of some seeds, with what plays them again."""
    return [
        f"make simulate SEEDS={seed}  # {_run(seed).violation}"
        for seed in range(first, first + CHUNK)
        if _run(seed).violation is not None
    ]


@pytest.mark.parametrize("first", FIXED[::CHUNK])
def test_the_fixed_seeds_hold(first: int) -> None:
    assert not _broken(first)


@pytest.mark.parametrize("part", range(FRESH // CHUNK))
def test_fresh_seeds_hold(part: int) -> None:
    first = FIRST_FRESH + part * CHUNK
    print(f"Seeds {first} to {first + CHUNK - 1}")
    assert not _broken(first)


def test_everything_goes_wrong_that_can() -> None:
    """A kind of fault that is drawn and never takes place would prove nothing."""
    plans = [draw(seed) for seed in range(1, 201)]
    faults = Counter(step.what for plan in plans for step in plan.steps if step.is_fault)
    assert set(faults) == {
        "kill",
        "kill at point",
        "stop",
        "pause",
        "cut",
        "bus",
        "store",
        "driver",
        "clock",
        "stranger",
    }
    assert {len(plan.nodes) for plan in plans} == {1, 2, 3, 4}
    assert all(sum(not step.is_fault for step in plan.steps) == OPERATIONS for plan in plans)


@pytest.mark.parametrize("seed", [1, 3])
def test_a_seed_is_the_same_story_again(seed: int) -> None:
    first, again = simulate(draw(seed)), simulate(draw(seed))
    assert first.history == again.history
    assert first.digest == again.digest


def test_a_seed_is_the_same_story_in_another_process() -> None:
    """Neither the addresses of objects nor the hashes of texts decide anything."""
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "2", "--keep"]
    plan = draw(2)
    kept = ",".join(str(step.number) for step in plan.steps)
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        ended = subprocess.run(
            [*command, kept], env=environment, capture_output=True, text=True, check=False
        )
        assert simulate(plan).digest in ended.stdout, ended.stdout + ended.stderr


def test_another_seed_is_another_story() -> None:
    assert simulate(draw(1)).digest != simulate(draw(2)).digest


FOUND_BY: Final = {
    "an undo that cannot be repeated": 17,
    "a fence that is not checked": 12,
    "a repeated create that begins anew": 43,
    "a status set without looking": 12,
    "a lost answer taken for a failed write": 28,
    "leases by the clock of each process": 34,
}
"""Where the search begins, to save time; it goes on from seed 1 when plans are drawn differently."""


def _searched(name: str) -> tuple[Plan, Outcome]:
    """A run that finds a planted defect."""
    for seed in [FOUND_BY.get(name, 1), *range(1, 1001)]:
        outcome = simulate(draw(seed))
        if outcome.violation is not None:
            print(f"{name}: found by seed {seed}: {outcome.violation}")
            return draw(seed), outcome
    raise AssertionError(f"{name} was not found")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found(name: str) -> None:
    with PLANTED[name]():
        _searched(name)


def test_a_failure_is_shrunk_and_plays_again() -> None:
    with PLANTED["quota given back twice"]():
        plan, outcome = _searched("quota given back twice")
        assert outcome.violation is not None
        small, shrunk = shrink(plan, outcome.violation.kind)
        assert shrunk is not None
        assert {step.what for step in small.steps} <= {"create", "delete", "force delete", "repeat"}
        assert len(small.steps) <= 3
        again = simulate(plan.keeping(step.number for step in small.steps))
        assert again.digest == shrunk.digest
        assert again.violation == shrunk.violation
    assert simulate(small).violation is None
