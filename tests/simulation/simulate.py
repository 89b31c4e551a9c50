"""One run of a plan: the whole program in one thread, under one seed, until it is at rest.

While it runs, every commit and every answer is checked (:mod:`tests.simulation.watch`,
:mod:`tests.simulation.clients`). Then the faults stop, and within bounded virtual time everything must be
stable; at the end the rows are compared with each other, with what the clients were told, and with what
the backends hold.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from pumice.bus.contract import Hint
from pumice.drivers.contract import GIB, Listed, VolumeSpec
from pumice.seams import uuid7_text
from pumice.services.check import check
from pumice.store.txn import Txn
from tests.simulation.array import Array, Trouble
from tests.simulation.clients import Clients, Wanted
from tests.simulation.cloud import DEADLINE_SECONDS, cloud, settings_of
from tests.simulation.files import SimFiles
from tests.simulation.loop import StandstillError
from tests.simulation.node import Node, StoreTrouble
from tests.simulation.plan import BACKENDS, Plan, Step
from tests.simulation.turns import SimLoop, Turns
from tests.simulation.watch import Watch, changes
from tests.simulation.world import EPOCH_US

SETTLED_SECONDS: Final = 2500.0
"""An undo is tried at least each 750 s, by a clock that may be 600 s off another's."""
CLEAN_SECONDS: Final = 2500.0
"""The reconciler comes each 300 s, and waits for the deadline by clocks that differ."""
RECONCILED_SECONDS: Final = 2 * 300.0 + DEADLINE_SECONDS
RESTART_SECONDS: Final = 1.0
"""How long a process that ended by itself stays down."""


class Violation(Struct, frozen=True):
    """What must not be: of which kind, in a sentence, and when."""

    kind: str
    sentence: str
    at: float


class Outcome(Struct, frozen=True):
    """What became of a run; ``digest`` is the same if and only if everything happened the same."""

    violation: Violation | None
    digest: str
    requests: dict[str, int]
    faults: dict[str, int]
    commits: int
    turns: int
    seconds: float
    history: list[tuple[object, ...]]


def simulate(plan: Plan) -> Outcome:
    """Run ``plan``."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - made by tempfile
    folder = tempfile.mkdtemp(prefix="pumice-simulation-", dir=memory)
    try:
        return Run(plan, Path(folder)).live()
    finally:
        shutil.rmtree(folder)


class Run:
    """The world of one run, as its processes and its clients find it."""

    def __init__(self, plan: Plan, home: Path) -> None:
        self.plan = plan
        self.database = home / "pumice.db"
        self.database.write_bytes(cloud().database)
        self.turns = Turns(f"turns {plan.seed}")
        self.outside: SimLoop = self.turns.add("outside")
        self.chance = random.Random(f"world {plan.seed}")
        self.latency = plan.latency
        self.files = SimFiles(lambda _: None)
        self.strangers: set[str] = set()
        self.written: dict[str, str] = {}
        self.deletes: set[str] = set()
        self.refused: set[str] = set()
        """Whose removal a driver refused, or a person gave up."""
        self.arrays = {name: Array(name, self.record, self.refused) for name in BACKENDS}
        self.asked: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.history: list[tuple[object, ...]] = []
        self.violation: Violation | None = None
        self.watch = Watch(self.wrong, self.may_take, self.deletes, self.asked, self.write_bytes)
        self.clients = Clients(self)
        self.commits = 0
        self.nodes = [
            Node(self, node, settings_of(plan.driver, node.backends, (f"host = {node.host}",)))
            for node in plan.nodes
        ]
        self._found_dead: dict[str, set[str]] = {}
        self._by_name = {node.name: node for node in self.nodes}
        self._bus_troubles: list[tuple[str, float, float]] = []
        self._done: asyncio.Future[None] = self.outside.create_future()
        self._at_rest = False

    def live(self) -> Outcome:
        """From the beginning to the end."""
        log = _Log(self)
        try:
            for node in self.nodes:
                node.start()
            story = self.outside.create_task(self._story())
            story.add_done_callback(self._told)
            self.turns.run_until(self._done, self._killed)
        except StandstillError as error:
            self.wrong("standstill", str(error))
        finally:
            log.close()
            for node in self.nodes:
                self._bury(node)
            self.turns.drop(self.outside)
        return Outcome(
            self.violation,
            hashlib.blake2b(repr(self.history).encode(), digest_size=8).hexdigest(),
            dict(self.requests),
            dict(self.faults),
            self.commits,
            self.turns.count,
            self.turns.now,
            self.history,
        )

    def _told(self, story: asyncio.Task[None]) -> None:
        if not story.cancelled() and (error := story.exception()) is not None:
            raise error
        if not self._done.done():
            self._done.set_result(None)

    def _bury(self, node: Node) -> None:
        if node.is_alive:
            node.up = False
            node.loop.dead = True
            if hasattr(node, "store"):
                node.store.die()
            self.turns.drop(node.loop)

    # -- what processes and clients call

    def record(self, *event: object) -> None:
        """See :class:`tests.simulation.node.Surroundings`."""
        self.history.append((round(self.turns.now, 6), *event))

    def wrong(self, kind: str, sentence: str) -> None:
        """Note a violation; the first one ends the run."""
        if self.violation is None:
            self.violation = Violation(kind, sentence, self.turns.now)
            self.record("VIOLATION", kind, sentence)
            if not self._done.done():
                self._done.set_result(None)

    def committed(self, node: Node, connection: sqlite3.Connection) -> None:
        """See :class:`tests.simulation.node.Surroundings`."""
        self.commits += 1
        found = changes(connection)
        if found:
            self.record("commit", node.name, found)
            self.watch.apply(found, node.process_id, node.clock.now_us())

    def send(self, node: Node, hint: Hint) -> None:
        """Carry a hint to every process that lives, as the network is at the moment."""
        now = self.turns.now
        for other in self.nodes:
            if not other.is_alive:
                continue
            for seconds in self._fate(hint, 0.0 if other is node else 0.0003):
                target = other.loop.call_later if seconds else _soon(other.loop)
                for receive in other.receivers:
                    target(seconds, receive, hint)
        self._bus_troubles = [one for one in self._bus_troubles if one[2] > now]

    def _fate(self, hint: Hint, seconds: float) -> tuple[float, ...]:
        del hint
        for fate, share, until in self._bus_troubles:
            if until > self.turns.now and self.chance.random() < share:
                self.faults[f"hint {fate}"] += 1
                later = seconds + self.chance.random() * (20.0 if fate == "late" else 0.01)
                return {"lost": (), "doubled": (seconds, later)}.get(fate, (later,))
        return (seconds,)

    def dead(self, asker: str, among: Collection[str]) -> Collection[str]:
        """See :class:`tests.simulation.node.Surroundings`."""
        found = [one for one in among if not self._is_connected(one)]
        known = self._found_dead.setdefault(asker, set())
        known.difference_update(among)
        known.update(found)
        return found

    def may_take(self, holder: str, taker: str) -> bool:
        """Whether ``taker`` may take what ``holder`` claims before its lease has ended.

        Who was cut off when he was asked for may be back when it is taken: the fence tells him.
        """
        return not self._is_connected(holder) or holder in self._found_dead.get(taker, ())

    def _is_connected(self, process_id: str) -> bool:
        return any(
            node.is_alive
            and node.process_id == process_id
            and (node.plan.is_alone or node.cut_until <= self.turns.now)
            for node in self.nodes
        )

    def _killed(self, loop: SimLoop) -> None:
        """The process of ``loop`` ended itself, at a crash point or after its work."""
        node = self._by_name[loop.name]
        node.kill()
        self.outside.call_later(RESTART_SECONDS, self._restart, node)

    def _restart(self, node: Node) -> None:
        if not node.is_alive:
            node.start()

    def write_bytes(self, volume_id: str) -> None:
        """Write into a volume as soon as that can be done: nothing may ever undo it but a delete."""
        for path in self.files.content:
            if path.name == f"volume-{volume_id}.raw":
                self.written[volume_id] = self.files.written[path] = volume_id

    # -- the story

    async def _story(self) -> None:
        doing = []
        for step in self.plan.steps:
            await asyncio.sleep(max(0.0, step.at - self.turns.now))
            self.record("step", step.number, step.what)
            if step.is_fault:
                self.faults[_name(step)] += 1
                _FAULTS[step.what](self, **step.arguments)
            else:
                doing.append(self.outside.create_task(self.clients.do(step)))
        await asyncio.sleep(self.plan.tail)
        self._heal()
        for one in doing:
            await one
        await self._settle()
        self._at_rest = True
        await asyncio.sleep(RECONCILED_SECONDS)
        await self._become_clean()
        self._compare()

    def _heal(self) -> None:
        """Faults stop."""
        self.record("healed")
        self._bus_troubles.clear()
        for array in self.arrays.values():
            array.troubles.clear()
        for node in self.nodes:
            node.points_left = 0
            node.cut_until = 0.0
            if hasattr(node, "store"):
                node.store.trouble = None
            node.resume()
            self._restart(node)

    async def _settle(self) -> None:
        """Wait until nothing is under way."""
        until = self.turns.now + SETTLED_SECONDS
        while unfinished := self._unfinished():
            if self.turns.now > until:
                self.wrong("stuck", "; ".join(unfinished))
                return
            await asyncio.sleep(5.0)

    def _unfinished(self) -> list[str]:
        operations = [
            f"{operation.name} {operation_id} of {operation.resource}"
            for operation_id, operation in self.watch.operations.items()
            if not operation.ended
        ]
        return operations + [
            f"volume {volume_id} is {volume.status}"
            for volume_id, volume in self.watch.volumes.items()
            if volume.status in ("creating", "deleting")
        ]

    async def _become_clean(self) -> None:
        """Wait until ``pumice db check`` finds nothing."""
        until = self.turns.now + CLEAN_SECONDS
        while findings := self._findings():
            if self.turns.now > until:
                self.wrong("check", "; ".join(findings))
                return
            await asyncio.sleep(100.0)

    def _held(self) -> dict[str, list[Listed]]:
        """What the backends hold, by ``host@backend``, asked past all troubles."""
        held = {}
        for node in self.nodes:
            for host, backend in node.process.backends.items():
                driver: Any = backend.driver
                held[host] = driver._driver.list_volumes()
        return held

    def _findings(self) -> list[str]:
        held = self._held()
        now_us = max(node.clock.now_us() for node in self.nodes)
        with sqlite3.connect(self.database) as connection:
            found = check(Txn(connection), held, now_us)
        connection.close()
        return [
            one.sentence
            for one in found
            if not (one.kind == "stranger" and one.subject in self.strangers)
        ]

    def _compare(self) -> None:
        """The end: what clients were told, what the rows say, what the backends hold."""
        for sentence in self._contradictions():
            self.wrong("at the end", sentence)

    def _contradictions(self) -> list[str]:
        watched = self.watch.volumes
        wrong = [
            f"{volume_id} ({wanted.name}) is gone"
            for volume_id, wanted in self.clients.acknowledged.items()
            if volume_id not in watched and volume_id not in self.deletes
        ]
        wrong += [
            f"{volume_id} was to go, and is {watched[volume_id].status}"
            for volume_id in sorted((self.clients.removed & watched.keys()) - self.refused)
        ]
        wrong += [
            f"what was written to {volume_id} is lost"
            for volume_id, mark in self.written.items()
            if volume_id not in self.deletes and mark not in self.files.written.values()
        ]
        held = {one.id for listed in self._held().values() for one in listed}
        wrong += [f"a stranger's {one} is gone" for one in sorted(self.strangers - held)]
        for node in self.nodes:
            if node.loop.unhandled:
                wrong.append(f"process {node.name}: {node.loop.unhandled}")
        return wrong + self._wrong_numbers() + self._wrong_views()

    def _wrong_views(self) -> list[str]:
        """What a scheduler believes to be on a pool, and is not.

        One that is alone has nobody to ask, and what follows a commit may be lost here but not on SQLite.
        """
        if self.nodes[0].plan.is_alone and self.faults["call: store loses replies"]:
            return []
        return [
            f"process {node.name} believes that {pool.host} has {pool.allocated_gib} GiB and "
            f"{pool.volume_count} volumes, not {self.watch.placed(pool.host)}"
            for node in self.nodes
            if "scheduler" in node.plan.roles
            for pool in node.process.services.pools.pools()
            if (pool.allocated_gib, pool.volume_count) != self.watch.placed(pool.host)
        ]

    def _wrong_numbers(self) -> list[str]:
        """Metadata that are not the last that a client was told."""
        connection = sqlite3.connect(self.database)
        found = dict(connection.execute("SELECT id, metadata ->> '$.number' FROM volumes"))
        connection.close()
        return [
            f"{wanted.id}: number {found[wanted.id]} of {wanted.numbers}"
            for wanted in self.clients.wanted.values()
            if wanted.id in found and not _may_be(found[wanted.id], wanted)
        ]

    # -- faults

    def _kill(self, node: str, back_after: float, *, late_effects: bool) -> None:
        self._by_name[node].kill(late_effects=late_effects)
        self.outside.call_later(back_after, self._restart, self._by_name[node])

    def _kill_at_point(
        self, node: str, back_after: float, *, late_effects: bool, points: int
    ) -> None:
        del back_after, late_effects
        self._by_name[node].points_left = points

    def _stop(self, node: str, back_after: float) -> None:
        del back_after
        self._by_name[node].stop()

    def _cut(self, node: str, seconds: float) -> None:
        self._by_name[node].cut(seconds)

    def _pause(self, node: str, seconds: float) -> None:
        self._by_name[node].pause(seconds)

    def _bus(self, fate: str, share: float, seconds: float) -> None:
        self._bus_troubles.append((fate, share, self.turns.now + seconds))

    def _store(self, node: str, fate: str, share: float, seconds: float) -> None:
        one = self._by_name[node]
        if one.is_alive and hasattr(one, "store"):
            one.store.trouble = StoreTrouble(fate, share, self.turns.now + seconds)

    def _driver(self, backend: str, method: str, kind: str, times: int, seconds: float) -> None:
        self.arrays[backend].troubles.append(Trouble(method, kind, times, seconds))

    def _clock(self, node: str, seconds: float) -> None:
        one = self._by_name[node]
        one.clock_offset = max(-300.0, min(300.0, one.clock_offset + seconds))

    def _stranger(self, backend: str) -> None:
        """Somebody else's volume lies on the backend."""
        array = self.arrays[backend]
        volume_id = uuid7_text(EPOCH_US // 1000, self.chance.randbytes(10))
        if self.plan.driver == "memory":
            if array.kept is not None:
                array.kept.create_volume(VolumeSpec(volume_id, 1))
                self.strangers.add(volume_id)
            return
        directory = self.database.parent / "volumes" / backend
        if any(backend in node.plan.served() for node in self.nodes):
            self.files.make_directory(directory)
            self.files.content[directory / f"volume-{volume_id}.raw"] = GIB
            self.strangers.add(volume_id)


_FAULTS: Final[dict[str, Any]] = {
    "kill": Run._kill,
    "kill at point": Run._kill_at_point,
    "stop": Run._stop,
    "cut": Run._cut,
    "pause": Run._pause,
    "bus": Run._bus,
    "store": Run._store,
    "driver": Run._driver,
    "clock": Run._clock,
    "stranger": Run._stranger,
}


def _name(step: Step) -> str:
    """The kind of a fault, for the count."""
    kind = step.arguments.get("fate") or step.arguments.get("kind")
    return f"{step.what} {kind}" if kind else step.what


def _soon(loop: SimLoop) -> Any:
    return lambda _, *arguments: loop.call_soon(*arguments)


def _may_be(number: str | None, wanted: Wanted) -> bool:
    """Whether ``number`` may be what the metadata are now."""
    done = [one for one in wanted.numbers if one[3]]
    if number is None:
        return not done
    for asked, _, answered_at, _ in wanted.numbers:
        if asked == int(number):
            return not any(begun_at > answered_at for _, begun_at, _, _ in done)
    return False


class _Log(logging.Handler):
    """What the program calls an error is one: nothing that is done to it here is unforeseen."""

    def __init__(self, run: Run) -> None:
        super().__init__(logging.ERROR)
        self._run = run
        self._logger = logging.getLogger("pumice")
        self._before = (self._logger.level, self._logger.propagate)
        self._logger.addHandler(self)
        self._logger.setLevel(logging.ERROR)
        self._logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """See :meth:`logging.Handler.emit`."""
        error = record.exc_info[1] if record.exc_info else None
        self._run.wrong("log", f"{record.getMessage()}: {error!r}")

    def close(self) -> None:
        """Let the log be as it was."""
        self._logger.removeHandler(self)
        self._logger.setLevel(self._before[0])
        self._logger.propagate = self._before[1]
        super().close()
