"""``scheduler_driver = simple``: nothing to configure, the least allocated pool that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pumice.model.backend import Candidate, PlacementRequest, Pool, Ranking
from pumice.scheduler.capacity import ceiling_gib
from pumice.scheduler.filters.availability_zone import AvailabilityZoneFilter
from pumice.scheduler.filters.capabilities import CapabilitiesFilter
from pumice.scheduler.filters.capacity import CapacityFilter
from pumice.scheduler.filters.service import ServiceFilter
from pumice.scheduler.select import best_first, sift


class SimpleScheduler:
    """Ranks the pools that fit by the GiB allocated on them, the least first.

    A pool fits when it is in service, has the room, and keeps the promises of the zone and the
    volume type: what is simple is the choice among the pools that fit, not what fitting means.
    """

    name: Final = "simple"

    def __init__(self) -> None:
        self._filters = (
            ServiceFilter(),
            AvailabilityZoneFilter(),
            CapacityFilter(),
            CapabilitiesFilter(),
        )
        self.filters = tuple(each.name for each in self._filters)

    def rank(self, request: PlacementRequest, pools: Sequence[Pool]) -> Ranking:
        """See :meth:`pumice.scheduler.contract.Scheduler.rank`. The weight is minus the GiB."""
        passed, verdicts = sift(self._filters, request, pools)
        candidates = [
            Candidate(
                pool.host,
                -float(pool.allocated_gib),
                {"allocated_gib": -float(pool.allocated_gib)},
                ceiling_gib(pool, request),
                pool.availability_zone,
            )
            for pool in passed
        ]
        return Ranking(self.name, best_first(candidates), tuple(verdicts))
