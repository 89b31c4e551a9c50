"""Pages of a list on PostgreSQL: among many volumes they read a few rows, whichever way leads to them.

What SQLite does for the same is counted in steps in ``test_list_costs.py``; PostgreSQL says how many rows of
tables it looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import psycopg
import pytest

from pumice.model.volume import VolumeQuery
from pumice.store import volume_lists
from pumice.store.postgresql import schema
from pumice.store.postgresql.connections import connect
from pumice.store.postgresql.dialect import PostgresConnection
from pumice.store.txn import Cursor, Parameters, Txn
from tests.postgresql import Cluster
from tests.store.samples import NOW_US, add_pool, add_type, add_volume

MANY: Final = 20_000
LIMIT: Final = 20
PAGE: Final = 3 * LIMIT
"""Rows that a page may read: the volumes, their types, and one or two to begin each part of a union."""
SOUGHT: Final = 3 * volume_lists.FEW
"""Rows that may be read where a few are counted, checked and sorted."""

# Half of them are of one project; each tenth has no name.
FILL: Final = """
INSERT INTO volumes SELECT (jsonb_populate_record(v, jsonb_build_object(
    'id', 'v' || lpad(i::text, 6, '0'),
    'project_id', CASE WHEN i % 2 = 0 THEN 'p1' ELSE 'p' || (2 + i % 50) END,
    'name', CASE WHEN i % 10 > 0 THEN 'name ' || i END,
    'status', CASE WHEN i % 1000 = 8 THEN 'error' ELSE 'available' END,
    'host', 'node' || (i % 20) || '@fast#pool',
    'size_gib', 1 + i % 10,
    'updated_at', CASE WHEN i % 4 = 0 THEN v.created_at + i END,
    'created_at', v.created_at + i
))).* FROM volumes v, generate_series(1, :many) i
"""
FILL_METADATA: Final = """
INSERT INTO volume_metadata (volume_id, key, value, project_id, created_at)
SELECT id, 'tier', (created_at % 4)::text, project_id, created_at FROM volumes
"""


class Explaining(PostgresConnection):
    """Asks of each statement that it runs how many rows the server reads for it."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        super().__init__(raw)
        self.read = 0

    def execute(self, sql: str, parameters: Parameters = {}, /) -> Cursor:  # noqa: B006 - read only
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}"
        ((plan,),) = super().execute(explain, parameters).fetchone()
        self.read += rows_read(plan["Plan"])
        return super().execute(sql, parameters)


def rows_read(node: dict[str, Any]) -> int:
    """The rows of tables that a part of a plan looks at, those that it drops included."""
    inside = sum(rows_read(one) for one in node.get("Plans", ()))
    if "Relation Name" not in node:
        return inside
    found: int = round(node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    return inside + found * node["Actual Loops"]


@pytest.fixture(scope="module")
def connection(postgresql_server: Cluster) -> Iterator[Explaining]:
    """A database with many volumes."""
    url = postgresql_server.create_database("many")
    schema.create(url)
    with closing(connect(url, "tests")) as raw:
        plain = PostgresConnection(raw)
        txn = Txn(plain, "postgresql")
        add_type(txn)
        add_pool(txn, "node1@fast#pool")
        add_volume(txn, id="v", created_at=NOW_US)
        txn.change(FILL, {"many": MANY})
        txn.change(FILL_METADATA, {})
        plain.execute("VACUUM ANALYZE")
        yield Explaining(raw)


def by(key: str, direction: str) -> tuple[tuple[str, str], ...]:
    return ((key, direction), ("created_at", direction), ("id", direction))


MIDDLE: Final = f"v{MANY // 2:06}"
"""It has no name."""
NAMED: Final = f"v{MANY // 2 + 2:06}"
UPWARDS: Final = (("created_at", "asc"), ("id", "asc"))

QUERIES: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "the first page": (PAGE, {}),
    "oldest first": (PAGE, {"sort": UPWARDS}),
    "from the middle": (PAGE, {"marker": MIDDLE}),
    "from the middle, oldest first": (PAGE, {"marker": MIDDLE, "sort": UPWARDS}),
    "of all projects": (PAGE, {"project_id": None}),
    "of all projects, from the middle": (PAGE, {"project_id": None, "marker": MIDDLE}),
    "of a small project": (PAGE, {"project_id": "p3"}),
    "of one name": (PAGE, {"equal": {"name": ("name 502",)}}),
    "of one name in all projects": (PAGE, {"project_id": None, "equal": {"name": ("name 502",)}}),
    "of the usual status": (PAGE, {"equal": {"status": ("available",)}}),
    "of the usual status, from the middle": (
        PAGE,
        {"equal": {"status": ("available",)}, "marker": MIDDLE},
    ),
    "of a rare status": (PAGE, {"equal": {"status": ("error",)}}),
    "of two statuses": (PAGE, {"equal": {"status": ("available", "error")}}),
    "of two statuses in all projects, from the middle": (
        PAGE,
        {"project_id": None, "equal": {"status": ("available", "error")}, "marker": MIDDLE},
    ),
    "of two hosts": (PAGE, {"project_id": None, "hosts": ("node1@fast#pool", "node2@fast#pool")}),
    "of an item of metadata": (PAGE, {"metadata": {"tier": "2"}}),
    "since the middle": (PAGE, {"within": {"created_at": ((NOW_US + MANY // 2, NOW_US + MANY),)}}),
    "of a size in all projects": (SOUGHT, {"project_id": None, "equal": {"size_gib": (3,)}}),
    "of a status and a size": (
        SOUGHT,
        {"equal": {"status": ("available",), "size_gib": (3,)}},
    ),
    **{
        f"by {key}, {direction}, {where}": (PAGE, {"sort": by(key, direction), **marker})
        for key in ("name", "updated_at", "size_gib")
        for direction in ("asc", "desc")
        for where, marker in {
            "from the beginning": {},
            "after one": {"marker": NAMED},
            "after one without": {"marker": MIDDLE},
        }.items()
    },
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_reads_a_few_rows(connection: Explaining, name: str) -> None:
    most, wanted = QUERIES[name]
    query = VolumeQuery(**{"project_id": "p1", "limit": LIMIT, **wanted})
    connection.read = 0
    page = volume_lists.select(Txn(connection, "postgresql"), query)
    assert page
    assert connection.read <= most


def test_what_no_index_finds_reads_them_all(connection: Explaining) -> None:
    """So that this test can see it when an index is not used."""
    connection.read = 0
    volume_lists.select(Txn(connection, "postgresql"), VolumeQuery(None, 1, like={"name": "none"}))
    assert connection.read > MANY
