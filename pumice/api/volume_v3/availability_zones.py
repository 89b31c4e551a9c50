"""``/os-availability-zone``: where volumes can be."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies
from pumice.services.zones import list_zones


async def list_availability_zones(request: Request) -> dict[str, Any]:
    """Every zone of a backend; one is available while a backend there is enabled."""
    zones = await request.read(list_zones)
    return {
        "availabilityZoneInfo": [
            {"zoneName": name, "zoneState": {"available": available}}
            for name, available in zones.items()
        ]
    }


ROUTES: Final = (
    Route("GET", "/os-availability-zone", list_availability_zones, policies.AVAILABILITY_ZONES),
)
