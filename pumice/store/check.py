"""Queries that look for rows which contradict each other: in a healthy database each finds nothing.

They read whole tables, so they are for ``pumice db check``, not for a server's event loop.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any, Final

import msgspec
from msgspec import Struct

from pumice.store.operations import UNFINISHED
from pumice.store.txn import Txn

VOLUMES_AT_ONCE: Final = 1000
"""So many are compared with their metadata at a time."""

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class QuotaDifference(Struct, frozen=True):
    """What ``quota_usages`` says a project uses, and what its volumes add up to."""

    project_id: str
    resource: str
    recorded: int
    counted: int


class PoolDifference(Struct, frozen=True):
    """What ``pools`` says is given away, and what the volumes placed there add up to."""

    host: str
    recorded_gib: int
    counted_gib: int
    recorded_volumes: int
    counted_volumes: int


class PlacedVolume(Struct, frozen=True):
    """A volume's row as far as a backend's content can be compared with it."""

    id: str
    size_gib: int
    status: str


def damages(txn: Txn) -> list[str]:
    """What SQLite finds wrong with the file itself, in its own words; PostgreSQL has tools of its own."""
    if txn.engine == "postgresql":
        return []
    try:
        lines = [str(row[0]) for row in txn.all("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if lines == ["ok"] else lines


def broken_references(txn: Txn) -> list[tuple[str, str, int]]:
    """Tables with rows that refer to rows that are not there: from, to, how many.

    PostgreSQL lets nobody make such a row.
    """
    if txn.engine == "postgresql":
        return []
    counts: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in txn.all("PRAGMA foreign_key_check"):
        counts[table, parent] = counts.get((table, parent), 0) + 1
    return [(table, parent, rows) for (table, parent), rows in sorted(counts.items())]


_QUOTA: Final = """
SELECT project_id, resource, sum(recorded), sum(counted) FROM (
    SELECT project_id, resource, in_use AS recorded, 0 AS counted FROM quota_usages
    UNION ALL
    SELECT project_id, 'volumes', 0, count(*) FROM volumes GROUP BY project_id
    UNION ALL
    SELECT project_id, 'gigabytes', 0, sum(size_gib) FROM volumes GROUP BY project_id
    UNION ALL
    SELECT project_id, 'volumes:' || volume_type_id, 0, count(*) FROM volumes
    GROUP BY project_id, volume_type_id
    UNION ALL
    SELECT project_id, 'gigabytes:' || volume_type_id, 0, sum(size_gib) FROM volumes
    GROUP BY project_id, volume_type_id
) AS sides
GROUP BY project_id, resource HAVING sum(recorded) <> sum(counted) ORDER BY project_id, resource
"""


def quota_differences(txn: Txn) -> list[QuotaDifference]:
    """Counters that are not the sums of the volumes they count; no counter is as good as zero."""
    return [QuotaDifference(*row) for row in txn.all(_QUOTA)]


_POOLS: Final = """
SELECT host, sum(recorded_gib), sum(counted_gib), sum(recorded), sum(counted) FROM (
    SELECT host, allocated_gib AS recorded_gib, 0 AS counted_gib, volume_count AS recorded,
        0 AS counted FROM pools
    UNION ALL
    SELECT host, 0, sum(size_gib), 0, count(*) FROM volumes WHERE host IS NOT NULL GROUP BY host
) AS sides
GROUP BY host
HAVING sum(recorded_gib) <> sum(counted_gib) OR sum(recorded) <> sum(counted)
ORDER BY host
"""


def pool_differences(txn: Txn) -> list[PoolDifference]:
    """Pools whose allocation is not the sum of the volumes placed on them."""
    return [PoolDifference(*row) for row in txn.all(_POOLS)]


_SHOWN: Final = """
SELECT id, metadata, project_id, created_at FROM volumes WHERE id > :after ORDER BY id LIMIT :limit
"""
_KEPT: Final = """
SELECT volume_id, key, value, project_id, created_at FROM volume_metadata
WHERE volume_id > :after AND volume_id <= :last
"""
_AFTER_ALL: Final = "\U0010ffff"
"""No id sorts after it."""


def metadata_differences(txn: Txn) -> list[tuple[str, int, int]]:
    """Volumes whose metadata differs between its two places: id, items in the one only, in the other.

    They are compared here, some volumes at a time: no statement of both databases reads JSON that may be
    broken.
    """
    shown: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    after = ""
    while after != _AFTER_ALL:
        volumes = txn.all(_SHOWN, {"after": after, "limit": VOLUMES_AT_ONCE})
        last = volumes[-1][0] if len(volumes) == VOLUMES_AT_ONCE else _AFTER_ALL
        in_volumes = {
            (id_, key, value, project_id, created_at)
            for id_, metadata, project_id, created_at in volumes
            for key, value in _items(metadata)
        }
        in_items = set(txn.all(_KEPT, {"after": after, "last": last}))
        shown.update(row[0] for row in in_volumes - in_items)
        kept.update(row[0] for row in in_items - in_volumes)
        after = last
    return [(id_, shown[id_], kept[id_]) for id_ in sorted({*shown, *kept})]


def _items(metadata: str) -> list[tuple[str, str]]:
    """The items of a volume's metadata; none of what is no JSON object."""
    try:
        found = _decode(metadata)
    except msgspec.DecodeError:
        return []
    return [(key, one if isinstance(one, str) else repr(one)) for key, one in found.items()]


_ABANDONED: Final = """
SELECT v.id, v.size_gib, v.status FROM volumes v
WHERE v.status = :status AND v.status <> 'available' AND NOT EXISTS
    (SELECT 1 FROM operations o WHERE o.resource_id = v.id AND o.ended_at IS NULL)
ORDER BY v.id
"""


def without_operation(txn: Txn, status: str) -> list[PlacedVolume]:
    """Volumes in ``status``, which must be a passing one, on which no operation is under way."""
    return [PlacedVolume(*row) for row in txn.all(_ABANDONED, {"status": status})]


_HOMELESS: Final = """
SELECT o.id, o.name, o.resource_id FROM operations o
WHERE o.ended_at IS NULL AND o.resource_type = 'volume'
    AND NOT EXISTS (SELECT 1 FROM volumes v WHERE v.id = o.resource_id)
ORDER BY o.id
"""


def without_volume(txn: Txn) -> list[tuple[str, str, str]]:
    """Unfinished operations on a volume that has no row: id, name and the volume's id."""
    return [(id_, name, volume_id) for id_, name, volume_id in txn.all(_HOMELESS)]


_UNDECIDED: Final = f"""
SELECT id, status, ended_at IS NOT NULL FROM operations
WHERE (ended_at IS NULL) <> (status IN {UNFINISHED}) ORDER BY id
"""


def undecided(txn: Txn) -> list[tuple[str, str, bool]]:
    """Operations whose status and time of ending contradict each other: id, status, has ended."""
    return [(id_, status, bool(ended)) for id_, status, ended in txn.all(_UNDECIDED)]


_GAPS: Final = """
SELECT operation_id, count(*), max(seq) FROM operation_log
GROUP BY operation_id HAVING min(seq) <> 1 OR max(seq) <> count(*) ORDER BY operation_id
"""


def log_gaps(txn: Txn) -> list[tuple[str, int, int]]:
    """Operations whose log is not numbered 1, 2, 3, ...: id, lines, highest number."""
    return [(id_, lines, last) for id_, lines, last in txn.all(_GAPS)]


_CHANGED: Final = """
SELECT resource_id FROM operations WHERE ended_at IS NULL
UNION
SELECT resource_id FROM operations WHERE ended_at IS NOT NULL AND ended_at >= :since
"""


def changed_since(txn: Txn, since_us: int) -> set[str]:
    """The resources that an operation may have changed since then, or may be changing now."""
    return {row[0] for row in txn.all(_CHANGED, {"since": since_us})}


_PLACED: Final = """
SELECT id, size_gib, status FROM volumes
WHERE host >= :backend_host || '#' AND host < :backend_host || '$' ORDER BY id
"""


def placed_on(txn: Txn, backend_host: str) -> list[PlacedVolume]:
    """The volumes on any pool of a backend; ``$`` follows ``#`` in the order of characters."""
    return [PlacedVolume(*row) for row in txn.all(_PLACED, {"backend_host": backend_host})]


_HOSTS: Final = "SELECT host, count(*) FROM volumes WHERE host IS NOT NULL GROUP BY host"


def volumes_by_backend(txn: Txn) -> dict[str, int]:
    """How many volumes each backend (``host@backend``) has, of those that have any."""
    counts: dict[str, int] = {}
    for host, volumes in txn.all(_HOSTS):
        backend_host = host.partition("#")[0]
        counts[backend_host] = counts.get(backend_host, 0) + volumes
    return counts
