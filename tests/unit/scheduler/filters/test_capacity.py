"""Every line of the capacity filter's arithmetic, and its numbers in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.filters.capacity import CapacityFilter

THIN: dict[str, Any] = {"thin": True, "max_over_subscription_ratio": 2.0}
FULL: dict[str, Any] = {"allocated_gib": 100, "provisioned_gib": 100.0, "free_gib": 0.0}
THICK_TYPE = {"extra_specs": {"provisioning:type": "thick"}}
INFINITE: dict[str, Any] = {"capacity_kind": "infinite"}
UNKNOWN: dict[str, Any] = {"capacity_kind": "unknown"}


CASES: list[tuple[dict[str, Any], dict[str, Any], bool, str | None]] = [
    # 1: the volume is there already.
    (FULL, {"current_host": "h@b#p"}, True, "the volume is there already"),
    # 2: nothing is requested.
    (FULL, {"size_gib": 0}, True, "needs no space"),
    # 3: figures that are none.
    ({"free_gib": None}, {}, False, "the backend does not report its free capacity"),
    ({"total_gib": None}, {}, False, "the backend does not report its total capacity"),
    (INFINITE | {"free_gib": None}, {}, True, "free capacity is infinite"),
    (UNKNOWN | {"free_gib": None}, {}, True, "free capacity is unknown"),
    (
        INFINITE | {"free_gib": None, "total_gib": None, "reserved_percentage": 5},
        {},
        True,
        "free capacity is infinite",
    ),
    (INFINITE | {"total_gib": None}, {}, True, "total capacity is infinite"),
    (UNKNOWN | {"total_gib": None}, {}, True, "total capacity is unknown"),
    (
        UNKNOWN | {"total_gib": None, "reserved_percentage": 5},
        {},
        False,
        "5 % is reserved of a total capacity that is unknown",
    ),
    # 4: nothing at all.
    ({"total_gib": 0.0}, {}, False, "total capacity is 0 GiB"),
    ({"total_gib": -1.0}, {}, False, "total capacity is -1 GiB"),
    # 5: the reserve.
    (
        {"total_gib": 19.5, "reserved_percentage": 10},
        {"size_gib": 18},
        True,
        "needs 18 GiB, 18.5 GiB of 18.5 GiB virtually free",
    ),
    (
        {"total_gib": 19.5, "reserved_percentage": 10},
        {"size_gib": 19},
        False,
        (
            "needs 19 GiB, 18.5 GiB of 18.5 GiB virtually free "
            "(0 GiB provisioned, 10 % of 19.5 GiB reserved, 100 GiB reported free)"
        ),
    ),
    ({"reserved_percentage": 100}, {"size_gib": 1}, False, None),
    # 6: a thick type on a thin pool.
    (THIN, {"size_gib": 101}, True, "needs 101 GiB, 200 GiB of 200 GiB virtually free"),
    (THIN, {"size_gib": 101} | THICK_TYPE, False, None),
    # 7: thin.
    (
        {"thin": True, "max_over_subscription_ratio": 0.5},
        {"size_gib": 1},
        False,
        "the over-subscription ratio is 0.5, less than 1",
    ),
    ({"thin": True}, {"size_gib": 100}, True, None),
    (THIN | {"provisioned_gib": 150.0}, {"size_gib": 50}, True, None),
    (
        THIN | {"provisioned_gib": 150.0},
        {"size_gib": 51},
        False,
        (
            "needs 51 GiB, 50 GiB of 200 GiB virtually free "
            "(150 GiB provisioned, 0 % of 100 GiB reserved, ratio 2)"
        ),
    ),
    (
        THIN | {"provisioned_gib": 390.0},
        {"size_gib": 10},
        False,
        (
            "needs 10 GiB, -190 GiB of 200 GiB virtually free "
            "(390 GiB provisioned, 0 % of 100 GiB reserved, ratio 2)"
        ),
    ),
    (
        THIN | {"provisioned_gib": 390.0},
        {"size_gib": 11},
        False,
        "needs 11 GiB on top of 390 GiB provisioned, more than 2 times the 200 GiB available",
    ),
    (THIN | {"free_gib": 0.0}, {"size_gib": 200}, True, None),
    (THIN | {"reserved_percentage": 100}, {"size_gib": 1}, False, None),
    # 8: otherwise.
    (
        {"total_gib": 20.0, "free_gib": 3.5},
        {},
        False,
        (
            "needs 10 GiB, 3.5 GiB of 20 GiB virtually free "
            "(0 GiB provisioned, 0 % of 20 GiB reserved, 3.5 GiB reported free)"
        ),
    ),
    ({"free_gib": 10.0}, {}, True, "needs 10 GiB, 10 GiB of 100 GiB virtually free"),
    ({"free_gib": 9.999}, {}, False, None),
    ({"provisioned_gib": 90.0}, {}, True, "needs 10 GiB, 10 GiB of 100 GiB virtually free"),
    ({"provisioned_gib": 90.5}, {}, False, None),
    ({"allocated_gib": 91}, {}, False, None),
    ({"max_over_subscription_ratio": 0.5}, {"size_gib": 100}, True, None),
]
"""Figures of the pool, what is asked for, and the verdict's outcome and reason (None: any)."""


@pytest.mark.parametrize("case", CASES)
def test_each_line(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    case: tuple[dict[str, Any], dict[str, Any], bool, str | None],
) -> None:
    figures, asked, passed, reason = case
    verdict = CapacityFilter().check(pool(**figures), request_for(**asked))
    assert verdict == Verdict("h@b#p", "CapacityFilter", passed, reason or verdict.reason)


@pytest.mark.parametrize(
    ("free", "shown"),
    [(9.999, "9.99 GiB"), (-0.001, "-0.01 GiB"), (1234567.5, "1234567.5 GiB"), (7.0, "7 GiB")],
)
def test_what_is_shown_as_free_is_free(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    free: float,
    shown: str,
) -> None:
    roomy = pool(total_gib=2e6, free_gib=free)
    assert f" {shown} of 2000000 GiB " in CapacityFilter().check(roomy, request_for()).reason


QUARTERS = st.integers(-40, 4000).map(lambda quarters: quarters / 4)
FIGURES = st.fixed_dictionaries(
    {
        "total_gib": QUARTERS,
        "free_gib": QUARTERS,
        "allocated_gib": st.integers(0, 1000),
        "provisioned_gib": QUARTERS.map(abs),
        "reserved_percentage": st.integers(0, 100),
        "max_over_subscription_ratio": st.integers(2, 80).map(lambda quarters: quarters / 4),
        "thin": st.booleans(),
    }
)


def fits(pool: Pool, size: int) -> bool:
    """The formulas as they are written down, for a type that says nothing of provisioning."""
    total, ratio = pool.total_gib or 0.0, pool.max_over_subscription_ratio
    provisioned = max(pool.provisioned_gib, pool.allocated_gib)
    usable = total - math.floor(total * pool.reserved_percentage / 100)
    if total <= 0:
        return False
    if not pool.thin:
        return min(pool.free_gib or 0.0, usable - provisioned) >= size
    available = usable * ratio
    return (
        ratio >= 1
        and available > 0
        and (provisioned + size) / available <= ratio
        and available - provisioned >= size
    )


@given(figures=FIGURES, size=st.integers(1, 1000))
def test_passes_exactly_what_the_formulas_pass(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    figures: dict[str, Any],
    size: int,
) -> None:
    verdict = CapacityFilter().check(pool(**figures), request_for(size_gib=size))
    assert verdict.passed is fits(pool(**figures), size)
