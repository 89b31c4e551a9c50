"""Availability zones: which there are, and which one a new volume must be in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from pumice.errors import InvalidInput
from pumice.scheduler.filters.availability_zone import zones_of_type
from pumice.store import backends
from pumice.store.txn import Txn


class ZoneRules(NamedTuple):
    """The zone of volumes that name none, and whether it stands for zones that nobody serves."""

    default: str
    fallback: bool


def list_zones(txn: Txn) -> dict[str, bool]:
    """Query: the zones of all backends by name, and whether a backend there may take volumes."""
    zones: dict[str, bool] = {}
    for backend in backends.select_all(txn):
        zone = backend.availability_zone
        zones[zone] = zones.get(zone, False) or backend.enabled
    return dict(sorted(zones.items()))


def zone_for(
    wanted: str | None,
    extra_specs: Mapping[str, str | None],
    served: Collection[str],
    rules: ZoneRules,
) -> str | None:
    """The zone that a volume must be placed in; None: any zone that its type allows.

    A volume that names none goes to the default zone, if anybody serves it. Raises
    :class:`InvalidInput` for a zone that nobody serves or the type does not allow, unless the default
    stands for it, and if nobody serves a zone of the type.
    """
    of_type = zones_of_type(extra_specs)
    allowed = set(served) if of_type is None else set(served).intersection(of_type)
    if of_type is not None and not allowed:
        raise InvalidInput(
            f"Volume type is only supported in these availability zones: {list(of_type)}"
        )
    if wanted is None:
        return rules.default if of_type is None and rules.default in allowed else None
    if wanted in allowed:
        return wanted
    if rules.fallback:
        return rules.default
    raise InvalidInput(f"Availability zone '{wanted}' is invalid.")
