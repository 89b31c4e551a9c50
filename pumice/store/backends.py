"""Rows of ``processes`` and ``backends``: who serves what, and when it was last heard of."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pumice.errors import NotFound
from pumice.store.txn import Row, Txn


class BackendRecord(Struct, frozen=True):
    """One backend as its serving process last reported it; in the order of the columns."""

    host: str
    name: str
    process_id: str
    availability_zone: str
    up: bool
    reason: str
    enabled: bool
    disabled_reason: str | None
    frozen: bool
    updated_at: int


class ProcessRecord(Struct, frozen=True):
    """One serving process; times are UTC microseconds."""

    id: str
    host: str
    pid: int
    started_at: int
    heartbeat_at: int


_BEAT: Final = """
INSERT INTO processes (id, host, pid, started_at, heartbeat_at)
VALUES (:id, :host, :pid, :started_at, :heartbeat_at)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at
"""


def beat(txn: Txn, process: ProcessRecord) -> None:
    """Record that the process lives."""
    txn.change(_BEAT, {name: getattr(process, name) for name in process.__struct_fields__})


_FORGET: Final = "DELETE FROM processes WHERE id <> :id AND heartbeat_at < :before"


def forget_processes(txn: Txn, process_id: str, before_us: int) -> None:
    """Remove the rows of other processes that were last heard of before ``before_us``."""
    txn.change(_FORGET, {"id": process_id, "before": before_us})


_PROCESSES: Final = (
    "SELECT id, host, pid, started_at, heartbeat_at FROM processes ORDER BY started_at"
)


def processes(txn: Txn) -> list[ProcessRecord]:
    """Every known process, oldest first."""
    return [ProcessRecord(*row) for row in txn.all(_PROCESSES)]


_REPORT: Final = """
INSERT INTO backends (host, name, process_id, availability_zone, up, reason, enabled,
    disabled_reason, frozen, updated_at)
VALUES (:host, :name, :process_id, :availability_zone, :up, :reason, TRUE, NULL, FALSE, :updated_at)
ON CONFLICT (host) DO UPDATE SET name = excluded.name, process_id = excluded.process_id,
    availability_zone = excluded.availability_zone, up = excluded.up, reason = excluded.reason,
    updated_at = excluded.updated_at
"""


def report(
    txn: Txn,
    *,
    host: str,
    name: str,
    process_id: str,
    availability_zone: str,
    up: bool,
    reason: str,
    updated_at: int,
) -> None:
    """Record a backend's health; what an administrator set (enabled, frozen) stays."""
    parameters = {
        "host": host,
        "name": name,
        "process_id": process_id,
        "availability_zone": availability_zone,
        "up": up,
        "reason": reason,
        "updated_at": updated_at,
    }
    txn.change(_REPORT, parameters)


_COLUMNS: Final = """host, name, process_id, availability_zone, up, reason, enabled, disabled_reason,
    frozen, updated_at"""


def _record(row: Row) -> BackendRecord:
    return BackendRecord(
        *(*row[:4], bool(row[4]), row[5], bool(row[6]), row[7], bool(row[8]), row[9])
    )


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
