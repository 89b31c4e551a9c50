"""Lists and shows of what identity is made of."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.cloud import MOUNTAIN, STONE, Caller, Cloud, login

IDENTITY: Final = "/identity/v3"
BASE: Final = "http://cloud.test:8776"

FIELDS: Final = {
    "domains": {"id", "name", "description", "enabled", "tags", "options"},
    "projects": {
        "id", "name", "domain_id", "parent_id", "description", "enabled", "is_domain", "tags", "options",
    },
    "users": {"id", "name", "domain_id", "enabled", "password_expires_at", "options"},
    "roles": {"id", "name", "domain_id", "description", "options"},
    "regions": {"id", "description", "parent_region_id"},
    "services": {"id", "type", "name", "description", "enabled"},
    "endpoints": {"id", "service_id", "interface", "region", "region_id", "url", "enabled"},
}  # fmt: skip

by_collection = pytest.mark.parametrize("collection", FIELDS)


async def names(who: Caller, target: str) -> list[str]:
    """The names in a list, in alphabetical order."""
    listed = await who.get(f"{IDENTITY}/{target}")
    return sorted(one.get("name", one["id"]) for one in listed[target.partition("?")[0]])


@by_collection
async def test_fields_and_links(cloud: Cloud, collection: str) -> None:
    listed = await cloud.admin.get(f"{IDENTITY}/{collection}?x=1")
    own = f"{BASE}{IDENTITY}/{collection}"
    assert listed["links"] == {"self": f"{own}?x=1", "previous": None, "next": None}
    assert listed[collection]
    for one in listed[collection]:
        assert one.keys() == FIELDS[collection] | {"links"}
        assert one["links"] == {"self": f"{own}/{one['id']}"}
        shown = await cloud.admin.get(f"{IDENTITY}/{collection}/{one['id']}")
        assert shown == {collection.removesuffix("s"): one}


@by_collection
async def test_one_that_is_not_there(cloud: Cloud, collection: str) -> None:
    reply = await cloud.admin.request("GET", f"{IDENTITY}/{collection}/x")
    kind = collection.removesuffix("s")
    wanted = {"code": 404, "message": f"Could not find {kind}: x.", "title": "Not Found"}
    assert (reply.status, reply.json) == (404, {"error": wanted})


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("domains", ["Default", "Stone"]),
        ("domains?name=Stone", ["Stone"]),
        ("domains?enabled=false", []),
        ("projects", ["admin", "mountain", "ocean"]),
        ("projects?name=ocean", ["ocean"]),
        ("projects?domain_id=default&enabled=1", ["admin", "mountain", "ocean"]),
        ("projects?domain_id=nowhere", []),
        ("projects?enabled", ["admin", "mountain", "ocean"]),
        ("projects?color=red", ["admin", "mountain", "ocean"]),
        ("users?name=mona", ["mona"]),
        ("users?enabled=False", []),
        ("roles", ["admin", "guest", "manager", "member", "reader", "service"]),
        ("roles?name=admin", ["admin"]),
        ("regions", ["RegionOne"]),
        ("services?type=identity", ["keystone"]),
        ("services?name=nova", ["nova"]),
    ],
)
async def test_filters(cloud: Cloud, target: str, wanted: list[str]) -> None:
    assert await names(cloud.admin, target) == wanted


async def test_endpoints_by_service_and_interface(cloud: Cloud) -> None:
    (service,) = (await cloud.admin.get(f"{IDENTITY}/services?type=compute"))["services"]
    target = f"{IDENTITY}/endpoints?service_id={service['id']}&interface=public"
    (endpoint,) = (await cloud.admin.get(target))["endpoints"]
    assert endpoint["url"] == f"{BASE}/compute/v2.1"
    (storage,) = (await cloud.admin.get(f"{IDENTITY}/services?type=volumev3"))["services"]
    target = f"{IDENTITY}/endpoints?service_id={storage['id']}&interface=public"
    (endpoint,) = (await cloud.admin.get(target))["endpoints"]
    assert endpoint["url"] == f"{BASE}/volume/v3/$(project_id)s"


async def test_pages_lead_through_all(cloud: Cloud) -> None:
    for collection in ("domains", "projects", "users"):
        everything = (await cloud.admin.get(f"{IDENTITY}/{collection}"))[collection]
        target = f"{IDENTITY}/{collection}?limit=2&enabled=true"
        pages = await cloud.admin.pages(target, collection)
        assert [one for page in pages for one in page] == everything
        assert len(pages[0]) == 2


async def test_a_domains_reader_sees_his_domain(cloud: Cloud) -> None:
    await cloud.sql("UPDATE users SET domain_id = :stone WHERE name = 'stan'", stone=STONE)
    await cloud.sql("UPDATE projects SET domain_id = :stone WHERE name = 'ocean'", stone=STONE)
    body = login("stan", {"domain": {"id": STONE}})
    body["auth"]["identity"]["password"]["user"]["domain"]["id"] = STONE
    reply = await cloud.nobody.request("POST", f"{IDENTITY}/auth/tokens", body)
    stan = Caller(cloud, reply.headers["x-subject-token"])
    assert await names(stan, "domains") == ["Stone"]
    assert await names(stan, "projects") == ["ocean"]
    assert await names(stan, "users") == ["stan"]
    assert await names(stan, "users?domain_id=default") == []
    shown: dict[str, Any] = await stan.get(f"{IDENTITY}/domains/{STONE}")
    assert shown["domain"]["name"] == "Stone"
    for target in ("domains/default", "roles", "services", f"projects/{MOUNTAIN}"):
        assert (await stan.request("GET", f"{IDENTITY}/{target}")).status == 403


async def test_everybody_sees_himself_and_his_project(cloud: Cloud) -> None:
    token = await cloud.member.request(
        "GET", f"{IDENTITY}/auth/tokens", headers={"X-Subject-Token": str(cloud.member.token)}
    )
    own = token.json["token"]["user"]["id"]
    assert (await cloud.member.get(f"{IDENTITY}/users/{own}"))["user"]["name"] == "mona"
    shown = await cloud.member.get(f"{IDENTITY}/projects/{MOUNTAIN}")
    assert shown["project"]["name"] == "mountain"
    for target in (f"users/{own[::-1]}", f"projects/{MOUNTAIN[::-1]}b"):
        assert (await cloud.member.request("GET", f"{IDENTITY}/{target}")).status == 403
    assert (await cloud.reader.request("GET", f"{IDENTITY}/users/{own}")).status == 403


async def test_what_is_not_set_is_not_shown_of_a_user(cloud: Cloud) -> None:
    await cloud.sql("UPDATE users SET email = 'm@x', description = 'It.' WHERE name = 'mona'")
    (user,) = (await cloud.admin.get(f"{IDENTITY}/users?name=mona"))["users"]
    assert user.keys() == FIELDS["users"] | {"links", "email", "description"}
