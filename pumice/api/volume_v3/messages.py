"""``/messages``: why something failed, in words for the user (from 3.3)."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies, versions
from pumice.api.volume_v3.query import page, single_values
from pumice.api.volume_v3.views import links, time_text
from pumice.errors import NotFound
from pumice.model.message import Message
from pumice.services.messages import delete_message, find_message, list_messages


def view(request: Request, message: Message) -> dict[str, Any]:
    """The message as Cinder shows it."""
    return {
        "id": message.id,
        "event_id": f"VOLUME_{message.resource_type}_{message.action}_{message.detail}",
        "user_message": message.user_message,
        "message_level": "ERROR",
        "created_at": time_text(message.created_at),
        "guaranteed_until": time_text(message.expires_at),
        "request_id": message.request_id,
        "resource_type": message.resource_type,
        "resource_uuid": message.resource_id,
        "links": links(request, "messages", message.id),
    }


async def list_all(request: Request) -> dict[str, Any]:
    """The newest messages of the caller's project."""
    bound = request.services.settings.osapi_max_limit
    given = single_values(request)
    limit = page(given, {"created_at", "id"}).limit
    found = await request.services.units.read(list_messages, request.context, limit or bound)
    resource = given.get("resource_uuid")
    return {
        "messages": [view(request, one) for one in found if resource in (None, one.resource_id)]
    }


async def show(request: Request) -> dict[str, Any]:
    """One message."""
    message_id = request.parameters["message_id"]
    found = await request.services.units.read(find_message, request.context, message_id)
    return {"message": view(request, found)}


async def delete(request: Request) -> None:
    """Remove one message."""
    await request.services.units.write(
        delete_message, request.context, request.parameters["message_id"], trace=request.trace
    )


ROUTES: Final = (
    Route("GET", "/messages", list_all, policies.MESSAGE_LIST, since=versions.MESSAGES),
    Route(
        "GET",
        "/messages/{message_id}",
        show,
        policies.MESSAGE_SHOW,
        since=versions.MESSAGES,
        raises=(NotFound,),
    ),
    Route(
        "DELETE",
        "/messages/{message_id}",
        delete,
        policies.MESSAGE_DELETE,
        status=204,
        since=versions.MESSAGES,
        raises=(NotFound,),
    ),
)
