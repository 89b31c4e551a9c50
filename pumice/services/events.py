"""Usage events: what projects began and ceased to use."""

from __future__ import annotations

from pumice.context import Context
from pumice.store import events as rows
from pumice.store.events import Event
from pumice.store.txn import Txn


def list_events(txn: Txn, context: Context, marker: str | None, limit: int) -> list[Event]:
    """Query: events after the one of id ``marker``, oldest first; an owner's are the project's.

    Raises :class:`pumice.errors.NotFound` for a marker that is not known (any more).
    """
    project_id = None if context.is_admin else context.project_id or ""
    return rows.select(txn, project_id, marker, limit)
