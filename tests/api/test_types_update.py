"""``PUT /types/{type_id}``, and what a new name or visibility means for volumes, quota and the default."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, Cloud, running
from tests.api.deployment import Deployment

TYPES: Final = "/volume/v3/types"
VOLUMES: Final = "/volume/v3/volumes"
IS_PUBLIC: Final = "os-volume-type-access:is_public"
QUOTAS: Final = f"/volume/v3/os-quota-sets/{MOUNTAIN}"


async def update(cloud: Cloud, type_id: str, **content: Any) -> Reply:
    return await cloud.admin.request("PUT", f"{TYPES}/{type_id}", {"volume_type": content})


async def test_each_field_alone(cloud: Cloud) -> None:
    made = await cloud.admin.create_type("one", a="b")
    del made[IS_PUBLIC]
    for content, changed in (
        ({"name": " two "}, {"name": "two"}),
        ({"description": "It is."}, {"description": "It is."}),
        ({"description": ""}, {"description": ""}),
        ({"is_public": "off"}, {"is_public": False}),
        ({"is_public": None, "name": "three"}, {"name": "three"}),
        ({IS_PUBLIC: True}, {"is_public": True}),  # As openstacksdk writes it.
    ):
        made |= changed
        reply = await update(cloud, made["id"], **content)
        assert (reply.status, reply.json) == (200, {"volume_type": made})
        shown = made | {IS_PUBLIC: made["is_public"], "qos_specs_id": None}
        assert await cloud.admin.get(f"{TYPES}/{made['id']}") == {"volume_type": shown}


async def test_its_own_name_is_not_taken(cloud: Cloud) -> None:
    made = await cloud.admin.create_type("one")
    assert (await update(cloud, made["id"], name="one")).status == 200
    reply = await update(cloud, made["id"], name="__DEFAULT__")
    fault = {"code": 409, "message": "Volume Type __DEFAULT__ already exists."}
    assert (reply.status, reply.json) == (409, {"conflictingRequest": fault})


async def test_volumes_follow_the_new_name(cloud: Cloud) -> None:
    made = await cloud.admin.create_type("one")
    volume = await cloud.member.create_volume(volume_type="one")
    await update(cloud, made["id"], name="two")
    shown = (await cloud.member.get(f"{VOLUMES}/{volume['id']}"))["volume"]
    assert shown["volume_type"] == "two"
    gone = await cloud.member.request(
        "POST", VOLUMES, {"volume": {"size": 1, "volume_type": "one"}}
    )
    assert gone.status == 404


@pytest.mark.everywhere
async def test_limits_and_usage_follow_the_new_name(cloud: Cloud) -> None:
    made = await cloud.admin.create_type("one")
    limit = {"quota_set": {"volumes_one": 1}}
    assert (await cloud.admin.request("PUT", QUOTAS, limit)).status == 200
    defaults = {"quota_class_set": {"gigabytes_one": 7}}
    classes = "/volume/v3/os-quota-class-sets/default"
    assert (await cloud.admin.request("PUT", classes, defaults)).status == 200
    await cloud.member.create_volume(volume_type="one")
    await update(cloud, made["id"], name="two")
    found = (await cloud.member.get(f"{QUOTAS}?usage=true"))["quota_set"]
    assert found["volumes_two"] == {"limit": 1, "in_use": 1, "reserved": 0}
    assert found["gigabytes_two"] == {"limit": 7, "in_use": 1, "reserved": 0}
    assert not any(name.endswith("_one") for name in found)
    reply = await cloud.member.request(
        "POST", VOLUMES, {"volume": {"size": 1, "volume_type": "two"}}
    )
    assert reply.status == 413
    assert "(1) exceeded for quota 'volumes_two'" in reply.json["overLimit"]["message"]
    # Another type that takes the old name starts anew.
    await cloud.admin.create_type("one")
    assert (await cloud.member.get(QUOTAS))["quota_set"]["volumes_one"] == -1


async def test_the_configured_default_does_not_follow(cloud: Cloud) -> None:
    default = (await cloud.admin.get(f"{TYPES}/default"))["volume_type"]
    assert (await update(cloud, default["id"], name="renamed")).status == 200
    text = "Volume type __DEFAULT__ could not be found."
    for reply in (
        await cloud.member.request("POST", VOLUMES, {"volume": {"size": 1}}),
        await cloud.member.request("GET", f"{TYPES}/default"),
    ):
        assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)
    await update(cloud, default["id"], name="__DEFAULT__")
    await cloud.member.create_volume()


@pytest.mark.everywhere
async def test_the_only_type_stays(deployment: Deployment, tmp_path: Path) -> None:
    async with running(deployment, tmp_path, "default_volume_type = missing") as cloud:
        (only,) = (await cloud.admin.get(TYPES))["volume_types"]
        reply = await cloud.admin.request("DELETE", f"{TYPES}/{only['id']}")
        text = (
            f"The volume type {only['id']} is the only currently defined volume type and cannot be "
            "deleted."
        )
        assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)
        await cloud.admin.create_type("other")
        assert (await cloud.admin.request("DELETE", f"{TYPES}/{only['id']}")).status == 202


@pytest.mark.parametrize("name", ["one", "renamed"])
async def test_nothing_is_left_of_a_removed_type(cloud: Cloud, name: str) -> None:
    before = await cloud.content()
    made = await cloud.admin.create_type("one")
    await update(cloud, made["id"], is_public=False, name=name)
    access = {"addProjectAccess": {"project": MOUNTAIN}}
    assert (await cloud.admin.request("POST", f"{TYPES}/{made['id']}/action", access)).status == 202
    limits = {f"{part}_{name}": 5 for part in ("volumes", "gigabytes", "snapshots")}
    await cloud.admin.request("PUT", QUOTAS, {"quota_set": limits})
    await cloud.admin.request(
        "PUT", "/volume/v3/os-quota-class-sets/gold", {"quota_class_set": limits}
    )
    volume = await cloud.member.create_volume(volume_type=name)
    await cloud.settled()
    await cloud.member.request("DELETE", f"{VOLUMES}/{volume['id']}")
    await cloud.settled()
    assert (await cloud.admin.request("DELETE", f"{TYPES}/{made['id']}")).status == 202
    after = await cloud.content()
    for table in ("volume_types", "volume_type_access", "quota_limits", "quota_classes"):
        assert after[table] == before[table], table
    (usages,) = (await cloud.rows("quota_usages")).values()  # Also those of nothing.
    assert all(made["id"] not in row[1] for row in usages)
