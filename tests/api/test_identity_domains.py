"""Domains: made, changed, disabled, removed with all that is in them."""

from __future__ import annotations

import pytest

from tests.api.cloud import MOUNTAIN, STONE, Cloud
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
)

PASSWORD = "s3cret-of-everybody"


async def test_a_domain_from_its_creation_to_its_end(cloud: Cloud) -> None:
    made = await make(
        cloud.admin, "domain", name=" Sand ", description="It.", tags=["a"], color="red"
    )
    wanted = {
        "id": made["id"],
        "name": "Sand",
        "description": "It.",
        "enabled": True,
        "tags": ["a"],
        "options": {},
        "color": "red",
        "links": {"self": f"http://cloud.test:8776{IDENTITY}/domains/{made['id']}"},
    }
    assert made == wanted
    target = f"domains/{made['id']}"
    assert await cloud.admin.get(f"{IDENTITY}/{target}") == {"domain": wanted}

    changed = await change(cloud.admin, "domain", made["id"], name="Dust", size=1, description=None)
    assert changed == wanted | {"name": "Dust", "description": "", "size": 1}
    assert await names(cloud.admin, "domains?name=Dust") == ["Dust"]

    assert await refusal(cloud.admin, "DELETE", target) == (
        403,
        "Cannot delete a domain that is enabled, please disable it first.",
    )
    assert (await change(cloud.admin, "domain", made["id"], enabled=False))["enabled"] is False
    assert await names(cloud.admin, "domains?enabled=false") == ["Dust"]
    assert await status(cloud.admin, "DELETE", target) == 204
    assert await status(cloud.admin, "GET", target) == 404
    assert await status(cloud.admin, "DELETE", target) == 404


async def test_the_id_of_another_cloud(cloud: Cloud) -> None:
    made = await make(cloud.admin, "domain", name="Sand", explicit_domain_id="d" * 32)
    assert made["id"] == "d" * 32
    assert "explicit_domain_id" not in made
    for taken in ("d" * 32, MOUNTAIN):
        body = {"domain": {"name": "New", "explicit_domain_id": taken}}
        assert await status(cloud.admin, "POST", "domains", body) == 409


@pytest.mark.everywhere
async def test_a_disabled_domain_lets_nobody_in(cloud: Cloud) -> None:
    reader = await person(cloud, "sid", "reader", STONE)
    assert await is_valid(cloud, reader)
    await change(cloud.admin, "domain", STONE, enabled=False)
    assert not await is_valid(cloud, reader)
    assert await status(reader, "GET", "users") == 401
    await change(cloud.admin, "domain", STONE, enabled=True)
    assert await status(reader, "GET", "users") == 200


@pytest.mark.everywhere
async def test_an_end_of_all_that_is_in_it(cloud: Cloud) -> None:
    made = await make(cloud.admin, "domain", name="Sand")
    inside = {"domain_id": made["id"]}
    project = await make(cloud.admin, "project", name="dune", **inside)
    below = await make(cloud.admin, "project", name="crest", parent_id=project["id"])
    user = await make(cloud.admin, "user", name="ada", password=PASSWORD, **inside)
    group = await make(cloud.admin, "group", name="diggers", **inside)
    guest = await make(cloud.admin, "user", name="guido", default_project_id=below["id"])
    for one in (user, guest):
        member = f"groups/{group['id']}/users/{one['id']}"
        assert await status(cloud.admin, "PUT", member) == 204
    await assign(cloud, ("user", user["id"]), "member", ("project", MOUNTAIN))
    await assign(cloud, ("group", group["id"]), "member", ("project", MOUNTAIN))
    await assign(cloud, ("user", guest["id"]), "member", ("domain", made["id"]))
    ada = await logged_in(cloud, user["id"], scope={"project": {"id": MOUNTAIN}})
    await cloud.write(
        lambda txn: txn.change(
            "INSERT INTO roles VALUES ('r', 'digger', '', 0, :id, '{}', '{}')", {"id": made["id"]}
        )
    )

    await change(cloud.admin, "domain", made["id"], enabled=False)
    assert await status(cloud.admin, "DELETE", f"domains/{made['id']}") == 204
    gone = (("project", project), ("project", below), ("user", user), ("group", group))
    for kind, one in gone:
        assert await status(cloud.admin, "GET", f"{kind}s/{one['id']}") == 404
    assert not await is_valid(cloud, ada)
    shown = (await cloud.admin.get(f"{IDENTITY}/users/{guest['id']}"))["user"]
    assert "default_project_id" not in shown
    ids = {made["id"], project["id"], below["id"], user["id"], group["id"], "r"}
    for table in ("role_assignments", "group_members", "roles"):
        statement = f"SELECT * FROM {table}"  # noqa: S608 - names of tables
        rows = await cloud.process.store.read(lambda txn, sql: txn.all(sql), statement)
        assert not [row for row in rows if ids & set(row)], table


async def test_an_immutable_domain(cloud: Cloud) -> None:
    made = await make(
        cloud.admin, "domain", name="Sand", enabled=False, options={"immutable": True}
    )
    assert made["options"] == {"immutable": True}
    target = f"domains/{made['id']}"
    for body in (
        {"domain": {"name": "Dust"}},
        {"domain": {"options": {"immutable": True}}},
        {"domain": {"options": {"immutable": False}, "name": "Dust"}},
    ):
        assert await status(cloud.admin, "PATCH", target, body) == 403
    text = (
        f"Unable to delete immutable domain resource: `{made['id']}. "
        'Set resource option "immutable" to false first.'
    )
    assert await refusal(cloud.admin, "DELETE", target) == (403, text)
    changed = await change(cloud.admin, "domain", made["id"], options={"immutable": None})
    assert changed["options"] == {}
    assert await status(cloud.admin, "DELETE", target) == 204


async def test_an_immutable_project_keeps_its_domain(cloud: Cloud) -> None:
    made = await make(cloud.admin, "domain", name="Sand")
    project = await make(
        cloud.admin, "project", name="dune", domain_id=made["id"], options={"immutable": True}
    )
    await change(cloud.admin, "domain", made["id"], enabled=False)
    assert await status(cloud.admin, "DELETE", f"domains/{made['id']}") == 403
    await change(cloud.admin, "project", project["id"], options={"immutable": False})
    assert await status(cloud.admin, "DELETE", f"domains/{made['id']}") == 204


async def test_who_may_see_a_domain(cloud: Cloud) -> None:
    reader = await person(cloud, "sid", "reader", STONE)
    assert await status(reader, "GET", f"domains/{STONE}") == 200
    assert await status(reader, "GET", "domains/default") == 403
    assert await names(reader, "domains") == ["Stone"]
    assert await status(cloud.member, "GET", "domains/default") == 200  # That of his project.
    assert await status(cloud.member, "GET", f"domains/{STONE}") == 403
    for who in (reader, cloud.member):
        assert await status(who, "POST", "domains", {"domain": {"name": "x"}}) == 403
        assert await status(who, "PATCH", f"domains/{STONE}", {"domain": {"name": "x"}}) == 403
        assert await status(who, "DELETE", f"domains/{STONE}") == 403
