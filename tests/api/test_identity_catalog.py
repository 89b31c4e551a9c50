"""Regions, services and endpoints, and what their changes do to catalogs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.cloud import MOUNTAIN, Caller, Cloud
from tests.api.identity import IDENTITY, change, make, refusal, status

HOST = "http://cloud.test:8776"
BASE = f"{HOST}{IDENTITY}"


async def catalog(who: Caller) -> dict[str, list[dict[str, Any]]]:
    """The endpoints of each service in the caller's catalog, by the service's name."""
    found = await who.get(f"{IDENTITY}/auth/catalog")
    return {entry["name"]: entry["endpoints"] for entry in found["catalog"]}


async def ids(who: Caller, target: str) -> list[str]:
    listed = await who.get(f"{IDENTITY}/{target}")
    return [one["id"] for one in listed[target.partition("?")[0]]]


async def test_a_region_from_its_creation_to_its_end(cloud: Cloud) -> None:
    made = await make(cloud.admin, "region", description=None, parent_region_id="RegionOne", x=1)
    wanted = {
        "id": made["id"],
        "description": "",
        "parent_region_id": "RegionOne",
        "x": 1,
        "links": {"self": f"{BASE}/regions/{made['id']}"},
    }
    assert made == wanted
    assert len(made["id"]) == 32
    assert await cloud.member.get(f"{IDENTITY}/regions/{made['id']}") == {"region": wanted}
    assert await ids(cloud.member, "regions?parent_region_id=RegionOne") == [made["id"]]
    changed = await change(
        cloud.admin, "region", made["id"], description="Far.", parent_region_id=None
    )
    assert changed == wanted | {"description": "Far.", "parent_region_id": None}
    assert await status(cloud.admin, "DELETE", f"regions/{made['id']}") == 204
    assert await refusal(cloud.admin, "GET", f"regions/{made['id']}") == (
        404,
        f"Could not find region: {made['id']}.",
    )


@pytest.mark.parametrize("id_", ["north", "Süd west", "a.b_c~d", "x" * 255])
async def test_a_region_of_a_chosen_id(cloud: Cloud, id_: str) -> None:
    target = f"regions/{quote(id_)}"
    text = f"Conflict occurred attempting to store region - Duplicate ID, {id_}."
    for method, path in (("POST", "regions"), ("PUT", target)):
        body = {"region": {"id": id_}}
        reply = await cloud.admin.request(method, f"{IDENTITY}/{path}", body)
        assert (reply.status, reply.json["region"]["id"]) == (201, id_)
        assert reply.json["region"]["links"] == {"self": f"{BASE}/{target}"}
        for again, there in (("POST", "regions"), ("PUT", target)):
            assert await refusal(cloud.admin, again, there, body) == (409, text)
        assert (await cloud.admin.get(f"{IDENTITY}/{target}"))["region"]["id"] == id_
        assert await status(cloud.admin, "DELETE", target) == 204
    body = {"region": {}}
    assert await status(cloud.admin, "PUT", target, body) == 201


async def test_a_region_of_two_ids(cloud: Cloud) -> None:
    text = 'Conflicting region IDs specified: "a" != "b"'
    body = {"region": {"id": "b"}}
    assert await refusal(cloud.admin, "PUT", "regions/a", body) == (400, text)


async def test_regions_in_regions(cloud: Cloud) -> None:
    for id_, parent in (("a", None), ("b", "a"), ("c", "b")):
        await make(cloud.admin, "region", id=id_, parent_region_id=parent)
    for id_, parent in (("a", "c"), ("a", "a"), ("b", "c")):
        text = f"The specified parent region {parent} would create a circular region hierarchy."
        body = {"region": {"parent_region_id": parent}}
        assert await refusal(cloud.admin, "PATCH", f"regions/{id_}", body) == (400, text)
    text = "Unable to delete region b because it or its child regions have associated endpoints."
    assert await refusal(cloud.admin, "DELETE", "regions/b") == (403, text)
    for id_ in ("c", "b", "a"):
        assert await status(cloud.admin, "DELETE", f"regions/{id_}") == 204
    assert (await refusal(cloud.admin, "DELETE", "regions/RegionOne"))[0] == 403


async def test_a_service_from_its_creation_to_its_end(cloud: Cloud) -> None:
    made = await make(cloud.admin, "service", type="dns", x=1)
    wanted = {
        "id": made["id"],
        "type": "dns",
        "name": "",
        "description": "",
        "enabled": True,
        "x": 1,
        "links": {"self": f"{BASE}/services/{made['id']}"},
    }
    assert made == wanted
    twin = await make(cloud.admin, "service", type="dns", name="designate", enabled=False)
    assert sorted(await ids(cloud.admin, "services?type=dns")) == sorted([made["id"], twin["id"]])
    assert await ids(cloud.admin, "services?name__contains=sign") == [twin["id"]]
    changed = await change(cloud.admin, "service", made["id"], name="bind", description=None)
    assert changed == wanted | {"name": "bind"}
    assert await status(cloud.admin, "DELETE", f"services/{made['id']}") == 204
    assert await status(cloud.admin, "GET", f"services/{made['id']}") == 404


@pytest.mark.everywhere
async def test_an_endpoint_from_its_creation_to_its_end(cloud: Cloud) -> None:
    service = (await make(cloud.admin, "service", type="dns", name="designate"))["id"]
    assert "designate" not in await catalog(cloud.member)
    url = "https://dns.example:9001/v2/$(project_id)s?a=%(tenant_id)s&b={x}"
    made = await make(
        cloud.admin, "endpoint", service_id=service, interface="public", url=url, name="main"
    )
    wanted = {
        "id": made["id"],
        "service_id": service,
        "interface": "public",
        "region": None,
        "region_id": None,
        "url": url,
        "enabled": True,
        "name": "main",
        "links": {"self": f"{BASE}/endpoints/{made['id']}"},
    }
    assert made == wanted
    (end,) = (await catalog(cloud.member))["designate"]
    filled = f"https://dns.example:9001/v2/{MOUNTAIN}?a={MOUNTAIN}&b={{x}}"
    assert end == {
        "id": made["id"],
        "interface": "public",
        "region": None,
        "region_id": None,
        "url": filled,
    }
    changed = await change(
        cloud.admin, "endpoint", made["id"], region_id="RegionOne", url="http://x:1"
    )
    assert changed == wanted | {
        "region": "RegionOne",
        "region_id": "RegionOne",
        "url": "http://x:1",
    }
    assert await ids(cloud.admin, f"endpoints?service_id={service}") == [made["id"]]
    assert made["id"] in await ids(cloud.admin, "endpoints?region_id=RegionOne&interface=public")
    for kind, id_ in (("endpoint", made["id"]), ("service", service)):
        for enabled in (False, True):
            await change(cloud.admin, kind, id_, enabled=enabled)
            assert ("designate" in await catalog(cloud.member)) is enabled
    assert await status(cloud.admin, "DELETE", f"endpoints/{made['id']}") == 204
    assert await status(cloud.admin, "GET", f"endpoints/{made['id']}") == 404
    assert "designate" not in await catalog(cloud.member)


async def test_the_old_name_of_a_region_makes_one(cloud: Cloud) -> None:
    service = (await ids(cloud.admin, "services"))[0]
    content = {"service_id": service, "interface": "public", "url": "http://x"}
    made = await make(cloud.admin, "endpoint", region="new", **content)
    assert (made["region"], made["region_id"]) == ("new", "new")
    assert "new" in await ids(cloud.member, "regions")
    changed = await change(cloud.admin, "endpoint", made["id"], region="newer")
    assert (changed["region"], changed["region_id"]) == ("newer", "newer")
    assert "newer" in await ids(cloud.member, "regions")

    both = await make(cloud.admin, "endpoint", region="never", region_id="RegionOne", **content)
    assert both["region_id"] == "RegionOne"
    changed = await change(cloud.admin, "endpoint", made["id"], region="never", region_id="new")
    assert changed["region_id"] == "new"
    assert "never" not in await ids(cloud.member, "regions")
    body = {"endpoint": {"region_id": "never"}}
    target = f"endpoints/{made['id']}"
    text = "Could not find region: never."
    assert await refusal(cloud.admin, "PATCH", target, body) == (400, text)
    changed = await change(cloud.admin, "endpoint", made["id"], region_id=None)
    assert changed["region"] is None


@pytest.mark.everywhere
async def test_a_removed_service_takes_its_endpoints_along(cloud: Cloud) -> None:
    listed = await cloud.admin.get(f"{IDENTITY}/services?type=compute")
    service = listed["services"][0]["id"]
    assert len(await ids(cloud.admin, f"endpoints?service_id={service}")) == 3
    assert "nova" in await catalog(cloud.member)
    assert await status(cloud.admin, "DELETE", f"services/{service}") == 204
    assert await ids(cloud.admin, f"endpoints?service_id={service}") == []
    assert "nova" not in await catalog(cloud.member)


async def test_an_endpoint_of_the_first_start_stays_a_template_until_its_url_is_set(
    cloud: Cloud,
) -> None:
    listed = await cloud.admin.get(f"{IDENTITY}/services?type=compute")
    query = f"service_id={listed['services'][0]['id']}&interface=public"
    (one,) = (await cloud.admin.get(f"{IDENTITY}/endpoints?{query}"))["endpoints"]
    assert one["url"] == f"{HOST}/compute/v2.1"
    await change(cloud.admin, "endpoint", one["id"], description="Ours.")
    headers = {"Host": "other.test:1"}
    shown = await cloud.admin.get(f"{IDENTITY}/endpoints/{one['id']}", headers=headers)
    assert shown["endpoint"]["url"] == "http://other.test:1/compute/v2.1"
    await change(cloud.admin, "endpoint", one["id"], url=one["url"])
    shown = await cloud.admin.get(f"{IDENTITY}/endpoints/{one['id']}", headers=headers)
    assert shown["endpoint"]["url"] == one["url"]


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "regions", {"region": {}}),
        ("PUT", "regions/new", {"region": {}}),
        ("PATCH", "regions/RegionOne", {"region": {"description": "x"}}),
        ("DELETE", "regions/RegionOne", None),
        ("GET", "services", None),
        ("POST", "services", {"service": {"type": "x"}}),
        ("PATCH", "services/none", {"service": {"type": "x"}}),
        ("DELETE", "services/none", None),
        ("GET", "endpoints", None),
        ("PATCH", "endpoints/none", {"endpoint": {"enabled": False}}),
        ("DELETE", "endpoints/none", None),
    ],
)
async def test_the_catalog_is_the_administrators(
    cloud: Cloud, method: str, target: str, body: Any
) -> None:
    system = await cloud.log_in("system reader")
    for who in (cloud.member, await cloud.log_in("domain reader")):
        assert await status(who, method, target, body) == 403
    assert await status(system, method, target, body) == (200 if method == "GET" else 403)
