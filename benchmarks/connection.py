"""One keep-alive HTTP/1.1 connection, as cheap as can be: whoever makes the load must not be it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, NamedTuple, Self, cast

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length: "
_STATUS: Final = slice(9, 12)
"""Where the status stands in ``HTTP/1.1 200 OK``."""


class ConnectionLost(Exception):
    """The server went away: whether it did what was asked is unknown."""


class Reply(NamedTuple):
    """An answer; ``head`` is everything before the body."""

    status: int
    head: bytes
    body: bytes

    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """The value of the header ``name``, which is written in lower case. Raises ``ValueError``."""
        start = self.head.index(f"\r\n{name}: ".encode()) + len(name) + 4
        return self.head[start : self.head.index(b"\r\n", start)].decode("latin-1")


class Connection(asyncio.Protocol):
    """Sends one request at a time. It understands what Pumice sends: a body has its content-length."""

    def __init__(self) -> None:
        self._received = b""
        self._waiting: asyncio.Future[Reply] | None = None
        self._lost = False

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect. Raises :class:`ConnectionLost` if nobody listens."""
        try:
            _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        except OSError as error:
            raise ConnectionLost(str(error)) from error
        return connection

    async def send(self, message: bytes) -> Reply:
        """The answer to ``message``, a whole request. Raises :class:`ConnectionLost`."""
        if self._lost:
            raise ConnectionLost("The connection was closed.")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the server."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class.

    def data_received(self, data: bytes) -> None:
        """Answer the caller once the reply is whole."""
        self._received += data
        end = self._received.find(_END_OF_HEAD)
        if end < 0:
            return
        head = self._received[:end]
        start = head.find(_LENGTH) + len(_LENGTH)
        length = int(head[start:].split(b"\r\n", 1)[0]) if start >= len(_LENGTH) else 0
        whole = end + len(_END_OF_HEAD) + length
        if len(self._received) >= whole and self._waiting is not None:
            body = self._received[end + len(_END_OF_HEAD) : whole]
            self._received = self._received[whole:]
            waiting, self._waiting = self._waiting, None
            if not waiting.done():
                waiting.set_result(Reply(int(head[_STATUS]), head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for an answer that there will be none."""
        self._lost = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionLost(str(exc or "The server closed it.")))


def message(method: str, path: str, headers: dict[str, str], body: Any = None) -> bytes:
    """A request as :meth:`Connection.send` takes it; ``body`` is sent as JSON unless it is None."""
    content = b"" if body is None else json.dumps(body).encode()
    if content:
        headers = {
            **headers,
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
        }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content
