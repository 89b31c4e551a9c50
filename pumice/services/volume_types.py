"""Volume types: what a user asks for by name, and what a backend must offer for it."""

from __future__ import annotations

from msgspec import Struct

from pumice.context import Context
from pumice.errors import InvalidInput, NotFound, VolumeTypeNotFound
from pumice.model.volume import VolumeType
from pumice.store import volume_types as rows
from pumice.store.txn import Txn


class NewVolumeType(Struct, frozen=True):
    """A type to be made."""

    id: str
    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str | None]


class TypeQuery(Struct, frozen=True):
    """Which types: ``is_public`` None means both; it counts for administrators only."""

    is_public: bool | None


def create_volume_type(txn: Txn, context: Context, new: NewVolumeType) -> VolumeType:
    """Make a type. Raises :class:`pumice.errors.Conflict` if the name is taken."""
    volume_type = VolumeType(
        new.id, new.name, new.description, new.is_public, new.extra_specs, context.now_us, None
    )
    rows.insert(txn, volume_type)
    return volume_type


def find_volume_type(txn: Txn, context: Context, reference: str) -> VolumeType:
    """The type of this id or name. Raises :class:`VolumeTypeNotFound`, also for one that is hidden."""
    volume_type = rows.find(txn, reference)
    if not _visible(context, volume_type):
        raise VolumeTypeNotFound(reference)
    return volume_type


def show_volume_type(txn: Txn, context: Context, type_id: str) -> VolumeType:
    """The type of this id; its name does not do here. Raises :class:`VolumeTypeNotFound`."""
    volume_type = find_volume_type(txn, context, type_id)
    if volume_type.id != type_id:
        raise VolumeTypeNotFound(type_id)
    return volume_type


def list_volume_types(txn: Txn, context: Context, query: TypeQuery) -> list[VolumeType]:
    """The types the caller may see, newest first."""
    types = [one for one in rows.select_all(txn) if _visible(context, one)]
    if context.is_admin and query.is_public is not None:
        types = [one for one in types if one.is_public == query.is_public]
    return types


def delete_volume_type(txn: Txn, context: Context, type_id: str, default_name: str) -> None:
    """Remove a type. Raises :class:`InvalidInput` if it is the default one or a volume has it."""
    volume_type = find_volume_type(txn, context, type_id)
    if volume_type.name == default_name:
        raise InvalidInput(
            f"Volume type {volume_type.id} is the default volume type and cannot be deleted."
        )
    if rows.is_in_use(txn, volume_type.id):
        raise InvalidInput(
            f"Volume type {volume_type.id} deletion is not allowed with volumes present."
        )
    rows.delete(txn, volume_type.id)


def set_extra_specs(txn: Txn, context: Context, type_id: str, specs: dict[str, str | None]) -> None:
    """Add or replace extra specs. Raises :class:`InvalidInput` while a volume has the type."""
    volume_type = find_volume_type(txn, context, type_id)
    _refuse_in_use(txn, volume_type)
    rows.set_extra_specs(txn, volume_type.id, {**volume_type.extra_specs, **specs}, context.now_us)


def delete_extra_spec(txn: Txn, context: Context, type_id: str, key: str) -> None:
    """Remove one extra spec. Raises :class:`NotFound` if the type has none of that key."""
    volume_type = find_volume_type(txn, context, type_id)
    specs = dict(volume_type.extra_specs)
    if key not in specs:
        raise NotFound(f"Volume Type {type_id} has no extra specs with key {key}.")
    _refuse_in_use(txn, volume_type)
    del specs[key]
    rows.set_extra_specs(txn, volume_type.id, specs, context.now_us)


def _refuse_in_use(txn: Txn, volume_type: VolumeType) -> None:
    # Cinder 29: a volume keeps the promises its type made when it was placed.
    if rows.is_in_use(txn, volume_type.id):
        raise InvalidInput(
            f"Volume Type {volume_type.name} is currently in use; its extra specs cannot be changed."
        )


def _visible(context: Context, volume_type: VolumeType) -> bool:
    return volume_type.is_public or context.is_admin
