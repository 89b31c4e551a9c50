"""``/default-types``, and what volumes of a project get unasked."""

from __future__ import annotations

from typing import Final

import pytest

from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, OCEAN, Cloud

DEFAULTS: Final = "/volume/v3/default-types"
TYPES: Final = "/volume/v3/types"
VOLUMES: Final = "/volume/v3/volumes"
SINCE: Final = "3.62"


async def put(cloud: Cloud, reference: str, project: str = MOUNTAIN) -> Reply:
    body = {"default_type": {"volume_type": reference}}
    return await cloud.admin.request("PUT", f"{DEFAULTS}/{project}", body, version=SINCE)


@pytest.mark.parametrize("by", ["id", "name"])
async def test_is_set_shown_listed_and_unset(cloud: Cloud, by: str) -> None:
    made = await cloud.admin.create_type("one")
    other = await cloud.admin.create_type("other")
    await put(cloud, other["name"], OCEAN)
    assert (await put(cloud, "__DEFAULT__")).status == 200
    reply = await put(cloud, made[by])  # It replaces the first.
    wanted = {"project_id": MOUNTAIN, "volume_type_id": made["id"]}
    assert reply.json == {"default_type": wanted}
    one = f"{DEFAULTS}/{MOUNTAIN}"
    assert await cloud.admin.get(one, version=SINCE) == {"default_type": wanted}
    others = {"project_id": OCEAN, "volume_type_id": other["id"]}
    listed = await cloud.admin.get(DEFAULTS, version=SINCE)
    assert listed == {"default_types": [wanted, others]}
    for _ in range(2):
        gone = await cloud.admin.request("DELETE", one, version=SINCE)
        assert (gone.status, gone.body) == (204, b"")
    assert await cloud.admin.get(DEFAULTS, version=SINCE) == {"default_types": [others]}
    shown = await cloud.admin.request("GET", one, version=SINCE)
    text = f"Default type for project {MOUNTAIN} not found."
    assert (shown.status, shown.json["itemNotFound"]["message"]) == (404, text)


@pytest.mark.everywhere
async def test_is_what_volumes_get_unasked(cloud: Cloud) -> None:
    await cloud.admin.create_type("one")
    await put(cloud, "one")
    for who, name in ((cloud.member, "one"), (cloud.stranger, "__DEFAULT__")):
        assert (await who.get(f"{TYPES}/default"))["volume_type"]["name"] == name
        assert (await who.create_volume())["volume_type"] == name
    explicit = await cloud.member.create_volume(volume_type="__DEFAULT__")
    assert explicit["volume_type"] == "__DEFAULT__"
    await cloud.admin.request("DELETE", f"{DEFAULTS}/{MOUNTAIN}", version=SINCE)
    assert (await cloud.member.create_volume())["volume_type"] == "__DEFAULT__"


async def test_a_private_one_needs_access(cloud: Cloud) -> None:
    body = {"volume_type": {"name": "hidden", "os-volume-type-access:is_public": False}}
    type_id = (await cloud.admin.request("POST", TYPES, body)).json["volume_type"]["id"]
    assert (await put(cloud, "hidden")).status == 200
    text = f"Volume type {type_id} could not be found."
    for reply in (
        await cloud.member.request("POST", VOLUMES, {"volume": {"size": 1}}),
        await cloud.member.request("GET", f"{TYPES}/default"),
    ):
        assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)
    access = {"addProjectAccess": {"project": MOUNTAIN}}
    await cloud.admin.request("POST", f"{TYPES}/{type_id}/action", access)
    assert (await cloud.member.create_volume())["volume_type"] == "hidden"


async def test_a_type_stays_while_it_is_some_projects_default(cloud: Cloud) -> None:
    made = await cloud.admin.create_type("one")
    await put(cloud, "one")
    reply = await cloud.admin.request("DELETE", f"{TYPES}/{made['id']}")
    text = f"The volume type {made['id']} is a default volume type and cannot be deleted."
    assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)
    await cloud.admin.request("DELETE", f"{DEFAULTS}/{MOUNTAIN}", version=SINCE)
    assert (await cloud.admin.request("DELETE", f"{TYPES}/{made['id']}")).status == 202


async def test_are_an_administrators(cloud: Cloud) -> None:
    body = {"default_type": {"volume_type": "__DEFAULT__"}}
    for method, target, content in (
        ("GET", DEFAULTS, None),
        ("GET", f"{DEFAULTS}/{MOUNTAIN}", None),
        ("PUT", f"{DEFAULTS}/{MOUNTAIN}", body),
        ("DELETE", f"{DEFAULTS}/{MOUNTAIN}", None),
    ):
        reply = await cloud.member.request(method, target, content, version=SINCE)
        assert reply.status == 403
        early = await cloud.admin.request(method, target, content, version="3.61")
        assert early.status == 404
