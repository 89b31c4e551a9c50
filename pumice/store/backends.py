"""Rows of ``processes``, ``backends`` and ``backend_servers``: who serves what, and lives."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pumice.errors import NotFound
from pumice.store.txn import Row, Txn


class BackendRecord(Struct, frozen=True):
    """One backend: what it is, and what an administrator has set; in the order of the columns."""

    host: str
    name: str
    availability_zone: str
    enabled: bool
    disabled_reason: str | None
    frozen: bool
    updated_at: int


class ServerRecord(Struct, frozen=True):
    """How one process finds a backend that it serves; ``heartbeat_at`` is the process's."""

    backend_host: str
    process_id: str
    up: bool
    reason: str
    heartbeat_at: int


class ProcessRecord(Struct, frozen=True):
    """One serving process; times are UTC microseconds, ``roles`` are separated by commas."""

    id: str
    host: str
    pid: int
    started_at: int
    heartbeat_at: int
    roles: str


_BEAT: Final = """
INSERT INTO processes (id, host, pid, started_at, heartbeat_at, roles)
VALUES (:id, :host, :pid, :started_at, :heartbeat_at, :roles)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at
"""


def beat(txn: Txn, process: ProcessRecord) -> None:
    """Record that the process lives."""
    txn.change(_BEAT, {name: getattr(process, name) for name in process.__struct_fields__})


_SILENT: Final = "id <> :id AND heartbeat_at < :before"
_FORGET_LOCKS: Final = f"""
DELETE FROM process_locks WHERE process_id IN (SELECT id FROM processes WHERE {_SILENT})
"""
_FORGET: Final = f"DELETE FROM processes WHERE {_SILENT}"


def forget_processes(txn: Txn, process_id: str, before_us: int) -> None:
    """Remove what is known of other processes that were last heard of before ``before_us``."""
    for statement in (_FORGET_LOCKS, _FORGET):
        txn.change(statement, {"id": process_id, "before": before_us})


_PROCESSES: Final = (
    "SELECT id, host, pid, started_at, heartbeat_at, roles FROM processes ORDER BY started_at, id"
)


def processes(txn: Txn) -> list[ProcessRecord]:
    """Every known process, oldest first."""
    return [ProcessRecord(*row) for row in txn.all(_PROCESSES)]


_COLUMNS: Final = "host, name, availability_zone, enabled, disabled_reason, frozen, updated_at"


def _record(row: Row) -> BackendRecord:
    return BackendRecord(*(*row[:3], bool(row[3]), row[4], bool(row[5]), row[6]))


_REPORT: Final = f"""
INSERT INTO backends (host, name, availability_zone, enabled, disabled_reason, frozen, updated_at)
VALUES (:host, :name, :availability_zone, TRUE, NULL, FALSE, :updated_at)
ON CONFLICT (host) DO UPDATE SET name = excluded.name,
    availability_zone = excluded.availability_zone, updated_at = excluded.updated_at
RETURNING {_COLUMNS}
"""


def report(
    txn: Txn, *, host: str, name: str, availability_zone: str, updated_at: int
) -> BackendRecord:
    """Record a backend; what an administrator set (enabled, frozen) stays. The backend as it is then."""
    parameters = {
        "host": host,
        "name": name,
        "availability_zone": availability_zone,
        "updated_at": updated_at,
    }
    row = txn.one(_REPORT, parameters)
    assert row is not None
    return _record(row)


_SERVE: Final = """
INSERT INTO backend_servers (backend_host, process_id, up, reason, updated_at)
VALUES (:backend_host, :process_id, :up, :reason, :updated_at)
ON CONFLICT (backend_host, process_id) DO UPDATE SET up = excluded.up, reason = excluded.reason,
    updated_at = excluded.updated_at
"""


def serve(
    txn: Txn, backend_host: str, process_id: str, *, up: bool, reason: str, updated_at: int
) -> None:
    """Record that the process serves the backend, and how it finds it."""
    parameters = {
        "backend_host": backend_host,
        "process_id": process_id,
        "up": up,
        "reason": reason,
        "updated_at": updated_at,
    }
    txn.change(_SERVE, parameters)


_COUNT_SERVED: Final = "SELECT count(*) FROM backend_servers WHERE process_id = :process_id"


def count_served(txn: Txn, process_id: str) -> int:
    """How many backends the process is known to serve."""
    row = txn.one(_COUNT_SERVED, {"process_id": process_id})
    return row[0] if row else 0


_SERVERS: Final = """
SELECT s.backend_host, s.process_id, s.up, s.reason, p.heartbeat_at
FROM backend_servers s JOIN processes p ON p.id = s.process_id
ORDER BY s.backend_host, p.heartbeat_at, s.process_id
"""


def servers(txn: Txn) -> list[ServerRecord]:
    """Who serves what; of one backend, the one that was last heard of comes last."""
    return [
        ServerRecord(host, process_id, bool(up), reason, heartbeat_at)
        for host, process_id, up, reason, heartbeat_at in txn.all(_SERVERS)
    ]


_GET: Final = f"SELECT {_COLUMNS} FROM backends WHERE host = :host"


def get(txn: Txn, host: str) -> BackendRecord:
    """One backend that was reported. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"host": host})
    if row is None:
        raise _no_such_backend(host)
    return _record(row)


def _no_such_backend(host: str) -> NotFound:
    return NotFound(f"Backend {host} could not be found.")


_ALL: Final = f"SELECT {_COLUMNS} FROM backends ORDER BY host"


def select_all(txn: Txn) -> list[BackendRecord]:
    """Every backend that was ever reported and not removed, by host."""
    return [_record(row) for row in txn.all(_ALL)]


_ENABLE: Final = """
UPDATE backends SET enabled = :enabled, disabled_reason = :disabled_reason WHERE host = :host
"""


def set_enabled(txn: Txn, host: str, *, enabled: bool, disabled_reason: str | None) -> None:
    """Let the backend take new volumes or not, and why not. Raises :class:`NotFound`."""
    parameters = {"host": host, "enabled": enabled, "disabled_reason": disabled_reason}
    if not txn.change(_ENABLE, parameters):
        raise _no_such_backend(host)


_FREEZE: Final = "UPDATE backends SET frozen = :frozen WHERE host = :host AND frozen <> :frozen"


def set_frozen(txn: Txn, host: str, *, frozen: bool) -> bool:
    """Freeze or thaw the backend; whether that changed anything. Raises :class:`NotFound`."""
    if txn.change(_FREEZE, {"host": host, "frozen": frozen}):
        return True
    get(txn, host)
    return False


_FROZEN: Final = "SELECT 1 FROM backends WHERE host = :host AND frozen"


def is_frozen(txn: Txn, host: str) -> bool:
    """Whether the backend is there, and frozen."""
    return txn.one(_FROZEN, {"host": host}) is not None
