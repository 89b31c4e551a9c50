"""The kinds of things that the storm creates under a key, and how requests about them are written."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from benchmarks.cloud import Cloud, expect
from benchmarks.connection import Connection, Reply, message
from benchmarks.served import PASSWORD


class Kind(NamedTuple):
    """How a thing is created: where, with which status, and what the body says beside its name."""

    path: str
    status: int
    content: dict[str, Any]


VOLUMES: Final = "/volume/v3/volumes"
TOKENS: Final = "/identity/v3/auth/tokens"
LIMITS: Final = f"/volume/v3/os-quota-sets/{'5' * 32}"
"""Of a project that has no volumes, so that no limit is in the way of the storm."""

SERVICES: Final = "/volume/v3/os-services"
IDLE: Final = "shared@idle"
"""The service that has no volumes, and may be disabled."""

KINDS: Final = {
    "volume": Kind(VOLUMES, 202, {"size": 1, "volume_type": "file"}),
    "volume_type": Kind("/volume/v3/types", 200, {}),
    "flavor": Kind("/compute/v2.1/flavors", 200, {"ram": 1, "vcpus": 1, "disk": 1}),
    "project": Kind("/identity/v3/projects", 201, {}),
    "user": Kind("/identity/v3/users", 201, {"password": PASSWORD}),
}
"""By the word that stands around each in JSON."""
UNIQUE: Final = tuple(kind for kind in KINDS if kind != "volume")
"""Of these no two may have the same name: without a key, a repeat would be refused."""


def request(
    cloud: Cloud, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> bytes:
    """A request of the administrator; ``path`` is the whole one."""
    return message(method, path, cloud.headers(cloud.served) | (headers or {}), body)


async def things(cloud: Cloud, connection: Connection, kind: str) -> list[dict[str, Any]]:
    """Those of a kind of :data:`UNIQUE` that clients of the storm made."""
    reply = await connection.send(request(cloud, "GET", KINDS[kind].path))
    found: list[dict[str, Any]] = expect(reply, 200).json()[f"{kind}s"]
    return [thing for thing in found if thing["name"].startswith("round")]


async def log_in(cloud: Cloud, connection: Connection, user_id: str) -> Reply:
    """The answer to a user's login with the password of :data:`KINDS`."""
    user = {"user": {"id": user_id, "password": PASSWORD}}
    auth = {"identity": {"methods": ["password"], "password": user}}
    return await connection.send(request(cloud, "POST", TOKENS, {"auth": auth}))
