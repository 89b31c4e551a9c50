"""``GET /resource_filters``: what clients may filter lists by."""

from __future__ import annotations

from typing import Final

import pytest

from pumice.api.volume_v3.resource_filters import RESOURCE_FILTERS
from tests.api.cloud import Cloud

PATH: Final = "/volume/v3/resource_filters"


async def test_every_list_has_its_filters(cloud: Cloud) -> None:
    listed = (await cloud.member.get(PATH, version="3.33"))["resource_filters"]
    assert {one["resource"]: tuple(one["filters"]) for one in listed} == RESOURCE_FILTERS
    assert [one["resource"] for one in listed] == list(RESOURCE_FILTERS)


@pytest.mark.parametrize("query", ["resource=group", "resource=pool&resource=group"])
async def test_one_resource(cloud: Cloud, query: str) -> None:
    listed = await cloud.reader.get(f"{PATH}?{query}", version="3.71")
    assert listed == {"resource_filters": [{"resource": "group", "filters": ["name"]}]}


async def test_an_unknown_resource_has_none(cloud: Cloud) -> None:
    assert await cloud.member.get(f"{PATH}?resource=x", version="3.33") == {"resource_filters": []}


async def test_is_none_below_3_33(cloud: Cloud) -> None:
    assert (await cloud.member.request("GET", PATH, version="3.32")).status == 404


async def test_volumes_take_each_filter_that_is_told(cloud: Cloud) -> None:
    for name in RESOURCE_FILTERS["volume"]:
        value = "gt:2020-01-01" if name.endswith("_at") else "true"
        await cloud.member.get(f"/volume/v3/volumes?{name}={value}", version="3.71")
