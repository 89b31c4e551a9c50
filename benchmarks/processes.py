"""Creates with one process and with several on one port and one PostgreSQL, beside SQLite with one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.cloud import DATABASE, Cloud
from benchmarks.load import Load, closed_loop
from benchmarks.postgresql import Database
from benchmarks.report import grid, number
from benchmarks.rows import Bench
from benchmarks.served import Served, start_pumice

CLIENTS: Final = (16, 64)
ALL: Final = "api,scheduler,volume"
SPLIT: Final = ("api", "scheduler", "volume")

SETTINGS: Final = """\
[DEFAULT]
enabled_backends = file
quota_volumes = -1
quota_gigabytes = -1
max_over_subscription_ratio = 1000000

[file]
volume_driver = file
backend_host = shared
"""
"""The files are in the state directory, which the processes of one machine share."""


class Several:
    """Processes of one cloud; those that answer requests share a port."""

    def __init__(self, processes: Sequence[Served]) -> None:
        """The first of them answers requests."""
        self.processes = processes
        self.host, self.port = processes[0].host, processes[0].port

    def cpu_seconds(self) -> float:
        """CPU time of all of them."""
        return sum(one.cpu_seconds() for one in self.processes)

    def pss_mib(self) -> float:
        """Memory of all of them, with what they share counted once."""
        return sum(one.pss_mib() for one in self.processes)


@asynccontextmanager
async def several(
    folder: Path, roles: Sequence[str | None], url: str | None, settings: str = SETTINGS
) -> AsyncIterator[tuple[Cloud, Several]]:
    """A new cloud in the empty ``folder`` with a process for each of ``roles``; the first has the API."""
    config = folder / "pumice.conf"
    config.write_text(settings + (DATABASE.format(url=url) if url else ""))
    async with AsyncExitStack() as stack:
        processes: list[Served] = []
        for one in roles:
            port = processes[0].port if processes else 0
            started = await start_pumice(folder / "state", config, port=port, roles=one)
            processes.append(await stack.enter_async_context(started))
        cloud = await Cloud.log_in(processes[0])
        await cloud.make_types()
        yield cloud, Several(processes)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is started for a line of the table."""

    name: str
    roles: tuple[str | None, ...]
    on_postgresql: bool = True


@dataclass(slots=True)
class Line:
    """The loads of one arrangement with so many clients, a value for each round."""

    rate: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)

    def add(self, load: Load) -> None:
        """Keep what a round gave."""
        self.rate.append(load.per_second)
        self.p99_ms.append(load.percentile_ms(99))
        self.cpu_ms.append(load.cpu_ms)
        self.database_ms.append(load.database_ms)


def arrangements(counts: Iterable[int]) -> list[Arrangement]:
    """SQLite, so many processes with every role, and one process for each role."""
    return [
        Arrangement("SQLite, 1 process", (None,), on_postgresql=False),
        *(Arrangement(f"{count} with all roles", (ALL,) * count) for count in counts),
        Arrangement(f"{len(SPLIT)}: {', '.join(SPLIT)}", SPLIT),
    ]


class Processes:
    """One comparison of arrangements."""

    def __init__(self, counts: Iterable[int], tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._arrangements = arrangements(counts)
        self.lines: dict[tuple[str, int], Line] = {}

    async def measure(self, folder: Path, database: Database, rounds: int, seconds: float) -> None:
        """Every arrangement in each round, on a fresh cloud."""
        for turn, one in itertools.product(range(rounds), self._arrangements):
            self._tell(f"round {turn + 1}: creates, {one.name}")
            fresh = folder / f"processes-{turn}-{self._arrangements.index(one)}"
            fresh.mkdir()
            url = database.new() if one.on_postgresql else None
            async with several(fresh, one.roles, url) as (cloud, servers):
                bench = Bench(cloud, fresh, seconds, [])
                for clients in CLIENTS:
                    line = self.lines.setdefault((one.name, clients), Line())
                    work = bench.creating("file")
                    line.add(await closed_loop(servers, clients, seconds, work, database))

    def table(self) -> str:
        """A line for each arrangement and number of clients."""
        head = [
            "creates, file driver",
            "clients",
            "rate",
            "of SQLite's",
            "p99",
            "Pumice's CPU each",
        ]
        lines = [[*head, "PostgreSQL's"]]
        for (name, clients), line in self.lines.items():
            base = median(self.lines[self._arrangements[0].name, clients].rate)
            lines.append(
                [
                    name,
                    f"{clients}",
                    number(median(line.rate), "/s"),
                    f"{median(line.rate) / base:.2f}",
                    number(median(line.p99_ms), "ms"),
                    number(median(line.cpu_ms), "ms"),
                    number(median(line.database_ms), "ms"),
                ]
            )
        return grid(lines)
