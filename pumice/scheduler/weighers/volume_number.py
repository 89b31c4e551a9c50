"""The fewer volumes, the better: spreads their number over the pools, however large they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pumice.model.backend import PlacementRequest, Pool


class VolumeNumberWeigher:
    """Weighs by the number of volumes that were placed on the pool."""

    name: Final = "VolumeNumberWeigher"
    multiplier: Final = -1.0

    def raw(self, pools: Sequence[Pool], request: PlacementRequest) -> Sequence[float]:
        """See :meth:`pumice.scheduler.contract.Weigher.raw`."""
        del request
        return [float(pool.volume_count) for pool in pools]
