"""The raw weights of the capacity weigher."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.weighers.capacity import CapacityWeigher

TEN: dict[str, Any] = {"free_gib": 10.0}
THIRTY: dict[str, Any] = {"free_gib": 30.0}
THIN: dict[str, Any] = {"thin": True, "max_over_subscription_ratio": 20.0, "free_gib": 10.0}
INFINITE: dict[str, Any] = {"free_gib": None, "capacity_kind": "infinite"}
UNKNOWN: dict[str, Any] = {"total_gib": None, "capacity_kind": "unknown"}


@pytest.mark.parametrize(
    ("multiplier", "figures", "expected"),
    [
        pytest.param(1.0, [], [], id="none"),
        pytest.param(1.0, [TEN, THIRTY, THIN], [10, 30, 2000], id="virtually free"),
        pytest.param(1.0, [INFINITE, TEN, UNKNOWN], [-1, 10, -1], id="no figures: last"),
        pytest.param(-1.0, [TEN, THIRTY], [10, 30], id="filling: the same numbers"),
        pytest.param(
            -1.0,
            [INFINITE, TEN, UNKNOWN, THIRTY],
            [2030, 10, 2030, 30],
            id="filling: no figures is 100 spans beyond",
        ),
        pytest.param(-1.0, [TEN, INFINITE, TEN], [10, 10_010, 10], id="filling: or 10,000"),
        pytest.param(-1.0, [INFINITE, UNKNOWN], [0, 0], id="filling: nobody has figures"),
        pytest.param(0.0, [TEN, INFINITE], [10, 10_010], id="a multiplier of 0 is not above 0"),
    ],
)
def test_raw(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    multiplier: float,
    figures: list[dict[str, Any]],
    expected: list[float],
) -> None:
    pools = [pool(f"h@b#{number}", **each) for number, each in enumerate(figures)]
    assert CapacityWeigher(multiplier).raw(pools, request_for()) == expected


def test_a_thick_type_is_weighed_by_what_is_really_free(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    thick = request_for(extra_specs={"provisioning:type": "thick"})
    assert CapacityWeigher().raw([pool(**THIN)], thick) == [10]


def test_room_is_good_unless_configured_otherwise() -> None:
    assert CapacityWeigher().multiplier == 1.0
