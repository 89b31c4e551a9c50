"""A machine in one thread: virtual time, seeded chance, and processes that are killed and started.

:class:`World` is what outlives a process: the clock, the database file, the files, the storage behind
each backend. :meth:`World.live` is the life of one process, put together as ``pumice serve`` does it.
SQLite is the real one on a real file; only the durations it measures are real.
"""

from __future__ import annotations

import asyncio
import functools
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from pumice import process as composition
from pumice.bus.contract import Bus, Hint
from pumice.context import Context
from pumice.identity.keyring import Keyring
from pumice.operations.liveness import Liveness
from pumice.process import Member, Process
from pumice.seams import Seams, uuid7_text
from pumice.services.volume_types import NewVolumeType, create_volume_type
from pumice.settings import Loaded, load
from pumice.store import schema
from pumice.store.contract import Store
from pumice.store.sqlite import SqliteStore, connect
from pumice.store.txn import Txn
from pumice.trace import Trace
from tests.simulation.files import SimFiles
from tests.simulation.loop import Killed, VirtualLoop
from tests.simulation.state import each, unfinished
from tests.simulation.storage import Hang, Storage

T = TypeVar("T")

EPOCH_US: Final = 1_767_225_600_000_000
"""2026-01-01, when every world begins."""
PROJECT: Final = "f" * 32
BACKENDS: Final = ("one", "two")
SETTLED_SECONDS: Final = 600.0

Point = tuple[str, int]
"""The name of a crash point, and the how many-th time it is reached in one life, from 1."""

Fate = Callable[[Hint], Sequence[float]]
"""When a hint arrives: seconds from now, once for each arrival. None at all: it is lost."""


@dataclass(frozen=True, slots=True)
class Life(Generic[T]):
    """What became of one process: the points it reached, in order, and what its act returned."""

    reached: tuple[Point, ...]
    result: T | None
    killed: bool

    @property
    def value(self) -> T:
        """What the act returned. The process must not have been killed."""
        assert self.result is not None
        return self.result


class World:
    """Everything that outlives a process. ``seed`` decides ids, delays and jitter."""

    in_order = True
    """Whether units run in the order in which they are asked for, and at once."""

    def __init__(
        self,
        home: Path,
        *,
        driver: str = "memory",
        seed: int = 1,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """``options`` are further lines of ``[DEFAULT]``; two backends have ``driver``."""
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.loaded = _settings(driver, tuple((options or {}).items()))
        self.database = home / "pumice.db"
        self._make_database()
        self.seconds = 0.0
        """How long the world has lasted."""
        self.chance = random.Random(seed)
        self.ids = SimIds(self, seed)
        self.keyring = Keyring.new(self.ids)
        self.files = SimFiles(self.crash_point)
        self.storage = {
            name: Storage(name, self.crash_point, remembers=driver == "memory") for name in BACKENDS
        }
        self.fate: Fate = lambda _: (0.0,)
        self.reached: list[Point] = []
        """The points that the living process has reached, in order."""
        self._times: Counter[str] = Counter()
        self._kill_at: Point | None = None

    def live(self, act: Callable[[Process], Awaitable[T]], kill_at: Point | None = None) -> Life[T]:
        """Start a process, let it ``act``, and stop it; or kill it when it reaches ``kill_at``."""
        self.reached, self._times, self._kill_at = [], Counter(), kill_at
        loop = VirtualLoop(self.seconds)
        store = SqliteStore(self.database)
        result, killed = None, False
        try:
            result = loop.run_until_complete(self._live(store, act))
        except Killed:
            killed = True
        finally:
            self.seconds = loop.time()
            unhandled = loop.unhandled
            loop.bury()
            store._connection.close()  # As a process that ends: nothing more is written.
        assert killed or not unhandled, unhandled
        return Life(tuple(self.reached), result, killed)

    def _make_database(self) -> None:
        self.database.write_bytes(_new_database())

    async def _live(self, store: SqliteStore, act: Callable[[Process], Awaitable[T]]) -> T:
        process = self.put_together(store, SimBus(self))
        await process.start()
        result = await act(process)
        await process.stop()
        return result

    async def second(self, first: Process, liveness: Liveness) -> Process:
        """Another process beside ``first``, which takes work; ``liveness`` tells it who is dead."""
        process = self.put_together(first.store, SimBus(self))
        process.engine._liveness = liveness
        process.engine.open()
        return process

    def put_together(
        self,
        store: Store,
        bus: Bus,
        member: Member | None = None,
    ) -> Process:
        """A process with this world's seams, not started; a second one may share store and bus."""
        seams = Seams(
            clock=SimClock(self),
            ids=self.ids,
            random=self.chance.random,
            sleep=asyncio.sleep,
            executor=SimExecutor(self.chance),
            files=self.files,
            crash_point=self.crash_point,
        )
        keys = composition.keys_in_files(self.keyring, seams)
        process = composition.build(self.loaded, store, keys, seams, bus, self.home, member=member)
        for backend in process.backends.values():
            storage = self.storage[backend.name]
            storage.open(backend.driver)
            backend.driver = storage
        return process

    def let_write(self, process: Process, *, allowed: bool) -> None:
        """Make the database refuse every write, as a full or a read-only disk does; or take it back."""
        store = process.store
        assert isinstance(store, SqliteStore)
        store._connection.execute(f"PRAGMA query_only = {int(not allowed)}")

    def close(self) -> None:
        """After the last life."""

    def crash_point(self, name: str) -> None:
        """Note that ``name`` was reached, and end the process if it shall end there."""
        self._times[name] += 1
        point = (name, self._times[name])
        self.reached.append(point)
        if point == self._kill_at:
            raise Killed(name)

    def now_us(self) -> int:
        """UTC now, in microseconds since 1970."""
        return EPOCH_US + int(_loop_seconds(self.seconds) * 1e6)

    def context(self, *, project_id: str = PROJECT) -> Context:
        """An administrator's request, now."""
        return _context(f"req-{self.ids.volume_side()}", project_id, self.now_us())


async def settled(process: Process, within_seconds: float = SETTLED_SECONDS) -> float:
    """Wait until no operation is unfinished; how long that took. Fails after ``within_seconds``.

    Then the engine keeps nothing of what it did.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while left := await process.store.read(unfinished):
        waited = loop.time() - began
        assert waited < within_seconds, left
        await asyncio.sleep(0.02 if waited < 1 else 0.5)
    await asyncio.sleep(0.001)  # The last hint is on its way.
    for one in each(process):
        await one.engine.idle()
        assert not one.engine._traces
        assert not one.engine._timers
    return loop.time() - began


class SimClock:
    """The loop's time as a clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now_us(self) -> int:
        """See :meth:`pumice.seams.Clock.now_us`."""
        return self._world.now_us()

    def monotonic_ns(self) -> int:
        """See :meth:`pumice.seams.Clock.monotonic_ns`."""
        return int(_loop_seconds(self._world.seconds) * 1e9)


class SimIds:
    """Ids from a seed. Each kind has a stream of its own, so that one does not shift the other."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._volume_side = random.Random(f"volume side {seed}")
        self._identity_side = random.Random(f"identity side {seed}")

    def volume_side(self) -> str:
        """See :meth:`pumice.seams.Ids.volume_side`."""
        return uuid7_text(self._world.now_us() // 1000, self._volume_side.randbytes(10))

    def identity_side(self) -> str:
        """See :meth:`pumice.seams.Ids.identity_side`."""
        return self._identity_side.randbytes(16).hex()

    def secret(self, nbytes: int) -> bytes:
        """See :meth:`pumice.seams.Ids.secret`."""
        return self._identity_side.randbytes(nbytes)


class SimExecutor:
    """Runs functions on the loop, each after a short while; one that hangs is run again later."""

    def __init__(self, chance: random.Random, longest_seconds: float = 0.002) -> None:
        self._chance = chance
        self._longest = longest_seconds
        self._closed = False

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """See :meth:`pumice.threads.Executor.submit`."""
        if self._closed:
            raise RuntimeError("The executor was shut down.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        loop.call_later(self._chance.uniform(0.0001, self._longest), self._run, function, future)
        return future

    def shutdown(self) -> None:
        """See :meth:`pumice.threads.Executor.shutdown`."""
        self._closed = True

    def _run(self, function: Callable[[], T], future: asyncio.Future[T]) -> None:
        try:
            result = function()
        except Hang as hang:
            asyncio.get_running_loop().call_later(hang.seconds, self._run, function, future)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(result)


class SimBus:
    """Carries hints as the world's ``fate`` has it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._receivers: list[Callable[[Hint], None]] = []

    def publish(self, hint: Hint) -> None:
        """See :meth:`pumice.bus.contract.Bus.publish`."""
        self._world.crash_point(f"before hint {hint.kind}")
        loop = asyncio.get_running_loop()
        for seconds in self._world.fate(hint):
            for receive in self._receivers:
                if seconds:
                    loop.call_later(seconds, receive, hint)
                else:
                    loop.call_soon(receive, hint)

    def subscribe(self, receive: Callable[[Hint], None]) -> None:
        """See :meth:`pumice.bus.contract.Bus.subscribe`."""
        self._receivers.append(receive)


def _loop_seconds(otherwise: float) -> float:
    """The running loop's time; between two lives the world's."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return otherwise


@functools.cache
def _settings(driver: str, options: tuple[tuple[str, str], ...]) -> Loaded:
    lines = ["[DEFAULT]", f"enabled_backends = {', '.join(BACKENDS)}"]
    lines += [f"{name} = {value}" for name, value in options]
    for name in BACKENDS:
        lines += [f"[{name}]", f"volume_driver = {driver}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pumice.conf")
        path.write_text("\n".join([*lines, ""]))
        return load(path)


@functools.cache
def _new_database() -> bytes:
    """The file of a database with its schema and the default volume type."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pumice.db")
        schema.create(path)
        with closing(connect(path)) as connection:
            populate(Txn(connection))
        return path.read_bytes()


def populate(txn: Txn) -> None:
    """What is in a world's database from the beginning: the default volume type."""
    new = NewVolumeType(uuid7_text(0, bytes(10)), "__DEFAULT__", None, True, {})
    create_volume_type(txn, _context("req-0", PROJECT, EPOCH_US), new)


def _context(request_id: str, project_id: str, now_us: int) -> Context:
    return Context(
        request_id,
        None,
        "a" * 32,
        "default",
        "project",
        project_id,
        None,
        frozenset({"admin"}),
        now_us,
        Trace(request_id, "test", now_us),
    )
