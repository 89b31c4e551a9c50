"""Together with named volumes, and apart from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pumice.model.backend import Hints, PlacementRequest, Pool
from pumice.scheduler.filters.affinity import DifferentBackendFilter, SameBackendFilter


@pytest.mark.parametrize(
    ("judge", "hints", "passed", "reason"),
    [
        (SameBackendFilter(), {}, True, "no hint same_host"),
        (SameBackendFilter(), {"same_host": ("h@b#p",)}, True, "the volumes are on h@b#p"),
        (SameBackendFilter(), {"same_host": ("h@b#q",)}, False, "the volumes are on h@b#q"),
        (SameBackendFilter(), {"same_host": ()}, False, "the volumes are on no pool"),
        (DifferentBackendFilter(), {}, True, "no hint different_host"),
        (DifferentBackendFilter(), {"different_host": ("h@b#p", "x")}, False, "h@b#p, x"),
        (DifferentBackendFilter(), {"different_host": ("h@b#q",)}, True, "on h@b#q"),
        (DifferentBackendFilter(), {"different_host": ()}, True, "on no pool"),
    ],
)
def test_hints(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    judge: Any,
    hints: dict[str, Any],
    passed: bool,
    reason: str,
) -> None:
    verdict = judge.check(pool(), request_for(hints=Hints(**hints)))
    assert (verdict.filter, verdict.passed) == (judge.name, passed)
    assert verdict.reason.endswith(reason)
