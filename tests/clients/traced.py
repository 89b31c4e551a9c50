"""A volume's whole life on a traced server, be it one process or several, request by request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.clients import strace
from tests.clients.served import Deployment, Served
from tests.clients.strace import Call
from tests.clients.wire import Wire

SETTLE_SECONDS: Final = 60
_IN: Final = ("read", "recvfrom")
_OUT: Final = ("write", "writev", "sendto", "sendmsg")
_METHODS: Final = ('"GET ', '"POST ', '"DELETE ', '"PUT ')


class Exchange(NamedTuple):
    """A request and its answer, as calls of the server."""

    request: Call
    """The call that took it in."""
    answer: list[Call]
    """The calls that gave it out."""
    sent: str
    """The first line of the request."""

    @property
    def status(self) -> int:
        """The status of the answer."""
        return int(self.answer[0].arguments.partition("HTTP/1.1 ")[2][:3])


class Traced(NamedTuple):
    """The system calls of a server, and the requests among them."""

    calls: list[Call]
    """Those of the process that answered."""
    exchanges: list[Exchange]
    sent: int
    """How many requests the client knows of."""
    processes: list[list[Call]]
    volume_id: str

    @property
    def made(self) -> list[Call]:
        """The calls of the process that made the volume."""
        found = [
            calls
            for calls in self.processes
            if any(call.file.endswith(self.file) for call in calls)
        ]
        assert len(found) == 1, "the volume's file was not put on disk"
        return found[0]

    @property
    def file(self) -> str:
        """The name of the volume's file."""
        return f"volume-{self.volume_id}.raw"

    def exchange(self, method: str, status: int) -> Exchange:
        """The first exchange on a volume with this method and this status."""
        for one in self.exchanges:
            if one.sent.startswith(f"{method} /volume/") and one.status == status:
                return one
        raise AssertionError([(one.sent, one.status) for one in self.exchanges])


def trace_a_volume(folder: Path, deployment: Deployment) -> Traced:
    """Serve under strace, and make, show, refuse and remove a volume on one connection."""
    under = strace.command(folder / "trace")
    with Served(folder, deployment, under=under, quota_volumes=1) as served:
        with Wire(served) as wire:
            volume_id = _life_of_a_volume(wire)
        assert served.stop() == 0
    traces = [path.read_text(errors="replace") for path in folder.glob("trace.*")]
    processes = [strace.parse(trace) for trace in traces]
    (answered,) = [calls for calls in processes if any(_exchanges(calls))]
    return Traced(answered, list(_exchanges(answered)), wire.sent, processes, volume_id)


def _life_of_a_volume(wire: Wire) -> str:
    """The id of the volume that was made and removed."""
    wire.send("GET", "/identity/v3")
    wire.log_in()
    body = {"volume": {"size": 1, "name": "v"}}
    made = wire.volume("POST", "/volumes", body)
    assert made.status == 202, made
    volume_id = str(made.json["volume"]["id"])
    _poll(wire, volume_id, 200, "available")
    assert wire.volume("POST", "/volumes", body).status == 413
    assert wire.volume("GET", "/volumes/detail").status == 200
    assert wire.volume("DELETE", f"/volumes/{volume_id}").status == 202
    _poll(wire, volume_id, 404, "")
    return volume_id


def _poll(wire: Wire, volume_id: str, status: int, volume_status: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        reply = wire.volume("GET", f"/volumes/{volume_id}")
        if (
            reply.status == status
            and reply.json.get("volume", {}).get("status", "") == volume_status
        ):
            return
        assert time.monotonic() < deadline, reply


def _exchanges(calls: list[Call]) -> Iterator[Exchange]:
    """Each request with what was written to its connection before the next one came in."""
    exchange: Exchange | None = None
    for call in calls:
        if call.name in _IN and call.arguments.startswith(_METHODS):
            if exchange is not None:
                yield exchange
            exchange = Exchange(call, [], call.arguments[1:].partition(" HTTP/1.1")[0])
        elif exchange is not None and call.name in _OUT and call.file == exchange.request.file:
            exchange.answer.append(call)
    if exchange is not None:
        yield exchange
