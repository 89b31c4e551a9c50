"""The less is allocated, the better: spreads GiB over the pools, however large each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pumice.model.backend import PlacementRequest, Pool


class AllocatedCapacityWeigher:
    """Weighs by the GiB of the volumes that were placed on the pool."""

    name: Final = "AllocatedCapacityWeigher"
    multiplier: Final = -1.0

    def raw(self, pools: Sequence[Pool], request: PlacementRequest) -> Sequence[float]:
        """See :meth:`pumice.scheduler.contract.Weigher.raw`."""
        del request
        return [float(pool.allocated_gib) for pool in pools]
