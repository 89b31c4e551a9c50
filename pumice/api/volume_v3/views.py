"""The links of a volume API's resource."""

from __future__ import annotations

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
