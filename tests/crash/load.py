"""The load: what clients do, each one request after the other, while the cloud under them breaks.

Whoever loses his connection, or waits too long for an answer, goes to the next process that answers. What
was asked under a key is asked again until it is answered; of anything else it stays unknown what became.
Most clients are ours; some are programs that know the cloud through a client library alone.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from benchmarks.cloud import SETTLED, Cloud, Refused, expect, login_message
from benchmarks.connection import Connection, ConnectionLost, Reply
from tests.crash.deployment import Deployment
from tests.crash.history import Known, Setting, Told
from tests.crash.kinds import IDLE, KINDS, LIMITS, SERVICES, TOKENS, VOLUMES, request
from tests.crash.programs import PROGRAMS, Answered, Program

T = TypeVar("T")

CHANGES: Final = 6
"""How often one client changes what it changes, one after the other."""
ANSWER_SECONDS: Final = 10.0
"""Who waits longer gives up; a cloud whose network is cut says nothing."""
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
        self, deployment: Deployment, told: Told, work: Iterator[Work], patience_seconds: float
    ) -> None:
        """``work`` is what the clients shall do.

        What is asked again and again for ``patience_seconds``, and not answered, is a violation; for a
        volume that does not rest nobody waits longer either.
        """
        self.patience_seconds = patience_seconds
        self._deployment = deployment
        self._told = told
        self._work = work
        self._answered = asyncio.Condition()
        self.asked = 0
        self.acknowledged = 0
        self.repeated = 0
        """Requests that were sent again, for the answer was cut off or there was no database,"""
        self.replayed = 0
        """and answers that had been given, or kept, before."""
        self.by_library: Counter[str] = Counter()
        """How many of those that were acknowledged a program had asked, by its library."""
        self.created_at: list[float] = []
        """When creates of volumes were answered (``time.monotonic``)."""
        self.refused: list[str] = []
        """Answers that no client should have got."""

    async def run(self, clients: int, programs_work: Iterator[Work]) -> None:
        """Work until there is nothing more to do, also for the programs: one of each library."""
        told = (self, self._deployment, self._told)
        users = [_User(*told, programs_work, program) for program in PROGRAMS]
        ours = [_Client(*told, self._work) for _ in range(clients)]
        await asyncio.gather(*(client.run() for client in (*users, *ours)))

    async def answers(self, count: int) -> None:
        """Wait for so many more answers, or a wrong one."""
        target = self.acknowledged + count
        async with self._answered:
            await self._answered.wait_for(lambda: self.acknowledged >= target or self.refused)

    def take(self, work: Iterator[Work]) -> Work | None:
        """The next of ``work``; none after a wrong answer."""
        return None if self.refused else next(work, None)

    async def refuse(self, text: str) -> None:
        """Note a wrong answer."""
        self.refused.append(text)
        async with self._answered:
            self._answered.notify_all()

    async def acknowledge(self, *, replayed: bool = False) -> None:
        """Count an answer."""
        self.acknowledged += 1
        self.replayed += replayed
        async with self._answered:
            self._answered.notify_all()


class _Client:
    """One at a time."""

    def __init__(
        self, load: Load, deployment: Deployment, told: Told, work: Iterator[Work]
    ) -> None:
        self._load = load
        self._deployment = deployment
        self._told = told
        self._work = work
        self._open: tuple[Cloud, Connection] | None = None

    async def run(self) -> None:
        """Take work until there is none. What is lost is left as it is, unknown."""
        while (work := self._load.take(self._work)) is not None:
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
        self._made(kind, name, known, reply.json()[kind]["id"])
        if kind == "volume":
            self._load.created_at.append(time.monotonic())

    def _made(self, kind: str, name: str, known: Known, answered: str) -> None:
        """Note the id that was answered."""
        if known.id not in (None, answered):
            self._load.refused.append(f"{kind} {name} ({known.id}) was then answered as {answered}")
        known.id, known.pending = answered, None

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
        """The volume's status once it rests, or this client has waited for long enough."""
        return f"{await self._wait(volume_id, SETTLED.__contains__)}"

    async def _wait(self, volume_id: str, wanted: Callable[[str | None], bool]) -> str | None:
        """The volume's status once it is wanted, or there was time enough for it to be."""
        until = time.monotonic() + self._load.patience_seconds
        while True:
            status = await self._status(volume_id)
            if wanted(status) or time.monotonic() > until:
                return status
            await asyncio.sleep(AGAIN_SECONDS)

    async def _status(self, volume_id: str) -> str | None:
        reply = await self._look(f"{VOLUMES}/{volume_id}")
        status: str = reply.json()["volume"]["status"]
        return status

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
        await self._load.acknowledge(replayed=b"\r\nidempotency-replayed: true" in reply.head)
        return reply

    async def _patiently(self, message: Callable[[Cloud], bytes]) -> Reply:
        """The answer to what may be asked again. Raises :class:`Refused` if there never is one."""

        async def once() -> Reply:
            reply = await self._once(message)
            if reply.status == UNAVAILABLE:
                raise ConnectionLost(reply.body.decode())
            return reply

        return await self._until_answered(once)

    async def _until_answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What ``ask`` gives once it does not raise :class:`ConnectionLost`. Raises :class:`Refused`."""
        until = time.monotonic() + self._load.patience_seconds
        for tries in itertools.count():
            self._load.repeated += tries == 1
            try:
                return await ask()
            except ConnectionLost as lost:
                if time.monotonic() > until:
                    patience = self._load.patience_seconds
                    raise Refused(f"nothing but {lost} in {patience:.0f} s") from lost
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


class _User(_Client):
    """A program: a thread of its own waits for its answers. All it knows to do is new and old volumes.

    It does what its library does not: asks again, at another process, and looks for what became of a create
    or a removal that was not answered. What it sees there is as good as an answer.
    """

    def __init__(
        self,
        load: Load,
        deployment: Deployment,
        told: Told,
        work: Iterator[Work],
        program: type[Program],
    ) -> None:
        super().__init__(load, deployment, told, work)
        self._kind = program
        self._program: Program | None = None
        self._thread = ThreadPoolExecutor(1, program.library)

    async def run(self) -> None:
        """See :meth:`_Client.run`."""
        with self._thread:
            await super().run()

    async def _make(self, kind: str, name: str, known: Known) -> None:
        """Ask for it, under a key until it is answered; it must be listed then, and once."""
        self._load.asked += 1
        known.library = self._kind.library
        key = f"create {name}" if known.keyed else None

        async def create() -> str:
            return await self._call(lambda program: program.create(name, key))

        try:
            made = await (self._until_answered(create) if key else create())
        except ConnectionLost:
            if not (listed := await self._named(name)):
                raise  # It may still come.
            (made, *_) = listed
        else:
            self._load.created_at.append(time.monotonic())
            await self._acknowledge()
            listed = await self._named(name)
        self._made(kind, name, known, made)
        if not listed:
            self._load.refused.append(f"{name} ({made}) was acknowledged, and is missing in a list")
        elif listed != [made]:
            self._load.refused.append(f"{name} ({made}) is listed {len(listed)} times: {listed}")

    async def _force_delete(self, _: str, known: Known) -> None:
        known.forced = True
        await self._remove(known, force=True)

    async def _delete(self, known: Known) -> None:
        await self._remove(known, force=False)

    async def _remove(self, known: Known, *, force: bool) -> None:
        """Ask for the removal until it is answered, or seen, and wait until the volume is gone."""
        assert known.id is not None
        id_ = known.id
        known.delete_asked = True
        self._load.asked += 1
        until = time.monotonic() + self._load.patience_seconds
        for tries in itertools.count():
            try:
                await self._call(lambda program: program.delete(id_, force=force))
            except ConnectionLost:
                pass
            except Answered:  # Perhaps because of what was asked before; that shows.
                if not tries or time.monotonic() > until:
                    raise
            else:
                await self._acknowledge()
                break
            if await self._status(id_) in (None, "deleting"):
                break
            await asyncio.sleep(AGAIN_SECONDS)
        known.delete_acknowledged = True
        await self._wait(id_, lambda status: status != "deleting")

    async def _status(self, volume_id: str) -> str | None:
        return await self._until_answered(
            lambda: self._call(lambda program: program.status(volume_id))
        )

    async def _named(self, name: str) -> list[str]:
        return await self._until_answered(lambda: self._call(lambda program: program.named(name)))

    async def _acknowledge(self) -> None:
        self._load.by_library[self._kind.library] += 1
        await self._load.acknowledge()

    async def _call(self, ask: Callable[[Program], T]) -> T:
        """What the program is answered. Raises as :mod:`tests.crash.programs` says."""
        loop = asyncio.get_running_loop()
        try:
            if self._program is None:
                served = self._deployment.cloud().served
                self._program = await loop.run_in_executor(
                    self._thread, self._kind.at, served, ANSWER_SECONDS
                )
            return await loop.run_in_executor(self._thread, ask, self._program)
        except ConnectionLost:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._program is not None:
            self._program.close()
        self._program = None
