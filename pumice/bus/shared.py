"""The bus of several processes: at once to oneself, and by a channel to the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from pumice.bus.contract import Hint
from pumice.bus.memory import MemoryBus

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Hint).decode

log = logging.getLogger(__name__)


class Channel(Protocol):
    """Carries lines between processes, at best once and perhaps never."""

    def send(self, line: str) -> None:
        """Send a line to the other processes; returns at once and never raises."""

    def subscribe(self, receive: Callable[[str], None]) -> None:
        """Call ``receive`` on the event loop with each line of another process."""


class SharedBus:
    """Delivers each hint to every subscriber of every process."""

    def __init__(self, channel: Channel) -> None:
        self._here = MemoryBus()
        self._channel = channel
        channel.subscribe(self._received)

    def publish(self, hint: Hint) -> None:
        """See :meth:`pumice.bus.contract.Bus.publish`."""
        self._here.publish(hint)
        self._channel.send(_encode(hint).decode())

    def subscribe(self, receive: Callable[[Hint], None]) -> None:
        """See :meth:`pumice.bus.contract.Bus.subscribe`."""
        self._here.subscribe(receive)

    def _received(self, line: str) -> None:
        try:
            hint = _decode(line)
        except msgspec.MsgspecError:
            log.debug("No hint: %r", line)  # Of a newer Pumice, or a stranger's.
            return
        self._here.publish(hint)
