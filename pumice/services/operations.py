"""Operations as their owners and administrators see them: list, show, why, retry, abandon."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any, Final

import msgspec
from msgspec import Struct

from pumice.context import Context
from pumice.errors import NotFound, OperationNotFound, Unavailable, VolumeNotFound
from pumice.model.operation import LogEntry, OperationRecord
from pumice.model.volume import Volume
from pumice.operations.engine import Engine
from pumice.store import operations as rows
from pumice.store import volumes
from pumice.store.contract import Store
from pumice.store.txn import Txn
from pumice.trace import TraceView

_FAILURES: Final = {"failed": "the step", "deferred": "the step", "undo_failed": "undoing the step"}
FIRST_POLL_SECONDS: Final = 0.025


class OperationHistory(Struct, frozen=True):
    """One operation with its log, and its way once it has ended."""

    record: OperationRecord
    log: list[LogEntry]
    trace: TraceView | None


class Explanation(Struct, frozen=True):
    """Why something is as it is: what it is, sentences for people, and the decisions behind them.

    ``verdicts`` are the scheduler's for the last placement: host, filter, passed, reason.
    """

    subject: str
    sentences: list[str]
    verdicts: list[dict[str, Any]]
    operations: list[OperationHistory]


class OperationQuery(Struct, frozen=True):
    """Which operations; None means any. ``marker`` is the last id of the page before."""

    status: str | None
    resource_id: str | None
    marker: str | None
    limit: int


class OperationService:
    """The use cases of operations. An owner sees those of the project, an administrator all."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine

    async def list(self, context: Context, query: OperationQuery) -> list[OperationRecord]:
        """One page of operations, newest first."""
        return await self._store.read(list_operations, context, query)

    async def show(self, context: Context, operation_id: str) -> OperationHistory:
        """One operation. Raises :class:`OperationNotFound`."""
        return await self._store.read(find_operation, context, operation_id)

    async def why(self, context: Context, reference: str) -> Explanation:
        """Explain a volume, an operation or a request by its id. Raises :class:`NotFound`."""
        return await self._store.read(explain, context, reference)

    async def settle(self, operation_id: str) -> None:
        """Give an operation a moment to end, so that the client's first poll finds it done.

        A driver that needs longer is not waited for; the answer is the same in either case.
        """
        # It is committed: if the database leaves just now, to refuse it would be wrong.
        with contextlib.suppress(Unavailable):
            await self._engine.settle(operation_id, FIRST_POLL_SECONDS)

    async def retry(self, operation_id: str) -> OperationRecord:
        """Run a resting or stuck operation now.

        Raises :class:`OperationNotFound`, or :class:`pumice.errors.InvalidState` if it has ended.
        """
        await self._store.read(rows.get, operation_id)
        return await self._engine.retry(operation_id)

    async def abandon(self, operation_id: str) -> OperationRecord:
        """Give an operation up. Raises as :meth:`retry`."""
        return await self._engine.abandon(operation_id)


def list_operations(txn: Txn, context: Context, query: OperationQuery) -> list[OperationRecord]:
    """Query: one page of the operations the caller may see."""
    return rows.select(
        txn,
        project_id=None if context.is_admin else context.project_id or "",
        status=query.status,
        resource_id=query.resource_id,
        marker=query.marker,
        limit=query.limit,
    )


def find_operation(txn: Txn, context: Context, operation_id: str) -> OperationHistory:
    """Query: one operation with its log. Raises :class:`OperationNotFound`, also for another's."""
    record = rows.get(txn, operation_id)
    if not _visible(context, record):
        raise OperationNotFound(operation_id)
    return _history(txn, record)


def explain(txn: Txn, context: Context, reference: str) -> Explanation:
    """Query: what is known of a volume, an operation or a request. Raises :class:`NotFound`.

    Where something is, by host and backend, is told to administrators only.
    """
    volume = _volume(txn, context, reference)
    records = rows.select(txn, resource_id=reference) or rows.of_request(txn, reference)
    if not records and volume is None:
        try:
            records = [rows.get(txn, reference)]
        except OperationNotFound:
            raise NotFound(
                f"Nothing is known of {reference}: it is no volume, operation or request."
            ) from None
    histories = [_history(txn, record) for record in records if _visible(context, record)]
    if not histories and volume is None:
        raise NotFound(f"Nothing is known of {reference}: it is no volume, operation or request.")
    hosts = context.is_admin
    sentences = [] if volume is None else [_of_volume(volume, hosts=hosts)]
    for history in histories:
        sentences += of_operation(history, hosts=hosts)
    verdicts = next((found for one in histories if (found := _verdicts(one.log))), [])
    return Explanation(reference, sentences, verdicts, histories)


def of_operation(history: OperationHistory, *, hosts: bool) -> list[str]:
    """The operation in sentences: what it is, how far it is, why it waits or how it ended.

    ``hosts``: and on which backend.
    """
    record = history.record
    name = f"Operation {record.id} ({record.name})"
    counted = Counter(
        f"In attempt {entry.attempt} {_FAILURES[entry.event]} {entry.step} failed: {entry.data['public']}"
        for entry in history.log
        if entry.event in _FAILURES and entry.step and "public" in entry.data
    )
    failures = [one if times == 1 else f"{one} ({times} times)" for one, times in counted.items()]
    if record.status == "done":
        return [f"{name} is done.", *failures]
    if record.ended_at is not None:
        return [f"{name} was given up in attempt {record.attempt}: {record.error}", *failures]
    where = f" on {record.backend_host}" if hosts and record.backend_host else ""
    step = record.step or "none yet"
    sentences = [f"{name} is {record.status}: attempt {record.attempt}, step {step}{where}."]
    sentences += failures
    if record.run_after:
        sentences.append("It waits and will be tried again.")
    return sentences


def _history(txn: Txn, record: OperationRecord) -> OperationHistory:
    stored = rows.trace(txn, record.id)
    trace = None if stored is None else msgspec.json.decode(stored, type=TraceView)
    return OperationHistory(record, rows.log(txn, record.id), trace)


def _visible(context: Context, record: OperationRecord) -> bool:
    return context.is_admin or record.project_id == context.project_id


def _volume(txn: Txn, context: Context, reference: str) -> Volume | None:
    try:
        volume = volumes.get(txn, reference)
    except VolumeNotFound:
        return None
    return volume if context.is_admin or volume.project_id == context.project_id else None


def _of_volume(volume: Volume, *, hosts: bool) -> str:
    where = f", on {volume.host or 'no backend'}" if hosts else ""
    return f"Volume {volume.id} ({volume.name or 'no name'}) is {volume.status}{where}."


def _verdicts(log: list[LogEntry]) -> list[dict[str, Any]]:
    """The scheduler's verdicts of the last placement in the log."""
    for entry in reversed(log):
        if entry.step == "place" and "verdicts" in entry.data:
            verdicts: list[dict[str, Any]] = entry.data["verdicts"]
            return verdicts
    return []
