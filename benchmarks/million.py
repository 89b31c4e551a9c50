"""One cloud with a thousand volumes and one with a million: the same requests, in turn, to both.

The volumes are written into the database of a stopped server, sorted by its indexes afterwards. They are on
a backend that nobody serves, and of another user's: what is measured is the lists, not the backends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.cloud import Cloud, Patience, expect, new_cloud
from benchmarks.connection import Connection
from benchmarks.load import Work, closed_loop
from benchmarks.served import start_pumice
from benchmarks.stock import Place, SqlitePlace

THOUSAND: Final = 1000
CLIENTS: Final = 4
TURNS: Final = 4
PAGE: Final = 50
BEGAN_US: Final = 1_760_000_000_000_000
STEP_US: Final = 1000

_COLUMNS: Final = (
    "id", "project_id", "user_id", "name", "size_gib", "status", "attach_status", "volume_type_id",
    "availability_zone", "host", "bootable", "multiattach", "metadata", "created_at", "updated_at",
)  # fmt: skip
_ITEMS: Final = """
INSERT INTO volume_metadata (volume_id, key, value, project_id, created_at)
SELECT id, 'kind', CASE WHEN metadata LIKE '%usual%' THEN 'usual' ELSE 'rare' END, project_id, created_at
FROM volumes
"""
_USAGES: Final = """
INSERT INTO quota_usages (project_id, resource, in_use)
SELECT project_id, 'volumes', count(*) FROM volumes GROUP BY project_id
UNION ALL SELECT project_id, 'gigabytes', sum(size_gib) FROM volumes GROUP BY project_id
UNION ALL SELECT project_id, 'volumes:' || volume_type_id, count(*) FROM volumes
    GROUP BY project_id, volume_type_id
UNION ALL SELECT project_id, 'gigabytes:' || volume_type_id, sum(size_gib) FROM volumes
    GROUP BY project_id, volume_type_id
"""


@dataclass(frozen=True, slots=True)
class Stocked:
    """A cloud with so many volumes; the ids of the newest and of one from the middle."""

    cloud: Cloud
    newest: str
    middle: str


def volume_id(number: int) -> str:
    """A UUIDv7 that sorts by its number, as those of the server do by their time."""
    millis = f"{(BEGAN_US + number * STEP_US) // 1000:012x}"
    return f"{millis[:8]}-{millis[8:]}-7000-8000-{number * 2_654_435_761 % 2**48:012x}"


def rows(count: int, project_id: str, type_id: str) -> Iterator[tuple[Any, ...]]:
    """The volumes: a name for each, some values that most have, and some that few have."""
    for number in range(count):
        at = BEGAN_US + number * STEP_US
        yield (
            volume_id(number),
            project_id,
            "somebody",
            f"stock-{number}",
            1 + number % 10,
            "in-use" if number % 3 else "available",
            "detached",
            type_id,
            "nova" if number % 100 else "east",
            "elsewhere@bulk#bulk",
            number % 4 == 0,
            False,
            '{"kind":"usual"}' if number % 500 else '{"kind":"rare"}',
            at,
            at + 1,
        )


def stock(place: Place, volumes: Callable[[str], Iterable[Sequence[Any]]]) -> None:
    """Write ``volumes`` of a type whose id is given to it; nobody may serve the database."""
    with place.opened() as database:
        ((type_id,),) = database.run("SELECT id FROM volume_types WHERE name = 'memory'")
        database.load("volumes", _COLUMNS, volumes(type_id))
        database.run(_ITEMS)
        database.run(_USAGES)


@asynccontextmanager
async def stocked(folder: Path, count: int, place: Place | None = None) -> AsyncIterator[Stocked]:
    """A served cloud with ``count`` volumes, in the empty ``folder``; ``place`` is for its rows."""
    place = place or SqlitePlace(folder / "state" / "pumice.db")
    async with new_cloud(folder, place.url) as cloud:
        await cloud.served.stop()
    stock(place, lambda type_id: rows(count, cloud.project_id, type_id))
    async with await start_pumice(folder / "state", folder / "pumice.conf") as served:
        again = await Cloud.log_in(served)
        yield Stocked(again, volume_id(count - 1), volume_id(count // 2))


def _reading(path: str) -> Callable[[Stocked], Work]:
    """GET a path; ``{newest}`` and ``{middle}`` stand for ids."""

    def work_for(one: Stocked) -> Work:
        request = one.cloud.message("GET", path.format(newest=one.newest, middle=one.middle))

        async def work(connection: Connection) -> None:
            expect(await connection.send(request), 200)

        return work

    return work_for


def _creating(one: Stocked) -> Work:
    patience = Patience()

    async def work(connection: Connection) -> None:
        new = await one.cloud.create(connection, "new", "memory")
        assert await one.cloud.settled(connection, new, patience) == "available"

    return work


_LIST: Final = f"/volumes/detail?limit={PAGE}"
WORKS: Final[dict[str, Callable[[Stocked], Work]]] = {
    "million-page": _reading(_LIST),
    "million-middle": _reading(f"{_LIST}&marker={{middle}}"),
    "million-name": _reading(f"{_LIST}&name=stock-7"),
    "million-status": _reading(f"{_LIST}&status=in-use"),
    "million-metadata": _reading(f"{_LIST}&metadata=%7B'kind':'usual'%7D"),
    "million-size": _reading(f"{_LIST}&size=3"),
    "million-zone": _reading(f"{_LIST}&availability_zone=nova"),
    "million-two": _reading(f"{_LIST}&status=in-use&size=3"),
    "million-nothing": _reading(f"{_LIST}&status=deleting&bootable=true"),
    "million-sorted": _reading(f"{_LIST}&sort=name"),
    "million-show": _reading("/volumes/{middle}"),
    "million-create": _creating,
}
"""By the names of the figures: the CPU time per request among many, in percent of that among a thousand."""


async def compare(few: Stocked, many: Stocked, seconds: float) -> dict[str, float]:
    """Every work, on both clouds in turn."""
    return {name: await _ratio(few, many, work_for, seconds) for name, work_for in WORKS.items()}


async def _ratio(
    few: Stocked, many: Stocked, work_for: Callable[[Stocked], Work], seconds: float
) -> float:
    works = [(one.cloud.served, work_for(one)) for one in (few, many)]
    cpu_ms = [0.0, 0.0]
    for _ in range(TURNS):
        for index, (served, work) in enumerate(works):
            load = await closed_loop(served, CLIENTS, seconds / TURNS, work)
            cpu_ms[index] += load.cpu_ms
    return 100 * cpu_ms[1] / cpu_ms[0]
