"""What the command line does to a database itself, without a server or beside one.

The rows are in the state directory's SQLite or, as the settings say, in PostgreSQL. What changes a SQLite
database needs it alone; on PostgreSQL it is one more client among the servers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pumice import seams as seams_module
from pumice.api import routes as api_routes
from pumice.api.routes import EffectivePolicy
from pumice.drivers.contract import Driver, Listed
from pumice.errors import DriverError, UsageError
from pumice.identity.keyring import Keyring, make_key
from pumice.identity.passwords import hash_password
from pumice.model.identity import DEFAULT_DOMAIN_ID, User
from pumice.process import make_served, policy_overrides
from pumice.services.bootstrap import ADMIN
from pumice.services.check import Finding, check
from pumice.services.users import reset_password
from pumice.settings import load
from pumice.state_dir import StateDir, chosen_config, keep_admin_password
from pumice.store import backup, schema
from pumice.store.backup import Progress
from pumice.store.sqlite import SqliteStore, snapshot
from pumice.store.txn import Txn

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
        make_served(one, loaded.settings, seams, state_path.absolute()) for one in loaded.backends
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


def effective_policies(state_path: Path, config: Path | None) -> list[EffectivePolicy]:
    """What holds with the policy file of ``state_path``; for people.

    Raises :class:`pumice.errors.SettingsError` as a start would.
    """
    overrides = policy_overrides(load(chosen_config(state_path, config)), state_path)
    return api_routes.effective_policies(overrides)
