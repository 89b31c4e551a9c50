"""A scheduler from the names in the settings: what is shipped, and what installed packages add."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pumice.errors import SettingsError, did_you_mean
from pumice.scheduler.contract import Scheduler
from pumice.scheduler.select import FilterScheduler
from pumice.scheduler.simple import SimpleScheduler

DRIVERS: Final = ("filter", "simple")

Installed = Callable[[str], Mapping[str, str]]
"""The entry points of a group: their targets (``module:attribute``) by name."""


class _Kind(NamedTuple):
    """Filters, or weighers: the option that names them, their entry points, what each must have."""

    noun: str
    option: str
    group: str
    shipped: Mapping[str, str]
    members: tuple[str, ...]


FILTERS: Final = _Kind(
    "filter",
    "scheduler_default_filters",
    "pumice.scheduler.filters",
    {
        "AvailabilityZoneFilter": (
            "pumice.scheduler.filters.availability_zone:AvailabilityZoneFilter"
        ),
        "CapabilitiesFilter": "pumice.scheduler.filters.capabilities:CapabilitiesFilter",
        "CapacityFilter": "pumice.scheduler.filters.capacity:CapacityFilter",
    },
    ("name", "check"),
)
WEIGHERS: Final = _Kind(
    "weigher",
    "scheduler_default_weighers",
    "pumice.scheduler.weighers",
    {"CapacityWeigher": "pumice.scheduler.weighers.capacity:CapacityWeigher"},
    ("name", "multiplier", "raw"),
)


def entry_points_of(group: str) -> dict[str, str]:
    """What installed packages declare for ``group``; most starts need not know."""
    from importlib.metadata import entry_points  # noqa: PLC0415  (40 ms of the start)

    return {point.name: point.value for point in entry_points(group=group)}


def make_scheduler(
    driver: str,
    filters: Sequence[str],
    weighers: Sequence[str],
    installed: Installed = entry_points_of,
) -> Scheduler:
    """The scheduler that ``scheduler_driver = driver`` means, with these filters and weighers.

    ``simple`` has no use for either list. An installed package cannot take a shipped name. Raises
    SettingsError for a name that is unknown or given twice, and for what cannot be loaded or is no
    filter or weigher.
    """
    if driver == SimpleScheduler.name:
        return SimpleScheduler()
    if driver != FilterScheduler.name:
        raise _unknown(f"scheduler_driver = {driver}: no such scheduler", driver, DRIVERS)
    return FilterScheduler(_load(FILTERS, filters, installed), _load(WEIGHERS, weighers, installed))


def _load(kind: _Kind, names: Sequence[str], installed: Installed) -> list[Any]:
    """One instance for each name, in order."""
    if len(set(names)) < len(names):
        raise SettingsError(f"{kind.option} names a {kind.noun} twice.", detail=", ".join(names))
    return [_load_one(kind, name, installed) for name in names]


def _load_one(kind: _Kind, name: str, installed: Installed) -> object:
    target = kind.shipped.get(name) or installed(kind.group).get(name)
    where = f"{kind.option}: {name}"
    if target is None:
        valid = sorted({*kind.shipped, *installed(kind.group)})
        raise _unknown(f"{where}: no such {kind.noun}", name, valid)
    module_name, _, attribute = target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), attribute)()
    except (ImportError, AttributeError, TypeError) as error:
        raise SettingsError(f"{where}: {target} cannot be loaded.", detail=str(error)) from error
    missing = [member for member in kind.members if not hasattr(found, member)]
    if missing:
        raise SettingsError(f"{where}: {target} is no {kind.noun}: no {', '.join(missing)}.")
    if found.name != name:
        raise SettingsError(f"{where}: {target} calls itself {found.name}.")
    return found


def _unknown(what: str, name: str, valid: Sequence[str]) -> SettingsError:
    return SettingsError(f"{what}{did_you_mean(name, valid)} There are: {', '.join(valid)}.")
