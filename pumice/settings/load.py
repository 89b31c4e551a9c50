"""From ``pumice.conf`` to checked settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from pumice.errors import SettingsError, did_you_mean
from pumice.settings import ini
from pumice.settings.connection import problem
from pumice.settings.ini import Entry, Section
from pumice.settings.table import BackendDefaults, BackendSettings, DatabaseSettings, Settings
from pumice.settings.values import DEFAULT_ORIGIN, Effective, effective, options

DEFAULT_SECTION: Final = "DEFAULT"
DATABASE_SECTION: Final = "database"


class Loaded(Struct, frozen=True):
    """Effective settings, and where each value came from."""

    path: Path
    settings: Settings
    backends: tuple[BackendSettings, ...]
    """In the order of ``enabled_backends``."""
    database: DatabaseSettings
    origins: dict[tuple[str, str], str]
    """By section and option: ``default`` or ``file:line``."""


def load(path: Path) -> Loaded:
    """Read and check ``path``. An empty file is a working configuration: one backend, ``file``.

    Raises :class:`SettingsError`, one sentence that begins with ``file:line``, for a file that
    cannot be read, and for a section, an option or a value that is not understood.
    """
    sections = ini.read(path)
    default = sections.pop(DEFAULT_SECTION, Section(str(path), {}))
    _refuse_unknown_options(default)
    own = effective(Settings, str(path), default.entries)
    settings = Settings(**own.values)
    _check(settings, own.origins)
    database = _database(sections.pop(DATABASE_SECTION, Section(str(path), {})))

    if "enabled_backends" not in default.entries:
        built_in = {"volume_driver": Entry("file", DEFAULT_ORIGIN)}
        sections.setdefault("file", Section(DEFAULT_ORIGIN, built_in))
    _compare_sections(settings.enabled_backends, own.origins["enabled_backends"], sections)

    backends = []
    origins = {(DEFAULT_SECTION, option): origin for option, origin in own.origins.items()}
    origins |= {(DATABASE_SECTION, option): one for option, one in database.origins.items()}
    for name in settings.enabled_backends:
        entries = sections[name].entries
        common = _backend_values(path, name, entries, own)
        rest = {option: entry for option, entry in entries.items() if option not in common.values}
        texts = {option: entry.text for option, entry in rest.items()}
        backends.append(BackendSettings(name=name, driver_options=texts, **common.values))
        origins |= {(name, option): origin for option, origin in common.origins.items()}
        origins |= {(name, option): entry.origin for option, entry in rest.items()}
    connected = DatabaseSettings(**database.values)
    return Loaded(path, settings, tuple(backends), connected, origins)


def _database(section: Section) -> Effective:
    """What holds in ``[database]``."""
    known = options(DatabaseSettings)
    for name, entry in section.entries.items():
        if name not in known:
            hint = did_you_mean(name, known)
            raise SettingsError(f"{entry.origin}: unknown option {name}{hint}")
    found = effective(DatabaseSettings, section.origin, section.entries)
    connection = found.values["connection"]
    if connection is not None and (wrong := problem(connection)):
        raise SettingsError(f"{found.origins['connection']}: connection {wrong}.")
    return found


def _backend_values(
    path: Path, name: str, entries: Mapping[str, Entry], own: Effective
) -> Effective:
    """The common options of the backend ``name``; ``own`` is what holds in ``[DEFAULT]``."""
    fallbacks = {
        option: (own.values[option], own.origins[option])
        for option in BackendDefaults.__struct_fields__
    }
    zone = "storage_availability_zone"
    fallbacks["backend_availability_zone"] = own.values[zone], own.origins[zone]
    fallbacks["volume_backend_name"] = name, DEFAULT_ORIGIN
    return effective(BackendSettings, f"{path}: the backend [{name}]", entries, fallbacks)


def _refuse_unknown_options(default: Section) -> None:
    known = options(Settings)
    for name, entry in default.entries.items():
        if name in known:
            continue
        if name in options(BackendSettings):
            raise SettingsError(f"{entry.origin}: {name} belongs in the section of a backend.")
        if name in options(DatabaseSettings):
            raise SettingsError(f"{entry.origin}: {name} belongs in [{DATABASE_SECTION}].")
        raise SettingsError(f"{entry.origin}: unknown option {name}{did_you_mean(name, known)}")


def _check(settings: Settings, origins: Mapping[str, str]) -> None:
    """Refuse values that contradict each other."""
    names, where = settings.enabled_backends, origins["enabled_backends"]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SettingsError(f"{where}: enabled_backends names {name} twice.")
        if name in (DEFAULT_SECTION, DATABASE_SECTION):
            raise SettingsError(f"{where}: a backend cannot be named {name}.")
        seen.add(name)
    if settings.service_down_time <= settings.report_interval:
        where = origins["service_down_time"]
        where = origins["report_interval"] if where == DEFAULT_ORIGIN else where
        raise SettingsError(
            f"{where}: service_down_time ({settings.service_down_time}) must be greater than "
            f"report_interval ({settings.report_interval})."
        )
    if settings.lease_seconds <= settings.report_interval:
        where = origins["lease_seconds"]
        where = origins["report_interval"] if where == DEFAULT_ORIGIN else where
        raise SettingsError(
            f"{where}: lease_seconds ({settings.lease_seconds}) must be greater than "
            f"report_interval ({settings.report_interval}), at which leases are renewed."
        )


def _compare_sections(names: tuple[str, ...], where: str, sections: Mapping[str, Section]) -> None:
    """Each enabled backend has a section, and each section is an enabled backend.

    Cinder ignores a section that is not enabled. A mistyped name, or a backend that somebody forgot
    to enable, would then look as if it worked.
    """
    for name in names:
        if name not in sections:
            hint = did_you_mean(name, (section for section in sections if section not in names))
            raise SettingsError(f"{where}: the backend {name} has no section [{name}]{hint}")
    enabled = frozenset(names)
    for name, section in sections.items():
        if name not in enabled:
            hint = did_you_mean(name, (*names, DEFAULT_SECTION, DATABASE_SECTION))
            raise SettingsError(
                f"{section.origin}: enabled_backends does not name the section [{name}]{hint}"
            )
