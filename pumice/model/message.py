"""A message to the user about something that failed after the request was accepted."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

TTL_US: Final = 30 * 24 * 3600 * 1_000_000
"""How long a message is kept: Cinder's ``message_ttl``, 30 days."""


class Message(Struct, frozen=True):
    """``action`` and ``detail`` are Cinder's three-digit codes; times are UTC microseconds."""

    id: str
    project_id: str
    request_id: str
    resource_type: str
    resource_id: str
    action: str
    detail: str
    user_message: str
    created_at: int
    expires_at: int
