"""Chance beside other weighers: draws among pools that are otherwise alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pumice.model.backend import PlacementRequest, Pool


class ChanceWeigher:
    """Weighs by numbers of ``random``, which are in [0, 1)."""

    name: Final = "ChanceWeigher"
    multiplier: Final = 1.0

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random

    def raw(self, pools: Sequence[Pool], request: PlacementRequest) -> Sequence[float]:
        """See :meth:`pumice.scheduler.contract.Weigher.raw`."""
        del request
        return [self._random() for _ in pools]
