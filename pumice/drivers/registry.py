"""Drivers by name: the shipped ones, and those of installed packages."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final, cast

from pumice.drivers.contract import CORE, Driver
from pumice.drivers.options import MAX_OPTIONS
from pumice.errors import SettingsError, did_you_mean

ENTRY_POINTS: Final = "pumice.drivers"

SHIPPED: Final[Mapping[str, str]] = {
    "file": "pumice.drivers.file:FileDriver",
    "memory": "pumice.drivers.memory:MemoryDriver",
}


def load_driver(name: str) -> type[Driver]:
    """The driver class that ``volume_driver = name`` means.

    A shipped name cannot be taken over by an installed package. Raises SettingsError when there is
    no such driver, when it cannot be imported, and when what was found is no driver.
    """
    target = SHIPPED.get(name) or _installed().get(name)
    if target is None:
        valid = sorted({*SHIPPED, *_installed()})
        raise SettingsError(
            f"volume_driver = {name}: no such driver{did_you_mean(name, valid)}"
            f" There are: {', '.join(valid)}."
        )
    module_name, _, class_name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"volume_driver = {name}: {target} cannot be imported.", detail=str(error)
        ) from error
    return _proven(found, f"volume_driver = {name}: {target}")


def _installed() -> dict[str, str]:
    """Names and targets of the entry points. Imports its reader only now: most starts need none."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - 40 ms, which only a start with a driver of somebody else pays

    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}


def _proven(found: Any, where: str) -> type[Driver]:
    missing = [method for method in CORE if not callable(getattr(found, method, None))]
    if missing:
        raise SettingsError(f"{where} is no driver: it has no {', '.join(missing)}.")
    if len(getattr(found, "OPTIONS", ())) > MAX_OPTIONS:
        raise SettingsError(f"{where} declares more than {MAX_OPTIONS} options.")
    return cast("type[Driver]", found)
