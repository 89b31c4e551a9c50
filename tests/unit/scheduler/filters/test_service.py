"""The check before all others, in its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.filters.service import ServiceFilter

PASSED = "up and enabled"


@pytest.mark.parametrize(
    ("state", "excluded", "reason"),
    [
        ({}, (), PASSED),
        ({}, ("h@b#q", "h@b"), PASSED),
        ({"up": False}, (), "backend is down"),
        ({"enabled": False}, (), "service is disabled"),
        (
            {"enabled": False, "disabled_reason": "New disks."},
            (),
            "service is disabled: New disks.",
        ),
        ({"frozen": True}, (), "backend is frozen"),
        ({}, ("h@b#q", "h@b#p"), "already tried in this request and failed"),
        ({"up": False, "enabled": False, "frozen": True}, ("h@b#p",), "backend is down"),
        ({"enabled": False, "frozen": True}, ("h@b#p",), "service is disabled"),
        ({"frozen": True}, ("h@b#p",), "backend is frozen"),
    ],
)
def test_service(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    state: dict[str, Any],
    excluded: tuple[str, ...],
    reason: str,
) -> None:
    verdict = ServiceFilter().check(pool(**state), request_for(excluded=excluded))
    assert verdict == Verdict("h@b#p", "ServiceFilter", reason == PASSED, reason)
