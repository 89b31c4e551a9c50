"""Rows of ``operations`` and ``operation_log``: claims, fences, progress and the log.

Every write of a running operation is conditional on its claim (process and fencing number), so that a
process that was taken for dead, and woke up again, changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from pumice.errors import Fenced, OperationNotFound
from pumice.model.operation import LogEntry, OperationRecord
from pumice.store.locking import locking
from pumice.store.txn import Engine, Txn

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
    claimed_by = :claimed_by, lease_until = :lease_until, run_after = :run_after, error = :error,
    error_detail = :error_detail, updated_at = :updated_at, ended_at = :ended_at,
    trace = coalesce(CAST(:trace AS TEXT), trace)
WHERE id = :id AND fence = :fence AND claimed_by = :holder AND ended_at IS NULL
"""


def update(txn: Txn, record: OperationRecord, holder: str, trace: str | None) -> None:
    """Write the operation's progress, and who claims it from now on.

    Raises :class:`Fenced` unless ``holder`` holds the claim with the fencing number of ``record``.
    """
    parameters = {name: getattr(record, name) for name in _UPDATED}
    if not txn.change(_UPDATE, {**parameters, "holder": holder, "trace": trace}):
        raise Fenced(f"Operation {record.id} is claimed by another process or has ended.")


_UPDATED: Final = (
    "id", "status", "attempt", "backend_host", "step", "claimed_by", "lease_until", "fence",
    "run_after", "error", "error_detail", "updated_at", "ended_at",
)  # fmt: skip


_APPEND: Final = """
INSERT INTO operation_log (operation_id, seq, attempt, step, event, data, fence, at)
VALUES (:operation_id, :seq, :attempt, :step, :event, :data, :fence, :at)
ON CONFLICT (operation_id, seq) DO NOTHING
"""


def append(txn: Txn, operation_id: str, entries: list[LogEntry]) -> None:
    """Add lines to the operation's log.

    Raises :class:`Fenced` if a line of that number is there: the log has grown since it was read, perhaps
    by this very process, if the answer of its last commit was lost.
    """
    added = txn.change_many(
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
    if added < len(entries):
        raise Fenced(f"Operation {operation_id} has gone on since its log was read.")


_GET: Final = f"SELECT {COLUMNS} FROM operations WHERE id = :id"


def get(txn: Txn, operation_id: str) -> OperationRecord:
    """One operation. Raises :class:`OperationNotFound`."""
    row = txn.one(_GET, {"id": operation_id})
    if row is None:
        raise OperationNotFound(operation_id)
    return OperationRecord(*row)


_HOLD: Final = locking(_GET, "NO KEY UPDATE")


def hold(txn: Txn, operation_id: str) -> OperationRecord:
    """The operation, which nobody else moves on until this transaction ends. Raises as :func:`get`."""
    row = txn.one(_HOLD[txn.engine], {"id": operation_id})
    if row is None:
        raise OperationNotFound(operation_id)
    return OperationRecord(*row)


_IS_UNFINISHED: Final = "SELECT 1 FROM operations WHERE id = :id AND ended_at IS NULL"


def is_unfinished(txn: Txn, operation_id: str) -> bool:
    """Whether the operation is there and has not ended."""
    return txn.one(_IS_UNFINISHED, {"id": operation_id}) is not None


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


# Whose turn it is: an operation without a backend is the schedulers', any other belongs to those who
# serve its backend. Where nobody does, a scheduler takes it, to choose again or to say what is missing.
_FOR_ME: Final = """(
    CASE WHEN backend_host IS NULL THEN :schedules ELSE
        EXISTS (SELECT 1 FROM backend_servers s
            WHERE s.backend_host = operations.backend_host AND s.process_id = :process_id)
        OR :schedules AND NOT EXISTS (
            SELECT 1 FROM backend_servers s JOIN processes p ON p.id = s.process_id
            WHERE s.backend_host = operations.backend_host AND p.heartbeat_at >= :alive_since)
    END)"""

_RUNNABLE_HERE: Final = f"""ended_at IS NULL
    AND (claimed_by IS NULL OR claimed_by = :process_id OR lease_until < :now) AND {_FOR_ME}"""

_CLAIM: Final = f"""
UPDATE operations
SET claimed_by = :process_id, lease_until = :lease_until, fence = fence + 1, updated_at = :now
WHERE id = :id AND {_RUNNABLE_HERE}
RETURNING {COLUMNS}
"""


class Claimant(Struct, frozen=True):
    """A process that may take operations. Times are UTC microseconds.

    ``schedules``: it may place volumes. Who was heard of since ``alive_since`` counts as alive.
    """

    process_id: str
    schedules: bool
    alive_since: int
    now: int


def claim(
    txn: Txn, operation_id: str, claimant: Claimant, lease_until: int
) -> OperationRecord | None:
    """Take the operation with a new fencing number; None if it is another's.

    It can be taken if it waits for what the claimant does, and if nobody holds it, the lease of the holder
    is over, or the claimant holds it himself (and lost what he had in memory).
    """
    parameters = structs.asdict(claimant) | {"id": operation_id, "lease_until": lease_until}
    row = txn.one(_CLAIM, parameters)
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


_HELD: Final = "claimed_by = :process_id AND ended_at IS NULL"
# Whose row is locked is just being written: by its holder, which renews its lease, or by who takes it.
_RENEW: Final[dict[Engine, str]] = {
    "sqlite": f"UPDATE operations SET lease_until = :lease_until WHERE {_HELD}",
    "postgresql": f"""
UPDATE operations SET lease_until = :lease_until
WHERE id IN (SELECT id FROM operations WHERE {_HELD} FOR UPDATE SKIP LOCKED)
""",
}


def renew_leases(txn: Txn, process_id: str, lease_until: int) -> None:
    """Lengthen the lease of everything the process holds."""
    txn.change(_RENEW[txn.engine], {"process_id": process_id, "lease_until": lease_until})


_CLAIMANTS: Final = """
SELECT DISTINCT claimed_by FROM operations WHERE ended_at IS NULL AND claimed_by IS NOT NULL
"""


def claimants(txn: Txn) -> list[str]:
    """The processes that hold operations."""
    return [row[0] for row in txn.all(_CLAIMANTS)]


_RELEASE: Final = """
UPDATE operations SET claimed_by = NULL, lease_until = 0
WHERE ended_at IS NULL AND claimed_by = :process_id
"""


def release_claims(txn: Txn, process_id: str) -> int:
    """Let go of everything that a process holds which is dead, or stops; how many."""
    return txn.change(_RELEASE, {"process_id": process_id})


_RUNNABLE: Final = f"""
SELECT id FROM operations WHERE run_after <= :now AND {_RUNNABLE_HERE}
ORDER BY run_after LIMIT :limit
"""


def runnable(txn: Txn, claimant: Claimant, limit: int) -> list[str]:
    """Unfinished operations that the claimant may run now, the longest waiting first."""
    rows = txn.all(_RUNNABLE, structs.asdict(claimant) | {"limit": limit})
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


_HOLD_UNFINISHED_OF: Final = locking(_UNFINISHED_OF, "NO KEY UPDATE")


def hold_unfinished_of(txn: Txn, resource_id: str) -> None:
    """Let nobody move on what is under way on a resource until this transaction ends."""
    txn.one(_HOLD_UNFINISHED_OF[txn.engine], {"resource_id": resource_id})


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
