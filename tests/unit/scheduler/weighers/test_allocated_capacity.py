"""The pool on which the least is allocated is the first."""

from __future__ import annotations

from collections.abc import Callable

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.select import FilterScheduler
from pumice.scheduler.weighers.allocated_capacity import AllocatedCapacityWeigher


def test_the_one_with_less_is_first(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    pools = [
        pool("a", allocated_gib=30, volume_count=1),
        pool("b", allocated_gib=10, volume_count=3),
        pool("c", allocated_gib=20, volume_count=2),
    ]
    candidates = (
        FilterScheduler([], [AllocatedCapacityWeigher()]).rank(request_for(), pools).candidates
    )
    assert [one.host for one in candidates] == ["b", "c", "a"]
    assert [one.weights["AllocatedCapacityWeigher"] for one in candidates] == [0.0, -0.5, -1.0]
