"""Rows of ``quota_classes``: limits under a name.

Those of the class ``default`` hold for every project that has no limit of its own.
"""

from __future__ import annotations

from typing import Final

from pumice.store.txn import Txn

DEFAULT: Final = "default"

_LIMITS: Final = "SELECT resource, hard_limit FROM quota_classes WHERE name = :name"


def limits(txn: Txn, name: str) -> dict[str, int]:
    """The limits set for the class, by resource."""
    return dict(txn.all(_LIMITS, {"name": name}))


_SET: Final = """
INSERT INTO quota_classes (name, resource, hard_limit) VALUES (:name, :resource, :limit)
ON CONFLICT (name, resource) DO UPDATE SET hard_limit = excluded.hard_limit
"""


def set_limit(txn: Txn, name: str, resource: str, limit: int) -> None:
    """Set one limit of the class."""
    txn.change(_SET, {"name": name, "resource": resource, "limit": limit})


_FORGET: Final = "DELETE FROM quota_classes WHERE resource = :resource"


def forget(txn: Txn, resource: str) -> None:
    """Remove the limits of a resource from all classes."""
    txn.change(_FORGET, {"resource": resource})
