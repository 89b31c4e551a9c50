"""``/types`` and their extra specs."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.cloud import Cloud

TYPES: Final = "/volume/v3/types"
FIELDS: Final = {
    "id",
    "name",
    "is_public",
    "description",
    "extra_specs",
    "os-volume-type-access:is_public",
}
PUBLIC_SPEC: Final = "RESKEY:availability_zones"


async def make(cloud: Cloud, name: str, **content: Any) -> dict[str, Any]:
    """A type of the administrator's."""
    body = {"volume_type": {"name": name} | content}
    reply = await cloud.admin.request("POST", TYPES, body)
    assert reply.status == 200, reply.body
    made: dict[str, Any] = reply.json["volume_type"]
    return made


class TestCreate:
    async def test_answers_the_type(self, cloud: Cloud) -> None:
        made = await make(cloud, " one ", description="It is.", extra_specs={"a": "b", "c": None})
        assert made == {
            "id": made["id"],
            "name": "one",
            "is_public": True,
            "description": "It is.",
            "extra_specs": {"a": "b", "c": None},
            "os-volume-type-access:is_public": True,
        }
        shown = made | {"qos_specs_id": None}
        assert await cloud.admin.get(f"{TYPES}/{made['id']}") == {"volume_type": shown}

    @pytest.mark.parametrize(("given", "wanted"), [("on", True), ("0", False), (False, False)])
    async def test_reads_booleans_as_cinder(self, cloud: Cloud, given: Any, wanted: bool) -> None:
        made = await make(cloud, "one", **{"os-volume-type-access:is_public": given})
        assert made["is_public"] is wanted

    @pytest.mark.everywhere
    async def test_the_name_is_taken_once(self, cloud: Cloud) -> None:
        await make(cloud, "one")
        before = await cloud.content()
        reply = await cloud.admin.request("POST", TYPES, {"volume_type": {"name": "one"}})
        text = "Volume Type one already exists."
        assert (reply.status, reply.json) == (
            409,
            {"conflictingRequest": {"code": 409, "message": text}},
        )
        assert await cloud.content() == before


class TestShow:
    async def test_fields_by_role(self, cloud: Cloud) -> None:
        made = await make(cloud, "one", extra_specs={"a": "b", PUBLIC_SPEC: "nova"})
        for who, fields, specs in (
            (cloud.member, FIELDS, {PUBLIC_SPEC: "nova"}),
            (cloud.admin, FIELDS | {"qos_specs_id"}, {PUBLIC_SPEC: "nova", "a": "b"}),
        ):
            shown = (await who.get(f"{TYPES}/{made['id']}"))["volume_type"]
            assert shown.keys() == fields
            assert shown["extra_specs"] == specs
            listed = (await who.get(TYPES))["volume_types"]
            assert shown in listed
            everything = await who.get(f"{TYPES}/{made['id']}/extra_specs")
            assert everything == {"extra_specs": specs}
        hidden = await cloud.member.request("GET", f"{TYPES}/{made['id']}/extra_specs/a")
        assert hidden.status == 404
        assert await cloud.admin.get(f"{TYPES}/{made['id']}/extra_specs/a") == {"a": "b"}

    async def test_only_a_member_sees_whether_it_is_public(self, cloud: Cloud) -> None:
        shown = (await cloud.reader.get(f"{TYPES}/default"))["volume_type"]
        assert shown.keys() == FIELDS - {"os-volume-type-access:is_public"}

    async def test_is_not_encrypted(self, cloud: Cloud) -> None:
        made = await make(cloud, "one")
        assert await cloud.admin.get(f"{TYPES}/{made['id']}/encryption") == {}
        hidden = await cloud.member.request("GET", f"{TYPES}/{made['id']}/encryption")
        assert hidden.status == 403

    async def test_default_is_the_one_that_volumes_get_unasked(self, cloud: Cloud) -> None:
        shown = (await cloud.member.get(f"{TYPES}/default"))["volume_type"]
        assert shown["name"] == "__DEFAULT__"

    async def test_a_private_one_is_an_administrators(self, cloud: Cloud) -> None:
        made = await make(cloud, "hidden", **{"os-volume-type-access:is_public": False})
        assert (await cloud.member.request("GET", f"{TYPES}/{made['id']}")).status == 404
        listed = (await cloud.member.get(f"{TYPES}?is_public=none"))["volume_types"]
        assert [one["name"] for one in listed] == ["__DEFAULT__"]
        for reference in (made["id"], "hidden"):
            body = {"volume": {"size": 1, "volume_type": reference}}
            reply = await cloud.member.request("POST", "/volume/v3/volumes", body)
            assert reply.status == 404
        shown = made | {"qos_specs_id": None}
        assert (await cloud.admin.get(f"{TYPES}/{made['id']}"))["volume_type"] == shown


class TestList:
    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("", "__DEFAULT__ one two"),
            ("is_public=True", "__DEFAULT__ one two"),
            ("is_public=false", "hidden"),
            ("is_public=None", "__DEFAULT__ hidden one two"),
            ("sort=name:desc", "two one __DEFAULT__"),
            ("sort=name:asc&limit=2", "__DEFAULT__ one"),
            ("sort=name:asc&limit=0", "__DEFAULT__ one two"),
            ("sort=name:asc&offset=1&limit=1", "one"),
            ("color=red", "__DEFAULT__ one two"),
            ("extra_specs={'a':'b'}", "one"),
            ("extra_specs={'a':'b','x':'y'}", ""),
            ("extra_specs={}", "__DEFAULT__ one two"),
        ],
    )
    async def test_of_an_administrator(self, cloud: Cloud, query: str, wanted: str) -> None:
        await self.types(cloud)
        listed = await cloud.admin.get(f"{TYPES}?{query}", version="3.52")
        names = [one["name"] for one in listed["volume_types"]]
        assert (names if "sort" in query else sorted(names)) == wanted.split()

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("is_public=none", "__DEFAULT__ one two"),
            ("is_public=maybe", "__DEFAULT__ one two"),
            ("extra_specs={'a':'b'}", ""),
            (f"extra_specs={{'{PUBLIC_SPEC}':'nova'}}", "two"),
        ],
    )
    async def test_of_a_member(self, cloud: Cloud, query: str, wanted: str) -> None:
        await self.types(cloud)
        listed = await cloud.member.get(f"{TYPES}?{query}", version="3.52")
        assert sorted(one["name"] for one in listed["volume_types"]) == wanted.split()

    async def test_extra_specs_are_no_filter_below_3_52(self, cloud: Cloud) -> None:
        await self.types(cloud)
        listed = await cloud.member.get(f"{TYPES}?extra_specs=x", version="3.51")
        assert len(listed["volume_types"]) == 3

    @pytest.mark.everywhere
    async def test_pages_lead_through_all_types(self, cloud: Cloud) -> None:
        await self.types(cloud)
        pages = await cloud.admin.pages(f"{TYPES}?limit=1&sort=name:asc", "volume_types")
        assert [[one["name"] for one in page] for page in pages] == [
            ["__DEFAULT__"],
            ["one"],
            ["two"],
        ]

    async def types(self, cloud: Cloud) -> None:
        """Beside the default: one with a spec, two with another, and a hidden one."""
        await make(cloud, "one", extra_specs={"a": "b"})
        await make(cloud, "two", extra_specs={PUBLIC_SPEC: "nova"})
        await make(cloud, "hidden", **{"os-volume-type-access:is_public": False})


class TestExtraSpecs:
    @pytest.mark.everywhere
    async def test_are_added_changed_and_removed(self, cloud: Cloud) -> None:
        specs = f"{TYPES}/{(await make(cloud, 'one', extra_specs={'a': '1'}))['id']}/extra_specs"
        added = await cloud.admin.request("POST", specs, {"extra_specs": {"b": "2", "a": "3"}})
        assert (added.status, added.json) == (200, {"extra_specs": {"b": "2", "a": "3"}})
        changed = await cloud.admin.request("PUT", f"{specs}/b", {"b": "4"})
        assert (changed.status, changed.json) == (200, {"b": "4"})
        removed = await cloud.admin.request("DELETE", f"{specs}/a")
        assert (removed.status, removed.body) == (202, b"")
        assert await cloud.admin.get(specs) == {"extra_specs": {"b": "4"}}
        again = await cloud.admin.request("DELETE", f"{specs}/a")
        assert again.status == 404

    async def test_stay_as_they_are_while_a_volume_has_the_type(self, cloud: Cloud) -> None:
        made = await make(cloud, "one", extra_specs={"volume_backend_name": "fast"})
        await cloud.member.create_volume(volume_type="one")
        specs = f"{TYPES}/{made['id']}/extra_specs"
        text = "Volume Type one is currently in use; its extra specs cannot be changed."
        for method, target, body in (
            ("POST", specs, {"extra_specs": {"a": "b"}}),
            ("PUT", f"{specs}/volume_backend_name", {"volume_backend_name": "bulk"}),
            ("DELETE", f"{specs}/volume_backend_name", None),
        ):
            reply = await cloud.admin.request(method, target, body)
            assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)


class TestDelete:
    @pytest.mark.everywhere
    async def test_removes_a_type_without_volumes(self, cloud: Cloud) -> None:
        made = await make(cloud, "one")
        volume = await cloud.member.create_volume(volume_type="one")
        await cloud.settled()
        used = await cloud.admin.request("DELETE", f"{TYPES}/{made['id']}")
        text = "Target volume type is still in use."
        assert (used.status, used.json["badRequest"]["message"]) == (400, text)
        await cloud.member.request("DELETE", f"/volume/v3/volumes/{volume['id']}")
        await cloud.settled()
        reply = await cloud.admin.request("DELETE", f"{TYPES}/{made['id']}")
        assert (reply.status, reply.body) == (202, b"")
        assert (await cloud.admin.request("GET", f"{TYPES}/{made['id']}")).status == 404

    async def test_keeps_the_default(self, cloud: Cloud) -> None:
        default = (await cloud.admin.get(f"{TYPES}/default"))["volume_type"]["id"]
        reply = await cloud.admin.request("DELETE", f"{TYPES}/{default}")
        text = f"The volume type {default} is a default volume type and cannot be deleted."
        assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "bound"),
        [(1, "smaller than the minimum size '2'"), (5, "larger than the maximum size '4'")],
    )
    async def test_are_bounded_by_the_type(self, cloud: Cloud, size: int, bound: str) -> None:
        bounds = {"provisioning:min_vol_size": "2", "provisioning:max_vol_size": "4"}
        await make(cloud, "one", extra_specs=bounds)
        body = {"volume": {"size": size, "volume_type": "one"}}
        reply = await cloud.member.request("POST", "/volume/v3/volumes", body)
        text = f"Specified volume size of '{size}' GB is {bound} GB of volume type 'one'."
        assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)
        await cloud.member.create_volume(size=3, volume_type="one")

    @pytest.mark.parametrize("bound", ["", "x", "-1", "\N{SUPERSCRIPT TWO}"])
    async def test_what_is_no_number_is_no_bound(self, cloud: Cloud, bound: str) -> None:
        await make(cloud, "one", extra_specs={"provisioning:max_vol_size": bound})
        await cloud.member.create_volume(size=3, volume_type="one")
