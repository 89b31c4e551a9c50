"""``/default-types``: the volume types that projects have instead of the configured default."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pumice.api.body import Body, Name
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies, versions
from pumice.api.volume_v3.quotas import of_project
from pumice.errors import InvalidInput, NotFound
from pumice.services import default_types


class SetDefaultType(Body):
    """``PUT /default-types/{project_id}``: a type by its id or name."""

    WRAPPER = "default_type"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"volume_type": "__DEFAULT__"}

    volume_type: Name


async def list_default_types(request: Request) -> dict[str, Any]:
    """The defaults of all projects that have one of their own."""
    found = await request.read(default_types.list_default_types, request.context)
    return {"default_types": found}


async def show_default_type(request: Request) -> dict[str, Any]:
    """One project's own default."""
    project_id = request.parameters["project_id"]
    found = await request.read(default_types.show_default_type, request.context, project_id)
    return {"default_type": found}


async def set_default_type(request: Request, body: SetDefaultType) -> dict[str, Any]:
    """Give a project a default of its own."""
    if not body.volume_type:
        raise InvalidInput("Invalid input: 'default_type.volume_type' must not be empty.")
    made = await request.write(
        default_types.set_default_type,
        request.context,
        request.parameters["project_id"],
        body.volume_type,
    )
    return {"default_type": made}


async def unset_default_type(request: Request) -> None:
    """Take a project's own default away."""
    await request.write(
        default_types.unset_default_type, request.context, request.parameters["project_id"]
    )


_ONE: Final = "/default-types/{project_id}"
_SINCE: Final = versions.DEFAULT_TYPES

ROUTES: Final = (
    Route("GET", "/default-types", list_default_types, policies.DEFAULT_TYPE_LIST, since=_SINCE),
    Route(
        "GET",
        _ONE,
        show_default_type,
        policies.DEFAULT_TYPE_SHOW,
        target=of_project,
        since=_SINCE,
        raises=(NotFound,),
    ),
    Route(
        "PUT",
        _ONE,
        set_default_type,
        policies.DEFAULT_TYPE_SET,
        body=SetDefaultType,
        target=of_project,
        since=_SINCE,
        raises=(NotFound,),
    ),
    Route(
        "DELETE",
        _ONE,
        unset_default_type,
        policies.DEFAULT_TYPE_UNSET,
        status=204,
        target=of_project,
        since=_SINCE,
    ),
)
