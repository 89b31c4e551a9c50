"""Roles of users and groups on projects, domains and the system: one matrix for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from tests.api.cloud import MOUNTAIN, OCEAN, STONE, Caller, Cloud, running
from tests.api.deployment import Deployment
from tests.api.identity import IDENTITY, ask_token, logged_in, make, person, refusal, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD: Final = "right"
INHERITED: Final = "inherited_to_projects"


class Kind(NamedTuple):
    """A kind of grant: whose, and on what."""

    actor: str
    place: str
    inherited: bool = False


KINDS: Final = [
    *(Kind(actor, place) for actor in ("user", "group") for place in ("project", "domain", "system")),
    *(Kind(actor, place, True) for actor in ("user", "group") for place in ("project", "domain")),
]  # fmt: skip


class World(NamedTuple):
    """A domain with a project below another one, and a user who is in a group."""

    cloud: Cloud
    ids: dict[str, str]

    def path(self, kind: Kind, role: str | None = "role", /, **other: str) -> str:
        """Of a grant, or without a role of all of a kind; ``other`` are ids to take instead."""
        ids = self.ids | other
        place = "system" if kind.place == "system" else f"{kind.place}s/{ids[kind.place]}"
        path = f"{place}/{kind.actor}s/{ids[kind.actor]}/roles"
        if role is not None:
            path += f"/{ids[role]}"
        return f"OS-INHERIT/{path}/{INHERITED}" if kind.inherited else path

    async def scope(self, kind: Kind) -> dict[str, Any]:
        """The scope in which such a grant holds."""
        if kind.place == "system":
            return {"system": {"all": True}}
        if kind.place == "domain" and not kind.inherited:
            return {"domain": {"id": self.ids["domain"]}}
        return {"project": {"id": self.ids["child" if kind.inherited else "project"]}}

    async def roles(self, scope: Any) -> list[str] | None:
        """What the user's new token for ``scope`` says; None if he gets none."""
        reply = await ask_token(self.cloud, self.ids["user"], PASSWORD, scope)
        if reply.status == 401:
            return None
        return [role["name"] for role in reply.json["token"]["roles"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with running(deployment, tmp_path_factory.mktemp("grants")) as cloud:
        admin = cloud.admin
        project = (await make(admin, "project", name="top", domain_id=STONE))["id"]
        child = (await make(admin, "project", name="below", parent_id=project))["id"]
        user = (await make(admin, "user", name="ada", domain_id=STONE, password=PASSWORD))["id"]
        group = (await make(admin, "group", name="diggers", domain_id=STONE))["id"]
        assert await status(admin, "PUT", f"groups/{group}/users/{user}") == 204
        ids = {"domain": STONE, "project": project, "child": child, "user": user, "group": group}
        ids["role"] = (await make(admin, "role", name="digger"))["id"]
        ids["other"] = (await make(admin, "role", name="other"))["id"]
        ids["own"] = (await make(admin, "role", name="own", domain_id=STONE))["id"]
        ids["foreign"] = (await make(admin, "role", name="foreign", domain_id="default"))["id"]
        yield World(cloud, ids)


@pytest.mark.parametrize("kind", KINDS, ids=[" ".join(map(str, kind)) for kind in KINDS])
class TestEachKind:
    async def test_from_its_creation_to_its_end(self, world: World, kind: Kind) -> None:
        """It is there in its own place and in no other, and counts for the user as long as it is there."""
        admin = world.cloud.admin
        path = world.path(kind)
        scope = await world.scope(kind)
        target = "system" if kind.place == "system" else world.ids[kind.place]
        gone = (
            f"Could not find role assignment with role: {world.ids['role']}, user or group: "
            f"{world.ids[kind.actor]}, project, domain, or system: {target}."
        )
        assert await refusal(admin, "GET", path) == (404, gone)
        assert await refusal(admin, "DELETE", path) == (404, gone)
        assert await world.roles(scope) is None

        for _ in range(2):  # A second time is no mistake.
            reply = await admin.request("PUT", f"{IDENTITY}/{path}")
            assert (reply.status, reply.body) == (204, b"")
        for other in KINDS:
            wanted = 204 if other == kind else 404
            for method in ("GET", "HEAD"):
                assert await status(admin, method, world.path(other)) == wanted
        assert await status(admin, "GET", world.path(kind, "other")) == 404
        if kind != Kind(kind.actor, "project", inherited=True):
            listed = await admin.get(f"{IDENTITY}/{world.path(kind, None)}")
            shown = await admin.get(f"{IDENTITY}/roles/{world.ids['role']}")
            assert listed["roles"] == [shown["role"]]
            own = f"http://cloud.test:8776{IDENTITY}/{world.path(kind, None)}"
            assert listed["links"] == {"self": own, "previous": None, "next": None}
        assert await world.roles(scope) == ["digger"]
        caller = await logged_in(world.cloud, world.ids["user"], PASSWORD, scope)
        assert await status(caller, "GET", "auth/projects") == 200

        assert await status(admin, "DELETE", path) == 204
        assert await status(caller, "GET", "auth/projects") == 401
        assert await refusal(admin, "GET", path) == (404, gone)
        assert await world.roles(scope) is None

    async def test_of_what_does_not_exist(self, world: World, kind: Kind) -> None:
        admin = world.cloud.admin
        for part in {kind.actor, kind.place, "role"} - {"system"}:
            path = world.path(kind, **{part: "none"})
            text = f"Could not find {part}: none."
            for method in ("GET", "PUT", "DELETE"):
                assert await refusal(admin, method, path) == (404, text)
        for part in {kind.actor, kind.place} - {"system"}:
            if kind.inherited and kind.place == "project":
                continue
            path = world.path(kind, None, **{part: "none"})
            assert await refusal(admin, "GET", path) == (404, f"Could not find {part}: none.")

    async def test_of_a_domains_role(self, world: World, kind: Kind) -> None:
        admin = world.cloud.admin
        own, foreign = world.path(kind, "own"), world.path(kind, "foreign")
        if kind.place == "system":
            text = (
                f"Role {world.ids['own']} is a domain-specific role. Unable to use a "
                "domain-specific role in a system assignment."
            )
            assert await refusal(admin, "PUT", own) == (400, text)
            return
        assert await status(admin, "PUT", own) == 204
        assert await status(admin, "DELETE", own) == 204
        if kind.place == "project":
            text = (
                f"Project {world.ids['project']} must be in the same domain as the role "
                f"{world.ids['foreign']} being assigned."
            )
            assert await refusal(admin, "PUT", foreign) == (403, text)

    async def test_is_not_for_everybody(self, world: World, kind: Kind) -> None:
        """Nobody learns here whether something exists."""
        for path in (world.path(kind), world.path(kind, **{kind.actor: "none"})):
            for who in (world.cloud.member, await world.cloud.log_in("domain reader")):
                for method in ("GET", "PUT", "DELETE"):
                    assert await status(who, method, path) == 403
        system = await world.cloud.log_in("system reader")
        assert await status(system, "GET", world.path(kind)) == 404
        assert await status(system, "PUT", world.path(kind)) == 403
        assert await status(system, "DELETE", world.path(kind)) == 403


@pytest.mark.everywhere
async def test_an_inherited_role_holds_below_and_not_on_its_target(world: World) -> None:
    admin = world.cloud.admin
    top, child = world.ids["project"], world.ids["child"]
    scopes = [{"project": {"id": top}}, {"project": {"id": child}}, {"domain": {"id": STONE}}]
    for place, wanted in (("project", [None, ["digger"], None]),
                          ("domain", [["digger"], ["digger"], None])):  # fmt: skip
        path = world.path(Kind("group", place, inherited=True))
        assert await status(admin, "PUT", path) == 204
        assert [await world.roles(scope) for scope in scopes] == wanted
        assert await status(admin, "DELETE", path) == 204


@pytest.mark.everywhere
async def test_who_leaves_a_group_loses_its_roles_at_once(world: World) -> None:
    admin = world.cloud.admin
    kind = Kind("group", "project")
    member = f"groups/{world.ids['group']}/users/{world.ids['user']}"
    assert await status(admin, "PUT", world.path(kind)) == 204
    caller = await logged_in(world.cloud, world.ids["user"], PASSWORD, await world.scope(kind))
    assert await status(caller, "GET", "auth/projects") == 200
    assert await status(admin, "DELETE", member) == 204
    assert await status(caller, "GET", "auth/projects") == 401
    assert await status(admin, "PUT", member) == 204
    assert await status(caller, "GET", "auth/projects") == 200
    assert await status(admin, "DELETE", world.path(kind)) == 204


async def role_ids(cloud: Cloud) -> dict[str, str]:
    listed = await cloud.admin.get(f"{IDENTITY}/roles")
    return {role["name"]: role["id"] for role in listed["roles"]}


@pytest_asyncio.fixture(loop_scope="module")
async def manager(world: World) -> Caller:
    name = f"max-{world.cloud.process.services.seams.ids.identity_side()}"
    return await person(world.cloud, name, "manager", STONE)


async def test_a_manager_grants_what_he_may_in_his_domain(world: World, manager: Caller) -> None:
    roles = await role_ids(world.cloud)
    for kind in KINDS:
        for role in ("manager", "member", "reader", "admin", "service", "digger", "own"):
            world.ids["chosen"] = roles.get(role, world.ids.get(role, ""))
            path = world.path(kind, "chosen")
            granted = kind.place != "system" and role in ("manager", "member", "reader")
            assert await status(manager, "PUT", path) == (204 if granted else 403), (kind, role)
            if granted:
                assert await status(manager, "GET", path) == 204
                assert await status(manager, "DELETE", path) == 204
        if kind.place != "system" and not (kind.inherited and kind.place == "project"):
            assert await status(manager, "GET", world.path(kind, None)) == 200


async def test_a_manager_keeps_to_his_domain(world: World, manager: Caller) -> None:
    """Neither what he grants on, nor to whom, may be another domain's, nor what does not exist."""
    cloud = world.cloud
    stranger = (await make(cloud.admin, "user", name="eve"))["id"]
    group = (await make(cloud.admin, "group", name="strangers"))["id"]
    world.ids["chosen"] = (await role_ids(cloud))["reader"]
    for kind in KINDS:
        strangers = {"user": stranger, "group": group}
        others: list[dict[str, str]] = [{kind.actor: strangers[kind.actor]}, {kind.actor: "none"}]
        if kind.place == "project":
            others += [{"project": MOUNTAIN}, {"project": OCEAN}, {"project": "none"}]
        if kind.place == "domain":
            others += [{"domain": "default"}, {"domain": "none"}]
        for other in others:
            path = world.path(kind, "chosen", **other)
            for method in ("GET", "PUT", "DELETE"):
                assert await status(manager, method, path) == 403, (method, path)


async def test_a_reader_of_the_domain_reads(world: World) -> None:
    reader = await person(world.cloud, "rosa", "reader", STONE)
    world.ids["chosen"] = (await role_ids(world.cloud))["reader"]
    for kind in KINDS:
        wanted = 403 if kind.place == "system" else 404
        assert await status(reader, "GET", world.path(kind, "chosen")) == wanted
        assert await status(reader, "GET", world.path(kind, "own")) == wanted
        assert await status(reader, "GET", world.path(kind, "foreign")) == 403
        assert await status(reader, "PUT", world.path(kind, "chosen")) == 403
        assert await status(reader, "DELETE", world.path(kind, "chosen")) == 403
