"""Rows of ``volume_types``."""

from __future__ import annotations

from typing import Final

import msgspec

from pumice.errors import Conflict, VolumeTypeNotFound
from pumice.model.volume import VolumeType
from pumice.store.locking import locking
from pumice.store.txn import Row, Txn

_COLUMNS: Final = "id, name, description, is_public, extra_specs, created_at, updated_at"
_decode_specs: Final = msgspec.json.Decoder(dict[str, str | None]).decode


def _type(row: Row) -> VolumeType:
    id_, name, description, is_public, specs, created_at, updated_at = row
    return VolumeType(
        id_, name, description, bool(is_public), _decode_specs(specs), created_at, updated_at
    )


_INSERT: Final = """
INSERT INTO volume_types (id, name, description, is_public, extra_specs, created_at)
VALUES (:id, :name, :description, :is_public, :extra_specs, :created_at)
ON CONFLICT (name) DO NOTHING
"""


def insert(txn: Txn, volume_type: VolumeType) -> None:
    """Add a type. Raises :class:`Conflict` if the name is taken."""
    parameters = {name: getattr(volume_type, name) for name in volume_type.__struct_fields__}
    parameters["extra_specs"] = msgspec.json.encode(volume_type.extra_specs).decode()
    if not txn.change(_INSERT, parameters):
        raise Conflict(f"Volume Type {volume_type.name} already exists.")


_FIND: Final = f"SELECT {_COLUMNS} FROM volume_types WHERE id = :reference OR name = :reference"


def find(txn: Txn, reference: str) -> VolumeType:
    """The type whose id is ``reference``, else whose name is. Raises :class:`VolumeTypeNotFound`."""
    types = [_type(row) for row in txn.all(_FIND, {"reference": reference})]
    for volume_type in types:
        if volume_type.id == reference:
            return volume_type
    if not types:
        raise VolumeTypeNotFound(reference)
    return types[0]


_BY_ID: Final = f"SELECT {_COLUMNS} FROM volume_types WHERE id = :id"
_HOLD: Final = locking(_BY_ID, "KEY SHARE")


def hold(txn: Txn, type_id: str) -> VolumeType:
    """The type of this id, which nobody changes until this transaction ends; many may hold it at once.

    Raises :class:`VolumeTypeNotFound`.
    """
    row = txn.one(_HOLD[txn.engine], {"id": type_id})
    if row is None:
        raise VolumeTypeNotFound(type_id)
    return _type(row)


_LOCK: Final = locking(_FIND, "UPDATE")


def lock(txn: Txn, reference: str) -> None:
    """Let nobody hold or change the types that :func:`find` looks at until this transaction ends."""
    txn.all(_LOCK[txn.engine], {"reference": reference})


_LOCK_ALL: Final = locking("SELECT id FROM volume_types ORDER BY id", "UPDATE")


def lock_all(txn: Txn) -> None:
    """The same for every type."""
    txn.all(_LOCK_ALL[txn.engine])


_DEFAULT: Final = f"""
SELECT {_COLUMNS} FROM volume_types WHERE id = COALESCE(
    (SELECT volume_type_id FROM default_types WHERE project_id = :project_id),
    (SELECT id FROM volume_types WHERE name = :name)
)
"""


def find_default(txn: Txn, project_id: str | None, name: str) -> VolumeType:
    """The project's own default type, else the one called ``name``; in one statement.

    Raises :class:`VolumeTypeNotFound` if no type is called so.
    """
    row = txn.one(_DEFAULT, {"project_id": project_id, "name": name})
    if row is None:
        raise VolumeTypeNotFound(name)
    return _type(row)


_ALL: Final = f"SELECT {_COLUMNS} FROM volume_types ORDER BY created_at DESC, id DESC"


def select_all(txn: Txn) -> list[VolumeType]:
    """Every type, newest first."""
    return [_type(row) for row in txn.all(_ALL)]


_UPDATE: Final = """
UPDATE volume_types
SET name = :name, description = :description, is_public = :is_public, updated_at = :updated_at
WHERE id = :id
    AND NOT EXISTS (SELECT 1 FROM volume_types o WHERE o.name = :name AND o.id <> :id)
"""


def update(txn: Txn, volume_type: VolumeType) -> None:
    """Write the name, description and visibility of a type that is there.

    Raises :class:`Conflict` if another type has the name.
    """
    parameters = {
        "id": volume_type.id,
        "name": volume_type.name,
        "description": volume_type.description,
        "is_public": volume_type.is_public,
        "updated_at": volume_type.updated_at,
    }
    if not txn.change(_UPDATE, parameters):
        raise Conflict(f"Volume Type {volume_type.name} already exists.")


_SPECS: Final = """
UPDATE volume_types SET extra_specs = :extra_specs, updated_at = :now WHERE id = :id
"""


def set_extra_specs(txn: Txn, type_id: str, specs: dict[str, str | None], now_us: int) -> None:
    """Replace the type's extra specs."""
    encoded = msgspec.json.encode(specs).decode()
    if not txn.change(_SPECS, {"id": type_id, "extra_specs": encoded, "now": now_us}):
        raise VolumeTypeNotFound(type_id)


_IN_USE: Final = "SELECT 1 FROM volumes WHERE volume_type_id = :id LIMIT 1"


def is_in_use(txn: Txn, type_id: str) -> bool:
    """Whether a volume has this type."""
    return txn.one(_IN_USE, {"id": type_id}) is not None


_DELETE: Final = "DELETE FROM volume_types WHERE id = :id"


def delete(txn: Txn, type_id: str) -> None:
    """Remove the type; no volume may have it."""
    if not txn.change(_DELETE, {"id": type_id}):
        raise VolumeTypeNotFound(type_id)
