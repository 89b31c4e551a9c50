"""Threads for work that blocks: a driver's call, a password's hash.

The event loop hands a function over and awaits the answer. There and back costs 50 to 70 us, 40 to
55 us of it CPU time (one call at a time; 30 to 50 us each with eight at once).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

IDLE_SECONDS: Final = 10.0

_Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Executor(Protocol):
    """Runs functions that block, away from the event loop."""

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Run ``function`` and give its result or exception through the future.

        Called on the event loop. Cancelling the future drops the result; the function runs to its
        end. Raises RuntimeError when the function cannot be started: after ``shutdown``, or when
        the machine has no thread left.
        """

    def shutdown(self) -> None:
        """Accept no more work. Functions that run go on; nobody waits for them."""


class ThreadExecutor:
    """A pool of daemon threads that grows with the work and shrinks when idle.

    It has no upper bound: whoever submits bounds what runs at once (a backend has slots). The
    thread that became idle last works first, so the others reach ``idle_seconds`` and end. Threads
    are daemons, because a call that hangs in a driver must not keep the process from stopping.
    """

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._closed = False

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """See :meth:`Executor.submit`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            if self._closed:
                raise RuntimeError("The executor was shut down.")
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker(self)
            threading.Thread(target=worker.run, name="pumice-worker", daemon=True).start()
        worker.inbox.put((function, future, loop))
        return future

    def shutdown(self) -> None:
        """See :meth:`Executor.shutdown`. Idle threads end now, the others after their function."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.inbox.put(None)

    def next_job(self, worker: _Worker) -> _Job | None:
        """Wait for the job of a worker that is listed idle; None when the worker shall end."""
        try:
            return worker.inbox.get(timeout=self._idle_seconds)
        except Empty:
            with self._lock:
                if worker in self._idle:
                    self._idle.remove(worker)
                    return None
        return worker.inbox.get()  # It was taken from the list just now: its job is on the way.

    def list_idle(self, worker: _Worker) -> bool:
        """Offer the worker for the next job; False when the pool is closed and it shall end."""
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
            return not self._closed


class _Worker:
    """One thread: it takes jobs from its own inbox until the pool has none for a while."""

    __slots__ = ("_pool", "inbox")

    def __init__(self, pool: ThreadExecutor) -> None:
        self._pool = pool
        self.inbox: SimpleQueue[_Job | None] = SimpleQueue()

    def run(self) -> None:
        """Work until told to end."""
        job = self.inbox.get()
        while job is not None:
            function, future, loop = job
            answer = _answer(function, future)
            # Idle before the answer leaves: whoever gets it may submit at once and find a thread.
            more = self._pool.list_idle(self)
            with contextlib.suppress(RuntimeError):  # The loop was closed: nobody waits any more.
                loop.call_soon_threadsafe(answer)
            del job, function, future, loop, answer  # An idle thread keeps nothing alive.
            job = self._pool.next_job(self) if more else None


def _answer(function: Callable[[], T], future: asyncio.Future[T]) -> Callable[[], None]:
    """Run ``function``; what the event loop has to call to give its outcome to ``future``."""
    try:
        result = function()
    except StopIteration as error:  # A future refuses it, and the caller would wait for ever.
        failure: BaseException = RuntimeError(f"The function raised {error!r}.")
        failure.__cause__ = error
    except BaseException as error:  # noqa: BLE001  (Whatever it is, it belongs to the caller.)
        failure = error
    else:
        return lambda: None if future.cancelled() else future.set_result(result)
    return lambda: None if future.cancelled() else future.set_exception(failure)
