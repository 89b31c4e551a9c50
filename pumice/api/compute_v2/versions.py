"""The microversions of the compute API that change a flavor, and its version documents."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.microversion import Microversions
from pumice.api.request import Request
from pumice.api.route import PUBLIC, Route

NO_ACCESS_TO_PUBLIC: Final = 7
FLAVOR_DESCRIPTION: Final = 55
FLAVOR_EXTRA_SPECS: Final = 61
FLAVOR_SWAP_IS_NUMBER: Final = 75
FLAVOR_SPECS_CHECKED: Final = 86
FLAVOR_RXTX_REMOVED: Final = 102
FLAVOR_NAME_FILTER: Final = 102

VERSIONS: Final = Microversions("compute", 2, 1, 104, b"x-openstack-nova-api-version")


def legacy_document(request: Request) -> dict[str, Any]:
    """What clients from before microversions look for; it has the same flavors."""
    return document(request) | {
        "id": "v2.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": "2011-01-21T11:33:21Z",
        "links": [
            {"rel": "self", "href": f"{request.base}/compute/v2/"},
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
        ],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2"}
        ],
    }


def document(request: Request) -> dict[str, Any]:
    """What v2.1 offers."""
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": VERSIONS.text(VERSIONS.maximum),
        "min_version": VERSIONS.text(VERSIONS.minimum),
        "updated": "2013-07-23T11:33:21Z",
        "links": [
            {"rel": "self", "href": f"{request.base}/compute/v2.1/"},
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
        ],
        "media-types": [
            {
                "base": "application/json",
                "type": "application/vnd.openstack.compute+json;version=2.1",
            }
        ],
    }


async def list_versions(request: Request) -> dict[str, Any]:
    """The versions that are served, the oldest first, as in Nova; needs no token."""
    shown = [legacy_document(request), document(request)]
    for one in shown:
        del one["media-types"]
    return {"versions": shown}


async def show_legacy_version(request: Request) -> dict[str, Any]:
    """The version document of v2.0; needs no token."""
    return {"version": legacy_document(request)}


async def show_version(request: Request) -> dict[str, Any]:
    """The version document; needs no token."""
    return {"version": document(request)}


ROOT_ROUTES: Final = (Route("GET", "/", list_versions, PUBLIC),)
LEGACY_ROUTES: Final = (Route("GET", "/", show_legacy_version, PUBLIC),)
ROUTES: Final = (Route("GET", "/", show_version, PUBLIC),)
