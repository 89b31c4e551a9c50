"""What ``pumice db``, ``pumice identity`` and ``pumice config`` do where there is no server to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pumice import seams as seams_module
from pumice.api import routes as api_routes
from pumice.api.routes import EffectivePolicy
from pumice.drivers.contract import Driver, Listed
from pumice.errors import DriverError, UsageError
from pumice.identity.passwords import hash_password
from pumice.identity.sealing import seal
from pumice.model.identity import DEFAULT_DOMAIN_ID, User
from pumice.offline.rows import DATABASE, Rows, SqliteRows
from pumice.process import make_served, policy_overrides
from pumice.services.bootstrap import ADMIN
from pumice.services.check import Finding, check
from pumice.services.generation import Generation
from pumice.services.users import reset_password
from pumice.settings import DatabaseSettings, load, without_password
from pumice.settings.connection import problem
from pumice.state_dir import CONF, StateDir, chosen_config, keep_admin_password, make_key_file
from pumice.store import operations, token_keys
from pumice.store.txn import Txn

VOLATILE: Final = "It is in the memory of the process that serves it."
CLOCKS_DIFFER_US: Final = 60_000_000
"""By how much the clocks of two hosts may differ before ``pumice db check`` takes work for damage."""


def find_rows(state_path: Path, config: Path | None = None) -> Rows:
    """The database of ``state_path``, which may be PostgreSQL's; nothing is opened yet.

    Raises :class:`pumice.errors.SettingsError`, and :class:`UsageError` where psycopg is missing.
    """
    seams, settings = seams_module.real(), _database_settings(state_path, config)
    if settings.connection is None:
        return SqliteRows(state_path, seams)
    from pumice.offline.shared import PostgresRows  # noqa: PLC0415 - psycopg is an extra that SQLite does without

    return PostgresRows(settings.connection, state_path / settings.key_file, seams)


def has_database(state_path: Path) -> bool:
    """Whether rows of ``state_path`` may be found, there or in PostgreSQL.

    Raises :class:`pumice.errors.SettingsError`.
    """
    if (state_path / DATABASE).exists():
        return True
    return _database_settings(state_path, None).connection is not None


def _database_settings(state_path: Path, config: Path | None) -> DatabaseSettings:
    path = chosen_config(state_path, config)
    if path == state_path / CONF and not path.exists():
        return DatabaseSettings()  # Nobody has served it, or it is a database alone.
    return load(path).database


def set_password(
    state_path: Path, config: Path | None, name: str, domain: str, password: str
) -> User:
    """Change a user's password in the database; ``domain`` is the id or the name of his.

    Raises :class:`UsageError` if it cannot be used, or is SQLite's and served, and
    :class:`pumice.errors.NotFound` if there is no such user.
    """
    rows, clock = find_rows(state_path, config), seams_module.real().clock
    rounds = load(chosen_config(state_path, config)).settings.password_hash_rounds
    hashed = hash_password(password, rounds)
    user = rows.run(Generation().ending(reset_password), name, domain, hashed, clock)
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


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``pumice db check`` found.

    Not compared were the ``volatile`` backends, since what they hold is in the memory of who serves them,
    and those ``elsewhere``, which are not among the settings here but may be among another host's.
    """

    findings: list[Finding]
    volatile: list[str]
    elsewhere: list[str]


def check_database(state_path: Path, config: Path | None) -> Checked:
    """Compare the rows with each other and with the backends, beside servers or without one.

    Raises :class:`UsageError` for settings or a database that cannot be read.
    """
    rows, loaded = find_rows(state_path, config), load(chosen_config(state_path, config))
    seams = seams_module.real()
    began_us = seams.clock.now_us() - (CLOCKS_DIFFER_US if rows.is_shared else 0)
    backends = [
        make_served(one, loaded.settings, seams, state_path.absolute()) for one in loaded.backends
    ]
    contents = {one.backend.host: _content(one.backend.driver) for one in backends}
    volatile = [host for host, content in contents.items() if content == VOLATILE]
    with rows.reading() as txn:
        found = check(txn, contents, began_us)
    unknown = [one.subject for one in found if one.kind == "not_compared"]
    elsewhere = [host for host in unknown if rows.is_shared and host not in contents]
    known = [
        one
        for one in found
        if one.kind != "not_compared" or one.subject not in (*volatile, *elsewhere)
    ]
    return Checked(known, volatile, elsewhere)


def _content(driver: Driver) -> Sequence[Listed] | str:
    """What a backend holds, or why that is not known."""
    try:
        return VOLATILE if driver.get_volume_stats().volatile else driver.list_volumes()
    except DriverError as error:
        return error.public


@dataclass(frozen=True, slots=True)
class Copied:
    """What ``pumice db copy`` did: rows by table, and what the settings must say from now on."""

    rows: dict[str, int]
    target: str
    connection: str
    """Without the password."""
    key_file: Path
    conf: Path
    is_configured: bool
    """Whether ``conf`` names the target already."""


def copy_database(
    state_path: Path, config: Path | None, to: str | None, *, progress: Callable[[int, int], None]
) -> Copied:
    """Copy the SQLite database, which nobody may serve, and the token keys to an empty one on PostgreSQL.

    That is ``to``, else what the settings name. The old database stays as it is. Raises
    :class:`UsageError` and :class:`pumice.errors.Unavailable`, and nothing is there then.
    """
    settings = _database_settings(state_path, config)
    url = to or settings.connection
    if url is None:
        raise UsageError("Say where to: --to URL, or `connection` in [database] of the settings.")
    if wrong := problem(url):
        raise UsageError(f"--to {wrong}.")
    if not (state_path / DATABASE).exists():
        raise UsageError(f"There is no database {state_path / DATABASE} to copy.")
    from pumice.offline.shared import PostgresRows  # noqa: PLC0415 - psycopg is an extra that SQLite does without
    from pumice.store.copy import copy  # noqa: PLC0415 - it needs psycopg too, which is an extra

    seams = seams_module.real()
    key_file = state_path / settings.key_file
    with StateDir.open(state_path, secret=seams.ids.secret) as state_dir:
        sealed = seal(state_dir.read_keys(), make_key_file(key_file, seams.ids.secret))
        counts = copy(state_dir.database, url, partial(_settle, sealed=sealed), progress)
    return Copied(
        rows=counts,
        target=PostgresRows(url, key_file, seams).name,
        connection=without_password(url),
        key_file=key_file,
        conf=chosen_config(state_path, config),
        is_configured=url == settings.connection,
    )


def _settle(txn: Txn, sealed: Mapping[int, str]) -> None:
    """Unit: the token keys, which were in files, and an end for the processes that cannot live any more.

    That they do not is known here, by the lock of the state directory; there only their leases would tell.
    """
    token_keys.replace(txn, sealed)
    for process_id in operations.claimants(txn):
        operations.release_claims(txn, process_id)


def effective_policies(state_path: Path, config: Path | None) -> list[EffectivePolicy]:
    """What holds with the policy file of ``state_path``; for people.

    Raises :class:`pumice.errors.SettingsError` as a start would.
    """
    overrides = policy_overrides(load(chosen_config(state_path, config)), state_path)
    return api_routes.effective_policies(overrides)
