"""``/role_assignments``: who has which role on what, as granted and in effect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from pumice.model.identity import Assignment, Domain, Group, Project, RoleQuery, ScopeKind, User
from pumice.store import assignments, domains, groups, projects, roles, users
from pumice.store.txn import Txn
from tests.api.cloud import STONE, Cloud, running
from tests.api.deployment import Deployment
from tests.api.identity import IDENTITY, make, person, refusal, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE: Final = f"http://cloud.test:8776{IDENTITY}"

# Ada is a digger and Bob is none. A foreman implies a member, who implies a reader.
GRANTS: Final = (
    "projects/{top}/users/{ada}/roles/{foreman}",
    "projects/{child}/users/{bob}/roles/{reader}",
    "domains/{stone}/groups/{diggers}/roles/{reader}",
    "OS-INHERIT/projects/{top}/groups/{diggers}/roles/{member}/inherited_to_projects",
    "OS-INHERIT/domains/{stone}/users/{bob}/roles/{tool}/inherited_to_projects",
    "projects/{top}/users/{bob}/roles/{own}",
    "system/users/{bob}/roles/{reader}",
    "system/groups/{diggers}/roles/{reader}",
)


class World(NamedTuple):
    """The ids of all that the tests are about, and their names."""

    cloud: Cloud
    ids: dict[str, str]

    @property
    def names(self) -> dict[str, str]:
        return {id_: name for name, id_ in self.ids.items()}

    async def listed(self, who: Any = None, **query: str) -> list[dict[str, Any]]:
        text = urlencode({key: self.ids.get(value, value) for key, value in query.items()})
        found = await (who or self.cloud.admin).get(f"{IDENTITY}/role_assignments?{text}")
        assert found["links"]["self"].startswith(f"{BASE}/role_assignments")
        listed: list[dict[str, Any]] = found["role_assignments"]
        return listed

    async def short(self, who: Any = None, **query: str) -> set[str]:
        """``ACTOR ROLE PLACE`` of each, and ``below`` with an inherited one; what others own is left out."""
        found = [self._words(one) for one in await self.listed(who, **query)]
        known = [words for words in found if words is not None]
        assert len(known) == len(set(known)), known
        return set(known)

    def _words(self, one: dict[str, Any]) -> str | None:
        names = self.names
        actor = names.get((one.get("user") or one["group"])["id"])
        if actor is None:
            return None
        scope = one["scope"]
        place = (
            "system"
            if "system" in scope
            else names[(scope.get("project") or scope["domain"])["id"]]
        )
        below = " below" if scope.get("OS-INHERIT:inherited_to") == "projects" else ""
        prior = one["links"].get("prior_role", "").removeprefix(f"{BASE}/roles/").partition("/")[0]
        by = f" by {names[prior]}" if prior else ""
        return f"{actor} {names[one['role']['id']]} {place}{below}{by}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with running(deployment, tmp_path_factory.mktemp("assignments")) as cloud:
        admin = cloud.admin
        listed = await admin.get(f"{IDENTITY}/roles")
        ids = {role["name"]: role["id"] for role in listed["roles"]}
        ids["stone"] = STONE
        for name, parent in (("top", STONE), ("child", "top"), ("grandchild", "child")):
            parent_id = ids.get(parent, parent)
            ids[name] = (await make(admin, "project", name=name, parent_id=parent_id))["id"]
        for name in ("foreman", "tool"):
            ids[name] = (await make(admin, "role", name=name))["id"]
        ids["own"] = (await make(admin, "role", name="own", domain_id=STONE))["id"]
        for name in ("ada", "bob"):
            ids[name] = (await make(admin, "user", name=name, domain_id=STONE))["id"]
        ids["diggers"] = (await make(admin, "group", name="diggers"))["id"]
        for method, path in (
            ("PUT", "groups/{diggers}/users/{ada}"),
            ("PUT", "roles/{foreman}/implies/{member}"),
            ("PUT", "roles/{own}/implies/{tool}"),
            *(("PUT", path) for path in GRANTS),
        ):
            assert await status(admin, method, path.format_map(ids)) in (201, 204)
        yield World(cloud, ids)


GRANTED: Final = {
    "ada foreman top",
    "bob reader child",
    "diggers reader stone",
    "diggers member top below",
    "bob tool stone below",
    "bob own top",
    "bob reader system",
    "diggers reader system",
}
ADA: Final = {
    "ada foreman top", "ada member top by foreman", "ada reader top by member", "ada reader stone",
    *(f"ada {role} {project} below{by}" for project in ("child", "grandchild")
      for role, by in (("member", ""), ("reader", " by member"))),
}  # fmt: skip
BOB: Final = {
    "bob reader child",
    "bob tool top by own",
    *(f"bob tool {project} below" for project in ("top", "child", "grandchild")),
}


FILTERS: Final[list[tuple[dict[str, str], set[str]]]] = [
    ({}, GRANTED),
    ({"user.id": "ada"}, {"ada foreman top"}),
    ({"user.id": "nobody"}, set()),
    ({"group.id": "diggers"}, {one for one in GRANTED if one.startswith("diggers")}),
    ({"role.id": "reader"}, {one for one in GRANTED if " reader " in one}),
    ({"role.id": "none"}, set()),
    ({"scope.project.id": "top"},
     {"ada foreman top", "bob own top", "diggers member top below"}),
    ({"scope.project.id": "grandchild"}, set()),
    ({"scope.project.id": "top", "include_subtree": "true"},
     {"ada foreman top", "bob own top", "diggers member top below", "bob reader child"}),
    ({"scope.project.id": "child", "include_subtree": "1"}, {"bob reader child"}),
    ({"scope.project.id": "top", "include_subtree": "0"},
     {"ada foreman top", "bob own top", "diggers member top below"}),
    ({"scope.domain.id": "stone"}, {"diggers reader stone", "bob tool stone below"}),
    ({"scope.system": "all"}, {"bob reader system", "diggers reader system"}),
    ({"scope.system": "some"}, GRANTED),
    ({"scope.system": "all", "user.id": "bob"}, {"bob reader system"}),
    ({"scope.OS-INHERIT:inherited_to": "projects"},
     {"diggers member top below", "bob tool stone below"}),
    ({"scope.OS-INHERIT:inherited_to": "x"}, {one for one in GRANTED if "below" not in one}),
    ({"scope.domain.id": "stone", "scope.OS-INHERIT:inherited_to": "projects"},
     {"bob tool stone below"}),
    ({"effective": ""}, ADA | BOB),
    ({"effective": "False"}, GRANTED),
    ({"effective": "true", "user.id": "ada"}, ADA),
    ({"effective": "true", "user.id": "bob"}, BOB),
    ({"effective": "true", "role.id": "reader"},
     {one for one in ADA | BOB if " reader " in one}),
    ({"effective": "true", "scope.project.id": "child"},
     {one for one in ADA | BOB if " child" in one}),
    ({"effective": "true", "scope.project.id": "child", "include_subtree": "true"},
     {one for one in ADA | BOB if "child" in one}),
    ({"effective": "true", "scope.domain.id": "stone"}, {"ada reader stone"}),
    ({"effective": "true", "scope.OS-INHERIT:inherited_to": "projects"},
     {one for one in ADA | BOB if "below" in one}),
    ({"effective": "true", "scope.system": "all"}, {"bob reader system", "ada reader system"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "wanted"), FILTERS, ids=[urlencode(query) or "none" for query, _ in FILTERS]
)
async def test_filters(world: World, query: dict[str, str], wanted: set[str]) -> None:
    assert await world.short(**query) == wanted


@pytest.mark.everywhere
async def test_what_is_effective_is_what_tokens_say(world: World) -> None:
    """The list and the roles of a token come from two queries, which must agree."""
    listed = await world.listed(effective="true")
    by_target: dict[tuple[str, str, str], set[str]] = {}
    for one in listed:
        scope = one["scope"]
        kind = "project" if "project" in scope else "domain"
        key = (one["user"]["id"], kind, scope[kind]["id"])
        by_target.setdefault(key, set()).add(one["role"]["id"])
    admin, store = world.cloud.admin, world.cloud.process.store
    kinds: tuple[tuple[ScopeKind, str], ...] = (("project", "projects"), ("domain", "domains"))
    for user in (await admin.get(f"{IDENTITY}/users"))["users"]:
        for kind, plural in kinds:
            for place in (await admin.get(f"{IDENTITY}/{plural}"))[plural]:
                found = await store.read(effective_role_ids, user["id"], kind, place["id"])
                wanted = by_target.get((user["id"], kind, place["id"]), set())
                assert found == wanted, (user["name"], kind, place["name"])


def effective_role_ids(txn: Txn, user_id: str, kind: ScopeKind, target_id: str) -> set[str]:
    """What a token for the target would say."""
    return {role.id for role in assignments.effective_roles(txn, user_id, kind, target_id)}


async def test_shapes(world: World) -> None:
    ids = world.ids
    (one,) = await world.listed(**{"user.id": "ada"})
    assert one == {
        "user": {"id": ids["ada"]},
        "role": {"id": ids["foreman"]},
        "scope": {"project": {"id": ids["top"]}},
        "links": {
            "assignment": f"{BASE}/projects/{ids['top']}/users/{ids['ada']}/roles/{ids['foreman']}"
        },
    }
    (one,) = await world.listed(
        **{"group.id": "diggers", "scope.OS-INHERIT:inherited_to": "projects"}
    )
    inherited = (
        f"{BASE}/OS-INHERIT/projects/{ids['top']}/groups/{ids['diggers']}/roles/{ids['member']}"
        "/inherited_to_projects"
    )
    assert one == {
        "group": {"id": ids["diggers"]},
        "role": {"id": ids["member"]},
        "scope": {"project": {"id": ids["top"]}, "OS-INHERIT:inherited_to": "projects"},
        "links": {"assignment": inherited},
    }
    (one,) = await world.listed(
        **{"effective": "", "user.id": "ada", "role.id": "reader", "scope.project.id": "grandchild"}
    )
    assert one == {
        "user": {"id": ids["ada"]},
        "role": {"id": ids["reader"]},
        "scope": {"project": {"id": ids["grandchild"]}, "OS-INHERIT:inherited_to": "projects"},
        "links": {
            "assignment": inherited,
            "membership": f"{BASE}/groups/{ids['diggers']}/users/{ids['ada']}",
            "prior_role": f"{BASE}/roles/{ids['member']}/implies/{ids['reader']}",
        },
    }
    (one,) = await world.listed(**{"scope.system": "all", "user.id": "bob"})
    assert one["scope"] == {"system": {"all": True}}
    assert one["links"] == {"assignment": f"{BASE}/system/users/{ids['bob']}/roles/{ids['reader']}"}


async def test_names(world: World) -> None:
    ids = world.ids
    stone, default = {"id": STONE, "name": "Stone"}, {"id": "default", "name": "Default"}
    found = await world.listed(include_names="true", **{"scope.project.id": "top"})
    by_role = {one["role"]["name"]: one for one in found}
    assert by_role["own"]["role"] == {"id": ids["own"], "name": "own", "domain": stone}
    assert by_role["own"]["user"] == {"id": ids["bob"], "name": "bob", "domain": stone}
    assert by_role["own"]["scope"]["project"] == {"id": ids["top"], "name": "top", "domain": stone}
    assert by_role["member"]["role"] == {"id": ids["member"], "name": "member"}
    assert by_role["member"]["group"] == {
        "id": ids["diggers"],
        "name": "diggers",
        "domain": default,
    }
    (one,) = await world.listed(
        include_names="true", **{"scope.domain.id": "stone", "group.id": "diggers"}
    )
    assert one["scope"] == {"domain": stone}


async def test_every_link_leads_to_what_is_there(world: World) -> None:
    for query in ({}, {"effective": "true"}):
        for one in await world.listed(**query):
            for link in one["links"].values():
                target = link.removeprefix(f"{BASE}/")
                assert await status(world.cloud.admin, "HEAD", target) == 204, link


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("user.id=a&group.id=b", 400, "Specify a user or group, not both"),
        ("scope.project.id=a&scope.domain.id=b", 400, "Specify a domain or project, not both"),
        ("scope.system=all&scope.domain.id=b", 400, "Specify system or domain, not both"),
        ("scope.system=all&scope.project.id=b", 400, "Specify system or project, not both"),
        (
            "effective&group.id=a",
            400,
            "Combining effective and group filter will always result in an empty list.",
        ),
        (
            "effective&scope.domain.id=a&scope.OS-INHERIT:inherited_to=projects",
            400,
            "Combining effective, domain and inherited filters will always result in an empty list.",
        ),
        (
            "include_subtree",
            400,
            "scope.project.id must be specified if include_subtree is also specified",
        ),
        ("include_subtree&scope.project.id=none", 404, "Could not find project: none."),
        ("user.id=", 400, "Invalid input for query parameter user.id: it is empty."),
        (
            "effective=perhaps",
            400,
            "Invalid input for query parameter effective: 'perhaps' is not a boolean.",
        ),
    ],
)
async def test_filters_that_make_no_sense(world: World, query: str, code: int, text: str) -> None:
    found = await refusal(world.cloud.admin, "GET", f"role_assignments?{query}")
    assert found == (code, text)


async def test_who_sees_what(world: World) -> None:
    cloud = world.cloud
    system = await cloud.log_in("system reader")
    assert await world.short(system) == GRANTED
    reader = await person(cloud, "rosa", "reader", STONE)
    assert await world.short(reader) == {one for one in GRANTED if "system" not in one}
    assert await world.short(reader, effective="") == ADA | BOB
    tree = {"scope.project.id": "top", "include_subtree": ""}
    assert len(await world.short(reader, **tree)) == 4

    other = await cloud.log_in("domain reader")
    assert await world.short(other) == set()
    query = urlencode(tree | {"scope.project.id": world.ids["top"]})
    assert await status(other, "GET", f"role_assignments?{query}") == 403
    for who in (cloud.member, await cloud.log_in("guest")):
        assert await status(who, "GET", "role_assignments") == 403
        assert await status(who, "GET", f"role_assignments?{query}") == 403


def grant_to_a_crowd(txn: Txn) -> None:
    """A role for a group of 260 users on the 200 projects of a domain."""
    domains.insert(txn, Domain("crowded", "Crowded", "", True, 0))
    groups.insert(txn, Group("crowd", "crowded", "Crowd", "", {}, 0))
    for n in range(200):
        projects.insert(txn, Project(f"place-{n}", "crowded", "crowded", f"P{n}", "", True, 0))
    for n in range(260):
        users.insert(txn, User(f"one-{n}", "crowded", f"U{n}", True, None, None, None, 0), None)
        groups.add_member(txn, "crowd", f"one-{n}")
    role = roles.select(txn, RoleQuery(name="reader"))[0].id
    assignments.insert(txn, Assignment("group", "crowd", "domain", "crowded", role, inherited=True))


async def test_more_than_one_answer_holds(deployment: Deployment, tmp_path: Path) -> None:
    async with running(deployment, tmp_path) as cloud:
        await cloud.write(grant_to_a_crowd)
        told = (
            "There are more than 50000 such role assignments; ask for those of one user, group, role, "
            "project or domain."
        )
        assert await refusal(cloud.admin, "GET", "role_assignments?effective") == (400, told)
        for query, number in (("effective&user.id=one-7", 200), ("scope.domain.id=crowded", 1)):
            found = await cloud.admin.get(f"{IDENTITY}/role_assignments?{query}")
            assert len(found["role_assignments"]) == number
