"""What an operation does next: a pure function of its steps and its log.

The engine asks after each outcome, and a process that takes over after a crash asks once: there is no
second mechanism for recovery. ``started`` without an outcome means "may have happened", and the answer
is to do it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from pumice.model.operation import LogEntry
from pumice.operations.definition import Local, Remote


class Action(Struct, frozen=True):
    """The next thing to do. ``started``: the log already says that it began."""

    kind: Literal["run", "undo", "retry", "finish", "fail"]
    step: int = -1
    started: bool = False


def plan(
    steps: Sequence[Local[Any] | Remote[Any]],
    log: Sequence[LogEntry],
    attempt: int,
    *,
    may_retry: bool,
) -> Action:
    """The next action of ``attempt``.

    Forward while no step failed; then the undos of whatever started, last first; when nothing is left
    to undo, another attempt if ``may_retry``, else the end.
    """
    last = last_events(log, attempt)
    if not any(entry.event == "failed" and entry.attempt == attempt for entry in log):
        return _forward(steps, last)
    for index in range(len(steps) - 1, -1, -1):
        event = last.get(steps[index].name)
        if _needs_undo(steps[index], event):
            return Action("undo", index, started=event == "undo_started")
    return Action("retry") if may_retry else Action("fail")


def last_events(log: Sequence[LogEntry], attempt: int) -> dict[str, str]:
    """The last event of each step in ``attempt``, by the step's name."""
    return {entry.step: entry.event for entry in log if entry.attempt == attempt}


def _forward(steps: Sequence[Local[Any] | Remote[Any]], last: dict[str, str]) -> Action:
    for index, step in enumerate(steps):
        event = last.get(step.name)
        if event != "done":
            return Action("run", index, started=event == "started")
    return Action("finish")


def _needs_undo(step: Local[Any] | Remote[Any], event: str | None) -> bool:
    """A local step that failed left nothing; a remote one that started at all may have left something."""
    if event is None or event == "undone" or step.undo is None:
        return False
    return event == "done" if isinstance(step, Local) else True
