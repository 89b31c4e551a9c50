"""``/os-hosts``: the services in the words of an older API, and what projects have on a backend."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pumice.api.body import Body, Text
from pumice.api.query import single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import time_text
from pumice.api.volume_v3 import policies
from pumice.api.volume_v3.services import find_services
from pumice.errors import InvalidInput, NotFound
from pumice.model.backend import ServiceFlags
from pumice.services.hosts import VOLUME, find_usage, set_service

_STATES: Final = {"enable": True, "disable": False}


class UpdateHost(Body):
    """``PUT /os-hosts/{host}``."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"status": "enable"}

    status: Text


async def list_os_hosts(request: Request) -> dict[str, Any]:
    """Every host of a service (Cinder's deprecated view of the same)."""
    zone = single_values(request).get("zone")
    return {
        "hosts": [
            {
                "host_name": service.host,
                "service": service.binary,
                "zone": service.zone,
                "service-status": "available" if service.up else "unavailable",
                "service-state": "enabled" if service.enabled else "disabled",
                "last-update": time_text(service.updated_at),
            }
            for service in await find_services(request)
            if zone in (None, "", service.zone)
        ]
    }


async def show_os_host(request: Request) -> dict[str, Any]:
    """What there is on a backend in all, then for each project; every figure is a text."""
    host = request.parameters["host"]
    usage = await request.read(find_usage, host)
    total = sum(one.volumes for one in usage), sum(one.size_gib for one in usage)
    rows = [("(total)", *total), *((one.project_id, one.volumes, one.size_gib) for one in usage)]
    return {
        "host": [
            {
                "resource": {
                    "host": host,
                    "project": project_id,
                    "volume_count": str(volumes),
                    "total_volume_gb": str(size_gib),
                    "snapshot_count": "0",
                    "total_snapshot_gb": "0",
                }
            }
            for project_id, volumes, size_gib in rows
        ]
    }


async def update_os_host(request: Request, body: UpdateHost) -> dict[str, Any]:
    """Enable or disable the volume service of a backend."""
    host, status = request.parameters["host"], body.status.strip().lower()
    if status not in _STATES:
        raise InvalidInput(f"Invalid status: '{body.status}'")
    flags = ServiceFlags(_STATES[status])
    view = request.services.pools
    await request.write(set_service, request.context, host, VOLUME, flags, view)
    return {"host": host, "status": f"{status}d"}


ROUTES: Final = (
    Route("GET", "/os-hosts", list_os_hosts, policies.HOSTS),
    Route("GET", "/os-hosts/{host}", show_os_host, policies.HOSTS, raises=(NotFound,)),
    Route(
        "PUT",
        "/os-hosts/{host}",
        update_os_host,
        policies.HOSTS,
        body=UpdateHost,
        raises=(NotFound,),
    ),
)
