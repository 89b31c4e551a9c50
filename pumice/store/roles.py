"""Rows of ``roles`` and ``role_implications``."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.errors import NotFound
from pumice.model.identity import Role, RoleQuery
from pumice.store.listing import filtered
from pumice.store.txn import Txn

_SELECT: Final = "SELECT id, name, description, created_at FROM roles"

_INSERT: Final = """
INSERT INTO roles (id, name, description, created_at, options, extra)
VALUES (:id, :name, :description, :created_at, '{}', '{}')
"""


def insert(txn: Txn, role: Role) -> None:
    """Add a role; its id and name must be new."""
    txn.change(_INSERT, asdict(role))


_GET: Final = f"{_SELECT} WHERE id = :id"


def get(txn: Txn, role_id: str) -> Role:
    """The role. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": role_id})
    if row is None:
        raise NotFound(f"Could not find role: {role_id}.")
    return Role(*row)


def select(txn: Txn, query: RoleQuery) -> list[Role]:
    """The roles of ``query``, by name."""
    return [Role(*row) for row in filtered(txn, _SELECT, {"name": query.name}, "name")]


_IMPLY: Final = """
INSERT INTO role_implications (prior_role_id, implied_role_id) VALUES (:prior, :implied)
ON CONFLICT (prior_role_id, implied_role_id) DO NOTHING
"""


def imply(txn: Txn, prior_role_id: str, implied_role_id: str) -> None:
    """Let whoever has the first role have the second; no change if that is so already."""
    txn.change(_IMPLY, {"prior": prior_role_id, "implied": implied_role_id})
