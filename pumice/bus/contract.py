"""What a bus is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct


class Hint(Struct, frozen=True):
    """``ready``: the operation has work for the backend, or for a scheduler if there is none.

    ``ended``: whoever waits for the operation may look. ``pools``: a process has reported new pools, or
    that they changed, which are no operation's.
    """

    kind: Literal["ready", "ended", "pools"]
    operation_id: str = ""
    backend_host: str | None = None


class Bus(Protocol):
    """Carries hints to every subscriber, at best once and perhaps never."""

    def publish(self, hint: Hint) -> None:
        """Send ``hint``; returns at once and never raises."""

    def subscribe(self, receive: Callable[[Hint], None]) -> None:
        """Call ``receive`` on the event loop for each hint that arrives."""
