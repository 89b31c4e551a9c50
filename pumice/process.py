"""The composition root: the only place that builds objects from settings.

:func:`build` puts a process together from values and seams, without opening a socket or a database, so
that tests and simulations build the same program as :mod:`pumice.serving`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pumice.api import routes as api_routes
from pumice.api.app import App
from pumice.api.container import Services
from pumice.api.policy import Rules
from pumice.api.policy_file import read_policy_file
from pumice.bus.contract import Bus
from pumice.debug.threads import OneThread, Threads
from pumice.drivers.backend import Backend, Limits
from pumice.drivers.options import BackendConfig
from pumice.drivers.registry import load_driver
from pumice.identity.keyring import Keyring
from pumice.manager.heartbeat import Heartbeat, Served
from pumice.manager.pools import PoolsFollower
from pumice.manager.volume import VolumeManager
from pumice.model.roles import ROLES, Role
from pumice.operations.definition import Tools
from pumice.operations.engine import Engine, EngineOptions
from pumice.operations.liveness import ALONE, Liveness
from pumice.operations.registry import OPERATIONS
from pumice.scheduler.registry import Ingredients, make_scheduler
from pumice.scheduler.view import PoolsView
from pumice.seams import Seams
from pumice.services.catalog import CatalogService
from pumice.services.generation import Generation, SharedGeneration
from pumice.services.keys import DatabaseKeys, FileKeys, TokenKeys, WriteKeys
from pumice.services.operations import OperationService
from pumice.services.passwords import PasswordChecks
from pumice.services.tokens import TokenService
from pumice.services.volumes import VolumeService
from pumice.settings import DEFAULT_ORIGIN, DEFAULT_SECTION, BackendSettings, Loaded, Settings
from pumice.store.backends import ProcessRecord
from pumice.store.contract import Store

STOP_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Process:
    """One Pumice, put together but not started."""

    app: App
    services: Services
    store: Store
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


KeySource = Callable[[Generation], TokenKeys]
"""Makes the token keys of a process, which change with its generation of identity."""


def keys_in_files(
    keyring: Keyring, seams: Seams, write: WriteKeys = lambda _keys: None
) -> KeySource:
    """The keys of one process alone; ``write`` keeps them for the next one after a rotation."""
    return lambda generation: FileKeys(keyring, write, seams, generation)


def keys_in_database(store: Store, sealing_key: bytes, seams: Seams) -> KeySource:
    """The keys of all processes on the database of ``store``; ``sealing_key`` is each host's key_file."""
    return lambda generation: DatabaseKeys(store, sealing_key, seams.ids, generation)


@dataclass(frozen=True, slots=True)
class Member:
    """What a process is among those that share its database; ``alone``: there can be no other."""

    id: str
    roles: frozenset[Role] = ROLES
    liveness: Liveness = ALONE

    @property
    def is_alone(self) -> bool:
        """Whether the database is this process's only."""
        return self.liveness is ALONE


def build(
    loaded: Loaded,
    store: Store,
    keys_of: KeySource,
    seams: Seams,
    bus: Bus,
    state_dir: Path,
    threads: Threads = ONE_THREAD,
    member: Member | None = None,
) -> Process:
    """Put a process together. Raises :class:`pumice.errors.SettingsError` for a wrong name or option.

    Without ``member`` the process does everything, alone.
    """
    settings = loaded.settings
    member = member or Member(seams.ids.identity_side())
    scheduler = make_scheduler(
        settings.scheduler_driver,
        settings.scheduler_default_filters,
        settings.scheduler_default_weighers,
        Ingredients(seams.random, settings.capacity_weight_multiplier),
    )
    view = PoolsView(scheduler.filters)
    served = _served_by(member, loaded, seams, state_dir)
    backends = {one.backend.host: one.backend for one in served}
    process = ProcessRecord(
        id=member.id,
        host=settings.host,
        pid=os.getpid(),
        started_at=seams.clock.now_us(),
        heartbeat_at=seams.clock.now_us(),
        roles=",".join(sorted(member.roles)),
    )
    engine = Engine(
        store,
        bus,
        seams,
        Tools(scheduler, view, frozenset(backends), "scheduler" in member.roles),
        backends,
        OPERATIONS,
        member.liveness,
        EngineOptions(
            process.id,
            settings.lease_seconds,
            settings.scheduler_max_attempts,
            settings.service_down_time,
            f"{settings.host}, process {os.getpid()} ({process.roles})",
        ),
    )
    rules = api_routes.rules(policy_overrides(loaded, state_dir))
    shared = None if member.is_alone else threads.edge(SharedGeneration(store))
    generation = Generation(shared)
    keys = keys_of(generation)
    services = _services(settings, seams, rules, keys, generation, store, engine, threads)
    heartbeat = Heartbeat(process, store, view, served, settings.service_down_time)
    follower = None if member.is_alone else PoolsFollower(store, view, settings.service_down_time)
    manager = VolumeManager(store, seams, engine, heartbeat, served, settings, bus, follower)
    return Process(App(services, api_routes.APIS), services, store, engine, manager, backends)


def _services(
    settings: Settings,
    seams: Seams,
    rules: Rules,
    core_keys: TokenKeys,
    generation: Generation,
    core_store: Store,
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


def _served_by(member: Member, loaded: Loaded, seams: Seams, state_dir: Path) -> tuple[Served, ...]:
    if "volume" not in member.roles:
        return ()
    return tuple(make_served(one, loaded.settings, seams, state_dir) for one in loaded.backends)


def make_served(
    backend: BackendSettings, settings: Settings, seams: Seams, state_dir: Path
) -> Served:
    """One backend of the settings with its driver. Raises :class:`pumice.errors.SettingsError`."""
    config = BackendConfig(
        backend.name, backend.volume_backend_name, backend.driver_options, state_dir
    )
    driver = load_driver(backend.volume_driver).from_settings(config, seams.files)
    limits = Limits(backend.backend_slots, backend.driver_deadline_seconds)
    host = f"{backend.backend_host or settings.host}@{backend.name}"
    return Served(Backend(backend.name, host, driver, seams.executor, limits), backend)
