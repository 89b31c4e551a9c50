"""Groups and their members."""

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
    taken,
)


async def test_a_group_from_its_creation_to_its_end(cloud: Cloud) -> None:
    made = await make(cloud.admin, "group", name=" diggers ", description=None, tool="spade")
    wanted = {
        "id": made["id"],
        "name": "diggers",
        "domain_id": "default",
        "description": "",
        "tool": "spade",
        "links": {"self": f"http://cloud.test:8776{IDENTITY}/groups/{made['id']}"},
    }
    assert made == wanted
    target = f"groups/{made['id']}"
    assert await cloud.admin.get(f"{IDENTITY}/{target}") == {"group": wanted}
    changed = await change(cloud.admin, "group", made["id"], name="miners", description="They.")
    assert changed == wanted | {"name": "miners", "description": "They."}
    assert await names(cloud.admin, "groups") == ["miners"]
    assert await status(cloud.admin, "DELETE", target) == 204
    assert await refusal(cloud.admin, "GET", target) == (
        404,
        f"Could not find group: {made['id']}.",
    )


async def test_a_name_is_taken_within_its_domain_only(cloud: Cloud) -> None:
    await make(cloud.admin, "group", name="diggers")
    other = await make(cloud.admin, "group", name="diggers", domain_id=STONE)
    new = await make(cloud.admin, "group", name="new")
    body = {"group": {"name": "diggers"}}
    assert await refusal(cloud.admin, "POST", "groups", body) == taken(
        "group", "diggers", "default"
    )
    assert await status(cloud.admin, "PATCH", f"groups/{new['id']}", body) == 409
    assert await names(cloud.admin, f"groups?domain_id={STONE}") == ["diggers"]
    assert await names(cloud.admin, "groups?name__istartswith=D&limit=1") == ["diggers"]
    pages = await cloud.admin.pages(f"{IDENTITY}/groups?limit=2", "groups")
    assert [len(page) for page in pages] == [2, 1]
    await change(cloud.admin, "group", other["id"], name="diggers")


async def test_members(cloud: Cloud) -> None:
    group = (await make(cloud.admin, "group", name="diggers"))["id"]
    ada = (await make(cloud.admin, "user", name="ada"))["id"]
    eve = (await make(cloud.admin, "user", name="eve", domain_id=STONE, enabled=False))["id"]
    target = f"groups/{group}/users"
    for method in ("GET", "HEAD", "DELETE"):
        assert await status(cloud.admin, method, f"{target}/{ada}") == 404
    text = f"User '{ada}' not found in group '{group}'."
    assert await refusal(cloud.admin, "GET", f"{target}/{ada}") == (404, text)
    for user in (ada, eve, ada):
        reply = await cloud.admin.request("PUT", f"{IDENTITY}/{target}/{user}")
        assert (reply.status, reply.body) == (204, b"")
    for method in ("GET", "HEAD"):
        assert await status(cloud.admin, method, f"{target}/{ada}") == 204
    assert await names(cloud.admin, target) == ["ada", "eve"]
    assert await names(cloud.admin, f"{target}?enabled=false") == ["eve"]
    assert await names(cloud.admin, f"{target}?name__contains=d") == ["ada"]
    pages = await cloud.admin.pages(f"{IDENTITY}/{target}?limit=1", "users")
    assert [one["name"] for page in pages for one in page] == ["ada", "eve"]
    assert await names(cloud.admin, f"users/{ada}/groups") == ["diggers"]
    assert await names(cloud.admin, f"users/{ada}/groups?name=x") == []
    assert await status(cloud.admin, "DELETE", f"{target}/{ada}") == 204
    assert await names(cloud.admin, target) == ["eve"]
    for missing in (f"groups/none/users/{ada}", f"groups/{group}/users/none"):
        for method in ("GET", "PUT", "DELETE"):
            assert await status(cloud.admin, method, missing) == 404
    assert await status(cloud.admin, "GET", "groups/none/users") == 404
    assert await status(cloud.admin, "GET", "users/none/groups") == 404


@pytest.mark.everywhere
async def test_what_a_group_may_its_members_may_as_long_as_they_are_in_it(cloud: Cloud) -> None:
    group = (await make(cloud.admin, "group", name="diggers"))["id"]
    user = (await make(cloud.admin, "user", name="ada", password="x"))["id"]
    await assign(cloud, ("group", group), "member", ("project", MOUNTAIN))
    scope = {"project": {"id": MOUNTAIN}}
    member = f"groups/{group}/users/{user}"
    assert await status(cloud.admin, "PUT", member) == 204
    ada = await logged_in(cloud, user, "x", scope)
    await ada.create_volume()
    assert await status(cloud.admin, "DELETE", member) == 204
    assert not await is_valid(cloud, ada)

    assert await status(cloud.admin, "PUT", member) == 204
    ada = await logged_in(cloud, user, "x", scope)
    assert await status(cloud.admin, "DELETE", f"groups/{group}") == 204
    assert not await is_valid(cloud, ada)
    assert await status(cloud.admin, "GET", f"users/{user}") == 200
    rows = await cloud.process.store.read(
        lambda txn: txn.all("SELECT 1 FROM role_assignments WHERE actor_type = 'group'")
    )
    assert rows == []
    await cloud.settled()


async def test_a_manager_keeps_to_his_domain(cloud: Cloud) -> None:
    manager = await person(cloud, "mara", "manager", STONE)
    reader = await person(cloud, "rosa", "reader", STONE)
    other = (await make(cloud.admin, "group", name="other"))["id"]
    stranger = (await make(cloud.admin, "user", name="ada"))["id"]
    own = await make(manager, "group", name="own")
    assert own["domain_id"] == STONE
    (user,) = [one["id"] for one in (await manager.get(f"{IDENTITY}/users?name=rosa"))["users"]]
    assert await names(manager, "groups") == await names(reader, "groups") == ["own"]
    await change(manager, "group", own["id"], name="mine")
    assert await status(manager, "PUT", f"groups/{own['id']}/users/{user}") == 204
    assert await status(reader, "GET", f"groups/{own['id']}/users/{user}") == 204
    assert await names(reader, f"groups/{own['id']}/users") == ["rosa"]
    assert await names(reader, f"users/{user}/groups") == ["mine"]

    # An administrator may mix domains; of it each domain's people see their own part.
    for mixed in (f"groups/{own['id']}/users/{stranger}", f"groups/{other}/users/{user}"):
        for method in ("GET", "PUT", "DELETE"):
            assert await status(manager, method, mixed) == 403
        assert await status(cloud.admin, "PUT", mixed) == 204
    assert await names(reader, f"groups/{own['id']}/users") == ["rosa"]
    assert await names(reader, f"users/{user}/groups") == ["mine"]
    assert await names(reader, f"groups/{own['id']}/users?domain_id=default") == []

    body = {"group": {"name": "new"}}
    for target in (f"groups/{other}", "groups/none"):
        assert await status(manager, "PATCH", target, body) == 403
        assert await status(manager, "DELETE", target) == 403
    assert await status(manager, "GET", f"groups/{other}/users") == 403
    body["group"]["domain_id"] = "default"
    assert await status(manager, "POST", "groups", body) == 403
    for who in (reader, cloud.member):
        assert await status(who, "POST", "groups", {"group": {"name": "new"}}) == 403
        assert await status(who, "DELETE", f"groups/{own['id']}") == 403
        assert await status(who, "PUT", f"groups/{own['id']}/users/{user}") == 403
    assert await status(manager, "DELETE", f"groups/{own['id']}") == 204
