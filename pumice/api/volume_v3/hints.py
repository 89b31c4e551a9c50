"""``OS-SCH-HNT:scheduler_hints``: what a client asks of the scheduler beside a volume's create."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final

from pumice.errors import InvalidInput
from pumice.services.hints import AskedHints

KEY: Final = "OS-SCH-HNT:scheduler_hints"
"""Stands beside the volume in the body."""
MAX_QUERY: Final = 4096
"""Characters of a query, which is kept with the operation, and named in the verdict on each pool."""
MAX_IDS: Final = 100
"""Volumes in one hint, each of which is looked up."""


def read_hints(given: dict[str, Any] | None) -> AskedHints | None:
    """The hints that Pumice knows; others are ignored. Raises :class:`InvalidInput` for a wrong one."""
    if not given:
        return None
    _uuid(given, "local_to_instance")
    return AskedHints(_uuids(given, "same_host"), _uuids(given, "different_host"), _query(given))


def _uuids(given: dict[str, Any], name: str) -> tuple[str, ...] | None:
    """One UUID, or a list of up to ``MAX_IDS`` in which none stands twice; an empty list asks for nothing."""
    if name not in given:
        return None
    values = given[name] if isinstance(given[name], list) else [given[name]]
    if len(values) > MAX_IDS:
        raise InvalidInput(f"Invalid input: '{KEY}.{name}' names more than {MAX_IDS} volumes.")
    ids = [_one_uuid(name, value) for value in values]
    if len(set(ids)) < len(ids):
        raise InvalidInput(f"Invalid input: '{KEY}.{name}' names a volume twice.")
    return tuple(ids) or None


def _uuid(given: dict[str, Any], name: str) -> None:
    if given.get(name) is not None:
        _one_uuid(name, given[name])


def _one_uuid(name: str, value: object) -> str:
    try:
        return str(uuid.UUID(value if isinstance(value, str) else ""))
    except ValueError:
        raise InvalidInput(
            f"Invalid input: '{KEY}.{name}' holds something that is no UUID."
        ) from None


def _query(given: dict[str, Any]) -> str | None:
    """The query's text; its meaning is the filter's matter."""
    query = given.get("query", "")
    if not isinstance(query, str | dict):
        raise InvalidInput(f"Invalid input: '{KEY}.query' is neither a text nor an object.")
    text = query if isinstance(query, str) else json.dumps(query)
    if len(text) > MAX_QUERY:
        raise InvalidInput(f"Invalid input: '{KEY}.query' has more than {MAX_QUERY} characters.")
    return text
