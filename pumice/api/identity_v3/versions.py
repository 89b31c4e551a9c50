"""The version documents of the identity API."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.request import Answer, Request
from pumice.api.route import PUBLIC, Route


def document(request: Request) -> dict[str, Any]:
    """What v3 offers."""
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{request.base}/identity/v3/"}],
        "media-types": [
            {
                "base": "application/json",
                "type": "application/vnd.openstack.identity-v3+json",
            }
        ],
    }


async def list_versions(request: Request) -> Answer:
    """The versions that are served; needs no token."""
    location = f"{request.base}/identity/v3/".encode()
    return Answer({"versions": {"values": [document(request)]}}, headers=((b"location", location),))


async def show_version(request: Request) -> dict[str, Any]:
    """The version document; needs no token."""
    return {"version": document(request)}


ROOT_ROUTES: Final = (Route("GET", "/", list_versions, PUBLIC, status=300),)
ROUTES: Final = (Route("GET", "/", show_version, PUBLIC),)
