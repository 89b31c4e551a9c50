"""The server's socket, and its transport that writes once."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvloop

from pumice.api.server import Listen, _OneWrite, listening
from pumice.errors import UsageError


async def leave_before_the_answer() -> list[dict[str, Any]]:
    """What the loop was told of, when the client's end goes between a write and its turn."""
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, failure: told.append(failure))
    ours, theirs = socket.socketpair()
    with theirs:
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        writer = _OneWrite(transport)
        transport.abort()
        await asyncio.sleep(0)
        writer.write(b"nobody reads this")
        await asyncio.sleep(0)
        writer.close()
        await asyncio.sleep(0)
    return told


def test_an_answer_to_a_client_who_has_left_is_dropped() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(leave_before_the_answer()) == []


@pytest.mark.parametrize(
    ("host", "told"), [("", "address to listen on is empty"), ("\udcff", "Cannot listen on")]
)
def test_an_address_that_is_none(host: str, told: str) -> None:
    with pytest.raises(UsageError, match=told), listening(Listen(host, 0)):
        pass
