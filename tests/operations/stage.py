"""Plays a scenario in a world of its own, undisturbed or with disturbances."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pumice.model.roles import Role
from pumice.process import Process
from tests.operations.actions import commits_of
from tests.operations.scenarios import Scenario
from tests.operations.shared import Database, SharedWorld
from tests.simulation.state import each, snapshot
from tests.simulation.world import Fate, Point, World, settled

DRIVERS: Final = ("memory", "file")
PROBE: Final = ".pumice-probe"
"""The file driver's test of its directory, at each start: before anything is recovered."""
RECOVERED_SECONDS: Final = 400.0
"""Virtual seconds in which everything is at rest again, whatever was disturbed: backoffs and sweeps."""


@dataclass(frozen=True, slots=True)
class Play:
    """What came of it: the end state, and the commits and points of the last process.

    Points and commits count from the start of the operation, or of the recovery.
    """

    state: dict[str, Any]
    commits: int
    processes: int
    points: tuple[Point, ...]


class OnPostgresql:
    """Makes worlds on a database that they have one after the other; a process for each of ``roles``."""

    def __init__(self, database: Database, roles: Sequence[frozenset[Role]]) -> None:
        self._database = database
        self._roles = roles

    def __call__(self, home: Path, **options: Any) -> World:
        """The next world."""
        return SharedWorld(home, self._database, self._roles, **options)


class Worlds:
    """Makes worlds, one after the other: the next one is the end of the last one."""

    def __init__(self, deployment: Callable[..., World]) -> None:
        self._deployment = deployment
        self._last: World | None = None

    @property
    def is_shared(self) -> bool:
        """Whether they are on PostgreSQL."""
        return self._deployment is not World

    def make(
        self, home: Path, *, driver: str = "memory", options: Mapping[str, str] | None = None
    ) -> World:
        """See :class:`World`."""
        self.close()
        self._last = self._deployment(home, driver=driver, options=options)
        return self._last

    def close(self) -> None:
        """End the last one."""
        if self._last is not None:
            self._last.close()
            self._last = None


def play(
    worlds: Worlds,
    scenario: Scenario,
    driver: str,
    *,
    kills: Sequence[Point] = (),
    fate: Fate | None = None,
) -> Play:
    """Let ``scenario`` go to its end, killing the process at each of ``kills`` in turn.

    Each kill is of one process: the first starts the operation, those after it recover. Fails if a
    process does not reach the point at which it shall be killed.
    """
    with staged(worlds, scenario, driver) as world:
        if fate is not None:
            world.fate = fate

        async def begin(process: Process) -> Play:
            before, commits = len(world.reached), commits_of(process)
            await scenario.act(world, process)
            return await _end(world, process, commits, before)

        async def recover(process: Process) -> Play:
            return await _end(world, process, commits_of(process), 0)

        try:
            act = begin
            for point in kills:
                life = world.live(act, kill_at=point)
                assert life.killed, f"{point} was never reached, only {life.reached}"
                act = recover
            return world.live(act).value
        except BaseException as error:
            error.add_note(f"{scenario} on {driver}, killed at {kills}")
            raise


@contextmanager
def staged(worlds: Worlds, scenario: Scenario, driver: str) -> Iterator[World]:
    """The world in which ``scenario`` is about to begin."""
    # A killed process loses nothing that it wrote, so what it wrote to need not be a disk.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - made by tempfile
    with TemporaryDirectory(dir=memory) as folder:
        world = worlds.make(Path(folder), driver=driver)
        if scenario.before is not None:
            before = scenario.before
            world.live(lambda process: before(world, process))
        if scenario.trouble is not None:
            scenario.trouble(world)
        yield world


async def _end(world: World, process: Process, commits_before: int, points_before: int) -> Play:
    await settled(process, RECOVERED_SECONDS)
    commits = commits_of(process) - commits_before
    points = [point for point in world.reached[points_before:] if PROBE not in point[0]]
    return Play(await snapshot(process), commits, len(each(process)), tuple(points))
