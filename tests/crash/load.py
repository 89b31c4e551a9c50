"""One round's load: creates and deletes, all at once, and kill -9 in their midst."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.cloud import Cloud, Refused, expect
from benchmarks.connection import Connection, ConnectionLost
from tests.crash.history import History, Known


class New(NamedTuple):
    """A volume to create, and whether to remove it as soon as it is available."""

    name: str
    delete: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round does; all of it is drawn beforehand."""

    work: list[New | Known]
    """What each client does: create a volume, or remove one that is known to be there."""
    kill_after: int
    """How many answers are awaited before the kill,"""
    kill_late: float
    """and how many seconds more, to hit also what comes between and after the answers."""


class Load:
    """The clients of one round, each with its own connection."""

    def __init__(self, cloud: Cloud, driver: str, plan: Plan, history: History) -> None:
        self._cloud = cloud
        self._driver = driver
        self._plan = plan
        self._history = history
        self._enough = asyncio.Event()
        self.asked = 0
        self.acknowledged = 0
        self.refused: list[str] = []
        """Answers that no client should have got."""

    async def run(self) -> None:
        """Work until the server is dead."""
        connections = [await self._cloud.connect() for _ in self._plan.work]
        killer = asyncio.ensure_future(self._kill())
        await asyncio.gather(*map(self._client, connections, self._plan.work))
        self._enough.set()
        await killer

    async def _kill(self) -> None:
        await self._enough.wait()
        await asyncio.sleep(self._plan.kill_late)
        await self._cloud.served.kill()

    async def _client(self, connection: Connection, work: New | Known) -> None:
        """Work until the connection is lost, which is what happens to most in the end."""
        with contextlib.suppress(ConnectionLost):
            try:
                if isinstance(work, New):
                    await self._create(connection, work)
                else:
                    await self._delete(connection, work)
            except Refused as refused:
                self.refused.append(f"a client was answered {refused}")
        connection.close()

    async def _create(self, connection: Connection, new: New) -> None:
        known = self._history.ask_create(new.name)
        self.asked += 1
        known.id = await self._cloud.create(connection, new.name, self._driver)
        self._acknowledge()
        if new.delete and await self._cloud.settled(connection, known.id) == "available":
            await self._delete(connection, known)

    async def _delete(self, connection: Connection, known: Known) -> None:
        known.delete_asked = True
        self.asked += 1
        request = self._cloud.message("DELETE", f"/volumes/{known.id}")
        expect(await connection.send(request), 202)
        known.delete_acknowledged = True
        self._acknowledge()

    def _acknowledge(self) -> None:
        self.acknowledged += 1
        if self.acknowledged > self._plan.kill_after:
            self._enough.set()
