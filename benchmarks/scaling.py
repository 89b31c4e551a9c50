"""How cost grows: the same requests to clouds of several sizes, in turn, and the slope of what they cost.

``python -m benchmarks.scaling volumes|projects|backends|processes`` prints the CPU time of each request,
Pumice's and its database's together, at every size, and by how much it grows when the size grows tenfold:
the slope of a straight line through the logarithms of both, by least squares. What does not depend on the
size has 1.0, what is proportional to it 10. CPU time depends little on what else the machine does; each
size is measured in short turns, so that a disturbance meets all of them.

Each cloud on PostgreSQL has a server of its own: what it costs is the cloud's alone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol

import uvloop

from benchmarks import million, postgresql
from benchmarks.cloud import DATABASE, Cloud, Patience, expect, new_cloud
from benchmarks.connection import Connection, message
from benchmarks.load import Counted, Target, Work, closed_loop
from benchmarks.million import BEGAN_US, WORKS
from benchmarks.postgresql import Database
from benchmarks.processes import ALL, several
from benchmarks.report import grid, number
from benchmarks.served import PASSWORD, start_pumice
from benchmarks.stock import Place, PostgresqlPlace, SqlitePlace
from benchmarks.stores import POSTGRESQL, SQLITE

VOLUMES: Final = (1_000, 10_000, 100_000, 1_000_000)
PROJECTS: Final = (10, 100, 1_000, 10_000)
BACKENDS: Final = (10, 100, 1_000, 10_000)
PROCESSES: Final = (1, 2, 4)
QUICK_SIZES: Final = 3
"""``--quick`` leaves out the largest sizes after so many."""
VOLUMES_OF_A_PROJECT: Final = 10
TURNS: Final = 6
QUIET_SECONDS: Final = 12.0
"""After this long PostgreSQL has counted what a connection did that idles since."""

Figures = dict[str, tuple[float, str]]
"""Values with their units, by what they are."""


class Server(Target, Protocol):
    """What is measured at one size."""

    def pss_mib(self) -> float:
        """Its memory."""


@dataclass(frozen=True, slots=True)
class Case:
    """A cloud of one size; ``also`` has what was seen while it was made."""

    server: Server
    works: dict[str, Work]
    place: Place
    database: Database | None
    also: Figures = field(default_factory=dict)

    @property
    def costs(self) -> Sequence[Counted]:
        """What uses CPU time on its behalf."""
        return [self.server, *([self.database] if self.database else [])]


@dataclass(frozen=True, slots=True)
class Scale:
    """How long: seconds for each request at each size in all, and for a look at what goes on by itself."""

    seconds: float
    idle_seconds: float


FULL: Final = Scale(3.0, 60.0)
QUICK: Final = Scale(0.9, 20.0)

Ground = tuple[Place, Database | None]
Maker = Callable[[int, Path, Ground], AbstractAsyncContextManager[Case]]


# -- volumes


@asynccontextmanager
async def with_volumes(size: int, folder: Path, ground: Ground) -> AsyncIterator[Case]:
    """A cloud with ``size`` volumes in one project."""
    place, database = ground
    async with million.stocked(folder, size, place) as one:
        works = {
            "create": WORKS["million-create"](one),
            "create, then delete": _creating_and_deleting(one.cloud),
            "show": WORKS["million-show"](one),
            "first page of 50": WORKS["million-page"](one),
            "page from the middle": WORKS["million-middle"](one),
            "by name": WORKS["million-name"](one),
            "by a usual status": WORKS["million-status"](one),
            "page sorted by name": WORKS["million-sorted"](one),
        }
        yield Case(one.cloud.served, works, place, database)


def _creating_and_deleting(cloud: Cloud) -> Work:
    patience = Patience()

    async def work(connection: Connection) -> None:
        new = await cloud.create(connection, "new", "memory")
        assert await cloud.settled(connection, new, patience) == "available"
        await connection.send(cloud.message("DELETE", f"/volumes/{new}"))
        show = cloud.message("GET", f"/volumes/{new}")
        pauses = 0
        while (await connection.send(show)).status != HTTPStatus.NOT_FOUND:
            await patience.pause(pauses)
            pauses += 1

    return work


# -- projects

_PROJECT: Final = ("id", "domain_id", "parent_id", "name", "description", "enabled", "created_at")
_GRANT: Final = ("actor_type", "actor_id", "target_type", "target_id", "role_id", "inherited")


def _project_id(number_: int) -> str:
    return f"{number_:032x}"


@asynccontextmanager
async def with_projects(size: int, folder: Path, ground: Ground) -> AsyncIterator[Case]:
    """A cloud with ``size`` projects beside the administrator's, who has a role in each of them."""
    place, database = ground
    async with new_cloud(folder, place.url) as cloud:
        await cloud.served.stop()
    ids = [_project_id(number_) for number_ in range(size)]
    with place.opened() as rows:
        ((role_id,),) = rows.run("SELECT id FROM roles WHERE name = 'admin'")
        ((user_id,),) = rows.run("SELECT id FROM users WHERE name = 'admin'")
        rows.load(
            "projects",
            _PROJECT,
            ((one, "default", "default", f"p{one}", "", True, BEGAN_US) for one in ids),
        )
        grants = (("user", user_id, "project", one, role_id, False) for one in ids)
        rows.load("role_assignments", _GRANT, grants)
    million.stock(place, lambda type_id: _volumes_of(ids, type_id))
    async with await start_pumice(folder / "state", folder / "pumice.conf") as served:
        cloud = await Cloud.log_in(served)
        yield Case(served, _project_works(cloud, ids[size // 2]), place, database)


def _volumes_of(ids: Sequence[str], type_id: str) -> Iterator[tuple[Any, ...]]:
    """So many volumes for each project, mixed by their time."""
    count = len(ids) * VOLUMES_OF_A_PROJECT
    for number_, row in enumerate(million.rows(count, "", type_id)):
        yield row[0], ids[number_ % len(ids)], *row[2:]


def _project_works(cloud: Cloud, project_id: str) -> dict[str, Work]:
    """Requests that are about one project, and two that are about all of them."""
    headers = cloud.headers(cloud.served)
    of_one = f"/volumes/detail?all_tenants=1&project_id={project_id}&limit=50"
    everybody = message("GET", "/identity/v3/projects", headers)
    mine = message("GET", "/identity/v3/auth/projects", headers)
    named = message("GET", f"/identity/v3/projects?name=p{project_id}", headers)
    return {
        "create": _creating(cloud, "memory"),
        "log in to one": _asking(_login_to(cloud, project_id), 201),
        "volumes of one": _asking(cloud.message("GET", of_one)),
        "volumes of all, 50": _asking(
            cloud.message("GET", "/volumes/detail?all_tenants=1&limit=50")
        ),
        "quota of one": _asking(cloud.message("GET", f"/os-quota-sets/{project_id}?usage=True")),
        "project by name": _asking(named),
        "all projects": _asking(everybody),
        "all projects of one user": _asking(mine),
    }


def _login_to(cloud: Cloud, project_id: str) -> bytes:
    user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
    auth = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"id": project_id}},
    }
    headers = {"Host": f"{cloud.served.host}:{cloud.served.port}"}
    return message("POST", "/identity/v3/auth/tokens", headers, {"auth": auth})


# -- backends

_SETTINGS: Final = """\
[DEFAULT]
enabled_backends = {names}
quota_volumes = -1
quota_gigabytes = -1
max_over_subscription_ratio = 1000000
"""
_BACKEND: Final = """
[{name}]
volume_driver = memory
"""


@asynccontextmanager
async def with_backends(size: int, folder: Path, ground: Ground) -> AsyncIterator[Case]:
    """A cloud with ``size`` backends, a type that leads to one of them, and one that leads to any."""
    place, database = ground
    names = [f"backend{number_}" for number_ in range(size)]
    conf = _SETTINGS.format(names=", ".join(names))
    conf += "".join(_BACKEND.format(name=name) for name in names)
    conf += DATABASE.format(url=place.url) if place.url else ""
    (folder / "pumice.conf").write_text(conf)
    async with await start_pumice(folder / "state", folder / "pumice.conf") as served:
        await served.stop()
    async with await start_pumice(folder / "state", folder / "pumice.conf") as served:
        cpu_seconds = served.cpu_seconds()
        cloud = await Cloud.log_in(served)
        connection = await cloud.connect()
        for name, specs in (("one", {"volume_backend_name": names[size // 2]}), ("any", {})):
            new = {"volume_type": {"name": name, "extra_specs": specs}}
            expect(await connection.send(cloud.message("POST", "/types", new)), 200)
        connection.close()
        works = {
            "create, type of one backend": _creating(cloud, "one"),
            "create, any backend": _creating(cloud, "any"),
            "show pools": _asking(cloud.message("GET", "/scheduler-stats/get_pools")),
        }
        also = {"start": (served.start_seconds, "s"), "start: Pumice's CPU": (cpu_seconds, "s")}
        yield Case(served, works, place, database, also)


# -- processes


@asynccontextmanager
async def with_processes(size: int, folder: Path, ground: Ground) -> AsyncIterator[Case]:
    """``size`` processes with every role, on one port."""
    place, database = ground
    roles = [ALL] * size if place.url else [None]
    async with several(folder, roles, place.url) as (cloud, servers):
        works = {
            "create": _creating(cloud, "file"),
            "first page": _asking(cloud.message("GET", "/volumes/detail?limit=50")),
        }
        yield Case(servers, works, place, database)


KINDS: Final[dict[str, tuple[Maker, tuple[int, ...]]]] = {
    "volumes": (with_volumes, VOLUMES),
    "projects": (with_projects, PROJECTS),
    "backends": (with_backends, BACKENDS),
    "processes": (with_processes, PROCESSES),
}


def _creating(cloud: Cloud, volume_type: str) -> Work:
    patience = Patience()

    async def work(connection: Connection) -> None:
        new = await cloud.create(connection, "new", volume_type)
        assert await cloud.settled(connection, new, patience) == "available"

    return work


def _asking(request: bytes, status: int = 200) -> Work:
    async def work(connection: Connection) -> None:
        expect(await connection.send(request), status)

    return work


# -- measuring


class Growth:
    """What was measured, by what it is and by size."""

    def __init__(self) -> None:
        self._values: dict[str, dict[int, list[float]]] = {}
        self._units: dict[str, str] = {}

    def add(self, what: str, size: int, value: float, unit: str) -> None:
        """Keep one value."""
        self._units[what] = unit
        self._values.setdefault(what, {}).setdefault(size, []).append(value)

    def table(self, title: str, sizes: Sequence[int]) -> str:
        """A line for each figure: its medians, and the factor for a tenfold size."""
        lines = [[title, *(f"{size:,}" for size in sizes), "x per decade"]]
        for what, values in self._values.items():
            medians = [statistics.median(values[size]) for size in sizes]
            cells = [number(value, self._units[what]) for value in medians]
            lines.append([what, *cells, f"{per_decade(sizes, medians):.2f}"])
        return grid(lines)


def per_decade(sizes: Sequence[int], values: Sequence[float]) -> float:
    """By how much ``values`` grow for ten times the size: the slope of their logarithms; 1 of one size."""
    if len(sizes) == 1 or min(values) <= 0:
        return math.nan
    slope, _ = statistics.linear_regression(
        [math.log10(size) for size in sizes], [math.log10(value) for value in values]
    )
    return 10.0**slope


async def measure(
    kind: str, store: str, sizes: Sequence[int], scale: Scale, tell: Callable[[str], None]
) -> str:
    """The table of one kind on one store."""
    growth = Growth()
    make, _ = KINDS[kind]
    with tempfile.TemporaryDirectory(prefix="pumice-scaling-") as name, ExitStack() as servers:
        async with AsyncExitStack() as clouds:
            cases: dict[int, Case] = {}
            for size in sizes:
                tell(f"{kind}: making {size:,} on {store}")
                folder = _new_folder(Path(name, f"{size}"))
                ground = _ground(store, folder, servers)
                cases[size] = await clouds.enter_async_context(make(size, folder, ground))
            await _turns(cases, growth, scale, tell)
            await _by_itself(cases, growth, scale, tell)
    return growth.table(f"{kind} on {store}", sizes)


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def _ground(store: str, folder: Path, servers: ExitStack) -> Ground:
    if store == SQLITE:
        return SqlitePlace(folder / "state" / "pumice.db"), None
    database = servers.enter_context(postgresql.server())
    if database is None:
        raise FileNotFoundError(postgresql.MISSING)
    return PostgresqlPlace(database.new()), database


async def _turns(
    cases: dict[int, Case], growth: Growth, scale: Scale, tell: Callable[[str], None]
) -> None:
    """Every request at every size, in turn."""
    for what in next(iter(cases.values())).works:
        tell(what)
        for _, (size, case) in itertools.product(range(TURNS), cases.items()):
            seconds = scale.seconds / TURNS
            load = await closed_loop(case.server, 4, seconds, case.works[what], case.database)
            growth.add(what, size, load.cpu_ms + load.database_ms, "ms")


async def _by_itself(
    cases: dict[int, Case], growth: Growth, scale: Scale, tell: Callable[[str], None]
) -> None:
    """Memory, size, and what goes on while nobody asks: heartbeats, sweeps, the view of the pools."""
    tell("what goes on by itself")
    await asyncio.sleep(QUIET_SECONDS if any(case.database for case in cases.values()) else 0)
    before = {size: _used(case) for size, case in cases.items()}
    await asyncio.sleep(scale.idle_seconds)
    for size, case in cases.items():
        used = [b - a for a, b in zip(before[size], _used(case), strict=True)]
        growth.add("idle, each second: CPU", size, 1e3 * used[0] / scale.idle_seconds, "ms")
        if case.database:
            growth.add("idle: of that PostgreSQL's", size, 1e3 * used[1] / scale.idle_seconds, "ms")
            growth.add("idle: transactions", size, used[2] / scale.idle_seconds, "/s")
        for what, (value, unit) in case.also.items():
            growth.add(what, size, value, unit)
        growth.add("memory of Pumice", size, case.server.pss_mib(), "MiB")
        growth.add("size of the database", size, case.place.size_mib(), "MiB")


def _used(case: Case) -> list[float]:
    """CPU seconds in all, PostgreSQL's, and the transactions of the cloud's database."""
    database = case.database.cpu_seconds() if case.database else 0.0
    transactions = (
        case.database.transactions(case.place.url) if case.database and case.place.url else 0
    )
    return [case.server.cpu_seconds() + database, database, transactions]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--on", choices=(SQLITE, POSTGRESQL), action="append", help="default: both")
    parser.add_argument("--sizes", metavar="N,N", help="instead of the usual ones")
    parser.add_argument("--quick", action="store_true", help="short, and the smaller sizes only")
    options = parser.parse_args(arguments)
    _, sizes = KINDS[options.kind]
    if options.sizes:
        sizes = tuple(int(one) for one in options.sizes.split(","))
    elif options.quick:
        sizes = sizes[:QUICK_SIZES]
    scale = QUICK if options.quick else FULL
    both = [POSTGRESQL] if options.kind == "processes" else [SQLITE, POSTGRESQL]
    for store in options.on or both:
        try:
            table = _run(measure(options.kind, store, sizes, scale, _tell))
        except FileNotFoundError as error:
            _tell(f"{error}")
            return 1
        print(table, end="\n\n", flush=True)
    return 0


def _run(work: Awaitable[str]) -> str:
    async def main() -> str:
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
