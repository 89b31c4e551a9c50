"""What changes one volume at once, without an operation: bootable, read only, and its statuses by word."""

from __future__ import annotations

from msgspec import Struct

from pumice.context import Context
from pumice.errors import InvalidInput, InvalidState
from pumice.services.volumes import hold_volume, refuse_maintenance, under_way
from pumice.store import operations as operation_rows
from pumice.store import volumes as rows
from pumice.store.txn import Txn


class Statuses(Struct, frozen=True):
    """What an administrator sets a volume's statuses to; None leaves one as it is.

    The values are of :data:`pumice.model.states.RESETTABLE` and its like.
    """

    status: str | None
    attach_status: str | None
    migration_status: str | None


def set_bootable(
    txn: Txn,
    context: Context,
    volume_id: str,
    bootable: bool,  # noqa: FBT001 - a unit's input is positional
) -> None:
    """Unit: say whether a machine may start from the volume.

    Raises :class:`pumice.errors.VolumeNotFound` or :class:`InvalidState`.
    """
    volume = hold_volume(txn, context, volume_id)
    refuse_maintenance(volume)
    rows.update(txn, volume.id, context.now_us, bootable=bootable)


def set_readonly(
    txn: Txn,
    context: Context,
    volume_id: str,
    readonly: bool,  # noqa: FBT001 - a unit's input is positional
) -> None:
    """Unit: let the volume be attached to be read only, or also to be written.

    Raises :class:`pumice.errors.VolumeNotFound` or :class:`InvalidState`.
    """
    volume = hold_volume(txn, context, volume_id)
    if volume.status != "available":
        raise InvalidState(
            f"Invalid volume: Volume {volume.id} status must be available to update readonly flag, "
            f"but current status is: {volume.status}."
        )
    rows.update(txn, volume.id, context.now_us, is_readonly=readonly)


def reset_status(txn: Txn, context: Context, volume_id: str, wanted: Statuses) -> None:
    """Unit: set the statuses by an administrator's word.

    Never while an operation is under way: it owns the status until it ends, and a volume that looked
    idle meanwhile would be given to a second one. It ends by itself, or an administrator abandons it.
    Raises :class:`pumice.errors.VolumeNotFound`, :class:`InvalidInput` or :class:`InvalidState`.
    """
    volume = hold_volume(txn, context, volume_id)
    if wanted.status == "deleting":
        raise InvalidInput("Cannot reset-state to deleting")
    if wanted.status == "in-use":
        raise InvalidInput(
            "Cannot reset-state to in-use because volume does not have any attachments."
        )
    if wanted.status == "available" and volume.host is None:
        raise InvalidInput("Cannot reset-state to available because no backend has the volume.")
    busy = operation_rows.unfinished_of(txn, volume.id)
    if busy is not None:
        raise InvalidState(under_way(volume, busy))
    migration_status = wanted.migration_status or volume.migration_status
    rows.reset(
        txn,
        volume,
        context.now_us,
        status=wanted.status or volume.status,
        attach_status=wanted.attach_status or volume.attach_status,
        migration_status=None if migration_status == "none" else migration_status,
    )
