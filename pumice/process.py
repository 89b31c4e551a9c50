"""The composition root: the only place that builds objects from settings.

:func:`build` puts a process together from values and seams, without opening a socket, so that tests and
simulations build the same program. :func:`serve` is ``pumice serve``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pumice import seams as seams_module
from pumice.api import routes as api_routes
from pumice.api.app import App
from pumice.api.container import Services
from pumice.api.policy import Rules
from pumice.api.policy_file import read_policy_file
from pumice.api.routes import EffectivePolicy
from pumice.api.server import Listen, answer_requests, listening
from pumice.bus.contract import Bus
from pumice.bus.memory import MemoryBus
from pumice.debug.debugger import Debugger
from pumice.debug.threads import ManyThreads, OneThread, Threads
from pumice.drivers.backend import Backend, Limits
from pumice.drivers.contract import Driver, Listed
from pumice.drivers.options import BackendConfig
from pumice.drivers.registry import load_driver
from pumice.errors import DriverError, UsageError
from pumice.identity.keyring import Keyring, make_key
from pumice.identity.passwords import hash_password
from pumice.manager.heartbeat import Heartbeat, Served
from pumice.manager.volume import VolumeManager
from pumice.model.identity import DEFAULT_DOMAIN_ID, User
from pumice.operations.definition import Tools
from pumice.operations.engine import Engine, EngineOptions
from pumice.operations.registry import OPERATIONS
from pumice.scheduler.registry import Ingredients, make_scheduler
from pumice.scheduler.view import PoolsView
from pumice.seams import Seams
from pumice.services.bootstrap import (
    ADMIN,
    bootstrap,
    find_admin,
    is_bootstrapped,
    new_bootstrap,
)
from pumice.services.catalog import CatalogService
from pumice.services.check import Finding, check
from pumice.services.generation import Generation
from pumice.services.keys import TokenKeys, WriteKeys
from pumice.services.operations import OperationService
from pumice.services.passwords import PasswordChecks
from pumice.services.scopes import Reference, find_login
from pumice.services.tokens import TokenService
from pumice.services.users import reset_password
from pumice.services.volumes import VolumeService
from pumice.settings import DEFAULT_ORIGIN, DEFAULT_SECTION, BackendSettings, Loaded, Settings, load
from pumice.state_dir import StateDir, keep_admin_password
from pumice.store import backup, schema
from pumice.store.backends import ProcessRecord
from pumice.store.backup import Progress
from pumice.store.long_reads import LongReads
from pumice.store.sqlite import SqliteStore, snapshot
from pumice.store.txn import Txn

STOP_SECONDS: Final = 3.0
PASSWORD_BYTES: Final = 18
SWITCH_SECONDS: Final = 0.0005
"""How long the event loop may keep a driver's thread from the interpreter (Python's own: 5 ms).

A backstop for a loop that never lets go: in isolation it is worth a factor of ten. In the served process,
where each statement lets go, no difference was measured.
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Process:
    """One Pumice, put together but not started."""

    app: App
    services: Services
    store: SqliteStore
    engine: Engine
    manager: VolumeManager
    backends: dict[str, Backend]

    async def start(self) -> None:
        """Recover what an earlier process left and begin to serve the backends."""
        await self.manager.start()

    async def stop(self) -> None:
        """Finish what can be finished in a few seconds; the next start takes up the rest."""
        await self.manager.stop()
        await self.engine.stop(STOP_SECONDS)
        self.store.close()


ONE_THREAD: Final = OneThread()


def build(
    loaded: Loaded,
    store: SqliteStore,
    keyring: Keyring,
    seams: Seams,
    bus: Bus,
    state_dir: Path,
    threads: Threads = ONE_THREAD,
    write_keys: WriteKeys = lambda _keys: None,
) -> Process:
    """Put a process together. Raises :class:`pumice.errors.SettingsError` for a wrong name or option.

    ``write_keys`` keeps the token keys for the next process after a rotation.
    """
    settings = loaded.settings
    scheduler = make_scheduler(
        settings.scheduler_driver,
        settings.scheduler_default_filters,
        settings.scheduler_default_weighers,
        Ingredients(seams.random, settings.capacity_weight_multiplier),
    )
    view = PoolsView(scheduler.filters)
    served = tuple(_served(one, settings, seams, state_dir) for one in loaded.backends)
    backends = {one.backend.host: one.backend for one in served}
    process = ProcessRecord(
        id=seams.ids.identity_side(),
        host=settings.host,
        pid=os.getpid(),
        started_at=seams.clock.now_us(),
        heartbeat_at=seams.clock.now_us(),
    )
    engine = Engine(
        store,
        bus,
        seams,
        Tools(scheduler, view),
        backends,
        OPERATIONS,
        EngineOptions(process.id, settings.lease_seconds, settings.scheduler_max_attempts),
    )
    rules = api_routes.rules(policy_overrides(loaded, state_dir))
    generation = Generation()
    keys = TokenKeys(keyring, write_keys, seams, generation)
    services = _services(settings, seams, rules, keys, generation, store, engine, threads)
    heartbeat = Heartbeat(store, view, served, settings.service_down_time)
    manager = VolumeManager(store, seams, engine, heartbeat, served, settings, process)
    return Process(App(services, api_routes.APIS), services, store, engine, manager, backends)


def _services(
    settings: Settings,
    seams: Seams,
    rules: Rules,
    core_keys: TokenKeys,
    generation: Generation,
    core_store: SqliteStore,
    core_engine: Engine,
    threads: Threads,
) -> Services:
    """What the API may use: services, and nothing of the core but by the edge of its thread."""
    store, engine = threads.edge(core_store), threads.edge(core_engine)
    passwords = threads.edge(PasswordChecks(seams, settings.password_hash_rounds))
    keys = threads.edge(core_keys)
    return Services(
        settings=settings,
        seams=seams,
        units=store,
        rules=rules,
        generation=generation,
        passwords=passwords,
        keys=keys,
        tokens=TokenService(store, seams, keys, generation, settings, passwords),
        catalog=CatalogService(store, generation),
        volumes=VolumeService(store, seams, engine, settings),
        operations=OperationService(store, engine),
        pools=core_engine.tools.pools,
        debugger=threads.debugger,
    )


def policy_overrides(loaded: Loaded, state_dir: Path) -> dict[str, str]:
    """The rules of the policy file; none if there is no such file and no setting names one.

    Raises :class:`pumice.errors.SettingsError`.
    """
    path = state_dir / loaded.settings.policy_file
    is_default = loaded.origins[DEFAULT_SECTION, "policy_file"] == DEFAULT_ORIGIN
    return {} if is_default and not path.exists() else read_policy_file(path)


def effective_policies(state_path: Path, config: Path | None) -> list[EffectivePolicy]:
    """What holds with the policy file of ``state_path``; for people.

    Raises :class:`pumice.errors.SettingsError` as a start would.
    """
    overrides = policy_overrides(load(config or state_path / CONF), state_path)
    return api_routes.effective_policies(overrides)


def _served(backend: BackendSettings, settings: Settings, seams: Seams, state_dir: Path) -> Served:
    """One backend of the settings with its driver."""
    config = BackendConfig(
        backend.name, backend.volume_backend_name, backend.driver_options, state_dir
    )
    driver = load_driver(backend.volume_driver).from_settings(config, seams.files)
    limits = Limits(backend.backend_slots, backend.driver_deadline_seconds)
    host = f"{settings.host}@{backend.name}"
    return Served(Backend(backend.name, host, driver, seams.executor, limits), backend)


def open_database(path: Path, seams: Seams) -> SqliteStore:
    """The database, made or brought to this version's schema. Raises :class:`UsageError`."""
    if not path.exists():
        schema.create(path)
    elif schema.revision(path) != schema.HEAD:
        log.info("Upgrading the database from schema %s to %s", schema.revision(path), schema.HEAD)
        schema.upgrade(path)
    long_reads = LongReads(path, seams.executor, seams.clock.monotonic_ns)
    return SqliteStore(path, long_reads=long_reads)


async def serve(
    state_path: Path,
    config: Path | None,
    listen: Listen,
    ready: Callable[[str], None],
    debugger: Debugger | None = None,
) -> None:
    """``pumice serve``: serve ``state_path`` until SIGTERM or SIGINT.

    ``ready`` is called with the identity URL once requests are answered. Raises
    :class:`pumice.errors.UsageError` for whatever a person must mend first.
    """
    threads: Threads = ONE_THREAD if debugger is None else ManyThreads(debugger)
    seams = seams_module.real()
    with StateDir.open(state_path, secret=seams.ids.secret) as state_dir:
        loaded = load(config or state_dir.conf)
        if loaded.settings.debug:
            logging.getLogger().setLevel(logging.DEBUG)
        with listening(listen) as bound:
            store = open_database(state_dir.database, seams)
            keyring = Keyring.from_files(state_dir.read_keys())
            process = build(
                loaded,
                store,
                keyring,
                seams,
                MemoryBus(),
                state_dir.path,
                threads,
                state_dir.write_keys,
            )
            url = identity_url(listen, bound, loaded.settings)
            await threads.begin(_bootstrap(process, state_dir, url, loaded.settings))
            await threads.begin(process.start())
            gc.freeze()
            sys.setswitchinterval(SWITCH_SECONDS)
            await answer_requests(threads.app(process.app), bound, listen, lambda: ready(url))
            await threads.end(process.stop())


async def _bootstrap(process: Process, state_dir: StateDir, url: str, settings: Settings) -> None:
    """What a first start needs, and the clients' files; all of it may be repeated."""
    done = await process.store.read(is_bootstrapped)
    kept = state_dir.read_admin_password()
    wanted = os.environ.get("PUMICE_ADMIN_PASSWORD")
    if kept and wanted and kept != wanted:
        log.warning("PUMICE_ADMIN_PASSWORD counts at the first start only; the password stays")
    password = kept or wanted or ""
    if done and not await _is_admins(process, password, is_kept=password == kept):
        log.warning(
            "clouds.yaml and openrc stay as they are: they do not have the admin's password; "
            "`pumice identity user set-password admin` sets one and writes it there"
        )
        return
    password = password or _new_password(process.services.seams)
    # The files first: a password in the database that stands in no file would be lost by a crash.
    state_dir.write_clients_files(url, password)
    seams = process.services.seams
    if not done:
        hashed = hash_password(password, settings.password_hash_rounds)
        await process.store.write(bootstrap, new_bootstrap(seams, hashed))


async def _is_admins(process: Process, password: str, *, is_kept: bool) -> bool:
    """Whether the administrator of the first start has this password.

    One that ``is_kept`` in the clients' files is hashed only if his tokens were ended since, as a new
    password does: any other start shall be quick.
    """
    admin = await process.store.read(find_admin)
    if admin is None or not password:
        return False
    if is_kept and not admin.tokens_after:
        return True
    login = await process.store.read(find_login, Reference(id=admin.id))
    return await process.services.passwords.is_right(login, password)


def _new_password(seams: Seams) -> str:
    """A password nobody can guess, of characters that need no quotes."""
    return base64.urlsafe_b64encode(seams.ids.secret(PASSWORD_BYTES)).decode()


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


CONF: Final = "pumice.conf"
DATABASE: Final = "pumice.db"
VOLATILE: Final = "It is in the memory of the process that serves it."


@dataclass(frozen=True, slots=True)
class SchemaVersions:
    """The schema that a database has, or had, and the one that this Pumice needs."""

    found: str
    needed: str


def database_versions(state_path: Path) -> SchemaVersions:
    """Beside a server or without one. Raises :class:`UsageError` if there is no database."""
    return SchemaVersions(schema.revision(state_path / DATABASE), schema.HEAD)


def upgrade_database(state_path: Path) -> SchemaVersions:
    """Bring the database to this version's schema; what was ``found`` before.

    Raises :class:`UsageError` if there is no database, if it is served, and if it cannot be upgraded.
    """
    versions = database_versions(state_path)
    with StateDir.open(state_path, secret=seams_module.real().ids.secret) as state_dir:
        schema.upgrade(state_dir.database)
    return versions


def backup_database(state_path: Path, target: Path, *, progress: Progress, overwrite: bool) -> None:
    """Copy the database to ``target``, beside a server or without one.

    Raises :class:`UsageError` if it cannot be read, or ``target`` not be written.
    """
    backup.backup(state_path / DATABASE, target, progress=progress, overwrite=overwrite)


def restore_database(state_path: Path, copy: Path, *, progress: Progress) -> Path | None:
    """Put a copy in the database's place; where the old one is kept, None if there was none.

    Raises :class:`UsageError` if the state directory is served, or ``copy`` is not a whole database.
    """
    seams = seams_module.real()
    with StateDir.open(state_path, secret=seams.ids.secret) as state_dir:
        database = state_dir.database
        kept = database.with_name(f"{database.name}.before-{seams.clock.now_us()}")
        backup.restore(copy, database, kept, progress=progress)
        return kept if kept.exists() else None


@contextlib.contextmanager
def reading(database: Path) -> Iterator[Txn]:
    """One state of a database, beside a server or without one; for queries only.

    Raises :class:`UsageError` if it is none, or of another schema than this Pumice knows.
    """
    _check_schema(database)
    with snapshot(database) as txn:
        yield txn


def _check_schema(database: Path) -> None:
    found = schema.revision(database)
    if found != schema.HEAD:
        raise UsageError(
            f"The database {database} has schema {found}, but {schema.HEAD} is needed."
        )


def set_password(
    state_path: Path, config: Path | None, name: str, domain: str, password: str
) -> User:
    """Change a user's password in the database; ``domain`` is the id or the name of his.

    Raises :class:`UsageError` if somebody serves it, or it cannot be used, and
    :class:`pumice.errors.NotFound` if there is no such user.
    """
    _check_schema(state_path / DATABASE)
    seams = seams_module.real()
    with StateDir.open(state_path, secret=seams.ids.secret) as state_dir:
        settings = load(config or state_dir.conf).settings
        hashed = hash_password(password, settings.password_hash_rounds)
        store = SqliteStore(state_dir.database)
        try:
            user = asyncio.run(store.write(reset_password, name, domain, hashed, seams.clock))
        finally:
            store.close()
        keep_password_of(user.name, user.domain_id, state_path, password)
    return user


def keep_password_of(name: str, domain_id: str, state_path: Path, password: str) -> bool:
    """Let the clients' files in ``state_path`` have the new password, if it is the administrator's.

    False if it is another user's. Raises :class:`UsageError`.
    """
    if (name, domain_id) != (ADMIN, DEFAULT_DOMAIN_ID):
        return False
    keep_admin_password(state_path, password)
    return True


def rotate_keys(state_path: Path) -> tuple[int, ...]:
    """Rotate the token keys of a state directory that nobody serves; the numbers there are then.

    Raises :class:`UsageError` if somebody does, or if it cannot be used.
    """
    _check_schema(state_path / DATABASE)
    ids = seams_module.real().ids
    with StateDir.open(state_path, secret=ids.secret) as state_dir:
        rotated = Keyring.from_files(state_dir.read_keys()).rotate(make_key(ids)).to_files()
        state_dir.write_keys(rotated)
    return tuple(sorted(rotated))


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``pumice db check`` found.

    The ``volatile`` backends were not compared: what they hold is in the memory of who serves them.
    """

    findings: list[Finding]
    volatile: list[str]


def check_database(state_path: Path, config: Path | None) -> Checked:
    """Compare the rows with each other and with the backends, beside a server or without one.

    Raises :class:`UsageError` for settings or a database that cannot be read.
    """
    loaded = load(config or state_path / CONF)
    seams = seams_module.real()
    began_us = seams.clock.now_us()
    backends = [
        _served(one, loaded.settings, seams, state_path.absolute()) for one in loaded.backends
    ]
    contents = {one.backend.host: _content(one.backend.driver) for one in backends}
    volatile = [host for host, content in contents.items() if content == VOLATILE]
    with reading(state_path / DATABASE) as txn:
        found = check(txn, contents, began_us)
    known = [one for one in found if one.kind != "not_compared" or one.subject not in volatile]
    return Checked(known, volatile)


def _content(driver: Driver) -> Sequence[Listed] | str:
    """What a backend holds, or why that is not known."""
    try:
        return VOLATILE if driver.get_volume_stats().volatile else driver.list_volumes()
    except DriverError as error:
        return error.public
