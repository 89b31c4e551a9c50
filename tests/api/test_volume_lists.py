"""Lists of volumes: pages, order, filters, counts and links."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

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
        metadata = {"k": name, "of": "all"} | ({"n": "1"} if name == "a" else {})
        volume = await cloud.member.create_volume(
            name=name, size=size, volume_type=volume_type, metadata=metadata
        )
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

    @pytest.mark.everywhere
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
            ("sort=launched_at:asc,cluster_name", "abc"),
            ("sort=display_name,name:asc", "cba"),
            ("sort=display_description:asc", "abc"),
            ("sort=user_id,project_id,multiattach,volume_type_id,bootable", "bca"),
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
            ("name=['a']", ""),
            ("status=error", "b"),
            ("status=ERROR", "b"),
            ("status='error'", "b"),
            ("status=['error','deleting']", "b"),
            ("status=('ERROR','available')", "cba"),
            ("status={'error'}", "b"),
            ("status=[]", ""),
            ("status=[None]", ""),
            ("status=[['error']]", ""),
            ("status={'a':'error'}", ""),
            ("status=[" + "(" * 300, ""),
            ("status='\\d'", ""),
            ("status='\\ud800'", ""),
            ("status=['\\0','error']", "b"),
            ("status=[0x" + "f" * 5000 + "]", ""),
            ("status=" + "9" * 5000, ""),
            ("size=[0x" + "f" * 5000 + ",2]", ""),
            ("status=b'error'", ""),
            ("metadata={'k':'\\udfff'}", ""),
            ("metadata={'\\0':'a'}", ""),
            ("metadata={(1,):[2]}", ""),
            ("status=5", ""),
            ("status=None", ""),
            ("status=available&name=c", "c"),
            ("size=2", "c"),
            ("size=02", "c"),
            ("size=[2,3]", "ca"),
            ("size=['2',3.0,2.5,None]", "ca"),
            ("size=x", ""),
            ("size=", ""),
            ("size=99999999999999999999", ""),
            ("size=[1e999]", ""),
            ("availability_zone=nova", "cba"),
            ("availability_zone=mars", ""),
            ("availability_zone=['mars','nova']", "cba"),
            ("bootable=false", "cba"),
            ("bootable=1", ""),
            ("metadata={'k':'a'}", "a"),
            ("metadata={'k':'a','n':1}", "a"),
            ("metadata={'k':'a','n':'2'}", ""),
            ("metadata={'of':'all'}", "cba"),
            ("metadata={}", "cba"),
            ("metadata={'k':None}", ""),
            ("metadata=k", ""),
            ("metadata=['k']", ""),
            ('metadata={"k":"a"}', "a"),
            ("migration_status=migrating", "c"),
            ("migration_status=None", "ba"),
            ("migration_status=none", ""),
            ("name=a&name=b", "b"),
            ("all_tenants=0&status=error", "b"),
        ],
        ids=lambda text: text[:40],
    )
    @pytest.mark.usefixtures("three")
    async def test_choose(self, cloud: Cloud, query: str, wanted: str) -> None:
        await cloud.sql("UPDATE volumes SET migration_status = 'migrating' WHERE name = 'c'")
        query = quote(query, safe="=&")
        for who, version in ((cloud.member, "3.71"), (cloud.member, "3.2"), (cloud.admin, "3.71")):
            scope = "" if who is cloud.member else f"&all_tenants=1&project_id={MOUNTAIN}"
            assert await names(who, query.replace("all_tenants=0&", "") + scope, version) == wanted

    @pytest.mark.parametrize(
        ("query", "wanted", "since"),
        [
            ("glance_metadata={'os':'linux'}", "a", 4),
            ("glance_metadata={'os':'hurd'}", "", 4),
            ("glance_metadata=linux", "", 4),
            ("group_id=5f4c0a4c-0000-4000-8000-000000000000", "", 10),
            ("group_id=None", "cba", 10),
            ("created_at=gt:2020-01-01T00:00:00Z", "cba", 60),
            ("created_at=lt:2020-01-01", "", 60),
            ("created_at=lt:2020-01-01T00:00:00,gt:2020-01-01T00:00:00", "cba", 60),
            ("created_at=eq:{b}", "b", 60),
            ("created_at=neq:{b}", "ca", 60),
            ("created_at=gte:{b}", "cb", 60),
            ("created_at=lte:{b}", "ba", 60),
            ("created_at=gt:{b}", "c", 60),
            ("created_at=lt:{b}", "a", 60),
            ("created_at=gt:{b},eq:{b}", "cb", 60),
            ("created_at=eq:{a},eq:{b}", "b", 60),
            ("created_at=lt:{b}&status=available&sort=name", "a", 60),
            ("updated_at=gt:2020-01-01", "cb", 60),
            ("updated_at=neq:2020-01-01", "cb", 60),
            ("consumes_quota=true", "cba", 65),
            ("consumes_quota=false", "", 65),
        ],
    )
    @pytest.mark.usefixtures("three")
    async def test_come_with_their_microversion(
        self, cloud: Cloud, query: str, wanted: str, since: int
    ) -> None:
        if query.startswith("created_at"):
            listed = (await cloud.member.get(f"{VOLUMES}/detail"))["volumes"]
            query = query.format(**{volume["name"]: volume["created_at"] for volume in listed})
        await cloud.sql("UPDATE volumes SET updated_at = NULL WHERE name = 'a'")
        await cloud.sql(
            "UPDATE volumes SET image_metadata = :text WHERE name = 'a'", text='{"os":"linux"}'
        )
        query = quote(query, safe="=&")
        for who in (cloud.member, cloud.admin):
            scope = "" if who is cloud.member else f"&all_tenants=1&project_id={MOUNTAIN}"
            assert await names(who, query + scope, f"3.{since}") == wanted
            dropped = query.partition("&")[0] + scope
            assert await names(who, dropped, f"3.{since - 1}") == "cba"

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("name~=a", "a"),
            ("name~=A", "a"),
            ("display_name~=b", "b"),
            ("name~=_", ""),
            ("name~=%", ""),
            ("status~=vail", "ca"),
            ("availability_zone~=OV", "cba"),
            ("size~=3", "a"),
            ("name~=a&status~=err", ""),
            ("migration_status~=x", ""),
        ],
    )
    async def test_find_parts_of_a_text(
        self, three: Any, cloud: Cloud, query: str, wanted: str
    ) -> None:
        assert three
        query = quote(query, safe="=&")
        assert await names(cloud.member, query, "3.34") == wanted
        assert await names(cloud.member, query, "3.30") == "cba"
        reply = await cloud.member.request("GET", f"{VOLUMES}?{query}", version="3.33")
        assert reply.status == 400

    async def test_unknown_ones_are_dropped_early_and_refused_late(
        self, three: Any, cloud: Cloud
    ) -> None:
        assert three
        for query in ("color=red", "host=pumice@fast%23fast", "with_count=x", "bootable~=a"):
            assert await names(cloud.member, query, "3.30") == "cba"
            reply = await cloud.member.request("GET", f"{VOLUMES}?{query}", version="3.31")
            assert reply.status == 400
        reply = await cloud.member.request("GET", f"{VOLUMES}?x=1&name=a&y=2", version="3.31")
        text = "Invalid filters x,y are found in query options."
        assert reply.json == {"badRequest": {"code": 400, "message": text}}

    @pytest.mark.parametrize("version", ["3.0", "3.31", "3.71"])
    async def test_unknown_ones_of_administrators_match_nothing(
        self, three: Any, cloud: Cloud, version: str
    ) -> None:
        assert three
        for query in ("color=red", "metadata~=a", "launched_at=2020-01-01", "id~=%25"):
            assert await names(cloud.admin, f"all_tenants=1&{query}", version) == ""
            target = f"{VOLUMES}?all_tenants=1&{query}&with_count=true"
            counted = await cloud.admin.get(target, version="3.45")
            assert counted == {"volumes": [], "count": 0}

    @pytest.mark.parametrize("version", ["3.0", "3.31", "3.71"])
    async def test_administrators_use_every_column(
        self, three: dict[str, str], cloud: Cloud, version: str
    ) -> None:
        shown = (await cloud.admin.get(f"{VOLUMES}/{three['a']}", version="3.71"))["volume"]
        await cloud.sql("UPDATE volumes SET host = 'other@fast#fast' WHERE name = 'c'")
        for query, wanted in (
            (f"id={three['b']}", "b"),
            (f"id=['{three['b']}','{three['c']}']", "cb"),
            (f"user_id={shown['user_id']}", "cba"),
            ("user_id=nobody", ""),
            (f"volume_type_id={shown['volume_type_id']}", "ca"),
            ("description=x", ""),
            ("display_description=None", "cba"),
            ("attach_status=detached", "cba"),
            ("multiattach=false", "cba"),
            ("multiattach=true", ""),
            (f"host={shown['os-vol-host-attr:host']}", "a"),
            ("host=pumice", "a"),
            ("host=pumice@fast", "a"),
            ("host=pumice@fas", ""),
            ("host=['pumice@fast','other']", "ca"),
            ("host=other", "c"),
            ("host=", "cba"),
            ("host=None", "cba"),
            ("cluster_name=x", ""),
            ("cluster_name=None", "cba"),
            ("source_volid=x", ""),
            ("deleted=false", "cba"),
            ("deleted=true", ""),
            ("provider_location=x", ""),
            (f"tenant_id={MOUNTAIN}", "cba"),
            (f"project_id=['{OCEAN}','{MOUNTAIN}']", "cba"),
            (f"project_id={OCEAN}", ""),
        ):
            asked = f"all_tenants=1&{quote(query, safe='=&')}"
            assert await names(cloud.admin, asked, version) == wanted, query

    async def test_of_a_project_count_only_with_all_tenants(self, three: Any, cloud: Cloud) -> None:
        assert three
        await cloud.admin.create_volume(name="mine")
        assert await names(cloud.admin, f"project_id={MOUNTAIN}") == "mine"
        assert await names(cloud.admin, f"all_tenants=0&project_id={MOUNTAIN}") == "mine"
        assert await names(cloud.admin, f"all_tenants=yes&project_id={MOUNTAIN}") == "cba"

    async def test_all_tenants_is_an_administrators_word(self, three: Any, cloud: Cloud) -> None:
        assert three
        await cloud.stranger.create_volume(name="foreign")
        for value in ("1", "true", "0", "what"):
            assert await names(cloud.member, f"all_tenants={value}") == "cba"
        assert sorted(await names(cloud.admin, "all_tenants=1")) == sorted("foreigncba")
        reply = await cloud.admin.request("GET", f"{VOLUMES}?all_tenants=what")
        text = "Value 'what' for 'all_tenants' is not a boolean."
        assert reply.json == {"badRequest": {"code": 400, "message": text}}

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


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=x", "limit param must be an integer"),
        ("limit=", "limit param must be an integer"),
        ("limit=-1", "limit param must be positive"),
        (
            "sort=name:up",
            "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'.",
        ),
        ("sort_dir=", "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'."),
        ("sort=color", "Invalid input received: Invalid sort key 'color'."),
        (
            "sort=name&sort_key=name",
            (
                "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the "
                "'sort' parameter."
            ),
        ),
        ("with_count=x", "Value 'x' for 'with_count' is not a boolean."),
        ("bootable=x", "Invalid input received: 'bootable = x'"),
        ("created_at=2020-01-01", "Invalid 2020-01-01 operator"),
        ("created_at=gt", "Invalid created_at value"),
        ("created_at=gt:", "Invalid  value"),
        ("updated_at=gt:2020-01-01,lt:x", "Invalid x value"),
        ("updated_at=gt:2020-01-01,", "Invalid  operator"),
        ("created_at=gt:2020-01-01T25:00:00", "Invalid 2020-01-01T25:00:00 value"),
        ("%C3%BC=1", "Filter keys can only contain ASCII characters."),
        ("metadata~=x", "Invalid filters metadata~ are found in query options."),
    ],
)
async def test_what_is_refused(cloud: Cloud, query: str, text: str) -> None:
    for collection in ("volumes", "volumes/detail"):
        reply = await cloud.member.request(
            "GET", f"/volume/v3/{collection}?{query}", version="3.71"
        )
        assert reply.json == {"badRequest": {"code": 400, "message": text}}


class TestParts:
    """What was listed before is not encoded again, and never shown when it no longer holds."""

    CHANGES: Final = (
        "volumes SET status = 'in-use'",
        "volumes SET attach_status = 'attached'",
        "volumes SET name = NULL, description = 'd', bootable = TRUE, multiattach = TRUE",
        "volumes SET size_gib = 9, availability_zone = 'east', host = 'n@b#p'",
        "volumes SET metadata = '{}'",
        f'volumes SET metadata = \'{{"long":"{"0" * 8000}"}}\'',
        'volumes SET image_metadata = \'{"os":"linux"}\'',
        "volumes SET migration_status = 'migrating'",
        "volumes SET is_readonly = FALSE",
        "volumes SET is_readonly = TRUE",
        "volumes SET user_id = 'somebody', updated_at = 1",
        "volume_types SET name = name || '-renamed'",
    )

    @pytest.mark.everywhere
    async def test_are_as_shown_after_any_change(self, cloud: Cloud, three: dict[str, str]) -> None:
        for change in ("volumes SET updated_at = updated_at", *self.CHANGES):
            await cloud.sql(f"UPDATE {change}")
            for who in (cloud.member, cloud.admin, cloud.member):
                for version in ("3.0", "3.48", "3.71"):
                    await self.check(who, three, version)

    async def test_have_the_links_of_the_request(self, cloud: Cloud, three: dict[str, str]) -> None:
        for host in ("one.test", "other.test:1", "x" * 5000):
            for path in (VOLUMES, VOLUMES.replace("/v3", f"/v3/{MOUNTAIN}")):
                await self.check(cloud.member, three, "3.71", path, {"Host": host})

    async def check(
        self,
        who: Caller,
        ids: dict[str, str],
        version: str,
        path: str = VOLUMES,
        headers: dict[str, str] | None = None,
    ) -> None:
        options = {"version": version, "headers": headers}
        listed = await who.get(f"{path}/detail?all_tenants=1", **options)
        shown = [
            (await who.get(f"{path}/{volume_id}", **options))["volume"]
            for volume_id in (ids["c"], ids["b"], ids["a"])
        ]
        assert listed["volumes"] == shown


class TestSummary:
    async def test_of_the_project_or_of_all(self, three: Any, cloud: Cloud) -> None:
        assert three
        await cloud.stranger.create_volume(size=5)
        for who, query, count, size in (
            (cloud.member, "", 3, 6),
            (cloud.member, "?all_tenants=1", 3, 6),
            (cloud.member, "?all_tenants=what&status=error&color=red", 3, 6),
            (cloud.admin, "", 0, 0),
            (cloud.admin, "?all_tenants=1", 4, 11),
        ):
            shown = await who.get(f"{VOLUMES}/summary{query}", version="3.12")
            assert shown == {"volume-summary": {"total_count": count, "total_size": size}}

    async def test_metadata(self, three: Any, cloud: Cloud) -> None:
        assert three
        shown = (await cloud.reader.get(f"{VOLUMES}/summary", version="3.36"))["volume-summary"]
        assert shown["metadata"] == {"k": ["a", "b", "c"], "n": ["1"], "of": ["all"]}
        assert (shown["total_count"], shown["total_size"]) == (3, 6)
        shown = await cloud.stranger.get(f"{VOLUMES}/summary", version="3.71")
        assert shown["volume-summary"] == {"total_count": 0, "total_size": 0, "metadata": {}}

    async def test_is_none_below_3_12(self, cloud: Cloud) -> None:
        reply = await cloud.member.request("GET", f"{VOLUMES}/summary", version="3.11")
        assert reply.status == 404

    async def test_all_tenants_must_be_a_boolean(self, cloud: Cloud) -> None:
        reply = await cloud.admin.request("GET", f"{VOLUMES}/summary?all_tenants=x", version="3.71")
        assert reply.status == 400

    @pytest.mark.everywhere
    async def test_follows_what_happens(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume(size=2)
        await cloud.settled()
        await cloud.member.request("DELETE", f"{VOLUMES}/{volume['id']}")
        await cloud.settled()
        shown = await cloud.member.get(f"{VOLUMES}/summary", version="3.12")
        assert shown["volume-summary"] == {"total_count": 0, "total_size": 0}


class TestCount:
    @pytest.mark.everywhere
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
        await cloud.settled()
        for project in ("", f"/{MOUNTAIN}"):
            mount = f"/volume/v3{project}"
            shown = (await cloud.member.get(f"{mount}/volumes/{volume['id']}"))["volume"]
            listed = (await cloud.member.get(f"{mount}/volumes/detail"))["volumes"]
            assert shown["links"] == [
                {"rel": "self", "href": f"{BASE}{mount}/volumes/{volume['id']}"},
                {"rel": "bookmark", "href": f"{BASE}/volume{project}/volumes/{volume['id']}"},
            ]
            assert listed == [shown]

    async def test_another_project_in_the_path_is_a_mistake(self, cloud: Cloud) -> None:
        for who in (cloud.member, cloud.admin):
            reply = await who.request("GET", f"/volume/v3/{OCEAN}/volumes")
            assert reply.status == 400
