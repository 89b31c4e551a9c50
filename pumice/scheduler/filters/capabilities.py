"""Has the pool what the volume type's extra specs ask for?"""

from __future__ import annotations

from typing import Final

from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.filters.requirement import requirement


class CapabilitiesFilter:
    """Passes pools whose capabilities satisfy every extra spec that concerns capabilities."""

    name: Final = "CapabilitiesFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        passed, reason = _judge(pool, request)
        return Verdict(pool.host, self.name, passed, reason)


def _judge(pool: Pool, request: PlacementRequest) -> tuple[bool, str]:
    satisfied = []
    for key, text in request.extra_specs.items():
        wanted = requirement(key, text)
        if wanted is None:
            continue
        reported, value = wanted.found(pool.capabilities)
        if not reported:
            return False, f"extra spec {key} requires {text!r}, the pool does not report it"
        if not wanted.satisfied_by(value):
            return False, f"extra spec {key} requires {text!r}, the pool has {value!r}"
        satisfied.append(f"{key} is {value!r}")
    return True, ", ".join(satisfied) or "no extra spec concerns capabilities"
