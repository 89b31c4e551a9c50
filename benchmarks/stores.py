"""The same rows on both stores: SQLite and PostgreSQL in turn, each with one process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from benchmarks import rows
from benchmarks.cloud import new_cloud
from benchmarks.goals import GOALS, Figure, Goal
from benchmarks.postgresql import Database
from benchmarks.report import grid, number
from benchmarks.rows import Bench, Figures

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"

_ROWS: Final = (*(name for name in rows.READS if name != "machine"), *rows.CREATES, "start")


class Stores:
    """One comparison: a figure of each name for each store."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.figures: dict[str, dict[str, Figure]] = {SQLITE: {}, POSTGRESQL: {}}

    async def measure(
        self, folder: Path, database: Database, rounds: int, seconds: float, volumes: int
    ) -> None:
        """Measure every row, ``rounds`` times in turn on both, with ``volumes`` to read."""
        async with AsyncExitStack() as stack:
            benches = {}
            for store in (SQLITE, POSTGRESQL):
                place = folder / store
                place.mkdir()
                url = database.new() if store == POSTGRESQL else None
                cloud = await stack.enter_async_context(new_cloud(place, url))
                self._tell(f"creating {volumes} volumes to read on {store}")
                ids = await rows.seed(cloud, volumes)
                costs = database if store == POSTGRESQL else None
                benches[store] = Bench(cloud, place, seconds, ids, costs)
            for number_ in range(rounds):
                for name in _ROWS:
                    self._tell(f"round {number_ + 1}: {name} on both")
                    for store, bench in benches.items():
                        self._add(store, await _row(name, bench, database, f"{number_}", store))

    def _add(self, store: str, measured: Figures) -> None:
        for name, value in measured.items():
            self.figures[store].setdefault(name, Figure(_goal(name))).values.append(value)

    def table(self) -> str:
        """Both stores side by side."""
        head = ["row", "what", "SQLite", "PostgreSQL", "ratio", "PostgreSQL's own CPU"]
        lines = [head]
        ours, theirs = self.figures[SQLITE], self.figures[POSTGRESQL]
        for name in GOALS:
            if name not in ours or name not in theirs:
                continue
            goal, sqlite, postgresql = GOALS[name], ours[name].median, theirs[name].median
            own = theirs.get(f"{name.removesuffix('-cpu')}-database")
            lines.append(
                [
                    goal.row,
                    goal.what,
                    number(sqlite, goal.unit),
                    number(postgresql, goal.unit),
                    f"{postgresql / sqlite:.2f}",
                    number(own.median, "ms") if own and name.endswith("-cpu") else "",
                ]
            )
        return grid(lines, left=2)


async def _row(name: str, bench: Bench, database: Database, number_: str, store: str) -> Figures:
    if name != "start":
        return await {**rows.READS, **rows.CREATES}[name](bench)
    fresh = bench.folder / f"start-{number_}"
    fresh.mkdir()
    return await rows.start(fresh, database.new() if store == POSTGRESQL else None)


def _goal(name: str) -> Goal:
    """What a figure is; the database's own CPU time has no goal of its own."""
    known = GOALS.get(name)
    return known or Goal(
        "database", f"PostgreSQL's own CPU: {name.removesuffix('-database')}", "ms"
    )
