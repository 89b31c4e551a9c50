"""Rows of ``users``."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.errors import NotFound
from pumice.model.identity import User, UserQuery
from pumice.store.listing import page
from pumice.store.txn import Row, Txn

_SELECT: Final = """
SELECT id, domain_id, name, enabled, default_project_id, description, email, created_at FROM users
"""


def _user(row: Row) -> User:
    id_, domain_id, name, enabled, default_project_id, description, email, created_at = row
    return User(
        id_, domain_id, name, bool(enabled), default_project_id, description, email, created_at
    )


_INSERT: Final = """
INSERT INTO users (id, domain_id, name, enabled, password_hash, default_project_id, description,
    email, created_at)
VALUES (:id, :domain_id, :name, :enabled, :password_hash, :default_project_id, :description,
    :email, :created_at)
"""


def insert(txn: Txn, user: User, password_hash: str | None) -> None:
    """Add a user; id, and name in the domain, must be new. Without a hash nobody logs in."""
    txn.change(_INSERT, {**asdict(user), "password_hash": password_hash})


_FIND: Final = f"{_SELECT} WHERE id = :id"


def find(txn: Txn, user_id: str) -> User | None:
    """The user, or None."""
    row = txn.one(_FIND, {"id": user_id})
    return None if row is None else _user(row)


def get(txn: Txn, user_id: str) -> User:
    """The user. Raises :class:`NotFound`."""
    user = find(txn, user_id)
    if user is None:
        raise NotFound(f"Could not find user: {user_id}.")
    return user


_FIND_NAMED: Final = f"{_SELECT} WHERE domain_id = :domain_id AND name = :name"


def find_named(txn: Txn, domain_id: str, name: str) -> User | None:
    """The domain's user of this name, or None."""
    row = txn.one(_FIND_NAMED, {"domain_id": domain_id, "name": name})
    return None if row is None else _user(row)


_PASSWORD_HASH: Final = "SELECT password_hash FROM users WHERE id = :id"  # noqa: S105 - SQL


def password_hash(txn: Txn, user_id: str) -> str | None:
    """The hash of the user's password; None if the user has none, or does not exist."""
    row = txn.one(_PASSWORD_HASH, {"id": user_id})
    return None if row is None else row[0]


def select(txn: Txn, query: UserQuery) -> list[User]:
    """The page of ``query``. Raises :class:`NotFound` for an unknown marker."""
    filters = {"name": query.name, "domain_id": query.domain_id, "enabled": query.enabled}
    rows = page(txn, _SELECT, "users", filters, (query.limit, query.marker))
    return [_user(row) for row in rows]
