"""One simulated process: the real program on a loop of its own, with a store that can be in trouble."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple

from pumice import process as composition
from pumice.bus.contract import Hint
from pumice.errors import Unavailable, UsageError
from pumice.process import Member, Process
from pumice.seams import Clock, Seams, SyncedClock, uuid7_text
from pumice.settings import Loaded
from pumice.store.sqlite import SqliteStore
from pumice.store.txn import Txn
from pumice.trace import Trace
from tests.simulation.array import Array, ArrayDriver
from tests.simulation.cloud import cloud
from tests.simulation.files import SimFiles
from tests.simulation.loop import Killed
from tests.simulation.plan import NodePlan
from tests.simulation.storage import Hang
from tests.simulation.turns import SimLoop, Turns
from tests.simulation.watch import watch
from tests.simulation.world import EPOCH_US

T = TypeVar("T")
A = TypeVarTuple("A")

LATE_SECONDS: Final = 40.0
"""How long after a process died the storage may still carry out what it had asked for."""
CLOCK_SECONDS: Final = 10.0
"""How often a process looks at the clock of a database that it shares."""
CLOCK_ERROR_US: Final = 50_000


class Surroundings(Protocol):
    """What a process finds around it; the simulation."""

    turns: Turns
    outside: SimLoop
    chance: random.Random
    latency: float
    files: SimFiles
    arrays: dict[str, Array]
    faults: Counter[str]
    database: Path

    def record(self, *event: object) -> None:
        """Add to the history."""

    def wrong(self, kind: str, sentence: str) -> None:
        """Something must not be."""

    def committed(self, node: Node, connection: sqlite3.Connection) -> None:
        """A transaction of ``node`` was committed."""

    def send(self, node: Node, hint: Hint) -> None:
        """Carry a hint to everybody."""

    def dead(self, asker: str, among: Collection[str]) -> Collection[str]:
        """Those of ``among`` that do not live, or cannot reach the database; it answers ``asker``."""


class StoreTrouble:
    """What goes wrong with a process's store: ``fate`` for a ``share`` of its calls, until ``until``."""

    def __init__(self, fate: str, share: float, until: float) -> None:
        self.fate = fate
        self.share = share
        self.until = until


class SimStore(SqliteStore):
    """The real store, of one process, with what a database elsewhere may do to its client.

    *loses replies*: the commit happens, the caller is told that it could not be written, and what was to
    happen after the commit does not. *is away*: nothing is read and nothing is written. *is full*: the
    COMMIT fails. *is slow*: each write waits.
    """

    def __init__(self, node: Node, path: Path) -> None:
        around = node.around
        super().__init__(path, clock_ns=lambda: int(around.turns.now * 1e9))
        self._connection.execute("PRAGMA synchronous = OFF")
        self._node = node
        self.trouble: StoreTrouble | None = None
        watch(self._connection)

    def _suffers(self, *fates: str) -> bool:
        """Whether one of ``fates`` is what happens to this call."""
        trouble = self.trouble
        if trouble is None:
            return False
        around = self._node.around
        if around.turns.now > trouble.until:
            self.trouble = None
            return False
        if trouble.fate not in fates or around.chance.random() >= trouble.share:
            return False
        around.record("store", self._node.name, trouble.fate)
        around.faults[f"call: store {trouble.fate}"] += 1
        return True

    async def write(
        self, unit: Callable[[Txn, *A], T], *arguments: *A, trace: Trace | None = None
    ) -> T:
        """See :meth:`SqliteStore.write`."""
        if self._suffers("is slow"):
            await asyncio.sleep(self._node.around.chance.random())
        if self._suffers("is away"):
            raise Unavailable("The database is away.")
        if not self._suffers("loses replies"):
            return await super().write(unit, *arguments, trace=trace)

        def deaf(txn: Txn) -> T:
            result = unit(txn, *arguments)
            txn.callbacks.clear()
            return result

        await super().write(deaf, trace=trace)
        raise Unavailable("The connection to the database broke.")

    async def read(self, query: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """See :meth:`SqliteStore.read`."""
        if self._suffers("is away"):
            raise Unavailable("The database is away.")
        return await super().read(query, *arguments)

    def _commit(self, jobs: list[Any]) -> None:
        if self._suffers("is full"):
            self._connection = _Full(self._connection)  # type: ignore[assignment]  # has what is called
        try:
            super()._commit(jobs)
        finally:
            if isinstance(self._connection, _Full):
                self._connection = self._connection.real
        self._node.around.committed(self._node, self._connection)

    def die(self) -> None:
        """As the process ends: nothing more is written."""
        self._queue.clear()
        self._connection.close()


class _Full:
    """A connection whose disk is full when it commits."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self.real = real

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        """Everything but COMMIT."""
        if sql == "COMMIT":
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self.real.execute(sql, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Node:
    """A process that is started, killed, paused and started again; each life is another process."""

    def __init__(self, around: Surroundings, plan: NodePlan, loaded: Loaded) -> None:
        self.around = around
        self.plan = plan
        self.name = plan.name
        self.loaded = loaded
        self.clock_offset = 0.0
        self.process_id = ""
        self.cut_until = 0.0
        """Until then it is cut off from the database, which takes it for dead."""
        self.lives = 0
        self.up = False
        self.points_left = 0
        """The process dies at the last of so many crash points; 0: at none."""
        self.wanted = True
        """Whether it shall run: not between a kill and the restart."""
        self.receivers: list[Callable[[Hint], None]] = []
        self.connections: dict[Connection, None] = {}  # In their order: a set has none.
        self._volume_ids = random.Random(f"ids of {plan.name} {around.chance.random()}")
        self._identity_ids = random.Random(f"other ids of {plan.name} {around.chance.random()}")

    @property
    def is_alive(self) -> bool:
        """Whether there is a process."""
        return self.lives > 0 and not self.loop.dead

    def start(self) -> None:
        """A new process."""
        self.lives += 1
        self.wanted = True
        self.points_left = 0
        self.process_id = self._identity_ids.randbytes(16).hex()
        self.loop = self.around.turns.add(self.name)
        self.receivers = []
        self.executor = NodeExecutor(self)
        self.loop.call_soon(self._begin)

    def _begin(self) -> None:
        self.store = SimStore(self, self.around.database)
        self.clock: Clock = NodeClock(self)
        if not self.plan.is_alone:
            self.clock = synced = SyncedClock(self.clock)
            self._look_at_clock(synced)
        seams = Seams(
            clock=self.clock,
            ids=NodeIds(self._volume_ids, self._identity_ids, self.clock.now_us),
            random=self.around.chance.random,
            sleep=asyncio.sleep,
            executor=self.executor,
            files=self.around.files,
            crash_point=self.crash_point,
        )
        keys = composition.keys_in_files(cloud().keyring, seams)
        member = Member(self.process_id, frozenset(self.plan.roles))
        if not self.plan.is_alone:
            member = replace(member, liveness=NodeLiveness(self))
        state_dir = self.around.database.parent
        self.process = composition.build(
            self.loaded, self.store, keys, seams, NodeBus(self), state_dir, member=member
        )
        self._put_arrays_behind(self.process)
        self._starting = self.loop.create_task(self._start())

    def _look_at_clock(self, clock: SyncedClock) -> None:
        """Take the database's time now and then, as exactly as the way to it allows."""
        around = self.around
        if self.cut_until <= around.turns.now:
            error_us = int((around.chance.random() - 0.5) * CLOCK_ERROR_US)
            now_us = EPOCH_US + int(around.turns.now * 1e6) + error_us
            clock.sync(now_us, clock.monotonic_ns())
        self.loop.call_later(CLOCK_SECONDS, self._look_at_clock, clock)

    def _put_arrays_behind(self, process: Process) -> None:
        for backend in process.backends.values():
            array = self.around.arrays[backend.name]
            array.kept = array.kept or backend.driver
            remembers = backend.driver.__class__.__name__ == "MemoryDriver"
            driver = array.kept if remembers else backend.driver
            backend.driver = ArrayDriver(array, driver, self.crash_point)

    async def _start(self) -> None:
        try:
            await self.process.start()
        except (Unavailable, UsageError) as error:
            if self.plan.is_alone and isinstance(error, UsageError):
                self.around.wrong("start", str(error))
            # As a process that cannot start: it ends, and is started again.
            self.around.record("cannot start", self.name, str(error))
            raise Killed from error
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
            self.around.wrong("start", repr(error))
        self.up = True
        self.around.record("up", self.name, self.lives)

    def kill(self, *, late_effects: bool = False) -> None:
        """As by kill -9. ``late_effects``: the storage carries out later what it was asked for."""
        if not self.is_alive:
            return
        self.around.record("killed", self.name)
        self.up = False
        self.loop.dead = True  # From here on nothing of it has an effect.
        pending = list(self.executor.in_flight.values()) if late_effects else []
        if hasattr(self, "store"):
            self.store.die()
        self.around.turns.drop(self.loop)
        for connection in list(self.connections):
            connection.break_off()
        self.connections.clear()
        for function in pending:
            seconds = self.around.chance.random() * LATE_SECONDS
            self.around.outside.call_later(seconds, self._late_effect, function)

    def _late_effect(self, function: Callable[[], object]) -> None:
        """The storage acts, long after who asked for it has died: nobody dies of it."""
        self.around.record("late effect of", self.name)
        points_left, self.points_left = self.points_left, 0
        with contextlib.suppress(Exception):
            function()
        self.points_left = points_left

    def stop(self) -> None:
        """As by SIGTERM."""
        if self.is_alive and self.up:
            self.up = False
            self.loop.call_soon(self._stop)

    def _stop(self) -> None:
        self._stopping = self.loop.create_task(self._end())

    async def _end(self) -> None:
        await self.process.stop()
        raise Killed

    def pause(self, seconds: float) -> None:
        """As by SIGSTOP, and SIGCONT later."""
        if self.is_alive:
            self.loop.free_at = self.around.turns.now + seconds

    def resume(self) -> None:
        """SIGCONT now."""
        if self.is_alive:
            self.loop.free_at = self.around.turns.now

    def cut(self, seconds: float) -> None:
        """Cut it off from the database, so that the others find it dead, and let it come back."""
        if self.is_alive and hasattr(self, "store"):
            self.cut_until = self.around.turns.now + seconds
            self.store.trouble = StoreTrouble("is away", 1.0, self.cut_until)
            self.loop.call_later(seconds + 0.01, self._come_back)

    def _come_back(self) -> None:
        """As when the connection to the database is there again."""
        if hasattr(self, "process"):
            self.process.manager.wake()

    def crash_point(self, name: str) -> None:
        """Die here, if that was asked for."""
        del name
        if self.points_left and not self.loop.dead:
            self.points_left -= 1
            if self.points_left == 0:
                raise Killed

    def now_us(self) -> int:
        """The process's wall clock: UTC microseconds, as far as it knows."""
        return EPOCH_US + int((self.around.turns.now + self.clock_offset) * 1e6)

    def call(self, connection: Connection) -> None:
        """A request has arrived: answer it."""
        if not self.up:
            connection.break_off()
            return
        self.connections[connection] = None
        self.loop.call_soon(connection.begin, self.process, self.loop)


class Connection:
    """One request on its way to a process and its answer on the way back."""

    def __init__(
        self,
        node: Node,
        request: Callable[[Process], Any],
        answer: asyncio.Future[Any],
    ) -> None:
        self._node = node
        self._request = request
        self._answer = answer
        self._task: asyncio.Task[Any] | None = None

    def begin(self, process: Process, loop: SimLoop) -> None:
        """On the process's loop."""
        self._task = loop.create_task(self._request(process))
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._node.connections.pop(self, None)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Killed):
            return
        around = self._node.around
        seconds = 0.0001 + around.chance.random() * 0.001
        around.outside.call_later(seconds, self._tell, error, None if error else task.result())

    def _tell(self, error: BaseException | None, result: object) -> None:
        if self._answer.done():
            return
        if error is not None:
            self._answer.set_exception(error)
        else:
            self._answer.set_result(result)

    def break_off(self) -> None:
        """No answer will come: the process is dead."""
        if not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    def hang_up(self) -> None:
        """The client goes away."""
        if self._task is not None and not self._node.loop.dead:
            self._node.loop.call_soon(self._task.cancel)


class NodeClock:
    """The clocks of one process: the wall clock may jump, the other may not."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def now_us(self) -> int:
        """See :meth:`pumice.seams.Clock.now_us`."""
        return self._node.now_us()

    def monotonic_ns(self) -> int:
        """See :meth:`pumice.seams.Clock.monotonic_ns`."""
        return int(self._node.around.turns.now * 1e9)


class NodeLiveness:
    """What a database knows of the processes that have a connection to it."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def dead(self, among: Collection[str]) -> Collection[str]:
        """See :meth:`pumice.operations.liveness.Liveness.dead`."""
        return self._node.around.dead(self._node.process_id, among)


class NodeIds:
    """Ids from a seed, by the process's own clock."""

    def __init__(
        self, volume_side: random.Random, identity_side: random.Random, now_us: Callable[[], int]
    ) -> None:
        self._volume_side = volume_side
        self._identity_side = identity_side
        self._now_us = now_us

    def volume_side(self) -> str:
        """See :meth:`pumice.seams.Ids.volume_side`."""
        return uuid7_text(self._now_us() // 1000, self._volume_side.randbytes(10))

    def identity_side(self) -> str:
        """See :meth:`pumice.seams.Ids.identity_side`."""
        return self._identity_side.randbytes(16).hex()

    def secret(self, nbytes: int) -> bytes:
        """See :meth:`pumice.seams.Ids.secret`."""
        return self._identity_side.randbytes(nbytes)


class NodeExecutor:
    """Runs functions on the process's loop, each after a while; one that hangs is run again later."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._closed = False
        self._count = 0
        self.in_flight: dict[int, Callable[[], object]] = {}
        """What was asked for and has not been answered."""

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """See :meth:`pumice.threads.Executor.submit`."""
        if self._closed or self._node.loop.dead:
            raise RuntimeError("The executor was shut down.")
        loop = self._node.loop
        future: asyncio.Future[T] = loop.create_future()
        self._count += 1
        self.in_flight[self._count] = function
        around = self._node.around
        seconds = 0.0001 + around.chance.random() * around.latency
        loop.call_later(seconds, self._run, self._count, function, future)
        return future

    def shutdown(self) -> None:
        """See :meth:`pumice.threads.Executor.shutdown`."""
        self._closed = True

    def _run(self, number: int, function: Callable[[], T], future: asyncio.Future[T]) -> None:
        try:
            result = function()
        except Hang as hang:
            self._node.loop.call_later(hang.seconds, self._run, number, function, future)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(result)
        del self.in_flight[number]


class NodeBus:
    """The process's end of the network of hints."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def publish(self, hint: Hint) -> None:
        """See :meth:`pumice.bus.contract.Bus.publish`."""
        self._node.crash_point(f"before hint {hint.kind}")
        if not self._node.loop.dead:
            self._node.around.send(self._node, hint)

    def subscribe(self, receive: Callable[[Hint], None]) -> None:
        """See :meth:`pumice.bus.contract.Bus.subscribe`."""
        self._node.receivers.append(receive)
