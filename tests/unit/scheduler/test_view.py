"""The pools in memory, and that the index never hides a pool that could take a volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.registry import Ingredients, make_scheduler
from pumice.scheduler.view import NARROW_ABOVE, PoolsView

MakePool = Callable[..., Pool]
MakeRequest = Callable[..., PlacementRequest]

ZONE, ROOM, SPECS = "AvailabilityZoneFilter", "CapacityFilter", "CapabilitiesFilter"
HOSTS = [f"h@many#{number}" for number in range(NARROW_ABOVE)]


def hosts(pools: Any) -> list[str]:
    return [pool.host for pool in pools]


@pytest.fixture
def many(pool: MakePool) -> PoolsView:
    """A view of as many pools as are looked at one and all."""
    view = PoolsView((ZONE, SPECS))
    for host in HOSTS:
        view.replace(pool(host, capabilities={"volume_backend_name": "many"}))
    return view


def test_what_an_administrator_sets_holds_for_every_pool_of_the_backend(pool: MakePool) -> None:
    view = PoolsView((ZONE, SPECS))
    for host, backend in (("h@a#1", "h@a"), ("h@a#2", "h@a"), ("h@b#1", "h@b")):
        view.replace(pool(host, backend_host=backend))
    view.flag("h@a", enabled=False, disabled_reason="New disks.", frozen=True)
    view.flag("h@c", enabled=False, disabled_reason=None, frozen=True)
    flags = {one.host: (one.enabled, one.disabled_reason, one.frozen) for one in view.pools()}
    off, on = (False, "New disks.", True), (True, None, False)
    assert flags == {"h@a#1": off, "h@a#2": off, "h@b#1": on}


def test_zones_are_those_that_a_pool_is_in(pool: MakePool) -> None:
    view = PoolsView()
    assert view.zones() == frozenset()
    view.replace(pool("a", availability_zone="north", capabilities={"volume_backend_name": "x"}))
    view.replace(pool("b", availability_zone="south"))
    view.replace(pool("c", availability_zone="south"))
    assert view.zones() == {"north", "south"}
    view.replace(pool("a", availability_zone="west"))
    view.remove("b")
    assert view.zones() == {"west", "south"}
    view.remove("c")
    assert view.zones() == {"west"}


def test_replace_get_remove(pool: MakePool) -> None:
    view = PoolsView()
    assert view.pools() == ()
    assert view.get("a") is None
    view.replace(pool("b"))
    view.replace(pool("a"))
    view.replace(pool("b", free_gib=7.0))
    assert view.pools() == (pool("b", free_gib=7.0), pool("a"))
    assert view.get("b") == pool("b", free_gib=7.0)
    view.remove("b")
    view.remove("b")
    assert view.get("b") is None
    assert view.pools() == (pool("a"),)


def test_pools_are_made_once_and_then_kept(pool: MakePool) -> None:
    view = PoolsView()
    view.replace(pool("a"))
    before = view.pools()
    assert view.pools() is before
    view.adjust("a", 5, 1)
    assert before == (pool("a"),)
    assert view.pools() is not before


@pytest.mark.parametrize(
    ("figures", "allocated", "expected"),
    [
        pytest.param(
            {"allocated_gib": 20, "provisioned_gib": 30.0, "free_gib": 50.0},
            25,
            {"allocated_gib": 25, "provisioned_gib": 35.0, "free_gib": 45.0},
            id="a claim",
        ),
        pytest.param(
            {"allocated_gib": 20, "provisioned_gib": 30.0, "free_gib": 50.0},
            15,
            {"allocated_gib": 15, "provisioned_gib": 25.0, "free_gib": 55.0},
            id="a release",
        ),
        pytest.param(
            {"allocated_gib": 20, "provisioned_gib": 5.0, "free_gib": 95.0},
            0,
            {"allocated_gib": 0, "provisioned_gib": 0.0, "free_gib": 100.0},
            id="never less than nothing, nor more than all",
        ),
        pytest.param(
            {"free_gib": 5.0},
            10,
            {"allocated_gib": 10, "provisioned_gib": 10.0, "free_gib": -5.0},
            id="promised beyond what is free",
        ),
        pytest.param(
            {"free_gib": None, "capacity_kind": "infinite"},
            10,
            {"allocated_gib": 10, "provisioned_gib": 10.0, "free_gib": None},
            id="infinite stays so",
        ),
        pytest.param(
            {"total_gib": None, "capacity_kind": "unknown"},
            10,
            {"allocated_gib": 10, "provisioned_gib": 10.0, "free_gib": 90.0},
            id="without a total",
        ),
    ],
)
def test_adjust(
    pool: MakePool, figures: dict[str, Any], allocated: int, expected: dict[str, Any]
) -> None:
    view = PoolsView()
    view.replace(pool("a", **figures))
    view.adjust("a", allocated, 3)
    assert view.get("a") == pool("a", **(figures | expected | {"volume_count": 3}))


def test_adjust_leaves_an_unknown_pool_alone() -> None:
    view = PoolsView()
    view.adjust("a", 10, 1)
    assert view.pools() == ()


def test_few_pools_are_looked_at_one_and_all(many: PoolsView, request_for: MakeRequest) -> None:
    assert len(many.pools()) == NARROW_ABOVE
    asked = request_for(extra_specs={"volume_backend_name": "many"})
    assert many.matching(asked) is many.pools()


@pytest.mark.parametrize(
    ("filters", "asked", "expected"),
    [
        pytest.param(
            (ZONE, SPECS), {"specs": {"volume_backend_name": "gold"}}, ["a", "b"], id="name"
        ),
        pytest.param(
            (ZONE, SPECS),
            {"specs": {"capabilities:volume_backend_name": "gold"}},
            ["a", "b"],
            id="scoped name",
        ),
        pytest.param((ZONE, SPECS), {"zone": "az1"}, ["b", "c"], id="zone"),
        pytest.param(
            (ZONE, SPECS),
            {"zone": "nova", "specs": {"volume_backend_name": "gold"}},
            ["a", "b"],
            id="the smaller part",
        ),
        pytest.param(
            (SPECS,),
            {"zone": "az1", "specs": {"volume_backend_name": "gold"}},
            ["a", "b"],
            id="no zone filter, no zones",
        ),
        pytest.param((ROOM,), {"zone": "az1", "specs": {"volume_backend_name": "gold"}}, None),
        pytest.param((ZONE, SPECS), {}, None, id="nothing asked for"),
        pytest.param(
            (ZONE, SPECS), {"specs": {"volume_backend_name": "<in> gold"}}, None, id="operator"
        ),
        pytest.param((ZONE, SPECS), {"specs": {"volume_backend_name": None}}, None, id="null"),
        pytest.param((ZONE, SPECS), {"specs": {"tier": "gold"}}, None, id="another capability"),
        pytest.param(
            (ZONE, SPECS),
            {"specs": {"volume_backend_name": "none has it"}},
            None,
            id="nobody: all, so that each refuses",
        ),
    ],
)
def test_many_pools_are_narrowed_by_name_or_zone(
    pool: MakePool,
    request_for: MakeRequest,
    filters: tuple[str, ...],
    asked: dict[str, Any],
    expected: list[str] | None,
) -> None:
    view = PoolsView(filters)
    for host in HOSTS:
        view.replace(pool(host, capabilities={"volume_backend_name": "many"}))
    view.replace(pool("a", capabilities={"volume_backend_name": "gold"}))
    view.replace(
        pool("b", availability_zone="az1", capabilities={"volume_backend_name": ["gold", "x", {}]})
    )
    view.replace(pool("c", availability_zone="az1"))
    found = view.matching(
        request_for(extra_specs=asked.get("specs", {}), availability_zone=asked.get("zone"))
    )
    assert hosts(found) == (hosts(view.pools()) if expected is None else expected)


def test_the_index_follows_changes(
    many: PoolsView, pool: MakePool, request_for: MakeRequest
) -> None:
    gold = request_for(extra_specs={"volume_backend_name": "gold"})
    many.replace(pool("a", capabilities={"volume_backend_name": "gold"}))
    many.adjust("a", 5, 1)
    assert many.matching(gold) == (many.get("a"),)
    many.replace(pool("a", capabilities={"volume_backend_name": ["x", "x"]}))
    many.replace(pool("b", capabilities={"volume_backend_name": "gold"}))
    assert hosts(many.matching(gold)) == ["b"]
    many.replace(pool("a"))
    many.remove("b")
    assert many.matching(gold) is many.pools()
    assert {name for _, name in many._index} == {"nova", "many"}


NAMES = st.sampled_from(["gold", "many", "<in> gold"])
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", HOSTS[0], HOSTS[1]]),
        st.sampled_from(["replace", "remove", "adjust"]),
        st.sampled_from(["nova", "az1"]),
        st.none() | NAMES | st.lists(NAMES, max_size=2) | st.just({"gold": 1}),
    ),
    max_size=12,
)
ASKED = st.fixed_dictionaries(
    {
        "availability_zone": st.sampled_from([None, "nova", "az1", "az2"]),
        "extra_specs": st.dictionaries(
            st.sampled_from(["volume_backend_name", "capabilities:volume_backend_name"]),
            st.none() | NAMES | st.sampled_from(["<or> gold <or> x", "<in> o", "nobody"]),
        ),
    }
)


@given(
    filters=st.lists(st.sampled_from([ZONE, ROOM, SPECS]), unique=True),
    changes=CHANGES,
    asked=ASKED,
)
def test_narrowing_changes_no_decision(
    pool: MakePool,
    request_for: MakeRequest,
    filters: list[str],
    changes: list[tuple[str, str, str, Any]],
    asked: dict[str, Any],
) -> None:
    scheduler = make_scheduler("filter", filters, ["CapacityWeigher"], Ingredients(float))
    view = PoolsView(scheduler.filters)
    for host in [*HOSTS, "d", "e", "f"]:
        view.replace(pool(host, capabilities={"volume_backend_name": "many"}))
    for number, (host, change, zone, name) in enumerate(changes):
        if change == "replace":
            made = pool(host, availability_zone=zone, capabilities={"volume_backend_name": name})
            view.replace(made)
        elif change == "remove":
            view.remove(host)
        else:
            view.adjust(host, number, 1)
    request = request_for(**asked)
    narrowed = view.matching(request)
    assert {*hosts(narrowed)} <= {*hosts(view.pools())}
    assert all(view.get(each.host) is each for each in narrowed)
    assert (
        scheduler.rank(request, narrowed).candidates
        == scheduler.rank(request, view.pools()).candidates
    )
