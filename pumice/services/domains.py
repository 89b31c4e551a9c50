"""Domains."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pumice.context import Context
from pumice.errors import Conflict, Forbidden
from pumice.model.identity import Domain, DomainQuery, GroupQuery, ProjectQuery, UserQuery
from pumice.services.updates import Changes, check_mutable, name_taken, updated
from pumice.store import domains as rows
from pumice.store import projects
from pumice.store.txn import Txn

Q = TypeVar("Q", ProjectQuery, UserQuery, GroupQuery)


def in_own_domain(context: Context, query: Q) -> Q | None:
    """``query``, narrowed to the domain of a domain's token; None if it asks for another domain."""
    if context.scope != "domain":
        return query
    if query.domain_id not in (None, context.domain_id):
        return None
    return msgspec.structs.replace(query, domain_id=context.domain_id)


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


def create_domain(txn: Txn, _context: Context, domain: Domain) -> Domain:
    """Unit: make a domain. Raises :class:`Conflict` if its name is taken, or its id by a project."""
    _check_name(txn, domain)
    if rows.find(txn, domain.id) or projects.find(txn, domain.id):
        raise Conflict(
            f"Conflict occurred attempting to store domain - Duplicate entry found with id {domain.id}."
        )
    rows.insert(txn, domain)
    return domain


def update_domain(txn: Txn, _context: Context, domain_id: str, changes: Changes) -> Domain:
    """Unit: change a domain; of a disabled one nobody gets in, and every token is void.

    Raises :class:`pumice.errors.NotFound`, :class:`Forbidden` for an immutable one and
    :class:`Conflict` if the name is taken.
    """
    domain = rows.get(txn, domain_id)
    check_mutable("domain", domain, changes)
    domain = updated(domain, changes)
    _check_name(txn, domain)
    rows.update(txn, domain)
    return domain


def delete_domain(txn: Txn, _context: Context, domain_id: str) -> None:
    """Unit: remove a disabled domain with its projects, users, groups and roles.

    Volumes of its projects stay: administrators see them, and nobody else. Raises
    :class:`pumice.errors.NotFound`, and :class:`Forbidden` for an enabled domain and for an immutable
    one, or if a project in it is immutable.
    """
    domain = rows.get(txn, domain_id)
    check_mutable("domain", domain, None)
    if domain.enabled:
        raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")
    for project in projects.select(txn, ProjectQuery(domain_id=domain_id)):
        check_mutable("project", project, None)
    rows.remove(txn, domain_id)


def _check_name(txn: Txn, domain: Domain) -> None:
    other = rows.find_named(txn, domain.name)
    if other is not None and other.id != domain.id:
        raise name_taken("domain", domain.name)
