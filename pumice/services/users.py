"""Users: list and show."""

from __future__ import annotations

import msgspec

from pumice.context import Context
from pumice.model.identity import User, UserQuery
from pumice.store import users as rows
from pumice.store.txn import Txn


def list_users(txn: Txn, context: Context, query: UserQuery) -> list[User]:
    """Query: the page of ``query``; of a domain's token, only its domain's.

    Raises :class:`pumice.errors.NotFound` for an unknown marker.
    """
    if context.scope == "domain":
        if query.domain_id not in (None, context.domain_id):
            return []
        query = msgspec.structs.replace(query, domain_id=context.domain_id)
    return rows.select(txn, query)


def find_user(txn: Txn, _context: Context, user_id: str) -> User:
    """Query: one user. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, user_id)
