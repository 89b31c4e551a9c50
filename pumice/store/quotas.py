"""Rows of ``quota_limits`` and ``quota_usages``.

Usage changes in the transaction that changes the rows it counts, by one conditional statement, so that
it can neither drift nor be passed by two requests at once. A resource is ``volumes``, ``gigabytes``, or
one of them for a type: ``volumes:<type id>``; by id, so that renaming a type moves nothing.
"""

from __future__ import annotations

from typing import Final

from pumice.store.txn import Txn

UNLIMITED: Final = -1

_LIMITS: Final = "SELECT resource, hard_limit FROM quota_limits WHERE project_id = :project_id"


def limits(txn: Txn, project_id: str) -> dict[str, int]:
    """The limits set for this project; a resource without one has the configured default."""
    return dict(txn.all(_LIMITS, {"project_id": project_id}))


_SET: Final = """
INSERT INTO quota_limits (project_id, resource, hard_limit) VALUES (:project_id, :resource, :limit)
ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit
"""


def set_limit(txn: Txn, project_id: str, resource: str, limit: int) -> None:
    """Set one limit; ``UNLIMITED`` lifts it."""
    txn.change(_SET, {"project_id": project_id, "resource": resource, "limit": limit})


_ADD: Final = """
INSERT INTO quota_usages (project_id, resource, in_use) VALUES (:project_id, :resource, :amount)
ON CONFLICT (project_id, resource) DO UPDATE SET in_use = quota_usages.in_use + excluded.in_use
WHERE :limit < 0 OR quota_usages.in_use + excluded.in_use <= :limit
"""


def add(txn: Txn, project_id: str, resource: str, amount: int, limit: int) -> bool:
    """Count ``amount`` more unless ``limit`` would be passed; whether it was counted."""
    if limit >= 0 and amount > limit:
        return False
    changed = txn.change(
        _ADD, {"project_id": project_id, "resource": resource, "amount": amount, "limit": limit}
    )
    return changed > 0


_SUBTRACT: Final = """
UPDATE quota_usages SET in_use = in_use - :amount
WHERE project_id = :project_id AND resource = :resource
"""


def subtract(txn: Txn, project_id: str, resource: str, amount: int) -> None:
    """Count ``amount`` less."""
    txn.change(_SUBTRACT, {"project_id": project_id, "resource": resource, "amount": amount})


def subtract_volume(txn: Txn, project_id: str, type_id: str, size_gib: int) -> None:
    """Count one volume of ``size_gib`` less, in all and for its type."""
    for resource, amount in (("volumes", 1), ("gigabytes", size_gib)):
        subtract(txn, project_id, resource, amount)
        subtract(txn, project_id, f"{resource}:{type_id}", amount)


_USAGES: Final = "SELECT resource, in_use FROM quota_usages WHERE project_id = :project_id"


def usages(txn: Txn, project_id: str) -> dict[str, int]:
    """What the project uses now."""
    return dict(txn.all(_USAGES, {"project_id": project_id}))
