"""Settings for people: what holds, and the first ``pumice.conf``."""

from __future__ import annotations

from typing import NamedTuple

from pumice.settings.connection import without_password
from pumice.settings.load import DATABASE_SECTION, DEFAULT_SECTION, Loaded
from pumice.settings.table import BackendDefaults, BackendSettings, DatabaseSettings, Settings
from pumice.settings.values import Value, options


class Row(NamedTuple):
    """One effective value, for ``pumice config show``."""

    section: str
    name: str
    value: Value
    origin: str
    """``default`` or ``file:line``."""
    help: str


def render(loaded: Loaded) -> tuple[Row, ...]:
    """Every effective value but passwords, section by section, in the order of the tables."""
    origins, rows = loaded.origins, []
    for name, option in options(Settings).items():
        value, origin = getattr(loaded.settings, name), origins[DEFAULT_SECTION, name]
        rows.append(Row(DEFAULT_SECTION, name, value, origin, option.help))
    for name, option in options(DatabaseSettings).items():
        value, origin = getattr(loaded.database, name), origins[DATABASE_SECTION, name]
        value = without_password(value) if name == "connection" and value else value
        rows.append(Row(DATABASE_SECTION, name, value, origin, option.help))
    for backend in loaded.backends:
        for name, option in options(BackendSettings).items():
            value, origin = getattr(backend, name), origins[backend.name, name]
            rows.append(Row(backend.name, name, value, origin, option.help))
        for name, text in backend.driver_options.items():
            note = f"An option of the driver {backend.volume_driver}."
            rows.append(Row(backend.name, name, text, origins[backend.name, name], note))
    return tuple(rows)


def as_text(value: Value) -> str:
    """``value`` as it would stand in ``pumice.conf``; nothing for an option that is not set."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def template() -> str:
    """The ``pumice.conf`` of a first start: every option, commented out at its default."""
    lines = [
        "# Pumice's settings. An option that is commented out shows its default: take the '#' away",
        "# to change it, and restart. `pumice config show` prints what holds, and from where.",
        "",
        f"[{DEFAULT_SECTION}]",
    ]
    for name, option in options(Settings).items():
        mark = "" if name == "enabled_backends" else "#"
        lines += [f"# {option.help}", f"{mark}{name} = {as_text(option.default)}".rstrip(), ""]
    lines += [
        "# The rows of several hosts, or of several processes, are in one PostgreSQL database:",
        "# `pumice db copy` moves those of this directory there.",
        f"[{DATABASE_SECTION}]",
    ]
    for name, option in options(DatabaseSettings).items():
        lines += [f"# {option.help}", f"#{name} = {as_text(option.default)}".rstrip(), ""]
    lines += [
        f"# One section for each backend. {', '.join(BackendDefaults.__struct_fields__[:2])},",
        f"# {' and '.join(BackendDefaults.__struct_fields__[2:])} may stand here too.",
        "[file]",
        "volume_driver = file",
        "",
        "# Another backend: write `enabled_backends = file, fast` above, and take these '#' away.",
        "#[fast]",
        "#volume_driver = memory",
        "#volume_backend_name = fast",
        "#backend_availability_zone = nova",
    ]
    return "\n".join(lines) + "\n"
