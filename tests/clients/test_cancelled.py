"""A hundred clients, of whom most leave in the middle of a create: what exists is what was answered.

Whoever left before the end of the request has made nothing. Whoever left afterwards has made one volume or
none, never a part of one; he learns which by repeating the request under its ``Idempotency-Key``.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.clients.served import Deployment, Served
from tests.clients.wire import Wire

CLIENTS: Final = 100
READS, LEAVES_HALF_WAY, LEAVES, RESETS = range(4)
"""What a client does: waits for the answer, sends half a request, or sends all and closes or resets."""
RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)


@pytest.fixture
def pumice(deployment: Deployment, tmp_path: Path) -> Iterator[Served]:
    """A server of this test's own: all of its volumes are counted."""
    with Served(tmp_path, deployment) as served:
        yield served


def request(wire: Wire, number: int) -> bytes:
    """The create of one client, as bytes."""
    body = json.dumps({"volume": {"size": 1, "name": f"v{number}"}}).encode()
    head = (
        f"POST /volume/v3/{wire.project_id}/volumes HTTP/1.1\r\nHost: h\r\n"
        f"X-Auth-Token: {wire.token}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: key-{number}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Answer(NamedTuple):
    """What came back."""

    status: int
    is_replayed: bool
    volume_id: str


def read_answer(connection: socket.socket) -> Answer:
    """The answer to a create."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    volume = json.loads(response.read())["volume"]
    return Answer(response.status, response.headers["Idempotency-Replayed"] == "true", volume["id"])


def test_what_exists_is_what_was_answered(pumice: Served) -> None:
    with Wire(pumice) as wire:
        wire.log_in()
        connections = [
            socket.create_connection(("127.0.0.1", pumice.port), timeout=20) for _ in range(CLIENTS)
        ]
        for number, connection in enumerate(connections):
            raw = request(wire, number)
            connection.sendall(raw[:-9] if number % 4 == LEAVES_HALF_WAY else raw)
            if number % 4 == RESETS:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            if number % 4 != READS:
                connection.close()
        answered = {
            f"v{number}": read_answer(connection).volume_id
            for number, connection in enumerate(connections)
            if number % 4 == READS
        }
        for connection in connections:
            connection.close()
        before = settled(pumice, wire)
        names = Counter(volume["name"] for volume in before)
        assert max(names.values()) == 1
        found = {volume["name"]: volume["id"] for volume in before}
        assert answered.items() <= found.items()
        half_way = {f"v{number}" for number in range(CLIENTS) if number % 4 == LEAVES_HALF_WAY}
        assert not half_way & found.keys()
        made = {}
        for number in range(CLIENTS):
            with socket.create_connection(("127.0.0.1", pumice.port), timeout=20) as connection:
                connection.sendall(request(wire, number))
                answer = read_answer(connection)
            name = f"v{number}"
            assert answer.status == http.client.ACCEPTED
            assert answer.is_replayed is (name in found)
            made[name] = answer.volume_id
        assert made.items() >= found.items()
        after = settled(pumice, wire)
        assert {volume["name"]: volume["id"] for volume in after} == made
        assert len(after) == CLIENTS


def settled(pumice: Served, wire: Wire) -> list[dict[str, Any]]:
    """All volumes once no operation is under way: each is available, and has a file."""
    wire.renew()
    wire.await_rest()
    volumes: list[dict[str, Any]] = wire.volume("GET", "/volumes/detail").json["volumes"]
    assert {volume["status"] for volume in volumes} == {"available"}
    files = {path.name for path in pumice.state_dir.glob("volumes/*/*")}
    assert files == {f"volume-{volume['id']}.raw" for volume in volumes}
    return volumes
