"""``/messages``: why something failed, for its owner."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.api.cloud import MOUNTAIN, Cloud

MESSAGES: Final = "/volume/v3/messages"
BASE: Final = "http://cloud.test:8776"


@pytest.fixture
async def failures(cloud: Cloud) -> list[dict[str, Any]]:
    """Three volumes for which there is no backend, in the order of their creation."""
    await cloud.admin.create_type("gold", color="gold")
    made = []
    for _ in range(3):
        made.append(await cloud.member.create_volume(volume_type="gold"))
        await cloud.settled()
    return made


async def subjects(cloud: Cloud, query: str = "", version: str = "3.71") -> list[str]:
    """What the messages are about, in the list's order."""
    listed = await cloud.member.get(f"{MESSAGES}{query}", version=version)
    return [message["resource_uuid"] for message in listed["messages"]]


async def test_what_it_says(cloud: Cloud, failures: list[dict[str, Any]]) -> None:
    listed = await cloud.member.get(f"/volume/v3/{MOUNTAIN}/messages", version="3.3")
    first = listed["messages"][-1]
    operations = (await cloud.member.get("/pumice/v1/operations"))["operations"]
    assert first == {
        "id": first["id"],
        "event_id": "VOLUME_VOLUME_001_003",
        "user_message": "schedule allocate volume:No valid backend was found: CapabilitiesFilter "
        "refused 2 of 2 pools.",
        "message_level": "ERROR",
        "created_at": first["created_at"],
        "guaranteed_until": first["guaranteed_until"],
        "request_id": operations[-1]["request_id"],
        "resource_type": "VOLUME",
        "resource_uuid": failures[0]["id"],
        "links": [
            {"rel": "self", "href": f"{BASE}/volume/v3/{MOUNTAIN}/messages/{first['id']}"},
            {"rel": "bookmark", "href": f"{BASE}/volume/{MOUNTAIN}/messages/{first['id']}"},
        ],
    }
    target = f"/volume/v3/{MOUNTAIN}/messages/{first['id']}"
    assert await cloud.member.get(target, version="3.3") == {"message": first}


async def test_they_come_newest_first(cloud: Cloud, failures: list[dict[str, Any]]) -> None:
    assert await subjects(cloud) == [volume["id"] for volume in reversed(failures)]


async def test_they_do_not_exist_below_3_3(cloud: Cloud) -> None:
    for method in ("GET", "DELETE"):
        for target in (MESSAGES, f"{MESSAGES}/x"):
            reply = await cloud.member.request(method, target, version="3.2")
            assert reply.status in (404, 405)


async def test_others_see_none_of_them(cloud: Cloud, failures: list[dict[str, Any]]) -> None:
    assert failures
    assert await cloud.stranger.get(MESSAGES, version="3.3") == {"messages": []}
    (one, *_) = (await cloud.member.get(MESSAGES, version="3.3"))["messages"]
    for method in ("GET", "DELETE"):
        target = f"{MESSAGES}/{one['id']}"
        reply = await cloud.stranger.request(method, target, version="3.3")
        text = f"Message {one['id']} could not be found."
        assert (reply.status, reply.json["itemNotFound"]["message"]) == (404, text)
    shown = await cloud.admin.get(f"{MESSAGES}/{one['id']}", version="3.3")
    assert shown["message"] == one


@pytest.mark.everywhere
async def test_a_member_may_remove_one(cloud: Cloud, failures: list[dict[str, Any]]) -> None:
    (one, *_) = (await cloud.member.get(MESSAGES, version="3.3"))["messages"]
    target = f"{MESSAGES}/{one['id']}"
    refused = await cloud.reader.request("DELETE", target, version="3.3")
    assert refused.status == 403
    reply = await cloud.member.request("DELETE", target, version="3.3")
    assert (reply.status, reply.body) == (204, b"")
    assert "content-length" not in reply.headers
    assert (await cloud.member.request("DELETE", target, version="3.3")).status == 404
    assert await subjects(cloud) == [failures[1]["id"], failures[0]["id"]]


async def test_pages_and_filters(cloud: Cloud, failures: list[dict[str, Any]]) -> None:
    first, second, third = (volume["id"] for volume in failures)
    for query, wanted in (
        ("?limit=2", [third, second]),
        ("?limit=0", [third, second, first]),
        ("?limit=5000&offset=1", [second, first]),
        ("?sort=created_at:asc", [first, second, third]),
        ("?sort_key=resource_uuid&sort_dir=asc", [first, second, third]),
        (f"?resource_uuid={second}", [second]),
        (f"?resource_uuid={first}&limit=1", [first]),
        ("?event_id=VOLUME_VOLUME_001_003&message_level=ERROR", [third, second, first]),
        ("?resource_type=VOLUME_BACKUP", []),
        ("?all_tenants=1", [third, second, first]),
    ):
        assert await subjects(cloud, query) == wanted, query
        assert await subjects(cloud, query, "3.3") == [third, second, first]
    assert await subjects(cloud, "?color=red", "3.30") == [third, second, first]
    reply = await cloud.member.request("GET", f"{MESSAGES}?color=red", version="3.31")
    text = "Invalid filters color are found in query options."
    assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)


async def test_a_page_links_to_the_next(cloud: Cloud, failures: list[dict[str, Any]]) -> None:
    pages = await cloud.member.pages(f"{MESSAGES}?limit=1", "messages", version="3.5")
    seen = [[message["resource_uuid"] for message in page] for page in pages]
    assert seen == [[volume["id"]] for volume in reversed(failures)]


async def test_an_administrator_may_ask_for_a_project(
    cloud: Cloud, failures: list[dict[str, Any]]
) -> None:
    for query, count in (("", 0), (f"?project_id={MOUNTAIN}", len(failures)), ("?project_id=x", 0)):
        listed = await cloud.admin.get(f"{MESSAGES}{query}", version="3.71")
        assert len(listed["messages"]) == count
    target = f"{MESSAGES}?project_id={MOUNTAIN}"
    assert await cloud.stranger.get(target, version="3.30") == {"messages": []}
    reply = await cloud.stranger.request("GET", target, version="3.31")
    assert reply.status == 400


async def test_parts_of_texts_from_3_34(cloud: Cloud, failures: list[dict[str, Any]]) -> None:
    part = failures[1]["id"][-12:]
    assert await subjects(cloud, f"?resource_uuid~={part}", "3.34") == [failures[1]["id"]]
    assert len(await subjects(cloud, "?event_id~=volume_volume_001", "3.34")) == len(failures)
    assert await subjects(cloud, "?event_id~=100%25", "3.34") == []
