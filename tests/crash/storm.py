"""Load a cloud, break it again and again, and look for what was lost, doubled, stuck or left over.

Each round loads the cloud and strikes it some times, while the load goes on; then everything is healed and
comes to rest, and what is there is compared with what the clients were told.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from benchmarks.cloud import Refused
from tests.crash.deployment import Deployment
from tests.crash.history import Known, Told
from tests.crash.kinds import UNIQUE
from tests.crash.load import (
    Delete,
    Describe,
    Fate,
    Limit,
    Load,
    New,
    Repeat,
    Revoke,
    Switch,
    Work,
)
from tests.crash.verify import (
    at_rest,
    empty_files,
    remove_leftovers,
    wrong_answers,
    wrong_files,
    wrong_rows,
)

CLIENTS: Final = 48
FEW_CLIENTS: Final = 12
"""Of a short storm."""
FATES: Final[dict[Fate, float]] = {"keep": 0.5, "delete": 0.25, "force delete": 0.25}
"""The chances of what a client does with its volume."""
KEYED: Final = 0.7
"""The chance that a volume is asked for under a key; whatever else is created, always is."""
WHAT: Final = {"new": 0.7, "old": 0.15, "other": 0.15}
"""The chances of a new volume, of the removal of an old one, and of something else."""
ANSWERS_MAX: Final = 80
"""So many answers, at most, are between two strikes,"""
LATE_SECONDS: Final = 0.3
"""and so much later a strike may come, to hit also what comes between and after answers."""
LOOK_SECONDS: Final = 0.05
FIRST_LOOK_SECONDS: Final = 0.002
LOOKS: Final = 1000
REST_SECONDS: Final = 60.0

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks, for a while."""

    name: str
    begin: Step
    end: Step
    seconds: float = 0.0
    """How long it lasts."""
    failing: bool = False
    """What is under way may fail for good: its backend says so."""
    drain: bool = False
    """What a process was asked before may still happen after the end: it must be stopped to be sure."""


@dataclass(slots=True)
class Verdict:
    """What a storm did, and what it found."""

    name: str
    strikes: int = 0
    rounds: int = 0
    asked: int = 0
    acknowledged: int = 0
    by_library: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    replayed: int = 0
    taken_up: int = 0
    volumes: int = 0
    done_after: list[float] = field(default_factory=list)
    """Seconds from the end of each fault until all that was under way in it was done,"""
    done_after_begin: list[float] = field(default_factory=list)
    """the same from its begin,"""
    silent: list[float] = field(default_factory=list)
    """and the longest time without an acknowledged create around it."""
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = {
            kind: sum(kind == kind_of(text) for text in self.wrong) for kind in KINDS_OF_WRONG
        }
        found = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        libraries = ", ".join(f"{count} by {name}" for name, count in self.by_library.items())
        return f"""\
{self.name}: {self.strikes} strikes in {self.rounds} rounds
  {self.asked} changes asked, {self.acknowledged} acknowledged ({libraries})
  {self.repeated} requests repeated, {self.replayed} answers given again, {self.volumes} volumes left
  {self.taken_up} operations were under way and taken up; the last of them done
    after restart or heal: {_figures(self.done_after)}
    after the strike: {_figures(self.done_after_begin)}
  longest time without an acknowledged create: {_figures(self.silent)}
  {found}""" + "".join(f"\n  VIOLATION: {text}" for text in self.wrong)


KINDS_OF_WRONG: Final = {
    "lost": ("is lost", "is missing", "and may be"),
    "doubled": ("times", "is back", "was then answered as", "nobody asked for it"),
    "stuck": ("is stuck", "rests in status", "unanswered"),
    "leaked": ("is left over",),
    "otherwise wrong": ("",),
}


def kind_of(text: str) -> str:
    """Which of :data:`KINDS_OF_WRONG` a violation is."""
    return next(
        kind for kind, words in KINDS_OF_WRONG.items() if any(word in text for word in words)
    )


def _figures(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    return f"median {median(seconds):.2f} s, max {max(seconds):.2f} s"


class Storm:
    """One cloud through all its rounds."""

    def __init__(
        self,
        deployment: Deployment,
        name: str,
        seed: int,
        tell: Callable[[str], None],
        clients: int = CLIENTS,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        """``tell`` gets a line for each round; see :attr:`tests.crash.scenarios.Plan.rest_seconds`."""
        self._rest_seconds = rest_seconds
        self._clients = clients
        self._deployment = deployment
        self._random = random.Random(seed)
        self._tell = tell
        self._told = Told()
        self._measured: list[asyncio.Task[None]] = []
        self._striking = False
        self._found: list[dict[str, Any]] = []
        self.verdict = Verdict(name)

    # -- a round

    async def round(self, faults: Sequence[Fault], creates: int = 0) -> None:
        """Load the cloud, with all kinds of work until every fault has come and gone.

        With ``creates``, all the work is so many creates.
        """
        await self._deployment.start()
        work = programs_work = self._creates(creates)
        if not creates:
            old = self._told.volumes.there()
            self._random.shuffle(old)
            work, programs_work = self._work(old), self._programs_work(old)
        self._striking = True
        load = Load(self._deployment, self._told, work, 3 * self._rest_seconds)
        self._told.volumes.may_fail = any(fault.failing for fault in faults)
        striking = asyncio.create_task(self._strike_all(load, faults, creates // 3))
        await load.run(self._clients, programs_work)
        await striking
        await self._deployment.start()
        self._count(load)
        if any(fault.drain for fault in faults) and not load.refused:
            self.verdict.wrong += await self._deployment.restart()
        await asyncio.gather(*self._measured)
        self._measured.clear()
        try:
            await self._compare()
        except Refused as refused:
            self.verdict.wrong.append(f"who looked what is there was answered {refused}")

    async def _strike_all(self, load: Load, faults: Sequence[Fault], first: int) -> None:
        try:
            for fault in faults:
                await load.answers(first or self._random.randrange(ANSWERS_MAX))
                if load.refused:
                    return
                await asyncio.sleep(LATE_SECONDS * self._random.random() ** 4)
                await self._strike(load, fault)
                first = 0
        finally:
            self._striking = False

    async def _strike(self, load: Load, fault: Fault) -> None:
        """One fault from its begin to its end; whoever watches its operations goes on."""
        before = await self._wait_for_work() if not self.verdict.taken_up else self._look()
        began = time.monotonic()
        await fault.begin()
        watch = asyncio.create_task(self._watch(before or set(), began))
        await asyncio.sleep(fault.seconds)
        await fault.end()
        self._measured.append(asyncio.create_task(self._measure(load, watch, began)))
        self.verdict.strikes += 1

    async def _wait_for_work(self) -> set[str] | None:
        """What is under way once something is, so that the first strike does not hit the air."""
        for _ in range(LOOKS):
            if found := self._look():
                return found
            await asyncio.sleep(FIRST_LOOK_SECONDS)
        return None

    def _look(self) -> set[str] | None:
        try:
            return self._deployment.unfinished()
        except LookupError:
            return None

    async def _watch(self, before: set[str], began: float) -> float:
        """When all had ended that was under way; at most so long is waited as nothing may take.

        That is what the database shows in the fault, or, if it is away, as soon as it is back.
        """
        found = self._look()
        while found is None and time.monotonic() < began + 4 * self._rest_seconds:
            await asyncio.sleep(LOOK_SECONDS)
            found = self._look()
        ids = found or before
        self.verdict.taken_up += len(ids)
        while ids and time.monotonic() < began + 4 * self._rest_seconds:
            await asyncio.sleep(LOOK_SECONDS)
            found = self._look()
            ids = ids if found is None else ids & found
        return time.monotonic()

    async def _measure(self, load: Load, watch: asyncio.Task[float], began: float) -> None:
        """What one fault, that is over, has cost."""
        ended = time.monotonic()
        done = await watch
        self.verdict.done_after.append(max(0.0, done - ended))
        self.verdict.done_after_begin.append(done - began)
        times = [at for at in load.created_at if at > began - 1]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        self.verdict.silent += [max(gaps)] if gaps else []

    def _count(self, load: Load) -> None:
        self.verdict.rounds += 1
        self.verdict.asked += load.asked
        self.verdict.acknowledged += load.acknowledged
        self.verdict.by_library += load.by_library
        self.verdict.repeated += load.repeated
        self.verdict.replayed += load.replayed
        self.verdict.wrong += load.refused

    # -- what clients do

    def _creates(self, count: int) -> Iterator[Work]:
        name = f"round{self.verdict.rounds + 1}"
        return (New("volume", f"{name}-{index}", index % 2 == 0) for index in range(count))

    def _work(self, old: list[Known]) -> Iterator[Work]:
        """Work as long as faults come; of what was there before, each is given out once."""
        draw, name = self._random, f"round{self.verdict.rounds + 1}"
        again = [
            (kind, known_name)
            for kind, history in self._told.things.items()
            for known_name, known in history.known.items()
            if known.keyed and known.library is None
            if known.id is not None and known.pending is None
        ]
        draw.shuffle(again)
        yield from (Limit(resource, draw.randrange(1000)) for resource in self._told.limits)
        yield Switch()
        number = 0
        while self._striking:
            number += 1
            yield self._one(f"{name}-{number}", old, again)

    def _programs_work(self, old: list[Known]) -> Iterator[Work]:
        """The same for the programs, which know volumes only."""
        name = f"round{self.verdict.rounds + 1}-program"
        for number in itertools.takewhile(lambda _: self._striking, itertools.count(1)):
            (what,) = self._random.choices([*WHAT], [*WHAT.values()])
            yield Delete(old.pop()) if what == "old" and old else self._new(f"{name}-{number}")

    def _one(self, name: str, old: list[Known], again: list[tuple[str, str]]) -> Work:
        draw = self._random
        (what,) = draw.choices([*WHAT], [*WHAT.values()])
        if what == "old" and old:
            return Delete(old.pop())
        if what == "other":
            others: list[Callable[[], Work]] = [
                lambda: Describe(old.pop(), name) if old else Revoke(),
                lambda: Repeat(*again.pop()) if again else Revoke(),
                Revoke,
                *((lambda kind=kind: New(kind, f"{name}-{kind}")) for kind in UNIQUE),
            ]
            return draw.choice(others)()
        return self._new(name)

    def _new(self, name: str) -> New:
        (fate,) = self._random.choices([*FATES], [*FATES.values()])
        return New("volume", name, self._random.random() < KEYED, fate)

    # -- the judge

    async def _compare(self) -> None:
        """Wait for rest and compare what is there with what the clients were told."""
        deployment, told, verdict = self._deployment, self._told, self.verdict
        await deployment.until_all_answer(2 * self._rest_seconds)
        began = time.monotonic()
        found, stuck = await at_rest(deployment, self._rest_seconds)
        seconds = time.monotonic() - began
        wrong = [*stuck, *told.volumes.violations(found)]
        unanswered = told.volumes.unanswered()
        told.volumes.learn(found)
        for cloud in deployment.clouds():
            wrong += await wrong_answers(cloud, told)
        wrong += [f"{kind} {name} is unanswered to the end" for kind, name in told.pending()]
        wrong += await self._wrong_storage(found, told.forced())
        self._found, verdict.volumes = found, len(found)
        verdict.wrong += wrong
        self._tell(
            f"round {verdict.rounds:>3}: {verdict.strikes:>3} strikes, {verdict.acknowledged:>6} of "
            f"{verdict.asked:>6} acknowledged, {verdict.taken_up:>5} taken up, at rest after "
            f"{seconds:.2f} s; {len(found):>4} volumes, {unanswered:>3} unanswered, "
            f"{len(verdict.wrong)} violations"
        )

    async def _wrong_storage(self, found: list[dict[str, Any]], forgiven: set[str]) -> list[str]:
        failed = {one["id"] for one in found if one["status"].startswith("error")}
        there = [one for one in found if one["id"] not in failed]
        forgiven |= failed
        rows = await asyncio.to_thread(
            lambda: [
                *wrong_rows(self._deployment.nodes[0].state_dir, self._deployment.config, forgiven)
            ]
        )
        return [*wrong_files(self._deployment.volumes, there, forgiven), *rows]

    async def end(self) -> None:
        """Stop the cloud; after the reconciler's turn nothing is forgiven any more."""
        for node in self._deployment.nodes:
            if (status := await node.stop()) != 0:
                self.verdict.wrong.append(f"SIGTERM ended {node.roles} with status {status}")
        if not self.verdict.wrong:
            await remove_leftovers(self._deployment)
            empty = empty_files(self._deployment.volumes)  # A create was killed within: no bytes.
            left = self._told.forced() & empty
            self.verdict.wrong += await self._wrong_storage(self._found, left)
