"""``/os-services``: which processes serve which backends, whether they live, and whether they may work."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar, Final

from msgspec import UNSET, Struct, UnsetType

from pumice.api.body import Body, Name, Text
from pumice.api.policy import Policy
from pumice.api.query import single_values
from pumice.api.request import Request
from pumice.api.route import Handler, Route
from pumice.api.views import time_text
from pumice.api.volume_v3 import policies, versions
from pumice.errors import InvalidInput, NotFound
from pumice.model.backend import ServiceFlags
from pumice.services.hosts import ServiceState, freeze, list_services, set_service

_HOST: Final = re.compile(r"[a-zA-Z0-9._#@:/+\[\]-]*")


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


class ChangeService(Body):
    """``PUT /os-services/enable`` and ``disable``; ``service`` is the older name of ``binary``."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"host": "nowhere@none", "binary": "cinder-volume"}

    host: Text | None = None
    binary: Text | UnsetType = UNSET
    service: Text | UnsetType = UNSET
    cluster: Text | None = None


class DisableWithReason(ChangeService):
    """``PUT /os-services/disable-log-reason``."""

    EXAMPLE = ChangeService.EXAMPLE | {"disabled_reason": "New disks."}

    disabled_reason: Name | UnsetType = UNSET


class FreezeHost(Body):
    """``PUT /os-services/freeze`` and ``thaw``."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"host": "nowhere@none"}

    host: Text | None = None
    cluster: Text | None = None


async def find_services(request: Request) -> list[ServiceState]:
    """Every service as it is now."""
    settings = request.services.settings
    return await request.read(
        list_services,
        request.context,
        settings.service_down_time,
        settings.storage_availability_zone,
    )


def is_on(host: str, wanted: str) -> bool:
    """Whether a service of ``host`` is meant by ``wanted``, a host or ``host@backend``."""
    return wanted in (host, host.partition("@")[0])


async def list_os_services(request: Request) -> dict[str, Any]:
    """Every service, or those of one binary or host."""
    given = single_values(request)
    binary = given.get("binary") or given.get("service")
    host = given.get("host")
    return {
        "services": [
            view(request, service)
            for service in await find_services(request)
            if binary in (None, "", service.binary) and (not host or is_on(service.host, host))
        ]
    }


async def enable(request: Request, body: ChangeService) -> dict[str, Any]:
    """Let a service work again."""
    return await _change(request, body, ServiceFlags())


async def disable(request: Request, body: ChangeService) -> dict[str, Any]:
    """Let a service take no new work."""
    return await _change(request, body, ServiceFlags(enabled=False))


async def disable_log_reason(request: Request, body: DisableWithReason) -> dict[str, Any]:
    """The same, with the reason that verdicts and lists name."""
    reason = body.disabled_reason or None
    if reason is None and body.disabled_reason is not UNSET:
        raise InvalidInput("Invalid input: 'body.disabled_reason' must not be empty.")
    answer = await _change(request, body, ServiceFlags(enabled=False, disabled_reason=reason))
    return answer | {"disabled_reason": reason}


async def _change(request: Request, body: ChangeService, flags: ServiceFlags) -> dict[str, Any]:
    host, binary, service = _host(body.host), body.binary or "", body.service or ""
    if not (binary or service):
        raise InvalidInput("Invalid input: 'body' needs a 'binary' or a 'service'.")
    await request.write(
        set_service, request.context, host, binary or service, flags, request.services.pools
    )
    return {
        "host": host,
        "service": service,
        "binary": binary,
        "status": "enabled" if flags.enabled else "disabled",
        "disabled": not flags.enabled,
    }


async def freeze_host(request: Request, body: FreezeHost) -> None:
    """Let nothing be made on a backend, and nothing be removed from it."""
    await _freeze(request, body, policies.FREEZE_HOST, frozen=True)


async def thaw_host(request: Request, body: FreezeHost) -> None:
    """Let a frozen backend work again."""
    await _freeze(request, body, policies.THAW_HOST, frozen=False)


async def _freeze(request: Request, body: FreezeHost, policy: Policy, *, frozen: bool) -> None:
    request.services.rules.enforce(policy, request.context, request.own_target())
    if body.cluster and request.microversion >= versions.REPLICATION_CLUSTERS:
        if body.host:
            raise InvalidInput(
                "Invalid input received: One and only one of cluster and host must be set."
            )
        raise NotFound(f"Cluster {body.cluster} could not be found.")
    view = request.services.pools
    await request.write(freeze, _host(body.host), frozen, view)


def _host(host: str | None) -> str:
    """Raises :class:`InvalidInput` for none, and for what cannot be the name of one."""
    if not host:
        raise InvalidInput("Invalid input received: Host field is missing.")
    if not _HOST.fullmatch(host):
        raise InvalidInput("Invalid input: 'body.host' is not the name of a host.")
    return host


def _change_route(action: str, handler: Handler, body: type[Body]) -> Route:
    return Route(
        "PUT",
        f"/os-services/{action}",
        handler,
        policies.SERVICES_UPDATE,
        body=body,
        raises=(NotFound,),
    )


ROUTES: Final = (
    Route("GET", "/os-services", list_os_services, policies.SERVICES),
    _change_route("enable", enable, ChangeService),
    _change_route("disable", disable, ChangeService),
    _change_route("disable-log-reason", disable_log_reason, DisableWithReason),
    replace(_change_route("freeze", freeze_host, FreezeHost), further=(policies.FREEZE_HOST,)),
    replace(_change_route("thaw", thaw_host, FreezeHost), further=(policies.THAW_HOST,)),
)
