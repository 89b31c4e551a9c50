"""Is the pool in the availability zone that was asked for?"""

from __future__ import annotations

from typing import Final

from pumice.model.backend import PlacementRequest, Pool, Verdict


class AvailabilityZoneFilter:
    """Passes pools in the requested zone; all of them when the request names none."""

    name: Final = "AvailabilityZoneFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        zone = request.availability_zone
        passed, reason = True, "no zone requested"
        if zone is not None:
            passed = zone == pool.availability_zone
            reason = f"zone {zone} requested, the pool is in {pool.availability_zone}"
        return Verdict(pool.host, self.name, passed, reason)
