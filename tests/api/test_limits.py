"""``/limits``: what a project may have and has, in the words of an older API."""

from __future__ import annotations

from typing import Final

import pytest

from tests.api.cloud import MOUNTAIN, Cloud

LIMITS: Final = "/volume/v3/limits"
BOUNDS: Final = {
    "maxTotalVolumes": 10,
    "maxTotalVolumeGigabytes": 1000,
    "maxTotalSnapshots": 10,
    "maxTotalBackups": 10,
    "maxTotalBackupGigabytes": 1000,
}
UNUSED: Final = {
    "totalVolumesUsed": 0,
    "totalGigabytesUsed": 0,
    "totalSnapshotsUsed": 0,
    "totalBackupsUsed": 0,
    "totalBackupGigabytesUsed": 0,
}


async def test_of_ones_own_project(cloud: Cloud) -> None:
    unused = {"limits": {"rate": [], "absolute": BOUNDS | UNUSED}}
    for who in (cloud.admin, cloud.member, cloud.reader):
        assert await who.get(LIMITS) == unused
    limit = {"quota_set": {"volumes": -1}}
    await cloud.admin.request("PUT", f"/volume/v3/os-quota-sets/{MOUNTAIN}", limit)
    await cloud.member.create_volume(size=3)
    found = (await cloud.reader.get(LIMITS))["limits"]["absolute"]
    changed = {"maxTotalVolumes": -1, "totalVolumesUsed": 1, "totalGigabytesUsed": 3}
    assert found == BOUNDS | UNUSED | changed
    assert await cloud.stranger.get(LIMITS) == unused


@pytest.mark.parametrize("name", ["guest", "unscoped"])
async def test_without_a_role_one_is_not_told_what_is_used(cloud: Cloud, name: str) -> None:
    who = await cloud.log_in(name)
    assert await who.get(LIMITS) == {"limits": {"rate": [], "absolute": BOUNDS}}


@pytest.mark.parametrize(
    ("who", "version", "query", "volumes"),
    [
        ("admin", "3.39", f"project_id={MOUNTAIN}", 1),
        ("admin", "3.39", f"tenant_id={MOUNTAIN}", 1),
        ("admin", "3.39", f"project_id={MOUNTAIN}&tenant_id=x", 1),
        ("admin", "3.39", "project_id=x", 0),
        ("admin", "3.39", "", 0),
        ("admin", "3.38", f"project_id={MOUNTAIN}", 0),
        ("stranger", "3.39", f"project_id={MOUNTAIN}", 0),
        ("member", "3.39", "project_id=x", 1),
    ],
)
async def test_of_another_project(
    cloud: Cloud, who: str, version: str, query: str, volumes: int
) -> None:
    await cloud.member.create_volume()
    found = await getattr(cloud, who).get(f"{LIMITS}?{query}", version=version)
    assert found["limits"]["absolute"]["totalVolumesUsed"] == volumes


async def test_for_the_system(cloud: Cloud) -> None:
    who = await cloud.log_in("system admin")
    assert await who.get(LIMITS) == {"limits": {"rate": [], "absolute": BOUNDS | UNUSED}}
