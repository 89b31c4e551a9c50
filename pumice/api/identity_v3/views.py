"""What the resources of the identity API share in their answers: links, times, lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pumice.api.request import Request


def time_text(us: int) -> str:
    """UTC microseconds as Keystone writes times: six digits of fraction and a ``Z``."""
    at = datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{at}.{us % 1_000_000:06d}Z"


def self_link(request: Request, collection: str, resource_id: str) -> dict[str, str]:
    """The ``links`` of one resource."""
    return {"self": f"{request.base}{request.mount}/{collection}/{quote(resource_id)}"}


def listed(
    request: Request, collection: str, views: list[dict[str, Any]], *, more: str | None = None
) -> dict[str, Any]:
    """A list with its links; ``more`` is the URL of the next page."""
    here = f"{request.base}{request.path}"
    if request.query_string:
        here += f"?{request.query_string}"
    return {collection: views, "links": {"self": here, "previous": None, "next": more}}
