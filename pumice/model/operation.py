"""An operation and its log, as the store keeps them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class OperationRecord(Struct, frozen=True):
    """One operation. Times are UTC microseconds.

    ``status`` is ``running``, or how it ended: ``done``, ``undone`` (given up, all effects taken back),
    ``abandoned`` (by a person); ``stuck`` is an operation whose undo fails: it is tried again at
    ``run_after`` and is not ended. ``claimed_by`` is the process that may write, until ``lease_until``;
    ``fence`` rises with each claim. ``backend_host`` is where the next remote step runs.
    The order of the fields is the order of the columns in :data:`pumice.store.operations.COLUMNS`.
    """

    id: str
    name: str
    version: int
    params: str
    status: str
    attempt: int
    project_id: str
    user_id: str
    resource_type: str
    resource_id: str
    backend_host: str | None
    step: str
    claimed_by: str | None
    lease_until: int
    fence: int
    run_after: int
    error: str | None
    error_detail: str | None
    request_id: str
    created_at: int
    updated_at: int
    ended_at: int | None


class LogEntry(Struct, frozen=True):
    """One line of an operation's log: what happened to one step in one attempt.

    ``event`` is ``started`` (a remote step may have had an effect), ``done``, ``failed``, ``deferred``
    (a remote step met a passing error and will start again), ``undo_started``, ``undone`` or
    ``undo_failed``. ``data`` is the step's result or its error. A ``deferred`` line without a step is a
    defect that a unit met: the operation is stuck and tried again later.
    """

    seq: int
    attempt: int
    step: str
    event: str
    data: dict[str, Any]
    fence: int
    at: int
