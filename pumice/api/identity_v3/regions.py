"""``/regions``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from msgspec import UNSET, Meta, UnsetType

from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.resource import IdentityBody, Resource, changes_in, perform
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.errors import Conflict, Forbidden, InvalidInput, NotFound
from pumice.model.identity import Region, RegionQuery
from pumice.services import regions

RegionId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^/]*[^/\s][^/]*\Z")]
"""Any text that can be a part of a path: people choose it."""
NewRegionId = Annotated[str, Meta(max_length=255, pattern=r"^[^/]*\Z")]
Description = Annotated[str, Meta(max_length=255)]


class CreateRegion(IdentityBody, kw_only=True):
    """``POST /regions`` and ``PUT /regions/{region_id}``. Without an ``id``, one is made."""

    WRAPPER = "region"
    EXAMPLE: ClassVar[Any] = {"description": "Example."}

    id: NewRegionId | UnsetType | None = UNSET
    description: Description | None = None
    parent_region_id: RegionId | None = None


class UpdateRegion(IdentityBody, kw_only=True):
    """``PATCH /regions/{region_id}``."""

    WRAPPER = "region"
    EXAMPLE: ClassVar[Any] = {"description": "Changed."}

    description: Description | UnsetType | None = UNSET
    parent_region_id: RegionId | UnsetType | None = UNSET


def region_view(_request: Request, region: Region) -> dict[str, Any]:
    """A region."""
    return region.extra | {
        "id": region.id,
        "description": region.description,
        "parent_region_id": region.parent_region_id,
    }


REGIONS: Final = Resource(
    "regions",
    "region",
    regions.list_regions,
    regions.find_region,
    RegionQuery,
    region_view,
    policies.LIST_REGIONS,
    policies.GET_REGION,
)


async def create_region(request: Request, body: CreateRegion) -> dict[str, Any]:
    """Make a region."""
    region_id = body.id.strip() if isinstance(body.id, str) else ""
    return await _create(request, body, region_id or request.services.seams.ids.identity_side())


async def create_region_of_id(request: Request, body: CreateRegion) -> dict[str, Any]:
    """Make a region whose id is the path's."""
    region_id = request.parameters["region_id"]
    if body.id not in (UNSET, None, region_id):
        raise InvalidInput(f'Conflicting region IDs specified: "{region_id}" != "{body.id}"')
    return await _create(request, body, region_id)


async def _create(request: Request, body: CreateRegion, region_id: str) -> dict[str, Any]:
    region = Region(region_id, body.description or "", body.parent_region_id, body.extra)
    return await REGIONS.change(request, regions.create_region, region)


async def update_region(request: Request, body: UpdateRegion) -> dict[str, Any]:
    """Change a region."""
    changes = changes_in(request, body, "region_id")
    region_id = request.parameters["region_id"]
    return await REGIONS.change(request, regions.update_region, region_id, changes)


async def delete_region(request: Request) -> None:
    """Remove a region in which nothing is."""
    await perform(request, regions.delete_region, request.parameters["region_id"])


_REGION: Final = "/regions/{region_id}"

ROUTES: Final = (
    *REGIONS.routes(),
    Route(
        "POST",
        "/regions",
        create_region,
        policies.CREATE_REGION,
        status=201,
        body=CreateRegion,
        keyed=True,
        raises=(NotFound, Conflict),
    ),
    Route(
        "PUT",
        _REGION,
        create_region_of_id,
        policies.CREATE_REGION,
        status=201,
        body=CreateRegion,
        raises=(NotFound, Conflict),
    ),
    Route(
        "PATCH",
        _REGION,
        update_region,
        policies.UPDATE_REGION,
        body=UpdateRegion,
        raises=(NotFound,),
    ),
    Route(
        "DELETE",
        _REGION,
        delete_region,
        policies.DELETE_REGION,
        status=204,
        raises=(NotFound, Forbidden),
    ),
)
