"""Projects: their trees, tags, filters and options; domains as the projects that Keystone has them for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.cloud import MOUNTAIN, OCEAN, STONE, Cloud
from tests.api.identity import (
    IDENTITY,
    assign,
    change,
    is_valid,
    logged_in,
    make,
    names,
    person,
    refusal,
    status,
    taken,
)


async def tree(cloud: Cloud, *path: str) -> list[str]:
    """The ids of new projects, each below the one before it."""
    ids: list[str] = []
    for name in path:
        above = {"parent_id": ids[-1]} if ids else {}
        ids.append((await make(cloud.admin, "project", name=name, **above))["id"])
    return ids


async def test_a_project_from_its_creation_to_its_end(cloud: Cloud) -> None:
    made = await make(cloud.admin, "project", name=" dune ", tags=["a", "b"], cost=7)
    wanted = {
        "id": made["id"],
        "name": "dune",
        "domain_id": "default",
        "parent_id": "default",
        "description": "",
        "enabled": True,
        "is_domain": False,
        "tags": ["a", "b"],
        "options": {},
        "cost": 7,
        "links": {"self": f"http://cloud.test:8776{IDENTITY}/projects/{made['id']}"},
    }
    assert made == wanted
    target = f"projects/{made['id']}"
    assert await cloud.admin.get(f"{IDENTITY}/{target}") == {"project": wanted}
    changed = await change(
        cloud.admin, "project", made["id"], name="crest", enabled=False, cost=None, tags=[]
    )
    assert changed == wanted | {"name": "crest", "enabled": False, "cost": None, "tags": []}
    same = {"id": made["id"], "domain_id": "default", "parent_id": "default", "is_domain": False}
    assert await change(cloud.admin, "project", made["id"], **same) == changed
    assert await status(cloud.admin, "DELETE", target) == 204
    assert await status(cloud.admin, "GET", target) == 404


async def test_the_domain_of_a_new_project(cloud: Cloud) -> None:
    manager = await person(cloud, "mara", "manager", STONE)
    own = await make(manager, "project", name="of the token")
    below = await make(cloud.admin, "project", name="of its parent", parent_id=own["id"])
    at_top = await make(cloud.admin, "project", name="of its domain", parent_id=STONE)
    asked = await make(cloud.admin, "project", name="asked for", domain_id=STONE, parent_id=None)
    assert [one["domain_id"] for one in (own, below, at_top, asked)] == [STONE] * 4
    assert [one["parent_id"] for one in (own, below, at_top, asked)] == [
        STONE, own["id"], STONE, STONE,
    ]  # fmt: skip
    again = await make(cloud.admin, "project", name="of the token", domain_id="default")
    assert again["domain_id"] == "default"


async def test_a_name_is_taken_within_its_domain_only(cloud: Cloud) -> None:
    body = {"project": {"name": "mountain"}}
    assert await refusal(cloud.admin, "POST", "projects", body) == taken(
        "project", "mountain", "default"
    )
    assert await status(cloud.admin, "PATCH", f"projects/{OCEAN}", body) == 409
    await change(cloud.admin, "project", MOUNTAIN, name="mountain")
    await make(cloud.admin, "project", name="mountain", domain_id=STONE)


@pytest.mark.everywhere
async def test_a_tree_is_five_deep(cloud: Cloud) -> None:
    ids = await tree(cloud, "one", "two", "three", "four", "five")
    body = {"project": {"name": "six", "parent_id": ids[-1]}}
    wanted = (403, f"Max hierarchy depth reached for {ids[-1]} branch.")
    assert await refusal(cloud.admin, "POST", "projects", body) == wanted


async def test_what_is_above_and_below(cloud: Cloud) -> None:
    top, left, leaf = await tree(cloud, "top", "left", "leaf")
    right = (await make(cloud.admin, "project", name="right", parent_id=top))["id"]

    async def shown(id_: str, query: str) -> dict[str, Any]:
        answer = await cloud.admin.get(f"{IDENTITY}/projects/{id_}?{query}")
        project: dict[str, Any] = answer["project"]
        return project

    found = await shown(leaf, "parents_as_ids&subtree_as_ids")
    assert (found["parents"], found["subtree"]) == ({left: {top: {"default": None}}}, None)
    found = await shown(top, "parents_as_ids=1&subtree_as_ids=true")
    assert found["parents"] == {"default": None}
    assert found["subtree"] == {left: {leaf: None}, right: None}
    assert (await shown(top, "subtree_as_ids=0")).keys() == (await shown(top, "")).keys()

    found = await shown(leaf, "parents_as_list")
    assert found["parents"] == []  # The caller has no role there.
    user = (await cloud.admin.get(f"{IDENTITY}/users?name=admin"))["users"][0]["id"]
    for one in (top, left, leaf):
        await assign(cloud, ("user", user), "reader", ("project", one))
    found = await shown(leaf, "parents_as_list&subtree_as_ids")
    assert [one["project"]["id"] for one in found["parents"]] == [left, top]
    assert found["parents"][0]["project"] == await shown(left, "")
    found = await shown(top, "subtree_as_list")
    assert [one["project"]["id"] for one in found["subtree"]] == [left, leaf]
    found = await shown("default", "subtree_as_ids&parents_as_ids")
    assert (found["subtree"][top], found["parents"]) == ({left: {leaf: None}, right: None}, None)

    for kind in ("parents", "subtree"):
        target = f"projects/{top}?{kind}_as_list&{kind}_as_ids"
        text = f"Cannot use {kind}_as_list and {kind}_as_ids query params at the same time."
        assert await refusal(cloud.admin, "GET", target) == (400, text)


@pytest.mark.parametrize("with_its_domain", [False, True])
async def test_what_others_keep_of_a_project_goes_with_it(
    cloud: Cloud, with_its_domain: bool
) -> None:
    domain = (await make(cloud.admin, "domain", name="new"))["id"]
    project = (await make(cloud.admin, "project", name="new", domain_id=domain))["id"]
    volume_type = (await cloud.admin.create_type("own"))["id"]
    flavor = (await cloud.admin.get("/compute/v2.1/flavors"))["flavors"][0]["id"]
    values = {"project": project, "type": volume_type, "flavor": flavor}
    rows = {
        "flavor_access": "(flavor_id, project_id) VALUES (:flavor, :project)",
        "volume_type_access": "(volume_type_id, project_id) VALUES (:type, :project)",
        "default_types": "(volume_type_id, project_id) VALUES (:type, :project)",
        "quota_limits": "(resource, project_id, hard_limit) VALUES ('volumes', :project, 3)",
    }
    for table, row in rows.items():
        await cloud.sql(f"INSERT INTO {table} {row}", **values)
    if with_its_domain:
        await change(cloud.admin, "domain", domain, enabled=False)
        assert await status(cloud.admin, "DELETE", f"domains/{domain}") == 204
    else:
        assert await status(cloud.admin, "DELETE", f"projects/{project}") == 204
    for table in rows:
        select = f"SELECT * FROM {table}"  # noqa: S608 - the names above
        assert await cloud.process.store.read(lambda txn, sql: txn.all(sql), select) == []
    # Nobody's default any more, so it may go.
    assert (await cloud.admin.request("DELETE", f"/volume/v3/types/{volume_type}")).status == 202


@pytest.mark.everywhere
async def test_enabled_and_disabled_in_a_tree(cloud: Cloud) -> None:
    top, leaf = await tree(cloud, "top", "leaf")
    off, on = {"project": {"enabled": False}}, {"project": {"enabled": True}}
    assert await refusal(cloud.admin, "PATCH", f"projects/{top}", off) == (
        403,
        f"Cannot disable project {top} since its subtree contains enabled projects.",
    )
    await change(cloud.admin, "project", leaf, enabled=False)
    await change(cloud.admin, "project", top, enabled=False)
    assert await refusal(cloud.admin, "PATCH", f"projects/{leaf}", on) == (
        403,
        f"Cannot enable project {leaf} since it has disabled parents",
    )
    body = {"project": {"name": "new", "parent_id": leaf}}
    assert await refusal(cloud.admin, "POST", "projects", body) == (
        400,
        f"cannot create a project in a branch containing a disabled project: {leaf}",
    )
    await change(cloud.admin, "project", top, enabled=True)
    await change(cloud.admin, "project", leaf, enabled=True)


async def test_a_parent_outlives_its_children(cloud: Cloud) -> None:
    top, leaf = await tree(cloud, "top", "leaf")
    code, text = await refusal(cloud.admin, "DELETE", f"projects/{top}")
    assert (code, text.partition(" since ")[0]) == (403, f"Cannot delete the project {top}")
    assert await status(cloud.admin, "DELETE", f"projects/{leaf}") == 204
    assert await status(cloud.admin, "DELETE", f"projects/{top}") == 204


@pytest.mark.everywhere
async def test_the_end_of_a_project_with_volumes(cloud: Cloud) -> None:
    volume = await cloud.member.create_volume(name="kept")
    await cloud.settled()
    user = await make(cloud.admin, "user", name="ada", default_project_id=MOUNTAIN)
    assert await status(cloud.admin, "DELETE", f"projects/{MOUNTAIN}") == 204
    assert not await is_valid(cloud, cloud.member)
    listed = await cloud.admin.get("/volume/v3/volumes/detail?all_tenants=1")
    assert [(one["id"], one["os-vol-tenant-attr:tenant_id"]) for one in listed["volumes"]] == [
        (volume["id"], MOUNTAIN)
    ]
    shown = (await cloud.admin.get(f"{IDENTITY}/users/{user['id']}"))["user"]
    assert "default_project_id" not in shown
    rows = await cloud.process.store.read(
        lambda txn: txn.all(f"SELECT 1 FROM role_assignments WHERE target_id = '{MOUNTAIN}'")  # noqa: S608 - a constant
    )
    assert rows == []


async def test_an_immutable_project(cloud: Cloud) -> None:
    made = await make(cloud.admin, "project", name="dune", options={"immutable": True})
    target = f"projects/{made['id']}"
    assert await status(cloud.admin, "DELETE", target) == 403
    assert await status(cloud.admin, "PATCH", target, {"project": {"name": "x"}}) == 403
    assert await status(cloud.admin, "PUT", f"{target}/tags/a") == 403
    assert await status(cloud.admin, "PUT", f"{target}/tags", {"tags": ["a"]}) == 403
    await change(cloud.admin, "project", made["id"], options={"immutable": False})
    assert await status(cloud.admin, "PUT", f"{target}/tags/a") == 201
    assert await status(cloud.admin, "DELETE", target) == 204


async def test_a_domain_is_a_project(cloud: Cloud) -> None:
    made = await make(cloud.admin, "project", name="Sand", is_domain=True, color="red")
    wanted = {"is_domain": True, "domain_id": None, "parent_id": None, "color": "red"}
    assert wanted.items() <= made.items()
    shown = (await cloud.admin.get(f"{IDENTITY}/domains/{made['id']}"))["domain"]
    assert (shown["name"], shown["color"]) == ("Sand", "red")
    assert (await cloud.admin.get(f"{IDENTITY}/projects/{made['id']}"))["project"] == made
    assert "Sand" not in await names(cloud.admin, "projects")
    assert await names(cloud.admin, "projects?is_domain=true") == ["Default", "Stone", "Sand"]
    assert await names(cloud.admin, "projects?is_domain=true&name__startswith=S&limit=1") == [
        "Stone"
    ]
    assert await names(cloud.admin, "projects?is_domain=true&domain_id=default") == []
    assert await names(cloud.admin, f"projects?is_domain=true&marker={STONE}") == ["Sand"]

    changed = await change(cloud.admin, "project", made["id"], tags=["a"], name="Dust")
    assert (changed["tags"], changed["name"], changed["is_domain"]) == (["a"], "Dust", True)
    assert await names(cloud.admin, "projects?is_domain=true&tags=a") == ["Dust"]
    assert await names(cloud.admin, "projects?is_domain=true&not-tags-any=a&not-tags=b") == [
        "Default", "Stone",
    ]  # fmt: skip
    assert await status(cloud.admin, "GET", f"projects/{made['id']}/tags/a") == 204
    for body, code in (
        ({"domain_id": "default"}, 400),
        ({"parent_id": "default"}, 403),
        ({"is_domain": False}, 400),
    ):
        target = f"projects/{made['id']}"
        assert await status(cloud.admin, "PATCH", target, {"project": body}) == code
    assert await status(cloud.admin, "DELETE", f"projects/{made['id']}") == 403
    await change(cloud.admin, "project", made["id"], enabled=False, is_domain=True, parent_id=None)
    assert await status(cloud.admin, "DELETE", f"projects/{made['id']}") == 204
    assert await status(cloud.admin, "GET", f"domains/{made['id']}") == 404


async def test_tags_of_a_project(cloud: Cloud) -> None:
    target = f"projects/{MOUNTAIN}/tags"
    own = f"http://cloud.test:8776{IDENTITY}/{target}"
    reply = await cloud.admin.request("PUT", f"{IDENTITY}/{target}/b%20%C3%A9")
    assert (reply.status, reply.body) == (201, b"")
    assert reply.headers["location"] == f"{own}/b%20%C3%A9"
    assert await status(cloud.admin, "PUT", f"{target}/b%20%C3%A9") == 201
    assert await cloud.admin.get(f"{IDENTITY}/{target}") == {
        "tags": ["b é"],
        "links": {"self": own},
    }
    assert await status(cloud.member, "GET", f"{target}/b%20%C3%A9") == 204
    assert await refusal(cloud.admin, "GET", f"{target}/a") == (
        404,
        "Could not find project tag: a.",
    )
    reply = await cloud.admin.request("PUT", f"{IDENTITY}/{target}", {"tags": [" a ", "c"]})
    assert (reply.status, reply.json["tags"]) == (200, ["a", "c"])
    assert await status(cloud.admin, "DELETE", f"{target}/a") == 204
    assert await status(cloud.admin, "DELETE", f"{target}/a") == 404
    assert await status(cloud.admin, "DELETE", target) == 204
    assert (await cloud.admin.get(f"{IDENTITY}/projects/{MOUNTAIN}"))["project"]["tags"] == []


async def test_a_project_has_at_most_eighty_tags(cloud: Cloud) -> None:
    target = f"projects/{MOUNTAIN}/tags"
    tags = [f"t{number}" for number in range(80)]
    assert await status(cloud.admin, "PUT", target, {"tags": tags}) == 200
    assert await status(cloud.admin, "PUT", f"{target}/t0") == 201
    assert await status(cloud.admin, "PUT", f"{target}/more") == 400
    assert await status(cloud.admin, "PUT", target, {"tags": [*tags, "more"]}) == 400
    assert (await cloud.admin.get(f"{IDENTITY}/{target}"))["tags"] == tags


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("tags=a", ["ab", "a"]),
        ("tags=a,b", ["ab"]),
        ("tags=b,a", ["ab"]),
        ("tags-any=b,c", ["ab", "quote"]),
        ("not-tags=a,b", ["admin", "mountain", "ocean", "a", "quote"]),
        ("not-tags-any=a,c", ["admin", "mountain", "ocean"]),
        ("tags=a&not-tags=b", ["a"]),
        ("tags-any=a,c&not-tags-any=b", ["a", "quote"]),
        ('tags=x"a', ["quote"]),
        ("tags=A", []),
        ("tags=", []),
        ("name__contains=OU", []),
        ("name__icontains=OU", ["mountain"]),
        ("name__startswith=a", ["admin", "ab", "a"]),
        ("name__istartswith=A", ["admin", "ab", "a"]),
        ("name__endswith=n", ["admin", "mountain", "ocean"]),
        ("name__iendswith=MOUNTAIN", ["mountain"]),
        ("name__endswith=a-mountain", []),
        ("name__contains=%25", []),
        ("name__contains=", ["admin", "mountain", "ocean", "ab", "a", "quote"]),
        ("name__equals=x&color__contains=x&matches=x", ["admin", "mountain", "ocean", "ab", "a", "quote"]),
        ("parent_id=default&name__contains=oun", ["mountain"]),
        ("is_domain=0&name=a", ["a"]),
        ("limit=2&tags=a", ["ab", "a"]),
    ],
)  # fmt: skip
async def test_filters(cloud: Cloud, query: str, wanted: list[str]) -> None:
    for name, tags in (("ab", ["a", "b"]), ("a", ["a"]), ("quote", ['x"a', "c"])):
        await make(cloud.admin, "project", name=name, tags=tags)
    assert await names(cloud.admin, f"projects?{query}") == wanted


async def test_a_manager_keeps_to_his_domain(cloud: Cloud) -> None:
    manager = await person(cloud, "mara", "manager", STONE)
    reader = await person(cloud, "rosa", "reader", STONE)
    made = await make(manager, "project", name="dune")
    assert await names(manager, "projects") == await names(reader, "projects") == ["dune"]
    assert await status(reader, "GET", f"projects/{made['id']}") == 200
    assert await status(reader, "GET", f"projects/{MOUNTAIN}") == 403
    await change(manager, "project", made["id"], name="crest")
    assert await status(manager, "PUT", f"projects/{made['id']}/tags/a") == 201
    new: dict[str, Any] = {"name": "new"}
    for body in (
        new | {"domain_id": "default"},
        new | {"is_domain": True},
    ):
        assert await status(manager, "POST", "projects", {"project": body}) == 403
    for body in (
        new | {"is_domain": True, "domain_id": STONE},
        new | {"parent_id": MOUNTAIN},
        new | {"parent_id": "default", "domain_id": STONE},
    ):
        assert await status(manager, "POST", "projects", {"project": body}) == 400
    for project_id in (MOUNTAIN, STONE, "nowhere"):
        target = f"projects/{project_id}"
        assert await status(manager, "PATCH", target, {"project": new}) == 403
        assert await status(manager, "DELETE", target) == 403
        assert await status(manager, "PUT", f"{target}/tags/a") == 403
    for who in (reader, cloud.member):
        assert await status(who, "POST", "projects", {"project": new}) == 403
        assert await status(who, "PATCH", f"projects/{made['id']}", {"project": new}) == 403
        assert await status(who, "DELETE", f"projects/{made['id']}") == 403
    assert await status(manager, "DELETE", f"projects/{made['id']}") == 204


async def test_projects_that_a_user_has_a_role_on(cloud: Cloud) -> None:
    top, leaf = await tree(cloud, "top", "leaf")
    user = (await make(cloud.admin, "user", name="ada", password="x"))["id"]
    group = (await make(cloud.admin, "group", name="diggers"))["id"]
    target = f"users/{user}/projects"
    assert await names(cloud.admin, target) == []
    await assign(cloud, ("user", user), "member", ("project", OCEAN))
    await assign(cloud, ("group", group), "member", ("project", MOUNTAIN))
    await assign(cloud, ("user", user), "member", ("project", top), inherited=True)
    assert await names(cloud.admin, target) == ["ocean", "leaf"]
    assert await status(cloud.admin, "PUT", f"groups/{group}/users/{user}") == 204
    assert await names(cloud.admin, target) == ["mountain", "ocean", "leaf"]
    assert await names(cloud.admin, f"{target}?name=leaf") == ["leaf"]
    await change(cloud.admin, "project", leaf, enabled=False)
    assert await names(cloud.admin, f"{target}?enabled=false") == ["leaf"]
    ada = await logged_in(cloud, user, "x")
    assert await names(ada, target) == await names(ada, "auth/projects")
    assert await status(cloud.member, "GET", target) == 403
    assert await status(cloud.admin, "GET", "users/nobody/projects") == 404
    await assign(cloud, ("group", group), "member", ("domain", "default"), inherited=True)
    assert await names(ada, target) == ["admin", "mountain", "ocean", "top", "leaf"]
