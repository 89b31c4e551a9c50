"""Rows of ``volumes`` and ``volume_metadata``.

A volume's metadata stands twice: whole in ``volumes.metadata``, from where it is shown, and by key in
``volume_metadata``, by which lists are filtered. Only the functions here write either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pumice.errors import InvalidState, VolumeNotFound
from pumice.model.states import VOLUME
from pumice.model.volume import Volume
from pumice.store.locking import locking
from pumice.store.txn import Row, Txn

# In the order of the fields of Volume; from_row makes bool of the 13th, the 14th and the last column.
COLUMNS: Final = """v.id, v.project_id, v.user_id, v.name, v.description, v.size_gib, v.status,
    v.attach_status, v.volume_type_id, t.name, v.availability_zone, v.host, v.bootable, v.multiattach,
    v.metadata, v.provider_location, v.created_at, v.updated_at, v.image_metadata,
    v.migration_status, v.is_readonly"""
# Every volume has a type; LEFT keeps the volumes outermost, where their indexes give the order.
FROM: Final = "FROM volumes v LEFT JOIN volume_types t ON t.id = v.volume_type_id"


def from_row(row: Row) -> Volume:
    """The volume of a row of :data:`COLUMNS`."""
    is_readonly = None if row[20] is None else bool(row[20])
    return Volume(*(*row[:12], bool(row[12]), bool(row[13]), *row[14:20], is_readonly))


_INSERT: Final = """
INSERT INTO volumes (id, project_id, user_id, name, description, size_gib, status, attach_status,
    volume_type_id, availability_zone, host, bootable, multiattach, metadata, provider_location,
    created_at, updated_at, image_metadata, migration_status, is_readonly)
VALUES (:id, :project_id, :user_id, :name, :description, :size_gib, :status, :attach_status,
    :volume_type_id, :availability_zone, :host, :bootable, :multiattach, :metadata, :provider_location,
    :created_at, :updated_at, :image_metadata, :migration_status, :is_readonly)
"""


def insert(txn: Txn, volume: Volume) -> None:
    """Add the row of ``volume``; its id must be new."""
    txn.change(_INSERT, {name: getattr(volume, name) for name in volume.__struct_fields__})
    if volume.metadata != "{}":
        _insert_metadata(txn, volume, _decode(volume.metadata))


_GET: Final = f"SELECT {COLUMNS} {FROM} WHERE v.id = :id"


def get(txn: Txn, volume_id: str) -> Volume:
    """The volume. Raises :class:`VolumeNotFound`."""
    return _found(txn.one(_GET, {"id": volume_id}), volume_id)


_HOLD: Final = locking(_GET, "NO KEY UPDATE", of="v")


def hold(txn: Txn, volume_id: str) -> Volume:
    """The volume, which nobody else changes until this transaction ends. Raises :class:`VolumeNotFound`."""
    return _found(txn.one(_HOLD[txn.engine], {"id": volume_id}), volume_id)


def _found(row: Row | None, volume_id: str) -> Volume:
    if row is None:
        raise VolumeNotFound(volume_id)
    return from_row(row)


def transition(txn: Txn, volume_id: str, event: str, now_us: int) -> None:
    """Move the volume by ``event`` of :data:`VOLUME`; compare-and-swap on its status.

    A transition that enters nothing deletes the row. Raises :class:`VolumeNotFound`, or
    :class:`InvalidState` if another status was found.
    """
    rule = VOLUME[event]
    statement, parameters = _TRANSITIONS[event]
    changed = txn.change(statement, {**parameters, "id": volume_id, "now": now_us})
    if not changed:
        found = get(txn, volume_id).status
        wanted = " or ".join(rule.leaves)
        raise InvalidState(
            f"Invalid volume: Volume {volume_id} status must be {wanted}, but it is {found}."
        )


def _transition_statement(event: str) -> tuple[str, dict[str, Any]]:
    rule = VOLUME[event]
    names = [f"from_{index}" for index in range(len(rule.leaves))]
    where = f"WHERE id = :id AND status IN ({', '.join(f':{name}' for name in names)})"
    parameters: dict[str, Any] = dict(zip(names, rule.leaves, strict=True))
    if rule.enters is None:
        return f"DELETE FROM volumes {where}", parameters
    parameters["enters"] = rule.enters
    return f"UPDATE volumes SET status = :enters, updated_at = :now {where}", parameters


_TRANSITIONS: Final = {event: _transition_statement(event) for event in VOLUME}


# What clients may change without an operation.
_CHANGEABLE: Final = frozenset({"name", "description", "bootable", "is_readonly", "image_metadata"})


def update(txn: Txn, volume_id: str, now_us: int, **values: Any) -> None:
    """Set columns of :data:`_CHANGEABLE`. Raises :class:`VolumeNotFound`."""
    assert values.keys() <= _CHANGEABLE, values
    columns = ", ".join(f"{name} = :{name}" for name in [*values, "updated_at"])
    # Only names of the table above are put into the text; every value is a parameter.
    statement = f"UPDATE volumes SET {columns} WHERE id = :id"
    if not txn.change(statement, {**values, "id": volume_id, "updated_at": now_us}):
        raise VolumeNotFound(volume_id)


_RESET: Final = """
UPDATE volumes SET status = :status, attach_status = :attach_status,
    migration_status = :migration_status, updated_at = :now
WHERE id = :id AND status = :found
"""


def reset(
    txn: Txn,
    volume: Volume,
    now_us: int,
    *,
    status: str,
    attach_status: str,
    migration_status: str | None,
) -> None:
    """Set the statuses by an administrator's word, past :data:`VOLUME`; compare-and-swap on the status.

    ``volume`` is as it was found. Raises :class:`InvalidState` if its status has changed since.
    """
    values = {
        "id": volume.id,
        "found": volume.status,
        "now": now_us,
        "status": status,
        "attach_status": attach_status,
        "migration_status": migration_status,
    }
    if not txn.change(_RESET, values):
        raise InvalidState(f"Invalid volume: Volume {volume.id} is not {volume.status} any more.")


_SET_METADATA: Final = "UPDATE volumes SET metadata = :metadata, updated_at = :now WHERE id = :id"
_DELETE_METADATA: Final = "DELETE FROM volume_metadata WHERE volume_id = :volume_id AND key = :key"
_INSERT_METADATA: Final = """
INSERT INTO volume_metadata (volume_id, key, value, project_id, created_at)
VALUES (:volume_id, :key, :value, :project_id, :created_at)
"""
_decode: Final = msgspec.json.Decoder(dict[str, str]).decode


def set_metadata(txn: Txn, volume: Volume, metadata: Mapping[str, str], now_us: int) -> str:
    """Replace the metadata of ``volume``, given as it is now, in both places; the new text.

    Raises :class:`VolumeNotFound`.
    """
    text = msgspec.json.encode(metadata).decode()
    if not txn.change(_SET_METADATA, {"metadata": text, "now": now_us, "id": volume.id}):
        raise VolumeNotFound(volume.id)
    old = _decode(volume.metadata).items()
    gone = [{"volume_id": volume.id, "key": key} for key, _ in old - metadata.items()]
    txn.change_many(_DELETE_METADATA, gone)
    _insert_metadata(txn, volume, dict(item for item in metadata.items() if item not in old))
    return text


def _insert_metadata(txn: Txn, volume: Volume, metadata: Mapping[str, str]) -> None:
    txn.change_many(
        _INSERT_METADATA,
        [
            {
                "volume_id": volume.id,
                "key": key,
                "value": value,
                "project_id": volume.project_id,
                "created_at": volume.created_at,
            }
            for key, value in metadata.items()
        ],
    )


_PLACE: Final = """
UPDATE volumes SET host = :host, updated_at = :now,
    availability_zone = coalesce(:zone, availability_zone)
WHERE id = :id
"""


def set_host(
    txn: Txn, volume_id: str, host: str | None, now_us: int, zone: str | None = None
) -> None:
    """Record where the volume is to live, and in which ``zone``; None when that was given up."""
    txn.change(_PLACE, {"id": volume_id, "host": host, "now": now_us, "zone": zone})


_CREATED: Final = """
UPDATE volumes SET status = 'available', provider_location = :location, updated_at = :now
WHERE id = :id AND status = 'creating'
"""


def finish_create(txn: Txn, volume_id: str, location: str | None, now_us: int) -> None:
    """``create_done`` and the provider location, in one statement. Raises as :func:`transition`."""
    if not txn.change(_CREATED, {"id": volume_id, "location": location, "now": now_us}):
        transition(txn, volume_id, "create_done", now_us)


_IDS_ON: Final = """
SELECT id FROM volumes WHERE host >= :backend_host || '#' AND host < :backend_host || '$'
"""


def ids_on(txn: Txn, backend_host: str) -> list[str]:
    """The ids of the volumes on any pool of a backend; ``$`` follows ``#`` in the order of characters."""
    return [row[0] for row in txn.all(_IDS_ON, {"backend_host": backend_host})]
