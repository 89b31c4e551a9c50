"""Which projects may use a private volume type."""

from __future__ import annotations

from pumice.context import Context
from pumice.errors import InvalidInput, NotFound
from pumice.model.volume import VolumeType
from pumice.services.volume_types import show_volume_type
from pumice.store import type_access as rows
from pumice.store.txn import Txn


def list_type_access(txn: Txn, context: Context, type_id: str) -> list[str]:
    """Query: the ids of the projects that may use the type. Raises :class:`NotFound` for a public one."""
    volume_type = show_volume_type(txn, context, type_id)
    if volume_type.is_public:
        raise NotFound("Access list not available for public volume types.")
    return rows.projects(txn, volume_type.id)


def add_type_access(txn: Txn, context: Context, type_id: str, project_id: str) -> None:
    """Unit: let the project use the type. As in Cinder, nobody asks whether there is such a project.

    Raises :class:`pumice.errors.VolumeTypeNotFound`, :class:`InvalidInput` for a public type, and
    :class:`pumice.errors.Conflict` if the project may use it already.
    """
    rows.insert(txn, _private(txn, context, type_id).id, project_id)


def remove_type_access(txn: Txn, context: Context, type_id: str, project_id: str) -> None:
    """Unit: the project may use the type no longer; what it made of it stays.

    Raises :class:`NotFound` if there is no such type or access, :class:`InvalidInput` for a public type.
    """
    rows.delete(txn, _private(txn, context, type_id).id, project_id)


def _private(txn: Txn, context: Context, type_id: str) -> VolumeType:
    volume_type = show_volume_type(txn, context, type_id)
    if volume_type.is_public:
        raise InvalidInput(
            "Invalid volume type: Type access modification is not applicable to public volume type."
        )
    return volume_type
