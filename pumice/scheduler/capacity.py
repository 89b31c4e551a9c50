"""How much a pool can still take: the arithmetic of Cinder's capacity filter and weigher.

Everything is in GiB. Bounds are on what this database has allocated on a pool, because that is the
figure that a claim can test and change in one statement.
"""

from __future__ import annotations

import math

from msgspec import Struct

from pumice.model.backend import PlacementRequest, Pool


class Room(Struct, frozen=True):
    """What a pool may promise in all (``available_gib``), has promised, and can still promise."""

    available_gib: float
    provisioned_gib: float
    virtual_free_gib: float
    thin: bool


def room(pool: Pool, request: PlacementRequest) -> Room | None:
    """The room that ``pool`` has for volumes of the request's type; None: it cannot be counted.

    That is so when the total or free capacity is infinite, unknown or not reported. The reserve is
    rounded down to whole GiB. A thin pool promises its usable capacity times its ratio, unless the
    type asks for thick provisioning; otherwise what the driver reports as free is a second bound.

    What is provisioned is at least what is allocated here. A driver's figure may lag behind the
    claims of volumes that are being made; counting it alone would promise their space twice.
    """
    if pool.total_gib is None or pool.free_gib is None:
        return None
    usable = pool.total_gib - math.floor(pool.total_gib * pool.reserved_percentage / 100)
    provisioned = max(pool.provisioned_gib, pool.allocated_gib)
    if pool.thin and request.extra_specs.get("provisioning:type") != "thick":
        available = usable * pool.max_over_subscription_ratio
        return Room(available, provisioned, available - provisioned, thin=True)
    return Room(usable, provisioned, min(pool.free_gib, usable - provisioned), thin=False)


def ceiling_gib(pool: Pool, request: PlacementRequest) -> float | None:
    """The most that may be allocated on ``pool`` once the volume is there; None: there is no bound.

    The filter passes a pool when ``size <= virtual_free``. Add what is allocated to both sides:
    ``allocated + size <= allocated + virtual_free``. The right side is the ceiling. While volumes
    come and go, allocated, provisioned and free move together, so it stays what it is, and a claim
    may test it against an allocation that is newer than ``pool``. With P for what others have
    provisioned (0 unless the driver reports more than is allocated here) it is

    * thin: ``usable * ratio - P``,
    * thick: ``min(usable - P, allocated + free)``.

    For a pool that passed, ``allocated + size <= ceiling`` holds in floating point too: sizes are
    whole numbers, and rounding keeps order. A volume that needs no space has no bound, nor has a
    pool whose room cannot be counted.
    """
    if request.size_gib == 0 or pool.host == request.current_host:
        return None
    found = room(pool, request)
    return None if found is None else pool.allocated_gib + found.virtual_free_gib
