"""The least allocated pool that fits. What holds for all schedulers is in test_select.py."""

from __future__ import annotations

from collections.abc import Callable

from pumice.model.backend import Candidate, PlacementRequest, Pool
from pumice.scheduler.simple import SimpleScheduler


def test_the_least_allocated_wins_however_much_is_free(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    pools = [
        pool("a", allocated_gib=50, total_gib=1000.0, free_gib=900.0),
        pool("c", allocated_gib=20),
        pool("b", allocated_gib=20),
    ]
    ranking = SimpleScheduler().rank(request_for(), pools)
    assert ranking.scheduler == "simple"
    assert ranking.candidates == (
        Candidate("b", -20.0, {"allocated_gib": -20.0}, 100.0, "nova"),
        Candidate("c", -20.0, {"allocated_gib": -20.0}, 100.0, "nova"),
        Candidate("a", -50.0, {"allocated_gib": -50.0}, 950.0, "nova"),
    )


def test_a_pool_that_does_not_fit_is_refused_with_a_reason(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    pools = [
        pool("a", up=False),
        pool("b", availability_zone="az2"),
        pool("c", allocated_gib=95),
        pool("d", capabilities={"tier": "hdd"}),
        pool("e", capabilities={"tier": "ssd"}, allocated_gib=90),
    ]
    asked = request_for(availability_zone="nova", extra_specs={"tier": "ssd"})
    ranking = SimpleScheduler().rank(asked, pools)
    assert [candidate.host for candidate in ranking.candidates] == ["e"]
    assert [(each.host, each.filter) for each in ranking.verdicts if not each.passed] == [
        ("a", "ServiceFilter"),
        ("b", "AvailabilityZoneFilter"),
        ("c", "CapacityFilter"),
        ("d", "CapabilitiesFilter"),
    ]
