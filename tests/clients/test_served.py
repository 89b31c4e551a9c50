"""A served process of the tests' can be paused: it is silent, and then goes on where it was."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.clients.served import Deployment, Served

SILENCE_SECONDS = 0.3
"""Nothing is expected: a test cannot fail because this is short."""
ANSWER_SECONDS = 60


@pytest.fixture
def served(deployment: Deployment, tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path, deployment) as served:
        yield served


def test_a_paused_server_answers_when_it_goes_on(served: Served) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", served.port)) as connection:
        connection.connect()
        for _ in range(2):
            served.pause()
            connection.request("GET", "/identity/v3")
            connection.sock.settimeout(SILENCE_SECONDS)
            with pytest.raises(TimeoutError):
                connection.sock.recv(1)
            connection.sock.settimeout(ANSWER_SECONDS)
            served.resume()
            reply = connection.getresponse()
            reply.read()
            assert reply.status == 200


def test_a_paused_server_can_be_stopped(served: Served) -> None:
    served.pause()
    assert served.stop() == 0
