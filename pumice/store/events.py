"""Rows of ``events``: usage events, one per operation that ended in a change of what a project uses."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pumice.errors import NotFound
from pumice.store.txn import Txn


class Event(Struct, frozen=True):
    """One usage event: ``volume.create`` or ``volume.delete``, at UTC microseconds."""

    id: str
    event: str
    project_id: str
    resource_id: str
    size_gib: int
    created_at: int


_INSERT: Final = """
INSERT INTO events (id, event, project_id, resource_id, operation_id, size_gib, created_at)
VALUES (:id, :event, :project_id, :resource_id, :id, :size_gib, :now)
ON CONFLICT (id) DO NOTHING
"""


def insert(
    txn: Txn,
    operation_id: str,
    event: str,
    project_id: str,
    resource_id: str,
    size_gib: int,
    now: int,
) -> None:
    """Record the usage event of an operation; an operation has at most one, of the operation's id."""
    txn.change(
        _INSERT,
        {
            "id": operation_id,
            "event": event,
            "project_id": project_id,
            "resource_id": resource_id,
            "size_gib": size_gib,
            "now": now,
        },
    )


_COLUMNS: Final = "id, event, project_id, resource_id, size_gib, created_at"

_AFTER: Final = f"""
SELECT {_COLUMNS} FROM events WHERE (created_at, id) > (:at, :id)
ORDER BY created_at, id LIMIT :limit
"""

_AFTER_IN_PROJECT: Final = _AFTER.replace("WHERE", "WHERE project_id = :project_id AND")

_AT: Final = "SELECT created_at FROM events WHERE id = :id"


def select(txn: Txn, project_id: str | None, marker: str | None, limit: int) -> list[Event]:
    """Events after the one of id ``marker`` (None: from the first), oldest first.

    Raises :class:`NotFound` for a marker that is not known (any more).
    """
    at = 0
    if marker is not None:
        row = txn.one(_AT, {"id": marker})
        if row is None:
            raise NotFound(f"Event {marker} could not be found.")
        at = row[0]
    rows = txn.all(
        _AFTER if project_id is None else _AFTER_IN_PROJECT,
        {"project_id": project_id, "at": at, "id": marker or "", "limit": limit},
    )
    return [Event(*row) for row in rows]


_PRUNE: Final = """
DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created_at < :before LIMIT :limit)
"""


def prune(txn: Txn, before_us: int, limit: int) -> int:
    """Remove at most ``limit`` events older than ``before_us``; how many."""
    return txn.change(_PRUNE, {"before": before_us, "limit": limit})
