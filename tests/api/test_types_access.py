"""Private types: visible and usable only with access, and who has it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, OCEAN, Caller, Cloud

TYPES: Final = "/volume/v3/types"
VOLUMES: Final = "/volume/v3/volumes"


async def private(cloud: Cloud, name: str = "hidden") -> str:
    """The id of a private type."""
    body = {"volume_type": {"name": name, "os-volume-type-access:is_public": False}}
    reply = await cloud.admin.request("POST", TYPES, body)
    assert reply.status == 200, reply.body
    type_id: str = reply.json["volume_type"]["id"]
    return type_id


async def access(
    cloud: Cloud, type_id: str, action: str = "add", project: str = MOUNTAIN, **options: Any
) -> Reply:
    body = {f"{action}ProjectAccess": {"project": project}}
    return await cloud.admin.request("POST", f"{TYPES}/{type_id}/action", body, **options)


async def listed(who: Caller, query: str = "") -> list[str]:
    """The names of the types that he sees."""
    found = await who.get(f"{TYPES}?{query}")
    return sorted(one["name"] for one in found["volume_types"])


async def granted(cloud: Cloud, type_id: str) -> list[str]:
    """The projects that may use the type."""
    found = await cloud.admin.get(f"{TYPES}/{type_id}/os-volume-type-access")
    assert all(one["volume_type_id"] == type_id for one in found["volume_type_access"])
    return [one["project_id"] for one in found["volume_type_access"]]


async def test_access_is_given_and_taken(cloud: Cloud) -> None:
    type_id = await private(cloud)
    assert await granted(cloud, type_id) == []
    for project in (OCEAN, MOUNTAIN):
        reply = await access(cloud, type_id, project=project)
        assert (reply.status, reply.body) == (202, b"")
    assert await granted(cloud, type_id) == [MOUNTAIN, OCEAN]
    reply = await access(cloud, type_id, "remove")
    assert (reply.status, reply.body) == (202, b"")
    assert await granted(cloud, type_id) == [OCEAN]


async def test_twice_is_once_too_often(cloud: Cloud) -> None:
    type_id = await private(cloud)
    await access(cloud, type_id)
    reply = await access(cloud, type_id)
    text = f"Volume type access for {type_id} / {MOUNTAIN} combination already exists."
    assert (reply.status, reply.json["conflictingRequest"]["message"]) == (409, text)
    await access(cloud, type_id, "remove")
    reply = await access(cloud, type_id, "remove")
    text = f"Volume type access not found for {type_id} / {MOUNTAIN} combination."
    assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)


async def test_a_repeat_under_a_key_is_answered_again(cloud: Cloud) -> None:
    type_id = await private(cloud)
    for action in ("add", "remove"):
        key = {"Idempotency-Key": action}
        first, again = [await access(cloud, type_id, action, headers=key) for _ in range(2)]
        assert (first.status, first.body) == (again.status, again.body) == (202, b"")
        assert again.headers["idempotency-replayed"] == "true"


async def test_a_public_type_has_no_list(cloud: Cloud) -> None:
    made = await cloud.admin.create_type("one")
    for action in ("add", "remove"):
        reply = await access(cloud, made["id"], action)
        text = (
            "Invalid volume type: Type access modification is not applicable to public volume type."
        )
        assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)
    reply = await cloud.admin.request("GET", f"{TYPES}/{made['id']}/os-volume-type-access")
    text = "Access list not available for public volume types."
    assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)


@pytest.mark.everywhere
async def test_only_with_access_it_is_seen_and_used(cloud: Cloud) -> None:
    type_id = await private(cloud)
    await access(cloud, type_id)
    assert await listed(cloud.member) == ["__DEFAULT__", "hidden"]
    assert await listed(cloud.member, "is_public=false") == ["__DEFAULT__", "hidden"]
    assert await listed(cloud.stranger) == ["__DEFAULT__"]
    shown = (await cloud.member.get(f"{TYPES}/{type_id}"))["volume_type"]
    assert (shown["name"], shown["is_public"]) == ("hidden", False)
    for reference in (type_id, "hidden"):
        made = await cloud.member.create_volume(volume_type=reference)
        assert made["volume_type"] == "hidden"
        body = {"volume": {"size": 1, "volume_type": reference}}
        assert (await cloud.stranger.request("POST", VOLUMES, body)).status == 404
    assert (await cloud.stranger.request("GET", f"{TYPES}/{type_id}")).status == 404
    await access(cloud, type_id, "remove")
    assert await listed(cloud.member) == ["__DEFAULT__"]
    assert (await cloud.member.request("GET", f"{TYPES}/{type_id}")).status == 404
    # What was made of it stays, and says of what.
    volumes = (await cloud.member.get(f"{VOLUMES}/detail"))["volumes"]
    assert [one["volume_type"] for one in volumes] == ["hidden", "hidden"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "__DEFAULT__ granted"),
        ("is_public=true", "__DEFAULT__ granted"),
        ("is_public=0", "granted hidden"),
        ("is_public=none", "__DEFAULT__ granted hidden"),
    ],
)
async def test_an_administrators_list(cloud: Cloud, query: str, wanted: str) -> None:
    own = (await cloud.admin.get("/identity/v3/auth/projects"))["projects"][0]["id"]
    await private(cloud)
    await access(cloud, await private(cloud, "granted"), project=own)
    assert await listed(cloud.admin, query) == wanted.split()


async def test_the_list_rests_while_the_type_is_public(cloud: Cloud) -> None:
    type_id = await private(cloud)
    await access(cloud, type_id)
    for is_public, seen in ((True, True), (False, False)):
        body = {"volume_type": {"is_public": is_public}}
        await cloud.admin.request("PUT", f"{TYPES}/{type_id}", body)
        assert ("hidden" in await listed(cloud.stranger)) is seen
        assert "hidden" in await listed(cloud.member)


@pytest.mark.everywhere
async def test_access_that_goes_while_a_volume_is_made(cloud: Cloud) -> None:
    type_id = await private(cloud)
    await access(cloud, type_id)
    body = {"volume": {"size": 1, "volume_type": "hidden"}}
    removed, created = await asyncio.gather(
        access(cloud, type_id, "remove"), cloud.member.request("POST", VOLUMES, body)
    )
    await cloud.settled()
    assert removed.status == 202
    found = (await cloud.content())["volumes"]
    assert (created.status, len(found)) in ((202, 1), (404, 0))


@pytest.mark.parametrize("who", ["member", "reader"])
async def test_only_administrators_say_who(cloud: Cloud, who: str) -> None:
    type_id = await private(cloud)
    await access(cloud, type_id)
    caller: Caller = getattr(cloud, who)
    body = {"addProjectAccess": {"project": OCEAN}}
    for method, end, content in (
        ("GET", "os-volume-type-access", None),
        ("POST", "action", body),
        ("POST", "action", {"removeProjectAccess": {"project": MOUNTAIN}}),
    ):
        reply = await caller.request(method, f"{TYPES}/{type_id}/{end}", content)
        assert reply.status == 403
    assert await granted(cloud, type_id) == [MOUNTAIN]
