"""All extra specs together, and what the verdict says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.filters.capabilities import CapabilitiesFilter

REPORT: dict[str, Any] = {
    "volume_backend_name": "fast",
    "multiattach": True,
    "tiers": ["ssd", "hdd"],
    "qos": {"max_iops": 5000},
}


@pytest.mark.parametrize(
    ("specs", "passed", "reason"),
    [
        ({}, True, "no extra spec concerns capabilities"),
        ({"provisioning:type": "thick"}, True, "no extra spec concerns capabilities"),
        ({"volume_backend_name": "fast"}, True, "volume_backend_name is 'fast'"),
        (
            {"volume_backend_name": "fast", "multiattach": "<is> True", "vendor:x": "y"},
            True,
            "volume_backend_name is 'fast', multiattach is True",
        ),
        ({"capabilities:qos:max_iops": ">= 5000"}, True, "capabilities:qos:max_iops is 5000"),
        (
            {"volume_backend_name": "slow"},
            False,
            "extra spec volume_backend_name requires 'slow', the pool has 'fast'",
        ),
        (
            {"volume_backend_name": "fast", "tiers": "nvme"},
            False,
            "extra spec tiers requires 'nvme', the pool has ['ssd', 'hdd']",
        ),
        ({"rack": "7"}, False, "extra spec rack requires '7', the pool does not report it"),
        ({"rack": None}, False, "extra spec rack requires None, the pool does not report it"),
        (
            {"capabilities:qos:burst": "1", "volume_backend_name": "slow"},
            False,
            "extra spec capabilities:qos:burst requires '1', the pool does not report it",
        ),
    ],
)
def test_extra_specs(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    specs: dict[str, str | None],
    passed: bool,
    reason: str,
) -> None:
    verdict = CapabilitiesFilter().check(pool(capabilities=REPORT), request_for(extra_specs=specs))
    assert verdict == Verdict("h@b#p", "CapabilitiesFilter", passed, reason)
