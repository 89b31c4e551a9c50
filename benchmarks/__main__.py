"""``make bench``: measure Pumice as a client sees it, beside its targets and the machine's limits.

Each round measures every row once; a figure is the median of the rounds. The load comes from this
process and its CPU time is not counted: what is counted is the server's, all threads. On PostgreSQL the
same rows are measured on both stores in turn, then creates with one process and with several.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from benchmarks import million, postgresql, report, rows
from benchmarks.cloud import new_cloud
from benchmarks.goals import Figure, figures
from benchmarks.processes import Processes
from benchmarks.rows import Bench, Figures
from benchmarks.stores import POSTGRESQL, SQLITE, Stores

ROWS: Final = (*rows.CREATES, *rows.READS, *rows.STARTS, "memory", "million")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much to measure: rounds, seconds for one loop, volumes for the lists, and many volumes."""

    rounds: int
    seconds: float
    volumes: int
    many: int


FULL: Final = Scale(5, 2.0, 1000, 1_000_000)
QUICK: Final = Scale(1, 1.0, 1000, 100_000)
BESIDE: Final = Scale(1, 1.0, 300, 0)
"""Of PostgreSQL, where it was not asked for."""
COUNTS: Final = (1, 2, 4)


class Run:
    """One run: the figures so far, and how to tell a person that it goes on."""

    def __init__(self, scale: Scale, only: AbstractSet[str], tell: Callable[[str], None]) -> None:
        self._scale = scale
        self._only = only
        self._tell = tell
        self._figures = figures()

    @property
    def figures(self) -> list[Figure]:
        """What was measured, in the order of the report."""
        return [figure for figure in self._figures.values() if figure.values]

    async def measure(self, folder: Path) -> None:
        """Measure what is wanted, with state directories in ``folder``."""
        await self._starts(folder)
        if "million" in self._only:
            await self._many(folder)
        if self._only - {*rows.STARTS, "million"}:
            await self._loads(folder)

    async def _starts(self, folder: Path) -> None:
        """What needs a fresh server each time."""
        for number in range(self._scale.rounds):
            for name in self._wanted(rows.STARTS):
                self._tell(f"round {number + 1}: {name}")
                fresh = folder / f"{name}-{number}"
                fresh.mkdir()
                self._add(await rows.STARTS[name](fresh))

    async def _many(self, folder: Path) -> None:
        """The same work on a cloud with a thousand volumes and on one with many."""
        scale = self._scale
        sizes = (min(million.THOUSAND, scale.many), scale.many)
        self._tell(f"writing {sizes[0]} and {sizes[1]} volumes")
        folders = [folder / name for name in ("few", "many")]
        for one in folders:
            one.mkdir()
        async with (
            million.stocked(folders[0], sizes[0]) as few,
            million.stocked(folders[1], sizes[1]) as many,
        ):
            for number in range(scale.rounds):
                self._tell(f"round {number + 1}: million")
                self._add(await million.compare(few, many, scale.seconds / 4))

    async def _loads(self, folder: Path) -> None:
        """What is measured on one server, reads first: creates add to what a list has."""
        scale = self._scale
        async with new_cloud(folder) as cloud:
            self._tell(f"creating {scale.volumes} volumes to read")
            ids = await rows.seed(cloud, scale.volumes)
            bench = Bench(cloud, folder, scale.seconds, ids)
            for group in (rows.READS, rows.CREATES):
                for number in range(scale.rounds):
                    for name in self._wanted(group):
                        self._tell(f"round {number + 1}: {name}")
                        self._add(await group[name](bench))
            if "memory" in self._only:
                self._add({"memory-load": cloud.served.pss_mib()})

    def _wanted(self, group: Iterable[str]) -> list[str]:
        return [name for name in group if name in self._only]

    def _add(self, measured: Figures) -> None:
        for name, value in measured.items():
            self._figures[name].values.append(value)


async def measure_postgresql(
    folder: Path, scale: Scale, counts: Iterable[int], tell: Callable[[str], None]
) -> str | None:
    """The tables of both stores and of several processes; None where there is no PostgreSQL."""
    stores, processes = Stores(tell), Processes(counts, tell)
    with postgresql.server() as database:
        if database is None:
            return None
        await stores.measure(folder, database, scale.rounds, scale.seconds, scale.volumes)
        await processes.measure(folder, database, scale.rounds, scale.seconds)
    return f"{stores.table()}\n\n{processes.table()}"


def main(arguments: list[str] | None = None) -> int:
    """Measure and report; the exit status. A target that is not reached is no failure.

    That PostgreSQL is missing is one only if it was asked for.
    """
    options = _options(arguments)
    scale = QUICK if options.quick else FULL
    only = {"machine"} if options.on == POSTGRESQL else {*(options.only or ROWS), "machine"}
    run = Run(scale, only, _tell)
    wants_postgresql = options.on != SQLITE and not options.only
    beside: str | None = ""
    with (
        tempfile.TemporaryDirectory(prefix="pumice-bench-") as name,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        folder = Path(name)
        runner.run(run.measure(folder))
        if wants_postgresql:
            chosen = scale if options.on == POSTGRESQL else BESIDE
            beside = runner.run(measure_postgresql(folder, chosen, options.processes, _tell))
    print(report.table(run.figures))
    print(f"\n{beside if beside is not None else postgresql.MISSING}" if wants_postgresql else "")
    if options.json:
        report.save(options.json, run.figures)
    return 1 if beside is None and options.on == POSTGRESQL else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, under two minutes")
    parser.add_argument("--only", action="append", choices=ROWS, help="this row; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value to FILE")
    parser.add_argument(
        "--on", choices=(SQLITE, POSTGRESQL), help="this store only; else the other one in short"
    )
    parser.add_argument(
        "--processes", type=_counts, default=COUNTS, metavar="N,N", help="how many on PostgreSQL"
    )
    return parser.parse_args(arguments)


def _counts(text: str) -> tuple[int, ...]:
    """Numbers of processes, separated by commas. Raises ``ValueError``, as argparse wants it."""
    counts = tuple(int(one) for one in text.split(","))
    if min(counts) < 1:
        raise ValueError(text)
    return counts


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
