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


@pytest.mark.parametrize(
    ("spec", "zone", "passed"),
    [
        ("az1,nova", None, True),
        (" az1 , nova ", "nova", True),
        ("az1, az2", None, False),
        ("az1", "nova", False),
        ("az1,nova", "az1", False),
        ("", None, True),
        (" , ", None, True),
        (None, None, True),
    ],
)
def test_zones_of_the_type(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    spec: str | None,
    zone: str | None,
    passed: bool,
) -> None:
    asked = request_for(extra_specs={"RESKEY:availability_zones": spec}, availability_zone=zone)
    verdict = AvailabilityZoneFilter().check(pool(), asked)
    assert verdict.passed is passed


def test_the_zones_of_the_type_are_told(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    asked = request_for(extra_specs={"RESKEY:availability_zones": "az1,az2"})
    verdict = AvailabilityZoneFilter().check(pool(), asked)
    assert verdict.reason == "the type is for az1, az2, the pool is in nova"
