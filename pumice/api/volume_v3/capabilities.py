"""``/capabilities/{host}``: what a backend is, and which properties types may ask it for."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies
from pumice.errors import NotFound

_PROPERTIES: Final = (
    ("thin_provisioning", "Thin Provisioning", "Sets thin provisioning."),
    ("compression", "Compression", "Enables compression."),
    ("qos", "QoS", "Enables QoS."),
    ("replication_enabled", "Replication", "Enables replication."),
)
"""Cinder's standard properties: the name, its title, and what it means."""


async def show_capabilities(request: Request) -> dict[str, Any]:
    """What the driver of a backend last reported of itself, in Cinder's shape."""
    host = request.parameters["host"].partition("#")[0]
    pools = [one for one in request.services.pools.pools() if one.backend_host == host]
    if not pools:
        raise NotFound(f"Can't find service: {host}")
    reported = pools[0].capabilities
    return {
        "namespace": f"OS::Storage::Capabilities::{host}",
        "vendor_name": reported.get("vendor_name"),
        "volume_backend_name": reported.get("volume_backend_name"),
        # As in Cinder: of several pools, none stands for the backend.
        "pool_name": reported.get("pool_name") if len(pools) == 1 else None,
        "driver_version": reported.get("driver_version"),
        "storage_protocol": reported.get("storage_protocol"),
        "display_name": reported.get("display_name"),
        "description": reported.get("description"),
        "visibility": reported.get("visibility"),
        "replication_targets": [],
        "properties": {
            name: {"title": title, "description": description, "type": "boolean"}
            for name, title, description in _PROPERTIES
        },
    }


ROUTES: Final = (
    Route(
        "GET",
        "/capabilities/{host}",
        show_capabilities,
        policies.CAPABILITIES,
        raises=(NotFound,),
    ),
)
