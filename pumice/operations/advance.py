"""The unit that moves an operation on: record an outcome, run the local steps, log the next remote one.

The same function starts an operation inside the API's own transaction (:func:`begin`) and carries it on
afterwards (:func:`advance`). What it writes is conditional on the claim in ``Progress.record``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pumice.errors import Fenced, InvalidState, NoValidBackend, OperationNotFound, PumiceError
from pumice.model.operation import LogEntry, OperationRecord
from pumice.operations.definition import (
    Failure,
    Local,
    LocalStep,
    Operation,
    Remote,
    Result,
    Tools,
    backend_of,
    results_of,
)
from pumice.operations.plan import Action, last_events, plan
from pumice.store import operations as rows
from pumice.store.txn import Txn
from pumice.trace import Trace, place, render

MAX_TRACE_BYTES: Final = 2048


class Outcome(Struct, frozen=True):
    """What came of a remote step: an event of the log with its data, and when to go on."""

    step: str
    event: str
    data: Result
    run_after: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """An operation as one process holds it in memory; a new value after each unit."""

    operation: Operation[Any]
    params: Struct
    record: OperationRecord
    log: tuple[LogEntry, ...]
    trace: Trace
    max_attempts: int
    needs: str | None = None
    """The local step that waits for its ``prepare``."""

    def action(self) -> Action:
        """What comes next."""
        return plan(self.operation.steps, self.log, self.record.attempt, may_retry=self.may_retry())

    def may_retry(self) -> bool:
        """Whether another attempt on another backend is left, and the failure was a backend's."""
        return (
            self.operation.elsewhere
            and self.record.attempt < self.max_attempts
            and any(
                entry.event == "failed"
                and entry.attempt == self.record.attempt
                and isinstance(self.operation.step(entry.step), Remote)
                for entry in self.log
            )
        )


def begin(
    txn: Txn, progress: Progress, tools: Tools, prepared: dict[str, Any], now_us: int
) -> Progress:
    """Insert the operation, having run its leading local steps, in the transaction of its resource."""
    walk = _Walk(txn, progress, tools, prepared, now_us)
    walk.go_on()
    walk.hand_over()
    rows.insert(txn, walk.record, walk.trace_to_store())
    rows.append(txn, walk.record.id, walk.added)
    return walk.progress()


def advance(
    txn: Txn,
    progress: Progress,
    tools: Tools,
    outcome: Outcome | None,
    prepared: dict[str, Any],
    lease_until: int,
    now_us: int,
) -> Progress:
    """Record ``outcome`` and go on as far as local steps lead; what comes then may be another process's.

    Raises :class:`pumice.errors.Fenced`, with nothing written, if the claim was lost.
    """
    _check_claim(txn, progress.record)
    walk = _Walk(txn, progress, tools, prepared, now_us)
    walk.record = replace(walk.record, status="running", lease_until=lease_until, run_after=0)
    if outcome is not None:
        walk.add(outcome.step, outcome.event, outcome.data)
        walk.record = replace(walk.record, run_after=outcome.run_after)
    if not walk.postponed(outcome):
        walk.go_on()
        walk.hand_over()
    rows.update(txn, walk.record, holder_of(progress.record), walk.trace_to_store())
    rows.append(txn, walk.record.id, walk.added)
    return walk.progress()


def abandon(
    txn: Txn, progress: Progress, tools: Tools, process_id: str, lease_until: int, now_us: int
) -> Progress:
    """End the operation by a person's decision: local effects are undone, the resource shows its error.

    No driver is called: what a backend may hold is removed by the reconciler of leftovers. Only what
    does not change is taken from ``progress``, for whoever runs the operation may have moved it on.
    Raises :class:`pumice.errors.InvalidState` if it has ended.
    """
    operation_id = progress.record.id
    if rows.hold(txn, operation_id).ended_at is not None:
        raise InvalidState(f"Operation {operation_id} has ended; there is nothing to abandon.")
    record = rows.take(txn, operation_id, process_id, now_us, lease_until)
    log = tuple(rows.log(txn, operation_id))
    walk = _Walk(txn, dataclasses.replace(progress, record=record, log=log), tools, {}, now_us)
    walk.abandon()
    rows.update(txn, walk.record, holder_of(record), walk.trace_to_store())
    rows.append(txn, walk.record.id, walk.added)
    return walk.progress()


def holder_of(record: OperationRecord) -> str:
    """The process that holds the claim of ``record``, which is held by one."""
    assert record.claimed_by is not None
    return record.claimed_by


def _check_claim(txn: Txn, record: OperationRecord) -> None:
    """Raises Fenced if the claim was lost: before a step meets what the new claimant has done."""
    try:
        current = rows.hold(txn, record.id)
    except OperationNotFound:
        current = None
    if current is None or (current.claimed_by, current.fence, current.ended_at) != (
        record.claimed_by,
        record.fence,
        None,
    ):
        raise Fenced(f"Operation {record.id} is claimed by another process or has ended.")


class _Walk:
    """One unit's walk along an operation; the lines it adds to the log are written at its end."""

    def __init__(
        self, txn: Txn, progress: Progress, tools: Tools, prepared: dict[str, Any], now_us: int
    ) -> None:
        self.txn = txn
        self.before = progress
        self.record = progress.record
        self.log = list(progress.log)
        self.added: list[LogEntry] = []
        self.tools = tools
        self.prepared = prepared
        self.needs: str | None = None
        self.now_us = now_us

    def progress(self) -> Progress:
        """The operation after this unit."""
        return dataclasses.replace(
            self.before, record=self.record, log=tuple(self.log), needs=self.needs
        )

    def add(self, step: str, event: str, data: Result) -> None:
        """A line for the log."""
        entry = LogEntry(
            len(self.log) + 1,
            self.record.attempt,
            step,
            event,
            data,
            self.record.fence,
            self.now_us,
        )
        self.log.append(entry)
        self.added.append(entry)

    def postponed(self, outcome: Outcome | None) -> bool:
        """Whether the outcome says "not now": the operation rests until ``run_after``."""
        if outcome is None or outcome.run_after == 0:
            return False
        stuck = outcome.data.get("stuck", False)
        self.record = replace(
            self.record,
            status="stuck" if stuck else "running",
            error=outcome.data["public"],
            error_detail=outcome.data["detail"],
            updated_at=self.now_us,
        )
        return True

    def go_on(self) -> None:
        """Local steps and undos until a remote one, the end, or a step that must prepare first."""
        steps = self.before.operation.steps
        while True:
            action = self.progress().action()
            if action.kind == "run":
                step = steps[action.step]
                if isinstance(step, Remote):
                    return self._await_remote(step, "started", action)
                if step.prepare is not None and step.name not in self.prepared:
                    self.needs = step.name
                    return self._update(step.name)
                self._run(step)
            elif action.kind == "undo":
                step = steps[action.step]
                if isinstance(step, Remote):
                    return self._await_remote(step, "undo_started", action)
                self._undo(step)
            elif action.kind == "retry":
                self.record = replace(self.record, attempt=self.record.attempt + 1)
                self.prepared = {}
            else:
                return self._end(action)

    def _await_remote(self, step: Remote[Any], event: str, action: Action) -> None:
        """Log that the remote step begins; the engine calls it after the commit."""
        if not action.started:
            self.add(step.name, event, {})
        host = step.at(self.before.params, results_of(self.log, self.record.attempt))
        self._update(step.name, backend_host=backend_of(host))

    def hand_over(self) -> None:
        """Give the claim back if what comes next is another process's; it is told by a hint."""
        if self.record.ended_at is None and not self.tools.does(self.record.backend_host):
            self.record = replace(self.record, claimed_by=None, lease_until=0)

    def _run(self, step: Local[Any]) -> None:
        started = self.before.trace.start()
        try:
            with self.txn.savepoint():
                result = step.run(self._local(step.name))
        except PumiceError as error:
            self.add(step.name, "failed", msgspec.to_builtins(failure_of(error)))
            self.before.trace.end(place(step.run), started, f"failed: {error.public}")
        else:
            self.add(step.name, "done", result)
            self.before.trace.end(place(step.run), started, result.get("note", ""))

    def _undo(self, step: Local[Any]) -> None:
        started = self.before.trace.start()
        assert step.undo is not None  # the plan names only steps that have one
        step.undo(self._local(step.name))
        self.add(step.name, "undone", {})
        self.before.trace.end(place(step.undo), started)

    def _end(self, action: Action) -> None:
        """Done, or given up: then the operation's ``failed`` moves the resource to its error status."""
        if action.kind == "finish":
            self.record = replace(self.record, status="done", error=None, error_detail=None)
        else:
            failure = last_failure(self.log)
            self.before.operation.failed(self._local(""), failure)
            self.record = replace(
                self.record, status="undone", error=failure.public, error_detail=failure.detail
            )
        self.record = replace(self.record, ended_at=self.now_us)
        self._update("")

    def abandon(self) -> None:
        """Undo the local steps of this attempt, last first, then move the resource to its error status.

        A resource that cannot be moved there does not keep the operation from its end.
        """
        last = last_events(self.log, self.record.attempt)
        for step in reversed(self.before.operation.steps):
            done = last.get(step.name) == "done"
            if isinstance(step, Local) and done and step.undo is not None:
                self._undo(step)
        failure = Failure(
            "Abandoned", f"Operation {self.record.id} was abandoned by an administrator.", ""
        )
        detail = None
        try:
            with self.txn.savepoint():
                self.before.operation.failed(self._local(""), failure)
        except PumiceError as error:
            detail = str(error)
        self.record = replace(
            self.record,
            status="abandoned",
            error=failure.public,
            error_detail=detail,
            run_after=0,
            ended_at=self.now_us,
        )
        self._update("")

    def _local(self, step: str) -> LocalStep[Any]:
        return LocalStep(
            self.txn,
            self.before.params,
            self.record,
            results_of(self.log, self.record.attempt),
            self.prepared.get(step),
            self.tools,
            self.now_us,
            self.before.trace,
        )

    def _update(self, step: str, *, backend_host: str | None = None) -> None:
        self.record = replace(
            self.record, step=step, backend_host=backend_host, updated_at=self.now_us
        )

    def trace_to_store(self) -> str | None:
        """The way so far as JSON of at most 2 KiB, when it ends here; the earliest spans stay."""
        if self.record.ended_at is None and self.record.claimed_by is not None:
            return None
        view = render(self.before.trace)
        encoded = msgspec.json.encode(view)
        while len(encoded) > MAX_TRACE_BYTES and view.spans:
            view = replace(view, spans=view.spans[:-1])
            encoded = msgspec.json.encode(view)
        return encoded.decode()


def failure_of(error: PumiceError) -> Failure:
    """The error as the log keeps it."""
    verdicts = error.verdicts if isinstance(error, NoValidBackend) else []
    return Failure(type(error).__name__, error.public, error.detail, verdicts)


def last_failure(log: list[LogEntry]) -> Failure:
    """The failure that ended the last attempt."""
    data = next(entry.data for entry in reversed(log) if entry.event == "failed")
    return msgspec.convert(data, Failure)
