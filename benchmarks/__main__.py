"""``make bench``: measure Pumice as a client sees it, beside its targets and the machine's limits.

Each round measures every row once; a figure is the median of the rounds. The load comes from this
process and its CPU time is not counted: what is counted is the server's, all threads.
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

from benchmarks import million, report, rows
from benchmarks.cloud import new_cloud
from benchmarks.goals import Figure, figures
from benchmarks.rows import Bench, Figures

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


def main(arguments: list[str] | None = None) -> int:
    """Measure and report; the exit status. A target that is not reached is no failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, under a minute")
    parser.add_argument("--only", action="append", choices=ROWS, help="this row; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value to FILE")
    options = parser.parse_args(arguments)
    scale = QUICK if options.quick else FULL
    only = {*(options.only or ROWS), "machine"}
    run = Run(scale, only, lambda text: print(text, file=sys.stderr))
    with (
        tempfile.TemporaryDirectory(prefix="pumice-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(run.measure(Path(folder)))
    print(report.table(run.figures))
    if options.json:
        report.save(options.json, run.figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
