"""Backends and pools as the scheduler sees them, and what it answers."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct


class Pool(Struct, frozen=True):
    """One pool of one backend, with the figures the scheduler decides on.

    ``host`` is ``host@backend#pool``. Capacities are GiB; ``None`` means infinite or unknown, as
    ``capacity_kind`` says. ``allocated_gib`` is what this database has placed there (exact);
    ``free_gib`` is what the driver last reported (may drift). ``capabilities`` is all the driver told,
    for the capabilities filter and ``get_pools``.
    """

    host: str
    backend_host: str
    availability_zone: str
    total_gib: float | None
    free_gib: float | None
    capacity_kind: str  # "finite", "infinite" or "unknown"
    allocated_gib: int
    provisioned_gib: float
    volume_count: int
    reserved_percentage: int
    max_over_subscription_ratio: float
    thin: bool
    up: bool
    """The serving process is alive and the driver is healthy."""
    enabled: bool
    frozen: bool
    capabilities: dict[str, Any]
    disabled_reason: str | None = None
    """What the administrator who disabled it gave as the reason."""


class ServiceFlags(Struct, frozen=True):
    """Whether a service may be used, and if not, why; an administrator's decision."""

    enabled: bool = True
    disabled_reason: str | None = None


class Hints(Struct, frozen=True):
    """What a client asked of the scheduler beside the type; None: nothing was asked.

    ``same_host`` and ``different_host`` are the pools that hold the volumes which the client named, as
    they were when it asked. ``query`` is JSON, as :mod:`pumice.scheduler.filters.json_query` reads it.
    """

    same_host: tuple[str, ...] | None = None
    different_host: tuple[str, ...] | None = None
    query: str | None = None


NO_HINTS: Final = Hints()


class PlacementRequest(Struct, frozen=True):
    """What a volume needs of a backend. ``excluded`` are hosts already tried and failed.

    ``current_host`` is where the volume is already, if anywhere (a retype): it needs no room there.
    """

    volume_id: str
    size_gib: int
    volume_type_name: str
    extra_specs: dict[str, str | None]
    availability_zone: str | None
    excluded: tuple[str, ...] = ()
    current_host: str | None = None
    hints: Hints = NO_HINTS


class Verdict(Struct, frozen=True):
    """What one filter said about one pool; ``reason`` holds the numbers, also when it passed."""

    host: str
    filter: str
    passed: bool
    reason: str


class Candidate(Struct, frozen=True):
    """A pool that passed every filter, with its weight and the most that may be allocated on it.

    ``ceiling_gib`` bounds the claim: the conditional UPDATE takes the pool only while the allocated
    capacity stays at or below it; None means no bound. ``availability_zone`` is the pool's.
    """

    host: str
    weight: float
    weights: dict[str, float]
    ceiling_gib: float | None
    availability_zone: str | None = None


class Ranking(Struct, frozen=True):
    """The scheduler's answer: candidates, best first, and every verdict that led to them."""

    scheduler: str
    candidates: tuple[Candidate, ...]
    verdicts: tuple[Verdict, ...]
