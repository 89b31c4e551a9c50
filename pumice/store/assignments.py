"""Rows of ``role_assignments``: who has which role on which project, domain or the system."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.model.identity import Assignment, Role, ScopeKind
from pumice.store.txn import Txn

_INSERT: Final = """
INSERT INTO role_assignments (actor_type, actor_id, target_type, target_id, role_id, inherited)
VALUES (:actor_type, :actor_id, :target_type, :target_id, :role_id, :inherited)
ON CONFLICT (actor_type, actor_id, target_type, target_id, role_id, inherited) DO NOTHING
"""


def insert(txn: Txn, assignment: Assignment) -> None:
    """Grant a role; no change if it was granted already."""
    txn.change(_INSERT, asdict(assignment))


# The user and his groups; and what is above a project: its parents, and last its domain, which is the
# parent of a project at the top.
ACTORS: Final = """
actors (type, id) AS (
    SELECT 'user', :user_id UNION ALL SELECT 'group', group_id FROM group_members WHERE user_id = :user_id
)
"""
_ABOVE: Final = """
above (id) AS (
    SELECT parent_id FROM projects WHERE id = :target_id AND :target_type = 'project'
    UNION SELECT p.parent_id FROM projects p JOIN above a ON p.id = a.id
)
"""

# UNION drops what was found before, so that roles which imply each other end the recursion.
_EFFECTIVE: Final = f"""
WITH RECURSIVE {ACTORS}, {_ABOVE}, effective (role_id) AS (
    SELECT g.role_id FROM actors
    JOIN role_assignments g ON g.actor_type = actors.type AND g.actor_id = actors.id
    WHERE (g.target_type = :target_type AND g.target_id = :target_id AND NOT g.inherited)
       OR (g.inherited AND g.target_id IN (SELECT id FROM above))
    UNION
    SELECT i.implied_role_id FROM role_implications i
    JOIN effective e ON e.role_id = i.prior_role_id
)
SELECT r.id, r.name, r.description, r.created_at
FROM roles r JOIN effective e ON e.role_id = r.id ORDER BY r.name
"""


def effective_roles(txn: Txn, user_id: str, target_type: ScopeKind, target_id: str) -> list[Role]:
    """The user's roles on the target and all that they imply, by name; empty if there are none.

    His own, those of his groups, and those inherited from above.
    """
    target = {"user_id": user_id, "target_type": target_type, "target_id": target_id}
    return [Role(*row) for row in txn.all(_EFFECTIVE, target)]
