"""Rows of ``quota_limits`` and ``quota_usages``.

Usage changes in the transaction that changes the rows it counts, by one conditional statement, so that
it can neither drift nor be passed by two requests at once. A resource is ``volumes``, ``gigabytes``, or
one of them for a type: ``volumes:<type id>``; by id, so that renaming a type moves nothing.
"""

from __future__ import annotations

from typing import Final

from pumice.store import quota_classes
from pumice.store.txn import Txn

UNLIMITED: Final = -1
OF_TYPES: Final = ("volumes", "gigabytes", "snapshots")
"""What is counted for each volume type, too."""


def of_type(resource: str, type_id: str) -> str:
    """The resource that counts ``resource`` for one volume type."""
    return f"{resource}:{type_id}"


_LIMITS: Final = """
SELECT resource, hard_limit, 0 AS own FROM quota_classes WHERE name = :default_class
UNION ALL
SELECT resource, hard_limit, 1 AS own FROM quota_limits WHERE project_id = :project_id
ORDER BY own
"""


def limits(txn: Txn, project_id: str) -> dict[str, int]:
    """The project's limits: its own, else those of the class ``default``; in one statement.

    A resource in neither has the configured default.
    """
    parameters = {"project_id": project_id, "default_class": quota_classes.DEFAULT}
    # A later row replaces an earlier one of the same resource.
    return {resource: limit for resource, limit, _ in txn.all(_LIMITS, parameters)}


_SET: Final = """
INSERT INTO quota_limits (project_id, resource, hard_limit) VALUES (:project_id, :resource, :limit)
ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit
"""


def set_limit(txn: Txn, project_id: str, resource: str, limit: int) -> None:
    """Set one limit; ``UNLIMITED`` lifts it."""
    txn.change(_SET, {"project_id": project_id, "resource": resource, "limit": limit})


_DELETE: Final = "DELETE FROM quota_limits WHERE project_id = :project_id"


def delete_limits(txn: Txn, project_id: str) -> None:
    """Remove the project's own limits; what it uses stays counted."""
    txn.change(_DELETE, {"project_id": project_id})


_HOLD: Final = """
INSERT INTO quota_usages (project_id, resource, in_use) VALUES (:project_id, 'volumes', 0)
ON CONFLICT (project_id, resource) DO UPDATE SET in_use = quota_usages.in_use
"""


def hold(txn: Txn, project_id: str) -> None:
    """Let nobody else count for the project, or set its limits by what it uses, before this transaction ends.

    Whoever counts begins with this row, so nobody waits for another in a circle.
    """
    if txn.engine == "postgresql":  # On SQLite a unit is alone.
        txn.change(_HOLD, {"project_id": project_id})


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
        subtract(txn, project_id, of_type(resource, type_id), amount)


_USAGES: Final = "SELECT resource, in_use FROM quota_usages WHERE project_id = :project_id"


def usages(txn: Txn, project_id: str) -> dict[str, int]:
    """What the project uses now."""
    return dict(txn.all(_USAGES, {"project_id": project_id}))


_FORGET_LIMITS: Final = "DELETE FROM quota_limits WHERE resource = :resource"
_FORGET_USAGES: Final = "DELETE FROM quota_usages WHERE resource = :resource"


def forget_type(txn: Txn, type_id: str) -> None:
    """Remove every limit and counter of a volume type that nothing has any more.

    Reads both tables from end to end: types are seldom removed.
    """
    for resource in (of_type(one, type_id) for one in OF_TYPES):
        txn.change(_FORGET_LIMITS, {"resource": resource})
        txn.change(_FORGET_USAGES, {"resource": resource})
        quota_classes.forget(txn, resource)
