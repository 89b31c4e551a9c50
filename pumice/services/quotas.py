"""Quota: what a project may have, and counting it in the transaction that changes the rows."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pumice.errors import QuotaExceeded
from pumice.settings import Settings
from pumice.store import quotas as rows
from pumice.store.txn import Txn

UNLIMITED: Final = rows.UNLIMITED


class QuotaDefaults(Struct, frozen=True):
    """Limits of a project that has none of its own; -1 means no limit."""

    volumes: int
    gigabytes: int
    per_volume_gigabytes: int

    @classmethod
    def of(cls, settings: Settings) -> QuotaDefaults:
        """The configured defaults."""
        return cls(settings.quota_volumes, settings.quota_gigabytes, settings.per_volume_size_limit)


def take_volume(
    txn: Txn, project_id: str, type_id: str, type_name: str, size_gib: int, defaults: QuotaDefaults
) -> None:
    """Count one more volume of ``size_gib``, in all and for its type.

    Raises :class:`QuotaExceeded`, after which the transaction must not commit its other changes.
    """
    if 0 <= defaults.per_volume_gigabytes < size_gib:
        raise QuotaExceeded(
            "VolumeSizeExceedsLimit",
            f"Requested volume size {size_gib}G is larger than maximum allowed limit "
            f"{defaults.per_volume_gigabytes}G.",
        )
    limits = rows.limits(txn, project_id)
    _take(txn, project_id, "volumes", "volumes", 1, limits.get("volumes", defaults.volumes))
    _take(
        txn,
        project_id,
        "gigabytes",
        "gigabytes",
        size_gib,
        limits.get("gigabytes", defaults.gigabytes),
    )
    for name, amount in (("volumes", 1), ("gigabytes", size_gib)):
        resource = f"{name}:{type_id}"
        shown = f"{name}_{type_name}"
        _take(txn, project_id, resource, shown, amount, limits.get(resource, UNLIMITED))


def _take(txn: Txn, project_id: str, resource: str, shown: str, amount: int, limit: int) -> None:
    if rows.add(txn, project_id, resource, amount, limit):
        return
    used = rows.usages(txn, project_id).get(resource, 0)
    if resource.startswith("gigabytes"):
        raise QuotaExceeded(
            "VolumeSizeExceedsAvailableQuota",
            f"Requested volume or snapshot exceeds allowed {shown} quota. Requested {amount}G, "
            f"quota is {limit}G and {used}G has been consumed.",
        )
    raise QuotaExceeded(
        "VolumeLimitExceeded",
        f"Maximum number of volumes allowed ({limit}) exceeded for quota '{shown}'.",
    )
