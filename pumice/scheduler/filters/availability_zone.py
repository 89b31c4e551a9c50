"""Is the pool in the availability zone that was asked for?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pumice.model.backend import PlacementRequest, Pool, Verdict

ZONES_SPEC: Final = "RESKEY:availability_zones"
"""The extra spec that binds a volume type to zones."""


class AvailabilityZoneFilter:
    """Passes pools in the requested zone and in the zones of the volume type.

    A request or a type that names none is content with every zone.
    """

    name: Final = "AvailabilityZoneFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        zone, zones = request.availability_zone, zones_of_type(request.extra_specs)
        passed, reason = True, "no zone requested"
        if zone is not None:
            passed = zone == pool.availability_zone
            reason = f"zone {zone} requested, the pool is in {pool.availability_zone}"
        if passed and zones is not None:
            passed = pool.availability_zone in zones
            reason = f"the type is for {', '.join(zones)}, the pool is in {pool.availability_zone}"
        return Verdict(pool.host, self.name, passed, reason)


def zones_of_type(extra_specs: Mapping[str, str | None]) -> tuple[str, ...] | None:
    """The availability zones that a volume type is bound to; None: to none."""
    named = (extra_specs.get(ZONES_SPEC) or "").split(",")
    return tuple(zone for one in named if (zone := one.strip())) or None
