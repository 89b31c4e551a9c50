"""What the answers of several APIs share: times as Cinder writes them, and links to the next page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from pumice.api.request import Request

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - Cinder's times carry no zone


def time_text(us: int | None) -> str | None:
    """UTC microseconds as Cinder writes times: six digits of fraction and no zone."""
    if us is None:
        return None
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds")


def next_url(request: Request, marker: str) -> str:
    """The URL of the page after ``marker``: the request's own query with the marker in it.

    The offset is of the first page only: with it, the next one would leave things out.
    """
    pairs = [pair for pair in request.query() if pair[0] not in ("marker", "offset")]
    return f"{request.base}{request.path}?{urlencode([*pairs, ('marker', marker)])}"


def next_link(request: Request, marker: str) -> list[dict[str, Any]]:
    """The links of a list that goes on after ``marker``, as Cinder and Nova write them."""
    return [{"rel": "next", "href": next_url(request, marker)}]
