"""Walks the table of routes: what must hold for each of them, and who may use it."""

from __future__ import annotations

import dataclasses
import difflib
import re
from pathlib import Path
from typing import Any, Final

import pytest

from pumice.api.app import Api
from pumice.api.faults import cinder_fault, keystone_fault, status_of
from pumice.api.identity_v3.tokens import Auth
from pumice.api.identity_v3.users import ChangePassword
from pumice.api.route import PUBLIC, Route
from pumice.api.routes import APIS
from pumice.store.txn import Txn
from tests.api.cloud import MOUNTAIN, OCEAN, SCOPES, Caller, Cloud, login

ROUTES: Final = tuple((api, route) for api in APIS for route in api.routes)

NEEDS_NO_TOKEN: Final = [
    "GET /",
    "GET /compute",
    "GET /compute/v2",
    "GET /compute/v2.1",
    "GET /healthz",
    "GET /identity",
    "GET /identity/v3",
    "GET /pumice",
    "GET /pumice/v1",
    "GET /readyz",
    "GET /volume",
    "GET /volume/v3",
    "POST /identity/v3/auth/tokens",
    "POST /identity/v3/users/{user_id}/password",
]

_AGAIN: Final = "It sets what it names: the same again changes nothing."

NEEDS_NO_KEY: Final = {
    "/identity/v3/auth/tokens": "The answer holds a secret, and none is kept.",
    "/identity/v3/users/{user_id}/password": "The old password proves nothing the second time.",
    "/pumice/v1/identity/rotate-keys": "The keys are files: no transaction holds both them and a key.",
    "/pumice/v1/operations/{operation_id}/retry": "It starts nothing: it hastens what will be tried.",
    "/pumice/v1/operations/{operation_id}/abandon": "It starts nothing, and what has ended is refused.",
    "/volume/v3/volumes/{volume_id}/metadata": _AGAIN,
    "/volume/v3/volumes/{volume_id}/action#os-reset_status": _AGAIN,
    "/volume/v3/volumes/{volume_id}/action#os-set_bootable": _AGAIN,
    "/volume/v3/volumes/{volume_id}/action#os-set_image_metadata": _AGAIN,
    "/volume/v3/volumes/{volume_id}/action#os-show_image_metadata": "It reads.",
    "/volume/v3/volumes/{volume_id}/action#os-unset_image_metadata": "What is gone is not found.",
    "/volume/v3/volumes/{volume_id}/action#os-update_readonly_flag": _AGAIN,
}
"""POSTs that heed no ``Idempotency-Key``, and why."""

NOBODY_HAS: Final = "00000000-0000-0000-0000-000000000000"

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "api.md"
ACCESS: Final = Path(__file__).parent / "access.txt"


def full_path(api: Api, route: Route) -> str:
    """The path as a client writes it, the parameters in braces; an action behind ``#``."""
    path = "".join(f"/{segment}" for segment in api.mount) + route.path.rstrip("/") or "/"
    return path if route.action is None else f"{path}#{route.action}"


def right_body(route: Route) -> Any:
    """A body that the route takes, None for none."""
    if route.body is None:
        return None if route.action is None else {route.action: None}
    if route.body is Auth:
        return login("mona")
    wrapper = route.body.WRAPPER or route.action
    return route.body.EXAMPLE if wrapper is None else {wrapper: route.body.EXAMPLE}


def since(api: Api, route: Route) -> str:
    """The first microversion of the route; a dash where there are none."""
    versions = api.microversions
    return versions.text(max(route.since, versions.minimum)) if versions else "-"


async def call(cloud: Cloud, who: Caller, api: Api, route: Route) -> Any:
    """The route, called rightly for a resource that nobody has; somebody else's token is asked about."""
    target = re.sub(r"\{key\}", "key", full_path(api, route).partition("#")[0])
    target = re.sub(r"\{\w+\}", NOBODY_HAS, target)
    headers = {"X-Subject-Token": str(cloud.admin.token)}
    if api.microversions is not None:
        version = f"{api.microversions.service} {since(api, route)}"
        headers["OpenStack-API-Version"] = version
    return await who.request(route.method, target, right_body(route), headers=headers)


def test_only_these_routes_need_no_token() -> None:
    public = {
        f"{route.method} {full_path(api, route)}" for api, route in ROUTES if route.policy is PUBLIC
    }
    assert sorted(public) == NEEDS_NO_TOKEN


def test_the_microversions_of_a_route_leave_no_gap() -> None:
    groups: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for api, route in ROUTES:
        last = api.microversions.maximum if api.microversions else 0
        key = (api.mount, route.method, route.path, route.action)
        span = (route.since, last if route.until is None else route.until)
        groups.setdefault(key, []).append(span)
    for key, spans in groups.items():
        spans.sort()
        last = spans[-1][1]
        covered = [minor for first, until in spans for minor in range(first, until + 1)]
        assert covered == list(range(spans[0][0], last + 1)), key


def test_what_a_route_raises_has_a_status_of_its_own() -> None:
    for api, route in ROUTES:
        for error in route.raises:
            assert status_of(error.__new__(error)) != 500, (full_path(api, route), error)


def test_of_what_is_secret_no_hash_is_kept_with_an_answer() -> None:
    for api, route in ROUTES:
        if route.keyed and route.body is not None:
            fields = set(route.body.__struct_fields__)
            secrets = {name for name in fields if re.search("password|secret", name)}
            assert secrets <= route.body.SECRETS <= fields, full_path(api, route)


def test_every_other_post_heeds_a_key() -> None:
    unkeyed = {
        full_path(api, route) for api, route in ROUTES if route.method == "POST" and not route.keyed
    }
    assert unkeyed == NEEDS_NO_KEY.keys()
    assert not [route for _, route in ROUTES if route.keyed and route.method != "POST"]


class Work:
    """What every keyed route can do its work on, made anew: the ids, and bodies that name them."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.ids: dict[str, str] = {}
        """By the parameters of paths."""

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON of a POST that succeeds, None for none."""
        reply = await self._cloud.admin.request("POST", path, body)
        assert reply.status in (200, 201, 202), reply.body
        return reply.json if reply.body else None

    async def make(self) -> None:
        """A volume, a service, a private type and a private flavor, which one project may use."""
        types, flavors = "/volume/v3/types", "/compute/v2.1/flavors"
        private = {"os-volume-type-access:is_public": False, "name": "private"}
        hidden = {"os-flavor-access:is_public": False, "name": "hidden", "ram": 1, "vcpus": 1}
        volume = await self.post("/volume/v3/volumes", {"volume": {"size": 1}})
        volume_type = await self.post(types, {"volume_type": private})
        flavor = await self.post(flavors, {"flavor": hidden | {"disk": 0}})
        service = await self.post("/identity/v3/services", {"service": {"type": "found"}})
        self.ids = {
            "volume_id": volume["volume"]["id"],
            "type_id": volume_type["volume_type"]["id"],
            "flavor_id": flavor["flavor"]["id"],
            "service_id": service["service"]["id"],
        }
        await self.post(
            f"{types}/{self.ids['type_id']}/action", {"addProjectAccess": {"project": MOUNTAIN}}
        )
        await self.post(
            f"{flavors}/{self.ids['flavor_id']}/action", {"addTenantAccess": {"tenant": MOUNTAIN}}
        )
        await self._cloud.settled()

    def body(self, route: Route) -> Any:
        """A right body of the route that names what there is."""
        body = right_body(route)
        known = {"service_id": self.ids["service_id"], "project": MOUNTAIN, "tenant": MOUNTAIN}
        if route.action is not None and route.action.startswith("add"):
            known |= {"project": OCEAN, "tenant": OCEAN}
        return {
            wrapper: {name: known.get(name, value) for name, value in content.items()}
            if content
            else content
            for wrapper, content in body.items()
        }


async def everything(cloud: Cloud) -> dict[str, list[Any]]:
    """Every row of every table."""

    def names(txn: Txn) -> list[str]:
        return [row[0] for row in txn.all(TABLES[txn.engine])]

    return await cloud.rows(*await cloud.process.store.read(names))


TABLES: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}
KEYED: Final = tuple(pair for pair in ROUTES if pair[1].keyed)


@pytest.mark.parametrize(("api", "route"), KEYED, ids=[full_path(*pair) for pair in KEYED])
async def test_under_a_key_the_same_again_is_answered_again(
    cloud: Cloud, api: Api, route: Route
) -> None:
    work = Work(cloud)
    await work.make()
    path = full_path(api, route).partition("#")[0].format_map(work.ids)
    key = {"Idempotency-Key": "k"}
    first = await cloud.admin.request(route.method, path, work.body(route), headers=key)
    assert (first.status, "idempotency-replayed" in first.headers) == (route.status, False), first
    await cloud.settled()
    before = await everything(cloud)
    again = await cloud.admin.request(route.method, path, work.body(route), headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status, again.body) == (first.status, first.body)
    await cloud.settled()
    assert await everything(cloud) == before


async def test_without_a_token(cloud: Cloud) -> None:
    text = "The request you have made requires authentication."
    for api, route in ROUTES:
        reply = await call(cloud, cloud.nobody, api, route)
        if route.policy is PUBLIC:
            # It takes the old password for a proof, and this is nobody's.
            wanted_status = 401 if route.body is ChangePassword else route.status
            assert reply.status == wanted_status, full_path(api, route)
            continue
        fault = keystone_fault if api.mount[0] == "identity" else cinder_fault
        assert (reply.status, reply.json) == (401, fault(401, text, None)), full_path(api, route)
        wanted = 'Keystone uri="http://cloud.test:8776/identity/v3"'
        assert reply.headers["www-authenticate"] == wanted


async def everybody(cloud: Cloud) -> dict[str, Caller]:
    """Each kind of caller, with a new token."""
    return {"nobody": cloud.nobody} | {name: await cloud.log_in(name) for name in SCOPES}


async def test_who_may_use_what(cloud: Cloud, tmp_path: Path) -> None:
    """Each route, called by each caller, is granted or refused as the table says."""
    callers = await everybody(cloud)
    width = max(len(full_path(*pair)) for pair in ROUTES) + 2
    lines = [f"{'':{width + 7}}{'  '.join(callers)}".rstrip()]
    for api, route in sorted(ROUTES, key=lambda pair: (pair[0].mount, pair[1].path)):
        cells = []
        for name, who in callers.items():
            reply = await call(cloud, who, api, route)
            granted = "yes" if reply.status not in (401, 403) else str(reply.status)
            cells.append(granted.ljust(len(name)))
        lines.append(f"{route.method:7}{full_path(api, route):{width}}{'  '.join(cells)}".rstrip())
        await cloud.settled()
        if route.path.endswith("/rotate-keys"):  # Some of the callers could: the tokens have ended.
            callers = await everybody(cloud)
    actual = "\n".join([*lines, ""])
    (tmp_path / ACCESS.name).write_text(actual)
    golden = ACCESS.read_text() if ACCESS.exists() else ""
    diff = "\n".join(difflib.unified_diff(golden.splitlines(), lines, "golden", "actual", n=0))
    assert actual == golden, f"{diff}\nIf that is wanted: cp {tmp_path / ACCESS.name} {ACCESS}"


def test_every_route_is_documented() -> None:
    rows = re.findall(
        r"^\| ([A-Z]+) \| `(\S+)` \| (?:`(\S+)`|public) \| (\S+) \| (.+\.) \|$",
        DOCUMENT.read_text(),
        re.MULTILINE,
    )
    documented = [row[:4] for row in rows]
    wanted = [
        (
            route.method,
            full_path(api, route),
            route.policy.name if route.policy else "",
            since(api, route),
        )
        for api, route in ROUTES
    ]
    assert sorted(documented) == sorted(wanted)


async def test_a_wrong_method_is_told_the_right_ones(cloud: Cloud) -> None:
    methods: dict[str, set[str]] = {}
    for api, route in ROUTES:
        methods.setdefault(full_path(api, route).partition("#")[0], set()).add(route.method)
    for api, route in ROUTES:
        path = full_path(api, route).partition("#")[0]
        target = re.sub(r"\{\w+\}", NOBODY_HAS, path)
        for method in {"PATCH", "OPTIONS", "TRACE"} - methods[path]:
            reply = await cloud.admin.request(method, target)
            assert reply.status == 405, (method, target)
            allowed = reply.headers["allow"].split(", ")
            assert route.method in allowed
            assert ("HEAD" in allowed) is ("GET" in allowed)


async def test_head_is_get_without_the_body(cloud: Cloud) -> None:
    own = {"x-openstack-request-id", "x-compute-request-id"}
    for api, route in ROUTES:
        if route.method != "GET" or "/traces" in route.path:  # Each request is a further trace.
            continue
        get = await call(cloud, cloud.admin, api, route)
        head = await call(cloud, cloud.admin, api, dataclasses.replace(route, method="HEAD"))
        assert (head.status, head.body) == (get.status, b""), full_path(api, route)
        assert {name: value for name, value in head.headers.items() if name not in own} == {
            name: value for name, value in get.headers.items() if name not in own
        }
