"""``/volumes``: create, show, update, delete; their lists are in :mod:`.volume_lists`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, Final

from msgspec import UNSET, Raw, Struct, UnsetType, field, json

from pumice.api.body import Body, CinderBool, CinderInt, Metadata, Name, Text, Uuid
from pumice.api.query import boolean, single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import time_text
from pumice.api.volume_v3 import hints, policies, versions
from pumice.api.volume_v3.views import Link, links
from pumice.errors import (
    InvalidInput,
    InvalidState,
    NotFound,
    NotSupported,
    QuotaExceeded,
    TooLarge,
    VolumeNotFound,
    VolumeTypeNotFound,
)
from pumice.model.volume import Volume
from pumice.services import volumes
from pumice.services.volumes import Changes, NewVolume

KEPT: Final = 2048
"""So many volumes' parts of lists are kept, each of about 3 KiB: two full pages."""
KEPT_CHARACTERS: Final = 4096
"""Volumes with more metadata are not: a project could have 100 KiB with each."""


class CreateVolume(Body):
    """``POST /volumes``."""

    WRAPPER = "volume"
    SIBLINGS = frozenset({hints.KEY})
    SINCE: ClassVar[dict[str, int]] = {
        "group_id": versions.GROUP_VOLUME,
        "backup_id": versions.CREATE_FROM_BACKUP,
    }
    STRICT_FROM = versions.STRICT_BODIES
    EXAMPLE: ClassVar[Any] = {"size": 1}

    size: CinderInt | None = None
    name: Name | None = None
    display_name: Name | None = None
    description: Name | None = None
    display_description: Name | None = None
    volume_type: Text | None = None
    metadata: Metadata | None = None
    availability_zone: Name | None = None
    snapshot_id: Uuid | None = None
    source_volid: Uuid | None = None
    consistencygroup_id: Uuid | None = None
    image_id: Text | None = None
    image_ref: Text | None = field(default=None, name="imageRef")
    multiattach: CinderBool | None = None
    group_id: Text | UnsetType | None = UNSET
    backup_id: Uuid | UnsetType | None = UNSET
    hints: dict[str, Any] | None = field(default=None, name=hints.KEY)


class UpdateVolume(Body):
    """``PUT /volumes/{volume_id}``."""

    WRAPPER = "volume"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"name": "example"}

    name: Name | UnsetType | None = UNSET
    display_name: Name | UnsetType | None = UNSET
    description: Name | UnsetType | None = UNSET
    display_description: Name | UnsetType | None = UNSET
    metadata: Metadata | UnsetType = UNSET


class VolumeDetail(Struct):
    """A volume in every other answer.

    Fields are left out below their microversion (``SINCE``), for callers who are no administrators
    (``ADMIN_ONLY``), and in answers other than show and detail (``SHOWN_ONLY``).
    """

    SINCE: ClassVar[dict[str, int]] = {
        "group_id": versions.GROUP_VOLUME,
        "provider_id": versions.VOLUME_PROVIDER_ID,
        "shared_targets": versions.SHARED_TARGETS,
        "service_uuid": versions.SHARED_TARGETS,
        "cluster_name": versions.CLUSTER_NAME,
        "volume_type_id": versions.VOLUME_TYPE_ID,
        "consumes_quota": versions.CONSUMES_QUOTA,
    }
    ADMIN_ONLY: ClassVar = (
        "migration_status",
        "provider_id",
        "cluster_name",
        "host",
        "migration_state",
        "name_id",
    )
    SHOWN_ONLY: ClassVar = ("host", "project_id", "migration_state", "name_id")

    id: str
    status: str
    size: int
    availability_zone: str
    created_at: str | None
    updated_at: str | None
    name: str | None
    description: str | None
    volume_type: str
    metadata: Raw | dict[str, str]
    links: tuple[Link, ...]
    user_id: str
    bootable: str
    multiattach: bool
    host: str | UnsetType | None = field(name="os-vol-host-attr:host")
    project_id: str | UnsetType = field(name="os-vol-tenant-attr:tenant_id")
    volume_type_id: str | UnsetType = UNSET
    snapshot_id: None = None
    source_volid: None = None
    consistencygroup_id: None = None
    encrypted: bool = False
    replication_status: str = "disabled"
    attachments: tuple[()] = ()
    migration_status: str | UnsetType | None = None
    group_id: UnsetType | None = None
    provider_id: UnsetType | None = None
    shared_targets: bool | UnsetType | None = None
    service_uuid: UnsetType | None = None
    cluster_name: UnsetType | None = None
    consumes_quota: bool | UnsetType = True
    migration_state: str | UnsetType | None = field(
        default=None, name="os-vol-mig-status-attr:migstat"
    )
    name_id: UnsetType | None = field(default=None, name="os-vol-mig-status-attr:name_id")
    image_metadata: Raw | UnsetType = field(default=UNSET, name="volume_image_metadata")


class Viewer(Struct, frozen=True):
    """All that the view of a volume depends on beside the volume."""

    base: str
    mount: str
    microversion: int
    is_admin: bool
    shown: bool
    """In show and detail lists."""
    sees_image_metadata: bool


def detail(request: Request, volume: Volume, *, shown: bool) -> VolumeDetail:
    """The volume as this caller may see it at this microversion; ``shown``: in show and detail lists."""
    sees = shown and volume.image_metadata != "{}" and _may_see_image_metadata(request)
    return _detail(volume, _viewer(request, shown=shown, sees_image_metadata=sees))


def listed_detail(request: Request) -> Callable[[Volume], Raw]:
    """What makes of a volume its part of a detail list, as JSON; a volume shown lately costs a look-up."""
    viewer = _viewer(request, shown=True, sees_image_metadata=_may_see_image_metadata(request))

    def listed(volume: Volume) -> Raw:
        size = len(volume.metadata) + len(volume.image_metadata) + len(viewer.base)
        return (_kept if size <= KEPT_CHARACTERS else _encoded)(volume, viewer)

    return listed


def _viewer(request: Request, *, shown: bool, sees_image_metadata: bool) -> Viewer:
    return Viewer(
        request.base,
        request.mount,
        request.microversion,
        request.context.is_admin,
        shown,
        sees_image_metadata,
    )


def _encoded(volume: Volume, viewer: Viewer) -> Raw:
    return Raw(json.encode(_detail(volume, viewer)))


# Nothing ever has to be thrown away because it changed: the key is all that the text is made of.
_kept: Final = lru_cache(maxsize=KEPT)(_encoded)


def _detail(volume: Volume, viewer: Viewer) -> VolumeDetail:
    view = VolumeDetail(
        id=volume.id,
        status=volume.status,
        size=volume.size_gib,
        availability_zone=volume.availability_zone,
        created_at=time_text(volume.created_at),
        updated_at=time_text(volume.updated_at),
        name=volume.name,
        description=volume.description,
        volume_type=volume.volume_type_name,
        metadata=Raw(volume.metadata.encode()),
        links=links(viewer, "volumes", volume.id),
        user_id=volume.user_id,
        bootable="true" if volume.bootable else "false",
        multiattach=volume.multiattach,
        host=volume.host,
        project_id=volume.project_id,
        volume_type_id=volume.volume_type_id,
    )
    if volume.migration_status is not None:
        view.migration_status = view.migration_state = volume.migration_status
    if volume.is_readonly is not None:
        view.metadata = json.decode(volume.metadata) | {"readonly": str(volume.is_readonly)}
    if viewer.sees_image_metadata and volume.image_metadata != "{}":
        view.image_metadata = Raw(volume.image_metadata.encode())
    for name in _hidden(viewer.microversion, is_admin=viewer.is_admin, shown=viewer.shown):
        setattr(view, name, UNSET)
    if versions.SHARED_TARGETS <= viewer.microversion < versions.SHARED_TARGETS_MAY_BE_NULL:
        view.shared_targets = True
    return view


@lru_cache(maxsize=512)
def _hidden(microversion: int, *, is_admin: bool, shown: bool) -> tuple[str, ...]:
    newer = [name for name, since in VolumeDetail.SINCE.items() if microversion < since]
    admin_only = () if is_admin else VolumeDetail.ADMIN_ONLY
    return (*newer, *admin_only, *(() if shown else VolumeDetail.SHOWN_ONLY))


def _may_see_image_metadata(request: Request) -> bool:
    return request.services.rules.allows(
        policies.IMAGE_METADATA_SHOW, request.context, request.own_target()
    )


async def create_volume(request: Request, body: CreateVolume) -> dict[str, Any]:
    """Accept a volume; it is answered in status ``creating``."""
    _refuse_sources(body)
    if body.size is None or body.size < 1:
        raise InvalidInput("Invalid input: 'volume.size' must be a whole number of at least 1.")
    new = NewVolume(
        name=body.name if body.name is not None else body.display_name,
        description=body.description if body.description is not None else body.display_description,
        size_gib=body.size,
        volume_type=body.volume_type,
        availability_zone=body.availability_zone,
        metadata=body.metadata or {},
        hints=hints.read_hints(body.hints),
    )

    def view(volume: Volume) -> dict[str, Any]:
        return {"volume": detail(request, volume, shown=False)}

    accepted = await request.services.volumes.create(request.context, new, request.once(view))
    await request.services.operations.settle(accepted.operation_id)
    return view(accepted.volume)


def _refuse_sources(body: CreateVolume) -> None:
    """What a volume could be made from; there are no snapshots, images, backups or groups yet."""
    sources = [body.snapshot_id, body.source_volid, body.image_ref or body.image_id, body.backup_id]
    if sum(bool(source) for source in sources) > 1:
        raise InvalidInput("Only one of 'snapshot_id', 'source_volid', 'imageRef' and 'backup_id' "
                           "may be given.")  # fmt: skip
    if body.multiattach:
        raise InvalidInput("multiattach is a property of the volume type.")
    if body.snapshot_id:
        raise NotFound(f"Snapshot {body.snapshot_id} could not be found.")
    if body.backup_id:
        raise NotFound(f"Backup {body.backup_id} could not be found.")
    if body.group_id or body.consistencygroup_id:
        raise NotFound(f"Group {body.group_id or body.consistencygroup_id} could not be found.")
    if body.image_ref or body.image_id:
        raise InvalidInput("Invalid image identifier or unable to access requested image.")
    if body.source_volid:
        raise NotSupported("Creating a volume from another volume is not implemented.")


async def show_volume(request: Request) -> dict[str, Any]:
    """One volume."""
    volume = await request.services.volumes.show(request.context, request.parameters["volume_id"])
    return {"volume": detail(request, volume, shown=True)}


async def update_volume(request: Request, body: UpdateVolume) -> dict[str, Any]:
    """Change name, description or metadata; the volume as it is then."""
    changes = Changes(
        name=body.display_name if body.name is UNSET else body.name,
        description=body.display_description if body.description is UNSET else body.description,
        metadata=body.metadata,
    )
    if changes == Changes() and request.microversion >= versions.STRICT_BODIES:
        raise InvalidInput("Invalid input: 'volume' must have a name, a description or metadata.")
    volume = await request.write(
        volumes.update_volume, request.context, request.parameters["volume_id"], changes
    )
    return {"volume": detail(request, volume, shown=False)}


async def delete_volume(request: Request) -> None:
    """Accept the removal of a volume."""
    given = single_values(request)
    boolean(given, "cascade")
    force = boolean(given, "force") if request.microversion >= versions.DELETE_FORCE else False
    if force:
        request.services.rules.enforce(policies.FORCE_DELETE, request.context, request.own_target())
    operation_id = await request.services.volumes.delete(
        request.context, request.parameters["volume_id"], force=bool(force)
    )
    await request.services.operations.settle(operation_id)


ROUTES: Final = (
    Route(
        "POST",
        "/volumes",
        create_volume,
        policies.CREATE,
        status=202,
        body=CreateVolume,
        keyed=True,
        replay_name=lambda body: body.name or body.display_name,
        raises=(VolumeTypeNotFound, TooLarge, QuotaExceeded, NotSupported, NotFound),
    ),
    Route(
        "GET",
        "/volumes/{volume_id}",
        show_volume,
        policies.SHOW,
        raises=(VolumeNotFound,),
        further=(policies.IMAGE_METADATA_SHOW,),
    ),
    Route(
        "PUT",
        "/volumes/{volume_id}",
        update_volume,
        policies.UPDATE,
        body=UpdateVolume,
        raises=(VolumeNotFound, InvalidState, TooLarge),
    ),
    Route(
        "DELETE",
        "/volumes/{volume_id}",
        delete_volume,
        policies.DELETE,
        status=202,
        raises=(VolumeNotFound, InvalidState),
        further=(policies.FORCE_DELETE,),
    ),
)
