"""``/messages``: why something failed, in words for the user (from 3.3)."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from pumice.api.query import PAGE_KEYS, page, single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import next_link, time_text
from pumice.api.volume_v3 import policies, versions
from pumice.api.volume_v3.views import Link, links
from pumice.errors import InvalidInput, NotFound
from pumice.model.message import LEVEL, Message, MessageQuery
from pumice.services.messages import SORT_KEYS, delete_message, find_message, list_messages

FILTERS: Final = frozenset(
    {"resource_uuid", "resource_type", "event_id", "request_id", "message_level"}
)


class MessageView(Struct, frozen=True):
    """A message as every answer shows it."""

    id: str
    event_id: str
    user_message: str
    message_level: str
    created_at: str | None
    guaranteed_until: str | None
    request_id: str
    resource_type: str
    resource_uuid: str
    links: tuple[Link, ...]


def view(request: Request, message: Message) -> MessageView:
    """The message as Cinder shows it."""
    return MessageView(
        id=message.id,
        event_id=message.event_id,
        user_message=message.user_message,
        message_level=LEVEL,
        created_at=time_text(message.created_at),
        guaranteed_until=time_text(message.expires_at),
        request_id=message.request_id,
        resource_type=message.resource_type,
        resource_uuid=message.resource_id,
        links=links(request, "messages", message.id),
    )


async def list_all(request: Request) -> dict[str, Any]:
    """The messages of the caller's project, newest first; from 3.5 by pages, filtered and sorted."""
    query = _query(request)
    # One more than the page holds tells whether another page follows.
    found = await request.read(list_messages, replace(query, limit=query.limit + 1))
    shown = found[: query.limit]
    answer: dict[str, Any] = {"messages": [view(request, one) for one in shown]}
    if len(found) > len(shown) and request.microversion >= versions.MESSAGES_PAGES:
        answer["messages_links"] = next_link(request, shown[-1].id)
    return answer


def _query(request: Request) -> MessageQuery:
    """What the query asks for; below 3.5 nothing counts. A limit of 0 means the server's bound.

    An administrator may ask for another project's messages by ``project_id``.
    """
    context = request.context
    given = single_values(request) if request.microversion >= versions.MESSAGES_PAGES else {}
    paging = page(given, SORT_KEYS)
    filters = _filters(request, given)
    bound = request.services.settings.osapi_max_limit
    return MessageQuery(
        filters.pop("project_id", "") or context.project_id or "",
        filters,
        paging.sort,
        min(paging.limit or bound, bound),
        paging.offset,
        paging.marker,
    )


def _filters(request: Request, given: dict[str, str]) -> dict[str, str]:
    """The filters that count; an unknown one is refused from 3.31 on."""
    known = FILTERS | ({"project_id"} if request.context.is_admin else set())
    if request.microversion >= versions.LIKE_FILTERS:
        known |= {f"{key}~" for key in FILTERS}
    unknown = given.keys() - known - PAGE_KEYS - {"all_tenants"}
    if unknown and request.microversion >= versions.RESOURCE_FILTERS:
        raise InvalidInput(f"Invalid filters {min(unknown)} are found in query options.")
    return {key: value for key, value in given.items() if key in known}


async def show(request: Request) -> dict[str, Any]:
    """One message."""
    message_id = request.parameters["message_id"]
    found = await request.read(find_message, request.context, message_id)
    return {"message": view(request, found)}


async def delete(request: Request) -> None:
    """Remove one message."""
    await request.write(delete_message, request.context, request.parameters["message_id"])


ROUTES: Final = (
    Route(
        "GET",
        "/messages",
        list_all,
        policies.MESSAGE_LIST,
        since=versions.MESSAGES,
        raises=(NotFound,),
    ),
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
