"""``/volumes``: from the request to the volume on its backend, and what each caller sees of it."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any, Final

import pytest

from pumice.api.volume_v3.volumes import VolumeDetail
from pumice.errors import Unavailable
from pumice.store import operations
from tests.api.cloud import MOUNTAIN, OCEAN, Caller, Cloud

VOLUMES: Final = "/volume/v3/volumes"

# What a create is answered at 3.0 to somebody who is no administrator, and what comes to it.
BASIC: Final = {
    "id",
    "status",
    "size",
    "availability_zone",
    "created_at",
    "updated_at",
    "name",
    "description",
    "volume_type",
    "snapshot_id",
    "source_volid",
    "consistencygroup_id",
    "metadata",
    "links",
    "user_id",
    "bootable",
    "encrypted",
    "replication_status",
    "multiattach",
    "attachments",
}
SHOWN: Final = {"os-vol-tenant-attr:tenant_id"}
SHOWN_TO_ADMINS: Final = {
    "os-vol-host-attr:host",
    "os-vol-mig-status-attr:migstat",
    "os-vol-mig-status-attr:name_id",
}
SINCE: Final = {
    13: {"group_id"},
    48: {"shared_targets", "service_uuid"},
    63: {"volume_type_id"},
    65: {"consumes_quota"},
}
SINCE_FOR_ADMINS: Final = {0: {"migration_status"}, 21: {"provider_id"}, 61: {"cluster_name"}}


def known(since: dict[int, set[str]], minor: int) -> set[str]:
    return {name for first, names in since.items() if first <= minor for name in names}


class TestFields:
    async def test_by_microversion_and_role(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume()
        await cloud.settled()
        for minor in (0, 12, 13, 20, 21, 47, 48, 60, 61, 62, 63, 64, 65, 68, 69, 71):
            everybody = BASIC | SHOWN | known(SINCE, minor)
            admins = everybody | SHOWN_TO_ADMINS | known(SINCE_FOR_ADMINS, minor)
            for who, wanted in ((cloud.member, everybody), (cloud.admin, admins)):
                options = {"version": f"3.{minor}"}
                shown = (await who.get(f"{VOLUMES}/{volume['id']}", **options))["volume"]
                query = "?all_tenants=1" if who is cloud.admin else ""
                listed = (await who.get(f"{VOLUMES}/detail{query}", **options))["volumes"]
                assert shown.keys() == wanted, minor
                assert listed == [shown]

    async def test_of_a_create(self, cloud: Cloud) -> None:
        assert (await cloud.member.create_volume(version="3.0")).keys() == BASIC
        newest = await cloud.member.create_volume()
        assert newest.keys() == BASIC | known(SINCE, 71)
        administrators = await cloud.admin.create_volume()
        assert administrators.keys() == BASIC | known(SINCE | SINCE_FOR_ADMINS, 71)

    async def test_of_a_list(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume(name="a")
        (listed,) = (await cloud.member.get(VOLUMES))["volumes"]
        assert listed == {"id": volume["id"], "name": "a", "links": volume["links"]}

    def test_that_come_later_are_fields(self) -> None:
        fields = set(VolumeDetail.__struct_fields__)
        assert fields.issuperset(VolumeDetail.SINCE)
        assert fields.issuperset((*VolumeDetail.ADMIN_ONLY, *VolumeDetail.SHOWN_ONLY))

    async def test_shared_targets_may_be_null_only_late(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume()
        for version, wanted in (("3.48", True), ("3.68", True), ("3.69", None)):
            shown = await cloud.member.get(f"{VOLUMES}/{volume['id']}", version=version)
            assert shown["volume"]["shared_targets"] is wanted


class TestCreate:
    @pytest.mark.everywhere
    async def test_ends_with_a_volume_that_is_available(self, cloud: Cloud) -> None:
        created = await cloud.member.create_volume(
            name=" first ", description="It is.", metadata={"a key": "ü"}, size="2"
        )
        assert created["status"] == "creating"
        await cloud.settled()
        shown = (await cloud.member.get(f"{VOLUMES}/{created['id']}"))["volume"]
        wanted = {
            "status": "available",
            "name": "first",
            "description": "It is.",
            "metadata": {"a key": "ü"},
            "size": 2,
            "bootable": "false",
            "volume_type": "__DEFAULT__",
            "availability_zone": "nova",
            "os-vol-tenant-attr:tenant_id": MOUNTAIN,
            "attachments": [],
        }
        assert {key: shown[key] for key in wanted} == wanted
        for key in ("created_at", "updated_at"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", shown[key])

    @pytest.mark.only_on(
        "sqlite",
        "postgresql",
        reason="of several processes each commits what it takes and hands on",
    )
    async def test_takes_two_commits(self, cloud: Cloud) -> None:
        commits = cloud.commits
        await cloud.member.create_volume()
        await cloud.settled()
        assert cloud.commits - commits == 2

    @pytest.mark.everywhere
    async def test_lands_on_the_backend_that_its_type_names(self, cloud: Cloud) -> None:
        for backend in ("fast", "bulk"):
            name = f"FCVolumeType {backend}"
            await cloud.admin.create_type(name, volume_backend_name=backend)
            volume = await cloud.member.create_volume(volume_type=name)
            assert volume["volume_type"] == name
            await cloud.settled()
            shown = (await cloud.admin.get(f"{VOLUMES}/{volume['id']}"))["volume"]
            assert shown["status"] == "available"
            assert shown["os-vol-host-attr:host"] == f"pumice@{backend}#{backend}"

    async def test_takes_a_type_by_id_or_name(self, cloud: Cloud) -> None:
        made = await cloud.admin.create_type("one")
        for reference in (made["id"], "one"):
            assert (await cloud.member.create_volume(volume_type=reference))["volume_type"] == "one"

    @pytest.mark.parametrize("version", ["3.0", "3.53"])
    async def test_takes_the_older_names(self, cloud: Cloud, version: str) -> None:
        old = {"display_name": "old", "display_description": "older"}
        created = await cloud.member.create_volume(version=version, **old)
        assert (created["name"], created["description"]) == ("old", "older")
        both = await cloud.member.create_volume(version=version, **old, name="new")
        assert both["name"] == "new"

    async def test_takes_what_the_older_clients_send(self, cloud: Cloud) -> None:
        """Every key of theirs with nothing in it, and one that nobody knows, below 3.53."""
        keys = ("snapshot_id", "source_volid", "consistencygroup_id", "imageRef", "metadata")
        nothing = dict.fromkeys(keys) | {"attach_status": "detached", "group_id": [1]}
        await cloud.member.create_volume(version="3.12", multiattach=False, **nothing)
        body = {"volume": {"size": 1}, "OS-SCH-HNT:scheduler_hints": {}}
        reply = await cloud.member.request("POST", VOLUMES, body)
        assert reply.status == 202

    async def test_takes_a_body_in_parts(self, cloud: Cloud) -> None:
        headers = [("X-Auth-Token", str(cloud.member.token))]
        body = b'{"volume": {"size": 1, "name": "\xc3\xbc \\\\u0000"}}'
        reply = await cloud.client.send("POST", VOLUMES, headers, body, parts=7)
        assert reply.status == 202
        assert reply.json["volume"]["name"] == "ü \\u0000"

    async def test_needs_a_project(self, cloud: Cloud) -> None:
        system = await cloud.log_in("system admin")
        reply = await system.request("POST", VOLUMES, {"volume": {"size": 1}})
        text = "A volume belongs to a project: use a token that is for one."
        assert (reply.status, reply.json) == (400, {"badRequest": {"code": 400, "message": text}})


class TestNoBackend:
    @pytest.mark.everywhere
    async def test_ends_in_error_with_a_message_and_the_reasons(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("gold", color="gold")
        volume = await cloud.member.create_volume(volume_type="gold")
        await cloud.settled()
        shown = (await cloud.member.get(f"{VOLUMES}/{volume['id']}"))["volume"]
        assert shown["status"] == "error"
        listed = await cloud.member.get("/volume/v3/messages", version="3.3")
        (message,) = listed["messages"]
        assert message["event_id"] == "VOLUME_VOLUME_001_003"
        assert message["resource_uuid"] == volume["id"]
        assert message["user_message"] == (
            "schedule allocate volume:No valid backend was found: "
            "CapabilitiesFilter refused 2 of 2 pools."
        )
        why = (await cloud.admin.get(f"/pumice/v1/why/{volume['id']}"))["why"]
        refusals = {
            (verdict["host"], verdict["filter"], verdict["reason"])
            for verdict in why["verdicts"]
            if not verdict["passed"]
        }
        reason = "extra spec color requires 'gold', the pool does not report it"
        assert refusals == {
            ("pumice@fast#fast", "CapabilitiesFilter", reason),
            ("pumice@bulk#bulk", "CapabilitiesFilter", reason),
        }

    async def test_tells_the_numbers(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("bulk", volume_backend_name="bulk")
        volume = await cloud.member.create_volume(volume_type="bulk", size=101)
        await cloud.settled()
        why = (await cloud.admin.get(f"/pumice/v1/why/{volume['id']}"))["why"]
        (refusal,) = (
            verdict
            for verdict in why["verdicts"]
            if verdict["host"] == "pumice@bulk#bulk" and not verdict["passed"]
        )
        assert refusal["filter"] == "CapacityFilter"
        assert refusal["reason"].startswith(
            "needs 101 GiB, 100 GiB of 100 GiB virtually free (0 GiB provisioned"
        )

    async def test_the_owner_is_told_no_host(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("gold", color="gold")
        bad = await cloud.member.create_volume(volume_type="gold")
        good = await cloud.member.create_volume()
        await cloud.settled()
        operations = (await cloud.member.get("/pumice/v1/operations"))["operations"]
        targets = [
            f"{VOLUMES}/detail",
            f"{VOLUMES}/{good['id']}",
            "/volume/v3/messages",
            "/pumice/v1/operations",
            "/pumice/v1/events",
            *(f"/pumice/v1/why/{volume['id']}" for volume in (bad, good)),
            *(f"/pumice/v1/operations/{operation['id']}" for operation in operations),
        ]
        assert len(operations) == 2
        for target in targets:
            reply = await cloud.member.request("GET", target, version="3.71")
            assert reply.status == 200, target
            assert b"pumice@" not in reply.body, target
        why = (await cloud.member.get(f"/pumice/v1/why/{bad['id']}"))["why"]
        assert why["verdicts"] == []
        assert "CapabilitiesFilter refused 2 of 2 pools" in why["sentences"][-1]


@pytest.mark.everywhere
async def test_what_was_accepted_is_not_refused_if_the_database_leaves_then(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where operations go on elsewhere, one looks whether they have ended already."""

    def away(*_: Any) -> None:
        raise Unavailable("The database cannot be reached at the moment; nothing was changed.")

    monkeypatch.setattr(operations, "is_unfinished", away)
    removed, forced = [await cloud.member.create_volume() for _ in range(2)]
    await cloud.settled()
    target = f"{VOLUMES}/{removed['id']}"
    assert (await cloud.member.request("DELETE", target)).status == 202
    target, body = f"{VOLUMES}/{forced['id']}/action", {"os-force_delete": None}
    assert (await cloud.admin.request("POST", target, body)).status == 202


class TestDelete:
    @pytest.mark.everywhere
    async def test_removes_the_volume_and_gives_its_quota_back(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume(size=3)
        await cloud.settled()
        reply = await cloud.member.request("DELETE", f"{VOLUMES}/{volume['id']}", b"ignored")
        assert (reply.status, reply.body) == (202, b"")
        assert "content-type" not in reply.headers
        await cloud.settled()
        assert await status(cloud.member, volume) == 404
        assert (await cloud.content())["quota_usages"] == []

    @pytest.mark.everywhere
    async def test_a_second_one_finds_the_first(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whichever comes first, where several processes answer; the driver lets both be answered."""
        volume = await cloud.member.create_volume()
        await cloud.settled()
        answered = threading.Event()
        for backend in cloud.backends.values():

            def slowly(removed: Any, remove: Any = backend.driver.delete_volume) -> None:
                answered.wait()
                remove(removed)

            monkeypatch.setattr(backend.driver, "delete_volume", slowly)
        target = f"{VOLUMES}/{volume['id']}"
        try:
            both = await asyncio.gather(
                cloud.member.request("DELETE", target), cloud.member.request("DELETE", target)
            )
        finally:
            answered.set()
        first, second = sorted(both, key=lambda reply: reply.status)
        assert (first.status, second.status) == (202, 400)
        assert second.json["badRequest"]["message"].startswith(
            f"Invalid volume: Volume {volume['id']} is deleting: operation "
        )
        await cloud.settled()
        third = await cloud.member.request("DELETE", target)
        assert third.status == 404

    @pytest.mark.everywhere
    async def test_of_a_volume_that_no_backend_has(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("gold", color="gold")
        volume = await cloud.member.create_volume(volume_type="gold")
        await cloud.settled()
        reply = await cloud.member.request("DELETE", f"{VOLUMES}/{volume['id']}?cascade=True")
        assert reply.status == 202
        assert await status(cloud.member, volume) == 404

    async def test_force_is_an_administrators_and_late(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume()
        await cloud.settled()
        await cloud.sql("UPDATE volumes SET status = 'error_deleting'")
        target = f"{VOLUMES}/{volume['id']}?force=true"
        refused = await cloud.member.request("DELETE", target, version="3.23")
        assert refused.status == 403
        early = await cloud.admin.request("DELETE", target, version="3.22")
        assert early.status == 400
        assert (await cloud.admin.request("DELETE", target, version="3.23")).status == 202
        await cloud.settled()
        assert await status(cloud.member, volume) == 404


class TestOfOthers:
    @pytest.mark.everywhere
    async def test_do_not_exist(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume()
        await cloud.settled()
        before = await cloud.content()
        for method in ("GET", "DELETE"):
            reply = await cloud.stranger.request(method, f"{VOLUMES}/{volume['id']}")
            text = f"Volume {volume['id']} could not be found."
            assert (reply.status, reply.json) == (
                404,
                {"itemNotFound": {"code": 404, "message": text}},
            )
        for query in ("", "?all_tenants=1", "?name="):
            assert await ids(cloud.stranger, query) == []
        reply = await cloud.stranger.request("GET", f"{VOLUMES}?marker={volume['id']}")
        assert reply.status == 404
        assert await cloud.content() == before

    async def test_are_a_readers_to_see_only(self, cloud: Cloud) -> None:
        volume = await cloud.member.create_volume()
        await cloud.settled()
        assert await status(cloud.reader, volume) == 200
        reply = await cloud.reader.request("DELETE", f"{VOLUMES}/{volume['id']}")
        assert reply.status == 403

    async def test_are_shown_to_administrators(self, cloud: Cloud) -> None:
        one = await cloud.member.create_volume()
        other = await cloud.stranger.create_volume()
        assert await status(cloud.admin, one) == 200
        assert await ids(cloud.admin, "") == []
        assert await ids(cloud.admin, "?all_tenants=True") == [other["id"], one["id"]]
        for name in ("project_id", "tenant_id"):
            query = f"?all_tenants=1&{name}={OCEAN}"
            assert await ids(cloud.admin, query) == [other["id"]]
        assert await ids(cloud.admin, f"?project_id={OCEAN}") == []


async def status(who: Caller, volume: dict[str, Any]) -> int:
    """How a show is answered."""
    return (await who.request("GET", f"{VOLUMES}/{volume['id']}")).status


async def ids(who: Caller, query: str) -> list[str]:
    """The ids in a list, in its order."""
    return [volume["id"] for volume in (await who.get(f"{VOLUMES}{query}"))["volumes"]]
