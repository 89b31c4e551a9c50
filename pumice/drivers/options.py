"""The options of a driver: declared as data by its class, checked when it is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from pumice.errors import SettingsError, did_you_mean

MAX_OPTIONS: Final = 2
"""Beside the eight options that every backend has: ten is what a person reads."""


class Option(Struct, frozen=True):
    """One option of a driver, for its check and for ``pumice config show``.

    ``default`` is the text that would be written to the file for the same effect; a part in ``<>``
    is replaced by the value it names. ``help`` is one sentence.
    """

    name: str
    default: str
    help: str


class BackendConfig(Struct, frozen=True):
    """One section of ``enabled_backends``, as its driver is told it.

    ``options`` are the section's keys that are not Pumice's own (``volume_driver``,
    ``volume_backend_name``, ...), with their texts; the driver checks them.
    """

    name: str
    volume_backend_name: str
    options: Mapping[str, str]
    state_dir: Path


def checked(config: BackendConfig, declared: Iterable[Option]) -> Mapping[str, str]:
    """The options that the section sets. Raises SettingsError for one that is not declared."""
    valid = [option.name for option in declared]
    for name in config.options:
        if name not in valid:
            raise SettingsError(
                f"[{config.name}] {name}: no such option{did_you_mean(name, valid)}"
                f" The driver has: {', '.join(valid) or 'none'}."
            )
    return config.options
