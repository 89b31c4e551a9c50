"""A backend at run time: order, slots, deadlines, health, and who is told what.

Time is virtual and threads are played by the test: it decides which call returns, and when.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pumice.drivers.backend import Backend, Limits
from pumice.drivers.contract import Stats
from pumice.drivers.memory import MemoryDriver
from pumice.drivers.options import BackendConfig
from pumice.errors import (
    BackendUnavailable,
    DriverError,
    InvalidInput,
    Unavailable,
    VolumeConflict,
)
from pumice.threads import ThreadExecutor

T = TypeVar("T")


class VirtualTime(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__(_Jump(self))
        self.now = 0.0

    def time(self) -> float:
        return self.now


class _Jump(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTime) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("Everything waits, and no timer will wake it.")
        self._loop.now += timeout
        return []


class PlayedThreads:
    """An executor whose functions return when the test says so, in any order."""

    def __init__(self) -> None:
        self.started: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self.exhausted = False

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        if self.exhausted:
            raise RuntimeError("can't start new thread")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.started.append((function, future))
        return future

    def shutdown(self) -> None:
        """Nothing to end."""

    async def finish(self, index: int = 0) -> None:
        """Let one of the running functions return, the oldest unless told; see what follows."""
        function, future = self.started.pop(index)
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001  (As a thread hands it over.)
            future.set_exception(error)
        await settle()


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(10):
        await asyncio.sleep(0)


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with contextlib.closing(VirtualTime()) as loop:
        loop.run_until_complete(scene())


class Stage:
    """One backend with played threads, and what its driver was asked to do, in order."""

    def __init__(self, limits: Limits) -> None:
        config = BackendConfig("b1", "memory", {}, Path("/nowhere"))
        self.threads = PlayedThreads()
        self.driver = FragileDriver(config)
        self.backend = Backend("b1", "node@b1", self.driver, self.threads, limits)
        self.done: list[str] = []

    def call(self, volume: str, title: str = "") -> asyncio.Task[str]:
        """Ask for a call that notes its title and returns it."""
        title = title or volume

        def work(text: str) -> str:
            self.done.append(text)
            return text

        return asyncio.create_task(self.backend.call(volume, work, title, title=title))

    def fail(self, volume: str, error: BaseException) -> asyncio.Task[str]:
        def work() -> str:
            raise error

        return asyncio.create_task(self.backend.call(volume, work, title="create x"))

    async def refresh(self) -> Stats:
        """Refresh with a thread that returns at once."""
        task = asyncio.create_task(self.backend.refresh())
        await settle()
        await self.threads.finish(-1)
        return await task


class FragileDriver(MemoryDriver):
    """Fails while ``failure`` is set; counts the checks of its setup."""

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self.failure: Exception | None = None
        self.checks = 0

    def check_for_setup_error(self) -> None:
        self.checks += 1

    def get_volume_stats(self) -> Stats:
        if self.failure:
            raise self.failure
        return super().get_volume_stats()


def staged(**limits: float) -> Callable[..., Any]:
    """Make a scene a test: it gets a stage, in virtual time, whose backend has ``limits``."""

    def decorate(scene: Callable[[Stage], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        def test() -> None:
            run(lambda: scene(Stage(Limits(**limits))))  # type: ignore[arg-type]  # Each fits.

        test.__name__ = getattr(scene, "__name__", "scene")
        return test

    return decorate


# Order and slots.


@staged()
async def test_result_reaches_the_caller(stage: Stage) -> None:
    task = stage.call("v1")
    await settle()
    await stage.threads.finish()
    assert await task == "v1"


@staged()
async def test_calls_for_one_volume_run_one_by_one_in_order(stage: Stage) -> None:
    tasks = [stage.call("v1", title) for title in ("first", "second", "third")]
    await settle()
    for _ in tasks:
        assert len(stage.threads.started) == 1
        await stage.threads.finish()
    assert stage.done == ["first", "second", "third"]
    assert [task.done() for task in tasks] == [True] * 3


@staged(slots=2)
async def test_slots_bound_what_runs_and_are_given_in_order(stage: Stage) -> None:
    tasks = [stage.call(f"v{number}") for number in range(5)]
    await settle()
    assert len(stage.threads.started) == 2
    await stage.threads.finish(1)
    assert len(stage.threads.started) == 2
    while stage.threads.started:
        await stage.threads.finish()
    assert stage.done == ["v1", "v0", "v2", "v3", "v4"]
    await asyncio.gather(*tasks)


@staged(slots=2)
async def test_call_that_waits_for_its_volume_holds_no_slot(stage: Stage) -> None:
    tasks = [stage.call("v1", "a"), stage.call("v1", "b"), stage.call("v2", "c")]
    await settle()
    await stage.threads.finish(1)
    assert stage.done == ["c"]
    await stage.threads.finish()
    await stage.threads.finish()
    await asyncio.gather(*tasks)


@staged(slots=1, max_waiting=2)
async def test_too_many_waiting_calls_are_refused(stage: Stage) -> None:
    tasks = [stage.call(f"v{number}") for number in range(3)]
    await settle()
    with pytest.raises(Unavailable, match="b1 has too many calls waiting"):
        await stage.call("v3")
    for _ in tasks:
        await stage.threads.finish()
    await asyncio.gather(*tasks)
    again = stage.call("v3")
    await settle()
    await stage.threads.finish()
    assert await again == "v3"


# Failures.


@staged()
async def test_driver_errors_come_through_as_they_are(stage: Stage) -> None:
    for error in (DriverError("no"), BackendUnavailable("later"), VolumeConflict("other size")):
        task = stage.fail("v1", error)
        await settle()
        await stage.threads.finish()
        with pytest.raises(DriverError) as caught:
            await task
        assert caught.value is error


@staged()
async def test_other_errors_are_a_defect_of_the_driver(stage: Stage) -> None:
    for error in (KeyError("size"), InvalidInput("bad"), SystemExit(1)):
        task = stage.fail("v1", error)
        await settle()
        await stage.threads.finish()
        with pytest.raises(DriverError) as caught:
            await task
        assert type(caught.value) is DriverError
        assert caught.value.public == "The driver of backend b1 failed unexpectedly: create x."
        assert caught.value.detail == f"{type(error).__name__}: {error}"
        assert caught.value.__cause__ is error


@staged(slots=1)
async def test_failure_frees_the_slot_and_the_volume(stage: Stage) -> None:
    tasks = [stage.fail("v1", KeyError()), stage.call("v1", "next"), stage.call("v2")]
    await settle()
    for _ in tasks:
        await stage.threads.finish()
    assert stage.done == ["v2", "next"]
    await asyncio.gather(*tasks, return_exceptions=True)


@staged(slots=1)
async def test_machine_without_threads_is_told_and_nothing_stays_held(stage: Stage) -> None:
    stage.threads.exhausted = True
    tasks = [stage.call("v1"), stage.call("v1"), stage.call("v2")]
    for error in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(error, BackendUnavailable)
        assert error.public == "Backend b1 found no thread to work on."
    stage.threads.exhausted = False
    task = stage.call("v1")
    await settle()
    await stage.threads.finish()
    assert await task == "v1"


# Callers that go away.


@staged(slots=1)
async def test_cancelled_caller_leaves_the_running_call_its_slot_and_volume(stage: Stage) -> None:
    gone = stage.call("v1", "running")
    others = [stage.call("v1", "same volume"), stage.call("v2", "same slot")]
    await settle()
    gone.cancel()
    await settle()
    assert gone.cancelled()
    assert len(stage.threads.started) == 1
    while stage.threads.started:
        await stage.threads.finish()
    assert stage.done == ["running", "same slot", "same volume"]
    await asyncio.gather(*others)


@staged(slots=1)
async def test_cancelled_caller_that_waits_is_passed_over(stage: Stage) -> None:
    running, for_volume, for_slot = stage.call("v1"), stage.call("v1"), stage.call("v2")
    last = stage.call("v1", "last")
    await settle()
    for_volume.cancel()
    for_slot.cancel()
    await stage.threads.finish()
    await stage.threads.finish()
    assert stage.done == ["v1", "last"]
    assert not stage.threads.started
    await asyncio.gather(running, last)


@staged()
async def test_failure_of_a_call_without_caller_is_dropped(stage: Stage) -> None:
    task = stage.fail("v1", KeyError())
    await settle()
    task.cancel()
    await settle()
    await stage.threads.finish()
    assert task.cancelled()


# Deadlines.


@staged(deadline_seconds=300)
async def test_call_past_its_deadline_is_unknown_until_it_returns(stage: Stage) -> None:
    task = stage.call("v1", "create v1")
    await asyncio.sleep(299)
    assert list(stage.backend.overdue) == []
    await asyncio.sleep(11)
    (late,) = stage.backend.overdue
    assert (late.title, late.resource_id, late.running_seconds) == ("create v1", "v1", 310)
    assert not task.done()
    await stage.threads.finish()
    assert await task == "create v1"
    assert list(stage.backend.overdue) == []


@staged(slots=3, deadline_seconds=300)
async def test_overdue_call_keeps_its_volume(stage: Stage) -> None:
    create = stage.call("v1", "create")
    await asyncio.sleep(301)
    undo = stage.call("v1", "undo")
    await asyncio.sleep(1000)
    assert len(stage.threads.started) == 1
    assert not undo.done()
    await stage.threads.finish()
    await stage.threads.finish()
    assert stage.done == ["create", "undo"]
    await asyncio.gather(create, undo)


@staged(slots=1, deadline_seconds=300)
async def test_deadline_counts_from_the_start_of_the_call(stage: Stage) -> None:
    tasks = [stage.call("v1", "a"), stage.call("v2", "b")]
    await asyncio.sleep(299)
    await stage.threads.finish()
    await asyncio.sleep(299)
    assert list(stage.backend.overdue) == []
    await stage.threads.finish()
    await asyncio.gather(*tasks)


@staged(deadline_seconds=300)
async def test_call_that_returned_has_no_deadline(stage: Stage) -> None:
    task = stage.call("v1")
    await settle()
    await stage.threads.finish()
    await task
    timers = vars(asyncio.get_running_loop())["_scheduled"]
    assert [timer for timer in timers if not timer.cancelled()] == []


@staged(slots=2, deadline_seconds=300)
async def test_backend_whose_slots_are_all_overdue_is_down(stage: Stage) -> None:
    await stage.refresh()
    first, second = stage.call("v1", "create v1"), stage.call("v2", "create v2")
    await asyncio.sleep(301)
    assert stage.backend.down_reason is not None
    assert stage.backend.down_reason == ("Backend b1 hangs: all its calls are past their deadline.")
    await stage.threads.finish()
    assert stage.backend.down_reason is None
    await stage.threads.finish()
    await asyncio.gather(first, second)


@staged(slots=2, deadline_seconds=300)
async def test_backend_with_a_slot_left_is_up(stage: Stage) -> None:
    await stage.refresh()
    late = stage.call("v1")
    await asyncio.sleep(301)
    assert stage.backend.down_reason is None
    quick = stage.call("v2")
    await settle()
    await stage.threads.finish(1)
    assert await quick == "v2"
    await stage.threads.finish()
    await late


@staged(slots=1, deadline_seconds=300)
async def test_hanging_backend_refuses_what_did_not_start(stage: Stage) -> None:
    late, same, other = stage.call("v1", "create v1"), stage.call("v1"), stage.call("v2")
    gone, last = stage.call("v1"), stage.call("v1")
    await settle()
    gone.cancel()
    await asyncio.sleep(301)
    for refused in (same, other, last, stage.call("v3")):
        with pytest.raises(BackendUnavailable, match="b1 hangs") as caught:
            await refused
        assert caught.value.detail == "create v1"
    await stage.threads.finish()
    assert await late == "create v1"
    assert not stage.threads.started
    again = stage.call("v1", "again")
    await settle()
    await stage.threads.finish()
    assert await again == "again"
    assert stage.done == ["create v1", "again"]


# Health.


@staged()
async def test_backend_is_down_until_its_first_refresh(stage: Stage) -> None:
    assert stage.backend.down_reason == "Backend b1 has not been checked yet."
    stats = await stage.refresh()
    assert stage.backend.stats is stats
    assert stage.backend.down_reason is None
    assert stage.backend.down_reason is None


@staged()
async def test_setup_is_checked_at_first_and_after_failures(stage: Stage) -> None:
    await stage.refresh()
    await stage.refresh()
    assert stage.driver.checks == 1
    stage.driver.failure = BackendUnavailable("Backend b1 does not answer.")
    with pytest.raises(BackendUnavailable):
        await stage.refresh()
    assert stage.backend.down_reason is not None
    assert stage.backend.down_reason == "Backend b1 does not answer."
    assert stage.backend.stats is not None, "The last figures stay."
    stage.driver.failure = None
    await stage.refresh()
    assert stage.driver.checks == 2
    assert stage.backend.down_reason is None


@staged()
async def test_defect_in_the_statistics_takes_the_backend_down(stage: Stage) -> None:
    stage.driver.failure = ZeroDivisionError()
    with pytest.raises(DriverError):
        await stage.refresh()
    assert stage.backend.down_reason == (
        "The driver of backend b1 failed unexpectedly: get_volume_stats."
    )


@staged(deadline_seconds=300)
async def test_backend_that_owes_its_statistics_is_down(stage: Stage) -> None:
    await stage.refresh()
    task = asyncio.create_task(stage.backend.refresh())
    await asyncio.sleep(301)
    assert stage.backend.down_reason == "Backend b1 does not answer to get_volume_stats."
    await stage.threads.finish()
    await task
    assert stage.backend.down_reason is None


@staged(slots=1, deadline_seconds=300)
async def test_refresh_of_a_hanging_backend_leaves_no_reason_behind(stage: Stage) -> None:
    await stage.refresh()
    late = stage.call("v1")
    await asyncio.sleep(301)
    with pytest.raises(BackendUnavailable):
        await stage.backend.refresh()
    await stage.threads.finish()
    assert stage.backend.down_reason is None
    await late


@staged(slots=1, max_waiting=0)
async def test_full_queue_says_nothing_about_the_storage(stage: Stage) -> None:
    task = asyncio.create_task(stage.backend.refresh())
    with pytest.raises(Unavailable):
        await task
    assert stage.backend.down_reason == "Backend b1 has not been checked yet."


# With real threads and real time.


@pytest.fixture
def executor() -> Iterator[ThreadExecutor]:
    executor = ThreadExecutor()
    yield executor
    executor.shutdown()


async def test_hung_thread_keeps_its_slot_until_it_returns(executor: ThreadExecutor) -> None:
    config = BackendConfig("b1", "memory", {}, Path("/nowhere"))
    limits = Limits(slots=1, deadline_seconds=0.0)
    backend = Backend("b1", "node@b1", MemoryDriver(config), executor, limits)
    running, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hang() -> str:
        loop.call_soon_threadsafe(running.set)
        may_end.wait(10)
        return "made after all"

    task = asyncio.create_task(backend.call("v1", hang, title="create v1"))
    await running.wait()
    with pytest.raises(BackendUnavailable):
        await backend.call("v2", str, title="create v2")
    may_end.set()
    assert await task == "made after all"
    assert await backend.call("v2", str, title="create v2") == ""
