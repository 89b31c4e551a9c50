"""Rows of ``domains``."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.errors import NotFound
from pumice.model.identity import Domain, DomainQuery
from pumice.store.listing import page
from pumice.store.txn import Row, Txn

_SELECT: Final = "SELECT id, name, description, enabled, created_at FROM domains"


def _domain(row: Row) -> Domain:
    id_, name, description, enabled, created_at = row
    return Domain(id_, name, description, bool(enabled), created_at)


_INSERT: Final = """
INSERT INTO domains (id, name, description, enabled, created_at)
VALUES (:id, :name, :description, :enabled, :created_at)
"""


def insert(txn: Txn, domain: Domain) -> None:
    """Add a domain; its id and name must be new."""
    txn.change(_INSERT, asdict(domain))


_FIND: Final = f"{_SELECT} WHERE id = :id"


def find(txn: Txn, domain_id: str) -> Domain | None:
    """The domain, or None."""
    row = txn.one(_FIND, {"id": domain_id})
    return None if row is None else _domain(row)


def get(txn: Txn, domain_id: str) -> Domain:
    """The domain. Raises :class:`NotFound`."""
    domain = find(txn, domain_id)
    if domain is None:
        raise NotFound(f"Could not find domain: {domain_id}.")
    return domain


_FIND_NAMED: Final = f"{_SELECT} WHERE name = :name"


def find_named(txn: Txn, name: str) -> Domain | None:
    """The domain of this name, or None."""
    row = txn.one(_FIND_NAMED, {"name": name})
    return None if row is None else _domain(row)


def select(txn: Txn, query: DomainQuery) -> list[Domain]:
    """The page of ``query``. Raises :class:`NotFound` for an unknown marker."""
    filters = {"id": query.id, "name": query.name, "enabled": query.enabled}
    rows = page(txn, _SELECT, "domains", filters, (query.limit, query.marker))
    return [_domain(row) for row in rows]


_OF_USER: Final = f"""
{_SELECT} WHERE id IN (SELECT target_id FROM role_assignments
    WHERE actor_type = 'user' AND actor_id = :user_id AND NOT inherited AND target_type = 'domain')
ORDER BY created_at, id
"""


def of_user(txn: Txn, user_id: str) -> list[Domain]:
    """The domains on which the user has a role, oldest first."""
    return [_domain(row) for row in txn.all(_OF_USER, {"user_id": user_id})]
