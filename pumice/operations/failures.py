"""What a failed call means for its operation: once more later, back, elsewhere, or shown as stuck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from pumice.errors import BackendUnavailable, PumiceError, Unavailable
from pumice.model.operation import LogEntry
from pumice.operations.advance import Outcome, Progress, failure_of
from pumice.operations.definition import REMOTE_TRIES, UNDO_TRIES
from pumice.operations.plan import Action

BACKOFF_MAX_SECONDS: Final = 60.0
STUCK_BACKOFF_MAX_SECONDS: Final = 600.0
BACKOFF_DOUBLINGS_MAX: Final = 16

Later = Callable[[float], int]
"""The moment about so many seconds from now, in UTC microseconds."""


def failed_call(
    progress: Progress, action: Action, error: PumiceError, later: Later, *, can_go_elsewhere: bool
) -> Outcome:
    """The outcome of a driver call that failed; ``can_go_elsewhere``: there is another backend."""
    step = progress.operation.steps[action.step].name
    event = "deferred" if action.kind == "run" else "undo_failed"
    data = msgspec.to_builtins(failure_of(error))
    # That nobody served the backend is no try of its driver, nor the other way round.
    before = _count(progress.log, progress.record.attempt, step, event, data["kind"])
    passing = isinstance(error, (BackendUnavailable, Unavailable))
    if action.kind == "undo":
        stuck = before + 1 >= UNDO_TRIES
        if stuck and passing and progress.operation.elsewhere:
            # The backend is away for longer. What it may hold is the reconciler's when it is
            # back; the resource need not wait for that.
            return Outcome(step, "undone", {**data, "left": True})
        cap = STUCK_BACKOFF_MAX_SECONDS if stuck else BACKOFF_MAX_SECONDS
        return Outcome(step, event, {**data, "stuck": stuck}, later(backoff(before, cap)))
    if isinstance(error, Unavailable):
        # Nothing was started: the backend has more work than it takes. That is no try.
        return Outcome(step, event, data, later(backoff(before, BACKOFF_MAX_SECONDS)))
    another = progress.operation.elsewhere and can_go_elsewhere
    if passing and not another and before + 1 < REMOTE_TRIES:
        return Outcome(step, event, data, later(backoff(before, BACKOFF_MAX_SECONDS)))
    return Outcome(step, "failed", data)


def shelved(progress: Progress, error: Exception, later: Later) -> Outcome:
    """The outcome of a defect: no step's, so that the step itself is tried again."""
    before = _count(progress.log, progress.record.attempt, "", "deferred", type(error).__name__)
    data = {
        "kind": type(error).__name__,
        "public": f"Operation {progress.record.id} met an internal error.",
        "detail": f"{type(error).__name__}: {error}",
        "stuck": True,
    }
    return Outcome("", "deferred", data, later(backoff(before, STUCK_BACKOFF_MAX_SECONDS)))


def backoff(tries: int, cap_seconds: float) -> float:
    """How long to wait after so many tries: doubling, in seconds."""
    doubled: float = 0.5 * 2.0 ** min(tries, BACKOFF_DOUBLINGS_MAX)
    return min(cap_seconds, doubled)


def _count(entries: tuple[LogEntry, ...], attempt: int, step: str, event: str, kind: str) -> int:
    """How often this has failed so before."""
    wanted = attempt, step, event, kind
    return sum(
        (entry.attempt, entry.step, entry.event, entry.data.get("kind")) == wanted
        for entry in entries
    )
