"""A small client of the Debug Adapter Protocol: what an editor says to debugpy, without the editor."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

DEADLINE_SECONDS: Final = 20.0

Message = dict[str, Any]


class Frame(NamedTuple):
    """One call in a stopped thread: the protocol's id for it, its function, and where it is."""

    id: int
    function: str
    path: str
    line: int


class Editor:
    """A session with the debugger at ``port``; at the end of ``with`` it is detached."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self._buffer = b""
        self._seq = 0
        self._waiting: list[Message] = []

    def attach(self, **arguments: Any) -> None:
        """Attach, as a configuration with these ``arguments`` would."""
        self.request("initialize", adapterID="debugpy", clientID="test", pathFormat="path")
        attached = self._send("attach", {"justMyCode": False} | arguments)
        self.event("initialized")
        self.request("configurationDone")
        self._answer(attached)

    def stop_at(self, path: Path | str, *lines: int) -> None:
        """Have breakpoints on these ``lines`` of a file, and on no others of it."""
        points = [{"line": line} for line in lines]
        found = self.request("setBreakpoints", source={"path": f"{path}"}, breakpoints=points)
        assert [point["verified"] for point in found["breakpoints"]] == [True] * len(lines), found

    def stopped(self) -> int:
        """Wait until a thread stops at a breakpoint or after a step; the thread."""
        event = self.event("stopped")
        assert not event.get("allThreadsStopped"), event
        thread: int = event["threadId"]
        return thread

    def frames(self, thread: int) -> list[Frame]:
        """The calls in a stopped thread, the innermost first."""
        found = self.request("stackTrace", threadId=thread)["stackFrames"]
        return [
            Frame(one["id"], one["name"], one.get("source", {}).get("path", ""), one["line"])
            for one in found
        ]

    def local(self, frame: Frame, name: str) -> str:
        """The value of a local variable, as an editor shows it."""
        for scope in self.request("scopes", frameId=frame.id)["scopes"]:
            reference = scope["variablesReference"]
            found = self.request("variables", variablesReference=reference)["variables"]
            for variable in found:
                if variable["name"] == name:
                    value: str = variable["value"]
                    return value
        raise AssertionError(f"{frame.function} has no variable {name}")

    def threads(self) -> dict[int, str]:
        """The names of the threads, by their ids."""
        return {one["id"]: one["name"] for one in self.request("threads")["threads"]}

    def go_on(self, thread: int) -> None:
        """Let a stopped thread, and every other one that is stopped, go on."""
        self.request("continue", threadId=thread)

    def step(self, thread: int) -> None:
        """Let a stopped thread go on to its next line."""
        self.request("next", threadId=thread)

    def event(self, name: str) -> Message:
        """Wait for an event; its body."""
        body: Message = self._wait(lambda message: message.get("event") == name).get("body", {})
        return body

    def request(self, command: str, **arguments: Any) -> Message:
        """Ask, and wait for the answer; its body."""
        return self._answer(self._send(command, arguments))

    def _send(self, command: str, arguments: Mapping[str, Any]) -> int:
        self._seq += 1
        message = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        return self._seq

    def _answer(self, seq: int) -> Message:
        answer = self._wait(lambda message: message.get("request_seq") == seq)
        assert answer["success"], answer
        body: Message = answer.get("body") or {}
        return body

    def _wait(self, wanted: Callable[[Message], bool]) -> Message:
        """The first message that is ``wanted``, of those that wait and those to come."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        for index, message in enumerate(self._waiting):
            if wanted(message):
                return self._waiting.pop(index)
        while not wanted(message := self._receive(deadline)):
            self._waiting.append(message)
        return message

    def _receive(self, deadline: float) -> Message:
        while b"\r\n\r\n" not in self._buffer:
            self._fill(deadline)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length:")[2])
        while len(self._buffer) < length:
            self._fill(deadline)
        content, self._buffer = self._buffer[:length], self._buffer[length:]
        message: Message = json.loads(content)
        return message

    def _fill(self, deadline: float) -> None:
        self._socket.settimeout(max(0.001, deadline - time.monotonic()))
        data = self._socket.recv(1 << 16)
        assert data, "The debugger has closed the connection."
        self._buffer += data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._socket, contextlib.suppress(AssertionError, OSError):  # It may be gone already.
            self.request("disconnect", terminateDebuggee=False)
