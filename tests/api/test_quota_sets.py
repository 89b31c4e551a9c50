"""``/os-quota-sets``: a project's limits, and what they mean for the next volume."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, OCEAN, Cloud

QUOTAS: Final = "/volume/v3/os-quota-sets"
OWN: Final = f"{QUOTAS}/{MOUNTAIN}"
VOLUMES: Final = "/volume/v3/volumes"
DEFAULTS: Final = {
    "volumes": 10,
    "gigabytes": 1000,
    "per_volume_gigabytes": -1,
    "snapshots": 10,
    "backups": 10,
    "backup_gigabytes": 1000,
    "groups": 10,
    "volumes___DEFAULT__": -1,
    "gigabytes___DEFAULT__": -1,
    "snapshots___DEFAULT__": -1,
}
"""Cinder's, with a single type."""


async def put(cloud: Cloud, project: Any = MOUNTAIN, **limits: Any) -> Reply:
    return await cloud.admin.request("PUT", f"{QUOTAS}/{project}", {"quota_set": limits})


def used(limit: int, in_use: int = 0) -> dict[str, int]:
    return {"limit": limit, "in_use": in_use, "reserved": 0}


async def over(cloud: Cloud, text: str, **volume: Any) -> None:
    """The member's next volume is refused with a message that holds ``text``."""
    reply = await cloud.member.request("POST", VOLUMES, {"volume": {"size": 1} | volume})
    assert reply.status == 413, reply.body
    assert text in reply.json["overLimit"]["message"]


class TestShow:
    @pytest.mark.parametrize("path", [OWN, f"{OWN}/defaults"])
    async def test_defaults(self, cloud: Cloud, path: str) -> None:
        for who in (cloud.admin, cloud.member, cloud.reader):
            assert await who.get(path) == {"quota_set": DEFAULTS | {"id": MOUNTAIN}}

    @pytest.mark.everywhere
    async def test_usage(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("one")
        await cloud.member.create_volume(size=3, volume_type="one")
        await cloud.member.create_volume(size=2)
        await put(cloud, volumes=4)
        found = await cloud.reader.get(f"{OWN}?usage=True")
        wanted: dict[str, Any] = {name: used(limit) for name, limit in DEFAULTS.items()}
        wanted |= {
            "id": MOUNTAIN,
            "volumes": used(4, 2),
            "gigabytes": used(1000, 5),
            "volumes_one": used(-1, 1),
            "gigabytes_one": used(-1, 3),
            "snapshots_one": used(-1),
            "volumes___DEFAULT__": used(-1, 1),
            "gigabytes___DEFAULT__": used(-1, 2),
        }
        assert found == {"quota_set": wanted}
        assert (await cloud.reader.get(f"{OWN}?usage=no"))["quota_set"]["volumes"] == 4

    @pytest.mark.parametrize("end", ["", "?usage=true", "/defaults"])
    async def test_only_ones_own(self, cloud: Cloud, end: str) -> None:
        assert (await cloud.stranger.request("GET", OWN + end)).status == 403
        assert (await cloud.stranger.request("GET", f"{QUOTAS}/{OCEAN}{end}")).status == 200

    async def test_only_administrators_learn_of_types_that_a_project_may_not_use(
        self, cloud: Cloud
    ) -> None:
        private = {"name": "hidden", "os-volume-type-access:is_public": False}
        reply = await cloud.admin.request("POST", "/volume/v3/types", {"volume_type": private})
        hidden = {f"{part}_hidden": -1 for part in ("volumes", "gigabytes", "snapshots")}
        seen = {"quota_set": DEFAULTS | {"id": MOUNTAIN}}
        full = {"quota_set": DEFAULTS | hidden | {"id": MOUNTAIN}}
        for path in (OWN, f"{OWN}/defaults"):
            assert await cloud.member.get(path) == seen
            assert await cloud.admin.get(path) == full
        found = (await cloud.member.get(f"{OWN}?usage=true"))["quota_set"]
        assert found.keys() == seen["quota_set"].keys()
        await cloud.admin.request(
            "POST",
            f"/volume/v3/types/{reply.json['volume_type']['id']}/action",
            {"addProjectAccess": {"project": MOUNTAIN}},
        )
        for path in (OWN, f"{OWN}/defaults"):
            assert await cloud.member.get(path) == full
        theirs = await cloud.stranger.get(f"{QUOTAS}/{OCEAN}")
        assert theirs == {"quota_set": DEFAULTS | {"id": OCEAN}}

    async def test_of_a_project_that_nobody_knows(self, cloud: Cloud) -> None:
        found = await cloud.admin.get(f"{QUOTAS}/none")
        assert found == {"quota_set": DEFAULTS | {"id": "none"}}


class TestUpdate:
    async def test_answers_every_limit_without_the_id(self, cloud: Cloud) -> None:
        reply = await put(cloud, volumes=5, gigabytes="7", groups=-1, tenant_id="x", id=None)
        changed = DEFAULTS | {"volumes": 5, "gigabytes": 7, "groups": -1}
        assert (reply.status, reply.json) == (200, {"quota_set": changed})
        assert await cloud.member.get(OWN) == {"quota_set": changed | {"id": MOUNTAIN}}
        # The others, and what holds by default, are as they were.
        assert (await cloud.stranger.get(f"{QUOTAS}/{OCEAN}"))["quota_set"]["volumes"] == 10
        assert (await cloud.member.get(f"{OWN}/defaults"))["quota_set"]["volumes"] == 10

    @pytest.mark.everywhere
    async def test_nothing_but_what_means_nothing(self, cloud: Cloud) -> None:
        before = await cloud.content()
        assert (await put(cloud, tenant_id="x")).json == {"quota_set": DEFAULTS}
        assert await cloud.content() == before

    @pytest.mark.parametrize("name", sorted(DEFAULTS))
    async def test_every_limit_can_be_set(self, cloud: Cloud, name: str) -> None:
        assert (await put(cloud, **{name: 3})).json["quota_set"][name] == 3
        assert (await cloud.member.get(f"{OWN}?usage=1"))["quota_set"][name] == used(3)

    @pytest.mark.parametrize(
        ("name", "in_use"),
        [
            ("volumes", 2),
            ("gigabytes", 5),
            ("volumes___DEFAULT__", 2),
            ("gigabytes___DEFAULT__", 5),
        ],
    )
    async def test_not_below_what_is_used(self, cloud: Cloud, name: str, in_use: int) -> None:
        for size in (2, 3):
            await cloud.member.create_volume(size=size)
        await cloud.settled()
        before = await cloud.content()
        # The right one in the same request is not set either.
        reply = await put(cloud, groups=1, **{name: in_use - 1})
        text = (
            f"Quota {name} limit must be equal or greater than existing resources. Current usage is "
            f"{in_use} and the requested limit is {in_use - 1}."
        )
        assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)
        assert await cloud.content() == before
        assert (await put(cloud, **{name: in_use})).status == 200
        assert (await put(cloud, **{name: -1})).status == 200

    @pytest.mark.everywhere
    async def test_holds_for_the_next_volume(self, cloud: Cloud) -> None:
        await put(cloud, volumes=1, gigabytes=5)
        await over(cloud, "quota is 5G and 0G", size=6)
        await cloud.member.create_volume(size=5)
        await over(cloud, "(1) exceeded for quota 'volumes'")
        await put(cloud, volumes=2)
        await over(cloud, "quota is 5G and 5G")
        await put(cloud, gigabytes=-1)
        await cloud.member.create_volume(size=2000)

    async def test_the_size_of_one_volume(self, cloud: Cloud) -> None:
        await put(cloud, per_volume_gigabytes=2)
        await over(cloud, "size 3G is larger than maximum allowed limit 2G", size=3)
        await cloud.member.create_volume(size=2)
        await cloud.stranger.create_volume(size=3)

    async def test_a_type(self, cloud: Cloud) -> None:
        await cloud.admin.create_type("one")
        await put(cloud, volumes_one=1)
        await cloud.member.create_volume(volume_type="one")
        await over(cloud, "(1) exceeded for quota 'volumes_one'", volume_type="one")
        await cloud.member.create_volume()


class TestDelete:
    @pytest.mark.everywhere
    async def test_gives_the_defaults_back(self, cloud: Cloud) -> None:
        await put(cloud, volumes=20, groups=1)
        await put(cloud, OCEAN, volumes=20)
        for _ in range(11):
            await cloud.member.create_volume()
        for _ in range(2):
            reply = await cloud.admin.request("DELETE", OWN)
            assert (reply.status, reply.body) == (200, b"")
        found = (await cloud.member.get(f"{OWN}?usage=1"))["quota_set"]
        assert (found["volumes"], found["groups"]) == (used(10, 11), used(10))
        await over(cloud, "(10) exceeded for quota 'volumes'")
        assert (await cloud.stranger.get(f"{QUOTAS}/{OCEAN}"))["quota_set"]["volumes"] == 20


class TestAtOnce:
    @pytest.mark.everywhere
    async def test_two_creates_for_the_last_one(self, cloud: Cloud) -> None:
        await put(cloud, volumes=1)
        body = {"volume": {"size": 1}}
        replies = await asyncio.gather(
            *(cloud.member.request("POST", VOLUMES, body) for _ in range(2))
        )
        assert sorted(reply.status for reply in replies) == [202, 413]

    @pytest.mark.everywhere
    async def test_a_create_while_the_limit_is_lowered(self, cloud: Cloud) -> None:
        """One comes first: then the other is refused; what is used never passes the limit."""
        for size in (1, 2, 3):
            body = {"volume": {"size": size}}
            lowered, created = await asyncio.gather(
                put(cloud, gigabytes=0), cloud.member.request("POST", VOLUMES, body)
            )
            assert (lowered.status, created.status) in ((200, 413), (400, 202))
            if lowered.status == 400:
                break
            await put(cloud, gigabytes=1000)


@pytest.mark.parametrize("who", ["member", "reader", "stranger"])
async def test_only_administrators_change_it(cloud: Cloud, who: str) -> None:
    caller = getattr(cloud, who)
    before = await cloud.content()
    reply = await caller.request("PUT", OWN, {"quota_set": {"volumes": 100}})
    assert reply.status == 403
    assert (await caller.request("DELETE", OWN)).status == 403
    assert await cloud.content() == before
