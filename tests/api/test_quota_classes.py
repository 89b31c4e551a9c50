"""``/os-quota-class-sets``: the class ``default`` holds for everybody without a limit of his own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, Cloud, running
from tests.api.deployment import Deployment
from tests.api.test_quota_sets import DEFAULTS, over

CLASSES: Final = "/volume/v3/os-quota-class-sets"
QUOTA: Final = f"/volume/v3/os-quota-sets/{MOUNTAIN}"


async def put(cloud: Cloud, name: str = "default", **limits: Any) -> Reply:
    body = {"quota_class_set": limits}
    return await cloud.admin.request("PUT", f"{CLASSES}/{name}", body)


@pytest.mark.parametrize("name", ["default", "gold"])
async def test_is_set_and_shown(cloud: Cloud, name: str) -> None:
    shown = await cloud.admin.get(f"{CLASSES}/{name}")
    assert shown == {"quota_class_set": DEFAULTS | {"id": name}}
    first: dict[str, Any] = {"volumes": 3, "groups": "4", "snapshots___DEFAULT__": -1}
    assert (await put(cloud, name, **first)).status == 200
    reply = await put(cloud, name, volumes=5)
    changed = DEFAULTS | {"volumes": 5, "groups": 4}
    assert reply.json == {"quota_class_set": changed}
    shown = await cloud.admin.get(f"{CLASSES}/{name}")
    assert shown == {"quota_class_set": changed | {"id": name}}
    assert (await put(cloud, name)).json == {"quota_class_set": changed}


async def test_what_a_class_does_not_set_is_as_by_default(cloud: Cloud) -> None:
    await put(cloud, volumes=3, backups=2)
    await put(cloud, "gold", volumes=9)
    gold = (await cloud.admin.get(f"{CLASSES}/gold"))["quota_class_set"]
    assert (gold["volumes"], gold["backups"], gold["groups"]) == (9, 2, 10)


@pytest.mark.everywhere
async def test_the_default_one_holds_at_once(deployment: Deployment, tmp_path: Path) -> None:
    async with running(
        deployment, tmp_path, "quota_volumes = 5\nper_volume_size_limit = 7"
    ) as cloud:
        await cloud.member.create_volume()
        await put(cloud, volumes=1, per_volume_gigabytes=3)
        for path in (QUOTA, f"{QUOTA}/defaults"):
            shown = (await cloud.member.get(path))["quota_set"]
            assert (shown["volumes"], shown["per_volume_gigabytes"]) == (1, 3)
        await over(cloud, "size 4G is larger than maximum allowed limit 3G", size=4)
        await over(cloud, "(1) exceeded for quota 'volumes'")
        # A limit of the project's own goes before, also one that is none.
        await cloud.admin.request("PUT", QUOTA, {"quota_set": {"volumes": 2}})
        await cloud.member.create_volume()
        await over(cloud, "(2) exceeded for quota 'volumes'")
        limits = {"volumes": -1, "per_volume_gigabytes": -1}
        await cloud.admin.request("PUT", QUOTA, {"quota_set": limits})
        await cloud.member.create_volume(size=8)
        # And without it, the class holds again, below what is used.
        await cloud.admin.request("DELETE", QUOTA)
        await over(cloud, "(1) exceeded for quota 'volumes'")


async def test_the_default_one_holds_for_a_type(cloud: Cloud) -> None:
    await cloud.admin.create_type("one")
    await put(cloud, gigabytes_one=2)
    await cloud.member.create_volume(size=2, volume_type="one")
    await over(cloud, "exceeds allowed gigabytes_one quota", volume_type="one")


async def test_another_class_holds_for_nobody(cloud: Cloud) -> None:
    await put(cloud, "gold", volumes=0)
    assert (await cloud.member.get(QUOTA))["quota_set"]["volumes"] == 10
    await cloud.member.create_volume()


async def test_only_for_administrators(cloud: Cloud) -> None:
    target = f"{CLASSES}/default"
    assert (await cloud.member.request("GET", target)).status == 403
    body = {"quota_class_set": {"volumes": 100}}
    assert (await cloud.member.request("PUT", target, body)).status == 403
