"""Request bodies: the class is the schema, and microversions are variants of the class.

Types decode strictly; leniency is per field, as Cinder has it: :class:`CinderBool` takes ``"on"``,
:class:`CinderInt` takes ``"1"``. A field newer than the request's microversion is unknown to it. Unknown keys
are ignored below ``STRICT_FROM`` and refused from there on; beside the wrapper they are always refused.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, TypeVar, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from pumice.errors import InvalidInput

B = TypeVar("B", bound="Body")

MAX_INT: Final = 2**31 - 1
MAX_DIGITS: Final = 20
MAX_TEXT: Final = 255
MAX_TEXT_BYTES: Final = 65_535
MAX_SHOWN: Final = 60
MAX_DEPTH: Final = 60

_METADATA_KEY: Final = re.compile(r"[a-zA-Z0-9\-_:. /]{1,255}\Z")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\Z")
# NUL as an escape: an even number of backslashes before it leaves the escape whole.
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_TRUE: Final = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE: Final = frozenset({"0", "f", "false", "off", "n", "no"})


class Body(Struct):
    """The content of a request's body.

    ``WRAPPER`` is the key the content stands under (``{"volume": {...}}``), or None. ``SIBLINGS`` are keys
    that may stand beside it, and count as if they stood in it. ``CONTENT`` names the one field that holds
    the whole object, where its keys are the client's own. ``SINCE`` maps fields to the minor microversion
    that brought them, ``UNTIL`` to the last one that has them. ``STRICT_FROM`` is the first minor
    microversion that refuses unknown keys; None: never, nor beside the wrapper. ``EXTRA`` names the field
    that takes the unknown keys with their values, as Keystone keeps them. ``SECRETS`` are fields of which
    nothing is kept that was not made for it, not even a hash. ``EXAMPLE`` is a right content, without the
    wrapper: tests that walk the routes send it.
    """

    EXAMPLE: ClassVar[Any]
    WRAPPER: ClassVar[str | None] = None
    SIBLINGS: ClassVar[frozenset[str]] = frozenset()
    CONTENT: ClassVar[str | None] = None
    EXTRA: ClassVar[str | None] = None
    SECRETS: ClassVar[frozenset[str]] = frozenset()
    SINCE: ClassVar[dict[str, int]] = {}
    UNTIL: ClassVar[dict[str, int]] = {}
    STRICT_FROM: ClassVar[int | None] = None


class _Lenient(type):
    """The class of field types that decode to something else: msgspec checks what a decoder returned."""

    def __instancecheck__(cls, value: object) -> bool:
        return True


if TYPE_CHECKING:
    CinderBool = bool
    CinderInt = int
    Name = str
    Text = str
    Uuid = str
    Metadata = dict[str, str]
    ImageMetadata = dict[str, str]
else:

    class CinderBool(metaclass=_Lenient):
        """A boolean as Cinder reads it: also ``"on"``, ``"yes"``, ``"1"`` and their opposites."""

    class CinderInt(metaclass=_Lenient):
        """A whole number or its digits in a string, from 0 to 2**31 - 1."""

    class Name(metaclass=_Lenient):
        """A string of at most 255 characters once the blanks around it are cut off, as they are."""

    class Text(metaclass=_Lenient):
        """A string of at most 255 characters."""

    class Uuid(metaclass=_Lenient):
        """A UUID, with or without its dashes."""

    class Metadata(metaclass=_Lenient):
        """String pairs: keys of 1 to 255 letters, digits or ``-_:. /``, values of at most 255 characters."""

    class ImageMetadata(metaclass=_Lenient):
        """The same with values of at most 65,535 bytes in UTF-8."""


def parse_bool(value: object) -> bool:
    """``value`` as Cinder reads booleans. Raises :class:`ValueError`."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{_shown(value)} is not a boolean")


def parse_int(value: object, *, minimum: int = 0, maximum: int = MAX_INT) -> int:
    """A whole number or its digits in a string. Raises :class:`ValueError` outside the range."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{_shown(value)} is not an integer")
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
            raise ValueError(f"{_shown(value)} is not an integer")
        value = int(value)
    if not minimum <= value <= maximum:
        raise ValueError(f"{_shown(value)} is not in the range {minimum} to {maximum}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not a string")
    if len(value) > MAX_TEXT:
        raise ValueError(f"{_shown(value)} has {len(value)} characters, more than {MAX_TEXT}")
    return value


def _uuid(value: object) -> str:
    text = _text(value)
    if not _UUID.match(text):
        raise ValueError(f"{_shown(value)} is not a UUID")
    return text


def _metadata(value: object, *, maximum: str, fits: Callable[[str], bool]) -> dict[str, str]:
    """``value`` as pairs whose values ``fits``; ``maximum`` says it in words."""
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} is not an object")
    for key, text in value.items():
        if not _METADATA_KEY.match(key):
            raise ValueError(
                f"the key {_shown(key)} is not 1 to 255 of a-z A-Z 0-9 - _ : . / and blank"
            )
        if not isinstance(text, str) or not fits(text):
            raise ValueError(f"the value of {_shown(key)} is not a string of at most {maximum}")
    return value


def _not_here(_value: object) -> NoReturn:
    raise ValueError("it is not known at this microversion")


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 3] + "..."


_DECODERS: Final[dict[Any, Callable[[object], Any]]] = {
    CinderBool: parse_bool,
    CinderInt: parse_int,
    Name: lambda value: _text(value.strip() if isinstance(value, str) else value),
    Text: _text,
    Uuid: _uuid,
    Metadata: partial(
        _metadata, maximum=f"{MAX_TEXT} characters", fits=lambda text: len(text) <= MAX_TEXT
    ),
    ImageMetadata: partial(
        _metadata,
        maximum=f"{MAX_TEXT_BYTES} bytes",
        fits=lambda text: len(text.encode()) <= MAX_TEXT_BYTES,
    ),
    UnsetType: _not_here,
}


def _dec_hook(kind: type, value: object) -> Any:
    return _DECODERS[kind](value)


def decode(kind: type[B], content: dict[str, Any], microversion: int) -> B:
    """``content`` as ``kind`` at ``microversion``.

    Raises :class:`InvalidInput` with the place and the reason.
    """
    strict = kind.STRICT_FROM is not None and microversion >= kind.STRICT_FROM
    where = kind.WRAPPER
    if where is not None:
        unknown = content.keys() - {where} - kind.SIBLINGS
        if where not in content:
            raise InvalidInput(f"Invalid input: '{where}' is a required property.")
        if unknown and kind.STRICT_FROM is not None:
            raise InvalidInput(f"Invalid input: unknown key {_shown(min(unknown))} in the body.")
        beside = {key: content[key] for key in kind.SIBLINGS & content.keys()}
        content = content[where]
        if beside and isinstance(content, dict):
            content = content | beside
    if kind.CONTENT is not None:
        content = {kind.CONTENT: content}
    if kind.EXTRA is not None and isinstance(content, dict):
        known = _encoded_names(kind)
        extra = {key: value for key, value in content.items() if key not in known}
        content = {key: value for key, value in content.items() if key in known}
        content[kind.EXTRA] = extra
    absent = _absent(kind, microversion)
    variant = _variant(kind, absent, strict=strict)
    try:
        body = cast("B", msgspec.convert(content, variant, strict=True, dec_hook=_dec_hook))
    except msgspec.ValidationError as error:
        raise InvalidInput(f"Invalid input: {_located(str(error), where)}.") from error
    for name in absent:
        setattr(body, name, UNSET)
    return body


def without_secrets(body: Body) -> bytes:
    """``body`` as JSON, without its ``SECRETS``: all of it that may be hashed and kept."""
    return msgspec.json.encode(replace(body, **dict.fromkeys(body.SECRETS, UNSET)))


def _absent(kind: type[Body], microversion: int) -> tuple[str, ...]:
    """The fields that ``kind`` does not have at ``microversion``."""
    return tuple(
        name
        for name in kind.__struct_fields__
        if microversion < kind.SINCE.get(name, 0)
        or microversion > kind.UNTIL.get(name, microversion)
    )


@cache
def _variant(kind: type[B], absent: tuple[str, ...], *, strict: bool) -> type[B]:
    """``kind`` without the fields that are ``absent``: few, however many microversions there are.

    What is unknown is not validated: such a field takes anything and is dropped after decoding, or, where
    unknown keys are refused, takes nothing.
    """
    taken: Any = UnsetType if strict else Any
    encoded = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    fields = [(name, taken, msgspec.field(default=UNSET, name=encoded[name])) for name in absent]
    variant = msgspec.defstruct(kind.__name__, fields, bases=(kind,), forbid_unknown_fields=strict)
    return cast("type[B]", variant)


@cache
def _encoded_names(kind: type[Body]) -> frozenset[str]:
    """The keys of the fields, without the one for unknown keys: a client's key of that name is unknown."""
    return frozenset(kind.__struct_encode_fields__) - {str(kind.EXTRA)}


def parse_object(raw: bytes) -> dict[str, Any]:
    """``raw`` as a JSON object. Raises :class:`InvalidInput` for what is none, or abuses it."""
    content = parse_json(raw)
    if not isinstance(content, dict):
        raise InvalidInput("The body must be a JSON object.")
    return content


def parse_json(raw: bytes) -> Any:
    """``raw`` as JSON values. Raises :class:`InvalidInput` for what is not JSON, or abuses it.

    Refused as well: a key that stands twice in one object, ``NaN``, nesting beyond ``MAX_DEPTH``, half a
    surrogate pair and NUL in a string; the store keeps none of them faithfully.
    """
    if _depth(raw) > MAX_DEPTH:
        raise InvalidInput(f"The body is nested more than {MAX_DEPTH} deep.")
    try:
        text = raw.decode()
        content = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        if "\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"Malformed request body: {error}") from error
    if "\\u0000" in text and _NUL.search(text):
        raise InvalidInput("The body holds a NUL character.")
    return content


def _depth(raw: bytes) -> int:
    """The most brackets that can be open at once; brackets in strings count, which only overestimates."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return 0
    deepest = depth = 0
    in_string = escaped = False
    for byte in raw:
        if escaped:
            escaped = False
        elif in_string:
            escaped = byte == _BACKSLASH
            in_string = byte != _QUOTE
        elif byte == _QUOTE:
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # In one pass: a body holds thousands of keys, and whoever has no token may send it.
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {_shown(twice)} stands twice in one object")
    return found


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _located(message: str, wrapper: str | None) -> str:
    """Msgspec's message with the path in the words of the body: ``$.size`` becomes ``volume.size``."""
    return message.replace("`$", f"`{wrapper or 'body'}").replace("`", "'")
