"""``/services``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from msgspec import UNSET, Meta, UnsetType

from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.resource import IdentityBody, Resource, changes_in, perform
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.errors import NotFound
from pumice.model.identity import Service, ServiceQuery
from pumice.services import services

ServiceType = Annotated[str, Meta(min_length=1, max_length=255)]
ServiceName = Annotated[str, Meta(min_length=1, max_length=255)]


class CreateService(IdentityBody, kw_only=True):
    """``POST /services``."""

    WRAPPER = "service"
    EXAMPLE: ClassVar[Any] = {"type": "example"}

    type: ServiceType
    name: ServiceName | None = None
    description: str | None = None
    enabled: bool = True


class UpdateService(IdentityBody, kw_only=True):
    """``PATCH /services/{service_id}``."""

    WRAPPER = "service"
    EXAMPLE: ClassVar[Any] = {"description": "Changed."}

    type: ServiceType | UnsetType = UNSET
    name: ServiceName | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


def service_view(_request: Request, service: Service) -> dict[str, Any]:
    """A service."""
    return service.extra | {
        "id": service.id,
        "type": service.type,
        "name": service.name,
        "description": service.description,
        "enabled": service.enabled,
    }


SERVICES: Final = Resource(
    "services",
    "service",
    services.list_services,
    services.find_service,
    ServiceQuery,
    service_view,
    policies.LIST_SERVICES,
    policies.GET_SERVICE,
)


async def create_service(request: Request, body: CreateService) -> dict[str, Any]:
    """Make a service; it stands in catalogs as soon as it has an endpoint."""
    service = Service(
        request.services.seams.ids.identity_side(),
        body.type,
        body.name or "",
        body.description or "",
        body.enabled,
        body.extra,
    )
    return await SERVICES.change(request, services.create_service, service)


async def update_service(request: Request, body: UpdateService) -> dict[str, Any]:
    """Change a service; a disabled one stands in no catalog."""
    changes = changes_in(request, body, "service_id")
    service_id = request.parameters["service_id"]
    return await SERVICES.change(request, services.update_service, service_id, changes)


async def delete_service(request: Request) -> None:
    """Remove a service with its endpoints."""
    await perform(request, services.delete_service, request.parameters["service_id"])


ROUTES: Final = (
    *SERVICES.routes(),
    Route(
        "POST",
        "/services",
        create_service,
        policies.CREATE_SERVICE,
        status=201,
        body=CreateService,
        keyed=True,
    ),
    Route(
        "PATCH",
        "/services/{service_id}",
        update_service,
        policies.UPDATE_SERVICE,
        body=UpdateService,
        raises=(NotFound,),
    ),
    Route(
        "DELETE",
        "/services/{service_id}",
        delete_service,
        policies.DELETE_SERVICE,
        status=204,
        raises=(NotFound,),
    ),
)
