"""The cloud under test: one process on SQLite, or several, perhaps on several hosts, on PostgreSQL."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import psycopg

from benchmarks.cloud import Cloud, expect
from benchmarks.connection import Connection, ConnectionLost
from benchmarks.served import PASSWORD, Served
from tests.postgresql import Cluster, any_of

DATABASE: Final = "pumice"
PORTS: Final = range(12000, 20000)
LOOPBACK: Final = "127.0.0.1"
ALL_ROLES: Final = "api,scheduler,volume"
UNFINISHED: Final = "SELECT id FROM operations WHERE ended_at IS NULL"

SERVING: Final = """
SELECT count(DISTINCT process_id) FROM backend_servers WHERE backend_host = 'shared@file'
"""
BACK_SECONDS: Final = 120
ANSWER_SECONDS: Final = 5
LOOK_SECONDS: Final = 0.05

PROGRAM: Final = ("-m", "pumice")
"""What Python runs."""

SETTINGS: Final = """\
[DEFAULT]
enabled_backends = file, idle
quota_volumes = -1
quota_gigabytes = -1
max_over_subscription_ratio = 1000000
password_hash_rounds = 4
osapi_max_limit = 100000
{times}
{database}
[file]
volume_driver = file
backend_host = shared
file_directory = {folder}/volumes

[idle]
volume_driver = file
backend_host = shared
file_directory = {folder}/idle
"""
"""Nobody guesses passwords here, so the hash is quick; no list is cut; ``idle`` has no volumes."""

QUICK_TIMES: Final = "report_interval = 1\nlease_seconds = 3\n"
"""For short storms: who is silent for 3 s has lost what he held."""


@dataclass
class Node:
    """One process of the cloud, running or not; it has the same port each time."""

    state_dir: Path
    config: Path
    roles: str | None = None
    address: str = LOOPBACK
    under: Sequence[str] = ()
    program: Sequence[str] = PROGRAM
    port: int = 0
    served: Served | None = None
    start_seconds: list[float] = field(default_factory=list)

    @property
    def answers(self) -> bool:
        """Whether it has the API."""
        return self.roles is None or "api" in self.roles.split(",")

    async def start(self) -> None:
        """Serve, unless it does, and wait until it is ready. Raises :class:`StartFailed`."""
        if self.served is not None and self.served.runs:
            return
        self.port = self.port or _free_port()
        self.served = await Served.start(
            [*self.program, "serve", "--state-dir", f"{self.state_dir}", "--config",
             f"{self.config}", "--host", self.address, "--port", f"{self.port}",
             *(["--role", self.roles] if self.roles else [])],
            self.state_dir.with_suffix(".log"),
            {"PUMICE_ADMIN_PASSWORD": PASSWORD},
            self.under,
        )  # fmt: skip
        self.start_seconds.append(self.served.start_seconds)

    async def kill(self) -> None:
        """End it as a power cut would, as far as a process can see."""
        served, self.served = self.served, None
        if served is not None:
            await served.kill()

    async def stop(self) -> int:
        """End it with SIGTERM; its exit status."""
        served, self.served = self.served, None
        return 0 if served is None else await served.stop()


class Deployment:
    """Some nodes, their database and the folder of their volumes; ``async with`` ends the nodes."""

    def __init__(
        self,
        folder: Path,
        clusters: Sequence[Cluster] = (),
        *,
        roles: Sequence[str] = (ALL_ROLES,),
        times: str = "",
        places: Sequence[tuple[str, Sequence[str]]] = (),
        separate: bool = False,
    ) -> None:
        """``folder`` is empty. Without ``clusters`` it is one process on SQLite.

        The first of ``clusters`` has the database, the others stand by for it. There is a node for
        each of ``roles``, at the address and under the command that ``places`` has for it;
        ``separate`` gives each a state directory of its own, as on different hosts.
        """
        self.folder: Final = folder
        self.clusters: Final = tuple(clusters)
        self.volumes: Final = folder / "volumes"
        self.volumes.mkdir()
        (folder / "idle").mkdir()
        self.config: Final = folder / "pumice.conf"
        self.config.write_text(
            SETTINGS.format(times=times, folder=folder, database=self._database())
        )
        on = places or [(LOOPBACK, ())] * len(roles)
        self.nodes: Final = [
            Node(
                folder / (f"host{number}" if separate else "state"),
                self.config,
                role if clusters else None,
                *place,
            )
            for number, (role, place) in enumerate(zip(roles, on, strict=True))
        ]
        self.token = self.project_id = ""
        self._turn = 0
        self._look: psycopg.Connection[tuple[Any, ...]] | None = None

    def _database(self) -> str:
        if not self.clusters:
            return ""
        self.clusters[0].create_database(DATABASE)
        one = self.clusters[0].dsn(DATABASE)
        url = any_of(self.clusters, DATABASE) if len(self.clusters) > 1 else one
        return f"\n[database]\nconnection = {url}\n"

    @property
    def connection(self) -> str | None:
        """The database's address; None on SQLite."""
        return any_of(self.clusters, DATABASE) if self.clusters else None

    async def start(self) -> None:
        """Start all nodes that do not run; the first time also log in and make the volume type."""
        first, *others = self.nodes
        await first.start()
        for node in others:
            kept = "keys/database.key"
            if node.state_dir != first.state_dir and not (node.state_dir / kept).exists():
                (node.state_dir / "keys").mkdir(parents=True, mode=0o700)
                node.state_dir.chmod(0o700)
                shutil.copy(first.state_dir / kept, node.state_dir / kept)
        await asyncio.gather(*(node.start() for node in others))
        if not self.token:
            await self._begin()

    async def _begin(self) -> None:
        served = next(node.served for node in self.nodes if node.answers)
        assert served is not None
        cloud = await Cloud.log_in(served)
        self.token, self.project_id = cloud.token, cloud.project_id
        connection = await cloud.connect()
        new = {"name": "file", "extra_specs": {"volume_backend_name": "file"}}
        reply = await connection.send(cloud.message("POST", "/types", {"volume_type": new}))
        expect(reply, 200)
        connection.close()

    def clouds(self) -> list[Cloud]:
        """The cloud as it is reached at each node that runs and answers requests."""
        return [
            Cloud(node.served, self.token, self.project_id)
            for node in self.nodes
            if node.answers and node.served is not None
        ]

    def cloud(self) -> Cloud:
        """The next of :meth:`clouds`. Raises :class:`ConnectionLost` when there is none."""
        clouds = self.clouds()
        if not clouds:
            raise ConnectionLost("Nobody answers requests now.")
        self._turn += 1
        return clouds[self._turn % len(clouds)]

    async def connect(self) -> tuple[Cloud, Connection]:
        """A connection to the next one that answers. Raises :class:`ConnectionLost`."""
        cloud = self.cloud()
        return cloud, await cloud.connect()

    def unfinished(self) -> set[str]:
        """The ids of the operations that have not ended.

        Raises :class:`LookupError` while the database does not answer.
        """
        try:
            return self._unfinished_shared() if self.clusters else self._unfinished_alone()
        except (psycopg.Error, sqlite3.Error, FileNotFoundError) as error:
            self._look = None
            raise LookupError(str(error)) from error

    def _unfinished_shared(self) -> set[str]:
        if self._look is None:
            running = next((one for one in self.clusters if one.runs), None)
            if running is None:
                raise LookupError("No PostgreSQL runs now.")
            self._look = running.connect(DATABASE)
        return {str(id_) for (id_,) in self._look.execute(UNFINISHED)}

    def _unfinished_alone(self) -> set[str]:
        """Of a server that was killed from a copy: opening a database after that already repairs it."""
        state_dir = self.nodes[0].state_dir
        if self.nodes[0].served is not None:
            return _read(f"file:{state_dir / 'pumice.db'}?mode=ro")
        with tempfile.TemporaryDirectory() as folder:
            for file in state_dir.glob("pumice.db*"):
                shutil.copy(file, folder)
            return _read(f"file:{folder}/pumice.db")

    async def until_all_answer(self, seconds: float) -> None:
        """Wait until each node that has the API answers, or ``seconds`` are over."""
        until = time.monotonic() + seconds
        for cloud in self.clouds():
            while not await _answers(cloud):
                if time.monotonic() > until:
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def until_back(self, node: Node) -> None:
        """Wait until ``node``, which was away, answers, and all nodes are known to serve the volumes.

        Raises :class:`TimeoutError`.
        """
        assert node.served is not None
        cloud = Cloud(node.served, self.token, self.project_id)
        until = time.monotonic() + BACK_SECONDS
        while not (await _answers(cloud) and self._serving() == len(self.nodes)):
            if time.monotonic() > until:
                raise TimeoutError(f"{node.state_dir} is not back: {self._serving()} serve")
            await asyncio.sleep(LOOK_SECONDS)

    def _serving(self) -> int:
        self.unfinished()  # Which connects, if need be.
        assert self._look is not None
        (count,) = self._look.execute(SERVING).fetchone() or (0,)
        return int(count)

    async def restart(self) -> list[str]:
        """Stop each node with SIGTERM, which drains it, and start it again; what went wrong."""
        wrong = []
        for node in self.nodes:
            if (status := await node.stop()) != 0:
                wrong.append(f"SIGTERM ended {node.roles} with status {status}")
            await node.start()
        return wrong

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._look is not None:
            self._look.close()
        await asyncio.gather(*(node.kill() for node in self.nodes))


async def _answers(cloud: Cloud) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await cloud.connect()
            reply = await connection.send(cloud.message("GET", "/volumes?limit=1"))
    except (ConnectionLost, TimeoutError):
        return False
    connection.close()
    return reply.status == 200


def _read(uri: str) -> set[str]:
    with closing(sqlite3.connect(uri, uri=True)) as database:
        return {str(id_) for (id_,) in database.execute(UNFINISHED)}


def _free_port() -> int:
    """A port below those that the kernel gives to clients, so that it is free after a kill too."""
    choose = random.SystemRandom()
    while True:
        port = choose.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
