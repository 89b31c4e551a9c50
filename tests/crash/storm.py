"""Kill a loaded server again and again, and look for what was lost, undone, doubled or left over.

Each round starts the server on the state directory of the round before, waits until everything rests,
compares what is there with what the clients were told, then loads it and kills it at a random moment.
What was asked under a key and cut off by the kill is asked again in the next round, until it is answered.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.cloud import SETTINGS, Cloud
from benchmarks.served import start_pumice, unfinished_operations
from tests.crash.history import Told
from tests.crash.kinds import UNIQUE
from tests.crash.load import (
    Delete,
    Describe,
    Fate,
    Limit,
    Load,
    New,
    Plan,
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

FATES: Final[dict[Fate, float]] = {"keep": 0.5, "delete": 0.25, "force delete": 0.25}
"""The chances of what a client does with its volume."""
KEYED: Final = 0.7
"""The chance that a volume is asked for under a key; whatever else is created, always is."""
OTHERS: Final = 0.1
"""For each volume to create: so many of each other kind, changes of metadata, repeats and logouts."""
SETTINGS_OF_STORM: Final = SETTINGS.replace("\n", "\npassword_hash_rounds = 4\n", 1)
"""Here nobody guesses passwords."""
LATE_SECONDS: Final = 0.3
"""How much later than the answer it waits for the kill may come; mostly it comes soon."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much to do; ``settle_seconds`` after it is ready a server must have put all to rest."""

    rounds: int = 20
    creates: int = 200
    driver: str = "file"
    settle_seconds: float = 1.0


@dataclass(slots=True)
class Totals:
    """What all rounds did."""

    rounds: int = 0
    asked: int = 0
    acknowledged: int = 0
    repeated: int = 0
    replayed: int = 0
    unfinished: int = 0
    settled_seconds: float = 0.0
    volumes: int = 0

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds: {self.asked} changes asked, {self.acknowledged} of them "
            f"acknowledged; {self.repeated} unanswered ones repeated under their keys, "
            f"{self.replayed} answers given again; {self.unfinished} operations taken up after a "
            f"kill, all at rest {self.settled_seconds:.2f} s after ready at the latest; "
            f"{self.volumes} volumes left"
        )


class Storm:
    """One state directory through all its rounds."""

    def __init__(self, folder: Path, scale: Scale, seed: int, tell: Callable[[str], None]) -> None:
        """``folder`` is empty; ``tell`` gets a line for each round."""
        self._config = folder / "pumice.conf"
        self._config.write_text(SETTINGS_OF_STORM)
        self._state_dir = folder / "state"
        self._files = self._state_dir / "volumes" / "file"
        self._scale = scale
        self._random = random.Random(seed)
        self._tell = tell
        self._told = Told()
        self._found: list[dict[str, Any]] = []
        self._line = ""
        self.totals = Totals()

    async def run(self) -> list[str]:
        """All rounds, or those up to the first with a violation; its violations."""
        wrong: list[str] = []
        async with await start_pumice(self._state_dir, self._config) as served:
            first = await Cloud.log_in(served)
            await first.make_types()
            wrong += await self._load(first, self._plan())
        while not wrong:
            async with await start_pumice(self._state_dir, self._config) as served:
                # The token of before the kill, too, is a promise.
                cloud = Cloud(served, first.token, first.project_id)
                wrong += await self._verify(cloud)
                if not wrong and self.totals.rounds < self._scale.rounds:
                    wrong += await self._load(cloud, self._plan())
                    continue
                if not wrong:
                    wrong += await self._end(cloud)
                if (status := await served.stop()) != 0:
                    wrong.append(f"SIGTERM ended the server with status {status}")
                break
        if not wrong:
            wrong += await self._without_leftovers()
        return wrong

    async def _load(self, cloud: Cloud, plan: Plan) -> list[str]:
        """Load the server and kill it, if that is planned; what was answered wrongly."""
        load = Load(cloud, self._scale.driver, plan, self._told)
        await load.run()
        self.totals.asked += load.asked
        self.totals.acknowledged += load.acknowledged
        self.totals.repeated += load.repeated
        self.totals.replayed += load.replayed
        if plan.kill_after is None:
            return load.refused
        unfinished = unfinished_operations(self._state_dir)
        self.totals.rounds += 1
        self.totals.unfinished += unfinished
        self._line = (
            f"round {self.totals.rounds:>3}: killed after {load.acknowledged:>3} of {load.asked:>3} "
            f"answers with {unfinished:>3} operations under way"
        )
        return load.refused

    def _plan(self) -> Plan:
        """What the next round does: what is pending, new things, and as much with old ones."""
        draw, count = self._random, self._scale.creates
        few = max(1, round(count * OTHERS))
        pending = sum(kind == "volume" for kind, _ in self._told.pending())
        name = f"round{self.totals.rounds + 1}"
        # Whoever describes a volume must not find it removed meanwhile.
        old = draw.sample(there := self._told.volumes.there(), min(len(there), count + few))
        work: list[Work] = [
            *self._repeats(),
            *(self._new_volume(f"{name}-{index}") for index in range(pending, count)),
            *(New(kind, f"{name}-{kind}-{index}") for kind in UNIQUE for index in range(few)),
            *map(Delete, old[few:]),
            *(Describe(known, name) for known in old[:few]),
            *(Limit(resource, draw.randrange(1000)) for resource in self._told.limits),
            *[Revoke()] * few,
            Switch(),
        ]
        draw.shuffle(work)
        return Plan(work, draw.randrange(len(work)), LATE_SECONDS * draw.random() ** 4)

    def _new_volume(self, name: str) -> New:
        (fate,) = self._random.choices([*FATES], [*FATES.values()])
        return New("volume", name, self._random.random() < KEYED, fate)

    def _repeats(self) -> list[Work]:
        """All that is pending, and some of what was answered already: it must be answered the same."""
        answered = [
            (kind, name)
            for kind, history in self._told.things.items()
            for name, known in history.known.items()
            if known.keyed and known.id is not None and known.pending is None
        ]
        few = round(self._scale.creates * OTHERS)
        again = self._random.sample(answered, min(len(answered), few))
        return [Repeat(*one) for one in (*self._told.pending(), *again)]

    async def _end(self, cloud: Cloud) -> list[str]:
        """Nobody kills the server any more: what is pending is answered now."""
        wrong = await self._load(cloud, Plan(self._repeats(), kill_after=None))
        if left := self._told.pending():
            wrong.append(f"unanswered to the end: {left}")
        self._line = "at the end all is repeated"
        return wrong + await self._verify(cloud)

    async def _verify(self, cloud: Cloud) -> list[str]:
        """Wait for rest and compare; the violations."""
        found, seconds = await at_rest(cloud)
        wrong = list(self._told.volumes.violations(found))
        if seconds > self._scale.settle_seconds:
            wrong.append(f"it took {seconds:.2f} s until all was at rest")
        unanswered = self._told.volumes.unanswered()
        self._told.volumes.learn(found)
        wrong += await wrong_answers(cloud, self._scale.driver, self._told)
        if self._scale.driver == "file":
            wrong += self._wrong_storage(found, self._told.forced())
        self._found = found
        self.totals.settled_seconds = max(self.totals.settled_seconds, seconds)
        self.totals.volumes = len(found)
        self._tell(
            f"{self._line}; ready after {cloud.served.start_seconds:.2f} s, at rest {seconds:.2f} s "
            f"later: {len(found):>4} volumes, {unanswered:>3} unanswered, {len(wrong)} violations"
        )
        return wrong

    async def _without_leftovers(self) -> list[str]:
        """After the reconciler's turn nothing is forgiven any more."""
        if self._scale.driver != "file":
            return []
        await remove_leftovers(self._state_dir, self._config, self._files)
        empty = empty_files(self._files)  # Of a create that was killed within: no volume's bytes.
        return self._wrong_storage(self._found, self._told.forced() & empty)

    def _wrong_storage(self, found: list[dict[str, Any]], forgiven: set[str]) -> list[str]:
        return [
            *wrong_files(self._files, found, forgiven),
            *wrong_rows(self._state_dir, self._config, forgiven),
        ]
