"""Quota: what a project may have, and counting it in the transaction that changes the rows.

A limit is the project's own, else that of the quota class ``default``, else the configured one. Clients
know the limits of a volume type by its name (``volumes_NAME``), the store by its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from pumice.context import Context
from pumice.errors import InvalidInput, QuotaExceeded
from pumice.services.volume_types import EVERY_TYPE, list_volume_types
from pumice.settings import Settings
from pumice.store import quotas as rows
from pumice.store.quotas import of_type
from pumice.store.txn import Txn

UNLIMITED: Final = rows.UNLIMITED


class QuotaDefaults(Struct, frozen=True):
    """Limits that nobody set, by resource; -1 means no limit.

    Those with a value here are not options: Cinder's defaults, for what is shown and not counted yet.
    """

    volumes: int
    gigabytes: int
    per_volume_gigabytes: int
    snapshots: int = 10
    backups: int = 10
    backup_gigabytes: int = 1000
    groups: int = 10

    @classmethod
    def of(cls, settings: Settings) -> QuotaDefaults:
        """The configured defaults."""
        return cls(settings.quota_volumes, settings.quota_gigabytes, settings.per_volume_size_limit)


class Quota(Struct, frozen=True):
    """A project's limit of one resource, and how much of it is used."""

    limit: int
    in_use: int


def show_quota(
    txn: Txn, context: Context, project_id: str, defaults: QuotaDefaults
) -> dict[str, Quota]:
    """Query: what a project may have and has, by the names that clients know.

    As in Cinder, nobody asks whether there is such a project.
    """
    limits = asdict(defaults) | rows.limits(txn, project_id)
    usages = rows.usages(txn, project_id)
    return {
        name: Quota(limits.get(resource, UNLIMITED), usages.get(resource, 0))
        for name, resource in resources_by_name(txn, context).items()
    }


def update_quota(
    txn: Txn, context: Context, project_id: str, wanted: Mapping[str, int], defaults: QuotaDefaults
) -> dict[str, Quota]:
    """Unit: set limits of the project, by the names that clients know; the others stay.

    Raises :class:`InvalidInput` for an unknown name and for a limit below what is used.
    """
    resources = resources_by_name(txn, context)
    require_known(wanted, resources, "quota set")
    rows.hold(txn, project_id)
    usages = rows.usages(txn, project_id)
    for name, limit in wanted.items():
        used = usages.get(resources[name], 0)
        if 0 <= limit < used:
            raise InvalidInput(
                f"Quota {name} limit must be equal or greater than existing resources. Current usage "
                f"is {used} and the requested limit is {limit}."
            )
        rows.set_limit(txn, project_id, resources[name], limit)
    return show_quota(txn, context, project_id, defaults)


def delete_quota(txn: Txn, _context: Context, project_id: str) -> None:
    """Unit: the project has the default limits again, also where it is beyond them."""
    rows.delete_limits(txn, project_id)


def resources_by_name(txn: Txn, context: Context) -> dict[str, str]:
    """Every resource that a limit can be set for, by the name that clients know it by.

    A type that the caller may not see has none: its name is not for him.
    """
    names = {name: name for name in QuotaDefaults.__struct_fields__}
    for volume_type in list_volume_types(txn, context, EVERY_TYPE):
        for part in rows.OF_TYPES:
            names[f"{part}_{volume_type.name}"] = of_type(part, volume_type.id)
    return names


def require_known(wanted: Mapping[str, int], resources: Mapping[str, str], where: str) -> None:
    """Raises :class:`InvalidInput` for names in ``wanted`` that are not those of ``resources``."""
    unknown = sorted(wanted.keys() - resources.keys())
    if unknown:
        raise InvalidInput(f"Bad key(s) in {where}: {', '.join(unknown)}")


def take_volume(
    txn: Txn, project_id: str, type_id: str, type_name: str, size_gib: int, defaults: QuotaDefaults
) -> None:
    """Count one more volume of ``size_gib``, in all and for its type.

    Raises :class:`QuotaExceeded`, after which the transaction must not commit its other changes.
    """
    rows.hold(txn, project_id)
    limits = asdict(defaults) | rows.limits(txn, project_id)
    largest = limits["per_volume_gigabytes"]
    if 0 <= largest < size_gib:
        raise QuotaExceeded(
            "VolumeSizeExceedsLimit",
            f"Requested volume size {size_gib}G is larger than maximum allowed limit {largest}G.",
        )
    amounts = (("volumes", 1), ("gigabytes", size_gib))
    for name, amount in amounts:
        _take(txn, project_id, name, name, amount, limits[name])
    for name, amount in amounts:
        resource, shown = of_type(name, type_id), f"{name}_{type_name}"
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
