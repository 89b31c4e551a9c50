"""``/volumes/{volume_id}/metadata``: items, tags, and what refuses."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any, Final

import pytest

from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, Caller, Cloud

VOLUMES: Final = "/volume/v3/volumes"
ETAGS: Final = "3.15"
MAX_BYTES: Final = 114_688


@pytest.fixture
async def metadata(cloud: Cloud) -> str:
    """Where the metadata of a volume at rest is; it has two items."""
    volume = await cloud.member.create_volume(metadata={"a": "1", "b": "2"})
    await cloud.settled()
    return f"{VOLUMES}/{volume['id']}/metadata"


async def items(who: Caller, metadata: str) -> dict[str, str]:
    """What the volume shows, in both of its places."""
    found: dict[str, str] = (await who.get(metadata))["metadata"]
    volume = await who.get(metadata.removesuffix("/metadata"))
    assert volume["volume"]["metadata"] == found
    return found


async def kept(cloud: Cloud) -> dict[str, str]:
    """What lists find the member's only volume by."""
    query = "SELECT key, value FROM volume_metadata WHERE project_id = :project_id"
    return dict(
        await cloud.process.store.read(lambda txn: txn.all(query, {"project_id": MOUNTAIN}))
    )


class TestItems:
    async def test_are_added_and_replaced(self, cloud: Cloud, metadata: str) -> None:
        reply = await cloud.member.request("POST", metadata, {"metadata": {"b": "3", "c d": "ü"}})
        wanted = {"a": "1", "b": "3", "c d": "ü"}
        assert (reply.status, reply.json) == (200, {"metadata": wanted})
        assert await items(cloud.member, metadata) == await kept(cloud) == wanted

    @pytest.mark.everywhere
    async def test_are_replaced_all_at_once(self, cloud: Cloud, metadata: str) -> None:
        for wanted in ({"b": "3", "c": ""}, {}):
            reply = await cloud.member.request("PUT", metadata, {"metadata": wanted})
            assert (reply.status, reply.json) == (200, {"metadata": wanted})
            assert await items(cloud.member, metadata) == await kept(cloud) == wanted

    async def test_are_shown_set_and_removed_one_by_one(self, cloud: Cloud, metadata: str) -> None:
        assert await cloud.member.get(f"{metadata}/a") == {"meta": {"a": "1"}}
        for key, value in (("a", "9"), ("new%20key", "")):
            meta = {"meta": {key.replace("%20", " "): value}}
            reply = await cloud.member.request("PUT", f"{metadata}/{key}", meta)
            assert (reply.status, reply.json) == (200, meta)
            assert await cloud.member.get(f"{metadata}/{key}") == meta
        reply = await cloud.member.request("DELETE", f"{metadata}/b")
        assert (reply.status, reply.body) == (200, b"")
        wanted = {"a": "9", "new key": ""}
        assert await items(cloud.member, metadata) == await kept(cloud) == wanted
        for method in ("GET", "DELETE"):
            reply = await cloud.member.request(method, f"{metadata}/b")
            assert reply.status == 404

    @pytest.mark.everywhere
    async def test_of_requests_at_once_are_all_there(self, cloud: Cloud, metadata: str) -> None:
        wanted = {f"k{number}": "v" for number in range(20)}
        await asyncio.gather(
            *(cloud.member.request("POST", metadata, {"metadata": {key: "v"}}) for key in wanted)
        )
        assert await items(cloud.member, metadata) == await kept(cloud) == {
            "a": "1", "b": "2", **wanted
        }  # fmt: skip

    async def test_do_not_show_that_the_volume_is_read_only(
        self, cloud: Cloud, metadata: str
    ) -> None:
        await cloud.sql("UPDATE volumes SET is_readonly = TRUE")
        volume = await cloud.member.get(metadata.removesuffix("/metadata"))
        assert volume["volume"]["metadata"] == {"a": "1", "b": "2", "readonly": "True"}
        assert await cloud.member.get(metadata) == {"metadata": {"a": "1", "b": "2"}}

    async def test_are_a_readers_to_see_only(self, cloud: Cloud, metadata: str) -> None:
        body, meta = {"metadata": {"a": "9"}}, {"meta": {"a": "9"}}
        assert await items(cloud.reader, metadata) == {"a": "1", "b": "2"}
        for method, target, content in (
            ("POST", metadata, body),
            ("PUT", metadata, body),
            ("PUT", f"{metadata}/a", meta),
            ("DELETE", f"{metadata}/a", None),
        ):
            assert (await cloud.reader.request(method, target, content)).status == 403
            assert (await cloud.stranger.request(method, target, content)).status == 404
        for target in (metadata, f"{metadata}/a"):
            assert (await cloud.stranger.request("GET", target)).status == 404
        assert await items(cloud.admin, metadata) == {"a": "1", "b": "2"}

    async def test_are_bounded_together(self, cloud: Cloud, metadata: str) -> None:
        """As much as one request can bring fits, and no number of requests brings more."""
        many = {f"{number:0255}": "v" * 251 for number in range(223)}
        await cloud.member.request("PUT", metadata, {"metadata": many})
        full = await items(cloud.member, metadata)
        assert full == many
        text = f"A volume's metadata may have at most {MAX_BYTES} bytes as JSON."
        more = {"x" * 255: "v" * 255}
        for method, target, body in (
            ("POST", metadata, {"metadata": more}),
            ("PUT", f"{metadata}/{'x' * 255}", {"meta": more}),
        ):
            reply = await cloud.member.request(method, target, body)
            assert (reply.status, reply.json) == (
                413,
                {"overLimit": {"code": 413, "message": text}},
            )
        assert await items(cloud.member, metadata) == await kept(cloud) == full


class TestTags:
    async def test_are_those_of_the_body(self, cloud: Cloud, metadata: str) -> None:
        reply = await cloud.member.request("GET", metadata, version=ETAGS)
        digest = hashlib.md5(reply.body, usedforsecurity=False).hexdigest()
        assert reply.headers["etag"] == digest
        again = await cloud.member.request("GET", metadata, version="3.71")
        assert again.headers["etag"] == digest
        for early in ("3.0", "3.14"):
            reply = await cloud.member.request("GET", metadata, version=early)
            assert "etag" not in reply.headers

    @pytest.mark.parametrize("form", ["{}", '"{}"', '"other", "{}"', "{} , other", "*"])
    async def test_that_match_let_through(self, cloud: Cloud, metadata: str, form: str) -> None:
        for target, body in self.writes(metadata):
            tag = (await cloud.member.request("GET", metadata, version=ETAGS)).headers["etag"]
            reply = await self.write(cloud.member, target, body, form.format(tag))
            assert reply.status == 200, reply.body

    @pytest.mark.parametrize("form", ["other", '"other"', "", '"{}x"', 'W/"{}"'])
    async def test_that_do_not_match_refuse(self, cloud: Cloud, metadata: str, form: str) -> None:
        tag = (await cloud.member.request("GET", metadata, version=ETAGS)).headers["etag"]
        before = await cloud.content()
        volume_id = metadata.split("/")[-2]
        text = f"The metadata of volume {volume_id} is not what If-Match says."
        for target, body in self.writes(metadata):
            reply = await self.write(cloud.member, target, body, form.format(tag))
            assert (reply.status, reply.json) == (
                412,
                {"computeFault": {"code": 412, "message": text}},
            )
        assert await cloud.content() == before

    @pytest.mark.everywhere
    async def test_of_two_writers_let_one_through(self, cloud: Cloud, metadata: str) -> None:
        tag = (await cloud.member.request("GET", metadata, version=ETAGS)).headers["etag"]
        replies = await asyncio.gather(
            *(
                self.write(cloud.member, metadata, {"metadata": {"who": name}}, tag)
                for name in ("one", "two")
            )
        )
        assert sorted(reply.status for reply in replies) == [200, 412]
        (won,) = [reply.json["metadata"] for reply in replies if reply.status == 200]
        assert await items(cloud.member, metadata) == won

    async def test_count_from_3_15_on(self, cloud: Cloud, metadata: str) -> None:
        for target, body in self.writes(metadata):
            reply = await self.write(cloud.member, target, body, "other", version="3.14")
            assert reply.status == 200

    def writes(self, metadata: str) -> tuple[tuple[str, Any], ...]:
        """The two requests that heed ``If-Match``."""
        return (f"{metadata}/a", {"meta": {"a": "9"}}), (metadata, {"metadata": {"a": "8"}})

    async def write(
        self, who: Caller, target: str, body: Any, tag: str, version: str = ETAGS
    ) -> Reply:
        headers = {"If-Match": tag}
        return await who.request("PUT", target, body, version=version, headers=headers)


@pytest.mark.parametrize("status", ["uploading", "maintenance"])
async def test_of_a_volume_that_must_not_change(cloud: Cloud, metadata: str, status: str) -> None:
    await cloud.sql("UPDATE volumes SET status = :status", status=status)
    before = await cloud.content()
    body = {"metadata": {"a": "9"}}
    for method, target, content, doing in (
        ("POST", metadata, body, "Updating"),
        ("PUT", metadata, body, "Updating"),
        ("PUT", f"{metadata}/a", {"meta": {"a": "9"}}, "Updating"),
        ("DELETE", f"{metadata}/a", None, "Deleting"),
    ):
        reply = await cloud.member.request(method, target, content)
        text = f"Invalid volume: {doing} volume metadata is not allowed for volumes in {status} status."
        assert (reply.status, reply.json) == (400, {"badRequest": {"code": 400, "message": text}})
    assert await cloud.content() == before


async def test_of_a_volume_in_any_other_status(cloud: Cloud, metadata: str) -> None:
    for status in ("creating", "error", "deleting", "in-use"):
        await cloud.sql("UPDATE volumes SET status = :status", status=status)
        reply = await cloud.member.request("POST", metadata, {"metadata": {"status": status}})
        assert json.loads(reply.body)["metadata"]["status"] == status
