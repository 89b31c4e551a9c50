"""Volume types: what a user asks for by name, and what a backend must offer for it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pumice.context import Context
from pumice.errors import InvalidInput, NotFound, VolumeTypeNotFound
from pumice.model.volume import VolumeType
from pumice.store import default_types, quotas, type_access
from pumice.store import volume_types as rows
from pumice.store.txn import Txn


class NewVolumeType(Struct, frozen=True):
    """A type to be made."""

    id: str
    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str | None]


class TypeChanges(Struct, frozen=True):
    """What a type shall be from now on; None leaves a thing as it is."""

    name: str | None
    description: str | None
    is_public: bool | None


class TypeQuery(Struct, frozen=True):
    """Which types an administrator asks for; the others see the public ones and those they may use.

    ``is_public`` True means just these, False the private ones, None all of them.
    """

    is_public: bool | None


EVERY_TYPE: Final = TypeQuery(None)


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
    if not _visible(txn, context, volume_type):
        raise VolumeTypeNotFound(reference)
    return volume_type


def hold_volume_type(txn: Txn, context: Context, type_id: str) -> VolumeType:
    """The type of this id for a unit that makes something of it: nobody changes or removes it meanwhile.

    Raises :class:`VolumeTypeNotFound`, also for one that is hidden.
    """
    volume_type = rows.hold(txn, type_id)
    if not _visible(txn, context, volume_type):
        raise VolumeTypeNotFound(type_id)
    return volume_type


def find_type_or_default(
    txn: Txn, context: Context, reference: str | None, default_name: str
) -> VolumeType:
    """The type of this id or name; without one, what volumes of the caller's project get unasked.

    That is the project's own default, else the type called ``default_name``. Raises
    :class:`VolumeTypeNotFound`, also if the project may not use its default.
    """
    if reference:
        return find_volume_type(txn, context, reference)
    volume_type = rows.find_default(txn, context.project_id, default_name)
    if not _visible(txn, context, volume_type):
        raise VolumeTypeNotFound(volume_type.id)
    return volume_type


def show_volume_type(txn: Txn, context: Context, type_id: str) -> VolumeType:
    """The type of this id; its name does not do here. Raises :class:`VolumeTypeNotFound`."""
    volume_type = find_volume_type(txn, context, type_id)
    if volume_type.id != type_id:
        raise VolumeTypeNotFound(type_id)
    return volume_type


def list_volume_types(txn: Txn, context: Context, query: TypeQuery) -> list[VolumeType]:
    """The types the caller may see, newest first."""
    types = rows.select_all(txn)
    wanted = query.is_public if context.is_admin else True
    if wanted is None:
        return types
    if not wanted:
        return [one for one in types if not one.is_public]
    granted = type_access.types(txn, context.project_id) if context.project_id else set()
    return [one for one in types if one.is_public or one.id in granted]


def update_volume_type(
    txn: Txn, context: Context, type_id: str, changes: TypeChanges
) -> VolumeType:
    """Change a type; its volumes and its quota, which know it by its id, follow a new name.

    The name in ``default_volume_type`` does not follow, as in Cinder. Raises
    :class:`VolumeTypeNotFound`, and :class:`pumice.errors.Conflict` if the name is taken.
    """
    rows.lock(txn, type_id)
    found = show_volume_type(txn, context, type_id)
    changed = VolumeType(
        id=found.id,
        name=found.name if changes.name is None else changes.name,
        description=found.description if changes.description is None else changes.description,
        is_public=found.is_public if changes.is_public is None else changes.is_public,
        extra_specs=found.extra_specs,
        created_at=found.created_at,
        updated_at=context.now_us,
    )
    rows.update(txn, changed)
    return changed


def delete_volume_type(txn: Txn, context: Context, type_id: str, default_name: str) -> None:
    """Remove a type with its access list and its limits.

    Raises :class:`VolumeTypeNotFound`, and :class:`InvalidInput` if the type is the default one, of all or
    of a project, the only one, or some volume's.
    """
    rows.lock_all(txn)  # Of two who remove the last two, one is refused.
    volume_type = find_volume_type(txn, context, type_id)
    if volume_type.name == default_name or default_types.is_default(txn, volume_type.id):
        raise InvalidInput(
            f"The volume type {volume_type.id} is a default volume type and cannot be deleted."
        )
    if len(rows.select_all(txn)) == 1:
        raise InvalidInput(
            f"The volume type {volume_type.id} is the only currently defined volume type and cannot "
            "be deleted."
        )
    if rows.is_in_use(txn, volume_type.id):
        raise InvalidInput("Target volume type is still in use.")
    rows.delete(txn, volume_type.id)
    quotas.forget_type(txn, volume_type.id)


def set_extra_specs(txn: Txn, context: Context, type_id: str, specs: dict[str, str | None]) -> None:
    """Add or replace extra specs. Raises :class:`InvalidInput` while a volume has the type."""
    rows.lock(txn, type_id)
    volume_type = find_volume_type(txn, context, type_id)
    _refuse_in_use(txn, volume_type)
    rows.set_extra_specs(txn, volume_type.id, {**volume_type.extra_specs, **specs}, context.now_us)


def delete_extra_spec(txn: Txn, context: Context, type_id: str, key: str) -> None:
    """Remove one extra spec. Raises :class:`NotFound` if the type has none of that key."""
    rows.lock(txn, type_id)
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


def _visible(txn: Txn, context: Context, volume_type: VolumeType) -> bool:
    if volume_type.is_public or context.is_admin:
        return True
    project_id = context.project_id
    return project_id is not None and type_access.has(txn, volume_type.id, project_id)
