"""``/endpoints``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from msgspec import UNSET, Meta, UnsetType

from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.regions import RegionId
from pumice.api.identity_v3.resource import IdentityBody, Resource, changes_in, perform
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.errors import NotFound
from pumice.model.identity import Endpoint, EndpointQuery, Interface
from pumice.services import endpoints
from pumice.services.catalog import BASE

Url = Annotated[str, Meta(max_length=225, pattern=r"^[a-zA-Z0-9+.-]+:.+\Z")]
"""With ``$(project_id)s`` and its variants for the project of whoever reads a catalog."""


class CreateEndpoint(IdentityBody, kw_only=True):
    """``POST /endpoints``.

    ``region`` is the old name of ``region_id``; by that name, a region that does not exist is made.
    """

    WRAPPER = "endpoint"
    EXAMPLE: ClassVar[Any] = {
        "service_id": "example",
        "interface": "public",
        "url": "http://example.com/",
    }

    service_id: str
    interface: Interface
    url: Url
    region_id: RegionId | None = None
    region: RegionId | None = None
    enabled: bool = True


class UpdateEndpoint(IdentityBody, kw_only=True):
    """``PATCH /endpoints/{endpoint_id}``."""

    WRAPPER = "endpoint"
    EXAMPLE: ClassVar[Any] = {"enabled": False}

    service_id: str | UnsetType = UNSET
    interface: Interface | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    region_id: RegionId | UnsetType | None = UNSET
    region: RegionId | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


def endpoint_view(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint; of its template only the project is left to be filled in."""
    return endpoint.extra | {
        "id": endpoint.id,
        "service_id": endpoint.service_id,
        "interface": endpoint.interface,
        "region": endpoint.region_id,
        "region_id": endpoint.region_id,
        "url": endpoint.url.replace(BASE, request.base),
        "enabled": endpoint.enabled,
    }


ENDPOINTS: Final = Resource(
    "endpoints",
    "endpoint",
    endpoints.list_endpoints,
    endpoints.find_endpoint,
    EndpointQuery,
    endpoint_view,
    policies.LIST_ENDPOINTS,
    policies.GET_ENDPOINT,
)


async def create_endpoint(request: Request, body: CreateEndpoint) -> dict[str, Any]:
    """Make an endpoint."""
    endpoint = Endpoint(
        request.services.seams.ids.identity_side(),
        body.service_id,
        body.interface,
        body.region_id or body.region,
        body.url,
        body.enabled,
        body.extra,
    )
    new_region = None if body.region_id else body.region
    return await ENDPOINTS.change(request, endpoints.create_endpoint, endpoint, new_region)


async def update_endpoint(request: Request, body: UpdateEndpoint) -> dict[str, Any]:
    """Change an endpoint; a disabled one stands in no catalog."""
    changes = changes_in(request, body, "endpoint_id")
    region = changes.pop("region", UNSET)
    new_region = None
    if region is not UNSET and changes.get("region_id") is None:
        new_region = changes["region_id"] = region
    endpoint_id = request.parameters["endpoint_id"]
    return await ENDPOINTS.change(
        request, endpoints.update_endpoint, endpoint_id, changes, new_region
    )


async def delete_endpoint(request: Request) -> None:
    """Remove an endpoint."""
    await perform(request, endpoints.delete_endpoint, request.parameters["endpoint_id"])


ROUTES: Final = (
    *ENDPOINTS.routes(),
    Route(
        "POST",
        "/endpoints",
        create_endpoint,
        policies.CREATE_ENDPOINT,
        status=201,
        body=CreateEndpoint,
        keyed=True,
    ),
    Route(
        "PATCH",
        "/endpoints/{endpoint_id}",
        update_endpoint,
        policies.UPDATE_ENDPOINT,
        body=UpdateEndpoint,
        raises=(NotFound,),
    ),
    Route(
        "DELETE",
        "/endpoints/{endpoint_id}",
        delete_endpoint,
        policies.DELETE_ENDPOINT,
        status=204,
        raises=(NotFound,),
    ),
)
