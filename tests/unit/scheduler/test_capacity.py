"""How much a pool can still take, in round numbers that can be worked out on paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.capacity import Room, ceiling_gib, room

THIN: dict[str, Any] = {"thin": True, "max_over_subscription_ratio": 2.0}
THICK_TYPE = {"provisioning:type": "thick"}


@pytest.mark.parametrize(
    ("figures", "specs", "expected"),
    [
        pytest.param({}, {}, Room(100, 0, 100, thin=False), id="empty"),
        pytest.param(
            {"reserved_percentage": 10},
            {},
            Room(90, 0, 90, thin=False),
            id="a reserve is not usable",
        ),
        pytest.param(
            {"total_gib": 19.5, "reserved_percentage": 10},
            {},
            Room(18.5, 0, 18.5, thin=False),
            id="the reserve is rounded down: 1 of 1.95",
        ),
        pytest.param(
            {"free_gib": 30.0}, {}, Room(100, 0, 30, thin=False), id="thick: free bounds it"
        ),
        pytest.param(
            {"free_gib": 60.0, "provisioned_gib": 50.0},
            {},
            Room(100, 50, 50, thin=False),
            id="thick: provisioned bounds it",
        ),
        pytest.param(
            {"max_over_subscription_ratio": 20.0},
            {},
            Room(100, 0, 100, thin=False),
            id="thick: the ratio counts for nothing",
        ),
        pytest.param(
            {"allocated_gib": 40, "provisioned_gib": 40.0},
            {},
            Room(100, 40, 60, thin=False),
            id="all that is provisioned is ours",
        ),
        pytest.param(
            {"allocated_gib": 40, "provisioned_gib": 15.0},
            {},
            Room(100, 40, 60, thin=False),
            id="the driver's figure lags behind ours",
        ),
        pytest.param(THIN, {}, Room(200, 0, 200, thin=True), id="thin: usable times ratio"),
        pytest.param(
            THIN | {"reserved_percentage": 10, "provisioned_gib": 30.0},
            {},
            Room(180, 30, 150, thin=True),
            id="thin: less reserve, less provisioned",
        ),
        pytest.param(
            THIN | {"free_gib": 1.0},
            {},
            Room(200, 0, 200, thin=True),
            id="thin: free does not count",
        ),
        pytest.param(
            THIN | {"free_gib": 70.0},
            THICK_TYPE,
            Room(100, 0, 70, thin=False),
            id="a thick type on a thin pool",
        ),
        pytest.param(
            THIN,
            {"provisioning:type": "thin"},
            Room(200, 0, 200, thin=True),
            id="a thin type on a thin pool",
        ),
        pytest.param(
            {"max_over_subscription_ratio": 2.0},
            {"provisioning:type": "thin"},
            Room(100, 0, 100, thin=False),
            id="a thin type does not make a pool thin",
        ),
        pytest.param({"free_gib": None, "capacity_kind": "infinite"}, {}, None, id="free infinite"),
        pytest.param({"total_gib": None, "capacity_kind": "unknown"}, {}, None, id="total unknown"),
        pytest.param({"free_gib": None}, {}, None, id="free not reported"),
    ],
)
def test_room(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    figures: dict[str, Any],
    specs: dict[str, str],
    expected: Room | None,
) -> None:
    assert room(pool(**figures), request_for(extra_specs=specs)) == expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        pytest.param({}, 100, id="thick: what is usable"),
        pytest.param(
            {"allocated_gib": 40, "free_gib": 60.0}, 100, id="thick: whatever is allocated"
        ),
        pytest.param({"allocated_gib": 40, "free_gib": 25.0}, 65, id="thick: allocated and free"),
        pytest.param(
            {"allocated_gib": 40, "free_gib": 95.0, "provisioned_gib": 5.0},
            100,
            id="thick: never beyond what is usable, though the report is old",
        ),
        pytest.param(
            {"allocated_gib": 40, "provisioned_gib": 70.0}, 70, id="thick: others provisioned 30"
        ),
        pytest.param(
            THIN | {"allocated_gib": 150, "reserved_percentage": 10},
            180,
            id="thin: usable times ratio, whatever is allocated",
        ),
        pytest.param(
            THIN | {"allocated_gib": 40, "provisioned_gib": 70.0}, 170, id="thin: others have 30"
        ),
        pytest.param({"free_gib": None, "capacity_kind": "infinite"}, None, id="infinite"),
        pytest.param({"total_gib": None, "capacity_kind": "unknown"}, None, id="unknown"),
    ],
)
def test_ceiling(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    figures: dict[str, Any],
    expected: float | None,
) -> None:
    assert ceiling_gib(pool(**figures), request_for()) == expected


@pytest.mark.parametrize("given", [{"size_gib": 0}, {"current_host": "h@b#p"}])
def test_a_volume_that_needs_no_space_has_no_ceiling(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    given: dict[str, Any],
) -> None:
    full = pool(allocated_gib=100, provisioned_gib=120.0, free_gib=0.0)
    assert ceiling_gib(full, request_for()) == 80
    assert ceiling_gib(full, request_for(**given)) is None
