"""The pool of threads: what it runs, answers, reuses and ends."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, cast

import pytest

from pumice.threads import ThreadExecutor, _Worker


@pytest.fixture
def executor() -> Iterator[ThreadExecutor]:
    executor = ThreadExecutor(idle_seconds=3600)
    yield executor
    executor.shutdown()


async def test_function_runs_on_another_thread(executor: ThreadExecutor) -> None:
    assert await executor.submit(threading.get_ident) != threading.get_ident()


async def test_exception_reaches_the_caller(executor: ThreadExecutor) -> None:
    with pytest.raises(ZeroDivisionError):
        await executor.submit(lambda: 1 // 0)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
async def test_what_would_end_a_thread_reaches_the_caller_too(
    executor: ThreadExecutor, kind: type[BaseException]
) -> None:
    def function() -> None:
        raise kind

    future = executor.submit(function)
    await asyncio.wait([future])
    assert isinstance(future.exception(), kind)


async def test_stop_iteration_is_no_endless_wait(executor: ThreadExecutor) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await executor.submit(lambda: next(iter(())))


async def test_idle_thread_is_used_again(executor: ThreadExecutor) -> None:
    threads = {await executor.submit(threading.get_ident) for _ in range(50)}
    assert len(threads) == 1


async def test_pool_grows_with_the_work(executor: ThreadExecutor) -> None:
    everyone = threading.Barrier(20)
    await asyncio.gather(*(executor.submit(everyone.wait) for _ in range(20)))


async def test_threads_are_daemons(executor: ThreadExecutor) -> None:
    assert await executor.submit(lambda: threading.current_thread().daemon)


async def _ended(thread: threading.Thread) -> None:
    """Wait on another thread: this one has a loop to run."""
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()


async def test_idle_threads_end() -> None:
    executor = ThreadExecutor(idle_seconds=0.01)
    await _ended(await executor.submit(threading.current_thread))
    assert await executor.submit(lambda: 7) == 7, "The next job starts a new one."


async def test_the_others_end_while_one_has_work() -> None:
    executor = ThreadExecutor(idle_seconds=0.05)
    both = threading.Barrier(2)

    def meet() -> threading.Thread:
        both.wait()
        return threading.current_thread()

    threads = await asyncio.gather(executor.submit(meet), executor.submit(meet))
    while all(thread.is_alive() for thread in threads):
        await executor.submit(lambda: None)
    assert await executor.submit(threading.current_thread) in threads


def test_job_at_the_moment_of_the_end_is_not_lost() -> None:
    """A worker's wait ends after ``submit`` took it from the list and before the job is there."""

    class LateInbox(SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            if timeout is not None:
                raise Empty
            return super().get(block, timeout)

    executor = ThreadExecutor()
    worker, job = _Worker(executor), cast("Any", object())
    worker.inbox = LateInbox()
    worker.inbox.put(job)
    assert executor.next_job(worker) is job


async def test_shutdown_ends_idle_threads_and_lets_the_others_finish(
    executor: ThreadExecutor,
) -> None:
    may_end = threading.Event()

    def work() -> threading.Thread:
        may_end.wait()
        return threading.current_thread()

    busy = executor.submit(work)
    idle = await executor.submit(threading.current_thread)
    executor.shutdown()
    await _ended(idle)
    with pytest.raises(RuntimeError, match="shut down"):
        await executor.submit(work)
    may_end.set()
    await _ended(await busy)


async def test_cancelled_future_drops_the_result(executor: ThreadExecutor) -> None:
    may_end, done = threading.Event(), threading.Event()

    def work() -> None:
        may_end.wait()
        done.set()

    future = executor.submit(work)
    future.cancel()
    may_end.set()
    assert await executor.submit(lambda: done.wait(10))


def test_answer_after_the_end_of_the_loop_is_dropped(executor: ThreadExecutor) -> None:
    may_end = threading.Event()
    started: SimpleQueue[threading.Thread] = SimpleQueue()

    def work() -> None:
        started.put(threading.current_thread())
        may_end.wait()

    async def start() -> asyncio.Future[None]:
        return executor.submit(work)

    unanswered = asyncio.run(start())
    executor.shutdown()
    may_end.set()
    worker = started.get(timeout=10)
    worker.join(10)
    assert not worker.is_alive()
    assert not unanswered.done()


async def test_idle_thread_keeps_nothing_alive(executor: ThreadExecutor) -> None:
    class Thing:
        """Something a weak reference can point to."""

    thing, gone = Thing(), threading.Event()
    weakref.finalize(thing, gone.set)
    await executor.submit(partial(id, thing))
    del thing
    assert await asyncio.to_thread(gone.wait, 10)
