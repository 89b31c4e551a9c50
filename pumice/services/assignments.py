"""Who has which role on what: granting and taking back, and lists of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from pumice.context import Context
from pumice.errors import Forbidden, InvalidInput, NotFound
from pumice.model.identity import (
    ActorKind,
    Assignment,
    AssignmentQuery,
    Holding,
    Role,
)
from pumice.store import assignments as rows
from pumice.store import domains, groups, projects, roles, users
from pumice.store.txn import Txn

NamedKind = ActorKind | Literal["project", "domain", "role"]


class Named(Struct, frozen=True):
    """The name of a thing, with its domain; what is in no domain has none."""

    name: str
    domain_id: str | None
    domain_name: str | None


MOST_LISTED: Final = 50_000
"""This list has no pages, and what is in effect grows as users times projects times roles. With names, so
many are 50 MiB of JSON, for which everybody else waits about a second.
"""

Names = Mapping[tuple[NamedKind, str], Named]
"""By kind and id."""


# --- Grants ------------------------------------------------------------------------------------


def list_grants(txn: Txn, _context: Context, grant: Assignment) -> list[Role]:
    """Query: the roles granted as ``grant``, whose own role does not count, by name.

    Raises :class:`NotFound` for an unknown actor or target.
    """
    _check_both(txn, grant)
    query = AssignmentQuery(
        actor_type=grant.actor_type,
        actor_id=grant.actor_id,
        target_type=grant.target_type,
        target_id=grant.target_id,
        inherited=grant.inherited,
    )
    return rows.granted_roles(txn, query)


def check_grant(txn: Txn, _context: Context, grant: Assignment) -> None:
    """Query: nothing, if the role is granted just so. Raises :class:`NotFound` if not."""
    roles.get(txn, grant.role_id)
    _check_both(txn, grant)
    if not rows.exists(txn, grant):
        raise _not_granted(grant)


def create_grant(txn: Txn, _context: Context, grant: Assignment) -> None:
    """Unit: give an actor a role; no change if he has it just so.

    Raises :class:`NotFound` for an unknown role, actor or target, :class:`Forbidden` for a role of another
    domain than the project's and :class:`InvalidInput` for a domain's role on the system.
    """
    role = roles.get(txn, grant.role_id)
    _check_both(txn, grant)
    if role.domain_id is not None:
        _check_domain(txn, role, grant)
    rows.insert(txn, grant)


def revoke_grant(txn: Txn, _context: Context, grant: Assignment) -> None:
    """Unit: take a role back. Raises :class:`NotFound`, also if it was not granted just so."""
    roles.get(txn, grant.role_id)
    _check_both(txn, grant)
    if not rows.remove(txn, grant):
        raise _not_granted(grant)


def _check_both(txn: Txn, grant: Assignment) -> None:
    """Raise :class:`NotFound` for an unknown actor or target."""
    if grant.target_type == "project":
        projects.get(txn, grant.target_id)
    elif grant.target_type == "domain":
        domains.get(txn, grant.target_id)
    if grant.actor_type == "user":
        users.get(txn, grant.actor_id)
    else:
        groups.get(txn, grant.actor_id)


def _check_domain(txn: Txn, role: Role, grant: Assignment) -> None:
    if grant.target_type == "system":
        raise InvalidInput(
            f"Role {role.id} is a domain-specific role. Unable to use a domain-specific role in a system "
            "assignment."
        )
    if grant.target_type == "project":
        project = projects.get(txn, grant.target_id)
        if project.domain_id != role.domain_id:
            raise Forbidden(
                f"Project {project.id} must be in the same domain as the role {role.id} being assigned."
            )


def _not_granted(grant: Assignment) -> NotFound:
    target_id = "system" if grant.target_type == "system" else grant.target_id
    return NotFound(
        f"Could not find role assignment with role: {grant.role_id}, user or group: {grant.actor_id}, "
        f"project, domain, or system: {target_id}."
    )


# --- Lists -------------------------------------------------------------------------------------


class Holdings(Struct, frozen=True):
    """Who has which roles, with the ``names`` of all that it is about, if they were asked for."""

    holdings: list[Holding]
    names: Names


def list_assignments(
    txn: Txn,
    _context: Context,
    query: AssignmentQuery,
    effective: bool,  # noqa: FBT001 - a query
    with_names: bool,  # noqa: FBT001 - a query
) -> Holdings:
    """Query: the assignments of ``query`` as granted, or what they mean for each user in effect.

    Raises :class:`InvalidInput` for more than ``MOST_LISTED``.
    """
    if effective:
        found = rows.select_effective(txn, query, MOST_LISTED + 1)
    else:
        found = [_as_granted(one) for one in rows.select(txn, query, MOST_LISTED + 1)]
    if len(found) > MOST_LISTED:
        raise InvalidInput(
            f"There are more than {MOST_LISTED} such role assignments; ask for those of one user, group,"
            " role, project or domain."
        )
    return Holdings(found, _names(txn, found) if with_names else {})


def _as_granted(one: Assignment) -> Holding:
    return Holding(
        one.actor_type, one.actor_id, one.target_type, one.target_id, one.role_id, None, one
    )


def _names(txn: Txn, holdings: Iterable[Holding]) -> Names:
    """The names of every actor, target and role; none for the system."""
    wanted: set[tuple[NamedKind, str]] = set()
    for one in holdings:
        wanted |= {(one.actor_type, one.actor_id), ("role", one.role_id)}
        if one.target_type == "project":
            wanted.add(("project", one.target_id))
        elif one.target_type == "domain":
            wanted.add(("domain", one.target_id))
    return {key: _named(txn, *key) for key in wanted}


_GET: Final[Mapping[NamedKind, Callable[[Txn, str], Any]]] = {
    "user": users.get,
    "group": groups.get,
    "project": projects.get,
    "role": roles.get,
}


def _named(txn: Txn, kind: NamedKind, id_: str) -> Named:
    if kind == "domain":
        return Named(domains.get(txn, id_).name, None, None)
    thing = _GET[kind](txn, id_)
    domain_id: str | None = thing.domain_id
    return Named(thing.name, domain_id, domains.get(txn, domain_id).name if domain_id else None)
