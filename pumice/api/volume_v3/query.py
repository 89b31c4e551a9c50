"""Reading the query of a list: limit, marker, offset, sort and filters (volume-api RULE rows)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from pumice.api.body import MAX_INT, parse_bool, parse_int
from pumice.api.request import Request
from pumice.errors import InvalidInput

PAGE_KEYS: Final = frozenset({"limit", "marker", "offset", "sort", "sort_key", "sort_dir"})


class Page(Struct, frozen=True):
    """What every list understands. ``sort`` ends with the id; ``limit`` None means the server's bound."""

    limit: int | None
    marker: str | None
    offset: int
    sort: tuple[tuple[str, str], ...]


def page(query: dict[str, str], sort_keys: Collection[str]) -> Page:
    """The paging part of ``query``. Raises :class:`InvalidInput`."""
    limit = _number(query, "limit")
    offset = _number(query, "offset")
    return Page(limit, query.get("marker"), offset or 0, _sort(query, sort_keys))


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
        raise InvalidInput(f"Invalid input for query parameter {name}: {error}.") from error


def _number(query: dict[str, str], name: str) -> int | None:
    if name not in query:
        return None
    try:
        return parse_int(query[name], maximum=MAX_INT)
    except ValueError as error:
        raise InvalidInput(f"Invalid input for query parameter {name}: {error}.") from error


def _sort(query: dict[str, str], keys: Collection[str]) -> tuple[tuple[str, str], ...]:
    """``sort=key:dir,key`` or ``sort_key`` and ``sort_dir``; the id breaks ties."""
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
            raise InvalidInput(f"Unknown sort direction {direction!r}, must be 'desc' or 'asc'.")
        if key not in keys:
            raise InvalidInput(f"Invalid sort key {key!r}.")
    if all(key != "id" for key, _ in pairs):
        pairs.append(("id", pairs[-1][1]))
    return tuple(pairs)
