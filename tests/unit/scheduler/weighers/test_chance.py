"""A number is drawn for each pool."""

from __future__ import annotations

from collections.abc import Callable

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.weighers.chance import ChanceWeigher


def test_chance_draws_for_each_pool(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    numbers = iter([0.2, 0.9, 0.4])
    raw = ChanceWeigher(lambda: next(numbers)).raw([pool("a"), pool("b"), pool("c")], request_for())
    assert raw == [0.2, 0.9, 0.4]
