"""Rows of ``projects``."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.errors import NotFound
from pumice.model.identity import Project, ProjectQuery
from pumice.store.listing import page
from pumice.store.txn import Row, Txn

_SELECT: Final = """
SELECT id, domain_id, parent_id, name, description, enabled, created_at FROM projects
"""


def _project(row: Row) -> Project:
    id_, domain_id, parent_id, name, description, enabled, created_at = row
    return Project(id_, domain_id, parent_id, name, description, bool(enabled), created_at)


_INSERT: Final = """
INSERT INTO projects (id, domain_id, parent_id, name, description, enabled, created_at)
VALUES (:id, :domain_id, :parent_id, :name, :description, :enabled, :created_at)
"""


def insert(txn: Txn, project: Project) -> None:
    """Add a project; its id, and its name in the domain, must be new."""
    txn.change(_INSERT, asdict(project))


_FIND: Final = f"{_SELECT} WHERE id = :id"


def find(txn: Txn, project_id: str) -> Project | None:
    """The project, or None."""
    row = txn.one(_FIND, {"id": project_id})
    return None if row is None else _project(row)


def get(txn: Txn, project_id: str) -> Project:
    """The project. Raises :class:`NotFound`."""
    project = find(txn, project_id)
    if project is None:
        raise NotFound(f"Could not find project: {project_id}.")
    return project


_FIND_NAMED: Final = f"{_SELECT} WHERE domain_id = :domain_id AND name = :name"


def find_named(txn: Txn, domain_id: str, name: str) -> Project | None:
    """The domain's project of this name, or None."""
    row = txn.one(_FIND_NAMED, {"domain_id": domain_id, "name": name})
    return None if row is None else _project(row)


def select(txn: Txn, query: ProjectQuery) -> list[Project]:
    """The page of ``query``. Raises :class:`NotFound` for an unknown marker."""
    filters = {
        "name": query.name,
        "domain_id": query.domain_id,
        "parent_id": query.parent_id,
        "enabled": query.enabled,
    }
    rows = page(txn, _SELECT, "projects", filters, (query.limit, query.marker))
    return [_project(row) for row in rows]


_OF_USER: Final = f"""
{_SELECT} WHERE id IN (SELECT target_id FROM role_assignments
    WHERE actor_type = 'user' AND actor_id = :user_id AND NOT inherited AND target_type = 'project')
ORDER BY created_at, id
"""


def of_user(txn: Txn, user_id: str) -> list[Project]:
    """The projects on which the user has a role, oldest first."""
    return [_project(row) for row in txn.all(_OF_USER, {"user_id": user_id})]
