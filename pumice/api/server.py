"""The HTTP server: uvicorn on a socket of ours, one write an answer, signals that end it with status 0."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pumice.api.app import AsgiApp
from pumice.errors import UsageError

STOP_SECONDS: Final = 3
"""How long an answer under way may take when the server stops."""

REQUEST_SECONDS: Final = 60
"""How long a client may take to send one request."""
MAX_HEAD_BYTES: Final = 512 * 1024
"""More than one read from a socket (256 KiB), in which a body may follow; far more than any head needs."""
_HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None


@contextlib.contextmanager
def listening(listen: Listen, *, is_shared: bool = False) -> Iterator[socket.socket]:
    """The bound socket; others may bind theirs to the same port if each of them says ``is_shared``.

    Then the kernel gives each connection to one of them. Raises :class:`UsageError` if the address cannot
    be had.
    """
    if not listen.host:  # The system would listen everywhere, and no client could be told where.
        raise UsageError("The address to listen on is empty; 0.0.0.0 is every one of this machine.")
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            bound.bind((listen.host, listen.port))
        except (OSError, OverflowError, TypeError) as error:  # TypeError: a name that is no UTF-8.
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(
                f"Cannot listen on {listen.host} port {listen.port}: {reason}."
            ) from error
        if listen.tls_cert is None and not bound.getsockname()[0].startswith(("127.", "::1")):
            log.warning(
                "Listening on %s without TLS: passwords cross the network in clear", listen.host
            )
        yield bound


class _OneWrite:
    """A transport that sends in one piece what one turn of the loop writes.

    uvicorn writes an answer's head and its body apart: two system calls, and on a connection without
    TCP_NODELAY 45 ms (measured) until the client's acknowledgement lets the second one go.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send ``data`` with whatever else this turn writes."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """Close, once what was written has left."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        # Between the write and this turn the client may have left: uvloop raises for a closed transport.
        if self._held and not self._transport.is_closing():
            self._transport.write(b"".join(self._held))
        self._held.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Http(HttpToolsProtocol):
    """uvicorn's protocol on a transport that writes once, and with two bounds.

    They hold before anybody knows who the client is: on the size of a request's head, and on the time
    until the request is whole.
    """

    _head_bytes = 0
    _in_body = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        super().connection_made(_OneWrite(transport))  # type: ignore[arg-type]  # has what is called of a transport, not its base class
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._expect_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or of several."""
        if not self._in_body:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(_HEAD_TOO_LARGE)
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._in_body, self._head_bytes = True, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole."""
        self._in_body = False
        self._expect_no_more()
        super().on_message_complete()

    def _expect(self) -> None:
        self._expect_no_more()
        self._deadline = asyncio.get_running_loop().call_later(REQUEST_SECONDS, self._give_up)

    def _expect_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        log.warning("A client did not send its request within %d s", REQUEST_SECONDS)
        self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which end the process by the signal, and with an event."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to :func:`answer_requests`."""
        yield


async def answer_requests(
    app: AsgiApp, bound: socket.socket, listen: Listen, ready: Callable[[], None]
) -> None:
    """Serve HTTP on ``bound`` until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        http=_Http,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        ssl_certfile=listen.tls_cert,
        ssl_keyfile=listen.tls_key,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=2048,
    )
    server = _Server(config)
    _on_signal(lambda: _stop(server))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    listening = asyncio.create_task(server.listening.wait())
    await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        ready()
    listening.cancel()
    await serving


async def stopped(ready: Callable[[], None]) -> None:
    """Wait for SIGTERM or SIGINT: for a process that answers no requests."""
    told = asyncio.Event()
    _on_signal(told.set)
    ready()
    await told.wait()


def _on_signal(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True
