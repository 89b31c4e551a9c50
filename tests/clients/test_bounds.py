"""What a client may send before anybody knows who it is has bounds."""

from __future__ import annotations

import socket

import pytest

from pumice.api.server import MAX_HEAD_BYTES
from tests.clients.served import Served


def answer_to(pumice: Served, parts: list[bytes]) -> bytes:
    """What the server sends until it closes the connection or has taken everything."""
    with socket.create_connection(("127.0.0.1", pumice.port), timeout=20) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The server has seen enough; its answer may still be there to read.
        try:
            return connection.recv(4096)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("start", [b"GET /healthz HTTP/1.1\r\nx: ", b"GET /"])
def test_a_head_without_an_end_is_cut_off(pumice: Served, start: bytes) -> None:
    endless = [b"a" * 65_536] * (4 * MAX_HEAD_BYTES // 65_536)
    answer = answer_to(pumice, [start, *endless])
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400")), answer


def test_a_large_head_is_answered(pumice: Served) -> None:
    head = b"GET /healthz HTTP/1.1\r\nhost: h\r\nx: " + b"a" * 60_000 + b"\r\n\r\n"
    assert answer_to(pumice, [head]).startswith(b"HTTP/1.1 200")
