"""``/events``: what projects began and ceased to use."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.pumice_v1 import policies
from pumice.api.query import page, single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import time_text
from pumice.errors import NotFound
from pumice.services.events import list_events


async def list_all(request: Request) -> dict[str, Any]:
    """A page of usage events, oldest first; ``marker`` is the last id of the page before."""
    paging = page(single_values(request), {"created_at", "id"})
    bound = request.services.settings.osapi_max_limit
    found = await request.read(
        list_events, request.context, paging.marker, min(paging.limit or bound, bound)
    )
    return {
        "events": [
            {
                "id": event.id,
                "event": event.event,
                "project_id": event.project_id,
                "resource_id": event.resource_id,
                "size_gib": event.size_gib,
                "created_at": time_text(event.created_at),
            }
            for event in found
        ]
    }


ROUTES: Final = (Route("GET", "/events", list_all, policies.EVENTS, raises=(NotFound,)),)
