"""The volume types that projects have instead of the configured default."""

from __future__ import annotations

from pumice.context import Context
from pumice.errors import InvalidInput, NotFound, VolumeTypeNotFound
from pumice.model.volume import DefaultType
from pumice.store import default_types as rows
from pumice.store import projects, volume_types
from pumice.store.txn import Txn


def list_default_types(txn: Txn, _context: Context) -> list[DefaultType]:
    """Query: the defaults of all projects that have one of their own."""
    return rows.select_all(txn)


def show_default_type(txn: Txn, _context: Context, project_id: str) -> DefaultType:
    """Query: the project's own default. Raises :class:`NotFound`."""
    if projects.find(txn, project_id) is None:
        raise _no_such_project(project_id)
    default = rows.find(txn, project_id)
    if default is None:
        raise NotFound(f"Default type for project {project_id} not found.")
    return default


def set_default_type(txn: Txn, _context: Context, project_id: str, reference: str) -> DefaultType:
    """Unit: make the type of this id or name the project's default.

    Whether the project may use it is asked when it does, as in Cinder. Raises :class:`NotFound` for an
    unknown project and :class:`InvalidInput` for an unknown type.
    """
    if not projects.hold(txn, project_id):
        raise _no_such_project(project_id)
    try:
        volume_type = volume_types.find(txn, reference)
    except VolumeTypeNotFound as error:
        raise InvalidInput(error.public) from error
    default = DefaultType(project_id, volume_type.id)
    rows.put(txn, default)
    return default


def unset_default_type(txn: Txn, _context: Context, project_id: str) -> None:
    """Unit: the project, which may be gone by now, has no default of its own any more."""
    rows.delete(txn, project_id)


def _no_such_project(project_id: str) -> NotFound:
    return NotFound(f"Project with id {project_id} not found.")
