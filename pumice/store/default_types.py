"""Rows of ``default_types``: the volume type that a project's volumes get unasked."""

from __future__ import annotations

from typing import Final

from pumice.model.volume import DefaultType
from pumice.store.txn import Txn

_ALL: Final = "SELECT project_id, volume_type_id FROM default_types ORDER BY project_id"


def select_all(txn: Txn) -> list[DefaultType]:
    """The defaults of all projects that have one of their own."""
    return [DefaultType(*row) for row in txn.all(_ALL)]


_FIND: Final = "SELECT project_id, volume_type_id FROM default_types WHERE project_id = :project_id"


def find(txn: Txn, project_id: str) -> DefaultType | None:
    """The project's own default, or None."""
    row = txn.one(_FIND, {"project_id": project_id})
    return None if row is None else DefaultType(*row)


_SET: Final = """
INSERT INTO default_types (project_id, volume_type_id) VALUES (:project_id, :volume_type_id)
ON CONFLICT (project_id) DO UPDATE SET volume_type_id = excluded.volume_type_id
"""


def put(txn: Txn, default: DefaultType) -> None:
    """Set the project's default; the type must exist."""
    txn.change(_SET, {"project_id": default.project_id, "volume_type_id": default.volume_type_id})


_DELETE: Final = "DELETE FROM default_types WHERE project_id = :project_id"


def delete(txn: Txn, project_id: str) -> None:
    """Remove the project's default, if it has one."""
    txn.change(_DELETE, {"project_id": project_id})


_IS_DEFAULT: Final = "SELECT 1 FROM default_types WHERE volume_type_id = :type_id LIMIT 1"


def is_default(txn: Txn, type_id: str) -> bool:
    """Whether the type is some project's default."""
    return txn.one(_IS_DEFAULT, {"type_id": type_id}) is not None
