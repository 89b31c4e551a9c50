"""Several event loops in one thread: who has the next turn is decided by time, and ties by a seed.

Each simulated process has a :class:`SimLoop` of its own, so that killing one is dropping its loop with
everything in it, and pausing one is giving it no turn. A turn runs what is ready in one loop and takes a
little virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, Final, TypeVar, TypeVarTuple

from tests.simulation.loop import TURNS_MAX, Killed, StandstillError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

TURN_SECONDS: Final = (0.000005, 0.00002, 0.00005, 0.0001, 0.0003)
"""What a turn may cost its process."""


class SimLoop(asyncio.BaseEventLoop):
    """The event loop of one simulated process; :class:`Turns` runs it.

    What a callback or a forgotten task raised is kept in ``unhandled``.
    """

    def __init__(self, turns: Turns, name: str) -> None:
        super().__init__()
        self.name = name
        self.ready: deque[asyncio.Handle] = deque()
        self.timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self.free_at = 0.0
        """No turn before this moment: the last one takes until then, or the process is paused."""
        self.dead = False
        self.unhandled: list[dict[str, Any]] = []
        self._turns = turns
        self._count = 0

    def __del__(self) -> None:
        """It has nothing that must be closed."""

    def time(self) -> float:
        """The virtual time in seconds, the same for all."""
        return self._turns.now

    def get_debug(self) -> bool:
        """Nothing is checked twice."""
        return False

    def is_running(self) -> bool:
        """Whether this is the loop that has its turn."""
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        """Whether its process is dead."""
        return self.dead

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run ``callback`` in this loop's next turn. A dead process runs nothing."""
        handle = asyncio.Handle(callback, args, self, context)
        if not self.dead:
            self.ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` in ``delay`` seconds."""
        return self.call_at(self._turns.now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run ``callback`` at ``when``; of two at one time, the one that was asked for first."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        if not self.dead:
            self._count += 1
            heapq.heappush(self.timers, (when, self._count, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays in the heap until it is due, and does nothing then."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Run ``coro`` in this loop."""
        return asyncio.Task(
            coro, loop=self, name=None if name is None else str(name), context=context
        )

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody handled. What a dead process leaves behind is nobody's."""
        if not self.dead:
            self.unhandled.append(context)

    def next_at(self) -> float:
        """When this loop has something to do."""
        if self.ready:
            return self.free_at
        while self.timers and self.timers[0][2].cancelled():
            heapq.heappop(self.timers)
        return max(self.free_at, self.timers[0][0]) if self.timers else float("inf")

    def run_ready(self, now: float) -> None:
        """One turn: what is due or ready now, and not what that makes ready."""
        ready, timers = self.ready, self.timers
        while timers and timers[0][0] <= now:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def drop(self) -> None:
        """The process is dead: nothing of it runs any more, not even to clean up."""
        self.dead = True
        self.ready.clear()
        self.timers.clear()
        for task in asyncio.all_tasks(self):
            coroutine = task.get_coro()
            if coroutine is not None:
                with contextlib.suppress(Exception):  # What it raises, nobody is left to hear.
                    coroutine.close()


class Turns:
    """The loops of a world and its time. ``now`` is in seconds from the world's beginning."""

    def __init__(self, seed: str) -> None:
        self.now = 0.0
        self.loops: list[SimLoop] = []
        self.count = 0
        """Turns so far."""
        self._chance = random.Random(seed)

    def add(self, name: str) -> SimLoop:
        """The loop of a new process."""
        loop = SimLoop(self, name)
        loop.free_at = self.now
        self.loops.append(loop)
        return loop

    def drop(self, loop: SimLoop) -> None:
        """Kill the process of ``loop``."""
        self.loops.remove(loop)
        loop.drop()

    def run_until(self, done: asyncio.Future[Any], killed: Callable[[SimLoop], None]) -> None:
        """Give turns until ``done``; ``killed`` is told whose process ended itself in its turn."""
        without_time = 0
        while not done.done():
            before = self.now
            loop = self._next()
            events._set_running_loop(loop)
            try:
                loop.run_ready(self.now)
            except Killed:
                killed(loop)
            finally:
                events._set_running_loop(None)
            self.count += 1
            loop.free_at = max(
                loop.free_at, self.now + TURN_SECONDS[int(self._chance.random() * 5)]
            )
            without_time = without_time + 1 if self.now == before else 0
            if without_time > TURNS_MAX:
                raise StandstillError("There is always more to do at once.")

    def _next(self) -> SimLoop:
        """Whose turn it is; the time moves on to it."""
        at, due = float("inf"), []
        for loop in self.loops:
            next_at = loop.next_at()
            if next_at < at - 1e-12:
                at, due = next_at, [loop]
            elif next_at <= at:
                due.append(loop)
        if at == float("inf"):
            raise StandstillError("Nothing is ready and no timer is set.")
        if at <= self.now:
            # Whoever could have had a turn before now is as early as any other.
            due = [loop for loop in self.loops if loop.next_at() <= self.now]
        else:
            self.now = at
        return due[0] if len(due) == 1 else due[int(self._chance.random() * len(due))]
