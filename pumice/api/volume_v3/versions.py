"""The microversions of the volume API that change something here, and its version documents.

Names say what the version brought (reference: Cinder's REST API version history).
"""

from __future__ import annotations

from typing import Any, Final

from pumice.api.microversion import Microversions
from pumice.api.request import Request
from pumice.api.route import PUBLIC, Route

STRICT_BOOLEANS: Final = 2
MESSAGES: Final = 3
GLANCE_METADATA_FILTER: Final = 4
MESSAGES_PAGES: Final = 5
CLUSTERS: Final = 7
GROUP_FILTER: Final = 10
SUMMARY: Final = 12
GROUP_VOLUME: Final = 13
ETAGS: Final = 15
VOLUME_PROVIDER_ID: Final = 21
DELETE_FORCE: Final = 23
REPLICATION_CLUSTERS: Final = 26
POOL_FILTER: Final = 28
RESOURCE_FILTERS: Final = 31
LOG_LEVELS: Final = 32
RESOURCE_FILTERS_LIST: Final = 33
LIKE_FILTERS: Final = 34
POOL_TYPE_FILTER: Final = 35
SUMMARY_METADATA: Final = 36
LIMITS_OF_PROJECT: Final = 39
COUNT: Final = 45
CREATE_FROM_BACKUP: Final = 47
SHARED_TARGETS: Final = 48
BACKEND_STATE: Final = 49
TYPE_EXTRA_SPECS_FILTER: Final = 52
STRICT_BODIES: Final = 53
TIME_FILTERS: Final = 60
CLUSTER_NAME: Final = 61
DEFAULT_TYPES: Final = 62
VOLUME_TYPE_ID: Final = 63
CONSUMES_QUOTA: Final = 65
SHARED_TARGETS_MAY_BE_NULL: Final = 69

VERSIONS: Final = Microversions("volume", 3, 0, 71)


def document(request: Request) -> dict[str, Any]:
    """The version document; the same for the root and for v3, with exactly one version (gophercloud)."""
    return {
        "versions": [
            {
                "id": "v3.0",
                "status": "CURRENT",
                "version": VERSIONS.text(VERSIONS.maximum),
                "min_version": VERSIONS.text(VERSIONS.minimum),
                "updated": "2023-08-31T00:00:00Z",
                "links": [
                    {
                        "rel": "describedby",
                        "type": "text/html",
                        "href": "https://docs.openstack.org/",
                    },
                    {"rel": "self", "href": f"{request.base}/volume/v3/"},
                ],
                "media-types": [
                    {
                        "base": "application/json",
                        "type": "application/vnd.openstack.volume+json;version=3",
                    }
                ],
            }
        ]
    }


async def show_versions(request: Request) -> dict[str, Any]:
    """What is served here; needs no token."""
    return document(request)


ROOT_ROUTES: Final = (Route("GET", "/", show_versions, PUBLIC, status=300),)
ROUTES: Final = (Route("GET", "/", show_versions, PUBLIC),)
