"""From the texts of a section to the values of a table, each with where it came from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from pumice.errors import SettingsError
from pumice.settings.ini import MAX_SHOWN_CHARS, Entry
from pumice.settings.table import MAX_INT, BackendDefaults

DEFAULT_ORIGIN: Final = "default"
"""The origin of a value that nobody set."""

Value = bool | int | float | str | tuple[str, ...] | None
"""What the program gets for an option."""

_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")


class Option(NamedTuple):
    """One option of a table; ``default`` is msgspec's NODEFAULT when it has none."""

    type: object
    default: Any
    help: str


class Effective(NamedTuple):
    """The effective values of a table, and their origins, by option."""

    values: dict[str, Any]
    origins: dict[str, str]


@cache
def options(kind: type[Struct]) -> Mapping[str, Option]:
    """The options of a table: its fields with a help text, those of BackendDefaults last.

    Kept, for there may be thousands of backends, each with the same.
    """
    found = {}
    for field in sorted(
        msgspec.structs.fields(kind),
        key=lambda field: field.name in BackendDefaults.__struct_fields__,
    ):
        if help_text := "".join(_metas(field.type, "description")):
            found[field.name] = Option(field.type, field.default, help_text)
    return found


def effective(
    kind: type[Struct],
    where: str,
    entries: Mapping[str, Entry],
    fallbacks: Mapping[str, tuple[Any, str]] | None = None,
) -> Effective:
    """What holds for each option of ``kind``: its entry, else its fallback, else its default.

    ``where`` begins the error about a missing option. Entries of other names are left alone. Raises
    :class:`SettingsError`.
    """
    values, origins = {}, {}
    for name, option in options(kind).items():
        if name in entries:
            values[name], origins[name] = _value(name, option, entries[name]), entries[name].origin
        elif fallbacks is not None and name in fallbacks:
            values[name], origins[name] = fallbacks[name]
        elif option.default is not NODEFAULT:
            values[name], origins[name] = option.default, DEFAULT_ORIGIN
        else:
            raise SettingsError(f"{where} needs the option {name}.")
    return Effective(values, origins)


def _value(name: str, option: Option, entry: Entry) -> Value:
    try:
        value: Value = msgspec.convert(_plain(option.type, entry.text), option.type)
    except ValueError as error:  # msgspec's ValidationError is one.
        raise SettingsError(
            f"{entry.origin}: {name} must be {_expected(option.type)}, "
            f"not {entry.text[:MAX_SHOWN_CHARS]!r}."
        ) from error
    return value


def _plain(kind: object, text: str) -> Value:
    """``text`` in the plain type below ``kind``; ranges are msgspec's. Raises ``ValueError``.

    ``int`` and ``float`` would take more than people mean: 1_000, nan, the digits of other scripts.
    """
    bare = _bare(kind)
    if type(None) in get_args(bare):
        return _plain(get_args(bare)[0], text) if text else None
    if get_origin(bare) is tuple:
        return tuple(part.strip() for part in text.split(",")) if text else ()
    if bare is bool and text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    if bare is int and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if bare is float and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        return float(text)
    if bare in (bool, int, float):
        raise ValueError(text)
    return text


def _expected(kind: object) -> str:
    """What a value of ``kind`` is, in words."""
    bare = _bare(kind)
    if titles := _metas(kind, "title"):
        return str(titles[-1])
    if type(None) in get_args(bare):
        return f"{_expected(get_args(bare)[0])}, or nothing"
    if get_origin(bare) is tuple:
        number = "one or more" if _metas(kind, "min_length") else "none or more"
        return f"{number} with commas between, each {_expected(get_args(bare)[0])}"
    if get_origin(bare) is Literal:
        return " or ".join(get_args(bare))
    return _expected_range(kind, {bool: "true or false", int: "a whole number", float: "a number"})


def _expected_range(kind: object, words: Mapping[object, str]) -> str:
    noun = words.get(_bare(kind), "a text")
    low = max(_metas(kind, "ge"), default=-math.inf)
    high = min(_metas(kind, "le"), default=math.inf)
    if high < MAX_INT:
        return f"{noun} from {low} to {high}"
    return noun if low == -math.inf else f"{noun} of at least {low}"


def _bare(kind: object) -> object:
    """``kind`` without what ``Annotated`` adds."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _metas(kind: object, attribute: str) -> list[Any]:
    """What the ``Meta`` around ``kind`` say about ``attribute``, the inner ones first."""
    metas = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    said = [getattr(meta, attribute) for meta in metas if isinstance(meta, Meta)]
    return [value for value in said if value is not None]
