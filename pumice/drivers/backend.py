"""One configured backend at run time: who may call its driver, when, and what a late call means."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar, TypeVarTuple

from msgspec import Struct

from pumice.drivers.contract import Driver, Stats
from pumice.errors import BackendUnavailable, DriverError, Unavailable
from pumice.threads import Executor

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Limits(Struct, frozen=True):
    """How many calls run at once (``slots``), how long each may take, and how many may wait."""

    slots: int = 8
    deadline_seconds: float = 300.0
    max_waiting: int = 10_000


DEFAULT_LIMITS: Final = Limits()


class Overdue(Struct, frozen=True):
    """A driver call that runs past its deadline: its outcome is unknown, not failed."""

    title: str
    resource_id: str
    running_seconds: float


class Backend:
    """Runs a driver's calls on threads.

    * Calls for one resource run one after the other, in the order they came.
    * At most ``slots`` run at once; who waits for a slot is served in order. A call that waits for
      its resource holds no slot.
    * A call past ``deadline_seconds`` cannot be stopped: it keeps its slot and its resource until
      the thread returns, and its caller waits for the real outcome. Meanwhile it is ``overdue``.
    * When overdue calls hold every slot, calls that did not start yet are refused: nothing happened
      for them, so the caller may go elsewhere.

    Used on the event loop only, whose timers are its only clock.
    """

    def __init__(
        self,
        name: str,
        host: str,
        driver: Driver,
        executor: Executor,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.name = name
        self.host = host
        self.driver = driver
        self.stats: Stats | None = None
        """What the last successful :meth:`refresh` reported."""
        self._executor = executor
        self._limits = limits
        self._queues: dict[str, deque[_Call]] = {}  # By resource; the first has the turn.
        self._ready: deque[_Call] = deque()  # Have the turn, wait for a slot.
        self._running: dict[_Call, None] = {}  # In the order they started.
        self._waiting = 0
        self._failure = f"Backend {name} has not been checked yet."

    async def call(
        self, resource_id: str, function: Callable[[*Ts], T], *args: *Ts, title: str
    ) -> T:
        """Run ``function(*args)`` on a thread and give its result, however long that takes.

        ``resource_id`` is the volume it is about, or this backend's name when it is about all of
        it; ``title`` says to a person what runs. When the caller is cancelled, a function that
        waits will not run; one that runs goes on, and keeps its slot and resource.

        Raises DriverError as the driver did, and for whatever else the driver raised;
        BackendUnavailable also when the call was not started because overdue calls hold every slot;
        Unavailable when too many calls wait already.
        """
        if self._all_overdue():
            raise self._refusal()
        if self._waiting >= self._limits.max_waiting:
            raise Unavailable(f"Backend {self.name} has too many calls waiting.")
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(_Call(resource_id, title, partial(function, *args), outcome))
        return await outcome

    async def refresh(self) -> Stats:
        """Ask the driver for its figures, after a check of its setup at first and after a failure.

        The outcome decides :attr:`down_reason`. Raises as :meth:`call` does. One caller at a time.
        """
        try:
            self.stats = await self.call(self.name, self._examine, title="get_volume_stats")
        except DriverError as error:
            if not self._all_overdue():  # That reason speaks for itself, and ends by itself.
                self._failure = error.public
            raise
        self._failure = ""
        return self.stats

    @property
    def overdue(self) -> tuple[Overdue, ...]:
        """The calls past their deadline, the oldest first."""
        return tuple(
            Overdue(call.title, call.resource_id, call.running_seconds())
            for call in self._running
            if call.overdue
        )

    @property
    def down_reason(self) -> str | None:
        """Why the backend must get no new volume, in one sentence; None when it is up."""
        if self._all_overdue():
            return self._refusal().public
        for call in self._running:
            if call.overdue and call.resource_id == self.name:
                return f"Backend {self.name} does not answer to {call.title}."
        return self._failure or None

    def _examine(self) -> Stats:
        """Runs on a thread."""
        if self._failure:
            self.driver.check_for_setup_error()
        return self.driver.get_volume_stats()

    def _enqueue(self, call: _Call) -> None:
        self._waiting += 1
        queue = self._queues.setdefault(call.resource_id, deque())
        queue.append(call)
        if queue[0] is call:
            self._ready.append(call)
            self._start_ready()

    def _start_ready(self) -> None:
        """Start calls while there are slots."""
        while self._ready and len(self._running) < self._limits.slots:
            call = self._ready.popleft()
            self._waiting -= 1
            # Done before it began: its caller was cancelled, or it was refused.
            if call.outcome.done() or not self._start(call):
                self._pass_turn(call)

    def _start(self, call: _Call) -> bool:
        """Put the call on a thread; False when there is none, and the caller was told."""
        try:
            running = self._executor.submit(call.function)
        except RuntimeError as error:
            call.outcome.set_exception(
                BackendUnavailable(
                    f"Backend {self.name} found no thread to work on.", detail=str(error)
                )
            )
            return False
        self._running[call] = None
        call.start_timer(self._limits.deadline_seconds, self._mark_overdue)
        running.add_done_callback(partial(self._end, call))
        return True

    def _end(self, call: _Call, running: asyncio.Future[Any]) -> None:
        """The thread returned: free what it held, tell the caller if one is left, start others."""
        del self._running[call]
        call.timer.cancel()
        error = running.exception()
        if not call.outcome.done():
            if error is None:
                call.outcome.set_result(running.result())
            else:
                call.outcome.set_exception(self._as_driver_error(call, error))
        self._pass_turn(call)
        self._start_ready()

    def _pass_turn(self, call: _Call) -> None:
        """Let the next call for the resource compete for a slot."""
        queue = self._queues[call.resource_id]
        queue.popleft()
        if queue:
            self._ready.append(queue[0])
        else:
            del self._queues[call.resource_id]

    def _mark_overdue(self, call: _Call) -> None:
        call.overdue = True
        if self._all_overdue():
            for queue in self._queues.values():
                for waiting in queue:
                    if waiting not in self._running and not waiting.outcome.done():
                        waiting.outcome.set_exception(self._refusal())

    def _all_overdue(self) -> bool:
        full = len(self._running) == self._limits.slots
        return full and all(call.overdue for call in self._running)

    def _refusal(self) -> BackendUnavailable:
        return BackendUnavailable(
            f"Backend {self.name} hangs: all its calls are past their deadline.",
            detail=", ".join(call.title for call in self._running),
        )

    def _as_driver_error(self, call: _Call, error: BaseException) -> DriverError:
        """``error`` if a driver may raise it, else a DriverError around it."""
        if isinstance(error, DriverError):
            return error
        wrapped = DriverError(
            f"The driver of backend {self.name} failed unexpectedly: {call.title}.",
            detail=f"{type(error).__name__}: {error}",
        )
        wrapped.__cause__ = error
        return wrapped


class _Call:
    """One call from its request to the return of its thread."""

    __slots__ = ("function", "outcome", "overdue", "resource_id", "started", "timer", "title")

    started: float
    timer: asyncio.TimerHandle

    def __init__(
        self,
        resource_id: str,
        title: str,
        function: Callable[[], Any],
        outcome: asyncio.Future[Any],
    ) -> None:
        self.resource_id = resource_id
        self.title = title
        self.function = function
        self.outcome = outcome
        self.overdue = False

    def start_timer(self, deadline_seconds: float, expired: Callable[[_Call], None]) -> None:
        """Begin to count."""
        loop = self.outcome.get_loop()
        self.started = loop.time()
        self.timer = loop.call_later(deadline_seconds, expired, self)

    def running_seconds(self) -> float:
        """How long the thread has been at it."""
        return self.outcome.get_loop().time() - self.started
