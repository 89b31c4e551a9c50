"""Rows of ``projects``."""

from __future__ import annotations

from typing import Final

import msgspec

from pumice.errors import NotFound
from pumice.model.identity import Project, ProjectQuery
from pumice.store.assignments import ACTORS
from pumice.store.json_columns import decode_object, decode_texts, parameters
from pumice.store.listing import Condition, matching, page
from pumice.store.locking import locking
from pumice.store.txn import Row, Txn

_SELECT: Final = """
SELECT p.id, p.domain_id, p.parent_id, p.name, p.description, p.enabled, p.created_at, p.tags,
    p.options, p.extra
FROM projects p
"""


def _project(row: Row) -> Project:
    (id_, domain_id, parent_id, name, description, enabled, created_at, tags, options, extra) = row
    return Project(
        id_,
        domain_id,
        parent_id,
        name,
        description,
        bool(enabled),
        created_at,
        decode_texts(tags),
        decode_object(options),
        decode_object(extra),
    )


_INSERT: Final = """
INSERT INTO projects (id, domain_id, parent_id, name, description, enabled, created_at, tags, options,
    extra)
VALUES (:id, :domain_id, :parent_id, :name, :description, :enabled, :created_at, :tags, :options,
    :extra)
"""


def insert(txn: Txn, project: Project) -> None:
    """Add a project; its id, and its name in the domain, must be new."""
    txn.change(_INSERT, parameters(project))


_UPDATE: Final = """
UPDATE projects SET name = :name, description = :description, enabled = :enabled, tags = :tags,
    options = :options, extra = :extra
WHERE id = :id
"""


def update(txn: Txn, project: Project) -> None:
    """Let the project be as it is here; no other in its domain may have its name."""
    txn.change(_UPDATE, parameters(project))


OF_PROJECTS: Final = ("flavor_access", "volume_type_access", "default_types", "quota_limits")
"""The tables whose rows mean nothing without the project of their ``project_id``."""

# The project first: who holds it to add such a row is waited for, and nobody can hold it afterwards.
_REMOVE: Final = (
    "DELETE FROM projects WHERE id = :id",
    *(f"DELETE FROM {table} WHERE project_id = :id" for table in OF_PROJECTS),
)


def remove(txn: Txn, project_id: str) -> None:
    """Remove a project that has no children, with its access to types and flavors, and its limits."""
    for statement in _REMOVE:
        txn.change(statement, {"id": project_id})


_FIND: Final = f"{_SELECT} WHERE id = :id"


def find(txn: Txn, project_id: str) -> Project | None:
    """The project, or None."""
    row = txn.one(_FIND, {"id": project_id})
    return None if row is None else _project(row)


_HOLD: Final = locking("SELECT 1 FROM projects WHERE id = :id", "KEY SHARE")


def hold(txn: Txn, project_id: str) -> bool:
    """Whether there is the project; if so, nobody removes it until this transaction ends."""
    return txn.one(_HOLD[txn.engine], {"id": project_id}) is not None


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


_PARENTS: Final = f"""
WITH RECURSIVE above (id, distance) AS (
    SELECT parent_id, 1 FROM projects WHERE id = :id
    UNION ALL
    SELECT p.parent_id, a.distance + 1 FROM projects p JOIN above a ON p.id = a.id
)
{_SELECT} JOIN above a ON a.id = p.id ORDER BY a.distance
"""


def parents(txn: Txn, project_id: str) -> list[Project]:
    """The projects above this one, the nearest first; its domain is none of them."""
    return [_project(row) for row in txn.all(_PARENTS, {"id": project_id})]


_SUBTREE: Final = f"""
WITH RECURSIVE below (id, distance) AS (
    SELECT id, 1 FROM projects WHERE parent_id = :id
    UNION ALL
    SELECT p.id, b.distance + 1 FROM projects p JOIN below b ON p.parent_id = b.id
)
{_SELECT} JOIN below b ON b.id = p.id ORDER BY b.distance, p.created_at, p.id
"""


def subtree(txn: Txn, project_id: str) -> list[Project]:
    """The projects below a project or domain: its children, then theirs."""
    return [_project(row) for row in txn.all(_SUBTREE, {"id": project_id})]


def select(txn: Txn, query: ProjectQuery, conditions: tuple[Condition, ...] = ()) -> list[Project]:
    """The page of ``query``. Raises :class:`NotFound` for an unknown marker."""
    filters = {
        "name": query.name,
        "domain_id": query.domain_id,
        "parent_id": query.parent_id,
        "enabled": query.enabled,
    }
    bounds = (query.limit, query.marker)
    conditions = (*conditions, *matching(query.matches), *_tagged(query))
    rows = page(txn, _SELECT, "projects", filters, bounds, conditions)
    return [_project(row) for row in rows]


# The list of tags with a comma before each: no tag has a comma in it, so that none is a part of another.
_TAGS: Final = "',' || substr(tags, 2)"


def _tagged(query: ProjectQuery) -> list[Condition]:
    """The conditions for the tags that projects shall have, and for those they shall not have."""
    wanted = (
        ("", " AND ", query.tags),
        ("", " OR ", query.tags_any),
        ("NOT ", " AND ", query.not_tags),
        ("NOT ", " OR ", query.not_tags_any),
    )
    found: list[Condition] = []
    for number, (negation, operator, tags) in enumerate(wanted):
        if tags:
            names = [f"tag_{number}_{index}" for index in range(len(tags))]
            has = [f"replace({_TAGS}, :{name}, '') <> {_TAGS}" for name in names]
            values = {
                name: f",{msgspec.json.encode(tag).decode()}"
                for name, tag in zip(names, tags, strict=True)
            }
            found.append((f"{negation}({operator.join(has)})", values))
    return found


_OF_USER: Final = f"""
p.id IN (
    WITH RECURSIVE {ACTORS}, granted (type, id, inherited) AS (
        SELECT g.target_type, g.target_id, g.inherited FROM actors
        JOIN role_assignments g ON g.actor_type = actors.type AND g.actor_id = actors.id
    ),
    below (id) AS (
        SELECT c.id FROM projects c JOIN granted ON granted.inherited AND c.parent_id = granted.id
        UNION SELECT c.id FROM projects c JOIN below ON c.parent_id = below.id
    )
    SELECT id FROM granted WHERE type = 'project' AND NOT inherited UNION SELECT id FROM below)
"""


_ALL: Final = ProjectQuery()


def of_user(txn: Txn, user_id: str, query: ProjectQuery = _ALL) -> list[Project]:
    """Those of ``query`` on which the user has a role: his own, a group's, or one from above."""
    return select(txn, query, ((_OF_USER, {"user_id": user_id}),))
