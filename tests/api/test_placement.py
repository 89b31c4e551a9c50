"""Where a volume goes: zones, scheduler hints, and schedulers that the settings choose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from pumice.operations.volume_create import VolumeCreate
from tests.api.cloud import Cloud, running
from tests.api.deployment import Deployment

FAST: Final = "pumice@fast#fast"
BULK: Final = "pumice@bulk#bulk"
IN_AZ2: Final = "backend_availability_zone = az2"
HINTS: Final = "OS-SCH-HNT:scheduler_hints"
AFFINE: Final = """
scheduler_default_filters = CapacityFilter, SameBackendFilter, DifferentBackendFilter, JsonFilter
quota_volumes = -1
"""


async def create(cloud: Cloud, hints: Any = None, **volume: Any) -> dict[str, Any]:
    """A volume once it is made, as an administrator sees it."""
    body = {"volume": {"size": 1} | volume} | ({} if hints is None else {HINTS: hints})
    reply = await cloud.member.request("POST", "/volume/v3/volumes", body)
    assert reply.status == 202, reply.body
    await cloud.settled()
    shown = await cloud.admin.get(f"/volume/v3/volumes/{reply.json['volume']['id']}")
    found: dict[str, Any] = shown["volume"]
    return found


async def host_of(cloud: Cloud, hints: Any = None, **volume: Any) -> str | None:
    made = await create(cloud, hints, **volume)
    host: str | None = made["os-vol-host-attr:host"]
    return host


class TestZones:
    @pytest.fixture
    async def apart(self, deployment: Deployment, tmp_path: Path) -> AsyncIterator[Cloud]:
        """One of the backends is in another zone."""
        async with running(deployment, tmp_path, fast=IN_AZ2) as cloud:
            yield cloud

    @pytest.mark.everywhere
    async def test_without_one_it_goes_to_the_default_zone(self, apart: Cloud) -> None:
        for _ in range(3):
            made = await create(apart)
            assert (made["os-vol-host-attr:host"], made["availability_zone"]) == (BULK, "nova")

    async def test_without_a_default_zone_any_will_do(
        self, deployment: Deployment, tmp_path: Path
    ) -> None:
        async with running(deployment, tmp_path, fast=IN_AZ2, bulk=IN_AZ2) as cloud:
            assert (await create(cloud))["availability_zone"] == "az2"

    async def test_the_zones_of_the_type(self, apart: Cloud) -> None:
        await apart.admin.create_type("there", **{"RESKEY:availability_zones": "az2,mars"})
        made = await create(apart, volume_type="there")
        assert (made["os-vol-host-attr:host"], made["availability_zone"]) == (FAST, "az2")
        for volume, text in (
            ({"availability_zone": "nova"}, "Availability zone 'nova' is invalid."),
            ({"availability_zone": "mars"}, "Availability zone 'mars' is invalid."),
        ):
            body = {"volume": {"size": 1, "volume_type": "there"} | volume}
            reply = await apart.member.request("POST", "/volume/v3/volumes", body)
            assert (reply.status, reply.json["badRequest"]["message"]) == (400, text)

    @pytest.mark.everywhere
    async def test_fallback(self, deployment: Deployment, tmp_path: Path) -> None:
        fallback = "allow_availability_zone_fallback = true"
        async with running(deployment, tmp_path, fallback, fast=IN_AZ2) as cloud:
            made = await create(cloud, availability_zone="mars")
            assert (made["os-vol-host-attr:host"], made["availability_zone"]) == (BULK, "nova")
            made = await create(cloud, availability_zone="az2")
            assert (made["os-vol-host-attr:host"], made["availability_zone"]) == (FAST, "az2")


class TestHints:
    @pytest.mark.everywhere
    async def test_same_and_different(self, deployment: Deployment, tmp_path: Path) -> None:
        async with running(deployment, tmp_path, AFFINE) as cloud:
            first = await create(cloud)
            here, id_ = first["os-vol-host-attr:host"], first["id"]
            there = FAST if here == BULK else BULK
            for _ in range(3):
                assert await host_of(cloud, {"same_host": id_}) == here
                assert await host_of(cloud, {"same_host": [id_.replace("-", "")]}) == here
                assert await host_of(cloud, {"different_host": [id_]}) == there
            second = (await create(cloud, {"different_host": id_}))["id"]
            assert await host_of(cloud, {"different_host": [id_, second]}) is None
            assert await host_of(cloud, {"same_host": [], "color": ["red"]}) is not None
            assert await host_of(cloud, {}) is not None

    async def test_nobody_learns_of_anothers_volume(
        self, deployment: Deployment, tmp_path: Path
    ) -> None:
        async with running(deployment, tmp_path, AFFINE) as cloud:
            theirs = await cloud.stranger.create_volume()
            await cloud.settled()
            assert await host_of(cloud, {"same_host": theirs["id"]}) is None
            assert await host_of(cloud, {"different_host": theirs["id"]}) is not None

    async def test_query_and_why(self, deployment: Deployment, tmp_path: Path) -> None:
        async with running(deployment, tmp_path, AFFINE) as cloud:
            query = '["=", "$volume_backend_name", "bulk"]'
            for hints in ({"query": query}, {"query": query, "local_to_instance": None}):
                assert await host_of(cloud, hints) == BULK
            made = await create(cloud, {"query": '[">", "$total_capacity_gb", 1e9]'})
            assert made["status"] == "error"
            why = (await cloud.admin.get(f"/pumice/v1/why/{made['id']}"))["why"]
            (refusal,) = (
                one for one in why["verdicts"] if one["host"] == BULK and not one["passed"]
            )
            assert refusal["filter"] == "JsonFilter"
            assert refusal["reason"] == "the query does not hold: $total_capacity_gb is 100.0"

    async def test_without_the_filters_they_are_not_followed(self, cloud: Cloud) -> None:
        assert await host_of(cloud, {"query": "nonsense"}) is not None

    def test_what_version_1_wrote_is_read(self) -> None:
        old = (
            b'{"volume_id":"v","name":"n","size_gib":1,"volume_type_name":"t","extra_specs":{},'
            b'"availability_zone":null}'
        )
        params = VolumeCreate("v", "n", 1, "t", {}, None)
        assert msgspec.json.decode(old, type=VolumeCreate) == params
        assert msgspec.json.encode(params) == old

    async def test_they_outlive_the_process(self, deployment: Deployment, tmp_path: Path) -> None:
        async with running(deployment, tmp_path, AFFINE) as cloud:
            await create(cloud, {"query": "[]", "same_host": []})
            await create(cloud)
            operations = await cloud.process.store.read(
                lambda txn: txn.all("SELECT params FROM operations ORDER BY id")
            )
            with_hints, without = (params for (params,) in operations)
            assert '"hints":{' in with_hints
            assert "hints" not in without


@pytest.mark.parametrize("driver", ["chance", "simple", "filter"])
async def test_each_scheduler_places_volumes(
    deployment: Deployment, tmp_path: Path, driver: str
) -> None:
    async with running(deployment, tmp_path, f"scheduler_driver = {driver}") as cloud:
        made = await create(cloud)
        why = (await cloud.admin.get(f"/pumice/v1/why/{made['id']}"))["why"]
        log = why["operations"][0]["log"]
        (placed,) = (one["data"] for one in log if one["step"] == "place")
        assert placed["scheduler"] == driver
        assert made["os-vol-host-attr:host"] in (FAST, BULK)
