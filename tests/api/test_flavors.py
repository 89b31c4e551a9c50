"""``/flavors``: fields by microversion, pages, and flavors that are not public."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.cloud import MOUNTAIN, Caller, Cloud

FLAVORS: Final = "/compute/v2.1/flavors"
BASE: Final = "http://cloud.test:8776"

BASIC: Final = {"id", "name", "links"}
DETAIL: Final = {
    *BASIC,
    "ram",
    "disk",
    "vcpus",
    "swap",
    "OS-FLV-EXT-DATA:ephemeral",
    "os-flavor-access:is_public",
}
UNTIL_2_101: Final = {"rxtx_factor", "OS-FLV-DISABLED:disabled"}


async def get(who: Caller, target: str, minor: int = 1) -> Any:
    return await who.get(target, headers={"OpenStack-API-Version": f"compute 2.{minor}"})


async def ids(who: Caller, query: str) -> str:
    """The ids in a list, in its order."""
    return "".join(one["id"] for one in (await get(who, f"{FLAVORS}?{query}"))["flavors"])


@pytest.fixture
async def hidden(cloud: Cloud) -> None:
    """Flavor 5 is not public any more."""
    await cloud.sql("UPDATE flavors SET is_public = FALSE WHERE id = '5'")


async def test_fields_by_microversion(cloud: Cloud) -> None:
    for minor, listed, detail in (
        (1, set(), UNTIL_2_101),
        (54, set(), UNTIL_2_101),
        (55, {"description"}, UNTIL_2_101),
        (61, {"description"}, UNTIL_2_101 | {"extra_specs"}),
        (101, {"description"}, UNTIL_2_101 | {"extra_specs"}),
        (102, {"description"}, {"extra_specs"}),
        (104, {"description"}, {"extra_specs"}),
    ):
        (one, *_) = (await get(cloud.member, FLAVORS, minor))["flavors"]
        assert one.keys() == BASIC | listed, minor
        (one, *_) = (await get(cloud.member, f"{FLAVORS}/detail", minor))["flavors"]
        assert one.keys() == DETAIL | listed | detail, minor
        assert await get(cloud.member, f"{FLAVORS}/1", minor) == {"flavor": one}


async def test_what_it_says(cloud: Cloud) -> None:
    for project in ("", f"/{MOUNTAIN}"):
        shown = (await get(cloud.member, f"/compute/v2.1{project}/flavors/2", 74))["flavor"]
        assert shown == {
            "id": "2",
            "name": "m1.small",
            "ram": 2048,
            "disk": 20,
            "vcpus": 1,
            "swap": "",
            "rxtx_factor": 1.0,
            "description": None,
            "extra_specs": {},
            "OS-FLV-EXT-DATA:ephemeral": 0,
            "OS-FLV-DISABLED:disabled": False,
            "os-flavor-access:is_public": True,
            "links": [
                {"rel": "self", "href": f"{BASE}/compute/v2.1{project}/flavors/2"},
                {"rel": "bookmark", "href": f"{BASE}/compute{project}/flavors/2"},
            ],
        }
    assert (await get(cloud.member, f"{FLAVORS}/2", 75))["flavor"]["swap"] == 0


async def test_extra_specs(cloud: Cloud) -> None:
    await cloud.sql("""UPDATE flavors SET extra_specs = '{"a": "b"}' WHERE id = '2'""")
    assert (await get(cloud.member, f"{FLAVORS}/2", 61))["flavor"]["extra_specs"] == {"a": "b"}
    specs = f"{FLAVORS}/2/os-extra_specs"
    assert await get(cloud.reader, specs) == {"extra_specs": {"a": "b"}}
    assert await get(cloud.reader, f"{specs}/a") == {"a": "b"}
    reply = await cloud.reader.request("GET", f"{specs}/x")
    text = "Flavor 2 has no extra specs with key x."
    assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "12345"),
        ("limit=2", "12"),
        ("limit=0", "12345"),
        ("marker=3", "45"),
        ("marker=3&limit=1", "4"),
        ("minRam=4096", "345"),
        ("minDisk=80&minRam=0", "45"),
        ("sort_key=memory_mb&sort_dir=desc", "54321"),
        ("sort_key=name", "43215"),
        ("color=red", "12345"),
    ],
)
async def test_pages_order_and_filters(cloud: Cloud, query: str, wanted: str) -> None:
    assert await ids(cloud.member, query) == wanted


async def test_pages_lead_through_all(cloud: Cloud) -> None:
    pages = await cloud.member.pages(f"{FLAVORS}/detail?limit=2&sort_key=vcpus", "flavors")
    assert [[one["id"] for one in page] for page in pages] == [["1", "2"], ["3", "4"], ["5"]]


@pytest.mark.usefixtures("hidden")
async def test_one_that_is_not_public_is_for_those_who_may_use_it(cloud: Cloud) -> None:
    assert await ids(cloud.member, "") == "1234"
    for query in ("is_public=none", "is_public=false"):
        assert await ids(cloud.member, query) == "1234"
    for target in (f"{FLAVORS}/5", f"{FLAVORS}/5/os-extra_specs", f"{FLAVORS}/5/os-extra_specs/x"):
        reply = await cloud.member.request("GET", target)
        text = "Flavor 5 could not be found."
        assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)
    await cloud.sql("INSERT INTO flavor_access VALUES ('5', :project)", project=MOUNTAIN)
    assert await ids(cloud.member, "") == "12345"
    assert await ids(cloud.stranger, "") == "1234"


@pytest.mark.usefixtures("hidden")
async def test_an_administrator_chooses(cloud: Cloud) -> None:
    for query, wanted in (("", "1234"), ("is_public=None", "12345"), ("is_public=0", "5")):
        assert await ids(cloud.admin, query) == wanted
    assert (await get(cloud.admin, f"{FLAVORS}/5"))["flavor"]["os-flavor-access:is_public"] is False
