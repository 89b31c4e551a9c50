"""Closed loops: so many clients, each asking again as soon as it has its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.connection import Connection

Work = Callable[[Connection], Awaitable[object]]

WARM_UPS: Final = 3


class Counted(Protocol):
    """What costs CPU time."""

    def cpu_seconds(self) -> float:
        """All that it has used so far."""


class Target(Counted, Protocol):
    """What a load goes to: one server, or several on one port."""

    @property
    def host(self) -> str:
        """Where it listens."""

    @property
    def port(self) -> int:
        """The port."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of one loop. The CPU time is the servers' alone, Pumice's and its database's apart."""

    seconds: float
    cpu_seconds: float
    database_seconds: float
    latencies_ms: list[float]
    """Of each piece of work, in increasing order."""

    @property
    def per_second(self) -> float:
        """Pieces of work done in a second."""
        return len(self.latencies_ms) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """CPU time of the server for one piece of work."""
        return self.cpu_seconds * 1e3 / len(self.latencies_ms)

    @property
    def database_ms(self) -> float:
        """CPU time of the database's own processes for one piece of work."""
        return self.database_seconds * 1e3 / len(self.latencies_ms)

    def percentile_ms(self, percent: int) -> float:
        """The latency that ``percent`` of the work did not exceed."""
        return self.latencies_ms[(len(self.latencies_ms) - 1) * percent // 100]


async def closed_loop(
    served: Target, clients: int, seconds: float, work: Work, database: Counted | None = None
) -> Load:
    """Do ``work`` again and again from ``clients`` connections, for ``seconds`` and at least once."""
    connections = [await Connection.open(served.host, served.port) for _ in range(clients)]
    for _ in range(WARM_UPS):
        await work(connections[0])
    latencies: list[float] = []
    cpu_began = served.cpu_seconds()
    database_began = database.cpu_seconds() if database else 0.0
    began = time.perf_counter()
    await asyncio.gather(
        *(_repeat(connection, began + seconds, work, latencies) for connection in connections)
    )
    lasted = time.perf_counter() - began
    cpu = served.cpu_seconds() - cpu_began
    database_cpu = database.cpu_seconds() - database_began if database else 0.0
    for connection in connections:
        connection.close()
    return Load(lasted, cpu, database_cpu, sorted(latencies))


async def _repeat(
    connection: Connection, until: float, work: Work, latencies_ms: list[float]
) -> None:
    while True:
        began = time.perf_counter()
        await work(connection)
        now = time.perf_counter()
        latencies_ms.append((now - began) * 1e3)
        if now >= until:
            return
