"""The cloud that every simulated run begins with: a bootstrapped database, three projects, their tokens.

It is made once in each process that simulates, by the program itself; a run copies its file.
"""

from __future__ import annotations

import functools
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pumice.identity.keyring import Keyring
from pumice.process import Process
from pumice.settings import Loaded, load
from pumice.store.sqlite import SqliteStore
from tests.simulation.client import PASSWORD, Reply, call, set_up
from tests.simulation.loop import VirtualLoop
from tests.simulation.world import SimBus, World

ADMIN: Final = "admin"
PROJECTS: Final = ("red", "blue")
"""The projects of ordinary clients; each has one user."""
DEADLINE_SECONDS: Final = 30
LEASE_SECONDS: Final = 60
SLOTS: Final = 2
"""So few that calls which hang can hold all of them."""
QUOTA_VOLUMES: Final = 8
QUOTA_GIGABYTES: Final = 60


@dataclass(frozen=True)
class Cloud:
    """The database's file, the keys of its tokens; ids and tokens by the project's name."""

    database: bytes
    keyring: Keyring
    projects: dict[str, str]
    tokens: dict[str, str]
    type_id: str


@functools.cache
def cloud() -> Cloud:
    """The same in every process."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(
            Path(folder), seed=0, options={"token_expiration_seconds": f"{10 * 365 * 86_400}"}
        )
        loop = VirtualLoop()
        store = SqliteStore(world.database)
        process = world.put_together(store, SimBus(world))  # Not started: no backend is reported.
        projects, tokens = loop.run_until_complete(_people(process))
        store.close()
        loop.bury()
        with closing(sqlite3.connect(world.database)) as connection:
            (type_id,) = connection.execute("SELECT id FROM volume_types").fetchone()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Cloud(world.database.read_bytes(), world.keyring, projects, tokens, type_id)


async def _people(process: Process) -> tuple[dict[str, str], dict[str, str]]:
    """Projects with their users, and a token for each."""
    admin = await set_up(process)
    roles = (await _ask(process, "GET", "roles", None, admin)).body["roles"]
    member = next(role["id"] for role in roles if role["name"] == "member")
    found = (await _ask(process, "GET", "projects", None, admin)).body["projects"]
    projects = {one["name"]: one["id"] for one in found}
    tokens = {ADMIN: admin}
    for name in PROJECTS:
        wanted: dict[str, Any] = {"project": {"name": name, "domain_id": "default"}}
        made = await _ask(process, "POST", "projects", wanted, admin)
        projects[name] = made.body["project"]["id"]
        user = {"name": name, "domain_id": "default", "password": PASSWORD}
        made_user = await _ask(process, "POST", "users", {"user": user}, admin)
        user_id = made_user.body["user"]["id"]
        path = f"projects/{projects[name]}/users/{user_id}/roles/{member}"
        await _ask(process, "PUT", path, None, admin)
        who = {"id": user_id, "password": PASSWORD}
        identity = {"methods": ["password"], "password": {"user": who}}
        scope = {"project": {"id": projects[name]}}
        body = {"auth": {"identity": identity, "scope": scope}}
        issued = await _ask(process, "POST", "auth/tokens", body, "")
        tokens[name] = issued.headers["x-subject-token"]
    return projects, tokens


async def _ask(process: Process, method: str, path: str, body: object, token: str) -> Reply:
    reply = await call(process, method, f"/identity/v3/{path}", body, token=token)
    assert reply.status < 300, reply
    return reply


@functools.cache
def settings_of(driver: str, backends: tuple[str, ...], lines: tuple[str, ...] = ()) -> Loaded:
    """The settings of a process that serves ``backends``; ``lines`` are further ones of [DEFAULT]."""
    text = [
        "[DEFAULT]",
        f"enabled_backends = {', '.join(backends)}",
        f"driver_deadline_seconds = {DEADLINE_SECONDS}",
        f"lease_seconds = {LEASE_SECONDS}",
        f"backend_slots = {SLOTS}",
        f"quota_volumes = {QUOTA_VOLUMES}",
        f"quota_gigabytes = {QUOTA_GIGABYTES}",
        *lines,
    ]
    for name in backends:
        text += [f"[{name}]", f"volume_driver = {driver}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pumice.conf")
        path.write_text("\n".join([*text, ""]))
        return load(path)
