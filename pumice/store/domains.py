"""Rows of ``domains``."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.identity import Domain, DomainQuery
from pumice.store.assignments import ACTORS
from pumice.store.json_columns import decode_object, decode_texts, parameters
from pumice.store.listing import matching, page
from pumice.store.locking import locking
from pumice.store.projects import OF_PROJECTS
from pumice.store.txn import Row, Txn

_SELECT: Final = """
SELECT id, name, description, enabled, created_at, tags, options, extra FROM domains
"""


def _domain(row: Row) -> Domain:
    id_, name, description, enabled, created_at, tags, options, extra = row
    return Domain(
        id_,
        name,
        description,
        bool(enabled),
        created_at,
        decode_texts(tags),
        decode_object(options),
        decode_object(extra),
    )


_INSERT: Final = """
INSERT INTO domains (id, name, description, enabled, created_at, tags, options, extra)
VALUES (:id, :name, :description, :enabled, :created_at, :tags, :options, :extra)
"""


def insert(txn: Txn, domain: Domain) -> None:
    """Add a domain; its id and name must be new."""
    txn.change(_INSERT, parameters(domain))


_UPDATE: Final = """
UPDATE domains SET name = :name, description = :description, enabled = :enabled, tags = :tags,
    options = :options, extra = :extra
WHERE id = :id
"""


def update(txn: Txn, domain: Domain) -> None:
    """Let the domain be as it is here; no other may have its name."""
    txn.change(_UPDATE, parameters(domain))


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
    bounds = (query.limit, query.marker)
    rows = page(txn, _SELECT, "domains", filters, bounds, matching(query.matches))
    return [_domain(row) for row in rows]


_OF_USER: Final = f"""
WITH {ACTORS}
{_SELECT} WHERE id IN (
    SELECT g.target_id FROM actors
    JOIN role_assignments g ON g.actor_type = actors.type AND g.actor_id = actors.id
    WHERE g.target_type = 'domain' AND NOT g.inherited)
ORDER BY created_at, id
"""


def of_user(txn: Txn, user_id: str) -> list[Domain]:
    """The domains on which the user or a group of his has a role, oldest first."""
    return [_domain(row) for row in txn.all(_OF_USER, {"user_id": user_id})]


_USERS: Final = "SELECT id FROM users WHERE domain_id = :id"
_GROUPS: Final = "SELECT id FROM groups WHERE domain_id = :id"
_PROJECTS: Final = "SELECT id FROM projects WHERE domain_id = :id"
_ROLES: Final = "SELECT id FROM roles WHERE domain_id = :id"
# So that nobody adds what means nothing without a project while that is removed.
_LOCK_PROJECTS: Final = locking(f"{_PROJECTS} ORDER BY id", "UPDATE")
# What refers to a row goes before the row.
_REMOVE: Final = (
    f"DELETE FROM group_members WHERE user_id IN ({_USERS}) OR group_id IN ({_GROUPS})",
    f"""
    DELETE FROM role_assignments
    WHERE role_id IN ({_ROLES})
       OR (actor_type = 'user' AND actor_id IN ({_USERS}))
       OR (actor_type = 'group' AND actor_id IN ({_GROUPS}))
       OR (target_type = 'project' AND target_id IN ({_PROJECTS}))
       OR (target_type = 'domain' AND target_id = :id)
    """,
    f"""
    DELETE FROM role_implications
    WHERE prior_role_id IN ({_ROLES}) OR implied_role_id IN ({_ROLES})
    """,
    f"UPDATE users SET default_project_id = NULL WHERE default_project_id IN ({_PROJECTS})",
    *(f"DELETE FROM {table} WHERE project_id IN ({_PROJECTS})" for table in OF_PROJECTS),
    "DELETE FROM roles WHERE domain_id = :id",
    "DELETE FROM groups WHERE domain_id = :id",
    "DELETE FROM users WHERE domain_id = :id",
    "DELETE FROM projects WHERE domain_id = :id",
    "DELETE FROM domains WHERE id = :id",
)


def remove(txn: Txn, domain_id: str) -> None:
    """Remove a domain with its projects, users, groups and roles, and all that was granted by them."""
    txn.all(_LOCK_PROJECTS[txn.engine], {"id": domain_id})
    for statement in _REMOVE:
        txn.change(statement, {"id": domain_id})
