"""Rows of ``volume_type_access``: which projects may use a private volume type."""

from __future__ import annotations

from typing import Final

from pumice.errors import Conflict, NotFound
from pumice.store.txn import Txn

_PROJECTS: Final = """
SELECT project_id FROM volume_type_access WHERE volume_type_id = :type_id ORDER BY project_id
"""


def projects(txn: Txn, type_id: str) -> list[str]:
    """The ids of the projects that were given access to the type."""
    return [row[0] for row in txn.all(_PROJECTS, {"type_id": type_id})]


_TYPES: Final = "SELECT volume_type_id FROM volume_type_access WHERE project_id = :project_id"


def types(txn: Txn, project_id: str) -> set[str]:
    """The ids of the types that the project was given access to."""
    return {row[0] for row in txn.all(_TYPES, {"project_id": project_id})}


_HAS: Final = """
SELECT 1 FROM volume_type_access WHERE volume_type_id = :type_id AND project_id = :project_id
"""


def has(txn: Txn, type_id: str, project_id: str) -> bool:
    """Whether the project was given access to the type."""
    return txn.one(_HAS, {"type_id": type_id, "project_id": project_id}) is not None


_INSERT: Final = """
INSERT INTO volume_type_access (volume_type_id, project_id) VALUES (:type_id, :project_id)
ON CONFLICT (volume_type_id, project_id) DO NOTHING
"""


def insert(txn: Txn, type_id: str, project_id: str) -> None:
    """Give access; the type must exist. Raises :class:`Conflict` if the project has it."""
    if not txn.change(_INSERT, {"type_id": type_id, "project_id": project_id}):
        raise Conflict(
            f"Volume type access for {type_id} / {project_id} combination already exists."
        )


_DELETE: Final = """
DELETE FROM volume_type_access WHERE volume_type_id = :type_id AND project_id = :project_id
"""


def delete(txn: Txn, type_id: str, project_id: str) -> None:
    """Take access away. Raises :class:`NotFound` if the project has none."""
    if not txn.change(_DELETE, {"type_id": type_id, "project_id": project_id}):
        raise NotFound(f"Volume type access not found for {type_id} / {project_id} combination.")
