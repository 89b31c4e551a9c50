"""What a load does with a Pumice: log in, and create, show, list and delete volumes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.connection import Connection, Reply, message
from benchmarks.served import PASSWORD, Served, start_pumice

DRIVERS: Final = ("memory", "file")
"""The backends of :data:`SETTINGS`; a volume type of the same name leads to each."""

SETTINGS: Final = """\
[DEFAULT]
enabled_backends = memory, file
quota_volumes = -1
quota_gigabytes = -1
max_over_subscription_ratio = 1000000

[memory]
volume_driver = memory

[file]
volume_driver = file
"""

DATABASE: Final = """
[database]
connection = {url}
"""

FIRST_PAUSE_SECONDS: Final = 0.003
LEAST_PAUSE_SECONDS: Final = 0.0002
TIMER_SECONDS: Final = 0.002
"""The timers of event loops count in milliseconds: shorter pauses than this would be too coarse."""
SETTLED: Final = ("available", "error")


class Refused(Exception):
    """An answer other than the one that a load must get."""


class Patience:
    """How long volumes usually take after they were accepted: to ask much earlier only adds load."""

    def __init__(self) -> None:
        self._seconds = FIRST_PAUSE_SECONDS

    async def pause(self, pauses: int) -> None:
        """Wait for as long as it usually takes; after ``pauses`` that were in vain, for a part of that."""
        seconds = self._seconds if pauses == 0 else self._seconds / 3
        if seconds < TIMER_SECONDS:
            time.sleep(seconds)  # noqa: ASYNC251 - a timer is coarser than so short a pause, and no other task has work
        else:
            await asyncio.sleep(seconds)

    def learn(self, pauses: int) -> None:
        """A volume was at rest after so many pauses: one was perhaps too long, more too short."""
        self._seconds *= 1.05 if pauses > 1 else 0.95
        self._seconds = max(self._seconds, LEAST_PAUSE_SECONDS)


@dataclass(frozen=True, slots=True)
class Cloud:
    """A served Pumice with an administrator's token."""

    served: Served
    token: str
    project_id: str

    @classmethod
    async def log_in(cls, served: Served) -> Self:
        """Log in with the password that ``served`` was started with."""
        connection = await Connection.open(served.host, served.port)
        reply = expect(await connection.send(login_message(served)), 201)
        connection.close()
        return cls(served, reply.header("x-subject-token"), reply.json()["token"]["project"]["id"])

    async def connect(self) -> Connection:
        """A connection to it."""
        return await Connection.open(self.served.host, self.served.port)

    def message(self, method: str, path: str, body: Any = None) -> bytes:
        """A request to the volume API; ``path`` begins after the project."""
        return message(
            method, f"/volume/v3/{self.project_id}{path}", self.headers(self.served), body
        )

    def headers(self, served: Served) -> dict[str, str]:
        """The headers of a request with the token."""
        return {"Host": f"{served.host}:{served.port}", "X-Auth-Token": self.token}

    async def make_types(self) -> None:
        """A volume type for each driver, under its name."""
        connection = await self.connect()
        for driver in DRIVERS:
            new = {"name": driver, "extra_specs": {"volume_backend_name": driver}}
            expect(await connection.send(self.message("POST", "/types", {"volume_type": new})), 200)
        connection.close()

    async def create(self, connection: Connection, name: str, volume_type: str) -> str:
        """The id of a new volume of 1 GiB, once it is accepted."""
        new = {"size": 1, "name": name, "volume_type": volume_type}
        reply = await connection.send(self.message("POST", "/volumes", {"volume": new}))
        volume_id: str = expect(reply, 202).json()["volume"]["id"]
        return volume_id

    async def settled(
        self, connection: Connection, volume_id: str, patience: Patience | None = None
    ) -> str:
        """Ask for the volume, at once and then after pauses, until it rests; its status."""
        patience = patience or Patience()
        show = self.message("GET", f"/volumes/{volume_id}")
        pauses = 0
        while True:
            reply = expect(await connection.send(show), 200)
            status: str = reply.json()["volume"]["status"]
            if status in SETTLED:
                patience.learn(pauses)
                return status
            await patience.pause(pauses)
            pauses += 1

    async def volumes(self, connection: Connection) -> list[dict[str, Any]]:
        """Every volume in detail, page by page."""
        found: list[dict[str, Any]] = []
        path = "/volumes/detail?limit=1000"
        while True:
            reply = expect(await connection.send(self.message("GET", path)), 200).json()
            found += reply["volumes"]
            if "volumes_links" not in reply:
                return found
            path = f"/volumes/detail?limit=1000&marker={found[-1]['id']}"


def login_message(served: Served) -> bytes:
    """The request for a token of the administrator in his project."""
    domain = {"id": "default"}
    user = {"name": "admin", "domain": domain, "password": PASSWORD}
    auth = {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "admin", "domain": domain}},
    }
    headers = {"Host": f"{served.host}:{served.port}"}
    return message("POST", "/identity/v3/auth/tokens", headers, {"auth": auth})


def expect(reply: Reply, status: int) -> Reply:
    """``reply``. Raises :class:`Refused` unless it has ``status``."""
    if reply.status != status:
        raise Refused(f"{reply.status} instead of {status}: {reply.body[:500].decode()}")
    return reply


@asynccontextmanager
async def new_cloud(
    folder: Path, url: str | None = None, settings: str = SETTINGS
) -> AsyncIterator[Cloud]:
    """A Pumice with a fresh state directory in ``folder``, ``settings`` and the types.

    Its rows are in the empty PostgreSQL database ``url``, if one is given.
    """
    config = folder / "pumice.conf"
    config.write_text(settings + (DATABASE.format(url=url) if url else ""))
    async with await start_pumice(folder / "state", config) as served:
        cloud = await Cloud.log_in(served)
        await cloud.make_types()
        yield cloud
