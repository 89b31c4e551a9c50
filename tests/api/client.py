"""A client that hands requests to the application as an HTTP server would: real ASGI messages, no socket."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from pumice.api.app import App, Message, Scope

HOST: Final = "cloud.test:8776"

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


class AsgiClient:
    """Sends requests to ``apps`` in turn."""

    def __init__(self, *apps: App) -> None:
        self._apps = itertools.cycle(apps)

    async def send(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", *, parts: int = 1
    ) -> Reply:
        """One request. ``target`` is what stands in the request line, the body comes in ``parts``."""
        given = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        if all(name != b"host" for name, _ in given):
            given.append((b"host", HOST.encode()))
        raw_path, _, query = target.partition("?")
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw_path),
            "raw_path": raw_path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": given,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8776),
        }
        incoming = _messages(body, parts)
        outgoing: list[Message] = []

        async def receive() -> Message:
            return incoming.pop(0) if incoming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            outgoing.append(message)

        await next(self._apps)(scope, receive, send)
        start, content = outgoing  # In one piece: nothing is sent before the answer is complete.
        assert (start["type"], content["type"]) == ("http.response.start", "http.response.body")
        assert not content.get("more_body")
        answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        assert len(answered) == len(start["headers"]), start["headers"]
        return Reply(start["status"], answered, content["body"])


def _messages(body: bytes, parts: int) -> list[Message]:
    size = max(1, -(-len(body) // parts))
    chunks = [body[index : index + size] for index in range(0, len(body), size)] or [b""]
    return [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, 1)
    ]
