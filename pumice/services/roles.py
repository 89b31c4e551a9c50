"""Roles, and which of them imply others."""

from __future__ import annotations

from typing import Final

from pumice.context import Context
from pumice.errors import Conflict, Forbidden, InvalidInput, NotFound
from pumice.model.identity import Implication, Role, RoleQuery
from pumice.services.updates import Changes, check_mutable, name_taken, updated
from pumice.store import domains
from pumice.store import roles as rows
from pumice.store.txn import Txn

NEVER_IMPLIED: Final = frozenset({"admin"})
"""Keystone's ``prohibited_implied_role``, in lower case: who has these was given them by name."""


def list_roles(txn: Txn, _context: Context, query: RoleQuery) -> list[Role]:
    """Query: the roles of ``query``, by name."""
    return rows.select(txn, query)


def find_role(txn: Txn, _context: Context, role_id: str) -> Role:
    """Query: one role. Raises :class:`NotFound`."""
    return rows.get(txn, role_id)


def create_role(txn: Txn, _context: Context, role: Role) -> Role:
    """Unit: make a role.

    Raises :class:`NotFound` for an unknown domain, :class:`Conflict` if the name is taken.
    """
    if role.domain_id is not None:
        domains.get(txn, role.domain_id)
    _check_name(txn, role)
    rows.insert(txn, role)
    return role


def update_role(txn: Txn, _context: Context, role_id: str, changes: Changes) -> Role:
    """Unit: change a role.

    Raises :class:`NotFound`, :class:`Forbidden` if it is immutable, :class:`InvalidInput` if it would move to
    another domain and :class:`Conflict` if the name is taken.
    """
    role = rows.get(txn, role_id)
    check_mutable("role", role, changes)
    if changes.get("domain_id", role.domain_id) != role.domain_id:
        raise InvalidInput("Update of `domain_id` is not allowed.")
    role = updated(role, changes)
    _check_name(txn, role)
    rows.update(txn, role)
    return role


def _check_name(txn: Txn, role: Role) -> None:
    beside = rows.select(txn, RoleQuery(name=role.name, domain_id=role.domain_id))
    if any(other.id != role.id for other in beside):
        raise name_taken("role", role.name, role.domain_id)


def delete_role(txn: Txn, _context: Context, role_id: str) -> None:
    """Unit: remove a role; nobody has it any more.

    Raises :class:`NotFound`, and :class:`Forbidden` if it is immutable.
    """
    check_mutable("role", rows.get(txn, role_id), None)
    rows.remove(txn, role_id)


def list_implications(txn: Txn, _context: Context) -> list[Implication]:
    """Query: what roles imply at once, by the names of both."""
    return rows.implications(txn)


def find_implications(txn: Txn, _context: Context, prior_id: str) -> tuple[Role, list[Role]]:
    """Query: a role, and those that it implies at once. Raises :class:`NotFound`."""
    prior = rows.get(txn, prior_id)
    return prior, [one.implied for one in rows.implications(txn, prior_id)]


def find_implication(
    txn: Txn, _context: Context, prior_id: str, implied_id: str
) -> tuple[Role, Role]:
    """Query: both roles, if the first implies the second at once. Raises :class:`NotFound`."""
    prior, implied = rows.get(txn, prior_id), rows.get(txn, implied_id)
    if all(one.implied.id != implied_id for one in rows.implications(txn, prior_id)):
        raise _does_not_imply(prior_id, implied_id)
    return prior, implied


def create_implication(
    txn: Txn, _context: Context, prior_id: str, implied_id: str
) -> tuple[Role, Role]:
    """Unit: let the first role imply the second.

    Raises :class:`NotFound`, :class:`Conflict` if that is so already, and :class:`Forbidden` for a role that
    none may imply, and for a domain's role that one of no domain would.
    """
    implied, prior = rows.get(txn, implied_id), rows.get(txn, prior_id)
    if implied.name.lower() in NEVER_IMPLIED:  # Policies do not heed the case either.
        raise Forbidden(f"{implied_id} cannot be an implied roles.")
    if prior.domain_id is None and implied.domain_id is not None:
        raise Forbidden("Global role cannot imply a domain-specific role")
    if not rows.imply(txn, prior_id, implied_id):
        raise Conflict(
            "Conflict occurred attempting to store implied_role - "
            f"Role {prior_id} implies {implied_id} already."
        )
    return prior, implied


def delete_implication(txn: Txn, _context: Context, prior_id: str, implied_id: str) -> None:
    """Unit: let the first role not imply the second. Raises :class:`NotFound`, also if it does not."""
    for role_id in (prior_id, implied_id):
        rows.get(txn, role_id)
    if not rows.imply_no_more(txn, prior_id, implied_id):
        raise _does_not_imply(prior_id, implied_id)


def _does_not_imply(prior_id: str, implied_id: str) -> NotFound:
    return NotFound(f"{prior_id} does not imply {implied_id}.")
