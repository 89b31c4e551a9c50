"""Lists of volumes: pages, how many there are, and what they come to."""

from __future__ import annotations

from msgspec import Struct

from pumice.model.volume import Volume, VolumeQuery
from pumice.store import volume_lists as rows
from pumice.store.txn import Txn


class Summary(Struct, frozen=True):
    """What volumes come to; ``metadata`` has the different values of each key, if they were asked for."""

    total_count: int
    total_gib: int
    metadata: dict[str, list[str]] | None


def list_volumes(txn: Txn, query: VolumeQuery) -> list[Volume]:
    """Query: one page. Raises :class:`pumice.errors.VolumeNotFound` for an unknown marker."""
    return rows.select(txn, query)


def count_volumes(txn: Txn, query: VolumeQuery) -> int:
    """Query: how many match, on all pages."""
    return rows.count(txn, query)


def summarise_volumes(txn: Txn, project_id: str | None, *, with_metadata: bool) -> Summary:
    """Query: the volumes of a project, or None for those of all."""
    count, gib = rows.totals(txn, project_id)
    metadata = rows.metadata_values(txn, project_id) if with_metadata else None
    return Summary(count, gib, metadata)
