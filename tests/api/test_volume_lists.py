"""Lists of volumes: pages, order, filters, counts and links."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.api.cloud import MOUNTAIN, OCEAN, Caller, Cloud

VOLUMES: Final = "/volume/v3/volumes"
BASE: Final = "http://cloud.test:8776"


@pytest.fixture
async def three(cloud: Cloud) -> dict[str, str]:
    """The ids of three volumes by name: a of 3 GiB, b of 1 GiB that failed, c of 2 GiB without more."""
    await cloud.admin.create_type("gold", color="gold")
    made = {}
    for name, size, volume_type in (("a", 3, None), ("b", 1, "gold"), ("c", 2, None)):
        volume = await cloud.member.create_volume(name=name, size=size, volume_type=volume_type)
        made[name] = volume["id"]
        await cloud.settled()
    return made


async def names(who: Caller, query: str, version: str = "3.71") -> str:
    """The names in a list, in its order."""
    listed = await who.get(f"{VOLUMES}?{query}", version=version)
    return "".join(str(volume["name"]) for volume in listed["volumes"])


class TestPages:
    @pytest.mark.parametrize("collection", ["volumes", "volumes/detail"])
    @pytest.mark.parametrize(
        "query",
        ["limit=10", "limit=10&sort=name:asc,size", "limit=10&sort_key=updated_at&offset=2"],
    )
    async def test_lead_through_all_volumes_once(
        self, cloud: Cloud, collection: str, query: str
    ) -> None:
        await cloud.many_volumes(25)
        everything = await cloud.member.get(f"/volume/v3/{collection}?{query}&limit=1000")
        pages = await cloud.member.pages(f"/volume/v3/{collection}?{query}", "volumes")
        seen = [volume["id"] for page in pages for volume in page]
        assert seen == [volume["id"] for volume in everything["volumes"]]
        assert len(set(seen)) == (23 if "offset" in query else 25)
        assert [len(page) for page in pages] == [10, 10, 3 if "offset" in query else 5]

    async def test_the_link_keeps_the_query_and_the_project(self, cloud: Cloud) -> None:
        await cloud.many_volumes(3)
        target = f"/volume/v3/{MOUNTAIN}/volumes/detail?limit=2&name=%C3%BC%26&name=x&sort=name:asc&offset=0"
        reply = await cloud.member.request("GET", target.replace("&name=%C3%BC%26&name=x", ""))
        last = reply.json["volumes"][-1]["id"]
        (link,) = reply.json["volumes_links"]
        assert link["rel"] == "next"
        wanted = f"{BASE}/volume/v3/{MOUNTAIN}/volumes/detail?limit=2&sort=name%3Aasc&marker={last}"
        assert link["href"] == wanted
        await cloud.sql("UPDATE volumes SET name = 'ü&'")
        page = await cloud.member.get(target.replace("&name=x", ""))
        given = parse_qsl(urlsplit(page["volumes_links"][0]["href"]).query)
        assert ("name", "ü&") in given
        assert ("marker", page["volumes"][-1]["id"]) in given

    async def test_end_with_a_link_only_where_the_page_is_full(self, cloud: Cloud) -> None:
        await cloud.many_volumes(3)
        assert "volumes_links" not in await cloud.member.get(VOLUMES)
        assert "volumes_links" not in await cloud.member.get(f"{VOLUMES}?limit=4")
        assert "volumes_links" in await cloud.member.get(f"{VOLUMES}?limit=3")

    async def test_of_nothing(self, cloud: Cloud) -> None:
        await cloud.many_volumes(3)
        for query in ("limit=0", "offset=3", "offset=2147483647"):
            assert await cloud.member.get(f"{VOLUMES}?{query}") == {"volumes": []}
        counted = await cloud.member.get(f"{VOLUMES}?limit=0&with_count=1", version="3.45")
        assert counted == {"volumes": [], "count": 3}

    async def test_an_offset_needs_no_limit(self, three: Any, cloud: Cloud) -> None:
        assert three
        assert await names(cloud.member, "offset=1") == "ba"
        assert await names(cloud.member, f"limit={10**18}&offset=1") == "ba"

    async def test_begin_after_a_volume_of_the_project(self, three: Any, cloud: Cloud) -> None:
        foreign = await cloud.stranger.create_volume()
        assert await names(cloud.member, f"marker={three['b']}") == "a"
        for marker in (foreign["id"], "x"):
            reply = await cloud.member.request("GET", f"{VOLUMES}?marker={marker}")
            assert reply.status == 404


class TestOrder:
    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("", "cba"),
            ("sort_key=name", "cba"),
            ("sort_key=name&sort_dir=asc", "abc"),
            ("sort_dir=asc", "abc"),
            ("sort=size", "acb"),
            ("sort=size:asc", "bca"),
            ("sort=status:asc,size:asc", "cab"),
            ("sort= display_name : asc ,", "abc"),
            ("sort=", "cba"),
            ("sort=,,", "cba"),
            ("sort=name:asc,name:desc", "abc"),
            ("sort=status,id:asc", "bac"),
            ("sort_key=size&sort_key=name&sort_dir=asc", "abc"),
            ("sort=" + "size:asc," * 3000 + "name", "bca"),
        ],
        ids=lambda text: text[:30],
    )
    async def test_by_what_was_asked(
        self, three: Any, cloud: Cloud, query: str, wanted: str
    ) -> None:
        assert three
        assert await names(cloud.member, query) == wanted


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("name=a", "a"),
            ("display_name=a", "a"),
            ("name=A", ""),
            ("name=", ""),
            ("status=error", "b"),
            ("status=ERROR", "b"),
            ("status=available&name=c", "c"),
            ("size=2", "c"),
            ("size=02", "c"),
            ("availability_zone=nova", "cba"),
            ("availability_zone=mars", ""),
            ("bootable=false", "cba"),
            ("bootable=1", ""),
            ("name=a&name=b", "b"),
            ("all_tenants=0&status=error", "b"),
        ],
    )
    async def test_choose(self, three: Any, cloud: Cloud, query: str, wanted: str) -> None:
        assert three
        assert await names(cloud.member, query) == wanted
        assert await names(cloud.member, query, "3.0") == wanted

    async def test_unknown_ones_are_dropped_early_and_refused_late(
        self, three: Any, cloud: Cloud
    ) -> None:
        assert three
        for query in ("color=red", "host=pumice@fast%23fast", "with_count=x", "name~=a"):
            assert await names(cloud.member, query, "3.30") == "cba"
            reply = await cloud.member.request("GET", f"{VOLUMES}?{query}", version="3.31")
            assert reply.status == 400

    @pytest.mark.parametrize("version", ["3.0", "3.31", "3.71"])
    async def test_unknown_ones_of_administrators_match_nothing(
        self, three: Any, cloud: Cloud, version: str
    ) -> None:
        query = "all_tenants=1&color=red"
        assert await names(cloud.admin, query, version) == ""
        assert await names(cloud.admin, f"all_tenants=1&id={three['b']}", version) == "b"
        assert await names(cloud.admin, "all_tenants=1&host=pumice@fast", version) == ""

    async def test_unknown_ones_of_administrators_count_nothing(
        self, three: Any, cloud: Cloud
    ) -> None:
        assert three
        target = f"{VOLUMES}?all_tenants=1&color=red&with_count=true"
        assert await cloud.admin.get(target, version="3.45") == {"volumes": [], "count": 0}

    @pytest.mark.parametrize(
        ("name", "first"),
        [
            ("metadata", 0),
            ("migration_status", 0),
            ("glance_metadata", 4),
            ("group_id", 10),
            ("created_at", 60),
            ("updated_at", 60),
            ("consumes_quota", 65),
        ],
    )
    async def test_those_that_are_not_there_yet_never_give_too_much(
        self, three: Any, cloud: Cloud, name: str, first: int
    ) -> None:
        assert three
        for who in (cloud.member, cloud.admin):
            reply = await who.request("GET", f"{VOLUMES}?{name}=x", version=f"3.{first}")
            text = f"Volumes cannot be filtered by {name} yet."
            assert reply.json == {"badRequest": {"code": 400, "message": text}}
        if first:
            assert await names(cloud.member, f"{name}=x", f"3.{first - 1}") == "cba"

    async def test_bootable_is_lenient_below_3_2(self, three: Any, cloud: Cloud) -> None:
        assert three
        for text, wanted in (
            ("False", "cba"),
            ("FALSE", "cba"),
            ("", "cba"),
            ("no", ""),
            ("x", ""),
        ):
            assert await names(cloud.member, f"bootable={text}", "3.1") == wanted


class TestCount:
    async def test_is_of_everything_that_matches(self, three: Any, cloud: Cloud) -> None:
        await cloud.stranger.create_volume()
        for query, wanted in (
            ("", 3),
            ("&limit=1", 3),
            (f"&marker={three['b']}", 3),
            ("&offset=2", 3),
            ("&status=error", 1),
            ("&name=x", 0),
        ):
            for collection in ("volumes", "volumes/detail"):
                target = f"/volume/v3/{collection}?with_count=True{query}"
                assert (await cloud.member.get(target, version="3.45"))["count"] == wanted
        target = f"{VOLUMES}?with_count=1&all_tenants=1"
        assert (await cloud.admin.get(target, version="3.45"))["count"] == 4

    async def test_comes_only_if_asked_for(self, cloud: Cloud) -> None:
        for query in ("", "?with_count=false"):
            assert "count" not in await cloud.member.get(f"{VOLUMES}{query}", version="3.45")
        assert "count" not in await cloud.member.get(f"{VOLUMES}?with_count=1", version="3.30")


class TestLinks:
    async def test_have_the_project_only_if_the_request_had_it(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume()
        for project in ("", f"/{MOUNTAIN}"):
            mount = f"/volume/v3{project}"
            shown = (await cloud.member.get(f"{mount}/volumes/{volume['id']}"))["volume"]
            listed = (await cloud.member.get(f"{mount}/volumes/detail/"))["volumes"]
            assert shown["links"] == [
                {"rel": "self", "href": f"{BASE}{mount}/volumes/{volume['id']}"},
                {"rel": "bookmark", "href": f"{BASE}/volume{project}/volumes/{volume['id']}"},
            ]
            assert listed == [shown]

    async def test_another_project_in_the_path_is_a_mistake(self, cloud: Cloud) -> None:
        for who in (cloud.member, cloud.admin):
            reply = await who.request("GET", f"/volume/v3/{OCEAN}/volumes")
            assert reply.status == 400
