"""A world for services: a real database on disk, a clock and an executor that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pumice import seams as real_seams
from pumice.context import Context
from pumice.identity.keyring import Keyring
from pumice.identity.passwords import hash_password
from pumice.model.identity import SYSTEM_TARGET, Assignment, Domain, Project, ScopeKind, User
from pumice.seams import Seams, SystemIds
from pumice.services.bootstrap import bootstrap, new_bootstrap
from pumice.services.catalog import CatalogService
from pumice.services.generation import Generation
from pumice.services.keys import FileKeys
from pumice.services.passwords import PasswordChecks
from pumice.services.tokens import TokenService
from pumice.settings import Settings
from pumice.store import assignments, domains, projects, schema, users
from pumice.store.sqlite import SqliteStore
from pumice.store.txn import Txn
from pumice.trace import Trace

T = TypeVar("T")

ROUNDS = 4
PASSWORD = "s3cret"
NOW_US = 1_800_000_000_250_000


class Clock:
    """A clock that stands until the test moves it."""

    def __init__(self) -> None:
        self.us = NOW_US

    def now_us(self) -> int:
        return self.us

    def monotonic_ns(self) -> int:
        return self.us * 1000

    def advance(self, seconds: float) -> None:
        self.us += int(seconds * 1_000_000)


@dataclass
class HashExecutor:
    """Runs hashes at once on the event loop, or holds them for :meth:`run_next`; counts them."""

    hold: bool = False
    hashes: list[str] = field(default_factory=list)
    """What each password was compared with."""
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        assert isinstance(function, partial)
        self.hashes.append(function.args[1])
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def run() -> None:
            future.set_result(function())

        if self.hold:
            self.waiting.append(run)
        else:
            run()
        return future

    async def run_next(self) -> None:
        """Let the hash that was held longest end, and all that follows from it happen."""
        self.waiting.pop(0)()
        await self.settle()

    async def settle(self) -> None:
        """Let every task go on until it waits for a hash: each needs a few turns of the loop."""
        for _ in range(20):
            await asyncio.sleep(0)

    def shutdown(self) -> None:
        pass


@dataclass
class World:
    """A bootstrapped database and the services on it."""

    store: SqliteStore
    seams: Seams
    clock: Clock
    executor: HashExecutor
    keyring: Keyring
    generation: Generation
    settings: Settings

    def token_service(self) -> TokenService:
        """A service that has validated nothing yet, as after a restart."""
        passwords = PasswordChecks(self.seams, self.settings.password_hash_rounds)
        keys = FileKeys(self.keyring, lambda _keys: None, self.seams, self.generation)
        return TokenService(self.store, self.seams, keys, self.generation, self.settings, passwords)

    def catalog_service(self) -> CatalogService:
        return CatalogService(self.store, self.generation)

    def context(self, **changes: Any) -> Context:
        """The context of an ordinary member of a project, with ``changes``."""
        usual: dict[str, Any] = {
            "request_id": "req-1",
            "global_request_id": None,
            "user_id": "u",
            "user_domain_id": "default",
            "scope": "project",
            "project_id": "p",
            "domain_id": None,
            "roles": frozenset({"member"}),
            "now_us": self.clock.us,
            "trace": Trace("req-1", "test", self.clock.us),
        }
        return Context(**usual | changes)

    async def identity_change(self, sql: str, **parameters: Any) -> None:
        """What a unit that writes identity does: one statement, and a new generation."""

        def unit(txn: Txn) -> None:
            assert txn.change(sql, parameters) == 1
            txn.after_commit(self.generation.bump)

        await self.store.write(unit)

    async def add_domain(self, name: str) -> str:
        domain = Domain(self.seams.ids.identity_side(), name, "", True, self.clock.us)
        await self.store.write(domains.insert, domain)
        return domain.id

    async def add_project(self, name: str, domain_id: str = "default") -> str:
        id_ = self.seams.ids.identity_side()
        project = Project(id_, domain_id, domain_id, name, "", True, self.clock.us)
        await self.store.write(projects.insert, project)
        return project.id

    async def add_user(
        self,
        name: str,
        domain_id: str = "default",
        *,
        password: str | None = PASSWORD,
        default_project_id: str | None = None,
    ) -> str:
        id_ = self.seams.ids.identity_side()
        stored = None if password is None else hash_password(password, ROUNDS)
        user = User(id_, domain_id, name, True, default_project_id, None, None, self.clock.us)
        await self.store.write(users.insert, user, stored)
        return user.id

    async def assign(
        self, user_id: str, role: str, scope: ScopeKind, target_id: str = SYSTEM_TARGET
    ) -> None:
        def unit(txn: Txn) -> None:
            row = txn.one("SELECT id FROM roles WHERE name = :name", {"name": role})
            assert row is not None
            assignments.insert(txn, Assignment("user", user_id, scope, target_id, row[0]))

        await self.store.write(unit)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file with every table and no row."""
    path = tmp_path / "pumice.db"
    schema.create(path)
    return path


@pytest.fixture
def empty_world(database: Path) -> Iterator[World]:
    """Services on an empty database."""
    clock, executor = Clock(), HashExecutor()
    store = SqliteStore(database)
    yield World(
        store=store,
        seams=replace(real_seams.real(), clock=clock, executor=executor),
        clock=clock,
        executor=executor,
        keyring=Keyring.new(SystemIds()),
        generation=Generation(),
        settings=Settings(password_hash_rounds=ROUNDS),
    )
    store.close()


@pytest.fixture
async def world(empty_world: World) -> World:
    """Services on a bootstrapped database; the user admin has the password ``s3cret``."""
    new = new_bootstrap(empty_world.seams, hash_password(PASSWORD, ROUNDS))
    await empty_world.store.write(bootstrap, new)
    return empty_world
