"""The syntax of ``pumice.conf``: INI as oslo.config reads it, without its traps.

Each option is one line ``name = value`` in a section; ``#`` and ``;`` begin a line of comment,
never the rest of one; nothing is interpolated, and no section inherits from another. Whatever is
not understood is an error that says where it stands.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from pumice.errors import SettingsError
from pumice.settings.connection import without_secrets

MAX_FILE_BYTES: Final = 1 << 20
MAX_SHOWN_CHARS: Final = 80


class Entry(NamedTuple):
    """An option's text and where it stands: ``file:line``."""

    text: str
    origin: str


class Section(NamedTuple):
    """A section: where it begins, and its options by name."""

    origin: str
    entries: dict[str, Entry]


def read(path: Path) -> dict[str, Section]:
    """The sections of the file by name. Raises :class:`SettingsError`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_FILE_BYTES:
        raise SettingsError(f"{path} is larger than {MAX_FILE_BYTES} bytes.")
    try:
        text = data.decode("utf-8-sig")  # Some editors put a byte order mark first.
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}:{line}: the file is not UTF-8 text.") from error
    return _parse(path, text)


def _parse(path: Path, text: str) -> dict[str, Section]:
    """Lines end at LF or CRLF only, so that their numbers are those of an editor."""
    sections: dict[str, Section] = {}
    section: Section | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        origin, stripped = f"{path}:{number}", line.strip(" \t\r")
        if not stripped or stripped[0] in "#;":
            continue
        if not stripped.replace("\t", " ").isprintable():
            raise SettingsError(f"{origin}: the line holds a character that cannot be printed.")
        if stripped[0] == "[":
            section = _begin_section(sections, stripped, origin)
        elif section is None:
            raise SettingsError(f"{origin}: expected a [section] before the first option.")
        else:
            _add_option(section, stripped, origin)
    return sections


def _begin_section(sections: dict[str, Section], line: str, origin: str) -> Section:
    name = line[1:-1].strip()
    if line[-1] != "]" or not name:
        raise SettingsError(f"{origin}: expected `[section]`, not {line[:MAX_SHOWN_CHARS]!r}.")
    if name in sections:
        first = sections[name].origin
        raise SettingsError(f"{origin}: the section [{name}] began at {first} already.")
    return sections.setdefault(name, Section(origin, {}))


def _add_option(section: Section, line: str, origin: str) -> None:
    name, equals, text = (part.strip() for part in line.partition("="))
    if not equals or not name or "://" in name:  # `name: value`, with a `=` in the URL.
        shown = without_secrets(line)[:MAX_SHOWN_CHARS]
        raise SettingsError(f"{origin}: expected `name = value`, not {shown!r}.")
    if name in section.entries:
        raise SettingsError(f"{origin}: {name} is set at {section.entries[name].origin} already.")
    section.entries[name] = Entry(_without_quotes(text), origin)


def _without_quotes(text: str) -> str:
    """``text`` without a pair of quotes around it, as oslo.config takes it."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text
