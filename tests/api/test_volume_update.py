"""``PUT /volumes/{volume_id}``: name, description and metadata."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.cloud import Caller, Cloud

VOLUMES: Final = "/volume/v3/volumes"


async def put(
    who: Caller, volume: dict[str, Any], *, version: str = "3.71", **changes: Any
) -> dict[str, Any]:
    """The volume as its update is answered."""
    reply = await who.request(
        "PUT", f"{VOLUMES}/{volume['id']}", {"volume": changes}, version=version
    )
    assert reply.status == 200, reply.body
    updated: dict[str, Any] = reply.json["volume"]
    return updated


async def shown(who: Caller, volume: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await who.get(f"{VOLUMES}/{volume['id']}", version="3.71"))["volume"]
    return found


@pytest.fixture
async def volume(cloud: Cloud) -> dict[str, Any]:
    """A volume at rest."""
    made = await cloud.member.create_volume(name="old", description="older", metadata={"a": "1"})
    await cloud.settled()
    return made


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"name": " new "}, ("new", "older", {"a": "1"})),
        ({"name": None}, (None, "older", {"a": "1"})),
        ({"name": ""}, ("", "older", {"a": "1"})),
        ({"description": "\tnew\n"}, ("old", "new", {"a": "1"})),
        ({"description": None}, ("old", None, {"a": "1"})),
        ({"display_name": " n ", "display_description": " d "}, ("n", "d", {"a": "1"})),
        ({"display_name": "n", "name": "m"}, ("m", "older", {"a": "1"})),
        ({"display_name": "n", "name": None}, (None, "older", {"a": "1"})),
        ({"metadata": {"b": "2", "c": ""}}, ("old", "older", {"b": "2", "c": ""})),
        ({"metadata": {}, "name": "n" * 255}, ("n" * 255, "older", {})),
    ],
    ids=str,
)
async def test_changes_what_is_given(
    cloud: Cloud, volume: dict[str, Any], changes: dict[str, Any], wanted: tuple[Any, ...]
) -> None:
    other = await cloud.member.create_volume(name="other", metadata={"a": "1"})
    await cloud.settled()
    before, others = await shown(cloud.member, volume), await shown(cloud.member, other)
    updated = await put(cloud.member, volume, **changes)
    assert (updated["name"], updated["description"], updated["metadata"]) == wanted
    assert updated["updated_at"] > before["updated_at"]
    after = await shown(cloud.member, volume)
    assert after == before | updated
    assert await shown(cloud.member, other) == others


async def test_is_answered_as_a_create_is(cloud: Cloud, volume: dict[str, Any]) -> None:
    for version in ("3.0", "3.71"):
        made = await cloud.member.create_volume(version=version)
        assert (await put(cloud.member, volume, version=version, name="n")).keys() == made.keys()


async def test_of_nothing_changes_nothing_below_3_53(cloud: Cloud, volume: dict[str, Any]) -> None:
    before = await cloud.content()
    updated = await put(cloud.member, volume, version="3.52")
    assert updated["name"] == "old"
    assert await cloud.content() == before


async def test_shows_that_the_volume_is_read_only(cloud: Cloud, volume: dict[str, Any]) -> None:
    body = {"os-update_readonly_flag": {"readonly": True}}
    reply = await cloud.member.request("POST", f"{VOLUMES}/{volume['id']}/action", body)
    assert reply.status == 202
    updated = await put(cloud.member, volume, metadata={"b": "2", "readonly": "mine"})
    assert updated["metadata"] == {"b": "2", "readonly": "True"}


@pytest.mark.parametrize("status", ["creating", "error", "deleting", "uploading", "in-use"])
async def test_in_any_status(cloud: Cloud, volume: dict[str, Any], status: str) -> None:
    await cloud.sql("UPDATE volumes SET status = :status", status=status)
    assert (await put(cloud.member, volume, name="n"))["status"] == status


@pytest.mark.everywhere
async def test_during_maintenance_is_refused(cloud: Cloud, volume: dict[str, Any]) -> None:
    await cloud.sql("UPDATE volumes SET status = 'maintenance'")
    before = await cloud.content()
    target = f"{VOLUMES}/{volume['id']}"
    reply = await cloud.member.request("PUT", target, {"volume": {"name": "n"}})
    text = "Invalid volume: The volume cannot be updated during maintenance."
    assert (reply.status, reply.json) == (400, {"badRequest": {"code": 400, "message": text}})
    assert await cloud.content() == before


async def test_by_others(cloud: Cloud, volume: dict[str, Any]) -> None:
    before = await cloud.content()
    target, body = f"{VOLUMES}/{volume['id']}", {"volume": {"name": "n"}}
    assert (await cloud.stranger.request("PUT", target, body)).status == 404
    assert (await cloud.reader.request("PUT", target, body)).status == 403
    assert await cloud.content() == before
    assert (await put(cloud.admin, volume, name="n"))["name"] == "n"


async def test_of_a_create_strips_the_words_too(cloud: Cloud) -> None:
    made = await cloud.member.create_volume(name=" n ", description=" d ")
    assert (made["name"], made["description"]) == ("n", "d")
