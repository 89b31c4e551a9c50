"""Clients that lose answers and repeat, in worlds that fail and die: the promises hold for every seed.

Each client makes one volume under a key, describes it, and keeps it or has it removed, by force while
it is being created or otherwise. Answers get lost because the process dies or because the client hangs
up; what has a key is asked again until it is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pumice.process import Process
from pumice.services.check import check
from pumice.store import check as rows
from pumice.store.txn import Txn
from tests.simulation.client import Reply, call, set_up
from tests.simulation.state import snapshot
from tests.simulation.world import Point, World, settled

CLIENTS: Final = 8
KILLS: Final = 5
LIFE_SECONDS: Final = 0.006
"""Only the last process lives longer; a driver's call takes up to a third of that, unless it hangs."""
CHANGES: Final = 4
LONG_AFTER_SECONDS: Final = 700.0
"""The longest deadline and then the reconciler's next turn."""
VOLUMES: Final = "/volume/v3/volumes"


class Lost(Exception):
    """The client hung up before it was answered."""


class Client:
    """Who wants one volume; what it knows outlives the processes that it asks."""

    def __init__(self, name: str, token: str, chance: random.Random) -> None:
        self.name = name
        self.id = ""
        self.asked = self.acknowledged = 0
        """The last number that the metadata were to have, and that they have for certain."""
        self.fate = chance.choice(["keep", "force delete", "force delete", "delete"])
        self.done = False
        self._ending = False
        self._token = token
        self._chance = chance

    async def live(self, process: Process) -> None:
        """Go on, until all is done that this client wants."""
        await self.create(process)
        while not self._ending and self.asked < CHANGES and self._chance.random() < 0.8:
            await self._describe(process)
        while not self.done:
            await asyncio.sleep(self._chance.uniform(0, 0.002))
            with contextlib.suppress(Lost):
                await self._end(process)

    async def create(self, process: Process) -> None:
        """Ask until it is answered, and be told the same each time."""
        body = {"volume": {"size": 1, "name": self.name}}
        answered = await self._certainly(process, VOLUMES, body, f"create {self.name}")
        assert self.id in ("", answered.body["volume"]["id"])
        self.id = answered.body["volume"]["id"]

    async def _describe(self, process: Process) -> None:
        """Add to the metadata or replace them; the answer may be lost for good."""
        self.asked += 1
        number = self.asked
        method = self._chance.choice(["POST", "PUT"])
        body = {"metadata": {"number": f"{number}"}}
        with contextlib.suppress(Lost):
            reply = await self._once(process, method, f"{VOLUMES}/{self.id}/metadata", body)
            assert (reply.status, reply.body) == (200, body)
            self.acknowledged = number

    async def _end(self, process: Process) -> None:
        """Once more towards the volume's fate."""
        self._ending = True
        path = f"{VOLUMES}/{self.id}"
        if self.fate == "force delete":
            action = {"os-force_delete": None}
            await self._certainly(process, f"{path}/action", action, f"delete {self.name}")
            self.done = True
        elif self.fate == "delete":
            reply = await self._once(process, "DELETE", path)
            # Refused while an operation is under way, be it the removal whose answer was lost.
            assert reply.status in (202, 400, 404), reply
            self.done = reply.status != 400
        else:
            self.done = True

    async def _certainly(self, process: Process, path: str, body: object, key: str) -> Reply:
        while True:
            with contextlib.suppress(Lost):
                reply = await self._once(process, "POST", path, body, key)
                assert reply.status == 202, reply
                return reply

    async def _once(
        self, process: Process, method: str, path: str, body: object = None, key: str | None = None
    ) -> Reply:
        """The answer, if the client has the patience for it. Raises :class:`Lost`."""
        request = asyncio.create_task(call(process, method, path, body, token=self._token, key=key))
        if self._chance.random() < 0.4:
            for _ in range(self._chance.randrange(12)):
                await asyncio.sleep(0)
            request.cancel()
        try:
            reply = await request
        except asyncio.CancelledError:
            raise Lost from None
        finally:
            assert not [*await process.store.read(contradictions)]
        return reply

    def wrong(self, volumes: dict[str, Any]) -> Iterator[str]:
        """What is wrong with ``volumes``: the number in the metadata by the id."""
        if (self.id in volumes) is not (self.fate == "keep"):
            yield f"{self.name}: {self.fate}, but {sorted(volumes)}"
        elif self.id in volumes and not self.acknowledged <= volumes[self.id] <= self.asked:
            yield f"{self.name}: {volumes[self.id]}, not {self.acknowledged} to {self.asked}"


_TWO_AT_ONCE: Final = """
SELECT resource_id FROM operations WHERE ended_at IS NULL
GROUP BY resource_id HAVING count(*) > 1
"""
_METADATA: Final = "SELECT id, metadata ->> '$.number' FROM volumes"
_CREATES: Final = (
    "SELECT count(DISTINCT resource_id), count(*) FROM operations WHERE name = 'volume.create'"
)


def contradictions(txn: Txn) -> list[Any]:
    """What must not be seen between any two commits."""
    return [
        *txn.all(_TWO_AT_ONCE),
        *rows.metadata_differences(txn),
        *rows.without_volume(txn),
        *rows.without_operation(txn, "creating"),
        *rows.without_operation(txn, "deleting"),
        *rows.quota_differences(txn),
        *rows.pool_differences(txn),
    ]


def trouble(world: World, chance: random.Random) -> None:
    """Let something go wrong on a backend, or not."""
    storage = world.storage[chance.choice(["one", "two"])]
    what = chance.randrange(4)
    if what == 0:
        storage.lost_replies[chance.choice(["create_volume", "delete_volume"])] = 1
    elif what == 1:
        storage.hangs["create_volume"] = chance.uniform(0.001, 1.0)
    elif what == 2:
        storage.refusals["create_volume"] = chance.randrange(1, 4)


async def at_the_end(world: World, process: Process, clients: list[Client]) -> None:
    """Every client gets what it wants, and long after that everything is as they were told."""
    await asyncio.gather(*(client.live(process) for client in clients))
    await settled(process)
    await asyncio.gather(*(client.create(process) for client in clients))  # Their keys still hold.
    await asyncio.sleep(LONG_AFTER_SECONDS)
    await snapshot(process)
    contents = {
        backend.host: backend.driver.list_volumes() for backend in process.backends.values()
    }
    assert await process.store.read(check, contents, world.now_us()) == []
    found = await process.store.read(lambda txn: txn.all(_METADATA))
    numbers = {volume_id: int(number or 0) for volume_id, number in found}
    assert not [wrong for client in clients for wrong in client.wrong(numbers)]
    creates = await process.store.read(lambda txn: txn.one(_CREATES))
    assert creates == (CLIENTS, CLIENTS), "one key, one volume"


def story(home: Path, driver: str, seed: int) -> tuple[Point, ...]:
    """Some short lives and a long one; the points that the last one reached."""
    world = World(home, driver=driver, seed=seed)
    chance = world.chance
    token = world.live(set_up).value
    clients = [Client(f"volume{number}", token, chance) for number in range(CLIENTS)]
    reached: tuple[Point, ...] = ()

    async def act(process: Process) -> None:
        asyncio.get_running_loop().call_later(
            chance.uniform(0, LIFE_SECONDS), world.crash_point, "the plug is pulled"
        )
        await asyncio.gather(*(client.live(process) for client in clients))

    for _ in range(KILLS):
        trouble(world, chance)
        # Now at any time, now between two steps that a process has taken before.
        at_a_step = reached and chance.random() < 0.5
        kill_at = chance.choice(reached) if at_a_step else ("the plug is pulled", 1)
        reached = world.live(act, kill_at).reached or reached
    return world.live(lambda process: at_the_end(world, process, clients)).reached


@pytest.mark.parametrize("driver", ["memory", "file"])
@pytest.mark.parametrize("seed", range(12))
def test_one_volume_for_each_key(tmp_path: Path, driver: str, seed: int) -> None:
    story(tmp_path / "world", driver, seed)


def test_the_same_seed_is_the_same_story(tmp_path: Path) -> None:
    first, again, other = (
        story(tmp_path / f"{number}", "file", seed) for number, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first != other
