"""``/flavors/{flavor_id}/os-flavor-access`` and the actions that change it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pumice.api.body import MAX_TEXT, Body
from pumice.api.compute_v2 import policies, versions
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.errors import Conflict, InvalidInput, NotFound
from pumice.services.flavors import grant_access, list_access, revoke_access


class AddAccess(Body):
    """``addTenantAccess``; Nova still calls projects tenants here."""

    WRAPPER = "addTenantAccess"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"tenant": "example"}

    tenant: str


class RemoveAccess(AddAccess):
    """``removeTenantAccess``."""

    WRAPPER = "removeTenantAccess"


def view(flavor_id: str, project_ids: list[str]) -> dict[str, Any]:
    """The projects that may use a flavor."""
    return {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": one} for one in project_ids]}


async def list_all(request: Request) -> dict[str, Any]:
    """The projects that may use a flavor that is not public."""
    flavor_id = request.parameters["flavor_id"]
    found = await request.read(list_access, request.context, flavor_id)
    return view(flavor_id, found)


async def add(request: Request, body: AddAccess) -> dict[str, Any]:
    """Let a project use it."""
    flavor_id = request.parameters["flavor_id"]
    return await request.write(
        grant_access,
        request.context,
        flavor_id,
        _project(body.tenant),
        request.microversion >= versions.NO_ACCESS_TO_PUBLIC,
        view=lambda found: view(flavor_id, found),
    )


async def remove(request: Request, body: RemoveAccess) -> dict[str, Any]:
    """Take it away from a project."""
    flavor_id = request.parameters["flavor_id"]
    return await request.write(
        revoke_access,
        request.context,
        flavor_id,
        _project(body.tenant),
        view=lambda found: view(flavor_id, found),
    )


def _project(text: str) -> str:
    if not 1 <= len(text) <= MAX_TEXT:
        raise InvalidInput("Invalid input for field/attribute tenant: 1 to 255 characters.")
    return text


ROUTES: Final = (
    Route(
        "GET",
        "/flavors/{flavor_id}/os-flavor-access",
        list_all,
        policies.LIST_ACCESS,
        raises=(NotFound,),
    ),
    Route(
        "POST",
        "/flavors/{flavor_id}/action",
        add,
        policies.GRANT_ACCESS,
        action="addTenantAccess",
        body=AddAccess,
        keyed=True,
        raises=(NotFound, Conflict),
    ),
    Route(
        "POST",
        "/flavors/{flavor_id}/action",
        remove,
        policies.REVOKE_ACCESS,
        action="removeTenantAccess",
        body=RemoveAccess,
        keyed=True,
        raises=(NotFound,),
    ),
)
