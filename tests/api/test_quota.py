"""Over quota: 413 with Cinder's words, and nothing is left of the request."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

from pumice.store import quotas
from tests.api.cloud import MOUNTAIN, Caller, Cloud, running
from tests.api.deployment import Deployment

VOLUMES: Final = "/volume/v3/volumes"
LIMITS: Final = "quota_volumes = 2\nquota_gigabytes = 10\nper_volume_size_limit = 7"


async def refused(cloud: Cloud, who: Caller, message: str, **volume: Any) -> None:
    """The create is over quota and leaves nothing."""
    await cloud.settled()  # What was accepted before changes nothing meanwhile.
    before = await cloud.content()
    reply = await who.request("POST", VOLUMES, {"volume": {"size": 1} | volume})
    fault = {"code": 413, "message": message, "retryAfter": "0"}
    assert (reply.status, reply.json) == (413, {"overLimit": fault})
    assert reply.headers["retry-after"] == "0"
    assert await cloud.content() == before


async def test_the_number_of_volumes(deployment: Deployment, tmp_path: Path) -> None:
    async with running(deployment, tmp_path, LIMITS) as cloud:
        await cloud.member.create_volume()
        volume = await cloud.member.create_volume()
        text = "VolumeLimitExceeded: Maximum number of volumes allowed (2) exceeded for quota 'volumes'."
        await refused(cloud, cloud.member, text)
        await cloud.stranger.create_volume()  # Has a quota of its own.
        await cloud.settled()
        await cloud.member.request("DELETE", f"{VOLUMES}/{volume['id']}")
        await cloud.settled()
        await cloud.member.create_volume()


@pytest.mark.everywhere
async def test_the_gigabytes(deployment: Deployment, tmp_path: Path) -> None:
    async with running(deployment, tmp_path, LIMITS) as cloud:
        await cloud.member.create_volume(size=4)
        text = (
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes "
            "quota. Requested 7G, quota is 10G and 4G has been consumed."
        )
        await refused(cloud, cloud.member, text, size=7)
        await cloud.member.create_volume(size=6)


async def test_the_size_of_one_volume(deployment: Deployment, tmp_path: Path) -> None:
    async with running(deployment, tmp_path, LIMITS) as cloud:
        text = "VolumeSizeExceedsLimit: Requested volume size 8G is larger than maximum allowed limit 7G."
        await refused(cloud, cloud.member, text, size=8)
        await cloud.member.create_volume(size=7)


OVER_VOLUMES: Final = (
    "VolumeLimitExceeded: Maximum number of volumes allowed (1) exceeded for quota 'volumes_one'."
)
OVER_GIGABYTES: Final = (
    "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes_one "
    "quota. Requested 2G, quota is 3G and 2G has been consumed."
)


@pytest.mark.parametrize(
    ("resource", "limit", "text"),
    [("volumes", 1, OVER_VOLUMES), ("gigabytes", 3, OVER_GIGABYTES)],
    ids=["volumes", "gigabytes"],
)
async def test_a_type(cloud: Cloud, resource: str, limit: int, text: str) -> None:
    made = await cloud.admin.create_type("one")
    await cloud.write(
        lambda txn: quotas.set_limit(txn, MOUNTAIN, f"{resource}:{made['id']}", limit)
    )
    await cloud.member.create_volume(size=2, volume_type="one")
    await refused(cloud, cloud.member, text, size=2, volume_type="one")
    await cloud.member.create_volume(size=2)
    await cloud.stranger.create_volume(size=2, volume_type="one")


async def test_a_project_that_has_limits_of_its_own(cloud: Cloud) -> None:
    await cloud.write(lambda txn: quotas.set_limit(txn, MOUNTAIN, "volumes", 0))
    text = (
        "VolumeLimitExceeded: Maximum number of volumes allowed (0) exceeded for quota 'volumes'."
    )
    await refused(cloud, cloud.member, text)
    await cloud.write(lambda txn: quotas.set_limit(txn, MOUNTAIN, "volumes", -1))
    for _ in range(11):  # One more than the default.
        await cloud.member.create_volume()


@pytest.mark.everywhere
async def test_many_at_once_do_not_pass_it(cloud: Cloud) -> None:
    body = {"volume": {"size": 1}}
    replies = await asyncio.gather(
        *(cloud.member.request("POST", VOLUMES, body) for _ in range(30))
    )
    assert sorted(reply.status for reply in replies) == [202] * 10 + [413] * 20
    await cloud.settled()
    assert len((await cloud.content())["volumes"]) == 10
