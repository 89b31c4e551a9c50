"""Kill a loaded server again and again, and look for what was lost, undone, doubled or left over.

Each round starts the server on the state directory of the round before, waits until everything rests,
compares what is there with what the clients were told, then loads it and kills it at a random moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.cloud import SETTINGS, Cloud
from benchmarks.served import start_pumice, unfinished_operations
from tests.crash.history import History, Known
from tests.crash.load import Load, New, Plan
from tests.crash.verify import at_rest, wrong_files, wrong_rows

DELETE_OWN: Final = 0.3
"""The chance that a client removes its volume as soon as that is available."""
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
    unfinished: int = 0
    settled_seconds: float = 0.0
    volumes: int = 0

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds: {self.asked} creates and deletes asked, {self.acknowledged} of "
            f"them acknowledged; {self.unfinished} operations taken up after a kill, all at rest "
            f"{self.settled_seconds:.2f} s after ready at the latest; {self.volumes} volumes left"
        )


class Storm:
    """One state directory through all its rounds."""

    def __init__(self, folder: Path, scale: Scale, seed: int, tell: Callable[[str], None]) -> None:
        """``folder`` is empty; ``tell`` gets a line for each round."""
        self._config = folder / "pumice.conf"
        self._config.write_text(SETTINGS)
        self._state_dir = folder / "state"
        self._scale = scale
        self._random = random.Random(seed)
        self._tell = tell
        self._history = History()
        self._line = ""
        self.totals = Totals()

    async def run(self) -> list[str]:
        """All rounds, or those up to the first with a violation; its violations."""
        wrong: list[str] = []
        async with await start_pumice(self._state_dir, self._config) as served:
            first = await Cloud.log_in(served)
            await first.make_types()
            wrong += await self._load(first)
        while not wrong:
            async with await start_pumice(self._state_dir, self._config) as served:
                # The token of before the kill, too, is a promise.
                cloud = Cloud(served, first.token, first.project_id)
                wrong += await self._verify(cloud)
                if wrong or self.totals.rounds == self._scale.rounds:
                    if (status := await served.stop()) != 0:
                        wrong.append(f"SIGTERM ended the server with status {status}")
                    break
                wrong += await self._load(cloud)
        return wrong

    async def _load(self, cloud: Cloud) -> list[str]:
        """Load the server and kill it; what was answered wrongly."""
        plan = self._plan()
        load = Load(cloud, self._scale.driver, plan, self._history)
        await load.run()
        unfinished = unfinished_operations(self._state_dir)
        self.totals.rounds += 1
        self.totals.asked += load.asked
        self.totals.acknowledged += load.acknowledged
        self.totals.unfinished += unfinished
        self._line = (
            f"round {self.totals.rounds:>3}: killed after {load.acknowledged:>3} of {load.asked:>3} "
            f"answers with {unfinished:>3} operations under way"
        )
        return load.refused

    def _plan(self) -> Plan:
        """What the next round does: new volumes, and as many old ones to remove."""
        draw, count = self._random, self._scale.creates
        number = self.totals.rounds + 1
        old = self._history.there()
        work: list[New | Known] = [
            *(New(f"round{number}-{index}", draw.random() < DELETE_OWN) for index in range(count)),
            *draw.sample(old, min(len(old), count)),
        ]
        draw.shuffle(work)
        return Plan(work, draw.randrange(len(work)), LATE_SECONDS * draw.random() ** 4)

    async def _verify(self, cloud: Cloud) -> list[str]:
        """Wait for rest and compare; the violations."""
        found, seconds = await at_rest(cloud)
        wrong = list(self._history.violations(found))
        if seconds > self._scale.settle_seconds:
            wrong.append(f"it took {seconds:.2f} s until all was at rest")
        if self._scale.driver == "file":
            wrong += wrong_files(self._state_dir / "volumes" / "file", found)
            wrong += wrong_rows(self._state_dir, self._config)
        unanswered = self._history.unanswered()
        self._history.learn(found)
        self.totals.settled_seconds = max(self.totals.settled_seconds, seconds)
        self.totals.volumes = len(found)
        self._tell(
            f"{self._line}; ready after {cloud.served.start_seconds:.2f} s, at rest {seconds:.2f} s "
            f"later: {len(found):>4} volumes, {unanswered:>3} unanswered, {len(wrong)} violations"
        )
        return wrong
