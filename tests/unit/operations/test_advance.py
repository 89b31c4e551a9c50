"""The unit that moves an operation on, with an operation made for each case and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from pumice.errors import Fenced, InvalidState, PumiceError
from pumice.model.operation import OperationRecord
from pumice.operations.advance import (
    MAX_TRACE_BYTES,
    Outcome,
    Progress,
    abandon,
    advance,
    begin,
)
from pumice.operations.definition import Local, LocalStep, Operation, Remote, Tools
from pumice.scheduler.simple import SimpleScheduler
from pumice.scheduler.view import PoolsView
from pumice.store import operations as rows
from pumice.store import schema
from pumice.store.operations import Claimant
from pumice.store.sqlite import connect
from pumice.store.txn import Txn
from pumice.trace import Trace, place

TOOLS = Tools(SimpleScheduler(), PoolsView(), frozenset({"a@b"}), schedules=True)
NOW_US = 1_000


class Nothing(Struct, frozen=True):
    """No parameters."""


class Diary:
    """Steps that write down what is done, and an operation made of them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.refuses: set[str] = set()

    def local(self, name: str) -> Local[Nothing]:
        return Local(name, lambda _: self._run(name), undo=lambda _: self._undo(name))

    def remote(self, name: str) -> Remote[Nothing]:
        return Remote(
            name, lambda _: self._run(name), lambda _, __: "a@b#c", undo=lambda _: self._undo(name)
        )

    def operation(self, *steps: Local[Nothing] | Remote[Nothing]) -> Operation[Nothing]:
        return Operation("diary.write", 1, Nothing, "diary", steps, failed=self._failed)

    def _run(self, name: str) -> dict[str, Any]:
        if name in self.refuses:
            raise PumiceError(f"{name} is refused.")
        self.lines.append(name)
        return {}

    def _undo(self, name: str) -> None:
        self.lines.append(f"undo {name}")

    def _failed(self, step: LocalStep[Nothing], failure: object) -> None:
        del step, failure
        self._run("failed")


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def txn(tmp_path: Path) -> Iterator[Txn]:
    schema.create(tmp_path / "pumice.db")
    with closing(connect(tmp_path / "pumice.db")) as connection:
        connection.execute("BEGIN")
        yield Txn(connection)


def progress_of(operation: Operation[Nothing], trace: Trace | None = None) -> Progress:
    record = OperationRecord(
        id="1",
        name=operation.name,
        version=1,
        params="{}",
        status="running",
        attempt=1,
        project_id="p",
        user_id="u",
        resource_type="diary",
        resource_id="d",
        backend_host=None,
        step="",
        claimed_by="me",
        lease_until=0,
        fence=1,
        run_after=0,
        error=None,
        error_detail=None,
        request_id="req-1",
        created_at=0,
        updated_at=0,
        ended_at=None,
    )
    trace = trace or Trace("req-1", "a test", 0)
    return Progress(operation, Nothing(), record, (), trace, max_attempts=3)


def go_on(txn: Txn, progress: Progress, step: str, event: str, **data: object) -> Progress:
    """The unit after a driver answered."""
    failure = {"kind": "DriverError", "public": "No.", "detail": "", "verdicts": []}
    outcome = Outcome(step, event, {**failure, **data})
    return advance(txn, progress, TOOLS, outcome, {}, 0, NOW_US)


def test_adjacent_local_steps_share_the_unit(txn: Txn, diary: Diary) -> None:
    steps = diary.local("a"), diary.local("b"), diary.remote("c"), diary.local("d")
    progress = begin(txn, progress_of(diary.operation(*steps)), TOOLS, {}, NOW_US)
    assert diary.lines == ["a", "b"]
    assert (progress.record.step, progress.record.backend_host) == ("c", "a@b")
    progress = go_on(txn, progress, "c", "done")
    assert diary.lines == ["a", "b", "d"]
    assert (progress.record.status, progress.record.ended_at) == ("done", NOW_US)
    events = [(entry.step, entry.event) for entry in rows.log(txn, "1")]
    assert events == [("a", "done"), ("b", "done"), ("c", "started"), ("c", "done"), ("d", "done")]


def test_a_local_step_that_fails_takes_back_all_before_it(txn: Txn, diary: Diary) -> None:
    diary.refuses.add("b")
    steps = diary.local("a"), diary.local("b"), diary.remote("c")
    progress = begin(txn, progress_of(diary.operation(*steps)), TOOLS, {}, NOW_US)
    assert diary.lines == ["a", "undo a", "failed"]
    assert (progress.record.status, progress.record.error) == ("undone", "b is refused.")


def test_an_operation_is_abandoned_as_far_as_it_is_not_undone_already(
    txn: Txn, diary: Diary
) -> None:
    steps = diary.local("a"), diary.remote("b"), diary.local("c"), diary.remote("d")
    first = begin(txn, progress_of(diary.operation(*steps)), TOOLS, {}, NOW_US)
    progress = go_on(txn, first, "b", "done")
    progress = go_on(txn, progress, "d", "failed")
    progress = go_on(txn, progress, "d", "undone")
    assert (diary.lines, progress.record.step) == (["a", "c", "undo c"], "b")
    # What is in memory is older than what is on disk; only the latter counts.
    ended = abandon(txn, first, TOOLS, "you", 0, NOW_US)
    assert diary.lines == ["a", "c", "undo c", "undo a", "failed"]
    assert (ended.record.status, ended.record.fence) == ("abandoned", 2)
    assert rows.get(txn, "1") == ended.record
    with pytest.raises(InvalidState):
        abandon(txn, first, TOOLS, "you", 0, NOW_US)


def test_a_resource_that_cannot_be_moved_does_not_keep_an_operation_from_its_end(
    txn: Txn, diary: Diary
) -> None:
    diary.refuses.add("failed")
    progress = begin(txn, progress_of(diary.operation(diary.remote("a"))), TOOLS, {}, NOW_US)
    ended = abandon(txn, progress, TOOLS, "me", 0, NOW_US).record
    assert (ended.status, ended.error_detail) == ("abandoned", "failed is refused.")


@pytest.mark.parametrize("stuck", [False, True])
def test_an_outcome_may_say_not_now(txn: Txn, diary: Diary, stuck: bool) -> None:
    progress = begin(txn, progress_of(diary.operation(diary.remote("a"))), TOOLS, {}, NOW_US)
    failure = {"kind": "DriverError", "public": "No.", "detail": "why", "stuck": stuck}
    outcome = Outcome("a", "deferred", failure, run_after=5_000)
    resting = advance(txn, progress, TOOLS, outcome, {}, 0, NOW_US).record
    assert (resting.status, resting.run_after) == ("stuck" if stuck else "running", 5_000)
    assert (resting.error, resting.error_detail, resting.ended_at) == ("No.", "why", None)
    assert rows.get(txn, "1") == resting


def test_a_line_of_the_log_is_written_once(txn: Txn, diary: Diary) -> None:
    """Two that think they hold the same claim: the second one's line finds its place taken."""
    progress = begin(txn, progress_of(diary.operation(diary.remote("a"))), TOOLS, {}, NOW_US)
    go_on(txn, progress, "a", "deferred")
    with pytest.raises(Fenced):
        go_on(txn, progress, "a", "deferred")


@pytest.mark.parametrize("title", ["short", "x" * (MAX_TRACE_BYTES * 2)])
def test_the_stored_way_is_cut_to_its_bound(txn: Txn, diary: Diary, title: str) -> None:
    trace = Trace("req-1", title, 0)
    for number in range(100):
        trace.end(place(progress_of), trace.start(), f"note {number}")
    begin(txn, progress_of(diary.operation(diary.local("a")), trace), TOOLS, {}, NOW_US)
    stored = rows.trace(txn, "1")
    assert stored is not None
    if title == "short":
        assert len(stored) <= MAX_TRACE_BYTES
        assert "note 0" in stored
    else:
        assert '"spans":[]' in stored


def test_a_stale_record_is_not_written(txn: Txn, diary: Diary) -> None:
    progress = begin(txn, progress_of(diary.operation(diary.remote("a"))), TOOLS, {}, NOW_US)
    taken = rows.claim(txn, "1", Claimant("me", schedules=True, alive_since=0, now=NOW_US), 0)
    assert taken == replace(progress.record, fence=2, updated_at=NOW_US)
    with pytest.raises(PumiceError, match="claimed by another"):
        rows.update(txn, progress.record, "me", None)
