"""Rows of ``users``."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.identity import User, UserQuery
from pumice.store.json_columns import decode_object, parameters
from pumice.store.listing import Condition, matching, page
from pumice.store.txn import Row, Txn

_SELECT: Final = """
SELECT id, domain_id, name, enabled, default_project_id, description, email, created_at, options,
    extra, tokens_after
FROM users
"""


def _user(row: Row) -> User:
    (
        id_,
        domain_id,
        name,
        enabled,
        default_project_id,
        description,
        email,
        created_at,
        options,
        extra,
        tokens_after,
    ) = row
    return User(
        id_,
        domain_id,
        name,
        bool(enabled),
        default_project_id,
        description,
        email,
        created_at,
        decode_object(options),
        decode_object(extra),
        tokens_after,
    )


_INSERT: Final = """
INSERT INTO users (id, domain_id, name, enabled, password_hash, default_project_id, description,
    email, created_at, options, extra, tokens_after)
VALUES (:id, :domain_id, :name, :enabled, :password_hash, :default_project_id, :description,
    :email, :created_at, :options, :extra, :tokens_after)
"""


def insert(txn: Txn, user: User, password_hash: str | None) -> None:
    """Add a user; id, and name in the domain, must be new. Without a hash nobody logs in."""
    txn.change(_INSERT, {**parameters(user), "password_hash": password_hash})


_UPDATE: Final = """
UPDATE users SET name = :name, enabled = :enabled, default_project_id = :default_project_id,
    description = :description, email = :email, options = :options, extra = :extra,
    tokens_after = :tokens_after
WHERE id = :id
"""


def update(txn: Txn, user: User) -> None:
    """Let the user be as he is here; no other in his domain may have his name."""
    txn.change(_UPDATE, parameters(user))


_SET_PASSWORD: Final = "UPDATE users SET password_hash = :hash WHERE id = :id"  # noqa: S105 - SQL


def set_password_hash(txn: Txn, user_id: str, password_hash: str | None) -> None:
    """Change the hash of the user's password; without one nobody logs in."""
    txn.change(_SET_PASSWORD, {"id": user_id, "hash": password_hash})


_REMOVE: Final = "DELETE FROM users WHERE id = :id"


def remove(txn: Txn, user_id: str) -> None:
    """Remove the row of a user who is in no group."""
    txn.change(_REMOVE, {"id": user_id})


_FORGET_PROJECT: Final = """
UPDATE users SET default_project_id = NULL WHERE default_project_id = :project_id
"""


def forget_project(txn: Txn, project_id: str) -> None:
    """Let it be nobody's default project."""
    txn.change(_FORGET_PROJECT, {"project_id": project_id})


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


_EXIST: Final = "SELECT 1 FROM users LIMIT 1"


def exist(txn: Txn) -> bool:
    """Whether there is a user."""
    return txn.one(_EXIST) is not None


def select(txn: Txn, query: UserQuery, conditions: tuple[Condition, ...] = ()) -> list[User]:
    """The page of ``query``. Raises :class:`NotFound` for an unknown marker."""
    filters = {"name": query.name, "domain_id": query.domain_id, "enabled": query.enabled}
    bounds = (query.limit, query.marker)
    conditions = (*conditions, *matching(query.matches))
    rows = page(txn, _SELECT, "users", filters, bounds, conditions)
    return [_user(row) for row in rows]


_IN_GROUP: Final = "id IN (SELECT user_id FROM group_members WHERE group_id = :group_id)"


def in_group(txn: Txn, group_id: str, query: UserQuery) -> list[User]:
    """Those of ``query`` who are in the group."""
    return select(txn, query, ((_IN_GROUP, {"group_id": group_id}),))
