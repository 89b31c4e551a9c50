"""The plan: exhaustively for short logs, and by chance for any definition of steps."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pumice.model.operation import LogEntry
from pumice.operations.definition import Local, Remote
from pumice.operations.plan import Action, last_events, plan

Step = Local[Any] | Remote[Any]

EVENTS = ("started", "done", "failed", "deferred", "undo_started", "undone", "undo_failed")


def local(name: str, *, undo: bool = False) -> Local[Any]:
    return Local(name, lambda _: {}, undo=(lambda _: None) if undo else None)


def remote(name: str, *, undo: bool = False) -> Remote[Any]:
    return Remote(name, lambda _: {}, lambda _, __: "", undo=(lambda _: None) if undo else None)


# The shape of volume.create: what is undone is before what cannot be.
PLACE, PROVISION, FINISH = (
    local("place", undo=True),
    remote("provision", undo=True),
    local("finish"),
)
STEPS = (PLACE, PROVISION, FINISH)


def log_of(*lines: str, attempt: int = 1) -> list[LogEntry]:
    """A log from lines like ``place done``."""
    pairs = (line.split() for line in lines)
    return [
        LogEntry(number, attempt, step, event, {}, 1, 0)
        for number, (step, event) in enumerate(pairs, start=1)
    ]


@pytest.mark.parametrize(
    ("lines", "action"),
    [
        ([], Action("run", 0)),
        (["place done"], Action("run", 1)),
        (["place done", "provision started"], Action("run", 1, started=True)),
        (["place done", "provision started", "provision deferred"], Action("run", 1)),
        (["place done", "provision started", "provision done"], Action("run", 2)),
        (["place done", "provision done", "finish done"], Action("finish")),
        (["place failed"], Action("fail")),
        (["place done", "provision started", "provision failed"], Action("undo", 1)),
        (
            ["place done", "provision failed", "provision undo_started"],
            Action("undo", 1, started=True),
        ),
        (
            ["place done", "provision failed", "provision undo_started", "provision undo_failed"],
            Action("undo", 1),
        ),
        (["place done", "provision failed", "provision undone"], Action("undo", 0)),
        (
            ["place done", "provision failed", "provision undone", "place undone"],
            Action("fail"),
        ),
        (["place done", "provision started", "provision done", "finish failed"], Action("undo", 1)),
    ],
)
def test_the_way_of_a_create(lines: list[str], action: Action) -> None:
    assert plan(STEPS, log_of(*lines), 1, may_retry=False) == action


def test_another_attempt_starts_from_the_first_step() -> None:
    failed = log_of("place done", "provision failed", "provision undone", "place undone")
    assert plan(STEPS, failed, 1, may_retry=True) == Action("retry")
    assert plan(STEPS, failed, 2, may_retry=True) == Action("run", 0)
    again = [*failed, *log_of("place done", attempt=2)]
    assert plan(STEPS, again, 2, may_retry=True) == Action("run", 1)


def test_lines_that_belong_to_no_step_change_nothing() -> None:
    before = log_of("place done", "provision started")
    defect = LogEntry(3, 1, "", "deferred", {}, 1, 0)
    assert plan(STEPS, [*before, defect], 1, may_retry=False) == Action("run", 1, started=True)


def test_last_events_are_those_of_the_attempt() -> None:
    entries = [*log_of("place done", "place undone"), *log_of("place done", attempt=2)]
    assert last_events(entries, 1) == {"place": "undone"}
    assert last_events(entries, 2) == {"place": "done"}
    assert last_events(entries, 3) == {}


# -- whatever the steps are


def shapes(length: int) -> Iterator[tuple[Step, ...]]:
    """Every sequence of ``length`` steps: local or remote, with an undo or without."""
    kinds: tuple[Callable[[str], Step], ...] = (
        local,
        remote,
        lambda name: local(name, undo=True),
        lambda name: remote(name, undo=True),
    )
    for makers in itertools.product(kinds, repeat=length):
        yield tuple(make(f"s{number}") for number, make in enumerate(makers))


def apply(steps: Sequence[Step], entries: list[LogEntry], action: Action, fine: bool) -> None:
    """Write into the log what an engine would, once ``action`` was tried and went well or not."""
    step = steps[action.step]
    if action.kind == "run":
        remote_events = ("started", "done" if fine else "failed")
        events = remote_events if isinstance(step, Remote) else remote_events[1:]
    else:
        events = ("undo_started", "undone") if isinstance(step, Remote) else ("undone",)
    for event in events[1:] if action.started else events:
        entries.append(LogEntry(len(entries) + 1, 1, step.name, event, {}, 1, 0))


@pytest.mark.parametrize("length", [1, 2, 3])
def test_every_way_ends_with_all_done_or_all_undone(length: int) -> None:
    for steps in shapes(length):
        for fails_at in range(length + 1):
            entries: list[LogEntry] = []
            order = []
            while (action := plan(steps, entries, 1, may_retry=False)).kind in ("run", "undo"):
                order.append((action.kind, action.step))
                apply(steps, entries, action, fine=action.step != fails_at)
            reached = min(fails_at, length - 1)
            assert order[: reached + 1] == [("run", index) for index in range(reached + 1)]
            undone = [index for _, index in order[reached + 1 :]]
            if fails_at == length:
                assert (action.kind, undone) == ("finish", [])
            else:
                # What failed is undone only if it may have left something: a remote step.
                with_undo = [
                    index
                    for index in range(fails_at, -1, -1)
                    if steps[index].undo is not None
                    and (index < fails_at or isinstance(steps[index], Remote))
                ]
                assert (action.kind, undone) == ("fail", with_undo)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_after_a_crash_the_plan_is_the_same_step_again(length: int) -> None:
    """Whatever prefix of a log is on disk: a remote step that started is done again, no other."""
    for steps in shapes(length):
        for fails_at in range(length + 1):
            entries: list[LogEntry] = []
            while (action := plan(steps, entries, 1, may_retry=False)).kind in ("run", "undo"):
                if isinstance(steps[action.step], Remote):
                    event = "started" if action.kind == "run" else "undo_started"
                    name = steps[action.step].name
                    entries.append(LogEntry(len(entries) + 1, 1, name, event, {}, 1, 0))
                    again = plan(steps, entries, 1, may_retry=False)
                    assert again == Action(action.kind, action.step, started=True)
                    action = again
                apply(steps, entries, action, fine=action.step != fails_at)


@given(
    data=st.data(),
    length=st.integers(1, 4),
    lines=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(EVENTS), st.integers(1, 3)), max_size=12
    ),
    attempt=st.integers(1, 3),
    may_retry=st.booleans(),
)
def test_it_is_pure_and_total(
    data: st.DataObject,
    length: int,
    lines: list[tuple[int, str, int]],
    attempt: int,
    may_retry: bool,
) -> None:
    """Any log, even a senseless one: an answer, the same each time, that uses nothing else."""
    steps = data.draw(st.sampled_from(list(shapes(length))))
    entries = [
        LogEntry(number, in_attempt, f"s{step}", event, {}, 1, 0)
        for number, (step, event, in_attempt) in enumerate(lines, start=1)
    ]
    before = copy.deepcopy(entries)
    action = plan(steps, entries, attempt, may_retry=may_retry)
    assert entries == before
    assert plan(steps, entries, attempt, may_retry=may_retry) == action
    own = [entry for entry in entries if entry.attempt == attempt]
    assert plan(steps, own, attempt, may_retry=may_retry) == action
    failed = any(entry.event == "failed" for entry in own)
    assert action.kind in (("undo", "retry", "fail") if failed else ("run", "finish"))
    assert (action.kind in ("run", "undo")) == (0 <= action.step < length)
    if action.kind == "undo":
        assert steps[action.step].undo is not None
