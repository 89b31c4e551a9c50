"""The catalog: two names for block storage, and URLs as the client reaches them."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.cloud import MOUNTAIN, Caller, Cloud

CATALOG: Final = "/identity/v3/auth/catalog"
BASE: Final = "http://cloud.test:8776"


async def urls(who: Caller, **options: Any) -> dict[str, str]:
    """The public URL of each type of service."""
    catalog = (await who.get(CATALOG, **options))["catalog"]
    return {
        entry["type"]: end["url"]
        for entry in catalog
        for end in entry["endpoints"]
        if end["interface"] == "public"
    }


async def test_of_a_project(cloud: Cloud) -> None:
    answer = await cloud.member.get(CATALOG)
    assert answer["links"] == {"self": BASE + CATALOG, "previous": None, "next": None}
    names = {entry["type"]: entry["name"] for entry in answer["catalog"]}
    assert names == {
        "identity": "keystone",
        "block-storage": "cinder",
        "volumev3": "cinderv3",
        "compute": "nova",
        "pumice": "pumice",
    }
    for entry in answer["catalog"]:
        assert entry.keys() == {"id", "type", "name", "endpoints"}
        assert [end["interface"] for end in entry["endpoints"]] == ["admin", "internal", "public"]
        for end in entry["endpoints"]:
            assert end.keys() == {"id", "interface", "region", "region_id", "url"}
            assert end["region"] == end["region_id"] == "RegionOne"
    assert await urls(cloud.member) == {
        "identity": f"{BASE}/identity/v3",
        "block-storage": f"{BASE}/volume/v3/{MOUNTAIN}",
        "volumev3": f"{BASE}/volume/v3/{MOUNTAIN}",
        "compute": f"{BASE}/compute/v2.1",
        "pumice": f"{BASE}/pumice/v1",
    }


async def test_its_urls_answer(cloud: Cloud) -> None:
    found = await urls(cloud.member)
    for kind, path in (
        ("identity", "/auth/projects"),
        ("block-storage", "/volumes"),
        ("volumev3", "/types"),
        ("compute", "/flavors"),
        ("pumice", "/operations"),
    ):
        await cloud.member.get(found[kind].removeprefix(BASE) + path)


async def test_is_the_tokens(cloud: Cloud) -> None:
    reply = await cloud.member.request(
        "GET", "/identity/v3/auth/tokens", headers={"X-Subject-Token": str(cloud.member.token)}
    )
    assert reply.json["token"]["catalog"] == (await cloud.member.get(CATALOG))["catalog"]


@pytest.mark.parametrize("name", ["system admin", "stone reader"])
async def test_without_a_project_there_is_no_block_storage(cloud: Cloud, name: str) -> None:
    who = await cloud.log_in(name)
    catalog = (await who.get(CATALOG))["catalog"]
    assert {entry["type"] for entry in catalog} == {"identity", "compute", "pumice"}
    assert (await urls(who)).keys() == {"identity", "compute", "pumice"}


async def test_without_a_scope_there_is_none(cloud: Cloud) -> None:
    reply = await (await cloud.log_in("unscoped")).request("GET", CATALOG)
    text = "You are not authorized to perform the requested action: get_auth_catalog."
    assert (reply.status, reply.json["error"]["message"]) == (403, text)


async def test_each_client_gets_the_address_it_used(cloud: Cloud) -> None:
    for host in ("one.test", "two.test:80", "one.test"):
        found = await urls(cloud.member, headers={"Host": host})
        assert found["identity"] == f"http://{host}/identity/v3"


async def test_what_is_disabled_is_left_out(cloud: Cloud) -> None:
    await cloud.sql("UPDATE services SET enabled = FALSE WHERE type = 'compute'")
    await cloud.sql("UPDATE endpoints SET enabled = FALSE WHERE url LIKE '%identity%'")
    found = await urls(cloud.member)
    assert "compute" not in found
    assert "identity" not in found
