"""``/os-services`` and ``/os-hosts``: which processes serve which backends, and whether they live."""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies, versions
from pumice.api.volume_v3.query import single_values
from pumice.api.volume_v3.views import time_text
from pumice.services.hosts import ServiceState, list_services


class ServiceView(Struct, frozen=True):
    """One service; the fields from ``replication_status`` on stand for volume services only."""

    binary: str
    host: str
    zone: str
    status: str
    state: str
    updated_at: str | None
    disabled_reason: str | None
    cluster: UnsetType | None = UNSET
    replication_status: str | UnsetType = UNSET
    active_backend_id: UnsetType | None = UNSET
    frozen: bool | UnsetType = UNSET
    backend_state: str | UnsetType = UNSET


def view(request: Request, service: ServiceState) -> ServiceView:
    """The service at this microversion."""
    is_volume = service.binary == "cinder-volume"
    return ServiceView(
        service.binary,
        service.host,
        service.zone,
        "enabled" if service.enabled else "disabled",
        "up" if service.up else "down",
        time_text(service.updated_at),
        service.disabled_reason,
        None if request.microversion >= versions.CLUSTERS else UNSET,
        "disabled" if is_volume else UNSET,
        None if is_volume else UNSET,
        service.frozen if is_volume else UNSET,
        ("up" if service.backend_up else "down")
        if is_volume and request.microversion >= versions.BACKEND_STATE
        else UNSET,
    )


async def _services(request: Request) -> list[ServiceState]:
    settings = request.services.settings
    return await request.services.units.read(
        list_services,
        request.context,
        settings.service_down_time,
        settings.storage_availability_zone,
    )


async def list_os_services(request: Request) -> dict[str, Any]:
    """Every service, or those of one binary or host."""
    given = single_values(request)
    binary = given.get("binary") or given.get("service")
    host = given.get("host")
    return {
        "services": [
            view(request, service)
            for service in await _services(request)
            if binary in (None, "", service.binary)
            and (not host or service.host == host or service.host.partition("@")[0] == host)
        ]
    }


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
            for service in await _services(request)
            if zone in (None, service.zone)
        ]
    }


ROUTES: Final = (
    Route("GET", "/os-services", list_os_services, policies.SERVICES),
    Route("GET", "/os-hosts", list_os_hosts, policies.HOSTS),
)
