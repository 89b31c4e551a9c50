"""Pools and requests from what a test cares about; the rest is an ordinary pool and volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from pumice.model.backend import PlacementRequest, Pool

POOL = Pool(
    host="h@b#p",
    backend_host="h@b",
    availability_zone="nova",
    total_gib=100.0,
    free_gib=100.0,
    capacity_kind="finite",
    allocated_gib=0,
    provisioned_gib=0.0,
    volume_count=0,
    reserved_percentage=0,
    max_over_subscription_ratio=1.0,
    thin=False,
    up=True,
    enabled=True,
    frozen=False,
    capabilities={},
)
REQUEST = PlacementRequest("volume-1", 10, "gold", {}, None)


@pytest.fixture(scope="session")
def pool() -> Callable[..., Pool]:
    """Makes a pool of 100 GiB, thick, empty and in service, but for what is given."""

    def pool(host: str = POOL.host, **given: Any) -> Pool:
        return replace(POOL, host=host, **given)

    return pool


@pytest.fixture(scope="session")
def request_for() -> Callable[..., PlacementRequest]:
    """Makes a request for 10 GiB, of any pool, but for what is given."""

    def request_for(**given: Any) -> PlacementRequest:
        return replace(REQUEST, **given)

    return request_for
