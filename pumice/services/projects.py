"""Projects: list and show."""

from __future__ import annotations

import msgspec

from pumice.context import Context
from pumice.model.identity import Project, ProjectQuery
from pumice.store import projects as rows
from pumice.store.txn import Txn


def list_projects(txn: Txn, context: Context, query: ProjectQuery) -> list[Project]:
    """Query: the page of ``query``; of a domain's token, only its domain's.

    Raises :class:`pumice.errors.NotFound` for an unknown marker.
    """
    if context.scope == "domain":
        if query.domain_id not in (None, context.domain_id):
            return []
        query = msgspec.structs.replace(query, domain_id=context.domain_id)
    return rows.select(txn, query)


def find_project(txn: Txn, _context: Context, project_id: str) -> Project:
    """Query: one project. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, project_id)


def list_own_projects(txn: Txn, context: Context) -> list[Project]:
    """Query: the projects on which the caller has a role, enabled or not."""
    return rows.of_user(txn, context.user_id)
