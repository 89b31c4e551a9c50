"""Roles: list and show."""

from __future__ import annotations

from pumice.context import Context
from pumice.model.identity import Role, RoleQuery
from pumice.store import roles as rows
from pumice.store.txn import Txn


def list_roles(txn: Txn, _context: Context, query: RoleQuery) -> list[Role]:
    """Query: the roles of ``query``, by name."""
    return rows.select(txn, query)


def find_role(txn: Txn, _context: Context, role_id: str) -> Role:
    """Query: one role. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, role_id)
