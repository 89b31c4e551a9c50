"""The least that an ASGI server can do: every answer is ``{}``. What Pumice adds is told beside it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
import uvloop


async def app(
    _scope: dict[str, Any], _receive: Callable[..., Any], send: Callable[..., Awaitable[None]]
) -> None:
    """Answer ``{}``."""
    headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def main() -> None:
    """Serve on a free port, which is printed, until SIGTERM."""
    config = uvicorn.Config(
        app, http="httptools", lifespan="off", access_log=False, log_config=None,
        server_header=False,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(f"Ready: http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
