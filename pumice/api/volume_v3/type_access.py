"""``/types/{type_id}/os-volume-type-access`` and the actions that change it: who may use a private type."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pumice.api.body import Body, Text
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies
from pumice.errors import Conflict, InvalidInput, NotFound
from pumice.services import type_access


class AddAccess(Body):
    """``POST /types/{type_id}/action`` with ``addProjectAccess``."""

    WRAPPER = "addProjectAccess"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"project": "example"}

    project: Text


class RemoveAccess(AddAccess):
    """The same with ``removeProjectAccess``."""

    WRAPPER = "removeProjectAccess"


async def list_type_access(request: Request) -> dict[str, Any]:
    """The projects that may use the type."""
    type_id = request.parameters["type_id"]
    projects = await request.read(type_access.list_type_access, request.context, type_id)
    return {
        "volume_type_access": [
            {"volume_type_id": type_id, "project_id": project_id} for project_id in projects
        ]
    }


async def add_type_access(request: Request, body: AddAccess) -> None:
    """Let a project use the type."""
    await request.write(
        type_access.add_type_access,
        request.context,
        request.parameters["type_id"],
        _project(body),
    )


async def remove_type_access(request: Request, body: RemoveAccess) -> None:
    """Let a project use the type no longer."""
    await request.write(
        type_access.remove_type_access,
        request.context,
        request.parameters["type_id"],
        _project(body),
    )


def _project(body: AddAccess) -> str:
    if not body.project:
        raise InvalidInput(f"Invalid input: '{body.WRAPPER}.project' must not be empty.")
    return body.project


ROUTES: Final = (
    Route(
        "GET",
        "/types/{type_id}/os-volume-type-access",
        list_type_access,
        policies.TYPE_ACCESS_LIST,
        raises=(NotFound,),
    ),
    Route(
        "POST",
        "/types/{type_id}/action",
        add_type_access,
        policies.TYPE_ACCESS_ADD,
        status=202,
        body=AddAccess,
        action="addProjectAccess",
        keyed=True,
        raises=(NotFound, Conflict),
    ),
    Route(
        "POST",
        "/types/{type_id}/action",
        remove_type_access,
        policies.TYPE_ACCESS_REMOVE,
        status=202,
        body=RemoveAccess,
        action="removeProjectAccess",
        keyed=True,
        raises=(NotFound,),
    ),
)
