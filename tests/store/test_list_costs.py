"""What lists of volumes cost: each filter in each order, in one project and in all.

The volumes are alike but for a few, so that each filter has a value that is the rule, one that is rare, and
one that none has. Then ten times the volumes must cost the same steps, and a page in the order of an index
must be neither sorted nor sought in vain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

import pytest
from msgspec.structs import replace

from pumice.model.volume import NEWEST_FIRST, VolumeQuery
from pumice.store import volume_lists
from pumice.store.txn import Txn
from tests.store.plans import bad_scans, plan_of, steps
from tests.store.samples import NOW_US, add_type, add_volume

FEWER: Final = 300
MANY: Final = 3000
LIMIT: Final = 20
MIDDLE: Final = f"v{FEWER // 2:05}"
RARE: Final = 5

USUAL: Final[dict[str, Any]] = {
    "name": "disk",
    "status": "in-use",
    "size_gib": 1,
    "availability_zone": "nova",
    "bootable": False,
    "host": "node1@fast#pool",
    "user_id": "u1",
    "volume_type_id": "type-1",
}
UNUSUAL: Final[dict[str, Any]] = {
    "name": "other",
    "status": "error",
    "size_gib": 7,
    "availability_zone": "east",
    "bootable": True,
    "host": "node2@slow#pool",
    "user_id": "u2",
    "volume_type_id": "type-2",
    "migration_status": "migrating",
}
NOBODYS: Final[dict[str, Any]] = {
    "name": "nobody's",
    "status": "deleting",
    "size_gib": 99,
    "availability_zone": "west",
    "host": "node3@none#pool",
    "user_id": "u3",
    "volume_type_id": "type-3",
    "migration_status": "success",
    "id": "none",
}
IN_PROJECT: Final = ("name", "status", "size_gib", "availability_zone", "bootable")
"""What has an index within each project."""
IN_ALL: Final = ("name", "status", "host", "user_id", "volume_type_id")
"""What has an index over all projects."""


def by(key: str, direction: str = "desc") -> tuple[tuple[str, str], ...]:
    """An order as the API ends it."""
    pairs = {key: direction, "created_at": direction, "id": direction}
    return tuple(pairs.items())[: list(pairs).index("id") + 1]


def query(project_id: str | None = "p1", **changes: Any) -> VolumeQuery:
    """A page of volumes as the API asks for it, newest first; ``equal`` has one value for each column."""
    equal = {key: (value,) for key, value in changes.pop("equal", {}).items()}
    return VolumeQuery(project_id, limit=LIMIT, equal=equal, **changes)


def one(column: str, values: dict[str, Any]) -> dict[str, Any]:
    """The filter for the one value of a column."""
    return {"equal": {column: values[column]}}


OLD: Final = {"within": {"created_at": ((NOW_US + 3, NOW_US + 9),)}}
NOT_THEN: Final = {"within": {"created_at": ((0, NOW_US + 50), (NOW_US + 200, NOW_US + 10**6))}}
JUST_CHANGED: Final = {"within": {"updated_at": ((NOW_US, NOW_US + 10**6),)}}

FILTERS: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    **{f"the usual {column}": one(column, USUAL) for column in USUAL},
    **{f"an unusual {column}": one(column, UNUSUAL) for column in UNUSUAL},
    **{f"nobody's {column}": one(column, NOBODYS) for column in NOBODYS},
    "an id": {"equal": {"id": MIDDLE}},
    "the usual metadata": {"metadata": {"of": "all"}},
    "unusual metadata": {"metadata": {"of": "few"}},
    "nobody's metadata": {"metadata": {"of": "none"}},
    "two items": {"metadata": {"of": "all", "for": "few"}},
    "a host": {"hosts": ("node1",)},
    "a backend": {"hosts": ("node2@slow",)},
    "nobody's host": {"hosts": ("node3",)},
    "a time long ago": OLD,
    "another time": NOT_THEN,
    "just changed": JUST_CHANGED,
    "two usual ones": {"equal": {"status": "in-use", "bootable": False}},
    "a usual and an unusual one": {"equal": {"status": "in-use", "size_gib": 7}},
    "an unusual and a usual one": {"equal": {"status": "error", "availability_zone": "nova"}},
    "a usual one and nobody's": {"equal": {"bootable": False, "availability_zone": "west"}},
    "two unusual ones": {"equal": {"size_gib": 7, "status": "error"}},
    "metadata and a status": {"equal": {"status": "error"}, "metadata": {"of": "all"}},
    "a status long ago": one("status", USUAL) | OLD,
    "nobody's status just changed": one("status", NOBODYS) | JUST_CHANGED,
    "a text of all names": {"like": {"name": "IS"}},
    "a text and an unusual status": {"like": {"name": "x"}, **one("status", UNUSUAL)},
}


@pytest.fixture(scope="module")
def among(shared: sqlite3.Connection) -> Iterator[dict[int, sqlite3.Connection]]:
    """Databases with fewer volumes and with many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume_lists, "FEW", LIMIT)
        copies = {
            number: sqlite3.connect(":memory:", isolation_level=None) for number in (FEWER, MANY)
        }
        for number, copy in copies.items():
            shared.backup(copy)
            txn = Txn(copy)
            copy.execute("BEGIN")
            fill(txn, number)
            copy.execute("COMMIT")
        yield copies
        for copy in copies.values():
            copy.close()


def fill(txn: Txn, number: int) -> None:
    """Volumes of the usual kind with the rare ones among the oldest, and one of another project."""
    for name in ("1", "2"):
        add_type(txn, id=f"type-{name}", name=name)
    for each in range(number):
        at = NOW_US + each
        values = UNUSUAL if 40 <= each < 40 + RARE else USUAL
        few = "few" if 50 <= each < 50 + RARE else "all"
        add_volume(
            txn,
            id=f"v{each:05}",
            created_at=at,
            updated_at=at - 10**6 if each > RARE else at,
            metadata=f'{{"of":"{few}","for":"{few}"}}',
            **values,
        )
    add_volume(txn, id="stranger", project_id="p2", created_at=NOW_US - 1)


CHEAP_ORDERS: Final = {
    "newest first": NEWEST_FIRST,
    "oldest first": by("created_at", "asc"),
    "by name": by("name"),
    "by size, upwards": by("size_gib", "asc"),
    "by status": by("status"),
    "by zone": by("availability_zone"),
    "by bootable": by("bootable"),
    "by the last change": by("updated_at"),
}
"""The orders in which a project's volumes stand in an index."""


def cost(connection: sqlite3.Connection, wanted: VolumeQuery) -> int:
    """The steps of a page."""
    return steps(connection, lambda txn: volume_lists.select(txn, wanted))


def assert_same_cost(among: dict[int, sqlite3.Connection], wanted: VolumeQuery) -> None:
    fewer, many = (cost(connection, wanted) for connection in among.values())
    assert 0 < many <= 1.2 * fewer


@pytest.mark.parametrize("order", CHEAP_ORDERS)
@pytest.mark.parametrize("name", FILTERS)
def test_a_page_of_a_project(among: dict[int, sqlite3.Connection], name: str, order: str) -> None:
    assert_same_cost(among, query(**FILTERS[name], sort=CHEAP_ORDERS[order]))


@pytest.mark.parametrize("order", ["newest first", "oldest first", "by name", "by status"])
@pytest.mark.parametrize("name", FILTERS)
def test_a_page_of_all_projects(
    among: dict[int, sqlite3.Connection], name: str, order: str
) -> None:
    assert_same_cost(among, query(None, **FILTERS[name], sort=CHEAP_ORDERS[order]))


@pytest.mark.parametrize("order", CHEAP_ORDERS)
@pytest.mark.parametrize("name", [name for name in FILTERS if "usual" in name or name == "nothing"])
def test_a_page_from_the_middle(
    among: dict[int, sqlite3.Connection], name: str, order: str
) -> None:
    wanted = query(**FILTERS[name], sort=CHEAP_ORDERS[order], marker=MIDDLE)
    assert_same_cost(among, wanted)
    first = cost(among[MANY], replace(wanted, marker=None))
    assert cost(among[MANY], wanted) <= 1.5 * first + 100  # To find the marker.


@pytest.mark.parametrize("order", ["newest first", "oldest first"])
@pytest.mark.parametrize("name", ["a time long ago", "another time", "a status long ago"])
def test_spans_of_time_begin_at_the_marker(
    among: dict[int, sqlite3.Connection], name: str, order: str
) -> None:
    marker = f"v{MANY * 2 // 3:05}" if order == "newest first" else f"v{MANY // 3:05}"
    wanted = query(**FILTERS[name], sort=CHEAP_ORDERS[order])
    first = cost(among[MANY], wanted)
    assert cost(among[MANY], replace(wanted, marker=marker)) <= 1.5 * first + 100


def plan(connection: sqlite3.Connection, wanted: VolumeQuery) -> list[str]:
    """The plan of a page's last statement: before it, only looks at what a filter leaves."""
    lines = plan_of(connection, lambda txn: volume_lists.select(txn, wanted))
    assert bad_scans(lines) == []
    return lines


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("marker", [None, MIDDLE])
@pytest.mark.parametrize("column", IN_PROJECT)
def test_a_value_and_an_order_of_an_index_need_no_sorting(
    among: dict[int, sqlite3.Connection], column: str, marker: str | None, direction: str
) -> None:
    by_creation = query(**one(column, USUAL), sort=by("created_at", direction), marker=marker)
    by_column = query(sort=by(column, direction), marker=marker)
    for wanted in (by_creation, by_column):
        lines = plan(among[MANY], wanted)
        assert any(searches(column, line) for line in lines), lines
        assert not any("TEMP B-TREE" in line for line in lines), lines


def searches(column: str, line: str) -> bool:
    """Whether the line is a search in the index of a project by the column."""
    index = {"size_gib": "size", "availability_zone": "zone"}.get(column, column)
    return f"SEARCH v USING INDEX volumes_project_{index} (project_id=?" in line


@pytest.mark.parametrize("marker", [None, MIDDLE])
@pytest.mark.parametrize("column", IN_ALL)
def test_all_projects_need_no_sorting(
    among: dict[int, sqlite3.Connection], column: str, marker: str | None
) -> None:
    lines = plan(among[MANY], query(None, **one(column, USUAL), marker=marker))
    index = {"user_id": "user", "volume_type_id": "type"}.get(column, column)
    assert any(f"SEARCH v USING INDEX volumes_{index} ({column}=?" in line for line in lines), lines
    assert not any("TEMP B-TREE" in line for line in lines), lines


@pytest.mark.parametrize("marker", [None, MIDDLE])
def test_several_values_are_merged(
    among: dict[int, sqlite3.Connection], marker: str | None
) -> None:
    wanted = VolumeQuery("p1", limit=LIMIT, equal={"status": ("in-use", "error")}, marker=marker)
    lines = plan(among[MANY], wanted)
    assert lines.count("MERGE (UNION ALL)") == 1
    assert not any("TEMP B-TREE" in line for line in lines), lines
    assert_same_cost(among, wanted)


@pytest.mark.parametrize("name", ["the usual metadata", "two items", "another time", "a host"])
def test_metadata_times_and_hosts_need_no_sorting(
    among: dict[int, sqlite3.Connection], name: str
) -> None:
    project_id = None if name == "a host" else "p1"
    lines = plan(among[MANY], query(project_id, **FILTERS[name], marker=MIDDLE))
    assert name == "two items" or not any("TEMP B-TREE" in line for line in lines), lines


def test_one_filter_in_the_order_of_creation_is_one_statement(
    among: dict[int, sqlite3.Connection],
) -> None:
    statements: list[str] = []
    connection = among[MANY]
    connection.set_trace_callback(statements.append)
    for name in ("the usual status", "nobody's status", "the usual metadata"):
        volume_lists.select(Txn(connection), query(**FILTERS[name]))
    connection.set_trace_callback(None)
    assert len(statements) == 3


def test_what_is_sorted_anyway_is_first_found(among: dict[int, sqlite3.Connection]) -> None:
    wanted = query(**FILTERS["an unusual status"], sort=by("description"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume_lists, "FEW", RARE - 1)
        assert_same_cost(among, wanted)


def test_very_many_values_are_not_merged(among: dict[int, sqlite3.Connection]) -> None:
    values = tuple(f"status {number}" for number in range(1000))
    wanted = VolumeQuery("p1", limit=LIMIT, equal={"status": (*values, "error")})
    assert len(volume_lists.select(Txn(among[MANY]), wanted)) == RARE


def test_everything_is_counted_without_counting(among: dict[int, sqlite3.Connection]) -> None:
    for project_id in ("p1", None):
        wanted = VolumeQuery(project_id, limit=0)
        lines = plan_of(among[MANY], lambda txn: volume_lists.count(txn, wanted))  # noqa: B023 - at once
        assert not any("volumes" in line for line in lines), lines
