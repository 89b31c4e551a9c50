"""Domains: list and show."""

from __future__ import annotations

import msgspec

from pumice.context import Context
from pumice.model.identity import Domain, DomainQuery
from pumice.store import domains as rows
from pumice.store.txn import Txn


def list_domains(txn: Txn, context: Context, query: DomainQuery) -> list[Domain]:
    """Query: the page of ``query``; of a domain's token, no domain but its own.

    Raises :class:`pumice.errors.NotFound` for an unknown marker.
    """
    if context.scope == "domain":
        query = msgspec.structs.replace(query, id=context.domain_id)
    return rows.select(txn, query)


def find_domain(txn: Txn, _context: Context, domain_id: str) -> Domain:
    """Query: one domain. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, domain_id)


def list_own_domains(txn: Txn, context: Context) -> list[Domain]:
    """Query: the domains on which the caller has a role, enabled or not."""
    return rows.of_user(txn, context.user_id)
