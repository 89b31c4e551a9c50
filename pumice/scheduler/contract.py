"""What a scheduler, a filter and a weigher are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pumice.model.backend import PlacementRequest, Pool, Ranking, Verdict


class Scheduler(Protocol):
    """Orders the pools that can take a volume."""

    @property
    def name(self) -> str:
        """The value of ``scheduler_driver`` that chooses it."""

    @property
    def filters(self) -> tuple[str, ...]:
        """The names of the filters that a pool must pass, in order."""

    def rank(self, request: PlacementRequest, pools: Sequence[Pool]) -> Ranking:
        """The pools that can take the volume, best first, and every filter's verdict on each pool.

        A pool gets verdicts up to the first filter that refuses it. The order of ``pools`` decides
        the order of the verdicts and nothing else: among equals the smaller host name is first.
        """


class Filter(Protocol):
    """Says whether one pool can take a volume. Made once, without arguments."""

    @property
    def name(self) -> str:
        """The name in ``scheduler_default_filters`` and in verdicts."""

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """The verdict; its reason says what is needed and what the pool has, also if it passes."""


class Weigher(Protocol):
    """Says how good each of several pools is. Made once, without arguments."""

    @property
    def name(self) -> str:
        """The name in ``scheduler_default_weighers`` and in ``Candidate.weights``."""

    @property
    def multiplier(self) -> float:
        """How much it counts beside the others; below 0, small raw values are the good ones."""

    def raw(self, pools: Sequence[Pool], request: PlacementRequest) -> Sequence[float]:
        """One finite number for each of ``pools``, in their order; the caller scales them."""
