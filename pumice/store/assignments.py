"""Rows of ``role_assignments``: who has which role on which project, domain or the system."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.model.identity import (
    ActorKind,
    Assignment,
    AssignmentQuery,
    Holding,
    Role,
    ScopeKind,
)
from pumice.store.listing import Condition, filtered
from pumice.store.roles import role_of
from pumice.store.txn import Row, Txn

_INSERT: Final = """
INSERT INTO role_assignments (actor_type, actor_id, target_type, target_id, role_id, inherited)
VALUES (:actor_type, :actor_id, :target_type, :target_id, :role_id, :inherited)
ON CONFLICT (actor_type, actor_id, target_type, target_id, role_id, inherited) DO NOTHING
"""


def insert(txn: Txn, assignment: Assignment) -> None:
    """Grant a role; no change if it was granted already."""
    txn.change(_INSERT, asdict(assignment))


_SAME: Final = """
WHERE actor_type = :actor_type AND actor_id = :actor_id AND target_type = :target_type
    AND target_id = :target_id AND role_id = :role_id AND inherited = :inherited
"""
_REMOVE: Final = f"DELETE FROM role_assignments {_SAME}"


def remove(txn: Txn, assignment: Assignment) -> bool:
    """Take a granted role back; False if it was not granted."""
    return txn.change(_REMOVE, asdict(assignment)) > 0


_EXISTS: Final = f"SELECT 1 FROM role_assignments {_SAME}"


def exists(txn: Txn, assignment: Assignment) -> bool:
    """Whether the role is granted, just so."""
    return txn.one(_EXISTS, asdict(assignment)) is not None


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

# UNION drops what was found before, so that roles which imply each other end the recursion. With one part
# for each kind of grant the primary key leads to them: who has a role on each of 10,000 projects has many.
# CROSS JOIN keeps SQLite from going through all of them for what is above.
_EFFECTIVE: Final = f"""
WITH RECURSIVE {ACTORS}, {_ABOVE}, effective (role_id) AS (
    SELECT g.role_id FROM actors
    JOIN role_assignments g ON g.actor_type = actors.type AND g.actor_id = actors.id
    WHERE g.target_type = :target_type AND g.target_id = :target_id AND NOT g.inherited
    UNION
    SELECT g.role_id FROM actors CROSS JOIN above CROSS JOIN role_assignments g
    WHERE g.actor_type = actors.type AND g.actor_id = actors.id AND g.inherited
        AND g.target_type IN ('project', 'domain') AND g.target_id = above.id
    UNION
    SELECT i.implied_role_id FROM role_implications i
    JOIN effective e ON e.role_id = i.prior_role_id
)
SELECT r.id, r.name, r.description, r.created_at, r.domain_id, r.options, r.extra
FROM roles r JOIN effective e ON e.role_id = r.id WHERE r.domain_id IS NULL ORDER BY r.name
"""


def effective_roles(txn: Txn, user_id: str, target_type: ScopeKind, target_id: str) -> list[Role]:
    """The user's roles on the target and all that they imply, by name; empty if there are none.

    His own, those of his groups, and those inherited from above; none that are a domain's.
    """
    target = {"user_id": user_id, "target_type": target_type, "target_id": target_id}
    return [role_of(row) for row in txn.all(_EFFECTIVE, target)]


_REMOVE_OF_ACTOR: Final = (
    "DELETE FROM role_assignments WHERE actor_type = :actor_type AND actor_id = :actor_id"
)


def remove_of_actor(txn: Txn, actor_type: ActorKind, actor_id: str) -> None:
    """Take every role from a user or group."""
    txn.change(_REMOVE_OF_ACTOR, {"actor_type": actor_type, "actor_id": actor_id})


_REMOVE_OF_TARGET: Final = (
    "DELETE FROM role_assignments WHERE target_type = :target_type AND target_id = :target_id"
)


def remove_of_target(txn: Txn, target_type: ScopeKind, target_id: str) -> None:
    """Take every role on a project or domain from everybody."""
    txn.change(_REMOVE_OF_TARGET, {"target_type": target_type, "target_id": target_id})


_DIRECT: Final = """
SELECT actor_type, actor_id, target_type, target_id, role_id, inherited FROM role_assignments
"""


def select(txn: Txn, query: AssignmentQuery, limit: int | None = None) -> list[Assignment]:
    """The assignments of ``query``, as they were granted; at most ``limit``."""
    filters = {"actor_type": query.actor_type, "actor_id": query.actor_id} | _filters(query)
    order = "target_type, target_id, actor_type, actor_id, role_id, inherited"
    rows = filtered(txn, _DIRECT, filters, order, _conditions(query), limit)
    return [_assignment(row) for row in rows]


# `below` has the projects below the targets of inherited grants; `placed` each grant where it holds;
# `held` the same by user; `implied` each role with all that it implies, and by which role it does. The empty
# text is made of a column there, because in a recursion PostgreSQL wants both to have one collation.
_ALL_EFFECTIVE: Final = """
SELECT user_id, target_type, target_id, role_id, prior_role_id,
    actor_type, actor_id, origin_type, origin_id, origin_role_id, inherited
FROM (
    WITH RECURSIVE below (top_id, id) AS (
        SELECT DISTINCT g.target_id, p.id
        FROM role_assignments g JOIN projects p ON p.parent_id = g.target_id WHERE g.inherited
        UNION SELECT b.top_id, p.id FROM below b JOIN projects p ON p.parent_id = b.id
    ),
    placed AS (
        SELECT g.*, g.target_type AS place_type, g.target_id AS place_id
        FROM role_assignments g WHERE NOT g.inherited
        UNION ALL
        SELECT g.*, 'project', b.id
        FROM role_assignments g JOIN below b ON b.top_id = g.target_id WHERE g.inherited
    ),
    held AS (
        SELECT p.*, p.actor_id AS user_id FROM placed p WHERE p.actor_type = 'user'
        UNION ALL
        SELECT p.*, m.user_id
        FROM placed p JOIN group_members m ON m.group_id = p.actor_id WHERE p.actor_type = 'group'
    ),
    implied (first_id, id, prior_id) AS (
        SELECT id, id, substr(id, 1, 0) FROM roles
        UNION SELECT f.first_id, i.implied_role_id, i.prior_role_id
        FROM implied f JOIN role_implications i ON i.prior_role_id = f.id
    )
    SELECT h.user_id, h.place_type AS target_type, h.place_id AS target_id, i.id AS role_id,
        i.prior_id AS prior_role_id, h.actor_type, h.actor_id, h.target_type AS origin_type,
        h.target_id AS origin_id, h.role_id AS origin_role_id, h.inherited
    FROM held h
    JOIN implied i ON i.first_id = h.role_id
    JOIN roles r ON r.id = i.id
    WHERE r.domain_id IS NULL
) effective
"""


def select_effective(txn: Txn, query: AssignmentQuery, limit: int | None = None) -> list[Holding]:
    """Who has which roles where, and by what: groups, inherited and implied roles are told apart.

    Roles on the system are there only if ``query`` asks for them, as in Keystone; the actor that it asks for
    is a user.
    """
    filters = {"user_id": query.actor_id} | _filters(query)
    conditions = _conditions(query)
    if query.target_type is None:
        conditions.append(("target_type <> 'system'", {}))
    order = (
        "target_type, target_id, user_id, role_id, prior_role_id, actor_type, actor_id, origin_id"
    )
    rows = filtered(txn, _ALL_EFFECTIVE, filters, order, conditions, limit)
    return [_holding(row) for row in rows]


def _holding(row: Row) -> Holding:
    user_id, target_type, target_id, role_id, prior_role_id, *origin = row
    # The empty text stands for no prior role: the role is the origin's own.
    return Holding(
        "user",
        user_id,
        target_type,
        target_id,
        role_id,
        prior_role_id or None,
        _assignment(tuple(origin)),
    )


_SUBTREE: Final = """
target_type = 'project' AND target_id IN (
    WITH RECURSIVE tree (id) AS (
        SELECT id FROM projects WHERE id = :top_id
        UNION SELECT p.id FROM projects p JOIN tree t ON p.parent_id = t.id
    )
    SELECT id FROM tree)
"""
_WITHIN: Final = """
(target_type = 'domain' AND target_id = :within_id) OR (
    target_type = 'project' AND target_id IN (SELECT id FROM projects WHERE domain_id = :within_id))
"""


def _filters(query: AssignmentQuery) -> dict[str, str | bool | None]:
    return {
        "target_type": query.target_type,
        "target_id": None if query.subtree else query.target_id,
        "role_id": query.role_id,
        "inherited": query.inherited,
    }


def _conditions(query: AssignmentQuery) -> list[Condition]:
    found: list[Condition] = []
    if query.subtree:
        found.append((_SUBTREE, {"top_id": query.target_id}))
    if query.within_domain is not None:
        found.append((_WITHIN, {"within_id": query.within_domain}))
    return found


def _assignment(row: Row) -> Assignment:
    actor_type, actor_id, target_type, target_id, role_id, inherited = row
    return Assignment(actor_type, actor_id, target_type, target_id, role_id, bool(inherited))


_GRANTED: Final = """
SELECT r.id, r.name, r.description, r.created_at, r.domain_id, r.options, r.extra
FROM role_assignments g JOIN roles r ON r.id = g.role_id
"""


def granted_roles(txn: Txn, query: AssignmentQuery) -> list[Role]:
    """The roles in the assignments of ``query``, by name; a query of one actor and one target."""
    filters = {"actor_type": query.actor_type, "actor_id": query.actor_id} | _filters(query)
    return [role_of(row) for row in filtered(txn, _GRANTED, filters, "name, id")]
