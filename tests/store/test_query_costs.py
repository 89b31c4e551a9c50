"""What a query costs must not depend on how many rows there are: its plan, and SQLite's own steps."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import pytest

from pumice.model.message import MessageQuery
from pumice.model.volume import NEWEST_FIRST, VolumeQuery
from pumice.store import events, messages, operations, volume_lists, volumes
from pumice.store.operations import Claimant
from pumice.store.txn import Txn
from tests.store.conftest import ON_SQLITE
from tests.store.plans import Query, bad_scans, plan_of, steps
from tests.store.samples import (
    BACKEND,
    NOW_US,
    POOL,
    add_event,
    add_message,
    add_operation,
    add_type,
    add_volume,
)

FEW: Final = 300
MANY: Final = 3000
LIMIT: Final = 20
MIDDLE: Final = f"v{FEW // 2:05}"
CLAIMANT: Final = Claimant("p", schedules=True, alive_since=0, now=NOW_US)


def page(**changes: Any) -> Query:
    """A page of volumes as the API asks for it, newest first."""
    asked: dict[str, Any] = {"project_id": "p1", "limit": LIMIT, **changes}
    return lambda txn: volume_lists.select(txn, VolumeQuery(**asked))


def newest_messages(project_id: str, marker: str | None = None) -> MessageQuery:
    """A page of messages as the API asks for it, newest first."""
    return MessageQuery(project_id, {}, NEWEST_FIRST, LIMIT, 0, marker)


def equal(**values: Any) -> dict[str, tuple[Any, ...]]:
    """Filters for one value each, or for any of a tuple."""
    return {key: one if isinstance(one, tuple) else (one,) for key, one in values.items()}


def by(key: str, direction: str = "desc") -> tuple[tuple[str, str], ...]:
    """An order as the API ends it."""
    return ((key, direction), ("created_at", direction), ("id", direction))


UPWARDS: Final = (("created_at", "asc"), ("id", "asc"))

QUERIES: Final[dict[str, Query]] = {
    "first page": page(),
    "page from the middle": page(marker=MIDDLE),
    "page from the middle, oldest first": page(marker=MIDDLE, sort=UPWARDS),
    "first page of all projects": page(project_id=None),
    "page from the middle of all projects": page(project_id=None, marker=MIDDLE),
    "by name": page(equal=equal(name="name 7")),
    "by name that nobody has": page(equal=equal(name="none")),
    "by name in all projects": page(project_id=None, equal=equal(name="name 7")),
    "by name, from the middle": page(equal=equal(name="name 7"), marker=MIDDLE),
    "by a rare status": page(equal=equal(status="error")),
    "by a rare status in all projects": page(project_id=None, equal=equal(status="error")),
    "by the usual status": page(equal=equal(status="available")),
    "by id": page(equal=equal(id=MIDDLE)),
    "one volume": lambda txn: volumes.get(txn, MIDDLE),
    "runnable operations": lambda txn: operations.runnable(txn, CLAIMANT, LIMIT),
    "operation under way on a volume": lambda txn: operations.unfinished_of(txn, MIDDLE),
    "claim": lambda txn: operations.claim(txn, "o00007", CLAIMANT, NOW_US),
    "renewed leases": lambda txn: operations.renew_leases(txn, "p", NOW_US),
    "claimants": operations.claimants,
    "released claims": lambda txn: operations.release_claims(txn, "p"),
    "operations": lambda txn: operations.select(txn, limit=LIMIT),
    "operations from the middle": lambda txn: operations.select(txn, marker="o00150", limit=LIMIT),
    "operations of a project": lambda txn: operations.select(txn, project_id="p1", limit=LIMIT),
    "operations of an idle project": lambda txn: operations.select(txn, project_id="p9"),
    "operations of a volume": lambda txn: operations.select(txn, resource_id=MIDDLE),
    "stuck operations": lambda txn: operations.select(txn, status="stuck"),
    "running operations of a project": lambda txn: operations.select(
        txn, status="running", project_id="p1", limit=LIMIT
    ),
    "operations of a request": lambda txn: operations.of_request(txn, "req-7"),
    "old operations": lambda txn: operations.prune(txn, NOW_US - 1, LIMIT),
    "messages": lambda txn: messages.select(txn, newest_messages("p1")),
    "messages from the middle": lambda txn: messages.select(txn, newest_messages("p1", "m00150")),
    "messages of an idle project": lambda txn: messages.select(txn, newest_messages("p9")),
    "old messages": lambda txn: messages.prune(txn, NOW_US - 1, LIMIT),
    "events": lambda txn: events.select(txn, None, "o00150", LIMIT),
    "events of a project": lambda txn: events.select(txn, "p1", None, LIMIT),
    "events of an idle project": lambda txn: events.select(txn, "p9", None, LIMIT),
    "old events": lambda txn: events.prune(txn, NOW_US - 1, LIMIT),
}

# They grow with the volumes of a project or of a backend.
PLANNED: Final[dict[str, Query]] = {
    **QUERIES,
    "by two rare statuses": page(equal=equal(status=("error", "deleting"))),
    "volumes of a pool": page(project_id=None, equal=equal(host=POOL)),
    "volumes of a backend": lambda txn: volumes.ids_on(txn, BACKEND),
    "count": lambda txn: volume_lists.count(txn, VolumeQuery("p1", limit=0)),
}


def fill(txn: Txn, begin: int, end: int) -> None:
    """Volumes with their finished operations; the first one's is under way, whatever comes later."""
    for number in range(begin, end):
        at = NOW_US + number
        status = "creating" if number == 0 else "error" if number in {1, 2} else "available"
        add_volume(txn, id=f"v{number:05}", name=f"name {number}", status=status, created_at=at)
        add_operation(
            txn,
            id=f"o{number:05}",
            resource_id=f"v{number:05}",
            request_id=f"req-{number}",
            status="done" if number else "running",
            ended_at=at if number else None,
        )
        add_message(txn, f"m{number:05}", created_at=at)
        add_event(txn, f"o{number:05}", created_at=at)


@pytest.fixture(scope="module")
def few_and_many(shared: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """What each query costs among few rows and among many, in steps of SQLite's machine."""
    shared.execute("BEGIN")
    txn = Txn(shared)
    add_type(txn)
    fill(txn, 0, FEW)
    few = {name: steps(shared, query) for name, query in QUERIES.items()}
    fill(txn, FEW, MANY)
    many = {name: steps(shared, query) for name, query in QUERIES.items()}
    shared.execute("ROLLBACK")
    return {name: (few[name], many[name]) for name in QUERIES}


@pytest.mark.parametrize("name", QUERIES)
def test_ten_times_the_rows_cost_the_same(
    few_and_many: dict[str, tuple[int, int]], name: str
) -> None:
    few, many = few_and_many[name]
    assert few > 0
    assert many <= 1.2 * few


@pytest.mark.parametrize("name", PLANNED)
@ON_SQLITE
def test_no_query_reads_a_whole_table(connection: sqlite3.Connection, txn: Txn, name: str) -> None:
    add_type(txn)
    add_volume(txn, id=MIDDLE)
    add_operation(txn, id="o00007")
    add_event(txn, "o00150")
    add_message(txn, "m00150")
    plan = plan_of(connection, PLANNED[name])
    assert any("INDEX" in line for line in plan)
    assert bad_scans(plan) == []
