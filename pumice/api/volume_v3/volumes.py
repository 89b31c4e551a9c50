"""``/volumes``: create, list, show, delete."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar, Final

from msgspec import UNSET, Raw, Struct, UnsetType, field

from pumice.api.body import Body, CinderBool, CinderInt, Metadata, Name, Text, Uuid, parse_int
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies, versions
from pumice.api.volume_v3.query import PAGE_KEYS, boolean, page, single_values
from pumice.api.volume_v3.views import Link, links, next_link, time_text
from pumice.errors import (
    InvalidInput,
    InvalidState,
    NotFound,
    NotSupported,
    QuotaExceeded,
    VolumeNotFound,
    VolumeTypeNotFound,
)
from pumice.model.volume import Volume, VolumeQuery
from pumice.services.volumes import FILTER_KEYS, SORT_KEYS, NewVolume


class CreateVolume(Body):
    """``POST /volumes``."""

    WRAPPER = "volume"
    SIBLINGS = frozenset({"OS-SCH-HNT:scheduler_hints"})
    SINCE: ClassVar[dict[str, int]] = {
        "group_id": versions.GROUP_VOLUME,
        "backup_id": versions.CREATE_FROM_BACKUP,
    }
    STRICT_FROM = versions.STRICT_BODIES
    EXAMPLE = {"size": 1}  # noqa: RUF012 - a ClassVar of Body

    size: CinderInt | None = None
    name: Name | None = None
    display_name: Name | None = None
    description: Text | None = None
    display_description: Text | None = None
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


class VolumeSummary(Struct, frozen=True):
    """A volume in ``GET /volumes``."""

    id: str
    name: str | None
    links: tuple[Link, ...]


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
    metadata: Raw
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
    migration_status: UnsetType | None = None
    group_id: UnsetType | None = None
    provider_id: UnsetType | None = None
    shared_targets: bool | UnsetType | None = None
    service_uuid: UnsetType | None = None
    cluster_name: UnsetType | None = None
    consumes_quota: bool | UnsetType = True
    migration_state: UnsetType | None = field(default=None, name="os-vol-mig-status-attr:migstat")
    name_id: UnsetType | None = field(default=None, name="os-vol-mig-status-attr:name_id")


def detail(request: Request, volume: Volume, *, shown: bool) -> VolumeDetail:
    """The volume as this caller may see it at this microversion; ``shown``: in show and detail lists."""
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
        links=links(request, "volumes", volume.id),
        user_id=volume.user_id,
        bootable="true" if volume.bootable else "false",
        multiattach=volume.multiattach,
        host=volume.host,
        project_id=volume.project_id,
        volume_type_id=volume.volume_type_id,
    )
    for name in _hidden(request.microversion, is_admin=request.context.is_admin, shown=shown):
        setattr(view, name, UNSET)
    if versions.SHARED_TARGETS <= request.microversion < versions.SHARED_TARGETS_MAY_BE_NULL:
        view.shared_targets = True
    return view


@lru_cache(maxsize=512)
def _hidden(microversion: int, *, is_admin: bool, shown: bool) -> tuple[str, ...]:
    newer = [name for name, since in VolumeDetail.SINCE.items() if microversion < since]
    admin_only = () if is_admin else VolumeDetail.ADMIN_ONLY
    return (*newer, *admin_only, *(() if shown else VolumeDetail.SHOWN_ONLY))


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


async def list_volumes(request: Request) -> dict[str, Any]:
    """A page of volumes: id, name and links."""
    return await _list(
        request, lambda one: VolumeSummary(one.id, one.name, links(request, "volumes", one.id))
    )


async def list_volumes_detail(request: Request) -> dict[str, Any]:
    """A page of volumes with everything."""
    return await _list(request, lambda one: detail(request, one, shown=True))


async def _list(request: Request, view: Any) -> dict[str, Any]:
    query, with_count = _volume_query(request)
    if query is None:
        return {"volumes": [], "count": 0} if with_count else {"volumes": []}
    volumes = [] if query.limit == 0 else await request.services.volumes.list(query)
    answer: dict[str, Any] = {"volumes": [view(volume) for volume in volumes]}
    if volumes and len(volumes) == query.limit:
        answer["volumes_links"] = next_link(request, volumes[-1].id)
    if with_count:
        answer["count"] = await request.services.volumes.count(query)
    return answer


def _volume_query(request: Request) -> tuple[VolumeQuery | None, bool]:
    """The query of a list of volumes, None for one that nothing matches; and whether to count."""
    given = single_values(request)
    paging = page(given, SORT_KEYS)
    all_tenants = boolean(given, "all_tenants")
    with_count = request.microversion >= versions.COUNT and bool(boolean(given, "with_count"))
    known = PAGE_KEYS | {"all_tenants"}
    if request.microversion >= versions.COUNT:
        known |= {"with_count"}
    filters = _filters(request, {key: given[key] for key in given if key not in known})
    if filters is None:
        return None, with_count
    context = request.context
    # A token for no project sees no project's volumes; only an administrator may ask for all.
    project_id = context.project_id or (None if context.is_admin else "")
    if context.is_admin and all_tenants:
        project_id = filters.pop("project_id", None)
    bound = request.services.settings.osapi_max_limit
    limit = bound if paging.limit is None else min(paging.limit, bound)
    return (
        VolumeQuery(project_id, filters, paging.sort, limit, paging.offset, paging.marker),
        with_count,
    )


# What everybody may filter by (Cinder's resource_filters.json), and what Pumice does not know yet.
_USER_FILTERS: Final = frozenset({"name", "status", "bootable", "availability_zone", "size"})
_MISSING_FILTERS: Final = {
    "metadata": 0,
    "migration_status": 0,
    "glance_metadata": versions.GLANCE_METADATA_FILTER,
    "group_id": versions.GROUP_FILTER,
    "created_at": versions.TIME_FILTERS,
    "updated_at": versions.TIME_FILTERS,
    "consumes_quota": versions.CONSUMES_QUOTA,
}


def _filters(request: Request, given: dict[str, str]) -> dict[str, Any] | None:
    """The filters that count, by column; None if nothing can match them.

    An unknown one is dropped below 3.31 and refused from there on; an administrator's matches nothing.
    """
    filters: dict[str, Any] = {}
    is_admin = request.context.is_admin
    for key, value in given.items():
        column = {"display_name": "name", "tenant_id": "project_id"}.get(key, key)
        if column in _MISSING_FILTERS:
            if request.microversion >= _MISSING_FILTERS[column]:
                raise InvalidInput(f"Volumes cannot be filtered by {key} yet.")
        elif column in (FILTER_KEYS if is_admin else _USER_FILTERS):
            filters[column] = _filter_value(request, column, value)
        elif is_admin:
            return None
        elif request.microversion >= versions.RESOURCE_FILTERS:
            raise InvalidInput(f"Invalid filters {key} are found in query options.")
    return filters


def _filter_value(request: Request, column: str, value: str) -> Any:
    if column == "bootable":
        if request.microversion < versions.STRICT_BOOLEANS:
            return value not in ("", "False", "false", "FALSE")
        return boolean({column: value}, column)
    if column == "size":
        try:
            return parse_int(value)
        except ValueError as error:
            raise InvalidInput(f"Invalid value for the filter size: {error}.") from error
    return value.lower() if column == "status" else value


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
    Route("GET", "/volumes", list_volumes, policies.LIST, raises=(VolumeNotFound,)),
    Route("GET", "/volumes/detail", list_volumes_detail, policies.LIST, raises=(VolumeNotFound,)),
    Route(
        "POST",
        "/volumes",
        create_volume,
        policies.CREATE,
        status=202,
        body=CreateVolume,
        keyed=True,
        replay_name=lambda body: body.name or body.display_name,
        raises=(VolumeTypeNotFound, QuotaExceeded, NotSupported, NotFound),
    ),
    Route("GET", "/volumes/{volume_id}", show_volume, policies.SHOW, raises=(VolumeNotFound,)),
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
