"""``POST /volumes/{volume_id}/action``: what is done to one volume, by the name of the body's only key."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta, Raw

from pumice.api.body import Body, CinderBool, ImageMetadata
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies
from pumice.errors import InvalidInput, InvalidState, NotFound, TooLarge, VolumeNotFound
from pumice.model.states import RESETTABLE, RESETTABLE_ATTACH, RESETTABLE_MIGRATION
from pumice.services import volume_actions, volume_metadata
from pumice.services.volume_actions import Statuses


class SetImageMetadata(Body):
    """``os-set_image_metadata``."""

    WRAPPER = "os-set_image_metadata"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"metadata": {"key": "value"}}

    metadata: ImageMetadata


class UnsetImageMetadata(Body):
    """``os-unset_image_metadata``."""

    WRAPPER = "os-unset_image_metadata"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"key": "key"}

    key: Annotated[str, Meta(min_length=1, max_length=255)]


class SetBootable(Body):
    """``os-set_bootable``."""

    WRAPPER = "os-set_bootable"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"bootable": True}

    bootable: CinderBool


class UpdateReadonlyFlag(Body):
    """``os-update_readonly_flag``."""

    WRAPPER = "os-update_readonly_flag"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"readonly": True}

    readonly: CinderBool


class ResetStatus(Body):
    """``os-reset_status``; an empty word is none."""

    WRAPPER = "os-reset_status"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"status": "error"}

    status: str | None = None
    attach_status: str | None = None
    migration_status: str | None = None


async def set_image_metadata(request: Request, body: SetImageMetadata) -> dict[str, Any]:
    """Add or replace items of the image metadata; all items then."""
    text = await request.write(
        volume_metadata.merge_image_metadata,
        request.context,
        request.parameters["volume_id"],
        body.metadata,
    )
    return {"metadata": Raw(text.encode())}


async def show_image_metadata(request: Request) -> dict[str, Any]:
    """The image metadata."""
    text = await request.read(
        volume_metadata.show_image_metadata, request.context, request.parameters["volume_id"]
    )
    return {"metadata": Raw(text.encode())}


async def unset_image_metadata(request: Request, body: UnsetImageMetadata) -> None:
    """Remove one item of the image metadata."""
    await request.write(
        volume_metadata.delete_image_metadata_item,
        request.context,
        request.parameters["volume_id"],
        body.key,
    )


async def set_bootable(request: Request, body: SetBootable) -> None:
    """Say whether a machine may start from the volume."""
    await request.write(
        volume_actions.set_bootable, request.context, request.parameters["volume_id"], body.bootable
    )


async def set_readonly(request: Request, body: UpdateReadonlyFlag) -> None:
    """Let the volume be attached read only, or not."""
    await request.write(
        volume_actions.set_readonly, request.context, request.parameters["volume_id"], body.readonly
    )


async def reset_status(request: Request, body: ResetStatus) -> None:
    """Set one or more of the volume's statuses."""
    wanted = Statuses(
        _word("status", body.status, (*RESETTABLE, "deleting")),
        _word("attach status", body.attach_status, RESETTABLE_ATTACH),
        _word("migration status", body.migration_status, RESETTABLE_MIGRATION),
    )
    if wanted == Statuses(None, None, None):
        raise InvalidInput(
            "Must specify 'status', 'attach_status' or 'migration_status' for update."
        )
    await request.write(
        volume_actions.reset_status, request.context, request.parameters["volume_id"], wanted
    )


def _word(name: str, given: str | None, known: Collection[str]) -> str | None:
    """``given`` in lower case, None for none. Raises :class:`InvalidInput` unless it is known."""
    if not given:
        return None
    if given.lower() not in known:
        raise InvalidInput(
            f"Volume {name}: {given[:60]} is invalid, valid statuses are: {', '.join(known)}."
        )
    return given.lower()


async def force_delete(request: Request) -> None:
    """Accept the removal of a volume, whatever its status is and whatever is under way."""
    operation_id = await request.services.volumes.delete(
        request.context,
        request.parameters["volume_id"],
        force=True,
        once=request.once(lambda _: None),
    )
    await request.services.operations.settle(operation_id)


_ACTION: Final = "/volumes/{volume_id}/action"

ROUTES: Final = (
    Route(
        "POST",
        _ACTION,
        set_image_metadata,
        policies.IMAGE_METADATA_SET,
        body=SetImageMetadata,
        action="os-set_image_metadata",
        raises=(VolumeNotFound, InvalidState, TooLarge),
    ),
    Route(
        "POST",
        _ACTION,
        show_image_metadata,
        policies.METADATA_SHOW,
        action="os-show_image_metadata",
        raises=(VolumeNotFound,),
    ),
    Route(
        "POST",
        _ACTION,
        unset_image_metadata,
        policies.IMAGE_METADATA_REMOVE,
        body=UnsetImageMetadata,
        action="os-unset_image_metadata",
        raises=(NotFound, InvalidState),
    ),
    Route(
        "POST",
        _ACTION,
        set_bootable,
        policies.UPDATE,
        body=SetBootable,
        action="os-set_bootable",
        raises=(VolumeNotFound, InvalidState),
    ),
    Route(
        "POST",
        _ACTION,
        set_readonly,
        policies.SET_READONLY,
        status=202,
        body=UpdateReadonlyFlag,
        action="os-update_readonly_flag",
        raises=(VolumeNotFound, InvalidState),
    ),
    Route(
        "POST",
        _ACTION,
        reset_status,
        policies.RESET_STATUS,
        status=202,
        body=ResetStatus,
        action="os-reset_status",
        raises=(VolumeNotFound, InvalidState),
    ),
    Route(
        "POST",
        _ACTION,
        force_delete,
        policies.FORCE_DELETE_ACTION,
        status=202,
        action="os-force_delete",
        keyed=True,
        raises=(VolumeNotFound, InvalidState),
    ),
)
