"""One of those that can, drawn: fair, and the same again for the same numbers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Final

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.chance import ChanceScheduler
from pumice.scheduler.filters.capacity import CapacityFilter

DRAWS: Final = 3000


def test_each_pool_that_fits_is_as_likely(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    scheduler = ChanceScheduler([CapacityFilter()], random.Random(1).random)
    pools = [pool("a", free_gib=10.0), pool("b"), pool("c"), pool("full", free_gib=9.0)]
    first = Counter(scheduler.rank(request_for(), pools).candidates[0].host for _ in range(DRAWS))
    assert first.keys() == {"a", "b", "c"}
    assert all(abs(count - DRAWS / 3) < DRAWS / 20 for count in first.values())


def test_the_same_numbers_give_the_same_order(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    pools = [pool(name) for name in "abcdef"]
    once, again = (
        ChanceScheduler([], random.Random(7).random).rank(request_for(), pools) for _ in range(2)
    )
    assert once == again
    other = ChanceScheduler([], random.Random(8).random).rank(request_for(), pools)
    assert [one.host for one in other.candidates] != [one.host for one in once.candidates]


def test_what_was_drawn_is_told_and_the_claim_is_bounded_where_capacity_counts(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    for filters, ceiling in (([CapacityFilter()], 100.0), ([], None)):
        scheduler = ChanceScheduler(filters, lambda: 0.25)
        ranking = scheduler.rank(request_for(), [pool("a"), pool("b", up=False)])
        (candidate,) = ranking.candidates
        assert (ranking.scheduler, candidate.weights) == ("chance", {"drawn": 0.25})
        assert (candidate.ceiling_gib, candidate.availability_zone) == (ceiling, "nova")
        assert ranking.verdicts[-1].reason == "backend is down"
