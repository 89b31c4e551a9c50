"""The links of a volume API's resource."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Link(Struct, frozen=True):
    """One link of a resource."""

    rel: str
    href: str


class Addressed(Protocol):
    """Whatever knows where the API stands: a :class:`pumice.api.request.Request`, or what is kept of it."""

    @property
    def base(self) -> str:
        """The absolute URL before the path."""

    @property
    def mount(self) -> str:
        """The path before the collection."""


def links(request: Addressed, collection: str, resource_id: str) -> tuple[Link, Link]:
    """``self`` with the version and, if the request had it, the project; ``bookmark`` without version."""
    bare = request.mount.replace("/v3", "", 1)
    return (
        Link("self", f"{request.base}{request.mount}/{collection}/{resource_id}"),
        Link("bookmark", f"{request.base}{bare}/{collection}/{resource_id}"),
    )
