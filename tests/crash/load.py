"""The load: what clients do, each one request after the other, while the cloud under them breaks.

Whoever loses his connection, or waits too long for an answer, goes to the next process that answers. What
was asked under a key is asked again until it is answered; of anything else it stays unknown what became.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from benchmarks.cloud import SETTLED, Cloud, Refused, expect, login_message
from benchmarks.connection import Connection, ConnectionLost, Reply
from tests.crash.deployment import Deployment
from tests.crash.history import Known, Setting, Told
from tests.crash.kinds import IDLE, KINDS, LIMITS, SERVICES, TOKENS, VOLUMES, request

CHANGES: Final = 6
"""How often one client changes what it changes, one after the other."""
ANSWER_SECONDS: Final = 10.0
"""Who waits longer gives up; a cloud whose network is cut says nothing."""
PATIENCE_SECONDS: Final = 180.0
"""What is asked again and again for so long, and not answered, is a violation."""
AGAIN_SECONDS: Final = 0.05
UNAVAILABLE: Final = 503


Fate: TypeAlias = Literal["keep", "delete", "force delete"]
"""What becomes of a new volume: to delete it, its client waits until it is available; to force that, not."""


class New(NamedTuple):
    """Something to create, and what its client does to it then."""

    kind: str
    name: str
    keyed: bool = True
    fate: Fate = "keep"


class Repeat(NamedTuple):
    """What was asked and answered under a key, to be asked again."""

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


class Load:
    """Some clients who take work until there is none."""

    def __init__(
        self, deployment: Deployment, told: Told, next_work: Callable[[], Work | None]
    ) -> None:
        """``next_work`` gives what the next idle client shall do; None: nothing any more."""
        self._deployment = deployment
        self._told = told
        self._next_work = next_work
        self._answered = asyncio.Condition()
        self.asked = 0
        self.acknowledged = 0
        self.repeated = 0
        """Requests that were sent again, for the answer was cut off or there was no database,"""
        self.replayed = 0
        """and answers that had been given, or kept, before."""
        self.created_at: list[float] = []
        """When creates of volumes were answered (``time.monotonic``)."""
        self.refused: list[str] = []
        """Answers that no client should have got."""

    async def run(self, clients: int) -> None:
        """Work until there is nothing more to do."""
        await asyncio.gather(
            *(_Client(self, self._deployment, self._told).run() for _ in range(clients))
        )

    async def answers(self, count: int) -> None:
        """Wait for so many more answers, or a wrong one."""
        target = self.acknowledged + count
        async with self._answered:
            await self._answered.wait_for(lambda: self.acknowledged >= target or self.refused)

    def take(self) -> Work | None:
        """The next work; none after a wrong answer."""
        return None if self.refused else self._next_work()

    async def refuse(self, text: str) -> None:
        """Note a wrong answer."""
        self.refused.append(text)
        async with self._answered:
            self._answered.notify_all()

    async def acknowledge(self, reply: Reply) -> None:
        """Count an answer."""
        self.acknowledged += 1
        self.replayed += b"\r\nidempotency-replayed: true" in reply.head
        async with self._answered:
            self._answered.notify_all()


class _Client:
    """One at a time."""

    def __init__(self, load: Load, deployment: Deployment, told: Told) -> None:
        self._load = load
        self._deployment = deployment
        self._told = told
        self._open: tuple[Cloud, Connection] | None = None

    async def run(self) -> None:
        """Take work until there is none. What is lost is left as it is, unknown."""
        while (work := self._load.take()) is not None:
            try:
                await self._do(work)
            except ConnectionLost:
                await asyncio.sleep(AGAIN_SECONDS)
            except Refused as refused:
                await self._load.refuse(f"a client that was to {work} was answered {refused}")
        self._hang_up()

    async def _do(self, work: Work) -> None:
        match work:
            case New():
                await self._create(work)
            case Repeat(kind, name):
                await self._make(kind, name, self._told.things[kind].known[name])
            case Delete(known):
                await self._delete(known)
            case Describe(known, value):
                await self._describe(known, value)
            case Limit(resource, first):
                await self._limit(resource, first)
            case Switch():
                await self._switch()
            case Revoke():
                await self._revoke()

    async def _create(self, new: New) -> None:
        known = self._told.things[new.kind].ask_create(new.name, keyed=new.keyed)
        await self._make(new.kind, new.name, known)
        if new.fate == "force delete":
            await self._force_delete(new.name, known)
        elif new.fate == "delete":
            assert known.id is not None
            if await self._settled(known.id) == "available":
                await self._delete(known)

    async def _make(self, kind: str, name: str, known: Known) -> None:
        """Ask for it. Whoever asks again must be answered the same."""
        path, status, content = KINDS[kind]
        key = f"create {name}" if known.keyed else None
        reply = await self._ask("POST", path, {kind: content | {"name": name}}, status, key)
        answered: str = reply.json()[kind]["id"]
        if known.id not in (None, answered):
            self._load.refused.append(f"{kind} {name} ({known.id}) was then answered as {answered}")
        known.id, known.pending = answered, None
        if kind == "volume":
            self._load.created_at.append(time.monotonic())

    async def _force_delete(self, name: str, known: Known) -> None:
        known.delete_asked, known.forced, known.pending = True, True, "force delete"
        path, action = f"{VOLUMES}/{known.id}/action", {"os-force_delete": None}
        await self._ask("POST", path, action, 202, f"delete {name}")
        known.delete_acknowledged, known.pending = True, None

    async def _delete(self, known: Known) -> None:
        known.delete_asked = True
        await self._ask("DELETE", f"{VOLUMES}/{known.id}", None, 202)
        known.delete_acknowledged = True

    async def _describe(self, known: Known, value: str) -> None:
        now, volume = known.metadata, f"{VOLUMES}/{known.id}"
        for number in range(CHANGES):
            new = {f"key{number}": value}
            method, after = ("PUT", new) if number % 2 else ("POST", now.possible[0] | new)
            reply = await self._set(now, after, method, f"{volume}/metadata", {"metadata": new})
            self._load.refused += now.violations("the metadata answered", reply.json()["metadata"])
            bootable = "false" if number % 2 else "true"
            action = {"os-set_bootable": {"bootable": bootable}}
            await self._set(known.bootable, bootable, "POST", f"{volume}/action", action)
            self._hang_up()  # Another process must show at once what this one has answered.
            shown = (await self._look(volume)).json()["volume"]
            self._load.refused += now.violations("the metadata shown", shown["metadata"])
            self._load.refused += known.bootable.violations("bootable shown", shown["bootable"])

    async def _limit(self, resource: str, first: int) -> None:
        now = self._told.limits[resource]
        for value in itertools.islice(itertools.count(first), CHANGES):
            await self._set(now, value, "PUT", LIMITS, {"quota_set": {resource: value}})

    async def _switch(self) -> None:
        service = {"host": IDLE, "binary": "cinder-volume"}
        for action in itertools.islice(itertools.cycle(["disable", "enable"]), CHANGES + 1):
            path, now = f"{SERVICES}/{action}", self._told.service
            await self._set(now, f"{action}d", "PUT", path, service)

    async def _set(self, setting: Setting, value: Any, method: str, path: str, body: Any) -> Reply:
        setting.ask(value)
        reply = await self._ask(method, path, body, 200)
        setting.acknowledge()
        return reply

    async def _revoke(self) -> None:
        login = await self._patiently(lambda cloud: login_message(cloud.served))
        token = expect(login, 201).header("x-subject-token")
        valid = self._told.tokens[token] = Setting(True)
        valid.ask(False)
        subject = {"X-Subject-Token": token}
        await self._send(lambda cloud: request(cloud, "DELETE", TOKENS, None, subject), 204, None)
        valid.acknowledge()
        self._hang_up()  # No process may take it for valid now.
        look = lambda cloud: request(cloud, "GET", TOKENS, None, subject)  # noqa: E731
        expect(await self._patiently(look), 404)

    async def _settled(self, volume_id: str) -> str:
        """The volume's status once it rests."""
        while True:
            reply = await self._look(f"{VOLUMES}/{volume_id}")
            status: str = reply.json()["volume"]["status"]
            if status in SETTLED:
                return status
            await asyncio.sleep(AGAIN_SECONDS)

    async def _look(self, path: str) -> Reply:
        return expect(await self._patiently(lambda cloud: request(cloud, "GET", path)), 200)

    async def _ask(
        self, method: str, path: str, body: Any, status: int, key: str | None = None
    ) -> Reply:
        headers = None if key is None else {"Idempotency-Key": key}
        return await self._send(
            lambda cloud: request(cloud, method, path, body, headers), status, key
        )

    async def _send(self, message: Callable[[Cloud], bytes], status: int, key: str | None) -> Reply:
        """The answer, counted. Raises :class:`Refused` for another status, and what :meth:`_once` does."""
        self._load.asked += 1
        if key is not None:
            reply = await self._patiently(message)
        else:
            reply = await self._once(message)
            if reply.status == UNAVAILABLE:
                raise ConnectionLost("Whether it was done is not known.")
        expect(reply, status)
        await self._load.acknowledge(reply)
        return reply

    async def _patiently(self, message: Callable[[Cloud], bytes]) -> Reply:
        """The answer to what may be asked again. Raises :class:`Refused` if there never is one."""
        until = time.monotonic() + PATIENCE_SECONDS
        for tries in itertools.count():
            self._load.repeated += tries == 1
            try:
                reply = await self._once(message)
            except ConnectionLost as lost:
                last = str(lost)
            else:
                if reply.status != UNAVAILABLE:
                    return reply
                last = reply.body.decode()
            if time.monotonic() > until:
                raise Refused(f"nothing but {last} in {PATIENCE_SECONDS:.0f} s")
            await asyncio.sleep(AGAIN_SECONDS)
        raise AssertionError  # Not reached: it counts for ever.

    async def _once(self, message: Callable[[Cloud], bytes]) -> Reply:
        """The answer of one process. Raises :class:`ConnectionLost` if there is none in time."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._open = self._open or await self._deployment.connect()
                cloud, connection = self._open
                return await connection.send(message(cloud))
        except (ConnectionLost, TimeoutError) as error:
            self._hang_up()
            raise ConnectionLost(str(error) or "There was no answer.") from error

    def _hang_up(self) -> None:
        """The next request goes to the next process."""
        if self._open is not None:
            self._open[1].close()
        self._open = None
