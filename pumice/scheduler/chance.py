"""``scheduler_driver = chance``: filters say which pools can, and one of them is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pumice.model.backend import Candidate, PlacementRequest, Pool, Ranking
from pumice.scheduler.capacity import ceiling_gib
from pumice.scheduler.contract import Filter
from pumice.scheduler.filters.capacity import CapacityFilter
from pumice.scheduler.filters.service import ServiceFilter
from pumice.scheduler.select import best_first, sift


class ChanceScheduler:
    """Puts the pools that pass every filter into a random order: each is as likely to be the first.

    ``random`` gives numbers in [0, 1); a pool's weight is the one that was drawn for it.
    """

    name: Final = "chance"

    def __init__(self, filters: Sequence[Filter], random: Callable[[], float]) -> None:
        self._filters = (ServiceFilter(), *filters)
        self._random = random
        self.filters = tuple(each.name for each in self._filters)
        self._bounded = CapacityFilter.name in self.filters

    def rank(self, request: PlacementRequest, pools: Sequence[Pool]) -> Ranking:
        """See :meth:`pumice.scheduler.contract.Scheduler.rank`."""
        passed, verdicts = sift(self._filters, request, pools)
        candidates = [self._candidate(pool, request) for pool in passed]
        return Ranking(self.name, best_first(candidates), tuple(verdicts))

    def _candidate(self, pool: Pool, request: PlacementRequest) -> Candidate:
        drawn = self._random()
        ceiling = ceiling_gib(pool, request) if self._bounded else None
        weights = {"drawn": drawn}
        return Candidate(pool.host, drawn, weights, ceiling, pool.availability_zone)
