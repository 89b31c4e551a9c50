"""The measurements. Each returns its figures by their names in :data:`benchmarks.goals.GOALS`."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import limits
from benchmarks.cloud import Cloud, Patience, expect, login_message, new_cloud
from benchmarks.connection import Connection, message
from benchmarks.load import Counted, Load, Work, closed_loop
from benchmarks.served import start_pumice, unfinished_operations

Figures = dict[str, float]

CLIENTS: Final = 16
READERS: Final = 8
IN_FLIGHT: Final = 50
PAGE: Final = 50


@dataclass(slots=True)
class Bench:
    """A cloud under load; ``folder`` holds its state directory.

    ``seconds`` is how long one loop lasts, ``ids`` are volumes to read, the newest first. ``database`` is
    what runs beside the server on its behalf.
    """

    cloud: Cloud
    folder: Path
    seconds: float
    ids: list[str]
    database: Counted | None = None
    names: itertools.count[int] = field(default_factory=itertools.count)

    async def loop(self, clients: int, work: Work, seconds: float | None = None) -> Load:
        """Do ``work`` from so many clients, for ``seconds`` or as long as a loop lasts."""
        lasts = self.seconds if seconds is None else seconds
        return await closed_loop(self.cloud.served, clients, lasts, work, self.database)

    def cpu(self, name: str, load: Load) -> Figures:
        """The CPU time of one piece of work, and that of a database that has processes of its own."""
        figures = {f"{name}-cpu": load.cpu_ms}
        return figures | {f"{name}-database": load.database_ms} if self.database else figures

    def creating(self, driver: str) -> Work:
        """Create a volume and wait until it is available."""
        patience = Patience()

        async def work(connection: Connection) -> None:
            name = f"{driver}-{next(self.names)}"
            volume_id = await self.cloud.create(connection, name, driver)
            assert await self.cloud.settled(connection, volume_id, patience) == "available"

        return work

    def asking(self, request: bytes, status: int = 200) -> Work:
        """Send ``request`` and look at the status."""

        async def work(connection: Connection) -> None:
            expect(await connection.send(request), status)

        return work

    def reading(self, path: str) -> Work:
        """GET a path of the volume API."""
        return self.asking(self.cloud.message("GET", path))


async def seed(cloud: Cloud, count: int) -> list[str]:
    """Create ``count`` volumes; their ids, newest first, as a list has them."""
    numbers = iter(range(count))

    async def create(connection: Connection) -> None:
        for number in numbers:
            await cloud.create(connection, f"seed-{number}", "memory")
        connection.close()

    await asyncio.gather(*[create(await cloud.connect()) for _ in range(CLIENTS)])
    connection = await cloud.connect()
    found = [volume["id"] for volume in await cloud.volumes(connection)]
    connection.close()
    return found


async def create(bench: Bench) -> Figures:
    """One client, each driver in turn."""
    figures: Figures = {}
    for driver in ("memory", "file"):
        load = await bench.loop(1, bench.creating(driver))
        figures[f"one-{driver}"] = load.percentile_ms(50)
        figures[f"one-{driver}-p99"] = load.percentile_ms(99)
        figures |= bench.cpu(f"one-{driver}", load)
    return figures


async def creates(bench: Bench) -> Figures:
    """Many clients, each driver in turn, then the file driver while others list."""
    figures: Figures = {}
    for driver in ("memory", "file"):
        load = await bench.loop(CLIENTS, bench.creating(driver))
        figures[f"many-{driver}"] = load.per_second
        figures[f"many-{driver}-p99"] = load.percentile_ms(99)
        figures |= bench.cpu(f"many-{driver}", load)
    mixed, lists = await asyncio.gather(
        bench.loop(CLIENTS, bench.creating("file")),
        bench.loop(CLIENTS, bench.reading(f"/volumes/detail?limit={PAGE}")),
    )
    return figures | {
        "mixed-rate": mixed.per_second,
        "mixed-ratio": 100 * mixed.per_second / figures["many-file"],
        "mixed-p99": mixed.percentile_ms(99),
        "mixed-lists": lists.per_second,
    }


async def list_(bench: Bench) -> Figures:
    """The first page of the volumes in detail."""
    work = bench.reading(f"/volumes/detail?limit={PAGE}")
    load = await bench.loop(READERS, work)
    rates = {"list-rate": load.per_second, "list-p99": load.percentile_ms(99)}
    return bench.cpu("list", load) | rates


async def page(bench: Bench) -> Figures:
    """The first page and one from the middle, in turn."""
    marker = bench.ids[len(bench.ids) // 2]
    first = bench.reading(f"/volumes/detail?limit={PAGE}")
    middle = bench.reading(f"/volumes/detail?limit={PAGE}&marker={marker}")
    cpu_ms = [0.0, 0.0]
    for _ in range(2):
        for index, work in enumerate((first, middle)):
            load = await bench.loop(READERS, work, bench.seconds / 4)
            cpu_ms[index] += load.cpu_ms + load.database_ms
    return {"page-ratio": 100 * cpu_ms[1] / cpu_ms[0]}


async def name(bench: Bench) -> Figures:
    """One volume by its name, as a client looks it up."""
    work = bench.reading("/volumes/detail?name=seed-1")
    load = await bench.loop(READERS, work)
    return bench.cpu("name", load)


async def show(bench: Bench) -> Figures:
    """One volume by its id."""
    work = bench.reading(f"/volumes/{bench.ids[0]}")
    load = await bench.loop(READERS, work)
    rates = {"show-rate": load.per_second, "show-p99": load.percentile_ms(99)}
    return bench.cpu("show", load) | rates


async def login(bench: Bench) -> Figures:
    """The same user with the same password, again and again."""
    work = bench.asking(login_message(bench.cloud.served), 201)
    load = await bench.loop(READERS, work)
    return {"login-rate": load.per_second} | bench.cpu("login", load)


async def validate(bench: Bench) -> Figures:
    """What other services do with each token that they are given."""
    cloud = bench.cloud
    headers = cloud.headers(cloud.served) | {"X-Subject-Token": cloud.token}
    work = bench.asking(message("GET", "/identity/v3/auth/tokens", headers))
    load = await bench.loop(READERS, work)
    return bench.cpu("validate", load) | {"validate-rate": load.per_second}


async def start(folder: Path, url: str | None = None) -> Figures:
    """A first start and a second one, and the memory after the second."""
    async with new_cloud(folder, url) as cloud:
        first_seconds = cloud.served.start_seconds
        await cloud.served.stop()
    async with await start_pumice(folder / "state", folder / "pumice.conf") as served:
        return {
            "start-first": first_seconds,
            "start-again": served.start_seconds,
            "memory-start": served.pss_mib(),
        }


async def kill(folder: Path) -> Figures:
    """Ask for 50 volumes at once, kill the server as soon as it shows them, and start it again."""
    async with new_cloud(folder) as cloud:
        connections = [await cloud.connect() for _ in range(IN_FLIGHT)]
        creates = asyncio.gather(
            *(
                cloud.create(one, f"flight-{number}", "file")
                for number, one in enumerate(connections)
            ),
            return_exceptions=True,  # Some are not answered before the kill.
        )
        watching = await cloud.connect()
        ask = cloud.message("GET", "/volumes")
        while len((await watching.send(ask)).json()["volumes"]) < IN_FLIGHT:
            pass
        await cloud.served.kill()
        await creates
    unfinished = unfinished_operations(folder / "state")
    async with await start_pumice(folder / "state", folder / "pumice.conf") as served:
        ready = time.perf_counter()
        available = await _available(Cloud(served, cloud.token, cloud.project_id))
        seconds = time.perf_counter() - ready
    return {
        "kill-available": available,
        "kill-unfinished": unfinished,
        "kill-seconds": seconds,
    }


async def _available(cloud: Cloud) -> int:
    """How many volumes are available, once each of them rests."""
    connection = await cloud.connect()
    volumes = await cloud.volumes(connection)
    statuses = [await cloud.settled(connection, volume["id"]) for volume in volumes]
    connection.close()
    return statuses.count("available")


async def machine(bench: Bench) -> Figures:
    """What the machine can do at this moment, to read the other figures beside."""
    folder = bench.folder
    return {
        "fdatasync": limits.fdatasync_ms(folder),
        "bare": await limits.bare_per_core(folder, bench.seconds / 2),
        "page-sql": limits.page_sql_ms(folder / "state" / "pumice.db", bench.cloud.project_id),
    }


READS: Final[Mapping[str, Callable[[Bench], Awaitable[Figures]]]] = {
    "machine": machine, "list": list_, "page": page, "name": name, "show": show, "login": login,
    "validate": validate,
}  # fmt: skip
CREATES: Final[Mapping[str, Callable[[Bench], Awaitable[Figures]]]] = {
    "create": create, "creates": creates,
}  # fmt: skip
STARTS: Final[Mapping[str, Callable[[Path], Awaitable[Figures]]]] = {"start": start, "kill": kill}
