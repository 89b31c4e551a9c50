"""A client in the simulation: HTTP requests to a process's application, without a socket."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pumice.identity.passwords import hash_password
from pumice.process import Process
from pumice.services.bootstrap import bootstrap, new_bootstrap

PASSWORD = "a password of the simulation"


class Reply(NamedTuple):
    """What the application answered."""

    status: int
    headers: dict[str, str]
    body: Any


async def call(
    process: Process,
    method: str,
    path: str,
    body: object = None,
    *,
    token: str = "",
    key: str | None = None,
) -> Reply:
    """One HTTP request, as a server would hand it to the application; ``key`` is for Idempotency-Key."""
    sent: list[Any] = []
    content = b"" if body is None else json.dumps(body).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"cloud.example"), (b"x-auth-token", token.encode())]
    headers += [(b"openstack-api-version", b"volume 3.71"), (b"content-type", b"application/json")]
    if key is not None:
        headers.append((b"idempotency-key", key.encode()))
    scope = {"type": "http", "method": method, "path": path, "query_string": b""}
    await process.app({**scope, "headers": headers}, receive, send)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    raw = sent[1]["body"]
    return Reply(sent[0]["status"], answered, json.loads(raw) if raw else None)


async def set_up(process: Process) -> str:
    """Bootstrap the cloud; the token of its administrator, for the project admin."""
    hashed = hash_password(PASSWORD, rounds=4)
    await process.store.write(bootstrap, new_bootstrap(process.services.seams, hashed))
    user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    auth = {"auth": {"identity": identity, "scope": scope}}
    reply = await call(process, "POST", "/identity/v3/auth/tokens", auth)
    assert reply.status == 201, reply
    return reply.headers["x-subject-token"]
