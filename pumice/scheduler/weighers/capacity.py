"""The more room, the better: spreads volumes over the pools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.capacity import room

_BEYOND_SPANS: Final = 100
_BEYOND_GIB: Final = 10_000


class CapacityWeigher:
    """Weighs by virtually free GiB. With a ``multiplier`` below 0 it fills pool after pool.

    A pool that cannot tell its room is the last choice either way, to discourage such drivers: -1
    where much is good; where little is good, far beyond the largest number (100 times the distance
    of the largest to the smallest, or 10,000 where that is none).
    """

    name: Final = "CapacityWeigher"

    def __init__(self, multiplier: float = 1.0) -> None:
        self.multiplier = multiplier

    def raw(self, pools: Sequence[Pool], request: PlacementRequest) -> Sequence[float]:
        """See :meth:`pumice.scheduler.contract.Weigher.raw`."""
        unknown = -1.0 if self.multiplier > 0 else math.inf
        found = [room(pool, request) for pool in pools]
        weights = [unknown if each is None else each.virtual_free_gib for each in found]
        return weights if self.multiplier > 0 else _without_infinity(weights)


def _without_infinity(weights: list[float]) -> list[float]:
    finite = [weight for weight in weights if not math.isinf(weight)]
    if not finite:
        return [0.0] * len(weights)
    span = max(finite) - min(finite)
    beyond = max(finite) + (span * _BEYOND_SPANS or _BEYOND_GIB)
    return [beyond if math.isinf(weight) else weight for weight in weights]
