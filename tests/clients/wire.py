"""Plain HTTP on one connection, for what no Python client would send."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

from tests.clients.served import Served

ANSWER_SECONDS = 20
REST_SECONDS: Final = 60
_RUNNING: Final = "/pumice/v1/operations?status=running"


class Reply(NamedTuple):
    """An answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The value of the body."""
        return json.loads(self.body)


class Wire:
    """A keep-alive connection to a server; at the end of ``with`` it is closed."""

    def __init__(self, served: Served, *, host: str | None = None) -> None:
        """``host`` is what its requests name as theirs, if not where they go."""
        self._served = served
        self._host = host
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", served.port, timeout=ANSWER_SECONDS
        )
        self.token: str | None = None
        self.project_id = ""
        self.sent = 0
        """How many requests it sent."""

    def log_in(self) -> None:
        """Get the token that the requests from now on carry, for the project admin."""
        auth = self._served.auth
        domain = {"id": auth["user_domain_id"]}
        user = {"name": auth["username"], "password": auth["password"], "domain": domain}
        scope = {"project": {"name": auth["project_name"], "domain": domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": scope}}
        reply = self.send("POST", "/identity/v3/auth/tokens", body)
        assert reply.status == http.HTTPStatus.CREATED, reply
        self.token = reply.headers["x-subject-token"]
        self.project_id = reply.json["token"]["project"]["id"]

    def send(
        self, method: str, path: str, body: Any = None, *, microversion: str | None = None
    ) -> Reply:
        """The answer to a request; ``body`` is sent as JSON unless it is None.

        ``path`` may be an absolute URL of the server, as in its links.
        """
        headers = {"Accept": "application/json"}
        if self._host is not None:
            headers["Host"] = self._host
        if self.token is not None:
            headers["X-Auth-Token"] = self.token
        if microversion is not None:
            headers["OpenStack-API-Version"] = f"volume {microversion}"
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self.sent += 1
        self._connection.request(method, path.removeprefix(self._served.base), content, headers)
        answer = self._connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())

    def volume(
        self, method: str, path: str, body: Any = None, *, microversion: str | None = None
    ) -> Reply:
        """As :meth:`send`, with a path below the project in the volume API."""
        here = f"/volume/v3/{self.project_id}"
        return self.send(method, here + path, body, microversion=microversion)

    def renew(self) -> None:
        """Connect anew at the next request: a server closes a connection that was idle for long."""
        self._connection.close()

    def await_rest(self) -> None:
        """Ask until no operation is under way."""
        deadline = time.monotonic() + REST_SECONDS
        while operations := self.send("GET", _RUNNING).json["operations"]:
            assert time.monotonic() < deadline, operations

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
