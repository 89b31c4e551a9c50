"""Every route of Pumice's own API, and the unversioned ones: health and the root."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.app import Api
from pumice.api.pumice_v1 import debug, events, identity, operations, processes, traces
from pumice.api.request import Answer, Request
from pumice.api.route import PUBLIC, Route


async def show_version(request: Request) -> dict[str, Any]:
    """The version document."""
    return {
        "versions": [
            {
                "id": "v1",
                "status": "CURRENT",
                "links": [{"rel": "self", "href": f"{request.base}/pumice/v1"}],
            }
        ]
    }


async def show_root(request: Request) -> dict[str, Any]:
    """What is served, for whoever opens the address in a browser."""
    return {
        "pumice": {
            name: f"{request.base}{path}"
            for name, path in (
                ("identity", "/identity/v3"),
                ("block-storage", "/volume/v3"),
                ("compute", "/compute/v2.1"),
                ("pumice", "/pumice/v1"),
            )
        }
    }


async def show_health(request: Request) -> Answer:
    """The process answers."""
    del request
    return Answer(b'{"status":"ok"}')


async def show_readiness(request: Request) -> Answer:
    """Ready while at least one backend is up; anybody may ask, so none is named.

    One that an administrator disabled or froze counts: what it has is still shown and served.
    """
    ready = any(pool.up for pool in request.services.pools.pools())
    return Answer({"ready": ready}, 200 if ready else 503)


APIS: Final = (
    Api(
        (),
        (
            Route("GET", "/", show_root, PUBLIC),
            Route("GET", "/healthz", show_health, PUBLIC),
            Route("GET", "/readyz", show_readiness, PUBLIC),
        ),
    ),
    Api(("pumice",), (Route("GET", "/", show_version, PUBLIC, status=300),)),
    Api(
        ("pumice", "v1"),
        (
            Route("GET", "/", show_version, PUBLIC),
            *operations.ROUTES,
            *traces.ROUTES,
            *processes.ROUTES,
            *events.ROUTES,
            *debug.ROUTES,
            *identity.ROUTES,
        ),
    ),
)
