"""A scheduler from the names in the settings: what is shipped, and what installed packages add."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pumice.errors import SettingsError, did_you_mean
from pumice.scheduler.chance import ChanceScheduler
from pumice.scheduler.contract import Scheduler
from pumice.scheduler.select import FilterScheduler
from pumice.scheduler.simple import SimpleScheduler

DRIVERS: Final = ("filter", "chance", "simple")

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
        "DifferentBackendFilter": "pumice.scheduler.filters.affinity:DifferentBackendFilter",
        "DriverFilter": "pumice.scheduler.filters.driver:DriverFilter",
        "JsonFilter": "pumice.scheduler.filters.json_query:JsonFilter",
        "SameBackendFilter": "pumice.scheduler.filters.affinity:SameBackendFilter",
    },
    ("name", "check"),
)
WEIGHERS: Final = _Kind(
    "weigher",
    "scheduler_default_weighers",
    "pumice.scheduler.weighers",
    {
        "AllocatedCapacityWeigher": (
            "pumice.scheduler.weighers.allocated_capacity:AllocatedCapacityWeigher"
        ),
        "CapacityWeigher": "pumice.scheduler.weighers.capacity:CapacityWeigher",
        "ChanceWeigher": "pumice.scheduler.weighers.chance:ChanceWeigher",
        "GoodnessWeigher": "pumice.scheduler.weighers.goodness:GoodnessWeigher",
        "VolumeNumberWeigher": "pumice.scheduler.weighers.volume_number:VolumeNumberWeigher",
    },
    ("name", "multiplier", "raw"),
)


def entry_points_of(group: str) -> dict[str, str]:
    """What installed packages declare for ``group``; most starts need not know."""
    from importlib.metadata import entry_points  # noqa: PLC0415  (40 ms of the start)

    return {point.name: point.value for point in entry_points(group=group)}


class Ingredients(NamedTuple):
    """What only some of the shipped parts need: numbers in [0, 1), and a setting."""

    random: Callable[[], float]
    capacity_weight_multiplier: float = 1.0

    def of(self, name: str) -> tuple[Any, ...]:
        """The arguments that the shipped part ``name`` is made with."""
        needed = {"CapacityWeigher": self.capacity_weight_multiplier, "ChanceWeigher": self.random}
        return (needed[name],) if name in needed else ()


def make_scheduler(
    driver: str,
    filters: Sequence[str],
    weighers: Sequence[str],
    ingredients: Ingredients,
    installed: Installed = entry_points_of,
) -> Scheduler:
    """The scheduler that ``scheduler_driver = driver`` means, with these filters and weighers.

    ``chance`` has no use for weighers, ``simple`` for neither list. An installed package cannot take a
    shipped name. Raises SettingsError for a name that is unknown or given twice, and for what cannot be
    loaded or is no filter or weigher.
    """
    if driver == SimpleScheduler.name:
        return SimpleScheduler()
    if driver not in DRIVERS:
        raise _unknown(f"scheduler_driver = {driver}: no such scheduler", driver, DRIVERS)
    made_filters = _load(FILTERS, filters, ingredients, installed)
    if driver == ChanceScheduler.name:
        return ChanceScheduler(made_filters, ingredients.random)
    return FilterScheduler(made_filters, _load(WEIGHERS, weighers, ingredients, installed))


def _load(
    kind: _Kind, names: Sequence[str], ingredients: Ingredients, installed: Installed
) -> list[Any]:
    """One instance for each name, in order."""
    if len(set(names)) < len(names):
        raise SettingsError(f"{kind.option} names a {kind.noun} twice.", detail=", ".join(names))
    return [_load_one(kind, name, ingredients, installed) for name in names]


def _load_one(kind: _Kind, name: str, ingredients: Ingredients, installed: Installed) -> object:
    shipped = kind.shipped.get(name)
    target = shipped or installed(kind.group).get(name)
    where = f"{kind.option}: {name}"
    if target is None:
        valid = sorted({*kind.shipped, *installed(kind.group)})
        raise _unknown(f"{where}: no such {kind.noun}", name, valid)
    module_name, _, attribute = target.partition(":")
    arguments = ingredients.of(name) if shipped else ()
    try:
        found = getattr(importlib.import_module(module_name), attribute)(*arguments)
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
