"""A whole Pumice for one test: two backends, projects and people, and callers who speak HTTP to it.

Every request of a :class:`Caller` fails the test when it is answered 500, when a handler raised an error that
its route does not declare or asked for a policy that it does not, and when the answer holds what no answer
may hold.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

import msgspec

from pumice import seams as real_seams
from pumice.api.app import Api, App
from pumice.api.policy import Policy, Rules, Target
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.routes import APIS
from pumice.context import Context
from pumice.drivers.backend import Backend
from pumice.errors import Forbidden, InvalidInput, PumiceError, Unavailable
from pumice.identity.passwords import hash_password
from pumice.manager.pools import PoolsFollower
from pumice.model.identity import (
    SYSTEM_TARGET,
    Assignment,
    Domain,
    Project,
    Role,
    RoleQuery,
    ScopeKind,
    User,
)
from pumice.seams import uuid7_text
from pumice.services.bootstrap import bootstrap, new_bootstrap
from pumice.settings import load
from pumice.store import assignments, domains, projects, quotas, roles, schema, users, volumes
from pumice.store.sqlite import connect
from pumice.store.txn import Txn
from tests.api.client import HOST, AsgiClient, Reply
from tests.api.deployment import Clock, Deployment, Processes

PASSWORD: Final = "s3cret-of-everybody"
MOUNTAIN: Final = "a" * 32
OCEAN: Final = "b" * 32
STONE: Final = "c" * 32
"""A domain that is not the default one."""

# Name, role, scope and its target. Guest is a role that no policy knows.
PEOPLE: Final[tuple[tuple[str, str, ScopeKind, str], ...]] = (
    ("mona", "member", "project", MOUNTAIN),
    ("rita", "reader", "project", MOUNTAIN),
    ("gus", "guest", "project", MOUNTAIN),
    ("nova", "service", "project", MOUNTAIN),
    ("otto", "member", "project", OCEAN),
    ("dora", "reader", "domain", "default"),
    ("stan", "reader", "domain", STONE),
    ("sina", "reader", "system", SYSTEM_TARGET),
)

SCOPES: Final[dict[str, tuple[str, Any]]] = {
    "admin": ("admin", {"project": {"name": "admin", "domain": {"id": "default"}}}),
    "member": ("mona", {"project": {"id": MOUNTAIN}}),
    "reader": ("rita", {"project": {"id": MOUNTAIN}}),
    "guest": ("gus", {"project": {"id": MOUNTAIN}}),
    "service": ("nova", {"project": {"id": MOUNTAIN}}),
    "stranger": ("otto", {"project": {"id": OCEAN}}),
    "unscoped": ("mona", "unscoped"),
    "domain reader": ("dora", {"domain": {"id": "default"}}),
    "stone reader": ("stan", {"domain": {"id": STONE}}),
    "system reader": ("sina", {"system": {"all": True}}),
    "system admin": ("admin", {"system": {"all": True}}),
}
"""Callers: who logs in, for which scope."""

CONF: Final = """
[DEFAULT]
enabled_backends = fast, bulk
password_hash_rounds = 4
report_interval = 3600
lease_seconds = 7200
service_down_time = 7200
backend_stats_polling_interval = 3600
{options}
[fast]
volume_driver = file
volume_backend_name = fast
{fast}
[bulk]
volume_driver = memory
volume_backend_name = bulk
memory_capacity_gib = 100
{bulk}
"""
"""The timers rest, so that every commit is a request's."""

SECRETS: Final = (b"password_hash", PASSWORD.encode())
"""What stands in no answer."""
ADMINISTRATORS: Final = (b"provider_location", b"pumice@")
"""What stands only in administrators' answers: where volumes are."""

LOOK_SECONDS: Final = 0.005
"""How often one looks whether an operation has arrived where it is to go on."""

MOST_PAGES: Final = 50
"""More than that is a list that leads back into itself."""

PIPELINE_ERRORS: Final = (InvalidInput, Unavailable)
"""What every handler may raise without saying so."""


class Caller:
    """Somebody with a token, or with none."""

    def __init__(self, cloud: Cloud, token: str | None, *, is_admin: bool = False) -> None:
        self._cloud = cloud
        self.token = token
        self._hidden = SECRETS if is_admin else (*SECRETS, *ADMINISTRATORS)

    async def request(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        version: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; ``body`` is bytes, or what becomes JSON. ``version`` is of the volume API."""
        sent = {} if self.token is None else {"X-Auth-Token": self.token}
        if version is not None:
            sent["OpenStack-API-Version"] = f"volume {version}"
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        if raw:
            sent["Content-Type"] = "application/json"
        reply = await self._cloud.client.send(
            method, target, (sent | dict(headers or {})).items(), raw
        )
        assert not self._cloud.undeclared, self._cloud.undeclared
        assert reply.status != 500, reply.body
        assert not any(secret in reply.body for secret in self._hidden), reply.body
        return reply

    async def get(self, target: str, **options: Any) -> Any:
        """The JSON of a GET that is answered 200."""
        reply = await self.request("GET", target, **options)
        assert reply.status == 200, reply.body
        return reply.json

    async def pages(self, target: str, collection: str, **options: Any) -> list[list[Any]]:
        """What is on each page, from ``target`` on by the links to the next page."""
        found: list[list[Any]] = []
        while target:
            assert len(found) < MOST_PAGES
            page = await self.get(target, **options)
            found.append(page[collection])
            target = _next(page).removeprefix(f"http://{HOST}")
        return found

    async def create_volume(self, *, version: str = "3.71", **volume: Any) -> dict[str, Any]:
        """A volume as its create is answered; nobody has waited for it."""
        body = {"volume": {"size": 1} | volume}
        reply = await self.request("POST", "/volume/v3/volumes", body, version=version)
        assert reply.status == 202, reply.body
        created: dict[str, Any] = reply.json["volume"]
        return created

    async def create_type(self, name: str, **extra_specs: str) -> dict[str, Any]:
        """A public volume type; the extra specs hold as they are written."""
        body = {"volume_type": {"name": name, "extra_specs": extra_specs}}
        reply = await self.request("POST", "/volume/v3/types", body)
        assert reply.status == 200, reply.body
        created: dict[str, Any] = reply.json["volume_type"]
        return created


class Cloud:
    """One Pumice and its callers."""

    admin: Caller
    member: Caller
    reader: Caller
    stranger: Caller
    """A member of another project."""

    def __init__(self, processes: Processes, clock: Clock) -> None:
        self.processes = processes.all
        self.clock = clock
        self.undeclared: list[str] = []
        self.process = processes.answering[0]
        """One that answers requests."""
        apis = [_watched(api, self.undeclared) for api in APIS]
        self.client = AsgiClient(*(App(one.services, apis) for one in processes.answering))
        self.nobody = Caller(self, None)

    async def log_in(self, name: str) -> Caller:
        """The caller of this name in ``SCOPES``."""
        user, scope = SCOPES[name]
        reply = await self.nobody.request("POST", "/identity/v3/auth/tokens", login(user, scope))
        assert reply.status == 201, reply.body
        return Caller(self, reply.headers["x-subject-token"], is_admin=user == "admin")

    @property
    def backends(self) -> dict[str, Backend]:
        """Those that any of the processes serves."""
        return {host: one for process in self.processes for host, one in process.backends.items()}

    async def settled(self) -> None:
        """Wait until no operation runs in any process, nor is on its way from one to another."""
        await asyncio.sleep(0)  # A hint arrives with the loop's next turn.
        while True:
            for process in self.processes:
                await process.engine.idle()
            if len(self.processes) == 1 or not await self._on_their_way():
                return
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def commits(self) -> int:
        """How often any process has committed."""
        return sum(one.store.commits for one in self.processes)

    async def live(self, seconds: float) -> None:
        """Put the clock forward; the processes report afterwards, as their timers would have let them."""
        self.clock.advance(seconds)
        for one in self.processes:
            one.manager.wake()
        admin = await self.log_in("admin")
        states = {"down"}
        while "down" in states:
            await asyncio.sleep(LOOK_SECONDS)
            listed = (await admin.get("/volume/v3/os-services"))["services"]
            states = {one["state"] for one in listed}

    async def looked(self) -> None:
        """Let every process see the pools as the database has them, as it does now and then."""
        for one in self.processes:
            if len(self.processes) > 1:
                services = one.services
                down_seconds = services.settings.service_down_time
                follower = PoolsFollower(one.store, services.pools, down_seconds)
                await follower.follow(self.clock.now_us())

    async def _on_their_way(self) -> int:
        """How many operations somebody is about to take up."""
        query = """SELECT count(*) FROM operations
            WHERE ended_at IS NULL AND run_after <= :now AND status = 'running'"""
        now = {"now": self.process.services.seams.clock.now_us()}
        ((count,),) = await self.process.store.read(lambda txn: txn.all(query, now))
        return int(count)

    async def write(self, unit: Callable[[Txn], Any]) -> None:
        """What no API does yet; whatever it is, identity counts as changed."""
        await self.process.store.write(self.process.services.generation.ending(unit))

    async def sql(self, statement: str, **parameters: Any) -> None:
        """One statement that changes at least a row."""

        def unit(txn: Txn) -> None:
            assert txn.change(statement, parameters) > 0

        await self.write(unit)

    async def many_volumes(self, count: int) -> None:
        """Volumes of the member's project in the database, without operations: names and sizes repeat."""
        volume = await self.member.create_volume()
        await self.settled()

        def unit(txn: Txn) -> None:
            row = volumes.get(txn, volume["id"])
            for number in range(1, count):
                changes = {"name": f"v{number % 4}" if number % 5 else None, "size_gib": number % 3}
                id_ = uuid7_text(number, bytes(10))
                volumes.insert(txn, msgspec.structs.replace(row, id=id_, **changes))
                quotas.add(txn, row.project_id, "volumes", 1, quotas.UNLIMITED)

        await self.write(unit)

    async def content(self) -> dict[str, list[Any]]:
        """Everything that requests can change, by table. Nothing is used where no row says so."""
        found = await self.rows(
            *("volumes", "volume_types", "quota_usages", "operations", "messages", "events"),
            *("volume_type_access", "default_types", "quota_limits", "quota_classes"),
            "volume_metadata",
        )
        return found | {"quota_usages": [row for row in found["quota_usages"] if row[-1] != 0]}

    async def rows(self, *tables: str) -> dict[str, list[Any]]:
        """Every row of these tables, in an order that no change to others moves."""

        def query(txn: Txn) -> dict[str, list[Any]]:
            return {one: sorted(txn.all(f"SELECT * FROM {one}"), key=repr) for one in tables}  # noqa: S608 - names of tables

        return await self.process.store.read(query)


def _next(page: dict[str, Any]) -> str:
    """The link to the next page, empty on the last one: Cinder's and Nova's way, or Keystone's."""
    for name, links in page.items():
        if name.endswith("_links"):
            href: str = links[0]["href"]
            return href
    return page.get("links", {}).get("next") or ""


def login(user: str, scope: Any = None, password: str = PASSWORD) -> dict[str, Any]:
    """The body of a login by password; ``scope`` None asks for none."""
    who = {"name": user, "domain": {"id": "default"}, "password": password}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": who}}}
    return {"auth": auth if scope is None else auth | {"scope": scope}}


@asynccontextmanager
async def running(
    deployment: Deployment, home: Path, options: str = "", fast: str = "", bulk: str = ""
) -> AsyncIterator[Cloud]:
    """A Pumice in ``home`` with further lines of ``[DEFAULT]`` and its backends, while the block lasts."""
    conf = home / "pumice.conf"
    conf.write_text(CONF.format(options=options, fast=fast, bulk=bulk))
    clock = Clock()
    async with deployment.processes(load(conf), home, clock) as processes:
        cloud = Cloud(processes, clock)
        for name in ("admin", "member", "reader", "stranger"):
            setattr(cloud, name, await cloud.log_in(name))
        yield cloud


def _watched(api: Api, undeclared: list[str]) -> Api:
    """The same API; errors that handlers raise, and policies that they ask, undeclared, are noted."""
    routes = tuple(
        dataclasses.replace(route, handler=_telling(route, undeclared)) for route in api.routes
    )
    return dataclasses.replace(api, routes=routes)


def _telling(route: Route, undeclared: list[str]) -> Callable[..., Awaitable[Any]]:
    declared = (*PIPELINE_ERRORS, *route.raises, *([Forbidden] if route.further else []))

    async def handler(request: Request, *arguments: Any) -> Any:
        rules = _WatchedRules(request.services.rules, route, undeclared)
        request.services = dataclasses.replace(request.services, rules=rules)
        try:
            return await route.handler(request, *arguments)
        except PumiceError as error:
            if not isinstance(error, declared):
                undeclared.append(f"{route.method} {route.path}: {error!r}")
            raise

    return handler


class _WatchedRules(Rules):
    """The rules as a handler sees them; what it asks of them and its route does not name is noted."""

    def __init__(self, rules: Rules, route: Route, undeclared: list[str]) -> None:
        super().__init__(rules._checks)
        self._route = route
        self._undeclared = undeclared

    def allows(self, policy: Policy, context: Context, target: Target | None = None) -> bool:
        if policy not in (self._route.policy, *self._route.further):
            route = self._route
            self._undeclared.append(f"{route.method} {route.path}: further={policy.name}")
        return super().allows(policy, context, target)


@functools.cache
def populated_database() -> bytes:
    """A database on SQLite with what :func:`populate` makes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pumice.db")
        schema.create(path)
        with closing(connect(path)) as connection:
            populate(Txn(connection))
        return path.read_bytes()


def populate(txn: Txn) -> None:
    """Unit: bootstrap, and add the projects and ``PEOPLE``."""
    seams = real_seams.real()
    ids = seams.ids
    password_hash = hash_password(PASSWORD, 4)
    bootstrap(txn, new_bootstrap(seams, password_hash))
    now_us = seams.clock.now_us()
    roles.insert(txn, Role(ids.identity_side(), "guest", "", now_us))
    domains.insert(txn, Domain(STONE, "Stone", "", enabled=True, created_at=now_us))
    for project_id, name in ((MOUNTAIN, "mountain"), (OCEAN, "ocean")):
        project = Project(
            project_id, "default", "default", name, "", enabled=True, created_at=now_us
        )
        projects.insert(txn, project)
    for name, role, scope, target in PEOPLE:
        user = User(ids.identity_side(), "default", name, True, None, None, None, now_us)
        users.insert(txn, user, password_hash)
        role_id = roles.select(txn, RoleQuery(name=role))[0].id
        assignments.insert(txn, Assignment("user", user.id, scope, target, role_id))
