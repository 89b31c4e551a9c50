"""A zone is a name that is equal, or nobody asked for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.filters.availability_zone import AvailabilityZoneFilter


@pytest.mark.parametrize(
    ("zone", "passed", "reason"),
    [
        (None, True, "no zone requested"),
        ("az1", True, "zone az1 requested, the pool is in az1"),
        ("az2", False, "zone az2 requested, the pool is in az1"),
        ("AZ1", False, "zone AZ1 requested, the pool is in az1"),
        ("", False, "zone  requested, the pool is in az1"),
    ],
)
def test_zone(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    zone: str | None,
    passed: bool,
    reason: str,
) -> None:
    asked = request_for(availability_zone=zone)
    verdict = AvailabilityZoneFilter().check(pool(availability_zone="az1"), asked)
    assert verdict == Verdict("h@b#p", "AvailabilityZoneFilter", passed, reason)
