"""The bus of a single process: a call on the next turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pumice.bus.contract import Hint


class MemoryBus:
    """Delivers each hint to every subscriber of this process."""

    def __init__(self) -> None:
        self._receivers: list[Callable[[Hint], None]] = []

    def publish(self, hint: Hint) -> None:
        """Deliver ``hint`` on the loop's next turn, so that the publisher's commit is answered first."""
        loop = asyncio.get_running_loop()
        for receive in self._receivers:
            loop.call_soon(receive, hint)

    def subscribe(self, receive: Callable[[Hint], None]) -> None:
        """Add a receiver."""
        self._receivers.append(receive)
