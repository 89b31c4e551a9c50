"""Rows of ``pools``: how much of each pool this database has given away.

``allocated_gib`` and ``volume_count`` change in the transaction that places or removes a volume, and
nowhere else, so they equal the sums over ``volumes`` at every commit.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from pumice.store.txn import Txn

_REGISTER: Final = """
INSERT INTO pools (host, backend_host, allocated_gib, volume_count)
VALUES (:host, :backend_host, 0, 0)
ON CONFLICT (host) DO UPDATE SET backend_host = excluded.backend_host
RETURNING allocated_gib, volume_count
"""


def register(txn: Txn, host: str, backend_host: str) -> tuple[int, int]:
    """Make the pool known; what is allocated on it (GiB, volumes)."""
    row = txn.one(_REGISTER, {"host": host, "backend_host": backend_host})
    return (row[0], row[1]) if row else (0, 0)


_REPORT: Final = "UPDATE pools SET report = :report WHERE host = :host"


def report(txn: Txn, host: str, text: str) -> None:
    """Keep what is reported of a registered pool, for the schedulers of other processes."""
    txn.change(_REPORT, {"host": host, "report": text})


# By the primary key: `$` follows `#` in the order of characters.
_FORGET: Final = """
UPDATE pools SET report = ''
WHERE host >= :backend_host || '#' AND host < :backend_host || '$' AND report <> ''
"""


def forget_reports(txn: Txn, backend_host: str) -> None:
    """Forget what was reported of a backend's pools; what is allocated on them stays."""
    txn.change(_FORGET, {"backend_host": backend_host})


_REPORTED: Final = """
SELECT p.host, p.report, p.allocated_gib, p.volume_count, b.enabled, b.disabled_reason, b.frozen,
    EXISTS (SELECT 1 FROM backend_servers s JOIN processes q ON q.id = s.process_id
        WHERE s.backend_host = p.backend_host AND s.up AND q.heartbeat_at >= :alive_since)
FROM pools p JOIN backends b ON b.host = p.backend_host
WHERE p.report <> ''
ORDER BY p.host
"""


class ReportedPool(Struct, frozen=True):
    """A pool as some process last reported it, and as the database has it now."""

    host: str
    report: str
    allocated_gib: int
    volume_count: int
    enabled: bool
    disabled_reason: str | None
    frozen: bool
    up: bool
    """A process that was heard of lately serves it, and finds it up."""


def reported(txn: Txn, alive_since_us: int) -> list[ReportedPool]:
    """Every pool that was reported, by whichever process."""
    return [
        ReportedPool(*(*row[:4], bool(row[4]), row[5], bool(row[6]), bool(row[7])))
        for row in txn.all(_REPORTED, {"alive_since": alive_since_us})
    ]


_CLAIM: Final = """
UPDATE pools SET allocated_gib = allocated_gib + :size, volume_count = volume_count + 1
WHERE host = :host
    AND (CAST(:ceiling AS DOUBLE PRECISION) IS NULL OR allocated_gib + :size <= :ceiling)
    AND EXISTS (SELECT 1 FROM backends b
        WHERE b.host = pools.backend_host AND b.enabled AND NOT b.frozen)
RETURNING allocated_gib, volume_count
"""


def claim(txn: Txn, host: str, size_gib: int, ceiling_gib: float | None) -> tuple[int, int] | None:
    """Take ``size_gib`` on the pool; what is allocated then.

    None if the ceiling would be passed, or an administrator has closed the backend meanwhile.
    """
    row = txn.one(_CLAIM, {"host": host, "size": size_gib, "ceiling": ceiling_gib})
    return (row[0], row[1]) if row else None


_RELEASE: Final = """
UPDATE pools SET allocated_gib = allocated_gib - :size, volume_count = volume_count - 1
WHERE host = :host
RETURNING allocated_gib, volume_count
"""


def release(txn: Txn, host: str, size_gib: int) -> tuple[int, int]:
    """Give ``size_gib`` back to the pool; what is allocated then."""
    row = txn.one(_RELEASE, {"host": host, "size": size_gib})
    return (row[0], row[1]) if row else (0, 0)


_COUNTS: Final = """
SELECT backend_host, sum(volume_count) FROM pools WHERE volume_count > 0
GROUP BY backend_host ORDER BY backend_host
"""


def elsewhere(txn: Txn, backend_hosts: Collection[str]) -> list[tuple[str, int]]:
    """The backends beside these that hold volumes, with how many."""
    return [(host, count) for host, count in txn.all(_COUNTS) if host not in backend_hosts]


_USAGE: Final = """
SELECT v.project_id, count(*), sum(v.size_gib) FROM pools p JOIN volumes v ON v.host = p.host
WHERE p.backend_host = :backend_host GROUP BY v.project_id ORDER BY v.project_id
"""


def usage(txn: Txn, backend_host: str) -> list[tuple[str, int, int]]:
    """Which projects have volumes on a backend: the project, how many, and their GiB."""
    rows = txn.all(_USAGE, {"backend_host": backend_host})
    return [(project_id, count, int(size_gib)) for project_id, count, size_gib in rows]
