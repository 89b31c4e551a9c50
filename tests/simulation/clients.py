"""What clients do in a run, what they were told, and whether that can be true."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from pumice.process import Process
from tests.simulation.client import Reply, call
from tests.simulation.cloud import ADMIN, PROJECTS, cloud
from tests.simulation.node import Connection, Node
from tests.simulation.plan import Step
from tests.simulation.turns import SimLoop, Turns
from tests.simulation.watch import Watch

VOLUMES: Final = "/volume/v3/volumes"
RETRY_SECONDS: Final = (0.01, 0.5, 4.0, 10.0)


class Town(Protocol):
    """What clients find around them; the simulation."""

    turns: Turns
    outside: SimLoop
    nodes: list[Node]
    watch: Watch
    deletes: set[str]
    refused: set[str]
    asked: Counter[str]
    requests: Counter[str]

    def record(self, *event: object) -> None:
        """Add to the history."""

    def wrong(self, kind: str, sentence: str) -> None:
        """Something must not be."""


class Lost(Exception):
    """No answer came: nobody knows what became of the request."""


class Wanted:
    """A volume as its client knows it."""

    def __init__(self, step: Step) -> None:
        self.number = step.number
        self.name = f"volume {step.number}"
        self.project: str = step.arguments["project"]
        self.size: int = step.arguments["size"]
        self.key: str | None = f"create {step.number}" if step.arguments["key"] else None
        self.ids: set[str] = set()
        """What answers named; more than one only without a key."""
        self.numbers: list[tuple[int, float, float, bool]] = []
        """Metadata: the number, when it was asked for, when that was answered, whether it was done."""

    @property
    def id(self) -> str:
        """One of its ids, once one was answered."""
        return min(self.ids) if self.ids else ""


class Clients:
    """Every client of a run."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.wanted: dict[int, Wanted] = {}
        self.acknowledged: dict[str, Wanted] = {}
        """The volumes that were answered with 202, by id."""
        self.removed: set[str] = set()
        """Those whose removal was answered with 202."""
        self._doings: dict[str, Callable[[Step], Coroutine[Any, Any, None]]] = {
            "create": self._create,
            "repeat": self._repeat,
            "show": self._show,
            "list": self._list,
            "delete": self._delete,
            "force delete": self._delete,
            "metadata": self._metadata,
            "quota": self._quota,
            "intrude": self._intrude,
            "retry operation": self._operate,
            "abandon": self._operate,
        }

    async def do(self, step: Step) -> None:
        """One step, until it is answered or given up."""
        if step.what == "create":
            self.wanted[step.number] = Wanted(step)
        try:
            await self._doings[step.what](step)
        except Lost:
            self._town.record("lost", step.number)

    # -- requests

    async def _once(
        self,
        step: Step,
        method: str,
        path: str,
        body: object = None,
        *,
        project: str,
        key: str | None = None,
        turn: int = 0,
        allowed: tuple[int, ...],
    ) -> Reply:
        """One request to one process. Raises :class:`Lost`."""
        town = self._town
        node = self._node(step, turn)
        answer: asyncio.Future[Reply] = town.outside.create_future()
        token = cloud().tokens[project]

        def request(process: Process) -> Coroutine[Any, Any, Reply]:
            return call(process, method, path, body, token=token, key=key)

        connection = Connection(node, request, answer)
        town.outside.call_later(0.0002, node.call, connection)
        timer = town.outside.call_later(step.arguments["patience"], _give_up, answer)
        try:
            reply = await answer
        except (TimeoutError, ConnectionResetError):
            connection.hang_up()
            town.requests[f"{step.what}: lost"] += 1
            raise Lost from None
        finally:
            timer.cancel()
        town.requests[f"{step.what}: {reply.status}"] += 1
        town.record("answer", step.number, node.name, reply.status)
        if reply.status not in (*allowed, 503):
            town.wrong("answer", f"step {step.number}: {method} {path}: {reply}")
        return reply

    async def _until_answered(
        self, step: Step, *arguments: Any, tries: int, **named: Any
    ) -> Reply | None:
        """The first answer that is none of "try again"; None if there is none in so many tries."""
        for turn in range(tries):
            if turn:
                await asyncio.sleep(RETRY_SECONDS[min(turn - 1, 3)])
            try:
                reply = await self._once(step, *arguments, turn=turn, **named)
            except Lost:
                continue
            if reply.status != 503:
                return reply
        return None

    def _node(self, step: Step, turn: int) -> Node:
        """The process that was meant, then the others."""
        nodes = [node for node in self._town.nodes if "api" in node.plan.roles]
        names = [node.name for node in nodes]
        meant = step.arguments["node"]
        first = names.index(meant) if meant in names else 0
        return nodes[(first + turn) % len(nodes)]

    # -- creating

    async def _create(self, step: Step) -> None:
        wanted = self.wanted[step.number]
        twins = 2 if step.arguments["twins"] and wanted.key else 1
        tries = step.arguments["tries"]
        await asyncio.gather(*(self._ask_for(step, wanted, tries) for _ in range(twins)))

    async def _repeat(self, step: Step) -> None:
        wanted = self.wanted.get(step.arguments["volume"])
        if wanted is not None:
            await self._ask_for(step, wanted, 1)

    async def _ask_for(self, step: Step, wanted: Wanted, tries: int) -> None:
        body = {"volume": {"size": wanted.size, "name": wanted.name}}
        town = self._town
        for turn in range(tries):
            if turn:
                await asyncio.sleep(RETRY_SECONDS[min(turn - 1, 3)])
            # Of a key there may be one; without, as many as there were requests.
            town.asked[wanted.name] = 1 if wanted.key else town.asked[wanted.name] + 1
            try:
                reply = await self._once(
                    step,
                    "POST",
                    VOLUMES,
                    body,
                    project=wanted.project,
                    key=wanted.key,
                    turn=turn,
                    allowed=(202, 413),
                )
            except Lost:
                continue
            if reply.status == 202:
                self._created(step, wanted, reply.body["volume"])
            if reply.status != 503:
                return

    def _created(self, step: Step, wanted: Wanted, volume: dict[str, Any]) -> None:
        town = self._town
        volume_id = volume["id"]
        town.record("created", step.number, volume_id)
        if wanted.key and wanted.ids - {volume_id}:
            town.wrong("twice", f"key of {wanted.name}: {volume_id}, before {wanted.ids}")
        wanted.ids.add(volume_id)
        self.acknowledged[volume_id] = wanted
        if volume_id not in town.watch.volumes and volume_id not in town.deletes:
            town.wrong("lost", f"{wanted.name} was answered with {volume_id}, which is not there")

    # -- looking

    async def _show(self, step: Step) -> None:
        wanted = self._known(step)
        if wanted is None:
            return
        volume_id = wanted.id
        is_gone = volume_id not in self._town.watch.volumes
        path = f"{VOLUMES}/{volume_id}"
        reply = await self._once(step, "GET", path, project=wanted.project, allowed=(200, 404))
        if reply.status == 200:
            volume = reply.body["volume"]
            told = (volume["id"], volume["name"], volume["size"])
            if told != (volume_id, wanted.name, wanted.size):
                self._town.wrong("answer", f"step {step.number}: {wanted.name} is shown as {told}")
            if is_gone:
                self._town.wrong("answer", f"step {step.number}: {volume_id} is gone, but shown")
        elif reply.status == 404 and volume_id not in self._town.deletes:
            self._town.wrong("lost", f"step {step.number}: {volume_id} is not found")

    async def _list(self, step: Step) -> None:
        project = step.arguments["project"]
        before = self._kept(project)
        path = f"{VOLUMES}/detail" if step.arguments["detail"] else VOLUMES
        reply = await self._once(step, "GET", path, project=project, allowed=(200,))
        if reply.status != 200:
            return
        listed = {volume["id"] for volume in reply.body["volumes"]}
        if missing := (before & self._kept(project)) - listed:
            self._town.wrong("lost", f"step {step.number}: {missing} are not listed")
        for volume_id in listed:
            self._check_own(step, volume_id, project)

    def _kept(self, project: str) -> set[str]:
        """The volumes that were acknowledged and that nobody wants removed."""
        return {
            volume_id
            for volume_id, wanted in self.acknowledged.items()
            if wanted.project == project and volume_id not in self._town.deletes
        }

    def _check_own(self, step: Step, volume_id: str, project: str) -> None:
        other = self.acknowledged.get(volume_id)
        if other is not None and other.project != project:
            self._town.wrong("isolation", f"step {step.number}: {project} sees {other.name}")

    async def _intrude(self, step: Step) -> None:
        """Another project's client tries what it must not."""
        wanted = self._known(step)
        if wanted is None:
            return
        project = next(name for name in PROJECTS if name != wanted.project)
        path = f"{VOLUMES}/{wanted.id}"
        kind = step.arguments["kind"]
        if kind == "list":
            await self._list(Step(step.number, step.at, step.what, False, _listing(step, project)))
            return
        method, end, body = {
            "show": ("GET", "", None),
            "delete": ("DELETE", "", None),
            "metadata": ("POST", "/metadata", {"metadata": {"number": "-1"}}),
        }[kind]
        reply = await self._once(
            step, method, f"{path}{end}", body, project=project, allowed=(404, 403)
        )
        if reply.status < 300:
            self._town.wrong("isolation", f"step {step.number}: {project} did {kind}")

    # -- changing

    async def _delete(self, step: Step) -> None:
        wanted = self._known(step)
        if wanted is None:
            return
        volume_id, tries = wanted.id, step.arguments["tries"]
        path = f"{VOLUMES}/{volume_id}"
        self._town.deletes.add(volume_id)
        allowed = (202, 400, 404)
        if step.what == "delete":
            reply = await self._until_answered(
                step, "DELETE", path, project=wanted.project, tries=tries, allowed=allowed
            )
        else:
            key = f"delete {step.number}" if step.arguments["key"] else None
            body = {"os-force_delete": None}
            reply = await self._until_answered(
                step,
                "POST",
                f"{path}/action",
                body,
                project=ADMIN,
                key=key,
                tries=tries,
                allowed=allowed,
            )
        if reply is not None and reply.status == 202:
            self.removed.add(volume_id)

    async def _metadata(self, step: Step) -> None:
        wanted = self._known(step)
        if wanted is None:
            return
        body = {"metadata": {"number": f"{step.number}"}}
        path = f"{VOLUMES}/{wanted.id}/metadata"
        asked_at = self._town.turns.now
        place = len(wanted.numbers)
        wanted.numbers.append((step.number, asked_at, float("inf"), False))
        method = step.arguments["method"]
        reply = await self._once(
            step, method, path, body, project=wanted.project, allowed=(200, 404)
        )
        done = reply.status == 200
        wanted.numbers[place] = (step.number, asked_at, self._town.turns.now, done)
        if reply.status == 404 and wanted.id not in self._town.deletes:
            self._town.wrong("lost", f"step {step.number}: {wanted.id} is not found")
        if done and reply.body != body:
            self._town.wrong("answer", f"step {step.number}: {reply.body}, not {body}")

    async def _quota(self, step: Step) -> None:
        project_id = cloud().projects[step.arguments["project"]]
        path = f"/volume/v3/os-quota-sets/{project_id}"
        limit = step.arguments["volumes"]
        if limit is None:
            await self._once(step, "DELETE", path, project=ADMIN, allowed=(200,))
        else:
            body = {"quota_set": {"volumes": limit}}
            await self._once(step, "PUT", path, body, project=ADMIN, allowed=(200, 400))

    async def _operate(self, step: Step) -> None:
        """A person retries or abandons what is under way."""
        wanted = self._known(step)
        if wanted is None:
            return
        operation_id = self._town.watch.unfinished_of(wanted.id)
        if operation_id is not None:
            action = "abandon" if step.what == "abandon" else "retry"
            if action == "abandon":
                self._town.refused.add(wanted.id)
            path = f"/pumice/v1/operations/{operation_id}/{action}"
            await self._once(step, "POST", path, project=ADMIN, allowed=(202, 400, 404))

    def _known(self, step: Step) -> Wanted | None:
        """The volume that the step is about; if its client does not know it, the last one before it."""
        number = step.arguments["volume"]
        known = [one for one in self.wanted.values() if one.number <= number and one.ids]
        return known[-1] if known else None


def _listing(step: Step, project: str) -> dict[str, Any]:
    return {**step.arguments, "project": project, "detail": True}


def _give_up(answer: asyncio.Future[Any]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
