"""What can be seen of a server from outside: what is there at rest, its files, and its own check."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from benchmarks.cloud import SETTLED, Cloud, expect
from benchmarks.connection import Connection
from pumice import process as composition
from pumice import seams as real_seams
from pumice import serving
from pumice.bus.memory import MemoryBus
from pumice.identity.keyring import Keyring
from pumice.settings import load
from pumice.store.contract import Store
from pumice.store.postgresql.store import PostgresStore
from tests.crash.deployment import Deployment
from tests.crash.history import Told
from tests.crash.kinds import IDLE, LIMITS, SERVICES, TOKENS, UNIQUE, log_in, request, things

GIB: Final = 1024**3
KEPT: Final = 100
"""So many tokens and users are tried again in later rounds: all would take longer and longer."""
LOOK_SECONDS: Final = 0.02


async def at_rest(
    deployment: Deployment, rest_seconds: float
) -> tuple[list[dict[str, Any]], list[str]]:
    """Every volume once no operation is under way, or after ``rest_seconds``; and what is stuck then."""
    until = time.monotonic() + rest_seconds
    while True:
        cloud, connection = await deployment.connect()
        found = await cloud.volumes(connection)
        connection.close()
        left = deployment.unfinished()
        resting = all(volume["status"].startswith(SETTLED) for volume in found)
        if resting and not left:
            return found, []
        if time.monotonic() > until:
            return found, [f"the operation {id_} is stuck" for id_ in sorted(left)]
        await asyncio.sleep(LOOK_SECONDS)


async def wrong_answers(cloud: Cloud, told: Told) -> list[str]:
    """What is wrong with all that is no volume, as one process shows it; it is the truth from now on."""
    connection = await cloud.connect()
    wrong: list[str] = []
    for kind in UNIQUE:
        found = await things(cloud, connection, kind)
        wrong += told.things[kind].violations(found)
        told.things[kind].learn(found)
    reply = await connection.send(request(cloud, "GET", LIMITS))
    shown = expect(reply, 200).json()["quota_set"]
    for resource, limit in told.limits.items():
        wrong += limit.violations(f"the limit of {resource}", shown[resource])
    reply = await connection.send(request(cloud, "GET", f"{SERVICES}?host={IDLE}"))
    (service,) = expect(reply, 200).json()["services"]
    wrong += told.service.violations(f"the service {IDLE}", service["status"])
    for token, valid in told.tokens.items():
        check = request(cloud, "GET", TOKENS, None, {"X-Subject-Token": token})
        status = (await connection.send(check)).status
        wrong += valid.violations(
            f"that token {token[-8:]} is valid", {200: True, 404: False}[status]
        )
    wrong += await _locked_out(cloud, connection, told)
    for token in [*told.tokens][:-KEPT]:
        del told.tokens[token]
    connection.close()
    return wrong


async def _locked_out(cloud: Cloud, connection: Connection, told: Told) -> list[str]:
    return [
        f"user {user.id} cannot log in: {reply.status}"
        for user in told.things["user"].there()[-KEPT:]
        if (reply := await log_in(cloud, connection, f"{user.id}")).status != 201
    ]


def wrong_files(
    folder: Path, volumes: Iterable[dict[str, Any]], forgiven: Collection[str] = ()
) -> Iterator[str]:
    """What is left over, missing or of another size among the file driver's files.

    The bytes of the volumes ``forgiven`` may be left over.
    """
    wanted = {f"volume-{volume['id']}.raw": volume["size"] * GIB for volume in volumes}
    found = _sizes(folder)
    for name in sorted(found.keys() - wanted.keys() - {f"volume-{id_}.raw" for id_ in forgiven}):
        yield f"the file {name} is left over"
    for name, size in wanted.items():
        if name not in found:
            yield f"the file {name} is missing"
        elif found[name] != size:
            yield f"the file {name} has {found[name]} bytes instead of {size}"


def empty_files(folder: Path) -> set[str]:
    """The ids of the volumes whose files have no bytes."""
    return {
        name.removeprefix("volume-").removesuffix(".raw")
        for name, size in _sizes(folder).items()
        if size == 0
    }


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def wrong_rows(state_dir: Path, config: Path, forgiven: Collection[str] = ()) -> Iterator[str]:
    """What ``pumice db check`` finds, but that bytes of the volumes ``forgiven`` wait to be removed."""
    check = subprocess.run(
        [sys.executable, "-m", "pumice", "db", "check", "--json",
         "--state-dir", f"{state_dir}", "--config", f"{config}"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if not check.stdout:
        yield f"pumice db check: {check.stderr.strip()}"
        return
    for finding in json.loads(check.stdout):
        if finding["kind"] != "leftover" or finding["subject"] not in forgiven:
            yield f"pumice db check: {finding['sentence']}"


class Later(real_seams.SystemClock):
    """The clock as it will be in an hour, when every deadline has passed."""

    def now_us(self) -> int:
        """See :meth:`pumice.seams.Clock.now_us`."""
        return super().now_us() + 3_600_000_000


async def remove_leftovers(deployment: Deployment) -> None:
    """What the reconciler of a server will do once its time has come, turn by turn; nobody serves."""
    seams = dataclasses.replace(real_seams.real(), clock=Later())
    state_dir, url = deployment.nodes[0].state_dir, deployment.connection
    store: Store
    if url is None:
        store = serving.open_database(state_dir / "pumice.db", seams)
    else:
        store = PostgresStore(url, seams.executor)
    with closing(store):
        process = composition.build(
            load(deployment.config),
            store,
            composition.keys_in_files(Keyring.new(seams.ids), seams),
            seams,
            MemoryBus(),
            state_dir,
        )
        before: set[str] = set()
        while (now := set(_sizes(deployment.volumes))) != before:
            before = now
            await process.manager.reconcile()
    seams.executor.shutdown()
