"""What several resources of the volume API share in their answers: links, times, pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from pumice.api.request import Request


class Link(Struct, frozen=True):
    """One link of a resource."""

    rel: str
    href: str


def links(request: Request, collection: str, resource_id: str) -> tuple[Link, Link]:
    """``self`` with the version and, if the request had it, the project; ``bookmark`` without version."""
    bare = request.mount.replace("/v3", "", 1)
    return (
        Link("self", f"{request.base}{request.mount}/{collection}/{resource_id}"),
        Link("bookmark", f"{request.base}{bare}/{collection}/{resource_id}"),
    )


def time_text(us: int | None) -> str | None:
    """UTC microseconds as Cinder writes times: six digits of fraction and no zone."""
    if us is None:
        return None
    at = datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{at}.{us % 1_000_000:06d}"


def next_link(request: Request, marker: str) -> list[dict[str, Any]]:
    """The link to the page after ``marker``: the request's own query with the marker in it.

    The offset is of the first page only: with it, the next one would leave volumes out.
    """
    pairs = [pair for pair in request.query() if pair[0] not in ("marker", "offset")]
    query = urlencode([*pairs, ("marker", marker)])
    return [{"rel": "next", "href": f"{request.base}{request.path}?{query}"}]
