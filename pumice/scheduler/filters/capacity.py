"""Does the volume fit? The arithmetic is in :mod:`pumice.scheduler.capacity`."""

from __future__ import annotations

import math
from typing import Final

from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.capacity import Room, room


class CapacityFilter:
    """Passes pools that can promise the volume's size; those without figures as Cinder does."""

    name: Final = "CapacityFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        passed, reason = _judge(pool, request)
        return Verdict(pool.host, self.name, passed, reason)


def _judge(pool: Pool, request: PlacementRequest) -> tuple[bool, str]:
    if pool.host == request.current_host:
        return True, "the volume is there already"
    if request.size_gib == 0:
        return True, "needs no space"
    found = room(pool, request)
    if found is None:
        return _judge_uncounted(pool)
    return _judge_room(pool, found, request.size_gib)


def _judge_room(pool: Pool, found: Room, size_gib: int) -> tuple[bool, str]:
    if pool.total_gib is not None and pool.total_gib <= 0:
        return False, f"total capacity is {_gib(pool.total_gib)}"
    ratio = pool.max_over_subscription_ratio
    if found.thin and ratio < 1:
        return False, f"the over-subscription ratio is {ratio:g}, less than 1"
    # The room has the ratio in it already, so this refuses nothing that the last test would pass.
    # Cinder has both, and tells them apart in its log.
    if found.thin and found.provisioned_gib + size_gib > found.available_gib * ratio:
        return False, (
            f"needs {size_gib} GiB on top of {_gib(found.provisioned_gib)} provisioned, "
            f"more than {ratio:g} times the {_gib(found.available_gib)} available"
        )
    reason = (
        f"needs {size_gib} GiB, {_gib(found.virtual_free_gib)} "
        f"of {_gib(found.available_gib)} virtually free"
    )
    if found.virtual_free_gib >= size_gib:
        return True, reason
    return False, f"{reason} ({_account(pool, found)})"


def _judge_uncounted(pool: Pool) -> tuple[bool, str]:
    """The verdict on a pool whose total or free capacity is no number."""
    if pool.capacity_kind == "finite":
        missing = "free" if pool.free_gib is None else "total"
        return False, f"the backend does not report its {missing} capacity"
    if pool.free_gib is None:
        return True, f"free capacity is {pool.capacity_kind}"
    if pool.reserved_percentage == 0:
        return True, f"total capacity is {pool.capacity_kind}"
    return False, (
        f"{pool.reserved_percentage} % is reserved of a total capacity that is {pool.capacity_kind}"
    )


def _account(pool: Pool, found: Room) -> str:
    """Where the numbers come from, for a pool that is too full."""
    provisioned = f"{_gib(found.provisioned_gib)} provisioned"
    reserve = f"{pool.reserved_percentage} % of {_gib(pool.total_gib or 0)} reserved"
    if found.thin:
        return f"{provisioned}, {reserve}, ratio {pool.max_over_subscription_ratio:g}"
    return f"{provisioned}, {reserve}, {_gib(pool.free_gib or 0)} reported free"


def _gib(amount: float) -> str:
    """``amount`` with at most two decimals, rounded down: what is shown as free is free."""
    return f"{math.floor(amount * 100) / 100:.12g} GiB"
