"""``pumice serve``: opens what the settings name, puts a process together, and serves until told to stop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from pumice import process as composition
from pumice import seams as seams_module
from pumice.api.server import Listen, answer_requests, listening, stopped
from pumice.bus.contract import Bus
from pumice.bus.memory import MemoryBus
from pumice.debug.debugger import Debugger
from pumice.debug.threads import ManyThreads, OneThread, Threads
from pumice.errors import UsageError
from pumice.identity.keyring import Keyring
from pumice.identity.passwords import hash_password
from pumice.model.roles import ROLES, Role
from pumice.process import KeySource, Member, Process
from pumice.seams import Seams, SyncedClock
from pumice.services.bootstrap import bootstrap, find_admin, is_bootstrapped, new_bootstrap
from pumice.services.scopes import Reference, find_login
from pumice.settings import Loaded, Settings, load, without_password
from pumice.state_dir import StateDir, make_key_file, read_key_file
from pumice.store import schema, token_keys
from pumice.store.contract import Store
from pumice.store.long_reads import LongReads
from pumice.store.sqlite import SqliteStore

PASSWORD_BYTES: Final = 18
SWITCH_SECONDS: Final = 0.0005
"""How long the event loop may keep a driver's thread from the interpreter (Python's own: 5 ms).

A backstop for a loop that never lets go: in isolation it is worth a factor of ten. In the served process,
where each statement lets go, no difference was measured.
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a process stands on: where its rows, its hints and its token keys are."""

    store: Store
    bus: Bus
    keys: KeySource
    member: Member
    session: Session | None = None


class Session(Protocol):
    """What shows the other processes that this one lives, and brings their hints."""

    async def begin(self, connected: Callable[[], None]) -> None:
        """Show it from now on; ``connected`` is called each time that the way to the others is back."""

    async def kept(self) -> None:
        """Wait as long as the process may serve. Raises :class:`UsageError` when it must not any more."""

    async def end(self) -> None:
        """Show it no more."""


async def serve(
    state_path: Path,
    config: Path | None,
    listen: Listen,
    ready: Callable[[str], None],
    debugger: Debugger | None = None,
    roles: frozenset[Role] = ROLES,
) -> None:
    """Serve ``state_path`` until SIGTERM or SIGINT.

    ``ready`` is called once everything works: with the identity URL, or with a name for the process if it
    answers no requests. Raises :class:`pumice.errors.UsageError` for whatever a person must mend first.
    """
    threads: Threads = OneThread() if debugger is None else ManyThreads(debugger)
    seams = seams_module.real()
    with _opened(state_path, config, seams) as (state_dir, loaded):
        url = loaded.database.connection
        clock = SyncedClock(seams.clock)
        if url is not None:
            seams = dataclasses.replace(seams, clock=clock)
        if url is None and roles != ROLES:
            raise UsageError(
                "Several processes need PostgreSQL: set `connection` in [database], or give no --role."
            )
        if loaded.settings.debug:
            logging.getLogger().setLevel(logging.DEBUG)
        with _listening(listen, roles, is_shared=url is not None) as bound:
            ground = await threads.begin(_ground(state_dir, loaded, seams, clock, roles))
            process = composition.build(
                loaded, ground.store, ground.keys, seams, ground.bus, state_dir.path,
                threads, ground.member,
            )  # fmt: skip
            where = _where(bound, listen, loaded, roles)
            await threads.begin(_start(process, ground, state_dir, where, loaded.settings))
            gc.freeze()
            sys.setswitchinterval(SWITCH_SECONDS)
            if bound is None:
                serving = stopped(lambda: ready(where))
            else:
                app = threads.app(process.app)
                serving = answer_requests(app, bound, listen, lambda: ready(where))
            await _while_kept(serving, threads, ground.session)
            await threads.end(_stop(process, ground))


@contextlib.contextmanager
def _opened(
    state_path: Path, config: Path | None, seams: Seams
) -> Iterator[tuple[StateDir, Loaded]]:
    """The state directory and its settings; several may serve it if the rows are in PostgreSQL."""
    conf = config or state_path / "pumice.conf"
    is_shared = conf.exists() and load(conf).database.connection is not None
    with StateDir.open(state_path, secret=seams.ids.secret, shared=is_shared) as state_dir:
        state_dir.note_config(config)
        yield state_dir, load(config or state_dir.conf)


@contextlib.contextmanager
def _listening(
    listen: Listen, roles: frozenset[Role], *, is_shared: bool
) -> Iterator[socket.socket | None]:
    """The bound socket of a process that answers requests; several share the port if that is asked for."""
    if "api" not in roles:
        yield None
        return
    with listening(listen, is_shared=is_shared) as bound:
        yield bound


async def _ground(
    state_dir: StateDir, loaded: Loaded, seams: Seams, clock: SyncedClock, roles: frozenset[Role]
) -> Ground:
    url = loaded.database.connection
    if url is None:
        keyring = Keyring.from_files(state_dir.read_keys())
        return Ground(
            open_database(state_dir.database, seams),
            MemoryBus(),
            composition.keys_in_files(keyring, seams, state_dir.write_keys),
            Member(seams.ids.identity_side()),
        )
    return await _shared_ground(url, state_dir.path / loaded.database.key_file, seams, clock, roles)


async def _shared_ground(
    url: str, key_file: Path, seams: Seams, clock: SyncedClock, roles: frozenset[Role]
) -> Ground:
    """On PostgreSQL: its schema, its sealed keys, and the way to the other processes."""
    from pumice.bus.shared import SharedBus  # noqa: PLC0415 - a start on SQLite has no use for it, and should be quick
    from pumice.store.postgresql import schema as shared_schema  # noqa: PLC0415 - it needs psycopg too, which is an extra
    from pumice.store.postgresql.session import Session as SharedSession  # noqa: PLC0415 - it needs psycopg too, which is an extra
    from pumice.store.postgresql.store import PostgresStore  # noqa: PLC0415 - it needs psycopg too, which is an extra

    if shared_schema.revision(url) is None:
        log.info("Making the schema in %s", without_password(url))
        shared_schema.create(url)
    shared_schema.upgrade(url)
    store = PostgresStore(url, seams.executor)
    sealing_key = read_key_file(key_file)
    if sealing_key is None:
        if await store.read(token_keys.select):
            raise UsageError(
                f"There is no key file {key_file}: the token keys in the database are sealed with "
                "that of the other hosts; copy it from one of them."
            )
        sealing_key = make_key_file(key_file, seams.ids.secret)
    process_id = seams.ids.identity_side()
    session = SharedSession(url, process_id, store, seams.executor, clock)
    keys = composition.keys_in_database(store, sealing_key, seams)
    return Ground(store, SharedBus(session), keys, Member(process_id, roles, session), session)


async def _while_kept(
    serving: Coroutine[Any, Any, None], threads: Threads, session: Session | None
) -> None:
    """Await ``serving``, and end it at once if ``session`` says that the process must not serve any more.

    Raises :class:`UsageError` then.
    """
    if session is None:
        await serving
        return
    served = asyncio.create_task(serving)
    kept = asyncio.create_task(threads.begin(session.kept()))
    try:
        await asyncio.wait((served, kept), return_when=asyncio.FIRST_COMPLETED)
        if not served.done():
            await kept
        await served
    finally:
        for task in (served, kept):
            task.cancel()
        await asyncio.gather(served, kept, return_exceptions=True)


def open_database(path: Path, seams: Seams) -> SqliteStore:
    """The database, made or brought to this version's schema. Raises :class:`UsageError`."""
    if not path.exists():
        schema.create(path)
    elif schema.revision(path) != schema.HEAD:
        log.info("Upgrading the database from schema %s to %s", schema.revision(path), schema.HEAD)
        schema.upgrade(path)
    long_reads = LongReads(path, seams.executor, seams.clock.monotonic_ns)
    return SqliteStore(path, long_reads=long_reads)


async def _start(
    process: Process, ground: Ground, state_dir: StateDir, url: str, settings: Settings
) -> None:
    if ground.session is not None:
        await ground.session.begin(process.manager.wake)
    await process.services.keys.begin()
    if "api" in ground.member.roles:
        await _bootstrap(process, state_dir, url, settings, is_alone=ground.member.is_alone)
    await process.start()


async def _stop(process: Process, ground: Ground) -> None:
    await process.stop()
    if ground.session is not None:
        await ground.session.end()


async def _bootstrap(
    process: Process, state_dir: StateDir, url: str, settings: Settings, *, is_alone: bool
) -> None:
    """What a first start needs, and the clients' files; all of it may be repeated.

    Of several hosts that start at once, one makes the administrator, and knows the password.
    """
    if await process.store.read(is_bootstrapped):
        await _keep_clients_files(process, state_dir, url, is_alone=is_alone)
        return
    wanted = os.environ.get("PUMICE_ADMIN_PASSWORD")
    # The files first: a password in the database that stands in no file would be lost by a crash. What
    # another process of this host has just written there is the one to take.
    password = state_dir.begin_clients_files(url, wanted or _new_password(process.services.seams))
    hashed = hash_password(password, settings.password_hash_rounds)
    unit = process.services.generation.ending(bootstrap)
    if await process.store.write(unit, new_bootstrap(process.services.seams, hashed)):
        return
    if not await _is_admins(process, password, is_trusted=False):
        state_dir.remove_clients_files(password)
    await _keep_clients_files(process, state_dir, url, is_alone=is_alone)


async def _keep_clients_files(
    process: Process, state_dir: StateDir, url: str, *, is_alone: bool
) -> None:
    """Let the clients' files name this URL, if this host knows the administrator's password."""
    kept = state_dir.read_admin_password()
    wanted = os.environ.get("PUMICE_ADMIN_PASSWORD")
    for password in (kept, wanted):
        if await _is_admins(process, password, is_trusted=is_alone and password == kept):
            if wanted not in {None, "", password}:
                log.warning(
                    "PUMICE_ADMIN_PASSWORD counts at the first start only; the password stays"
                )
            state_dir.write_clients_files(url, password or "")
            return
    log.warning(
        "clouds.yaml and openrc %s the admin's password; start with it in PUMICE_ADMIN_PASSWORD, or "
        "`pumice identity user set-password admin` sets one and writes it there",
        "stay as they are: they do not have"
        if kept
        else "are not written: this host does not know",
    )


async def _is_admins(process: Process, password: str | None, *, is_trusted: bool) -> bool:
    """Whether the administrator of the first start has this password.

    One that ``is_trusted``, because this host set it, is hashed only if his tokens were ended since, as a
    new password does: any other start shall be quick.
    """
    admin = await process.store.read(find_admin)
    if admin is None or not password:
        return False
    if is_trusted and not admin.tokens_after:
        return True
    login = await process.store.read(find_login, Reference(id=admin.id))
    return await process.services.passwords.is_right(login, password)


def _new_password(seams: Seams) -> str:
    """A password nobody can guess, of characters that need no quotes."""
    return base64.urlsafe_b64encode(seams.ids.secret(PASSWORD_BYTES)).decode()


def _where(
    bound: socket.socket | None, listen: Listen, loaded: Loaded, roles: frozenset[Role]
) -> str:
    """The URL to log in at, or what to call a process that answers no requests."""
    if bound is not None:
        return identity_url(listen, bound, loaded.settings)
    return f"{','.join(sorted(roles))} of {loaded.settings.host}"


def identity_url(listen: Listen, bound: socket.socket, settings: Settings) -> str:
    """The URL to log in at."""
    if settings.public_endpoint is not None:
        return f"{settings.public_endpoint}/identity/v3"
    scheme = "https" if listen.tls_cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(listen.host, listen.host)  # noqa: S104 - compared
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{scheme}://{host}:{bound.getsockname()[1]}/identity/v3"


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main`` on uvloop."""
    import uvloop  # noqa: PLC0415 - only serve needs it

    uvloop.run(main)
