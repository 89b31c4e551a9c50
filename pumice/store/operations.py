"""Rows of ``operations`` and ``operation_log``: claims, fences, progress and the log.

Every write of a running operation is conditional on its claim (process and fencing number), so that a
process that was taken for dead, and woke up again, changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pumice.errors import Fenced, OperationNotFound
from pumice.model.operation import LogEntry, OperationRecord
from pumice.store.txn import Txn

# In the order of the fields of OperationRecord.
COLUMNS: Final = """id, name, version, params, status, attempt, project_id, user_id, resource_type,
    resource_id, backend_host, step, claimed_by, lease_until, fence, run_after, error, error_detail,
    request_id, created_at, updated_at, ended_at"""

UNFINISHED: Final = ("running", "stuck")
"""The statuses of an operation that has not ended."""

_decode_data: Final = msgspec.json.Decoder(dict[str, Any]).decode

_INSERT: Final = f"""
INSERT INTO operations ({COLUMNS}, trace)
VALUES ({", ".join(f":{name}" for name in OperationRecord.__struct_fields__)}, :trace)
"""


def insert(txn: Txn, record: OperationRecord, trace: str | None) -> None:
    """Add an operation."""
    parameters = {name: getattr(record, name) for name in record.__struct_fields__}
    txn.change(_INSERT, {**parameters, "trace": trace})


_UPDATE: Final = """
UPDATE operations SET status = :status, attempt = :attempt, backend_host = :backend_host, step = :step,
    lease_until = :lease_until, run_after = :run_after, error = :error, error_detail = :error_detail,
    updated_at = :updated_at, ended_at = :ended_at, trace = coalesce(:trace, trace)
WHERE id = :id AND fence = :fence AND claimed_by = :claimed_by AND ended_at IS NULL
"""


def update(txn: Txn, record: OperationRecord, trace: str | None) -> None:
    """Write the operation's progress. Raises :class:`Fenced` unless ``record`` holds the claim."""
    parameters = {name: getattr(record, name) for name in _UPDATED}
    if not txn.change(_UPDATE, {**parameters, "trace": trace}):
        raise Fenced(f"Operation {record.id} is claimed by another process or has ended.")


_UPDATED: Final = (
    "id", "status", "attempt", "backend_host", "step", "claimed_by", "lease_until", "fence",
    "run_after", "error", "error_detail", "updated_at", "ended_at",
)  # fmt: skip

_APPEND: Final = """
INSERT INTO operation_log (operation_id, seq, attempt, step, event, data, fence, at)
VALUES (:operation_id, :seq, :attempt, :step, :event, :data, :fence, :at)
"""


def append(txn: Txn, operation_id: str, entries: list[LogEntry]) -> None:
    """Add lines to the operation's log; the sequence number keeps a line from being added twice."""
    txn.change_many(
        _APPEND,
        [
            {
                "operation_id": operation_id,
                "seq": entry.seq,
                "attempt": entry.attempt,
                "step": entry.step,
                "event": entry.event,
                "data": msgspec.json.encode(entry.data).decode(),
                "fence": entry.fence,
                "at": entry.at,
            }
            for entry in entries
        ],
    )


_GET: Final = f"SELECT {COLUMNS} FROM operations WHERE id = :id"


def get(txn: Txn, operation_id: str) -> OperationRecord:
    """One operation. Raises :class:`OperationNotFound`."""
    row = txn.one(_GET, {"id": operation_id})
    if row is None:
        raise OperationNotFound(operation_id)
    return OperationRecord(*row)


_LOG: Final = """
SELECT seq, attempt, step, event, data, fence, at FROM operation_log
WHERE operation_id = :id ORDER BY seq
"""


def log(txn: Txn, operation_id: str) -> list[LogEntry]:
    """The operation's log, oldest line first."""
    return [
        LogEntry(seq, attempt, step, event, _decode_data(data), fence, at)
        for seq, attempt, step, event, data, fence, at in txn.all(_LOG, {"id": operation_id})
    ]


_CLAIM: Final = f"""
UPDATE operations
SET claimed_by = :process_id, lease_until = :lease_until, fence = fence + 1, updated_at = :now
WHERE id = :id AND ended_at IS NULL
    AND (claimed_by IS NULL OR claimed_by = :process_id OR lease_until < :now)
RETURNING {COLUMNS}
"""


def claim(
    txn: Txn, operation_id: str, process_id: str, now_us: int, lease_until: int
) -> OperationRecord | None:
    """Take the operation for ``process_id`` with a new fencing number; None if another holds it.

    It can be taken if nobody holds it, if the lease of the holder is over, or by its own holder (who
    lost what it had in memory).
    """
    row = txn.one(
        _CLAIM,
        {"id": operation_id, "process_id": process_id, "now": now_us, "lease_until": lease_until},
    )
    return OperationRecord(*row) if row else None


_TAKE: Final = f"""
UPDATE operations
SET claimed_by = :process_id, lease_until = :lease_until, fence = fence + 1, updated_at = :now
WHERE id = :id AND ended_at IS NULL
RETURNING {COLUMNS}
"""


def take(
    txn: Txn, operation_id: str, process_id: str, now_us: int, lease_until: int
) -> OperationRecord:
    """Take the operation from whoever holds it: a person's decision.

    Raises :class:`OperationNotFound` if it has ended or never was.
    """
    row = txn.one(
        _TAKE,
        {"id": operation_id, "process_id": process_id, "now": now_us, "lease_until": lease_until},
    )
    if row is None:
        raise OperationNotFound(operation_id)
    return OperationRecord(*row)


_RENEW: Final = """
UPDATE operations SET lease_until = :lease_until WHERE claimed_by = :process_id AND ended_at IS NULL
"""


def renew_leases(txn: Txn, process_id: str, lease_until: int) -> None:
    """Lengthen the lease of everything the process holds."""
    txn.change(_RENEW, {"process_id": process_id, "lease_until": lease_until})


_RELEASE: Final = """
UPDATE operations SET claimed_by = NULL, lease_until = 0
WHERE ended_at IS NULL AND claimed_by <> :process_id
"""


def release_claims_of_others(txn: Txn, process_id: str) -> int:
    """Take every claim from every other process; only for one that can prove them all dead."""
    return txn.change(_RELEASE, {"process_id": process_id})


_RUNNABLE: Final = """
SELECT id FROM operations WHERE ended_at IS NULL AND run_after <= :now
    AND (claimed_by IS NULL OR claimed_by = :process_id OR lease_until < :now)
ORDER BY run_after LIMIT :limit
"""


def runnable(txn: Txn, process_id: str, now_us: int, limit: int) -> list[str]:
    """Unfinished operations that ``process_id`` may run now, the longest waiting first."""
    rows = txn.all(_RUNNABLE, {"process_id": process_id, "now": now_us, "limit": limit})
    return [row[0] for row in rows]


_WAKE: Final = """
UPDATE operations SET run_after = 0, updated_at = :now WHERE id = :id AND ended_at IS NULL
"""


def wake(txn: Txn, operation_id: str, now_us: int) -> bool:
    """Let a postponed or stuck operation run at once; whether it was unfinished."""
    return txn.change(_WAKE, {"id": operation_id, "now": now_us}) > 0


_UNFINISHED_OF: Final = (
    "SELECT id FROM operations WHERE resource_id = :resource_id AND ended_at IS NULL LIMIT 1"
)


def unfinished_of(txn: Txn, resource_id: str) -> str | None:
    """The operation under way on a resource, if any."""
    row = txn.one(_UNFINISHED_OF, {"resource_id": resource_id})
    return row[0] if row else None


_CONDITIONS: Final = {
    "project_id": "project_id = :project_id",
    "status": "status = :status",
    "resource_id": "resource_id = :resource_id",
    "marker": "id < :marker",
}


def select(
    txn: Txn,
    *,
    project_id: str | None = None,
    status: str | None = None,
    resource_id: str | None = None,
    marker: str | None = None,
    limit: int = 100,
) -> list[OperationRecord]:
    """Operations, newest first; None means any."""
    wanted = {
        "project_id": project_id,
        "status": status,
        "resource_id": resource_id,
        "marker": marker,
    }
    where = [_CONDITIONS[name] for name, value in wanted.items() if value is not None]
    if status in UNFINISHED:
        # Changes nothing but the plan: the few unfinished ones have an index of their own.
        where.append("id IN (SELECT id FROM operations WHERE ended_at IS NULL)")
    clause = f"WHERE {' AND '.join(where)}" if where else ""
    sql = f"SELECT {COLUMNS} FROM operations {clause} ORDER BY id DESC LIMIT :limit"
    return [OperationRecord(*row) for row in txn.all(sql, {**wanted, "limit": limit})]


_BY_REQUEST: Final = f"SELECT {COLUMNS} FROM operations WHERE request_id = :id ORDER BY id"


def of_request(txn: Txn, request_id: str) -> list[OperationRecord]:
    """The operations that one API request started."""
    return [OperationRecord(*row) for row in txn.all(_BY_REQUEST, {"id": request_id})]


_TRACE: Final = "SELECT trace FROM operations WHERE id = :id"


def trace(txn: Txn, operation_id: str) -> str | None:
    """The way the operation took, as it was stored when it ended."""
    row = txn.one(_TRACE, {"id": operation_id})
    return row[0] if row else None


_PRUNE: Final = """
DELETE FROM operations WHERE id IN
    (SELECT id FROM operations WHERE ended_at IS NOT NULL AND ended_at < :before LIMIT :limit)
"""


def prune(txn: Txn, before_us: int, limit: int) -> int:
    """Forget at most ``limit`` operations that ended before ``before_us``; how many."""
    return txn.change(_PRUNE, {"before": before_us, "limit": limit})
