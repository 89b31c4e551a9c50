"""Filters then weighers: examples, and what must hold for any pools and any request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.model.backend import Candidate, PlacementRequest, Pool, Verdict
from pumice.scheduler.contract import Filter, Scheduler, Weigher
from pumice.scheduler.filters.availability_zone import AvailabilityZoneFilter
from pumice.scheduler.filters.capabilities import CapabilitiesFilter
from pumice.scheduler.filters.capacity import CapacityFilter
from pumice.scheduler.select import FilterScheduler
from pumice.scheduler.simple import SimpleScheduler
from pumice.scheduler.weighers.capacity import CapacityWeigher

MakePool = Callable[..., Pool]
MakeRequest = Callable[..., PlacementRequest]


class VolumeCountWeigher:
    """A weigher as a package may add it: the fewer volumes, the better."""

    name: Final = "VolumeCountWeigher"
    multiplier: Final = -3.0

    def raw(self, pools: Sequence[Pool], request: PlacementRequest) -> Sequence[float]:
        del request
        return [pool.volume_count for pool in pools]


FILTERS: tuple[Filter, ...] = (AvailabilityZoneFilter(), CapacityFilter(), CapabilitiesFilter())


def scheduler(*weighers: Weigher, filters: tuple[Filter, ...] = FILTERS) -> FilterScheduler:
    return FilterScheduler(filters, weighers or (CapacityWeigher(),))


def test_the_most_room_wins(pool: MakePool, request_for: MakeRequest) -> None:
    pools = [pool("a", free_gib=20.0), pool("b", free_gib=80.0), pool("c", free_gib=35.0)]
    ranking = scheduler().rank(request_for(), pools)
    assert ranking.scheduler == "filter"
    assert ranking.candidates == (
        Candidate("b", 1.0, {"CapacityWeigher": 1.0}, 80.0, "nova"),
        Candidate("c", 0.25, {"CapacityWeigher": 0.25}, 35.0, "nova"),
        Candidate("a", 0.0, {"CapacityWeigher": 0.0}, 20.0, "nova"),
    )


def test_each_filter_speaks_until_one_refuses(pool: MakePool, request_for: MakeRequest) -> None:
    pools = [
        pool("down", up=False),
        pool("far", availability_zone="az2"),
        pool("full", availability_zone="az1", free_gib=1.0),
        pool("slow", availability_zone="az1"),
        pool("fit", availability_zone="az1", capabilities={"tier": "ssd"}),
    ]
    asked = request_for(availability_zone="az1", extra_specs={"tier": "ssd"})
    ranking = scheduler().rank(asked, pools)
    assert [candidate.host for candidate in ranking.candidates] == ["fit"]
    assert [(each.host, each.filter, each.passed) for each in ranking.verdicts] == [
        ("down", "ServiceFilter", False),
        ("far", "ServiceFilter", True),
        ("far", "AvailabilityZoneFilter", False),
        ("full", "ServiceFilter", True),
        ("full", "AvailabilityZoneFilter", True),
        ("full", "CapacityFilter", False),
        ("slow", "ServiceFilter", True),
        ("slow", "AvailabilityZoneFilter", True),
        ("slow", "CapacityFilter", True),
        ("slow", "CapabilitiesFilter", False),
        ("fit", "ServiceFilter", True),
        ("fit", "AvailabilityZoneFilter", True),
        ("fit", "CapacityFilter", True),
        ("fit", "CapabilitiesFilter", True),
    ]


def test_filters_speak_in_the_configured_order(pool: MakePool, request_for: MakeRequest) -> None:
    turned = scheduler(filters=tuple(reversed(FILTERS)))
    assert turned.filters == (
        "ServiceFilter",
        "CapabilitiesFilter",
        "CapacityFilter",
        "AvailabilityZoneFilter",
    )
    verdicts = turned.rank(request_for(), [pool()]).verdicts
    assert tuple(verdict.filter for verdict in verdicts) == turned.filters


def test_equals_are_ordered_by_host(pool: MakePool, request_for: MakeRequest) -> None:
    pools = [pool("b"), pool("c"), pool("a")]
    ranking = scheduler().rank(request_for(), pools)
    assert [(each.host, each.weight) for each in ranking.candidates] == [
        ("a", 0.0),
        ("b", 0.0),
        ("c", 0.0),
    ]


def test_weights_add_up_with_their_multipliers(pool: MakePool, request_for: MakeRequest) -> None:
    pools = [
        pool("a", free_gib=20.0, volume_count=0),
        pool("b", free_gib=80.0, volume_count=8),
        pool("c", free_gib=50.0, volume_count=2),
    ]
    ranking = scheduler(CapacityWeigher(2.0), VolumeCountWeigher()).rank(request_for(), pools)
    assert [(each.host, each.weight, each.weights) for each in ranking.candidates] == [
        ("c", 0.25, {"CapacityWeigher": 1.0, "VolumeCountWeigher": -0.75}),
        ("a", 0.0, {"CapacityWeigher": 0.0, "VolumeCountWeigher": 0.0}),
        ("b", -1.0, {"CapacityWeigher": 2.0, "VolumeCountWeigher": -3.0}),
    ]


def test_without_weighers_the_host_decides(pool: MakePool, request_for: MakeRequest) -> None:
    ranking = FilterScheduler(FILTERS, ()).rank(request_for(), [pool("b"), pool("a")])
    assert [(each.host, each.weight, each.weights) for each in ranking.candidates] == [
        ("a", 0.0, {}),
        ("b", 0.0, {}),
    ]


def test_without_the_capacity_filter_claims_are_not_bounded(
    pool: MakePool, request_for: MakeRequest
) -> None:
    unbounded = scheduler(filters=(CapabilitiesFilter(),))
    ranking = unbounded.rank(request_for(size_gib=1000), [pool()])
    assert [each.ceiling_gib for each in ranking.candidates] == [None]


def test_the_service_filter_cannot_be_left_out(pool: MakePool, request_for: MakeRequest) -> None:
    ranking = FilterScheduler((), ()).rank(request_for(), [pool("a", frozen=True), pool("b")])
    assert [each.host for each in ranking.candidates] == ["b"]
    assert ranking.verdicts == (
        Verdict("a", "ServiceFilter", passed=False, reason="backend is frozen"),
        Verdict("b", "ServiceFilter", passed=True, reason="up and enabled"),
    )


def test_no_pools(request_for: MakeRequest) -> None:
    ranking = scheduler().rank(request_for(), [])
    assert (ranking.candidates, ranking.verdicts) == ((), ())


AMOUNTS = st.none() | st.floats(-10, 2000, allow_nan=False)
NAMES = st.sampled_from(["fast", "slow"])
POOLS = st.lists(
    st.builds(
        Pool,
        host=st.integers(0, 99).map("h@b{}#p".format),
        backend_host=st.just("h@b"),
        availability_zone=st.sampled_from(["az1", "az2"]),
        total_gib=AMOUNTS,
        free_gib=AMOUNTS,
        capacity_kind=st.sampled_from(["finite", "infinite", "unknown"]),
        allocated_gib=st.integers(0, 1000),
        provisioned_gib=st.floats(0, 2000),
        volume_count=st.integers(0, 50),
        reserved_percentage=st.integers(0, 100),
        max_over_subscription_ratio=st.floats(0.5, 20),
        thin=st.booleans(),
        up=st.integers(0, 9).map(bool),
        enabled=st.integers(0, 9).map(bool),
        frozen=st.integers(0, 9).map(lambda number: number == 0),
        capabilities=st.fixed_dictionaries({"volume_backend_name": NAMES}),
    ),
    max_size=8,
    unique_by=lambda pool: pool.host,
)
REQUESTS = st.builds(
    PlacementRequest,
    volume_id=st.just("v"),
    size_gib=st.integers(1, 500),
    volume_type_name=st.just("t"),
    extra_specs=st.dictionaries(st.just("volume_backend_name"), NAMES),
    availability_zone=st.none() | st.just("az1"),
    excluded=st.lists(st.integers(0, 99).map("h@b{}#p".format), max_size=2).map(tuple),
)
WEIGHERS: tuple[Weigher, ...] = (CapacityWeigher(2.5), VolumeCountWeigher())


def any_scheduler() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "ranks",
        [scheduler(), scheduler(CapacityWeigher(-1.0)), scheduler(*WEIGHERS), SimpleScheduler()],
        ids=["filter", "filling", "two weighers", "simple"],
    )


@any_scheduler()
@given(pools=POOLS, request=REQUESTS)
def test_every_pool_has_verdicts_that_agree_with_the_candidates(
    ranks: Scheduler, pools: list[Pool], request: PlacementRequest
) -> None:
    ranking = ranks.rank(request, pools)
    candidates = {candidate.host for candidate in ranking.candidates}
    assert len(candidates) == len(ranking.candidates)
    for pool in pools:
        verdicts = [each for each in ranking.verdicts if each.host == pool.host]
        asked = tuple(each.filter for each in verdicts)
        assert asked == ranks.filters[: len(asked)]
        assert all(each.passed for each in verdicts[:-1])
        assert verdicts[-1].passed is (pool.host in candidates)
        if pool.host in candidates:
            assert asked == ranks.filters
    assert len(ranking.verdicts) >= len(pools)


@any_scheduler()
@given(pools=POOLS, request=REQUESTS)
def test_a_candidate_never_violates_its_own_ceiling(
    ranks: Scheduler, pools: list[Pool], request: PlacementRequest
) -> None:
    known = {pool.host: pool for pool in pools}
    for candidate in ranks.rank(request, pools).candidates:
        pool = known[candidate.host]
        if candidate.ceiling_gib is None:
            assert pool.total_gib is None or pool.free_gib is None
        else:
            assert pool.total_gib is not None
            assert pool.allocated_gib + request.size_gib <= candidate.ceiling_gib
            promised = pool.total_gib * (pool.max_over_subscription_ratio if pool.thin else 1)
            assert candidate.ceiling_gib <= promised + 1e-6


@any_scheduler()
@given(pools=POOLS, request=REQUESTS, data=st.data())
def test_the_order_of_the_pools_decides_nothing(
    ranks: Scheduler, pools: list[Pool], request: PlacementRequest, data: st.DataObject
) -> None:
    ranking = ranks.rank(request, pools)
    shuffled = ranks.rank(request, data.draw(st.permutations(pools)))
    assert shuffled.candidates == ranking.candidates
    assert {*shuffled.verdicts} == {*ranking.verdicts}


@given(pools=POOLS, request=REQUESTS)
def test_weights_lie_between_nothing_and_the_multipliers(
    pools: list[Pool], request: PlacementRequest
) -> None:
    candidates = scheduler(*WEIGHERS).rank(request, pools).candidates
    for candidate in candidates:
        assert 0 <= candidate.weights["CapacityWeigher"] <= 2.5
        assert -3 <= candidate.weights["VolumeCountWeigher"] <= 0
        assert candidate.weight == sum(candidate.weights.values())
    weights = [candidate.weight for candidate in candidates]
    assert weights == sorted(weights, reverse=True)
