"""A type that changes while a volume of it is being accepted: one of the two comes first."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.cloud import Cloud

VOLUMES = "/volume/v3/volumes"


@pytest.mark.everywhere
async def test_a_volume_is_placed_by_the_specs_its_type_has(cloud: Cloud) -> None:
    made = await cloud.admin.create_type("moving", volume_backend_name="fast")
    specs = f"/volume/v3/types/{made['id']}/extra_specs"
    wanted = {"volume": {"size": 1, "volume_type": "moving"}}
    change, created = await asyncio.gather(
        cloud.admin.request("POST", specs, {"extra_specs": {"volume_backend_name": "bulk"}}),
        cloud.admin.request("POST", VOLUMES, wanted),
    )
    await cloud.settled()
    assert created.status == 202
    volume_id = created.json["volume"]["id"]
    shown = (await cloud.admin.get(f"{VOLUMES}/{volume_id}"))["volume"]
    now = (await cloud.admin.get(specs))["extra_specs"]["volume_backend_name"]
    assert (change.status, now) in ((200, "bulk"), (400, "fast"))
    assert shown["os-vol-host-attr:host"].endswith(f"#{now}")


@pytest.mark.everywhere
async def test_a_type_that_goes_is_not_found(cloud: Cloud) -> None:
    made = await cloud.admin.create_type("going")
    wanted = {"volume": {"size": 1, "volume_type": "going"}}
    gone, created = await asyncio.gather(
        cloud.admin.request("DELETE", f"/volume/v3/types/{made['id']}"),
        cloud.admin.request("POST", VOLUMES, wanted),
    )
    await cloud.settled()
    assert (gone.status, created.status) in ((202, 404), (400, 202))
