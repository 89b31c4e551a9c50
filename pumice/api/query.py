"""Reading the query of a list as Cinder does: limit, marker, offset, sort and booleans."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from pumice.api.body import parse_bool, parse_int
from pumice.api.request import Request
from pumice.errors import InvalidInput

MAX_LIMIT: Final = 10**18
"""A limit may be far above the server's bound, which then holds."""
PAGE_KEYS: Final = frozenset({"limit", "marker", "offset", "sort", "sort_key", "sort_dir"})


class Page(Struct, frozen=True):
    """What every list understands. ``sort`` ends with the id; ``limit`` None means the server's bound."""

    limit: int | None
    marker: str | None
    offset: int
    sort: tuple[tuple[str, str], ...]


def page(query: dict[str, str], sort_keys: Collection[str]) -> Page:
    """The paging part of ``query``. Raises :class:`InvalidInput`."""
    return Page(_limit(query), query.get("marker"), _offset(query), _sort(query, sort_keys))


def single_values(request: Request) -> dict[str, str]:
    """The query as a dictionary; of a repeated key the last value counts, as in Cinder."""
    return dict(request.query())


def boolean(query: dict[str, str], name: str) -> bool | None:
    """A boolean of the query, None if absent. Raises :class:`InvalidInput`."""
    if name not in query:
        return None
    try:
        return parse_bool(query[name])
    except ValueError as error:
        raise InvalidInput(f"Value '{query[name]}' for '{name}' is not a boolean.") from error


def _limit(query: dict[str, str]) -> int | None:
    if "limit" not in query:
        return None
    try:
        limit = parse_int(query["limit"], minimum=-MAX_LIMIT, maximum=MAX_LIMIT)
    except ValueError as error:
        raise InvalidInput("limit param must be an integer") from error
    if limit < 0:
        raise InvalidInput("limit param must be positive")
    return limit


def _offset(query: dict[str, str]) -> int:
    try:
        return parse_int(query.get("offset", 0))
    except ValueError as error:
        raise InvalidInput(f"Invalid input for query parameter offset: {error}.") from error


def _sort(query: dict[str, str], keys: Collection[str]) -> tuple[tuple[str, str], ...]:
    """``sort=key:dir,key`` or ``sort_key`` and ``sort_dir``; creation and id break ties."""
    if "sort" in query and ("sort_key" in query or "sort_dir" in query):
        raise InvalidInput("The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be "
                           "used with the 'sort' parameter.")  # fmt: skip
    if "sort" in query:
        wanted = [part.strip().partition(":") for part in query["sort"].split(",") if part.strip()]
        pairs = [(key.strip(), direction.strip() or "desc") for key, _, direction in wanted]
    else:
        pairs = [
            (query.get("sort_key", "created_at").strip(), query.get("sort_dir", "desc").strip())
        ]
    pairs = pairs or [("created_at", "desc")]
    for key, direction in pairs:
        if direction not in ("asc", "desc"):
            raise InvalidInput(
                "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'."
            )
        if key not in keys:
            raise InvalidInput(f"Invalid input received: Invalid sort key {key!r}.")
    # What is sorted by a key is not changed by the same key again. As in Cinder, what is equal is sorted by
    # its creation and its id, in the direction of the first key.
    unique: dict[str, str] = {}
    for key, direction in [*pairs, *((key, pairs[0][1]) for key in ("created_at", "id"))]:
        unique.setdefault(key, direction)
    return tuple(unique.items())[: list(unique).index("id") + 1]
