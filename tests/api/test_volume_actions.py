"""``POST /volumes/{volume_id}/action`` and what it shows in the volume; and its encryption."""

from __future__ import annotations

from typing import Any, Final

import pytest

from pumice.model.states import RESETTABLE
from tests.api.client import Reply
from tests.api.cloud import Caller, Cloud

VOLUMES: Final = "/volume/v3/volumes"


@pytest.fixture
async def volume(cloud: Cloud) -> dict[str, Any]:
    """A volume at rest."""
    made = await cloud.member.create_volume(metadata={"a": "1"})
    await cloud.settled()
    return made


async def act(
    who: Caller, volume: dict[str, Any], name: str, value: Any = None, **options: Any
) -> Reply:
    return await who.request("POST", f"{VOLUMES}/{volume['id']}/action", {name: value}, **options)


async def shown(who: Caller, volume: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await who.get(f"{VOLUMES}/{volume['id']}", version="3.71"))["volume"]
    return found


async def is_refused(cloud: Cloud, reply: Reply, text: str, before: Any) -> None:
    assert (reply.status, reply.json) == (400, {"badRequest": {"code": 400, "message": text}})
    assert await cloud.content() == before


class TestImageMetadata:
    @pytest.mark.everywhere
    async def test_is_set_shown_and_unset(self, cloud: Cloud, volume: dict[str, Any]) -> None:
        first = {"disk_format": "raw", "long": "v" * 65_535}
        reply = await act(cloud.member, volume, "os-set_image_metadata", {"metadata": first})
        assert (reply.status, reply.json) == (200, {"metadata": first})
        more = {"long": "", "min_disk": "1"}
        reply = await act(cloud.member, volume, "os-set_image_metadata", {"metadata": more})
        wanted = first | more
        assert reply.json == {"metadata": wanted}
        ignored: tuple[Any, ...] = (None, {}, 1)
        for value in ignored:
            reply = await act(cloud.reader, volume, "os-show_image_metadata", value)
            assert (reply.status, reply.json) == (200, {"metadata": wanted})
        reply = await act(cloud.member, volume, "os-unset_image_metadata", {"key": "long"})
        assert (reply.status, reply.body) == (200, b"")
        reply = await act(cloud.member, volume, "os-show_image_metadata")
        assert reply.json == {"metadata": {"disk_format": "raw", "min_disk": "1"}}
        assert (await shown(cloud.member, volume))["metadata"] == {"a": "1"}

    async def test_stands_in_show_and_detail_if_there_is_any(
        self, cloud: Cloud, volume: dict[str, Any]
    ) -> None:
        assert "volume_image_metadata" not in await shown(cloud.member, volume)
        metadata = {"disk_format": "raw"}
        await act(cloud.member, volume, "os-set_image_metadata", {"metadata": metadata})
        other = await cloud.member.create_volume()
        for version in ("3.0", "3.71"):
            found = await cloud.reader.get(f"{VOLUMES}/{volume['id']}", version=version)
            assert found["volume"]["volume_image_metadata"] == metadata
            listed = (await cloud.reader.get(f"{VOLUMES}/detail", version=version))["volumes"]
            assert found["volume"] in listed
            assert ["volume_image_metadata" in one for one in listed] == [
                one["id"] != other["id"] for one in listed
            ]
        target, body = f"{VOLUMES}/{volume['id']}", {"volume": {"name": "n"}}
        updated = (await cloud.member.request("PUT", target, body)).json["volume"]
        assert "volume_image_metadata" not in updated
        await act(cloud.member, volume, "os-unset_image_metadata", {"key": "disk_format"})
        assert "volume_image_metadata" not in await shown(cloud.member, volume)

    async def test_of_a_key_that_is_not_there(self, cloud: Cloud, volume: dict[str, Any]) -> None:
        reply = await act(cloud.member, volume, "os-unset_image_metadata", {"key": "a"})
        text = f"Glance metadata for volume/snapshot {volume['id']} cannot be found."
        assert (reply.status, reply.json) == (404, {"itemNotFound": {"code": 404, "message": text}})

    @pytest.mark.parametrize("status", ["uploading", "maintenance"])
    async def test_of_a_volume_that_must_not_change(
        self, cloud: Cloud, volume: dict[str, Any], status: str
    ) -> None:
        await act(cloud.member, volume, "os-set_image_metadata", {"metadata": {"k": "v"}})
        await cloud.sql("UPDATE volumes SET status = :status", status=status)
        before = await cloud.content()
        for doing, name, value in (
            ("Updating", "os-set_image_metadata", {"metadata": {"k": "w"}}),
            ("Deleting", "os-unset_image_metadata", {"key": "k"}),
        ):
            text = f"Invalid volume: {doing} volume metadata is not allowed for volumes in {status} status."
            await is_refused(cloud, await act(cloud.member, volume, name, value), text, before)

    async def test_is_bounded_together(self, cloud: Cloud, volume: dict[str, Any]) -> None:
        statuses = [
            (
                await act(
                    cloud.member, volume, "os-set_image_metadata", {"metadata": {key: "v" * 65_000}}
                )
            ).status
            for key in ("k", "k", "l")
        ]
        assert statuses == [200, 200, 413]


class TestFlags:
    @pytest.mark.parametrize("word", [True, "on", "1"])
    async def test_bootable(self, cloud: Cloud, volume: dict[str, Any], word: Any) -> None:
        for value, wanted in ((word, "true"), ("off", "false"), (word, "true")):
            reply = await act(cloud.member, volume, "os-set_bootable", {"bootable": value})
            assert (reply.status, reply.body) == (200, b"")
            assert (await shown(cloud.member, volume))["bootable"] == wanted
            query = f"{VOLUMES}?bootable={wanted}"
            assert len((await cloud.member.get(query, version="3.71"))["volumes"]) == 1

    @pytest.mark.everywhere
    async def test_readonly(self, cloud: Cloud, volume: dict[str, Any]) -> None:
        assert (await shown(cloud.member, volume))["metadata"] == {"a": "1"}
        for value, wanted in ((True, "True"), ("no", "False"), ("yes", "True")):
            reply = await act(cloud.member, volume, "os-update_readonly_flag", {"readonly": value})
            assert (reply.status, reply.body) == (202, b"")
            assert (await shown(cloud.member, volume))["metadata"] == {"a": "1", "readonly": wanted}
            (listed,) = (await cloud.member.get(f"{VOLUMES}/detail"))["volumes"]
            assert listed["metadata"]["readonly"] == wanted

    @pytest.mark.parametrize("status", ["creating", "error", "in-use", "maintenance"])
    async def test_readonly_needs_an_available_volume(
        self, cloud: Cloud, volume: dict[str, Any], status: str
    ) -> None:
        await cloud.sql("UPDATE volumes SET status = :status", status=status)
        before = await cloud.content()
        reply = await act(cloud.member, volume, "os-update_readonly_flag", {"readonly": True})
        text = (
            f"Invalid volume: Volume {volume['id']} status must be available to update readonly flag, "
            f"but current status is: {status}."
        )
        await is_refused(cloud, reply, text, before)

    async def test_bootable_not_during_maintenance(
        self, cloud: Cloud, volume: dict[str, Any]
    ) -> None:
        await cloud.sql("UPDATE volumes SET status = 'maintenance'")
        before = await cloud.content()
        reply = await act(cloud.member, volume, "os-set_bootable", {"bootable": True})
        text = "Invalid volume: The volume cannot be updated during maintenance."
        await is_refused(cloud, reply, text, before)


class TestResetStatus:
    @pytest.mark.parametrize("status", [one for one in RESETTABLE if one != "in-use"])
    async def test_sets_it(self, cloud: Cloud, volume: dict[str, Any], status: str) -> None:
        before = await shown(cloud.admin, volume)
        reply = await act(cloud.admin, volume, "os-reset_status", {"status": status.upper()})
        assert (reply.status, reply.body) == (202, b"")
        after = await shown(cloud.admin, volume)
        assert after == before | {"status": status, "updated_at": after["updated_at"]}
        back = await act(cloud.admin, volume, "os-reset_status", {"status": "available"})
        assert back.status == 202
        assert (await shown(cloud.member, volume))["status"] == "available"

    @pytest.mark.everywhere
    async def test_of_a_migration(self, cloud: Cloud, volume: dict[str, Any]) -> None:
        words = ("migrating", "Error", "success", "completing", "starting", "none")
        for word in words:
            reply = await act(cloud.admin, volume, "os-reset_status", {"migration_status": word})
            assert reply.status == 202
            found = await shown(cloud.admin, volume)
            wanted = None if word == "none" else word.lower()
            assert found["migration_status"] == found["os-vol-mig-status-attr:migstat"] == wanted
            assert found["status"] == "available"

    @pytest.mark.parametrize(
        "value",
        [
            {"attach_status": "attached"},
            {"migration_status": "migrating"},
            {"migration_status": "starting", "status": "error"},
        ],
        ids=str,
    )
    async def test_of_a_volume_that_is_used_keeps_it(
        self, cloud: Cloud, volume: dict[str, Any], value: dict[str, str]
    ) -> None:
        assert (await act(cloud.admin, volume, "os-reset_status", value)).status == 202
        before = await cloud.content()
        text = f"Invalid volume: Volume {volume['id']} must not be migrating or attached."
        reply = await cloud.member.request("DELETE", f"{VOLUMES}/{volume['id']}")
        await is_refused(cloud, reply, text, before)
        reply = await act(cloud.admin, volume, "os-force_delete")
        await is_refused(cloud, reply, text, before)
        free = {"attach_status": "detached", "migration_status": "none", "status": None}
        assert (await act(cloud.admin, volume, "os-reset_status", free)).status == 202
        assert (await act(cloud.admin, volume, "os-force_delete")).status == 202

    @pytest.mark.parametrize(
        ("status", "text"),
        [
            ("deleting", "Cannot reset-state to deleting"),
            (
                "in-use",
                "Cannot reset-state to in-use because volume does not have any attachments.",
            ),
        ],
    )
    async def test_to_what_only_an_operation_may_say(
        self, cloud: Cloud, volume: dict[str, Any], status: str, text: str
    ) -> None:
        before = await cloud.content()
        for word in (status, status.title()):
            reply = await act(cloud.admin, volume, "os-reset_status", {"status": word})
            await is_refused(cloud, reply, text, before)

    async def test_to_available_of_a_volume_that_no_backend_has(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("gold", color="gold")
        volume = await cloud.member.create_volume(volume_type="gold")
        await cloud.settled()
        before = await cloud.content()
        reply = await act(cloud.admin, volume, "os-reset_status", {"status": "available"})
        text = "Cannot reset-state to available because no backend has the volume."
        await is_refused(cloud, reply, text, before)

    async def test_is_an_administrators(self, cloud: Cloud, volume: dict[str, Any]) -> None:
        before = await cloud.content()
        for who in (cloud.member, cloud.reader, cloud.stranger):
            for name, value in (
                ("os-reset_status", {"status": "error"}),
                ("os-force_delete", None),
            ):
                assert (await act(who, volume, name, value)).status == 403
        assert await cloud.content() == before


class TestForceDelete:
    @pytest.mark.parametrize("status", RESETTABLE)
    async def test_from_any_status(self, cloud: Cloud, volume: dict[str, Any], status: str) -> None:
        await cloud.sql("UPDATE volumes SET status = :status", status=status)
        reply = await act(cloud.admin, volume, "os-force_delete", {"ignored": True})
        assert (reply.status, reply.body) == (202, b"")
        await cloud.settled()
        assert (await cloud.member.request("GET", f"{VOLUMES}/{volume['id']}")).status == 404
        content = await cloud.content()
        assert content["volumes"] == []
        assert content["quota_usages"] == []

    @pytest.mark.everywhere
    async def test_is_made_once_under_one_key(self, cloud: Cloud, volume: dict[str, Any]) -> None:
        headers = {"Idempotency-Key": "k"}
        first = await act(cloud.admin, volume, "os-force_delete", headers=headers)
        await cloud.settled()
        second = await act(cloud.admin, volume, "os-force_delete", headers=headers)
        assert (first.status, first.body) == (second.status, second.body) == (202, b"")
        assert second.headers["idempotency-replayed"] == "true"
        assert (await act(cloud.admin, volume, "os-force_delete")).status == 404


class TestEncryption:
    async def test_of_a_volume_that_is_not_encrypted(
        self, cloud: Cloud, volume: dict[str, Any]
    ) -> None:
        target = f"{VOLUMES}/{volume['id']}/encryption"
        assert await cloud.reader.get(target) == {"encryption_key_id": None}
        reply = await cloud.reader.request("GET", f"{target}/encryption_key_id")
        assert (reply.status, reply.body) == (200, b"")
        reply = await cloud.reader.request("GET", f"{target}/cipher")
        text = f"Volume {volume['id']} has no encryption item cipher."
        assert (reply.status, reply.json) == (404, {"itemNotFound": {"code": 404, "message": text}})
        assert (await cloud.stranger.request("GET", target)).status == 404


async def test_by_others(cloud: Cloud, volume: dict[str, Any]) -> None:
    before = await cloud.content()
    for name, value in (
        ("os-set_image_metadata", {"metadata": {}}),
        ("os-unset_image_metadata", {"key": "k"}),
        ("os-set_bootable", {"bootable": True}),
        ("os-update_readonly_flag", {"readonly": True}),
    ):
        assert (await act(cloud.reader, volume, name, value)).status == 403
        assert (await act(cloud.stranger, volume, name, value)).status == 404
    assert (await act(cloud.stranger, volume, "os-show_image_metadata")).status == 404
    assert await cloud.content() == before
