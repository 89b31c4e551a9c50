"""One round's load: everything that clients do, all at once, and kill -9 in their midst."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from benchmarks.cloud import Cloud, Refused, expect, login_message
from benchmarks.connection import Connection, ConnectionLost, Reply
from tests.crash.history import Known, Setting, Told
from tests.crash.kinds import IDLE, KINDS, LIMITS, SERVICES, TOKENS, VOLUMES, request

CHANGES: Final = 6
"""How often one client changes what it changes, one after the other."""
TOO_BUSY: Final = 503
BUSY_SECONDS: Final = 0.05


Fate: TypeAlias = Literal["keep", "delete", "force delete"]
"""What becomes of a new volume: to delete it, its client waits until it is available; to force that, not."""


class New(NamedTuple):
    """Something to create, and what its client does to it then."""

    kind: str
    name: str
    keyed: bool = True
    fate: Fate = "keep"


class Repeat(NamedTuple):
    """What was asked under a key, answered or not, to be asked again."""

    kind: str
    name: str


class Delete(NamedTuple):
    """A volume that is there, to be removed."""

    known: Known


class Describe(NamedTuple):
    """A volume that is there: its metadata is added to and replaced in turn, its bootable is switched."""

    known: Known
    value: str


class Limit(NamedTuple):
    """A quota's limit, to be set again and again; ``first`` is the first value."""

    resource: str
    first: int


class Switch(NamedTuple):
    """Disable and enable a service in turn."""


class Revoke(NamedTuple):
    """Log in, and end the token."""


Work: TypeAlias = New | Repeat | Delete | Describe | Limit | Switch | Revoke


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round does; all of it is drawn beforehand."""

    work: list[Work]
    """What each client does."""
    kill_after: int | None
    """How many answers are awaited before the kill (None: there is none),"""
    kill_late: float = 0.0
    """and how many seconds more, to hit also what comes between and after the answers."""


class Load:
    """The clients of one round, each with its own connection."""

    def __init__(self, cloud: Cloud, driver: str, plan: Plan, told: Told) -> None:
        self._cloud = cloud
        self._driver = driver
        self._plan = plan
        self._told = told
        self._enough = asyncio.Event()
        self.asked = 0
        self.acknowledged = 0
        self.repeated = 0
        """Requests whose first answer was cut off,"""
        self.replayed = 0
        """and answers that had been given, or kept, before."""
        self.refused: list[str] = []
        """Answers that no client should have got."""

    async def run(self) -> None:
        """Work until the server is dead, or all is done and nobody kills it."""
        connections = [await self._cloud.connect() for _ in self._plan.work]
        killer = asyncio.ensure_future(self._kill())
        await asyncio.gather(*map(self._client, connections, self._plan.work))
        self._enough.set()
        await killer

    async def _kill(self) -> None:
        await self._enough.wait()
        if self._plan.kill_after is not None:
            await asyncio.sleep(self._plan.kill_late)
            await self._cloud.served.kill()

    async def _client(self, connection: Connection, work: Work) -> None:
        """Work until the connection is lost, which is what happens to most in the end."""
        with contextlib.suppress(ConnectionLost):
            try:
                await self._do(connection, work)
            except Refused as refused:
                self.refused.append(f"a client that was to {work} was answered {refused}")
        connection.close()

    async def _do(self, connection: Connection, work: Work) -> None:
        match work:
            case New():
                await self._create(connection, work)
            case Repeat(kind, name):
                await self._repeat(connection, kind, name)
            case Delete(known):
                await self._delete(connection, known)
            case Describe(known, value):
                await self._describe(connection, known, value)
            case Limit(resource, first):
                await self._limit(connection, resource, first)
            case Switch():
                await self._switch(connection)
            case Revoke():
                await self._revoke(connection)

    async def _create(self, connection: Connection, new: New) -> None:
        known = self._told.things[new.kind].ask_create(new.name, keyed=new.keyed)
        await self._make(connection, new.kind, new.name, known)
        if new.fate == "force delete":
            await self._force_delete(connection, new.name, known)
        elif new.fate == "delete":
            assert known.id is not None
            if await self._cloud.settled(connection, known.id) == "available":
                await self._delete(connection, known)

    async def _repeat(self, connection: Connection, kind: str, name: str) -> None:
        known = self._told.things[kind].known[name]
        self.repeated += known.pending is not None
        if known.pending == "force delete":
            await self._force_delete(connection, name, known)
        else:
            await self._make(connection, kind, name, known)

    async def _make(self, connection: Connection, kind: str, name: str, known: Known) -> None:
        """Ask for it. Whoever asks again must be answered the same."""
        path, status, content = KINDS[kind]
        new = content | {"name": name}
        if kind == "volume":
            new["volume_type"] = self._driver
        key = f"create {name}" if known.keyed else None
        reply = await self._ask(connection, "POST", path, {kind: new}, status, key)
        answered: str = reply.json()[kind]["id"]
        if known.id not in (None, answered):
            self.refused.append(f"{kind} {name} ({known.id}) was then answered as {answered}")
        known.id, known.pending = answered, None

    async def _force_delete(self, connection: Connection, name: str, known: Known) -> None:
        known.delete_asked, known.forced, known.pending = True, True, "force delete"
        path, action = f"{VOLUMES}/{known.id}/action", {"os-force_delete": None}
        await self._ask(connection, "POST", path, action, 202, f"delete {name}")
        known.delete_acknowledged, known.pending = True, None

    async def _delete(self, connection: Connection, known: Known) -> None:
        known.delete_asked = True
        await self._ask(connection, "DELETE", f"{VOLUMES}/{known.id}", None, 202)
        known.delete_acknowledged = True

    async def _describe(self, connection: Connection, known: Known, value: str) -> None:
        now, volume = known.metadata, f"{VOLUMES}/{known.id}"
        for number in range(CHANGES):
            new = {f"key{number}": value}
            method, after = ("PUT", new) if number % 2 else ("POST", now.possible[0] | new)
            body = {"metadata": new}
            reply = await self._set(connection, now, after, method, f"{volume}/metadata", body)
            self.refused += now.violations("the metadata answered", reply.json()["metadata"])
            bootable = "false" if number % 2 else "true"
            action = {"os-set_bootable": {"bootable": bootable}}
            await self._set(
                connection, known.bootable, bootable, "POST", f"{volume}/action", action
            )

    async def _limit(self, connection: Connection, resource: str, first: int) -> None:
        now = self._told.limits[resource]
        for value in itertools.islice(itertools.count(first), CHANGES):
            await self._set(connection, now, value, "PUT", LIMITS, {"quota_set": {resource: value}})

    async def _switch(self, connection: Connection) -> None:
        service = {"host": IDLE[self._driver], "binary": "cinder-volume"}
        for action in itertools.islice(itertools.cycle(["disable", "enable"]), CHANGES + 1):
            path, now = f"{SERVICES}/{action}", self._told.service
            await self._set(connection, now, f"{action}d", "PUT", path, service)

    async def _set(
        self,
        connection: Connection,
        setting: Setting,
        value: Any,
        method: str,
        path: str,
        body: Any,
    ) -> Reply:
        setting.ask(value)
        reply = await self._ask(connection, method, path, body, 200)
        setting.acknowledge()
        return reply

    async def _revoke(self, connection: Connection) -> None:
        login = await self._patiently(connection, login_message(self._cloud.served))
        token = expect(login, 201).header("x-subject-token")
        valid = self._told.tokens[token] = Setting(True)
        valid.ask(False)
        subject = {"X-Subject-Token": token}
        await self._send(connection, request(self._cloud, "DELETE", TOKENS, None, subject), 204)
        valid.acknowledge()

    async def _ask(
        self,
        connection: Connection,
        method: str,
        path: str,
        body: Any,
        status: int,
        key: str | None = None,
    ) -> Reply:
        headers = None if key is None else {"Idempotency-Key": key}
        return await self._send(
            connection, request(self._cloud, method, path, body, headers), status
        )

    async def _send(self, connection: Connection, message: bytes, status: int) -> Reply:
        """The answer, counted. Raises :class:`Refused` for another status."""
        self.asked += 1
        reply = expect(await self._patiently(connection, message), status)
        self.acknowledged += 1
        self.replayed += b"\r\nidempotency-replayed: true" in reply.head
        if self._plan.kill_after is not None and self.acknowledged > self._plan.kill_after:
            self._enough.set()
        return reply

    async def _patiently(self, connection: Connection, message: bytes) -> Reply:
        """The answer; as long as the server has too many passwords to hash it is asked again."""
        reply = await connection.send(message)
        while reply.status == TOO_BUSY:
            await asyncio.sleep(BUSY_SECONDS)
            reply = await connection.send(message)
        return reply
