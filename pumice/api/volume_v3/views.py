"""What several resources of the volume API share in their answers: links, times, pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct

from pumice.api.request import Request

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - Cinder's times carry no zone


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
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds")


def next_link(request: Request, marker: str) -> list[dict[str, Any]]:
    """The link to the page after ``marker``: the request's own query with the marker in it.

    The offset is of the first page only: with it, the next one would leave volumes out.
    """
    pairs = [pair for pair in request.query() if pair[0] not in ("marker", "offset")]
    query = urlencode([*pairs, ("marker", marker)])
    return [{"rel": "next", "href": f"{request.base}{request.path}?{query}"}]
