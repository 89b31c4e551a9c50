"""What a list of volumes is asked for: the filters in its query, by their names in Cinder.

A value may be a list, written as Python does: any of its elements. Whoever is no administrator may use the
filters of ``GET /resource_filters``; others are dropped below 3.31 and refused from there on. An
administrator may use any column that a volume of Cinder has; what is none matches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from pumice.api.body import parse_bool
from pumice.api.request import Request
from pumice.api.volume_v3 import versions
from pumice.api.volume_v3.query import literal
from pumice.api.volume_v3.resource_filters import RESOURCE_FILTERS
from pumice.errors import InvalidInput
from pumice.model.volume import NULLABLE, Span

FIELDS: Final = {
    "id": "id",
    "name": "name",
    "display_name": "name",
    "description": "description",
    "display_description": "description",
    "status": "status",
    "attach_status": "attach_status",
    "migration_status": "migration_status",
    "size": "size_gib",
    "availability_zone": "availability_zone",
    "bootable": "bootable",
    "multiattach": "multiattach",
    "host": "host",
    "project_id": "project_id",
    "user_id": "user_id",
    "volume_type_id": "volume_type_id",
    "provider_location": "provider_location",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
"""Fields of a volume by the names of Cinder's columns."""
CONSTANTS: Final[dict[str, bool | None]] = {
    "use_quota": True,
    "deleted": False,
    "shared_targets": None,
    **dict.fromkeys(
        (
            *("_name_id", "ec2_id", "snapshot_id", "source_volid", "encryption_key_id"),
            *("cluster_name", "service_uuid", "group_id", "consistencygroup_id"),
            *("provider_id", "provider_auth", "provider_geometry", "previous_status"),
            *("replication_status", "replication_extended_status", "replication_driver_data"),
            *("scheduled_at", "launched_at", "terminated_at", "deleted_at"),
        )
    ),
}
"""Cinder's other columns: what every volume of Pumice has there."""
SORT_KEYS: Final = FIELDS.keys() | CONSTANTS.keys()
"""What lists of volumes may be sorted by."""

_ALIASES: Final = {"tenant_id": "project_id", "consumes_quota": "use_quota"}
_SINCE: Final = {
    "glance_metadata": versions.GLANCE_METADATA_FILTER,
    "group_id": versions.GROUP_FILTER,
    "created_at": versions.TIME_FILTERS,
    "updated_at": versions.TIME_FILTERS,
    "use_quota": versions.CONSUMES_QUOTA,
}
_TIMES: Final = ("created_at", "updated_at")
_BOOLEANS: Final = ("bootable", "multiattach", "use_quota", "deleted", "shared_targets")
_METADATA: Final = ("metadata", "glance_metadata")
_ADMIN_FILTERS: Final = {*FIELDS, *CONSTANTS, *_METADATA}
_USER_FILTERS: Final = {_ALIASES.get(key, key) for key in RESOURCE_FILTERS["volume"]} | {
    "display_name"
}
_WITHOUT_TEXT: Final = {*_TIMES, *_BOOLEANS, *_METADATA, *CONSTANTS}
_FALSE_EARLY: Final = ("False", "false", "FALSE", "")
_MAX_NUMBER: Final = 2**63 - 1

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The spans of time, both ends included, of which a time compares so with the one given.
_SPANS: Final[dict[str, Callable[[int], tuple[Span, ...]]]] = {
    "gt": lambda at: ((at + 1, _MAX_NUMBER),),
    "gte": lambda at: ((at, _MAX_NUMBER),),
    "eq": lambda at: ((at, at),),
    "neq": lambda at: ((-_MAX_NUMBER, at - 1), (at + 1, _MAX_NUMBER)),
    "lt": lambda at: ((-_MAX_NUMBER, at - 1),),
    "lte": lambda at: ((-_MAX_NUMBER, at),),
}


class MatchesNothing(Exception):
    """No volume can be what is asked for."""


class Chosen:
    """The filters of one list, as the fields of :class:`pumice.model.volume.VolumeQuery` of these names."""

    def __init__(self, request: Request, given: dict[str, str]) -> None:
        """Read ``given``. Raises :class:`InvalidInput` or :class:`MatchesNothing`."""
        self.equal: dict[str, tuple[Any, ...]] = {}
        self.like: dict[str, str] = {}
        self.within: dict[str, tuple[Span, ...]] = {}
        self.hosts: tuple[str, ...] = ()
        self.metadata: dict[str, str] = {}
        self.image_metadata: dict[str, str] = {}
        self._microversion = request.microversion
        for name, value in _known(request, given).items():
            self._add(name, value)

    def _add(self, name: str, value: str) -> None:
        key = name.removesuffix("~")
        if key != name:
            self.like[FIELDS[key]] = value
        elif key == "metadata":
            self.metadata = _items(value)
        elif key == "glance_metadata":
            self.image_metadata = _items(value)
        elif key in _TIMES:
            self.within[key] = _spans(key, value)
        elif key in CONSTANTS:
            if CONSTANTS[key] not in self._values(key, value):
                raise MatchesNothing
        elif key == "host":
            self.hosts = tuple(str(one) for one in self._values(key, value) if one)
        else:
            self.equal[FIELDS[key]] = self._values(key, value)

    def _values(self, key: str, text: str) -> tuple[Any, ...]:
        """The values that ``text`` allows. Raises :class:`MatchesNothing` if no volume can have one."""
        values: Iterable[Any]
        if key in _BOOLEANS:
            values = (self._boolean(key, text),)
        elif FIELDS.get(key) == "name":
            values = (text,)  # As it is: quotes are part of it.
        else:
            values = _elements(text)
        if key == "size":
            values = [number for number in map(_number, values) if number is not None]
        elif key == "status":
            values = [str(one).lower() for one in values]
        elif key not in _BOOLEANS and key not in CONSTANTS:
            is_nullable = FIELDS[key] in NULLABLE
            values = [
                one if one is None else str(one) for one in values if one is not None or is_nullable
            ]
        if not (found := tuple(dict.fromkeys(values))) and key != "host":
            raise MatchesNothing
        return found

    def _boolean(self, key: str, text: str) -> bool:
        """Before 3.2 whatever is not written as false is true, but for what is younger."""
        if self._microversion < versions.STRICT_BOOLEANS:
            return text not in _FALSE_EARLY
        try:
            return parse_bool(text)
        except ValueError as error:
            raise InvalidInput(f"Invalid input received: '{key} = {text}'") from error


def _known(request: Request, given: dict[str, str]) -> dict[str, str]:
    """The filters that count for this caller at this microversion, by the names of Cinder's columns.

    Raises :class:`InvalidInput` or :class:`MatchesNothing`.
    """
    is_admin = request.context.is_admin
    is_governed = request.microversion >= versions.RESOURCE_FILTERS
    allowed = _ADMIN_FILTERS if is_admin else _USER_FILTERS
    found: dict[str, str] = {}
    unknown = []
    for name, value in given.items():
        plain = name.removesuffix("~")
        key = _ALIASES.get(plain, plain)
        like = name != plain
        if is_governed and not name.isascii():
            raise InvalidInput("Filter keys can only contain ASCII characters.")
        if key not in allowed or (like and not _may_be_like(request, key)):
            unknown.append(name)
        elif request.microversion >= _SINCE.get(key, 0):
            found[f"{key}~" if like else key] = value
    if unknown and is_admin:
        raise MatchesNothing
    if unknown and is_governed:
        raise InvalidInput(f"Invalid filters {','.join(unknown)} are found in query options.")
    return found


def _may_be_like(request: Request, key: str) -> bool:
    is_known = request.context.is_admin or request.microversion >= versions.LIKE_FILTERS
    return is_known and key not in _WITHOUT_TEXT


def _elements(text: str) -> tuple[Any, ...]:
    """What one of which is asked for: the elements of a list, or the text itself; ``None`` is nothing."""
    value = None if text == "None" else literal(text)
    elements: list[Any] = [text if isinstance(value, dict) else value]
    if isinstance(value, list | tuple | set):
        elements = [one for one in value if isinstance(one, str | int | float)]
    return tuple(one for one in elements if one is None or _text(one) is not None)


def _text(value: Any) -> str | None:
    """``value`` as the store may have it; None for half a surrogate pair, NUL, or 5,000 digits."""
    try:
        text = str(value)
        text.encode()
    except ValueError:
        return None
    return None if "\0" in text else text


def _number(value: Any) -> int | None:
    """A whole number in the range of the store, None for anything else."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    is_whole = not isinstance(value, float) or value == number
    return number if is_whole and abs(number) <= _MAX_NUMBER else None


def _items(text: str) -> dict[str, str]:
    """The items of a dictionary, which every volume in the list has."""
    items = literal(text)
    if not isinstance(items, dict):
        raise MatchesNothing
    found: dict[str, str] = {}
    for key, value in items.items():
        wanted = (_text(key), None if value is None else _text(value))
        if wanted[0] is None or wanted[1] is None:
            raise MatchesNothing
        found[wanted[0]] = wanted[1]
    return found


def _spans(key: str, text: str) -> tuple[Span, ...]:
    """``operator:time[,operator:time]``: as in Cinder one of the comparisons must hold."""
    times: dict[str, int] = {}
    for comparison in text.split(","):
        operator, colon, time = comparison.partition(":")
        if operator not in _SPANS:
            raise InvalidInput(f"Invalid {operator} operator")
        if not colon:
            raise InvalidInput(f"Invalid {key} value")
        times[operator] = _time_us(time)
    return _united(span for operator, at in times.items() for span in _SPANS[operator](at))


def _time_us(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"Invalid {text} value") from error
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _united(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same times in spans that neither overlap nor touch, the earliest first."""
    united: list[Span] = []
    for first, last in sorted(spans):
        if united and first <= united[-1][1] + 1:
            united[-1] = (united[-1][0], max(last, united[-1][1]))
        else:
            united.append((first, last))
    return tuple(united)
