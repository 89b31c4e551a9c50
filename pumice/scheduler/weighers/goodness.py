"""The better the driver finds it, the better: its ``goodness_function``, from 0 to 100."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.formula import evaluated

_PERFECT: Final = 100.0


class GoodnessWeigher:
    """Weighs by what the driver's formula comes to: true is 100; no formula, or a wrong one, is 0."""

    name: Final = "GoodnessWeigher"
    multiplier: Final = 1.0

    def raw(self, pools: Sequence[Pool], request: PlacementRequest) -> Sequence[float]:
        """See :meth:`pumice.scheduler.contract.Weigher.raw`."""
        return [_goodness(pool, request) for pool in pools]


def _goodness(pool: Pool, request: PlacementRequest) -> float:
    text = pool.capabilities.get("goodness_function")
    try:
        found = evaluated(str(text), pool, request) if text is not None else 0
    except ValueError:
        return 0.0
    if isinstance(found, bool):
        return _PERFECT if found else 0.0
    return float(found) if isinstance(found, int | float) and 0 <= found <= _PERFECT else 0.0
