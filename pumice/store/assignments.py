"""Rows of ``role_assignments``: who has which role on which project, domain or the system."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.model.identity import Assignment, Role, ScopeKind
from pumice.store.txn import Txn

_INSERT: Final = """
INSERT INTO role_assignments (user_id, target_type, target_id, role_id)
VALUES (:user_id, :target_type, :target_id, :role_id)
ON CONFLICT (user_id, target_type, target_id, role_id) DO NOTHING
"""


def insert(txn: Txn, assignment: Assignment) -> None:
    """Grant a role; no change if it was granted already."""
    txn.change(_INSERT, asdict(assignment))


# UNION drops what was found before, so that roles which imply each other end the recursion.
_EFFECTIVE: Final = """
WITH RECURSIVE effective (role_id) AS (
    SELECT role_id FROM role_assignments
    WHERE user_id = :user_id AND target_type = :target_type AND target_id = :target_id
    UNION
    SELECT i.implied_role_id FROM role_implications i
    JOIN effective e ON e.role_id = i.prior_role_id
)
SELECT r.id, r.name, r.description, r.created_at
FROM roles r JOIN effective e ON e.role_id = r.id ORDER BY r.name
"""


def effective_roles(txn: Txn, user_id: str, target_type: ScopeKind, target_id: str) -> list[Role]:
    """The user's roles on the target and all that they imply, by name; empty if there are none."""
    target = {"user_id": user_id, "target_type": target_type, "target_id": target_id}
    return [Role(*row) for row in txn.all(_EFFECTIVE, target)]
